"""That every job has a handler, and that it gives what the job's class names."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any, ForwardRef, get_args, get_origin, get_type_hints

import pytest

from diffviews_desktop.engine import jobs
from diffviews_desktop.engine.handlers import HANDLERS
from diffviews_desktop.engine.protocol import Job
from diffviews_desktop.engine.workspace import Workspace


def job_classes() -> list[type[Job[Any]]]:
    """All jobs that are declared in the package."""
    for module in pkgutil.iter_modules(jobs.__path__, jobs.__name__ + "."):
        importlib.import_module(module.name)
    return [kind for kind in Job.__subclasses__() if kind.__module__.startswith(jobs.__name__)]


def result_of(kind: type[Job[Any]]) -> Any:
    """What a class of jobs names as its result."""
    (base,) = [base for base in kind.__orig_bases__ if get_origin(base) is Job]  # type: ignore[attr-defined]
    (result,) = get_args(base)
    if isinstance(result, ForwardRef):
        return getattr(importlib.import_module(kind.__module__), result.__forward_arg__)
    return result


def test_every_job_has_a_handler() -> None:
    assert len(job_classes()) >= 12
    assert set(job_classes()) == set(HANDLERS)


@pytest.mark.parametrize("kind", list(HANDLERS), ids=lambda kind: kind.__name__)
def test_a_handler_takes_the_job_and_gives_the_result_that_its_class_names(
    kind: type[Job[Any]],
) -> None:
    handler = HANDLERS[kind]
    hints = get_type_hints(handler)
    assert hints == {"job": kind, "workspace": Workspace, "return": result_of(kind)}
    topic = kind.__module__.rpartition(".")[2]
    assert handler.__module__ == f"diffviews_desktop.engine.handlers.{topic}"
