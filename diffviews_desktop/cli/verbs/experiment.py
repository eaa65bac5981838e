"""``experiment``: what an intervention does, beside its controls, with intervals."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from diffviews_desktop.cli.controls import MORE_SEEDS, SEEDS
from diffviews_desktop.cli.experiment_files import answer_of, cost_text
from diffviews_desktop.cli.experiment_replay import differences, read_recorded, replay
from diffviews_desktop.cli.intervention_options import add_intervention_options, region_of
from diffviews_desktop.cli.option_types import (
    class_word_or_anchor,
    layer_set,
    positive,
    real,
    sample_rows,
)
from diffviews_desktop.cli.options import OF_RUN, add_folder_options, folder_of, map_parameters_of
from diffviews_desktop.cli.setting_options import add_settings, changes_of
from diffviews_desktop.cli.shared import Answer, add_verb, engine_of, open_data
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.experiments import (
    ChooseGroups,
    JudgeExperiment,
    PriceExperiment,
    RunExperiment,
)
from diffviews_desktop.engine.jobs.opening import DataOpened, LoadModel
from diffviews_desktop.errors import UsageError
from diffviews_desktop.text.terminal import complain
from diffviews_desktop.values.conditions import ZeroLabel
from diffviews_desktop.values.controls import CONTROLS, Control, controls_for
from diffviews_desktop.values.experiment_plans import experiment_of, windows_of
from diffviews_desktop.values.experiments import USUAL_JUDGE, Experiment
from diffviews_desktop.values.folders import ModelLoaded
from diffviews_desktop.values.interventions import Intervention
from diffviews_desktop.values.layers import NO_LAYERS, LayerSet
from diffviews_desktop.values.maps import MapSpec
from diffviews_desktop.values.regions import EVERYWHERE
from diffviews_desktop.values.told import OWN_CONDITION, Told

_SWEEP: tuple[Control, ...] = ("none", "mean")
_ANCHORS, _NEIGHBORS = 20, 6


def add_parser(verbs: Any) -> None:
    """Add the verb's parser."""
    text = (
        "Draw with masks, or with an intervention such as --add, and with everything that they are "
        "to be compared with, and say what they do, with intervals over masks, or over the seeds "
        "of an intervention. run compares one set of layers with its controls; sweep finds which "
        "layers act, and when. The same command goes on with what was interrupted."
    )
    parser = add_verb(verbs, "experiment", run, text)
    parser.add_argument("what", nargs="?", choices=("run", "sweep"), default="run")
    add_folder_options(parser, layer=layer_set)
    _add_masks(parser)
    _add_places(parser)
    add_intervention_options(parser, order="instead of masks")
    _add_measures(parser)
    add_settings(parser, *OF_RUN)
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
    group.add_argument("--anchors", type=positive, metavar="N", help="masks: 20")
    group.add_argument(
        "--neighbors", type=positive, metavar="N", help="samples beside each anchor: 6"
    )
    group.add_argument(
        "--sigma", type=real, help="noise level of the samples (default: the middle)"
    )
    group.add_argument(
        "--rows", type=_groups, metavar="I,J/K,L", help="the samples of each mask instead"
    )
    group.add_argument(
        "--region", type=region_of, metavar="channels=…|tokens=…|area=…",
        help="only this part of each layer, written as in generate --add",
    )  # fmt: skip
    group.add_argument("--strength", type=real, help="0 … 1")


