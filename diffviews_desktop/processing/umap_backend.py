"""Which UMAP computes the map: cuML on a CUDA machine that has it, else umap-learn.

cuML: not verified.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray


@cache
def _gpu_available() -> bool:
    try:
        import cuml  # noqa: F401
        import cupy

        return cupy.cuda.runtime.getDeviceCount() > 0
    except Exception:  # a broken CUDA installation raises many things: fall back to the CPU
        return False


def get_umap_class() -> type:
    """The UMAP class of the backend in use."""
    if _gpu_available():
        from cuml.manifold import UMAP
    else:
        import warnings

        with warnings.catch_warnings():
            # it says that it does without TensorFlow
            warnings.simplefilter("ignore", ImportWarning)
            from umap import UMAP
    return UMAP


def get_knn_class() -> type:
    """The NearestNeighbors class of the backend in use."""
    if _gpu_available():
        from cuml.neighbors import NearestNeighbors
    else:
        from sklearn.neighbors import NearestNeighbors
    return NearestNeighbors


def to_gpu_array(data: NDArray) -> Any:
    """``data`` as a CuPy array where the GPU backend is in use, else as it is."""
    if not _gpu_available():
        return data
    import cupy

    return cupy.asarray(data)


def to_numpy(data: Any) -> NDArray:
    """``data`` as a NumPy array, from CuPy too."""
    return data.get() if hasattr(data, "get") else np.asarray(data)


def get_backend_name() -> str:
    """``cuml`` or ``umap-learn``."""
    return "cuml" if _gpu_available() else "umap-learn"
