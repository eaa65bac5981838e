"""The page that asks for the place of a new model."""

from __future__ import annotations

from pathlib import Path

import pytest

from diffviews_desktop.ui.assistants.importing.output_page import _out_problem


def test_a_drive_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "exists", lambda path: False)  # not even the root, as of a drive
    assert _out_problem(Path("/z/models"), "") == "There is no such folder."
