"""Averages the pictures of some samples, and writes tables of them."""

from __future__ import annotations

from diffviews_desktop.engine.handlers.registry import handles
from diffviews_desktop.engine.jobs.samples import (
    AveragePictures,
    ExportSamples,
    PictureMean,
    SamplesExported,
)
from diffviews_desktop.engine.sample_sets import average_pictures, export_samples
from diffviews_desktop.engine.workspace import Workspace


@handles(AveragePictures)
def average(job: AveragePictures, workspace: Workspace) -> PictureMean:
    """The mean of some samples' pictures."""
    return average_pictures(job, workspace, workspace.open(job.folder, job.model))


@handles(ExportSamples)
def export(job: ExportSamples, workspace: Workspace) -> SamplesExported:
    """Some samples as CSV."""
    return export_samples(job, workspace, workspace.open(job.folder, job.model))
