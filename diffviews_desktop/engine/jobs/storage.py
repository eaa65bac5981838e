"""What the program keeps on the disk: how much it is, and making room."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from diffviews_desktop.engine.protocol import Job
from diffviews_desktop.values.storage import DiskUse, Kept


@dataclass(frozen=True, kw_only=True)
class MeasureDisk(Job[DiskUse]):
    """Add up what is kept on the disk, also beside the models of the job's folder.

    Attributes:
        downloads: the data folder that models are downloaded into.
    """

    downloads: Path
    aside: ClassVar[bool] = True


@dataclass(frozen=True, kw_only=True)
class ClearKept(Job[DiskUse]):
    """Delete what is kept at a place, if it can be made again, and add up what is left.

    What another program is using stays.

    Attributes:
        kind: what is kept there.
        path: the place, as `MeasureDisk` told it.
        downloads: as of `MeasureDisk`.
    """

    kind: Kept
    path: Path
    downloads: Path
    aside: ClassVar[bool] = True


@dataclass(frozen=True, kw_only=True)
class ChooseCachePlace(Job[DiskUse]):
    """Keep what can be made again in another folder from now on, and add up what is there.

    What is kept in the place before stays there.

    Attributes:
        path: where the folder of this program is to be; None for the usual place.
        downloads: as of `MeasureDisk`.
    """

    path: Path | None
    downloads: Path
    aside: ClassVar[bool] = True


@dataclass(frozen=True, kw_only=True)
class ChooseLimit(Job[DiskUse]):
    """Keep so much of a kind from now on, in each of its places, and add up what is there.

    Nothing is deleted: what was used least recently goes when something else is kept.

    Attributes:
        kind: maps or experiments.
        bytes: how much may be kept.
        downloads: as of `MeasureDisk`.
    """

    kind: Kept
    bytes: int
    downloads: Path
    aside: ClassVar[bool] = True
