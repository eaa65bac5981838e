"""Which of three engines gets a job."""

from __future__ import annotations

from pathlib import Path

from diffviews_desktop.engine.crew import Crew
from diffviews_desktop.engine.jobs.downloading import ListModels
from diffviews_desktop.engine.jobs.exporting import WriteContent
from diffviews_desktop.engine.jobs.opening import OpenData
from diffviews_desktop.engine.protocol import Job
from diffviews_desktop.exports.contents import Table
from diffviews_desktop.values.folders import FolderRef


class Noted:
    """A worker that notes what is asked of it."""

    def __init__(self) -> None:
        self.asked: list[object] = []

    def next_id(self) -> int:
        return 7

    def start(self) -> None:
        self.asked.append("start")

    def submit(self, job: Job[object]) -> None:
        self.asked.append(job)

    def cancel(self, job_id: int) -> None:
        self.asked.append(job_id)

    def stop(self) -> None:
        self.asked.append("stop")


def test_jobs_that_need_no_model_go_to_an_engine_that_starts_with_the_first() -> None:
    main, aside, drawing = Noted(), Noted(), Noted()
    crew = Crew(main, aside, drawing)
    opening = OpenData(job_id=crew.next_id(), folder=FolderRef())
    listing = ListModels(job_id=2, folder=FolderRef(), out=Path())
    crew.submit(opening)
    assert (main.asked, aside.asked) == ([opening], [])
    crew.submit(listing)
    crew.submit(listing)
    assert (main.asked, aside.asked) == ([opening], ["start", listing, listing])
    table = WriteContent(job_id=3, folder=FolderRef(), content=Table({}), file=Path("a.csv"))
    crew.submit(table)
    assert (len(aside.asked), drawing.asked) == (3, ["start", table])
    crew.cancel(2)
    crew.stop()
    assert main.asked[1:] == aside.asked[3:] == drawing.asked[2:] == [2, "stop"]
