"""What ``generate`` writes: pictures with their records inside, and the same as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from diffviews_desktop.cli.shared import Answer
from diffviews_desktop.engine.jobs.drawing import (
    GenerateGrid,
    JudgedMask,
    PictureGrid,
    PicturePlaced,
    RunResult,
)
from diffviews_desktop.engine.jobs.grid_axes import sheet_of
from diffviews_desktop.exports.contents import Arrays, Picture
from diffviews_desktop.exports.numbered_files import RECORD, numbered_files
from diffviews_desktop.text.wording import format_count
from diffviews_desktop.values import conditions
from diffviews_desktop.values.conditions import choice_of, class_number
from diffviews_desktop.values.intervention_records import plain
from diffviews_desktop.values.intervention_texts import effect_of
from diffviews_desktop.values.interventions import PICKED, Intervention, rows_of, sole_mask
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.runs import GridCell, RunStep
from diffviews_desktop.values.samples import SampleTable
from diffviews_desktop.values.setting_specs import SEED, describe, describe_mask
from diffviews_desktop.values.told import told_text
from diffviews_desktop.values.typicality import Typicality

PICTURE, ARRAYS = ".png", ".npz"


def write_run(
    run: RunResult,
    folder: Path,
    samples: SampleTable,
    *,
    baseline: RunResult | None = None,
    landing: PicturePlaced | None = None,
) -> Answer:
    """Write a run under the next free number, whole or not at all; what is there stays.

    Raises:
        DataError: it cannot be written.
    """
    result = _result(run)
    lines = [
        f"seed {run.seed}, class {class_number(run.condition)}, NFE {run.evaluations}",
        *unlike_samples(run),
        *_notes(run),
    ]
    if baseline is not None:
        result["unmasked"] = [_row(step) for step in baseline.steps]
        result["apart"] = paths_apart(run, baseline)
    if landing is not None:
        result["landed"] = _landing_facts(landing, samples)
        names = ", ".join(f"{row} ({far:.3g})" for row, far in landing.neighbors)
        lines.append(f"landed nearest to {names}")
        lines += filter(None, [landing.apart])
        if landing.typicality is not None and landing.typicality.unlike:
            lines.append(f"landed {landing.typicality.verdict}")
    with numbered_files(folder) as files:
        files.write(Picture(run.image, run.record), PICTURE)
        for step in run.steps:
            files.write(Picture(step.image, run.record), f"_step_{step.index + 1:02d}{PICTURE}")
        if run.job.keep:
            files.write(Arrays(_activations(run)), ARRAYS)
        if baseline is not None:
            files.write(Picture(baseline.image, baseline.record), f"_unmasked{PICTURE}")
        result = files.appear(
            lambda stem: _describe(result, run.record, stem, (*files.endings, RECORD))
        )
    return Answer(result, [*lines, *result["files"]])


def write_grid(grid: PictureGrid, folder: Path) -> Answer:
    """Write every picture of a grid and its contact sheet as `write_run` does."""
    result: dict[str, Any] = {
        "model": grid.job.spec.model,
        "layers": list(grid.job.spec.layers),
        "rows": list(rows_of(grid.job.interventions)),
        "seed": grid.job.settings.seed,
        "device": grid.device,
        "mask_typicality": {name: _figures(usual) for name, usual in _name_masks(grid.masks)},
        "cells": [],
        "notes": list(grid.notes),
    }
    with numbered_files(folder) as files:
        files.write(sheet_of(grid.job, grid.cells, grid.record), PICTURE)
        for cell in grid.cells:
            files.write(Picture(cell.image, grid.record), _cell_ending(cell))
        result = files.appear(
            lambda stem: _describe(
                result | {"cells": [_cell(cell, grid.job, stem) for cell in grid.cells]},
                grid.record,
                stem,
                (PICTURE, RECORD),
            )
        )
    lines = [f"{format_count(len(grid.cells), 'picture')}, seeds from {grid.job.settings.seed}"]
    lines += [f"at {name}: {mask_line(usual)}" for name, usual in _name_masks(grid.masks)]
    lines += grid.notes
    return Answer(result, [*lines, *result["files"]])


def unlike_samples(run: RunResult) -> list[str]:
    """Which steps are unlike the samples, and whether the mask is: lines to print."""
    lines = []
    for mask, usual in run.masks:
        lines.append(mask_line(usual, "mask" if len(run.masks) == 1 else effect_of(mask)))
    verdicts: dict[str, list[str]] = {}
    for step in run.steps:
        if step.typicality is not None and step.typicality.unlike:
            verdicts.setdefault(step.typicality.verdict, []).append(str(step.index + 1))
    for verdict, steps in verdicts.items():
        lines.append(f"step{'s' if len(steps) > 1 else ''} {', '.join(steps)} {verdict}")
    return lines


def mask_line(usual: Typicality, name: str = "mask") -> str:
    """How usual a mask is, as a line."""
    return f"{name} {usual.standing}: {', '.join(usual.facts)}"


def _name_masks(masks: Sequence[JudgedMask]) -> list[tuple[str, Typicality]]:
    """Masks of a grid by their layers, and by what they are where these are not the same."""
    alike = len({one.mask.source for one in masks}) == 1
    return [
        (str(mask.layers) if alike else f"{mask.layers}, {effect_of(mask)}", usual)
        for mask, usual in masks
    ]


def paths_apart(one: RunResult, other: RunResult) -> list[float]:
    """How far two runs are apart in the reduced activation space, at each step."""
    return [
        float(np.linalg.norm(a.reduced - b.reduced))
        for a, b in zip(one.steps, other.steps, strict=True)
        if a.reduced is not None and b.reduced is not None
    ]


def _result(run: RunResult) -> dict[str, Any]:
    """What a run was, without the files that it is in."""
    job = run.job
    return {
        "model": job.spec.model,
        "layers": list(job.spec.layers),
        "told": None if job.spec.told is None else told_text(job.spec.told),
        "rows": list(rows_of(job.interventions)),
        "class": class_number(run.condition),
        "class_choice": choice_of(job.condition),
        **describe(replace(job.settings, seed=run.seed)),
        **_acting(job.interventions, job.settings.num_steps, job.spec.layers),
        "evaluations": run.evaluations,
        "device": run.device,
        "sigmas": [step.sigma for step in run.steps],
        "trajectory": [_row(step) for step in run.steps],
        "mask_typicality": _figures(run.mask),
        "typicality_of_masks": [
            {"mask": effect_of(mask), "layers": list(mask.layers), **usual.to_dict()}
            for mask, usual in run.masks
        ],
        "notes": _notes(run),
    }


def _notes(run: RunResult) -> list[str]:
    return [*run.notes, *filter(None, [run.apart])]


def _acting(
    interventions: Sequence[Intervention], num_steps: int, layers: LayerSet
) -> dict[str, Any]:
    """A mask under the keys that it always had, and any other interventions as a list."""
    mask = sole_mask(interventions)
    subject = PICKED if mask is None else mask
    facts = describe_mask(replace(subject, layers=subject.layers or layers), num_steps)
    if mask is None and interventions:
        facts["interventions"] = plain(interventions)
    return facts


def _row(step: RunStep) -> dict[str, Any]:
    return {
        "sigma": step.sigma,
        "umap_x": step.xy[0],
        "umap_y": step.xy[1],
        "distance": step.distance,
        "imposed": None if step.imposed_xy is None else list(step.imposed_xy),
        "typicality": _figures(step.typicality),
        "imposed_typicality": _figures(step.imposed_typicality),
    }


def _figures(typicality: Typicality | None) -> dict[str, Any] | None:
    return None if typicality is None else typicality.to_dict()


def _activations(run: RunResult) -> dict[str, np.ndarray]:
    """``computed/<layer>`` and ``imposed/<layer>``, ``(S, C, H, W)``; NaN where no mask acted."""
    arrays: dict[str, np.ndarray] = {}
    for layer in run.steps[0].computed or {}:
        rows = [(step.computed or {})[layer] for step in run.steps]
        arrays[f"computed/{layer}"] = np.stack(rows)
        values = [(step.imposed or {}).get(layer) for step in run.steps]
        if any(value is not None for value in values):
            nothing = np.full_like(rows[0], np.nan)
            arrays[f"imposed/{layer}"] = np.stack([nothing if v is None else v for v in values])
    return arrays


def _landing_facts(landing: PicturePlaced, samples: SampleTable) -> dict[str, Any]:
    return {
        "sigma": landing.job.sigma,
        "umap_x": landing.xy[0],
        "umap_y": landing.xy[1],
        "distance": landing.distance,
        "told": conditions.describe(landing.told),
        "apart": landing.apart,
        "typicality": _figures(landing.typicality),
        "nearest": [
            {
                "row": row,
                "sample_id": samples.sample_id[row],
                "class": int(samples.class_label[row]),
                "distance": far,
            }
            for row, far in landing.neighbors
        ],
    }


def _cell_ending(cell: GridCell) -> str:
    return f"_{cell.index + 1:04d}{PICTURE}"


def _cell(cell: GridCell, job: GenerateGrid, stem: Path) -> dict[str, Any]:
    return {
        **describe(cell.settings, [SEED]),
        **_acting(cell.interventions, cell.settings.num_steps, job.spec.layers),
        "class": class_number(cell.condition),
        "image": f"{stem}{_cell_ending(cell)}",
    }


def _describe(
    result: Mapping[str, Any], record: Mapping[str, Any], stem: Path, endings: Sequence[str]
) -> dict[str, Any]:
    """A result with the files that it is in, and what makes it again."""
    return {
        **result,
        "image": f"{stem}{PICTURE}",
        "files": [f"{stem}{ending}" for ending in endings],
        "record": dict(record),
    }
