"""An engine at the far end of a link: how it is made, and how it answers jobs."""

from __future__ import annotations

import logging
import os
import time
import traceback
from collections.abc import Callable
from importlib import import_module
from typing import Protocol, TypeVar

from diffviews_desktop.engine.protocol import (
    Event,
    Failed,
    Finished,
    Job,
    Message,
    Progress,
    WasCancelled,
)
from diffviews_desktop.errors import Cancelled, DiffViewsError, explain

log = logging.getLogger(__name__)

ENGINE = "diffviews_desktop.engine.engine:Engine"
PROGRESS_SECONDS = 0.05
THREADS = max(1, (os.cpu_count() or 2) - 1)
"""Of torch, on the CPU: one is left to the window."""

Result = TypeVar("Result")


class EngineLike(Protocol):
    """What a link needs of an engine."""

    def run(self, job: Job[Result]) -> Result:
        """Do a job to its end."""

    def close(self) -> None:
        """Release the model."""


class Server:
    """Answers jobs with an engine.

    Args:
        engine: ``module:name`` of what makes it, called as `Engine` is. By name: whoever asks for a
            link must not import the engine, and with it torch and umap.
        device: see `Engine`.
        send: takes what there is to tell.
        cancelled: asked often with a job's id; True ends it.
        threads: of torch, on the CPU; 0 for all but one.
    """

    def __init__(
        self,
        engine: str,
        device: str,
        send: Callable[[Message], None],
        cancelled: Callable[[int], bool],
        threads: int = 0,
    ) -> None:
        module, _, name = engine.partition(":")
        self._send = send
        self._stage: str | None = None
        self._told = 0.0
        self._engine: EngineLike = getattr(import_module(module), name)(
            device,
            threads=threads or THREADS,
            emit=self._emit,
            cancelled=cancelled,
        )

    def answer(self, job: Job[object]) -> None:
        """Do a job, and tell its events and how it ended."""
        self._stage = None
        self._send(self._last_word(job))

    def close(self) -> None:
        """Release the engine's model."""
        self._engine.close()

    def _emit(self, event: Event) -> None:
        """Tell an event, unless it is one of many about the same stage."""
        if isinstance(event, Progress):
            moment = time.monotonic()
            same = event.stage == self._stage
            if same and moment - self._told < PROGRESS_SECONDS and event.fraction != 1.0:
                return
            self._stage, self._told = event.stage, moment
        self._send(event)

    def _last_word(self, job: Job[object]) -> Message:
        try:
            return Finished(job.job_id, self._engine.run(job), _resident_bytes())
        except Cancelled:
            return WasCancelled(job.job_id)
        except DiffViewsError as error:
            log.warning("%s", error)
            return Failed(job.job_id, str(error), traceback.format_exc())
        except Exception as error:  # the engine must outlive whatever a model does
            log.exception("unexpected error")
            return Failed(job.job_id, explain(error), traceback.format_exc())


def _resident_bytes() -> int:
    import psutil

    return int(psutil.Process().memory_info().rss)
