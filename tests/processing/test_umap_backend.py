"""Which UMAP is used, and what it is given."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

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


# ---- cuML: a stand-in of the same name records what it is given ---------------------------------

KINDS = {
    "now": """
class UMAP:
    def __init__(self, *, n_neighbors=15, n_components=2, metric="euclidean", n_epochs=None,
                 min_dist=0.1, init="spectral", random_state=None, precomputed_knn=None,
                 callback=None, build_algo="auto", verbose=False, output_type=None):
        record(dict(locals()))

    def fit_transform(self, X, y=None, *, convert_dtype=True, knn_graph=None):
        return answer(X, knn_graph)
""",
    "older": """
class UMAP:
    def __init__(self, *, n_neighbors=15, n_components=2, min_dist=0.1, init="spectral",
                 random_state=None, verbose=False, output_type=None):
        record(dict(locals()))

    def fit_transform(self, X, y=None, convert_dtype=True, knn_graph=None):
        return answer(X, knn_graph)
""",
    "oldest": """
class UMAP:
    def __init__(self, n_neighbors=15, n_components=2, min_dist=0.1, random_state=None):
        record(dict(locals()))

    def fit_transform(self, X, y=None):
        return answer(X, None)
""",
    "silent": """
class Silent(type):
    __signature__ = "compiled"


class UMAP(metaclass=Silent):
    __signature__ = "compiled"

    def __init__(self, **options):
        record(options)

    def fit_transform(self, X):
        return answer(X, None)
""",
}
COMMON = """
import json, os, sys
import numpy as np

seen = {}


class OnDevice:
    def __init__(self, values):
        self.values = values

    def get(self):
        return self.values


def plain(value):
    if isinstance(value, tuple):
        return [plain(part) for part in value]
    if isinstance(value, np.ndarray):
        return [str(value.dtype), list(value.shape), value.flags.c_contiguous, value.tolist()]
    return value


def record(options):
    options.pop("self", None)
    seen["options"] = {name: plain(value) for name, value in options.items()}


def answer(X, graph):
    seen["X"] = [str(X.dtype), list(X.shape)]
    if graph is not None:
        seen["graph"] = [list(graph.shape), graph.indices.tolist(), graph.data.tolist()]
    what = os.environ.get("CUML_ANSWER")
    if what == "error":
        raise RuntimeError("CUDA error: out of memory")
    places = np.arange(2.0 * len(X)).reshape(-1, 2)
    if what == "nan":
        places[3] = np.nan
    if what == "short":
        places = places[1:]
    return OnDevice(places) if what == "device" else places
"""
PROGRAM = """
import json, sys
import numpy as np
from diffviews_desktop.processing import umap_backend
from diffviews_desktop.values.maps import MapParameters
from diffviews_desktop.processing.layout import layout

rows = np.random.default_rng(0).standard_normal((int(sys.argv[1]), 4)).astype("f4")
stages = []

def report(stage):
    stages.append(list(stage))
    if sys.argv[2:] == [stage.name, str(stage.fraction)]:
        raise KeyError("stop")

try:
    places = layout(rows, MapParameters(n_neighbors=5, min_dist=0.3, seed=9), report).tolist()
except KeyError:
    places = None
import cuml.manifold
neighbors = umap_backend.get_knn_class().__module__ if sys.argv[1] == "60" else ""
print(json.dumps({"places": places, "stages": stages, "umap": "umap" in sys.modules,
                  "backend": umap_backend.get_backend_name(), **cuml.manifold.seen}))
