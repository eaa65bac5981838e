"""Many strings in one block of memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray


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
        encoded = [text.encode("utf-8", "surrogatepass") for text in strings]
        lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
        return cls(np.frombuffer(b"".join(encoded), np.uint8), np.cumsum(lengths))

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
        wanted = text.encode("utf-8", "surrogatepass").lower()
        blob = self.blob.tobytes().lower()
        found: list[int] = []
        at = blob.find(wanted)
        while at >= 0 and len(found) < most:
            row = int(np.searchsorted(self.ends, at, side="right"))
            end = int(self.ends[row])
            inside = at + len(wanted) <= end  # else it begins in one string and ends in another
            if inside:
                found.append(row)
            at = blob.find(wanted, end if inside else at + 1)
        return found

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(map(str.__eq__, self, other))

    __hash__ = None  # type: ignore[assignment]
