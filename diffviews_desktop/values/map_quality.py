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

    def to_dict(self) -> dict[str, float | None]:
        """The figures by the names that they have in files."""
        return {
            "neighbors_kept": self.kept,
            "neighbors_kept_of_layer": self.kept_of_layer,
            "neighbors_kept_by_reduction": self.reduction,
            "trustworthiness_of_blobs": self.blobs,
        }

    def sentences(self, trustworthiness: float | None) -> tuple[str, ...]:
        """What the figures say, beside that of the trustworthiness."""
        said = []
        if trustworthiness is not None:
            said.append(
                f"Trustworthiness {trustworthiness:.3f} says how far neighbours on the map are "
                "neighbours in the layer: 1 is best, 0.5 is chance."
            )
        if self.blobs is not None:
            said.append(
                "With the samples of each class and noise level exchanged at random it is "
                f"{self.blobs:.3f}: only what the map has beyond that lies within the islands."
            )
        if self.kept is not None:
            said.append(
                f"Of a sample's 15 nearest on the map, {self.kept:.0%} are its nearest in the "
                "space that was laid out."
            )
        if self.kept_of_layer is not None:
            said.append(
                f"Of its nearest in the whole layer, {self.kept_of_layer:.0%} are its nearest on "
                "the map."
            )
        return tuple(said)

    @property
    def loses_neighbors(self) -> bool:
        """Whether the reduced space is known to lose too many of the layer's neighbours."""
        return self.reduction is not None and self.reduction < ENOUGH
