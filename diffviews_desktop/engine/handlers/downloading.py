"""Lists published models, and downloads them."""

from __future__ import annotations

from diffviews_desktop.data.cache.disk import free_bytes
from diffviews_desktop.data.sources import list_models, read_catalogue
from diffviews_desktop.engine.fetching import fetch, plan
from diffviews_desktop.engine.handlers.registry import handles
from diffviews_desktop.engine.jobs.downloading import (
    Download,
    Downloaded,
    ListModels,
    ModelList,
    PlanDownload,
    PlannedDownload,
)
from diffviews_desktop.engine.workspace import Workspace


@handles(ListModels)
def list_published(job: ListModels, workspace: Workspace) -> ModelList:
    """The catalogue, and what of it is in a data folder."""
    catalogue = read_catalogue()
    return ModelList(
        out=job.out,
        models=list_models(job.out, catalogue),
        free=free_bytes(job.out),
        problem=catalogue.problem,
    )


@handles(PlanDownload)
def plan_download(job: PlanDownload, workspace: Workspace) -> PlannedDownload:
    """What a download would do."""
    return plan(job, workspace)


@handles(Download)
def download(job: Download, workspace: Workspace) -> Downloaded:
    """Download what is missing."""
    return fetch(job, workspace)
