"""Writing what is shown or selected."""

from __future__ import annotations

from pathlib import Path

from diffviews_desktop.actions.asking import SessionLike, WorkerLike, submit
from diffviews_desktop.actions.selection import chosen_rows
from diffviews_desktop.engine.jobs.samples import (
    ExportSamples,
)
from diffviews_desktop.text.wording import counted


def export_chosen(*, session: SessionLike, worker: WorkerLike, file: Path) -> None:
    """Write the selected samples with their places on the map as CSV."""
    state = session.state
    rows = chosen_rows(session)
    if rows is None or state.model is None or state.layer_map is None:
        return
    shown = state.layer_map
    columns = {"umap_x": shown.xy[rows, 0], "umap_y": shown.xy[rows, 1]}
    if shown.z is not None:
        columns["umap_z"] = shown.z[rows]
    if shown.trust is not None:
        columns["trust"] = shown.trust[rows]
    job = ExportSamples(
        job_id=worker.next_id(),
        source=state.source,
        model=state.model,
        rows=rows,
        columns=columns,
        file=file,
    )
    submit(session, worker, job, f"Exporting {counted(len(rows), 'sample')}")
