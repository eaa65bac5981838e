"""Which function does which job."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from diffviews_desktop.engine.protocol import Job
from diffviews_desktop.engine.workspace import Workspace

AnyJob = TypeVar("AnyJob", bound=Job[Any])
Result = TypeVar("Result")
Handler = Callable[[AnyJob, Workspace], Result]

HANDLERS: dict[type[Job[Any]], Callable[[Any, Workspace], Any]] = {}


def handles(kind: type[AnyJob]) -> Callable[[Handler[AnyJob, Result]], Handler[AnyJob, Result]]:
    """Have a function do the jobs of a class. It returns the result that the class names."""

    def register(handler: Handler[AnyJob, Result]) -> Handler[AnyJob, Result]:
        HANDLERS[kind] = handler
        return handler

    return register
