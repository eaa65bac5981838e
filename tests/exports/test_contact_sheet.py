"""Contact sheets: their names do not decide how large they are."""

from __future__ import annotations

import numpy as np
import pytest

from diffviews_desktop.exports.contact_sheet import render_sheet

PICTURES = [[np.full((64, 64, 1), 120, np.uint8)] * 2] * 2


@pytest.mark.parametrize("name", ["layer" * 4000, "two\nlines", "\udc80\x1b[31m", "שלום"])
def test_any_names_can_be_drawn(name: str) -> None:
    sheet = render_sheet(PICTURES, [name, "b"], [name, "d"])
    plain = render_sheet(PICTURES, ["x" * 60, "b"], ["x" * 60, "d"])
    assert sheet.shape[0] == plain.shape[0]
    assert sheet.shape[1] < 1.5 * plain.shape[1]
