"""Listing published models, and downloading them. They run in an engine of their own."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

from diffviews_desktop.engine.protocol import Job
from diffviews_desktop.values.sources import ListedModel, Source

SourceChoice = Source | Literal["auto"]
"""Where to download from; "auto": the first place that can be used."""


@dataclass(frozen=True, kw_only=True)
class ListModels(Job["ModelList"]):
    """List the published models, and what of them is in a data folder; asks no network.

    Attributes:
        out: the data folder.
    """

    out: Path
    aside: ClassVar[bool] = True


@dataclass(frozen=True, kw_only=True)
class Fetching:
    """What is to be downloaded.

    Attributes:
        what: the name of a published model, or an address, whose query may be secret.
        out: the data folder that it goes into.
        source: where to take it from.
        data: whether the model's folder is wanted.
        checkpoint: whether its checkpoint is wanted.
        endpoint: of the S3 service that buckets are in; empty for what the environment says.
    """

    what: str = field(repr=False)
    out: Path
    source: SourceChoice = "auto"
    data: bool = True
    checkpoint: bool = True
    endpoint: str = ""


@dataclass(frozen=True, kw_only=True)
class PlanDownload(Fetching, Job["PlannedDownload"]):
    """Ask the places that something comes from what there is; downloads nothing."""

    aside: ClassVar[bool] = True


@dataclass(frozen=True, kw_only=True)
class Download(Fetching, Job["Downloaded"]):
    """Do what `PlanDownload` would find, and have the checkpoint looked at by the safe reader.

    What is there is not fetched; what was fetched stays, whatever ends it.
    """

    aside: ClassVar[bool] = True


@dataclass(frozen=True)
class ModelList:
    """The catalogue.

    Attributes:
        out: the data folder that was looked at.
        models: what is published, and how much of it is there.
        free: bytes that are free on the disk of ``out``.
        problem: why it cannot be read; empty where it can, or is not there.
    """

    out: Path
    models: tuple[ListedModel, ...]
    free: int
    problem: str = ""


@dataclass(frozen=True)
class PlannedPart:
    """A model's folder, or a checkpoint, as a place has it now.

    Attributes:
        part: which of the two.
        origin: the address.
        place: the folder that it goes into.
        files, bytes: what would be fetched.
        present: how many files are there already.
        left_out: files that would not be fetched, and why not.
    """

    part: Literal["data", "checkpoint"]
    origin: str
    place: Path
    files: int
    bytes: int
    present: int
    left_out: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class PlannedDownload:
    """What a download would do.

    Attributes:
        what: the name of the model, or the address without its query.
        parts: what would be fetched.
        free: bytes that are free on the disk.
        passed_over: places that were tried before, and why they could not be used.
    """

    what: str
    parts: tuple[PlannedPart, ...]
    free: int
    passed_over: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        """How much would be fetched."""
        return sum(part.bytes for part in self.parts)

    @property
    def files(self) -> int:
        """How many files would be fetched."""
        return sum(part.files for part in self.parts)


@dataclass(frozen=True)
class Downloaded:
    """A download has ended.

    Attributes:
        what: the name of the model, or the address without its query.
        out: the data folder.
        models: names of the models' folders that are whole there.
        checkpoints: checkpoints that are there and were looked at.
        files, bytes: what was fetched; 0 where all was there.
        failed: files that could not be fetched or must not be, and why.
        notes: what else there is to say, such as places that could not be used.
    """

    what: str
    out: Path
    models: tuple[str, ...] = ()
    checkpoints: tuple[Path, ...] = ()
    files: int = 0
    bytes: int = 0
    failed: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
