"""From conditions to label vectors, and batches that are cut, joined and moved."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from tiny import labels_of

from diffviews_desktop.adapters.conditioning import (
    LabelVectors,
    class_number,
    condition_of,
    draw_classes,
    label_vectors,
    unconditional_of,
)
from diffviews_desktop.errors import UsageError
from diffviews_desktop.values.conditions import (
    AnchorClass,
    ClassLabel,
    Condition,
    Prompt,
    RandomClass,
    ZeroLabel,
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def chosen(count: int, choice: Any, seed: int = 0, num_classes: int = 5) -> tuple[Condition, ...]:
    asked = [condition_of(choice, num_classes)] * count
    return draw_classes(asked, num_classes, generator(seed))


def numbers(conditions: tuple[Condition, ...]) -> list[int]:
    return [class_number(condition) for condition in conditions]


def vectors(*conditions: Condition) -> torch.Tensor:
    made = label_vectors(conditions, 5).vectors
    assert made is not None
    return made


# ---- choices of a class -------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, 3, np.int64(3)])
def test_a_class_is_one_hot_and_0_is_a_class(number: int) -> None:
    conditions = chosen(2, number)
    assert conditions == (ClassLabel(int(number)), ClassLabel(int(number)))
    assert numbers(conditions) == [number, number]
    assert torch.equal(vectors(*conditions), labels_of(int(number), int(number)))
    assert torch.equal(vectors(*map(unconditional_of, conditions)), torch.zeros(2, 5))


@pytest.mark.parametrize("choice", [-1, "uniform"])
def test_the_uniform_label(choice: Any) -> None:
    conditions = chosen(2, choice)
    assert numbers(conditions) == [-1, -1]
    assert torch.equal(vectors(*conditions), torch.full((2, 5), 0.2))
    assert tuple(map(unconditional_of, conditions)) == conditions


@pytest.mark.parametrize("choice", [None, "random"])
def test_random_classes_come_from_the_generator(choice: Any) -> None:
    conditions = chosen(400, choice, seed=1)
    assert set(numbers(conditions)) == {0, 1, 2, 3, 4}
    assert torch.equal(vectors(*conditions), labels_of(*numbers(conditions)))
    assert chosen(400, choice, seed=1) == conditions
    assert chosen(400, choice, seed=2) != conditions


def test_each_picture_draws_its_class_from_its_own_generator() -> None:
    together = draw_classes([RandomClass()] * 3, 1000, [generator(s) for s in (4, 5, 6)])
    alone = [draw_classes([RandomClass()], 1000, [generator(s)])[0] for s in (4, 5, 6)]
    assert list(together) == alone
    mixed = draw_classes(
        [ZeroLabel(), RandomClass(), ClassLabel(2)], 1000, [generator(s) for s in (4, 5, 6)]
    )
    assert mixed == (ZeroLabel(), alone[1], ClassLabel(2))


def test_the_zero_label() -> None:
    conditions = chosen(2, "zero")
    assert numbers(conditions) == [-2, -2]
    assert not vectors(*conditions).any()
    assert tuple(map(unconditional_of, conditions)) == conditions


@pytest.mark.parametrize("choice", [5, -2, "seven", 1.0])
def test_a_class_that_does_not_exist_is_refused(choice: Any) -> None:
    with pytest.raises(UsageError, match="use 0 to 4, random, zero or uniform"):
        chosen(1, choice)


@pytest.mark.parametrize("choice", [None, "random", "zero", -1, 3])
def test_an_unconditional_model_has_no_labels(choice: Any) -> None:
    conditions = chosen(2, choice, num_classes=0)
    assert numbers(conditions) == [-2, -2]
    made = label_vectors(conditions, 0)
    assert (made.vectors, len(made)) == (None, 2)


# ---- what a model with classes does not take ----------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        (ClassLabel(5), "There is no class 5: use 0 to 4"),
        (ClassLabel(-1), "There is no class -1"),
        (Prompt("a cat"), r"takes no prompts\. Choose one of its classes"),
        (RandomClass(), "Choose a class"),
        (AnchorClass(), "Choose a class"),
    ],
)
def test_what_no_label_vector_says_is_refused(condition: Condition, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        label_vectors([ZeroLabel(), condition], 5)


def test_a_prompt_is_refused_by_an_unconditional_model_too() -> None:
    with pytest.raises(UsageError, match="takes no prompts"):
        label_vectors([Prompt("a cat")], 0)


def test_guidance_leads_away_from_the_negative_prompt() -> None:
    assert unconditional_of(Prompt("a cat", "a dog")) == Prompt("a dog")
    assert draw_classes([Prompt("a cat"), RandomClass()], 0, generator()) == (
        Prompt("a cat"),
        ZeroLabel(),
    )


# ---- batches ------------------------------------------------------------------------------------


@pytest.mark.parametrize("num_classes", [0, 5])
def test_batches_are_cut_and_joined(num_classes: int) -> None:
    whole = label_vectors([ClassLabel(n) for n in range(5)], num_classes)
    parts = [whole.take(slice(0, 2)), whole.take(slice(2, 4)), whole.take(slice(4, 9))]
    assert [len(part) for part in parts] == [2, 2, 1]
    again = parts[0].cat(parts[1]).cat(parts[2]).to("cpu")
    assert isinstance(again, LabelVectors)
    assert len(again) == 5
    if num_classes:
        assert torch.equal(again.vectors, torch.eye(5))
    else:
        assert again.vectors is None
