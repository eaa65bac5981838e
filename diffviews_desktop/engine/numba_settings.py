"""numba's settings come from the environment, not from a file in the current directory.

numba reads ``.numba_config.yaml`` there when it is imported and again whenever it compiles: a data
folder could switch the compiler off, name a CUDA driver to load, or have every map fail.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

_CONFIG = "numba.core.config"


def ignore_file() -> None:
    """Have numba, once it is imported, look at no such file; call before that."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Finder(MetaPathFinder):
    """Finds numba's module of settings where it is, and has it loaded with care."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name == _CONFIG else None
        if spec is not None and spec.loader is not None:
            spec.loader = _WithoutFile(spec.loader)
        return spec


class _WithoutFile(Loader):
    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def exec_module(self, module: ModuleType) -> None:
        yaml = sys.modules.get("yaml")
        sys.modules["yaml"] = None  # type: ignore[assignment]  # says that it cannot be imported
        try:
            with warnings.catch_warnings():  # the module says so where it finds a file
                warnings.simplefilter("ignore")
                self._loader.exec_module(module)
        finally:
            del sys.modules["yaml"]
            if yaml is not None:
                sys.modules["yaml"] = yaml
        module._config_fname = ""  # type: ignore[attr-defined]  # later, a file without a name
