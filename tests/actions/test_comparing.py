"""A run beside the same without a mask."""

from dataclasses import replace

import pytest
from acted import (
    FOLDER,
    SPEC,
    Recorder,
    click,
    compare,
    do_steps,
    drawn,
    generate,
    masked,
    said,
    step,
)
from made_context import context_of
from made_runs import told

from diffviews_desktop.actions import (
    answers,
    asking,
    runs,
)
from diffviews_desktop.engine.jobs.drawing import (
    Generate,
)
from diffviews_desktop.engine.protocol import RunStarted, StepDone
from diffviews_desktop.state.session import Session
from diffviews_desktop.values.conditions import (
    from_choice,
)
from diffviews_desktop.values.interventions import PICKED, SampleMean, rows_of
from diffviews_desktop.values.sampling import SamplingSettings


def test_a_run_is_compared_with_the_same_one_without_its_mask(
    session: Session, worker: Recorder
) -> None:
    click(session, 1, 2)
    sampling = SamplingSettings(
        num_steps=6, sampler="heun", s_churn=3.0, guidance_scale=2.0, rho=5.0
    )
    masking = replace(
        PICKED, source=SampleMean((), "distance"), step_from=2, step_to=4, strength=0.5,
        unconditional=False, layers=("decoder_block_1",),
    )  # fmt: skip
    runs.generate_from_neighbors(
        context_of(session, worker), sampling, from_choice("zero"), (masking,)
    )
    job = worker.only(Generate)
    answers.on_event(context_of(session, worker), event=RunStarted(job.job_id, 7, told(-2), 5))
    do_steps(session, job, 1)
    compare(session, worker)
    assert worker.submitted[-1] == Generate(
        job_id=2, folder=FOLDER, spec=SPEC, condition=from_choice("zero"),
        settings=replace(sampling, seed=7),
    )  # fmt: skip
    assert session.state.jobs.running[-1].title == "Generating run 1 without the mask"
    assert session.state.runs.comparing


def test_the_unmasked_run_grows_beside_and_is_not_a_run(session: Session, worker: Recorder) -> None:
    click(session, 1)
    run = masked(session, worker)
    compare(session, worker)
    plain = worker.submitted[-1]
    before = session.state
    assert before.runs.baseline() is not None
    assert before.runs.baseline().steps == ()
    answers.on_event(context_of(session, worker), event=RunStarted(plain.job_id, 7, told(3), 5))
    answers.on_event(context_of(session, worker), event=StepDone(plain.job_id, step(0)))
    assert [s.index for s in session.state.runs.baseline().steps] == [0]
    result = drawn(session, worker, plain, 7)
    record = session.state.runs.baseline()
    assert record.done
    assert record.steps == result.steps
    assert record.record == {"of": plain.job_id}
    for name in ("all", "shown", "step"):  # the user's own are as they were
        assert getattr(session.state.runs, name) == getattr(before.runs, name), name
    assert session.state.runs.run().job.job_id == run.job_id
    assert session.state.jobs.running == ()
    assert len(worker.submitted) == 2


def test_an_unmasked_run_is_drawn_once_for_all_with_its_seed(
    session: Session, worker: Recorder
) -> None:
    click(session, 1)
    first = masked(session, worker)
    compare(session, worker)
    plain = worker.submitted[-1]
    for comparing in (False, True, True):  # while it waits
        compare(session, worker, comparing)
        assert session.state.runs.comparing is comparing
    assert len(worker.submitted) == 2
    drawn(session, worker, plain, 7)
    compare(session, worker, False)
    compare(session, worker)
    assert len(worker.submitted) == 2
    # another mask with the same seed has the same unmasked run, another seed has not
    click(session, 2)
    second = masked(session, worker)
    assert session.state.runs.baseline().job.job_id == plain.job_id
    third = masked(session, worker, seed=8)
    assert [type(job) for job in worker.submitted[1:]] == [Generate] * 4
    assert worker.submitted[-1].settings.seed == 8
    drawn(session, worker, worker.submitted[-1], 8)
    for job in (first, second, third, first):
        runs.show_run(context_of(session, worker), run_id=job.job_id)
    assert len(worker.submitted) == 5
    assert [r.done for r in session.state.runs.unmasked] == [True, True]


