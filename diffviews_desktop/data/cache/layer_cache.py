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
import os
import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike

from diffviews_desktop.data.activations.arrays import ActivationMatrix
from diffviews_desktop.data.activations.checked_rows import SUMS, DamagedMatrixError
from diffviews_desktop.data.activations.matrix_file import MatrixFile
from diffviews_desktop.data.cache.disk import (
    MATRIX,
    create_matrix,
    disk_full,
    folder_size,
    free_bytes,
    full_disk_said,
    idle_seconds,
    is_full,
    link_or_copy,
    remove,
    sync_file,
    sync_folder,
    write_synced,
)
from diffviews_desktop.data.cache.entry import (
    DAMAGE,
    ENTRY,
    PROJECTOR,
    EntryFacts,
    check_entry,
    entry_stamp,
    finish,
    is_entry,
    mark_used,
    parse_entry,
    plain,
)
from diffviews_desktop.data.cache.partial_matrix import (
    PARTIAL,
    PartialMatrix,
    open_partial,
    partial_of,
)
from diffviews_desktop.errors import CacheError, DataError, UsageError

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
DEFAULT_BUDGET_MB = 2048

_DAY = 24 * 3600
_PARTIAL_SECONDS = 7 * _DAY
_CLOCK_SECONDS = 3600  # a time of use that lies further ahead was written by a wrong clock
_MOVE_SECONDS = 2.0  # how long to try to replace an entry that somebody has open (Windows)
_ATTEMPTS = 20

_KEY = re.compile(r"[0-9a-z]{1,64}")
_GUARDED = re.compile(r"(\.new-[0-9a-z]{1,64}-[0-9a-f]{8}|\.partial-[0-9a-z]{1,64})(\.lock)?")
_DROPPED = re.compile(r"\.old-[0-9a-z]{1,64}-[0-9a-f]{8}")
_FORMER = re.compile(r"\.[0-9a-f]{32}\.[0-9a-z_]{8}")  # left by format 1, which had no locks


class InUseError(CacheError):
    """Another program is extracting the same layers."""


def cache_key(parts: Mapping[str, Any]) -> str:
    """A name for a map: the hash of everything that it depends on."""
    text = json.dumps({"format": KEY_FORMAT, **parts}, sort_keys=True, default=str)
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
    """A complete entry; its files were checked when it was opened.

    The matrix stays readable for as long as this object lives, also where the entry is dropped.
    The projector is a path and may be gone by the time it is read: see `LayerCache.read`.
    """

    path: Path
    layers: tuple[str, ...]
    _rows: MatrixFile | None = field(default=None, repr=False, compare=False)
    _facts: EntryFacts = field(default=EntryFacts({}, (), {}, None), repr=False, compare=False)
    _stamp: bytes = field(default=b"", repr=False, compare=False)

    @property
    def projector(self) -> Path:
        """The projector file."""
        return self.path / PROJECTOR

    def activations(self) -> ActivationMatrix | None:
        """The full matrix, checked as it is read; None where only the reduced rows were kept."""
        if self._rows is None:
            return None
        return ActivationMatrix(self.path / MATRIX, self.layers, self._rows)

    def lend(self, folder: Path) -> dict[str, Mapping[str, Any]]:
        """Have another entry keep the matrix, too, without a copy where the file system can.

        Args:
            folder: of the other, from `LayerCache.writing`.

        Returns:
            What `finish` is to know of the files that are in the folder by that.

        Raises:
            DamagedMatrixError: it is not what was written.
        """
        known = self._facts.files
        names = [name for name in (MATRIX, SUMS) if name in known]
        if self._rows is not None and SUMS not in names:
            self._rows.check()  # `finish` is to make sums of it
        try:
            for name in names:
                link_or_copy(self.path / name, folder / name)
        except OSError:  # it can be extracted again
            for name in names:
                remove(folder / name)
            return {}
        return {name: known[name] for name in names} if SUMS in names else {}

    def lend_map(self, folder: Path) -> None:
        """Write this entry again, without the matrix, in a folder from `LayerCache.writing`."""
        link_or_copy(self.projector, folder / PROJECTOR)
        known = {PROJECTOR: self._facts.files[PROJECTOR]}
        finish(folder, self._facts.details, self.layers, known=known)

    def is_current(self) -> bool:
        """Whether this entry is still the one on disk: neither dropped nor written anew."""
        return entry_stamp(self.path) == self._stamp


