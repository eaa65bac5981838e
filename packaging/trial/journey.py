"""A first use of an installed program, by keys and clicks from outside."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import measure
import screen as screens

TRIES, SAVES = 12, 4
PAINTED = 1.0
"""Seconds until what a key did is on the screen, for a screenshot."""
KEPT = "first session"


@dataclass(frozen=True)
class Drawn:
    """What came of drawing a first picture.

    Attributes:
        start: how long the window and its map took.
        session: the file that was saved, as this machine sees it.
        runs: its members that hold runs, with their bytes.
    """

    start: measure.Start
    session: Path
    runs: dict[str, bytes]


@dataclass(frozen=True)
class Traveller:
    """Somewhere to use a program.

    Attributes:
        command: starts the window; more arguments may follow.
        shown: where it opens.
        folder: the user's home, as the program sees it.
        outside: where a path of the program's machine is on this one.
        pictures: gets screenshots.
        name: of this use, in their names.
    """

    command: list[str]
    shown: screens.Screen
    folder: str
    outside: Callable[[str], Path]
    pictures: Path
    name: str

    @property
    def session(self) -> str:
        """The file of the session, as the program sees it."""
        return f"{self.folder}/{KEPT}.diffviews"

    def draw(self) -> Drawn:
        """Open the demo, pick a sample, suggest neighbours, draw with them, save the session and
        close the window.

        Raises:
            TimeoutError, AssertionError: something did not come, or not as it should.
        """
        process, start = measure.start(self.command, self.shown)
        with _clean_up(process):
            self._keep("1-map")
            self.shown.press("Escape")  # no tour
            width, height = screens.SIZE
            self.shown.click(width // 2, height // 2 + 40)
            self.shown.press("Right", "Up", "Return")
            self._keep("2-picked")
            self.shown.press("s")
            self._keep("3-suggested")
            self._save_session()
            runs = self._generate(process)
            self._keep("5-generated")
            measure.end(process, self.shown, "key")
        return Drawn(start, self.outside(self.session), runs)

    def reopen(self, drawing: Drawn) -> None:
        """Open the session that was saved, save it again, and look that it holds the same runs.

        Raises:
            TimeoutError, AssertionError: as for `draw`.
        """
        process, _ = measure.start([*self.command, self.session], self.shown)
        with _clean_up(process):
            screens.until(lambda: self._is_shown(KEPT), "the session's name in the title")
            self._keep("6-reopened")
            old_time = drawing.session.stat().st_mtime_ns

            def is_saved() -> bool:
                self.shown.press("ctrl+s", pause=1.0)
                return drawing.session.stat().st_mtime_ns != old_time

            screens.until(is_saved, "the session, saved again")
            assert _holds(_runs(drawing.session), drawing.runs), "the session holds other runs"
            measure.end(process, self.shown, "key")

    def _save_session(self) -> None:
        """Save for the first time: the dialog that asks for a file begins in the user's home."""
        self.shown.press("ctrl+s")
        screens.until(lambda: "Save session" in self.shown.focus_title(), "the dialog for a file")
        time.sleep(PAINTED)
        self.shown.press("ctrl+a")
        self.shown.type(f"{KEPT}.diffviews")
        self._keep("4-saving")
        self.shown.press("Return")
        screens.until(self.outside(self.session).is_file, "the saved session")

    def _generate(self, process: subprocess.Popen[bytes]) -> dict[str, bytes]:
        """Draw, as soon as the model is loaded, and save until the session holds the whole run."""
        for _ in range(TRIES):
            assert process.poll() is None, "the window has ended"
            self.shown.press("ctrl+Return")
            old_runs: dict[str, bytes] = {}
            for _ in range(SAVES):
                self.shown.press("ctrl+s", pause=2.0)
                runs = _runs(self.outside(self.session))
                if runs and runs == old_runs:
                    return runs
                old_runs = runs
        raise TimeoutError("no picture was drawn")

    def _is_shown(self, words: str) -> bool:
        return any(words in title for title in self.shown.windows())

    def _keep(self, label: str) -> None:
        time.sleep(PAINTED)
        self.shown.save(self.pictures / f"{self.name}-{label}.png")


@contextlib.contextmanager
def _clean_up(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Leave no window behind where something fails."""
    try:
        yield
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _holds(new: dict[str, bytes], old: dict[str, bytes]) -> bool:
    """Whether runs are what they were; a newer version may say more of them."""
    return new.keys() == old.keys() and all(
        _says(json.loads(new[name]), json.loads(member))
        if name.endswith(".json")
        else new[name] == member
        for name, member in old.items()
    )


def _says(new: object, old: object) -> bool:
    """Whether a value of JSON holds all that another one does."""
    if isinstance(old, dict):
        return isinstance(new, dict) and all(
            name in new and _says(new[name], value) for name, value in old.items()
        )
    return new == old


def _runs(session: Path) -> dict[str, bytes]:
    """What a session's file says of its runs; nothing of how they are shown, which may change."""
    with zipfile.ZipFile(session) as archive:
        names = [name for name in archive.namelist() if name.startswith("run-")]
        return {name: archive.read(name) for name in names}
