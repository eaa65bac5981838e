"""Which map is shown, and a second one beside it."""

from __future__ import annotations

from dataclasses import replace

from diffviews_desktop.actions.asking import SessionLike, WorkerLike, cancel_all, submit
from diffviews_desktop.engine.jobs.mapping import LinkMaps, MapLayer
from diffviews_desktop.state.state import (
    State,
)
from diffviews_desktop.values.folders import Source
from diffviews_desktop.values.maps import MapParameters


def change_layer(*, session: SessionLike, worker: WorkerLike, layers: tuple[str, ...]) -> None:
    """Show the map of other layers; an uncached one is extracted and laid out first.

    Only the last choice counts: an earlier one that is still in work is cancelled.
    """
    source, _ = _wanted_map(session.state)
    _change_map(session, worker, source, layers)


def change_map_parameters(
    *, session: SessionLike, worker: WorkerLike, parameters: MapParameters | None
) -> None:
    """Show the map made with other parameters; None for the folder's own map, or the usual ones.

    As with layers, the map on screen and its source stay until the new one is there.
    """
    source, layers = _wanted_map(session.state)
    _change_map(session, worker, replace(source, parameters=parameters), layers)


def _wanted_map(state: State) -> tuple[Source, tuple[str, ...]]:
    """What was asked for last: the map in work, else the one on screen."""
    pending = pending_map(state)
    if pending is not None:
        return pending.source, pending.layers
    shown = state.layer_map
    return state.source, shown.layers if shown is not None else state.default_layers


def pending_map(state: State) -> MapLayer | None:
    jobs = [r.job for r in state.jobs if isinstance(r.job, MapLayer) and r.stage != "cancelling"]
    fitting = [job for job in jobs if same_data(job, state)]
    return fitting[-1] if fitting else None


def same_data(job: MapLayer, state: State) -> bool:
    """Whether a map would be of the open model and its samples, whatever its parameters."""
    source = replace(job.source, parameters=state.source.parameters)
    return job.model == state.model and source == state.source


def _change_map(
    session: SessionLike, worker: WorkerLike, source: Source, layers: tuple[str, ...]
) -> None:
    state = session.state
    pending = pending_map(state)
    if state.model is None or (pending and (pending.source, pending.layers) == (source, layers)):
        return
    if state.map_key() == (layers, source.parameters):  # what is shown is wanted again
        cancel_all(session=session, worker=worker, kind=MapLayer)
        return
    job = MapLayer(job_id=worker.next_id(), source=source, model=state.model, layers=layers)
    submit(session, worker, job, f"Mapping {'+'.join(layers) or 'the default layer'}")


def link_map(
    *, session: SessionLike, worker: WorkerLike, model: str, layers: tuple[str, ...]
) -> None:
    """Show a second map beside the first; the last choice counts."""
    state = session.state
    if state.model is None or state.layer_map is None:
        return
    job = LinkMaps(
        job_id=worker.next_id(),
        source=state.source,
        model=state.model,
        layers=state.layer_map.layers,
        other_model=model,
        other_layers=layers,
    )
    submit(session, worker, job, f"Mapping {'+'.join(layers) or model} beside the map")


def unlink_map(*, session: SessionLike, worker: WorkerLike) -> None:
    """Show no second map any more."""
    cancel_all(session=session, worker=worker, kind=LinkMaps)
    session.update(replace(session.state, linked=None))
