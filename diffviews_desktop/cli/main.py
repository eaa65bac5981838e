"""The command line: the window, and the verbs that do the same work without it."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffviews_desktop import __version__, paths, safe_path
from diffviews_desktop.errors import DiffViewsError, said
from diffviews_desktop.text import terminal

if TYPE_CHECKING:
    from diffviews_desktop.values.folders import Source
    from diffviews_desktop.values.maps import MapParameters

log = logging.getLogger(__name__)

DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130
VERBS = (
    "info",
    "extract",
    "map",
    "generate",
    "import",
    "convert",
    "convert-checkpoint",
    "cache",
)
METRICS = ("euclidean", "cosine", "correlation")  # those of processing, which is not imported here

_EPILOG = """\
verbs, which need no display (each has its own --help):
  diffviews-desktop info --json
  diffviews-desktop extract --layer midblock --layer midblock+encoder_bottleneck
  diffviews-desktop map --model digits --layer midblock --json
  diffviews-desktop generate --layer midblock --rows 3,14,15 --class zero --out pictures
  diffviews-desktop import --model-checkpoint edm.pkl --images ./photos --out ./data
  diffviews-desktop convert --data ./data --model dmd2
  diffviews-desktop convert-checkpoint edm-imagenet-64x64-cond-adm.pkl edm.safetensors
  diffviews-desktop cache list

examples:
  diffviews-desktop                          the bundled demo
  diffviews-desktop --data ./data            your own data folder
  diffviews-desktop --screenshot map.png     a picture of the window, then the end
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns the exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    safe_path.forget_empty_elements()
    with terminal.harmless():
        return _main(list(sys.argv[1:] if arguments is None else arguments))


def _main(arguments: list[str]) -> int:
    try:
        try:
            return _run(arguments)
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()  # here, where a failure can be told
    except BrokenPipeError:  # the reader, "head" for one, has seen enough
        _discard_output()
        return FAILED
    except (DiffViewsError, OSError, MemoryError) as error:
        log.info("the program ends", exc_info=True)
        terminal.complain(said(error))
        _discard_output()
        return FAILED
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:  # a model of another package can fail in any way
        log.exception("unexpected error")
        terminal.complain(f"{said(error)} Details: {paths.log_file()}")
        _discard_output()
        return FAILED


def _run(arguments: list[str]) -> int:
    if arguments and arguments[0] in VERBS:
        from diffviews_desktop.cli import verbs

        return verbs.main(arguments)
    return _open_window(arguments)


def _discard_output() -> None:
    """Let what could not be printed go, or Python would try again at its end and complain."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def add_source_options(
    parser: argparse.ArgumentParser,
    *,
    layer: Callable[[str], Any] = str,
    several_layers: bool = False,
) -> None:
    """Options that say which data and model to use; shared by the window and the verbs.

    Args:
        parser: gets them.
        layer: what makes a value of ``--layer``.
        several_layers: ``--layer`` is required, and may be given more than once: then it is a list.
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
    parser.add_argument(
        "--num-steps", "--steps", type=positive, metavar="N", help="denoising steps"
    )
    parser.add_argument(
        "--sigma-max", type=float, metavar="S", help="noise level of the first step"
    )
    parser.add_argument("--sigma-min", type=float, metavar="S", help="noise level of the last step")
    parser.add_argument(
        "--guidance-scale",
        "--guidance",
        type=float,
        metavar="G",
        help="classifier-free guidance; 1 is none",
    )
    add_map_options(parser)


def add_device_options(parser: argparse.ArgumentParser) -> None:
    """Options that say how a model runs."""
    parser.add_argument(
        "--device",
        default="auto",
        help="auto, cpu, cuda, cuda:N or mps (default: $DIFFVIEWS_DEVICE, else the best there is)",
    )
    parser.add_argument(
        "--label-dropout",
        type=float,
        metavar="P",
        help="with what probability labels were dropped in training, where the file does not say",
    )
    parser.add_argument(
        "--precision",
        choices=("auto", "float32", "float16", "bfloat16"),
        help="what the network runs in on CUDA (default: what it was made for)",
    )


