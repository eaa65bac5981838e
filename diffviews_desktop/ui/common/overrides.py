"""Exceptions in methods that Qt calls, on Python 3.11.

Before Python 3.12 an exception that C code raises, such as an IndexError, is a type and a text
until an ``except`` meets it. Where an override raised it PySide takes the text for an exception,
and the program ends instead of saying what went wrong.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from types import FunctionType
from typing import Any

from shiboken6 import Shiboken

CALLED = frozenset(
    {
        "boundingRect", "columnCount", "createEditor", "data", "drawBackground", "event",
        "eventFilter", "fixup", "flags", "headerData", "initStyleOption", "initializeGL",
        "itemChange", "minimumSizeHint", "paint", "paintGL", "resizeGL", "rowCount",
        "selectionCommand", "setData", "shape", "sizeHint", "sort", "stepBy", "stepEnabled",
        "textFromValue", "updateEditorGeometry", "validate", "valueFromText",
    }
)  # fmt: skip
"""Methods that Qt calls, besides those of events. None is a slot: PySide could not tell how many
arguments a slot takes that passes all of them on."""


def guard_overrides() -> None:
    """Let what overrides raise be heard, in all classes that are defined from now on."""
    if sys.version_info < (3, 12):
        kind: Any = Shiboken.Object
        kind.__init_subclass__ = classmethod(_guard)


def _guard(kind: Any, **options: Any) -> None:
    super(Shiboken.Object, kind).__init_subclass__(**options)
    for name, method in list(vars(kind).items()):
        called = name.endswith("Event") or name in CALLED
        if called and isinstance(method, FunctionType) and _is_qts(kind, name):
            setattr(kind, name, _whole(method))


def _is_qts(kind: type, name: str) -> bool:
    """Whether a class of Qt has the method, too."""
    return any(
        name in vars(base) for base in kind.__mro__ if base.__module__.startswith("PySide6.")
    )


def _whole(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method that raises nothing but exceptions that an ``except`` has met."""

    @functools.wraps(method)
    def call(*args: Any, **options: Any) -> Any:
        try:
            return method(*args, **options)
        except BaseException:
            raise

    return call
