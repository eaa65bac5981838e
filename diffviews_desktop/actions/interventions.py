"""Interventions of the Generate panel: what is done to layers while a picture is drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from diffviews_desktop.actions.action import Action, Choice, Option
from diffviews_desktop.actions.asking import submit
from diffviews_desktop.actions.context import Context, NameAnswer
from diffviews_desktop.actions.reasons import no_map
from diffviews_desktop.actions.verbs import verb
from diffviews_desktop.engine.jobs.directions import SaveDirection
from diffviews_desktop.errors import UsageError
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import group_digits, tr
from diffviews_desktop.values.directions import checked_name
from diffviews_desktop.values.interventions import (
    MOST_INTERVENTIONS,
    Component,
    Difference,
    Factor,
    Intervention,
    LayerMean,
    OtherRun,
    SampleMean,
    SavedVector,
    Zero,
)
from diffviews_desktop.values.noise_levels import mixed_levels

_COMPONENTS = 3
"""How many principal components are offered; the panel has a field for the others."""


@verb
def add(context: Context, intervention: Intervention) -> None:
    """Add an intervention after the others, unless there are as many as there can be."""
    runs, reason = context.state.runs, _no_more(context.state)
    if reason:
        context.say(reason, error=True)
        return
    stack = (*runs.interventions, intervention)
    context.update(replace(context.state, runs=replace(runs, interventions=stack)))


@verb
def take_as_set(context: Context, letter: str) -> None:
    """Take the selected samples as set A or B, or, where none are selected, those picked for the
    mask."""
    rows, runs = selected_rows(context.state), context.state.runs
    changed = replace(runs, set_a=rows) if letter == "a" else replace(runs, set_b=rows)
    context.update(replace(context.state, runs=changed))
    samples = context.state.opened.samples
    warning = "" if samples is None else mixed_levels(samples.sigma[list(rows)])
    if warning:
        context.say(
            tr(
                "{mixed} Take samples of one level for a direction that means one thing.",
                mixed=warning,
            )
        )


def ask_name(
    context: Context,
    title: str,
    question: str,
    callback: Callable[[str, bool], None],
    usual: str | None = None,
) -> None:
    """Ask for the name of what is to be a saved direction.

    Args:
        context: of the window.
        title: of the question.
        question: for the name.
        callback: gets the name, and whether a direction that has it already is to be replaced.
        usual: a name that is offered, and taken where nothing is typed.
    """
    text = context.window.ask_text(title, question, usual)
    if text is None:
        return
    name = text.strip() or usual or ""
    if name not in {one.name for one in context.state.opened.directions}:
        callback(name, False)
        return

    def take_answer(answer: NameAnswer) -> None:
        if answer == "replace":
            callback(name, True)
        elif answer == "other":
            ask_name(context, title, question, callback, usual)

    context.window.ask_taken(name, take_answer)


def save_direction(context: Context) -> None:
    """Ask for a name, and save A − B under it."""
    title, question = tr("Save a direction"), tr("&Name of the direction A − B")
    ask_name(context, title, question, partial(save_direction_as, context))


@verb
def save_direction_as(context: Context, name: str, replaces: bool = False) -> None:
    """Save A − B under a name, with the layers of the map; ``replaces`` one that has the name."""
    save_vector(context, _difference(context.state), name, replaces)


def save_vector(
    context: Context, source: Difference | SampleMean, name: str, replaces: bool
) -> None:
    """Have a direction, or the mean of a set, saved under a name, with the layers of the map; what
    has the name already stays unless the new one ``replaces`` it."""
    state = context.state
    if state.opened.spec is None:
        return
    try:
        checked_name(name.strip())
    except UsageError as error:
        context.say(str(error), error=True)
        return
    job = SaveDirection(
        job_id=context.worker.next_id(),
        folder=state.opened.folder,
        spec=state.opened.spec,
        source=source,
        name=name.strip(),
        replace=replaces,
    )
    submit(context, job, tr("Saving {name}", name=name.strip()))


def selected_rows(state: State) -> tuple[int, ...]:
    """The selected samples, or, where none are selected, those picked for the mask."""
    selection = state.picks.selection
    rows: tuple[int, ...] = tuple(selection.chosen.rows.tolist())
    return rows or selection.rows


def _difference(state: State) -> Difference:
    return Difference(state.runs.set_a, state.runs.set_b)


def _others(context: Context) -> Sequence[Option]:
    """What can be added besides A − B."""
    state = context.state
    run = state.runs.run()
    seed = 1 if run is None or run.seed is None else run.seed
    told = None if run is None else run.condition
    no_run = "" if run is not None and run.seed is not None else tr("There is no run yet.")
    reason = _no_more(state)
    components = [
        Option(
            Intervention("add", Component(index)),
            tr("Add component {index} of the map", index=index + 1),
            reason,
        )
        for index in range(_COMPONENTS)
    ]
    directions = [
        Option(
            Intervention("replace" if info.kind == "samples" else "add", SavedVector(info.name)),
            info.name,
            reason,
            is_text=True,
        )
        for info in state.opened.directions
    ]
    return [
        Option(Intervention("scale", Factor(0.5)), tr("Scale"), reason),
        Option(Intervention("ablate", Zero()), tr("Ablate to zero"), reason),
        Option(Intervention("ablate", LayerMean()), tr("Ablate to the layer's mean"), reason),
        Option(
            Intervention("patch", OtherRun(seed, told)),
            tr("Patch from the shown run"),
            reason or no_run,
        ),
        *components,
        *directions,
    ]


def _add_chosen(context: Context, value: object) -> None:
    if isinstance(value, Intervention):
        add(context, value)


def no_rows(state: State) -> str:
    """Why nothing can be done with selected samples; empty where there are some."""
    selection = state.picks.selection  # asked at every change: a million rows are not counted out
    if len(selection.chosen) or selection.rows:
        return ""
    return tr("Select samples, or pick some, first.")


def _no_sets(state: State) -> str:
    if no_map(state):
        return no_map(state)
    for letter, rows in (("A", state.runs.set_a), ("B", state.runs.set_b)):
        if not rows:
            return tr("Take a selection as set {letter} first.", letter=letter)
    return ""


def _no_more(state: State) -> str:
    """Why no intervention can be added; empty where one can."""
    if len(state.runs.interventions) < MOST_INTERVENTIONS:
        return ""
    return tr(
        "There are {most} interventions, as many as there can be. Remove one first.",
        most=MOST_INTERVENTIONS,
    )


def _cannot_add(state: State) -> str:
    return _no_sets(state) or _no_more(state)


def _size(rows: tuple[int, ...]) -> str:
    return tr("({number} now)", number=group_digits(len(rows))) if rows else ""


SET_A = Action(
    "interventions.set-a",
    tr("Take the selection as set &A"),
    lambda context: take_as_set(context, "a"),
    menu="generate",
    group=2,
    meaning=tr("The mean of set A less that of set B is a direction."),
    why_not=no_rows,
    detail=lambda state: _size(state.runs.set_a),
)
SET_B = Action(
    "interventions.set-b",
    tr("Take the selection as set &B"),
    lambda context: take_as_set(context, "b"),
    menu="generate",
    group=2,
    meaning=tr("The mean of set A less that of set B is a direction."),
    why_not=no_rows,
    detail=lambda state: _size(state.runs.set_b),
)
ADD = Action(
    "interventions.add",
    tr("Add the &direction A \N{MINUS SIGN} B"),
    lambda context: add(context, Intervention("add", _difference(context.state))),
    menu="generate",
    group=2,
    meaning=tr("Add the mean of set A less that of set B to what layers compute."),
    why_not=_cannot_add,
)
STEER = Action(
    "interventions.steer",
    tr("&Steer along A \N{MINUS SIGN} B"),
    lambda context: add(context, Intervention("steer", _difference(context.state), strength=0.25)),
    menu="generate",
    group=2,
    meaning=tr(
        "At every step, go a share of what layers compute in the direction A \N{MINUS SIGN} B."
    ),
    why_not=_cannot_add,
)
SAVE = Action(
    "interventions.save",
    tr("Sa&ve the direction A \N{MINUS SIGN} B…"),
    save_direction,
    menu="generate",
    group=2,
    meaning=tr("Keep it under a name, for other sessions and the command line."),
    why_not=_no_sets,
)
ACTIONS = (SET_A, SET_B, ADD, STEER, SAVE)
CHOICES = (
    Choice(
        "interventions.other", tr("Add an &intervention"), _others, _add_chosen, None, "generate", 2
    ),
)
