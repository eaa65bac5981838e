"""Lines of the history as commands for a terminal."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from diffviews_desktop.actions.line_format import NEEDS_WINDOW, json_text, with_opening
from diffviews_desktop.engine.jobs.directions import ExportDirection, LoadDirection, SaveDirection
from diffviews_desktop.engine.jobs.drawing import Generate, GenerateGrid
from diffviews_desktop.engine.jobs.importing import ImportData
from diffviews_desktop.engine.jobs.mapping import AssessMap, MapLayer
from diffviews_desktop.engine.jobs.opening import OpenData
from diffviews_desktop.engine.protocol import Job
from diffviews_desktop.state.history import HistoryLine
from diffviews_desktop.text.plain import visible
from diffviews_desktop.text.terminal import PROGRAM
from diffviews_desktop.values.conditions import choice_of
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.interventions import (
    Component,
    Difference,
    Factor,
    Intervention,
    LayerMean,
    OtherRun,
    SampleMean,
    SavedVector,
    Source,
    Zero,
)
from diffviews_desktop.values.maps import MapParameters, MapSpec
from diffviews_desktop.values.regions import Channels, Everywhere, Region, Tokens, indices_text
from diffviews_desktop.values.sampling import SamplingSettings
from diffviews_desktop.values.told import Told, told_text


class NoOptionError(Exception):
    """No option of the command line says this."""


def as_command(lines: Sequence[HistoryLine], every: Sequence[HistoryLine] = ()) -> str:
    """What does the same in a terminal: the program's own verb where there is one for a single
    line, else ``do`` with all lines, after the one of ``every`` that opened their folder.

    No letter in it acts where it is pasted: an argument that has one goes into JSON."""
    if len(lines) == 1 and len(lines[0].asked) == 1:
        job = lines[0].asked[0]
        make = _COMMANDS.get(type(job))
        if make is not None:
            try:
                command = shlex.join([PROGRAM, *make(job)])
            except (NoOptionError, ValueError):
                command = ""
            if command and visible(command) == command:
                return command
    whole = with_opening(lines, every)
    texts = [json_text(line) for line in whole if line.verb not in NEEDS_WINDOW]
    return " \\\n  ".join([f"{PROGRAM} do", *map(shlex.quote, texts)])


# ---- verbs of the command line ------------------------------------------------------------------


def _open(job: OpenData) -> list[str]:
    model = [] if job.model is None else ["--model", job.model]
    return [*_folder(job.folder), *model, *_parameters(job.parameters), *_told(job.told)]


def _map(job: MapLayer | AssessMap) -> list[str]:
    assess = ["--assess", str(job.seeds)] if isinstance(job, AssessMap) else []
    return ["map", *_folder(job.folder), *_spec(job.spec), *assess]


def _generate(job: Generate | GenerateGrid) -> list[str]:
    options = ["generate", *_folder(job.folder), *_spec(job.spec)]
    options += ["--class", str(choice_of(job.condition)), *_settings(job.settings)]
    for one in job.interventions:
        options += [f"--{one.verb}", _intervention(one, job.settings.num_steps)]
    if isinstance(job, GenerateGrid):
        options += _axes(job)
    return options


def _axes(job: GenerateGrid) -> list[str]:
    options = ["--samples", str(job.samples)]
    if job.strengths:
        options += ["--strengths", ",".join(map(_number, job.strengths))]
    if job.windows:
        options += ["--windows", ",".join(f"{first + 1}-{last}" for first, last in job.windows)]
    if job.mask_layers:
        options += ["--mask-layers", ",".join(map(str, job.mask_layers))]
    return [*options, "--vary", str(job.varied + 1)]


def _import(job: ImportData) -> list[str]:
    options = ["import", "--model-checkpoint", str(job.checkpoint), "--name", job.name]
    if job.images is not None:
        options += ["--images", str(job.images)]
    else:
        options += ["--generate", str(job.generate)]
    if job.class_map:
        raise NoOptionError
    flags: Mapping[str, object] = {
        "--labels": job.labels,
        "--adapter": job.adapter,
        "--sigmas": ",".join(map(_number, job.sigmas)),
        "--range": None if job.brightness is None else ",".join(map(_number, job.brightness)),
        "--layers": ",".join(job.layers) or None,
        "--seed": job.seed,
    }
    options += _flatten(flags)
    return [*options, *_parameters(job.parameters), *_told(job.told), "--out", str(job.out)]


def _direction(job: SaveDirection) -> list[str]:
    options = ["direction", "save", job.name, *_folder(job.folder), *_spec(job.spec)]
    source = job.source
    if isinstance(source, Component):
        return [*options, "--component", str(source.index + 1)]
    options += ["--rows", _rows(source.rows)]
    return [*options, "--minus", _rows(source.minus)] if isinstance(source, Difference) else options


def _load(job: LoadDirection) -> list[str]:
    options = _flatten({"--name": job.name, "--model": job.model})
    replacing = ["--replace"] if job.replace else []
    return ["direction", "load", str(job.file), *_folder(job.folder), *options, *replacing]


def _export(job: ExportDirection) -> list[str]:
    options = [*_folder(job.folder), "--model", job.model]
    return ["direction", "export", job.name, str(job.file), *options]


_COMMANDS: Mapping[type[Job[object]], Callable[[Any], list[str]]] = {
    OpenData: _open,
    MapLayer: _map,
    AssessMap: _map,
    Generate: _generate,
    GenerateGrid: _generate,
    ImportData: _import,
    SaveDirection: _direction,
    LoadDirection: _load,
    ExportDirection: _export,
}


# ---- options ------------------------------------------------------------------------------------


def _flatten(options: Mapping[str, object]) -> list[str]:
    """Options that are not left open."""
    values = {flag: value for flag, value in options.items() if value is not None}
    return [part for flag, value in values.items() for part in (flag, _number(value))]


def _number(value: object) -> str:
    return repr(value) if isinstance(value, float) else str(value)


def _folder(folder: FolderRef) -> list[str]:
    other = folder.overrides
    return _flatten(
        {
            "--data": folder.path,
            "--max-classes": folder.max_classes,
            "--adapter": other.adapter,
            "--checkpoint": other.checkpoint,
            "--weights": other.weights,
            "--label-dropout": other.label_dropout,
            "--precision": other.precision,
            "--extraction-input": other.extraction_input,
            "--activation-dtype": other.activation_dtype,
        }
    )


def _spec(spec: MapSpec) -> list[str]:
    layers = ["--layer", str(spec.layers)] if spec.layers else []
    return ["--model", spec.model, *layers, *_parameters(spec.parameters), *_told(spec.told)]


def _parameters(parameters: MapParameters | None) -> list[str]:
    if parameters is None:
        return []
    pca = parameters.pca_components
    alignment = ["--aligned"] if parameters.aligned else []
    return alignment + _flatten(
        {
            "--n-neighbors": parameters.n_neighbors,
            "--min-dist": parameters.min_dist,
            "--metric": parameters.metric,
            "--pca-components": "none" if pca is None else pca,
            "--n-components": parameters.n_components,
            "--level": parameters.level,
            "--map-seed": parameters.seed,
        }
    )


def _told(told: Told | None) -> list[str]:
    return [] if told is None else ["--told", told_text(told)]


def _settings(settings: SamplingSettings) -> list[str]:
    if settings.rho != SamplingSettings.rho:
        raise NoOptionError
    options = _flatten(
        {
            "--steps": settings.num_steps,
            "--sampler": settings.sampler,
            "--sigma-max": settings.sigma_max,
            "--sigma-min": settings.sigma_min,
            "--guidance": settings.guidance_scale,
            "--noise-mode": settings.noise_mode,
            "--seed": settings.seed,
        }
    )
    churn = (settings.s_churn, settings.s_min, settings.s_max, settings.s_noise)
    if churn == (0.0, 0.0, None, 1.0):
        return options
    if settings.s_max is None:
        raise NoOptionError
    return [*options, "--churn", ",".join(map(_number, churn))]


# ---- interventions ------------------------------------------------------------------------------


def _intervention(one: Intervention, num_steps: int) -> str:
    """An intervention as an option writes it, in the syntax of ``generate --add``."""
    if one.name:
        raise NoOptionError
    parts = [_source(one.source)]
    if one.layers:
        parts.append(f"layers={one.layers}")
    if one.step_from or one.step_to is not None:
        last = num_steps if one.step_to is None else one.step_to
        parts.append(f"steps={one.step_from + 1}-{last}")
    if one.strength != 1:
        parts.append(f"strength={_number(one.strength)}")
    if not (one.conditional and one.unconditional):
        parts.append(f"half={'conditional' if one.conditional else 'unconditional'}")
    parts += _region(one.region)
    if isinstance(one.source, OtherRun) and one.source.condition is not None:
        parts.append(f"class={choice_of(one.source.condition)}")
    return ":".join(parts)


def _source(source: Source) -> str:
    match source:
        case SampleMean(rows=rows, weighting="equal"):
            return _rows(rows)
        case Difference(rows=rows, minus=minus):
            return f"{_rows(rows)}-{_rows(minus)}"
        case Component(index=index):
            return f"pc{index + 1}"
        case SavedVector(name=name) if ":" not in name:
            return name
        case Factor(value=value):
            return _number(value)
        case Zero():
            return "zero"
        case LayerMean():
            return "mean"
        case OtherRun(seed=seed):
            return "same" if seed is None else str(seed)
    raise NoOptionError


def _region(region: Region) -> list[str]:
    match region:
        case Everywhere():
            return []
        case Channels(indices=indices):
            return [f"channels={indices_text(indices)}"]
        case Tokens(indices=indices):
            return [f"tokens={indices_text(indices)}"]
    raise NoOptionError


def _rows(rows: Sequence[int]) -> str:
    return ",".join(map(str, rows))
