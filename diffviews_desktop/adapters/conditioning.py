"""What a batch of pictures is to show: from conditions to what a network takes.

The sampler and the extractor know a `Conditioning` as a batch that can be cut, joined and moved;
what is in it is the model's own affair. Label vectors are made here alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
import torch
from torch import Tensor

from diffviews_desktop.errors import UsageError
from diffviews_desktop.values.conditions import (
    UNIFORM_LABEL,
    ClassLabel,
    Condition,
    Prompt,
    RandomClass,
    UniformLabel,
    ZeroLabel,
    class_number,
)


class Conditioning(Protocol):
    """What each sample of a batch is to show, as a model takes it."""

    def __len__(self) -> int:
        """Samples in the batch."""

    def take(self, rows: slice) -> Self:
        """Some of the samples."""

    def cat(self, other: Self) -> Self:
        """These samples, then others of the same model."""

    def to(self, device: str | torch.device) -> Self:
        """The same on a device."""


class Conditionings(NamedTuple):
    """The two that guidance acts on, of the same length; ``unconditional`` is None for a model that
    nothing can be told."""

    conditional: Conditioning
    unconditional: Conditioning | None


@dataclass(frozen=True, eq=False)
class LabelVectors:
    """A batch of ``size`` label vectors ``(B, num_classes) float32``; None for an unconditional
    model."""

    vectors: Tensor | None
    size: int

    def __len__(self) -> int:
        return self.size

    def take(self, rows: slice) -> LabelVectors:
        """Some of the samples."""
        size = len(range(*rows.indices(self.size)))
        return LabelVectors(None if self.vectors is None else self.vectors[rows], size)

    def cat(self, other: LabelVectors) -> LabelVectors:
        """These samples, then others of the same model."""
        size = self.size + other.size
        if self.vectors is None or other.vectors is None:
            return LabelVectors(None, size)
        return LabelVectors(torch.cat([self.vectors, other.vectors]), size)

    def to(self, device: str | torch.device) -> LabelVectors:
        """The same on a device."""
        return LabelVectors(None if self.vectors is None else self.vectors.to(device), self.size)


def label_vectors(conditions: Sequence[Condition], num_classes: int) -> LabelVectors:
    """Label vectors of a model with ``num_classes`` classes: 1 at a class, ``1 / num_classes``
    everywhere for the uniform label, and zeros.

    Raises:
        UsageError: the model has no such class, a random class was not drawn yet, or the condition
            is a prompt.
    """
    if any(isinstance(condition, Prompt) for condition in conditions):
        raise UsageError("This model takes no prompts. Choose one of its classes.")
    if not num_classes:
        return LabelVectors(None, len(conditions))
    numbers = torch.tensor([_row_of(condition, num_classes) for condition in conditions])
    vectors = (numbers[:, None] == torch.arange(num_classes)).float()
    vectors[numbers == UNIFORM_LABEL] = 1 / num_classes
    return LabelVectors(vectors, len(conditions))


def _row_of(condition: Condition, num_classes: int) -> int:
    if isinstance(condition, ClassLabel) and not 0 <= condition.index < num_classes:
        raise unknown_class(condition.index, num_classes)
    try:
        return class_number(condition)
    except ValueError as error:
        raise UsageError(f"Choose a class: {error}.") from error


def unknown_class(choice: Any, num_classes: int) -> UsageError:
    """That a model has no such class."""
    return UsageError(
        f"There is no class {choice!r}: use 0 to {num_classes - 1}, random, zero or uniform."
    )


def condition_of(choice: Any, num_classes: int) -> Condition:
    """A choice of class as a condition: a number, ``random`` or None, ``zero``, ``uniform`` or -1.

    Raises:
        UsageError: the model has no such class. One without classes takes any choice.
    """
    if choice is None or choice == "random":
        return RandomClass()
    if choice == "zero":
        return ZeroLabel()
    if choice in ("uniform", UNIFORM_LABEL):
        return UniformLabel()
    if not num_classes:
        return ZeroLabel()
    if isinstance(choice, int | np.integer) and 0 <= choice < num_classes:
        return ClassLabel(int(choice))
    raise unknown_class(choice, num_classes)


def draw_classes(
    conditions: Sequence[Condition],
    num_classes: int,
    generator: torch.Generator | Sequence[torch.Generator],
) -> tuple[Condition, ...]:
    """Conditions with a class for every `RandomClass`, each from its own generator where there is
    one a picture. A model without classes is told none."""
    if not num_classes:
        return tuple(c if isinstance(c, Prompt) else ZeroLabel() for c in conditions)
    rows = [row for row, condition in enumerate(conditions) if isinstance(condition, RandomClass)]
    if isinstance(generator, torch.Generator):
        numbers = torch.randint(num_classes, (len(rows),), generator=generator).tolist()
    else:
        numbers = [int(torch.randint(num_classes, (1,), generator=generator[r])) for r in rows]
    classes = {row: ClassLabel(number) for row, number in zip(rows, numbers, strict=True)}
    return tuple(classes.get(row, condition) for row, condition in enumerate(conditions))


def unconditional_of(condition: Condition) -> Condition:
    """What guidance leads away from: the negative prompt, the uniform label from itself, else the
    zero label."""
    match condition:
        case Prompt(negative=negative):
            return Prompt(negative)
        case UniformLabel():
            return condition
    return ZeroLabel()
