"""The anchor and its neighbours as pictures with distances, and how others are suggested."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QPoint, QSignalBlocker, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QIcon, QImage, QKeyEvent, QPainter, QPen, QPixmap
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QListView,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from diffviews_desktop.state.picks import Within
from diffviews_desktop.state.state import State
from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.text.translation import tr, trn
from diffviews_desktop.ui.common import colors, theme
from diffviews_desktop.ui.common.entries import short
from diffviews_desktop.ui.common.images import PictureLoader, enlarge, placeholder
from diffviews_desktop.ui.common.labels import ElidedLabel, caption, muted_label, tip
from diffviews_desktop.ui.common.menus import Actions
from diffviews_desktop.ui.common.row_menu import RowMenu
from diffviews_desktop.ui.common.widgets import ElidingComboBox, IconButton, WholeNumber, as_panel
from diffviews_desktop.values.noise_levels import mixed_levels
from diffviews_desktop.values.preferences import NEIGHBORS

SIDE = 52
MOST_LETTERS = 9  # of a caption below a picture
LETTERS = 44  # that the panel is wide, in every language
ROW = Qt.ItemDataRole.UserRole
_PLAIN = (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)


class _Gallery(QListWidget):
    """A list whose arrow keys are its own, not the window's shortcuts for scrubbing."""

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride:
            arrow = event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right)
            if arrow and event.modifiers() in _PLAIN:
                event.accept()
                return True
        return super().event(event)


