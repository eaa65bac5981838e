"""Pictures and samples that experiments are compared with, read by another way than their own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from diffviews_desktop.core.extractor import SampleBatch, extract_batches
from diffviews_desktop.data.folder.pictures import read_image
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.extraction import noise_seed
from diffviews_desktop.engine.jobs.experiments import ExperimentResult
from diffviews_desktop.engine.jobs.opening import DataOpened
from diffviews_desktop.experiments.journal import JOURNAL
from diffviews_desktop.values.conditions import Condition


def pictures_of(made: ExperimentResult, arm: str) -> dict[tuple[int, int], np.ndarray]:
    """Pictures of an arm by group and seed, from the journal."""
    data, size = (made.folder / JOURNAL).read_bytes(), 4 + 256 + 4
    drawings, found = made.job.experiment.drawings(), {}
    for offset in range(data.index(b"\n") + 1, len(data), size):
        one = drawings[int.from_bytes(data[offset : offset + 4], "little")]
        if one.arm == arm:
            pixels = np.frombuffer(data, np.uint8, 256, offset + 4)
            found[one.group, one.seed] = pixels.reshape(16, 16, 1)
    return found


def midblock_of(
    engine: Engine, opened: DataOpened, rows: Sequence[int], told: Sequence[Condition]
) -> np.ndarray:
    """Midblock of samples ``(n, D)``, each told something."""
    table, model = opened.samples, engine.workspace.model.held
    assert table is not None
    assert model is not None
    images = np.stack([read_image(table.root / table.image_path[row], 16, 1) for row in rows])
    batch = SampleBatch(
        torch.from_numpy(images.transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1),
        table.sigma[list(rows)],
        list(told),
        np.array([noise_seed(table.sample_id[row]) for row in rows]),
    )
    return next(extract_batches(model, ["midblock"], [batch]))["midblock"]
