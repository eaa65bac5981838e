"""The bundled demo: real digits and the models trained on them, unpacked into a data folder.

Once unpacked, the demo is a data folder like any other and takes the same way through the program.
Unlike another it is the program's own: it is compared with what was bundled, and repaired.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

from diffviews_desktop import paths
from diffviews_desktop.data.folder import demo_files
from diffviews_desktop.errors import DataError, brief

log = logging.getLogger(__name__)

VERSION = "4"
_FAILED = (OSError, EOFError, zipfile.BadZipFile, zlib.error)


class Demo(NamedTuple):
    """Where the demo is, and why it could not be repaired, if it had to be and could not."""

    path: Path
    problem: str | None = None


def demo_folder() -> Path:
    """Where the demo of this version of the program is unpacked."""
    return paths.data_dir() / f"demo-{VERSION}"


def unpack_demo() -> Path:
    """The data folder of `ready_demo`, which raises as that does."""
    return ready_demo().path


def ready_demo() -> Demo:
    """Unpack the demo, if this version of it was not yet, else repair what is damaged in it.

    The folder appears whole or not at all, also when two programs start at once. What is there
    beside the demo's files stays; what is in the way of one is set aside.

    Raises:
        DataError: it cannot be written, or the installation is incomplete.
    """
    target = demo_folder()
    archives = sorted((paths.resources() / "demo").glob("*.zip"))
    if not archives:
        if target.is_dir():
            return Demo(target)  # there is nothing to compare it with
        raise DataError("The bundled demo is missing. Install the program again.")
    try:
        if not target.is_dir():
            _unpack(archives, target)
            return Demo(target)
    except _FAILED as error:
        raise DataError(
            f"The demo cannot be unpacked into {target} ({brief(error)}). Check the folder's "
            "rights and the disk."
        ) from error
    try:
        files = demo_files.restore(archives, target, _stamp())
    except _FAILED as error:
        log.warning("the demo cannot be repaired", exc_info=True)
        return Demo(
            target,
            f"The demo cannot be checked and repaired ({brief(error)}). Check the rights of "
            f"{target} and the disk, or delete that folder.",
        )
    if files:
        log.warning("Restored %d files of the demo, %s among them", len(files), files[0])
    return Demo(target)


def _stamp() -> Path:
    return paths.data_dir() / f"demo-{VERSION}.stamp"


def _unpack(archives: list[Path], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if os.path.lexists(target):
        demo_files.set_aside(target, target.parent)
    temporary = Path(tempfile.mkdtemp(prefix=".demo.", dir=target.parent))
    try:
        for archive in archives:
            demo_files.extract(archive, temporary)
        temporary.chmod(0o755)
        os.replace(temporary, target)
        demo_files.remember(archives, target, _stamp())
    except OSError:
        if not target.is_dir():  # else another program was faster
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
