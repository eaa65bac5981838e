"""Which UMAP lays the map out: cuML on a CUDA machine that has it, else umap-learn.

A backend is a function of the reduced samples ``(N, K)``, each one's nearest neighbours ``index``
and ``distance`` ``(N, k)``, itself first, the parameters, and a function told the fraction done,
that may raise to stop. It returns places ``(N, n_components) float32``.

``DIFFVIEWS_FORCE_CPU`` (any value but 0 or nothing) keeps to umap-learn. cuML: not verified.
"""

from __future__ import annotations

import inspect
import logging
import os
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.data.activations.arrays import Float32
from diffviews_desktop.values.maps import MapParameters

log = logging.getLogger(__name__)

Report = Callable[[float], None]

RANDOM_START = 50  # so few samples have no spectrum worth starting from


def lay_out(
    reduced: Float32,
    index: NDArray[np.int64],
    distance: Float32,
    parameters: MapParameters,
    report: Report,
) -> Float32:
    """UMAP with the backend in use; with umap-learn where cuML fails."""
    if _gpu_available():
        heard = _Heard(report)
        try:
            return cuml_layout(reduced, index, distance, parameters, heard)
        except Exception as error:
            if heard.stopped:
                raise
            log.warning("cuML failed (%s: %s); umap-learn instead", type(error).__name__, error)
    return umap_learn_layout(reduced, index, distance, parameters, report)


def umap_learn_layout(
    reduced: Float32,
    index: NDArray[np.int64],
    distance: Float32,
    parameters: MapParameters,
    report: Report,
) -> Float32:
    """umap-learn: the same places bit for bit from the same seed; reports every epoch.

    Where its spectral start fails, which graphs of many parts can make it do, it starts from random
    places; what has no place even then gets one from its first components.
    """
    heard = _Heard(report)
    UMAP = umap_learn_class()
    for init in _starts(len(reduced)):
        reducer = UMAP(
            n_neighbors=index.shape[1],
            min_dist=parameters.min_dist,
            n_components=parameters.n_components,
            random_state=parameters.seed,
            init=init,
            precomputed_knn=(index.copy(), distance.copy(), None),
            force_approximation_algorithm=True,
            transform_seed=parameters.seed,
            verbose=True,
            tqdm_kwds={
                "file": _EpochReader(heard),
                "disable": False,
                "mininterval": 0,
                "miniters": 1,
                "bar_format": "{n_fmt}/{total_fmt}\n",
            },
        )
        try:
            with _quiet():
                places = np.asarray(reducer.fit_transform(reduced), dtype=np.float32)
        except Exception as error:
            if heard.stopped or isinstance(error, MemoryError | OSError):
                raise
            log.info("UMAP failed from a %s start: %s: %s", init, type(error).__name__, error)
            continue
        if np.isfinite(places).all():
            return np.ascontiguousarray(places)
    return first_components(reduced, parameters.n_components)


def cuml_layout(
    reduced: Float32,
    index: NDArray[np.int64],
    distance: Float32,
    parameters: MapParameters,
    report: Report,
) -> Float32:
    """cuML: the same parameters, neighbours and seed, where the version takes them. Not verified.

    It says nothing while it runs: an error inside its callback would end the process, and it takes
    seconds. Older versions take neighbours when fitting, or find them again: Euclidean ones of
    ``reduced``, which are the same.

    Raises:
        ValueError: it gave places that are not finite, or not one a sample.
    """
    from cuml.manifold import UMAP

    n, k = index.shape
    index = np.ascontiguousarray(index, dtype=np.int64)
    distance = np.ascontiguousarray(distance, dtype=np.float32)
    settings: dict[str, Any] = {
        "n_neighbors": k,
        "n_components": parameters.n_components,
        "min_dist": parameters.min_dist,
        "metric": "euclidean",
        "init": _starts(n)[0],
        "random_state": parameters.seed,
        "build_algo": "brute_force_knn",  # the other one is not the same twice
        "precomputed_knn": (index, distance),
        "verbose": False,
        "output_type": "numpy",
    }
    report(0.0)
    options = {
        name: value for name, value in settings.items() if name in _arguments(UMAP, settings)
    }
    reducer = UMAP(**options)
    fitting: dict[str, Any] = {}
    if "precomputed_knn" not in options and "knn_graph" in _arguments(reducer.fit_transform, ()):
        sparse = import_module("scipy.sparse")  # cuML brings it
        steps = np.arange(0, n * k + 1, k)
        fitting["knn_graph"] = sparse.csr_matrix(
            (distance.ravel(), index.ravel(), steps), shape=(n, n)
        )
    places = to_numpy(reducer.fit_transform(np.ascontiguousarray(reduced, np.float32), **fitting))
    if places.shape != (n, parameters.n_components) or not np.isfinite(places).all():
        raise ValueError(f"places {places.shape} that are not one finite place a sample")
    report(1.0)
    return np.ascontiguousarray(places, dtype=np.float32)


def first_components(reduced: NDArray, n_components: int) -> Float32:
    """Samples at their first components, ``(N, n_components)``, 0 where there are fewer."""
    flat = np.zeros((len(reduced), n_components), dtype=np.float32)
    flat[:, : reduced.shape[1]] = reduced[:, :n_components]
    return flat


def get_umap_class() -> type:
    """The UMAP class of the backend in use."""
    if _gpu_available():
        from cuml.manifold import UMAP

        return UMAP
    return umap_learn_class()


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


def _gpu_available() -> bool:
    return os.environ.get("DIFFVIEWS_FORCE_CPU", "0") in ("", "0") and _cuml_usable()


@cache
def _cuml_usable() -> bool:
    try:
        import cuml  # noqa: F401
        import cupy

        return cupy.cuda.runtime.getDeviceCount() > 0
    except Exception:  # a broken CUDA installation raises many things: fall back to the CPU
        return False


def _starts(n: int) -> tuple[str, ...]:
    """Where to start from, best first."""
    return ("spectral", "random") if n > RANDOM_START else ("random",)


def umap_learn_class() -> type:
    """The UMAP class of umap-learn; numba keeps what it compiles from then on."""
    import warnings

    from diffviews_desktop.processing.kernels import keep_kernels

    keep_kernels()
    with warnings.catch_warnings():
        # it says that it does without TensorFlow
        warnings.simplefilter("ignore", ImportWarning)
        from umap import UMAP
    return UMAP


def _arguments(function: Callable[..., Any], otherwise: Any) -> Any:
    """Names of the arguments of a function; ``otherwise`` where it does not tell."""
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):  # compiled code need not say
        return otherwise


class _Heard:
    """A report that never goes back, and that remembers whether it was told to stop."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._last = 0.0
        self.stopped = False

    def __call__(self, fraction: float) -> None:
        self._last = max(self._last, fraction)
        try:
            self._report(self._last)
        except BaseException:
            self.stopped = True
            raise


class _EpochReader:
    """A file for tqdm: umap-learn has no callback, but its progress bar can be listened to."""

    def __init__(self, on_fraction: Report) -> None:
        self._on_fraction = on_fraction

    def write(self, text: str) -> int:
        epoch, _, total = text.strip().partition("/")
        if epoch.isdigit() and total.isdigit() and int(total):
            self._on_fraction(int(epoch) / int(total))
        return len(text)

    def flush(self) -> None:
        pass


class _quiet:
    """Keeps umap-learn's ``verbose`` prints and its warnings about given neighbours away."""

    def __enter__(self) -> None:
        import contextlib
        import io
        import warnings

        self._stack = contextlib.ExitStack()
        self._stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
        self._stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")

    def __exit__(self, *exception: object) -> None:
        self._stack.close()
