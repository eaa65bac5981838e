"""Downloads of models from buckets, in the layout of the original system, on a real S3 server."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from fetched import fetch, there
from published import move_home, write_catalogue
from s3_server import S3Server
from shared_buckets import SharedBucket
from tiny_folder import write_tiny_model
from web_server import Repository, WebServer, serve_web

from diffviews_desktop.data.sources import own_catalogue
from diffviews_desktop.data.stores.bucket_access import R2_VARIABLES, USUAL_BUCKET
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.downloading import PlanDownload
from diffviews_desktop.engine.jobs.opening import OpenData
from diffviews_desktop.errors import StoreAccessError, StoreNotFoundError, UsageError
from diffviews_desktop.values.folders import FolderRef

NOT_READ = ("embeddings/map.pkl", "embeddings/layer_cache/a.npy", "layer_cache/midblock.csv")
CHECKPOINT = "dmd2-imagenet-64-10step.pkl"
CATALOGUE = """
[tiny]
title = "Tiny"
licence = "MIT"
[tiny.data]
r2 = "s3://{bucket}/data/tiny"
[tiny.checkpoint]
r2 = "s3://{bucket}/data/tiny/checkpoints/tiny.safetensors"
"""


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    move_home(monkeypatch, tmp_path)
    return tmp_path / "out"


@pytest.fixture
def bucket(
    shared: SharedBucket, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> SharedBucket:
    """A bucket with a model's folder, named by the user's own catalogue."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", shared.server.endpoint)
    write_tiny_model(tmp_path / "published" / "tiny", samples=12)
    for key, content in published(tmp_path / "published").items():
        shared.write(f"data/{key}", content)
    write_catalogue(CATALOGUE.format(bucket=shared.name))
    return shared


def published(folder: Path) -> dict[str, bytes]:
    """The files of a data folder by their paths, with some that the program does not read."""
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    (model,) = {key.partition("/")[0] for key in files}
    return {**files, **{f"{model}/{name}": b"never fetched" for name in NOT_READ}}


def test_a_model_comes_from_a_bucket_and_opens(bucket: SharedBucket, out: Path) -> None:
    planned = Engine("cpu").run(PlanDownload(job_id=1, folder=FolderRef(), what="tiny", out=out))
    assert not out.exists()
    done = fetch("tiny", out)
    assert (done.models, done.failed, done.notes) == (("tiny",), (), ())
    assert done.checkpoints == (out / "tiny" / "checkpoints" / "tiny.safetensors",)
    published = {key.removeprefix("data/") for key in bucket.listed()}
    assert there(out) == published - {f"tiny/{name}" for name in NOT_READ}
    assert (done.files, done.bytes) == (planned.files, planned.bytes)
    assert all((out / name).read_bytes() == bucket.read(f"data/{name}") for name in there(out))
    opened = Engine("cpu").run(OpenData(job_id=1, folder=FolderRef(out), model="tiny"))
    assert len(opened.samples) == 12
    assert fetch("tiny", out).files == 0


@pytest.mark.parametrize("path", ["", "/data", "/data/tiny", "/data/tiny/"])
def test_an_address_in_a_bucket_stands_for_the_models_there(
    bucket: SharedBucket, out: Path, path: str
) -> None:
    done = fetch(f"s3://{bucket.name}{path}", out)
    assert done.models == ("tiny",)
    assert {"tiny/config.json", "tiny/checkpoints/tiny.safetensors"} <= there(out)
    assert not [name for name in there(out) if name.removeprefix("tiny/") in NOT_READ]


def test_what_is_not_there_is_said(bucket: SharedBucket, out: Path) -> None:
    with pytest.raises(StoreNotFoundError, match=f"nothing-{bucket.name}"):
        fetch(f"s3://nothing-{bucket.name}", out)
    with pytest.raises(UsageError, match="neither a model's folder"):
        fetch(f"s3://{bucket.name}/data/none", out)
    table = own_catalogue().read_text()
    own_catalogue().write_text(table.replace("data/tiny", "data/none"))
    with pytest.raises(StoreNotFoundError, match=r"has no config\.json"):
        fetch("tiny", out)
    assert not out.exists()


# ---- the bucket of the original system ----------------------------------------------------------


@pytest.fixture
def original(
    s3_server: S3Server, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> SharedBucket:
    """The bucket that the program's catalogue names, with a small model in it, and R2's keys."""
    client = s3_server.client()
    known = client.exceptions
    with contextlib.suppress(known.BucketAlreadyExists, known.BucketAlreadyOwnedByYou):
        client.create_bucket(Bucket=USUAL_BUCKET)
    bucket = SharedBucket(s3_server, USUAL_BUCKET)
    config = {"checkpoint": f"checkpoints/{CHECKPOINT}"}
    write_tiny_model(tmp_path / "published" / "dmd2", samples=12, config=config)
    for key, content in published(tmp_path / "published").items():
        bucket.write(f"data/{key.replace('tiny.safetensors', CHECKPOINT)}", content)
    keys = ("account", s3_server.access.key_id, s3_server.access.secret)
    for name, value in zip(R2_VARIABLES, keys, strict=True):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3_server.endpoint)
    return bucket


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    with serve_web() as web:
        monkeypatch.setenv("HF_ENDPOINT", web.url)
        yield web


def test_with_keys_a_model_of_the_catalogue_comes_from_the_bucket_first(
    original: SharedBucket, hub: WebServer, out: Path
) -> None:
    done = fetch("dmd2", out)
    assert (done.models, done.notes) == (("dmd2",), ())
    assert done.checkpoints == (out / "dmd2" / "checkpoints" / CHECKPOINT,)
    assert hub.requests == []


def test_with_wrong_keys_it_comes_from_the_next_place(
    original: SharedBucket,
    hub: WebServer,
    out: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = dict(published(tmp_path / "published"))
    hub.repositories["datasets/mckell/diffviews_demo_data"] = Repository({**files})
    monkeypatch.setenv("R2_SECRET_ACCESS_KEY", "wrong" * 8)
    with pytest.raises(StoreAccessError, match="diffviews"):
        fetch("dmd2", out, source="r2")
    assert not out.exists()
    done = fetch("dmd2", out, checkpoint=False)
    assert done.models == ("dmd2",)
    (note,) = done.notes
    assert "diffviews" in note
    assert "wrong" * 8 not in repr(done)


def test_without_keys_the_private_bucket_is_not_asked(
    original: SharedBucket,
    hub: WebServer,
    out: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in (*R2_VARIABLES, "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name)
    files = dict(published(tmp_path / "published"))
    hub.repositories["datasets/mckell/diffviews_demo_data"] = Repository({**files})
    done = fetch("dmd2", out, checkpoint=False)
    assert (done.models, done.notes) == (("dmd2",), ())
