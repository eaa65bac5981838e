"""How long a session of 50 runs of 50 steps takes to save and to open, and what the window feels.

    python benchmarks/session.py [--runs N] [--steps N] [--side N] [--repeats N] [--json FILE]

A real window without an engine, whose answers are made up. What is opened takes the place of as
many runs. Saving and opening are timed from the action until the window says that it is done; the
pauses are gaps in a beat of 2 ms meanwhile, and while the same work is kept for the next start.
Limits: 1 s, and 50 ms.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from common import Row, isolate, parser, report, wait_until

if TYPE_CHECKING:
    from diffviews_desktop.engine.jobs.opening import DataOpened
    from diffviews_desktop.state.runs import Run
    from diffviews_desktop.state.state import State

LIMIT_S, LIMIT_MS = 1.0, 50.0
SAMPLES = 2000


def made_run(run_id: int, steps: int, side: int, folder: Path) -> Run:
    """A whole run of noise, which cannot be compressed; its path comes to rest, as paths do."""
    from diffviews_desktop.engine.jobs.drawing import Generate
    from diffviews_desktop.state.runs import Run
    from diffviews_desktop.values.conditions import ZeroLabel
    from diffviews_desktop.values.folders import FolderRef
    from diffviews_desktop.values.interventions import mean_of_samples
    from diffviews_desktop.values.layers import LayerSet
    from diffviews_desktop.values.maps import MapSpec
    from diffviews_desktop.values.runs import RunStep
    from diffviews_desktop.values.sampling import SamplingSettings
    from diffviews_desktop.values.typicality import Measured, Typicality

    chance = np.random.default_rng(run_id)
    usual = Typicality(Measured(1.0, 50.0, 2.0), Measured(0.5, 20.0, 0.75), (0.5, 1.0), (0.2, 5.0))

    start, end = chance.random((2, 2))

    def step(index: int) -> RunStep:
        images = chance.integers(0, 256, (2, side, side, 3), np.uint8)
        place = (end + (start - end) * 0.8**index).tolist()
        numbers = chance.random(50, np.float32)
        return RunStep(
            index, 1.0, images[0], images[1], (place[0], place[1]), 0.5, (0.5, 0.5),
            reduced=numbers, typicality=usual, imposed_typicality=usual,
        )  # fmt: skip

    job = Generate(
        job_id=run_id,
        folder=FolderRef(folder),
        spec=MapSpec("net", LayerSet(("layer",))),
        condition=ZeroLabel(),
        settings=SamplingSettings(num_steps=steps, seed=run_id),
        interventions=mean_of_samples((1, 2, 3)),
    )
    return Run(
        run_id,
        f"Run {run_id}",
        job,
        tuple(step(index) for index in range(steps)),
        seed=run_id,
        condition=ZeroLabel(),
        evaluations=steps,
        done=True,
        record={"format": 1, "kind": "generate"},
        sample_ids=("s1", "s2", "s3"),
    )


def made_folder(folder: Path) -> DataOpened:
    """What opening a data folder gives."""
    from diffviews_desktop.engine.jobs.opening import DataOpened
    from diffviews_desktop.values.folders import FolderRef, ModelSummary
    from diffviews_desktop.values.layers import LayerSet
    from diffviews_desktop.values.maps import LayerMap
    from diffviews_desktop.values.samples import SampleTable
    from diffviews_desktop.values.sampling import SamplingSettings

    samples = SampleTable(
        root=folder,
        sample_id=tuple(f"s{i}" for i in range(SAMPLES)),
        class_label=(np.arange(SAMPLES) % 10).astype(np.int32),
        class_name=tuple(f"class {i % 10}" for i in range(SAMPLES)),
        image_path=("",) * SAMPLES,
        sigma=np.ones(SAMPLES, np.float32),
    )
    xy = np.random.default_rng(0).random((SAMPLES, 2), np.float32)
    layers = LayerSet(("layer",))
    layer_map = LayerMap("net", layers, xy, xy, True, {}, folder)
    return DataOpened(
        folder=FolderRef(folder),
        path=folder,
        is_demo=False,
        models=(ModelSummary("net", "edm", "", SamplingSettings()),),
        problems=(),
        model="net",
        samples=samples,
        layer_map=layer_map,
        default_layers=layers,
        fingerprint="f",
    )


class _NoEngine:
    """Takes jobs and does none."""

    def __init__(self) -> None:
        self.jobs: list[Any] = []

    def next_id(self) -> int:
        return len(self.jobs) + 1000

    def submit(self, job: object) -> None:
        self.jobs.append(job)

    def cancel(self, job_id: int) -> None: ...

    def reorder(self, job_ids: Sequence[int]) -> None: ...


class _Hand:
    """A window, and the longest gap in its beats while something is done."""

    def __init__(self, root: Path) -> None:
        from beats import Beats

        from diffviews_desktop.state.session import Session
        from diffviews_desktop.state.settings import Settings
        from diffviews_desktop.ui.shell.autosave import Autosave
        from diffviews_desktop.ui.shell.window import MainWindow

        self.worker, self._beats = _NoEngine(), Beats()
        self.window = MainWindow(Session(), self.worker, Settings(root / "settings.json"))
        self.window.resize(1440, 900)
        self.window.show()
        self.rest(0.3)
        self.window.bring_map()
        self.autosave = Autosave(self.window.context, self.window.sessions, self.window)
        self.window.session.changed.connect(self.autosave.show_changes)
        self._beats.start()

    @property
    def state(self) -> State:
        return self.window.session.state

    def rest(self, seconds: float) -> None:
        """Let events come for a while."""
        from beats import pump

        end = time.monotonic() + seconds
        wait_until(lambda: time.monotonic() > end, pump)

    def time_act(
        self, act: Callable[[], object], is_ready: Callable[[], bool]
    ) -> tuple[float, float]:
        """Seconds until something is done, and the longest gap in milliseconds."""
        from beats import pump

        self.rest(0.3)
        self._beats.begin()
        start = time.perf_counter()
        act()
        wait_until(is_ready, pump)
        duration = time.perf_counter() - start
        self.rest(0.3)
        return duration, max(self._beats.gaps)

    def finish(self, job: Any, result: object) -> None:
        """What the program does when a job has ended."""
        from diffviews_desktop.actions import answers

        with self.window.map_area.painted_apart(), self.window.session.batch():
            answers.on_finished(self.window.context, job.job_id, result, None)


def measure(root: Path, options: Any) -> list[Row]:
    """Times and pauses of saving, keeping and opening."""
    from diffviews_desktop.actions import keeping, sessions
    from diffviews_desktop.actions.folders import open_data
    from diffviews_desktop.app import leave_to_stay
    from diffviews_desktop.engine.jobs.opening import OpenData
    from diffviews_desktop.state.kept import Kept
    from diffviews_desktop.state.runs import Runs

    hand, folder, file = _Hand(root), root / "data", root / "work.diffviews"
    folder.mkdir()
    window, opened = hand.window, made_folder(folder)
    open_data(window.context, opened.folder)
    hand.finish(hand.worker.jobs[-1], opened)
    leave_to_stay()  # as the program does with its first map
    all_runs = tuple(
        made_run(i + 1, options.steps, options.side, folder) for i in range(options.runs)
    )
    runs = Runs(all=all_runs, shown=all_runs[-1].id, begun=len(all_runs))
    times: dict[str, list[tuple[float, float]]] = {"save": [], "open": [], "keep": []}

    def put_runs() -> None:
        kept_state = Kept(file=file)
        opened = replace(hand.state.opened)  # of which every panel hears, and lets go of other runs
        window.session.update(replace(hand.state, opened=opened, runs=runs, kept=kept_state))

    def change_view() -> None:
        window.session.update(replace(hand.state, view=replace(hand.state.view)))

    for repeat in range(options.repeats):
        put_runs()
        hand.rest(0.5)
        times["save"].append(
            hand.time_act(
                lambda: keeping.save(window.context),
                lambda: not hand.state.kept.unheld(hand.state.runs.all),
            )
        )
        hand.autosave.begin(root / f"kept-{repeat}")
        scratch = hand.autosave._scratch
        assert scratch is not None
        head = scratch.folder / "session.json"
        times["keep"].append(hand.time_act(change_view, head.is_file))
        hand.autosave._scratch = None

        def answer() -> bool:
            job = hand.worker.jobs[-1]
            if isinstance(job, OpenData) and hand.state.kept.opening is not None:
                hand.finish(job, opened)
            return hand.state.kept.opening is None and hand.state.runs.all is not all_runs

        times["open"].append(
            hand.time_act(lambda: sessions.open_session(window.context, file), answer)
        )
        assert len(hand.state.runs.all) == options.runs
    size = file.stat().st_size / 1e6
    print(f"{options.runs} runs of {options.steps} steps of {options.side}²: {size:.0f} MB")
    window.close()
    return rows_of(times)


def rows_of(times: dict[str, list[tuple[float, float]]]) -> list[Row]:
    """Rows of times and of the longest pauses."""
    count = len(times["save"])

    def middle(name: str, which: int) -> float:
        return statistics.median(pair[which] for pair in times[name])

    return [
        Row("save", count, middle("save", 0), LIMIT_S, "s"),
        Row("open", count, middle("open", 0), LIMIT_S, "s"),
        Row("longest pause while it is saved", count, middle("save", 1), LIMIT_MS, "ms"),
        Row("longest pause while it is kept", count, middle("keep", 1), LIMIT_MS, "ms"),
        Row("longest pause while it is opened", count, middle("open", 1), LIMIT_MS, "ms"),
    ]


def main() -> None:
    """See the module's text."""
    arguments = parser(__doc__ or "")
    arguments.add_argument("--runs", type=int, default=50)
    arguments.add_argument("--steps", type=int, default=50)
    arguments.add_argument("--side", type=int, default=64)
    arguments.add_argument("--repeats", type=int, default=5)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        isolate(Path(name) / "home")
        from diffviews_desktop.app import create_application
        from diffviews_desktop.ui.common import theme

        app = create_application(["session"])
        theme.apply("light")
        rows = measure(Path(name), options)
        app.processEvents()
    report(rows, options.json, "limit")


if __name__ == "__main__":
    main()
