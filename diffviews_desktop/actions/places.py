"""Going back to another layer or model by undoing, and forth again."""

from __future__ import annotations

from dataclasses import replace

from diffviews_desktop.actions.asking import submit
from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.maps import want_map
from diffviews_desktop.engine.jobs.mapping import MapLayer
from diffviews_desktop.engine.jobs.opening import OpenData
from diffviews_desktop.engine.protocol import Job
from diffviews_desktop.state.places import Place, place_of, with_map_of, with_model_of
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr


def go_to(context: Context, place: Place) -> None:
    """Show another map, of this model or of another one of the folder, and what was picked there.

    What is on screen stays until it is there.
    """
    state = context.state
    if state.opened.spec == place.spec:
        context.update(with_map_of(state, place))
        return
    context.update(replace(state, picks=replace(state.picks, returning=place)))
    if state.opened.model == place.spec.model:
        want_map(context, place.spec)
    else:
        job = OpenData(
            job_id=context.worker.next_id(),
            folder=state.opened.folder,
            model=place.spec.model,
            parameters=place.spec.parameters,
            told=place.spec.told,
        )
        submit(context, job, tr("Opening {model} again", model=place.spec.model))


def model_came(context: Context, old_state: State) -> None:
    """Another model of the same folder is open: the user goes back to it, or can go back from it.

    Args:
        context: of the window.
        old_state: the state before it was opened.
    """
    state = context.state
    returning, opened = state.picks.returning, state.opened
    if returning is not None and returning.spec.model == opened.model:
        context.update(with_model_of(state, returning))
        if opened.spec == returning.spec:
            context.update(with_map_of(context.state, returning))
    elif old_state.opened.model != opened.model:
        _note(context, old_state, tr("switch to {model}", model=opened.model))


def want_map_again(context: Context) -> None:
    """Have the map made that the user goes back to, where another one of its model is on screen."""
    returning, opened = context.state.picks.returning, context.state.opened
    if returning is not None and returning.spec.model == opened.model:
        want_map(context, returning.spec)


def map_changed(context: Context, old_state: State) -> None:
    """Another map is on screen: the user goes back to it, or can go back from it.

    Args:
        context: of the window.
        old_state: the state with the map before.
    """
    state = context.state
    returning, spec = state.picks.returning, state.opened.spec
    if returning is not None and returning.spec == spec:
        context.update(with_map_of(state, returning))
        return
    context.update(not_returning(state))
    was = old_state.opened.spec
    if was is not None and spec is not None and was != spec and was.model == spec.model:
        layers = str(spec.layers)
        _note(
            context,
            old_state,
            tr("change of map")
            if was.layers == spec.layers
            else tr("show {layers}", layers=layers),
        )


def _note(context: Context, old_state: State, text: str) -> None:
    """Make going from a place to that which is shown a step that can be undone."""
    context.update(not_returning(context.state))
    old, new = place_of(old_state), place_of(context.state)
    if old is not None and new is not None:
        context.session.note_move(old, new, text)


def not_returning(state: State, job: Job[object] | None = None) -> State:
    """A state that goes back to no place; of a job that has not come to its end, only if that was
    to bring the place."""
    returning = state.picks.returning
    if returning is None or (job is not None and not _brings(job, returning)):
        return state
    return replace(state, picks=replace(state.picks, returning=None))


def _brings(job: Job[object], place: Place) -> bool:
    if isinstance(job, MapLayer):
        return job.spec == place.spec
    return isinstance(job, OpenData) and job.model == place.spec.model
