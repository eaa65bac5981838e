"""A window that is uncovered while updates of its map are held back shows no texture that is gone:
Qt would end the program."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from diffviews_desktop.ui.views.flat.renderer import choose_renderer

WINDOW = """
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QVBoxLayout, QWidget
from diffviews_desktop.app import create_application
from diffviews_desktop.ui.views.flat.point_plot import PointPlot
from diffviews_desktop.ui.views.flat.renderer import choose_renderer
from diffviews_desktop.ui.views.solid.cloud_widget import CloudWidget

app = create_application(["test"])
window, area = QWidget(), QWidget()
map, cloud = PointPlot(), CloudWidget()
map.draw_by(choose_renderer("opengl"))
QVBoxLayout(window).addWidget(area)
room = QVBoxLayout(area)
room.addWidget(map)
room.addWidget(cloud)
window.resize(500, 400)

def uncover():
    over = QWidget()
    over.setGeometry(window.geometry().adjusted(20, 20, -20, -20))
    over.show()
    assert QTest.qWaitForWindowExposed(over)
    over.close()
    QTest.qWait(50)

window.show()
assert QTest.qWaitForWindowExposed(window)
uncover()
for number in range(3):
    area.setUpdatesEnabled(False)
    {change}
    app.processEvents()
    uncover()
    area.setUpdatesEnabled(True)
    map.draw_by(choose_renderer("opengl"))
    uncover()
map.close_points()
cloud.close_threads()
print("fine")
"""


@pytest.mark.parametrize(
    "change",
    [
        'map.draw_by(choose_renderer("raster"))',
        "cloud.hide(); room.setContentsMargins(9 * number, 9, 9, 9)",
        "map.hide(); room.setContentsMargins(9 * number, 9, 9, 9)",
    ],
    ids=["the map is drawn otherwise", "the map is resized", "the cloud is resized"],
)
def test_no_texture_is_used_that_is_gone(change: str) -> None:
    """In a process of its own, which overwrites what it frees: it is this one that would end."""
    if choose_renderer("opengl").name != "opengl":
        pytest.skip("this display has no OpenGL")
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", WINDOW.replace("{change}", change)],
        env={**os.environ, "MALLOC_PERTURB_": "165"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.stdout == "fine\n", (done.returncode, done.stderr[-3000:])
