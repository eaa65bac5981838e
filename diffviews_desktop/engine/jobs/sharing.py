"""Putting maps into a bucket, and taking them from there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from diffviews_desktop.engine.protocol import Job
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.stores import BucketSettings

Reasons = tuple[tuple[str, str], ...]
"""Names of maps, each with a sentence that says why."""


@dataclass(frozen=True, kw_only=True)
class PushMaps(Job["MapsPushed"]):
    """Put maps of the layer cache that a bucket lacks into it: `MapsPushed`.

    Attributes:
        model: whose.
        bucket: where to.
        layers: only of exactly these; None for all.
        keys: only these entries of the layer cache; () for all.
        verify: whether those that are there are read, and replaced where they are damaged.
    """

    aside: ClassVar[bool] = True

    model: str
    bucket: BucketSettings
    layers: LayerSet | None = None
    keys: tuple[str, ...] = ()
    verify: bool = False


@dataclass(frozen=True, kw_only=True)
class PullMaps(Job["MapsPulled"]):
    """Fetch the maps of a model's samples and weights into the layer cache: `MapsPulled`.

    Attributes:
        model: whose.
        bucket: where from.
        layers: only of exactly these; None for all.
    """

    aside: ClassVar[bool] = True

    model: str
    bucket: BucketSettings
    layers: LayerSet | None = None


@dataclass(frozen=True, kw_only=True)
class CompareMaps(Job["MapsCompared"]):
    """Count the maps of a model that are in a bucket, here, or both: `MapsCompared`.

    Attributes:
        model: whose.
        bucket: which.
    """

    aside: ClassVar[bool] = True

    model: str
    bucket: BucketSettings


@dataclass(frozen=True)
class MapsPushed:
    """Maps were put into a bucket.

    Attributes:
        model: whose.
        bucket: its address.
        pushed: how many were put there now.
        present: how many were there already.
        bytes: what those take that were put there.
        left_out: maps that are not shared.
        failed: maps that could not be put there.
    """

    model: str
    bucket: str
    pushed: int = 0
    present: int = 0
    bytes: int = 0
    left_out: Reasons = ()
    failed: Reasons = ()


@dataclass(frozen=True)
class MapsPulled:
    """Maps were fetched from a bucket.

    Attributes:
        model: whose.
        bucket: its address.
        pulled: how many were fetched now.
        present: how many were here already.
        bytes: what was fetched.
        failed: maps that could not be fetched.
    """

    model: str
    bucket: str
    pulled: int = 0
    present: int = 0
    bytes: int = 0
    failed: Reasons = ()


@dataclass(frozen=True)
class MapsCompared:
    """The maps of a model in a bucket and here.

    Attributes:
        model: whose.
        bucket: its address.
        both: how many are in the bucket and here.
        only_there: how many are in the bucket alone.
        only_here: how many are here alone, and could be put there.
        left_out: maps that are here and are not shared.
        used: bytes that all maps in the bucket take, those of other models among them.
        limit: bytes that they may take.
    """

    model: str
    bucket: str
    both: int = 0
    only_there: int = 0
    only_here: int = 0
    left_out: Reasons = ()
    used: int = 0
    limit: int = 0
