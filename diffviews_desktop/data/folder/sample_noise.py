"""The noise that samples were made with, as the original's newest version lists it."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from diffviews_desktop.errors import DataError
from diffviews_desktop.values.noise_levels import read_percent, sigma_of_percent

NOISE_KEYS = ("noise_levels", "noise_level", "timesteps", "timestep")
"""Who lists one of them, for a set of samples or for each, has added noise to the pictures."""
_NOTHING: tuple[Any, ...] = (None, "", [], {})

Columns = Mapping[str, Sequence[Any]]


def says_something(value: Any) -> bool:
    """Whether a value of a file is one."""
    return value not in _NOTHING


def added_noise(keys: Iterable[str], columns: Columns) -> str:
    """Which key says that noise was added; empty where none does.

    Args:
        keys: what the file says of all samples.
        columns: what it says of each.
    """
    for name in NOISE_KEYS:
        if name in keys or any(map(says_something, columns.get(name) or ())):
            return name
    return ""


def with_sigmas(columns: Columns, source: object) -> Columns:
    """The columns with the σ of each sample, where the file gives noise levels in percent alone.

    Raises:
        DataError: a level is none; the text names the sample.
    """
    percents = columns.get("noise_level") or ()
    values = columns.get("conditioning_sigma") or ()
    if any(map(says_something, values)) or not any(map(says_something, percents)):
        return columns
    sigmas: list[float | None] = []
    for row, value in enumerate(percents):
        try:
            sigmas.append(sigma_of_percent(read_percent(value)) if says_something(value) else None)
        except ValueError as error:
            raise DataError(
                f"{source}: the noise_level of {columns['sample_id'][row]} is not usable: "
                f"{reprlib.repr(value)} {error}. Correct it."
            ) from error
    return {**columns, "conditioning_sigma": sigmas}


def unknown_sigma_note(columns: Columns) -> tuple[str, ...]:
    """That the samples say when noise was added, but not how much."""
    steps = any(map(says_something, columns.get("timestep") or ()))
    if not steps or any(map(says_something, columns.get("conditioning_sigma") or ())):
        return ()
    return (
        "The samples have a timestep but no noise level: σ 1 is shown and used for all. Add "
        "conditioning_sigma to each of them.",
    )
