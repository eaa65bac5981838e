"""That every job has a handler, and that it gives what the job's class names."""

from __future__ import annotations

import importlib
from typing import Any, ForwardRef, get_args, get_origin, get_type_hints

import pytest
from all_jobs import job_classes

from diffviews_desktop.engine.handlers.registry import handler_of
from diffviews_desktop.engine.protocol import Job
from diffviews_desktop.engine.workspace import Workspace


def result_of(kind: type[Job[Any]]) -> Any:
    """What a class of jobs names as its result."""
    (base,) = [base for base in kind.__orig_bases__ if get_origin(base) is Job]  # type: ignore[attr-defined]
    (result,) = get_args(base)
    if isinstance(result, ForwardRef):
        return getattr(importlib.import_module(kind.__module__), result.__forward_arg__)
    return result


def test_every_job_has_a_handler() -> None:
    assert len(job_classes()) >= 12
    assert all(handler_of(kind) is not None for kind in job_classes())


@pytest.mark.parametrize("kind", job_classes(), ids=lambda kind: kind.__name__)
def test_a_handler_takes_the_job_and_gives_the_result_that_its_class_names(
    kind: type[Job[Any]],
) -> None:
    handler = handler_of(kind)
    assert handler is not None
    hints = get_type_hints(handler)
    assert hints == {"job": kind, "workspace": Workspace, "return": result_of(kind)}
    topic = kind.__module__.rpartition(".")[2]
    assert handler.__module__ == f"diffviews_desktop.engine.handlers.{topic}"
