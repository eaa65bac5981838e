"""What the window writes, with its record: both or neither, and through no link."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QFileDialog, QWidget
from pytestqt.qtbot import QtBot
from victims import Victims

from diffviews_desktop import paths
from diffviews_desktop.exports.contents import Drawing, Picture
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.images import encode, pixels_of
from diffviews_desktop.ui.shell.saving import PictureSaver, ask_where, picture_maker

RECORD = {"kind": "map", "model": "tiny"}


def picture() -> QImage:
    image = QImage(5, 4, QImage.Format.Format_RGB32)
    image.fill(0xFF102030)
    return image


@pytest.fixture
def saver(qtbot: QtBot) -> PictureSaver:
    return PictureSaver()


def save(qtbot: QtBot, saver: PictureSaver, file: Path) -> bool:
    with qtbot.waitSignal(saver.saved) as caught:
        saver.save(picture_maker(picture, RECORD), str(file))
    return bool(caught.args[1])


def test_a_picture_and_its_record_take_the_place_of_links(
    qtbot: QtBot, saver: PictureSaver, tmp_path: Path
) -> None:
    victims = Victims(tmp_path / "victims")
    folder = tmp_path / "pictures"
    folder.mkdir()
    file, beside = folder / "map.png", folder / "map.diffviews.json"
    file.symlink_to(victims.file)
    beside.symlink_to(victims.absent)
    assert save(qtbot, saver, file)
    assert victims.unharmed()
    assert not file.is_symlink()
    with Image.open(file) as image:
        assert image.size == (5, 4)
        assert json.loads(image.text["diffviews"]) == RECORD
    assert json.loads(beside.read_text()) == RECORD
    assert len(list(folder.iterdir())) == 2


def test_a_picture_whose_record_cannot_be_written_is_not_written_either(
    qtbot: QtBot, saver: PictureSaver, tmp_path: Path
) -> None:
    (tmp_path / "map.diffviews.json").mkdir()
    assert not save(qtbot, saver, tmp_path / "map.png")
    assert [path.name for path in tmp_path.iterdir()] == ["map.diffviews.json"]


def answers(monkeypatch: pytest.MonkeyPatch, *entered: str) -> list[str]:
    """Let the dialog give these names, one after the other; the list has what it started with."""
    starts: list[str] = []
    names = iter(entered)

    def ask(parent: object, title: str, start: str, kinds: str) -> tuple[str, str]:
        starts.append(start)
        return next(names), "SVG (*.svg)"

    monkeypatch.setattr(QFileDialog, "getSaveFileName", ask)
    return starts


def test_a_name_without_a_suffix_never_replaces_a_file_that_nobody_named(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    (tmp_path / "map.svg").touch()
    plain, full = str(tmp_path / "map"), str(tmp_path / "map.svg")
    starts = answers(monkeypatch, plain, full)
    assert ask_where(parent, "Export", tmp_path / "a.png", lambda: (Picture, Drawing)) == full
    assert starts == [str(tmp_path / "a.png"), full]
    answers(monkeypatch, str(tmp_path / "new"))
    new = ask_where(parent, "Export", tmp_path / "a.png", lambda: (Picture, Drawing))
    assert new == str(tmp_path / "new.svg")
    answers(monkeypatch, plain, "")
    assert ask_where(parent, "Export", tmp_path, lambda: (Picture, Drawing)) == ""


def test_what_can_be_written_is_looked_at_again_after_the_dialog(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    answers(monkeypatch, str(tmp_path / "map.svg"))
    contents = iter([(Picture, Drawing), (Picture,)])  # meanwhile a map in three dimensions came
    file = ask_where(parent, "Export", tmp_path, lambda: next(contents))
    assert file == str(tmp_path / "map.png")


def test_a_name_with_a_suffix_of_no_format_is_the_usual_one(
    qtbot: QtBot, saver: PictureSaver, tmp_path: Path
) -> None:
    assert save(qtbot, saver, tmp_path / "map.v2")
    assert (tmp_path / "map.v2").read_bytes().startswith(b"\x89PNG")


def test_a_picture_without_a_record_is_alone(
    qtbot: QtBot, saver: PictureSaver, tmp_path: Path
) -> None:
    with qtbot.waitSignal(saver.saved):
        saver.save(lambda: Picture(pixels_of(picture())), str(tmp_path / "a.png"))
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
    with Image.open(tmp_path / "a.png") as image:
        assert image.getpixel((0, 0)) == (0x10, 0x20, 0x30)
        assert "diffviews" not in image.text


def test_pixels_are_those_of_the_picture_also_where_it_is_transparent() -> None:
    image = QImage(3, 2, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(QColor(255, 0, 0, 255))
    image.setPixelColor(2, 1, QColor(0, 0, 255, 128))
    pixels = pixels_of(image)
    assert pixels.shape == (2, 3, 4)
    assert pixels[0, 0].tolist() == [255, 0, 0, 255]
    assert pixels[1, 2].tolist() == [0, 0, 255, 128]
    odd = QImage(5, 4, QImage.Format.Format_RGB888)  # its lines are padded
    odd.fill(QColor(1, 2, 3))
    assert (pixels_of(odd) == (1, 2, 3)).all()
    assert pixels_of(odd).shape == (4, 5, 3)


def test_a_kind_of_picture_that_is_not_known_is_an_error() -> None:
    assert encode(picture(), "jpg").startswith(b"\xff\xd8")
    for kind in ("", "docx"):
        with pytest.raises(OSError, match="cannot be written as"):
            encode(picture(), kind)


def test_icons_take_the_place_of_links_too(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victims = Victims(tmp_path / "victims")
    monkeypatch.setattr(paths, "cache_dir", lambda: tmp_path / "cache")
    (tmp_path / "cache" / "icons").mkdir(parents=True)
    link = tmp_path / "cache" / "icons" / "check-010203.png"
    os.symlink(victims.absent, link)
    assert theme._icon_in_sheet("check", "#010203") == f'url("{link.as_posix()}")'
    assert victims.unharmed()
    with Image.open(link) as image:
        assert image.size == (28, 28)
