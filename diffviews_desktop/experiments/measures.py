"""What is measured in pictures, and in what a judge says of them.

Pictures are ``(N, H, W, C) uint8``. Where a measure is not defined, as the correlation of a picture
of a single grey, it is NaN.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

UNSURE = 0.8
"""A judge that is less confident than that has seen nothing it knows."""

Float64 = NDArray[np.float64]
Pictures = NDArray[np.uint8]
Probabilities = NDArray[np.float32]


def read_classes(probabilities: Probabilities) -> NDArray[np.int64]:
    """The class that a judge names for each picture ``(N,)``, from ``(N, K)``."""
    return np.asarray(probabilities.argmax(axis=1), dtype=np.int64)


def confidences(probabilities: Probabilities) -> Float64:
    """How probable the judge thinks the class that it names ``(N,)``."""
    return probabilities.max(axis=1).astype(np.float64)


def commonest_answer(classes: NDArray[np.integer]) -> tuple[int, float]:
    """The class that is named most, the lowest of several, and its share. A judge has to name
    something: of blank pictures it names the same class every time."""
    if not len(classes):
        return -1, float("nan")
    numbers, counts = np.unique(classes, return_counts=True)
    most = int(counts.argmax())
    return int(numbers[most]), float(counts[most] / len(classes))


def pixel_distances(pictures: Pictures, others: Pictures) -> Float64:
    """How far pictures are from others, one by one ``(N,)``: the root of the mean squared
    difference, 0 … 1 from black to white."""
    return feature_distances(_flat(pictures) / 255, _flat(others) / 255)


def feature_distances(features: NDArray, others: NDArray) -> Float64:
    """The root of the mean squared difference of features ``(N, D)``, one by one ``(N,)``."""
    differences = np.asarray(features, np.float64) - np.asarray(others, np.float64)
    return np.sqrt((differences**2).mean(axis=1))


def seed_correlation(pictures: Pictures) -> float:
    """The mean correlation (Pearson's, over pixels) of every two of some pictures, which differ in
    their seed alone: near 1 where a mask pastes one picture whatever the noise."""
    count = len(pictures)
    if count < 2:
        return float("nan")
    standard = _standard(_flat(pictures))
    every = standard @ standard.T
    return float((every.sum() - np.trace(every)) / (count * (count - 1)))


def neighbor_correlations(pictures: Pictures, neighbors: Pictures) -> Float64:
    """The correlation of each picture with the mean picture of the samples that its mask was made
    of ``(K, H, W, C)``."""
    mean = _flat(neighbors).mean(axis=0, keepdims=True)
    return _standard(_flat(pictures)) @ _standard(mean)[0]


def _flat(pictures: Pictures) -> Float64:
    return pictures.reshape(len(pictures), -1).astype(np.float64)


def _standard(rows: Float64) -> Float64:
    """Rows with mean 0 and length 1; NaN for those of a single value."""
    deviations = rows - rows.mean(axis=1, keepdims=True)
    length = np.sqrt((deviations**2).sum(axis=1, keepdims=True))
    return np.divide(deviations, length, out=np.full_like(deviations, np.nan), where=length > 0)
