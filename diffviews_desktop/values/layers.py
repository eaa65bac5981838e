"""Sets of layers, and the shapes of what they put out."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Self


class LayerSet(tuple[str, ...]):
    """Names of layers, sorted, none twice; as a text they are joined by ``+``.

    It equals the tuple of the same names.
    """

    __slots__ = ()

    def __new__(cls, names: Iterable[str] = ()) -> Self:
        if isinstance(names, str):
            raise TypeError("a set of layers is made of several names: see LayerSet.parse")
        return super().__new__(cls, sorted(set(names)))

    def __str__(self) -> str:
        return "+".join(self)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The layers of a text such as ``encoder_block_1+midblock``.

        Raises:
            ValueError: a name is empty.
        """
        names = text.split("+")
        if not all(names):
            raise ValueError(f"{text!r} has an empty name of a layer")
        return cls(names)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Records hold a list of names."""
        from pydantic_core import core_schema

        names = handler.generate_schema(tuple[str, ...])
        return core_schema.no_info_after_validator_function(cls, names)


NO_LAYERS = LayerSet()


class LayerShape(tuple[int, ...]):
    """Shape of what a layer puts out for one sample: ``(C, H, W)``, or ``(T, C)`` for tokens.

    As a text its sizes stand with ``×`` between them.
    """

    __slots__ = ()

    def __str__(self) -> str:
        return "×".join(map(str, self))

    @property
    def axes(self) -> tuple[str, ...]:
        """What the sizes count: channels, height and width, or tokens and channels."""
        names = {3: ("C", "H", "W"), 2: ("T", "C"), 1: ("C",)}
        return names.get(len(self), tuple(f"axis {number}" for number in range(len(self))))

    @property
    def values(self) -> int:
        """Number of values of one sample."""
        return math.prod(self)


def normalise(owner: object, *fields: str) -> None:
    """Make fields of a frozen value, while it is made, sets of layers."""
    for field in fields:
        object.__setattr__(owner, field, LayerSet(getattr(owner, field)))
