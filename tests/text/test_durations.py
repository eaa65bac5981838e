"""Durations as rough as an estimate is."""

from __future__ import annotations

import pytest

from diffviews_desktop.text.durations import duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.01, "1 s"),
        (7.6, "8 s"),
        (43, "40 s"),
        (99, "100 s"),
        (100, "2 min"),
        (720, "12 min"),
        (9000, "2.5 h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
