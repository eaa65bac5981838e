"""Options that several verbs and the window share."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffviews_desktop import paths
from diffviews_desktop.cli.option_types import (
    positive,
    real,
    told_option,
    told_or_both,
    whole,
)
from diffviews_desktop.cli.setting_options import add_settings, changes_of
from diffviews_desktop.values.metrics import METRICS
from diffviews_desktop.values.setting_specs import (
    GUIDANCE_SCALE,
    NOISE_MODE,
    NUM_STEPS,
    S_CHURN,
    S_MAX,
    S_MIN,
    S_NOISE,
    SAMPLER,
    SEED,
    SIGMA_MAX,
    SIGMA_MIN,
)

if TYPE_CHECKING:
    from diffviews_desktop.values.folders import FolderRef
    from diffviews_desktop.values.maps import MapParameters

OF_MODEL = (NUM_STEPS, SIGMA_MAX, SIGMA_MIN, GUIDANCE_SCALE)
"""Settings that go before those of a model's folder."""
OF_RUN = (SEED, NOISE_MODE, SAMPLER, S_CHURN, S_MIN, S_MAX, S_NOISE)
"""Settings that each run has of its own."""


def add_folder_options(
    parser: argparse.ArgumentParser,
    *,
    layer: Callable[[str], Any] = str,
    several_layers: bool = False,
    two_maps: bool = False,
) -> None:
    """Options that say which data and model to use; shared by the window and the verbs.

    Args:
        parser: gets them.
        layer: what makes a value of ``--layer``.
        several_layers: ``--layer`` is required, and may be given more than once: then it is a list.
        two_maps: whether ``--told both`` can be wanted.
    """
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="data folder (default: $DIFFVIEWS_DATA_DIR, else the bundled demo)",
    )
    parser.add_argument("--model", metavar="NAME", help="model to open (default: the first)")
    parser.add_argument(
        "--layer",
        type=layer,
        action="append" if several_layers else "store",
        required=several_layers,
        metavar="NAME",
        help=f"layer, or several joined by +{'; may be repeated' if several_layers else ''}",
    )
    add_device_options(parser)
    parser.add_argument(
        "--max-classes", type=positive, metavar="N", help="only the first N classes"
    )
    parser.add_argument("--adapter", metavar="NAME", help="adapter instead of the folder's")
    parser.add_argument("--checkpoint", metavar="FILE", help="checkpoint instead of the folder's")
    add_settings(parser, *OF_MODEL)
    add_map_options(parser, both=two_maps)


def add_device_options(parser: argparse.ArgumentParser) -> None:
    """Options that say how a model runs."""
    parser.add_argument(
        "--device",
        default="auto",
        help="auto, cpu, cuda, cuda:N or mps (default: $DIFFVIEWS_DEVICE, else the best there is)",
    )
    parser.add_argument(
        "--label-dropout",
        type=real,
        metavar="P",
        help="with what probability labels were dropped in training (default: what config.json, "
        "the name of a published file, or the file says)",
    )
    parser.add_argument(
        "--weights",
        metavar="NAME",
        help="which weights of the checkpoint, where it has several, such as ema (default: "
        "config.json's, else the smoothed ones)",
    )
    parser.add_argument(
        "--precision",
        choices=("auto", "float32", "float16", "bfloat16"),
        help="what the network runs in on CUDA (default: what it was made for)",
    )


def add_map_options(parser: argparse.ArgumentParser, both: bool = False) -> None:
    """Options that say how layers are extracted and mapped; ``both``: whether two maps can be
    wanted."""
    maps = parser.add_argument_group(
        "maps", "where none of the first eight is given, a folder's own map counts"
    )
    maps.add_argument("--n-neighbors", type=whole, metavar="N", help="of UMAP (default: 15)")
    maps.add_argument("--min-dist", type=real, metavar="D", help="of UMAP (default: 0.1)")
    maps.add_argument("--metric", choices=METRICS, help="between activations (default: euclidean)")
    maps.add_argument(
        "--pca-components",
        type=_components,
        metavar="N",
        help="dimensions to reduce to first, or none (default: $DIFFVIEWS_PCA_COMPONENTS, else 50)",
    )
    maps.add_argument("--n-components", type=whole, choices=(2, 3), help="dimensions of the map")
    maps.add_argument(
        "--level", type=real, metavar="S", help="only samples of this noise level (default: all)"
    )
    maps.add_argument(
        "--aligned",
        action="store_true",
        default=None,
        help="one map per noise level, all in one frame, so that a picture lies at like places "
        "on all of them; the 3-D view stacks them. Needs the same pictures at every level",
    )
    maps.add_argument("--map-seed", type=whole, metavar="S", help="of every stage (default: 42)")
    maps.add_argument(
        "--told",
        type=told_or_both if both else told_option,
        metavar="WHAT",
        help="what each sample is told when layers are extracted: none, own (its class or "
        "caption), uniform, the number of a class, or prompt:TEXT"
        + (", or both, for two maps: told nothing, and told their own" if both else "")
        + " (default: what the folder's map or config.json says, else none where the model was "
        "trained for it)",
    )
    maps.add_argument(
        "--extraction-input",
        choices=("noised", "scaled"),
        help="what the model sees: a noised picture, or the picture times the noise level",
    )
    maps.add_argument(
        "--activation-dtype", choices=("float32", "float16"), help="what activations are stored as"
    )


def folder_of(options: argparse.Namespace) -> FolderRef:
    """The data folder that the options of `add_folder_options` name, and how it is read."""
    from diffviews_desktop.values.folders import FolderRef, Overrides

    return FolderRef(
        path=options.data or paths.default_data_folder(),
        max_classes=options.max_classes,
        overrides=Overrides(
            adapter=options.adapter,
            checkpoint=options.checkpoint,
            weights=options.weights,
            **changes_of(options, OF_MODEL),
            label_dropout=options.label_dropout,
            precision=options.precision,
            extraction_input=options.extraction_input,
            activation_dtype=options.activation_dtype,
        ),
    )


def map_parameters_of(options: argparse.Namespace) -> MapParameters | None:
    """What the options of `add_map_options` say of the map; None where they say nothing.

    Raises:
        UsageError: one is out of range.
    """
    names = (
        "n_neighbors",
        "min_dist",
        "metric",
        "pca_components",
        "n_components",
        "level",
        "aligned",
    )
    values = {name: getattr(options, name) for name in names} | {"seed": options.map_seed}
    changes = {name: value for name, value in values.items() if value is not None}
    if not changes:
        return None
    from diffviews_desktop.values.maps import default_parameters

    if changes.get("pca_components") == "none":
        changes["pca_components"] = None
    return replace(default_parameters(), **changes)


def _components(text: str) -> int | str:
    """A number of principal components, or ``none``."""
    return "none" if text == "none" else positive(text)
