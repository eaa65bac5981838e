"""Opening data folders and models, importing, converting."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from diffviews_desktop.actions.asking import SessionLike, WorkerLike, submit
from diffviews_desktop.engine.jobs.importing import ImportData
from diffviews_desktop.engine.jobs.opening import (
    ConvertCheckpoint,
    LoadModel,
    OpenData,
)
from diffviews_desktop.state.state import State
from diffviews_desktop.values.folders import Source


def open_data(
    *, session: SessionLike, worker: WorkerLike, source: Source, model: str | None = None
) -> None:
    """Open a data folder (None: the demo); what is open stays until it is there."""
    job = OpenData(job_id=worker.next_id(), source=source, model=model)
    submit(session, worker, job, "Opening the demo" if source.path is None else "Opening data")


def switch_model(*, session: SessionLike, worker: WorkerLike, model: str) -> None:
    """Open another model of the same data folder, or load the same one where it is not loaded."""
    state = session.state
    if model != state.model:
        open_data(session=session, worker=worker, source=state.source, model=model)
    else:
        load_model(session=session, worker=worker)


def load_model(*, session: SessionLike, worker: WorkerLike) -> None:
    """Load the open model where it is not loaded, nor about to be."""
    state = session.state
    if state.model is None or state.loaded is not None or is_loading(state):
        return
    session.update(replace(state, model_problem=None))
    job = LoadModel(job_id=worker.next_id(), source=state.source, model=state.model)
    submit(session, worker, job, f"Loading {state.model}")


def is_loading(state: State) -> bool:
    """Whether the open model is being loaded, or will be."""
    jobs = (running.job for running in state.jobs if running.stage != "cancelling")
    return any(isinstance(job, LoadModel) and job.model == state.model for job in jobs)


def convert_checkpoint(*, session: SessionLike, worker: WorkerLike) -> None:
    """Write the model's checkpoint as ``.safetensors`` beside it, to be used from then on."""
    state = session.state
    if state.model is None or state.loaded is None or not state.loaded.convertible:
        session.update(state.with_notice("This model's checkpoint needs no conversion."))
        return
    job = ConvertCheckpoint(job_id=worker.next_id(), source=state.source, model=state.model)
    submit(session, worker, job, "Converting the checkpoint")


def import_data(
    *,
    session: SessionLike,
    worker: WorkerLike,
    checkpoint: Path,
    out: Path,
    name: str,
    sigmas: tuple[float, ...],
    adapter: str | None = None,
    images: Path | None = None,
    labels: Path | None = None,
    generate: int = 0,
    layers: tuple[str, ...] = (),
    seed: int = ImportData.seed,
) -> None:
    """Make a data folder from pictures, or from what the model draws, and open it when it is there.

    The arguments are those of `ImportData`.
    """
    job = ImportData(
        job_id=worker.next_id(),
        source=session.state.source,
        checkpoint=checkpoint,
        out=out,
        name=name,
        adapter=adapter,
        images=images,
        labels=labels,
        generate=generate,
        sigmas=sigmas,
        layers=layers,
        seed=seed,
    )
    submit(session, worker, job, f"Importing {name}")
