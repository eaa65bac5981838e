"""The samples as a table: its columns, and which samples are in it in which order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.state.state import State
from diffviews_desktop.state.values import hidden_rows
from diffviews_desktop.text.translation import tr
from diffviews_desktop.values.columns import Column
from diffviews_desktop.values.packed_strings import Texts
from diffviews_desktop.values.quantities import COLUMN
from diffviews_desktop.values.sample_sets import Clusters, SampleSet

Scope = Literal["all", "map", "selection", "found"]
"""All samples; those that the map shows; those of the selection set; those that were found."""
Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class TableColumn:
    """A column of the table of samples.

    Attributes:
        key: names it.
        title: for its head.
        text: what it says of a sample, by its row.
        keys: what it is sorted by ``(N,)``: numbers, NaN where there is none; takes a moment.
        numeric: whether it holds numbers.
    """

    key: str
    title: str
    text: Callable[[int], str]
    keys: Callable[[], NDArray]
    numeric: bool = True


def table_columns(state: State) -> tuple[TableColumn, ...]:
    """The columns of a state's samples: what is known of them, of their places, and all that the
    folder says."""
    samples = state.opened.samples
    if samples is None:
        return ()
    columns = [
        TableColumn("row", "#", str, lambda: np.arange(len(samples))),
        _texts("id", tr("id"), samples.sample_id),
        TableColumn(
            "class", tr("class"), samples.title, lambda: samples.class_label, numeric=False
        ),
        _numbers("sigma", "σ", samples.sigma),
    ]
    columns += _of_groups(state)
    columns += [_of_column(name, column) for name, column in samples.columns.items()]
    columns += _of_map(state)
    if len(samples.captions):
        columns.append(_texts("caption", tr("caption"), samples.captions))
    return tuple(columns)


def _numbers(key: str, title: str, values: NDArray, form: str = "{:g}") -> TableColumn:
    def text(row: int) -> str:
        value = values[row]
        return form.format(value) if np.isfinite(value) else ""

    return TableColumn(key, title, text, lambda: values)


def _texts(key: str, title: str, texts: Sequence[str]) -> TableColumn:
    return TableColumn(
        key, title, texts.__getitem__, lambda: _ranks(Texts.of(texts).order()), numeric=False
    )


def _ranks(order: Rows) -> Rows:
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    return ranks


def _of_column(name: str, column: Column) -> TableColumn:
    def keys() -> NDArray:
        if not len(column.names):
            return column.ramp
        ranks = _ranks(Texts.of(column.names).order()).astype(np.float64)
        return np.where(column.values >= 0, ranks[column.values], np.nan)

    numeric = column.kind == "numbers"
    return TableColumn(COLUMN + name, name, column.text_of, keys, numeric=numeric)


def _of_map(state: State) -> list[TableColumn]:
    layer_map = state.opened.layer_map
    if layer_map is None:
        return []
    columns = [
        _numbers("x", "x", layer_map.xy[:, 0], "{:.3f}"),
        _numbers("y", "y", layer_map.xy[:, 1], "{:.3f}"),
    ]
    more = (
        ("z", "z", layer_map.z),
        ("trust", tr("trust"), layer_map.trust),
        ("kept", tr("kept"), layer_map.kept),
    )
    return columns + [
        _numbers(key, title, values, "{:.2f}") for key, title, values in more if values is not None
    ]


def _of_groups(state: State) -> list[TableColumn]:
    opened = state.opened
    assert opened.samples is not None
    count, columns = len(opened.samples), []
    clusters = state.groups.clusters_of(opened.model, opened.spec)
    if clusters is not None and clusters.names:
        columns.append(_of_clusters(clusters, count))
    sets = state.groups.sets_of(opened.model)
    if sets:
        columns.append(_of_sets(sets, count))
    return columns


def _of_clusters(clusters: Clusters, count: int) -> TableColumn:
    each, names = clusters.of_each(count), (*clusters.names, "")
    return TableColumn(
        "cluster",
        tr("cluster"),
        lambda row: names[each[row]],
        lambda: np.where(each >= 0, each, np.nan),
        numeric=False,
    )


def _of_sets(sets: Sequence[SampleSet], count: int) -> TableColumn:
    def text(row: int) -> str:
        return ", ".join(one.name for one in sets if row in one.rows)

    def keys() -> NDArray:
        total = np.zeros(count)
        for place, one in enumerate(sets):
            total[one.rows.rows] += 2.0 ** -(place + 1)
        return np.where(total > 0, -total, np.nan)

    return TableColumn("sets", tr("selections"), text, keys, numeric=False)


def rows_in(state: State, scope: Scope) -> Rows:
    """The samples of a scope, in the order in which they are in the table or were found."""
    samples, hits = state.opened.samples, state.find.rows
    if samples is None:
        return np.empty(0, np.int64)
    match scope:
        case "selection":
            return state.picks.selection.chosen.rows
        case "found":
            return np.empty(0, np.int64) if hits is None else hits
        case "map":
            visible = _on_map(state)
            return np.flatnonzero(visible) if visible is not None else np.arange(len(samples))
    return np.arange(len(samples))


def _on_map(state: State) -> NDArray[np.bool_] | None:
    layer_map, hidden = state.opened.layer_map, hidden_rows(state)
    visible: NDArray[np.bool_] | None = None
    if layer_map is not None:
        visible = np.isfinite(layer_map.xy[:, 0]) & np.isfinite(layer_map.xy[:, 1])
    if hidden is None:
        return visible
    return ~hidden if visible is None else visible & ~hidden


def sort_rows(rows: Rows, column: TableColumn | None, *, descending: bool = False) -> Rows:
    """Rows in the order of a column, those without a value last; of equal ones the first stays
    first; without a column as they are."""
    if column is None:
        return rows
    keys = np.asarray(column.keys(), np.float64)[rows]
    if descending:
        keys = -keys
    return rows[np.argsort(keys, kind="stable")]
