"""Quantities that sort samples into groups: noise levels, clusters, and selections with names."""

from __future__ import annotations

import numpy as np

from diffviews_desktop.text.translation import group_digits, marked, tr
from diffviews_desktop.values.columns import MOST_CATEGORIES
from diffviews_desktop.values.quantities.quantity import Quantity, Scene, Values
from diffviews_desktop.values.sample_sets import set_of_each


def _no_levels(scene: Scene) -> str:
    assert scene.samples is not None
    count = len(scene.samples.levels)
    if count > MOST_CATEGORIES:
        return tr(
            "The samples have {count} noise levels, and colours tell at most "
            "{most_categories} apart. Choose noise level instead.",
            count=group_digits(count),
            most_categories=MOST_CATEGORIES,
        )
    return "" if count else tr("The noise levels of the samples are not known.")


def _levels(scene: Scene) -> Values:
    samples = scene.samples
    assert samples is not None
    levels = np.unique(samples.sigma[np.isfinite(samples.sigma)])
    position = np.searchsorted(levels, samples.sigma)
    position = np.where(np.isfinite(samples.sigma), position, -1)
    names = tuple(f"σ {level:g}" for level in samples.levels)
    return Values("level", tr("noise level"), position, "category", names=names)


def _no_clusters(scene: Scene) -> str:
    if scene.clusters is None or not scene.clusters.names:
        return tr("Find clusters first (Map ▸ Find clusters).")
    return ""


def _clusters(scene: Scene) -> Values:
    assert scene.samples is not None
    assert scene.clusters is not None
    numbers = scene.clusters.of_each(len(scene.samples))
    return Values("cluster", tr("cluster"), numbers, "category", names=scene.clusters.names)


def _no_sets(scene: Scene) -> str:
    return "" if scene.sets else tr("Name a selection first (Edit ▸ Name the selection).")


def _sets(scene: Scene) -> Values:
    assert scene.samples is not None
    numbers = set_of_each(scene.sets, len(scene.samples))
    names, colors = ([one.name for one in scene.sets], [one.color for one in scene.sets])
    return Values(
        "set",
        tr("named selection"),
        numbers,
        "category",
        names=tuple(names),
        colors=tuple(colors),
    )


LEVEL = Quantity(
    by="level",
    title=marked("noise level, each"),
    meaning=marked("One colour a noise level σ."),
    missing=_no_levels,
    compute=_levels,
    is_category=lambda scene: True,
)
CLUSTER = Quantity(
    by="cluster",
    title=marked("cluster"),
    meaning=marked("The dense group on the map that the sample is in."),
    missing=_no_clusters,
    compute=_clusters,
    depends_on=lambda scene: (scene.samples, scene.clusters),
    is_category=lambda scene: True,
)
SET = Quantity(
    by="set",
    title=marked("named selection"),
    meaning=marked("The selection with a name that the sample is in; of several, the last."),
    missing=_no_sets,
    compute=_sets,
    depends_on=lambda scene: (scene.samples, scene.sets),
    is_category=lambda scene: True,
)
