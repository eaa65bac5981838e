"""Saving the session, and asking before runs are dropped that it does not hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from diffviews_desktop.actions.action import Action
from diffviews_desktop.actions.context import Answer, Context
from diffviews_desktop.actions.reasons import no_folder
from diffviews_desktop.state.kept import Kept, all_held
from diffviews_desktop.state.session_file.saved import SUFFIX
from diffviews_desktop.state.state import State
from diffviews_desktop.text.plain import file_name
from diffviews_desktop.text.translation import tr, trn
from diffviews_desktop.text.wording import join_words
from diffviews_desktop.values.folders import FolderRef

Callback = Callable[[], None]


def no_more() -> None:
    """What is done after saving where nothing else is to be done."""


# ---- saving -------------------------------------------------------------------------------------


def save(context: Context, callback: Callback = no_more) -> None:
    """Write the session into its file; one that has none asks for it.

    Args:
        context: whose session is written.
        callback: what is done once it is on the disk; not, where the user names no file, or where
            it cannot be written.
    """
    file = context.state.kept.file
    if file is None:
        save_as(context, callback)
    else:
        _write(context, file, callback)


def save_as(context: Context, callback: Callback = no_more) -> None:
    """Ask for a file, and write the session into it from now on."""
    state = context.state
    name = f"{file_name(state.opened.model or 'session')}{SUFFIX}"
    file = context.window.sessions.ask_save(name if state.kept.file is None else "")
    if file is not None:
        _write(context, file, callback)


def _write(context: Context, file: Path, callback: Callback) -> None:
    runs = all_held(run for run in context.state.runs.all if run.steps)
    sets = context.state.groups.all_sets

    def finish() -> None:
        state = context.state
        context.update(replace(state, kept=replace(state.kept, file=file, held=runs, sets=sets)))
        context.say(tr("Saved the session in {file}", file=file))
        callback()

    context.window.sessions.write(file, finish)


# ---- asking -------------------------------------------------------------------------------------


def leave(context: Context, cause: str, callback: Callback) -> None:
    """Do something that drops runs and named selections, once the user has said what is to become
    of those that no session holds.

    Args:
        context: whose work is dropped.
        cause: what drops them, as the beginning of a sentence: ``Quitting``.
        callback: does it.
    """
    state = context.state
    runs = len(state.kept.unheld(state.runs.all))
    sets = len(state.kept.unheld_sets(state.groups.all_sets))
    count = runs + sets
    if not count:
        callback()
        return
    phrases = [trn("{number} run", "{number} runs", runs)] if runs else []
    if sets:
        phrases.append(trn("{number} named selection", "{number} named selections", sets))
    text = trn(
        "{named} is not saved in a session. {what} drops it.",
        "{named} are not saved in a session. {what} drops them.",
        count,
        named=join_words(phrases),
        what=cause,
    )
    context.window.sessions.ask_keep(text, partial(_take_answer, context, callback))


def _take_answer(context: Context, callback: Callback, answer: Answer) -> None:
    match answer:
        case "save":
            save(context, callback)
        case "discard":
            callback()


def leave_for(context: Context, folder: FolderRef, cause: str, callback: Callback) -> None:
    """Open a data folder; only another one than that which is open drops runs."""
    opened = context.state.opened
    if folder.path in (opened.folder.path, opened.path):
        callback()
    else:
        leave(context, cause, callback)


def held_alone(state: State) -> State:
    """A state without the runs and named selections that its session does not hold: what is left
    when the user discards them."""
    runs, groups = state.runs, state.groups
    for one in state.kept.unheld_sets(groups.all_sets):
        groups = groups.without_set(one.number)
    for run in state.kept.unheld(runs.all):
        runs = runs.without_run(run.id)
    return replace(state, runs=runs, groups=groups)


def forget(old: Kept) -> Kept:
    """What is known of the session once another folder is open: it is a new one."""
    return Kept(opening=old.opening)


ACTIONS = (
    Action(
        "sessions.save",
        tr("&Save session"),
        save,
        keys=("Ctrl+S",),
        menu="file",
        group=1,
        meaning=tr("Write what you see, your picks and all runs into the session's file."),
        why_not=no_folder,
    ),
    Action(
        "sessions.save-as",
        tr("Save session &as…"),
        save_as,
        keys=("Ctrl+Shift+S",),
        menu="file",
        group=1,
        why_not=no_folder,
    ),
)
