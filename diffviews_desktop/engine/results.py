"""Everything that a job can give."""

from __future__ import annotations

from diffviews_desktop.engine.jobs.drawing import PictureGrid, PicturePlaced, Trajectory
from diffviews_desktop.engine.jobs.importing import DataImported
from diffviews_desktop.engine.jobs.mapping import LayersExtracted
from diffviews_desktop.engine.jobs.opening import CheckpointConverted, DataOpened
from diffviews_desktop.engine.jobs.samples import PictureMean, SamplesExported
from diffviews_desktop.values.folders import ModelLoaded
from diffviews_desktop.values.maps import LayerMap, LinkedMap

Result = (
    DataOpened
    | ModelLoaded
    | CheckpointConverted
    | LayersExtracted
    | DataImported
    | LayerMap
    | Trajectory
    | PictureGrid
    | PicturePlaced
    | LinkedMap
    | PictureMean
    | SamplesExported
)
