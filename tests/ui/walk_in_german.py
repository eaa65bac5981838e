"""What `test_german_window` runs in a process of its own, whose texts are German throughout."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from functools import cache
from string import Formatter

import pytest
from all_windows import open_all
from babel.messages.pofile import read_po
from planted_texts import planted
from PySide6.QtWidgets import (
    QApplication,
    QDoubleSpinBox,
    QGroupBox,
    QLineEdit,
    QSpinBox,
    QTabWidget,
    QWidget,
)
from pytestqt.qtbot import QtBot
from test_plain_texts import HARMLESS, Seen

from diffviews_desktop import paths
from diffviews_desktop.app import _translate_qt
from diffviews_desktop.state.state import State
from diffviews_desktop.text import translation
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.shell.window import MainWindow

DATA = "§"
"""In every text that can come from a file."""
NAMES = (
    "Deutsch", "English", "CSV", "Parquet", "correlation", "cosine", "euclidean", "heun", "renoise",
    "A name", "Recipe", "Run 1", "a bucket", "cat=3, dog=5", "what makes it again",
)  # fmt: skip
"""Of languages, formats and methods, and what `open_all` fills in."""
QT = (
    "Lösen", "Nach links scrollen", "Nach rechts scrollen", "Schließt das Dock-Widget",
    "Export", "Export...",
)  # fmt: skip
"""What Qt says itself, and a menu of pyqtgraph's that is never shown."""
CODE = ("diffviews-desktop do", "'{", "by ", "{", "}", '"')
"""How lines of the history begin."""
KEYS = re.compile(r"\(?((Strg|Umschalt|Alt)\+)*(\W|\w|F\d+|Esc|Return|Entf|Links|Rechts|\+)\)?")
BETWEEN = re.compile(r"(?<=[.…?!]) |: | · |, | \(|\)|; | oder | |^(DiffViews|Rückgängig) ")
FEWEST_LETTERS = 3
"""So many of its own, besides what is filled in, a text has that another is recognised by."""


@cache
def catalogue() -> tuple[tuple[str, str], ...]:
    """The English texts with their German ones, as they are compared."""
    with (paths.translations() / "de.po").open("rb") as file:
        messages = [one for one in read_po(file, locale="de") if one.id]
    pairs: list[tuple[str, str]] = []
    for one in messages:
        pairs += (
            zip(one.id, one.string, strict=True) if one.pluralizable else [(one.id, one.string)]
        )
    return tuple((plain(text), plain(german)) for text, german in pairs)


@cache
def german_texts() -> frozenset[str]:
    """The German ones, in small letters and without a mark at the end."""
    return frozenset(german.casefold().rstrip(".…") for _, german in catalogue())


@cache
def patterns() -> list[re.Pattern[str]]:
    """What texts look like in which something is filled in."""
    return [
        re.compile("".join(parts), re.DOTALL)
        for _, german in catalogue()
        if (parts := list(pattern_of(german)))
    ]


def pattern_of(text: str) -> Iterator[str]:
    parts = [(own, field) for own, field, *_ in Formatter().parse(text)]
    letters = re.findall("[^\\W\\d]", "".join(own for own, _ in parts))
    if len(letters) >= FEWEST_LETTERS and any(field is not None for _, field in parts):
        for own, field in parts:
            yield re.escape(own)
            yield ".*?" if field is not None else ""


def plain(text: str) -> str:
    """A text as it is compared: without mnemonics and HTML, on one line."""
    text = html.unescape(re.sub("<[^>]*>", "", text)).replace("&", "").replace("#x27;", "'")
    return re.sub(r"\s+", " ", re.sub(f"[{HARMLESS.strip()}]", "", text)).strip()


def is_data(text: str) -> bool:
    """Whether a text says nothing in any language: numbers, keys, what files say, code."""
    if DATA in text or text in (*NAMES, *QT) or text.startswith(CODE):
        return True
    return KEYS.fullmatch(text) is not None or not re.search(r"[^\W\d]{3}", text)


@cache
def is_german(text: str) -> bool:
    """Whether a text is one of the catalogue's, several of them, or what is left of one."""
    text = text.strip()
    if is_data(text) or text.casefold().rstrip(".") in german_texts():
        return True
    if any(pattern.fullmatch(text) for pattern in patterns()):
        return True
    begin, dots, end = text.partition("…")
    shortened = begin.casefold(), end.casefold().rstrip(".")
    if dots and any(
        one.startswith(shortened[0]) and one.endswith(shortened[1]) for one in german_texts()
    ):
        return True
    return any(
        is_german(text[: at.start()]) and is_german(text[at.end() :])
        for at in BETWEEN.finditer(text)
    )


def further_texts(window: QWidget) -> list[str]:
    """Of tabs, groups and empty fields, which no file fills."""
    found = []
    for widget in window.findChildren(QWidget):
        if isinstance(widget, QTabWidget):
            found += [widget.tabText(at) for at in range(widget.count())]
        elif isinstance(widget, QGroupBox):
            found.append(widget.title())
        elif isinstance(widget, QLineEdit):
            found.append(widget.placeholderText())
        elif isinstance(widget, QSpinBox | QDoubleSpinBox):
            found += [widget.specialValueText(), widget.prefix(), widget.suffix()]
    return found


@pytest.fixture
def window(
    qapp: QApplication, open_window: Callable[..., MainWindow], state: State, make_job, make_step
) -> MainWindow:
    steps = tuple(make_step(i) for i in range(3))
    _translate_qt(qapp)
    return open_window(planted(state, lambda kind: f"{DATA}{kind}", make_job(), steps))


def test_all_that_the_window_says_is_german(qtbot: QtBot, window: MainWindow) -> None:
    assert translation.language() == "de"
    assert tr("&File") == "&Datei"
    seen = Seen()
    for page in range(window.generate_panel.pages.count()):
        window.generate_panel.pages.setCurrentIndex(page)
        for one in open_all(window):
            seen.look(one)
            seen.texts += further_texts(one)
    said = {
        plain(line) for text in (*seen.texts, *seen.tips) for line in str(text or "").split("\n")
    }
    assert len(said) > 500
    english = {text for text, german in catalogue() if text != german}
    english -= {*(german for _, german in catalogue()), *QT}
    unknown = {text for text in said - english if not is_german(text)}
    assert (sorted(said & english), sorted(unknown)) == ([], [])