"""


def with_cuml(
    folder: Path, kind: str, n: int = 60, stop: tuple[str, str] | None = None, **env: str
) -> dict[str, Any]:
    """What happens in a process that finds the stand-in, and what that was given."""
    (folder / "cuml").mkdir()
    (folder / "cuml" / "__init__.py").write_text("")
    (folder / "cuml" / "manifold.py").write_text(COMMON + KINDS[kind])
    (folder / "cuml" / "neighbors.py").write_text("class NearestNeighbors: pass\n")
    (folder / "cupy.py").write_text(
        "class cuda:\n    class runtime:\n        getDeviceCount = staticmethod(lambda: 1)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", PROGRAM, str(n), *(stop or ())],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(folder), **env},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


GIVEN = {"n_neighbors": 5, "n_components": 2, "min_dist": 0.3, "random_state": 9}


def expected_neighbors(n: int = 60) -> tuple[np.ndarray, np.ndarray]:
    rows = np.random.default_rng(0).standard_normal((n, 4)).astype("f4")
    distance, index = NearestNeighbors(n_neighbors=5).fit(rows).kneighbors(rows)
    return index, distance


def test_cuml_is_given_our_neighbours_the_seed_and_nothing_it_does_not_know(
    tmp_path: Path,
) -> None:
    got = with_cuml(tmp_path, "now")
    assert got["backend"] == "cuml"
    assert not got["umap"]
    options = got["options"]
    index, distance = options.pop("precomputed_knn")
    assert options == {
        **GIVEN,
        "metric": "euclidean",
        "init": "spectral",
        "build_algo": "brute_force_knn",
        "verbose": False,
        "output_type": "numpy",
        "n_epochs": None,
        "callback": None,  # an error in it would end the process
    }
    assert index[:3] == ["int64", [60, 5], True]
    assert distance[:3] == ["float32", [60, 5], True]
    near, far = expected_neighbors()
    assert np.array_equal(index[3], near)
    np.testing.assert_allclose(distance[3], far, atol=1e-5)
    assert got["X"] == ["float32", [60, 4]]
    assert "graph" not in got
    assert np.array_equal(got["places"], np.arange(120.0).reshape(60, 2))
    assert got["stages"] == [
        ["finding neighbours", 1.0],
        ["preparing UMAP", 0.0],
        ["UMAP", 0.0],
        ["UMAP", 1.0],
    ]


def test_an_older_cuml_is_given_the_neighbours_when_it_fits(tmp_path: Path) -> None:
    got = with_cuml(tmp_path, "older")
    options = got["options"]
    assert options == {**GIVEN, "init": "spectral", "verbose": False, "output_type": "numpy"}
    shape, indices, values = got["graph"]
    near, far = expected_neighbors()
    assert shape == [60, 60]
    assert np.array_equal(np.reshape(indices, (60, 5)), near)
    np.testing.assert_allclose(np.reshape(values, (60, 5)), far, atol=1e-5)


@pytest.mark.parametrize("kind", ["oldest", "silent"])
def test_a_cuml_that_takes_none_or_does_not_say_works_too(tmp_path: Path, kind: str) -> None:
    got = with_cuml(tmp_path, kind, CUML_ANSWER="device")
    assert GIVEN.items() <= got["options"].items()
    assert len(got["places"]) == 60
    assert not got["umap"]


def test_few_samples_start_from_random_places(tmp_path: Path) -> None:
    assert with_cuml(tmp_path, "now", n=50)["options"]["init"] == "random"


@pytest.mark.parametrize("answer", ["error", "nan", "short"])
def test_where_cuml_fails_umap_learn_does_it(tmp_path: Path, answer: str) -> None:
    got = with_cuml(tmp_path, "now", CUML_ANSWER=answer)
    assert got["umap"]
    places = np.array(got["places"])
    assert places.shape == (60, 2)
    assert np.isfinite(places).all()
    assert got["stages"][-1] == ["UMAP", 1.0]


@pytest.mark.parametrize("fraction", ["0.0", "1.0"])
def test_who_stops_cuml_does_not_get_umap_learn_instead(tmp_path: Path, fraction: str) -> None:
    got = with_cuml(tmp_path, "now", stop=("UMAP", fraction))
    assert got["places"] is None
    assert not got["umap"]
    assert got["stages"][-1] == ["UMAP", float(fraction)]
    assert ("X" in got) == (fraction == "1.0")


def test_the_processor_can_be_demanded(tmp_path: Path) -> None:
    got = with_cuml(tmp_path, "now", DIFFVIEWS_FORCE_CPU="1")
    assert got["backend"] == "umap-learn"
    assert "options" not in got
