"""``generate``: pictures, grids of pictures, and a record of how they were made."""

from __future__ import annotations

import argparse
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from diffviews_desktop.cli.controls import run_controls
from diffviews_desktop.cli.intervention_options import add_intervention_options, steps_of
from diffviews_desktop.cli.option_types import (
    class_or_word,
    layer_set,
    numbers_of,
    positive,
    real,
    sample_rows,
)
from diffviews_desktop.cli.options import OF_RUN, add_folder_options, folder_of, map_parameters_of
from diffviews_desktop.cli.run_files import write_grid, write_run
from diffviews_desktop.cli.setting_options import add_settings, changes_of
from diffviews_desktop.cli.shared import Answer, add_verb, engine_of, open_data
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.drawing import (
    Generate,
    GenerateGrid,
    PictureGrid,
    PicturePlaced,
    PlacePicture,
    RunResult,
)
from diffviews_desktop.engine.jobs.opening import DataOpened, LoadModel
from diffviews_desktop.errors import DataError, UsageError
from diffviews_desktop.values.conditions import (
    ClassLabel,
    Condition,
    RandomClass,
    ZeroLabel,
)
from diffviews_desktop.values.folders import ModelLoaded
from diffviews_desktop.values.interventions import mean_of_samples, rows_of, with_rows
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.maps import MapSpec
from diffviews_desktop.values.samples import SampleTable
from diffviews_desktop.values.sampling import SamplingSettings
from diffviews_desktop.values.setting_specs import (
    MASK_LAYERS,
    MASK_STEPS,
    MASK_UNCONDITIONAL,
    STRENGTH,
    WEIGHTING,
)

MASK = (STRENGTH, WEIGHTING, MASK_LAYERS, MASK_UNCONDITIONAL)


def add_parser(verbs: Any) -> None:
    """Add the verb's parser."""
    text = (
        "Draw with a layer held at the mean of some samples' activations, or with other "
        "interventions."
    )
    parser = add_verb(verbs, "generate", run, text)
    add_folder_options(parser, layer=layer_set)
    parser.add_argument(
        "--class",
        dest="condition",
        type=class_or_word,
        metavar="CLASS",
        help="a number, random, zero or uniform (default: that of the first row, whatever the "
        "samples of the map were told)",
    )
    add_settings(parser, *OF_RUN)
    parser.add_argument(
        "--preset", metavar="NAME", help="published settings; a wrong name lists them"
    )
    _add_mask_options(parser)
    add_intervention_options(parser)
    _add_grid_options(parser)
    out = parser.add_argument_group("what comes out")
    out.add_argument("--out", type=Path, default=Path("generated"), help="folder for pictures")
    out.add_argument(
        "--activations",
        action="store_true",
        help="write what the layers computed and what was imposed, as .npz",
    )
    out.add_argument(
        "--baseline", action="store_true", help="draw the same without interventions, too"
    )
    out.add_argument(
        "--controls",
        action="store_true",
        help="draw what the interventions are to be compared with, with the same seeds, and "
        "compare them in a table",
    )
    out.add_argument(
        "--land",
        type=real,
        metavar="SIGMA",
        help="name the samples that the finished picture is nearest to, at this noise level",
    )
    out.add_argument(
        "--replay",
        type=Path,
        metavar="FILE",
        help="make a picture again from its .json or .png; only --data, --device and --out count",
    )


def _add_mask_options(parser: argparse.ArgumentParser) -> None:
    mask = parser.add_argument_group("mask")
    mask.add_argument(
        "--rows", type=_rows, default=(), metavar="I,J,…", help="samples whose mean is imposed"
    )
    add_settings(mask, MASK_STEPS)
    mask.add_argument(
        "--mask-window",
        type=steps_of,
        metavar="A-B",
        help="steps that it acts on, from 1 (default: all)",
    )
    add_settings(mask, *MASK)


def _add_grid_options(parser: argparse.ArgumentParser) -> None:
    grid = parser.add_argument_group("many pictures in one job, as a contact sheet")
    grid.add_argument("--samples", type=positive, metavar="N", help="seeds, from --seed upwards")
    grid.add_argument("--strengths", type=numbers_of(None), default=(), metavar="S,S,…")
    grid.add_argument("--windows", type=_windows, default=(), metavar="A-B,A-B,…")
    grid.add_argument("--mask-layers", type=_layer_sets, default=(), metavar="NAME,NAME,…")
    grid.add_argument(
        "--vary",
        type=positive,
        default=1,
        metavar="N",
        help="which intervention the three before vary, the mask of --rows first (default: 1)",
    )
    grid.add_argument("--batch", type=positive, metavar="N", help="pictures in one forward pass")


def run(options: argparse.Namespace) -> Answer:
    """Pictures, and a record of how they were made."""
    if options.replay is not None:
        return _replay(options)
    with engine_of(options) as engine:
        job, opened = _asked_for(options, engine)
        if options.controls:
            return run_controls(engine, job, opened, options.out)
        result = engine.run(job)
        if isinstance(result, PictureGrid):
            return write_grid(result, options.out)
        assert isinstance(result, RunResult)
        baseline = landing = None
        if options.baseline:
            assert isinstance(job, Generate)
            settings = replace(job.settings, seed=result.seed)
            plain = replace(job, interventions=(), settings=settings, keep=False)
            baseline = engine.run(plain)
        if options.land is not None:
            landing = _land(engine, result, options.land)
    return write_run(result, options.out, opened.samples, baseline=baseline, landing=landing)


