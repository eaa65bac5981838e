"""The bundled demo: real digits and the models trained on them, unpacked into a data folder.

Once unpacked, the demo is a data folder like any other and takes the same way through the program.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
import zlib
from pathlib import Path

from diffviews_desktop import paths
from diffviews_desktop.errors import DataError

VERSION = "2"


def demo_folder() -> Path:
    """Where the demo of this version of the program is unpacked."""
    return paths.data_dir() / f"demo-{VERSION}"


def unpack_demo() -> Path:
    """Unpack the demo, if this version of it was not yet, and return its data folder.

    The folder appears whole or not at all, also when two programs start at once.

    Raises:
        DataError: it cannot be written, or the installation is incomplete.
    """
    target = demo_folder()
    if target.is_dir():
        return target
    archives = sorted((paths.resources() / "demo").glob("*.zip"))
    if not archives:
        raise DataError("The bundled demo is missing. Install the program again.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".demo.", dir=target.parent))
    except OSError as error:
        raise DataError(f"The demo cannot be unpacked into {target.parent} ({error}).") from error
    try:
        for archive in archives:
            _extract(archive, temporary)
        temporary.chmod(0o755)
        os.replace(temporary, target)
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        if not target.is_dir():  # else another program was faster
            raise DataError(f"The demo cannot be unpacked into {target} ({error}).") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def _extract(archive: Path, folder: Path) -> None:
    """Unpack a zip; a name that leaves the folder is refused."""
    root = os.path.realpath(folder)
    with zipfile.ZipFile(archive) as bundle:
        for member in bundle.namelist():
            if not Path(os.path.realpath(os.path.join(root, member))).is_relative_to(root):
                raise DataError(f"{archive.name} holds a file outside its folder: {member}.")
        bundle.extractall(folder)