def test_an_unmasked_run_goes_with_the_last_run_that_it_is_compared_with(
    session: Session, worker: Recorder
) -> None:
    context = context_of(session, worker)
    click(session, 1)
    compare(session, worker)
    masked(session, worker)
    drawn(session, worker, worker.submitted[-1], 7)
    click(session, 2)
    masked(session, worker)
    first, second = session.state.runs.all
    assert len(session.state.runs.unmasked) == 1
    runs.delete_run(context, first.id)
    assert len(session.state.runs.unmasked) == 1
    runs.delete_run(context, second.id)
    assert session.state.runs.unmasked == ()


def test_comparing_waits_until_the_seed_is_known(session: Session, worker: Recorder) -> None:
    compare(session, worker)  # there is nothing yet
    assert worker.submitted == []
    assert session.state.runs.comparing
    click(session, 1)
    job = generate(session, worker, steps=1)
    compare(session, worker)
    assert worker.submitted == [job]
    drawn(session, worker, job, 9)
    assert worker.submitted[-1].settings.seed == 9
    assert worker.submitted[-1].interventions == ()


def test_who_no_longer_compares_gets_no_more_unmasked_runs(
    session: Session, worker: Recorder
) -> None:
    click(session, 1)
    masked(session, worker)
    compare(session, worker)
    compare(session, worker, False)
    masked(session, worker, seed=8)
    assert [rows_of(job.interventions) for job in worker.submitted] == [(1,), (), (1,)]


@pytest.mark.parametrize("ended", ["cancelled", "failed"])
def test_half_an_unmasked_run_goes_and_is_drawn_when_it_is_asked_for_again(
    session: Session, worker: Recorder, ended: str
) -> None:
    click(session, 1)
    masked(session, worker)
    kept = session.state.runs.all
    compare(session, worker)
    plain = worker.submitted[-1]
    answers.on_event(context_of(session, worker), event=StepDone(plain.job_id, step(0)))
    if ended == "cancelled":
        answers.on_cancelled(context_of(session, worker), job_id=plain.job_id)
        assert said(session) == "Cancelled: generating run 1 without the mask."
    else:
        answers.on_failed(
            context_of(session, worker), job_id=plain.job_id, message="Bad.", details=""
        )
        assert said(session) == "Bad."
    assert session.state.runs.unmasked == ()
    assert session.state.runs.all == kept
    assert len(worker.submitted) == 2
    compare(session, worker)
    again = worker.submitted[-1]
    assert again == replace(plain, job_id=again.job_id)
    assert again.job_id != plain.job_id


def test_the_one_that_is_shown_after_deleting_is_compared_too(
    session: Session, worker: Recorder
) -> None:
    click(session, 1)
    masked(session, worker, seed=7)
    second = masked(session, worker, seed=8)
    compare(session, worker)
    drawn(session, worker, worker.submitted[-1], 8)
    runs.delete_run(context_of(session, worker), run_id=second.job_id)
    assert worker.submitted[-1].settings.seed == 7
    assert session.state.runs.baseline() is not None


def test_a_run_that_ended_before_it_heard_of_cancel_is_whole(
    session: Session, worker: Recorder
) -> None:
    click(session, 1)
    job = generate(session, worker)
    asking.cancel_job(context_of(session, worker), job_id=job.job_id)
    answers.on_event(context_of(session, worker), event=RunStarted(job.job_id, 7, told(3), 5))
    result = drawn(session, worker, job, 7)
    record = session.state.runs.run(job.job_id)
    assert (record.seed, record.condition, record.done) == (7, told(3), True)
    assert record.steps == result.steps
