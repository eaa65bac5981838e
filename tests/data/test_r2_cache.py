"""The described copies in the cloud, on a real S3 server."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import pytest
from shared_buckets import SharedBucket

from diffviews_desktop.data import r2_cache
from diffviews_desktop.data.r2_cache import R2DataStore, R2LayerCache

MODEL = {
    "data/tiny/config.json": b"{}",
    "data/tiny/checkpoints/tiny.pkl": b"weights",
    "data/tiny/embeddings/demo_embeddings.csv": b"sample_id",
    "data/tiny/embeddings/demo_embeddings.pkl": b"code",
    "data/tiny/images/imagenet_real/sample_000000.png": b"picture",
    "data/tiny/layer_cache/midblock.csv": b"places",
    "data/tiny/layer_cache/midblock.json": b"{}",
    "data/tiny/layer_cache/midblock.npy": b"rows",
    "data/tiny/layer_cache/midblock.pkl": b"code",
    "data/tinyer/config.json": b"{}",
    "data/imagenet64_class_labels.json": b"{}",
}


@pytest.fixture
def r2(shared: SharedBucket, monkeypatch: pytest.MonkeyPatch) -> SharedBucket:
    """A bucket with a model in it, that R2's variables lead to."""
    monkeypatch.setenv("R2_ACCOUNT_ID", "account")
    monkeypatch.setenv("R2_ACCESS_KEY_ID", shared.access.key_id)
    monkeypatch.setenv("R2_SECRET_ACCESS_KEY", shared.access.secret)
    monkeypatch.setenv("R2_BUCKET_NAME", shared.name)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", shared.settings.endpoint)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    for key, data in MODEL.items():
        shared.write(key, data)
    return shared


def files_in(folder: Path) -> list[str]:
    """Those that were asked for, not what the download notes beside them."""
    files = (file.relative_to(folder) for file in folder.rglob("*") if file.is_file())
    return sorted(str(file) for file in files if not file.parts[0].startswith("."))


