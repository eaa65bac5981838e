"""Points drawn into a picture, off the window's thread where there are many."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pyqtgraph.Qt import internals
from PySide6.QtCore import QObject, QPointF, Signal
from PySide6.QtGui import QImage, QPainter, QPixmap

from diffviews_desktop.ui.common.latest import Latest
from diffviews_desktop.ui.views.flat.scene import SIZES, PixelView, PointLook, PointScene

AT_ONCE = 15_000
"""As many points are drawn while the window waits: a few milliseconds."""
MARGIN = 0.25  # of the plot on each side, drawn too, to pan over
SMALL_MARGIN = 0.125  # the same of points that are drawn again before one has panned that far
SOON_DRAWN = 300_000
LEVELS = 16  # of opacity
MAX_COLORS = 160
SLACK = 1e-6  # pixels
_BLOCK = 8_000  # points between two looks at whether the picture is still wanted


@dataclass(frozen=True, eq=False)
class Frame:
    """A finished picture: of which scene, view and look."""

    image: Picture
    scene: PointScene
    view: PixelView
    look: PointLook

    def shows(self, scene: PointScene, view: PixelView, look: PointLook) -> bool:
        """Whether it is what a view wants, sharp and to its edges."""
        if not self.is_of(scene, view, look):
            return False
        frame_view = self.view
        left, top = view.shift_x - frame_view.shift_x, view.shift_y - frame_view.shift_y
        return (
            max(left, top) <= SLACK
            and left + frame_view.width >= view.width - SLACK
            and top + frame_view.height >= view.height - SLACK
        )

    def is_of(self, scene: PointScene, view: PixelView, look: PointLook) -> bool:
        """Whether it shows the same points at the same scale and look, wherever the view is."""
        frame_view = self.view
        alike = _same(frame_view.scale_x, view.scale_x) and _same(frame_view.scale_y, view.scale_y)
        return alike and self.scene is scene and self.look == look


def _wide(view: PixelView, count: int) -> PixelView:
    """A view with a margin to pan over."""
    share = MARGIN if count > SOON_DRAWN else SMALL_MARGIN
    more_x, more_y = round(view.width * share), round(view.height * share)
    return view.shift(more_x, more_y, view.width + 2 * more_x, view.height + 2 * more_y)


def _same(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=1e-9)


class Sprites:
    """Every colour at every opacity as a small disc, in one picture to draw from.

    Args:
        palette: colours ``(P, 3) uint8``.
        diameter: in device pixels.
        opacity: a factor for all.
        sized: whether there are discs of all `SIZES`.
    """

    def __init__(
        self, palette: NDArray[np.uint8], diameter: float, opacity: float, *, sized: bool = False
    ) -> None:
        self.key = (palette.tobytes(), diameter, opacity, sized)
        self._colors, self._color_of = _few(palette)
        sheets = [
            _sheet(self._colors, diameter * factor, opacity)
            for factor in (SIZES if sized else (1.0,))
        ]
        heights = [sheet.pixels.shape[0] for sheet in sheets]
        tops = np.concatenate([[0], np.cumsum(heights)])
        wide = max(sheet.pixels.shape[1] for sheet in sheets)
        whole = np.zeros((int(tops[-1]), wide, 4), np.uint8)
        places = np.empty((2, len(sheets), len(self._colors) * LEVELS))
        for number, (sheet, top) in enumerate(zip(sheets, tops.tolist(), strict=False)):
            high, across = sheet.pixels.shape[:2]
            whole[top : top + high, :across] = sheet.pixels
            line, column = np.divmod(np.arange(places.shape[2]), sheet.columns)
            places[:, number] = column * sheet.side, top + line * sheet.side
        self._lefts, self._tops = places
        self._first_of = (self._color_of * LEVELS).astype(np.int32)
        self._sides = np.array([float(sheet.side) for sheet in sheets])
        image = QImage(
            whole.data, wide, len(whole), wide * 4, QImage.Format.Format_ARGB32_Premultiplied
        )
        self.pixmap = QPixmap.fromImage(image.copy())

    @property
    def side(self) -> int:
        """Width and height of the largest sprite."""
        return int(self._sides.max())

    def places(
        self, group: NDArray, alpha: NDArray, size: NDArray | None
    ) -> tuple[NDArray, NDArray, NDArray | float]:
        """Left, top and side of the sprites of points ``(M,)``; one number is the side of all."""
        index = self._first_of.take(group)
        index += _LEVEL_OF.take(alpha)
        if size is None or len(self._sides) == 1:
            return self._lefts[0].take(index), self._tops[0].take(index), float(self._sides[0])
        return self._lefts[size, index], self._tops[size, index], self._sides[size]


_LEVEL_OF = np.minimum(np.arange(256, dtype=np.int32) * LEVELS // 255, LEVELS - 1)
"""The level of each opacity of a byte."""


class _Sheet(NamedTuple):
    side: int
    columns: int
    pixels: NDArray[np.uint8]  # (height, width, 4)


def _sheet(colors: NDArray[np.uint8], diameter: float, opacity: float) -> _Sheet:
    """Discs of one size, line by line: a single one of a thousand colours would be too wide."""
    side = math.ceil(diameter)
    levels = np.arange(1, LEVELS + 1, dtype=np.float32) * (opacity / LEVELS)
    bgra = np.full((len(colors), 4), 255, np.float32)
    bgra[:, :3] = colors[:, ::-1]
    discs = np.einsum("l,yx,cb->clyxb", levels, _disc(side, diameter), bgra)
    discs = np.rint(discs).astype(np.uint8).reshape(-1, side, side, 4)
    columns = max(1, min(len(discs), 8192 // side))
    lines = math.ceil(len(discs) / columns)
    sheet = np.zeros((lines * columns, side, side, 4), np.uint8)
    sheet[: len(discs)] = discs
    sheet = sheet.reshape(lines, columns, side, side, 4).transpose(0, 2, 1, 3, 4)
    return _Sheet(side, columns, sheet.reshape(lines * side, columns * side, 4))


def _few(palette: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
    """Different colours, rounded where there are too many, and which one each of the palette is."""
    bits = 0
    while True:
        coarse_colors = (palette >> bits << bits) + (1 << bits >> 1)
        colors, index = np.unique(coarse_colors, axis=0, return_inverse=True)
        if len(colors) <= MAX_COLORS:
            return colors.astype(np.uint8), index.reshape(-1)
        bits += 1


def _disc(side: int, diameter: float) -> NDArray[np.float32]:
    """How much of each pixel a disc covers, ``(side, side)``: 4 × 4 samples a pixel."""
    fine = (np.arange(side * 4) + 0.5) / 4 - side / 2
    inside = fine[:, None] ** 2 + fine[None, :] ** 2 <= (diameter / 2) ** 2
    return inside.reshape(side, 4, side, 4).mean(axis=(1, 3), dtype=np.float32)


class Picture(QImage):
    """A transparent picture. Where nothing is drawn into it, the system need not give it memory."""

    def __init__(self, width: int, height: int) -> None:
        pixels = np.zeros((height, width), np.uint32)
        super().__init__(
            pixels.data, width, height, width * 4, QImage.Format.Format_ARGB32_Premultiplied
        )
        self._pixels = pixels  # Qt does not keep it


def render(
    scene: PointScene,
    view: PixelView,
    sprites: Sprites,
    is_wanted: Callable[[], bool] = lambda: True,
) -> Picture | None:
    """Draw points into a picture; None where it was no longer wanted."""
    image = Picture(view.width, view.height)
    if not len(scene):
        return image
    most = sprites.side / 2
    cx, cy = scene.centre
    # rounded as the numbers they are drawn with, so that panning does not make points tremble
    shift_x = view.shift_x + cx * view.scale_x
    shift_y = view.shift_y + cy * view.scale_y
    painter = QPainter(image)
    fragments = internals.PrimitiveArray(QPainter.PixmapFragment, 10)
    fragments.resize(min(_BLOCK, len(scene)))
    # middle, left, top, width, height, scales, rotation, opacity
    values = fragments.ndarray()
    values[:, 4:6] = sprites.side  # of all points where they are alike
    values[:, 6:] = 1, 1, 0, 1
    for start in range(0, len(scene), _BLOCK):
        if not is_wanted():
            painter.end()
            return None
        block = slice(start, start + _BLOCK)
        x = scene.xy[block, 0] * view.scale_x
        y = scene.xy[block, 1] * view.scale_y
        x += shift_x
        y += shift_y
        group, alpha = scene.group[block], scene.alpha[block]
        size = None if scene.size is None else scene.size[block]
        if not _all_between(x, -most, view.width + most, y, -most, view.height + most):
            inside = (x > -most) & (x < view.width + most) & (y > -most) & (y < view.height + most)
            x, y, group, alpha = x[inside], y[inside], group[inside], alpha[inside]
            size = None if size is None else size[inside]
        if not len(x):
            continue
        fragments.resize(len(x))
        values = fragments.ndarray()
        values[:, 2], values[:, 3], side = sprites.places(group, alpha, size)
        half = side / 2
        for column, place in enumerate((x, y)):
            place -= half - 0.5
            np.add(np.floor(place, out=place), half, out=values[:, column])
        if size is not None:
            values[:, 4] = values[:, 5] = side
        painter.drawPixmapFragments(*fragments.drawargs(), sprites.pixmap)  # type: ignore[call-arg]
    painter.end()
    return image


def _all_between(
    x: NDArray, left: float, right: float, y: NDArray, top: float, bottom: float
) -> bool:
    """Whether all places lie in a rectangle: cheaper than asking of each."""
    wide, high = left < x.min() and x.max() < right, top < y.min() and y.max() < bottom
    return bool(wide and high)


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What is seen of the points, to be drawn elsewhere in another thread.

    Attributes:
        scene: gives the points, and may take its time.
        view: where they lie on a surface as large as the view, of its own sharpness.
        look: of the points.
        sprites: what they are drawn with.
    """

    scene: Callable[[], PointScene]
    view: PixelView
    look: PointLook
    sprites: Sprites

    def frame(self) -> Frame:
        """A picture of them."""
        scene = self.scene()
        image = render(scene, self.view, self.sprites)
        assert image is not None
        return Frame(image, scene, self.view, self.look)


