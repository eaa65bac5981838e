"""Samples that belong together: selections with a name, and clusters of the map."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.actions.action import Action
from diffviews_desktop.actions.asking import submit
from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.reasons import no_map
from diffviews_desktop.actions.selection import choose_rows, nothing_selected
from diffviews_desktop.actions.verbs import verb
from diffviews_desktop.engine.jobs.clustering import USUAL_SMALLEST, ClustersFound, FindClusters
from diffviews_desktop.state.groups import Groups
from diffviews_desktop.state.jobs import RunningJob
from diffviews_desktop.state.picks import Choosing
from diffviews_desktop.state.state import State
from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.text.translation import tr, trn
from diffviews_desktop.values.columns import Column
from diffviews_desktop.values.row_set import RowSet
from diffviews_desktop.values.sample_sets import (
    MOST_SETS,
    SET_COLORS,
    Clusters,
    SampleSet,
    Some,
    SomeSamples,
)

Change = Callable[[Groups], Groups]


def _step(context: Context, change: Change, undo: Change, text: str) -> None:
    """Change the groups, as a step that can be undone."""
    context.session.step(partial(_apply, change), partial(_apply, undo), text)


def _apply(change: Change, state: State) -> State:
    return replace(state, groups=change(state.groups))


def samples_in(state: State, rows: RowSet) -> SomeSamples:
    """Some samples of the shown model, by rows and ids."""
    opened = state.opened
    assert opened.samples is not None
    assert opened.model is not None
    ids = Some(opened.samples.sample_id, rows.rows)
    return SomeSamples(opened.model, opened.fingerprint, rows, ids)


# ---- selections with a name ---------------------------------------------------------------------


@verb
def name_chosen(context: Context, name: str) -> None:
    """Keep the selection set under a name; one of the same name is replaced."""
    state = context.state
    groups, rows = state.groups, state.picks.selection.chosen
    name = visible(name.strip(), MOST_OF_NAME)
    if not len(rows) or not name or state.opened.samples is None:
        return
    mine = groups.sets_of(state.opened.model)
    old = next((one for one in mine if one.name == name), None)
    if old is None and len(groups.all_sets) >= MOST_SETS:
        context.say(
            tr(
                "There are {most_sets} named selections. Delete one to name another.",
                most_sets=MOST_SETS,
            )
        )
        return
    number = old.number if old is not None else groups.numbered + 1
    color = old.color if old is not None else SET_COLORS[(number - 1) % len(SET_COLORS)]
    new = SampleSet(number, name, samples_in(state, rows), color)
    undo = _without(number) if old is None else _with(old)
    _step(context, _with(new), undo, tr("name {name}", name=name))


def _with(one: SampleSet) -> Change:
    return lambda groups: groups.with_set(one)


def _without(number: int) -> Change:
    return lambda groups: groups.without_set(number)


@verb
def rename_set(context: Context, number: int, name: str) -> None:
    """Give a named selection another name."""
    old = context.state.groups.set_numbered(number)
    name = visible(name.strip(), MOST_OF_NAME)
    if old is not None and name and name != old.name:
        _step(context, _with(replace(old, name=name)), _with(old), tr("rename selection"))


@verb
def color_set(context: Context, number: int, color: str) -> None:
    """Give a named selection another colour, ``#rrggbb``."""
    old = context.state.groups.set_numbered(number)
    if old is not None and color != old.color:
        _step(context, _with(replace(old, color=color)), _with(old), tr("colour selection"))


@verb
def delete_set(context: Context, number: int) -> None:
    """Drop a named selection; its samples stay where they are."""
    groups = context.state.groups
    if groups.set_numbered(number) is not None:
        _step(
            context,
            _without(number),
            lambda current: _as_before(current, groups),
            tr("delete selection"),
        )


def _as_before(groups: Groups, old: Groups) -> Groups:
    """Groups with the named selections of before, in their order."""
    return replace(groups, all_sets=old.all_sets)


@verb
def choose_set(context: Context, number: int, how: Choosing = "replace") -> None:
    """Make a named selection the selection set, add it or take it out."""
    one = context.state.groups.set_numbered(number)
    if one is not None and one.samples.model == context.state.opened.model:
        choose_rows(context, one.rows, how)


def ask_name(context: Context) -> None:
    """Ask what the selection is to be called, and keep it."""
    name = context.window.ask_text(tr("Name the selection"), tr("What are these samples called?"))
    if name:
        name_chosen(context, name)


# ---- clusters -----------------------------------------------------------------------------------


