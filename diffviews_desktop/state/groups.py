"""Samples that belong together, and views with a name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

from diffviews_desktop.state.view import NamedView
from diffviews_desktop.values.maps import MapSpec
from diffviews_desktop.values.sample_sets import Clusters, SampleSet

MOST_CLUSTERINGS = 20
"""Maps whose clusters are kept."""


@dataclass(frozen=True, eq=False)
class Groups:
    """Samples that belong together, and views with a name, of all models of the open folder.

    Attributes:
        all_sets: the selections that were named.
        all_clusters: the clusters of one map each, those found last at the end.
        views: what was kept of how maps were looked at.
        numbered: counts the sets and the clusterings that there ever were.
    """

    all_sets: tuple[SampleSet, ...] = ()
    all_clusters: tuple[Clusters, ...] = ()
    views: tuple[NamedView, ...] = ()
    numbered: int = 0

    def sets_of(self, model: str | None) -> tuple[SampleSet, ...]:
        """The named selections of a model's samples."""
        if model not in self._sets:  # the same object as long as these are the same groups
            self._sets[model] = tuple(one for one in self.all_sets if one.samples.model == model)
        return self._sets[model]

    @cached_property
    def _sets(self) -> dict[str | None, tuple[SampleSet, ...]]:
        return {}

    def clusters_of(self, model: str | None, spec: MapSpec | None) -> Clusters | None:
        """The clusters of a map; where there are none, those that were found last among the
        model's samples."""
        mine = [one for one in self.all_clusters if one.samples.model == model]
        matches = [one for one in mine if one.spec == spec]
        return next(iter((*matches, *mine[::-1])), None)

    def set_numbered(self, number: int) -> SampleSet | None:
        """A named selection by its number."""
        return next((one for one in self.all_sets if one.number == number), None)

    def with_set(self, new: SampleSet) -> Groups:
        """With a named selection added, or replaced where its number is known."""
        if self.set_numbered(new.number) is None:
            count = max(self.numbered, new.number)
            return replace(self, all_sets=(*self.all_sets, new), numbered=count)
        return self._apply(lambda one: new if one.number == new.number else one)

    def without_set(self, number: int) -> Groups:
        """Without a named selection."""
        return replace(self, all_sets=tuple(one for one in self.all_sets if one.number != number))

    def with_clusters(self, new: Clusters) -> Groups:
        """With clusters in place of those of the same map."""
        others = [one for one in self.all_clusters if one.spec != new.spec]
        clusters = (*others, new)[-MOST_CLUSTERINGS:]
        return replace(self, all_clusters=clusters, numbered=max(self.numbered, new.number))

    def with_view(self, view: NamedView) -> Groups:
        """With a view in place of that of the same name."""
        others = [one for one in self.views if one.name != view.name]
        return replace(self, views=(*others, view))

    def without_view(self, name: str) -> Groups:
        """Without the view of a name."""
        return replace(self, views=tuple(one for one in self.views if one.name != name))

    def _apply(self, change: Callable[[SampleSet], SampleSet]) -> Groups:
        return replace(self, all_sets=tuple(map(change, self.all_sets)))
