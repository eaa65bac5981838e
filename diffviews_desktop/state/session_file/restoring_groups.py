"""Puts samples that belong together onto a table that was opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.state.groups import Groups
from diffviews_desktop.values.row_set import RowSet
from diffviews_desktop.values.sample_sets import Clusters, SampleSet, Some, SomeSamples
from diffviews_desktop.values.samples import SampleTable


def groups_on(groups: Groups, model: str, samples: SampleTable, fingerprint: str) -> Groups:
    """Groups whose samples of a model are where its table has them now; those that are gone are
    left out of their groups."""
    finder = _Finder(samples, fingerprint)

    def of_set(one: SampleSet) -> SampleSet:
        new, _ = finder.find(one.samples, model)
        return one if new is one.samples else replace(one, samples=new)

    def of_clusters(one: Clusters) -> Clusters:
        new, places = finder.find(one.samples, model)
        if new is one.samples:
            return one
        return replace(one, samples=new, labels=one.labels[places])

    return replace(
        groups,
        all_sets=tuple(map(of_set, groups.all_sets)),
        all_clusters=tuple(map(of_clusters, groups.all_clusters)),
    )


class _Finder:
    """Finds samples by their ids where their table has changed."""

    def __init__(self, samples: SampleTable, fingerprint: str) -> None:
        self._samples, self._fingerprint = samples, fingerprint

    def find(self, some: SomeSamples, model: str) -> tuple[SomeSamples, NDArray[np.int64]]:
        """Some samples where they are now, and the positions before of those that are there."""
        same = np.arange(len(some.rows))
        if some.model != model:
            return some, same
        if some.fingerprint == self._fingerprint and self._fits(some.rows.rows, some.ids):
            return some, same
        rows_now = map(self._samples.row_of, some.ids)
        places = np.array([-1 if row is None else row for row in rows_now], np.int64)
        order = np.argsort(places, kind="stable")
        order = order[places[order] >= 0]
        first = np.diff(places[order], prepend=-1) > 0  # each once
        rows = RowSet.ascending(places[order][first])
        ids = Some(self._samples.sample_id, rows.rows)
        return SomeSamples(model, self._fingerprint, rows, ids), order[first]

    def _fits(self, rows: NDArray[np.int64], ids: Sequence[str]) -> bool:
        """Whether the first, the middle and the last sample are where they are said to be."""
        if not len(rows):
            return True
        if int(rows[-1]) >= len(self._samples) or len(ids) != len(rows):
            return False
        probes = (0, len(rows) // 2, len(rows) - 1)
        return all(self._samples.sample_id[int(rows[at])] == ids[at] for at in probes)
