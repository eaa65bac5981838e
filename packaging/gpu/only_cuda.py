"""A plugin for pytest that leaves all tests out but those that need a CUDA device."""

from __future__ import annotations

import pytest
from tiny import needs_cuda


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests that carry the mark of `tiny.needs_cuda`."""
    reason = needs_cuda.mark.kwargs["reason"]
    tests = [
        item
        for item in items
        if any(mark.kwargs.get("reason") == reason for mark in item.iter_markers("skipif"))
    ]
    config.hook.pytest_deselected(items=[item for item in items if item not in tests])
    items[:] = tests
