"""How the masks of an experiment lie among the samples, before anything is drawn with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from diffviews_desktop.text.translation import tr, trn
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.typicality import LIMIT, Typicality

MOST_NAMED = 10


class JudgedGroup(NamedTuple):
    """A mask at a set of layers.

    Attributes:
        layers: that are held.
        name: of its anchor, or of the saved vector.
        sample_ids: of the samples that it averages, the anchor first; none for a saved vector.
        typicality: how usual it is among the samples.
    """

    layers: LayerSet
    name: str
    sample_ids: tuple[str, ...]
    typicality: Typicality

    @property
    def line(self) -> str:
        """``digit-12: distance 9.1, 56 % outside the components``."""
        return tr("{name}: {excess}", name=self.name, excess=self.typicality.excess)


@dataclass(frozen=True)
class Standing:
    """How all masks of an experiment lie among the samples.

    Attributes:
        judged: every mask, at every set of layers of which there is a map.
        not_mapped: sets of layers of which there is none, so that nobody knows.
        reason: why nothing was compared, as a sentence; empty where that is no matter.
    """

    judged: tuple[JudgedGroup, ...] = ()
    not_mapped: tuple[LayerSet, ...] = ()
    reason: str = ""

    @property
    def beyond(self) -> tuple[JudgedGroup, ...]:
        """The masks that are beyond the samples."""
        return tuple(one for one in self.judged if one.typicality.beyond)

    @property
    def warnings(self) -> tuple[str, ...]:
        """``At midblock, 3 of 50 masks are beyond the samples' 95 %.``, a sentence for each set of
        layers where there are any."""
        sentences = []
        for layers in dict.fromkeys(one.layers for one in self.beyond):
            masks = [one for one in self.judged if one.layers == layers]
            count = sum(one.typicality.beyond for one in masks)
            sentences.append(
                trn(
                    "At {layers}, {number} of {all} masks is beyond the samples' {limit} %.",
                    "At {layers}, {number} of {all} masks are beyond the samples' {limit} %.",
                    count,
                    layers=layers,
                    all=len(masks),
                    limit=LIMIT,
                )
            )
        return tuple(sentences)

    @property
    def unknown(self) -> str:
        """Why it is not known of some; empty where it is known of all."""
        if self.reason or not self.not_mapped:
            return self.reason
        names = ", ".join(str(layers) for layers in self.not_mapped[:MOST_NAMED])
        more = len(self.not_mapped) - MOST_NAMED
        if more > 0:
            names = tr("{names} and {more} more", names=names, more=more)
        return tr(
            "Map {layers} to see whether the masks there are beyond the samples.", layers=names
        )

    @property
    def lines(self) -> tuple[str, ...]:
        """The warnings, each before a line for every mask that it is about."""
        texts: list[str] = []
        layer_sets = dict.fromkeys(one.layers for one in self.beyond)
        for layers, warning in zip(layer_sets, self.warnings, strict=True):
            texts += [warning, *(f"  {one.line}" for one in self.beyond if one.layers == layers)]
        return tuple(texts)

    @property
    def notes(self) -> tuple[str, ...]:
        """The warnings with the names of the masks, for reports."""
        texts = []
        layer_sets = dict.fromkeys(one.layers for one in self.beyond)
        for layers, warning in zip(layer_sets, self.warnings, strict=True):
            masks = [one.line for one in self.beyond if one.layers == layers]
            names, more = "; ".join(masks[:MOST_NAMED]), len(masks) - MOST_NAMED
            texts.append(f"{warning} {names}{f'; and {more} more' if more > 0 else ''}.")
        return tuple(texts)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for records."""
        return {
            "limit_percent": LIMIT,
            "masks": len(self.judged),
            "beyond": [
                {
                    "layers": list(one.layers),
                    "name": one.name,
                    "sample_ids": list(one.sample_ids),
                    **one.typicality.to_dict(),
                }
                for one in self.beyond
            ],
            "not_mapped": [list(layers) for layers in self.not_mapped],
        }
