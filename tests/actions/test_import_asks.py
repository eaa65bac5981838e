"""The end of an import drops no runs without asking."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from acted import FOLDER, Recorder, click, generate
from made_context import NoWindow, context_of

from diffviews_desktop.actions import answers
from diffviews_desktop.engine.jobs.importing import DataImported, ImportData
from diffviews_desktop.engine.jobs.opening import OpenData
from diffviews_desktop.state.jobs import RunningJob
from diffviews_desktop.state.session import Session


def test_the_end_of_an_import_asks_before_it_drops_runs(session: Session, worker: Recorder) -> None:
    click(session, 3)
    run = generate(session, worker, steps=2)
    state = session.state
    done = replace(state.runs.all[0], done=True)
    session.update(replace(state, runs=state.runs.with_run(done), jobs=state.jobs))
    job = ImportData(
        job_id=run.job_id + 1,
        folder=FOLDER,
        checkpoint=Path("net.pkl"),
        out=Path("made"),
        name="cats",
        sigmas=(0.5,),
    )
    jobs = session.state.jobs.with_job(RunningJob(job, "Importing cats"))
    session.update(replace(session.state, jobs=jobs))
    worker.submitted.clear()
    window = NoWindow()
    result = DataImported(Path("made"), "cats", 12, 24, ())
    context = context_of(session, worker, window)
    answers.on_finished(context, job_id=job.job_id, result=result, memory=None)
    assert window.sessions.asked  # the answer is to stay
    assert "Opening the data that were imported" in str(window.sessions.asked)
    assert worker.submitted == []
    assert len(session.state.runs.all) == 1
    assert not any(isinstance(one, OpenData) for one in worker.submitted)
