"""Holds the state of one window and tells who wants to know when it changes."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import shiboken6
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from diffviews_desktop.state.background import background_thread
from diffviews_desktop.state.picks import Selection
from diffviews_desktop.state.places import Place
from diffviews_desktop.state.state import State

Change = Callable[[State], State]
Value = TypeVar("Value")

AT_ONCE = 20_000
"""What is computed of so many samples takes a few milliseconds."""


class Session(QObject):
    """The only place where state is kept; picks, filters, deletions and ways to other maps can be
    undone."""

    changed = Signal(object, object)
    """``(old, new)``: two `State` values."""
    place_wanted = Signal(object)
    """A `Place` that undoing or redoing goes to."""
    _done_aside = Signal(object, object)

    def __init__(self, state: State | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state or State()
        self._held = self._telling = False
        self._threads: ThreadPoolExecutor | None = None
        self._aside = 0
        self._done_aside.connect(self._on_done_aside, Qt.ConnectionType.QueuedConnection)
        self.undo_stack = QUndoStack(self)
        self.undo_stack.setUndoLimit(200)
        self.undo_stack.indexChanged.connect(self._tell_of_undo)

    @property
    def state(self) -> State:
        """The state now."""
        return self._state

    def update(self, state: State) -> None:
        """Replace the state. What is changed while it is told of is told of after that."""
        old, self._state = self._state, state
        if not self._held:
            self._tell_of_change(old)

    def _tell_of_change(self, old: State) -> None:
        if self._telling:
            return
        self._telling = True
        try:
            while old is not self._state:
                new = self._state
                self.changed.emit(old, new)
                old = new
        finally:
            self._telling = False

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Tell of all updates of a block at once, at its end."""
        old, outer = self._state, self._held
        self._held = True
        try:
            yield
        finally:
            self._held = outer
            if not outer:
                self._tell_of_change(old)

    def compute(
        self, count: int, work: Callable[[], Value], callback: Callable[[Value], None]
    ) -> None:
        """Compute something of ``count`` samples and go on with what comes out.

        Few are computed at once, many in another thread, one piece of work after the other:
        ``work`` must only read what does not change, and ``callback``, which is called in this
        thread, must look whether what it has found is still asked for.
        """
        if count <= AT_ONCE:
            callback(work())
            return
        if self._threads is None:
            self._threads = background_thread("aside")
        self._aside += 1
        self._threads.submit(work).add_done_callback(lambda future: self._tell(future, callback))

    def _tell(self, future: Future[Any], callback: Callable[[Any], None]) -> None:
        self._done_aside.emit(future, callback)

    def _on_done_aside(self, future: Future[Any], callback: Callable[[Any], None]) -> None:
        self._aside -= 1
        if self._threads is not None and not future.cancelled():
            callback(future.result())

    @property
    def busy(self) -> bool:
        """Whether something is being computed in another thread."""
        return self._aside > 0

    def close(self) -> None:
        """End what is computed in another thread."""
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)
            self._threads = None

    def __del__(self) -> None:
        # the garbage collector could free a command before the stack that owns it, which would end
        # the program; this it calls first
        if shiboken6.isValid(self.undo_stack):
            self.undo_stack.clear()

    def select(self, selection: Selection, text: str) -> None:
        """Replace the selection, as a step that can be undone."""
        old, model = self._state.picks.selection, self._state.opened.model
        if selection != old:
            redo = partial(_with_selection, model, selection)
            self.step(redo, partial(_with_selection, model, old), text)

    def step(self, redo: Change, undo: Change, text: str) -> None:
        """Change the state, as a step that can be undone.

        Args:
            redo: makes the new state of one before.
            undo: makes that before of the new one. Neither may hold the session.
            text: what the step is, after "Undo".
        """
        with self.batch():
            self.undo_stack.push(_Step(self, redo, undo, text))

    def note_move(self, old: Place, new: Place, text: str) -> None:
        """Make going from a place to another, which has happened, a step that can be undone."""
        self.undo_stack.push(_Move(self, old, new, text))

    def undo(self) -> None:
        """Take back the last step."""
        with self.batch():
            self.undo_stack.undo()

    def redo(self) -> None:
        """Do the step again that was taken back last."""
        with self.batch():
            self.undo_stack.redo()

    def _tell_of_undo(self) -> None:
        undo, redo = self.undo_stack.undoText(), self.undo_stack.redoText()
        picks = self._state.picks
        if (picks.undo, picks.redo) != (undo, redo):
            self.update(replace(self._state, picks=replace(picks, undo=undo, redo=redo)))

    def forget_steps(self) -> None:
        """Drop the undo history: the samples that it speaks of are gone."""
        self.undo_stack.clear()


class _Step(QUndoCommand):
    """A change of the state that can be taken back."""

    def __init__(self, session: Session, redo: Change, undo: Change, text: str) -> None:
        super().__init__(text)
        # no strong reference: in a cycle, this could go before the stack that owns it, and the
        # stack would end the program
        self._session = weakref.ref(session)
        self._redo, self._undo = redo, undo

    def redo(self) -> None:
        self._change(self._redo)

    def undo(self) -> None:
        self._change(self._undo)

    def _change(self, change: Change) -> None:
        session = self._session()
        if session is not None:
            session.update(change(session.state))


class _Move(QUndoCommand):
    """A way from one place to another that has been gone already."""

    def __init__(self, session: Session, old: Place, new: Place, text: str) -> None:
        super().__init__(text)
        self._session = weakref.ref(session)
        self._old, self._new = old, new
        self._there = True

    def redo(self) -> None:
        if not self._there:
            self._go(self._new)
        self._there = False

    def undo(self) -> None:
        self._go(self._old)

    def _go(self, place: Place) -> None:
        session = self._session()
        if session is not None:
            session.place_wanted.emit(place)


def _with_selection(model: str | None, selection: Selection, state: State) -> State:
    """A state with another selection; samples of another model are none of its own."""
    return state.with_selection(selection) if state.opened.model == model else state
