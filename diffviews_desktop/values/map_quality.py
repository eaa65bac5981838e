"""What is known of how well a map shows its layer."""

from __future__ import annotations

from dataclasses import dataclass

ENOUGH = 0.9
"""Where the reduced space keeps a smaller share of the layer's neighbours, they are looked for in
the whole layer."""


@dataclass(frozen=True)
class MapQuality:
    """How well a map shows its layer, beside its trustworthiness. All are shares from 0 to 1, of
    the 15 nearest samples (fewer where there are less than 32); None where it was not measured.

    Attributes:
        kept: of the nearest samples in the reduced space, those that are nearest on the map.
        kept_of_layer: of the nearest samples in the whole layer, those that are nearest on the map.
        reduction: of the nearest samples in the whole layer, those that are nearest in the reduced
            space.
        blobs: the trustworthiness of the same map without structure: with the samples of each class
            and noise level exchanged at random. What a map has beyond it, it shows inside of them.
    """

    kept: float | None = None
    kept_of_layer: float | None = None
    reduction: float | None = None
    blobs: float | None = None

    @property
    def loses_neighbors(self) -> bool:
        """Whether the reduced space is known to lose too many of the layer's neighbours."""
        return self.reduction is not None and self.reduction < ENOUGH
