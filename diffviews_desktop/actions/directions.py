"""Saved directions and means of sets: saved, loaded from files, and exported to files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from diffviews_desktop.actions.action import Action, Choice, Option
from diffviews_desktop.actions.asking import submit
from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.interventions import ask_name, no_rows, save_vector, selected_rows
from diffviews_desktop.actions.reasons import no_folder, no_map
from diffviews_desktop.actions.verbs import verb
from diffviews_desktop.engine.jobs.directions import (
    DirectionSaved,
    ExportDirection,
    LoadDirection,
    SaveDirection,
)
from diffviews_desktop.engine.protocol import Job
from diffviews_desktop.errors import UsageError
from diffviews_desktop.state.jobs import RunningJob
from diffviews_desktop.state.opened import Opened
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr
from diffviews_desktop.values.directions import ENDING, checked_name
from diffviews_desktop.values.interventions import SampleMean


def ask_mean(context: Context) -> None:
    """Ask for a name, and save the mean of the selection under it."""
    title, question = tr("Save the mean"), tr("&Name of the mean of the selection")
    ask_name(context, title, question, partial(save_mean_as, context))


@verb
def save_mean_as(context: Context, name: str, replaces: bool = False) -> None:
    """Save the mean of the selected samples under a name, or, where none are selected, that of
    those picked for the mask; ``replaces`` what has the name."""
    rows = selected_rows(context.state)
    if not rows:
        context.say(no_rows(context.state))
        return
    save_vector(context, SampleMean(rows), name, replaces)


def ask_direction(context: Context) -> None:
    """Ask for a file and for a name, and list what is in it under the name."""
    title = tr("Load a direction")
    file = context.window.ask_direction(title)
    if file is not None:
        take = partial(load_direction, context, file)
        ask_name(context, title, tr("&Name in the list"), take, file.stem)


@verb
def load_direction(context: Context, file: Path, name: str = "", replaces: bool = False) -> None:
    """Take the file of a saved direction among those of the model, under a name, or, where that is
    empty, under that of the file; ``replaces`` one that has the name."""
    opened = context.state.opened
    if opened.model is None:
        return
    name = name.strip() or file.stem
    try:
        checked_name(name)
    except UsageError as error:
        context.say(str(error), error=True)
        return
    job = LoadDirection(
        job_id=context.worker.next_id(),
        folder=opened.folder,
        model=opened.model,
        file=file,
        name=name,
        replace=replaces,
    )
    submit(context, job, tr("Loading {name}", name=name))


def ask_export(context: Context, name: str) -> None:
    """Ask where to, and write a saved direction there."""
    file = context.window.ask_direction_file(tr("Export a direction"), name + ENDING)
    if file is not None:
        export_direction(context, name, file)


@verb
def export_direction(context: Context, name: str, file: Path) -> None:
    """Write a saved direction to a file; one that is there is replaced."""
    opened = context.state.opened
    if opened.model is None:
        return
    job = ExportDirection(
        job_id=context.worker.next_id(),
        folder=opened.folder,
        model=opened.model,
        name=name,
        file=file,
    )
    submit(context, job, tr("Exporting {name}", name=name))


def take_direction(context: Context, running: RunningJob, result: DirectionSaved) -> None:
    """List what was saved or loaded, and say where what was written is."""
    info, job, opened = result.info, running.job, context.state.opened
    if _is_listed(job, opened):
        others = [one for one in opened.directions if one.name != info.name]
        directions = tuple(sorted((*others, info), key=lambda one: one.name))
        context.update(replace(context.state, opened=replace(opened, directions=directions)))
    if isinstance(job, ExportDirection):
        context.say(tr("Wrote the direction {name} to {file}", name=job.name, file=job.file))
        return
    context.say(
        tr("Saved the direction {name} in {parent}", name=info.name, parent=info.path.parent)
    )


def _is_listed(job: Job[object], opened: Opened) -> bool:
    """Whether what a job has written is one of the directions of the model that is shown."""
    if isinstance(job, SaveDirection):
        return (job.folder, job.spec.model) == (opened.folder, opened.model)
    if isinstance(job, LoadDirection):
        return (job.folder, job.model) == (opened.folder, opened.model)
    beside = {one.path.parent for one in opened.directions}
    return isinstance(job, ExportDirection) and job.file.parent in beside


def _list_directions(context: Context) -> Sequence[Option]:
    return [Option(info.name, info.name, is_text=True) for info in context.state.opened.directions]


def _export_chosen(context: Context, value: object) -> None:
    ask_export(context, str(value))


def _cannot_save(state: State) -> str:
    return no_map(state) or no_rows(state)


ACTIONS = (
    Action(
        "directions.save-mean",
        tr("Save the &mean of the selection…"),
        ask_mean,
        menu="generate",
        group=2,
        meaning=tr("Keep the mean of the selected samples' activations under a name."),
        why_not=_cannot_save,
    ),
    Action(
        "directions.load",
        tr("L&oad a direction…"),
        ask_direction,
        menu="generate",
        group=2,
        meaning=tr("Take a direction, or the mean of a set, that was exported to a file."),
        why_not=no_folder,
    ),
)
CHOICES = (
    Choice(
        "directions.export",
        tr("&Export a direction"),
        _list_directions,
        _export_chosen,
        None,
        "generate",
        2,
    ),
)
