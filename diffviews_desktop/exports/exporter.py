"""What writes one kind of content in one format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Generic, TypeVar

T = TypeVar("T")

Progress = Callable[[float], None]
"""Told how far a file is written, 0 … 1; may raise to stop."""


@dataclass(frozen=True)
class Exporter(Generic[T]):
    """A format of files.

    Attributes:
        name: of the format, as a dialog shows it.
        suffixes: what its files end in, in lower case, the usual one first.
        content: what it writes, one of `exports.contents`.
        write: writes such a content to a file that is open, which stays open.
    """

    name: str
    suffixes: tuple[str, ...]
    content: type[T]
    write: Callable[[T, IO[bytes], Progress], None]
