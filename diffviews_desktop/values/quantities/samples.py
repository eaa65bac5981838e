"""Quantities that samples bring with them: their class and their noise level."""

from __future__ import annotations

import numpy as np

from diffviews_desktop.text.translation import marked, tr
from diffviews_desktop.values.quantities.quantity import Quantity, Scene, Values
from diffviews_desktop.values.samples import class_title


def _classes(scene: Scene) -> Values:
    assert scene.samples is not None
    classes = scene.samples.classes()
    numbers = np.array([number for number, _, _ in classes], dtype=np.int64)
    names = tuple(class_title(number, name) for number, name, _ in classes)
    position = np.searchsorted(numbers, scene.samples.class_label)
    return Values("class", tr("class"), position, "category", names=names)


def _sigmas(scene: Scene) -> Values:
    assert scene.samples is not None
    return Values("sigma", tr("noise level σ"), scene.samples.sigma, logarithmic=True)


CLASS = Quantity(
    by="class",
    title=marked("class"),
    meaning=marked("One colour a class."),
    missing=lambda scene: "",
    compute=_classes,
    is_category=lambda scene: True,
)
SIGMA = Quantity(
    by="sigma",
    title=marked("noise level"),
    meaning=marked("The noise level σ that the sample was extracted at."),
    missing=lambda scene: "",
    compute=_sigmas,
    on_axis=True,
)
