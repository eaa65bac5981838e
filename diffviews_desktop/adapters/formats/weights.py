"""Which weights of a checkpoint are meant: trainings keep several state dicts side by side."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from diffviews_desktop.adapters.formats.pickled_values import TensorValue
from diffviews_desktop.adapters.formats.stored import excerpt
from diffviews_desktop.errors import CheckpointError

USUAL = (
    *("state_dict", "model_state_dict", "net", "network", "model", "module", "unet"),
    *("denoiser", "generator", "params", "weights", ""),
)
"""What trainings call their weights, those that are taken first in front; smoothed ones (``ema``)
go before all of them."""
HOW = '--weights NAME, or "weights": "NAME" in config.json'

_DEEPEST = 3
_SMALLEST = 10
"""What has ten times fewer tensors than the largest is something else than weights."""
_MOST_PLACES = 1000
_SMOOTHED = re.compile(r"(^|[^a-z0-9])(ema|averaged|swa)([^a-z]|$)")
_OF_TRAINING = re.compile(
    r"opt|sched|scaler|loss|disc|critic|augment|rng|callback|state\.[0-9]", re.IGNORECASE
)

T = TypeVar("T")


class Chosen(NamedTuple, Generic[T]):
    """The weights that were taken, and what to say of it."""

    value: T
    notes: tuple[str, ...]


def choose_weights(
    path: Path, candidates: Mapping[str, T], request: str | None, advice: str
) -> Chosen[T]:
    """Choose from the weights of a file, by their names.

    Args:
        path: the file.
        candidates: the weights by name; the name is empty where they are all that the file is.
        request: the name that was asked for, or its last part; None for the usual ones.
        advice: what to do about a file without weights.

    Raises:
        CheckpointError: there are none, not those that were asked for, or several that could be
            meant.
    """
    if not candidates:
        raise CheckpointError(f"{path.name} does not hold a plain state dict of tensors. {advice}")
    names = ", ".join(excerpt(name) for name in list(candidates)[:12] if name) or "without a name"
    if request is not None:
        matching = [name for name in candidates if request in (name, name.rpartition(".")[2])]
        if len(matching) != 1:
            raise CheckpointError(
                f"{path.name} has no single set of weights called {excerpt(request)}: its weights "
                f"are {names}. Choose one of these, or none."
            )
        return Chosen(candidates[matching[0]], _notes(path, candidates, matching[0], names))
    order = sorted(candidates, key=_rank)
    if len(candidates) > 1 and _rank(order[0]) >= len(USUAL):
        raise CheckpointError(
            f"{path.name} holds several sets of weights ({names}), and which is meant cannot be "
            f"told. Choose with {HOW}."
        )
    return Chosen(candidates[order[0]], _notes(path, candidates, order[0], names))


def _notes(path: Path, candidates: Mapping[str, Any], choice: str, names: str) -> tuple[str, ...]:
    if len(candidates) == 1:
        return ()
    name = excerpt(choice) or "those without a name"
    return (
        f"{path.name} holds several sets of weights ({names}): {name} was taken. "
        f"Choose another with {HOW}.",
    )


def _rank(name: str) -> int:
    """Where in the order weights of a name are; lower is better."""
    parts = name.lower().split(".")
    if _SMOOTHED.search(name.lower()):
        return -1
    ranks = [USUAL.index(part) for part in parts if part in USUAL]
    return min(ranks, default=len(USUAL))


def state_dicts(value: Any) -> dict[str, dict[str, TensorValue]]:
    """Every state dict in a file's value, by the keys that lead to it, joined by points."""
    tables: dict[str, dict[str, TensorValue]] = {}
    for name, table in _tables(value):
        inside = f"{name}." if name else ""
        if not any(other.startswith(inside) for other in tables) and _is_state_dict(table):
            tables[name] = {key: one for key, one in table.items() if type(one) is TensorValue}
    most = max(map(len, tables.values()), default=0)
    tables = {name: one for name, one in reversed(tables.items()) if _SMALLEST * len(one) >= most}
    return {name: one for name, one in tables.items() if not _OF_TRAINING.search(name)} or tables


def _is_state_dict(table: dict[Any, Any]) -> bool:
    """Whether most of a dictionary is tensors with names."""
    tensors = sum(type(one) is TensorValue for one in table.values())
    return 2 * tensors > len(table) and all(type(key) is str for key in table)


def _tables(value: Any) -> Iterator[tuple[str, dict[Any, Any]]]:
    """The dictionaries in a value, those inside of others first."""
    places = [("", value, 0)]
    for name, one, depth in places:
        if depth == _DEEPEST or len(places) > _MOST_PLACES:
            continue
        inside = one.items() if type(one) is dict else enumerate(one) if type(one) is list else ()
        for key, part in inside:
            if type(part) in (dict, list) and len(places) <= _MOST_PLACES:
                places.append((f"{name}.{key}" if name else str(key), part, depth + 1))
    for name, one, _ in reversed(places):
        if type(one) is dict:
            yield name, one
