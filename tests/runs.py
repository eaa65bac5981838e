"""Runs of `generate` that are made up, to be written at once; and whether what was written fits."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from made_runs import told
from PIL import Image

from diffviews_desktop.engine.jobs.drawing import Generate, GenerateGrid, PictureGrid, RunResult
from diffviews_desktop.values.conditions import ZeroLabel
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.maps import MapSpec
from diffviews_desktop.values.runs import GridCell, RunStep
from diffviews_desktop.values.samples import SampleTable
from diffviews_desktop.values.sampling import SamplingSettings

NO_SAMPLES = SampleTable(Path(), (), np.zeros(0, np.int32), (), (), np.zeros(0, np.float32))


def made_up_run(seed: int, steps: int = 3, *, keep: bool = True, size: int = 8) -> RunResult:
    """A run every file of which tells its seed."""
    job = Generate(
        job_id=0,
        folder=FolderRef(None),
        spec=MapSpec("tiny", ("midblock",)),
        condition=ZeroLabel(),
        settings=_settings(seed),
        keep=keep,
    )
    values = {"midblock": np.full((2, 3, 3), seed, np.float32)} if keep else None
    return RunResult(
        job,
        ZeroLabel(),
        seed,
        tuple(
            RunStep(
                index, 1.0, _picture(seed, size), _picture(seed, size), (0.0, 0.0), 0.0, None,
                computed=values,
            )
            for index in range(steps)
        ),
        "cpu",
        record={"seed": seed},
    )  # fmt: skip


def made_up_grid(seed: int, samples: int, size: int = 8) -> PictureGrid:
    """The same as a grid of pictures."""
    job = GenerateGrid(
        job_id=0,
        folder=FolderRef(None),
        spec=MapSpec("tiny", ("midblock",)),
        condition=ZeroLabel(),
        settings=_settings(seed),
        samples=samples,
    )
    cells = (
        GridCell(index, _settings(seed), told(-2), _picture(seed, size)) for index in range(samples)
    )
    return PictureGrid(job, tuple(cells), "cpu", record={"seed": seed})


def faults(folder: Path) -> list[str]:
    """What is wrong with the sets in a folder: one that is not whole, or has files of another."""
    found = []
    names = [path.name for path in folder.iterdir() if not path.name.startswith(".")]
    for number in sorted({re.match("[0-9]*", name)[0] for name in names}):  # type: ignore[index]
        record = folder / f"{number}.json"
        there = {name for name in names if name.startswith(number)}
        if not record.is_file():
            found.append(f"{number} has {len(there)} files and no record")
            continue
        said = json.loads(record.read_text(encoding="utf-8"))
        named = {Path(name).name for name in _named(said)}
        if there != named:
            found.append(f"{number} names {len(named)} files and has {len(there)}")
        others = [name for name in there if not _is_of(folder / name, said)]
        found += [f"{name} is not of {number}" for name in others]
    return found


def hidden(folder: Path) -> list[str]:
    """What is in a folder under a hidden name."""
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


def _named(said: dict[str, Any]) -> list[str]:
    return [*said["files"], *(cell["image"] for cell in said.get("cells", ()))]


def _is_of(path: Path, said: dict[str, Any]) -> bool:
    """Whether a file is whole, and of the run whose record says this."""
    try:
        if path.suffix == ".npz":
            with np.load(path) as arrays:
                values = {name: arrays[name] for name in arrays}
            made_up = "job" not in said["record"]
            return not made_up or bool((values["computed/midblock"] == said["seed"]).all())
        if path.suffix == ".png":
            with Image.open(path) as picture:
                picture.load()
                text = picture.text["diffviews"]  # type: ignore[attr-defined]
            return bool(json.loads(text) == said["record"])
    except Exception:  # what is broken raises many kinds
        return False
    return True


def _settings(seed: int) -> SamplingSettings:
    return SamplingSettings(seed=seed)


def _picture(seed: int, size: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8)
