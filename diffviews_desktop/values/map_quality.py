"""What is known of how well a map shows its layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from diffviews_desktop.text.translation import tr

ENOUGH = 0.9
"""Where the reduced space keeps a smaller share of the layer's neighbours, they are looked for in
the whole layer."""


class Fact(NamedTuple):
    """A figure as the window shows it: what it is, its value, and what that means in sentences."""

    title: str
    value: str
    meaning: str


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

    def facts(self, trustworthiness: float | None) -> tuple[Fact, ...]:
        """The figures that are known, beside that of the trustworthiness."""
        figures = []
        if trustworthiness is not None:
            blobs = "" if self.blobs is None else tr("  (blobs {blobs:.3f})", blobs=self.blobs)
            meaning = tr(
                "How far a sample's 15 nearest on the map are near to it in the layer: 1 is best, "
                "0.5 is chance."
            )
            if self.blobs is not None:
                meaning += tr(
                    " With the samples of each class and noise level exchanged at random it is "
                    "{blobs:.3f}: only what goes beyond that shows inside the islands.",
                    blobs=self.blobs,
                )
            figures.append(Fact(tr("Trustworthiness"), f"{trustworthiness:.3f}{blobs}", meaning))
        if self.kept is not None:
            value = f"{self.kept:.0%}"
            meaning = tr(
                "Of a sample's 15 nearest on the map, {kept:.0%} are among its 15 nearest "
                "in the space that was laid out.",
                kept=self.kept,
            )
            if self.kept_of_layer is not None:
                value += tr("  (whole layer {kept_of_layer:.0%})", kept_of_layer=self.kept_of_layer)
                meaning += tr(
                    " Of its 15 nearest in the whole layer, {kept_of_layer:.0%} are among "
                    "those on the map.",
                    kept_of_layer=self.kept_of_layer,
                )
            figures.append(Fact(tr("Neighbours kept"), value, meaning))
        if self.reduction is not None:
            meaning = tr(
                "Of a sample's 15 nearest in the whole layer, {reduction:.0%} are among "
                "its nearest in the components that are laid out.",
                reduction=self.reduction,
            )
            figures.append(Fact(tr("Kept by the components"), f"{self.reduction:.0%}", meaning))
        return tuple(figures)

    @property
    def loses_neighbors(self) -> bool:
        """Whether the reduced space is known to lose too many of the layer's neighbours."""
        return self.reduction is not None and self.reduction < ENOUGH
