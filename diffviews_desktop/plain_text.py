"""Texts of files as they are shown, printed and exported: nothing in them acts.

Class names, sample ids, columns, paths and what an error quotes of them come from other people.
Whoever shows one passes it through `visible` (or a widget that does), so that letters which steer a
terminal, turn the direction of a line or cannot be encoded stand there as what they are.
"""

from __future__ import annotations

import re
import unicodedata

MOST_SHOWN = 2000
"""Letters of a message that are shown; the rest is in its details."""

_ESCAPED = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_JOINERS = "\u200c\u200d"  # zero width (non-)joiners: words of many languages need them
_PLAIN = re.compile(r"[ -~]*")
_FORMULA = re.compile(r"'*[=+\-@＝＋－＠|%\t\r\n]")


def visible(text: str, most: int | None = None, *, lines: bool = False) -> str:
    r"""A text with what acts or cannot be seen written as ``\x1b``, ``\u202e``, ``\udc80``.

    Args:
        text: of a file, or a message that quotes one.
        most: letters of the result; a longer one is shortened in the middle.
        lines: let line breaks and tabs stand.
    """
    if most is not None and len(text) > 4 * most:  # what is left out is not looked at
        text = elided(text, 2 * most)
    if not _PLAIN.fullmatch(text):
        text = "".join(letter if _harmless(letter, lines) else _escape(letter) for letter in text)
    return text if most is None else elided(text, most)


def _harmless(letter: str, lines: bool) -> bool:
    if letter in "\n\t":
        return lines
    return letter in _JOINERS or unicodedata.category(letter) not in _ESCAPED


def _escape(letter: str) -> str:
    code = ord(letter)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def elided(text: str, most: int) -> str:
    """A text of at most ``most`` letters, what is too much left out of its middle."""
    if len(text) <= most:
        return text
    left = max(0, most - 1)
    return f"{text[: left - left // 2]}…{text[len(text) - left // 2 :]}"


def csv_cell(text: str) -> str:
    """A text as it stands in a CSV file: a spreadsheet does not take it for a formula.

    An apostrophe goes before what begins like one; `from_csv_cell` takes it away again, so that
    what was written is read back equal.
    """
    return f"'{text}" if _FORMULA.match(text) else text


def from_csv_cell(text: str) -> str:
    """What `csv_cell` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text, 1) else text
