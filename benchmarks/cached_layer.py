"""How long until a layer that was mapped before is on the screen again, at 10,000 points?

    python benchmarks/cached_layer.py [--samples N] [--repeats N] [--json FILE]

A real window and a real engine process on a data folder of random activations of two layers, both
of which were mapped. From the choice of the layer to the painted map; limit: 1 s.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from common import Row, isolate, parser, report, wait_until

LIMIT_S = 1.0
LAYERS, WIDTH = ("lower", "upper"), 256


def make(folder: Path, count: int) -> Path:
    """A data folder with activations of two layers, and no model that could run."""
    random = np.random.default_rng(0)
    model = folder / "net"
    samples = [
        {
            "sample_id": f"sample_{i:06d}",
            "class_label": i % 10,
            "image_path": "",
            "conditioning_sigma": 0.5 + 0.1 * (i % 7),
        }
        for i in range(count)
    ]
    (model / "metadata" / "set").mkdir(parents=True)
    (model / "activations" / "set").mkdir(parents=True)
    (model / "metadata" / "set" / "dataset_info.json").write_text(json.dumps({"samples": samples}))
    (model / "config.json").write_text(json.dumps({"adapter": "edm"}))
    centres = 4 * random.standard_normal((10, WIDTH * len(LAYERS)))
    rows = centres[np.arange(count) % 10] + random.standard_normal((count, WIDTH * len(LAYERS)))
    matrix = model / "activations" / "set" / "all.npy"
    np.save(matrix, rows.astype(np.float32))
    facts = {"layers": LAYERS, "shapes": {name: [WIDTH] for name in LAYERS}}
    matrix.with_name("all.npy.json").write_text(json.dumps(facts))
    return folder


def map_both(data: Path) -> None:
    """Make the maps, as the window would."""
    from diffviews_desktop.engine.engine import Engine
    from diffviews_desktop.engine.jobs.mapping import MapLayer
    from diffviews_desktop.values.folders import FolderRef
    from diffviews_desktop.values.layers import LayerSet
    from diffviews_desktop.values.maps import MapSpec

    engine = Engine("cpu")
    for layer in LAYERS:
        spec = MapSpec("net", LayerSet([layer]))
        engine.run(MapLayer(job_id=1, folder=FolderRef(data), spec=spec))


def measure(data: Path, repeats: int) -> list[float]:
    """Seconds from the choice of a layer to its painted map."""
    from PySide6.QtCore import QEventLoop

    from diffviews_desktop.actions import maps
    from diffviews_desktop.app import App, Options, create_application
    from diffviews_desktop.values.folders import FolderRef

    app = create_application(["cached_layer"])
    main_app = App(Options(folder=FolderRef(data)))
    session, window = main_app.session, main_app.window

    def pump() -> None:
        app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents, 20)

    def until(ready: Callable[[], bool]) -> None:
        wait_until(ready, pump)

    main_app.start()
    until(lambda: session.state.opened.samples is not None and not session.state.jobs.running)
    until(lambda: window.map is not None)
    assert window.map is not None
    paints: list[float] = []
    window.map.painted.connect(lambda: paints.append(time.perf_counter()))
    times = []
    for repeat in range(2 * repeats + 2):
        layers = (LAYERS[repeat % 2],)
        start = time.perf_counter()
        maps.change_layer(main_app.context, layers=layers)
        until(lambda: not session.state.jobs.running)
        layer_map = session.state.opened.layer_map
        assert layer_map is not None
        assert (layer_map.layers, layer_map.from_cache) == (layers, True), session.state.notice
        arrival = time.perf_counter()
        until(lambda: bool(paints) and paints[-1] >= arrival)  # noqa: B023
        if repeat > 1:
            times.append(paints[-1] - start)
    window.close()
    return times


def main() -> None:
    """See the module's text."""
    arguments = parser("A cached layer back on the screen.")
    arguments.add_argument("--samples", type=int, default=10_000)
    arguments.add_argument("--repeats", type=int, default=5)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        isolate(Path(name) / "home")
        data = make(Path(name) / "data", options.samples)
        map_both(data)
        times = measure(data, options.repeats)
    title = f"{options.samples:,} points: a cached layer on the screen"
    rows = [
        Row(f"{title}, median", len(times), statistics.median(times), LIMIT_S, "s"),
        Row(f"{title}, worst", len(times), max(times), LIMIT_S, "s"),
    ]
    report(rows, options.json, "limit")


if __name__ == "__main__":
    main()
