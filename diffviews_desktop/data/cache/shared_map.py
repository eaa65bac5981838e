"""A map as one file that others can use: packed, and checked when it is unpacked.

A zip archive of two members::

    map.json        all that the map depends on, its key among them; size and checksum of the rest
    projector.npz   coordinates, reduction and figures, byte for byte those of the layer cache

The key is a hash of what the map depends on (`SharedName.of`), in terms that are the same on every
computer: contents of files, not their times. So an archive under another's name is noticed.
"""

from __future__ import annotations

import hashlib
import json
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self
from urllib.parse import quote, unquote

from diffviews_desktop import __version__
from diffviews_desktop.data.cache.cache_folder import KEY
from diffviews_desktop.data.cache.disk import CHUNK
from diffviews_desktop.data.cache.entry import DAMAGE, PROJECTOR
from diffviews_desktop.data.cache.layer_cache import cache_key
from diffviews_desktop.errors import CacheError
from diffviews_desktop.files.archives import open_archive
from diffviews_desktop.files.reading import open_regular
from diffviews_desktop.text.wording import size
from diffviews_desktop.values.layers import LayerSet

FORMAT = 1
ROOT = "maps"
SUFFIX = ".zip"
DESCRIPTION = "map.json"
MOST_DESCRIBED = 4 << 20
"""Bytes of a description."""
LONGEST_LABEL = 200
LARGEST = 2_000_000_000
"""Bytes of a projector that is packed or unpacked: it is read as a whole."""

_OF_FOLDER = (
    "adapter",
    "checkpoint",
    "dtype",
    "extraction_input",
    "samples",
    "stored",
    "weights",
)
_LEVEL = 1  # of deflate: coordinates are nearly random, so more of it takes long and saves nothing
_DAMAGED = (*DAMAGE, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError)


@dataclass(frozen=True)
class SharedName:
    """Where a map lies in a bucket: ``maps/<model>/<folder>/<layers>/<key>.zip``.

    Attributes:
        model: name of the model.
        folder: the hash of what all maps of the same samples and weights have in common.
        label: names of the layers, for people who look into the bucket; shortened where long.
        key: the hash of everything that the map depends on.
    """

    model: str
    folder: str
    label: str
    key: str

    @classmethod
    def of(cls, model: str, parts: Mapping[str, Any]) -> Self:
        """The name of a map that depends on ``parts``, which are plain values."""
        key = cache_key({"shared": FORMAT, **parts})
        return cls(model, folder_of(parts), label_of(parts["layers"]), key)

    @classmethod
    def read(cls, path: str) -> Self | None:
        """The name that an object has; None where it is no map."""
        root, *names = path.split("/")
        if root != ROOT or len(names) != 4:
            return None
        model, folder, label, file = names
        key = file.removesuffix(SUFFIX)
        is_map = file == f"{key}{SUFFIX}" and KEY.fullmatch(key) and KEY.fullmatch(folder)
        return cls(unquote(model, errors="surrogatepass"), folder, label, key) if is_map else None

    @property
    def path(self) -> str:
        """The key of the object."""
        return f"{folder_prefix(self.model, self.folder)}{self.label}/{self.key}{SUFFIX}"


def label_of(layers: Iterable[str]) -> str:
    """The names of layers as a part of an object's key."""
    return _escape(str(LayerSet(layers)))[:LONGEST_LABEL]


def folder_prefix(model: str, folder: str) -> str:
    """What the objects of all maps of the same samples and weights begin with."""
    return f"{ROOT}/{_escape(model)}/{folder}/"


def folder_of(parts: Mapping[str, Any]) -> str:
    """The hash of what all maps of the same samples and weights have in common."""
    return cache_key({name: parts[name] for name in _OF_FOLDER if name in parts})[:16]


def _escape(name: str) -> str:
    """A name without slashes, dots at its beginning, or letters that are no letters anywhere."""
    text = quote(name, safe="+", errors="surrogatepass")
    return text.replace(".", "%2E") if text.startswith(".") else text


