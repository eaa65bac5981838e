"""Fields for numbers, in every language of the system."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QLocale, Qt
from PySide6.QtWidgets import QApplication, QToolTip
from pytestqt.qtbot import QtBot

from diffviews_desktop.ui.common.widgets import Decimal, WholeNumber

LANGUAGES = [
    "en_US",
    "de_DE",
    "fr_FR",
    "pt_BR",
    "pl_PL",
    "ru_RU",
    "de_CH",
    "ar_EG",
    "fa_IR",
    "hi_IN",
]


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    before = QLocale()
    QLocale.setDefault(QLocale(request.param))
    yield request.param
    QLocale.setDefault(before)


def shown(qtbot: QtBot, field: Decimal) -> Decimal:
    qtbot.addWidget(field)
    field.show()
    field.activateWindow()
    field.setFocus()
    qtbot.waitUntil(field.hasFocus)
    return field


def strength(qtbot: QtBot) -> Decimal:
    field = Decimal()
    field.setDecimals(4)
    field.setRange(0.0001, 1000)
    field.setValue(0.05)
    return shown(qtbot, field)


def enter(qtbot: QtBot, field: Decimal, text: str) -> float:
    """What a field holds after a text was typed into it and Return pressed."""
    field.selectAll()
    if text.isascii():
        qtbot.keyClicks(field, text)
    else:
        field.lineEdit().insert(text)
    qtbot.keyClick(field, Qt.Key.Key_Return)
    return field.value()


def test_numbers_are_read_in_every_language(qtbot: QtBot, language: str) -> None:
    field = strength(qtbot)
    for text, value in (
        *[("0.5", 0.5), ("0,5", 0.5), ("0.05", 0.05), ("1.25", 1.25), ("1,25", 1.25)],
        *[("1e-3", 0.001), ("1E2", 100), ("1.003", 1.003), ("12,3456", 12.3456), ("٠٫٥", 0.5)],
    ):
        assert enter(qtbot, field, text) == value, text


@given(value=st.floats(0.0001, 1000))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_a_field_shows_is_what_it_reads(qtbot: QtBot, language: str, value: float) -> None:
    field = Decimal()
    field.setDecimals(4)
    field.setRange(0.0001, 1000)
    field.setValue(value)
    before, text = field.value(), field.text()
    field.setValue(0.5)
    field.lineEdit().setText(text)
    field.interpretText()
    assert field.value() == before == round(value, 4)
    field.deleteLater()


def test_whole_numbers_are_read_in_every_language(qtbot: QtBot, language: str) -> None:
    field = WholeNumber()
    field.setRange(0, 2**32 - 1)
    shown(qtbot, field)
    for text, value in (("12", 12), ("1e3", 1000), ("12,0", 12), ("4294967295", 2**32 - 1)):
        assert enter(qtbot, field, text) == value
        assert field.text() == str(value)
        assert isinstance(field.value(), int)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1,500", "can be 1500 or 1.5"),
        ("1,003", "can be 1003 or 1.003"),
        ("1 000", "Leave out the thousands separators"),
        ("5000", "from 0.0001 to 1000"),
        ("1e-9", "from 0.0001 to 1000"),
        ("-1", "from 0.0001 to 1000"),
        ("1,2,3", "is not a number"),
        ("", "is not a number"),
    ],
)
def test_what_is_refused_leaves_the_number_and_says_why(qtbot: QtBot, text: str, said: str) -> None:
    field = strength(qtbot)
    field.setValue(0.25)
    field.selectAll()
    qtbot.keyClick(field, Qt.Key.Key_Delete)
    qtbot.keyClicks(field, text)
    assert field.value() == 0.25  # now, too: what draws meanwhile does not take half a number
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert (field.value(), field.text()) == (0.25, "0.25")
    (bubble,) = (w for w in QApplication.topLevelWidgets() if w.inherits("QTipLabel"))
    assert said in bubble.text()
    QToolTip.hideText()


def test_half_of_a_refused_number_is_not_kept(qtbot: QtBot) -> None:
    field = strength(qtbot)
    heard: list[float] = []
    field.valueChanged.connect(heard.append)
    enter(qtbot, field, "1,500")  # which is 1.5 before the second nought
    assert heard[-1] == field.value() == 0.05
    qtbot.keyClick(field, Qt.Key.Key_Up)
    enter(qtbot, field, "1,500")
    assert field.value() == 1.05  # as the arrow left it


def test_the_text_of_no_number_is_read(qtbot: QtBot) -> None:
    field = WholeNumber()
    field.setRange(0, 50)
    field.setSpecialValueText("no PCA")
    shown(qtbot, field)
    assert enter(qtbot, field, "20") == 20
    assert enter(qtbot, field, "no PCA") == 0
    assert field.text() == "no PCA"
    assert enter(qtbot, field, "7") == 7
    assert enter(qtbot, field, "0") == 0
    assert field.text() == "no PCA"


def test_letters_cannot_be_typed(qtbot: QtBot) -> None:
    field = strength(qtbot)
    assert enter(qtbot, field, "x1y2z") == 12
