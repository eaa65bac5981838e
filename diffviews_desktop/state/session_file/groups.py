"""How a session has samples that belong together, and views with a name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.engine.jobs.clustering import SMALLEST
from diffviews_desktop.state.groups import MOST_CLUSTERINGS, Groups
from diffviews_desktop.state.session_file.arrays import pieces_of_one, read_array
from diffviews_desktop.state.session_file.form import (
    ClustersForm,
    SessionForm,
    SetForm,
    are_numbers,
    last_number,
)
from diffviews_desktop.state.session_file.members import Bounded, Pieces
from diffviews_desktop.state.view import Filter, NamedView
from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.text.translation import tr
from diffviews_desktop.values.packed_strings import Texts
from diffviews_desktop.values.quantities import is_known
from diffviews_desktop.values.row_set import RowSet, are_rows
from diffviews_desktop.values.sample_sets import (
    MOST_SETS,
    SET_COLORS,
    Clusters,
    SampleSet,
    SomeSamples,
)

MOST_FILTERS, MOST_READ = 100, 1000
"""Filters of a view, and views of a session, that are read."""
MOST_NAMES = 20_000
"""Clusters of a map: so many samples at most are looked at for them, several for each."""
_COLOR = re.compile(r"#[0-9a-f]{6}")


# ---- writing ------------------------------------------------------------------------------------


def pieces_of_samples(
    rows: RowSet, ids: Sequence[str], labels: NDArray[np.int32] | None = None
) -> Iterator[bytes | memoryview]:
    """Samples as one array of bytes: how many there are, their rows, where the id of each ends, the
    label of each if they have some, all as int64, then the ids in UTF-8: in one, because files are
    replaced one by one. The ids are looked up only where it is written."""
    texts = Texts.of(ids)
    extras = [] if labels is None else [labels]
    numbers = np.concatenate([[len(rows)], rows.rows, texts.ends, *extras]).astype("<i8")
    yield from pieces_of_one(np.concatenate([numbers.view(np.uint8), texts.blob]), "u1")


def set_forms(groups: Groups) -> tuple[SetForm, ...]:
    """What JSON has of named selections."""
    return tuple(
        SetForm(one.number, one.name, one.samples.model, one.color, one.samples.fingerprint)
        for one in groups.all_sets
    )


def cluster_forms(groups: Groups) -> tuple[ClustersForm, ...]:
    """What JSON has of clusters."""
    return tuple(
        ClustersForm(one.number, one.spec, one.names, one.smallest, one.samples.fingerprint)
        for one in groups.all_clusters
    )


def arrays_of_groups(groups: Groups) -> Iterator[tuple[str, Pieces, object]]:
    """Name and pieces of each array, and the value that it is made of."""
    for one in groups.all_sets:
        samples = one.samples
        yield f"set-{one.number}.npy", pieces_of_samples(samples.rows, samples.ids), samples
    for clusters in groups.all_clusters:
        rows, ids, labels = clusters.samples.rows, clusters.samples.ids, clusters.labels
        yield f"clusters-{clusters.number}.npy", pieces_of_samples(rows, ids, labels), labels


# ---- reading ------------------------------------------------------------------------------------


def read_samples(members: Bounded, name: str) -> tuple[RowSet, Texts]:
    """Samples by their rows and ids; raises as `read_labeled`."""
    rows, ids, _ = _read(members, name, labeled=False)
    return rows, ids


def read_labeled(members: Bounded, name: str) -> tuple[RowSet, Texts, NDArray[np.int64]]:
    """Samples by their rows and ids, and the label of each.

    Raises:
        OSError, KeyError: there is no such member.
        ValueError: it is damaged.
    """
    return _read(members, name, labeled=True)


def _read(members: Bounded, name: str, *, labeled: bool) -> tuple[RowSet, Texts, NDArray[np.int64]]:
    with members.samples(name) as (file, size):
        data = read_array(file, size, "u1", 1)
    columns = 3 if labeled else 2
    count = int(data[:8].view("<i8")[0]) if len(data) >= 8 else -1
    if count < 0 or len(data) < 8 * (1 + columns * count):
        raise ValueError(tr("its selection is damaged"))
    end = 8 * (1 + columns * count)
    numbers, blob = data[8:end].view("<i8").astype(np.int64), data[end:]
    rows, ends, labels = numbers[:count], numbers[count : 2 * count], numbers[2 * count :]
    if not are_rows(rows):
        raise ValueError(tr("its selection is damaged"))
    try:
        ids = Texts.from_arrays(blob, ends)
    except ValueError as error:
        raise ValueError(tr("its selection is damaged")) from error
    return RowSet.ascending(rows), ids, labels


def read_groups(form: SessionForm, members: Bounded) -> Groups:
    """The groups of a session; raises as `read_samples`."""
    numbers = [*(one.number for one in form.sets), *(one.number for one in form.clusters)]
    many = len(form.sets) > MOST_SETS or len(form.clusters) > MOST_CLUSTERINGS
    if many or not are_numbers(numbers):
        raise ValueError(tr("its list of selections is damaged"))
    return Groups(
        all_sets=tuple(_set(one, members) for one in form.sets),
        all_clusters=tuple(_clusters(one, members) for one in form.clusters),
        views=_views(form.views),
        numbered=last_number(form.numbered, numbers),
    )


def _set(form: SetForm, members: Bounded) -> SampleSet:
    rows, ids = read_samples(members, f"set-{form.number}.npy")
    color = form.color if _COLOR.fullmatch(form.color) else SET_COLORS[0]
    samples = SomeSamples(form.model, form.fingerprint, rows, ids)
    return SampleSet(form.number, visible(form.name, MOST_OF_NAME), samples, color)


def _clusters(form: ClustersForm, members: Bounded) -> Clusters:
    if len(form.names) > MOST_NAMES:
        raise ValueError(tr("its clusters are damaged"))
    rows, ids, labels = read_labeled(members, f"clusters-{form.number}.npy")
    within = int(labels.min(initial=0)) >= 0 and int(labels.max(initial=-1)) < len(form.names)
    if not within or form.smallest < SMALLEST:
        raise ValueError(tr("its clusters are damaged"))
    samples = SomeSamples(form.spec.model, form.fingerprint, rows, ids)
    names = tuple(visible(name, MOST_OF_NAME) for name in form.names)
    return Clusters(form.number, form.spec, samples, labels.astype(np.int32), names, form.smallest)


def _views(views: Iterable[NamedView]) -> tuple[NamedView, ...]:
    entries = {}
    for one in list(views)[:MOST_READ]:
        name = visible(one.name, MOST_OF_NAME)
        entries[name] = replace(
            one,
            name=name,
            filters=filters_of(one.filters),
            color_by=one.color_by if is_known(one.color_by) else NamedView.color_by,
            size_by=one.size_by if one.size_by and is_known(one.size_by) else None,
        )
    return tuple(entries.values())


def filters_of(filters: Sequence[Filter]) -> tuple[Filter, ...]:
    """The filters by quantities that there are, one each."""
    return tuple({one.by: one for one in filters[:MOST_FILTERS] if is_known(one.by)}.values())
