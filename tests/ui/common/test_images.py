"""Pictures: decoded away from the window, shown unblurred, composed as the original does."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import hostile_pictures as hostile
import numpy as np
import pytest
import shiboken6
from PIL import Image
from PySide6.QtCore import QObject
from PySide6.QtGui import QColor, QImage
from pytestqt.qtbot import QtBot

from diffviews_desktop.data.folder.pictures import read_picture
from diffviews_desktop.errors import PictureError
from diffviews_desktop.ui.common import images
from diffviews_desktop.ui.common.images import (
    PictureLoader,
    encode,
    enlarge,
    size_of,
    to_qimage,
)
from diffviews_desktop.values.brightness import Brightness
from diffviews_desktop.values.samples import SampleTable


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


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (hostile.EPS, "is not a known kind of picture"),
        (hostile.OTHERS["svg"], "is not a known kind of picture"),
        (hostile.OTHERS["ico"], "is not a known kind of picture"),
        (hostile.OTHERS["ppm"], "is not a known kind of picture"),
        (hostile.png(20_000, 20_000), "is too large"),
        (hostile.TOO_LARGE["jpeg, scans"], "is too large"),
        (hostile.jpeg_of(64)[:-40], "is damaged"),
        (None, "is not a file"),
    ],
)
def test_what_the_engine_refuses_the_window_does(
    qtbot: QtBot, tmp_path: Path, data: bytes | None, fault: str
) -> None:
    path = tmp_path / "a.png"
    if data is None:
        os.mkfifo(path)
    else:
        path.write_bytes(data)
    with pytest.raises(PictureError) as caught:
        read_picture(path, 8, 3)
    assert caught.value.fault.of_one == fault
    loader = PictureLoader()
    with qtbot.waitSignal(loader.loaded) as loaded:
        loader.get(path)
    assert loaded.args[1].isNull()
    assert loader.fault(str(path)) == fault


def test_what_is_shown_is_what_the_model_sees(qtbot: QtBot, tmp_path: Path) -> None:
    """Upright, over white, numbers as brightness: where Qt by itself shows something else."""
    rng = np.random.default_rng(0)
    exif = Image.Exif()
    exif[0x0112] = 6
    clear = Image.fromarray(rng.integers(0, 256, (12, 20, 4), dtype=np.uint8), "RGBA")
    clear.save(tmp_path / "clear.png", exif=exif)
    Image.fromarray(rng.random((12, 20), np.float32)).save(tmp_path / "numbers.tif")
    Image.fromarray(rng.integers(0, 65536, (12, 20), dtype=np.uint16)).save(tmp_path / "deep.png")
    loader = PictureLoader()
    for path in tmp_path.iterdir():
        with qtbot.waitSignal(loader.loaded):
            loader.get(path)
        image = loader.get(path)
        assert image is not None
        square = min(image.width(), image.height())
        left, top = (image.width() - square) // 2, (image.height() - square) // 2
        seen = np.round((read_picture(path, square, 3) + 1) * 127.5)
        for x, y in ((0, 0), (5, 3), (11, 7)):
            shown = image.pixelColor(left + x, top + y).getRgb()[:3]
            assert list(shown) == seen[:, y, x].tolist(), path.name


def test_pictures_of_numbers_are_shown_by_the_rule_of_their_folder(
    qtbot: QtBot, tmp_path: Path
) -> None:
    path = tmp_path / "a.tif"
    Image.fromarray(np.full((8, 8), 0.5, np.float32)).save(path)
    loader = PictureLoader()
    for rule, grey in ((Brightness(), 128), (Brightness.of_range(-1, 1), 191), (Brightness(), 128)):
        loader.set_brightness(rule)
        loader.set_brightness(rule)  # nothing else
        with qtbot.waitSignal(loader.loaded):
            assert loader.get(path) is None
        image = loader.get(path)
        assert image is not None
        assert image.pixelColor(3, 3).red() == grey


def test_what_was_asked_for_by_another_rule_is_not_shown(qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    Image.fromarray(np.full((8, 8), 0.5, np.float32)).save(path)
    loader = PictureLoader()
    seen: list[int] = []
    loader.loaded.connect(lambda _, image: seen.append(image.pixelColor(3, 3).red()))
    loader.get(path)
    loader.set_brightness(Brightness.of_range(-1, 1))
    loader.get(path)
    qtbot.waitUntil(lambda: bool(seen))
    loader.wait()
    qtbot.wait(0)
    assert seen == [191]


def test_large_pictures_are_kept_small_and_few(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "KEPT_BYTES", 1_500_000)
    loader = PictureLoader()
    paths = [tmp_path / f"{i}.jpg" for i in range(4)]
    for path in paths:
        Image.new("RGB", (2000, 1000)).save(path)
        with qtbot.waitSignal(loader.loaded) as caught:
            loader.get(path)
        image = caught.args[1]
        assert (image.width(), image.height()) == (512, 256)
        assert size_of(image) == "2000×1000"
    assert loader.get(paths[3]) is not None
    assert loader.get(paths[0]) is None  # is read again
    kept = [loader.get(path) for path in paths[1:]]
    assert sum(image.sizeInBytes() for image in kept if image is not None) <= 1_500_000
    loader.wait()


def test_a_picture_is_copied_whole(qtbot: QtBot, tmp_path: Path) -> None:
    loader = PictureLoader()
    Image.new("RGB", (800, 600), "red").save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(hostile.EPS)
    copied: list[tuple[QImage, str]] = []
    for name in ("a.png", "b.png"):
        loader.copy(tmp_path / name, lambda image, fault: copied.append((image, fault)))
    qtbot.waitUntil(lambda: len(copied) == 2)
    copied.sort(key=lambda pair: pair[1])
    (whole, none), (null, fault) = copied
    assert (whole.width(), whole.pixelColor(9, 9).name(), none) == (800, "#ff0000", "")
    assert (null.isNull(), fault) == (True, "is not a known kind of picture")


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
    big = enlarge(image, 100, 2.0)
    assert big.width() == 200
    assert big.devicePixelRatio() == 2.0
    pixels = big.toImage()
    colors = {pixels.pixelColor(x, y).name() for x in range(200) for y in range(0, 200, 7)}
    assert colors == {"#000000", "#ffffff"}


def test_a_window_that_goes_while_pictures_are_decoded_does_not_stand_still(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = threading.Event()

    def slow(path: Path, rule: object, side: int | None = None) -> tuple[QImage, str]:
        started.set()
        end = time.monotonic() + 0.5
        while time.monotonic() < end:  # in the interpreter
            pass
        return QImage(), "is slow"

    monkeypatch.setattr(images, "_read", slow)
    owner = QObject()
    loader = images.PictureLoader(owner)
    assert loader.get(tmp_path / "a.png") is None
    assert started.wait(60)
    shiboken6.delete(owner)
    later = images.PictureLoader()
    later.wait()
    assert later.get(tmp_path / "b.png") is None  # nothing is begun any more


def test_a_kind_of_picture_that_is_not_known_is_an_error() -> None:
    picture = to_qimage(np.zeros((4, 5, 3), np.uint8))
    assert encode(picture, "jpg").startswith(b"\xff\xd8")
    for kind in ("", "docx"):
        with pytest.raises(OSError, match="cannot be written as"):
            encode(picture, kind)
