"""An exporter writes one kind of content in one format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Generic, TypeVar

T = TypeVar("T")

Progress = Callable[[float], None]
"""Called with the fraction of a file that is written, 0 … 1; it may raise to stop."""


@dataclass(frozen=True)
class Exporter(Generic[T]):
    """A format of files.

    Attributes:
        name: of the format, as a dialog shows it.
        suffixes: what its files end in, in lower case, the usual one first.
        content: what it writes, one of `exports.contents`.
        write: writes such content to an open file, and leaves it open.
        holds_record: whether the file says how its content was made, so that nothing needs to be
            beside it.
    """

    name: str
    suffixes: tuple[str, ...]
    content: type[T]
    write: Callable[[T, IO[bytes], Progress], None]
    holds_record: bool = False
