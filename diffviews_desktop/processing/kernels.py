"""Has numba keep what it compiles in our `KernelStore`, in place of its own files.

Numba's own are pickles that are used as they are read: one damaged file, which a power cut leaves,
made every map fail for ever, as did a full disk, and a folder that cannot be written.
"""

from __future__ import annotations

import logging
import os
import pickle
import sys
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from numba.core import caching, config
from numba.core.serialize import dumps

from diffviews_desktop.processing.kernel_store import user_store

log = logging.getLogger(__name__)

# Kernels hold code of functions that they call, from any file of these packages.
_PACKAGES = ("numba", "llvmlite", "numpy", "umap-learn", "pynndescent")


@cache
def keep_kernels() -> None:
    """Have numba keep kernels in our store; call before what is compiled is imported."""
    caching.CacheImpl._locator_classes = [_Locator]
    caching.IndexDataCacheFile = _KernelFile
    for kind in (caching.CompileResultCacheImpl, caching.CodeLibraryCacheImpl):
        kind.rebuild = _unpickling(kind.rebuild)
    # numba reads the variable again whenever it compiles
    os.environ.pop("NUMBA_CACHE_LOCATOR_CLASSES", None)
    config.CACHE_LOCATOR_CLASSES = ""


class _Locator(caching.UserProvidedCacheLocator):
    """Names a function's file. Unlike numba's, it never fails: the store sees to folders."""

    def __init__(self, py_func: Any, py_file: str) -> None:
        # a frozen program names files by where they were in it, wherever it is started
        py_file = os.path.join(getattr(sys, "_MEIPASS", ""), py_file)
        super().__init__(py_func, py_file)
        self._cache_path = self.get_suitable_cache_subpath(py_file)

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> _Locator:
        return cls(py_func, py_file)

    def ensure_cache_path(self) -> None:
        pass

    def get_source_stamp(self) -> Any:
        if getattr(sys, "frozen", False):  # its code changes with the versions alone
            return _versions()
        try:
            return super().get_source_stamp(), _versions()
        except OSError:  # its source is in no file that could be watched
            return None


class _KernelFile:
    """What numba's caches use in place of an index and the files that it names."""

    def __init__(self, cache_path: str, filename_base: str, source_stamp: Any) -> None:
        self._name = f"{cache_path}/{filename_base}"
        self._stamp = source_stamp

    def flush(self) -> None:
        user_store().drop(self._name)

    def load(self, key: Any) -> bytes | None:
        """What was saved for a key, for `_unpickling`; None where it has to be compiled."""
        return next((kernels[key] for kernels in self._load_all() if key in kernels), None)

    def save(self, key: Any, data: Any) -> None:
        """Keep what was compiled for a key, with what was for others."""
        if self._stamp is None:
            return
        try:
            kernels: dict[Any, bytes] = {}
            for others in self._load_all():
                kernels = others | kernels
            kernels[key] = dumps(data)
            user_store().save(self._name, dumps((self._stamp, dumps(kernels))))
        except Exception:  # not everything that runs can be pickled
            log.warning("The kernels of %s cannot be kept", self._name, exc_info=True)

    def _load_all(self) -> Iterator[dict[Any, bytes]]:
        for data in user_store().load(self._name) if self._stamp is not None else ():
            try:
                stamp, kernels = pickle.loads(data)
                if stamp == self._stamp:  # else another version's, which may not even unpickle
                    yield pickle.loads(kernels)
            except Exception:
                log.warning("The kernels of %s cannot be read", self._name, exc_info=True)


def _unpickling(rebuild: Callable[..., Any]) -> Callable[..., Any]:
    """What makes kernels of what was kept; None where it cannot: then they are compiled."""

    def rebuilt(impl: Any, target_context: Any, payload: bytes) -> Any:
        try:
            return rebuild(impl, target_context, pickle.loads(payload))
        except Exception:
            log.warning("A kernel of %s cannot be used", impl.filename_base, exc_info=True)
            return None

    return rebuilt


@cache
def _versions() -> tuple[str, ...]:
    versions = []
    for package in _PACKAGES:
        try:
            versions.append(version(package))
        except PackageNotFoundError:
            versions.append("")
    return tuple(versions)
