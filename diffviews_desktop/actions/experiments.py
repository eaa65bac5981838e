"""Many runs in one job."""

from __future__ import annotations

from dataclasses import replace

from diffviews_desktop.actions.asking import SessionLike, WorkerLike, submit
from diffviews_desktop.actions.runs import resolve_class
from diffviews_desktop.engine.jobs.drawing import (
    GenerateGrid,
)
from diffviews_desktop.state.state import (
    GridRecord,
    PanelClass,
)
from diffviews_desktop.values.sampling import GenerateSettings


def generate_grid(
    *,
    session: SessionLike,
    worker: WorkerLike,
    settings: GenerateSettings,
    class_choice: PanelClass,
    samples: int = 1,
    strengths: tuple[float, ...] = (),
    windows: tuple[tuple[int, int], ...] = (),
    mask_layers: tuple[tuple[str, ...], ...] = (),
) -> None:
    """Draw one picture for every combination of the axes; without a pick, without a mask.

    Only the last grid is shown: an earlier one that is still in work is cancelled.
    The arguments are those of `GenerateGrid`.
    """
    state = session.state
    if state.model is None or state.layer_map is None:
        session.update(state.with_notice("Open a data folder first."))
        return
    rows = state.selection.rows
    if not rows and (strengths or windows or mask_layers):
        session.update(
            state.with_notice("Click a point on the map first: a mask needs at least one sample.")
        )
        return
    job = GenerateGrid(
        job_id=worker.next_id(),
        source=state.source,
        model=state.model,
        layers=state.layer_map.layers,
        rows=rows,
        class_choice=resolve_class(state, class_choice),
        settings=settings,
        samples=samples,
        strengths=strengths,
        windows=windows,
        mask_layers=mask_layers,
    )
    session.update(replace(session.state, grid=GridRecord(job)))
    submit(session, worker, job, "Generating a grid")
