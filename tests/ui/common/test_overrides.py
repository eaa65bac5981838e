"""What a method raises that Qt calls is heard, and does not end the program."""

from __future__ import annotations

import subprocess
import sys

import pytest

PAINTED = """
import sys
import diffviews_desktop.ui
from PySide6.QtCore import QRectF
from PySide6.QtWidgets import QGraphicsObject, QGraphicsScene, QGraphicsView
from diffviews_desktop.app import create_application

class Item(QGraphicsObject):
    faulty = False

    def boundingRect(self):
        return QRectF(0, 0, 10, 10)

    def paint(self, painter, option, widget=None):
        if self.faulty:
            {fault}

app = create_application(["test"])
sys.excepthook = lambda kind, error, where: print(type(error).__name__)
scene, item = QGraphicsScene(), Item()
scene.addItem(item)
view = QGraphicsView(scene)
view.show()
app.processEvents()
item.faulty = True
view.grab()
"""


@pytest.mark.parametrize(
    ("fault", "name"),
    [("[][0]", "IndexError"), ("int('x')", "ValueError"), ("len(3)", "TypeError")],
)
def test_an_exception_of_c_code_is_heard(fault: str, name: str) -> None:
    """In a process of its own, which would end."""
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", PAINTED.replace("{fault}", fault)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.stdout == f"{name}\n", (done.returncode, done.stderr[-3000:])
