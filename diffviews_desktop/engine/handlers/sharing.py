"""Puts maps into a bucket, and takes them from there."""

from __future__ import annotations

from diffviews_desktop.engine.handlers.registry import handles
from diffviews_desktop.engine.jobs.sharing import (
    CompareMaps,
    MapsCompared,
    MapsPulled,
    MapsPushed,
    PullMaps,
    PushMaps,
)
from diffviews_desktop.engine.sharing import compare_maps, pull_maps, push_maps
from diffviews_desktop.engine.workspace import Workspace


@handles(PushMaps)
def push(job: PushMaps, workspace: Workspace) -> MapsPushed:
    """Maps that are here go into the bucket."""
    return push_maps(job, workspace, workspace.open(job.folder, job.model))


@handles(PullMaps)
def pull(job: PullMaps, workspace: Workspace) -> MapsPulled:
    """Maps that are in the bucket come here."""
    return pull_maps(job, workspace, workspace.open(job.folder, job.model))


@handles(CompareMaps)
def compare(job: CompareMaps, workspace: Workspace) -> MapsCompared:
    """How many maps are where."""
    return compare_maps(job, workspace, workspace.open(job.folder, job.model))
