"""A map that is asked for, whether or not it exists yet."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.data.cache.entry import entry_stamp
from diffviews_desktop.data.cache.layer_cache import cache_key
from diffviews_desktop.engine.activations import Activations
from diffviews_desktop.engine.opened_model import OpenedModel
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.maps import MapParameters, Places
from diffviews_desktop.values.sample_groups import LevelStack, at_level


@dataclass(frozen=True)
class WantedMap:
    """A map that is asked for: of which activations, made how.

    Attributes:
        own_map: name of the folder's own map, where that is the one.
        keeps_places: whether its places are the folder's, only the projector being made.
        given: where its samples are to lie, unless its places are the folder's; None for wherever
            they come to lie.
    """

    activations: Activations
    parameters: MapParameters
    own_map: str | None
    keeps_places: bool
    given: Places | None = None

    @property
    def opened(self) -> OpenedModel:
        """The model."""
        return self.activations.opened

    @property
    def layers(self) -> LayerSet:
        """Sorted names of the layers."""
        return self.activations.layers

    @cached_property
    def key(self) -> str:
        """Its name in the cache: everything that it depends on."""
        return cache_key(
            {
                **self.activations.key_parts,
                "parameters": self.parameters.to_dict(),
                "own_map": self.own_map,
            }
        )

    @property
    def stamp(self) -> bytes | None:
        """What tells the entry that is in the cache from one that replaces it; None for none."""
        return entry_stamp(self.opened.cache.root / self.key)

    @cached_property
    def stack(self) -> LevelStack | None:
        """The noise levels and pictures of all samples, of aligned maps; else None."""
        return LevelStack.of(self.opened.samples.table) if self.parameters.aligned else None

    @property
    def selection(self) -> NDArray[np.bool_] | None:
        """Which samples are to be on it ``(N,)``; None for all."""
        level = self.parameters.level
        if self.stack is not None:
            return self.stack.level >= 0
        return None if level is None else at_level(self.opened.samples.table, level)

    def check_levels(self) -> None:
        """Whether there are samples of the noise level asked for, or levels to be aligned.

        Raises:
            DataError: there are none.
        """
        if self.parameters.level is not None:
            at_level(self.opened.samples.table, self.parameters.level)
        if self.stack is not None and not self.own_places:
            self.stack.check()

    @property
    def own_places(self) -> dict[str, Any]:
        """Coordinates to keep: then only the projector is made."""
        samples = self.opened.samples
        if self.keeps_places:
            return {"xy": samples.xy, "z": samples.z}
        return {} if self.given is None else {"xy": self.given.xy, "z": self.given.z}


def reduced_alike(record: Any, parameters: MapParameters) -> bool:
    """Whether a map's reduced rows are those that another map begins with."""
    return (
        "pca_components" in record
        and record["pca_components"] == parameters.pca_components
        and record.get("seed") == parameters.seed
        and record.get("metric", "euclidean") in ("euclidean", parameters.metric)
        and record.get("level") == parameters.level
        and not record.get("aligned")
    )
