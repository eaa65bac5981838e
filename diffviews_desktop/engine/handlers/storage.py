"""Measures and clears what is kept on the disk."""

from __future__ import annotations

from diffviews_desktop.data.cache.limits import choose_limit
from diffviews_desktop.data.cache.place import choose_cache_place
from diffviews_desktop.engine.handlers.registry import handles
from diffviews_desktop.engine.jobs.storage import (
    ChooseCachePlace,
    ChooseLimit,
    ClearKept,
    MeasureDisk,
)
from diffviews_desktop.engine.storage import clear, measure
from diffviews_desktop.engine.workspace import Workspace
from diffviews_desktop.values.storage import DiskUse


@handles(MeasureDisk)
def measure_disk(job: MeasureDisk, workspace: Workspace) -> DiskUse:
    """How much is kept."""
    workspace.progress("measuring")
    return measure(job.folder, job.downloads, workspace.check)


@handles(ClearKept)
def clear_kept(job: ClearKept, workspace: Workspace) -> DiskUse:
    """Delete what is kept at a place, and measure again."""
    workspace.progress("clearing")
    clear(job.kind, job.path, job.folder, workspace.check)
    return measure(job.folder, job.downloads, workspace.check)


@handles(ChooseLimit)
def choose_a_limit(job: ChooseLimit, workspace: Workspace) -> DiskUse:
    """Remember how much may be kept, and measure again."""
    workspace.progress("measuring")
    choose_limit(job.kind, job.bytes)
    return measure(job.folder, job.downloads, workspace.check)


@handles(ChooseCachePlace)
def choose_a_place(job: ChooseCachePlace, workspace: Workspace) -> DiskUse:
    """Remember where caches go, and measure again."""
    workspace.progress("measuring")
    choose_cache_place(job.path)
    return measure(job.folder, job.downloads, workspace.check)
