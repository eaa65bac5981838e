"""Maps of layers on disk: written whole or not at all, checked when read, bounded in size.

An entry is a folder named by a key made of everything that the map depends on::

    <root>/<key>/entry.json         model, layers, parameters; sizes and checksums of all files
                 projector.npz      reduced rows, coordinates, reduction
                 activations.npy    the full matrix, where it fits the budget
                 activations.crc32  checksums of its parts, where it is large (see `BlockChecks`)
    <root>/.partial-<key>/          rows of a matrix that is not finished (see `PartialMatrix`)
    <root>/.new-…, .old-…           being written, being deleted

Several programs may use one folder. Entries appear and disappear by one rename, so that nobody
sees half of one; who writes holds a lock file, so that what a killed program left is known to be
nobody's. When an entry was last used is the time of change of its ``entry.json``.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike

from diffviews_desktop.data.activations.checked_rows import DamagedMatrixError
from diffviews_desktop.data.activations.matrix_file import MatrixFile
from diffviews_desktop.data.cache.cache_folder import KEY, CacheFolder
from diffviews_desktop.data.cache.cached import CacheEntry, EntryInfo
from diffviews_desktop.data.cache.disk import (
    MATRIX,
    create_matrix,
    disk_full,
    explain_full_disk,
    folder_size,
    free_bytes,
    remove,
    sync_file,
    sync_folder,
    write_synced,
)
from diffviews_desktop.data.cache.entry import (
    DAMAGE,
    ENTRY,
    EntryFacts,
    Reading,
    check_entry,
    entry_stamp,
    finish,
    is_entry,
    mark_used,
    parse_entry,
    plain,
)
from diffviews_desktop.data.cache.limits import limit_of
from diffviews_desktop.data.cache.partial_matrix import (
    PARTIAL,
    PartialMatrix,
    open_partial,
    partial_of,
)
from diffviews_desktop.errors import CacheError, DataError, UsageError
from diffviews_desktop.values.layers import NO_LAYERS, LayerSet

__all__ = [
    "CacheEntry",
    "DamagedMatrixError",
    "EntryInfo",
    "InUseError",
    "LayerCache",
    "PartialMatrix",
    "budget_bytes",
    "cache_key",
    "create_matrix",
    "finish",
]

log = logging.getLogger(__name__)

T = TypeVar("T")

KEY_FORMAT = 1  # entries of format 1 have the same keys and can still be read

_ATTEMPTS = 20


class InUseError(CacheError):
    """Another program is extracting the same layers."""


def cache_key(parts: Mapping[str, Any]) -> str:
    """A name for a map: the hash of everything that it depends on."""
    text = json.dumps({"format": KEY_FORMAT, **parts}, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def budget_bytes() -> int:
    """Size the cache may have; raises as `limit_of` does."""
    return limit_of("maps").bytes


class LayerCache(CacheFolder):
    """The cache of one folder."""

    # ---- reading --------------------------------------------------------------------------------

    def contains(self, key: str) -> bool:
        """Whether there is an entry, without checking it."""
        return KEY.fullmatch(key) is not None and is_entry(self.root / key)

    def open(self, key: str) -> CacheEntry | None:
        """Open an entry and mark it as used; a damaged one is dropped and logged.

        Small files are read and compared with their checksums; of the matrix size and header only,
        and its rows when they are read.
        """
        if KEY.fullmatch(key) is None:
            return None
        folder = self.root / key
        for _ in range(_ATTEMPTS):
            stamp = entry_stamp(folder)
            if stamp is None:
                return None
            try:
                facts = parse_entry(stamp)
                if facts is None:
                    log.info("%s is of another version of this program", folder)
                    return None
                rows = check_entry(folder, facts)
            except DAMAGE as error:
                if entry_stamp(folder) != stamp:  # replaced or dropped by another program meanwhile
                    continue
                self._drop(key)
                log.warning("Dropping the damaged cache entry %s: %s", folder, error)
                return None
            except OSError as error:
                log.warning("The cache entry %s cannot be read: %s", folder, error)
                return None
            if entry_stamp(folder) != stamp:
                continue
            mark_used(folder)
            return CacheEntry(folder, facts.layers, rows, facts, stamp)
        return None

    def read(self, key: str, load: Callable[[CacheEntry], T]) -> T | None:
        """Open an entry and return what ``load`` makes of it; None where there is none.

        ``load`` may raise `DataError` or `FileNotFoundError`: where the entry was dropped or
        written again meanwhile, that is a miss or tried again; else it is damaged, and dropped.
        """
        for _ in range(_ATTEMPTS):
            entry = self.open(key)
            if entry is None:
                return None
            try:
                loaded = load(entry)
            except (DataError, FileNotFoundError) as error:
                if entry.is_current():
                    self._drop(key)
                    log.warning("Dropping the damaged cache entry %s: %s", entry.path, error)
                    return None
            else:
                if entry.is_current():
                    return loaded
        return None

    def entries(self) -> list[EntryInfo]:
        """All entries, least recently used first: the order in which they are dropped."""
        infos = [self.info(key) for _, key, _ in self._scan()]
        return [info for info in infos if info is not None]

    def verify(
        self, *, full: bool = True, progress: Callable[[float], None] | None = None
    ) -> list[tuple[EntryInfo, str | None]]:
        """Compare entries with their checksums: what is wrong with each, or None.

        Nothing is dropped, and looking is not using. An entry that another program drops meanwhile
        is left out.

        Args:
            full: read the matrices, too. Those of format 1 have no checksum.
            progress: called with the fraction done, 0 … 1; may raise to stop.
        """
        infos = self.entries()
        reading = Reading(sum(info.bytes for info in infos), progress)
        results = []
        for info in infos:
            end = reading.seen + info.bytes
            present, problem = self._problem(info.key, full, reading.tick)
            if present:
                results.append((info, problem))
            reading.reach(end)
        return results

    def _problem(
        self, key: str, full: bool, tick: Callable[[int], None]
    ) -> tuple[bool, str | None]:
        """Whether the entry is still there, and what is wrong with it."""
        folder = self.root / key
        problem: str | None = None
        for _ in range(_ATTEMPTS):
            stamp = entry_stamp(folder)
            if stamp is None:
                return False, None
            try:
                facts = parse_entry(stamp)
                if facts is None:
                    problem = "it is of another version of this program"
                else:
                    check_entry(folder, facts, full=full, tick=tick)
                    problem = None
            except (*DAMAGE, OSError) as error:
                problem = str(error) or type(error).__name__
            if entry_stamp(folder) == stamp:
                break
        return True, problem

    def info(self, key: str) -> EntryInfo | None:
        """What is known of one entry; None where there is none."""
        folder = self.root / key
        try:
            stamp, status = entry_stamp(folder), (folder / ENTRY).stat()
            if stamp is None:
                return None
        except OSError:
            return None
        try:
            facts = parse_entry(stamp)
        except DAMAGE:
            facts = None
        facts = facts or EntryFacts({}, NO_LAYERS, {}, status.st_mtime)
        parameters = facts.details.get("parameters")
        return EntryInfo(
            key=key,
            path=folder,
            model=str(facts.details.get("model", "")),
            layers=facts.layers,
            created=facts.created if facts.created is not None else status.st_mtime,
            used=status.st_mtime,
            bytes=folder_size(folder),
            has_matrix=MATRIX in facts.files,
            parameters=parameters if isinstance(parameters, dict) else {},
            details=facts.details,
        )

    # ---- writing --------------------------------------------------------------------------------

    @contextmanager
    def writing(self, key: str) -> Iterator[Path]:
        """A folder to write a new entry in; renamed into place when the block ends well.

        The block writes ``projector.npz`` and, if wanted, ``activations.npy``, and must call
        `finish` on the folder last. Whatever else happens, nothing of it stays. Then the partial
        matrix of the key goes, and the least recently used other entries until all fit the budget.

        Raises:
            CacheError: the folder cannot be written, the disk is full, or `finish` was not called.
            UsageError: the budget is not a number.
        """
        self._must_be_key(key)
        budget_bytes()  # a wrong one is said before anything is computed
        with self.scratch(key) as folder:
            yield folder
            if not (folder / ENTRY).is_file():
                raise CacheError(f"The cache entry {key} was not finished.")
            self._move_in(folder, key)
        self._drop_partial(key)
        self.make_room(0, keep=key)

    def drop(self, key: str) -> None:
        """Delete an entry; whoever else looks at it never sees half of it.

        Where the system keeps a file that another program has open, it stays until later.
        """
        if KEY.fullmatch(key) is not None:
            self._drop(key)

    def drop_matrix(self, key: str) -> None:
        """Keep the map of an entry without its matrix, which is damaged; where that is not
        possible, drop both."""
        entry = self.open(key)
        if entry is None or entry.activations() is None:
            return
        log.warning("Dropping the damaged matrix of the cache entry %s", entry.path)
        try:
            with self.writing(key) as folder:
                entry.lend_map(folder)
        except (*DAMAGE, OSError) as error:
            log.warning("Dropping the cache entry %s: %s", entry.path, error)
            self._drop(key)

    def make_room(self, space: int, keep: str | None = None) -> None:
        """Drop the least recently used entries until ``space`` more bytes fit the budget.

        ``keep`` is never dropped. What killed programs left half-written goes, too, and partial
        matrices that nobody has touched for a week.
        """
        budget = budget_bytes()
        self._sweep()
        exempt = {keep}
        while True:  # each time again: others open, write and drop, too
            entries = self._scan()
            if sum(size for _, _, size in entries) + space <= budget:
                return
            key = next((key for _, key, _ in entries if key not in exempt), None)
            if key is None:
                return
            exempt.add(key)
            if self._drop(key):
                log.info("Dropped %s from the layer cache to make room", self.root / key)

    def keeps_matrix(self, size: int) -> bool:
        """Whether a matrix of ``size`` bytes is to be stored: one larger than all is not."""
        return size <= budget_bytes()

    def check_space(self, size: int, subject: str = "This") -> None:
        """Say that a matrix will not fit the disk before it is computed.

        Args:
            size: bytes; a tenth more must be free.
            subject: the beginning of the sentence, such as "Extracting midblock".

        Raises:
            DataError: there is not enough space.
        """
        if size * 1.1 > free_bytes(self.root):
            raise disk_full(self.root, size, subject)

    def clear(
        self,
        *,
        key: str | None = None,
        model: str | None = None,
        layers: Iterable[str] | None = None,
        everything: bool = False,
    ) -> int:
        """Drop the entries, and partial matrices, that are of all that is given.

        ``layers`` must be exactly those of the entry. With ``everything`` goes also what cannot be
        read. What another program is using stays where it cannot be taken from it.

        Returns:
            The bytes that were freed.

        Raises:
            UsageError: nothing was given.
        """
        layer_set = None if layers is None else LayerSet(layers)
        if not everything and (key, model, layer_set) == (None, None, None):
            raise UsageError("Say what to clear: a key, a model, layers, or everything.")

        def matches(its_key: str, its_model: str, its_layers: LayerSet) -> bool:
            return everything or (
                key in (None, its_key)
                and model in (None, its_model)
                and layer_set in (None, its_layers)
            )

        def matches_partial(folder: Path) -> bool:
            its_model, its_layers = partial_of(folder)
            return matches(folder.name.removeprefix(".partial-"), its_model, its_layers)

        total = sum(
            info.bytes
            for info in self.entries()
            if matches(info.key, info.model, info.layers) and self._drop(info.key)
        )
        return total + self._sweep(matches_partial)

    # ---- continuing -----------------------------------------------------------------------------

    @contextmanager
    def partial(
        self,
        key: str,
        shape: tuple[int, int],
        dtype: DTypeLike = np.float32,
        *,
        details: Mapping[str, Any] | None = None,
        check: Callable[[], None] = lambda: None,
    ) -> Iterator[PartialMatrix]:
        """The matrix of a map that is not finished, as far as it was computed; a new one else.

        It is kept when the block ends, however that happens, unless no row is done; and removed by
        `PartialMatrix.discard`, when an entry of its key is written, by `clear`, or a week after it
        was last touched.

        Args:
            key: of the activations; another shape or dtype starts over.
            shape: ``(N, D)``; row *i* is sample *i*.
            details: ``model`` and ``layers``, by which `clear` finds it.
            check: called while rows are looked through; may raise to stop.

        Raises:
            InUseError: another program works on the same rows.
            DataError: the disk is too full, or the folder cannot be written.
        """
        self._must_be_key(key)
        name = f".partial-{key}"
        folder = self.root / name
        facts = {
            "format": 1,
            "shape": list(shape),
            "dtype": np.lib.format.dtype_to_descr(np.dtype(dtype)),
            "details": plain(details or {}),
        }
        with self._lock(name, 1.0) as free:
            if not free:
                raise InUseError("Another program is extracting the same layers. Wait for it.")
            self._sweep()
            entry = entry_stamp(self.root / key)
            rows = open_partial(folder, facts)
            if rows is None:
                rows = self._new_partial(folder, facts)
            matrix = PartialMatrix(folder, rows, check)
            del rows
            try:
                yield matrix
            finally:
                matrix._close()
                usable = (folder / MATRIX).is_file() and matrix.done.any()
                stale = entry_stamp(self.root / key) not in (None, entry)
                if matrix.discarded or stale or not usable:
                    remove(folder)

    def _new_partial(self, folder: Path, facts: Mapping[str, Any]) -> MatrixFile:
        shape, dtype = tuple(facts["shape"]), np.dtype(facts["dtype"])
        layers = LayerSet(map(str, facts["details"].get("layers", ())))
        remove(folder)
        self.check_space(math.prod(shape) * dtype.itemsize, f"Extracting {layers or 'the layers'}")
        try:
            with explain_full_disk(self.root):
                folder.mkdir()
                rows = create_matrix(folder, shape, dtype)
                sync_file(folder / MATRIX)
                write_synced(folder / PARTIAL, json.dumps(facts, indent=2).encode())
                sync_folder(folder)
                sync_folder(self.root)
                return rows
        except BaseException:
            remove(folder)
            raise
