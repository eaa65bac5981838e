"""What the program leaves to those that it starts."""

from __future__ import annotations

import os
import sys

import pytest

from diffviews_desktop import app


def test_other_programs_find_their_own_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/of/the/program:/mine")
    monkeypatch.setenv("LD_LIBRARY_PATH_ORIG", "/mine")
    monkeypatch.setenv("QT_PLUGIN_PATH", "/of/the/program")
    app._leave_environment()
    assert os.environ["QT_PLUGIN_PATH"] == "/of/the/program"  # from source, all is the user's own
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    app._leave_environment()
    assert os.environ["LD_LIBRARY_PATH"] == "/mine"
    assert not {"QT_PLUGIN_PATH", "LD_LIBRARY_PATH_ORIG"} & {*os.environ}
