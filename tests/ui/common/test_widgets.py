"""Small widgets that several panels use."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QMenu, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.widgets import ChoiceButton, ComboBox


def text_begins(widget: QWidget) -> int:
    """The first column of pixels of a widget's text, in its own coordinates."""
    picture = widget.grab().toImage()
    rows = range(picture.height() // 3, 2 * picture.height() // 3)
    columns = range(3, picture.width() - 30)
    dark = [x for x in columns if any(picture.pixelColor(x, y).lightness() < 140 for y in rows)]
    return dark[0]


@pytest.mark.parametrize("has_menu", [False, True])
def test_the_text_of_a_choice_begins_where_that_of_a_combo_box_does(
    qtbot: QtBot, has_menu: bool
) -> None:
    theme.apply("light")
    window = QWidget()
    qtbot.addWidget(window)
    column, box, button = QVBoxLayout(window), ComboBox(), ChoiceButton()
    box.addItem("everywhere")
    button.setText("everywhere")
    if has_menu:
        button.setMenu(QMenu(button))
    column.addWidget(box)
    column.addWidget(button)
    theme.dress(window)
    window.resize(220, 100)
    window.show()
    assert abs(text_begins(button) - text_begins(box)) <= 1
