"""Panels say which parts of the state they show, and are told when these change."""

from __future__ import annotations

from typing import Protocol

from diffviews_desktop.state.state import State

Shown = tuple[object, ...]


class Panel(Protocol):
    """A part of the window that shows parts of the state."""

    @staticmethod
    def shows(state: State) -> Shown:
        """The parts of a state that it shows. They are compared as objects, texts and numbers as
        values: a state whose parts are the same looks the same."""

    def set_state(self, state: State) -> None:
        """Show a state."""


def differ(old: Shown, new: Shown) -> bool:
    """Whether some part changed."""
    return any(
        one is not other and not (isinstance(one, str | int | float) and one == other)
        for one, other in zip(old, new, strict=True)
    )


class Panels:
    """The panels of a window."""

    def __init__(self) -> None:
        self._panels: list[Panel] = []

    def add(self, *panels: Panel) -> None:
        """Have panels told from now on."""
        self._panels += panels

    def show_changes(self, old: State, new: State) -> None:
        """Tell each panel that shows something of what has changed."""
        for panel in self._panels:
            if differ(panel.shows(old), panel.shows(new)):
                panel.set_state(new)
