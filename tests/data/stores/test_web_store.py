"""Single files on a web server."""

from __future__ import annotations

import pytest
from web_server import Served, WebServer

from diffviews_desktop.data.stores.http import make_client, store_errors
from diffviews_desktop.data.stores.store import Patience
from diffviews_desktop.data.stores.web import WebStore
from diffviews_desktop.errors import (
    StoreAccessError,
    StoreChangedError,
    StoreError,
    StoreNotFoundError,
    StoreUnreachableError,
)
from diffviews_desktop.values.locations import Location

HASTY = Patience(connect=20, read=1.0, give_up=1.0, pause=0.01)


def store_of(web: WebServer, path: str) -> WebStore:
    return WebStore(Location.parse(f"{web.url}{path}"), HASTY)


def test_a_file_and_its_ranges(web: WebServer) -> None:
    web.served["/a b/file ü.pkl"] = Served(b"0123456789", "tag")
    store = store_of(web, "/a%20b/file%20%C3%BC.pkl?key=planted")
    (file,) = store.list()
    assert (file.key, file.size, file.version, file.ranges) == ("file ü.pkl", 10, "tag", True)
    assert file.source == web.url
    assert b"".join(store.read(file)) == b"0123456789"
    assert b"".join(store.read(file, 3, 5)) == b"34"
    assert b"".join(store.read(file, 10)) == b""
    assert "planted" not in f"{store.describe()} {file}"
    assert store.list("other") == []


def test_files_of_a_folder_are_named(web: WebServer) -> None:
    web.served["/edm/a.pkl"] = Served(b"a", "1")
    store = store_of(web, "/edm/")
    file = store.stat("a.pkl")
    assert file is not None
    assert b"".join(store.read(file)) == b"a"
    assert store.stat("b.pkl") is None
    with pytest.raises(StoreError, match="Write the address of a file"):
        store.list()


def test_an_empty_file(web: WebServer) -> None:
    web.served["/empty"] = Served(b"", "1")
    store = store_of(web, "/empty")
    (file,) = store.list()
    assert file.size == 0
    assert b"".join(store.read(file)) == b""


@pytest.mark.parametrize(
    ("served", "kind", "said"),
    [
        (Served(status=404), StoreNotFoundError, "is not there"),
        (Served(status=401), StoreAccessError, "asks who you are"),
        (Served(status=403), StoreAccessError, "may not be read"),
        (Served(status=500), StoreUnreachableError, "HTTP 500"),
        (Served(status=429), StoreUnreachableError, "HTTP 429"),
        (Served(status=418), StoreError, "HTTP 418"),
        (Served(b"x", headers={"Content-Type": "text/html; charset=x"}), StoreError, "a web page"),
        (Served(status=302, headers={"Location": "/file"}), StoreError, "keeps redirecting"),
        (Served(status=302, headers={"Location": "ftp://host/x"}), StoreError, "usable address"),
    ],
)
def test_what_servers_answer(
    web: WebServer, served: Served, kind: type[StoreError], said: str
) -> None:
    web.served["/file"] = served
    with pytest.raises(kind, match=said):
        store_of(web, "/file").list()


def test_a_file_that_is_another_now(web: WebServer) -> None:
    web.served["/file"] = Served(b"0123456789", "one")
    store = store_of(web, "/file")
    (file,) = store.list()
    web.served["/file"] = Served(b"0123456789", "two")
    with pytest.raises(StoreChangedError):
        list(store.read(file, 2, 4))
    web.served["/file"] = Served(b"01234", "one")
    with pytest.raises(StoreChangedError):
        list(store.read(file, 7, 9))
    with pytest.raises(StoreChangedError):
        list(store.read(file, 2, 9))
    with pytest.raises(StoreChangedError):
        list(store.read(file))


def test_a_proxy_is_asked_where_the_environment_names_one(
    web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", web.url)
    with pytest.raises(StoreUnreachableError, match="proxy"):
        WebStore(Location.parse("https://host.invalid/file"), HASTY).list()
    assert web.requests == []  # it does not speak CONNECT, so the proxy refused
    monkeypatch.setenv("NO_PROXY", "host.invalid")
    with pytest.raises(StoreUnreachableError, match="no connection"):
        WebStore(Location.parse("https://host.invalid/file"), HASTY).list()


def test_nothing_goes_on_from_https_to_http() -> None:
    import httpx2

    client = make_client(HASTY)
    (check,) = client.event_hooks["response"]
    answer = httpx2.Response(302, request=httpx2.Request("GET", "https://host/file"))
    answer.next_request = httpx2.Request("GET", "http://host/file")
    with pytest.raises(StoreError, match="unprotected address"), store_errors("host"):
        check(answer)
    answer.next_request = httpx2.Request("GET", "https://other/file")
    check(answer)
