"""What the window writes, with its record: both or neither, and through no link."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot
from victims import Victims

from diffviews_desktop import paths
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.shell.saving import PictureSaver

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
        saver.save(picture, str(file), RECORD)
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


def test_icons_take_the_place_of_links_too(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victims = Victims(tmp_path / "victims")
    monkeypatch.setattr(paths, "cache_dir", lambda: tmp_path / "cache")
    (tmp_path / "cache" / "icons").mkdir(parents=True)
    link = tmp_path / "cache" / "icons" / "check-010203.png"
    os.symlink(victims.absent, link)
    theme._icon_file.cache_clear()
    file = Path(theme._icon_file("check", "#010203"))
    theme._icon_file.cache_clear()
    assert file == link
    assert victims.unharmed()
    with Image.open(file) as image:
        assert image.size == (28, 28)
