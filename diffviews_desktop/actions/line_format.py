"""Lines of the history as JSON and as Python, and several of them as a script."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from diffviews_desktop import __version__
from diffviews_desktop.state.history import HistoryLine
from diffviews_desktop.text.plain import visible_json
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.row_set import RowSet

KIND = "is"
"""The name under which JSON says of which class an object is."""
VERB = "verb"
OPENING = "folders.open_data"
NEEDS_WINDOW = ("exports.write_map",)
"""Verbs that cannot be done without a window."""
_INDENT, _WIDTH = "    ", 100


# ---- JSON ---------------------------------------------------------------------------------------


def as_json(line: HistoryLine) -> dict[str, Any]:
    """A line as values that JSON knows: its verb, and its arguments by name."""
    return {VERB: line.verb} | {name: value_of(one) for name, one in line.arguments.items()}


def json_text(line: HistoryLine) -> str:
    """The same as a text of one line."""
    return visible_json(as_json(line))


def value_of(value: Any) -> Any:
    """A value as JSON knows it: an object of a class says which, and what differs from the usual.

    Raises:
        TypeError: it has no such form.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, RowSet | tuple | list | frozenset):
        return [value_of(one) for one in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {KIND: type(value).__name__} | {n: value_of(v) for n, v in _unusual(value)}
    raise TypeError(f"{value!r} cannot be written as JSON")


def _unusual(value: Any) -> Iterator[tuple[str, Any]]:
    """The fields of a dataclass that differ from what they are where nobody says."""
    for one in fields(value):
        part = getattr(value, one.name)
        if one.init and not (_has_usual(one) and part == _usual(one)):
            yield one.name, part


def _has_usual(one: Field[Any]) -> bool:
    return one.default is not MISSING or one.default_factory is not MISSING


def _usual(one: Field[Any]) -> Any:
    return one.default if one.default_factory is MISSING else one.default_factory()


# ---- Python -------------------------------------------------------------------------------------


def as_python(line: HistoryLine) -> str:
    """A line as a call of the function that did it."""
    arguments = [f"{name}={code_of(one)}" for name, one in line.arguments.items()]
    return _call(line.verb, ["context", *arguments])


def code_of(value: Any) -> str:
    """A value as Python writes it."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Path):
        return f"Path({str(value)!r})"
    if isinstance(value, RowSet):
        return f"RowSet({value.rows.tolist()!r})"
    if isinstance(value, LayerSet):
        return f"LayerSet({tuple(value)!r})"
    if isinstance(value, tuple):
        inside = ", ".join(map(code_of, value))
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    if is_dataclass(value) and not isinstance(value, type):
        arguments = ", ".join(f"{name}={code_of(one)}" for name, one in _unusual(value))
        return f"{type(value).__name__}({arguments})"
    return repr(value)


def _call(function: str, arguments: Sequence[str]) -> str:
    whole = f"{function}({', '.join(arguments)})"
    if len(_INDENT + whole) <= _WIDTH:
        return whole
    inside = "".join(f"{_INDENT}{one},\n" for one in arguments)
    return f"{function}(\n{inside})"


def _classes(value: Any) -> Iterator[type]:
    """The classes that the Python of a value names."""
    if isinstance(value, Path):
        yield Path
    elif isinstance(value, RowSet | LayerSet):
        yield type(value)
    elif isinstance(value, tuple | list):
        for one in value:
            yield from _classes(one)
    elif is_dataclass(value) and not isinstance(value, type):
        yield type(value)
        for _, one in _unusual(value):
            yield from _classes(one)


# ---- scripts ------------------------------------------------------------------------------------


def with_opening(lines: Sequence[HistoryLine], every: Sequence[HistoryLine]) -> list[HistoryLine]:
    """Lines, after the one that last opened a folder before them: alone they would have none."""
    if not lines or lines[0].verb == OPENING:
        return list(lines)
    openings = [one for one in every if one.verb == OPENING and one.number < lines[0].number]
    return [*openings[-1:], *lines]


def python_script(lines: Iterable[HistoryLine]) -> str:
    """A program that does the lines one after the other, without a window."""
    steps = list(lines)
    topics = sorted({line.verb.partition(".")[0] for line in steps})
    classes = {
        one for line in steps for value in line.arguments.values() for one in _classes(value)
    }
    imports = [f"from diffviews_desktop.actions import {', '.join(topics)}"] if topics else []
    imports.append("from diffviews_desktop.cli.headless import headless")
    modules = sorted({one.__module__ for one in classes if one is not Path})
    for module in modules:
        names = ", ".join(sorted(one.__name__ for one in classes if one.__module__ == module))
        imports.append(f"from {module} import {names}")
    if Path in classes:
        imports[:0] = ["from pathlib import Path", ""]
    body = [_indent(_in_script(line)) for line in steps] or [f"{_INDENT}pass"]
    head = f'"""What was done in DiffViews {__version__}; it runs without a window."""'
    return "\n".join([head, "", *imports, "", "with headless() as context:", *body, ""])


def _in_script(line: HistoryLine) -> str:
    text = as_python(line)
    if line.verb not in NEEDS_WINDOW:
        return text
    return "\n".join(["# This takes a window:", *(f"# {part}" for part in text.split("\n"))])


def _indent(text: str) -> str:
    return "\n".join(_INDENT + part for part in text.split("\n"))


def json_script(lines: Iterable[HistoryLine]) -> str:
    """A list that the command line does with ``do --file``."""
    texts = [json_text(line) for line in lines if line.verb not in NEEDS_WINDOW]
    return "[\n" + ",\n".join(texts) + "\n]\n"