class GalleryPanel(QWidget):
    """Signals: ``suggestion_changed(count, on_map, within)``, ``removed(row)``, ``located(row)``,
    and ``menu_wanted(row, place)`` on the screen."""

    suggestion_changed = Signal(int, bool, object)
    removed = Signal(int)
    located = Signal(int)
    menu_wanted = Signal(int, QPoint)

    def __init__(self, pictures: PictureLoader, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        as_panel(self)
        self.setMinimumWidth(self.fontMetrics().horizontalAdvance("x" * LETTERS))
        self._pictures = pictures
        self._state = State()
        self.anchor = ElidedLabel()
        self.anchor.setProperty("strong", True)
        self.caption = ElidedLabel(end=True)
        self.caption.setObjectName("muted")
        self.clear_button = IconButton("trash")
        self.count = WholeNumber()
        self.count.setRange(1, NEIGHBORS)
        self.count.setValue(5)
        self.count.setAccessibleName(tr("Number of neighbours to suggest"))
        self.space = ElidingComboBox()
        self.space.addItem(tr("by activation"), False)
        self.space.addItem(tr("on the map"), True)
        self.space.setAccessibleName(tr("Where neighbours are near"))
        self.space.setToolTip(
            tip(tr("Near in the layer's activations, or on the two-dimensional map"))
        )
        self.within = IconButton("funnel", tr("Suggest among all samples or only similar ones"))
        self.within.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.within.setCheckable(True)
        menu = QMenu(self.within)
        self.same_class = menu.addAction(tr("Only of the same &class"))
        self.same_level = menu.addAction(tr("Only of the same &noise level"))
        for action in (self.same_class, self.same_level):
            action.setCheckable(True)
        self.within.setMenu(menu)
        self.suggest = QPushButton()
        self.hint = muted_label()
        self.hint.setWordWrap(True)
        self.searched = ElidedLabel(end=True)
        self.searched.setObjectName("muted")
        self.list = _Gallery()
        self.list.setAccessibleName(tr("Neighbours"))
        self.list.setViewMode(QListView.ViewMode.IconMode)
        self.list.setResizeMode(QListView.ResizeMode.Adjust)
        self.list.setMovement(QListView.Movement.Static)
        self.list.setIconSize(QSize(SIDE, SIDE))
        self.list.setGridSize(QSize(SIDE + 4, SIDE + 40))  # the usual five are side by side
        self.list.setWordWrap(True)
        self.list.setSpacing(0)
        self.list.setMinimumHeight(SIDE // 2)
        # a click removes, a double click flies there: wait to see which it is
        self._pending: int | None = None
        self._click_timer = QTimer(self)
        self._click_timer.setSingleShot(True)
        self._click_timer.setInterval(QApplication.doubleClickInterval())
        self._click_timer.timeout.connect(self._remove_pending)

        top = QHBoxLayout()
        top.addWidget(self.anchor, 1)
        top.addWidget(self.within)
        top.addWidget(self.clear_button)
        controls = QHBoxLayout()
        controls.setSpacing(6)
        controls.addWidget(caption(tr("&K"), self.count))
        controls.addWidget(self.count)
        controls.addWidget(self.space, 1)
        controls.addWidget(self.suggest)
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 6, 10, 8)
        column.setSpacing(6)
        column.addLayout(top)
        column.addWidget(self.caption)
        column.addLayout(controls)
        column.addWidget(self.searched)
        column.addWidget(self.hint)
        column.addWidget(self.list, 1)

        for action in (self.same_class, self.same_level):
            action.triggered.connect(self._on_suggestion_changed)
        self.count.valueChanged.connect(self._on_suggestion_changed)
        self.space.activated.connect(self._on_suggestion_changed)
        self.list.itemClicked.connect(self._on_clicked)
        RowMenu(self.list, self._on_menu)
        self.list.itemDoubleClicked.connect(self._on_double_clicked)
        pictures.loaded.connect(self._on_loaded)
        self.set_state(State())

    @staticmethod
    def shows(state: State) -> tuple[object, ...]:
        """What of a state it shows."""
        picks = state.picks
        most = state.preferences.most_neighbors
        suggestion = picks.suggest_count, picks.suggest_on_map, picks.suggest_within, most
        return state.opened.samples, state.opened.layer_map, picks.selection, *suggestion

    def set_state(self, state: State) -> None:
        """Show the selection."""
        self._state = state
        selection, samples = state.picks.selection, state.opened.samples
        with QSignalBlocker(self.count), QSignalBlocker(self.space):
            self.count.setMaximum(state.preferences.most_neighbors)
            self.count.setValue(state.picks.suggest_count)
            self.space.setCurrentIndex(int(state.picks.suggest_on_map))
        self._show_within(state)
        self.searched.set_text(*_describe_search(state))
        self.searched.setVisible(bool(self.searched.whole))
        self.list.clear()
        if samples is None or selection.anchor is None:
            self.anchor.set_text(tr("No anchor"))
            self.caption.hide()
            self._hint(tr("Click a point on the map: it becomes the anchor."))
            return
        about = tr(
            "Anchor #{row} · {sample}",
            row=selection.anchor,
            sample=self._describe(selection.anchor),
        )
        words = samples.caption(selection.anchor)
        self.anchor.set_text(about, words)
        self.caption.set_text(words)
        self.caption.setVisible(bool(words))
        count = len(selection.neighbors)
        warning = mixed_levels(samples.sigma[list(selection.rows)])
        text = warning or _feeding(count, state.preferences.most_neighbors)
        elsewhere = _elsewhere(state)
        if elsewhere:
            text += " " + tr("They were suggested {where}.", where=elsewhere)
        self._hint(text, problem=bool(warning))
        distances = dict(selection.suggested)
        for row in selection.neighbors:
            manual = row in selection.manual
            number, words = int(samples.class_label[row]), samples.caption(row)
            detail = tr("manual") if manual else f"{distances[row]:.2f}"
            label = _beginning(words) if words and number < 0 else str(number)
            item = QListWidgetItem(f"{label}\n{detail}")
            item.setTextAlignment(Qt.AlignmentFlag.AlignHCenter)
            item.setData(ROW, row)
            origin = (
                tr("added by hand")
                if manual
                else _distance_text(distances[row], selection.in_layer, elsewhere)
            )
            item.setToolTip(
                tip(
                    f"#{row} · {self._describe(row)} · {origin}",
                    words,
                    tr("Click removes it, double click shows it on the map"),
                )
            )
            self.list.addItem(item)
            image = self._pictures.get(samples.picture(row))
            self._set_icon(item, image)

    def press_with(self, actions: Actions) -> None:
        """Let its buttons do what the menus do."""
        actions.press_with(self.suggest, "picks.suggest")
        actions.press_with(self.clear_button, "picks.clear")

    def _on_suggestion_changed(self, *_: object) -> None:
        self.suggestion_changed.emit(*self._suggestion())

    def _suggestion(self) -> tuple[int, bool, Within]:
        within = Within(self.same_class.isChecked(), self.same_level.isChecked())
        return self.count.value(), self.space.currentData(), within

    def _show_within(self, state: State) -> None:
        within = state.picks.suggest_within
        self.same_class.setChecked(within.same_class)
        self.same_level.setChecked(within.same_level)
        self.within.setChecked(bool(within))
        about = _within_text(within)
        self.within.setToolTip(tip(about, tr("Click chooses the same class or noise level")))

    def _hint(self, text: str, *, problem: bool = False) -> None:
        """Say what there is to do, or that what the mask averages is questionable."""
        self.hint.setText(text)
        more = tr(
            "Suggest within the same noise level, or remove those that are far from the others."
        )
        self.hint.setToolTip(tip(more if problem else ""))
        if bool(self.hint.property("problem")) != problem:
            self.hint.setProperty("problem", problem)
            self.hint.style().polish(self.hint)

    def remove_current(self) -> None:
        """Remove the neighbour that has the keyboard focus."""
        item = self.list.currentItem()
        if item is not None:
            self.removed.emit(item.data(ROW))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.remove_current()
        else:
            super().keyPressEvent(event)

    def _describe(self, row: int) -> str:
        samples = self._state.opened.samples
        assert samples is not None
        return f"{samples.title(row)} · σ {samples.sigma[row]:g}"

    def _on_clicked(self, item: QListWidgetItem) -> None:
        self._pending = item.data(ROW)
        self._click_timer.start()

    def _on_double_clicked(self, item: QListWidgetItem) -> None:
        self._click_timer.stop()
        self._pending = None
        self.located.emit(item.data(ROW))

    def _on_menu(self, index: QModelIndex, place: QPoint) -> None:
        self.menu_wanted.emit(index.data(ROW), place)

    def _remove_pending(self) -> None:
        if self._pending is not None:
            row, self._pending = self._pending, None
            self.removed.emit(row)

    def _on_loaded(self, path: str, image: QImage) -> None:
        samples = self._state.opened.samples
        if samples is None:
            return
        for i in range(self.list.count()):
            item = self.list.item(i)
            if str(samples.picture(item.data(ROW))) == path:
                self._set_icon(item, image)

    def _set_icon(self, item: QListWidgetItem, image: QImage | None) -> None:
        ratio = self.devicePixelRatioF()
        if image is None:
            pixmap = QPixmap(round(SIDE * ratio), round(SIDE * ratio))
            pixmap.fill(Qt.GlobalColor.transparent)
        elif image.isNull():
            pixmap = placeholder(SIDE, ratio, QColor(theme.colors().muted))
        else:
            manual = item.data(ROW) in self._state.picks.selection.manual
            pixmap = _draw_frame(enlarge(image, SIDE, ratio), manual)
        icon = QIcon(pixmap)
        icon.addPixmap(pixmap, QIcon.Mode.Selected)  # else Qt tints it
        item.setIcon(icon)


def _describe_search(state: State) -> tuple[str, str]:
    """Where Suggest looks for neighbours by activation, and what is lost by that: in short, and in
    sentences; empty where it is not known, or on the map."""
    layer_map, picks = state.opened.layer_map, state.picks
    if layer_map is None or layer_map.reduced is None or picks.suggest_on_map:
        return "", ""
    quality, count = layer_map.quality, layer_map.reduced.shape[1]
    if quality.reduction is None:
        return "", ""
    share = f"{quality.reduction:.0%}"
    text = trn(
        "{number} component keeps {share} of the layer's neighbours",
        "{number} components keep {share} of the layer's neighbours",
        count,
        share=share,
    )
    if not quality.loses_neighbors:
        return text, tr("Suggest looks for neighbours in these components.")
    if picks.selection.suggested and not picks.selection.in_layer:
        reason = tr("The layer's activations are not stored, so Suggest looks in these components.")
        return text, reason
    return tr("Suggest looks in the whole layer"), trn(
        "The map's {number} component keeps {share} of the layer's neighbours.",
        "The map's {number} components keep {share} of the layer's neighbours.",
        count,
        share=share,
    )


def _elsewhere(state: State) -> str:
    """Where the suggested neighbours are the nearest, if not on the map on screen; else nothing."""
    selection, spec = state.picks.selection, state.opened.spec
    if not selection.suggested_elsewhere(spec):
        return ""
    origin = selection.suggested_by
    assert origin is not None
    if spec is not None and origin.layers == spec.layers:
        return tr("on another map of this layer")
    if not origin.layers:
        return tr("on the default layer")
    return tr("on {layers}", layers=visible(str(origin.layers), MOST_OF_NAME))


def _feeding(count: int, most: int) -> str:
    """What so many neighbours are to a mask, of at most so many."""
    if not count:
        return tr("Click more points, or press Suggest.")
    if count >= most:
        return trn(
            "{number} neighbour: that is as many as a mask averages.",
            "{number} neighbours: that is as many as a mask averages.",
            count,
        )
    return trn(
        "{number} neighbour and the anchor feed the mask.",
        "{number} neighbours and the anchor feed the mask.",
        count,
    )


def _distance_text(distance: float, in_layer: bool, elsewhere: str) -> str:
    """How far a suggested neighbour is, and in which space."""
    values = {"distance": f"{distance:.4f}", "where": elsewhere}
    if in_layer and elsewhere:
        return tr("distance {distance} in the whole layer, suggested {where}", **values)
    if in_layer:
        return tr("distance {distance} in the whole layer", **values)
    if elsewhere:
        return tr("distance {distance}, suggested {where}", **values)
    return tr("distance {distance}", **values)


def _within_text(within: Within) -> str:
    """Among which samples Suggest looks."""
    match within.same_class, within.same_level:
        case True, True:
            return tr("Suggest only samples of the same class and noise level")
        case True, False:
            return tr("Suggest only samples of the same class")
        case False, True:
            return tr("Suggest only samples of the same noise level")
    return tr("Suggest among all samples")


def _beginning(words: str) -> str:
    """As much of a caption as stands on one line below a picture."""
    cut = words[:MOST_LETTERS].rstrip() + ("…" if len(words) > MOST_LETTERS else "")
    return short(cut).replace(" ", "\u00a0")


def _draw_frame(pixmap: QPixmap, manual: bool) -> QPixmap:
    """The picture with the line of its ring on the map around it."""
    painter = QPainter(pixmap)
    style = Qt.PenStyle.DotLine if manual else Qt.PenStyle.SolidLine
    painter.setPen(QPen(colors.MANUAL if manual else colors.SUGGESTED, 3, style))
    side = round(pixmap.width() / pixmap.devicePixelRatio())
    painter.drawRect(1, 1, side - 2, side - 2)
    painter.end()
    return pixmap
