"""Pictures of the user's own, placed on the map."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from diffviews_desktop.actions.action import Action
from diffviews_desktop.actions.asking import submit
from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.reasons import no_map
from diffviews_desktop.actions.verbs import verb
from diffviews_desktop.engine.jobs.drawing import FilePlaced, PlaceFile
from diffviews_desktop.state.state import State
from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.text.translation import tr
from diffviews_desktop.values.conditions import ZeroLabel

MOST_FILES = 20
"""Pictures that are placed at once."""
MOST_PLACED = 50
"""Pictures that stay on the map."""
LISTED_NEIGHBORS = 3
"""Nearest samples that are named."""


@verb
def place_files(context: Context, files: tuple[Path, ...]) -> None:
    """Place pictures on the map: each is seen by the model at the samples' lowest noise level."""
    state = context.state
    reason = cannot_place(state)
    if reason:
        context.say(reason)
        return
    if len(files) > MOST_FILES:
        context.say(
            tr(
                "At most {most_files} pictures are placed at once: drop fewer.",
                most_files=MOST_FILES,
            )
        )
        return
    spec, sigma = state.opened.spec, _sigma(state)
    assert spec is not None
    for file in files:
        job = PlaceFile(
            job_id=context.worker.next_id(),
            folder=state.opened.folder,
            spec=spec,
            file=file,
            condition=ZeroLabel(),
            sigma=sigma,
        )
        submit(context, job, tr("Placing {name}", name=visible(file.name, MOST_OF_NAME)))


def _sigma(state: State) -> float:
    """The noise level of the map, or the lowest of its samples that is above 0."""
    opened = state.opened
    assert opened.samples is not None
    level = opened.parameters.level if opened.parameters is not None else None
    levels = [one for one in opened.samples.levels if one > 0]
    return level or (levels[0] if levels else 1.0)


def take_placed(context: Context, result: FilePlaced) -> None:
    """Show where a picture lies, and say what is near."""
    state = context.state
    pictures = (*state.picks.placed, result)[-MOST_PLACED:]
    context.update(replace(state, picks=replace(state.picks, placed=pictures)))
    context.say(_describe(context.state, result))


def _describe(state: State, result: FilePlaced) -> str:
    """``cat.png lies nearest to #21 six (27.7), #3 two (28.1) at σ 0.5.``"""
    name, samples = visible(result.job.file.name, MOST_OF_NAME), state.opened.samples
    near = result.placed.neighbors[:LISTED_NEIGHBORS]
    if samples is None or not near:
        return tr("{name} is on the map.", name=name)
    names = ", ".join(f"#{row} {samples.title(row)} ({far:.3g})" for row, far in near)
    text = tr(
        "{name} lies nearest to {names}, seen at σ {sigma:g}.",
        name=name,
        names=visible(names, 200),
        sigma=result.job.sigma,
    )
    usual = result.placed.typicality
    if usual is not None and usual.unlike:
        text += tr(" It is unlike the samples: its place says little.")
    return f"{text} {result.placed.apart}".rstrip()


@verb
def clear_placed(context: Context) -> None:
    """Take the placed pictures off the map."""
    state = context.state
    context.update(replace(state, picks=replace(state.picks, placed=())))


def ask_picture(context: Context) -> None:
    """Ask for a picture, and place it on the map."""
    file = context.window.ask_picture(tr("Place a picture on the map"))
    if file is not None:
        place_files(context, (file,))


def cannot_place(state: State) -> str:
    """Why no picture can be placed now; empty where one can."""
    loaded = state.opened.loaded is not None
    return no_map(state) or ("" if loaded else tr("The model is not loaded yet."))


ACTIONS = (
    Action(
        "map.place-picture",
        tr("Place a pict&ure…"),
        ask_picture,
        menu="map",
        group=3,
        meaning=tr("Show where a picture of your own lies; or drop it onto the window."),
        why_not=cannot_place,
    ),
    Action(
        "map.clear-placed",
        tr("Remo&ve the placed pictures"),
        clear_placed,
        menu="map",
        group=3,
        why_not=lambda state: "" if state.picks.placed else tr("No picture was placed."),
    ),
)
