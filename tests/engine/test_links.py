"""What every link to an engine promises, whatever the engine does and wherever it runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from scripted_engine import ENGINE, Refuse, Return, Script, Stumble, Until

from diffviews_desktop.engine.link_inline import InlineLink
from diffviews_desktop.engine.link_process import ProcessLink
from diffviews_desktop.engine.protocol import (
    EngineLink,
    Failed,
    Finished,
    Message,
    Progress,
    Ready,
    WasCancelled,
)


@pytest.fixture(params=[ProcessLink, InlineLink])
def link(request: pytest.FixtureRequest) -> Iterator[EngineLink]:
    link = request.param("cpu", engine=ENGINE)
    assert link.next() == Ready()
    yield link
    link.close()


def answer(link: EngineLink, job: Script) -> list[Message | None]:
    """Have a job done; all that it tells."""
    link.submit(job)
    told = [link.next()]
    while isinstance(told[-1], Progress):
        told.append(link.next())
    return told


def test_a_job_tells_its_stages_and_then_its_result(link: EngineLink) -> None:
    *events, last = answer(link, Script(job_id=1, stages=("first", "second"), text="that was it"))
    assert events == [Progress(1, "first"), Progress(1, "second")]
    assert isinstance(last, Finished)
    assert (last.job_id, last.result) == (1, "that was it")
    assert last.memory > 2**20


def test_of_many_tellings_of_one_stage_the_first_is_told(link: EngineLink) -> None:
    told = answer(link, Script(job_id=1, stages=("same",) * 1000))
    assert told[0] == Progress(1, "same")
    assert len(told) < 900
    again = answer(link, Script(job_id=2, stages=("same",)))  # of another job it is news
    assert again[0] == Progress(2, "same")


def test_what_cannot_be_done_is_said_in_a_sentence_and_the_engine_goes_on(
    link: EngineLink,
) -> None:
    (refused,) = answer(link, Refuse(job_id=1, text="Choose another."))
    assert isinstance(refused, Failed)
    assert (refused.job_id, refused.message) == (1, "Choose another.")
    assert "UsageError" in refused.details
    (unforeseen,) = answer(link, Stumble(job_id=2, text="a bug"))
    assert isinstance(unforeseen, Failed)
    assert unforeseen.message.startswith("Something unexpected happened (")
    assert "RuntimeError: a bug" in unforeseen.details
    assert isinstance(answer(link, Script(job_id=3))[0], Finished)


def test_a_cancel_ends_the_job_it_names_and_no_other(link: EngineLink) -> None:
    link.submit(Until(job_id=1))
    threading.Timer(0.05, link.cancel, [1]).start()
    assert [link.next(), link.next()] == [Progress(1, "began"), WasCancelled(1)]
    # the flag still names that job
    assert isinstance(answer(link, Script(job_id=2))[0], Finished)
    # a cancel of a job to come is heard when it comes
    link.cancel(3)
    assert answer(link, Script(job_id=3, stages=("never",))) == [WasCancelled(3)]


@pytest.mark.parametrize("size", [3, 300_000])
def test_jobs_and_results_share_nothing_with_what_was_sent(link: EngineLink, size: int) -> None:
    values = np.arange(size, dtype=np.float64)
    (last,) = answer(link, Return(job_id=1, values=values))
    assert isinstance(last, Finished)
    assert isinstance(last.result, np.ndarray)
    np.testing.assert_array_equal(last.result, values)
    assert not np.shares_memory(last.result, values)
    last.result[0] = 1  # it is the receiver's own


def test_what_cannot_be_sent_is_refused_at_once(link: EngineLink) -> None:
    unsendable: Callable[[], None] = lambda: None  # noqa: E731
    with pytest.raises(Exception, match="pickle"):
        link.submit(Script(job_id=1, text=unsendable))  # type: ignore[arg-type]
    assert isinstance(answer(link, Script(job_id=2))[0], Finished)


def test_waiting_ends_when_it_is_woken_or_the_time_is_over(link: EngineLink) -> None:
    link.wake()  # before it waits
    assert link.next() is None
    threading.Timer(0.05, link.wake).start()
    assert link.next() is None
    assert link.next(0.01) is None
    assert link.alive
    assert link.exit_code is None


def test_a_closed_link_is_no_longer_alive_and_takes_no_job(link: EngineLink) -> None:
    link.close(grace=60)
    assert not link.alive
    with pytest.raises(OSError, match="closed"):
        link.submit(Script(job_id=1))
    link.wake()  # of no use, and no harm
