"""Lines of the history, read from JSON: which verb is meant, and its arguments."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from inspect import signature
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

from diffviews_desktop.actions.line_format import KIND, VERB
from diffviews_desktop.actions.registry import ACTIONS
from diffviews_desktop.actions.verbs import VERBS
from diffviews_desktop.errors import DiffViewsError, UsageError, explain
from diffviews_desktop.files.reading import UnfitFileError, read_json_value
from diffviews_desktop.state import picks
from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.text.validation import check_numbers, first_problem
from diffviews_desktop.values import (
    conditions,
    figures,
    folders,
    interventions,
    maps,
    regions,
    told,
)
from diffviews_desktop.values.row_set import RowSet
from diffviews_desktop.values.sampling import SamplingSettings

LARGEST_FILE = 64 * 1024 * 1024
"""Bytes of a file of lines: two thousand of them, and some sets of many samples."""
MOST_OF_REASON = 300  # letters
_OF = (
    (conditions, ("ClassLabel", "AnchorClass", "RandomClass", "ZeroLabel", "UniformLabel")),
    (conditions, ("Prompt",)),
    (figures, ("FigureStyle", "FilmStyle")),
    (folders, ("FolderRef", "Overrides")),
    (interventions, ("Intervention", "SampleMean", "Difference", "Component", "SavedVector")),
    (interventions, ("Factor", "Zero", "LayerMean", "OtherRun")),
    (maps, ("MapParameters",)),
    (regions, ("Everywhere", "Channels", "Tokens", "Area")),
    (told, ("OwnCondition",)),
    (picks, ("Within",)),
)
CLASSES: dict[str, type] = {
    name: getattr(module, name) for module, names in _OF for name in names
} | {"SamplingSettings": SamplingSettings}
"""What an object of a line can be."""


class Call(NamedTuple):
    """A verb with its arguments."""

    verb: Callable[..., Any]
    arguments: dict[str, Any]


def read_lines(file: Path) -> list[Call]:
    """The lines of a file: a list of objects.

    Raises:
        OSError: it cannot be read.
        UsageError: it holds something else, or is no file of a size that is read.
    """
    try:
        lines = read_json_value(file, LARGEST_FILE)
    except UnfitFileError as error:
        raise UsageError(explain(error)) from error
    except ValueError as error:
        raise UsageError(f"{file.name} is not JSON. Take a script that History saved.") from error
    if not isinstance(lines, list):
        raise UsageError(f"{file.name} holds no list of lines. Take a script that History saved.")
    return [call_of(one) for one in lines]


def read_line(text: str) -> Call:
    """A line that is written as JSON.

    Raises:
        UsageError: it is none.
    """
    try:
        line = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{visible(text, MOST_OF_NAME)} is not JSON.") from error
    return call_of(line)


def call_of(line: Any) -> Call:
    """What a line asks for, with arguments of the types that the verb takes.

    Raises:
        UsageError: there is no such verb, or it does not take these arguments.
    """
    assert ACTIONS  # the registry has brought in every verb
    name = line.get(VERB) if isinstance(line, dict) else None
    verb = VERBS.get(name) if isinstance(name, str) else None
    if verb is None:
        raise UsageError(
            f"{visible(repr(name), MOST_OF_NAME)} is not a verb. A line looks like "
            '{"verb": "picks.click_point", "row": 3}.'
        )
    arguments = {key: value for key, value in line.items() if key != VERB}
    names = list(signature(verb).parameters)[1:]
    wrong = [key for key in arguments if key not in names]
    missing = [key for key in _required_names(verb) if key not in arguments]
    if wrong or missing:
        which = f"takes no {wrong[0]!r}" if wrong else f"needs {missing[0]!r}"
        raise UsageError(f"{name} {visible(which, MOST_OF_NAME)}. It takes: {', '.join(names)}.")
    return Call(verb, {key: _argument(verb, key, one) for key, one in arguments.items()})


def _required_names(verb: Callable[..., Any]) -> Iterable[str]:
    parameters = list(signature(verb).parameters.values())[1:]
    return (one.name for one in parameters if one.default is one.empty)


def _argument(verb: Callable[..., Any], name: str, value: Any) -> Any:
    from pydantic import ValidationError

    kind = _hints(verb)[name]
    kind = tuple[str, ...] if kind == Iterable[str] else kind
    try:
        if kind is RowSet:
            return RowSet(_adapter(tuple[int, ...]).validate_python(value))
        argument = _adapter(kind).validate_python(_object(value))
        check_numbers(argument)
        if name == "interventions" and argument:
            interventions.check_count(argument)
        return argument
    except (ValidationError, ValueError) as error:
        reason = first_problem(error, "its value")
        raise UsageError(f"{name} of {verb.__name__} makes no sense: {reason}.") from error
    except (TypeError, RecursionError, DiffViewsError) as error:
        reason = visible(str(error), MOST_OF_REASON)
        raise UsageError(f"{name} of {verb.__name__} makes no sense: {reason}") from error


def _object(value: Any) -> Any:
    """A value with what stands for objects made to objects."""
    if isinstance(value, list):
        return tuple(_object(one) for one in value)
    if not isinstance(value, Mapping):
        return value
    kind = CLASSES.get(str(value.get(KIND)))
    if kind is None:
        raise ValueError(f"there is no {visible(str(value.get(KIND)), MOST_OF_NAME)}")
    return _adapter(kind).validate_python({k: _object(v) for k, v in value.items() if k != KIND})


@cache
def _hints(verb: Callable[..., Any]) -> dict[str, Any]:
    return get_type_hints(verb)


@cache
def _adapter(kind: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)
