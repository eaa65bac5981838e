"""Drawing with a layer held, and looking at what was drawn."""

from __future__ import annotations

from dataclasses import replace

from diffviews_desktop.actions.asking import SessionLike, WorkerLike, submit
from diffviews_desktop.engine.jobs.drawing import (
    Generate,
    PlacePicture,
)
from diffviews_desktop.state.state import (
    PanelClass,
    State,
    TrajectoryRecord,
)
from diffviews_desktop.values.sampling import ClassChoice, GenerateSettings


def generate_from_neighbors(
    *,
    session: SessionLike,
    worker: WorkerLike,
    settings: GenerateSettings,
    class_choice: PanelClass,
) -> None:
    """Draw with the map's layers held at the mean of the anchor and its neighbours."""
    state = session.state
    if state.model is None or state.layer_map is None:
        session.update(state.with_notice("Open a data folder first."))
        return
    rows = state.selection.rows
    if not rows:
        session.update(
            state.with_notice("Click a point on the map first: a mask needs at least one sample.")
        )
        return
    choice = resolve_class(state, class_choice)
    job = Generate(
        job_id=worker.next_id(),
        source=state.source,
        model=state.model,
        layers=state.layer_map.layers,
        rows=rows,
        class_choice=choice,
        settings=settings,
    )
    session.update(replace(state, settings=settings, class_choice=class_choice))
    begin_trajectory(session, worker, job)


def generate_cell(*, session: SessionLike, worker: WorkerLike, index: int) -> None:
    """Draw a picture of the grid again as a trajectory, with all its steps."""
    state = session.state
    grid = state.grid
    cell = next((c for c in grid.cells if c.index == index), None) if grid is not None else None
    if grid is None or cell is None:
        return
    job = grid.job
    if job.model != state.model or job.source != state.source:
        text = "This grid belongs to another model or map: open that to draw the picture again."
        session.update(state.with_notice(text))
        return
    again = Generate(
        job_id=worker.next_id(),
        source=job.source,
        model=job.model,
        layers=job.layers,
        rows=job.rows,
        class_choice=job.class_choice,
        settings=cell.settings,
    )
    begin_trajectory(session, worker, again)


def begin_trajectory(session: SessionLike, worker: WorkerLike, job: Generate) -> None:
    state = session.state
    number = 1 + max((int(r.name.split()[-1]) for r in state.trajectories), default=0)
    record = TrajectoryRecord(job=job, name=f"Trajectory {number}")
    session.update(replace(state, trajectories=(*state.trajectories, record)))
    submit(session, worker, job, f"Generating {record.name.lower()}")


def resolve_class(state: State, choice: PanelClass) -> ClassChoice:
    if choice != "anchor":
        return choice
    if state.samples is None or state.selection.anchor is None:
        return "random"
    number = int(state.samples.class_label[state.selection.anchor])
    return number if number >= 0 else "random"


def change_settings(
    *, session: SessionLike, settings: GenerateSettings, class_choice: PanelClass
) -> None:
    """Remember what the Generate panel shows."""
    session.update(replace(session.state, settings=settings, class_choice=class_choice))


def show_trajectory(*, session: SessionLike, worker: WorkerLike, key: int) -> None:
    """Show a trajectory in the filmstrip, from its last step."""
    record = session.state.trajectory(key)
    if record is not None:
        session.update(replace(session.state, shown=key, step=max(0, len(record.steps) - 1)))
        if session.state.comparing:
            want_baseline(session, worker)


def scrub_to(*, session: SessionLike, step: int) -> None:
    """Go to a step of the shown trajectory; outside it, to its nearest end."""
    record = session.state.trajectory()
    if record is not None and record.steps:
        bounded = min(max(step, 0), len(record.steps) - 1)
        if bounded != session.state.step:
            session.update(replace(session.state, step=bounded))


def set_trajectory_visible(*, session: SessionLike, key: int, visible: bool) -> None:
    """Show or hide a trajectory's path on the map."""
    record = session.state.trajectory(key)
    if record is not None:
        session.update(session.state.with_trajectory(replace(record, visible=visible)))


def compare_with_unmasked(
    *, session: SessionLike, worker: WorkerLike, comparing: bool = True
) -> None:
    """Show the unmasked run of the same seed beside the shown trajectory, or no longer.

    It is drawn when it is first asked for and kept for the session.
    """
    session.update(replace(session.state, comparing=comparing))
    if comparing:
        want_baseline(session, worker)


def want_baseline(session: SessionLike, worker: WorkerLike) -> None:
    state = session.state
    record = state.trajectory()
    wanted = record.unmasked if record is not None else None
    if record is None or wanted is None or not record.job.rows or state.baseline() is not None:
        return
    job = replace(wanted, job_id=worker.next_id())
    unmasked = TrajectoryRecord(job=job, name=f"{record.name} without the mask")
    session.update(replace(state, unmasked=(*state.unmasked, unmasked)))
    submit(session, worker, job, f"Generating {unmasked.name.lower()}")


def find_landing(*, session: SessionLike, worker: WorkerLike, sigma: float) -> None:
    """Where the shown trajectory's finished picture lies on the map, seen at a noise level."""
    state = session.state
    record = state.trajectory()
    if record is None or not record.done or record.class_label is None:
        session.update(state.with_notice("The picture is not finished yet."))
        return
    job = PlacePicture(
        job_id=worker.next_id(),
        source=record.job.source,
        model=record.job.model,
        layers=record.job.layers,
        image=record.steps[-1].image,
        class_label=record.class_label,
        sigma=sigma,
        seed=record.seed or 0,
    )
    submit(session, worker, job, f"Placing {record.name.lower()}")


def delete_trajectory(*, session: SessionLike, worker: WorkerLike, key: int) -> None:
    """Forget a trajectory; one that is being computed is cancelled."""
    if session.state.job(key) is not None:
        worker.cancel(key)
        return
    drop_trajectory(session, key)
    if session.state.comparing:
        want_baseline(session, worker)


def drop_trajectory(session: SessionLike, key: int) -> None:
    state = session.state
    left = tuple(record for record in state.trajectories if record.key != key)
    state = replace(state, trajectories=left)
    if state.shown == key:
        last = left[-1] if left else None
        step = max(0, len(last.steps) - 1) if last else 0
        state = replace(state, shown=last.key if last else None, step=step)
    session.update(state)
