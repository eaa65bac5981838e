"""What a model can be told: as records write it, as a number, and in words."""

from __future__ import annotations

import pytest

from diffviews_desktop.values.conditions import (
    AnchorClass,
    ClassLabel,
    Condition,
    Prompt,
    RandomClass,
    UniformLabel,
    ZeroLabel,
    choice_of,
    class_number,
    describe,
    from_choice,
)

WRITTEN = {
    ClassLabel(0): 0,
    ClassLabel(999): 999,
    AnchorClass(): "anchor",
    RandomClass(): "random",
    ZeroLabel(): "zero",
    UniformLabel(): "uniform",
}


@pytest.mark.parametrize(("condition", "written"), WRITTEN.items(), ids=map(str, WRITTEN.values()))
def test_what_records_write_is_read_again(condition: Condition, written: int | str) -> None:
    assert choice_of(condition) == written
    assert type(choice_of(condition)) is type(written)
    assert from_choice(written) == condition


@pytest.mark.parametrize("choice", ["nothing", "", -1, -2, True, 1.0])
def test_nothing_else_is_a_choice(choice: object) -> None:
    with pytest.raises(ValueError, match="is no number of a class"):
        from_choice(choice)  # type: ignore[arg-type]


def test_a_prompt_has_no_number_and_no_word() -> None:
    with pytest.raises(ValueError, match="prompt"):
        choice_of(Prompt("a cat"))


def test_numbers_stand_for_what_was_drawn() -> None:
    drawn = [ClassLabel(7), UniformLabel(), ZeroLabel(), Prompt("a cat"), None]
    assert [class_number(condition) for condition in drawn] == [7, -1, -2, -2, -2]
    for condition in (AnchorClass(), RandomClass()):
        with pytest.raises(ValueError, match="not known"):
            class_number(condition)


def test_words() -> None:
    told: dict[str, Condition | None] = {
        "3 three": ClassLabel(3, "three"),
        "3": ClassLabel(3),
        "4": ClassLabel(4, "4"),
        "the anchor's": AnchorClass(),
        "random": RandomClass(),
        "zero label": ZeroLabel(),
        "uniform label": UniformLabel(),
        "a cat": Prompt("a cat", "a dog"),
        "": None,
    }
    assert [describe(condition) for condition in told.values()] == list(told)


def test_a_class_is_the_same_whatever_it_is_called() -> None:
    assert ClassLabel(3, "three") == ClassLabel(3)
    assert ClassLabel(3) != ClassLabel(4)
