"""Options of the command line for interventions: ``--add "3,14-7,9:layers=midblock:steps=1-3"``.

The source comes first; what follows are parts such as ``steps=2-5``, each after a colon.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from diffviews_desktop.cli.option_types import class_or_word, layer_set, real, sample_rows
from diffviews_desktop.errors import DiffViewsError, explain
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
    Verb,
    Zero,
)
from diffviews_desktop.values.regions import Area, Channels, Region, Tokens, read_indices

SYNTAX = (
    "Each may be given several times; they act in this order, {order}. Parts may follow the "
    "source, such as --add 3,14-7,9:layers=midblock:steps=1-3:strength=-2. They are "
    "layers=A+B (default: --layer, or a saved one's own); steps=2-5, from 1 (default: all); "
    "strength=S (default: 1; a negative one subtracts a direction); half=conditional or "
    "unconditional, of guidance (default: both); channels=0-3+7 or tokens=0-3, from 0; "
    "area=L,T,R,B, in shares of the picture's width and height, or area=FILE, a picture in which "
    "the area is white; name=TEXT."
)
_KEYS = ("layers", "steps", "strength", "half", "channels", "tokens", "area", "name", "class")
_PARTS = re.compile(rf":(?=(?:{'|'.join(_KEYS)})=)")
_ROWS = re.compile(r"\s*\d[\d,;\s]*")
_COMPONENT = re.compile(r"pc(\d{1,4})")
_RECTANGLE, _LARGEST_PICTURE = 64, 256
"""Height and width of an area of shares, and at most those of one in a picture."""


def add_intervention_options(
    parser: argparse.ArgumentParser, order: str = "after the mask of --rows"
) -> None:
    """Add ``--replace``, ``--add``, ``--steer``, ``--scale``, ``--ablate`` and ``--patch``.

    Args:
        parser: of a verb.
        order: when they act beside masks, for its help.
    """
    group = parser.add_argument_group("interventions", SYNTAX.format(order=order))
    for verb, metavar, text in (
        ("replace", "ROWS|NAME", "hold layers at the mean of samples, or at a saved one"),
        ("add", "ROWS-ROWS|pcN|NAME", "add mean − mean, a component of the map, a saved direction"),
        ("steer", "ROWS-ROWS|pcN|NAME", "the same, as a share of what the layer computes"),
        ("scale", "FACTOR", "multiply what layers compute"),
        ("ablate", "zero|mean", "put zeros, or the layer's mean over all samples"),
        ("patch", "SEED|same", "put what another run computes; :class=3 tells it a class"),
    ):
        group.add_argument(
            f"--{verb}",
            dest="interventions",
            type=_reader(verb),  # type: ignore[arg-type]
            action="append",
            default=[],
            metavar=metavar,
            help=text,
        )


def _reader(verb: Verb) -> Callable[[str], Intervention]:
    def read(text: str) -> Intervention:
        try:
            return intervention_of(verb, text)
        except DiffViewsError as error:
            raise argparse.ArgumentTypeError(explain(error)) from error

    return read


def intervention_of(verb: Verb, text: str) -> Intervention:
    """The intervention that a text tells.

    Raises:
        argparse.ArgumentTypeError, DiffViewsError: it cannot be read.
    """
    source, *parts = _PARTS.split(text)
    values: dict[str, str] = {}
    for part in parts:
        key, _, value = part.partition("=")
        if key in values:
            raise argparse.ArgumentTypeError(f"{text!r} says {key} twice")
        values[key] = value
    if "class" in values and verb != "patch":
        raise argparse.ArgumentTypeError("class belongs to --patch: it is what that run is told")
    fields: dict[str, Any] = {"region": _region(values)} if _is_in_part(values) else {}
    for key, (name, read) in _FIELDS.items():
        if key in values:
            value = read(values[key])
            fields |= value if isinstance(value, dict) else {name: value}
    return Intervention(verb, _SOURCES[verb](source.strip(), values), **fields)


# ---- sources ------------------------------------------------------------------------------------


def _mean(text: str, values: Mapping[str, str]) -> Source:
    return SampleMean(sample_rows(text)) if _ROWS.fullmatch(text) else SavedVector(text)


def _direction(text: str, values: Mapping[str, str]) -> Source:
    component = _COMPONENT.fullmatch(text)
    if component is not None:
        if not int(component[1]):
            raise argparse.ArgumentTypeError("Principal components are counted from 1: pc1")
        return Component(int(component[1]) - 1)
    first, dash, second = text.replace("\u2212", "-").partition("-")
    if dash and _ROWS.fullmatch(first) and _ROWS.fullmatch(second):
        return Difference(sample_rows(first), sample_rows(second))
    if _ROWS.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no direction: give two sets of samples such as 3,14-7,9"
        )
    return SavedVector(text)


def _factor(text: str, values: Mapping[str, str]) -> Source:
    return Factor(real(text))


def _ablation(text: str, values: Mapping[str, str]) -> Source:
    if text not in ("zero", "mean"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither zero nor mean")
    return Zero() if text == "zero" else LayerMean()


def _run(text: str, values: Mapping[str, str]) -> Source:
    if text != "same" and not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is neither a seed nor same")
    seed = None if text == "same" else int(text)
    return OtherRun(seed, class_or_word(values["class"]) if "class" in values else None)


_SOURCES: dict[Verb, Callable[[str, Mapping[str, str]], Source]] = {
    "replace": _mean,
    "add": _direction,
    "steer": _direction,
    "scale": _factor,
    "ablate": _ablation,
    "patch": _run,
}

# ---- parts --------------------------------------------------------------------------------------


def steps_of(text: str) -> tuple[int, int]:
    """``2-5`` as the first step, from 0, and the step after the last.

    Raises:
        argparse.ArgumentTypeError: it is no such range.
    """
    first, _, last = text.replace("\u2013", "-").partition("-")
    if not (first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a range of steps such as 1-3")
    return int(first) - 1, int(last)


def _window(text: str) -> dict[str, Any]:
    first, last = steps_of(text)
    return {"step_from": first, "step_to": last}


def _half(text: str) -> dict[str, Any]:
    if text not in ("conditional", "unconditional", "both"):
        raise argparse.ArgumentTypeError(f"{text!r} is not conditional, unconditional or both")
    return {"conditional": text != "unconditional", "unconditional": text != "conditional"}


_FIELDS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "layers": ("layers", layer_set),
    "steps": ("", _window),
    "strength": ("strength", real),
    "half": ("", _half),
    "name": ("name", str),
}


def _is_in_part(values: Mapping[str, str]) -> bool:
    keys = [key for key in ("channels", "tokens", "area") if key in values]
    if len(keys) > 1:
        raise argparse.ArgumentTypeError(f"give {' or '.join(keys)}, not both")
    return bool(keys)


def region_of(text: str) -> Region:
    """``channels=0-3``, ``tokens=0-3`` or ``area=…``."""
    key, _, value = text.partition("=")
    if key not in ("channels", "tokens", "area"):
        raise argparse.ArgumentTypeError(
            f"{text!r} does not begin with channels=, tokens= or area="
        )
    try:
        return _region({key: value})
    except DiffViewsError as error:
        raise argparse.ArgumentTypeError(explain(error)) from error


def _region(values: Mapping[str, str]) -> Region:
    if "channels" in values:
        return Channels(read_indices(values["channels"]))
    return Tokens(read_indices(values["tokens"])) if "tokens" in values else _area(values["area"])


def _area(text: str) -> Area:
    import numpy as np

    shares = text.split(",")
    if len(shares) != 4:
        return area_of_picture(Path(text))
    left, top, right, bottom = (real(share) for share in shares)
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not left, top, right and bottom, in shares from 0 to 1"
        )
    middles = (np.arange(_RECTANGLE) + 0.5) / _RECTANGLE
    across, down = (left <= middles) & (middles < right), (top <= middles) & (middles < bottom)
    return Area.of(down[:, None] & across[None])


def area_of_picture(path: Path) -> Area:
    """The white part of a picture.

    Raises:
        PictureError: it cannot be read.
        UsageError: nothing of it is white.
    """
    import numpy as np

    from diffviews_desktop.pictures.decoding import Decoded, decode

    def white(picture: Decoded) -> Area:
        width, height = (min(side, _LARGEST_PICTURE) for side in picture.image.size)
        return Area.of(np.asarray(picture.image.resize((width, height))) > 127)

    return decode(path, "L", white, _LARGEST_PICTURE)