@dataclass(frozen=True)
class SharedMap:
    """What an archive says of the map in it.

    Attributes:
        parts: all that the map depends on.
        size: bytes of the projector.
        sha256: its checksum.
    """

    parts: Mapping[str, Any]
    size: int
    sha256: str


def pack(projector: Path, out: IO[bytes], parts: Mapping[str, Any]) -> None:
    """Write the archive of a map.

    Args:
        projector: that of an entry of the layer cache.
        out: the archive.
        parts: all that the map depends on; plain values.

    Raises:
        CacheError: it is too large to be shared.
        OSError: a file cannot be read or written.
    """
    with open_regular(projector) as file:
        length, sha256 = _measure(file)
        if length > LARGEST:
            raise CacheError(
                f"The map takes {size(length)}, and maps of more than {size(LARGEST)} are not "
                "shared. Choose fewer principal components, or a smaller layer."
            )
        description = {
            "format": FORMAT,
            "program": __version__,
            "created": time.time(),
            "parts": parts,
            PROJECTOR: {"bytes": length, "sha256": sha256},
        }
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
            archive.writestr(DESCRIPTION, json.dumps(description, indent=1))
            file.seek(0)
            with archive.open(PROJECTOR, "w", force_zip64=True) as member:
                while piece := file.read(CHUNK):
                    member.write(piece)


def _measure(file: IO[bytes]) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    while piece := file.read(CHUNK):
        digest.update(piece)
        size += len(piece)
    return size, digest.hexdigest()


def read_description(path: Path, key: str) -> SharedMap:
    """What an archive says of the map in it.

    Args:
        path: the archive.
        key: of the map that it should be.

    Raises:
        CacheError: it is damaged, of another map, or of a later version of this program.
    """
    try:
        with open_archive(path) as archive:
            return _parse_description(archive, key)
    except CacheError:
        raise
    except _DAMAGED as error:
        raise CacheError(f"It is damaged ({type(error).__name__}).") from error


def _parse_description(archive: zipfile.ZipFile, key: str) -> SharedMap:
    names = sorted(info.filename for info in archive.infolist())
    if names != sorted((DESCRIPTION, PROJECTOR)):
        raise CacheError("It is not an archive of a map.")
    with archive.open(DESCRIPTION) as member:
        text = member.read(MOST_DESCRIBED + 1)
    if len(text) > MOST_DESCRIBED:
        raise CacheError("What it says of itself is too long.")
    content = json.loads(text)
    if not isinstance(content["format"], int) or content["format"] > FORMAT:
        raise CacheError("A later version of this program made it. Install that version.")
    parts, file = dict(content["parts"]), content[PROJECTOR]
    if cache_key({"shared": FORMAT, **parts}) != key:
        raise CacheError("It holds another map than its name says.")
    size = int(file["bytes"])
    if size != archive.getinfo(PROJECTOR).file_size or not 0 < size <= LARGEST:
        raise CacheError("Its map does not have the size that it should have.")
    return SharedMap(parts, size, str(file["sha256"]))


def unpack(
    path: Path, description: SharedMap, out: IO[bytes], check: Callable[[], None] = lambda: None
) -> None:
    """Write the projector of an archive.

    Args:
        path: the archive.
        description: what `read_description` said of it.
        out: the projector.
        check: called between pieces; may raise to stop.

    Raises:
        CacheError: it is not what was packed.
        OSError: the projector cannot be written.
    """
    digest, size = hashlib.sha256(), 0
    for piece in _pieces(path):
        digest.update(piece)
        size += len(piece)
        if size > description.size:
            break
        out.write(piece)
        check()
    if (size, digest.hexdigest()) != (description.size, description.sha256):
        raise CacheError("It is not what was packed.")


def _pieces(path: Path) -> Iterator[bytes]:
    try:
        with open_archive(path) as archive, archive.open(PROJECTOR) as member:
            while piece := member.read(CHUNK):
                yield piece
    except _DAMAGED as error:
        raise CacheError(f"It is damaged ({type(error).__name__}).") from error
