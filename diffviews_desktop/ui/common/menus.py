"""Menus, keys and buttons, made of the actions' declarations."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QActionGroup, QKeySequence, QShortcut
from PySide6.QtWidgets import QAbstractButton, QMenu, QMenuBar, QWidget

from diffviews_desktop.actions.action import Action, Choice, Option, perform
from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.registry import ACTIONS, MENUS, in_menu
from diffviews_desktop.state.state import State
from diffviews_desktop.text.plain import MOST_OF_NAME
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common.entries import MOST_OF_PATH, menu_text
from diffviews_desktop.ui.common.labels import native_key, tip, with_key

SYSTEM_MENU_ROLES = {
    "window.preferences": QAction.MenuRole.PreferencesRole,
    "window.quit": QAction.MenuRole.QuitRole,
    "window.about": QAction.MenuRole.AboutRole,
}
"""Where macOS puts them into the program's own menu."""
_ANYWHERE = tr("Anywhere")


class Actions(QObject):
    """The `QAction` of every declared action, enabled and checked as the state says.

    The key of a disabled action says why it is not possible.

    Args:
        context: what the actions work with.
        window: whose keys they listen to.
    """

    def __init__(self, context: Context, window: QWidget) -> None:
        super().__init__(window)
        self._context, self._window = context, window
        self._made: dict[str, QAction] = {}
        self._reasons: dict[str, QShortcut] = {}
        self._shown: dict[str, tuple[str, str]] = {}
        for action in ACTIONS.values():
            self._make(action)

    def __getitem__(self, action_id: str) -> QAction:
        """The `QAction` with an id; each is one object, wherever it is shown.

        Raises:
            KeyError: there is none.
        """
        return self._made[action_id]

    def _make(self, action: Action) -> None:
        qaction = self._made[action.id] = QAction(action.title, self)
        qaction.setShortcuts([QKeySequence(key) for key in action.keys])
        qaction.setData(action.icon)
        qaction.setCheckable(action.checked is not None)
        qaction.setMenuRole(SYSTEM_MENU_ROLES.get(action.id, QAction.MenuRole.NoRole))
        qaction.triggered.connect(partial(self._perform, action))
        self._window.addAction(qaction)
        if action.keys and action.explains:
            reason = QShortcut(QKeySequence(action.keys[0]), self._window)
            reason.setEnabled(False)
            reason.activated.connect(partial(self._perform, action))
            self._reasons[action.id] = reason

    def _perform(self, action: Action, *_: object) -> None:
        perform(self._context, action)
        # Qt has turned it on or off by itself, whatever came of it
        self._show(action, self._context.state)

    def set_state(self, state: State) -> None:
        """Enable and check what the state says."""
        for action in ACTIONS.values():
            self._show(action, state)

    def _show(self, action: Action, state: State) -> None:
        qaction = self._made[action.id]
        if action.checked is not None:
            qaction.setChecked(action.checked(state))
        reason, detail = action.why_not(state), action.detail(state)
        if self._shown.get(action.id) == (reason, detail):
            return
        self._shown[action.id] = reason, detail
        qaction.setEnabled(not reason)
        qaction.setText(f"{action.title} {detail}" if detail else action.title)
        qaction.setToolTip(tip(reason or _meaning(action)))
        if action.id in self._reasons:
            self._reasons[action.id].setEnabled(bool(reason))

    def with_keys(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """The keys and the name of every action that has some, by the title of its menu."""
        groups: dict[str, list[tuple[str, str]]] = {
            title.replace("&", ""): [] for title in MENUS.values()
        }
        for action in ACTIONS.values():
            if action.keys:
                title = MENUS[action.menu].replace("&", "") if action.menu else _ANYWHERE
                groups.setdefault(title, []).append((_native(action.keys), action.name))
        return [(title, keys) for title, keys in groups.items() if keys]

    def fill_bar(self, bar: QMenuBar, first_of_view: Sequence[QAction]) -> None:
        """Fill the menu bar; ``first_of_view`` are the window's own actions in the View menu."""
        for name, title in MENUS.items():
            menu = bar.addMenu(title)
            menu.setToolTipsVisible(True)
            if name == "view":
                menu.addActions(list(first_of_view))
                menu.addSeparator()
            for number, group in enumerate(in_menu(name)):
                if number:
                    menu.addSeparator()
                for one in group:
                    if isinstance(one, Action):
                        menu.addAction(self[one.id])
                    else:
                        menu.addMenu(ChoiceMenu(one, self._context, menu))

    def press_with(self, button: QAbstractButton, action_id: str) -> None:
        """Let a button do an action: with its meaning and its state, and with its short title
        where the button has neither a text of its own nor an icon."""
        action, qaction = ACTIONS[action_id], self[action_id]
        button.setCheckable(qaction.isCheckable())
        if not button.text() and button.icon().isNull():
            button.setText(action.button or action.name)

        def show() -> None:
            button.setEnabled(qaction.isEnabled())
            button.setToolTip(qaction.toolTip())
            button.setChecked(qaction.isChecked())

        qaction.changed.connect(show)
        button.clicked.connect(qaction.trigger)
        button.clicked.connect(show)  # an exclusive action that was chosen already stays so
        button.setAccessibleName(action.name)
        show()


def _native(keys: Sequence[str]) -> str:
    """Keys as the system writes them."""
    return tr(" or ").join(map(native_key, keys))


def _meaning(action: Action) -> str:
    """What the action does, and by which key."""
    meaning = action.meaning or action.name
    return with_key(meaning, action.keys[0]) if action.keys else meaning


class ChoiceMenu(QMenu):
    """What there is to choose of, listed when the menu opens."""

    def __init__(self, choice: Choice, context: Context, parent: QMenu) -> None:
        super().__init__(choice.title, parent)
        self.setObjectName(choice.id)
        self.setToolTipsVisible(True)
        self._choice, self._context = choice, context
        self._group = QActionGroup(self)
        self.aboutToShow.connect(self.fill)
        parent.aboutToShow.connect(self.fill)  # which may leave it empty, or no longer so
        self.fill()

    def fill(self) -> None:
        """List what there is to choose now."""
        self.clear()
        choice, context = self._choice, self._context
        value = choice.chosen(context) if choice.chosen is not None else None
        options = choice.options(context)
        for option in options:
            action = self.addAction(_title(option))
            action.setToolTip(tip(option.why_not or option.title.replace("&", "")))
            action.setEnabled(not option.why_not)
            action.setData(option.value)
            if choice.chosen is not None:
                action.setCheckable(True)
                action.setChecked(option.value == value)
                self._group.addAction(action)
            action.triggered.connect(partial(self._choose, option))
        self.menuAction().setEnabled(bool(options))

    def _choose(self, option: Option, *_: object) -> None:
        self._choice.choose(self._context, option.value)


def _title(option: Option) -> str:
    if not option.is_text:
        return option.title
    return menu_text(option.title, MOST_OF_PATH if "/" in option.title else MOST_OF_NAME)
