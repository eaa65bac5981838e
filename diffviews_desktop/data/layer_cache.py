"""Maps of layers on disk: written whole or not at all, found by content, bounded in size.

An entry is a folder named by a key made of everything that the map depends on::

    <root>/<key>/entry.json         model, layers, parameters, sizes, checksum
                 projector.npz      reduced rows, coordinates, reduction
                 activations.npy    the full matrix, where it fits the budget
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffviews_desktop.data.arrays import ActivationMatrix, map_array
from diffviews_desktop.errors import CacheError, DataError, UsageError

log = logging.getLogger(__name__)

FORMAT = 1
DEFAULT_BUDGET_MB = 2048
_ABANDONED_SECONDS = 24 * 3600


def cache_key(parts: Mapping[str, Any]) -> str:
    """A name for a map: the hash of everything that it depends on."""
    text = json.dumps({"format": FORMAT, **parts}, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def budget_bytes() -> int:
    """Size the cache may have: ``DIFFVIEWS_LAYER_CACHE_MAX_MB``, 2048 MB unless set.

    Raises:
        UsageError: the variable is not a number of megabytes.
    """
    text = os.environ.get("DIFFVIEWS_LAYER_CACHE_MAX_MB", str(DEFAULT_BUDGET_MB))
    try:
        megabytes = float(text)
    except ValueError:
        megabytes = -1.0
    if not 0 <= megabytes < float("inf"):
        raise UsageError(
            f"DIFFVIEWS_LAYER_CACHE_MAX_MB must be a number of megabytes, not {text!r}."
        )
    return int(megabytes * 1024**2)


@dataclass(frozen=True)
class CacheEntry:
    """A complete entry; its files were checked when it was opened."""

    path: Path
    layers: tuple[str, ...]

    @property
    def projector(self) -> Path:
        """The projector file."""
        return self.path / "projector.npz"

    def activations(self) -> ActivationMatrix | None:
        """The full matrix, memory-mapped; None where only the reduced rows were kept."""
        path = self.path / "activations.npy"
        if not path.is_file():
            return None
        return ActivationMatrix(path, self.layers, map_array(path))


class LayerCache:
    """The cache of one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def contains(self, key: str) -> bool:
        """Whether there is an entry, without checking it."""
        return (self.root / key / "entry.json").is_file()

    def open(self, key: str) -> CacheEntry | None:
        """Open an entry and mark it as used; a damaged one is dropped and logged."""
        folder = self.root / key
        if not (folder / "entry.json").is_file():
            return None
        try:
            entry = _check(folder)
        except (OSError, ValueError, KeyError, TypeError, DataError) as error:
            log.warning("Dropping the damaged cache entry %s: %s", folder, error)
            self.drop(key)
            return None
        with suppress(OSError):
            os.utime(folder / "entry.json")
        return entry

    def drop(self, key: str) -> None:
        """Delete an entry; whoever else looks at it never sees half of it."""
        if not (self.root / key).exists():
            return
        try:
            aside = Path(tempfile.mkdtemp(prefix=f".{key}.", dir=self.root))
        except OSError:  # a folder that cannot be written
            return
        try:
            os.rename(self.root / key, aside / key)
        except FileNotFoundError:
            pass  # another program was faster
        except OSError:  # a file that is open cannot be moved everywhere
            shutil.rmtree(self.root / key, ignore_errors=True)
        shutil.rmtree(aside, ignore_errors=True)

    @contextmanager
    def writing(self, key: str) -> Iterator[Path]:
        """A folder to write a new entry in; renamed into place when the block ends well.

        The block writes ``projector.npz`` and, if wanted, ``activations.npy``, and must call
        `finish` on the folder last. Whatever else happens, nothing of it stays.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{key}.", dir=self.root))
        try:
            yield folder
            if not (folder / "entry.json").is_file():
                raise CacheError(f"The cache entry {key} was not finished.")
            self._move_in(folder, key)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _move_in(self, folder: Path, key: str) -> None:
        for attempts_left in reversed(range(100)):
            self.drop(key)
            try:
                os.rename(folder, self.root / key)
                return
            except OSError:  # another program wrote the same entry meanwhile?
                if not attempts_left:
                    raise
                time.sleep(0.001)

    def make_room(self, needed: int, keep: str | None = None) -> None:
        """Drop the least recently used entries until ``needed`` more bytes fit the budget.

        What a program that was killed left half-written goes too, after a day.
        """
        budget = budget_bytes()
        for folder in self.root.glob(".*/"):
            if time.time() - folder.stat().st_mtime > _ABANDONED_SECONDS:
                log.info("Dropping the unfinished %s", folder)
                shutil.rmtree(folder, ignore_errors=True)
        entries = sorted(
            (
                (entry.stat().st_mtime, entry.parent)
                for entry in self.root.glob("*/entry.json")
                if not entry.parent.name.startswith(".")
            ),
            key=lambda pair: pair[0],
        )
        sizes = {folder: _size(folder) for _, folder in entries}
        total = sum(sizes.values())
        for _, folder in entries:
            if total + needed <= budget:
                return
            if folder.name != keep:
                log.info("Dropping %s from the layer cache to make room", folder)
                self.drop(folder.name)
                total -= sizes[folder]


def finish(folder: Path, details: Mapping[str, Any], layers: tuple[str, ...]) -> None:
    """Write ``entry.json`` of a folder from `LayerCache.writing`: the entry is complete."""
    matrix = folder / "activations.npy"
    entry = {
        "format": FORMAT,
        "layers": list(layers),
        "details": dict(details),
        "projector_sha256": _sha256(folder / "projector.npz"),
        "activations_bytes": matrix.stat().st_size if matrix.is_file() else None,
    }
    with (folder / "entry.json").open("w", encoding="utf-8") as file:
        json.dump(entry, file, indent=2, default=str)
        file.flush()
        os.fsync(file.fileno())


def _check(folder: Path) -> CacheEntry:
    entry = json.loads((folder / "entry.json").read_text(encoding="utf-8"))
    if entry["format"] != FORMAT:
        raise CacheError("it is of another version of this program")
    if _sha256(folder / "projector.npz") != entry["projector_sha256"]:
        raise CacheError("projector.npz is not what was written")
    matrix = folder / "activations.npy"
    size = matrix.stat().st_size if matrix.is_file() else None
    if size != entry["activations_bytes"]:
        raise CacheError("activations.npy is not what was written")
    if size is not None:
        map_array(matrix)  # its header, at least
    return CacheEntry(folder, tuple(str(name) for name in entry["layers"]))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
