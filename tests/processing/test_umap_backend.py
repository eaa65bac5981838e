"""Which UMAP is used."""

import importlib.util
import subprocess
import sys

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from diffviews_desktop.processing.umap_backend import (
    get_backend_name,
    get_knn_class,
    get_umap_class,
    to_gpu_array,
    to_numpy,
)

needs_no_cuml = pytest.mark.skipif(
    importlib.util.find_spec("cuml") is not None, reason="cuML is installed"
)


@needs_no_cuml
def test_without_cuml_it_is_umap_learn_and_scikit_learn() -> None:
    assert get_backend_name() == "umap-learn"
    assert get_umap_class().__module__ == "umap.umap_"
    assert get_knn_class() is NearestNeighbors
    data = np.arange(3.0)
    assert to_gpu_array(data) is data
    assert to_numpy(data) is data


def test_arrays_of_a_gpu_come_back() -> None:
    class OnDevice:
        def get(self) -> np.ndarray:
            return np.arange(3)

    assert to_numpy(OnDevice()).tolist() == [0, 1, 2]
    assert to_numpy([1, 2]).tolist() == [1, 2]


@needs_no_cuml
def test_importing_it_warns_of_nothing_and_importing_the_map_imports_no_umap() -> None:
    program = (
        "import sys, warnings\n"
        "import diffviews_desktop.processing.umap\n"
        "assert not {'umap', 'numba', 'sklearn'} & set(sys.modules)\n"
        "warnings.simplefilter('error', ImportWarning)\n"
        "from diffviews_desktop.processing.umap_backend import get_umap_class\n"
        "get_umap_class()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
