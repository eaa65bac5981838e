"""An engine without a model, for tests of links and of the queue: it does what its jobs say."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.engine.protocol import Event, Job, Progress
from diffviews_desktop.errors import Cancelled, UsageError
from diffviews_desktop.values.folders import FolderRef

ENGINE = "scripted_engine:ScriptedEngine"
STILLBORN = "scripted_engine:Stillborn"


@dataclass(frozen=True, kw_only=True)
class Script(Job[str]):
    """Tell the stages one after the other, then give the text."""

    folder: FolderRef = field(default_factory=FolderRef)
    stages: tuple[str, ...] = ()
    text: str = "done"


@dataclass(frozen=True, kw_only=True)
class Until(Script):
    """Say that it began, then work until it is cancelled."""


@dataclass(frozen=True, kw_only=True)
class Hang(Script):
    """Say that it began, then hear nothing any more."""


@dataclass(frozen=True, kw_only=True)
class Die(Script):
    """End the process."""


@dataclass(frozen=True, kw_only=True)
class Refuse(Script):
    """Fail with the text, as what was asked for cannot be done."""


@dataclass(frozen=True, kw_only=True)
class Stumble(Script):
    """Fail with the text, as nobody foresaw."""


@dataclass(frozen=True, kw_only=True)
class ListModules(Script):
    """Give the names of modules that are imported where the engine is."""


@dataclass(frozen=True, kw_only=True)
class TellThreads(Script):
    """Give how many threads the engine is to use."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Return(Script):
    """Give the values back, the very same object."""

    values: NDArray[np.float64]


class ScriptedEngine:
    """Does those jobs; made as `diffviews_desktop.engine.engine.Engine` is."""

    def __init__(
        self,
        device: str,
        *,
        threads: int,
        emit: Callable[[Event], None],
        cancelled: Callable[[int], bool],
    ) -> None:
        self._emit = emit
        self._cancelled = cancelled
        self._threads = threads
        self.closed = False

    def run(self, job: Script) -> Any:
        """Do a job to its end."""
        self._check(job)
        for stage in job.stages:
            self._emit(Progress(job.job_id, stage))
        match job:
            case Until():
                self._emit(Progress(job.job_id, "began"))
                while True:
                    self._check(job)
                    time.sleep(0.005)
            case Hang():
                self._emit(Progress(job.job_id, "began"))
                threading.Event().wait()
            case Die():
                os._exit(3)
            case Refuse():
                raise UsageError(job.text)
            case Stumble():
                raise RuntimeError(job.text)
            case ListModules():
                return sorted(sys.modules)
            case TellThreads():
                return str(self._threads)
            case Return():
                return job.values
        return job.text

    def _check(self, job: Script) -> None:
        if self._cancelled(job.job_id):
            raise Cancelled("Cancelled.")

    def close(self) -> None:
        """Note it."""
        self.closed = True


class Stillborn(ScriptedEngine):
    """Ends its process before it is there."""

    def __init__(self, *_: object, **__: object) -> None:
        os._exit(7)
