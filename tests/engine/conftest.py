"""Fixtures of the engine's tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from diffviews_desktop.values.folders import FolderRef


@pytest.fixture
def source(tiny_data: Callable[..., Path]) -> FolderRef:
    """A folder with a tiny model."""
    return FolderRef(tiny_data())
