"""``experiment``: what an intervention does, beside its controls, with intervals."""

from __future__ import annotations

import argparse
import sys
from contextlib import suppress
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from diffviews_desktop.cli.experiment_files import answer_of, cost_text
from diffviews_desktop.cli.intervention_options import region_of
from diffviews_desktop.cli.option_types import layer_set, positive, real, sample_rows
from diffviews_desktop.cli.options import add_folder_options, folder_of, map_parameters_of
from diffviews_desktop.cli.setting_options import add_settings, changes_of
from diffviews_desktop.cli.shared import Answer, add_verb, engine_of, open_data
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.experiments import (
    ChooseGroups,
    PriceExperiment,
    RunExperiment,
)
from diffviews_desktop.engine.jobs.opening import DataOpened, LoadModel
from diffviews_desktop.errors import DataError, UsageError
from diffviews_desktop.experiments.controls import controls_for
from diffviews_desktop.files.reading import MOST_LISTED_JSON, read_json_value
from diffviews_desktop.text.terminal import complain
from diffviews_desktop.values.conditions import Condition, ZeroLabel, from_choice
from diffviews_desktop.values.experiment_text import read_experiment
from diffviews_desktop.values.experiments import CONTROLS, USUAL_JUDGE, Control, Experiment
from diffviews_desktop.values.folders import ModelLoaded
from diffviews_desktop.values.layers import NO_LAYERS, LayerSet
from diffviews_desktop.values.regions import EVERYWHERE
from diffviews_desktop.values.setting_specs import (
    NOISE_MODE,
    S_CHURN,
    S_MAX,
    S_MIN,
    S_NOISE,
    SAMPLER,
    SEED,
)
from diffviews_desktop.values.told import OWN, Told

SAMPLING = (SEED, NOISE_MODE, SAMPLER, S_CHURN, S_MIN, S_MAX, S_NOISE)
_SWEEP: tuple[Control, ...] = ("none", "mean")


def add_parser(verbs: Any) -> None:
    """Add the verb's parser."""
    text = (
        "Draw with masks and with everything they are to be compared with, and say what they do, "
        "with intervals over masks. run compares one set of layers with its controls; sweep finds "
        "which layers act, and when. The same command goes on with what was interrupted."
    )
    example = "experiment run --layer decoder_block_5 --anchors 20 --sigma 2 --out held-5"
    parser = add_verb(verbs, "experiment", run, text, example)
    parser.add_argument("what", nargs="?", choices=("run", "sweep"), default="run")
    add_folder_options(parser, layer=layer_set)
    _add_masks(parser)
    _add_measures(parser)
    add_settings(parser, *SAMPLING)
    parser.add_argument("--batch", type=positive, metavar="N", help="pictures in one forward pass")
    parser.add_argument("--out", type=Path, default=Path("experiment"), help="a folder of its own")
    parser.add_argument("--cost", action="store_true", help="only say what it will take")
    parser.add_argument(
        "--replay",
        type=Path,
        metavar="FILE",
        help="run the experiment of an experiment.json again; only --data, --device, --judge-code, "
        "--cost and --out count",
    )


