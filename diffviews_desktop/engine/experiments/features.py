"""How far pictures are from those without an intervention, as a layer of the model sees them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.data.activations.arrays import Float32
from diffviews_desktop.engine.opened_model import Host, OpenedModel
from diffviews_desktop.experiments.journal import Journal
from diffviews_desktop.experiments.measures import feature_distances
from diffviews_desktop.experiments.results import bare_numbers
from diffviews_desktop.values.conditions import ZeroLabel
from diffviews_desktop.values.experiments import Experiment

if TYPE_CHECKING:  # torch is imported when a model is first loaded
    from diffviews_desktop.core.extractor import SampleBatch


def distances_in_layer(
    experiment: Experiment, host: Host, opened: OpenedModel, journal: Journal
) -> NDArray[np.float64]:
    """The distance of each picture ``(N,)``, in the layer that the experiment names.

    The model is told nothing of them, and each pair sees the same noise.
    """
    from diffviews_desktop.core.extractor import SampleBatch, extract_batches

    model, layer = host.model_of(opened), experiment.features
    drawings, size = experiment.drawings(), experiment.batch or 1
    chunks = [drawings[start : start + size] for start in range(0, len(drawings), size)]

    def read_batches() -> Iterator[SampleBatch]:
        for index, chunk in enumerate(chunks):
            host.progress("measuring", index / len(chunks))
            yield SampleBatch(
                samples=model.codec.encode(journal.pictures([one.number for one in chunk])),
                sigmas=np.full(len(chunk), experiment.features_sigma, np.float32),
                conditions=[ZeroLabel()] * len(chunk),
                seeds=np.array([experiment.seed_of(one) for one in chunk]),
            )

    distances = np.full(len(drawings), np.nan)
    bare: dict[int, Float32] = {}
    with host.interruptible(model):
        mode = opened.folder.config.extraction_input
        activations = extract_batches(model, [layer], read_batches(), mode=mode)
        for chunk, values in zip(chunks, activations, strict=True):
            for one, row in zip(chunk, values[layer], strict=True):
                if one.arm == "none":
                    bare[one.number] = row
                like = bare[bare_numbers(experiment, one.group)[one.seed]]
                distances[one.number] = feature_distances(row[None], like[None])[0]
    return distances
