"""The list of samples in a ``dataset_info.json``, read piece by piece.

Such a file may have a million samples: neither its text nor its values are ever in memory as a
whole, and the caller may stop between two pieces.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from diffviews_desktop.data.folder.sample_noise import says_something
from diffviews_desktop.errors import DataError, brief
from diffviews_desktop.files.reading import (
    MOST_JSON,
    MOST_TABLE,
    MOST_TABLE_MEMORY,
    UnfitFileError,
    open_regular,
    too_many_values,
)

Records = list[dict[str, Any]]

PIECE = 2**16
_AT_THE_END = 16
"""Letters before the end of a piece in which an error may be that of a word cut off."""
_decode = json.JSONDecoder().raw_decode
_SPACE = re.compile(r"[ \t\n\r]*")
_BETWEEN = re.compile(r"[ \t\n\r]*([,\]])[ \t\n\r]*")


def sample_records(
    path: Path, check: Callable[[], None] = lambda: None, others: set[str] | None = None
) -> Iterator[Records]:
    """The samples of a ``dataset_info.json``, as it has them, some thousands at a time.

    Args:
        path: the file.
        check: called between two pieces; may raise to stop.
        others: gets the names of those other keys of the file that say something.

    Raises:
        DataError: it cannot be read, or has no list of samples.
    """
    has_list = False
    try:
        with open_regular(path, MOST_TABLE) as file:
            text = _JsonText(file, path, check)
            if text.next_letter() != "{":
                text.value()
                raise DataError(f"{path} must hold a JSON object: correct or restore it.")
            for key in text.object_keys():
                if key == "samples" and text.next_letter() == "[":
                    if has_list:
                        raise ValueError("it has two lists of samples")
                    has_list = True
                    yield from text.records()
                elif says_something(text.value()) and others is not None:
                    others.add(key)
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} cannot be read as JSON ({brief(error)}). Correct it, or put back "
            "a copy that works."
        ) from error
    if not has_list:
        raise _no_list(path)


def _no_list(path: Path) -> DataError:
    return DataError(
        f"{path} has no list of samples under the key 'samples': correct or restore it."
    )


def _skip_space(text: str, start: int) -> int:
    return _SPACE.match(text, start).end()  # type: ignore[union-attr]


class _JsonText:
    """A JSON file of which one piece is in memory."""

    def __init__(self, file: BinaryIO, path: Path, check: Callable[[], None]) -> None:
        self._file, self._path, self._check = file, path, check
        self._letters = codecs.getincrementaldecoder("utf-8-sig")().decode
        self._text, self._at = "", 0
        self._before = 0  # letters of earlier pieces
        self._needed = 0  # bytes of memory for what was read
        self._objects = self._records = 0  # that were read, the latter those of samples
        self._ended = False

    def next_letter(self) -> str:
        """The next letter that is no space; empty at the end."""
        while True:
            self._at = _skip_space(self._text, self._at)
            if self._at < len(self._text) or self._ended:
                return self._text[self._at : self._at + 1]
            self._read_on()

    def object_keys(self) -> Iterator[str]:
        """The keys of the object that the file is; read the `value` of each."""
        self._take("{")
        while self.next_letter() != "}":
            key = self.value()
            if not isinstance(key, str):
                raise self._error("a key must be text", self._at)
            self._take(":")
            yield key
            if self.next_letter() != "}":
                self._take(",")
        self._take("}")
        if self.next_letter():
            raise self._error("something follows the object", self._at)

    def value(self) -> Any:
        """The next value."""
        self.next_letter()
        while True:
            result = self._try_value()
            if result is not None:
                self._at = result[1]
                return result[0]
            self._read_on()

    def records(self) -> Iterator[Records]:
        """The objects of the list that is the next value."""
        self._take("[")
        if self.next_letter() == "]":
            self._take("]")
            return
        while True:
            some, end = self._records_of_this_piece()
            if not all(type(record) is dict for record in some):
                raise _no_list(self._path)
            self._records += len(some)
            if some:
                yield some
            if end:
                return
            self._read_on()

    def _records_of_this_piece(self) -> tuple[Records, bool]:
        """Those that are whole, and whether the list ends after them."""
        some: Records = []
        self.next_letter()
        while (result := self._try_value()) is not None:
            between = _BETWEEN.match(self._text, result[1])
            if between is None:
                if _skip_space(self._text, result[1]) < len(self._text) or self._ended:
                    raise self._error("a comma or ] is missing", result[1])
                break
            some.append(result[0])
            self._at = between.end()
            if between[1] == "]":
                return some, True
        return some, False

    def _try_value(self) -> tuple[Any, int] | None:
        """The value that begins here and where it ends; None where more of it must be read."""
        try:
            value, end = _decode(self._text, self._at)
        except json.JSONDecodeError as error:
            near = len(self._text) - error.pos < _AT_THE_END
            if (near or error.msg.startswith("Unterminated")) and not self._ended:
                return None
            raise self._error(error.msg, error.pos) from None
        except RecursionError:
            raise UnfitFileError(0, "it is nested too deeply", str(self._path)) from None
        if self._ended:
            return value, end
        tail = self._text[end : end + 3]
        cut = not tail or (tail[0] in ".eE" and len(tail) < 3)  # 12, and then 3; or 0. and then 5
        return None if cut else (value, end)

    def _take(self, letter: str) -> None:
        if self.next_letter() != letter:
            raise self._error(f"{letter} is missing", self._at)
        self._at += 1

    def _read_on(self) -> None:
        """Drop what was taken, and read the next piece; a larger one for a long value."""
        self._check()
        tail = self._text[self._at :]
        if self._ended:
            raise self._error("it ends early", len(self._text))
        if len(tail) > MOST_JSON:
            raise UnfitFileError(0, "one of its values is too long", str(self._path))
        data = self._file.read(max(PIECE, len(tail)))
        # of what the list becomes: columns, whose texts take 49 bytes and their letters each
        letters = len(data) * (1 if data.isascii() else 4)
        self._needed += letters + 75 * data.count(b",") + 72 * data.count(b"[")
        # what was read before is parsed by now, and of its objects those of samples are not kept
        nested = 200 * max(0, self._objects - self._records)
        self._objects += data.count(b"{")
        if self._needed + nested > MOST_TABLE_MEMORY:
            raise too_many_values(self._path, MOST_TABLE_MEMORY)
        self._ended = not data
        self._before += self._at
        self._text, self._at = tail + self._letters(data, final=self._ended), 0

    def _error(self, problem: str, position: int) -> ValueError:
        return ValueError(f"{problem}, at letter {self._before + position + 1}")
