"""Holds the state of one window and tells who wants to know when it changes."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoCommand, QUndoStack

from diffviews_desktop.state import Selection, State


class Session(QObject):
    """The only place where state is kept; picks can be undone."""

    changed = Signal(object, object)
    """``(old, new)``: two `State` values."""

    def __init__(self, state: State | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._state = state or State()
        self._held = False
        self.undo_stack = QUndoStack(self)
        self.undo_stack.setUndoLimit(200)

    @property
    def state(self) -> State:
        """The state now."""
        return self._state

    def update(self, state: State) -> None:
        """Replace the state."""
        old, self._state = self._state, state
        if not self._held:
            self.changed.emit(old, state)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Tell of all updates of a block at once, at its end."""
        old, held = self._state, self._held
        self._held = True
        try:
            yield
        finally:
            self._held = held
            if not held and self._state is not old:
                self.changed.emit(old, self._state)

    def select(self, selection: Selection, text: str) -> None:
        """Replace the selection, as a step that can be undone."""
        if selection != self._state.selection:
            self.undo_stack.push(_Select(self, self._state.selection, selection, text))

    def forget_picks(self) -> None:
        """Drop the undo history: the samples that it speaks of are gone."""
        self.undo_stack.clear()


class _Select(QUndoCommand):
    def __init__(self, session: Session, old: Selection, new: Selection, text: str) -> None:
        super().__init__(text)
        # no strong reference: in a cycle, this could go before the stack that owns it, and the
        # stack would end the program
        self._session = weakref.ref(session)
        self._old, self._new = old, new

    def redo(self) -> None:
        self._select(self._new)

    def undo(self) -> None:
        self._select(self._old)

    def _select(self, selection: Selection) -> None:
        session = self._session()
        if session is not None:
            session.update(session.state.with_selection(selection))
