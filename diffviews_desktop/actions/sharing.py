"""Maps that were made now go into the bucket that a group shares its maps through."""

from __future__ import annotations

from diffviews_desktop.actions.asking import submit
from diffviews_desktop.actions.context import Context
from diffviews_desktop.engine.jobs.sharing import PushMaps
from diffviews_desktop.engine.protocol import Job
from diffviews_desktop.state.state import State
from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.text.translation import tr
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.maps import LayerMap


def share_map(context: Context, folder: FolderRef, layer_map: LayerMap) -> None:
    """Have a map uploaded, if the bucket lacks it and the user wants that."""
    bucket = context.state.preferences.bucket
    if not (layer_map.upload_to and bucket.upload):
        return
    job = PushMaps(
        job_id=context.worker.next_id(),
        folder=folder,
        model=layer_map.model,
        bucket=bucket,
        keys=(layer_map.path.name,),
        verify=True,
    )
    name = visible(str(layer_map.layers), MOST_OF_NAME)
    submit(context, job, tr("Uploading the map of {name}", name=name))


def was_told(state: State, job: Job[object], message: str) -> bool:
    """Whether an upload fails for the same reason as one before, of which the user knows."""
    return isinstance(job, PushMaps) and any(ended.message == message for ended in state.jobs.ended)
