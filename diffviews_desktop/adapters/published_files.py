"""Checkpoints that were published without saying how they were trained, known by their names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class PublishedFile:
    """What is known of a checkpoint that the file does not say.

    Attributes:
        pattern: of its name, without regard to case.
        label_dropout: with what probability labels were dropped in training.
        guidance_scale: how it is sampled.
        note: the same as a sentence, to stand beside guidance.
        presets: settings that were published for it.
    """

    pattern: str
    label_dropout: float
    guidance_scale: float
    note: str
    presets: dict[str, tuple[dict[str, Any], str]]


PUBLISHED_FILES = (
    PublishedFile(
        pattern=r"dmd2.*imagenet.*10[-_ ]?steps?(?![a-z0-9])",
        label_dropout=0.1,
        guidance_scale=1.5,
        note="This is DMD2's fine-tune for up to ten steps, by its name: it is sampled with "
        "guidance 1.5, and it knows the zero label.",
        presets={
            "DMD2, ten steps": (
                {
                    "num_steps": 10,
                    "sampler": "renoise",
                    "sigma_max": 80.0,
                    "guidance_scale": 1.5,
                },
                "As DMD2's fine-tune for up to ten steps is sampled, with the guidance that its "
                "label dropout of 10 % has trained",
            ),
        },
    ),
)


def published_file(path: Path) -> PublishedFile | None:
    """What is known of a checkpoint by its name; None for all others."""
    for file in PUBLISHED_FILES:
        if re.search(file.pattern, path.name, re.IGNORECASE):
            return file
    return None
