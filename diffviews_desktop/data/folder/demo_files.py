"""The files of the unpacked demo, compared with those in its archives and restored from them.

A stamp beside the demo tells what each file looked like when it was last found to be right. One
that looks the same is read again once a day.
"""

from __future__ import annotations

import json
import os
import secrets
import stat
import time
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from diffviews_desktop.errors import DataError
from diffviews_desktop.files.reading import MOST_JSON, read_bytes
from diffviews_desktop.files.writing import create_beside, replacing

DISCARDED = ".aside"
_DAY = 24 * 3600
_PIECE = 1 << 20

_Checksums = dict[str, int]  # CRC-32 by name; names are those in the archives
_Looks = dict[str, list[int]]  # size and time of change in ns by name, as JSON has them
_Facts = list[list[str | int]]


class _Known(NamedTuple):
    """What the stamp says: what the files hold, how they looked, and when all were last read."""

    checksums: _Checksums
    looks: _Looks
    checked: float


def restore(archives: Sequence[Path], folder: Path, stamp: Path) -> list[str]:
    """Have every file of the archives be in a folder as it is in them.

    Args:
        archives: zips; no two have a file in common.
        folder: where they were unpacked; may have other files, too.
        stamp: a file to remember in; that it cannot be written does not matter.

    Returns:
        The names of the files that were missing or wrong.

    Raises:
        OSError: a file cannot be written.
        BadZipFile, EOFError, zlib.error: an archive is damaged.
        DataError: an archive has a file that leaves the folder.
    """
    record = _read_stamp(stamp, _facts(archives))
    if record is None:
        record = _Known(_read_checksums(archives), {}, 0.0)
    due = not 0 <= time.time() - record.checked < _DAY
    looks = _look(folder, record.checksums)
    if looks == record.looks and not due:
        return []
    doubtful = [n for n in record.checksums if due or looks.get(n) != record.looks.get(n)]
    wrong = _wrong(folder, record.checksums, doubtful)
    if wrong:  # or the stamp is
        record = record._replace(checksums=_read_checksums(archives))
        wrong = _wrong(folder, record.checksums, record.checksums)
        _unpack_again(archives, folder, wrong, record.looks)
    looks = _look(folder, record.checksums)
    checked = time.time() if due else record.checked
    _write_stamp(stamp, _facts(archives), _Known(record.checksums, looks, checked))
    return wrong


def remember(archives: Sequence[Path], folder: Path, stamp: Path) -> None:
    """Stamp what was just unpacked; raises as `restore` does."""
    checksums = _read_checksums(archives)
    record = _Known(checksums, _look(folder, checksums), time.time())
    _write_stamp(stamp, _facts(archives), record)


def extract(archive: Path, folder: Path) -> None:
    """Unpack a zip; raises as `restore` does."""
    with zipfile.ZipFile(archive) as bundle:
        for name in bundle.namelist():
            _check_inside(archive, folder, name)
        bundle.extractall(folder)


def set_aside(path: Path, beside: Path) -> None:
    """Move what is in the way into the folder ``.aside`` of another, under a name of its own."""
    (beside / DISCARDED).mkdir(exist_ok=True)
    with suppress(FileNotFoundError):  # another program was faster
        os.rename(path, beside / DISCARDED / f"{path.name}-{secrets.token_hex(4)}")


def _check_inside(archive: Path, folder: Path, name: str) -> None:
    root = os.path.realpath(folder)
    if not Path(os.path.realpath(os.path.join(root, name))).is_relative_to(root):
        raise DataError(f"{archive.name} holds a file outside its folder: {name}.")


# ---- what should be there, and what is ----------------------------------------------------------


def _facts(archives: Iterable[Path]) -> _Facts:
    """What tells archives from those of another version of the program."""
    status = [(path.name, path.stat()) for path in archives]
    return [[name, its.st_size, its.st_mtime_ns] for name, its in status]


