"""Pictures: decoded away from the window, shown unblurred, composed as the original does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PySide6.QtGui import QColor, QImage
from pytestqt.qtbot import QtBot

from diffviews_desktop.samples import SampleTable
from diffviews_desktop.ui.images import PictureLoader, enlarged, to_qimage, with_inset


def test_a_picture_comes_later_and_then_at_once(qtbot: QtBot, samples: SampleTable) -> None:
    loader = PictureLoader()
    path = samples.picture(7)
    with qtbot.waitSignal(loader.loaded) as caught:
        assert loader.get(path) is None
    assert caught.args[0] == str(path)
    kept = loader.get(path)
    assert kept is not None
    assert kept.pixelColor(0, 0).red() == 35


def test_missing_and_broken_pictures_are_null(qtbot: QtBot, tmp_path: Path) -> None:
    loader = PictureLoader()
    missing = loader.get(None)
    assert missing is not None
    assert missing.isNull()
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"not a picture")
    with qtbot.waitSignal(loader.loaded) as caught:
        loader.get(broken)
    assert caught.args[1].isNull()


def test_pixels_survive_the_way_to_the_screen(qapp: object) -> None:
    rng = np.random.default_rng(0)
    for channels in (1, 3):
        pixels = rng.integers(0, 256, (5, 7, channels), dtype=np.uint8)
        image = to_qimage(pixels)
        seen = [[image.pixelColor(x, y).getRgb()[:3] for x in range(7)] for y in range(5)]
        assert np.array_equal(np.array(seen), np.broadcast_to(pixels, (5, 7, 3)))


def test_small_pictures_are_enlarged_without_smoothing(qapp: object) -> None:
    image = QImage(2, 2, QImage.Format.Format_RGB32)
    image.fill(QColor("black"))
    image.setPixelColor(1, 0, QColor("white"))
    big = enlarged(image, 100, 2.0)
    assert big.width() == 200
    assert big.devicePixelRatio() == 2.0
    pixels = big.toImage()
    colors = {pixels.pixelColor(x, y).name() for x in range(200) for y in range(0, 200, 7)}
    assert colors == {"#000000", "#ffffff"}


def test_the_noised_input_is_inset_top_left(qapp: object) -> None:  # behaviour 28
    white, red = (QImage(8, 8, QImage.Format.Format_RGB32) for _ in range(2))
    white.fill(QColor("#101010"))
    red.fill(QColor("red"))
    pixels = with_inset(white, red, 100, 1.0).toImage()
    inside = [
        (x, y)
        for x in range(100)
        for y in range(100)
        if pixels.pixelColor(x, y).name() == "#ff0000"
    ]
    assert min(inside) == (2, 2)  # a margin of 2 pixels
    assert max(inside) == (26, 26)  # 25 % of the size
    assert len(inside) == 25 * 25
