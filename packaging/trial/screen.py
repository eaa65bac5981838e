"""A display with a window manager, and a hand that presses keys on it from outside."""

from __future__ import annotations

import contextlib
import io
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

SIZE = (1440, 900)
PATIENCE = 180.0
SATURATED = 90
"""From which difference of its channels on a pixel counts as coloured."""


@dataclass(frozen=True)
class Screen:
    """A display.

    Attributes:
        display: its name, such as ``:71``.
    """

    display: str

    def press(self, *keys: str, pause: float = 0.15) -> None:
        """Press keys one after the other, by the names of X: ``ctrl+Return``."""
        for key in keys:
            self._do("xdotool", "key", "--clearmodifiers", key)
            time.sleep(pause)

    def type(self, text: str) -> None:
        """Type a text."""
        self._do("xdotool", "type", "--delay", "15", text)

    def click(self, x: int, y: int) -> None:
        """Click with the left button."""
        self._do("xdotool", "mousemove", str(x), str(y), "click", "1")

    def windows(self) -> list[str]:
        """The titles of the windows that are shown."""
        ids = self._ask("xdotool", "search", "--onlyvisible", "--name", ".")
        return [self._ask("xdotool", "getwindowname", one).strip() for one in ids.split()]

    def focus_title(self) -> str:
        """The title of the window that keys go to; empty where it is none."""
        return self._ask("xdotool", "getwindowfocus", "getwindowname").strip()

    def picture(self) -> Image.Image:
        """What is on the screen."""
        process = subprocess.run(
            ["import", "-display", self.display, "-window", "root", "png:-"],
            check=True,
            capture_output=True,
        )
        return Image.open(io.BytesIO(process.stdout)).convert("RGB")

    def save(self, file: Path) -> None:
        """Keep a picture of the screen."""
        file.parent.mkdir(parents=True, exist_ok=True)
        self.picture().save(file, optimize=True)

    def count_colourful(self) -> int:
        """How many pixels in the middle half of the screen are colourful, as points of a map are
        and an empty window is not."""
        width, height = SIZE
        box = (width // 4, height // 4, 3 * width // 4, 3 * height // 4)
        middle = self.picture().crop(box).convert("HSV").getchannel("S")
        return sum(middle.histogram()[SATURATED:])

    def _do(self, *command: str) -> None:
        subprocess.run(command, check=True, env=self._environment(), capture_output=True)

    def _ask(self, *command: str) -> str:
        process = subprocess.run(
            command, check=False, env=self._environment(), capture_output=True, text=True
        )
        return process.stdout

    def _environment(self) -> dict[str, str]:
        return {"DISPLAY": self.display, "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}


@contextlib.contextmanager
def screen(number: int) -> Iterator[Screen]:
    """A display with a window manager, for every user of this machine.

    Args:
        number: of the display.
    """
    result = Screen(f":{number}")
    size = f"{SIZE[0]}x{SIZE[1]}x24"
    server = ["Xvfb", result.display, "-screen", "0", size, "-nolisten", "tcp", "-ac"]
    with _running(server):
        until(lambda: Path(f"/tmp/.X11-unix/X{number}").exists(), "the display")
        with _running(["openbox"], result.display):
            yield result


@contextlib.contextmanager
def _running(command: list[str], display: str = "") -> Iterator[None]:
    variables = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "LANG": "C.UTF-8"}
    with subprocess.Popen(
        command,
        env=variables | ({"DISPLAY": display} if display else {}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield
        finally:
            process.terminate()
            process.wait()


def until(
    is_reached: object, subject: str, patience: float = PATIENCE, every: float = 0.1
) -> float:
    """Wait until a function says yes; returns the seconds that took.

    Raises:
        TimeoutError: it did not.
    """
    start = time.monotonic()
    while not is_reached():  # type: ignore[operator]
        if time.monotonic() - start > patience:
            raise TimeoutError(f"{subject} did not come within {patience:.0f} s")
        time.sleep(every)
    return time.monotonic() - start
