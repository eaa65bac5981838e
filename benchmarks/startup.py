"""How soon is the window there?

    python benchmarks/startup.py [--json FILE] [--runs N]

Time from starting Python to the first painted window, ours beside a bare PySide6 + pyqtgraph one,
in turn, medians; then, for ours on a first start (the demo is unpacked), to the first painted map
and to the moment when Generate could be pressed.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import Row, isolate, parser, report

BARE = """
import time
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QMainWindow
import pyqtgraph as pg
app = QApplication([])
window = QMainWindow()
window.resize(1360, 860)
window.setCentralWidget(pg.PlotWidget())
class Filter(pg.QtCore.QObject):
    def eventFilter(self, watched, event):
        if event.type() == pg.QtCore.QEvent.Type.Paint:
            print("window", time.time(), flush=True)
            app.removeEventFilter(self)
            QTimer.singleShot(0, app.quit)
        return False
watch = Filter()
app.installEventFilter(watch)
window.show()
app.exec()
"""

OURS = """
import gc, sys, time
gc.disable()  # as the command line does
from diffviews_desktop.app import App, Options, create_application
from PySide6.QtCore import QEvent, QObject, QTimer
app = create_application(["startup"])
only_window = sys.argv[1] == "window"
main = App(Options())
class Filter(QObject):
    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Paint:
            print("window", time.time(), flush=True)
            app.removeEventFilter(self)
            if only_window:
                QTimer.singleShot(0, main.window.close)
        return False
watch = Filter()
app.installEventFilter(watch)
def changed(old, new):
    if new.opened.loaded is not None and old.opened.loaded is None:
        print("generate", time.time(), flush=True)
        QTimer.singleShot(0, main.window.close)
main.session.changed.connect(changed)
main.window.map_shown.connect(lambda: print("map", time.time(), flush=True))
if __name__ == "__main__":
    main.start()
    app.exec()
    main.worker.stop()
"""


def run(script: Path, *arguments: str) -> dict[str, float]:
    """Seconds from the start of Python to each event that the script prints."""
    start = time.time()
    output = subprocess.run(
        [sys.executable, str(script), *arguments], capture_output=True, text=True, check=True
    ).stdout
    return {line.split()[0]: float(line.split()[1]) - start for line in output.splitlines()}


def main() -> None:
    arguments = parser(__doc__ or "")
    arguments.add_argument("--runs", type=int, default=7)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        isolate(folder / "home")
        bare, ours = folder / "bare.py", folder / "ours.py"
        bare.write_text(BARE)
        # the engine process imports the main script again: it must do nothing then
        ours.write_text(f"if __name__ == '__main__':\n{_indent(OURS)}")
        run(bare), run(ours, "window")  # warm the file cache
        windows: dict[str, list[float]] = {"bare": [], "ours": []}
        first: dict[str, list[float]] = {"map": [], "generate": []}
        for number in range(options.runs):
            windows["bare"].append(run(bare)["window"])
            windows["ours"].append(run(ours, "window")["window"])
            os.environ["XDG_DATA_HOME"] = str(folder / f"first-{number}")
            events = run(ours, "all")
            first["map"].append(events["map"])
            first["generate"].append(events["generate"])
    median = statistics.median
    report(
        [
            Row("window", options.runs, median(windows["ours"]), median(windows["bare"]), "s"),
            Row("first start: map (limit 5 s)", options.runs, median(first["map"]), 5.0, "s"),
            Row(
                "first start: Generate possible (limit 15 s)",
                options.runs,
                median(first["generate"]),
                15.0,
                "s",
            ),
        ],
        options.json,
        "bare / limit",
    )


def _indent(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


if __name__ == "__main__":
    main()
