"""Finding samples by what is known of them, and going through what was found."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.actions.action import Action
from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.reasons import no_folder
from diffviews_desktop.actions.selection import choose_rows
from diffviews_desktop.actions.verbs import repeated_verb, verb
from diffviews_desktop.state.find import Find
from diffviews_desktop.state.picks import Choosing
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr
from diffviews_desktop.values.finding import EVERYWHERE, MOST_LETTERS, find_rows
from diffviews_desktop.values.row_set import RowSet


@repeated_verb
def find_samples(context: Context, text: str, where: str = EVERYWHERE) -> None:
    """Find samples by a text, everywhere or in one place of `values.finding.places_of`; the first
    is shown."""
    state = context.state
    samples = state.opened.samples
    request = Find(text[:MOST_LETTERS], where)
    context.update(replace(state, find=request))
    if samples is None or not request.text.strip():
        return

    def take(rows: NDArray[np.int64]) -> None:
        current = context.state
        if current.find is request and current.opened.samples is samples:
            result = replace(request, rows=rows)
            context.update(replace(current, find=result))
            _show(context, result)

    context.session.compute(len(samples), partial(find_rows, samples, request.text, where), take)


def _show(context: Context, result: Find) -> None:
    if result.row is not None:
        context.window.show_sample(result.row)


def go_through(context: Context, by: int) -> None:
    """Show the next sample that was found, or the one before; after the last comes the first."""
    result = context.state.find
    if result.rows is not None and len(result.rows):
        result = replace(result, at=(result.at + by) % len(result.rows))
        context.update(replace(context.state, find=result))
        _show(context, result)


@verb
def choose_found(context: Context, how: Choosing = "replace") -> None:
    """Make the samples that were found the selection set, add them or take them out."""
    rows = context.state.find.rows
    if rows is not None and len(rows):
        choose_rows(context, RowSet(rows), how)


def _no_matches(state: State) -> str:
    rows = state.find.rows
    return "" if rows is not None and len(rows) else tr("Nothing was found yet: press Ctrl+F.")


FIND = Action(
    "find.open",
    tr("Find samples…"),
    lambda context: context.window.show_page("find"),
    keys=("Ctrl+F",),
    menu="edit",
    group=3,
    meaning=tr("Find samples by number, id, class, caption, or any column."),
    why_not=no_folder,
)
NEXT = Action(
    "find.next",
    tr("Find next"),
    partial(go_through, by=1),
    keys=("F3",),
    menu="edit",
    group=3,
    why_not=_no_matches,
    explains=False,
)
PREVIOUS = Action(
    "find.previous",
    tr("Find previous"),
    partial(go_through, by=-1),
    keys=("Shift+F3",),
    menu="edit",
    group=3,
    why_not=_no_matches,
    explains=False,
)
SELECT = Action(
    "find.select",
    tr("Select all that was found"),
    choose_found,
    menu="edit",
    group=3,
    button=tr("Select"),
    why_not=_no_matches,
    explains=False,
)
ACTIONS = (FIND, NEXT, PREVIOUS, SELECT)
