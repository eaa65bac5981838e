"""Maps that come from a bucket and go there, on a real S3 server."""

from __future__ import annotations

import json
import logging
import os
import pickle
import shutil
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from s3_server import S3Server
from shared_buckets import SharedBucket, use_keys

from diffviews_desktop.crashes import CrashReport, find_reports
from diffviews_desktop.data.cache.layer_cache import LayerCache, finish
from diffviews_desktop.data.cache.shared_map import SharedName, pack
from diffviews_desktop.engine import shared_maps
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.mapping import MapLayer
from diffviews_desktop.engine.jobs.sharing import (
    CompareMaps,
    MapsPulled,
    MapsPushed,
    PullMaps,
    PushMaps,
)
from diffviews_desktop.engine.protocol import Progress
from diffviews_desktop.engine.shared_names import known_map, shared_parts
from diffviews_desktop.engine.sharing import OF_ORIGINAL, OF_OTHERS
from diffviews_desktop.errors import Cancelled, StoreAccessError, StoreError
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.maps import LayerMap, MapParameters, MapSpec
from diffviews_desktop.values.models import Numerics
from diffviews_desktop.values.stores import BucketSettings

N, WIDTH = 20, 30
LAYER = LayerSet(["midblock"])
CACHE = Path("tiny/embeddings/layer_cache")
SMALL = MapParameters(n_neighbors=5)


@pytest.fixture
def data(tiny_data: Callable[..., Path]) -> Path:
    """A folder with activations of its own, and no model that could run."""
    folder = tiny_data(samples=N, embedding=False, checkpoint=False)
    write_activations(folder)
    return folder


def write_activations(folder: Path, seed: int = 0) -> None:
    matrix = folder / "tiny/activations/imagenet_real/a.npy"
    matrix.parent.mkdir(parents=True, exist_ok=True)
    rows = np.random.default_rng(seed).standard_normal((N, WIDTH)).astype(np.float32)
    np.save(matrix, rows)
    side_car = {"layers": list(LAYER), "num_samples": N}
    matrix.with_name("a.npy.json").write_text(json.dumps(side_car))


@pytest.fixture
def fresh(data: Path, tmp_path: Path) -> Callable[[], Path]:
    """The same folder on one more computer, which has made no map."""
    computers = iter(range(100))

    def make() -> Path:
        copy = tmp_path / f"computer {next(computers)}" / "data"
        shutil.copytree(data, copy, ignore=shutil.ignore_patterns("layer_cache"))
        os.utime(copy / "tiny/activations/imagenet_real/a.npy", (1e9, 1e9))
        return copy

    return make


def make_map(
    data: Path,
    bucket: BucketSettings | None,
    parameters: MapParameters | None = SMALL,
    engine: Engine | None = None,
    stages: list[str] | None = None,
) -> LayerMap:
    """Map the layer; the stages of the work go into a list."""

    def emit(event: object) -> None:
        if isinstance(event, Progress) and stages is not None:
            stages.append(event.stage)

    spec = MapSpec("tiny", LAYER, parameters)
    job = MapLayer(job_id=1, folder=FolderRef(data), spec=spec, bucket=bucket)
    return (engine or Engine("cpu", emit=emit)).run(job)


def push(data: Path, bucket: BucketSettings, **options: Any) -> MapsPushed:
    job = PushMaps(job_id=2, folder=FolderRef(data), model="tiny", bucket=bucket, **options)
    return Engine("cpu").run(job)


def pull(data: Path, bucket: BucketSettings, **options: Any) -> MapsPulled:
    job = PullMaps(job_id=3, folder=FolderRef(data), model="tiny", bucket=bucket, **options)
    return Engine("cpu").run(job)


def assert_bit_for_bit(one: LayerMap, other: LayerMap) -> None:
    for name in ("xy", "reduced", "trust", "kept"):
        first, second = getattr(one, name), getattr(other, name)
        assert first.tobytes() == second.tobytes(), name
    assert one.quality == other.quality
    projector = "projector.npz"
    assert (one.path / projector).read_bytes() == (other.path / projector).read_bytes()


def archives(shared: SharedBucket) -> list[str]:
    return [key for key in shared.listed() if key.startswith("maps/")]


