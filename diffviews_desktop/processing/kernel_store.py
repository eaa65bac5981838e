"""Where kernels that numba compiled are kept: in files that are checked before they are used.

A file holds the kernels of one function. It begins with the SHA-256 of the rest, so that one that
was cut off or changed is told from a whole one, and dropped. Where the user's cache cannot take it,
a private folder in the system's temporary one does.
"""

from __future__ import annotations

import hashlib
import logging
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

from diffviews_desktop import paths
from diffviews_desktop.data.cache.disk import is_full
from diffviews_desktop.errors import brief
from diffviews_desktop.files.reading import read_bytes
from diffviews_desktop.files.writing import replacing

log = logging.getLogger(__name__)

SUFFIX = ".kernels"
MOST = 256_000_000  # bytes of a file; those of UMAP have less than one million
_DIGEST = hashlib.sha256().digest_size


class KernelStore:
    """Compiled kernels on disk.

    Nothing here raises: a kernel that cannot be read is compiled, and one that cannot be written is
    compiled again next time, which `take_notes` tells.

    Args:
        folder: the user's own, made when it is needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._problem: OSError | None = None
        self._told = False

    def load(self, name: str) -> list[bytes]:
        """What is kept of a function, the best place first.

        Args:
            name: of the function's file, without its suffix; may name a folder, too.
        """
        contents = (_read(place / (name + SUFFIX)) for place in self._places(make=False))
        return [data for data in contents if data is not None]

    def save(self, name: str, data: bytes) -> None:
        """Keep the kernels of a function in place of those that were kept before."""
        problem: OSError | None = None
        for place in self._places(make=True):
            path = place / (name + SUFFIX)
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                with replacing(path) as file:
                    file.write(hashlib.sha256(data).digest() + data)
                return
            except OSError as error:
                log.info("%s cannot be written: %s", path, error)
                problem = problem or error
        self._problem = self._problem or problem

    def drop(self, name: str) -> None:
        """Forget the kernels of a function."""
        for place in self._places(make=False):
            with suppress(OSError):
                (place / (name + SUFFIX)).unlink()

    def take_notes(self) -> tuple[str, ...]:
        """Why kernels are not kept, said once; nothing where they are, or where it was said."""
        if self._problem is None or self._told:
            return ()
        self._told = True
        full = is_full(self._problem)
        cause = "the disk is full" if full else self._problem.strerror or brief(self._problem)
        text = (
            f"Compiled kernels cannot be kept in {self._folder} ({cause}), so the first map after "
            "every start takes up to half a minute longer. "
        )
        return (text + ("Make room on that disk." if full else "Check the folder's rights."),)

    def _places(self, *, make: bool) -> Iterator[Path]:
        """Where kernels may be, best first."""
        yield self._folder
        spare = private_temporary(make=make)
        if spare is not None:
            yield spare


@cache
def user_store() -> KernelStore:
    """The store of this process: in ``NUMBA_CACHE_DIR``, else in the user's cache."""
    folder = os.environ.get("NUMBA_CACHE_DIR")
    return KernelStore(Path(folder) if folder else paths.cache_dir() / "numba")


def private_temporary(*, make: bool) -> Path | None:
    """A folder of this user in the system's temporary one; None where there is none.

    What is in it runs, and others can write beside it: only a folder of this user's that nobody
    else may enter is used, and none in the current folder, which Python takes for want of another
    and which may hold anything.

    Args:
        make: whether to make it where it is missing.
    """
    # Windows has a temporary folder for each user
    user = str(os.getuid()) if hasattr(os, "getuid") else "user"
    try:
        temporary = Path(tempfile.gettempdir())
        if temporary.samefile(os.curdir):
            return None
        folder = temporary / f"diffviews-desktop-kernels-{user}"
        if make:
            with suppress(FileExistsError):
                folder.mkdir(mode=0o700)
        status = folder.lstat()
    except OSError:
        return None
    return folder if stat.S_ISDIR(status.st_mode) and _is_ours(status) else None


def _is_ours(status: os.stat_result) -> bool:
    if not hasattr(os, "getuid"):
        return True
    return status.st_uid == os.getuid() and not status.st_mode & 0o077


def _read(path: Path) -> bytes | None:
    try:
        data = read_bytes(path, MOST)
    except FileNotFoundError:
        return None
    except OSError as error:
        log.info("%s cannot be read: %s", path, error)
        return None
    if hashlib.sha256(data[_DIGEST:]).digest() == data[:_DIGEST]:
        return data[_DIGEST:]
    log.warning("Dropping the damaged kernels %s", path)
    with suppress(OSError):
        path.unlink()
    return None
