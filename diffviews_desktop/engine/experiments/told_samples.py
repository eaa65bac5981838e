"""Activations of a few samples, each of which is told something of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.data.activations.arrays import Float32
from diffviews_desktop.data.folder.pictures import read_image
from diffviews_desktop.engine.extraction import noise_seed
from diffviews_desktop.engine.opened_model import Host, OpenedModel
from diffviews_desktop.errors import MaskError, PictureError
from diffviews_desktop.values.conditions import Condition
from diffviews_desktop.values.models import ModelFacts
from diffviews_desktop.values.told import Told, conditions_told

if TYPE_CHECKING:  # torch is imported when a model is first loaded
    from diffviews_desktop.core.extractor import SampleBatch

_BATCH_VALUES = 4_000_000
_LARGEST = 32


class ToldSample(NamedTuple):
    """A sample, and what the model is told of it."""

    row: int
    condition: Condition


@dataclass(frozen=True)
class ToldSamples:
    """Extracts samples of a model as its maps do, but for what they are told.

    Args:
        host: the engine.
        opened: the model.
    """

    host: Host
    opened: OpenedModel

    @cached_property
    def _facts(self) -> ModelFacts:
        return self.host.model_of(self.opened).facts

    def told(self, row: int, told: Told) -> ToldSample:
        """A sample that is told something."""
        table, facts = self.opened.samples.table, self._facts
        captions = [table.captions[row]] if len(table.captions) else []
        (condition,) = conditions_told(
            told, [int(table.class_label[row])], captions, facts.num_classes, facts.prompts
        )
        return ToldSample(row, condition)

    def batches(
        self, samples: Sequence[ToldSample], layers: Sequence[str]
    ) -> Iterator[tuple[range, dict[str, Float32]]]:
        """Activations ``{layer: (B, C*H*W)}``, with the places of the samples that they are of.

        Raises:
            MaskError: the picture of a sample cannot be read.
        """
        from diffviews_desktop.core.extractor import extract_batches

        model = self.host.model_of(self.opened)
        width = sum(model.facts.layers[name].values for name in layers)
        size = int(np.clip(_BATCH_VALUES // max(1, width), 1, _LARGEST))
        starts = range(0, len(samples), size)

        def read_batches() -> Iterator[SampleBatch]:
            for start in starts:
                self.host.progress("reading the samples' activations", start / len(samples))
                yield self._batch(samples[start : start + size])

        mode = self.opened.folder.config.extraction_input
        with self.host.interruptible(model):
            activations = extract_batches(model, layers, read_batches(), mode=mode)
            for start, values in zip(starts, activations, strict=True):
                yield range(start, min(start + size, len(samples))), values

    def rows(self, samples: Sequence[ToldSample], layers: Sequence[str]) -> Float32:
        """Activations ``(n, D)``, layers in sorted order."""
        parts = [
            np.concatenate([values[name] for name in sorted(values)], axis=1)
            for _, values in self.batches(samples, layers)
        ]
        return np.concatenate(parts)

    def images(self, rows: Sequence[int]) -> NDArray[np.uint8]:
        """Pictures ``(n, R, R, C)`` of samples, of the model's size.

        Raises:
            MaskError: one cannot be read.
        """
        table, facts = self.opened.samples.table, self._facts
        images = []
        for row in rows:
            path = table.picture(row)
            try:
                if path is None:
                    raise PictureError("its picture is missing")
                images.append(read_image(path, facts.resolution, facts.channels, table.brightness))
            except PictureError as error:
                raise MaskError(
                    f"The picture of {table.sample_id[row]} cannot be read, so its activation "
                    "cannot be computed. Leave it out."
                ) from error
        return np.stack(images)

    def _batch(self, samples: Sequence[ToldSample]) -> SampleBatch:
        from diffviews_desktop.core.extractor import SampleBatch

        table, rows = self.opened.samples.table, [one.row for one in samples]
        model = self.host.model_of(self.opened)
        return SampleBatch(
            samples=model.codec.encode(self.images(rows)),
            sigmas=table.sigma[rows],
            conditions=[one.condition for one in samples],
            seeds=np.array([noise_seed(table.sample_id[row]) for row in rows], dtype=np.int64),
        )
