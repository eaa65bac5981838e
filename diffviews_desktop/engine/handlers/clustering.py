"""Finds clusters on a map."""

from __future__ import annotations

from diffviews_desktop.engine.clustering import clusters_on
from diffviews_desktop.engine.handlers.registry import handles
from diffviews_desktop.engine.jobs.clustering import ClustersFound, FindClusters
from diffviews_desktop.engine.workspace import Workspace


@handles(FindClusters)
def find_clusters(job: FindClusters, workspace: Workspace) -> ClustersFound:
    """The dense groups of samples on a map."""
    return clusters_on(job, workspace, workspace.open(job.folder, job.spec.model))
