"""Where what can be made again is kept: a variable names the folder, the user, or the system.

The user's choice is in a file of its own, which the window, its engine and the command line read.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from diffviews_desktop import paths
from diffviews_desktop.data.folder.files import replacing, writing_to
from diffviews_desktop.errors import UsageError
from diffviews_desktop.text.plain import encodable
from diffviews_desktop.values.storage import CachePlace


def cache_place() -> CachePlace:
    """The folder that is used now, and who says so."""
    variable = paths.CACHE_VARIABLE if os.environ.get(paths.CACHE_VARIABLE) else ""
    return CachePlace(paths.cache_dir(), paths.usual_cache_dir(), variable)


def choose_cache_place(path: Path | None) -> None:
    """Keep caches in a folder from now on, which is made; unless the variable names another.

    Args:
        path: where the folder of this program is to be, or that folder; None for the usual one.

    Raises:
        UsageError: nothing can be kept there.
        DataError: the choice cannot be written.
    """
    file = paths.cache_choice()
    with writing_to(file):
        if path is None:
            file.unlink(missing_ok=True)
            return
    path = path if path.name == paths.APP else path / paths.APP
    _check(path)
    with writing_to(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as output:
            output.write(f"{path}\n".encode())


def _check(path: Path) -> None:
    text = str(path)  # which is kept in a file of one line in UTF-8
    if not path.is_absolute() or encodable(text) != text or any(one in text for one in "\0\n\r"):
        raise UsageError(f"Caches cannot be kept in {text!r}. Choose another folder.")
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except (OSError, ValueError) as error:
        raise UsageError(
            f"Nothing can be written to {path} ({getattr(error, 'strerror', error)}). Choose "
            "another folder."
        ) from error
