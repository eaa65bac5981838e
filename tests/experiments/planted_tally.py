"""How many networks in which something is planted are seen through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from planted_network import PIECES

PLANTINGS = 100
Sweep = Callable[..., None]


@dataclass
class Tally:
    """What sweeps reported, each over all pieces and both steps of a network of its own.

    Attributes:
        plantings: how many networks there were.
        found: in how many of them the planted piece and step were reported.
        wrong: how many others were.
    """

    plantings: int = 0
    found: int = 0
    wrong: int = 0

    def check(self) -> None:
        """Nearly all that was planted is found, and few of the decoys are accepted."""
        assert self.plantings == PLANTINGS
        assert self.found >= 0.95 * PLANTINGS
        assert self.wrong <= 0.05 * PLANTINGS * (2 * len(PIECES) - 1)
        assert self.wrong <= 0.1 * PLANTINGS  # and not many more in a sweep than Holm allows
