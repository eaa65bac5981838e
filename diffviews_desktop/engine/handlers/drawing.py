"""Draws runs and grids, finds where a picture lands, and judges masks."""

from __future__ import annotations

from diffviews_desktop.engine.generation import Generation
from diffviews_desktop.engine.handlers.registry import handles
from diffviews_desktop.engine.jobs.drawing import (
    Generate,
    GenerateGrid,
    JudgeMask,
    MaskJudged,
    PictureGrid,
    PicturePlaced,
    PlacePicture,
    RunResult,
)
from diffviews_desktop.engine.workspace import Workspace


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


@handles(JudgeMask)
def judge_mask(job: JudgeMask, workspace: Workspace) -> MaskJudged:
    """How usual a mask is among the samples."""
    return _generation(job, workspace).judge_mask(job)


def _generation(
    job: Generate | GenerateGrid | PlacePicture | JudgeMask, workspace: Workspace
) -> Generation:
    return Generation(workspace, workspace.maps, workspace.open(job.folder, job.spec.model))
