"""Pictures and tables of some samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.engine.protocol import Job
from diffviews_desktop.exports.contents import Record
from diffviews_desktop.values.columns import Column


@dataclass(frozen=True, kw_only=True, eq=False)
class AveragePictures(Job["PictureMean"]):
    """The mean of the pictures of some samples: `PictureMean`.

    Attributes:
        model: the model.
        rows: the samples ``(K,) int64``.
    """

    supersedes: ClassVar[bool] = True

    model: str
    rows: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class ExportSamples(Job["SamplesExported"]):
    """Write some samples as a table, by sample id: `SamplesExported`.

    Attributes:
        model: the model.
        rows: the samples ``(K,) int64``.
        columns: what is written of each besides what the folder says of it, ``(K,)`` each.
        file: what to write; one that is there is replaced.
        record: what the table is of; None for nothing.
    """

    model: str
    rows: NDArray[np.int64]
    columns: Mapping[str, NDArray | Column]
    file: Path
    record: Record | None = None


@dataclass(frozen=True, eq=False)
class PictureMean:
    """The mean of the pictures of some samples.

    Attributes:
        model: the model.
        sample_ids: of the samples whose pictures were averaged.
        mean: ``(R, R, 3) float32``, 0 … 255.
        deviation: standard deviation over the samples, the same.
        left_out: how many pictures cannot be read, and why, as a sentence; empty where all can.
    """

    model: str
    sample_ids: tuple[str, ...]
    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]
    left_out: str = ""


@dataclass(frozen=True)
class SamplesExported:
    """A table with ``samples`` samples was written to ``file``."""

    samples: int
    file: Path