@verb
def find_clusters(context: Context, smallest: int = USUAL_SMALLEST) -> None:
    """Find the dense groups of samples on the map; an earlier search is cancelled."""
    opened = context.state.opened
    layer_map, spec = opened.layer_map, opened.spec
    if layer_map is None or spec is None:
        return
    third = [] if layer_map.z is None else [layer_map.z]
    job = FindClusters(
        job_id=context.worker.next_id(),
        folder=opened.folder,
        spec=spec,
        places=np.column_stack([layer_map.xy, *third]).astype(np.float32),
        smallest=smallest,
    )
    submit(context, job, tr("Finding clusters on {map}", map=layer_map.label))


def take_clusters(context: Context, running: RunningJob, result: ClustersFound) -> None:
    """Show clusters that were found, if their samples are still shown."""
    state = context.state
    opened = state.opened
    job = running.job
    if not isinstance(job, FindClusters) or job.folder != opened.folder:
        return
    if result.spec.model != opened.model or opened.samples is None:
        return
    if not result.names:
        context.say(
            tr(
                "No cluster has {smallest} samples or more. Try again with fewer.",
                smallest=result.smallest,
            ),
        )
        return
    samples = samples_in(state, RowSet.ascending(result.rows))
    number = state.groups.numbered + 1
    clustering = Clusters(
        number, result.spec, samples, result.labels, result.names, result.smallest
    )
    old = state.groups.all_clusters
    _step(
        context,
        lambda groups: groups.with_clusters(clustering),
        lambda groups: replace(groups, all_clusters=old),
        tr("find clusters"),
    )
    view = replace(context.state.view, color_by="cluster")
    context.update(replace(context.state, view=view))
    if not result.alone:
        clusters = trn("{number} cluster", "{number} clusters", len(result.names))
        context.say(tr("Found {clusters}.", clusters=clusters))
        return
    outliers = trn("{number} sample is in none.", "{number} samples are in none.", result.alone)
    context.say(
        tr(
            "Found {clusters}; {alone}",
            clusters=trn("{number} cluster", "{number} clusters", len(result.names)),
            alone=outliers,
        )
    )


def shown_clusters(state: State) -> Clusters | None:
    """The clusters of the map on screen, else those found last among its samples."""
    return state.groups.clusters_of(state.opened.model, state.opened.spec)


@verb
def rename_cluster(context: Context, number: int, name: str) -> None:
    """Give a cluster another name."""
    old = shown_clusters(context.state)
    name = visible(name.strip(), MOST_OF_NAME)
    if old is None or not 0 <= number < len(old.names) or not name:
        return
    if name != old.names[number]:
        new = old.rename(number, name)
        _step(
            context,
            lambda groups: groups.with_clusters(new),
            lambda groups: groups.with_clusters(old),
            tr("rename cluster"),
        )


@verb
def choose_cluster(context: Context, number: int, how: Choosing = "replace") -> None:
    """Make the samples of a cluster the selection set, add them or take them out."""
    clusters = shown_clusters(context.state)
    if clusters is not None and 0 <= number < len(clusters.names):
        choose_rows(context, clusters.rows_of(number), how)


# ---- what tables have of them -------------------------------------------------------------------


def columns_of_groups(state: State, rows: NDArray[np.int64]) -> dict[str, NDArray | Column]:
    """Columns of a table of some samples: the name of the cluster of each, and for each named
    selection whether it is in it, 1 or 0."""
    opened = state.opened
    if opened.samples is None:
        return {}
    columns: dict[str, NDArray | Column] = {}
    clusters = shown_clusters(state)
    if clusters is not None and clusters.names:
        columns["cluster"] = Column(clusters.of_each(len(opened.samples))[rows], clusters.names)
    for one in state.groups.sets_of(opened.model):
        columns[f"selection: {one.name}"] = one.rows.mask(len(opened.samples))[rows].astype(int)
    return columns


NAME = Action(
    "groups.name",
    tr("Name the selection…"),
    ask_name,
    keys=("Ctrl+Shift+N",),
    menu="edit",
    group=1,
    meaning=tr("Keep it under a name, with a colour; it is saved with the session."),
    why_not=nothing_selected,
)
CLUSTERS = Action(
    "groups.clusters",
    tr("Find clusters"),
    find_clusters,
    menu="map",
    group=3,
    meaning=tr(
        "Find dense groups on the map by HDBSCAN, and name them by their classes or captions."
    ),
    why_not=no_map,
)
ACTIONS = (NAME, CLUSTERS)
