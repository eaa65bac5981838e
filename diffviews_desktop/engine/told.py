"""What the samples of a map are told, where nobody chose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from diffviews_desktop.data.cache.layer_cache import cache_key
from diffviews_desktop.data.checkpoints.files import identity
from diffviews_desktop.engine.opened_model import Host, OpenedModel
from diffviews_desktop.errors import DataError, UsageError
from diffviews_desktop.values.conditions import ClassLabel, Prompt, UniformLabel
from diffviews_desktop.values.models import ModelFacts
from diffviews_desktop.values.told import (
    NOTHING,
    OWN_CONDITION,
    Told,
    described_told,
    read_told,
    told_words,
)


def told_of(host: Host, opened: OpenedModel, layers: Sequence[str], choice: Told | None) -> Told:
    """What each sample is told: what was asked for; else what the samples of the folder's own map,
    or of the activations that it brings, were told; else what its config.json says; else what suits
    the model (see `usual`).

    Raises:
        UsageError: the model cannot be told that.
    """
    if choice is not None:
        return choice
    samples = opened.samples
    if samples.xy is not None and tuple(layers) == tuple(samples.layers):
        return samples.told
    brought = opened.brings(layers)
    if brought is not None:
        return brought
    if opened.folder.config.told is not None:
        return read_told(opened.folder.config.told)
    return usual(training_of(host, opened) or host.model_of(opened).facts)


class Training(Protocol):
    """What is known of how a model was trained to be told something."""

    @property
    def is_conditional(self) -> bool:
        """Whether anything can be told it."""

    @property
    def prompts(self) -> bool:
        """Whether it takes prompts."""

    @property
    def label_dropout(self) -> float | None:
        """With what probability conditions were dropped; None where nobody says."""


@dataclass(frozen=True)
class _Remembered:
    is_conditional: bool
    prompts: bool
    label_dropout: float | None


def training_of(host: Host, opened: OpenedModel) -> Training | None:
    """What is known of a model that is loaded, or of which the cache has a map; else None."""
    facts = host.facts_if_loaded(opened)
    if facts is not None:
        return facts
    model_id = _identity(opened)
    for info in opened.cache.entries():
        if info.details.get("trained_of") == model_id:
            dropout = info.details.get("label_dropout")
            is_number = isinstance(dropout, int | float) and not isinstance(dropout, bool)
            return _Remembered(
                is_conditional=bool(info.details.get("conditional")),
                prompts=info.details.get("prompts") is True,
                label_dropout=dropout if is_number else None,
            )
    return None


def remember(opened: OpenedModel, facts: ModelFacts) -> dict[str, Any]:
    """What an entry of the cache keeps, so that a map can be found again without the model."""
    return {
        "trained_of": _identity(opened),
        "conditional": facts.is_conditional,
        "prompts": facts.prompts,
        "label_dropout": facts.label_dropout,
    }


def _identity(opened: OpenedModel) -> str:
    config = opened.folder.config
    try:
        weights = identity(opened.folder.checkpoint())
    except DataError:
        weights = []
    return cache_key(
        {"adapter": config.adapter, "weights": weights, "label_dropout": config.label_dropout}
    )


def default_told(opened: OpenedModel, facts: ModelFacts) -> Told:
    """What each sample is told when a layer is extracted for which nobody chose."""
    setting = opened.folder.config.told
    return usual(facts) if setting is None else read_told(setting)


def by_original(opened: OpenedModel, layers: Sequence[str], told: Told, own_map: bool) -> bool:
    """Whether it was the original system that told the samples of a map their classes: the map, or
    the activations that it is made of, came with a folder in the original's form.

    Args:
        opened: the model.
        layers: of the map.
        told: what its samples were told.
        own_map: whether it is the folder's own.
    """
    config = opened.folder.config
    if told != OWN_CONDITION or config.extraction_input != "scaled" or config.told is not None:
        return False
    return own_map or opened.brings(layers) == OWN_CONDITION


def usual(facts: Training) -> Told:
    """Nothing, where the model has learnt what that is; else each sample's own condition."""
    return NOTHING if facts.label_dropout and facts.is_conditional else OWN_CONDITION


def check_told(told: Told, facts: ModelFacts) -> None:
    """Refuse what the model cannot be told.

    Raises:
        UsageError: it has no such class, no classes, or takes no prompts.
    """
    if isinstance(told, Prompt) and not facts.prompts:
        raise UsageError("This model takes no prompts. Choose own, none, uniform or a class.")
    if isinstance(told, ClassLabel | UniformLabel) and not facts.num_classes:
        instead = "none, own, or prompt: and a text" if facts.prompts else "none or own"
        raise UsageError(f"This model has no classes. Choose {instead}.")
    if isinstance(told, ClassLabel) and told.index >= facts.num_classes:
        raise UsageError(
            f"There is no class {told.index}: the model has the classes 0 to "
            f"{facts.num_classes - 1}."
        )


def told_note(told: Told, facts: Training | None) -> str:
    """What to keep in mind of a map whose samples were told something; empty where nothing is.

    Args:
        told: what they were told.
        facts: what is known of the model; None where that is nothing.
    """
    if facts is not None and not facts.is_conditional:
        return ""
    prompts = facts is not None and facts.prompts
    nothing = told_words(NOTHING, prompts)
    if told == OWN_CONDITION:
        kind, alike = ("caption", "of like captions") if prompts else ("class", "of a class")
        note = (
            f"Each sample was told its own {kind}, so samples {alike} may lie together because of "
            "what they were told rather than because of what they show."
        )
        if facts is not None and not facts.label_dropout:
            learnt = "is not known to have been" if facts.label_dropout is None else "was not"
            note += f" The model {learnt} trained to be told {nothing}."
        return note
    if told == NOTHING:
        if facts is None or facts.label_dropout:
            return ""
        learnt = "is not known to have been" if facts.label_dropout is None else "was not"
        return (
            f"The samples were told {nothing}, for which the model {learnt} trained: what its "
            "layers compute then may be unlike what they compute otherwise."
        )
    return f"Every sample was {described_told(told, prompts)}, whatever it shows."
