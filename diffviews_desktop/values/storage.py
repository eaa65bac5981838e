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
        limit: how much it may take; None for any amount.
        clearable: whether it can all be made again.
        model: beside whose folder it lies; empty for a folder of the user's own.
    """

    kind: Kept
    path: Path
    bytes: int
    limit: int | None = None
    clearable: bool = True
    model: str = ""


@dataclass(frozen=True)
class DiskUse:
    """All that is kept, by kind."""

    kept: tuple[KeptFiles, ...]