@dataclass(frozen=True)
class EntryInfo:
    """What is known of an entry without reading its arrays.

    Attributes:
        model, layers, parameters, details: empty where ``entry.json`` cannot be read; the details
            are those given to `finish`.
        created, used: Unix times in seconds.
        bytes: size of all its files.
    """

    key: str
    path: Path
    model: str
    layers: tuple[str, ...]
    created: float
    used: float
    bytes: int
    has_matrix: bool
    parameters: Mapping[str, Any]
    details: Mapping[str, Any] = field(default_factory=dict)


class LayerCache:
    """The cache of one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    # ---- reading --------------------------------------------------------------------------------

    def contains(self, key: str) -> bool:
        """Whether there is an entry, without checking it."""
        return _KEY.fullmatch(key) is not None and is_entry(self.root / key)

    def open(self, key: str) -> CacheEntry | None:
        """Open an entry and mark it as used; a damaged one is dropped and logged.

        Small files are read and compared with their checksums; of the matrix size and header only,
        and its rows when they are read.
        """
        if _KEY.fullmatch(key) is None:
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
        written anew meanwhile, that is a miss or tried again; else it is damaged, and dropped.
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
        infos = [self._info(key) for _, key, _ in self._scan()]
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
        total, seen = sum(info.bytes for info in infos) or 1, 0

        def tick(count: int) -> None:
            nonlocal seen
            seen += count
            if progress is not None:
                progress(min(1.0, seen / total))

        found = []
        for info in infos:
            before = seen
            known, problem = self._problem(info.key, full, tick)
            if known:
                found.append((info, problem))
            seen = before
            tick(info.bytes)
        return found

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

    def _info(self, key: str) -> EntryInfo | None:
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
        facts = facts or EntryFacts({}, (), {}, status.st_mtime)
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

    def _scan(self) -> list[tuple[float, str, int]]:
        """When each entry was used, its key and its size; least recently used first."""
        found, ahead = [], time.time() + _CLOCK_SECONDS
        for path in self._listing():
            if _KEY.fullmatch(path.name) is None or not is_entry(path):
                continue
            with suppress(OSError):  # dropped by another program
                used = (path / ENTRY).stat().st_mtime_ns / 1e9
                found.append((used if used < ahead else 0.0, path.name, folder_size(path)))
        return sorted(found)

    def _listing(self) -> list[Path]:
        try:
            return sorted(self.root.iterdir())
        except OSError:
            return []

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
        name = f".new-{key}-{secrets.token_hex(4)}"
        folder = self.root / name
        with self._lock(name, 5.0) as held:
            if not held:
                raise CacheError(f"{self.root} cannot be written: it is locked. Try again.")
            self._sweep()
            try:
                with full_disk_said(self.root):
                    folder.mkdir()
                    yield folder
                    if not (folder / ENTRY).is_file():
                        raise CacheError(f"The cache entry {key} was not finished.")
                    self._move_in(folder, key)
            finally:
                remove(folder)
        self._drop_partial(key)
        self.make_room(0, keep=key)

    def drop(self, key: str) -> None:
        """Delete an entry; whoever else looks at it never sees half of it.

        Where the system does not let go of a file that somebody has open, it stays until later.
        """
        if _KEY.fullmatch(key) is not None:
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

    def make_room(self, needed: int, keep: str | None = None) -> None:
        """Drop the least recently used entries until ``needed`` more bytes fit the budget.

        ``keep`` is never dropped. What killed programs left half-written goes, too, and partial
        matrices that nobody has touched for a week.
        """
        budget = budget_bytes()
        self._sweep()
        passed = {keep}
        while True:  # each time anew: others open, write and drop, too
            found = self._scan()
            if sum(size for _, _, size in found) + needed <= budget:
                return
            key = next((key for _, key, _ in found if key not in passed), None)
            if key is None:
                return
            passed.add(key)
            if self._drop(key):
                log.info("Dropped %s from the layer cache to make room", self.root / key)

    def keeps_matrix(self, size: int) -> bool:
        """Whether a matrix of ``size`` bytes is to be stored: one larger than all is not."""
        return size <= budget_bytes()

    def check_space(self, needed: int, what: str = "This") -> None:
        """Say that a matrix will not fit the disk before it is computed.

        Args:
            needed: bytes; a tenth more must be free.
            what: the beginning of the sentence, such as "Extracting midblock".

        Raises:
            DataError: there is not enough space.
        """
        if needed * 1.1 > free_bytes(self.root):
            raise disk_full(self.root, needed, what)

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
        wanted = None if layers is None else tuple(sorted(layers))
        if not everything and (key, model, wanted) == (None, None, None):
            raise UsageError("Say what to clear: a key, a model, layers, or everything.")

        def chosen(its_key: str, its_model: str, its_layers: Sequence[str]) -> bool:
            return everything or (
                key in (None, its_key)
                and model in (None, its_model)
                and wanted in (None, tuple(sorted(its_layers)))
            )

        def chosen_partial(folder: Path) -> bool:
            its_model, its_layers = partial_of(folder)
            return chosen(folder.name.removeprefix(".partial-"), its_model, its_layers)

        freed = sum(
            info.bytes
            for info in self.entries()
            if chosen(info.key, info.model, info.layers) and self._drop(info.key)
        )
        return freed + self._sweep(chosen_partial)

    def unfinished_bytes(self) -> int:
        """The size of all that is no entry: partial matrices and what is being written."""
        return sum(
            folder_size(path)
            for path in self._listing()
            if _GUARDED.fullmatch(path.name) or _DROPPED.fullmatch(path.name)
        )

    def _must_be_key(self, key: str) -> None:
        if _KEY.fullmatch(key) is None:
            raise CacheError(f"{key!r} is not the name of a cache entry.")

    def _move_in(self, folder: Path, key: str) -> None:
        deadline = time.monotonic() + _MOVE_SECONDS
        mark_used(folder)
        while True:
            self._drop(key)
            try:
                os.rename(folder, self.root / key)
            except OSError as error:  # another program wrote the same entry, or has it open
                if is_full(error):
                    raise
                if time.monotonic() > deadline:
                    if not (self.root / key).exists():
                        raise CacheError(f"{self.root / key} cannot be made ({error}).") from error
                    log.warning("%s is in use and stays as it was: %s", self.root / key, error)
                    return
                time.sleep(0.001)
            else:
                sync_folder(self.root)
                return

    def _drop(self, key: str) -> bool:
        """Delete an entry; whether it is gone by that."""
        folder, aside = self.root / key, self.root / f".old-{key}-{secrets.token_hex(4)}"
        try:
            os.rename(folder, aside)
        except FileNotFoundError:  # another program was faster
            return False
        except OSError as error:  # not where a file is open (Windows), nor in a read-only folder
            log.info("%s cannot be deleted now: %s", folder, error)
            return False
        remove(aside)
        return True

    def _drop_partial(self, key: str) -> None:
        name = f".partial-{key}"
        if (self.root / name).exists():
            with suppress(OSError, CacheError), self._lock(name) as held:
                if held:
                    remove(self.root / name)

    def _sweep(self, partial: Callable[[Path], bool] | None = None) -> int:
        """Delete what nobody works on: the bytes that frees. Of the partial matrices go those that
        were not touched for a week, and those that ``partial`` tells."""
        freed = 0
        for path in self._listing():
            guarded = _GUARDED.fullmatch(path.name)
            if guarded is not None:
                freed += self._sweep_guarded(path, guarded[1], guarded[2] is not None, partial)
            elif _DROPPED.fullmatch(path.name) or (
                _FORMER.fullmatch(path.name) and idle_seconds(path) > _DAY
            ):
                freed += folder_size(path)
                remove(path)
        return freed

    def _sweep_guarded(
        self, path: Path, name: str, is_lock: bool, partial: Callable[[Path], bool] | None
    ) -> int:
        folder, freed = self.root / name, 0
        if is_lock and (folder.exists() or not path.exists()):
            return 0
        if name.startswith(".partial-") and not is_lock:
            old = idle_seconds(folder) > _PARTIAL_SECONDS
            if not (old or (partial is not None and partial(folder))):
                return 0
        with suppress(OSError, CacheError), self._lock(name) as held:
            if held and not is_lock:
                log.info("Dropping the unfinished %s", folder)
                freed = folder_size(folder)
                remove(folder)
        return freed

    @contextmanager
    def _lock(self, name: str, timeout: float = 0.0) -> Iterator[bool]:
        """Hold the lock file of a folder, whether or not that exists; False: somebody else does.

        Raises:
            CacheError: the cache's folder cannot be written, or the disk is full.
        """
        from filelock import FileLock, Timeout

        path = self.root / f"{name}.lock"
        lock = FileLock(path, timeout=timeout, thread_local=False)
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            lock.acquire(poll_interval=0.01)
        except Timeout:
            yield False
            return
        except OSError as error:
            if is_full(error):
                raise disk_full(self.root, None) from error
            raise CacheError(f"{self.root} cannot be written ({error}).") from error
        try:
            yield True
        finally:
            # while it is held: who waits for it sees that the file is gone, and makes a new one
            with suppress(OSError):
                path.unlink()
            lock.release()  # on Windows the file goes by this

    # ---- continuing -----------------------------------------------------------------------------

    @contextmanager
    def partial(
        self,
        key: str,
        shape: tuple[int, int],
        dtype: DTypeLike = np.float32,
        *,
        details: Mapping[str, Any] | None = None,
    ) -> Iterator[PartialMatrix]:
        """The matrix of a map that is not finished, as far as it was computed; a new one else.

        It is kept when the block ends, however that happens, unless no row is done; and removed by
        `PartialMatrix.discard`, when an entry of its key is written, by `clear`, or a week after it
        was last touched.

        Args:
            key: of the activations; another shape or dtype begins anew.
            shape: ``(N, D)``; row *i* is sample *i*.
            details: ``model`` and ``layers``, by which `clear` finds it.

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
        with self._lock(name, 1.0) as held:
            if not held:
                raise InUseError("Another program is extracting the same layers. Wait for it.")
            self._sweep()
            entry = entry_stamp(self.root / key)
            rows = open_partial(folder, facts)
            if rows is None:
                rows = self._new_partial(folder, facts)
            matrix = PartialMatrix(folder, rows)
            del rows
            try:
                yield matrix
            finally:
                matrix._close()
                kept = (folder / MATRIX).is_file() and matrix.done.any()
                replaced = entry_stamp(self.root / key) not in (None, entry)
                if matrix.discarded or replaced or not kept:
                    remove(folder)

    def _new_partial(self, folder: Path, facts: Mapping[str, Any]) -> MatrixFile:
        shape, dtype = tuple(facts["shape"]), np.dtype(facts["dtype"])
        layers = "+".join(map(str, facts["details"].get("layers", ())))
        remove(folder)
        self.check_space(math.prod(shape) * dtype.itemsize, f"Extracting {layers or 'the layers'}")
        try:
            with full_disk_said(self.root):
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
