"""Names of files in stores as paths of this machine: none leaves its folder.

What is allowed is what every system can keep, so that a folder can be copied from one to another.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

from diffviews_desktop.errors import UnsafeKeyError
from diffviews_desktop.text.plain import MOST_OF_NAME, visible

PART = ".part"
"""How the name of a file ends that is not whole yet."""
OWN_FOLDER = ".diffviews-download"
"""Where a folder's journal of downloads lies, below it."""

MOST_BYTES = 1024
"""Of a key: S3 allows as many."""
MOST_OF_PART = 240
"""Bytes of a name between slashes: file systems keep 255, of which the end of the name is one."""
MOST_PARTS = 32

_FORBIDDEN = re.compile(r'[\\:<>"|?*]')
_DEVICE = re.compile(
    r"(?:con|prn|aux|nul|clock\$|conin\$|conout\$|(?:com|lpt)[0-9¹²³]) *(?:\..*)?", re.IGNORECASE
)
_SHORT_NAME = re.compile(r"[^.]{1,6}~[0-9]{1,6}(?:\.[^.]{0,3})?")  # Windows' second name of a file
_UNSEEN = re.compile("[\u200c\u200d]")  # some disks do not see them, and `visible` lets them stand


def local_path(folder: Path, key: str) -> Path:
    """Where the file of a key belongs in a folder.

    Raises:
        UnsafeKeyError: it could leave the folder, also through a link that is there, or not be kept
            under that name on every system.
    """
    reason = unsafe(key)
    if reason:
        raise UnsafeKeyError(
            f"The file “{visible(key, MOST_OF_NAME)}” was left out: {reason}. Rename it in the "
            "store if you need it."
        )
    path = folder.joinpath(*key.split("/"))
    root, parent = os.path.realpath(folder), os.path.realpath(path.parent)
    if not Path(parent).is_relative_to(root):
        raise UnsafeKeyError(
            f"The file “{visible(key, MOST_OF_NAME)}” was left out: a link in {folder} leads out "
            "of it. Put a folder in place of the link."
        )
    return path


def unsafe(key: str) -> str:
    """Why a key cannot be a path in a folder, as a part of a sentence; empty where it can."""
    parts = key.split("/")
    reasons = [*_of_whole(key, parts), *(reason for part in parts for reason in _of_part(part))]
    return reasons[0] if reasons else ""


def _of_whole(key: str, parts: list[str]) -> Iterator[str]:
    if visible(key) != key:
        yield "its name holds characters that cannot be seen"
    elif len(key.encode()) > MOST_BYTES or len(parts) > MOST_PARTS:
        yield "its name is too long"
    if key.startswith("/"):
        yield "its name begins at the root of the disk"
    if key.casefold().endswith(PART):
        yield f"names that end with {PART} belong to files that are not whole yet"
    if parts[0].casefold() == OWN_FOLDER:
        yield "its name is that of this program's own notes on downloads"


def _of_part(part: str) -> Iterator[str]:
    if part in ("", ".", ".."):
        yield "its name leads to another folder"
    elif part.endswith((".", " ")):
        yield "a part of its name ends with a dot or a space"
    if len(part.encode(errors="replace")) > MOST_OF_PART:
        yield "its name is too long"
    if _FORBIDDEN.search(part):
        yield "its name holds a backslash or another character that Windows does not allow"
    if _DEVICE.fullmatch(part):
        yield "its name is that of a device on Windows"
    if _SHORT_NAME.fullmatch(part):
        yield "Windows gives such names to other files"


def collisions(keys: Iterable[str]) -> dict[str, str]:
    """The keys that a disk could take for an earlier one, each with a sentence that says why.

    That is: keys that differ only in upper and lower case or in how accents are written, and a key
    that is a file where an earlier one needs a folder, or the other way round.
    """
    files: dict[str, str] = {}
    folders: dict[str, str] = {}
    reasons = {}
    for key in keys:
        name = _alike(key)
        above = [name[:i] for i, letter in enumerate(name) if letter == "/"]
        other = (
            files.get(name) or folders.get(name) or next(filter(None, map(files.get, above)), "")
        )
        if other:
            reasons[key] = (
                f"The file “{visible(key, MOST_OF_NAME)}” was left out: some disks take its name "
                f"for that of “{visible(other, MOST_OF_NAME)}”. Rename it in the store if you need "
                "it."
            )
            continue
        files[name] = key
        folders |= dict.fromkeys(above, key)
    return reasons


def _alike(key: str) -> str:
    """What all names have in common that a disk may take for one."""
    bare = unicodedata.normalize("NFD", _UNSEEN.sub("", key))
    return unicodedata.normalize("NFC", bare.casefold())
