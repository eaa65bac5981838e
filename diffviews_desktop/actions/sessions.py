"""Opening a session: its data folder, wherever that is now, and then what the session holds."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from diffviews_desktop.actions.action import Action, Choice, Option
from diffviews_desktop.actions.asking import submit
from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.folders import open_data
from diffviews_desktop.actions.keeping import leave
from diffviews_desktop.actions.maps import (
    change_layer,
    link_map,
    toggle_second_map,
    want_map,
    want_second_map,
)
from diffviews_desktop.actions.reasons import no_folder
from diffviews_desktop.actions.verbs import note
from diffviews_desktop.engine.jobs.opening import OpenData
from diffviews_desktop.engine.protocol import Job
from diffviews_desktop.state.kept import Opening
from diffviews_desktop.state.session_file.restoring import at_map, restore_state
from diffviews_desktop.state.session_file.saved import SavedSession, session_of
from diffviews_desktop.state.state import State
from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.text.translation import tr, trn
from diffviews_desktop.values.folders import FolderRef


def choose_session(context: Context) -> None:
    """Ask for a session's file and open it."""
    file = context.window.sessions.ask_open()
    if file is not None:
        open_session(context, file)


def open_session(context: Context, file: Path) -> None:
    """Open the session in a file; what is open stays until the session's data folder is there."""
    leave(
        context,
        tr("Opening a session"),
        lambda: context.window.sessions.read(file, partial(_restore_read, context, file)),
    )


def _restore_read(context: Context, file: Path, session: SavedSession) -> None:
    restore(context, file, session)


def restore(context: Context, file: Path | None, session: SavedSession) -> bool:
    """Open the data folder of a session that was read, and then what it holds.

    Args:
        context: of the window.
        file: that the session was read from; None for one that was kept without having been saved.
        session: what it holds.

    Returns:
        Whether its data folder is there.
    """
    folder = _folder_of(context, file, session)
    if folder is None:
        place = visible(str(session.folder.path), MOST_OF_NAME)
        context.say(
            tr(
                "The session was not opened: its data folder {where} is not there. Open "
                "the session again and choose where the folder is now.",
                where=place,
            ),
            error=True,
        )
        return False
    spec = session.spec
    job = OpenData(
        job_id=context.worker.next_id(),
        folder=folder,
        model=session.model,
        parameters=None if spec is None else spec.parameters,
        told=None if spec is None else spec.told,
        known=session.fingerprint,
    )
    state = context.state
    opening = Opening(session, file, job.job_id)
    context.update(replace(state, kept=replace(state.kept, opening=opening)))
    submit(context, job, tr("Opening the session"))
    options = {"parameters": job.parameters, "told": job.told}
    note(context, open_data, folder=folder, model=session.model, **options)
    if spec is not None and spec.layers:
        note(context, change_layer, layers=spec.layers)
    return True


def _folder_of(context: Context, file: Path | None, session: SavedSession) -> FolderRef | None:
    """The data folder of a session, where it is now; None where the user does not say."""
    path = session.folder.path
    if path is None or os.path.isdir(path):
        return session.folder
    if file is not None and session.beside:
        beside = Path(os.path.normpath(file.absolute().parent / session.beside))
        if os.path.isdir(beside):
            return replace(session.folder, path=beside)
    name = visible(path.name, MOST_OF_NAME)
    folder = context.window.ask_folder(
        tr("Where is the data folder {name} of this session now?", name=name)
    )
    return None if folder is None else replace(session.folder, path=folder)


def reload_folder(context: Context) -> None:
    """Read the open data folder again; picks, runs and the map stay, by the samples' ids."""
    restore(context, context.state.kept.file, session_of(context.state))


# ---- once the data are there --------------------------------------------------------------------


def resume(context: Context, job: Job[object]) -> bool:
    """Put the session that a job opened the folder of onto its samples; what belongs to its map
    follows once that is there. Whether there is such a session; else nothing changes."""
    state = context.state
    opening = state.kept.opening
    if opening is not None and opening.at_map:  # of what was open before
        _end(context)
        return False
    if opening is None or opening.job_id != job.job_id:
        return False
    with _never_half_open(context):
        _put_onto_samples(context, opening)
    return True


