"""Fields of all windows: numbers of one kind, and a wheel that needs the focus."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from all_windows import open_all
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QScrollArea,
    QScrollBar,
    QVBoxLayout,
    QWidget,
)
from pytestqt.qtbot import QtBot

from diffviews_desktop.state.state import State
from diffviews_desktop.ui.common.widgets import (
    ComboBox,
    Decimal,
    ElidingComboBox,
    Slider,
    WholeNumber,
)
from diffviews_desktop.ui.shell.window import MainWindow


def turn(field: QWidget, notches: int) -> None:
    """Turn the wheel over a field, by the window system."""
    handle = field.window().windowHandle()
    place = field.mapTo(field.window(), field.rect().center())
    QTest.wheelEvent(handle, QPointF(place), QPoint(0, 120 * notches))


def wheel(field: QWidget, notches: int) -> QWheelEvent:
    place = QPointF(field.rect().center())
    button, keys = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    turned, phase = QPoint(0, 120 * notches), Qt.ScrollPhase.NoScrollPhase
    return QWheelEvent(
        place, QPointF(field.mapToGlobal(place)), QPoint(), turned, button, keys, phase, False
    )


def value_of(field: QWidget) -> object:
    if isinstance(field, QComboBox):
        return field.currentIndex()
    assert isinstance(field, QAbstractSlider | Decimal)
    return field.value()


@pytest.fixture
def fields(
    qtbot: QtBot, open_window: Callable[..., MainWindow], state: State, make_job, make_step
) -> list[QWidget]:
    """Every field of every window that the wheel could change."""
    window = open_window(state)
    window.session.update(state)
    from diffviews_desktop.ui.views.solid.view import SolidView

    solid = SolidView(graphics_card=False)
    qtbot.addWidget(solid)
    solid.show()
    kinds = (QAbstractSpinBox, QComboBox, QAbstractSlider)
    windows = [*open_all(window), solid]
    found = [one for each in windows for kind in kinds for one in each.findChildren(kind)]
    while (popup := QApplication.activePopupWidget()) is not None:
        popup.close()  # else no wheel event arrives
    yield [one for one in dict.fromkeys(found) if not isinstance(one, QScrollBar)]
    solid.close_threads()


def test_every_number_is_typed_the_same_way(fields: list[QWidget]) -> None:
    numbers = [one for one in fields if isinstance(one, QAbstractSpinBox)]
    assert len(numbers) >= 12
    assert not [one for one in numbers if not isinstance(one, Decimal)]


def test_the_wheel_changes_no_field_without_the_focus(fields: list[QWidget]) -> None:
    kinds = {type(one).__mro__ for one in fields}
    for kind in (Decimal, WholeNumber, Slider, QComboBox):
        assert any(kind in mro for mro in kinds), kind
    tried = set()
    for field in fields:
        focused = QApplication.focusWidget()
        if focused is not None:
            focused.clearFocus()
        before = value_of(field)
        for notches in (1, -2, 1):
            QApplication.sendEvent(field, wheel(field, notches))  # modal windows are open, too
            assert value_of(field) == before, field
        assert field.focusPolicy() == Qt.FocusPolicy.StrongFocus, field
        tried.add(type(field))
    assert len(tried) >= 5


@pytest.mark.parametrize("kind", [Decimal, WholeNumber, ComboBox, ElidingComboBox, Slider])
def test_the_wheel_scrolls_the_panel_instead(qtbot: QtBot, kind: type[QWidget]) -> None:
    area, page = QScrollArea(), QWidget()
    qtbot.addWidget(area)
    field = kind(Qt.Orientation.Horizontal) if kind is Slider else kind()
    if isinstance(field, QComboBox):
        field.addItems(["a", "b", "c"])
        field.setCurrentIndex(1)
    else:
        field.setValue(50)
    page.setMinimumHeight(2000)
    QVBoxLayout(page).addWidget(field)
    area.setWidget(page)
    area.setWidgetResizable(True)
    area.resize(300, 200)
    area.show()
    area.activateWindow()
    area.verticalScrollBar().setValue(900)
    before = value_of(field)
    turn(field, -1)
    assert value_of(field) == before
    moved = area.verticalScrollBar().value()
    assert moved > 900
    field.setFocus()
    qtbot.waitUntil(field.hasFocus)
    turn(field, -1)
    assert value_of(field) != before
    assert area.verticalScrollBar().value() == moved
