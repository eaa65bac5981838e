"""Published models: where they come from, and what of them is on this computer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from diffviews_desktop.values.locations import Location

Source = Literal["r2", "hf", "url"]
SOURCES: tuple[Source, ...] = ("r2", "hf", "url")
"""The sorts of places, in the order in which they are tried: a bucket, Hugging Face, an address."""
Presence = Literal["all", "some", "none"]
"""How much of something is on this computer."""

CHECKPOINTS = "checkpoints"
"""The folder of checkpoints: in a model's folder, and beside the models for those without one."""


@dataclass(frozen=True)
class Origin:
    """A place that a model's folder, or its checkpoint, comes from."""

    source: Source
    location: Location


@dataclass(frozen=True)
class PublishedFolder:
    """A model's folder as it is published: ``bytes`` is about how large it is; None: not known."""

    origins: tuple[Origin, ...]
    bytes: int | None = None


@dataclass(frozen=True)
class PublishedCheckpoint:
    """A checkpoint as it is published.

    Attributes:
        file: its name.
        origins: where it is, in the order in which they are tried.
        bytes: about how large it is; None where that is not known.
        sha256: what the publisher says, in hexadecimal digits; empty where they say nothing.
    """

    file: str
    origins: tuple[Origin, ...]
    bytes: int | None = None
    sha256: str = ""


@dataclass(frozen=True)
class PublishedModel:
    """An entry of the catalogue: a model's folder, its checkpoint, or both.

    Attributes:
        name: of the entry, and of the model's folder.
        title: how it is called.
        licence: under which it is published.
        about: a sentence.
        data: the folder with pictures, activations and a map; None where only the checkpoint is
            published.
        checkpoint: None where only the folder is published.
    """

    name: str
    title: str
    licence: str
    about: str = ""
    data: PublishedFolder | None = None
    checkpoint: PublishedCheckpoint | None = None

    @property
    def bytes(self) -> int | None:
        """About how large all of it is; None where that is not known of a part."""
        parts = [part.bytes for part in (self.data, self.checkpoint) if part is not None]
        sizes = [size for size in parts if size is not None]
        return sum(sizes) if len(sizes) == len(parts) else None


@dataclass(frozen=True)
class ListedModel:
    """A published model, and how much of it is in a data folder.

    Attributes:
        model: what is published.
        data, checkpoint: how much of each is there; "all" of what is not published.
        checkpoint_file: where the checkpoint is, or will be; None where none is published.
    """

    model: PublishedModel
    data: Presence
    checkpoint: Presence
    checkpoint_file: Path | None = None

    @property
    def amount(self) -> Presence:
        """How much of the model is there."""
        parts = {self.data, self.checkpoint}
        if parts == {"all"}:
            return "all"
        amounts = {
            amount
            for part, amount in (
                (self.model.data, self.data),
                (self.model.checkpoint, self.checkpoint),
            )
            if part is not None
        }
        return "none" if amounts == {"none"} else "some"


@dataclass(frozen=True)
class MissingPart:
    """A model's folder, or its checkpoint, that a data folder lacks.

    Attributes:
        model: its name.
        part: which of the two.
        place: where it belongs.
        origins: where it would come from.
        bytes: about how large it is; None where that is not known.
    """

    model: str
    part: Literal["data", "checkpoint"]
    place: Path
    origins: tuple[Origin, ...]
    bytes: int | None = None


@dataclass(frozen=True)
class Readiness:
    """What a data folder lacks; true where it lacks nothing."""

    missing: tuple[MissingPart, ...] = ()

    def __bool__(self) -> bool:
        return not self.missing
