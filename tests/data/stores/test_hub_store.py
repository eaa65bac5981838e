"""Repositories of the hub, from a local server that answers its calls."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from web_server import Repository, Served, WebServer

from diffviews_desktop.data.stores.hashing import Checksum
from diffviews_desktop.data.stores.hub import HubStore
from diffviews_desktop.data.stores.store import Access, Patience
from diffviews_desktop.errors import (
    StoreAccessError,
    StoreChangedError,
    StoreError,
    StoreNotFoundError,
    StoreUnreachableError,
)
from diffviews_desktop.values.locations import Location
from diffviews_desktop.values.transfers import RemoteFile

HASTY = Patience(connect=20, read=1.0, give_up=1.0, pause=0.01)
MODEL = bytes(range(256)) * 40


@pytest.fixture(autouse=True)
def repositories(web: WebServer) -> None:
    many = {f"images/{i:03}.png": b"%d" % i for i in range(250)}
    web.repositories["datasets/user/data"] = Repository({"config.json": b"{}", **many})
    web.repositories["user/model"] = Repository(
        {"model.pkl": MODEL, "README.md": b"# Model", "a/b c.txt": b"text"},
        large=frozenset({"model.pkl"}),
    )
    web.repositories["user/private"] = Repository({"a.txt": b"text"}, token="hf_planted")


def store_of(web: WebServer, address: str, token: str = "") -> HubStore:
    access = Access(endpoint=web.url, token=token)
    return HubStore(Location.parse(address), access, HASTY)


def test_all_files_of_all_pages_are_listed(web: WebServer) -> None:
    files = store_of(web, "hf://datasets/user/data").list()
    assert len(files) == 251
    assert (files[0].key, files[0].size) == ("config.json", 2)
    assert sum("/tree/" in path for _, path, _ in web.requests) == 3
    assert len(store_of(web, "hf://datasets/user/data").list("images/00")) == 10
    below = store_of(web, "hf://datasets/user/data/images").list()
    assert below[0].key == "000.png"
    assert len(below) == 250


def test_a_group_called_datasets_has_models(web: WebServer) -> None:
    web.repositories["my-datasets/model"] = Repository({"a.txt": b"a model's"})
    web.repositories["datasets/my-datasets/model"] = Repository({"b.txt": b"a data set's"})
    for address, key in (
        ("hf://my-datasets/model", "a.txt"),
        ("hf://datasets/my-datasets/model", "b.txt"),
    ):
        store = store_of(web, address)
        (file,) = store.list()
        assert file.key == key
        assert b"".join(store.read(file)).startswith(b"a ")


def test_hashes_are_those_that_the_hub_has(web: WebServer) -> None:
    store = store_of(web, "hf://user/model")
    files = {file.key: file for file in store.list()}
    sha256 = hashlib.sha256(MODEL).hexdigest()
    assert files["model.pkl"] == RemoteFile(
        "model.pkl", len(MODEL), sha256, sha256, "hf://user/model"
    )
    assert store.checksum(files["model.pkl"]) == Checksum("sha256", sha256)
    blob = hashlib.sha1(b"blob 7\0# Model").hexdigest()
    assert store.checksum(files["README.md"]) == Checksum("sha1", blob, header=b"blob 7\0")


def test_files_are_read_in_ranges(web: WebServer) -> None:
    store = store_of(web, "hf://user/model")
    for key, content in web.repositories["user/model"].files.items():
        file = store.stat(key)
        assert file is not None
        assert isinstance(content, bytes)
        assert b"".join(store.read(file)) == content
        assert b"".join(store.read(file, 1, 3)) == content[1:3]
    assert store.stat("nothing.txt") is None


def test_one_file_is_a_store_of_its_own(web: WebServer) -> None:
    store = HubStore(Location("hf", "user/model", "a/b c.txt"), Access(endpoint=web.url), HASTY)
    (file,) = store.list()
    assert file.key == "b c.txt"
    assert b"".join(store.read(file)) == b"text"


def test_a_file_of_another_commit_is_not_read(web: WebServer) -> None:
    store = store_of(web, "hf://user/model")
    file = store.stat("README.md")
    assert file is not None
    web.repositories["user/model"].files["README.md"] = b"# Other"
    with pytest.raises(StoreChangedError, match="was changed"):
        list(store.read(file))


def test_a_private_repository_needs_the_token(web: WebServer) -> None:
    with pytest.raises(StoreNotFoundError, match="HF_TOKEN") as error:
        store_of(web, "hf://user/private").list()
    assert "planted" not in str(error.value)
    store = store_of(web, "hf://user/private", "hf_planted")
    assert [file.key for file in store.list()] == ["a.txt"]
    assert b"".join(store.read(store.list()[0])) == b"text"
    assert "planted" not in repr(store) + store.describe()


def test_a_token_goes_to_the_hub_alone(web: WebServer) -> None:
    web.repositories["user/model"].token = "hf_planted"
    store = store_of(web, "hf://user/model", "hf_planted")
    file = store.stat("model.pkl")
    assert file is not None
    list(store.read(file))
    shown = {
        path: "hf_planted" in headers.get("authorization", "")
        for (_, path, _), headers in zip(web.requests, web.headers, strict=True)
    }
    assert shown == {path: not path.startswith("/cdn/") for path in shown}
    assert any(path.startswith("/cdn/") for path in shown)


@pytest.mark.parametrize("address", ["hf://user/nothing", "hf://user/data"])
def test_a_repository_that_is_not_there(web: WebServer, address: str) -> None:
    with pytest.raises(StoreNotFoundError, match="hf://datasets/user/name"):
        store_of(web, address).list()


def test_a_folder_that_is_not_there(web: WebServer) -> None:
    with pytest.raises(StoreNotFoundError, match="is not there"):
        store_of(web, "hf://user/model/nothing").list()


def test_what_a_hub_cannot_mean(web: WebServer) -> None:
    path = f"/api/models/user/model/tree/{'c' * 40}"
    for size in ("-1", '"x"', "null"):
        entry = f'{{"type": "file", "path": "a", "size": {size}, "oid": "b"}}'
        web.served[path] = Served(f"[{entry}]".encode())
        with pytest.raises(StoreError, match="describes a file wrongly"):
            store_of(web, "hf://user/model").list()


def test_what_is_no_hub(web: WebServer) -> None:
    for body in (b"<html>", b"[]", b"{}", b'{"id": 1, "sha": ""}', b"null"):
        web.served["/api/models/user/model"] = Served(body)
        with pytest.raises(StoreError, match="Check"):
            store_of(web, "hf://user/model").list()
    web.served["/api/models/user/model"] = Served(status=403)
    with pytest.raises(StoreAccessError):
        store_of(web, "hf://user/model").list()
    web.served["/api/models/user/model"] = Served(status=503)
    with pytest.raises(StoreUnreachableError):
        store_of(web, "hf://user/model").list()


def test_a_hub_that_says_nothing(web: WebServer) -> None:
    web.served["/api/models/user/model"] = Served(b"{}")
    web.silent = True
    with pytest.raises(StoreUnreachableError, match="does not answer"):
        store_of(web, "hf://user/model").list()


PROGRAM = """
from diffviews_desktop.data.stores.opening import open_store
from diffviews_desktop.errors import StoreError
from diffviews_desktop.values.locations import Location
store = open_store(Location.parse("hf://user/private"))
try:
    print([file.key for file in store.list()], b"".join(store.read(store.list()[0])))
except StoreError as error:
    print(error)
"""


def run(**environment: str) -> str:
    base = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**base, **environment},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_the_variables_of_the_hub_count(web: WebServer, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hf_planted")
    answer = "['a.txt'] b'text'\n"
    assert run(HF_ENDPOINT=web.url, HF_HOME=str(tmp_path)) == answer
    asked = len(web.requests)
    assert "HF_HUB_OFFLINE is set" in run(HF_ENDPOINT=web.url, HF_HUB_OFFLINE="1")
    assert len(web.requests) == asked
