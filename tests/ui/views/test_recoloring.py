"""What is on the screen after a change is what a fresh drawing shows: nothing of the old stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from diffviews_desktop.ui.views.flat.coloring import Coloring
from diffviews_desktop.ui.views.flat.points import MADE_AT_ONCE
from diffviews_desktop.ui.views.flat.renderer import choose_renderer
from diffviews_desktop.ui.views.flat.scene import SIZES
from diffviews_desktop.ui.views.flat.view import MapView
from diffviews_desktop.values.samples import SampleTable

FEW = 40
WAYS = {
    "few, into a picture": (FEW, "raster"),
    "many, into a picture": (MADE_AT_ONCE + 5000, "raster"),
    "few, by OpenGL": (FEW, "opengl"),
}


class Screen:
    """A map in a window of its own, as it is on the screen."""

    def __init__(self, qtbot: QtBot, count: int, renderer: str) -> None:
        self.qtbot, self.count = qtbot, count
        self.view = MapView(with_legend=False)
        qtbot.addWidget(self.view)
        self.view.set_renderer(renderer)
        self.view.resize(420, 360)
        self.view.show()
        qtbot.waitExposed(self.view)
        samples = SampleTable(
            root=Path(),
            sample_id=tuple(map(str, range(count))),
            class_label=np.zeros(count, np.int32),
            class_name=("one",) * count,
            image_path=("",) * count,
            sigma=np.ones(count, np.float32),
        )
        # few near the middle and some at every edge, which lie half outside of what holds them all
        angle = np.linspace(0, 2 * np.pi, count)
        far = np.where(np.arange(count) % (count // FEW) == 0, 1.0, 0.1)
        xy = (np.column_stack([np.cos(angle), np.sin(angle)]) * far[:, None]).astype(np.float32)
        with qtbot.waitSignal(self.view.painted):
            self.view.set_map(samples, xy, self.colors(0))
        self.settled()

    def colors(self, group: int) -> Coloring:
        """All points of one colour."""
        return Coloring(
            "x", "x", np.full(self.count, group, float), kind="category", names=("a", "b")
        )

    def settled(self) -> NDArray[np.uint8]:
        """What the screen shows once nothing is at work."""
        self.qtbot.wait(40)
        self.qtbot.waitUntil(lambda: not (self.view.busy or self.view.points.moving))
        self.qtbot.wait(40)
        image = self.view.screen().grabWindow(self.view.winId()).toImage()
        image = image.convertToFormat(QImage.Format.Format_RGB32)
        size = image.height(), image.width(), 4
        return np.frombuffer(image.constBits(), np.uint8).reshape(size)[..., :3].copy()

    def fresh(self) -> NDArray[np.uint8]:
        """The same, all of it painted again."""
        self.view.viewport.update()
        return self.settled()


@pytest.fixture
def screen(qtbot: QtBot) -> Iterator[Callable[[str], Screen]]:
    made: list[Screen] = []

    def make(way: str) -> Screen:
        count, renderer = WAYS[way]
        if renderer == "opengl" and choose_renderer("opengl").name != "opengl":
            pytest.skip("this display has no OpenGL")
        made.append(Screen(qtbot, count, renderer))
        return made[-1]

    yield make
    for one in made:
        one.view.close_points()


@pytest.mark.parametrize("way", WAYS)
def test_no_change_leaves_anything_of_what_was_drawn_before(
    screen: Callable[[str], Screen], way: str
) -> None:
    shown = screen(way)
    view, before = shown.view, shown.settled()
    largest = np.full(shown.count, len(SIZES) - 1, np.uint8)
    changes: dict[str, Callable[[], None]] = {
        "colours": lambda: view.set_coloring(shown.colors(1)),
        "larger": lambda: view.points.set_sizes(largest),
        "colours of large ones": lambda: view.set_coloring(shown.colors(0)),
        "plain size": lambda: view.points.set_sizes(None),
        "closer": lambda: view.box.show_part(QRectF(0.2, -0.6, 0.9, 1.2)),
        "colours of the closer ones": lambda: view.set_coloring(shown.colors(1)),
        "larger of the closer ones": lambda: view.points.set_sizes(largest),
        "farther": lambda: view.fit(),
        "the last colours": lambda: view.set_coloring(shown.colors(0)),
    }
    for what, change in changes.items():
        change()
        now = shown.settled()
        assert not np.array_equal(now, before), what
        before = shown.fresh()
        assert np.array_equal(now, before), what
