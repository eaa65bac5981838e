"""Activations with a structure that a map shows."""

from __future__ import annotations

import numpy as np

N, D = 240, 40


def activations(n: int = N, d: int = D, seed: int = 0) -> np.ndarray:
    """Three groups, each a curve in space."""
    rng = np.random.default_rng(seed)
    centres = 6 * rng.standard_normal((3, d))
    along = rng.uniform(0, 3, n)[:, None] * rng.standard_normal((1, d))
    rows = centres[np.arange(n) % 3] + along + 0.3 * rng.standard_normal((n, d))
    return rows.astype(np.float32)
