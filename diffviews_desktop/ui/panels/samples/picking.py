"""Which samples of a list a press, a drag or a key with Shift chooses."""

from __future__ import annotations

from PySide6.QtCore import Qt

from diffviews_desktop.state.picks import Choosing

Picked = tuple[tuple[int, int], Choosing]
"""The first and the last position of what is chosen, and what it does to the selection set."""
_SHIFT, _CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


class Picking:
    """Ctrl takes a sample in or out, Shift and a drag choose all from the last one that was pressed
    to here; a press alone chooses nothing."""

    def __init__(self) -> None:
        self._from: int | None = None
        self._dragged = False

    def press(self, at: int, keys: Qt.KeyboardModifier) -> Picked | None:
        """The button was pressed at a position."""
        if keys & _SHIFT and self._from is not None:
            self._dragged = False
            return self._range(at)
        self._from = at
        self._dragged = not keys & _CTRL
        return ((at, at), "toggle") if keys & _CTRL else None

    def release(self, at: int) -> Picked | None:
        """It was released."""
        dragged, self._dragged = self._dragged, False
        return self._range(at) if dragged and at != self._from else None

    def move(self, at: int, keys: Qt.KeyboardModifier) -> Picked | None:
        """A key led to a position."""
        if keys & _SHIFT and self._from is not None:
            return self._range(at)
        self._from = at
        return None

    def _range(self, at: int) -> Picked:
        first = at if self._from is None else self._from
        return (min(first, at), max(first, at)), "replace"
