"""What a model can be told to draw."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ClassLabel:
    """A class of the model; ``index`` from 0."""

    index: int
    name: str = ""


@dataclass(frozen=True)
class AnchorClass:
    """The class of the sample that anchors the selection."""


@dataclass(frozen=True)
class RandomClass:
    """A class that each picture draws from its own seed."""


@dataclass(frozen=True)
class ZeroLabel:
    """No class: a label vector of zeros, which is also what guidance leads away from."""


@dataclass(frozen=True)
class UniformLabel:
    """Every class with the same weight."""


@dataclass(frozen=True)
class Prompt:
    """A text, and the text that guidance leads away from."""

    text: str
    negative: str = ""


Condition = ClassLabel | AnchorClass | RandomClass | ZeroLabel | UniformLabel | Prompt
