"""All that the engine can be asked to do."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from diffviews_desktop.engine import jobs
from diffviews_desktop.engine.protocol import Job


def job_classes() -> list[type[Job[Any]]]:
    """All jobs that are declared in the package."""
    for module in pkgutil.iter_modules(jobs.__path__, jobs.__name__ + "."):
        importlib.import_module(module.name)
    return [kind for kind in Job.__subclasses__() if kind.__module__.startswith(jobs.__name__)]
