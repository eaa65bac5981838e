"""Which function does which job."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

from diffviews_desktop.engine import jobs
from diffviews_desktop.engine.protocol import Job
from diffviews_desktop.engine.workspace import Workspace

AnyJob = TypeVar("AnyJob", bound=Job[Any])
Result = TypeVar("Result")
Handler = Callable[[AnyJob, Workspace], Result]

HANDLERS: dict[type[Job[Any]], Callable[[Any, Workspace], Any]] = {}
"""Of the topics that were imported."""


def handles(kind: type[AnyJob]) -> Callable[[Handler[AnyJob, Result]], Handler[AnyJob, Result]]:
    """Have a function do the jobs of a class. It returns the result that the class names."""

    def register(handler: Handler[AnyJob, Result]) -> Handler[AnyJob, Result]:
        HANDLERS[kind] = handler
        return handler

    return register


def handler_of(kind: type[Job[Any]]) -> Callable[[Any, Workspace], Any] | None:
    """The function that does the jobs of a class, from the file of the same name as the class's."""
    room, _, topic = kind.__module__.rpartition(".")
    if kind not in HANDLERS and room == jobs.__name__:
        import_module(f"{__package__}.{topic}")
    return HANDLERS.get(kind)
