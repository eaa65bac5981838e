"""The engine: does one job at a time and holds one adapter. Knows no process and no window.

It runs inline (tests, the headless verbs) and in the process that the window owns, behind the same
two lines: ``engine = Engine(emit=…)`` and ``result = engine.run(job)``. While a job runs it calls
``emit`` with events and asks ``cancelled`` between steps, batches and epochs, and inside long
forward passes. What each job does is in `diffviews_desktop.engine.handlers`, by topic.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from diffviews_desktop.engine.handlers.registry import handler_of
from diffviews_desktop.engine.job_control import JobControl
from diffviews_desktop.engine.protocol import Event, Job
from diffviews_desktop.engine.workspace import Workspace
from diffviews_desktop.errors import DiffViewsError, UsageError
from diffviews_desktop.values.maps import MapParameters

Result = TypeVar("Result")


class Engine:
    """Does jobs.

    Args:
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        threads: torch threads on the CPU; None leaves torch's own choice.
        emit: receives events while a job runs.
        cancelled: asked often; True ends the job with `Cancelled`.
        parameters: of maps where nobody chose any.

    Attributes:
        workspace: what jobs work with, and what is kept from one to the next.
    """

    def __init__(
        self,
        device: str = "auto",
        *,
        threads: int | None = None,
        emit: Callable[[Event], None] = lambda event: None,
        cancelled: Callable[[int], bool] = lambda job_id: False,
        parameters: MapParameters | None = None,
    ) -> None:
        self._control = JobControl(emit, cancelled)
        self.workspace = Workspace(self._control, device, threads, parameters)

    def run(self, job: Job[Result]) -> Result:
        """Do a job to its end.

        Raises:
            DiffViewsError: it cannot be done; the text says what to do.
            Cancelled: ``cancelled`` said so.
        """
        self._control.begin(job.job_id)
        handler = handler_of(type(job))
        if handler is None:
            raise UsageError(f"The engine does not know the job {type(job).__name__}.")
        try:
            result: Result = handler(job, self.workspace)
            return result
        except (DiffViewsError, OSError, MemoryError):
            raise
        except Exception as error:
            fault = self.workspace.model.fault_of(error)
            if fault is None:
                raise
            raise fault from error

    def close(self) -> None:
        """Release the model."""
        self.workspace.model.release()
