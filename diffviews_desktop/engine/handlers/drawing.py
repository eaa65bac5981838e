"""Draws runs and grids, finds where a picture lands, and judges masks."""

from __future__ import annotations

from diffviews_desktop.data.folder.pictures import read_image
from diffviews_desktop.engine.generation import Generation
from diffviews_desktop.engine.handlers.registry import handles
from diffviews_desktop.engine.jobs.drawing import (
    FilePlaced,
    Generate,
    GenerateGrid,
    JudgeMask,
    MaskJudged,
    PictureGrid,
    PicturePlaced,
    PlaceFile,
    PlacePicture,
    RunResult,
)
from diffviews_desktop.engine.workspace import Workspace
from diffviews_desktop.errors import DataError, PictureError


@handles(Generate)
def generate(job: Generate, workspace: Workspace) -> RunResult:
    """One picture, step by step."""
    return _generation(job, workspace).run(job)


@handles(GenerateGrid)
def generate_grid(job: GenerateGrid, workspace: Workspace) -> PictureGrid:
    """Many pictures, batch by batch."""
    return _generation(job, workspace).grid(job)


@handles(PlacePicture)
def place_picture(job: PlacePicture, workspace: Workspace) -> PicturePlaced:
    """The place of a picture on the map."""
    return _generation(job, workspace).place(job)


@handles(PlaceFile)
def place_file(job: PlaceFile, workspace: Workspace) -> FilePlaced:
    """The place of the picture in a file, read as the samples' are."""
    opened = workspace.open(job.folder, job.spec.model)
    side, _, channels = workspace.model_of(opened).codec.image_shape
    try:
        image = read_image(job.file, side, channels, opened.samples.table.brightness)
    except PictureError as error:
        raise DataError(f"The picture was not placed. {error}") from error
    placing = PlacePicture(
        job_id=job.job_id,
        folder=job.folder,
        spec=job.spec,
        image=image,
        condition=job.condition,
        sigma=job.sigma,
        count=job.count,
    )
    return FilePlaced(job, _generation(placing, workspace).place(placing))


@handles(JudgeMask)
def judge_mask(job: JudgeMask, workspace: Workspace) -> MaskJudged:
    """How usual a mask is among the samples."""
    return _generation(job, workspace).judge_mask(job)


def _generation(
    job: Generate | GenerateGrid | PlacePicture | JudgeMask, workspace: Workspace
) -> Generation:
    return Generation(workspace, workspace.maps, workspace.open(job.folder, job.spec.model))