def _read_checksums(archives: Iterable[Path]) -> _Checksums:
    checksums: _Checksums = {}
    for archive in archives:
        with zipfile.ZipFile(archive) as bundle:
            members = bundle.infolist()
        checksums |= {member.filename: member.CRC for member in members if not member.is_dir()}
    return checksums


def _look(folder: Path, names: Iterable[str]) -> _Looks:
    """How files look: those alone that are files, in folders that are no links."""
    targets, looks = set(names), _Looks()
    for parent in {name.rpartition("/")[0] for name in targets}:
        if not _is_folder(folder, parent):
            continue
        prefix = f"{parent}/" if parent else ""
        with suppress(OSError), os.scandir(folder / parent) as entries:
            for entry in entries:
                name = prefix + entry.name
                if name in targets and entry.is_file(follow_symlinks=False):
                    status = entry.stat(follow_symlinks=False)
                    looks[name] = [status.st_size, status.st_mtime_ns]
    return looks


def _is_folder(folder: Path, relative: str) -> bool:
    """Whether all on the way to a folder in another is one itself, not a link to one."""
    try:
        for part in relative.split("/") if relative else ():
            folder /= part
            if not stat.S_ISDIR(folder.lstat().st_mode):
                return False
    except OSError:
        return False
    return True


def _wrong(folder: Path, checksums: Mapping[str, int], names: Iterable[str]) -> list[str]:
    sound = {parent: _is_folder(folder, parent) for parent in map(_parent, checksums)}
    return [
        name for name in names if not sound[_parent(name)] or _crc(folder / name) != checksums[name]
    ]


def _parent(name: str) -> str:
    return name.rpartition("/")[0]


def _crc(path: Path) -> int | None:
    """The CRC-32 of a file; None where it is none, or cannot be read."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return None
        crc = 0
        with path.open("rb", buffering=0) as file:
            while piece := file.read(_PIECE):
                crc = zlib.crc32(piece, crc)
        return crc
    except OSError:
        return None


# ---- repairing ----------------------------------------------------------------------------------


def _unpack_again(
    archives: Iterable[Path], folder: Path, names: Iterable[str], looks: Mapping[str, list[int]]
) -> None:
    targets = set(names)
    for archive in archives:
        with zipfile.ZipFile(archive) as bundle:
            for name in [name for name in bundle.namelist() if name in targets]:
                _check_inside(archive, folder, name)
                _put(folder, name, bundle.read(name))
                if name in looks:  # what was made of it is told by its time
                    time_ns = looks[name][1]
                    os.utime(folder / name, ns=(time_ns, time_ns))


def _put(folder: Path, name: str, data: bytes) -> None:
    """Write a file in place of whatever is there."""
    parts = name.split("/")
    for end in range(1, len(parts)):
        parent = "/".join(parts[:end])
        if not _is_folder(folder, parent):
            if os.path.lexists(folder / parent):
                set_aside(folder / parent, folder)
            (folder / parent).mkdir(exist_ok=True)
    path = folder / name
    if _is_folder(folder, name):
        set_aside(path, folder)
    temporary, file = create_beside(path)  # not brought to the disk: what is lost is found wrong
    try:
        with file:
            file.write(data)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


# ---- remembering --------------------------------------------------------------------------------


def _read_stamp(stamp: Path, facts: _Facts) -> _Known | None:
    """What was remembered; None where that is of other archives, damaged, or missing."""
    try:
        checksum, _, text = read_bytes(stamp, MOST_JSON).partition(b"\n")
        content = json.loads(text) if checksum == _make_header(text) else {}
    except (OSError, ValueError):
        return None
    return _Known(*content["known"]) if content.get("archives") == facts else None


def _write_stamp(stamp: Path, facts: _Facts, record: _Known) -> None:
    text = json.dumps({"archives": facts, "known": record}).encode()
    with suppress(OSError), replacing(stamp) as file:
        file.write(_make_header(text) + b"\n" + text)


def _make_header(text: bytes) -> bytes:
    """The first line of a stamp: of what version it is, and the checksum of the rest."""
    return b"diffviews-demo-1 %08x" % zlib.crc32(text)
