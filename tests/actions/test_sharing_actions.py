"""Maps are looked for in the bucket of the preferences, and those that are made go there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from acted import FOLDER, Recorder, change, finish, layer_map, said
from made_context import context_of

from diffviews_desktop.actions import answers, maps
from diffviews_desktop.engine.jobs.mapping import LinkMaps, MapLayer
from diffviews_desktop.engine.jobs.sharing import MapsPushed, PushMaps
from diffviews_desktop.state.session import Session
from diffviews_desktop.values.maps import LinkedMap
from diffviews_desktop.values.preferences import Preferences
from diffviews_desktop.values.stores import BucketSettings

BUCKET = BucketSettings(bucket="ours", endpoint="https://s3.example.org")
LACKING = {"upload_to": "s3://ours", "path": Path("cache/0123")}


@pytest.fixture(autouse=True)
def prefers(session: Session) -> None:
    session.update(replace(session.state, preferences=Preferences(bucket=BUCKET)))


def pushing(worker: Recorder) -> list[PushMaps]:
    return [job for job in worker.submitted if isinstance(job, PushMaps)]


def test_every_map_is_looked_for_in_the_bucket(session: Session, worker: Recorder) -> None:
    assert change(session, worker, "encoder_block_0").bucket == BUCKET
    maps.link_map(context_of(session, worker), "dmd2", ("midblock",))
    assert worker.only(LinkMaps).bucket == BUCKET


def test_a_map_that_the_bucket_has_not_is_put_there(session: Session, worker: Recorder) -> None:
    job = change(session, worker, "encoder_block_0")
    finish(session, worker, job.job_id, layer_map(job.spec.layers, **LACKING))
    (upload,) = pushing(worker)
    assert (upload.folder, upload.model, upload.bucket) == (FOLDER, "edm", BUCKET)
    assert (upload.keys, upload.verify) == (("0123",), True)
    (waiting,) = session.state.jobs.aside  # the queue that can be seen
    assert waiting.title == "Uploading the map of encoder_block_0"
    finish(session, worker, upload.job_id, MapsPushed("edm", "s3://ours", pushed=1))
    assert session.state.jobs.aside == ()
    assert session.state.jobs.ended[-1].outcome == "finished"


def test_so_is_the_second_map(session: Session, worker: Recorder) -> None:
    maps.link_map(context_of(session, worker), "dmd2", ("midblock",))
    job = worker.only(LinkMaps)
    finish(
        session,
        worker,
        job.job_id,
        LinkedMap(layer_map(model="dmd2", **LACKING), job.spec.layers, None),
    )
    assert [upload.model for upload in pushing(worker)] == ["dmd2"]


def test_a_map_that_the_bucket_has_stays_where_it_is(session: Session, worker: Recorder) -> None:
    job = change(session, worker, "encoder_block_0")
    finish(session, worker, job.job_id, layer_map(job.spec.layers))
    assert pushing(worker) == []


def test_who_switched_uploads_off_meanwhile_is_heard(session: Session, worker: Recorder) -> None:
    job = change(session, worker, "encoder_block_0")
    off = Preferences(bucket=replace(BUCKET, upload=False))
    session.update(replace(session.state, preferences=off))
    finish(session, worker, job.job_id, layer_map(job.spec.layers, **LACKING))
    assert pushing(worker) == []


def test_why_uploads_fail_is_told_once_and_stays_in_the_list(
    session: Session, worker: Recorder
) -> None:
    for number, layer in enumerate(("encoder_block_0", "encoder_block_1")):
        job = change(session, worker, layer)
        assert isinstance(job, MapLayer)
        finish(session, worker, job.job_id, layer_map(job.spec.layers, **LACKING))
        upload = pushing(worker)[number]
        context = context_of(session, worker)
        answers.on_failed(context, job_id=upload.job_id, message="It is full.", details="")
        if number == 0:
            assert said(session) == "It is full."
            context.say("something else")
        else:
            assert said(session) == "something else"
        assert session.state.opened.layer_map is not None
        assert session.state.opened.layer_map.layers == job.spec.layers
    failed = [one for one in session.state.jobs.ended if one.outcome == "failed"]
    assert [one.message for one in failed] == ["It is full."] * 2
    assert [one.title for one in failed] == [
        f"Uploading the map of encoder_block_{number}" for number in (0, 1)
    ]
