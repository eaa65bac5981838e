"""What each sample is told when its layers are extracted, and how files and options write it.

A network's activations depend on the picture, the noise level and the condition. A map of samples
that were told their own classes shows those classes even where the layer does not see them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from diffviews_desktop.text.translation import tr
from diffviews_desktop.values.conditions import (
    ANCHOR_CLASS,
    ClassLabel,
    Condition,
    Prompt,
    UniformLabel,
    ZeroLabel,
    describe,
)


@dataclass(frozen=True)
class OwnCondition:
    """Each sample's own class, or its own caption for a model that takes prompts."""

    kind: Literal["own"] = field(default="own", repr=False)


OWN_CONDITION = OwnCondition()
NOTHING = ZeroLabel()
Told = OwnCondition | ZeroLabel | UniformLabel | ClassLabel | Prompt
BOTH = "both"
"""Two maps: of samples that are told nothing, and of the same ones told their own."""

_WORDS: dict[str, Told] = {"own": OWN_CONDITION, "none": NOTHING, "uniform": UniformLabel()}
_PROMPT = "prompt:"


def told_text(told: Told) -> str:
    """``own``, ``none``, ``uniform``, the number of a class, or ``prompt:`` and its text: how files
    and the command line write it."""
    match told:
        case ClassLabel(index=index):
            return str(index)
        case Prompt(text=text):
            return f"{_PROMPT}{text}"
    return next(word for word, entry in _WORDS.items() if entry == told)


def read_told(text: Any) -> Told:
    """What `told_text` wrote; a class may also be given as a number.

    Raises:
        ValueError: it is none of these.
    """
    word = str(text).strip() if isinstance(text, str | int) and text is not True else ""
    if word.lower() in _WORDS:
        return _WORDS[word.lower()]
    if word.isascii() and word.isdecimal() and len(word) < 10:
        return ClassLabel(int(word))
    if word.startswith(_PROMPT) and word != _PROMPT:
        return Prompt(word.removeprefix(_PROMPT))
    raise ValueError(
        f"must be own, none, uniform, the number of a class, or {_PROMPT} and a text, not {text!r}"
    )


def told_words(told: Told, prompts: bool | None) -> str:
    """``nothing``, ``their class``, …; ``their caption`` where the model takes prompts.

    Args:
        told: what samples are told.
        prompts: whether the model takes prompts; None where that is not known.
    """
    match told:
        case OwnCondition():
            if prompts is None:
                return tr("their class or caption")
            return tr("their caption") if prompts else tr("their class")
        case ZeroLabel():
            return tr("an empty prompt") if prompts else tr("nothing")
        case UniformLabel():
            return tr("the uniform label")
        case ClassLabel():
            return tr("class {name}", name=describe(told))
        case Prompt(text=text):
            return tr("one prompt, “{text}”", text=text)
    raise TypeError(f"{told!r} is nothing that samples can be told")


def described_told(told: Told, prompts: bool | None) -> str:
    """``told nothing``, ``told their class``, …: a part of a map's title; see `told_words`."""
    return tr("told {what}", what=told_words(told, prompts))


def told_apart(
    told: Told | None,
    condition: Condition | None,
    subject: Literal["run", "picture"] = "run",
    *,
    prompts: bool,
) -> str:
    """Why a run, or a picture, cannot be compared with the samples of a map as it is, and with
    which it can; empty where it can.

    Args:
        told: what the samples were told; None where nothing can be told.
        condition: what the model was told of the picture, likewise.
        subject: what is compared.
        prompts: whether the model takes prompts.
    """
    if told is None or condition is None or told in (condition, told_like(condition)):
        return ""
    texts = {
        "samples": described_told(told, prompts),
        "said": _phrase_of(condition, prompts),
        "others": described_told(told_like(condition), prompts),
    }
    if subject == "picture":
        return tr(
            "The samples of this map were {samples}, the picture was told {said}: where it lies "
            "depends on that difference, too. Compare it with samples that were {others}.",
            **texts,
        )
    return tr(
        "The samples of this map were {samples}, the run was told {said}: where it lies depends on "
        "that difference, too. Compare it with samples that were {others}.",
        **texts,
    )


def _phrase_of(condition: Condition, prompts: bool) -> str:
    """What a run was told, within a sentence."""
    if isinstance(condition, ZeroLabel):
        return told_words(condition, prompts)
    if isinstance(condition, Prompt):
        return tr("“{text}”", text=condition.text)
    return describe(condition)


def told_like(condition: Condition | None) -> Told:
    """What the samples of a map were told that a run, or a picture of it, can be compared with; the
    reverse of `like_samples`.

    Args:
        condition: what the model was told of the picture.
    """
    return condition if isinstance(condition, ZeroLabel | UniformLabel) else OWN_CONDITION


def like_samples(told: Told | None) -> Condition:
    """What a run is told where nobody chose: the same as the samples of the map; the anchor's class
    where these were told their own, and where nothing is known.

    Args:
        told: what the samples were told; None where nothing can be told.
    """
    if told is None or isinstance(told, OwnCondition | Prompt):
        return ANCHOR_CLASS
    return told


def conditions_told(
    told: Told, classes: Iterable[int], captions: Sequence[str], num_classes: int, prompts: bool
) -> list[Condition]:
    """What each of some samples is told.

    Args:
        told: what they are to be told.
        classes: number of each sample's class, -1 where it has none.
        captions: each sample's caption; may be empty.
        num_classes: classes of the model.
        prompts: whether the model takes prompts.

    Returns:
        One condition a sample; the zero label where a sample has no class or caption of its own
        that the model knows.
    """
    numbers = list(classes)
    if told != OWN_CONDITION:
        assert not isinstance(told, OwnCondition)
        return [told] * len(numbers)
    if prompts:
        return [Prompt(text) if text else NOTHING for text in captions or [""] * len(numbers)]
    return [ClassLabel(int(number)) if 0 <= number < num_classes else NOTHING for number in numbers]
