"""An entry of the layer cache: how it is written, and how it is checked when it is read."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import stat
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from diffviews_desktop.data.activations.checked_rows import (
    SUMS,
    BlockChecks,
    BlockSums,
    WholeCheck,
)
from diffviews_desktop.data.activations.matrix_file import MatrixFile
from diffviews_desktop.data.cache.disk import CHUNK, MATRIX, sync_file, sync_folder, write_synced
from diffviews_desktop.errors import CacheError, DataError
from diffviews_desktop.files.reading import open_regular, read_bytes
from diffviews_desktop.values.layers import LayerSet

FORMAT = 2
SMALL_FILE = 64_000_000  # bytes; smaller files than this are checked whenever they are opened

ENTRY, PROJECTOR = "entry.json", "projector.npz"
MAX_ENTRY_JSON = 4 << 20
DAMAGE = (
    ArithmeticError,
    AttributeError,
    DataError,
    FileNotFoundError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


def finish(
    folder: Path,
    details: Mapping[str, Any],
    layers: tuple[str, ...],
    *,
    records: Mapping[str, Mapping[str, Any]] | None = None,
    progress: Callable[[float], None] | None = None,
) -> None:
    """Write ``entry.json`` of a folder from `LayerCache.writing`: the entry is complete.

    All files are brought to the disk and read once for their checksums: about a second a GB.

    Args:
        details: ``model`` and ``parameters`` are shown in lists; all must be plain values.
        records: what another entry says of files that were taken from it (`CacheEntry.lend`). Their
            checksums stay those of what was written first, and they are not read.
        progress: called with the fraction done, 0 … 1; may raise to stop.

    Raises:
        CacheError: there is no projector.
    """
    if not (folder / PROJECTOR).is_file():
        raise CacheError(f"There is no {PROJECTOR} in {folder}.")
    files = {name: dict(facts) for name, facts in (records or {}).items()}
    paths = [path for path in sorted(folder.iterdir()) if path.name != ENTRY and path.is_file()]
    unread = [path for path in paths if path.name not in files]
    reading = Reading(sum(path.stat().st_size for path in unread), progress)
    for path in paths:
        sync_file(path)
    for path in unread:
        sums = BlockSums() if path.name == MATRIX else None
        files[path.name] = {
            "bytes": path.stat().st_size,
            "sha256": _sha256(path, reading.tick, sums),
        }
        if sums is not None:
            files[MATRIX] |= array_facts(open_matrix(path))
            if len(sums) > 1:  # that of the whole file is as good as one
                files[SUMS] = _write_sums(folder, sums)
    entry = {
        "format": FORMAT,
        "id": secrets.token_hex(8),  # no two are alike, so that one sees when it was replaced
        "created": time.time(),
        "layers": list(layers),
        "details": plain(details),
        "files": files,
    }
    write_synced(folder / ENTRY, _render(entry))
    sync_folder(folder)


class Reading:
    """Tells how many of so many bytes are read.

    Args:
        total: bytes.
        progress: called with the fraction done, 0 … 1; may raise to stop.
    """

    def __init__(self, total: int, progress: Callable[[float], None] | None) -> None:
        self.seen = 0
        self._total, self._progress = max(1, total), progress

    def tick(self, count: int) -> None:
        """So many bytes more are read."""
        self.reach(self.seen + count)

    def reach(self, position: int) -> None:
        """So many bytes are read, or need not be."""
        self.seen = position
        if self._progress is not None:
            self._progress(min(1.0, position / self._total))


def _write_sums(folder: Path, sums: BlockSums) -> dict[str, Any]:
    data = sums.to_bytes()
    write_synced(folder / SUMS, data)
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def plain(details: Mapping[str, Any]) -> Any:
    return json.loads(json.dumps(dict(details), default=str))


def _render(entry: Mapping[str, Any]) -> bytes:
    """``entry.json``, with a checksum of itself."""
    checksum = hashlib.sha256(json.dumps(entry).encode()).hexdigest()
    return json.dumps({**entry, "sha256": checksum}, indent=2).encode()


@dataclass(frozen=True)
class EntryFacts:
    """What ``entry.json`` says."""

    details: Mapping[str, Any]
    layers: LayerSet
    files: Mapping[str, Mapping[str, Any]]
    created: float | None


def parse_entry(text: bytes) -> EntryFacts | None:
    """Read ``entry.json``; None where a later version of this program wrote it.

    Raises:
        CacheError, ValueError, KeyError, TypeError: it is damaged.
    """
    if len(text) > MAX_ENTRY_JSON:
        raise CacheError("entry.json is too long")
    entry = json.loads(text)
    version = entry["format"]
    if isinstance(version, int) and version > FORMAT:
        return None
    if version == 1:
        files: dict[str, Any] = {PROJECTOR: {"sha256": entry["projector_sha256"]}}
        if entry["activations_bytes"] is not None:
            files[MATRIX] = {"bytes": entry["activations_bytes"]}
        return EntryFacts(dict(entry["details"]), LayerSet(map(str, entry["layers"])), files, None)
    if version != FORMAT:
        raise CacheError(f"entry.json has the format {version!r}")
    del entry["sha256"]
    if _render(entry) != text:
        raise CacheError("entry.json is not what was written")
    return EntryFacts(
        dict(entry["details"]),
        LayerSet(map(str, entry["layers"])),
        dict(entry["files"]),
        float(entry["created"]),
    )


def check_entry(
    folder: Path,
    facts: EntryFacts,
    *,
    full: bool = False,
    tick: Callable[[int], None] = lambda count: None,
) -> MatrixFile | None:
    """Compare the files of an entry with what was written: its matrix, if it has one.

    The rows of the matrix are compared when they are read, with ``full`` here.
    """
    rows = None
    if PROJECTOR not in facts.files:
        raise CacheError(f"entry.json does not name {PROJECTOR}")
    for name, entry in facts.files.items():
        path = folder / name
        status = path.lstat()
        wrong = CacheError(f"{name} is not what was written")
        if not stat.S_ISREG(status.st_mode) or status.st_size != entry.get("bytes", status.st_size):
            raise wrong
        if name == MATRIX:
            rows = open_matrix(path)
            if "shape" in entry and any(entry[key] != v for key, v in array_facts(rows).items()):
                raise wrong
        small = name != MATRIX and status.st_size < SMALL_FILE
        if (full or small) and "sha256" in entry and _sha256(path, tick) != entry["sha256"]:
            raise wrong
    return None if rows is None else _attach_checks(folder, rows, facts.files)


def _attach_checks(
    folder: Path, rows: MatrixFile, files: Mapping[str, Mapping[str, Any]]
) -> MatrixFile:
    """A matrix that is checked when it is read, as far as checksums of it are known."""
    path = folder / MATRIX
    if SUMS in files:
        return rows.compared_with(BlockChecks(path, read_bytes(folder / SUMS, SMALL_FILE)))
    if "sha256" in files[MATRIX]:  # it is small, or from before there were sums of blocks
        return rows.compared_with(WholeCheck(path, files[MATRIX]["sha256"]))
    return rows  # of format 1


def open_matrix(path: Path) -> MatrixFile:
    try:
        return MatrixFile.open(path)
    except ValueError as error:
        raise CacheError(f"{path.name} is not a readable matrix ({error})") from error


def array_facts(matrix: MatrixFile) -> dict[str, Any]:
    return {"dtype": np.lib.format.dtype_to_descr(matrix.dtype), "shape": list(matrix.shape)}


def _sha256(path: Path, tick: Callable[[int], None], sums: BlockSums | None = None) -> str:
    checksum, buffer = hashlib.sha256(), bytearray(CHUNK)
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            part = memoryview(buffer)[:count]
            checksum.update(part)
            if sums is not None:
                sums.update(part)
            tick(count)
    return checksum.hexdigest()


def is_entry(folder: Path) -> bool:
    """Whether a folder, not a link to one, holds a file entry.json, not a link to one."""
    try:
        return stat.S_ISDIR(folder.lstat().st_mode) and stat.S_ISREG(
            (folder / ENTRY).lstat().st_mode
        )
    except OSError:
        return False


def entry_stamp(folder: Path) -> bytes | None:
    """The text of ``entry.json``, by which an entry is told from one that replaced it."""
    if not is_entry(folder):
        return None
    try:
        with open_regular(folder / ENTRY) as file:
            return file.read(MAX_ENTRY_JSON + 1)
    except OSError:
        return None


def mark_used(folder: Path) -> None:
    """Mark an entry as used now: by the exact clock, the system's own stamps are some ms late."""
    stamp = time.time_ns()
    with suppress(OSError):
        os.utime(folder / ENTRY, ns=(stamp, stamp))
