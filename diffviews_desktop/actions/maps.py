"""Which map is shown, and a second one beside it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from diffviews_desktop.actions.action import Action
from diffviews_desktop.actions.asking import cancel_all, submit
from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.reasons import no_map
from diffviews_desktop.actions.verbs import verb
from diffviews_desktop.engine.jobs.mapping import AssessMap, LinkMaps, MapLayer
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.maps import MapParameters, MapSpec, Places
from diffviews_desktop.values.told import BOTH, NOTHING, OWN_CONDITION, Told


@verb
def change_layer(context: Context, layers: Iterable[str]) -> None:
    """Show the map of other layers; an uncached one is extracted and laid out first.

    Only the last choice counts: an earlier one that is still in work is cancelled.
    """
    _change_map(context, layers=LayerSet(layers))


@verb
def change_map_parameters(
    context: Context, parameters: MapParameters | None, told: Told | str | None = None
) -> None:
    """Show the map made with other parameters; None for the folder's own map, or the usual ones.

    As with layers, the map on screen stays until the new one is there.

    Args:
        context: of the window.
        parameters: of the map.
        told: what its samples are told; None for what the folder or the model goes by; ``both`` for
            a map of samples that are told nothing, and the same told their own beside it.
    """
    if told == BOTH:
        _change_map(context, parameters=parameters, told=NOTHING)
        show_beside(context, OWN_CONDITION)
    else:
        assert not isinstance(told, str)
        _change_map(context, parameters=parameters, told=told)


def show_beside(context: Context, told: Told) -> None:
    """Show the map of the same layers, of samples that are told something else, beside the first
    once that is there."""
    state = context.state
    pending = pending_map(state)
    spec = pending.spec if pending is not None else state.opened.spec
    if spec is None:
        return
    if not state.view.beside:
        toggle_second_map(context)
    other = replace(spec, told=told)
    job = LinkMaps(
        job_id=context.worker.next_id(),
        folder=state.opened.folder,
        spec=spec,
        other=other,
        bucket=state.preferences.bucket,
    )
    submit(
        context,
        job,
        tr("Mapping {layers} beside the map", layers=str(spec.layers) or tr("the default layer")),
    )


@verb
def change_told(context: Context, told: Told | None) -> None:
    """Show the map of samples that are told something else; None for what the folder or the model
    goes by."""
    _change_map(context, told=told)


@verb
def show_map(context: Context, spec: MapSpec) -> None:
    """Show a certain map of the open model, such as the one that a run belongs to."""
    if spec.model == context.state.opened.model:
        _change_map(context, layers=spec.layers, parameters=spec.parameters, told=spec.told)


def pending_map(state: State) -> MapLayer | None:
    """The map of the open model that is in work."""
    for running in reversed(state.jobs.running):
        job = running.job
        if isinstance(job, MapLayer) and running.stage != "cancelling" and same_data(job, state):
            return job
    return None


def same_data(job: MapLayer, state: State) -> bool:
    """Whether a map would be of the open model and its samples."""
    opened = state.opened
    return (job.folder, job.spec.model) == (opened.folder, opened.model)


def _change_map(context: Context, **changes: Any) -> None:
    """Ask for a map that differs in fields of its `MapSpec` from the one that was asked for last:
    that in work, else the one on screen."""
    opened = context.state.opened
    if opened.model is None:
        return
    pending = pending_map(context.state)
    base = pending.spec if pending is not None else opened.spec
    first = MapSpec(opened.model, opened.default_layers, opened.parameters, opened.told)
    spec = replace(base or first, **changes)
    if pending is not None and pending.spec == spec:
        return
    if opened.spec == spec:  # what is shown is wanted again
        cancel_all(context, MapLayer)
        return
    want_map(context, spec)


def want_map(
    context: Context, spec: MapSpec, title: str = "", places: Places | None = None
) -> None:
    """Have a map of the open folder made, or taken from where it was kept; ``title`` says what for,
    where that is not to see it. ``places``: where its samples are to lie."""
    job = MapLayer(
        job_id=context.worker.next_id(),
        folder=context.state.opened.folder,
        spec=spec,
        bucket=context.state.preferences.bucket,
        places=places,
    )
    submit(
        context,
        job,
        title or tr("Mapping {layers}", layers=str(spec.layers) or tr("the default layer")),
    )


@verb
def link_map(context: Context, model: str, layers: Iterable[str], told: Told | None = None) -> None:
    """Show a second map beside the first; the last choice counts. Its samples are told what those
    of the first are, unless something else is asked for."""
    opened = context.state.opened
    want_second_map(
        context, MapSpec(model, LayerSet(layers), opened.parameters, told or opened.told)
    )


def want_second_map(context: Context, other: MapSpec, places: Places | None = None) -> None:
    """Have a map made beside the first; ``places``: where its samples are to lie."""
    opened = context.state.opened
    if opened.spec is None:
        return
    job = LinkMaps(
        job_id=context.worker.next_id(),
        folder=opened.folder,
        spec=opened.spec,
        other=other,
        bucket=context.state.preferences.bucket,
        other_places=places,
    )
    name = str(other.layers) or other.model
    submit(context, job, tr("Mapping {layers} beside the map", layers=name))


def unlink_map(context: Context) -> None:
    """Show no second map any more."""
    cancel_all(context, LinkMaps)
    state = context.state
    context.update(replace(state, opened=replace(state.opened, linked=None)))


@verb
def toggle_second_map(context: Context) -> None:
    """Make room for a second map beside the first, or show it no longer."""
    view = context.state.view
    context.update(replace(context.state, view=replace(view, beside=not view.beside)))
    if view.beside:
        unlink_map(context)


@verb
def assess_map(context: Context) -> None:
    """Find out how well classes are read from the map, and whether its seed decides where the
    islands lie."""
    opened = context.state.opened
    if opened.spec is None:
        return
    job = AssessMap(job_id=context.worker.next_id(), folder=opened.folder, spec=opened.spec)
    submit(context, job, tr("Assessing the map"))


def why_not_assess(state: State) -> str:
    """Why the map cannot be assessed now; empty where it can."""
    return no_map(state) or (tr("The map is being assessed.") if state.jobs.any(AssessMap) else "")


ASSESS = Action(
    "maps.assess",
    tr("Assess th&is map"),
    assess_map,
    menu="map",
    group=2,
    meaning=tr(
        "Find out how well classes are read from it, what of that is the label, and whether "
        "other seeds put the islands elsewhere. This takes about as long as two maps."
    ),
    why_not=why_not_assess,
)
ACTIONS = (
    Action(
        "maps.second",
        tr("S&econd map"),
        toggle_second_map,
        keys=("2",),
        menu="view",
        group=1,
        checked=lambda state: state.view.beside,
    ),
    Action(
        "maps.settings",
        tr("Map s&ettings…"),
        lambda context: context.window.show_page("map settings"),
        keys=("M",),
        menu="map",
        group=2,
    ),
    ASSESS,
)
