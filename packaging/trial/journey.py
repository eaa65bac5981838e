"""The way of somebody who opens an installed program for the first time, by keys from outside."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import measure
import screen as screens
from PIL import Image

TRIES = 12
KEPT = "first picture"


@dataclass(frozen=True)
class Journey:
    """What came of it.

    Attributes:
        start: how long the window and its map took.
        generate: seconds from the start until a picture was drawn.
        picture: the file that was saved.
        record: what it says of how it was made.
    """

    start: measure.Start
    generate: float
    picture: Path
    record: dict[str, object]


def travel(
    command: list[str],
    shown: screens.Screen,
    folder: str,
    outside: Callable[[str], Path],
    pictures: Path,
    name: str,
) -> Journey:
    """Open the demo, pick a sample, suggest neighbours, draw with them, save, and close the window.

    Args:
        command: starts the window.
        shown: where it opens.
        folder: where to save, as the program sees it.
        outside: where a path of the program's machine is on this one.
        pictures: gets screenshots.
        name: of the journey, in their names.

    Raises:
        TimeoutError, AssertionError: something did not come, or not as it should.
    """
    process, started = measure.start(command, shown)
    try:
        shown.save(pictures / f"{name}-1-map.png")
        width, height = screens.SIZE
        shown.click(width // 2, height // 2 + 40)
        shown.press("Right", "Up", "Return")
        shown.save(pictures / f"{name}-2-picked.png")
        file = f"{folder}/{KEPT}.png"
        suggested = outside(file).with_suffix(".none")
        assert not suggested.exists()
        generated = _generate(shown, process)
        shown.save(pictures / f"{name}-3-generated.png")
        shown.type(file)
        shown.press("Return")
        saved = outside(file)
        screens.until(saved.is_file, "the saved picture")
        shown.press("Escape", pause=0.5)
        shown.save(pictures / f"{name}-4-saved.png")
        with Image.open(saved) as picture:
            assert picture.size[0] >= 8
        record = json.loads(saved.with_suffix(".diffviews.json").read_text(encoding="utf-8"))
        measure.end(process, shown, "key")
        return Journey(started, started.map + generated, saved, record)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _generate(shown: screens.Screen, process: subprocess.Popen[bytes]) -> float:
    """Suggest neighbours and draw, as soon as the model is loaded, until a picture can be saved.

    The dialog for that is open in the end. Returns the seconds that it took.
    """
    waited = 0.0
    for _ in range(TRIES):
        assert process.poll() is None, "the window has ended"
        shown.press("s", pause=1.0)
        shown.press("ctrl+Return")
        for _ in range(20):
            shown.press("ctrl+s", pause=0.25)
            if any("Save" in title for title in shown.windows()):
                return waited
            waited += 0.25
        waited += 1.0
    raise TimeoutError("no picture was drawn")
