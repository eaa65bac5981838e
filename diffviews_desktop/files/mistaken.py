"""Files that are something else than their names say, as downloads that failed leave them."""

from __future__ import annotations

import re
from pathlib import Path

from diffviews_desktop.files.reading import open_regular

LOOKED_AT = 512
"""Bytes at the start of a file that tell."""

_POINTER = b"version https://git-lfs.github.com/spec/"
_PAGE = re.compile(rb"\s*(<!doctype html|<html|<head|<body)", re.IGNORECASE)
_XML = re.compile(rb"\s*<(\?xml|error|message)\b", re.IGNORECASE)
_JSON = re.compile(rb'\s*[{\[]\s*("|\{|\}|\])')
_REFUSAL = re.compile(
    rb"\s*(entry not found|not found|(404|403|401)\b(?![.,;|\t])|access (is )?denied|forbidden|"
    rb"unauthorized|invalid username|repository not found)",
    re.IGNORECASE,
)
_ADVICE = "as a download that failed leaves. Get the file again, logged in if its page asks so"


def mistaken(start: bytes) -> str:
    """What a file is instead of data, and what to do, from its first bytes; empty where it may be
    what it should be. The text goes on after "it is" and has no full stop.

    Only for files whose right content begins otherwise: none of JSON or HTML.
    """
    start = start.removeprefix(b"\xef\xbb\xbf")
    if b"\0" in start:  # no text
        return ""
    if start.startswith(_POINTER):
        return (
            "a Git LFS pointer that stands for the file. Get the file itself: run 'git lfs pull' "
            "in its folder, or download it from its page"
        )
    if _PAGE.match(start):
        return f"a web page, {_ADVICE}"
    if _XML.match(start):
        return f"a text in XML, {_ADVICE}"
    if _REFUSAL.match(start):
        return f"a refusal of a server, {_ADVICE}"
    if _JSON.match(start):
        return f"a text in JSON, {_ADVICE}"
    return ""


def mistaken_file(path: Path, *, json: bool = True) -> str:
    """`mistaken` for a file; empty where it cannot be read. Without ``json``, JSON may be right."""
    try:
        with open_regular(path) as file:
            start = file.read(LOOKED_AT)
    except OSError:
        return ""
    return "" if not json and _JSON.match(start) else mistaken(start)
