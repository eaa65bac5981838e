"""Where the parts of a contact sheet lie, whoever paints it."""

from __future__ import annotations

import pytest

from diffviews_desktop.exports.sheet_layout import SheetLayout, Style, fitting, lay_out

STYLE = Style(100, 50, 10, 12)


def width(text: str) -> float:
    return 8.0 * len(text)


@pytest.fixture
def layout() -> SheetLayout:
    return lay_out(("one", "three"), ("seed 1", "seed 2", "seed 3"), 5, STYLE, width)


def test_cells_follow_each_other_row_by_row(layout: SheetLayout) -> None:
    places = [layout.place(index)[:2] for index in range(5)]
    assert places == [(0, 0), (110, 0), (220, 0), (0, 60), (110, 60)]
    for index in range(5):
        x, y, wide, high = layout.place(index)
        for place in ((x, y), (x + wide / 2, y + high / 2), (x + wide, y + high)):
            assert layout.cell_at(*place) == index


@pytest.mark.parametrize(
    ("x", "y"), [(105, 20), (50, 55), (-1, 20), (50, -1), (330, 20), (250, 70), (50, 120)]
)
def test_there_is_no_cell_in_a_gap_or_outside(layout: SheetLayout, x: float, y: float) -> None:
    assert layout.cell_at(x, y) is None


def test_names_are_beside_their_pictures_and_everything_is_inside(layout: SheetLayout) -> None:
    assert [label[1:] for label in layout.column_labels] == [(50, -10), (160, -10), (270, -10)]
    assert [label[1:] for label in layout.row_labels] == [(-20, 25), (-20, 85)]
    x, y, wide, high = layout.bounds
    assert x == -20 - width("three") - 10
    assert y == -10 - STYLE.line - 10
    assert (x + wide, y + high) == (330, 120)


def test_a_sheet_without_names_has_no_room_for_them() -> None:
    layout = lay_out(("", ""), ("", "", ""), 5, STYLE, width)
    assert (layout.row_labels, layout.column_labels) == ((), ())
    assert layout.bounds == (-10, -10, 340, 130)


def test_names_are_plain_and_no_wider_than_their_place() -> None:
    layout = lay_out(("a\nb" * 90,), ("seed 1234567890123", "\x1b[2J"), 2, STYLE, width)
    first, second = (label.text for label in layout.column_labels)
    assert (first, second) == ("seed 1…90123", "\\x1b[2J")
    assert width(first) <= STYLE.width
    assert "\n" not in layout.row_labels[0].text
    assert width(layout.row_labels[0].text) <= 4 * STYLE.width


def test_the_ends_of_long_names_stay() -> None:
    names = [fitting(f"seed {2**31 + i}", 80, width) for i in range(3)]
    assert len(set(names)) == 3
    assert fitting("wide", 1, width) == "…"
