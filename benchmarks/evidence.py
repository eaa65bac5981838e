"""What held layers of the demo draw, beside what independent code found.

    python benchmarks/evidence.py [--sampler renoise|heun] [--anchors N] [--seeds N]
                                  [--device NAME] [--threads N] [--json FILE]

For each of four layers of `digits` two experiments run, as those of the window and the command
line: masks of an anchor and its six nearest of the same class at sigma 2, with the zero label in
ten steps. In one, the samples are told their class, and the controls are no mask, a wrong class and
the label alone; in the other, the same samples are told nothing. The judge is the bundled one.

The peer was measured once with other code: an extraction, a denoising loop and a classifier of its
own, the renoising loop, 50 masks with three seeds. Where it was written down with a 95 % interval,
ours should lie in it. Heun's figures are for comparison; that loop is the model's own sampler.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from common import Row, isolate, parser, write_rows

from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.experiments import ChooseGroups, RunExperiment
from diffviews_desktop.engine.jobs.opening import LoadModel, OpenData
from diffviews_desktop.values.conditions import ZeroLabel
from diffviews_desktop.values.controls import Control
from diffviews_desktop.values.experiments import BUNDLED, Estimate, Experiment, Finding
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.sampling import SamplingSettings
from diffviews_desktop.values.told import NOTHING, OWN_CONDITION, Told

MODEL, SIGMA, NEIGHBORS = "digits", 2.0, 6
STEPS, SIGMA_MIN = 10, 0.05
LAYERS = ("encoder_block_2", "encoder_bottleneck", "decoder_block_5", "decoder_block_8")

NO_MASK = "no mask: read as the samples' class"
OWN_CLASS = "told their class: read as it"
UNTOLD = "told nothing: read as their class"
WRONG = "told a wrong class: read as their own"
WRONG_TOLD = "told a wrong class: read as what they were told"
LABEL = "the label alone: read as it"
ALIKE = "told their class: correlation of two seeds"
NO_MASK_ALIKE = "no mask: correlation of two seeds"
PEER: dict[str, tuple[tuple[float, ...], ...]] = {
    NO_MASK: ((13, 8, 18), (13, 8, 18), (13, 8, 18), (13, 8, 18)),
    OWN_CLASS: ((98, 95, 100), (15, 9, 21), (53, 44, 61), (100,)),
    UNTOLD: ((98,), (16,), (33, 25, 41), (89, 82, 96)),
    WRONG: ((97, 95, 99), (15,), (8,), (18, 10, 27)),
    WRONG_TOLD: ((1,), (9,), (32, 25, 40), (69, 58, 79)),
    LABEL: ((6,), (11,), (43, 35, 50), (87, 82, 92)),
    ALIKE: ((0.97,), (0.38,), (0.59,), (0.87,)),
    NO_MASK_ALIKE: ((0.35,), (0.35,), (0.35,), (0.35,)),
}
"""Percent, or a correlation, with the ends of its interval where they were written down; in the
order of `LAYERS`."""


@dataclass(frozen=True)
class Found(Row):
    """A share in percent or a correlation, with the 95 % intervals over masks of both."""

    low: float | None
    high: float | None
    peer_low: float | None
    peer_high: float | None

    @property
    def within(self) -> str:
        """Whether ours lies in the peer's interval."""
        if self.peer_low is None or self.peer_high is None or self.ours is None:
            return ""
        return "yes" if self.peer_low <= round(self.ours) <= self.peer_high else "no"

    def cells(self) -> list[str]:
        """As a line of the table."""
        ours = self._text(self.ours, self.low, self.high)
        peer = self._text(self.peer, self.peer_low, self.peer_high)
        return [self.name, str(self.n), ours, peer]

    def _text(self, value: float | None, low: float | None, high: float | None) -> str:
        digits = 0 if self.unit else 2
        ends = "" if low is None or high is None else f" [{low:.{digits}f}, {high:.{digits}f}]"
        return "" if value is None else f"{value:.{digits}f}{ends} {self.unit}".rstrip()