@pytest.mark.parametrize("missing", ["R2_ACCOUNT_ID", "R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY"])
def test_without_one_of_the_keys_it_is_off_and_says_so_once(
    r2: SharedBucket,
    missing: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    monkeypatch.delenv(missing)
    monkeypatch.setattr(r2_cache, "_said_once", set())
    stores = [R2DataStore(), R2DataStore()]
    caches = [R2LayerCache(), R2LayerCache()]
    assert not any(one.enabled for one in (*stores, *caches))
    assert len([one for one in caplog.records if one.levelno >= logging.WARNING]) == 1
    assert stores[0].list_objects("data/") == []
    assert not stores[0].file_exists("data/tiny/config.json")
    assert not stores[0].download_file("data/tiny/config.json", tmp_path / "config.json")
    assert stores[0].download_prefix("data/tiny/", tmp_path) == 0
    assert not stores[0].download_model_data("tiny", tmp_path)
    assert not caches[0].layer_exists("tiny", "midblock")
    assert not caches[0].download_layer("tiny", "midblock", tmp_path)
    assert not caches[0].upload_layer("tiny", "midblock", tmp_path)
    caches[0].upload_layer_async("tiny", "midblock", tmp_path)
    assert files_in(tmp_path) == []


def test_objects_are_listed_found_and_downloaded(r2: SharedBucket, tmp_path: Path) -> None:
    store = R2DataStore(r2.name)
    assert store.enabled
    tiny = sorted(key for key in MODEL if key.startswith("data/tiny/"))
    assert store.list_objects("data/tiny/") == tiny
    assert store.list_objects("nothing") == []
    assert store.file_exists("data/tiny/config.json")
    assert not store.file_exists("data/tiny")
    assert store.download_file("data/tiny/checkpoints/tiny.pkl", tmp_path / "new" / "other.pkl")
    assert (tmp_path / "new/other.pkl").read_bytes() == b"weights"
    assert not store.download_file("data/nothing", tmp_path / "nothing")
    assert files_in(tmp_path / "new") == ["other.pkl"]


def test_a_model_comes_without_its_layer_cache_and_what_can_run_code(
    r2: SharedBucket, tmp_path: Path
) -> None:
    own = [
        "tiny/checkpoints/tiny.pkl",
        "tiny/config.json",
        "tiny/embeddings/demo_embeddings.csv",
        "tiny/images/imagenet_real/sample_000000.png",
    ]
    assert R2DataStore().download_model_data("tiny", tmp_path)
    there = files_in(tmp_path)
    assert there == ["imagenet64_class_labels.json", *own]
    (tmp_path / "tiny/config.json").unlink()
    again = R2DataStore().download_prefix("data/tiny/", tmp_path / "tiny")
    assert again == 1
    assert not R2DataStore().download_model_data("nothing", tmp_path)


def test_folders_can_be_left_out(r2: SharedBucket, tmp_path: Path) -> None:
    count = R2DataStore().download_prefix(
        "data/tiny/", tmp_path, exclude_dirs=("images", "checkpoints"), max_workers=2
    )
    names = [
        "config.json",
        "embeddings/demo_embeddings.csv",
        "layer_cache/midblock.csv",
        "layer_cache/midblock.json",
        "layer_cache/midblock.npy",
    ]
    assert files_in(tmp_path) == names
    assert count == len(names)


def test_a_layer_is_there_and_comes_without_its_pickle(r2: SharedBucket, tmp_path: Path) -> None:
    cache = R2LayerCache()
    assert cache._key("tiny", "midblock", ".csv") == "data/tiny/layer_cache/midblock.csv"
    assert cache.layer_exists("tiny", "midblock")
    assert not cache.layer_exists("tiny", "encoder_block_1")
    assert cache.download_layer("tiny", "midblock", tmp_path)
    names = files_in(tmp_path)
    assert names == ["midblock.csv", "midblock.json", "midblock.npy"]
    assert not cache.download_layer("tiny", "encoder_block_1", tmp_path)


def test_a_layer_goes_up_and_comes_down(r2: SharedBucket, tmp_path: Path) -> None:
    up, down = tmp_path / "up", tmp_path / "down"
    up.mkdir()
    files = {".csv": b"a table", ".json": b"{}", ".npy": b"rows" * 1000, ".pkl": b"code"}
    for part, data in files.items():
        (up / f"new{part}").write_bytes(data)
    cache = R2LayerCache()
    assert cache.upload_layer("tiny", "new", up)
    assert "data/tiny/layer_cache/new.pkl" not in r2.listed()
    assert cache.download_layer("tiny", "new", down)
    for part in (".csv", ".json", ".npy"):
        assert (down / f"new{part}").read_bytes() == files[part]
    assert not cache.upload_layer("tiny", "nothing", up)


def test_a_layer_goes_up_in_the_background(r2: SharedBucket, tmp_path: Path) -> None:
    for part in (".csv", ".json"):
        (tmp_path / f"later{part}").write_bytes(b"{}")
    cache = R2LayerCache()
    cache.upload_layer_async("tiny", "later", tmp_path)
    end = time.monotonic() + 60
    while not cache.layer_exists("tiny", "later") and time.monotonic() < end:
        time.sleep(0.05)
    assert cache.layer_exists("tiny", "later")


def test_what_the_bucket_refuses_is_no_error(
    r2: SharedBucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("R2_SECRET_ACCESS_KEY", "wrong" * 8)
    store, cache = R2DataStore(), R2LayerCache()
    assert store.enabled
    assert store.list_objects("data/") == []
    assert not store.file_exists("data/tiny/config.json")
    assert not store.download_model_data("tiny", tmp_path)
    assert not cache.download_layer("tiny", "midblock", tmp_path)
    for part in (".csv", ".json"):
        (tmp_path / f"new{part}").write_bytes(b"{}")
    assert not cache.upload_layer("tiny", "new", tmp_path)
