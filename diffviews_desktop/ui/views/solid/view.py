"""The map in three dimensions with the choice of its third axis above it."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from PySide6.QtCore import QPoint, QPointF, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QImage, QResizeEvent, QStandardItemModel
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from diffviews_desktop.state.picks import Selection
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common.labels import ElidedLabel, caption, tip
from diffviews_desktop.ui.common.latest import Latest
from diffviews_desktop.ui.common.widgets import ComboBox, as_panel
from diffviews_desktop.ui.views.flat.coloring import Coloring
from diffviews_desktop.ui.views.flat.legend import Legend
from diffviews_desktop.ui.views.flat.overlays import marks_of
from diffviews_desktop.ui.views.flat.scene import PointScene
from diffviews_desktop.ui.views.solid.canvas import Canvas
from diffviews_desktop.ui.views.solid.cloud import NOTHING, Cloud, make_cloud
from diffviews_desktop.ui.views.solid.depth_sort import AT_ONCE
from diffviews_desktop.ui.views.solid.third_axis import (
    CHOICES,
    ThirdAxis,
    axis_of_choice,
    third_axis,
)
from diffviews_desktop.values.quantities import ColorBy

LEGEND_MARGIN = 12
GESTURES = tr("Drag orbits, Shift+drag pans, the wheel zooms, a double click beside points resets")
ON_THE_FLOOR = tr("Steps have no value here: runs lie on the floor.")


class _Prepared(NamedTuple):
    state: State
    axis: ThirdAxis
    cloud: Cloud


class SolidView(QWidget):
    """Shows the samples in three dimensions, in the colours of the flat map.

    Signals:
        hovered: the sample under the mouse, or None.
        clicked: a sample that was clicked.
        double_clicked: a sample that was double-clicked.
        chosen, step_hovered, step_clicked, menu_wanted: as those of the canvas.
        axis_chosen: what the third axis is to show, the id of a quantity.
        failed: OpenGL could not draw it, with its reason.
    """

    hovered = Signal(object)
    clicked = Signal(int)
    double_clicked = Signal(int)
    chosen = Signal(object, str)
    step_hovered = Signal(object)
    step_clicked = Signal(int, int)
    menu_wanted = Signal(object, QPoint)
    axis_chosen = Signal(str)
    failed = Signal(str)

    def __init__(self, parent: QWidget | None = None, *, graphics_card: bool = True) -> None:
        super().__init__(parent)
        self._shown: State | None = None
        self._picks = State()
        self._making = Latest[_Prepared](self._take, self, name="map 3d points")
        self.choice = ComboBox()
        self.choice.setAccessibleName(tr("Third axis"))
        for by, text in CHOICES.items():
            self.choice.addItem(text, by)
        self.choice.activated.connect(self._choose)
        self.note = ElidedLabel(end=True)
        self.note.setObjectName("muted")
        self.canvas = Canvas(graphics_card=graphics_card)
        self.canvas.hovered.connect(self.hovered)
        self.canvas.clicked.connect(self.clicked)
        self.canvas.double_clicked.connect(self.double_clicked)
        self.canvas.chosen.connect(self.chosen)
        self.canvas.step_hovered.connect(self.step_hovered)
        self.canvas.step_clicked.connect(self.step_clicked)
        self.canvas.menu_wanted.connect(self.menu_wanted)
        # queued: it is told of while the view is painted
        self.canvas.failed.connect(self.failed, Qt.ConnectionType.QueuedConnection)
        header = QWidget()
        as_panel(header)
        row = QHBoxLayout(header)
        row.setContentsMargins(12, 5, 8, 5)
        row.setSpacing(8)
        row.addWidget(caption(tr("Third axis"), self.choice))
        row.addWidget(self.choice)
        row.addWidget(self.note, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(header)
        column.addWidget(self.canvas, 1)
        self.legend = Legend(self.canvas)
        self._say()

    # ---- what is shown --------------------------------------------------------------------------

    def show_state(self, state: State, scene: PointScene, coloring: Coloring | None) -> None:
        """Show a state with a map.

        Args:
            state: says what the third axis can be, and what is picked.
            scene: the points as the flat map draws them.
            coloring: what their colours tell; None for classes.
        """
        self._picks = state
        self._fill_choice(state)
        self.legend.set_coloring(coloring)
        self.legend.set_filters(state.view.filters)
        self._place_legend()
        make = partial(_make, state, scene, self.axis)
        if len(scene) > AT_ONCE:
            self._making.ask(make)
        else:
            self._making.do_now(make)

    def clear(self) -> None:
        """Show nothing."""
        self._making.drop()
        self._shown = None
        self._picks = State()
        self.legend.set_coloring(None)
        self.legend.set_marks(frozenset())
        self.canvas.set_paths([], None, 0)
        self.canvas.set_selection(Selection())
        self.canvas.set_cloud(NOTHING, None, keep_view=False)

    def set_picks(self, state: State) -> None:
        """Show selection and runs of a state whose points are shown already."""
        self._picks = state
        if self._making.awaited:
            return  # they belong to points that are not there yet
        self.canvas.set_selection(state.picks.selection)
        records, unmasked = state.on_map()
        self.canvas.set_paths(records, state.runs.shown, state.runs.step, unmasked)
        marks = [marks_of(run) for run in records]
        marks += [] if unmasked is None else [marks_of(unmasked, unmasked=True)]
        self.legend.set_marks(frozenset().union(*marks))
        self._place_legend()
        self._say(bool(records))

    @property
    def axis(self) -> ColorBy:
        """What the third axis shows."""
        by: ColorBy = self.choice.currentData()
        return by

    def follows(self, state: State) -> bool:
        """Whether what is picked in a state changes what the third axis shows."""
        by = axis_of_choice(state)
        return by != self.axis or by == "distance"

    def _take(self, result: _Prepared) -> None:
        old, state = self._shown, result.state
        keep = (
            old is not None
            and old.opened.layer_map is state.opened.layer_map
            and len(self.canvas.cloud) > 0
        )
        self._shown = state
        self.canvas.set_cloud(result.cloud, result.axis, keep_view=keep)
        self.set_picks(self._picks)

    @property
    def busy(self) -> bool:
        """Whether points are being prepared."""
        return self._making.busy or self.canvas.busy

    def _fill_choice(self, state: State) -> None:
        with QSignalBlocker(self.choice):
            model = self.choice.model()
            assert isinstance(model, QStandardItemModel)
            for row, by in enumerate(CHOICES):
                why_not = state.cannot_color(by)
                model.item(row).setEnabled(not why_not)
                self.choice.setItemData(row, tip(why_not), Qt.ItemDataRole.ToolTipRole)
            self.choice.setCurrentIndex(list(CHOICES).index(axis_of_choice(state)))

    def _choose(self, index: int) -> None:
        self.axis_chosen.emit(self.choice.itemData(index))

    def _say(self, runs: bool = False) -> None:
        axis = self.canvas.axis
        parts = [] if axis is None else [axis.note]
        if runs and axis is not None and axis.by != "sigma":
            parts.append(ON_THE_FLOOR)
        text = " ".join(part for part in parts if part)
        self.note.set_text(text or GESTURES, GESTURES if text else "")

    # ---- moving and looks -----------------------------------------------------------------------

    def fit(self) -> None:
        """Show everything."""
        self.canvas.fit()

    def fit_selection(self) -> None:
        """Bring the selection set, or else the anchor and its neighbours, to the middle."""
        picks = self._picks.picks.selection
        self.canvas.fit_rows(picks.chosen.rows if len(picks.chosen) else np.array(picks.rows))

    @property
    def hovered_row(self) -> int | None:
        """The sample under the mouse."""
        return self.canvas.hovered_row

    @property
    def viewport(self) -> QWidget:
        """The widget that the points are drawn on."""
        return self.canvas

    def position_of(self, row: int) -> QPointF | None:
        """Where a sample is drawn on the canvas; None where it is not."""
        return self.canvas.position_of(row)

    def picture(self) -> QImage:
        """What is seen, as sharp as on the screen."""
        return self.canvas.grabFramebuffer()

    def position_of_step(self, key: int, index: int) -> QPointF | None:
        """Where a step of a run is drawn on the canvas; None where it is not."""
        return self.canvas.position_of_step(key, index)

    def center_on(self, row: int) -> None:
        """Bring a sample to the middle."""
        self.canvas.center_on(row)

    def show_hover(self, row: int | None) -> None:
        """Mark a sample that is under the mouse elsewhere, or was found; None for none."""
        self.canvas.show_hover(row)

    def apply_theme(self) -> None:
        """Take the colours of the theme in use."""
        self.canvas.update()
        self.legend.update()

    def close_threads(self) -> None:
        """End what runs in other threads."""
        self._making.close()
        self.canvas.close_threads()

    def _place_legend(self) -> None:
        right = self.canvas.width() - self.legend.width() - LEGEND_MARGIN
        self.legend.move(right, LEGEND_MARGIN)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_legend()


def _make(state: State, scene: PointScene, by: ColorBy) -> _Prepared:
    axis = third_axis(state, by)
    return _Prepared(state, axis, make_cloud(scene, axis.heights))
