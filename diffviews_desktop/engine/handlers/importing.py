"""Makes data folders."""

from __future__ import annotations

from diffviews_desktop.engine.handlers.registry import handles
from diffviews_desktop.engine.imports.importing import import_data
from diffviews_desktop.engine.jobs.importing import DataImported, ImportData
from diffviews_desktop.engine.workspace import Workspace


@handles(ImportData)
def make_folder(job: ImportData, workspace: Workspace) -> DataImported:
    """A data folder of a checkpoint and pictures."""
    return import_data(job, workspace, workspace.maps)