def add_map_options(parser: argparse.ArgumentParser) -> None:
    """Options that say how layers are extracted and mapped."""
    maps = parser.add_argument_group(
        "maps", "where none of the first six is given, a folder's own map counts"
    )
    maps.add_argument("--n-neighbors", type=int, metavar="N", help="of UMAP (default: 15)")
    maps.add_argument("--min-dist", type=float, metavar="D", help="of UMAP (default: 0.1)")
    maps.add_argument("--metric", choices=METRICS, help="between activations (default: euclidean)")
    maps.add_argument(
        "--pca-components",
        type=_components,
        metavar="N",
        help="dimensions to reduce to first, or none (default: $DIFFVIEWS_PCA_COMPONENTS, else 50)",
    )
    maps.add_argument("--n-components", type=int, choices=(2, 3), help="dimensions of the map")
    maps.add_argument("--map-seed", type=int, metavar="S", help="of every stage (default: 42)")
    maps.add_argument(
        "--extraction-input",
        choices=("noised", "scaled"),
        help="what the model sees: a noised picture, or the picture times the noise level",
    )
    maps.add_argument(
        "--activation-dtype", choices=("float32", "float16"), help="what activations are stored as"
    )


def source_of(options: argparse.Namespace) -> Source:
    """What the options of `add_source_options` say.

    Raises:
        UsageError: a parameter of the map is out of range.
    """
    from diffviews_desktop.values.folders import Source

    return Source(
        path=options.data or paths.default_data_folder(),
        max_classes=options.max_classes,
        adapter=options.adapter,
        checkpoint=options.checkpoint,
        sigma_max=options.sigma_max,
        sigma_min=options.sigma_min,
        num_steps=options.num_steps,
        guidance_scale=options.guidance_scale,
        label_dropout=options.label_dropout,
        precision=options.precision,
        extraction_input=options.extraction_input,
        activation_dtype=options.activation_dtype,
        parameters=map_parameters_of(options),
    )


def map_parameters_of(options: argparse.Namespace) -> MapParameters | None:
    """What the options of `add_map_options` say of the map; None where they say nothing.

    Raises:
        UsageError: one is out of range.
    """
    names = ("n_neighbors", "min_dist", "metric", "pca_components", "n_components")
    said = {name: getattr(options, name) for name in names} | {"seed": options.map_seed}
    given = {name: value for name, value in said.items() if value is not None}
    if not given:
        return None
    from diffviews_desktop.values.maps import default_parameters

    if given.get("pca_components") == "none":
        given["pca_components"] = None
    return replace(default_parameters(), **given)


def _components(text: str) -> int | str:
    """A number of principal components, or ``none``."""
    return "none" if text == "none" else positive(text)


def positive(text: str) -> int:
    """A whole number of at least 1, for argparse."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return number


def _open_window(arguments: list[str]) -> int:
    parser = terminal.Parser(
        prog=terminal.PROGRAM,
        description="See a diffusion model's activations as a map, and draw from a region of it.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_source_options(parser)
    parser.add_argument(
        "--screenshot", type=Path, metavar="FILE", help="save a picture of the window and exit"
    )
    parser.add_argument("--theme", choices=("light", "dark"), help="instead of the system's")
    parser.add_argument("--reset", action="store_true", help="forget window layout and settings")
    parser.add_argument("--version", action="version", version=f"diffviews-desktop {__version__}")
    options = parser.parse_args(arguments)

    from diffviews_desktop.display import display_problem

    problem = display_problem()
    if problem is not None:
        terminal.complain(problem)
        return FAILED

    from diffviews_desktop.app import Options, run

    return run(
        Options(
            source=source_of(options),
            model=options.model,
            layer=options.layer,
            device=options.device,
            screenshot=options.screenshot,
            reset=options.reset,
            theme=options.theme,
        )
    )
