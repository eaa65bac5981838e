"""Texts of files as they are shown, printed and exported: nothing in them acts.

Class names, sample ids, columns, paths and what an error quotes of them come from other people.
Whoever shows one passes it through `visible` (or a widget that does), so that letters which steer a
terminal, turn the direction of a line or cannot be encoded stand there as what they are.
"""

from __future__ import annotations

import csv
import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any, TextIO

MOST_SHOWN = 2000
"""Letters of a message that are shown; the rest is in its details."""
MOST_OF_NAME = 60
"""Letters of a name within a sentence."""
MOST_MARKS = 5
"""Combining marks and joiners on one letter: scripts need four, and more of them would be drawn
over the lines above and below."""
UNENCODABLE = "backslashreplace"
r"""How tables are written where a text holds half of a surrogate pair, for which UTF-8 has no
bytes: as ``\ud800``, so that every program can read the table."""

_ESCAPED = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_MARKS = {"Mn", "Me"}
_JOINERS = "\u200c\u200d"  # zero width (non-)joiners: words of many languages need them
_HARMLESS = " -~\u00a1-\u00ac\u00ae-\u017f\u0391-\u03a1\u03a3-\u03c9–—‘’“”…×≤≥→←"
_PLAIN = re.compile(f"[{_HARMLESS}]*")
_LINES = re.compile(f"[{_HARMLESS}\n\t]*")
_FORMULA = re.compile(r"'*[=+\-@＝＋－＠|%\t\r\n]")
_SPLITS = ";\t|\r\n"
"""What spreadsheets split lines and cells at besides commas, some of them within quotes, too."""
_BEYOND = r"""(?=['"]*[=+\-@＝＋－＠|%])"""  # a formula that begins there
_SPLIT = re.compile(rf"([{_SPLITS}]){_BEYOND}")
_GUARDED = re.compile(rf"([{_SPLITS}])'{_BEYOND}")
_RIGHT = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff"
_TO_THE_LEFT = re.compile(rf"[{_RIGHT}](?:[{_RIGHT}\d\W_]*[{_RIGHT}])?")
_MARK = "\u200e"  # left-to-right mark: invisible, and like a letter that runs to the right


def visible(text: str, most: int | None = None, *, lines: bool = False) -> str:
    r"""A text with what acts or cannot be seen written as ``\x1b``, ``\u202e``, ``\udc80``.

    Args:
        text: of a file, or a message that quotes one.
        most: letters of the result; a longer one is shortened in the middle.
        lines: let line breaks and tabs stand.
    """
    if most is not None and len(text) > 4 * most:  # what is left out is not looked at
        text = elide(text, 2 * most)
    if not (_LINES if lines else _PLAIN).fullmatch(text):
        text = "".join(_letters(text, lines))
    return text if most is None else elide(text, most)


def _letters(text: str, lines: bool) -> Iterator[str]:
    height = 0
    for letter in text:
        kind = unicodedata.category(letter)
        joiner = letter in _JOINERS
        height = height + 1 if joiner or kind in _MARKS else 0
        harmless = joiner or kind not in _ESCAPED or _is_new(letter)
        if (lines and letter in "\n\t") or (harmless and height <= MOST_MARKS):
            yield letter
        else:
            yield _escape(letter)


def _is_new(letter: str) -> bool:
    """Whether it may be an emoji or a script that came into Unicode after Python's tables."""
    code = ord(letter)
    assigned = unicodedata.category(letter) != "Cn"
    return not assigned and 0x10000 <= code < 0x40000 and code & 0xFFFE != 0xFFFE


def _escape(letter: str) -> str:
    code = ord(letter)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def steady(text: str) -> str:
    """A text for lines that run to the right: numbers after Hebrew or Arabic words stay there.

    Without the mark that follows such words, ``שלום  0.2  5`` would be shown as ``5  0.2  םולש``;
    without the one before it, a line that begins with them would run to the left as a whole.
    """
    return text if text.isascii() else "\n".join(map(_steady_line, text.split("\n")))


def _steady_line(line: str) -> str:
    def mark(words: re.Match[str]) -> str:
        return words[0] + _MARK if words.end() < len(line) else words[0]

    first = next(filter(str.isalpha, line), "")
    begins = _MARK if _TO_THE_LEFT.match(first) else ""
    return begins + _TO_THE_LEFT.sub(mark, line)


def visible_json(value: Any, indent: int | None = None) -> str:
    """A value as JSON: in ASCII where letters act or cannot be seen, so that it still says them."""
    text = json.dumps(value, ensure_ascii=False, indent=indent, default=str)
    if visible(text, lines=True) == text:
        return text
    return json.dumps(value, indent=indent, default=str)


def elide(text: str, most: int) -> str:
    """A text of at most ``most`` letters, what is too much left out of its middle."""
    if len(text) <= most:
        return text
    room = max(0, most - 1)
    return f"{text[: room - room // 2]}…{text[len(text) - room // 2 :]}"


def encodable(text: str) -> str:
    """A text as tables have it, each half of a surrogate pair as `UNENCODABLE` writes it."""
    return text if text.isascii() else text.encode("utf-8", UNENCODABLE).decode()


class _WithoutSplits:
    """A file that `csv_writer` writes lines to."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, line: str) -> None:
        self._file.write(line.removesuffix(_SPLITS))


def csv_writer(file: TextIO, end: str = "\r\n") -> Any:
    """What writes rows of a CSV, in quotes each cell in which a spreadsheet would find several.

    Python's writer puts a cell in quotes where a letter of its line end is in it; so the line end
    that it has ends in `_SPLITS`, which do not go into the file.
    """
    return csv.writer(_WithoutSplits(file), lineterminator=end + _SPLITS)


def csv_cell(text: str) -> str:
    r"""A text as it stands in a CSV file: a spreadsheet does not take it for a formula.

    An apostrophe goes before what begins like one, after each letter that some spreadsheet splits
    at and that such a beginning follows, and then before the whole text, too; `from_csv_cell` takes
    them away again, so that what was written is read back equal. A zero byte, which no CSV may
    hold, is written as ``\x00``.
    """
    text = text.replace("\0", "\\x00")
    if _SPLIT.search(text):
        return "'" + _SPLIT.sub(r"\1'", text)
    return f"'{text}" if _FORMULA.match(text) else text


def from_csv_cell(text: str) -> str:
    """What `csv_cell` was given."""
    if not text.startswith("'"):
        return text
    bare = _GUARDED.sub(r"\1", text[1:])
    return bare if len(bare) < len(text) - 1 or _FORMULA.match(text, 1) else text


def from_csv_column(cells: Sequence[str]) -> Sequence[str]:
    """What the cells of a column were before `csv_cell` went over all of them.

    Another program's column, which has a formula or a negative number as it is, stays as it is.
    """
    if not any(cell.startswith("'") for cell in cells):
        return cells
    if any(_FORMULA.match(cell) and not cell.startswith("'") for cell in cells):
        return cells
    return tuple(map(from_csv_cell, cells))


def file_name(text: str) -> str:
    """A text as a part of the name that is suggested for a file: no folders, and not too long."""
    return elide(re.sub(r'[/\\:*?"<>|]+', "-", visible(text, 4 * MOST_OF_NAME)), MOST_OF_NAME)
