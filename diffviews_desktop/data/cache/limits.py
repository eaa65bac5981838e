"""How much may be kept: what a variable says, else what the user chose, else the usual amount.

The window and the command line keep their maps and experiments in the same places, so what the user
chose is in a file of its own, which both read each time.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from filelock import FileLock

from diffviews_desktop import paths
from diffviews_desktop.data.folder.files import read_json, replacing, writing_to
from diffviews_desktop.errors import DataError, UsageError
from diffviews_desktop.values.storage import Kept, Limit

VARIABLES: dict[Kept, str] = {
    "maps": "DIFFVIEWS_LAYER_CACHE_MAX_MB",
    "experiments": "DIFFVIEWS_EXPERIMENTS_MAX_MB",
}
"""What is kept within a limit, and the variable that says how much that is."""
USUAL = 2048 * 1024**2
"""Bytes of each, where nobody says."""
MOST = 10**15
MOST_BYTES = 10_000
LOCK_SECONDS = 30.0


def limits_file() -> Path:
    """Where the limits are that the user chose."""
    return paths.config_dir() / "limits.json"


def limit_of(kind: Kept) -> Limit:
    """How much of a kind may be kept, in each of its places.

    Raises:
        UsageError: the variable is not a number of megabytes, or the file cannot be read.
    """
    variable = VARIABLES[kind]
    if variable in os.environ:
        return Limit(kind, _megabytes(variable, os.environ[variable]), variable)
    return Limit(kind, _read_choices().get(kind, USUAL))


def choose_limit(kind: Kept, count: int) -> None:
    """Keep so many bytes of a kind from now on, unless its variable says otherwise.

    Nothing is deleted now: what was used least recently goes when something else is kept.

    Raises:
        UsageError: it cannot be a limit, or the file cannot be read.
        DataError: the file cannot be written.
    """
    if kind not in VARIABLES or not 0 <= count <= MOST:
        raise UsageError(f"{count} bytes cannot be the limit of {kind}.")
    file = limits_file()
    with writing_to(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{file}.lock", timeout=LOCK_SECONDS):
            text = json.dumps({**_read_choices(), kind: count}, indent=1)
            with replacing(file) as output:
                output.write(text.encode())


def _megabytes(variable: str, text: str) -> int:
    try:
        count = float(text) * 1024**2
    except ValueError:
        count = -1.0
    if not 0 <= count < float("inf"):
        raise UsageError(f"{variable} must be a number of megabytes, not {text!r}.")
    return int(count)


def _read_choices() -> dict[Kept, int]:
    """What the user chose, by kind. What cannot be read must not pass for nothing: more than is
    usual may be kept."""
    file = limits_file()
    if not os.path.lexists(file):
        return {}
    try:
        values = read_json(file, MOST_BYTES)
    except DataError as error:
        raise UsageError(
            f"{error} It has the limits of the caches; delete it for the usual ones."
        ) from error
    choices = {kind: values[kind] for kind in VARIABLES if kind in values}
    for kind, count in choices.items():
        if type(count) is not int or not 0 <= count <= MOST:
            raise UsageError(
                f"{file} must give the limit of {kind} as a number of bytes. Correct it, or delete "
                "it for the usual limits."
            )
    return choices
