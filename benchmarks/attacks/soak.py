"""An hour at the window with mouse and keyboard while its engine is killed again and again.

    python benchmarks/attacks/soak.py [--minutes N] [--kills N] [--json FILE]

A real window on a virtual display, under a window manager, driven by xdotool at random places of
its parts: hover, click, drag, wheel, keys, runs, other layers, runs deleted again. In the first
half the engine is killed with SIGKILL at even distances; in the second it lives on. It counts as
lost what does not come back, a window that does not answer, memory that grows (window: 5 %, engine:
10 % after its first map), and whatever is left behind: threads, descriptors, processes, temporary
files.

Needs Xvfb, openbox and xdotool (Debian's packages of these names).
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from trials import Trial, parser, report

sys.path.insert(0, str(Path(__file__).parents[1]))
from common import isolate

from diffviews_desktop import paths

WINDOW_GROWTH, ENGINE_GROWTH = 1.05, 1.10
SETTLED = 0.15
"""Of a half: what comes before it is the warming up."""
SIZE = (1440, 900)
RESTART_SECONDS = 90
SILENCE = 20  # seconds, of a window that hangs
KEYS = (
    "Left", "Right", "Up", "Down", "Return", "space", "n", "v", "r", "l", "z", "f", "t", "c", "d",
    "a", "Escape", "s", "comma", "period", "p", "u", "2", "shift+h", "ctrl+z", "ctrl+shift+z",
    "ctrl+a", "ctrl+l", "ctrl+shift+i", "ctrl+n", "ctrl+shift+d", "ctrl+shift+a",
)  # fmt: skip


@dataclass
class Watch:
    """What a process was seen to hold, with the second of each look."""

    looks: list[tuple[float, int, int, int]] = field(default_factory=list)

    def look(self, process: psutil.Process) -> None:
        """Note resident bytes, threads and descriptors."""
        with contextlib.suppress(psutil.Error), process.oneshot():
            memory = process.memory_info().rss
            self.looks.append((time.monotonic(), memory, process.num_threads(), process.num_fds()))

    def grown(self, place: int, since: float = 0.0) -> tuple[float, float]:
        """Medians of the first and the last third of the looks since a time; ``place`` says of
        what: 1 memory, 2 threads, 3 descriptors."""
        values = [look[place] for look in self.looks if look[0] >= since]
        third = max(1, len(values) // 3)
        return statistics.median(values[:third]), statistics.median(values[-third:])


class Hand:
    """Mouse and keyboard at the window."""

    def __init__(self, places: Path, seed: int) -> None:
        self._places = places
        self.random = random.Random(seed)
        self.done = 0
        self.silence = 0.0
        """Longest time in seconds in which the window did not tell where its parts are."""

    def parts(self) -> dict[str, list[int]]:
        """Where the parts of the window are on the screen: left, top, width, height."""
        self.silence = max(self.silence, time.time() - self._places.stat().st_mtime)
        places: dict[str, list[int]] = json.loads(self._places.read_text())
        return places

    def anything(self) -> None:
        """One random gesture."""
        gesture = self.random.choices(
            [self.hover, self.click, self.drag, self.wheel, self.key, self.run, self.layer],
            weights=[20, 12, 5, 6, 25, 3, 0.5],
        )[0]
        gesture()
        self.done += 1

    def hover(self) -> None:
        for _ in range(5):
            self._to("map")

    def click(self) -> None:
        self._to(self.random.choice(("map", "map", "map", "classes", "gallery", "strip")))
        if self.random.random() < 0.3:
            xdotool("keydown", "shift", "click", "1", "keyup", "shift")
        else:
            xdotool("click", "1")

    def drag(self) -> None:
        self._to("map")
        xdotool("mousedown", "1")
        for _ in range(4):
            self._to("map")
        xdotool("mouseup", "1")

    def wheel(self) -> None:
        self._to("map")
        xdotool("click", "--repeat", "3", self.random.choice(("4", "5")))

    def key(self) -> None:
        xdotool("key", self.random.choice(KEYS))

    def run(self) -> None:
        """Draw, and delete runs again, so that what is kept does not grow with the time."""
        self._to("map")
        xdotool("click", "1", "key", "ctrl+Return")
        for _ in range(3):
            if "delete" in self.parts():
                self._to("delete", middle=True)
                xdotool("click", "1")

    def layer(self) -> None:
        self._to("layers", middle=True)
        xdotool("click", "1", "sleep", "0.3")
        xdotool("key", self.random.choice(("Down", "Up")), "key", "Return")

    def _to(self, part: str, middle: bool = False) -> None:
        box = self.parts().get(part)
        if box is None:
            return
        left, top, width, height = box
        x = 0.5 if middle else self.random.uniform(0.05, 0.95)
        y = 0.5 if middle else self.random.uniform(0.05, 0.95)
        xdotool("mousemove", str(left + int(x * width)), str(top + int(y * height)))


def xdotool(*words: str) -> str:
    process = subprocess.run(["xdotool", *words], capture_output=True, text=True, timeout=60)
    return process.stdout.strip()


@contextlib.contextmanager
def screen() -> Iterator[None]:
    """A display with a window manager."""
    number, told = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(told), "-screen", "0", "1600x1000x24", "-nolisten", "tcp"],
        pass_fds=[told],
        stderr=subprocess.DEVNULL,
    )
    os.close(told)
    with os.fdopen(number) as answer:
        os.environ["DISPLAY"] = f":{int(answer.readline())}"
    manager = subprocess.Popen(["openbox"], stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        manager.terminate()
        server.terminate()


def engine_of(window: psutil.Process) -> psutil.Process | None:
    """The engine's process, the largest child; the other one tracks resources."""
    with contextlib.suppress(psutil.Error):
        children = [c for c in window.children() if c.status() != psutil.STATUS_ZOMBIE]
        engines = [c for c in children if "spawn_main" in " ".join(c.cmdline())]
        return max(engines, key=lambda child: child.memory_info().rss, default=None)
    return None


