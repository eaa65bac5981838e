"""What the window's side and an engine say to each other, and the link between them.

Jobs go to the engine, messages come back: `Ready` once, then for each job its events and how it
ended. Everything here can be sent to another process.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Generic, Protocol, TypeVar

from diffviews_desktop.values.conditions import Condition
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.runs import GridCell, RunStep

Result = TypeVar("Result", covariant=True)


@dataclass(frozen=True, kw_only=True)
class Job(Generic[Result]):
    """Something for the engine to do, with a result of the type that the class names.

    Attributes:
        job_id: names it in everything that comes back.
        folder: the data folder, and how it is read.
        supersedes: whether only the newest job of its class counts: submitting it cancels those
            before.
        aside: whether it is done by an engine of its own, beside all others: it needs no model and
            takes long.
        draws: whether, of those aside, it is done by the one that draws and writes exports, so that
            it need not wait for downloads.
        unlisted: whether lists of jobs leave it out: it comes and goes while the user does
            something else.
    """

    job_id: int
    folder: FolderRef
    supersedes: ClassVar[bool] = False
    aside: ClassVar[bool] = False
    draws: ClassVar[bool] = False
    unlisted: ClassVar[bool] = False


# ---- while a job runs ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Progress:
    """A stage of a job and how far it is: 0 … 1, or None where that cannot be told; ``detail`` is
    for the user, such as ``96 of 2000, 41/s``. ``seconds_left`` is for those who know better than
    ``fraction`` tells."""

    job_id: int
    stage: str
    fraction: float | None = None
    detail: str = ""
    seconds_left: float | None = None


@dataclass(frozen=True, eq=False)
class RunStarted:
    """A run, or a grid, chose its seed and is about to begin.

    Attributes:
        job_id: of its job.
        seed: the seed used, whoever chose it.
        condition: what the model is told, a random class being chosen; None for a model that is
            told nothing, and for a grid.
        evaluations: how often the network will run for a picture (NFE).
    """

    job_id: int
    seed: int
    condition: Condition | None
    evaluations: int


@dataclass(frozen=True, eq=False)
class StepDone:
    """A denoising step of a running `Generate` job."""

    job_id: int
    step: RunStep


@dataclass(frozen=True, eq=False)
class CellDone:
    """A picture of a running `GenerateGrid` job is there."""

    job_id: int
    cell: GridCell


Event = Progress | RunStarted | StepDone | CellDone


# ---- when it ends -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ready:
    """The engine is up and waits for jobs."""


@dataclass(frozen=True)
class Finished:
    """A job ended well; ``memory`` is the engine's resident size in bytes."""

    job_id: int
    result: object
    memory: int


@dataclass(frozen=True)
class Failed:
    """A job ended with an error: one sentence, and details to copy."""

    job_id: int
    message: str
    details: str


@dataclass(frozen=True)
class WasCancelled:
    """A job ended because it was cancelled."""

    job_id: int


Message = Ready | Finished | Failed | WasCancelled | Event


# ---- the link -----------------------------------------------------------------------------------


class EngineLink(Protocol):
    """An engine, wherever it runs, that does one job at a time.

    Any thread may call ``cancel`` and ``wake``; all other methods belong to a single thread.
    """

    @property
    def alive(self) -> bool:
        """Whether the engine is there; from any thread."""

    @property
    def pid(self) -> int | None:
        """The engine's process, where it has one of its own on this computer; from any thread."""

    @property
    def exit_code(self) -> int | None:
        """How the engine ended, negative for a signal; None while it runs."""

    def submit(self, job: Job[object]) -> None:
        """Send a job; the engine must be idle.

        Raises:
            OSError: the engine is gone.
        """

    def cancel(self, job_id: int) -> None:
        """Ask for a job to end."""

    def next(self, timeout: float | None = None) -> Message | None:
        """The next message; waits for it.

        None after ``timeout`` seconds, when `wake` was called, or when the engine is gone.
        """

    def wake(self) -> None:
        """Have `next`, now or when it is called, look up from waiting."""

    def silent_for(self) -> float:
        """Seconds since the engine last showed that it lives."""

    def close(self, grace: float = 0.5) -> None:
        """End the engine, within ``grace`` seconds politely and then not."""
