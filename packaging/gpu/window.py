"""A real window whose map OpenGL draws: on a display that is there, else on a virtual one, by GLX
or EGL. On the CPU OpenGL draws in software, where frames have no limit.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from figures import Figure, heard, measurement, not_measured, tell, told
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget

HERE = Path(__file__).resolve()
WITH_DISPLAY = HERE.parents[1] / "with-display"
COUNTS, QUICK_COUNTS = (1_000_000, 5_000_000), (2_000,)
IN_WINDOW, QUICK_IN_WINDOW = 1_000_000, 1_000
"""Samples of the map in the program's own window."""
QUICK_FRAMES = 2
LONGEST_PAUSE = 50.0  # ms that the window stands still at most
DRAWN, COLORED = 0.02, 40
"""Share of the map's pixels that points cover at least, and how far apart the channels of such a
pixel are."""


@dataclass(frozen=True)
class Way:
    """A way to a window that OpenGL draws.

    Attributes:
        name: of it.
        command: what the program is started with.
        variables: of the environment.
    """

    name: str
    command: tuple[str, ...]
    variables: dict[str, str]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """This script again, in this way."""
        return subprocess.run(
            [*self.command, sys.executable, str(HERE), *arguments],
            env={**os.environ, **self.variables, "DIFFVIEWS_RENDERER": "opengl"},
            capture_output=True,
            text=True,
        )


def ways() -> list[Way]:
    """The ways there may be, the best first."""
    glx = {"QT_QPA_PLATFORM": "xcb", "QT_XCB_GL_INTEGRATION": "xcb_glx"}
    egl = {"QT_QPA_PLATFORM": "xcb", "QT_XCB_GL_INTEGRATION": "xcb_egl"}
    options = []
    if os.environ.get("DISPLAY"):
        options.append(Way("the display that is there", (), {"QT_QPA_PLATFORM": "xcb"}))
    if shutil.which("xvfb-run"):
        virtual = (str(WITH_DISPLAY),)
        nvidia = {**glx, "__GLX_VENDOR_LIBRARY_NAME": "nvidia"}
        options.append(Way("Xvfb with NVIDIA's GLX", virtual, nvidia))
        options.append(Way("Xvfb with EGL", virtual, egl))
        options.append(Way("Xvfb with GLX", virtual, glx))
    return options


def check(part: str, cuda: bool, quick: bool) -> list[Figure]:
    """Find a way to a window, and measure the map in it."""
    attempts: list[str] = []
    for way in ways():
        process = way.run("--renderer")
        lines = process.stdout.strip().splitlines()
        drawn_by = json.loads(lines[-1]) if not process.returncode and lines else {}
        text = (
            drawn_by.get("device") or (process.stderr.strip().splitlines()[-1:] or ["nothing"])[0]
        )
        attempts.append(f"{way.name}: {text}")
        if drawn_by.get("device") and (drawn_by["card"] or not cuda):
            figures = [told(part, "OpenGL draws", True, f"{way.name}: {text}")]
            return figures + _measure(part, way, drawn_by["card"], quick)
    reason = "; ".join(attempts) or "There is no display, and xvfb is not installed"
    return [not_measured(part, "OpenGL draws on the graphics card", f"{reason}.")]


def _measure(part: str, way: Way, card: bool, quick: bool) -> list[Figure]:
    """The figures of points of several counts, then of the program's window."""
    steps = [["--points", str(count)] for count in (QUICK_COUNTS if quick else COUNTS)]
    steps.append(["--window", str(QUICK_IN_WINDOW if quick else IN_WINDOW)])
    figures: list[Figure] = []
    for step in steps:
        switches = [name for name, on in (("--card", card), ("--quick", quick)) if on]
        process = way.run(*step, *switches, "--part", part)
        try:
            if process.returncode:
                raise ValueError(f"it ended with status {process.returncode}")
            figures += heard(process.stdout)
        except (ValueError, TypeError) as error:
            print(process.stderr, file=sys.stderr)
            figures.append(told(part, " ".join(step), False, str(error)))
    return figures


# ---- in a way -----------------------------------------------------------------------------------


def renderer() -> dict[str, object]:
    """What OpenGL draws with here, and whether that is a graphics card."""
    from diffviews_desktop.app import create_application
    from diffviews_desktop.ui.views.flat.renderer import Renderer, gl_renderer

    app = create_application(sys.argv[:1])
    device = gl_renderer()
    del app
    return {"device": device, "card": Renderer("opengl", device, "").graphics_card}


def points(part: str, count: int, card: bool, quick: bool) -> list[Figure]:
    """What each gesture takes on a map of so many points, drawn by OpenGL."""
    import map as map_benchmark

    if quick:
        map_benchmark.FRAMES = QUICK_FRAMES
    figures = []
    for name, value in map_benchmark.ours(count, "opengl").items():
        title, unit = f"{count:,} points: {name}", "MB" if name == "memory" else "ms"
        if value is None:
            figures.append(not_measured(part, title, "The system does not tell."))
            continue
        limit = map_benchmark.LIMITS.get(name) if card else None
        figures.append(measurement(part, title, value, unit, limit))
    return figures


def window(part: str, count: int, card: bool) -> list[Figure]:
    """The program's own window: that OpenGL draws its map, how long it stands still, and that there
    is something to see."""
    from map_window import _Hand, make_state

    from diffviews_desktop.app import create_application

    app = create_application(sys.argv[:1])
    hand = _Hand(app, make_state(count))
    hand.gesture("the map appears", lambda: hand.session.update(hand.state))
    hand.gesture("pan", hand.drag((0.5, 0.5), (0.55, 0.55), (0.6, 0.5)))
    hand.gesture("wheel zoom", hand.wheel(240), hand.wheel(-240))
    hand.gesture("fit all", hand.view.fit)
    drawn_by = hand.view.renderer
    share = _colored_share(hand.view.viewport)
    pauses = {name: max(gaps) for name, gaps in hand.longest.items()}
    hand.end()
    right = drawn_by.name == "opengl" and drawn_by.graphics_card >= card
    title = f"window of {count:,} samples"
    return [
        told(part, f"{title}: OpenGL draws the map", right, drawn_by.device),
        told(part, f"{title}: its points are seen", share > DRAWN, f"{share:.0%} of the map"),
        *(
            measurement(part, f"{title}: {name}", pause, "ms", LONGEST_PAUSE if card else None)
            for name, pause in pauses.items()
        ),
    ]


def _colored_share(viewport: QWidget) -> float:
    """The share of a viewport's pixels that have a colour, as points have and axes have not."""
    image = viewport.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    width, height = image.width(), image.height()
    lines = np.frombuffer(image.constBits(), np.uint8).reshape(height, image.bytesPerLine())
    pixels = lines[:, : 3 * width].reshape(height, width, 3).astype(np.int16)
    return float(np.mean(pixels.max(axis=2) - pixels.min(axis=2) > COLORED))


def main() -> None:
    """All of the part, or one step of it in one way."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name", nargs="?", default="")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--part", default="")
    parser.add_argument("--renderer", action="store_true")
    parser.add_argument("--points", type=int)
    parser.add_argument("--window", type=int)
    parser.add_argument("--card", action="store_true")
    options = parser.parse_args()
    if options.renderer:
        print(json.dumps(renderer()))
    elif options.points:
        tell(points(options.part, options.points, options.card, options.quick))
    elif options.window:
        tell(window(options.part, options.window, options.card))
    else:
        tell(check(options.name, options.device == "cuda", options.quick))


if __name__ == "__main__":
    main()
