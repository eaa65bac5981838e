"""What About shows: the version, where files are, and the licences of an installed program."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot

from diffviews_desktop import __version__, paths
from diffviews_desktop.ui.shell.about import AboutWindow, LicencesWindow


def button(window: AboutWindow, name: str) -> QPushButton | None:
    return next((one for one in window.findChildren(QPushButton) if name in one.text()), None)


def test_it_says_the_version_and_where_files_are(qtbot: QtBot) -> None:
    window = AboutWindow()
    qtbot.addWidget(window)
    said = " ".join(label.text() for label in window.findChildren(QLabel))
    for words in (__version__, "MNIST", "Newer versions", str(paths.data_dir())):
        assert words in said
    assert button(window, "Licences") is None  # a checkout has none to show


def test_an_installed_program_shows_its_licences(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "licences.txt"
    lines = ["Python 3", "<b>do</b> what you like", *(f"line {i}" for i in range(20_000))]
    file.write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.setattr(paths, "licences", lambda: file)
    window = AboutWindow()
    qtbot.addWidget(window)
    window.show()
    shown = button(window, "Licences")
    assert shown is not None
    shown.click()
    (licences,) = window.findChildren(LicencesWindow)
    qtbot.waitUntil(licences.isVisible)
    model = licences.list.model()
    assert [model.index(row, 0).data() for row in range(3)] == lines[:3]
    assert model.rowCount() == len(lines)
