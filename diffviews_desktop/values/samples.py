"""The samples of a data folder as columns: what the map, the gallery and the masks index into."""

from __future__ import annotations

import contextlib
import os
import stat
import unicodedata
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.files.reading import can_be_a_path
from diffviews_desktop.text.translation import marked, tr
from diffviews_desktop.values.brightness import Brightness
from diffviews_desktop.values.columns import Column
from diffviews_desktop.values.packed_strings import Texts

NO_CLASS = marked("no class")
LABEL, PART, NAME = "label", "split", "name"
"""Columns that an import writes: labels that are more than classes, and parts of the data set."""


@dataclass(frozen=True, eq=False)
class SampleTable:
    """One entry per sample; the position ``i`` is the only identifier inside the program.

    Attributes:
        root: the model's folder, which every picture lies in.
        sample_id: names, unique.
        class_label: class numbers ``(N,) int32``; -1 where unknown.
        class_name: one name per sample.
        image_path: picture of each sample, relative to ``root``; empty where there is none.
        sigma: noise level the sample is extracted at ``(N,) float32``.
        columns: what else the folder says of the samples, by name.
        brightness: how those of the pictures are read that hold numbers.
        captions: what each shows, in words, empty where nobody says; () where none has any.
        left_out: what it says that could not be taken, by name, with the reason as a phrase.
    """

    root: Path
    sample_id: Sequence[str]
    class_label: NDArray[np.int32]
    class_name: Sequence[str]
    image_path: Sequence[str]
    sigma: NDArray[np.float32]
    columns: Mapping[str, Column] = field(default_factory=dict)
    brightness: Brightness = field(default_factory=Brightness)
    captions: Sequence[str] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.sample_id)

    def __getstate__(self) -> dict[str, Any]:
        """What another process gets: its classes counted, its noise levels listed, its strings as
        `Texts`."""
        state = {one.name: getattr(self, one.name) for one in fields(self)}
        texts = ("sample_id", "class_name", "image_path", "captions")
        state |= {name: Texts.of(state[name]) for name in texts}
        # these take a moment, of a million samples
        state |= {"_classes": self._classes, "levels": self.levels}
        index = self.__dict__.get("_id_index")
        return state if index is None else state | {"_id_index": index}

    @cached_property
    def not_colored(self) -> dict[str, str]:
        """Columns that colours cannot tell, by name, with the reason as a phrase."""
        columns = {name: column.unfit for name, column in self.columns.items()}
        return {name: reason for name, reason in columns.items() if reason} | dict(self.left_out)

    def title(self, index: int, between: str = " ") -> str:
        """Number and name of a sample's class, or what there is of them."""
        return class_title(int(self.class_label[index]), self.class_name[index], between)

    def caption(self, index: int) -> str:
        """What a sample shows, in words; empty where nobody says."""
        return self.captions[index] if len(self.captions) else ""

    def picture(self, index: int) -> Path | None:
        """The picture of a sample; None where there is none inside the model's folder."""
        folder, _, name = self.image_path[index].rpartition("/")
        real = self._folder(folder)
        if real is not None and name not in ("", ".", "..") and can_be_a_path(name):
            path = f"{real}{os.sep}{name}"
            with contextlib.suppress(OSError):
                if stat.S_ISREG(os.lstat(path).st_mode):
                    return Path(path)
        return path_inside(self.root, self.image_path[index])  # a link, or nothing

    def _folder(self, relative: str) -> str | None:
        """Where pictures lie, looked up once; None where that is not inside the model's folder."""
        if relative not in self._folders:
            base = os.path.realpath(self.root)
            folder = None
            if can_be_a_path(relative):
                real = os.path.realpath(os.path.join(base, relative))
                folder = real if Path(real).is_relative_to(base) else None
            self._folders[relative] = folder
        return self._folders[relative]

    @cached_property
    def _folders(self) -> dict[str, str | None]:
        return {}

    def classes(self) -> list[tuple[int, str, int]]:
        """``(class number, name, number of samples)``, sorted by number."""
        return self._classes

    @cached_property
    def _classes(self) -> list[tuple[int, str, int]]:
        labels, size = self.class_label, len(self)
        low = int(labels.min()) if size else 0
        if size and int(labels.max()) - low < size + 1000:  # twenty times faster than sorting
            counts = np.bincount(labels - low)
            first = np.empty(len(counts), dtype=np.int64)
            first[labels[::-1] - low] = np.arange(size - 1, -1, -1)  # the last one written stays
            offsets = np.flatnonzero(counts)
            numbers, first, counts = offsets + low, first[offsets], counts[offsets]
        else:
            numbers, first, counts = np.unique(labels, return_index=True, return_counts=True)
        return [
            (int(number), self._name_of(int(number), int(row)), int(count))
            for number, row, count in zip(numbers, first, counts, strict=True)
        ]

    @cached_property
    def levels(self) -> tuple[float, ...]:
        """The noise levels of the samples, ascending, each as short as it can be written."""
        sigmas = np.unique(self.sigma[np.isfinite(self.sigma)])
        return tuple(float(str(level)) for level in sigmas)

    def row_of(self, sample_id: str) -> int | None:
        """Where a sample is; None where there is none of this id. The first time takes a moment,
        unless `index_ids` was called where the table comes from."""
        sums, rows = self._id_index
        first, last = np.searchsorted(sums, [_sum_of(sample_id), _sum_of(sample_id) + 1])
        alike = (int(row) for row in rows[first:last])
        return next((row for row in alike if self.sample_id[row] == sample_id), None)

    def index_ids(self) -> None:
        """Make ready for `row_of`; whoever gets the table from here has it so, too."""
        self._id_index  # noqa: B018  (it is kept)

    @cached_property
    def _id_index(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Checksums of the ids, ascending, and the row of each."""
        sums = np.fromiter(map(_sum_of, self.sample_id), np.int64, len(self))
        rows = np.argsort(sums, kind="stable")
        return sums[rows], rows

    def _name_of(self, number: int, row: int) -> str:
        """What a class is called whose first sample is in a row; samples without a class may have
        names of their own."""
        name = self.class_name[row]
        if number >= 0:
            return name
        same = all(
            self.class_name[int(i)] == name for i in np.flatnonzero(self.class_label == number)
        )
        return name if same else tr(NO_CLASS)


def class_title(number: int, name: str, between: str = " ") -> str:
    """Number and name of a class, or what there is of them: ``3 cat``, ``3``, ``no class``."""
    if number < 0:
        return tr(NO_CLASS) if name == str(number) else name
    return name if name == str(number) else f"{number}{between}{name}"


def rows_with_caption(captions: Sequence[str], text: str) -> NDArray[np.int64]:
    """The samples whose captions hold a text, whatever its case: ``(K,)``, ascending."""
    query = _for_search(text)
    rows = (row for row, caption in enumerate(captions) if query in _for_search(caption))
    return np.fromiter(rows, np.int64)


def _for_search(text: str) -> str:
    return text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()


def path_inside(root: Path, relative: str) -> Path | None:
    """``root / relative``, or None if that is empty, missing, or not inside ``root``."""
    if not relative or not can_be_a_path(relative):
        return None
    base = os.path.realpath(root)
    real = Path(os.path.realpath(os.path.join(base, relative)))
    return real if real.is_relative_to(base) and os.path.isfile(real) else None


def _sum_of(sample_id: str) -> int:
    return zlib.crc32(sample_id.encode("utf-8", "surrogatepass"))
