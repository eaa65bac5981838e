"""What samples can be told: how it is written, named, and compared with what a run was told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffviews_desktop.values.conditions import (
    ClassLabel,
    Condition,
    Prompt,
    UniformLabel,
    ZeroLabel,
)
from diffviews_desktop.values.told import (
    NOTHING,
    OWN_CONDITION,
    Told,
    conditions_told,
    described_told,
    read_told,
    told_apart,
    told_like,
    told_text,
)

TOLD = st.one_of(
    st.sampled_from([OWN_CONDITION, NOTHING, UniformLabel()]),
    st.integers(0, 10**8).map(ClassLabel),
    st.text(min_size=1).map(str.strip).filter(bool).map(Prompt),
)


@given(TOLD)
def test_what_is_written_reads_back(told: Told) -> None:
    assert read_told(told_text(told)) == told


@pytest.mark.parametrize(
    ("written", "told"),
    [(3, ClassLabel(3)), ("007", ClassLabel(7)), (" None ", NOTHING), ("OWN", OWN_CONDITION)],
)
def test_what_people_write(written: object, told: Told) -> None:
    assert read_told(written) == told


@pytest.mark.parametrize("written", ["", "cat", "-1", "1.5", True, None, 2.0, [], "prompt:", "³"])
def test_anything_else_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="must be own, none, uniform"):
        read_told(written)


def test_a_map_says_what_its_samples_were_told() -> None:
    assert described_told(NOTHING, prompts=False) == "told nothing"
    assert described_told(OWN_CONDITION, prompts=False) == "told their class"
    assert described_told(ClassLabel(3, "three"), prompts=False) == "told class 3 three"
    assert described_told(UniformLabel(), prompts=False) == "told the uniform label"


def test_of_a_model_that_takes_prompts_it_says_captions_and_prompts() -> None:
    assert described_told(NOTHING, prompts=True) == "told an empty prompt"
    assert described_told(OWN_CONDITION, prompts=True) == "told their caption"
    assert described_told(Prompt("a cat"), prompts=True) == "told one prompt, “a cat”"


def test_where_the_model_is_not_known_it_says_both() -> None:
    assert described_told(OWN_CONDITION, None) == "told their class or caption"
    assert described_told(NOTHING, None) == "told nothing"


def test_each_sample_is_told_its_own_class_where_the_model_has_it() -> None:
    told = conditions_told(OWN_CONDITION, [0, 2, -1, 3], (), 3, prompts=False)
    assert told == [ClassLabel(0), ClassLabel(2), NOTHING, NOTHING]


def test_a_model_that_takes_prompts_is_told_captions() -> None:
    told = conditions_told(OWN_CONDITION, [0, 1, 2], ["a cat", "", "a dog"], 0, prompts=True)
    assert told == [Prompt("a cat"), NOTHING, Prompt("a dog")]
    assert conditions_told(OWN_CONDITION, [0, 1], (), 0, prompts=True) == [NOTHING, NOTHING]


@pytest.mark.parametrize("told", [NOTHING, UniformLabel(), ClassLabel(2), Prompt("a cat")])
def test_all_samples_are_told_the_same(told: Told) -> None:
    assert conditions_told(told, [0, 1, -1], (), 3, prompts=False) == [told] * 3


@pytest.mark.parametrize(
    ("told", "condition"),
    [
        (None, None),
        (NOTHING, ZeroLabel()),
        (OWN_CONDITION, ClassLabel(3)),
        (OWN_CONDITION, Prompt("a cat")),
        (ClassLabel(3), ClassLabel(3, "three")),
    ],
)
def test_like_is_compared_with_like(told: Told | None, condition: Condition | None) -> None:
    assert told_apart(told, condition, prompts=isinstance(condition, Prompt)) == ""


@pytest.mark.parametrize(
    ("told", "condition"),
    [
        (NOTHING, ClassLabel(3)),
        (OWN_CONDITION, ZeroLabel()),
        (OWN_CONDITION, UniformLabel()),
        (ClassLabel(3), ClassLabel(4)),
        (ClassLabel(3), ZeroLabel()),
    ],
)
def test_what_cannot_be_compared_is_said(told: Told, condition: Condition) -> None:
    said = told_apart(told, condition, "picture", prompts=False)
    assert f"were {described_told(told, False)}, the picture was told" in said
    assert said.endswith(f"samples that were {described_told(told_like(condition), False)}.")


def test_a_prompt_that_a_picture_was_told_is_quoted() -> None:
    said = told_apart(NOTHING, Prompt("a cat"), "picture", prompts=True)
    assert "told an empty prompt, the picture was told “a cat”: where" in said
    assert said.endswith("samples that were told their caption.")


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        (ZeroLabel(), NOTHING),
        (UniformLabel(), UniformLabel()),
        (ClassLabel(4), OWN_CONDITION),
        (Prompt("a cat"), OWN_CONDITION),
    ],
)
def test_there_is_a_map_that_a_run_can_be_compared_with(condition: Condition, told: Told) -> None:
    assert told_like(condition) == told
    assert told_apart(told, condition, prompts=False) == ""