def wait_for(ready: Callable[[], Any], seconds: float) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        result = ready()
        if result:
            return result
        time.sleep(0.2)
    return None


def soak(minutes: float, kills: int, folder: Path, seed: int) -> list[Trial]:
    places = folder / "places.json"
    command = [sys.executable, __file__, "--window", str(places)]
    window = psutil.Process(
        subprocess.Popen(command, env=os.environ | {"TMPDIR": str(folder / "tmp")}).pid
    )
    assert wait_for(lambda: places.is_file() and "map" in json.loads(places.read_text()), 120)
    xdotool(
        "search", "--sync", "--onlyvisible", "--name", "DiffViews$", "windowsize", *map(str, SIZE)
    )
    xdotool("search", "--onlyvisible", "--name", "DiffViews$", "windowactivate")
    hand = Hand(places, seed)
    half = 60 * minutes / 2
    came_back, watch = first_half(window, hand, half, kills)
    print(f"{hand.done} gestures, {kills} kills", flush=True)
    engine_watch = second_half(window, hand, half, watch, folder)
    print(f"{hand.done} gestures in all", flush=True)
    return [
        Trial("engine killed: a new one is there", kills, came_back),
        Trial(f"window: silent for {hand.silence:.0f} s at most", 1, int(hand.silence < SILENCE)),
        *growth("window", watch, WINDOW_GROWTH),
        *growth("engine", engine_watch, ENGINE_GROWTH),
        *left_behind(window, folder),
    ]


def first_half(window: psutil.Process, hand: Hand, seconds: float, kills: int) -> tuple[int, Watch]:
    watch, came_back, start = Watch(), 0, time.monotonic()
    for number in range(kills):
        while time.monotonic() < start + (number + 1) * seconds / kills:
            hand.anything()
            watch.look(window)
        engine = new_engine(window, hand, None)
        if engine is not None:
            engine.send_signal(signal.SIGKILL)
            came_back += new_engine(window, hand, engine) is not None
    watch_start = start + SETTLED * seconds
    watch.looks = [look for look in watch.looks if look[0] >= watch_start]
    return came_back, watch


def new_engine(
    window: psutil.Process, hand: Hand, old: psutil.Process | None
) -> psutil.Process | None:
    """An engine other than the old one, as soon as there is one; None where none comes.

    One that was killed while it started is started again by what is asked for next.
    """
    patience = time.monotonic() + RESTART_SECONDS
    while (engine := engine_of(window)) is None or engine == old:
        if time.monotonic() > patience:
            print(f"no engine for {RESTART_SECONDS} s; the log ends with:", flush=True)
            print("\n".join(paths.log_file().read_text().splitlines()[-30:]), flush=True)
            return None
        hand.anything()
    return engine


def second_half(
    window: psutil.Process, hand: Hand, seconds: float, watch: Watch, folder: Path
) -> Watch:
    engine_watch, start = Watch(), time.monotonic()
    # the engine is watched from its first map on, for which it loads what makes maps: the layers
    # are mapped once more
    for cache in [*folder.rglob("layer_cache")]:
        shutil.rmtree(cache, ignore_errors=True)
    while time.monotonic() < start + seconds:
        hand.anything()
        watch.look(window)
        engine = engine_of(window)
        if engine is not None and time.monotonic() > start + SETTLED * seconds:
            engine_watch.look(engine)
    return engine_watch


