"""Fixtures of the adapter tests."""

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `tiny`

from tiny import tiny_adapter

from diffviews_desktop.adapters.edm import EDMAdapter


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def adapter() -> EDMAdapter:
    """A fresh tiny conditional model, so that no test sees the hooks of another."""
    return tiny_adapter()
