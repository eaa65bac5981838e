"""Writes figures, films, sheets and tables, and draws previews of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.data.folder.files import writing_to
from diffviews_desktop.engine.handlers.registry import handles
from diffviews_desktop.engine.jobs.exporting import (
    ContentPreview,
    ContentWritten,
    PreviewContent,
    WriteContent,
)
from diffviews_desktop.engine.workspace import Workspace
from diffviews_desktop.exports.contact_sheet import render
from diffviews_desktop.exports.contents import Figure, Film, Sheet
from diffviews_desktop.exports.figures import pixels_of
from diffviews_desktop.exports.films import frames
from diffviews_desktop.exports.with_record import write_with_record


@handles(WriteContent)
def write_content(job: WriteContent, workspace: Workspace) -> ContentWritten:
    """Write it whole or not at all; what is there stays until then."""
    with writing_to(job.file):
        files = write_with_record(
            job.content, job.file, lambda fraction: workspace.progress("writing", fraction)
        )
        return ContentWritten(files, files[0].stat().st_size)


@handles(PreviewContent)
def preview_content(job: PreviewContent, workspace: Workspace) -> ContentPreview:
    """Draw it small; of a film, its last frame."""
    workspace.progress("drawing a preview")
    content = job.content
    match content:
        case Figure():
            return ContentPreview(job.job_id, pixels_of(content, side=job.side))
        case Film():
            *_, last = frames(content)
            return ContentPreview(job.job_id, _within(last, job.side))
        case Sheet():
            return ContentPreview(job.job_id, _within(render(content), job.side))


def _within(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """A picture, shrunk where it is larger than so many pixels a side."""
    from PIL import Image

    image = Image.fromarray(pixels)
    image.thumbnail((side, side))
    return np.asarray(image)
