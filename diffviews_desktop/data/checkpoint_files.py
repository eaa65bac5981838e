"""Checkpoint files as files: what a map depends on, and which file stands for another.

A checkpoint that was converted to ``.safetensors`` names the file it was made from in its header;
beside that file it is used in its place.
"""

from __future__ import annotations

import json
import struct
from functools import lru_cache
from pathlib import Path
from typing import Any

SOURCE_KEY = "diffviews_source"
MAX_HEADER = 100_000_000


def converted_name(path: Path) -> Path:
    """Where a checkpoint's converted form belongs."""
    return path.with_suffix(".safetensors")


def find_converted(path: Path) -> Path | None:
    """The converted form beside a checkpoint, if it was made from that file as it is now."""
    if not path.name:  # the root of the file system
        return None
    converted = converted_name(path)
    if converted == path or not converted.is_file():
        return None
    source = _source(converted)
    if source is None or source[0] != path.name:
        return None
    return converted if not path.is_file() or source == _facts(path) else None


def identity(path: Path) -> list[Any]:
    """What changes when a checkpoint's weights may have changed: names, sizes, times.

    A converted file has the identity of the file it was made from.
    """
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        return [[str(file.relative_to(path)), *_facts(file)[1:]] for file in files]
    source = _source(path) if path.suffix == ".safetensors" else None
    return source or _facts(path)


def source_facts(path: Path) -> dict[str, Any]:
    """What a converted file's header says of the file it was made from."""
    name, size, time = _facts(path)
    return {"name": name, "size": size, "mtime_ns": time}


def _facts(path: Path) -> list[Any]:
    stat = path.stat()
    return [path.name, stat.st_size, stat.st_mtime_ns]


def _source(path: Path) -> list[Any] | None:
    try:
        source = _read_source(path, *_facts(path)[1:])
    except OSError:
        return None
    return list(source) if source is not None else None


@lru_cache(maxsize=64)
def _read_source(path: Path, size: int, mtime_ns: int) -> tuple[Any, ...] | None:
    """Read once as long as the file has this size and time: it is asked for in every job."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(length)) if length <= MAX_HEADER else {}
        source = json.loads(header["__metadata__"][SOURCE_KEY])
        return source["name"], source["size"], source["mtime_ns"]
    except (OSError, ValueError, LookupError, TypeError, struct.error, RecursionError):
        return None
