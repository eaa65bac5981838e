"""An entry of the layer cache: whole and checked, or only what is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diffviews_desktop.data.activations.arrays import ActivationMatrix
from diffviews_desktop.data.activations.checked_rows import SUMS
from diffviews_desktop.data.activations.matrix_file import MatrixFile
from diffviews_desktop.data.cache.disk import (
    MATRIX,
    link_or_copy,
    remove,
)
from diffviews_desktop.data.cache.entry import (
    PROJECTOR,
    EntryFacts,
    entry_stamp,
    finish,
)
from diffviews_desktop.values.layers import NO_LAYERS, LayerSet


@dataclass(frozen=True)
class CacheEntry:
    """A complete entry; its files were checked when it was opened.

    The matrix stays readable for as long as this object lives, also where the entry is dropped.
    The projector is a path and may be gone by the time it is read: see `LayerCache.read`.
    """

    path: Path
    layers: LayerSet
    _rows: MatrixFile | None = field(default=None, repr=False, compare=False)
    _facts: EntryFacts = field(
        default=EntryFacts({}, NO_LAYERS, {}, None), repr=False, compare=False
    )
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
        files = self._facts.files
        names = [name for name in (MATRIX, SUMS) if name in files]
        if self._rows is not None and SUMS not in names:
            self._rows.check()  # `finish` is to make sums of it
        try:
            for name in names:
                link_or_copy(self.path / name, folder / name)
        except OSError:  # it can be extracted again
            for name in names:
                remove(folder / name)
            return {}
        return {name: files[name] for name in names} if SUMS in names else {}

    def lend_map(self, folder: Path) -> None:
        """Write this entry again, without the matrix, in a folder from `LayerCache.writing`."""
        link_or_copy(self.projector, folder / PROJECTOR)
        files = {PROJECTOR: self._facts.files[PROJECTOR]}
        finish(folder, self._facts.details, self.layers, records=files)

    def is_current(self) -> bool:
        """Whether this entry is still the one on disk: neither dropped nor written again."""
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
    layers: LayerSet
    created: float
    used: float
    bytes: int
    has_matrix: bool
    parameters: Mapping[str, Any]
    details: Mapping[str, Any] = field(default_factory=dict)
