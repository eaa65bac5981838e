"""The window: panels, docks and the actions that their signals call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QChildEvent, QEvent, QTimer, QUrl, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QDesktopServices,
    QDragEnterEvent,
    QDropEvent,
    QPaintEvent,
)
from PySide6.QtWidgets import (
    QFileDialog,
    QLineEdit,
    QMainWindow,
    QMenu,
    QPushButton,
    QTabBar,
    QToolBar,
)

from diffviews_desktop.actions import (
    asking,
    directions,
    folders,
    interventions,
    maps,
    picks,
    places,
    runs,
    selection,
    showing,
)
from diffviews_desktop.actions.context import Contents, Context, Move, Page, WorkerLike
from diffviews_desktop.exports.contents import Picture, Sheet
from diffviews_desktop.state.session import Session
from diffviews_desktop.state.settings import Settings
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr, tr_in
from diffviews_desktop.ui.common import motion, theme
from diffviews_desktop.ui.common.images import PictureLoader
from diffviews_desktop.ui.common.labels import muted_label, plain
from diffviews_desktop.ui.common.menus import Actions, ChoiceMenu
from diffviews_desktop.ui.common.panel import Panels, differ
from diffviews_desktop.ui.common.questions import ask_text
from diffviews_desktop.ui.common.widgets import IconButton, SearchField
from diffviews_desktop.ui.panels.classes import ClassesPanel
from diffviews_desktop.ui.panels.color import ColorPanel
from diffviews_desktop.ui.panels.gallery import GalleryPanel
from diffviews_desktop.ui.panels.generate import GeneratePanel
from diffviews_desktop.ui.panels.layer import LayerPanel
from diffviews_desktop.ui.panels.linked import LinkedPanel
from diffviews_desktop.ui.panels.preview import PreviewPanel
from diffviews_desktop.ui.panels.runs import RunsPanel
from diffviews_desktop.ui.shell.clipboard import Clipboard
from diffviews_desktop.ui.shell.direction_files import DirectionFiles
from diffviews_desktop.ui.shell.drops import Drops
from diffviews_desktop.ui.shell.ending import may_interrupt
from diffviews_desktop.ui.shell.folder_watch import FolderWatch
from diffviews_desktop.ui.shell.layout import Layout
from diffviews_desktop.ui.shell.mask_watch import MaskWatch
from diffviews_desktop.ui.shell.notice_bar import NoticeBar
from diffviews_desktop.ui.shell.offers import take_offer
from diffviews_desktop.ui.shell.pages import Pages
from diffviews_desktop.ui.shell.remembered import restore, to_remember
from diffviews_desktop.ui.shell.runs_dock import RunsDock
from diffviews_desktop.ui.shell.samples import Samples
from diffviews_desktop.ui.shell.saves import Saves
from diffviews_desktop.ui.shell.saving import ask_where
from diffviews_desktop.ui.shell.sessions import Sessions
from diffviews_desktop.ui.shell.status_bar import StatusBar
from diffviews_desktop.ui.shell.text_window import TextWindow
from diffviews_desktop.ui.views.area import MapArea
from diffviews_desktop.ui.views.waiting import WaitingPage
from diffviews_desktop.values.preferences import Appearance

if TYPE_CHECKING:  # brought in after the first paint: importing it takes a second
    from diffviews_desktop.ui.views.flat.view import MapView

RECENT_FOLDERS = 8
MOST_OF_TITLE = 200  # letters


class MainWindow(Clipboard, QMainWindow):
    """Connects panels, actions and the session. It is the `WindowLike` of the actions' context.

    Signals:
        first_painted: the window was painted for the first time, without a map yet.
        map_shown: the first map was painted.
    """

    first_painted = Signal()
    map_shown = Signal()

    def __init__(self, session: Session, worker: WorkerLike, settings: Settings) -> None:
        super().__init__()
        self.setWindowTitle("DiffViews")
        self.setAcceptDrops(True)
        self.session = session
        self._settings = settings
        self.context = Context(session, worker, self)
        session.update(restore(session.state, settings))
        self.pictures = PictureLoader(self)
        self._painted = False
        self._first_map = True
        self.on_close: Callable[[], None] = lambda: None
        self.may_close: Callable[[], bool] = lambda: True
        self.closing = False  # whether the user has answered what closing asks
        self.menu_actions = Actions(self.context, self)
        self.pages = Pages(self.context, self)
        self.show_export, self.show_preview = self.pages.show_export, self.pages.show_preview
        self.saves = Saves(self.context, self)
        self.sessions = Sessions(self.context, self, settings)
        self.mask_watch = MaskWatch(self.context, self)
        self.drops = Drops(self.context, self)
        self.ask_picture = self.drops.ask_picture
        files = DirectionFiles(self.sessions, self, settings)
        self.ask_direction, self.ask_direction_file = files.ask_open, files.ask_save
        self.ask_taken = files.ask_taken
        self.watch = FolderWatch(self.context, self.sessions, self)
        self.panels = Panels()
        self._build()
        self.menu_actions.fill_bar(self.menuBar(), self.layout_of_docks.toggles)
        self._connect()
        session.changed.connect(self._on_changed)
        session.place_wanted.connect(partial(places.go_to, self.context))
        self._on_changed(State(preferences=session.state.preferences), session.state)
        motion.set_reduced(session.state.preferences.reduced_motion)
        self.layout_of_docks.restore(settings)

    # ---- building -------------------------------------------------------------------------------

    def _build(self) -> None:
        self.layer_panel = LayerPanel()
        self.color_panel = ColorPanel()
        self.preview = PreviewPanel(self.pictures)
        self.classes = ClassesPanel()
        self.gallery = GalleryPanel(self.pictures)
        self.generate_panel = GeneratePanel()
        self.runs_panel = RunsPanel()
        others = self.preview, self.classes, self.gallery
        self.samples: Samples = Samples(self.context, self, self.pictures, others)
        self.notice = NoticeBar()
        self.status = StatusBar()
        self.linked_panel: LinkedPanel | None = None
        self.setStatusBar(self.status)
        theme.dress(self.menuBar())
        theme.dress(self.status)
        self.map_area = MapArea(self.context, self.menu_actions, self.pictures)
        self._build_bar()  # before the docks, for the Tab key
        self.layout_of_docks: Layout = Layout(
            self,
            [
                (tr("Preview"), self.preview),
                (tr("Classes"), self.classes),
                (tr("Selection and neighbours"), self.gallery),
                (tr("Generate"), self.generate_panel),
                (tr("Runs"), self.runs_panel),
                (tr("Samples"), None),
            ],
        )
        self.samples.fill(self.layout_of_docks.docks[5])
        self.layout_of_docks.fill_middle(self.map_area, self.notice)
        self.runs_dock = RunsDock(self.context, self, self.runs_panel)
        self.layout_of_docks.follow_runs(self.runs_dock)
        self.panels.add(self.layer_panel, self.color_panel, self.preview, self.classes)
        self.panels.add(self.gallery, self.generate_panel, self.runs_panel, self.status)

    def _build_bar(self) -> None:
        self.settings_button = QPushButton()
        self.open_button = QPushButton(tr_in("tool bar", "Open data folder…"))
        self.demo_hint = muted_label(tr("bundled demo: real handwritten digits"))
        bar = QToolBar(tr("Model and layer"), self)
        theme.dress(bar)
        bar.setObjectName("toolbar")
        bar.setMovable(False)
        for widget in (self.layer_panel, self.color_panel, self.settings_button):
            bar.addWidget(widget)
        bar.addWidget(Layout.space())
        self._demo_hint_action = bar.addWidget(self.demo_hint)
        self._demo_hint_action.setVisible(False)
        bar.addWidget(self.open_button)
        self.addToolBar(bar)
        self.menu_actions.press_with(self.settings_button, "maps.settings")
        self.menu_actions.press_with(self.open_button, "folders.open")

    def childEvent(self, event: QChildEvent) -> None:
        """Tabs of docks that lie on each other come and go with them."""
        super().childEvent(event)
        if event.type() != QEvent.Type.ChildPolished:  # child() of one in the making takes 30 ms
            return
        tabs = event.child()
        if isinstance(tabs, QTabBar):
            theme.dress(tabs)
            QTimer.singleShot(0, self, self.layout_of_docks.leave_out_tabs)  # once they are made

    def _connect(self) -> None:
        c = self.context
        for part in (self.gallery, self.generate_panel, self.runs_panel.steps, self.status):
            part.press_with(self.menu_actions)
        self.layer_panel.model_chosen.connect(partial(folders.switch_model, c))
        self.layer_panel.layers_chosen.connect(partial(maps.change_layer, c))
        self.color_panel.color_chosen.connect(partial(showing.change_color, c))
        self.classes.selection_wanted.connect(partial(selection.choose_class, c))
        self.classes.rows_chosen.connect(partial(selection.choose_rows, c))
        self.classes.hiding_wanted.connect(partial(showing.toggle_category, c, "class"))
        self.classes.isolation_wanted.connect(self._isolate_class)
        self.classes.class_chosen.connect(partial(showing.highlight_class, c))
        self.gallery.suggestion_changed.connect(partial(picks.change_suggestion, c))
        self.gallery.removed.connect(partial(picks.remove_neighbor, c))
        self.gallery.located.connect(self.map_area.center_on)
        self.generate_panel.generate_requested.connect(partial(runs.generate_from_neighbors, c))
        self.generate_panel.settings_changed.connect(partial(runs.change_settings, c))
        self._fill_add_menu(self.generate_panel.stack.add_menu)
        self.status.cancel_requested.connect(partial(asking.cancel_shown, c))
        self.runs_panel.located.connect(self.map_area.center_on)
        self.notice.offer_taken.connect(partial(take_offer, c))
        self.map_area.hovered.connect(self.preview.show_row)
        self.map_area.painted.connect(self._on_painted)
        self.map_area.step_clicked.connect(partial(runs.go_to_step, c))

    def _fill_add_menu(self, menu: QMenu) -> None:
        """What can be added to the interventions: the same as in the menu bar."""
        for one in (*interventions.ACTIONS, *directions.ACTIONS):
            menu.addAction(self.menu_actions[one.id])
        menu.addSeparator()
        for choice in (*interventions.CHOICES, *directions.CHOICES):
            menu.addMenu(ChoiceMenu(choice, self.context, menu))

    def _isolate_class(self, number: int) -> None:
        count = self.classes.list.count()
        showing.only_category(self.context, "class", number, count)

    # ---- showing --------------------------------------------------------------------------------

    def bring_map(self) -> None:
        """Add the map, after the window was painted."""
        if self.map is not None:
            return
        self.map_area.bring_map()
        assert self.map is not None
        self.map.drawn_otherwise.connect(self._say_drawn_by)

    @property
    def map(self) -> MapView | None:
        """The flat map, once it is there."""
        return self.map_area.map

    @property
    def waiting(self) -> WaitingPage:
        """What is shown while there is no map."""
        return self.map_area.waiting

    def _on_changed(self, old: State, new: State) -> None:
        """Pass on to each part of the window what concerns it."""
        if old.runs.all is not new.runs.all:
            QTimer.singleShot(1, self, partial(_let_go, old))
        samples = new.opened.samples
        if samples is not None and samples is not old.opened.samples:
            self.pictures.set_brightness(samples.brightness)
        self.panels.show_changes(old, new)
        self.mask_watch.show_changes(old, new)
        self.pages.show_changes(old, new)
        self.notice.show_notice(new.notice)
        self.menu_actions.set_state(new)
        self._show_title(old, new)
        self._show_preferences(old, new)
        if old.view.beside != new.view.beside:
            self._show_second(new.view.beside)
        self.map_area.show_changes(old, new)
        self.watch.show_changes(old, new)
        changes = to_remember(old, new)
        if changes:
            self.sessions.remember(changes)

    def _show_title(self, old: State, new: State) -> None:
        opened = new.opened
        if old.opened.samples is not opened.samples:
            samples = opened.samples
            findable = samples is None or len(samples.captions) or (samples.class_label >= 0).any()
            self.layout_of_docks.show_classes(bool(findable))
        previous = old.opened.path, old.opened.is_demo, old.opened.model, old.kept.file
        if not differ(previous, (opened.path, opened.is_demo, opened.model, new.kept.file)):
            return
        self._demo_hint_action.setVisible(opened.is_demo)
        place = "demo" if opened.is_demo else str(opened.path or "")
        session = new.kept.file.stem if new.kept.file is not None else ""
        parts = [part for part in (session, opened.model, place, "DiffViews") if part]
        title = plain(" – ".join(parts), MOST_OF_TITLE)
        self.setWindowTitle(title.replace("[*]", "[*][*]"))  # which would stand for a change
        if opened.path is not None and not opened.is_demo:
            self._remember_folder(opened.path)

    def _show_preferences(self, old: State, new: State) -> None:
        previous, preferences = old.preferences, new.preferences
        if previous.appearance != preferences.appearance:
            self.apply_theme(preferences.appearance)
        if previous.ramp != preferences.ramp:
            self.map_area.set_ramp(preferences.ramp)
        if previous.reduced_motion != preferences.reduced_motion:
            motion.set_reduced(preferences.reduced_motion)
        if previous.drawing != preferences.drawing and self.map is not None:
            self.map_area.set_renderer(preferences.drawing)
            self._say_drawn_by()

    def _show_second(self, shown: bool) -> None:
        """Show a second map beside the first, or no longer."""
        if not shown:
            if self.linked_panel is not None:
                self.linked_panel.hide()
            return
        if self.linked_panel is None:
            self._make_second()
        assert self.linked_panel is not None
        self.linked_panel.show()
        self.layout_of_docks.share_middle()

    def _make_second(self) -> None:
        from diffviews_desktop.ui.views.flat.view import MapView

        panel = self.linked_panel = LinkedPanel()
        view = MapView(with_legend=False)  # that of the first is enough
        panel.set_map(view)
        self.map_area.set_linked(view)
        panel.map_chosen.connect(partial(maps.link_map, self.context))
        panel.closed.connect(partial(maps.toggle_second_map, self.context))
        panel.set_state(self.session.state)
        self.panels.add(panel)
        self.layout_of_docks.beside.addWidget(panel)

    def _on_painted(self) -> None:
        if self._first_map:
            self._first_map = False
            if self.map is not None and not isinstance(self.focusWidget(), QLineEdit):
                self.map.setFocus()  # else a button looks as if it were to be pressed
            self.map_shown.emit()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._painted:
            self._painted = True
            # after this paint: nothing may stand between the user and the window
            QTimer.singleShot(0, self.first_painted.emit)

    def apply_theme(self, choice: Appearance) -> None:
        """Use light, dark, or what the desktop uses, until another one is chosen."""
        theme.apply(choice)
        for button in self.findChildren(IconButton):
            button.refresh()
        for field in self.findChildren(SearchField):
            field.refresh()
        self.classes.apply_theme()
        self.runs_panel.apply_theme()
        self.samples.apply_theme()
        self.pages.apply_theme()
        self.map_area.apply_theme()

    def drawn_by(self) -> str:
        """What draws the map, and why, as a sentence; empty while there is none."""
        if self.map is None:
            return ""
        renderer = self.map.renderer
        words = tr("by OpenGL") if renderer.name == "opengl" else tr("into a picture")
        return tr("The map is drawn {words}: {reason}.", words=words, reason=renderer.reason)

    def _say_drawn_by(self) -> None:
        self.context.say(self.drawn_by())
        self.pages.refresh_preferences()

    # ---- what actions ask of the window ---------------------------------------------------------

    def recent_folders(self) -> Sequence[Path]:
        """The folders that were opened last, the newest first."""
        return [Path(folder) for folder in self._settings.texts("recent")[:RECENT_FOLDERS]]

    def _remember_folder(self, path: Path) -> None:
        recent = [path, *(one for one in self.recent_folders() if one != path)]
        self.sessions.remember({"recent": [str(one) for one in recent[:RECENT_FOLDERS]]})

    def ask_folder(self, title: str) -> Path | None:
        """A folder that the user chooses; None where they choose none."""
        start = str(self.session.state.opened.path or Path.home())
        folder = QFileDialog.getExistingDirectory(self.layout_of_docks.middle, title, start)
        return Path(folder) if folder else None

    def ask_file(self, title: str, name: str, contents: Contents, place: str) -> Path | None:
        """A file to write; see `WindowLike`."""
        start = Path(self._settings.text(place, str(Path.home()))) / name
        file = ask_where(self.layout_of_docks.middle, title, start, contents)
        if not file:
            return None
        self.sessions.remember({place: str(Path(file).parent)})
        return Path(file)

    def ask_text(self, title: str, question: str, text: str | None = None) -> str | None:
        """A short text that the user types; see `WindowLike`."""
        return ask_text(self, title, question, text)

    def show_page(self, page: Page) -> None:
        """Bring up a window."""
        self.pages.show(page)

    def import_checkpoint(self, file: Path) -> None:
        """Bring up the assistant that imports pictures, with a checkpoint filled in."""
        self.pages.import_checkpoint(file)

    def go(self, move: Move) -> None:
        """Move over the map that is shown."""
        self.map_area.go(move)

    def hovered_row(self) -> int | None:
        """The sample under the mouse, or where the arrow keys went."""
        return self.map_area.switch.hovered_row

    def show_sample(self, row: int) -> None:
        """Bring a sample to the middle of the map, mark it, and say what is known of it."""
        self.map_area.center_on(row)
        self.map_area.point_at(row)
        self.preview.show_row(row)

    def press_generate(self) -> None:
        """Generate with what the panel says."""
        self.generate_panel.press()

    def toggle_play(self) -> None:
        """Play the steps of the shown run, or pause."""
        self.runs_panel.toggle_play()

    def save(self, content: Picture | Sheet, file: Path) -> None:
        """Write a picture or a contact sheet, with its record beside it."""
        self.saves.content(content, file)

    def save_map(self, file: Path) -> None:
        """Write the map as it is seen."""
        self.saves.map(file, self.map_area)

    def show_text(self, title: str, text: str) -> None:
        """Bring up a window with a text to read and to copy."""
        TextWindow(title, text, self).show()

    def show_in_folder(self, path: Path) -> None:
        """Open the folder of a file in the desktop's file manager."""
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(path.parent)))

    def reset_layout(self) -> None:
        """Put docks where they were on the first start."""
        self.layout_of_docks.reset()

    # ---- what is dropped onto it ----------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        self.drops.enter(event)

    def dropEvent(self, event: QDropEvent) -> None:
        self.drops.drop(event)

    # ---- the end --------------------------------------------------------------------------------

    def closeEvent(self, event: QCloseEvent) -> None:
        jobs, middle = self.session.state.jobs, self.layout_of_docks.middle
        if not self.closing and not (may_interrupt(jobs, middle) and self.may_close()):
            event.ignore()
            return
        self.layout_of_docks.remember(self._settings)
        self.hide()
        self.pictures.wait()
        self.saves.wait()
        self.map_area.close_threads()
        self.classes.captions.close_threads()
        self.samples.close_threads()
        self.session.close()
        self.pages.wait()
        self.on_close()
        self.sessions.wait()
        super().closeEvent(event)


def _let_go(state: State) -> None:
    """Free what only a state before still holds, in a turn of the event loop of its own: pictures
    of many runs take as long as showing others."""