class RasterPainter(QObject):
    """Keeps the last picture: panning moves it, zooming stretches it until the next one is there.

    Signals:
        ready: a picture was finished in another thread; what shows it should be painted again.
    """

    ready = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._frame: Frame | None = None
        self._sprites: Sprites | None = None
        self._drawing: Latest[Frame | None]
        self._drawing = Latest(self._on_drawn, self, name="map picture", every=True)
        self._asked: tuple[PointScene, PixelView, PointLook] | None = None
        self.patient = False
        """Whether the view moves by itself: what it passes by needs no sharp picture."""

    @property
    def busy(self) -> bool:
        """Whether a picture is being drawn in another thread."""
        return self._drawing.busy

    def paint(
        self,
        painter: QPainter,
        scene: PointScene,
        look: PointLook,
        view: PixelView,
    ) -> None:
        """Paint the points in the window; what cannot be drawn at once follows with `ready`."""
        frame = self._frame
        if frame is None or not frame.shows(scene, view, look):
            if len(scene) <= AT_ONCE:
                panned = frame is not None and frame.is_of(scene, view, look)
                frame = self._draw(scene, _wide(view, len(scene)) if panned else view, look)
            else:
                same = frame is not None and frame.scene.source is scene.source
                if not (same and self.patient):
                    self._request(scene, view, look)
                if not same:  # other places: the old picture would tell something wrong
                    frame = self._draw(scene.part(AT_ONCE), view, look)
        assert frame is not None
        self._frame = frame
        blit(painter, frame, view)

    def draw_next(self, scene: PointScene, look: PointLook, view: PixelView) -> bool:
        """Draw what is to be painted next in the other thread already, the same points at the same
        places; False where it must be painted for that."""
        frame = self._frame
        same = frame is not None and frame.scene.source is scene.source
        if not same or self.patient or len(scene) <= AT_ONCE:
            return False
        self._request(scene, view, look)
        return True

    def draw_all(
        self,
        painter: QPainter,
        scene: PointScene,
        look: PointLook,
        view: PixelView,
    ) -> None:
        """Paint all points now, as an export needs it."""
        blit(painter, self._draw(scene, view, look), view)

    def _draw(self, scene: PointScene, view: PixelView, look: PointLook) -> Frame:
        image = render(scene, view, self._sprites_of(scene, look, view.ratio))
        assert image is not None
        return Frame(image, scene, view, look)

    def _sprites_of(self, scene: PointScene, look: PointLook, ratio: float) -> Sprites:
        diameter = look.diameter * ratio
        sized = scene.size is not None
        key = (scene.palette.tobytes(), diameter, look.opacity, sized)
        if self._sprites is None or self._sprites.key != key:
            self._sprites = Sprites(scene.palette, diameter, look.opacity, sized=sized)
        return self._sprites

    def _request(self, scene: PointScene, view: PixelView, look: PointLook) -> None:
        previous, self._asked = self._asked, (scene, view, look)
        if previous is None or previous[0] is not scene:
            self._drawing.drop()  # other points: what is being drawn is no longer wanted
        elif self._drawing.awaited and previous[1:] == (view, look):
            return
        wide = _wide(view, len(scene))
        sprites = self._sprites_of(scene, look, view.ratio)

        def draw() -> Frame | None:
            image = render(scene, wide, sprites, lambda: self._drawing.wants(draw))
            return None if image is None else Frame(image, scene, wide, look)

        self._drawing.ask(draw)

    def _on_drawn(self, frame: Frame | None) -> None:
        if frame is not None:
            self._frame = frame
            self.ready.emit()

    def close(self) -> None:
        """End the work in the other thread."""
        self._drawing.close()
        self._frame = self._asked = None
        self._sprites = None


def blit(painter: QPainter, frame: Frame, view: PixelView) -> None:
    """Draw a picture where its map's places are in a view, stretched if the scales differ."""
    frame_view, ratio = frame.view, view.ratio
    sx, sy = view.scale_x / frame_view.scale_x, view.scale_y / frame_view.scale_y
    left = view.shift_x - frame_view.shift_x * sx
    top = view.shift_y - frame_view.shift_y * sy
    painter.save()
    painter.resetTransform()
    if _same(sx, 1.0) and _same(sy, 1.0):
        frame.image.setDevicePixelRatio(ratio)
        painter.drawImage(QPointF(round(left) / ratio, round(top) / ratio), frame.image)
    else:
        frame.image.setDevicePixelRatio(1.0)
        painter.translate(left / ratio, top / ratio)
        painter.scale(sx / ratio, sy / ratio)
        painter.drawImage(QPointF(0, 0), frame.image)
    painter.restore()
