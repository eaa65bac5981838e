"""Objects that are put into a bucket: only where there are none, or in parts."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from pathlib import Path

import pytest
from s3_server import S3Server

from diffviews_desktop.data.stores.s3_writing import WritableStore
from diffviews_desktop.errors import StoreAccessError
from diffviews_desktop.values.locations import Location


@pytest.fixture
def store(s3_server: S3Server) -> WritableStore:
    return WritableStore(Location("s3", s3_server.bucket(), "folder/"), s3_server.access)


def content(store: WritableStore, key: str) -> bytes:
    file = store.stat(key)
    assert file is not None
    return b"".join(store.read(file))


def test_an_object_is_put_only_where_there_is_none(store: WritableStore) -> None:
    assert store.put_new("a/key", io.BytesIO(b"first"))
    assert not store.put_new("a/key", io.BytesIO(b"second"))
    assert content(store, "a/key") == b"first"
    assert [file.key for file in store.list()] == ["a/key"]


def test_one_of_a_known_version_is_replaced(store: WritableStore) -> None:
    store.put_new("key", io.BytesIO(b"first"))
    first = store.stat("key")
    assert first is not None
    assert store.put_new("key", io.BytesIO(b"second"), replaces=first.version)
    assert not store.put_new("key", io.BytesIO(b"third"), replaces=first.version)
    assert content(store, "key") == b"second"


def test_a_large_file_goes_up_in_parts(store: WritableStore, tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(os.urandom(1 << 20) * 20)
    store.upload("large", path)
    file = store.stat("large")
    assert file is not None
    assert file.version.endswith("-3")  # of 8 MiB each
    assert content(store, "large") == path.read_bytes()
    path.write_bytes(b"small")
    store.upload("large", path)
    assert content(store, "large") == b"small"


def test_what_is_not_allowed_is_said(s3_server: S3Server, tmp_path: Path) -> None:
    place = Location("s3", s3_server.bucket())
    path = tmp_path / "file"
    path.write_bytes(b"content")
    wrong = replace(s3_server.access, secret="wrong" * 8)
    for access in (s3_server.reader, wrong):
        store = WritableStore(place, access)
        with pytest.raises(StoreAccessError):
            store.put_new("key", io.BytesIO(b"content"))
        with pytest.raises(StoreAccessError):
            store.upload("key", path)
