"""What a sweep costs beside the forward passes alone, and that a killed one goes on.

    python benchmarks/experiments.py [--anchors N] [--places N] [--repeats N] [--threads N]
                                     [--json FILE]

A sweep of the demo's model goes through the engine as the command line's: samples extracted and
averaged, masks held, pictures decoded, judged, brought to the disk and measured. Its peer is as
many bare forward passes of the same batches of the same adapter, in turns with it; goal: at least
0.95 of its pictures a second. Then a sweep is killed (-9) several times on its way and gone on
with; of all its pictures, none may be drawn twice.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch
from common import Row, isolate, parser, report

from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.experiments import ChooseGroups, RunExperiment
from diffviews_desktop.engine.jobs.opening import LoadModel, OpenData
from diffviews_desktop.experiments.journal import JOURNAL
from diffviews_desktop.values.conditions import ZeroLabel
from diffviews_desktop.values.experiments import BUNDLED, Experiment
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.layers import LayerSet

MODEL = "digits"
KILLS = 3


def experiment(engine: Engine, anchors: int, places: int, seed: int) -> Experiment:
    """A sweep of the demo: so many masks at so many layers, each in all steps."""
    engine.run(OpenData(job_id=0, folder=FolderRef(), model=MODEL))
    loaded = engine.run(LoadModel(job_id=0, folder=FolderRef(), model=MODEL))
    groups = engine.run(ChooseGroups(job_id=0, folder=FolderRef(), model=MODEL, anchors=anchors))
    names = [layer.name for layer in loaded.layers]
    step = max(1, len(names) // places)
    return Experiment(
        model=MODEL,
        layer_sets=tuple(LayerSet((name,)) for name in names[::step][:places]),
        windows=((0, loaded.settings.num_steps),),
        groups=groups,
        controls=("none", "mean"),
        settings=replace(loaded.settings, seed=seed),
        judge=BUNDLED,
        batch=32,
    )


def time_sweep(engine: Engine, sweep: Experiment, out: Path) -> float:
    """Pictures a second of a sweep."""
    start = time.perf_counter()
    engine.run(RunExperiment(job_id=0, folder=FolderRef(), experiment=sweep, out=out))
    return sweep.count / (time.perf_counter() - start)


@torch.no_grad()
def bare(engine: Engine, sweep: Experiment) -> float:
    """Pictures a second of the forward passes alone, in the same batches."""
    model = engine.workspace.model.held
    assert model is not None
    size = sweep.batch or 1
    per_place = sweep.seeds * len(sweep.groups) * len(sweep.arms)
    counts = [sweep.seeds * len(sweep.groups)] + [per_place] * len(sweep.layer_sets)
    begin = time.perf_counter()
    for count in counts:
        for start in range(0, count, size):
            rows = min(size, count - start)
            x = torch.randn(rows, *model.sample_shape)
            told = model.encode([ZeroLabel()] * rows)
            for _ in range(sweep.settings.evaluations(False)):
                model.forward(x, torch.full((rows,), 2.0), told)
    return sum(counts) / (time.perf_counter() - begin)


def kill_repeatedly(sweep: Experiment, out: Path, options: list[str]) -> tuple[int, int, int]:
    """Kill a sweep on its way, several times; how often, its pictures, and how many records."""
    times = 0
    journal = out / JOURNAL
    for part in range(KILLS):
        process = subprocess.Popen([sys.executable, __file__, "--child", str(out), *options])
        old_size = journal.stat().st_size if journal.exists() else 0
        while process.poll() is None:
            size = journal.stat().st_size if journal.exists() else 0
            if size > old_size + (part + 1) * 20_000:
                os.kill(process.pid, signal.SIGKILL)
                times += 1
                break
            time.sleep(0.005)
        process.wait()
    subprocess.run([sys.executable, __file__, "--child", str(out), *options], check=True)
    data = journal.read_bytes()
    size = 4 + 32 * 32 + 10 * 4 + 4
    start = data.index(b"\n") + 1
    numbers = {data[at : at + 4] for at in range(start, len(data), size)}
    assert len(numbers) == sweep.count, "a picture is missing or was drawn twice"
    return times, sweep.count, (len(data) - start) // size


def main() -> None:
    arguments = parser(__doc__.splitlines()[0])
    arguments.add_argument("--anchors", type=int, default=20)
    arguments.add_argument("--places", type=int, default=4)
    arguments.add_argument("--repeats", type=int, default=3)
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument("--child", type=Path, help="used by the benchmark itself")
    options = arguments.parse_args()
    torch.set_num_threads(options.threads)
    engine = Engine("cpu", threads=options.threads)
    if options.child is not None:
        time_sweep(engine, experiment(engine, options.anchors, options.places, 0), options.child)
        return
    with tempfile.TemporaryDirectory() as temporary:
        isolate(Path(temporary))
        sweep = experiment(engine, options.anchors, options.places, 0)
        ours, peer = [], []
        for repeat in range(options.repeats):
            next_sweep = experiment(engine, options.anchors, options.places, 1000 * repeat + 1)
            ours.append(time_sweep(engine, next_sweep, Path(temporary) / f"sweep-{repeat}"))
            peer.append(bare(engine, next_sweep))
        name = f"sweep, {sweep.count} pictures"
        medians = statistics.median(ours), statistics.median(peer)
        child_options = ["--anchors", str(options.anchors), "--places", str(options.places)]
        times, count, records = kill_repeatedly(sweep, Path(temporary) / "killed", child_options)
        report(
            [
                Row(name, options.repeats, *medians, "/s"),
                Row(f"records after {times} kills", count, records, count, "pictures"),
            ],
            options.json,
            "forward passes",
        )


if __name__ == "__main__":
    main()