def _add_places(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what is drawn")
    group.add_argument("--layers", metavar="NAME,…", help="sets of layers, or all")
    group.add_argument(
        "--windows", metavar="N|A-B,…", help="so many equal parts of the run, or steps from 1"
    )
    group.add_argument(
        "--seeds", type=positive, metavar="N", help="3 of each mask, 20 of an intervention"
    )
    group.add_argument(
        "--class",
        dest="condition",
        type=class_word_or_anchor,
        default=ZeroLabel(),
        metavar="CLASS",
        help="what the model is told: a number, zero, uniform, random or anchor (default: zero)",
    )


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
    recorded = None if options.replay is None else read_recorded(options.replay)
    with engine_of(options, threads=None if recorded is None else recorded.threads) as engine:
        if recorded is not None:
            experiment, folder = replay(recorded, options, engine)
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
        request = JudgeExperiment(job_id=0, folder=folder, experiment=experiment)
        standing = engine.run(request).standing
        plan = [*filter(None, [*standing.lines, standing.unknown])]
        if options.cost:
            facts = asdict(cost) | {"beyond_samples": standing.to_dict()}
            return Answer(facts, [cost_text(cost), *plan])
        for line in [cost_text(cost), *plan] if sys.stderr.isatty() else standing.lines:
            complain(line)
        result = engine.run(RunExperiment(**common))
    notes = () if recorded is None else differences(recorded, result.record)
    return answer_of(result, cost, notes)


def _asked_for(options: argparse.Namespace, engine: Engine) -> Experiment:
    folder, parameters = folder_of(options), map_parameters_of(options)
    opened = open_data(engine, folder, options.model, parameters)
    loaded = engine.run(LoadModel(job_id=0, folder=folder, model=opened.model))
    acting = tuple(one for one in options.interventions if one.enabled)
    layers = _layer_sets(options, loaded, opened)
    settings = replace(loaded.settings, **{"seed": 0, **changes_of(options, OF_RUN)})
    sweep, windows = options.what == "sweep", None
    if not acting or options.windows or sweep:
        windows = _windows(options, settings.num_steps, sweep)
    fields: dict[str, Any] = {
        "condition": options.condition,
        "told": _told(options.told, loaded),
        "settings": settings,
        "judge": options.judge_code or options.judge or USUAL_JUDGE,
        "features": options.features,
        "other_layer": LayerSet(options.other_layer),
        "batch": options.batch,
        **({"layer_sets": layers} if layers else {}),
        **({"windows": windows} if windows else {}),
    }
    if acting:
        experiment = _of_interventions(options, acting, opened, fields)
    else:
        experiment = _of_masks(options, engine, opened, fields)
    applicable = controls_for(experiment.acting, loaded.num_classes > 1, len(experiment.layer_sets))
    usual = tuple(name for name in _SWEEP if name in applicable) if sweep else applicable
    controls = options.controls or usual
    return replace(experiment, controls=applicable if controls == "all" else controls)


def _of_interventions(
    options: argparse.Namespace,
    acting: tuple[Intervention, ...],
    opened: DataOpened,
    fields: dict[str, Any],
) -> Experiment:
    """The interventions that are named, as they are.

    Raises:
        UsageError: an option for masks is given, too.
    """
    for name in ("anchors", "neighbors", "sigma", "rows", "region", "strength"):
        if getattr(options, name) is not None:
            raise UsageError(
                f"--{name} is for masks: leave it out, or write it into the intervention."
            )
    parameters = map_parameters_of(options)
    spec = MapSpec(opened.model, options.layer or opened.default_layers, parameters)
    steps = fields["settings"].num_steps
    seeds = options.seeds or MORE_SEEDS
    return experiment_of(acting, spec, steps, opened.directions, seeds=seeds, **fields)


def _of_masks(
    options: argparse.Namespace, engine: Engine, opened: DataOpened, fields: dict[str, Any]
) -> Experiment:
    """Masks of samples of all classes, or of those that are named."""
    layers, groups = fields["layer_sets"], options.rows
    if groups is None:
        groups = engine.run(
            ChooseGroups(
                job_id=0,
                folder=folder_of(options),
                model=opened.model,
                anchors=options.anchors or _ANCHORS,
                neighbors=options.neighbors or _NEIGHBORS,
                layers=layers[0] if len(layers) == 1 else NO_LAYERS,
                told=fields["told"],
                sigma=options.sigma,
                seed=fields["settings"].seed or 0,
            )
        )
    return Experiment(
        model=opened.model,
        groups=groups,
        seeds=options.seeds or SEEDS,
        strength=1.0 if options.strength is None else options.strength,
        region=options.region or EVERYWHERE,
        **fields,
    )


def _told(choice: Told | None, loaded: ModelLoaded) -> Told:
    """What the samples are told."""
    return choice or loaded.told or OWN_CONDITION


def _layer_sets(
    options: argparse.Namespace, loaded: ModelLoaded, opened: DataOpened
) -> tuple[LayerSet, ...]:
    """Where it acts; nothing where interventions say so themselves.

    Raises:
        UsageError: the layers cannot be read.
    """
    text = options.layers or ("all" if options.what == "sweep" and not options.layer else None)
    if text == "all":
        return tuple(LayerSet((info.name,)) for info in loaded.layers)
    if text is not None:
        try:
            return tuple(map(LayerSet.parse, text.split(",")))
        except ValueError:
            raise UsageError(
                f"{text!r} is no list of layers, or of several joined by +, such as a,b+c."
            ) from None
    if options.interventions:
        return ()
    return (LayerSet(options.layer or opened.default_layers),)


def _windows(options: argparse.Namespace, steps: int, sweep: bool) -> tuple[tuple[int, int], ...]:
    """Windows of steps: from so many equal parts, or as they are written.

    Raises:
        UsageError: they are no windows of the run.
    """
    text = options.windows or ("3" if sweep else "1")
    if text.isdecimal() and 1 <= int(text) <= steps:
        return windows_of(steps, int(text))
    windows = []
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if not (first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last) <= steps):
            raise UsageError(
                f"{text!r} is no number of windows and no list of steps such as 1-3,4-{steps}: the "
                f"run has {steps} steps."
            )
        windows.append((int(first) - 1, int(last)))
    return tuple(windows)


# ---- values of options --------------------------------------------------------------------------


def _groups(text: str) -> tuple[tuple[int, ...], ...]:
    return tuple(sample_rows(part) for part in text.split("/"))


def _controls(text: str) -> tuple[Control, ...] | str:
    if text == "all":
        return text
    names = [part.strip() for part in text.split(",")]
    wrong = [name for name in names if name not in CONTROLS]
    if wrong:
        raise argparse.ArgumentTypeError(
            f"{wrong[0]!r} is no control: use all, or {', '.join(CONTROLS)}"
        )
    return tuple(name for name in CONTROLS if name in names)
