"""Places that undoing goes back to: a map of a model, and what was picked and seen on it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from diffviews_desktop.state.picks import Selection
from diffviews_desktop.state.runs import Runs
from diffviews_desktop.state.state import State
from diffviews_desktop.state.view import View
from diffviews_desktop.values.maps import MapSpec


@dataclass(frozen=True, eq=False)
class Place:
    """A map of a model, and what was picked, seen and set there.

    Attributes:
        spec: the map.
        selection: what was picked.
        view: how the map was looked at.
        runs: of these, how the next run was to be drawn; what was drawn is not gone back to.
    """

    spec: MapSpec
    selection: Selection
    view: View
    runs: Runs


def place_of(state: State) -> Place | None:
    """The place that a state shows; None while no model is open."""
    opened = state.opened
    if opened.model is None:
        return None
    first = MapSpec(opened.model, opened.default_layers, opened.parameters, opened.told)
    return Place(opened.spec or first, state.picks.selection, state.view, state.runs)


def with_model_of(state: State, place: Place) -> State:
    """A state, which has just opened the model of a place, with what was picked and set there; what
    belongs to its map follows once that is there: see `with_map_of`."""
    old = place.runs
    runs = replace(
        state.runs,
        settings=old.settings,
        interventions=old.interventions,
        set_a=old.set_a,
        set_b=old.set_b,
        condition=old.condition,
    )
    view = replace(
        state.view,
        color_by=place.view.color_by,
        filters=place.view.filters,
        highlighted_class=place.view.highlighted_class,
    )
    picks = replace(state.picks, selection=place.selection)
    opened = replace(state.opened, settings_chosen=True)
    return replace(state, opened=opened, picks=picks, runs=runs, view=view)


def with_map_of(state: State, place: Place) -> State:
    """A state that shows the map of a place, with what was picked and seen there."""
    view = replace(state.view, rectangle=place.view.rectangle, camera=place.view.camera)
    picks = replace(state.picks, returning=None)
    return replace(state, view=view, picks=picks).with_selection(place.selection)
