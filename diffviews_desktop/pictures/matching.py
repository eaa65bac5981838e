"""Which picture a path means that another program has written.

The same file may be written with backslashes, in another case, with percent signs for letters
(``%20``), or with composed letters instead of decomposed ones (é as one letter or two, Unicode's
forms NFC and NFD).
"""

from __future__ import annotations

import posixpath
import unicodedata
from collections.abc import Callable, Collection, Iterable
from urllib.parse import unquote


def match_paths(paths: Iterable[str], names: Collection[str]) -> dict[str, str]:
    """The file that each path means, where exactly one fits it.

    What fits as it is written goes before what fits only by other letters. Where two paths would
    mean one file only because their letters do not count, neither does.

    Args:
        paths: as they are written in a file.
        names: of the files that are there, with ``/``.
    """
    files = frozenset(names)
    remainder = set(paths)
    matches = {path: path for path in remainder & files}
    for key in (_use_slashes, _spell, _decode, loosely):
        remainder -= matches.keys()
        if not remainder:
            break
        hits = _by(key, remainder, files)
        matches |= hits if key is _use_slashes else _drop_rivals(hits, matches)
    return matches


def loosely(path: str) -> str:
    """What all spellings of a path have in common."""
    text = _decode(path)
    return text.lower() if text.isascii() else _compose(text.casefold())


def _decode(path: str) -> str:
    path = _spell(path)
    return _spell(unquote(path, errors="surrogateescape")) if "%" in path else path


def _spell(path: str) -> str:
    return _compose(_use_slashes(path))


def _use_slashes(path: str) -> str:
    """A path with ``/``, without what leads nowhere, such as ``./``."""
    return posixpath.normpath(path.replace("\\", "/")) if path else ""


def _compose(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _by(key: Callable[[str], str], paths: set[str], files: frozenset[str]) -> dict[str, str]:
    """Paths with the one file that has the same key."""
    keys = {path: key(path) for path in paths}
    fitting: dict[str, list[str]] = {name: [] for name in keys.values()}
    for file in files:
        if (name := key(file)) in fitting:
            fitting[name].append(file)
    return {path: fitting[name][0] for path, name in keys.items() if len(fitting[name]) == 1}


def _drop_rivals(hits: dict[str, str], matches: dict[str, str]) -> dict[str, str]:
    """Of these matches, those of files that no path of another spelling means."""
    meaning: dict[str, set[str]] = {file: set() for file in hits.values()}
    for path, file in (*hits.items(), *matches.items()):
        if file in meaning:
            meaning[file].add(_use_slashes(path))
    return {path: file for path, file in hits.items() if len(meaning[file]) == 1}
