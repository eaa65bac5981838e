"""What can be done with the sample under the mouse."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.actions import picks, selection, showing
from diffviews_desktop.actions.action import SampleAction, Title
from diffviews_desktop.actions.context import Context
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr
from diffviews_desktop.values.row_set import RowSet
from diffviews_desktop.values.sample_groups import same_picture
from diffviews_desktop.values.samples import SampleTable


def _samples(state: State) -> SampleTable:
    assert state.opened.samples is not None
    return state.opened.samples


def _number(state: State, row: int) -> int:
    return int(_samples(state).class_label[row])


def _class_name(state: State, row: int) -> str:
    return _samples(state).class_name[row]


def _toggle(context: Context, row: int) -> None:
    selection.choose_rows(context, RowSet([row]), "toggle")


def _toggle_title(state: State, row: int) -> Title:
    is_chosen = row in state.picks.selection.chosen
    return Title(tr("Take &out of the selection") if is_chosen else tr("Add to the &selection"))


def _is_lit(state: State, row: int) -> bool:
    return state.view.highlighted_class == _number(state, row)


def _highlight(context: Context, row: int) -> None:
    state = context.state
    showing.highlight_class(context, None if _is_lit(state, row) else _number(state, row))


def _highlight_title(state: State, row: int) -> Title:
    if _is_lit(state, row):
        return Title(tr("Highlight all c&lasses"))
    return Title(tr("Hi&ghlight class"), _class_name(state, row))


def _select_picture(context: Context, row: int) -> None:
    samples = _samples(context.state)

    def take(rows: NDArray[np.int64]) -> None:
        if context.state.opened.samples is samples:
            selection.choose_rows(context, RowSet(rows))

    context.session.compute(len(samples), partial(same_picture, samples, row), take)


def _copy_picture(context: Context, row: int) -> None:
    path = _samples(context.state).picture(row)
    if path is not None:
        context.window.copy_picture(path)


def _show_folder(context: Context, row: int) -> None:
    path = _samples(context.state).picture(row)
    if path is not None:
        context.window.show_in_folder(path)


def _has_picture(state: State, row: int) -> bool:
    return _samples(state).picture(row) is not None


def _can_be_neighbor(state: State, row: int) -> bool:
    choice = state.picks.selection
    return choice.anchor is not None and row not in choice.rows


SAMPLE_ACTIONS = (
    SampleAction(
        "sample.anchor",
        lambda state, row: Title(tr("Ma&ke it the anchor")),
        picks.new_anchor,
        offered=lambda state, row: row != state.picks.selection.anchor,
    ),
    SampleAction(
        "sample.remove-neighbour",
        lambda state, row: Title(tr("&Remove from the neighbours")),
        picks.remove_neighbor,
        offered=lambda state, row: row in state.picks.selection.neighbors,
    ),
    SampleAction(
        "sample.add-neighbour",
        lambda state, row: Title(tr("Add as neigh&bour")),
        picks.add_neighbor,
        offered=_can_be_neighbor,
    ),
    SampleAction("sample.select", _toggle_title, _toggle),
    SampleAction(
        "sample.select-class",
        lambda state, row: Title(tr("Select &class"), _class_name(state, row)),
        lambda context, row: selection.choose_class(context, _number(context.state, row)),
        offered=lambda state, row: _number(state, row) >= 0,
    ),
    SampleAction(
        "sample.highlight-class",
        _highlight_title,
        _highlight,
        offered=lambda state, row: _number(state, row) >= 0,
    ),
    SampleAction(
        "sample.same-picture",
        lambda state, row: Title(tr("Select the picture at all noise le&vels")),
        _select_picture,
        offered=lambda state, row: len(_samples(state).levels) > 1 and _has_picture(state, row),
    ),
    SampleAction(
        "sample.copy-id",
        lambda state, row: Title(tr("Copy the i&d")),
        lambda context, row: context.window.copy_text(_samples(context.state).sample_id[row]),
        group=1,
    ),
    SampleAction(
        "sample.copy-picture",
        lambda state, row: Title(tr("Copy the pict&ure")),
        _copy_picture,
        offered=_has_picture,
        group=1,
    ),
    SampleAction(
        "sample.show-folder",
        lambda state, row: Title(tr("Show the picture in its fold&er")),
        _show_folder,
        offered=_has_picture,
        group=1,
    ),
)
