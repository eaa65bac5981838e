"""What the map's points tell: colours, sizes, filters."""

from __future__ import annotations

from dataclasses import replace

from diffviews_desktop.actions.asking import SessionLike
from diffviews_desktop.state.state import (
    ColorBy,
    Filter,
)


def change_color(*, session: SessionLike, by: ColorBy) -> None:
    """Let the colour of the points tell something else."""
    session.update(replace(session.state, color_by=by))


def change_size(*, session: SessionLike, by: ColorBy | None) -> None:
    """Choose what the size of the points tells; None for nothing."""
    session.update(replace(session.state, size_by=by))


def filter_values(
    *, session: SessionLike, by: ColorBy, low: float | None, high: float | None
) -> None:
    """Show only the samples whose value lies in a range; None for no limit."""
    session.update(replace(session.state, filter=Filter(by, low, high)))


def toggle_category(*, session: SessionLike, by: ColorBy, number: int) -> None:
    """Hide the samples of a category, by its position, or show them again."""
    hidden = _hidden_categories(session, by) ^ {number}
    session.update(replace(session.state, filter=Filter(by, hidden=hidden) if hidden else None))


def only_category(*, session: SessionLike, by: ColorBy, number: int, count: int) -> None:
    """Show only the samples of one of ``count`` categories; all, where that is so already."""
    others = frozenset(range(-1, count)) - {number}
    same = _hidden_categories(session, by) == others
    session.update(replace(session.state, filter=None if same else Filter(by, hidden=others)))


def _hidden_categories(session: SessionLike, by: ColorBy) -> frozenset[int]:
    shown = session.state.filter
    return shown.hidden if shown is not None and shown.by == by else frozenset()


def show_all(*, session: SessionLike) -> None:
    """Hide and dim no samples; picks stay."""
    session.update(replace(session.state, filter=None, highlighted_class=None))


def highlight_class(*, session: SessionLike, number: int | None) -> None:
    """Highlight a class on the map and dim the rest; None for all."""
    session.update(replace(session.state, highlighted_class=number))
