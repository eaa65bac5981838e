"""Texts that stand for no value, as programs and spreadsheets write them."""

from __future__ import annotations

_MISSING = frozenset(
    (
        *("", "nan", "-nan", "+nan", "na", "n/a", "<na>", "nat", "none", "null", "-", "--", "?"),
        *("#n/a", "#na", "#n/a n/a", "#div/0!", "#num!", "#ref!", "#value!"),
        *("1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan"),
    )
)


def is_missing(text: str) -> bool:
    """Whether a text stands for no value: ``NA``, ``nan``, ``None``, ``#N/A``, nothing at all."""
    return text.strip().casefold() in _MISSING
