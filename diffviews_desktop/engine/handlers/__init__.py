"""What the engine does for each job, a file a topic beside that of the jobs. For the engine alone.

A handler is a function of the job and the `Workspace`, and returns the job's result.
"""

from diffviews_desktop.engine.handlers import (
    clustering,
    directions,
    downloading,
    drawing,
    experiments,
    exporting,
    importing,
    inputs,
    mapping,
    opening,
    samples,
    sharing,
    storage,
)
from diffviews_desktop.engine.handlers.registry import HANDLERS

__all__ = [
    "HANDLERS",
    "clustering",
    "directions",
    "downloading",
    "drawing",
    "experiments",
    "exporting",
    "importing",
    "inputs",
    "mapping",
    "opening",
    "samples",
    "sharing",
    "storage",
]
