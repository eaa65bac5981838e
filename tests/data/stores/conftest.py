"""Servers for the tests of stores."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from web_server import WebServer, serve_web


@pytest.fixture
def web() -> Iterator[WebServer]:
    """A web server of this test's own."""
    with serve_web() as server:
        yield server
