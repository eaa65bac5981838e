"""What a model can be told to draw, and how records and the command line write it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from diffviews_desktop.text.translation import tr


@dataclass(frozen=True)
class ClassLabel:
    """A class of the model; ``index`` from 0. Whatever it is called, it is the same class."""

    index: int
    name: str = field(default="", compare=False)
    kind: Literal["class"] = field(default="class", repr=False)


@dataclass(frozen=True)
class AnchorClass:
    """The class of the sample that anchors the selection."""

    kind: Literal["anchor"] = field(default="anchor", repr=False)


@dataclass(frozen=True)
class RandomClass:
    """A class that each picture draws from its own seed."""

    kind: Literal["random"] = field(default="random", repr=False)


@dataclass(frozen=True)
class ZeroLabel:
    """No class: a label vector of zeros, which is also what guidance leads away from."""

    kind: Literal["zero"] = field(default="zero", repr=False)


@dataclass(frozen=True)
class UniformLabel:
    """Every class with the same weight."""

    kind: Literal["uniform"] = field(default="uniform", repr=False)


@dataclass(frozen=True)
class Prompt:
    """A text, and the text that guidance leads away from."""

    text: str
    negative: str = ""
    kind: Literal["prompt"] = field(default="prompt", repr=False)


Condition = ClassLabel | AnchorClass | RandomClass | ZeroLabel | UniformLabel | Prompt
ANCHOR_CLASS = AnchorClass()
Choice = int | str
"""A condition as records and the command line write it: the number of a class, or a word."""

UNIFORM_LABEL, ZERO_LABEL = -1, -2
"""Numbers that stand for these where a class is a number."""
_WORDS: dict[Choice, Condition] = {
    "anchor": AnchorClass(),
    "random": RandomClass(),
    "zero": ZeroLabel(),
    "uniform": UniformLabel(),
}


def choice_of(condition: Condition) -> Choice:
    """A condition as records write it.

    Raises:
        ValueError: it is a prompt, which this form cannot hold.
    """
    if isinstance(condition, ClassLabel):
        return condition.index
    for word, entry in _WORDS.items():
        if condition == entry:
            return word
    raise ValueError("a prompt has no number and no word")


def from_choice(choice: Any) -> Condition:
    """The condition that `choice_of` has written; any other value is refused.

    Raises:
        ValueError: there is no such condition.
    """
    if isinstance(choice, int) and not isinstance(choice, bool) and choice >= 0:
        return ClassLabel(choice)
    if not isinstance(choice, str) or choice not in _WORDS:
        raise ValueError(f"{choice!r} is no number of a class, nor {', '.join(map(str, _WORDS))}")
    return _WORDS[choice]


def class_number(condition: Condition | None) -> int:
    """The number that stands for what was drawn: its class, -1 for the uniform label, -2 for the
    zero label, for a prompt and for a model that is told nothing.

    Raises:
        ValueError: the class is not chosen yet.
    """
    match condition:
        case ClassLabel(index=index):
            return index
        case UniformLabel():
            return UNIFORM_LABEL
        case ZeroLabel() | Prompt() | None:
            return ZERO_LABEL
    raise ValueError("which class is meant is not known here")


def describe(condition: Condition | None) -> str:
    """``"3 three"``, or words; empty for a model that is told nothing."""
    match condition:
        case ClassLabel(index=index, name=name):
            return f"{index} {name}" if name and name != str(index) else str(index)
        case AnchorClass():
            return tr("the anchor's")
        case RandomClass():
            return tr("random")
        case ZeroLabel():
            return tr("zero label")
        case UniformLabel():
            return tr("uniform label")
        case Prompt(text=text):
            return text
    return ""
