"""The actions without a window: what the scripts of the history run with."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.actions import answers, places
from diffviews_desktop.actions.context import (
    Change,
    Contents,
    Context,
    ExportKind,
    Move,
    NameAnswer,
    Page,
    SessionsLike,
)
from diffviews_desktop.cli.progress import showing_progress
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.exporting import ContentPreview
from diffviews_desktop.engine.link_process import prepare_environment
from diffviews_desktop.engine.protocol import Event, Job
from diffviews_desktop.engine.serving import THREADS
from diffviews_desktop.errors import DiffViewsError, UsageError
from diffviews_desktop.exports.contents import Picture, Sheet
from diffviews_desktop.exports.with_record import write_with_record
from diffviews_desktop.state.picks import Selection
from diffviews_desktop.state.places import Place
from diffviews_desktop.state.state import State

Value = TypeVar("Value")


@contextmanager
def headless(device: str = "auto") -> Iterator[Context]:
    """What the actions work with, where there is no window: each has done all that it asked for
    when it returns.

    Args:
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.

    Raises:
        DiffViewsError: in an action, where what it asks for cannot be done.
    """
    worker = _Worker()
    session = _Session()
    context = session.context = Context(session, worker, _Window())
    with showing_progress() as bar:

        def tell(event: Event) -> None:
            bar(event)
            answers.on_event(context, event)

        prepare_environment()
        engine = Engine(device, threads=THREADS, emit=tell)
        worker.begin(context, engine)
        try:
            yield context
        finally:
            engine.close()


class _Session:
    """The state, with what was done to it, to be taken back."""

    def __init__(self) -> None:
        self.state = State()
        self.context: Context | None = None
        self._done: list[_Step] = []
        self._undone: list[_Step] = []

    def update(self, state: State) -> None:
        self.state = state

    def compute(
        self, count: int, work: Callable[[], Value], callback: Callable[[Value], None]
    ) -> None:
        callback(work())

    def select(self, selection: Selection, text: str) -> None:
        old = self.state.picks.selection
        if selection != old:
            self.step(
                lambda state: state.with_selection(selection),
                lambda state: state.with_selection(old),
                text,
            )

    def step(self, redo: Change, undo: Change, text: str) -> None:
        def change(edit: Change) -> Callable[[], None]:
            return lambda: self.update(edit(self.state))

        self._add(_Step(change(redo), change(undo)))
        self._done[-1].redo()

    def note_move(self, old: Place, new: Place, text: str) -> None:
        self._add(_Step(lambda: self._go(new), lambda: self._go(old)))

    def _add(self, step: _Step) -> None:
        self._done.append(step)
        self._undone.clear()

    def _go(self, place: Place) -> None:
        assert self.context is not None
        places.go_to(self.context, place)

    def undo(self) -> None:
        if self._done:
            self._undone.append(self._done.pop())
            self._undone[-1].undo()

    def redo(self) -> None:
        if self._undone:
            self._done.append(self._undone.pop())
            self._done[-1].redo()

    def forget_steps(self) -> None:
        self._done.clear()
        self._undone.clear()


class _Step(NamedTuple):
    """What does something again, and what takes it back."""

    redo: Callable[[], None]
    undo: Callable[[], None]


class _Worker:
    """Does a job where it is asked for."""

    def __init__(self) -> None:
        self._ids = itertools.count(1)
        self._context: Context | None = None
        self._engine: Engine | None = None

    def begin(self, context: Context, engine: Engine) -> None:
        """From now on there is an engine."""
        self._context, self._engine = context, engine

    def next_id(self) -> int:
        return next(self._ids)

    def submit(self, job: Job[object]) -> None:
        assert self._context is not None
        assert self._engine is not None
        answers.on_started(self._context, job.job_id)
        try:
            result = self._engine.run(job)
        except DiffViewsError as error:
            answers.on_failed(self._context, job.job_id, str(error), "")
            if not self._context.acting.by_itself:  # what follows by itself may fail, as ever
                raise
        else:
            answers.on_finished(self._context, job.job_id, result, None)

    def cancel(self, job_id: int) -> None:
        """There is never one left to cancel."""

    def reorder(self, job_ids: Sequence[int]) -> None:
        """There is never one that waits."""


class _Window:
    """Writes what a window would, and has nothing else of it."""

    @property
    def sessions(self) -> SessionsLike:
        raise _no_window("A session in a file")

    def recent_folders(self) -> Sequence[Path]:
        return []

    def ask_picture(self, title: str) -> Path | None:
        raise _no_window(title)

    def ask_folder(self, title: str) -> Path | None:
        raise _no_window(title)

    def ask_file(self, title: str, name: str, contents: Contents, place: str) -> Path | None:
        raise _no_window(title)

    def ask_direction(self, title: str) -> Path | None:
        raise _no_window(title)

    def ask_direction_file(self, title: str, name: str) -> Path | None:
        raise _no_window(title)

    def ask_taken(self, name: str, callback: Callable[[NameAnswer], None]) -> None:
        raise _no_window(name)

    def ask_text(self, title: str, question: str, text: str | None = None) -> str | None:
        raise _no_window(title)

    def show_page(self, page: Page) -> None:
        """What a result brings up is of no use here."""

    def import_checkpoint(self, file: Path) -> None: ...
    def go(self, move: Move) -> None: ...

    def hovered_row(self) -> int | None:
        return None

    def show_sample(self, row: int) -> None: ...
    def press_generate(self) -> None: ...
    def toggle_play(self) -> None: ...

    def show_export(self, kind: ExportKind | None) -> None: ...
    def show_preview(self, preview: ContentPreview | str) -> None: ...

    def save(self, content: Picture | Sheet, file: Path) -> None:
        write_with_record(content, file)

    def save_map(self, file: Path) -> None:
        raise _no_window("The picture of the map")

    def copy_text(self, text: str) -> None: ...
    def copy_picture(self, path: Path) -> None: ...
    def copy_pixels(self, pixels: NDArray[np.uint8]) -> None: ...
    def show_text(self, title: str, text: str) -> None: ...
    def show_in_folder(self, path: Path) -> None: ...
    def reset_layout(self) -> None: ...

    def close(self) -> bool:
        return True


def _no_window(subject: str) -> UsageError:
    return UsageError(f"{subject} takes a window. Leave this line out.")


def do(context: Context, verb: Callable[..., Any], **arguments: Any) -> list[str]:
    """Do a verb, and return what it said."""
    count = len(context.state.notices)
    verb(context, **arguments)
    return [notice.text for notice in context.state.notices[count:]]