def _asked_for(
    options: argparse.Namespace, engine: Engine
) -> tuple[Generate | GenerateGrid, DataOpened]:
    """The job that the options describe, and the folder."""
    mask = _mask(options)
    folder, parameters = folder_of(options), map_parameters_of(options)
    opened = open_data(engine, folder, options.model, parameters)
    loaded = engine.run(LoadModel(job_id=0, folder=folder, model=opened.model))
    common: dict[str, Any] = {
        "job_id": 0,
        "folder": folder,
        "spec": MapSpec(
            opened.model, options.layer or opened.default_layers, parameters, options.told
        ),
        "condition": _condition(options, opened),
        "settings": _settings(options, loaded),
        "interventions": (
            *mean_of_samples(options.rows, **mask),
            *options.interventions,
        ),
    }
    if not (options.samples or options.strengths or options.windows or options.mask_layers):
        return Generate(**common, keep=options.activations), opened
    if options.vary > max(1, len(common["interventions"])):
        raise UsageError(f"There is no intervention {options.vary} to vary.")
    for name in ("activations", "baseline", "land"):
        if getattr(options, name):
            raise UsageError(f"--{name} belongs to a single picture, not to a grid.")
    axes = {name: getattr(options, name) for name in ("strengths", "windows", "mask_layers")}
    return (
        GenerateGrid(
            **common,
            samples=options.samples or 1,
            varied=options.vary - 1,
            batch=options.batch,
            **axes,
        ),
        opened,
    )


def _settings(options: argparse.Namespace, loaded: ModelLoaded) -> SamplingSettings:
    settings = loaded.settings
    if options.preset is not None:
        presets = {preset.name: preset.settings for preset in loaded.presets}
        if options.preset not in presets:
            choices = "; ".join(f"{p.name}: {p.note}" for p in loaded.presets) or "none"
            raise UsageError(f"{loaded.model} has no preset {options.preset!r}. It has: {choices}.")
        settings = presets[options.preset]
    return replace(settings, **changes_of(options, OF_RUN))


def _mask(options: argparse.Namespace) -> dict[str, Any]:
    """How the mask of ``--rows`` acts, as fields of its intervention.

    Raises:
        UsageError: its steps are given twice.
    """
    changes = changes_of(options, (*MASK, MASK_STEPS))
    if options.mask_window is not None:
        if options.mask_steps is not None:
            raise UsageError(
                "Give either --mask-window or --mask-steps: --mask-steps 3 is short for "
                "--mask-window 1-3."
            )
        changes["step_from"], changes["step_to"] = options.mask_window
    return changes


def _land(engine: Engine, result: RunResult, sigma: float) -> PicturePlaced:
    job = result.job
    return engine.run(
        PlacePicture(
            job_id=0,
            folder=job.folder,
            spec=job.spec,
            image=result.image,
            condition=result.condition or ZeroLabel(),
            sigma=sigma,
            seed=result.seed,
        )
    )


# ---- again --------------------------------------------------------------------------------------


def _replay(options: argparse.Namespace) -> Answer:
    """Make what a record describes again, and say why it may differ."""
    from diffviews_desktop.engine.record import differences, job_of, read_record

    record = read_record(options.replay)
    job = job_of(record)
    if options.data is not None:
        job = replace(job, folder=replace(job.folder, path=options.data))
    if options.device == "auto" and record.device:
        options.device = record.device
    with engine_of(options, threads=record.threads) as engine:
        opened = open_data(engine, job.folder, job.spec.model)
        rows = _same_rows(rows_of(job.interventions), record.sample_ids, opened.samples)
        job = replace(job, interventions=with_rows(job.interventions, rows))
        result = engine.run(job)
    assert isinstance(result, RunResult | PictureGrid)
    notes = tuple(f"The bytes may differ: {text}." for text in differences(record, result.record))
    if isinstance(result, PictureGrid):
        return write_grid(replace(result, notes=(*result.notes, *notes)), options.out)
    return write_run(replace(result, notes=(*result.notes, *notes)), options.out, opened.samples)


def _same_rows(
    rows: tuple[int, ...], names: tuple[str, ...], samples: SampleTable
) -> tuple[int, ...]:
    """The rows that the samples of a record have now.

    Raises:
        DataError: one is no longer there.
    """
    if len(names) != len(rows):
        return rows
    place = {name: row for row, name in enumerate(samples.sample_id)}
    missing = [name for name in names if name not in place]
    if missing:
        raise DataError(f"The data folder has no sample {missing[0]!r}, which the record needs.")
    return tuple(place[name] for name in names)


# ---- values of options --------------------------------------------------------------------------


def _condition(options: argparse.Namespace, opened: DataOpened) -> Condition:
    if options.condition is not None:
        choice: Condition = options.condition
        return choice
    if options.rows and options.rows[0] < len(opened.samples):
        number = int(opened.samples.class_label[options.rows[0]])
        if number >= 0:
            return ClassLabel(number)
    return RandomClass()


def _rows(text: str) -> tuple[int, ...]:
    rows = sample_rows(text)
    if not rows or min(rows) < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of samples such as 3,14,15")
    return rows


def _windows(text: str) -> tuple[tuple[int, int], ...]:
    return tuple(steps_of(part) for part in re.split(r"\s*[,;]\s*", text.strip()))


def _layer_sets(text: str) -> tuple[LayerSet, ...]:
    return tuple(layer_set(part) for part in text.split(","))
