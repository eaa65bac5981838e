"""No language makes the docks wider: their texts take the room that there is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from pytestqt.qtbot import QtBot

from diffviews_desktop.ui.shell.window import MainWindow

HERE = Path(__file__).resolve()
FILE = "DOCK_WIDTHS"
"""The variable that names where a German window writes how wide its docks are."""


def widths(qtbot: QtBot, window: MainWindow) -> list[int]:
    """How wide the docks at the sides are."""
    window.resize(1280, 720)
    qtbot.waitUntil(lambda: window.size().toTuple() == (1280, 720))
    return [dock.width() for dock in window.layout_of_docks.docks[:4]]


def test_docks_are_as_wide_in_german_as_in_english(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    found = widths(qtbot, window)
    if FILE in os.environ:
        Path(os.environ[FILE]).write_text(json.dumps(found))
        return
    file = tmp_path / "german.json"
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "german_texts"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", HERE],
        env={**os.environ, "PYTHONPATH": str(HERE.parents[1]), FILE: str(file)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert json.loads(file.read_text()) == found
