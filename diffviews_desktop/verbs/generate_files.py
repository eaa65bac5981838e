"""What ``generate`` writes: pictures with their records inside, and the same as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from diffviews_desktop.data.contact_sheet import render_sheet
from diffviews_desktop.data.folder_files import replacing
from diffviews_desktop.data.record_files import write_picture
from diffviews_desktop.errors import UsageError
from diffviews_desktop.samples import SampleTable
from diffviews_desktop.verbs.shared import Answer
from diffviews_desktop.worker.jobs import PictureGrid, PicturePlaced, Trajectory, TrajectoryStep
from diffviews_desktop.worker.layout import Axes


def write_trajectory(
    made: Trajectory,
    folder: Path,
    samples: SampleTable,
    *,
    baseline: Trajectory | None = None,
    placed: PicturePlaced | None = None,
) -> Answer:
    """Write a run under the next free number; nothing that is there is touched."""
    stem = _next(folder)
    job, settings = made.job, made.job.settings
    files = [folder / f"{stem}.png"]
    write_picture(files[0], made.image, made.record)
    for step in made.steps:
        files.append(folder / f"{stem}_step_{step.index + 1:02d}.png")
        write_picture(files[-1], step.image, made.record)
    result: dict[str, Any] = {
        "model": job.model,
        "layers": list(job.layers),
        "rows": list(job.rows),
        "class": made.class_label,
        "class_choice": job.class_choice,
        "seed": made.seed,
        "steps": settings.num_steps,
        "sampler": settings.sampler,
        "evaluations": made.evaluations,
        "mask_from": settings.mask_from,
        "mask_steps": settings.mask_steps,
        "mask_layers": list(settings.mask_layers or job.layers),
        "strength": settings.strength,
        "guidance": settings.guidance_scale,
        "noise_mode": settings.noise_mode,
        "device": made.device,
        "sigmas": [step.sigma for step in made.steps],
        "trajectory": [_row(step) for step in made.steps],
        "notes": list(made.notes),
    }
    if job.keep:
        files.append(folder / f"{stem}.npz")
        with replacing(files[-1]) as file:
            np.savez_compressed(file, **_activations(made))  # type: ignore[arg-type]
    if baseline is not None:
        files.append(folder / f"{stem}_unmasked.png")
        write_picture(files[-1], baseline.image, baseline.record)
        result["unmasked"] = [_row(step) for step in baseline.steps]
        result["apart"] = paths_apart(made, baseline)
    if placed is not None:
        result["landed"] = {
            "sigma": placed.job.sigma,
            "umap_x": placed.xy[0],
            "umap_y": placed.xy[1],
            "distance": placed.distance,
            "nearest": [
                {
                    "row": row,
                    "sample_id": samples.sample_id[row],
                    "class": int(samples.class_label[row]),
                    "distance": far,
                }
                for row, far in placed.neighbors
            ],
        }
    lines = [f"seed {made.seed}, class {made.class_label}, NFE {made.evaluations}", *made.notes]
    if placed is not None:
        names = ", ".join(f"{row} ({far:.3g})" for row, far in placed.neighbors)
        lines.append(f"landed nearest to {names}")
    return _finish(result, made.record, folder / f"{stem}.json", files, lines)


def write_grid(made: PictureGrid, folder: Path) -> Answer:
    """Write every picture of a grid and its contact sheet, under the next free number."""
    stem = _next(folder)
    axes = Axes.of(made.job)
    sheet = render_sheet(
        axes.arranged([cell.image for cell in made.cells]), axes.row_names, axes.column_names
    )
    files = [folder / f"{stem}.png"]
    write_picture(files[0], sheet, made.record)
    cells = []
    for cell in made.cells:
        files.append(folder / f"{stem}_{cell.index + 1:04d}.png")
        write_picture(files[-1], cell.image, made.record)
        s = cell.settings
        cells.append(
            {
                "seed": s.seed,
                "class": cell.class_label,
                "strength": s.strength,
                "mask_from": s.mask_from,
                "mask_steps": s.mask_steps,
                "mask_layers": list(s.mask_layers or made.job.layers),
                "image": str(files[-1]),
            }
        )
    result: dict[str, Any] = {
        "model": made.job.model,
        "layers": list(made.job.layers),
        "rows": list(made.job.rows),
        "seed": made.job.settings.seed,
        "device": made.device,
        "cells": cells,
        "notes": list(made.notes),
    }
    lines = [f"{len(cells)} pictures, seeds from {made.job.settings.seed}", *made.notes]
    return _finish(result, made.record, folder / f"{stem}.json", files[:1], lines)


def paths_apart(one: Trajectory, other: Trajectory) -> list[float]:
    """How far two runs are apart in the reduced activation space, at each step."""
    return [
        float(np.linalg.norm(a.reduced - b.reduced))
        for a, b in zip(one.steps, other.steps, strict=True)
        if a.reduced is not None and b.reduced is not None
    ]


def _row(step: TrajectoryStep) -> dict[str, Any]:
    return {
        "sigma": step.sigma,
        "umap_x": step.xy[0],
        "umap_y": step.xy[1],
        "distance": step.distance,
        "imposed": None if step.imposed_xy is None else list(step.imposed_xy),
    }


def _activations(made: Trajectory) -> dict[str, np.ndarray]:
    """``computed/<layer>`` and ``imposed/<layer>``, ``(S, C, H, W)``; NaN where no mask acted."""
    arrays: dict[str, np.ndarray] = {}
    for layer in made.steps[0].computed or {}:
        rows = [(step.computed or {})[layer] for step in made.steps]
        arrays[f"computed/{layer}"] = np.stack(rows)
        seen = [(step.imposed or {}).get(layer) for step in made.steps]
        if any(value is not None for value in seen):
            nothing = np.full_like(rows[0], np.nan)
            arrays[f"imposed/{layer}"] = np.stack([nothing if v is None else v for v in seen])
    return arrays


def _next(folder: Path) -> str:
    """The next free number."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        number = 1
        while any(folder.glob(f"{number:04d}*")):
            number += 1
    except OSError as error:
        raise UsageError(f"The pictures cannot be written to {folder} ({error}).") from error
    return f"{number:04d}"


def _finish(
    result: dict[str, Any],
    record: Mapping[str, Any],
    file: Path,
    pictures: list[Path],
    lines: list[str],
) -> Answer:
    result["image"] = str(pictures[0])
    result["files"] = [str(path) for path in (*pictures, file)]
    result["record"] = dict(record)
    with replacing(file) as stream:
        stream.write(json.dumps(result, indent=2).encode())
    return Answer(result, [*lines, *result["files"]])