def _put_onto_samples(context: Context, opening: Opening) -> None:
    session = opening.session
    result = restore_state(context.state, session, opening.file)
    new = replace(result.state, opened=replace(result.state.opened, settings_chosen=True))
    waiting = replace(opening, at_map=True)
    context.update(replace(new, kept=replace(new.kept, opening=waiting)))
    if session.arrangement is not None:
        context.window.sessions.arrange(session.arrangement)
    _say_what_changed(context, session, result.gone)
    if session.spec is None:
        _end(context)
    else:
        _resume_at_map(context)


@contextmanager
def _never_half_open(context: Context) -> Iterator[None]:
    """Whatever fails meanwhile, no session is being opened afterwards."""
    try:
        yield
    except BaseException:
        _end(context)
        raise


def _say_what_changed(context: Context, session: SavedSession, count: int) -> None:
    opened = context.state.opened
    if opened.path is None or session.fingerprint == opened.fingerprint:
        return
    text = tr("The samples of the data folder have changed since the session was saved.")
    if count:
        text = trn(
            "The samples of the data folder have changed since the session was saved: "
            "{number} sample that you had picked is not there any more.",
            "The samples of the data folder have changed since the session was saved: "
            "{number} samples that you had picked are not there any more.",
            count,
        )
    about = opened.path, str(opened.model)
    context.update(context.state.with_notice_about(about, (text,)))


def want_session_map(context: Context) -> None:
    """Have the map made of the session that is being opened, where another one is on screen."""
    opening = context.state.kept.opening
    if opening is not None and opening.at_map and opening.session.spec is not None:
        places = opening.session.places if _same_samples(context, opening.session) else None
        want_map(context, opening.session.spec, places=places)


def _same_samples(context: Context, session: SavedSession) -> bool:
    """Whether the samples are those of a session: else nobody knows where they lie on its map."""
    return session.fingerprint == context.state.opened.fingerprint


def map_came(context: Context) -> bool:
    """Another map is on screen: if it is that of the session that is being opened, what belongs to
    it is shown; if it is not, the user has chosen it. Whether a session waited for its map."""
    opening = context.state.kept.opening
    if opening is None or not opening.at_map:
        return False
    with _never_half_open(context):
        _resume_at_map(context)
    if context.state.kept.opening is not None:
        _end(context)
    return True


def _resume_at_map(context: Context) -> None:
    """What belongs to the session's map, where that is the one on screen now."""
    state = context.state
    opening = state.kept.opening
    if opening is None or not opening.at_map or opening.session.spec != state.opened.spec:
        return
    context.update(at_map(state, opening.session))
    _end(context)
    second = opening.session.second
    if second is not None:
        if not context.state.view.beside:
            toggle_second_map(context)
        places = opening.session.second_places
        same = _same_samples(context, opening.session)
        want_second_map(context, second, places if same else None)
        note(context, link_map, model=second.model, layers=second.layers, told=second.told)


def not_opened(state: State, job: Job[object]) -> State:
    """A state that waits for a session no longer, where a job could not open its folder."""
    opening = state.kept.opening
    if opening is None or opening.job_id != job.job_id:
        return state
    return replace(state, kept=replace(state.kept, opening=None))


def _end(context: Context) -> None:
    state = context.state
    context.update(replace(state, kept=replace(state.kept, opening=None)))


def _recent(context: Context) -> Sequence[Option]:
    recent = context.window.sessions.recent()
    return [Option(file, str(file), is_text=True) for file in recent]


def _open_recent(context: Context, file: object) -> None:
    assert isinstance(file, Path)
    open_session(context, file)


ACTIONS = (
    Action(
        "sessions.open",
        tr("Open s&ession…"),
        choose_session,
        keys=("Ctrl+Shift+O",),
        menu="file",
        group=1,
    ),
    Action(
        "folders.reload",
        tr("Reload the data &folder"),
        reload_folder,
        keys=("F5",),
        menu="file",
        meaning=tr("Read it again as it is on the disk; picks and runs stay."),
        why_not=no_folder,
    ),
)
CHOICES = (
    Choice("sessions.recent", tr("Recent sessio&ns"), _recent, _open_recent, menu="file", group=1),
)
