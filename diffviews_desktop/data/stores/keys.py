"""Names of files in stores as paths of this machine: none leaves its folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def local_path(folder: Path, key: str) -> Path:
    """Where the file of a key belongs in a folder.

    Raises:
        UnsafeKeyError: it could leave the folder, or not be kept under that name on every system.
    """
    raise NotImplementedError


def collisions(keys: Iterable[str]) -> dict[str, str]:
    """The keys that a disk could take for an earlier one, each with a sentence that says why."""
    raise NotImplementedError