def growth(name: str, watch: Watch, limit: float) -> list[Trial]:
    trials = []
    for place, kind, most in ((1, "memory", limit), (2, "threads", 1.0), (3, "descriptors", 1.0)):
        first, last = watch.grown(place)
        # a thread or descriptor that happens to be in use at the median is none that is left
        fine = last <= first * most or (place > 1 and last <= first + 2)
        figures = [
            f"{value / 1e6:.0f} MB" if place == 1 else f"{value:.0f}" for value in (first, last)
        ]
        trials.append(
            Trial(f"{name}: {kind}, {figures[0]} and {figures[1]} at the end", 1, int(fine))
        )
    return trials


def left_behind(window: psutil.Process, folder: Path) -> list[Trial]:
    family = [window, *window.children(recursive=True)]
    window.send_signal(signal.SIGTERM)
    _, alive = psutil.wait_procs(family, timeout=30)
    for process in alive:
        process.kill()
    patterns = (".*.part", ".new-*", ".old-*", "*.lock.*")
    files = [path for pattern in patterns for path in folder.rglob(pattern)]
    files += list((folder / "tmp").rglob("*"))
    for path in files:
        print(f"left: {path}", flush=True)
    return [
        Trial("processes left", 1, int(not alive)),
        Trial("temporary files left", 1, int(not files)),
    ]


def serve_window(places: Path) -> int:
    """The program as it is, which also tells where its parts are on the screen."""
    from PySide6.QtCore import QPoint, QTimer
    from PySide6.QtWidgets import QApplication, QWidget

    from diffviews_desktop import app
    from diffviews_desktop.ui.shell.window import MainWindow

    filling = True

    def fill_caches(window: MainWindow) -> bool:
        """Have all pictures decoded and scaled, so that what grows afterwards is no cache; whether
        some are missing yet."""
        samples, view = window.session.state.opened.samples, window.map
        if samples is None or view is None or view.decorations is None:
            return True
        thumbnails, ratio = view.decorations.thumbnails, window.devicePixelRatioF()
        pictures = filter(None, map(samples.picture, range(len(samples))))
        return None in [thumbnails._pixmap(str(picture), ratio) for picture in pictures]

    def tell() -> None:
        nonlocal filling
        window = next(w for w in QApplication.topLevelWidgets() if isinstance(w, MainWindow))
        filling = filling and fill_caches(window)
        if filling:
            return
        parts: dict[str, QWidget | None] = {
            "map": window.map_area if window.map is not None else None,
            "classes": window.classes.list,
            "gallery": window.gallery.list,
            "strip": window.runs_panel.steps.strip,
            "delete": window.runs_panel.list.delete,
            "layers": window.layer_panel.layers,
        }
        boxes = {}
        for name, part in parts.items():
            if part is not None and part.isVisible():
                corner = part.mapToGlobal(QPoint(0, 0))
                boxes[name] = [corner.x(), corner.y(), part.width(), part.height()]
        temporary = places.with_suffix(".new")
        temporary.write_text(json.dumps(boxes))
        temporary.replace(places)

    def begin() -> None:
        timer = QTimer(QApplication.instance())
        timer.timeout.connect(tell)
        timer.start(500)

    start = app.App.start

    def start_and_tell(self: Any) -> None:
        start(self)
        begin()

    app.App.start = start_and_tell  # type: ignore[method-assign]
    return app.run(app.Options())


def main() -> int:
    if sys.argv[1:2] == ["--window"]:
        return serve_window(Path(sys.argv[2]))
    arguments = parser(__doc__)
    arguments.add_argument("--minutes", type=float, default=60)
    arguments.add_argument("--kills", type=int, default=50)
    arguments.add_argument("--seed", type=int, default=1)
    options = arguments.parse_args()
    for name in ("Xvfb", "openbox", "xdotool"):
        if shutil.which(name) is None:
            raise SystemExit(f"{name} is needed. On Debian: apt-get install {name.lower()}")
    with tempfile.TemporaryDirectory() as name, screen():
        folder = Path(name)
        (folder / "tmp").mkdir()
        isolate(folder)
        trials = soak(options.minutes, options.kills, folder, options.seed)
    return report(trials, options.json)


if __name__ == "__main__":
    sys.exit(main())
