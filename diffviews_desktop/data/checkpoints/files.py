"""Checkpoint files as files: what a map depends on, and which file stands for another.

A checkpoint that was converted to ``.safetensors`` names the file it was made from in its header;
beside that file it is used in its place.
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from diffviews_desktop.errors import DataError
from diffviews_desktop.files.reading import is_regular, open_regular

SOURCE_KEY = "diffviews_source"
MAX_HEADER = 2**22
"""Bytes of the header of a ``.safetensors`` file: twice what 20,000 tensors need."""
WEIGHTS_IN_FOLDER = ("model.safetensors", "pytorch_model.bin", "pytorch_model.safetensors")
"""What a folder of accelerate holds, one of them; the first is used."""
VARIANTS = ("", "bf16", "fp16", "non_ema", "non_ema.bf16", "non_ema.fp16")
"""Of the weights that diffusers saves, the first that is there is used: those in full precision,
and smoothed ones before the others."""
DIFFUSERS_WEIGHTS = tuple(
    f"diffusion_pytorch_model{'.' if variant else ''}{variant}.{suffix}"
    for variant in VARIANTS
    for suffix in ("safetensors", "bin")
)
"""The same of a UNet's folder of diffusers."""
MOST_FILES = 1000
"""So many entries of a folder are looked at; beyond, only those of a known name."""

_PLACES = ("", "unet", "scheduler")
_WEIGHTS = (*WEIGHTS_IN_FOLDER, *DIFFUSERS_WEIGHTS)
_SETTINGS = ("model_index.json", "config.json", "scheduler_config.json")
_DEEPEST = 3


def converted_name(path: Path) -> Path:
    """Where a checkpoint's converted form belongs."""
    return path.with_suffix(".safetensors")


def find_converted(path: Path) -> Path | None:
    """The converted form beside a checkpoint, if it was made from that file as it is now."""
    if not path.name:  # the root of the file system
        return None
    candidate = converted_name(path)
    if candidate == path or not candidate.is_file():
        return None
    source = _source(candidate)
    if source is None or source[0] != path.name:
        return None
    return candidate if not path.is_file() or source == _facts(path) else None


def identity(path: Path) -> list[Any]:
    """What changes when a checkpoint's weights may have changed: names, sizes, times.

    A converted file has the identity of the file it was made from.

    Raises:
        DataError: it is a folder that is no model's (see `files_of`).
    """
    if os.path.isdir(path):
        return [[str(file.relative_to(path)), *_facts(file)[1:]] for file in files_of(path)]
    source = _source(path) if path.suffix == ".safetensors" else None
    return source or _facts(path)


def files_of(path: Path) -> list[Path]:
    """The files that a checkpoint is made of, sorted: itself, or those of a folder.

    Of a folder, all that are in it, three levels down; where that are more than `MOST_FILES`, those
    of the names that accelerate and diffusers use. No link to a folder is followed.

    Raises:
        DataError: a folder has more files, and no weights under a known name.
    """
    if not os.path.isdir(path):
        return [path]
    files: list[Path] = []
    for count, entry in enumerate(_entries(path, _DEEPEST)):
        if count == MOST_FILES:
            return _known_files(path)
        if is_regular(entry.path):
            files.append(Path(entry))
    return sorted(files)


def _known_files(folder: Path) -> list[Path]:
    def find(names: tuple[str, ...]) -> list[Path]:
        paths = (folder / place / name for place in _PLACES for name in names)
        return [path for path in paths if is_regular(path)]

    weights = find(_WEIGHTS)
    if not weights:
        raise DataError(
            f"The folder {folder} holds none of {', '.join(_WEIGHTS)}, but more than {MOST_FILES} "
            "other files, so it is no model's. Name the model's own folder, or its file."
        )
    return sorted([*weights, *find(_SETTINGS)])


def _entries(folder: Path | os.DirEntry[str], levels: int) -> Iterator[os.DirEntry[str]]:
    """What is in a folder and below it; nothing of folders that cannot be read."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            yield entry
            if levels > 1 and entry.is_dir(follow_symlinks=False):
                yield from _entries(entry, levels - 1)


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
        with open_regular(path) as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(length)) if length <= MAX_HEADER else {}
        source = json.loads(header["__metadata__"][SOURCE_KEY])
        name, made_of, time = source["name"], source["size"], source["mtime_ns"]
    except (OSError, ValueError, LookupError, TypeError, struct.error, RecursionError):
        return None
    is_source = type(name) is str and type(made_of) is type(time) is int
    return (name, made_of, time) if is_source else None
