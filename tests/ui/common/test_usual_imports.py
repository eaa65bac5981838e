"""Modules are imported as Python imports them."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import builtins
usual = builtins.__import__
import {module}
from PySide6 import QtGui, QtOpenGLWidgets, QtSvg, QtWidgets
import pyqtgraph
assert builtins.__import__ is usual, builtins.__import__
assert "pydantic" not in __import__("sys").modules
"""


@pytest.mark.parametrize(
    "module", ["diffviews_desktop.app", "diffviews_desktop.ui.shell.window", "diffviews_desktop.ui"]
)
def test_pyside_does_not_import_in_our_place(module: str) -> None:
    program = PROGRAM.format(module=module)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert not done.returncode, done.stderr
