"""What a download would fetch, and what is there already."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from diffviews_desktop.data.stores.journal import Note, Notes, read_notes, same_content
from diffviews_desktop.data.stores.keys import collisions, local_path
from diffviews_desktop.errors import UnsafeKeyError
from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.values.transfers import DownloadPlan, NotFetched, RemoteFile


def plan_download(files: Sequence[RemoteFile], folder: Path) -> DownloadPlan:
    """What is missing in a folder; nothing is asked of the store, nothing written.

    A file of the right size is present, unless an earlier download noted that it is a different
    version. A file that the user put there, or changed, stays.

    Args:
        files: what should be there; keys are paths in the folder.
        folder: where; need not be there yet.
    """
    notes = read_notes(folder)
    reasons = collisions(file.key for file in files)
    missing: list[RemoteFile] = []
    present: list[RemoteFile] = []
    different: list[str] = []
    refusals: list[NotFetched] = []
    for file in files:
        try:
            if file.key in reasons:
                raise UnsafeKeyError(reasons[file.key])
            path = local_path(folder, file.key)
            complete = _is_there(path, file, notes.whole.get(file.key))
        except UnsafeKeyError as error:
            refusals.append(NotFetched(file.key, str(error)))
            continue
        if complete is None:
            different.append(file.key)
        else:
            (present if complete else missing).append(file)
    todo = sum(file.size - partial_size(file, folder, notes) for file in missing)
    return DownloadPlan(
        folder, tuple(missing), tuple(present), tuple(different), tuple(refusals), todo
    )


def partial_size(file: RemoteFile, folder: Path, notes: Notes) -> int:
    """How much of a missing file an earlier download has fetched."""
    part = notes.parts.get(file.key)
    usable = part and part.continues(file) and part.is_there(folder / file.key)
    return part.ranges.total if part and usable else 0


def _is_there(path: Path, file: RemoteFile, note: Note | None) -> bool | None:
    """Whether a file need not be fetched; None where a file of the user's is in its place."""
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    if not stat.S_ISREG(status.st_mode):
        raise UnsafeKeyError(
            f"The file “{visible(file.key, MOST_OF_NAME)}” was left out: there is something else "
            f"of that name in {path.parent}. Move it away, then try again."
        )
    ours = note is not None and note.is_untouched(status)
    if status.st_size == file.size:
        return not (ours and note is not None and same_content(note.file, file) is False)
    return False if ours else None
