"""What the program keeps on the disk, as the preferences show it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kept = Literal["maps", "experiments", "downloads"]
"""What is kept: maps and activations, experiments, downloaded models."""


@dataclass(frozen=True)
class KeptFiles:
    """One of the places where something is kept.

    Attributes:
        kind: what is kept there.
        path: the folder.
        bytes: how much that takes.
        clearable: whether it can all be made again.
        model: beside whose folder it lies; empty for a folder of the user's own.
    """

    kind: Kept
    path: Path
    bytes: int
    clearable: bool = True
    model: str = ""


@dataclass(frozen=True)
class Limit:
    """How much of a kind may be kept in each of its places.

    Attributes:
        kind: what is kept.
        bytes: how much.
        variable: the environment variable that says so, beside which nothing else counts; empty
            where the user can choose.
    """

    kind: Kept
    bytes: int
    variable: str = ""


@dataclass(frozen=True)
class CachePlace:
    """The folder of what can be made again.

    Attributes:
        path: the folder.
        usual: where it is if nobody chooses.
        variable: the environment variable that names it, beside which nothing else counts; empty
            where the user can choose.
    """

    path: Path
    usual: Path
    variable: str = ""


@dataclass(frozen=True)
class DiskUse:
    """All that is kept, the limits of those kinds that have one, and where the caches are."""

    kept: tuple[KeptFiles, ...]
    limits: tuple[Limit, ...] = ()
    place: CachePlace | None = None
