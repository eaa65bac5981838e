"""Saved directions and means of sets, as they are listed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diffviews_desktop.errors import UsageError
from diffviews_desktop.text.translation import tr
from diffviews_desktop.values.layers import LayerSet, LayerShape, normalise
from diffviews_desktop.values.told import described_told, read_told

ENDING = ".safetensors"
LONGEST_NAME = 80
_NAME = re.compile(rf"[^\W_][\w .+()-]{{0,{LONGEST_NAME - 1}}}")


@dataclass(frozen=True)
class DirectionInfo:
    """A saved vector.

    Attributes:
        name: by which interventions name it.
        kind: ``difference`` of two sets, ``samples`` for the mean of one, or ``component``.
        model: that it was made with.
        layers: that it has values of.
        shapes: of these values, for one sample.
        path: its file.
        record: how it was made: ids of the samples, the checkpoint, versions.
    """

    name: str
    kind: str
    model: str
    layers: LayerSet
    shapes: Mapping[str, LayerShape]
    path: Path
    record: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        normalise(self, "layers")

    @property
    def told_words(self) -> str:
        """``told nothing``, ``told their caption``, …: what its samples were told; empty where
        nothing can be told, or nobody wrote it down."""
        words = self.record.get("samples_told")
        if isinstance(words, str):
            return words
        try:  # files without it are older than it was written down in words
            return described_told(read_told(self.record.get("told")), None)
        except ValueError:
            return ""


def checked_name(name: str) -> str:
    """A name that a saved vector can have: it is that of a file, too.

    Raises:
        UsageError: it cannot have it.
    """
    if not _NAME.fullmatch(name) or name != name.strip(" ."):
        raise UsageError(
            tr(
                "{name!r} cannot be the name of a direction. Use up to {longest_name} "
                "letters, digits, spaces and - . + ( ), beginning with a letter or a digit.",
                name=name,
                longest_name=LONGEST_NAME,
            )
        )
    return name
