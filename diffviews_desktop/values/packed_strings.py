"""Many strings in one block of memory."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

BLOCK_ROWS, BLOCK_BYTES = 50_000, 1 << 22
"""Strings, and bytes of them, that are looked at together."""


class Texts(Sequence[str]):
    """Strings that are read one at a time.

    To unpickle three million of them as Python's own objects takes 0.3 s, for which the window of
    another process would stand still, and to drop them 0.06 s.

    Args:
        blob: all of them in UTF-8, one after the other, ``(B,) uint8``.
        ends: where each ends, ``(N,) int64``.
    """

    __slots__ = ("blob", "ends")

    def __init__(self, blob: NDArray[np.uint8], ends: NDArray[np.int64]) -> None:
        self.blob, self.ends = blob, ends

    @classmethod
    def of(cls, strings: Sequence[str]) -> Texts:
        """Some strings; half of a pair of surrogates, which JSON may hold, is kept."""
        if isinstance(strings, Texts):
            return strings
        chunks = [text.encode("utf-8", "surrogatepass") for text in strings]
        lengths = np.fromiter(map(len, chunks), np.int64, len(chunks))
        return cls(np.frombuffer(b"".join(chunks), np.uint8), np.cumsum(lengths))

    @classmethod
    def from_arrays(cls, blob: NDArray[np.uint8], ends: NDArray[np.int64]) -> Texts:
        """Strings that a file holds.

        Raises:
            ValueError: one is not UTF-8, or they do not end where the bytes do.
        """
        texts = cls(blob, ends)
        starts = texts._starts
        if (starts > ends).any() or (int(ends[-1]) if len(ends) else 0) != len(blob):
            raise ValueError("the strings do not end where their bytes do")
        inside = starts[starts < len(blob)]
        if (blob[inside] & 0xC0 == 0x80).any():  # else a letter would lie in two of them
            raise ValueError("a string begins within a letter")
        decoder = codecs.getincrementaldecoder("utf-8")("surrogatepass")
        for start in range(0, len(blob), BLOCK_BYTES):
            decoder.decode(blob[start : start + BLOCK_BYTES].tobytes())
        decoder.decode(b"", final=True)
        return texts

    def __len__(self) -> int:
        return len(self.ends)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...
    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(len(self))))
        if index < 0:
            index += len(self)
        if not 0 <= index < len(self):
            raise IndexError(index)
        start = self.ends[index - 1] if index else 0
        return self.blob[start : self.ends[index]].tobytes().decode("utf-8", "surrogatepass")

    def containing(self, text: str, most: int) -> list[int]:
        """The positions of the first ``most`` strings that contain a text, which is not empty;
        capital letters of ASCII count as small ones.

        To look through a million names of 13 letters takes about 30 ms.
        """
        query = text.encode("utf-8", "surrogatepass").lower()
        blob = self.blob.tobytes().lower()
        rows: list[int] = []
        at = blob.find(query)
        while at >= 0 and len(rows) < most:
            row = int(np.searchsorted(self.ends, at, side="right"))
            end = int(self.ends[row])
            inside = at + len(query) <= end  # else it begins in one string and ends in another
            if inside:
                rows.append(row)
            at = blob.find(query, end if inside else at + 1)
        return rows

    def having(self, text: str) -> NDArray[np.int64]:
        """The positions of all strings that contain a text, which is not empty, ascending; capital
        letters of ASCII count as small ones. A million names take about 0.2 s."""
        query = text.encode("utf-8", "surrogatepass").lower()
        rows = [np.empty(0, np.int64)]
        for start, part in self._blocks():
            hits = np.strings.find(np.strings.lower(part), query) >= 0
            rows.append(start + np.flatnonzero(hits))
        return np.concatenate(rows)

    def same_as(self, text: str) -> NDArray[np.int64]:
        """The positions of all strings that are a text, ascending."""
        query = np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8)
        starts = self._starts
        rows = np.flatnonzero(self.ends - starts == len(query))
        for at in range(len(query) - 1, -1, -1):  # names differ at their ends
            rows = rows[self.blob[starts[rows] + at] == query[at]]
        return rows

    def order(self, most: int = 64) -> NDArray[np.int64]:
        """Their positions in the order of the alphabet, capital letters of ASCII among small ones;
        strings that begin with the same ``most`` bytes stay as they are."""
        keys = np.zeros(len(self), f"S{most}")
        for start, part in self._blocks(most):
            keys[start : start + len(part)] = np.strings.lower(part)
        return np.argsort(keys, kind="stable")

    @property
    def _starts(self) -> NDArray[np.int64]:
        return np.concatenate([np.zeros(min(1, len(self)), np.int64), self.ends[:-1]])

    def _blocks(self, most: int | None = None) -> Iterator[tuple[int, NDArray[np.bytes_]]]:
        """All strings in blocks of fixed width, each with the position of its first; of each the
        first ``most`` bytes."""
        starts = self._starts
        lengths = self.ends - starts if most is None else np.minimum(self.ends - starts, most)
        begin = 0
        while begin < len(self):
            end = min(begin + BLOCK_ROWS, len(self))
            width = max(1, int(lengths[begin:end].max()))
            if width * (end - begin) > BLOCK_BYTES:  # a long one takes room for all
                end = begin + max(1, BLOCK_BYTES // width)
                width = max(1, int(lengths[begin:end].max()))
            part = lengths[begin:end]
            block = np.zeros((end - begin, width), np.uint8)
            inside = np.arange(int(part.sum())) - np.repeat(np.cumsum(part) - part, part)
            row = np.repeat(np.arange(end - begin), part)
            block[row, inside] = self.blob[np.repeat(starts[begin:end], part) + inside]
            yield begin, block.view(f"S{width}")[:, 0]
            begin = end

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(map(str.__eq__, self, other))

    __hash__ = None  # type: ignore[assignment]
