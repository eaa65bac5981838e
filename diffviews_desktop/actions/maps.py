"""Which map is shown, and a second one beside it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from diffviews_desktop.actions.action import Action
from diffviews_desktop.actions.asking import cancel_all, submit
from diffviews_desktop.actions.context import Context
from diffviews_desktop.engine.jobs.mapping import LinkMaps, MapLayer
from diffviews_desktop.state.state import State
from diffviews_desktop.values.folders import Source
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.maps import MapParameters


def change_layer(context: Context, layers: Iterable[str]) -> None:
    """Show the map of other layers; an uncached one is extracted and laid out first.

    Only the last choice counts: an earlier one that is still in work is cancelled.
    """
    source, _ = _wanted_map(context.state)
    _change_map(context, source, LayerSet(layers))


def change_map_parameters(context: Context, parameters: MapParameters | None) -> None:
    """Show the map made with other parameters; None for the folder's own map, or the usual ones.

    As with layers, the map on screen and its source stay until the new one is there.
    """
    source, layers = _wanted_map(context.state)
    _change_map(context, replace(source, parameters=parameters), layers)


def _wanted_map(state: State) -> tuple[Source, LayerSet]:
    """What was asked for last: the map in work, else the one on screen."""
    pending = pending_map(state)
    if pending is not None:
        return pending.source, pending.layers
    opened = state.opened
    shown = opened.layer_map
    return opened.source, shown.layers if shown is not None else opened.default_layers


def pending_map(state: State) -> MapLayer | None:
    """The map of the open model that is in work."""
    for running in reversed(state.jobs.running):
        job = running.job
        if isinstance(job, MapLayer) and running.stage != "cancelling" and same_data(job, state):
            return job
    return None


def same_data(job: MapLayer, state: State) -> bool:
    """Whether a map would be of the open model and its samples, whatever its parameters."""
    opened = state.opened
    source = replace(job.source, parameters=opened.source.parameters)
    return job.model == opened.model and source == opened.source


def _change_map(context: Context, source: Source, layers: LayerSet) -> None:
    opened = context.state.opened
    pending = pending_map(context.state)
    if opened.model is None or (pending and (pending.source, pending.layers) == (source, layers)):
        return
    if opened.map_key() == (layers, source.parameters):  # what is shown is wanted again
        cancel_all(context, MapLayer)
        return
    job = MapLayer(
        job_id=context.worker.next_id(), source=source, model=opened.model, layers=layers
    )
    submit(context, job, f"Mapping {str(layers) or 'the default layer'}")


def link_map(context: Context, model: str, layers: Iterable[str]) -> None:
    """Show a second map beside the first; the last choice counts."""
    opened, other = context.state.opened, LayerSet(layers)
    if opened.model is None or opened.layer_map is None:
        return
    job = LinkMaps(
        job_id=context.worker.next_id(),
        source=opened.source,
        model=opened.model,
        layers=opened.layer_map.layers,
        other_model=model,
        other_layers=other,
    )
    submit(context, job, f"Mapping {str(other) or model} beside the map")


def unlink_map(context: Context) -> None:
    """Show no second map any more."""
    cancel_all(context, LinkMaps)
    state = context.state
    context.update(replace(state, opened=replace(state.opened, linked=None)))


def toggle_second_map(context: Context) -> None:
    """Make room for a second map beside the first, or show it no longer."""
    view = context.state.view
    context.update(replace(context.state, view=replace(view, beside=not view.beside)))
    if view.beside:
        unlink_map(context)


ACTIONS = (
    Action(
        "maps.second",
        "S&econd map",
        toggle_second_map,
        keys=("2",),
        menu="view",
        group=1,
        checked=lambda state: state.view.beside,
    ),
    Action(
        "maps.settings",
        "Map s&ettings…",
        lambda context: context.window.show_page("map settings"),
        keys=("M",),
        menu="map",
        group=2,
        button="Map settings…",
    ),
)
