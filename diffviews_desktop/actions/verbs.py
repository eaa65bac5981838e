"""What the user does, as opposed to what follows from it: verbs are kept in the history."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any, TypeVar, cast

from diffviews_desktop.actions.context import Context

Work = TypeVar("Work", bound=Callable[..., Any])
VERBS: dict[str, Callable[..., Any]] = {}
"""Every verb of the modules that are imported, by ``topic.function``; the registry imports all."""


def verb(work: Work) -> Work:
    """Have a function of the actions kept in the history when the user calls it: not when another
    verb does, nor the program by itself. Its first argument is the context."""
    return _keep(work, merges=False)


def repeated_verb(work: Work) -> Work:
    """The same for what is done many times in a row, of which the last time counts."""
    return _keep(work, merges=True)


def _keep(work: Work, merges: bool) -> Work:
    signature = inspect.signature(work)
    name = _name(work)

    @wraps(work)
    def act(context: Context, *args: Any, **kwargs: Any) -> Any:
        acting = context.acting
        if acting.line is None and not acting.by_itself:
            call = signature.bind(context, *args, **kwargs)
            _add_line(context, name, dict(list(call.arguments.items())[1:]), merges)
            try:
                return work(context, *args, **kwargs)
            finally:
                acting.line = None
        return work(context, *args, **kwargs)

    VERBS[name] = act
    return cast(Work, act)


def note(context: Context, work: Callable[..., Any], **arguments: Any) -> None:
    """Keep in the history what the program does in the user's name, as at its start."""
    state = context.state
    history = state.history.with_line(_name(work), arguments, time.time(), merges=False)
    context.update(replace(state, history=history))


def _name(work: Callable[..., Any]) -> str:
    return f"{work.__module__.rpartition('.')[2]}.{work.__name__}"


def _add_line(context: Context, name: str, arguments: dict[str, Any], merges: bool) -> None:
    state = context.state
    history = state.history.with_line(name, arguments, time.time(), merges)
    context.update(replace(state, history=history))
    context.acting.line = history.done