@dataclass(frozen=True)
class Bench:
    """Runs the experiments: with so many masks and seeds, by a sampler, into a folder."""

    engine: Engine
    settings: SamplingSettings
    anchors: int
    seeds: int
    out: Path

    def estimate(self, layer: str) -> dict[str, Estimate]:
        """What is found of a layer, by the names above."""
        choice = ChooseGroups(
            job_id=0,
            folder=FolderRef(),
            model=MODEL,
            anchors=self.anchors,
            neighbors=NEIGHBORS,
            layers=LayerSet((layer,)),
            sigma=SIGMA,
        )
        groups = self.engine.run(choice)
        told = self._arms(layer, groups, OWN_CONDITION, ("none", "wrong", "label"))
        untold = self._arms(layer, groups, NOTHING, ("none",))
        estimates = {
            NO_MASK: told["none"].read,
            OWN_CLASS: told["intervention"].read,
            UNTOLD: untold["intervention"].read,
            WRONG: told["wrong"].read,
            WRONG_TOLD: told["wrong"].told,
            LABEL: told["label"].read,
            ALIKE: told["intervention"].seeds,
            NO_MASK_ALIKE: told["none"].seeds,
        }
        return {name: one for name, one in estimates.items() if one is not None}

    def _arms(
        self, layer: str, groups: tuple[tuple[int, ...], ...], told: Told, arms: tuple[Control, ...]
    ) -> dict[str, Finding]:
        experiment = Experiment(
            model=MODEL,
            layer_sets=(LayerSet((layer,)),),
            windows=((0, STEPS),),
            groups=groups,
            seeds=self.seeds,
            controls=arms,
            condition=ZeroLabel(),
            told=told,
            settings=self.settings,
            judge=BUNDLED,
        )
        out = self.out / f"{layer}-{len(arms)}"
        job = RunExperiment(job_id=0, folder=FolderRef(), experiment=experiment, out=out)
        return {one.arm: one for one in self.engine.run(job).findings}


def rows_of(layer: str, estimates: dict[str, Estimate], pictures: int) -> list[Found]:
    """A row for each figure of a layer."""
    rows = []
    for name, one in estimates.items():
        peer = (*PEER[name][LAYERS.index(layer)], None, None)
        unit, times = ("", 1) if name in (ALIKE, NO_MASK_ALIKE) else ("%", 100)
        low, high = (None if end is None else times * end for end in (one.low, one.high))
        ours = times * one.value
        rows.append(Found(f"{layer}, {name}", pictures, ours, peer[0], unit, low, high, *peer[1:3]))
    return rows


def show(rows: list[Found]) -> None:
    """Print the table."""
    lines = [["", "n", "ours", "peer", "ours within the peer's interval"]]
    lines += [[*row.cells(), row.within] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip())


def main() -> None:
    arguments = parser(__doc__.splitlines()[0])
    arguments.add_argument("--sampler", choices=("renoise", "heun"), default="renoise")
    arguments.add_argument("--anchors", type=int, default=50)
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--device", default="cpu")
    arguments.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        isolate(Path(temporary))
        with closing(Engine(options.device, threads=options.threads)) as engine:
            engine.run(OpenData(job_id=0, folder=FolderRef(), model=MODEL))
            loaded = engine.run(LoadModel(job_id=0, folder=FolderRef(), model=MODEL))
            settings = replace(
                loaded.settings,
                sampler=options.sampler,
                num_steps=STEPS,
                sigma_min=SIGMA_MIN,
                guidance_scale=1.0,
                seed=0,
            )
            bench = Bench(engine, settings, options.anchors, options.seeds, Path(temporary))
            pictures = options.anchors * options.seeds
            rows = [row for one in LAYERS for row in rows_of(one, bench.estimate(one), pictures)]
    show(rows)
    write_rows(rows, options.json)


if __name__ == "__main__":
    main()
