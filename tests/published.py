"""What a user has who downloads: a home, a catalogue of their own, and a hub that it names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from web_server import WebServer, serve_web

from diffviews_desktop.data.sources import own_catalogue


def move_home(patch: pytest.MonkeyPatch, home: Path) -> None:
    """Have the program keep catalogue, checksums, data and caches in a folder."""
    for kind in ("CONFIG", "DATA", "CACHE"):
        patch.setenv(f"XDG_{kind}_HOME", str(home / kind.lower()))


def write_catalogue(text: str) -> None:
    """Write the user's own catalogue, in a home without one."""
    own_catalogue().parent.mkdir(parents=True)
    own_catalogue().write_text(text)


@contextmanager
def hub_of(catalogue: str, patch: pytest.MonkeyPatch, home: Path) -> Iterator[WebServer]:
    """A hub that the program asks, in a home with a catalogue in which ``{url}`` is its address."""
    move_home(patch, home)
    with serve_web() as server:
        patch.setenv("HF_ENDPOINT", server.url)
        write_catalogue(catalogue.format(url=server.url))
        yield server
