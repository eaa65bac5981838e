"""The program driven from outside by the X server's mouse and keyboard, as on a user's desktop.

Nothing is asked of the process: what it has done is read from the files that it leaves.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from own_display import serve_display

from diffviews_desktop.errors import DataError
from diffviews_desktop.state.session_file.reading import read_file, read_folder
from diffviews_desktop.state.session_file.saved import SavedSession

SECONDS = 240
SIZE = (1280, 800)

pytestmark = pytest.mark.skipif(
    shutil.which("xdotool") is None or shutil.which("Xvfb") is None,
    reason="xdotool or Xvfb is missing: apt-get install xdotool xvfb",
)


def until(ready: Callable[[], Any]) -> Any:
    """Wait until something is so; what it gives."""
    end = time.monotonic() + SECONDS
    while not (found := ready()):
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.1)
    return found


class Desktop:
    """A display of its own with the program on it, started for the first time.

    Args:
        home: of its user.
    """

    def __init__(self, home: Path) -> None:
        display = serve_display()
        assert display is not None
        kinds = {f"XDG_{kind}_HOME": str(home / kind.lower()) for kind in KINDS}
        self._state = home / "state" / "diffviews-desktop"
        self.settings = home / "data" / "diffviews-desktop" / "settings.json"
        self._environment = os.environ | kinds | {"DISPLAY": display, "HOME": str(home)}
        self._environment.pop("QT_QPA_PLATFORM", None)
        self.program = subprocess.Popen(
            [sys.executable, "-m", "diffviews_desktop", "--device", "cpu"],
            env=self._environment,
            stderr=subprocess.PIPE,
            text=True,
        )

    def begin(self) -> None:
        """Wait for the window, and give it a size and the keyboard."""
        self._window = until(self._find)
        self.do("windowsize", self._window, *map(str, SIZE))
        self.take_keyboard()

    def take_keyboard(self) -> None:
        """Give the window the keyboard, as a window manager does when a dialog is closed."""
        self.do("windowfocus", self._window)

    def _find(self) -> str:
        assert self.program.poll() is None, "the program ended"
        pid = str(self.program.pid)
        found = self.do("search", "--onlyvisible", "--pid", pid, "--name", "DiffViews")
        return found.split("\n")[0]

    def do(self, *words: str) -> str:
        """A command of xdotool's; what it prints."""
        done = subprocess.run(
            ["xdotool", *words], env=self._environment, capture_output=True, text=True, timeout=60
        )
        return done.stdout.strip()

    def key(self, *keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            self.do("key", key)
            time.sleep(0.15)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Drag the left button between two places, in parts of the window."""
        (x, y), (u, v) = (
            [round(a * b) for a, b in zip(p, SIZE, strict=True)] for p in (start, end)
        )
        self.do("mousemove", str(x), str(y), "mousedown", "1")
        for part in (0.3, 0.7, 1.0):
            to = round(x + part * (u - x)), round(y + part * (v - y))
            self.do("mousemove", *map(str, to), "sleep", "0.05")
        self.do("mouseup", "1")

    def kept(self) -> SavedSession | None:
        """What the program keeps of the work, for the case that it is killed."""
        for folder in (self._state / "sessions").glob("*/session.json"):
            try:
                return read_folder(folder.parent)
            except DataError:
                return None
        return None

    def end(self) -> None:
        if self.program.poll() is None:
            self.program.terminate()
            self.program.wait(30)
        assert self.program.stderr is not None
        self.program.stderr.close()


KINDS = ("DATA", "CACHE", "STATE", "CONFIG")


@pytest.fixture
def desktop(tmp_path: Path) -> Iterator[Desktop]:
    made = Desktop(tmp_path)
    try:
        made.begin()
        yield made
    finally:
        made.end()


def test_the_tour_a_selection_and_a_session_from_outside(desktop: Desktop, tmp_path: Path) -> None:
    def has(found: Callable[[SavedSession], object]) -> Callable[[], bool]:
        return lambda: (kept := desktop.kept()) is not None and bool(found(kept))

    # the greeting has the keyboard; every card's first button goes on
    until(lambda: desktop.settings.is_file() and "welcomed" in desktop.settings.read_text())
    time.sleep(1)
    desktop.key("space", "space", "space")  # take the tour, look around, pick
    until(has(lambda kept: kept.selection.anchor is not None))
    desktop.key("space")
    until(has(lambda kept: kept.selection.suggested))
    desktop.key("space")
    until(has(lambda kept: kept.runs.all and kept.runs.all[0].done))
    desktop.key("space", "space")  # watch it, compare
    until(has(lambda kept: kept.runs.unmasked and kept.runs.unmasked[0].done))
    desktop.key("space")

    # the mouse: a rectangle over the map selects
    desktop.key("r")
    desktop.drag((0.3, 0.15), (0.7, 0.55))
    until(has(lambda kept: len(kept.selection.chosen)))

    # the keyboard: save, by the file dialog
    file = tmp_path / "from outside.diffviews"
    desktop.key("ctrl+s")
    time.sleep(1)
    desktop.do("key", "ctrl+a")
    desktop.do("type", "--delay", "20", str(file))
    desktop.key("Return")
    until(file.is_file)
    saved = read_file(file)
    assert len(saved.runs.all) == 1
    assert saved.runs.all[0].steps
    assert saved.selection.anchor is not None
    assert len(saved.selection.chosen)

    # all is saved: it ends without a question, and without a complaint
    desktop.take_keyboard()
    desktop.key("ctrl+q")
    assert desktop.program.wait(60) == 0
    assert desktop.program.stderr is not None
    said = desktop.program.stderr.read()
    assert "Traceback" not in said
    assert "leaked" not in said
    logs = [path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.log")]
    assert not any("unexpectedly" in text for text in logs)
