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


def match_paths(written: Iterable[str], there: Collection[str]) -> dict[str, str]:
    """The file that each path means, where exactly one fits it.

    What fits as it is written goes before what fits only by other letters. Where two paths would
    mean one file only because their letters do not count, neither does.

    Args:
        written: paths, as they are written in a file.
        there: files that are there, with ``/``.
    """
    files = frozenset(there)
    left = set(written)
    found = {path: path for path in left & files}
    for key in (_slashed, _spelled, _decoded, loosely):
        left -= found.keys()
        if not left:
            break
        matched = _by(key, left, files)
        found |= matched if key is _slashed else _unrivalled(matched, found)
    return found


def loosely(path: str) -> str:
    """What all spellings of a path have in common."""
    decoded = _decoded(path)
    return decoded.lower() if decoded.isascii() else _composed(decoded.casefold())


def _decoded(path: str) -> str:
    path = _spelled(path)
    return _spelled(unquote(path, errors="surrogateescape")) if "%" in path else path


def _spelled(path: str) -> str:
    return _composed(_slashed(path))


def _slashed(path: str) -> str:
    """A path with ``/``, without what leads nowhere, such as ``./``."""
    return posixpath.normpath(path.replace("\\", "/")) if path else ""


def _composed(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _by(key: Callable[[str], str], written: set[str], files: frozenset[str]) -> dict[str, str]:
    """Paths with the one file that has the same key."""
    wanted = {path: key(path) for path in written}
    fitting: dict[str, list[str]] = {name: [] for name in wanted.values()}
    for file in files:
        if (name := key(file)) in fitting:
            fitting[name].append(file)
    return {path: fitting[name][0] for path, name in wanted.items() if len(fitting[name]) == 1}


def _unrivalled(matched: dict[str, str], before: dict[str, str]) -> dict[str, str]:
    """Of these matches, those of files that no path of another spelling means."""
    meaning: dict[str, set[str]] = {file: set() for file in matched.values()}
    for path, file in (*matched.items(), *before.items()):
        if file in meaning:
            meaning[file].add(_slashed(path))
    return {path: file for path, file in matched.items() if len(meaning[file]) == 1}