# --- there and back ------------------------------------------------------------------------------


def test_a_map_comes_back_bit_for_bit_on_a_fresh_computer(
    data: Path, fresh: Callable[[], Path], shared: SharedBucket
) -> None:
    made = make_map(data, shared.settings)
    assert not made.from_cache
    assert made.upload_to.endswith(shared.name)
    pushed = push(data, shared.settings, keys=(made.path.name,), verify=True)
    assert (pushed.pushed, pushed.present, pushed.failed) == (1, 0, ())
    (key,) = archives(shared)
    name = SharedName.read(key)
    assert name is not None
    assert (name.model, name.label) == ("tiny", "midblock")
    assert pushed.bytes == len(shared.read(key))

    other, stages = fresh(), []
    got = make_map(other, shared.settings, stages=stages)
    assert got.from_cache
    assert got.upload_to == ""
    assert got.notes[0].startswith("This map comes from ")
    assert not {"UMAP", "reducing"} & set(stages)
    assert_bit_for_bit(made, got)
    assert list((other / CACHE).glob(".*")) == []

    offline = make_map(other, None)
    assert offline.from_cache
    assert offline.notes == ()
    assert_bit_for_bit(made, offline)


def test_without_a_bucket_nothing_is_asked_or_said(
    data: Path, shared: SharedBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    for bucket in (None, BucketSettings()):
        made = make_map(data, bucket)
        assert (made.notes, made.upload_to) == ((), "")


def test_the_environment_can_name_the_bucket(
    data: Path, fresh: Callable[[], Path], shared: SharedBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("R2_BUCKET_NAME", shared.name)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", shared.settings.endpoint)
    made = make_map(data, BucketSettings())
    push(data, BucketSettings())
    assert_bit_for_bit(made, make_map(fresh(), BucketSettings()))


def test_who_does_not_want_to_upload_is_not_asked_to(data: Path, shared: SharedBucket) -> None:
    assert make_map(data, replace(shared.settings, upload=False)).upload_to == ""


def test_the_first_of_two_different_maps_stays(
    data: Path, fresh: Callable[[], Path], shared: SharedBucket
) -> None:
    first, other = make_map(data, None), fresh()
    second = make_map(other, None)
    moved = second.path / "projector.npz"
    arrays = dict(np.load(moved))
    with LayerCache(second.path.parent).writing(second.path.name) as entry:
        np.savez(entry / "projector.npz", **arrays | {"xy": arrays["xy"] + 1})
        finish(entry, json.loads((second.path / "entry.json").read_text())["details"], LAYER)
    assert push(data, shared.settings).pushed == 1
    before = shared.read(archives(shared)[0])
    again = push(other, shared.settings, verify=True)
    assert (again.pushed, again.present) == (0, 1)
    assert shared.read(archives(shared)[0]) == before
    assert_bit_for_bit(first, make_map(fresh(), shared.settings))


def test_of_two_that_put_a_map_there_at_once_one_does(
    data: Path, fresh: Callable[[], Path], shared: SharedBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have seen that it is not there."""
    folders = [data, fresh(), fresh()]
    for folder in folders:
        make_map(folder, None)
    ready = threading.Barrier(len(folders))
    put = shared_maps.MapBucket.put

    def together(*arguments: Any) -> int | None:
        ready.wait(60)
        return put(*arguments)

    monkeypatch.setattr(shared_maps.MapBucket, "put", together)
    done: list[MapsPushed] = []
    threads = [
        threading.Thread(target=lambda folder=folder: done.append(push(folder, shared.settings)))
        for folder in folders
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted((one.pushed, one.present) for one in done) == [(0, 1), (0, 1), (1, 0)]
    make_map(fresh(), shared.settings)


# --- what goes wrong never keeps a map from being made -------------------------------------------


def both_layers(engine: Engine, data: Path, bucket: BucketSettings) -> list[LayerMap]:
    """Two different maps, one after the other."""
    parameters = (SMALL, replace(SMALL, n_neighbors=6))
    return [make_map(data, bucket, one, engine) for one in parameters]


def test_wrong_keys_are_told_once_and_new_ones_are_taken(
    data: Path, fresh: Callable[[], Path], shared: SharedBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong" * 8)
    engine = Engine("cpu")
    first, second = both_layers(engine, data, shared.settings)
    assert not first.from_cache
    assert not second.from_cache
    assert len(first.notes) == 1
    assert "not taken from the bucket" in first.notes[0]
    assert second.notes == ()
    assert first.upload_to == ""
    with pytest.raises(StoreAccessError):
        push(data, shared.settings)
    with pytest.raises(StoreAccessError):
        pull(data, shared.settings)
    use_keys(monkeypatch, shared.access)
    push(data, shared.settings)
    assert make_map(fresh(), shared.settings, engine=engine).from_cache


def test_a_bucket_without_keys_is_off_and_says_so_once(
    data: Path, shared: SharedBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    first, second = both_layers(Engine("cpu"), data, shared.settings)
    (note,) = first.notes
    assert f"The bucket {shared.name} is not used, because there are no keys for it." in note
    assert second.notes == ()


def test_a_bucket_that_is_not_there_is_told_once(data: Path, shared: SharedBucket) -> None:
    settings = replace(shared.settings, bucket="no-such-bucket")
    first, second = both_layers(Engine("cpu"), data, settings)
    assert len(first.notes) <= 1
    assert second.notes == ()
    with pytest.raises(StoreError, match="no-such-bucket"):
        push(data, settings)


def test_a_server_that_is_gone_is_told_once_and_not_asked_again_at_once(
    data: Path, shared: SharedBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    settings = replace(shared.settings, endpoint=address)
    asked: list[object] = []
    find = shared_maps.MapBucket.find
    monkeypatch.setattr(
        shared_maps.MapBucket, "find", lambda *given: asked.append(given) or find(*given)
    )
    first, second = both_layers(Engine("cpu"), data, settings)
    (note,) = first.notes
    assert "made here" in note
    assert (second.notes, second.upload_to) == ((), "")
    assert len(asked) == 1


def test_a_job_can_be_cancelled_while_the_server_is_stopped(
    data: Path, shared: SharedBucket
) -> None:
    engine = Engine("cpu", cancelled=lambda job_id: heard())
    asked = iter(range(10**6))

    def heard() -> bool:
        return next(asked) > 20

    with shared.stopped(), pytest.raises(Cancelled):
        make_map(data, shared.settings, engine=engine)


def test_a_damaged_map_is_made_here_and_replaced(
    data: Path, fresh: Callable[[], Path], shared: SharedBucket
) -> None:
    made = make_map(data, None)
    push(data, shared.settings)
    (key,) = archives(shared)
    whole = shared.read(key)
    shared.write(key, whole[: len(whole) // 2])
    other = fresh()
    again = make_map(other, shared.settings)
    assert not again.from_cache
    assert key in again.notes[0]
    assert again.upload_to
    kept = push(other, shared.settings)
    assert (kept.pushed, kept.present) == (0, 1)
    replaced = push(other, shared.settings, keys=(again.path.name,), verify=True)
    assert (replaced.pushed, replaced.present) == (1, 0)
    assert_bit_for_bit(made, make_map(fresh(), shared.settings))


def test_a_map_of_others_under_its_name_is_not_shown(
    data: Path, fresh: Callable[[], Path], shared: SharedBucket
) -> None:
    make_map(data, None)
    make_map(data, None, replace(SMALL, n_neighbors=6))
    push(data, shared.settings)
    one, other = archives(shared)
    shared.write(one, shared.read(other))
    shared.write(other, b"")
    for parameters in (SMALL, replace(SMALL, n_neighbors=6)):
        mapped = make_map(fresh(), shared.settings, parameters)
        assert not mapped.from_cache
        assert "not taken from the bucket" in mapped.notes[0]


def test_a_map_with_places_beyond_the_samples_is_not_shown(
    data: Path, fresh: Callable[[], Path], shared: SharedBucket
) -> None:
    """Whoever may write into the bucket can make an archive that looks sound."""
    made = make_map(data, None)
    arrays = dict(np.load(made.path / "projector.npz"))
    with LayerCache(made.path.parent).writing(made.path.name) as entry:
        np.savez(entry / "projector.npz", **arrays | {"rows": arrays["rows"] + 5})
        finish(entry, json.loads((made.path / "entry.json").read_text())["details"], LAYER)
    push(data, shared.settings)
    mapped = make_map(fresh(), shared.settings)
    assert not mapped.from_cache
    assert "does not fit these samples" in mapped.notes[0]


def test_whatever_goes_wrong_with_the_bucket_the_map_is_made(
    data: Path, shared: SharedBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = make_map(data, None)
    push(data, shared.settings)
    shutil.rmtree(data / CACHE)

    def fail(*_: object) -> None:
        raise ZeroDivisionError("a surprise")

    monkeypatch.setattr(shared_maps, "fetch_map", fail)
    made = make_map(data, shared.settings)
    assert not made.from_cache
    assert made.xy.tobytes() == here.xy.tobytes()
    assert made.notes[0].startswith("This map was made here, not taken from the bucket: ")
    assert made.upload_to == ""


def test_beyond_its_limit_nothing_is_put_into_a_bucket(data: Path, shared: SharedBucket) -> None:
    made = make_map(data, None)
    small = replace(shared.settings, limit_bytes=1000)
    done = push(data, small)
    assert done.pushed == 0
    ((title, reason),) = done.failed
    assert title == "tiny, midblock"
    assert "may take" in reason
    with pytest.raises(StoreError, match="was not put into"):
        push(data, small, keys=(made.path.name,))
    assert archives(shared) == []


# --- many at once --------------------------------------------------------------------------------


def test_maps_are_pushed_pulled_and_compared(
    data: Path, fresh: Callable[[], Path], shared: SharedBucket
) -> None:
    made = [make_map(data, None, replace(SMALL, n_neighbors=k)) for k in (5, 6, 7)]
    assert (push(data, shared.settings).pushed, len(archives(shared))) == (3, 3)
    assert push(data, shared.settings).present == 3
    other = fresh()
    make_map(other, None)
    make_map(other, None, replace(SMALL, n_neighbors=8))

    def compared() -> tuple[int, int, int]:
        job = CompareMaps(job_id=4, folder=FolderRef(other), model="tiny", bucket=shared.settings)
        found = Engine("cpu").run(job)
        assert found.used == sum(len(shared.read(key)) for key in archives(shared))
        return found.both, found.only_there, found.only_here

    assert compared() == (1, 2, 1)
    assert pull(other, shared.settings, layers=LayerSet(["encoder_block_1"])).pulled == 0
    done = pull(other, shared.settings, layers=LAYER)
    assert (done.pulled, done.present, done.failed) == (2, 1, ())
    assert compared() == (3, 0, 1)
    assert pull(other, shared.settings).pulled == 0
    for one in made[1:]:
        k = one.parameters["n_neighbors"]
        offline = make_map(other, None, replace(SMALL, n_neighbors=k))
        assert offline.from_cache
        assert_bit_for_bit(one, offline)


def test_what_is_damaged_does_not_keep_the_others_from_coming(
    data: Path, fresh: Callable[[], Path], shared: SharedBucket
) -> None:
    for k in (5, 6, 7):
        make_map(data, None, replace(SMALL, n_neighbors=k))
    push(data, shared.settings)
    shared.write(archives(shared)[1], b"damaged")
    done = pull(fresh(), shared.settings)
    assert (done.pulled, len(done.failed)) == (2, 1)


def test_maps_of_other_samples_are_neither_pushed_nor_pulled(
    data: Path, fresh: Callable[[], Path], shared: SharedBucket
) -> None:
    make_map(data, None)
    push(data, shared.settings)
    other = fresh()
    write_activations(other, seed=1)
    assert pull(other, shared.settings) == MapsPulled("tiny", pull(data, shared.settings).bucket)
    assert not make_map(other, shared.settings).from_cache
    write_activations(other, seed=2)
    done = push(other, shared.settings)
    assert (done.pushed, done.left_out) == (0, (("tiny, midblock", OF_OTHERS),))


# --- computed otherwise --------------------------------------------------------------------------


def test_a_map_that_another_device_made_is_shown_and_said(
    tiny_data: Callable[..., Path], shared: SharedBucket, tmp_path: Path
) -> None:
    data = tiny_data(samples=N, embedding=False)
    copy = tmp_path / "other" / "data"
    shutil.copytree(data, copy)
    made = make_map(data, None)
    opened = Engine("cpu").workspace.open(FolderRef(data), "tiny")
    (info,) = opened.cache.entries()
    here = known_map(opened, info)
    assert here is not None
    there = replace(here, activations=replace(here.activations, numerics=Numerics("cuda", "auto")))
    parts = shared_parts(there, lambda: None)
    with open(tmp_path / "made.zip", "w+b") as file:
        pack(made.path / "projector.npz", file, parts)
        file.seek(0)
        shared.write(SharedName.of("tiny", parts).path, file.read())
    for bucket in (shared.settings, None):
        engine = Engine("cpu")
        got = make_map(copy, bucket, engine=engine)
        assert got.from_cache
        assert "It was computed on cuda: what is computed here differs" in got.notes[0]
        np.testing.assert_array_equal(got.xy, made.xy)
        assert make_map(copy, bucket, engine=engine).from_cache
        model = engine.workspace.open(FolderRef(copy), "tiny")
        assert engine.workspace.maps.is_cached(model, MapSpec("tiny", LAYER, SMALL))


# --- the original's ------------------------------------------------------------------------------


def write_original(shared: SharedBucket, data: Path, **changes: Any) -> np.ndarray:
    """Put a map of the original system into the bucket: its places."""
    opened = Engine("cpu").workspace.open(FolderRef(data), "tiny")
    places = np.random.default_rng(5).normal(size=(N, 2)).astype(np.float32)
    lines = ["sample_id,class_label,umap_x,umap_y"]
    names = opened.samples.table.sample_id
    for name, (x, y) in zip(names, places.tolist(), strict=True):
        lines.append(f"{name},0,{x!r},{y!r}")
    said = {"layers": list(LAYER), "n_neighbors": 15, "min_dist": 0.1, **changes}
    rows = np.random.default_rng(0).standard_normal((N, 4096)).astype(np.float32)
    path = data / "rows.npy"
    np.save(path, rows)
    prefix = "data/tiny/layer_cache/midblock"
    shared.write(f"{prefix}.csv", "\n".join(lines).encode())
    shared.write(f"{prefix}.json", json.dumps(said).encode())
    shared.write(f"{prefix}.npy", path.read_bytes())
    shared.write(f"{prefix}.pkl", b"cos\nsystem\n(S'false'\ntR.")
    path.unlink()
    return places


@pytest.fixture
def scaled(tiny_data: Callable[..., Path]) -> Path:
    """A folder whose layers are extracted as the original does."""
    config = {"extraction_input": "scaled", "told": "own"}
    return tiny_data(samples=N, embedding=False, config=config)


def test_a_map_of_the_original_system_is_shown(scaled: Path, shared: SharedBucket) -> None:
    places = write_original(shared, scaled)
    mapped = make_map(scaled, shared.settings, None)
    np.testing.assert_array_equal(mapped.xy, places)
    assert mapped.from_cache
    assert mapped.upload_to == ""
    assert mapped.trust is not None
    assert "come from the original system's map" in mapped.notes[0]
    offline = make_map(scaled, None, None)
    np.testing.assert_array_equal(offline.xy, places)
    done = push(scaled, shared.settings)
    assert (done.pushed, done.left_out) == (0, (("tiny, midblock", OF_ORIGINAL),))


def test_a_map_of_the_original_system_that_is_made_otherwise_is_not_taken(
    scaled: Path, shared: SharedBucket
) -> None:
    places = write_original(shared, scaled, n_neighbors=7)
    assert not make_map(scaled, shared.settings, None).from_cache
    seven = make_map(scaled, shared.settings, MapParameters(n_neighbors=7))
    np.testing.assert_array_equal(seven.xy, places)
    assert not make_map(scaled, shared.settings, MapParameters(n_neighbors=7, seed=1)).from_cache


def test_a_damaged_map_of_the_original_system_is_made_here(
    scaled: Path, shared: SharedBucket
) -> None:
    write_original(shared, scaled)
    shared.write("data/tiny/layer_cache/midblock.npy", b"damaged")
    mapped = make_map(scaled, shared.settings, None)
    assert not mapped.from_cache
    assert "not taken from the bucket" in mapped.notes[0]


# --- secrets -------------------------------------------------------------------------------------


def test_a_secret_is_written_nowhere(
    data: Path,
    shared: SharedBucket,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    """Neither where all goes well nor where the keys are wrong."""
    secrets = [os.environ["AWS_SECRET_ACCESS_KEY"], "Planted" + "0" * 33]
    written: list[str] = []

    def emit(event: object) -> None:
        written.append(repr(event))

    with caplog.at_level(logging.DEBUG):
        for number, secret in enumerate(secrets):
            monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
            engine = Engine("cpu", emit=emit)
            spec = MapSpec("tiny", LAYER, replace(SMALL, n_neighbors=5 + number))
            job = MapLayer(job_id=1, folder=FolderRef(data), spec=spec, bucket=shared.settings)
            written += [repr(job), repr(pickle.dumps(job)), repr(engine.run(job))]
            written.append(repr(vars(engine.workspace.maps.shared)))
            try:
                written.append(repr(push(data, shared.settings)))
            except StoreError as error:
                written += [repr(error), str(error)]
    for file in tmp_path.rglob("*"):
        if file.is_file():
            written.append(repr(file.read_bytes()))
    written += [repr(shared.read(key)) for key in shared.listed()]
    text = caplog.text + "\n".join(written)
    assert shared.name in text
    for secret in secrets:
        assert secret not in text


def test_a_crash_while_a_bucket_is_asked_reports_no_secret(
    data: Path, shared: SharedBucket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    make_map(data, None)

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("botocore.httpsession.URLLib3Session.send", fail)
    monkeypatch.setattr(sys, "excepthook", lambda *_: None)  # which would fail the test
    report = CrashReport(tmp_path / "crashes")
    report.begin()
    try:
        with pytest.raises(ZeroDivisionError) as caught:
            push(data, shared.settings)
        sys.excepthook(caught.type, caught.value, caught.tb)
    finally:
        report.end()
    (file,) = find_reports(tmp_path / "crashes")
    text = file.read_text()
    assert "ZeroDivisionError" in text
    assert "botocore" in text
    assert shared.access.secret not in text
    assert shared.access.key_id not in text


# --- keys that may only read a part --------------------------------------------------------------


def test_who_may_only_read_gets_maps_and_is_told_that_none_can_be_put_there(
    data: Path, fresh: Callable[[], Path], s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys that may read what lies below one folder of a bucket, and write nowhere."""
    s3_server.empty("shared")
    use_keys(monkeypatch, s3_server.access)
    opened = BucketSettings("shared/open", s3_server.endpoint)
    closed = BucketSettings("shared/closed", s3_server.endpoint)
    made = make_map(data, None)
    for bucket in (opened, closed):
        push(data, bucket)
    use_keys(monkeypatch, s3_server.reader)
    assert_bit_for_bit(made, make_map(fresh(), opened))
    refused = make_map(fresh(), closed)
    assert not refused.from_cache
    assert "may not be read" in refused.notes[0]
    other = fresh()
    new = make_map(other, opened, replace(SMALL, n_neighbors=9))
    assert new.upload_to == "s3://shared/open/"
    with pytest.raises(StoreError, match="may not be read or written"):
        push(other, opened, keys=(new.path.name,))


def test_a_bucket_that_anyone_may_read_is_read_without_keys_and_never_written_to(
    data: Path, fresh: Callable[[], Path], s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3_server.empty("public")
    bucket = BucketSettings("public", s3_server.endpoint)
    made = make_map(data, None)
    with monkeypatch.context() as patch:
        use_keys(patch, s3_server.access)
        push(data, bucket)
    monkeypatch.setenv("AWS_NO_SIGN_REQUEST", "YES")
    other = fresh()
    assert_bit_for_bit(made, make_map(other, bucket))
    new = make_map(other, bucket, replace(SMALL, n_neighbors=9))
    assert not new.from_cache
    assert (new.upload_to, new.notes) == ("", ())
    with pytest.raises(StoreError, match=r"without keys.*AWS_NO_SIGN_REQUEST"):
        push(other, bucket)