def _add_masks(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("masks")
    group.add_argument("--anchors", type=positive, default=20, metavar="N", help="masks: 20")
    group.add_argument(
        "--neighbors", type=positive, default=6, metavar="N", help="samples beside each anchor: 6"
    )
    group.add_argument(
        "--sigma", type=real, help="noise level of the samples (default: the middle)"
    )
    group.add_argument(
        "--rows", type=_groups, metavar="I,J/K,L", help="the samples of each mask instead"
    )
    group.add_argument("--layers", metavar="NAME,…", help="sets of layers, or all")
    group.add_argument(
        "--windows", metavar="N|A-B,…", help="so many equal parts of the run, or steps from 1"
    )
    group.add_argument(
        "--region", type=region_of, default=EVERYWHERE, metavar="channels=…|tokens=…|area=…",
        help="only this part of each layer, written as in generate --add",
    )  # fmt: skip
    group.add_argument("--strength", type=real, default=1.0, help="0 … 1")
    group.add_argument("--seeds", type=positive, default=3, metavar="N", help="of each mask: 3")
    group.add_argument(
        "--class", dest="condition", type=_condition, default=ZeroLabel(), metavar="CLASS",
        help="what the model is told: a number, zero, uniform, random or anchor (default: zero)",
    )  # fmt: skip


def _add_measures(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("comparison")
    group.add_argument(
        "--controls", type=_controls, metavar="NAME,…",
        help=f"all, or of: {', '.join(CONTROLS)} (default: all that apply; sweep: none, mean)",
    )  # fmt: skip
    group.add_argument("--other-layer", type=layer_set, default=NO_LAYERS, metavar="NAME")
    group.add_argument(
        "--judge", metavar="FILE",
        help="classifier: an .onnx or .safetensors file, digits (bundled), model (its own loss) or "
        "none (default: digits where it fits, else none)",
    )  # fmt: skip
    group.add_argument(
        "--judge-code", metavar="MODULE:FUNCTION", help="classifier: a Python function, which runs"
    )
    group.add_argument(
        "--features", default="", metavar="LAYER", help="measure distances in this layer, too"
    )


def run(options: argparse.Namespace) -> Answer:
    """Choose masks, say the cost, draw, measure and write."""
    with engine_of(options) as engine:
        if options.replay is not None:
            experiment, folder = _replayed(options, engine)
        else:
            experiment, folder = _asked_for(options, engine), folder_of(options)
        common: dict[str, Any] = {
            "job_id": 0,
            "folder": folder,
            "experiment": experiment,
            "out": options.out,
            "trust_judge": options.judge_code is not None,
        }
        cost = engine.run(PriceExperiment(**common))
        if options.cost:
            return Answer(asdict(cost), [cost_text(cost)])
        if sys.stderr.isatty():
            complain(cost_text(cost))
        made = engine.run(RunExperiment(**common))
    return answer_of(made, cost)


def _asked_for(options: argparse.Namespace, engine: Engine) -> Experiment:
    folder, parameters = folder_of(options), map_parameters_of(options)
    opened = open_data(engine, folder, options.model, parameters)
    loaded = engine.run(LoadModel(job_id=0, folder=folder, model=opened.model))
    sweep = options.what == "sweep"
    layers = _layer_sets(options, loaded, opened)
    settings = replace(loaded.settings, **{"seed": 0, **changes_of(options, SAMPLING)})
    windows = _windows(options, settings.num_steps, sweep)
    told = _told(options.told, loaded)
    groups = options.rows
    if groups is None:
        groups = engine.run(
            ChooseGroups(
                job_id=0,
                folder=folder,
                model=opened.model,
                anchors=options.anchors,
                neighbors=options.neighbors,
                layers=layers[0] if len(layers) == 1 else NO_LAYERS,
                told=told,
                sigma=options.sigma,
                seed=settings.seed or 0,
            )
        )
    applicable = controls_for("replace", loaded.num_classes > 1, len(layers))
    controls = options.controls or (_SWEEP if sweep else applicable)
    return Experiment(
        model=opened.model,
        layer_sets=layers,
        windows=windows,
        groups=groups,
        seeds=options.seeds,
        controls=applicable if controls == "all" else controls,
        condition=options.condition,
        told=told,
        settings=settings,
        strength=options.strength,
        region=options.region,
        judge=options.judge_code or options.judge or USUAL_JUDGE,
        features=options.features,
        other_layer=LayerSet(options.other_layer),
        batch=options.batch,
    )


def _told(asked: Told | None, loaded: ModelLoaded) -> Told:
    """What the samples are told."""
    return asked or loaded.told or OWN


def _layer_sets(
    options: argparse.Namespace, loaded: ModelLoaded, opened: DataOpened
) -> tuple[LayerSet, ...]:
    asked = options.layers or ("all" if options.what == "sweep" and not options.layer else None)
    if asked == "all":
        return tuple(LayerSet((info.name,)) for info in loaded.layers)
    if asked is not None:
        return tuple(LayerSet(layer_set(part)) for part in asked.split(","))
    return (LayerSet(options.layer or opened.default_layers),)


def _windows(options: argparse.Namespace, steps: int, sweep: bool) -> tuple[tuple[int, int], ...]:
    """Windows of steps: from so many equal parts, or as they are written.

    Raises:
        UsageError: they are no windows of the run.
    """
    text = options.windows or ("3" if sweep else "1")
    if text.isdecimal() and 1 <= int(text) <= steps:
        ends = [round(part * steps / int(text)) for part in range(int(text) + 1)]
        return tuple(pairwise(ends))
    found = []
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if not (first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last) <= steps):
            raise UsageError(
                f"{text!r} is no number of windows and no list of steps such as 1-3,4-{steps}: the "
                f"run has {steps} steps."
            )
        found.append((int(first) - 1, int(last)))
    return tuple(found)


# ---- again --------------------------------------------------------------------------------------


def _replayed(options: argparse.Namespace, engine: Engine) -> tuple[Experiment, Any]:
    """The experiment of a file, with the samples where they are now.

    Raises:
        DataError: the file holds none, or the data folder lacks a sample.
    """
    try:
        value = read_json_value(options.replay, MOST_LISTED_JSON)
        record = value.get("record", value)
        if record.get("kind") != "experiment" or record.get("format") != 1:
            raise ValueError("it is of another kind")
        experiment = read_experiment(record["experiment"])
        ids = [[str(name) for name in group] for group in record["sample_ids"]]
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise DataError(
            f"{options.replay.name} holds no experiment that this version can run. Take the "
            "experiment.json that experiment wrote."
        ) from error
    folder = folder_of(options)
    if options.data is None and record.get("folder"):
        folder = replace(folder, path=Path(str(record["folder"])))
    samples = open_data(engine, folder, experiment.model).samples
    place = {name: row for row, name in enumerate(samples.sample_id)}
    missing = [name for group in ids for name in group if name not in place]
    if missing:
        raise DataError(f"The data folder has no sample {missing[0]!r}, which the record needs.")
    groups = tuple(tuple(place[name] for name in group) for group in ids)
    judge = options.judge_code or experiment.judge
    return replace(experiment, groups=groups, judge=judge), folder


# ---- values of options --------------------------------------------------------------------------


def _groups(text: str) -> tuple[tuple[int, ...], ...]:
    return tuple(sample_rows(part) for part in text.split("/"))


def _condition(text: str) -> Condition:
    with suppress(ValueError):
        return from_choice(int(text) if text.isdecimal() else text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a class number, zero, uniform or random")


def _controls(text: str) -> tuple[Control, ...] | str:
    if text == "all":
        return text
    named = [part.strip() for part in text.split(",")]
    wrong = [name for name in named if name not in CONTROLS]
    if wrong:
        raise argparse.ArgumentTypeError(
            f"{wrong[0]!r} is no control: use all, or {', '.join(CONTROLS)}"
        )
    return tuple(name for name in CONTROLS if name in named)
