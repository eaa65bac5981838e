"""Buckets of a real S3 server, and what is said when they cannot be used."""

from __future__ import annotations

import hashlib
import io
import logging
import pickle
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from s3_server import S3Server, serve_s3
from unreliable_proxy import Proxy, proxy_to
from web_server import Served, WebServer

from diffviews_desktop.data.stores.hashing import Checksum
from diffviews_desktop.data.stores.opening import open_store
from diffviews_desktop.data.stores.s3 import S3Store
from diffviews_desktop.data.stores.store import Access, Patience
from diffviews_desktop.data.stores.transfers import download, plan_download
from diffviews_desktop.errors import (
    StoreAccessError,
    StoreChangedError,
    StoreError,
    StoreNotFoundError,
    StoreUnreachableError,
)
from diffviews_desktop.values.locations import Location
from diffviews_desktop.values.transfers import RemoteFile, TransferProgress

HASTY = Patience(connect=20, read=1.0, give_up=1.0, pause=0.01)
CALM = Patience(connect=20, read=20, give_up=120, pause=0.05)
MB = 1 << 20
LARGE = Random(3).randbytes(18 * MB + 123)


def store_of(server: S3Server, address: str, access: Access | None = None) -> S3Store:
    return S3Store(Location.parse(address), access or server.access, CALM)


@pytest.fixture(scope="module")
def large(s3_server: S3Server) -> str:
    """A bucket with an object in parts of 8 MiB."""
    bucket = s3_server.bucket()
    s3_server.client().upload_fileobj(io.BytesIO(LARGE), bucket, "folder/large.bin")
    return bucket


# ---- lists and reading --------------------------------------------------------------------------


def test_a_list_of_more_files_than_a_page_has(s3_server: S3Server, tmp_path: Path) -> None:
    bucket, client = s3_server.bucket(), s3_server.client()
    keys = [f"data/images/{i:05}.png" for i in range(1003)] + [
        "data/config.json",
        "database",
        "é ü",
    ]

    def put(key: str) -> None:
        client.put_object(Bucket=bucket, Key=key, Body=key.encode())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, keys))
    client.put_object(Bucket=bucket, Key="data/empty/", Body=b"")  # a console's folder
    files = store_of(s3_server, f"s3://{bucket}").list()
    assert [file.key for file in files] == sorted(keys)
    assert [file.size for file in files] == [len(key.encode()) for key in sorted(keys)]
    assert files[0].version == hashlib.md5(files[0].key.encode()).hexdigest()
    below = store_of(s3_server, f"s3://{bucket}/data").list()
    assert len(below) == 1004
    assert below[0].key == "config.json"
    assert len(store_of(s3_server, f"s3://{bucket}/data/").list("images/0000")) == 10
    assert store_of(s3_server, f"s3://{bucket}/nothing").list() == []

    store = store_of(s3_server, f"s3://{bucket}")
    result = download(store, plan_download(files[:300], tmp_path), patience=CALM)
    assert len(result.files) == 300
    assert all((tmp_path / file.key).read_bytes() == file.key.encode() for file in files[:300])


def test_one_object_is_a_store_of_its_own(s3_server: S3Server, large: str) -> None:
    store = store_of(s3_server, f"s3://{large}/folder/large.bin")
    (file,) = store.list()
    assert (file.key, file.size) == ("large.bin", len(LARGE))
    assert store.stat("large.bin") == file
    assert store.stat("other.bin") is None
    assert b"".join(store.read(file, 5, 2000)) == LARGE[5:2000]


def test_ranges_of_an_object(s3_server: S3Server, large: str) -> None:
    store = store_of(s3_server, f"s3://{large}")
    file = store.stat("folder/large.bin")
    assert file is not None
    for start, stop in [(0, None), (0, 1), (9 * MB, 17 * MB), (len(LARGE) - 1, None), (7, 7)]:
        assert b"".join(store.read(file, start, stop)) == LARGE[start:stop]


def test_the_checksum_of_an_object_in_parts(s3_server: S3Server, large: str) -> None:
    store = store_of(s3_server, f"s3://{large}")
    (file,) = store.list()
    assert file.version.endswith("-3")
    assert store.checksum(file) == Checksum("md5", file.version, part=8 * MB)
    assert store.checksum(replace(file, version="0" * 32 + "-3")) is None
    assert store.checksum(replace(file, sha256="A" * 64)) == Checksum("sha256", "a" * 64)


def test_a_file_that_is_another_now_is_not_read(s3_server: S3Server) -> None:
    bucket = s3_server.bucket(config=b"old")
    store = store_of(s3_server, f"s3://{bucket}")
    (file,) = store.list()
    s3_server.client().put_object(Bucket=bucket, Key="config", Body=b"new")
    with pytest.raises(StoreChangedError, match="was changed while it was fetched"):
        list(store.read(file))
    with pytest.raises(StoreChangedError):
        list(store.read(replace(file, version="", size=300), 100, 300))


# ---- access -------------------------------------------------------------------------------------


def test_wrong_keys(s3_server: S3Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    bucket = s3_server.bucket(a=b"1")
    secret = "planted-secret-0123456789"
    nobody = replace(s3_server.access, key_id="NOBODY", secret=secret)
    wrong = [replace(s3_server.access, secret=secret), nobody]
    for access in wrong:
        store = store_of(s3_server, f"s3://{bucket}", access)
        with pytest.raises(StoreAccessError, match=r"does not know the keys.*Check both") as error:
            store.list()
        assert error.value.whole
        assert secret not in f"{error.value!r} {store!r} {access!r} {vars(error.value)}"
    with pytest.raises(StoreAccessError):
        store_of(s3_server, f"s3://{bucket}", replace(nobody, session_token=f"t-{secret}")).list()
    assert secret not in caplog.text


def test_keys_are_never_shown_nor_sent_to_another_process() -> None:
    access = Access(
        "https://host", "id-planted", "secret-planted", "session-planted", token="t-planted"
    )
    assert "planted" not in repr(access) + str(access) + f"{access}"
    with pytest.raises(TypeError, match="keys are not sent"):
        pickle.dumps(access)


def test_no_keys(s3_server: S3Server) -> None:
    bucket = s3_server.bucket(a=b"1")
    for access in (Access(s3_server.endpoint), Access(s3_server.endpoint, anonymous=True)):
        with pytest.raises(StoreAccessError, match="may not be read"):
            store_of(s3_server, f"s3://{bucket}", access).list()


def test_keys_from_where_boto3_finds_them(
    s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = s3_server.bucket(a=b"1")
    location = Location.parse(f"s3://{bucket}")
    keys = s3_server.access
    with monkeypatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL_S3", s3_server.endpoint)
        patch.setenv("AWS_ACCESS_KEY_ID", keys.key_id)
        patch.setenv("AWS_SECRET_ACCESS_KEY", keys.secret)
        assert [file.key for file in open_store(location).list()] == ["a"]
    profile = tmp_path / "credentials"
    profile.write_text(
        f"[mine]\naws_access_key_id={keys.key_id}\naws_secret_access_key={keys.secret}\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(profile))
    access = Access(s3_server.endpoint, profile="mine")
    assert [file.key for file in open_store(location, access).list()] == ["a"]
    with pytest.raises(StoreAccessError, match="no profile “other”"):
        open_store(location, replace(access, profile="other")).list()


def test_a_bucket_that_is_not_there(s3_server: S3Server) -> None:
    with pytest.raises(StoreNotFoundError, match="There is no bucket “no-such-bucket”"):
        store_of(s3_server, "s3://no-such-bucket").list()


def test_a_wrong_clock(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import timedelta

    import botocore.auth

    bucket = s3_server.bucket(a=b"1")
    now = botocore.auth.get_current_datetime
    monkeypatch.setattr(
        botocore.auth, "get_current_datetime", lambda *a, **k: now(*a, **k) - timedelta(hours=2)
    )
    with pytest.raises(StoreAccessError, match="the clock of this computer is wrong"):
        store_of(s3_server, f"s3://{bucket}").list()


@pytest.mark.parametrize(
    ("status", "code", "kind", "said"),
    [
        (400, "ExpiredToken", StoreAccessError, "have expired"),
        (503, "SlowDown", StoreUnreachableError, r"cannot answer at the moment \(SlowDown\)"),
        (500, "InternalError", StoreUnreachableError, "cannot answer"),
        (400, "Strange\u202e", StoreError, r"refuses \(Strange\\u202e"),
        (200, "", StoreError, "is not an S3 service"),
    ],
)
def test_what_servers_answer(
    web: WebServer, status: int, code: str, kind: type[StoreError], said: str
) -> None:
    body = f"<Error><Code>{code}</Code><Message>No.</Message></Error>"
    if not code:  # a file without its size
        body = "<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>"
    web.served["/bucket"] = Served(body.encode(), ranges=False, status=status)
    store = S3Store(Location("s3", "bucket"), Access(web.url, "id", "secret"), HASTY)
    with pytest.raises(kind, match=said):
        store.list()


def test_a_server_without_etags(web: WebServer) -> None:
    web.served["/bucket/a"] = Served(b"0123")
    store = S3Store(Location("s3", "bucket"), Access(web.url, "id", "secret"), HASTY)
    file = store.stat("a")
    assert file is not None
    assert (file.size, file.version) == (4, "")
    assert store.checksum(file) is None
    for version in ("0" * 32, f"{'0' * 32}-2", f"{'0' * 32}-{'9' * 5000}"):
        assert store.checksum(replace(file, version=version)) is None
    assert b"".join(store.read(file)) == b"0123"


def test_an_endpoint_that_is_no_address() -> None:
    for endpoint in ("nonsense", "http://", "http://a b/"):
        store = S3Store(Location("s3", "bucket"), Access(endpoint, "id", "secret"), HASTY)
        with pytest.raises(StoreError, match=r"Check the .*endpoint"):
            store.list()


def test_without_a_server_there_is_a_sentence() -> None:
    store = S3Store(Location("s3", "bucket"), Access("http://127.0.0.1:1", "id", "secret"), HASTY)
    with pytest.raises(StoreUnreachableError, match=r"no connection to s3://bucket"):
        store.list()


def test_one_object_that_may_not_be_read(s3_server: S3Server, tmp_path: Path) -> None:
    client = s3_server.client()
    s3_server.empty("shared")
    for key in ("open/1", "open/2", "secret", "open/3"):
        client.put_object(Bucket="shared", Key=key, Body=key.encode())
    store = store_of(s3_server, "s3://shared", s3_server.reader)
    result = download(store, plan_download(store.list(), tmp_path), patience=CALM)
    assert sorted(result.files) == ["open/1", "open/2", "open/3"]
    assert [one.key for one in result.failed] == ["secret"]
    assert "“secret” in s3://shared may not be read" in result.failed[0].reason


# ---- connections --------------------------------------------------------------------------------


@pytest.fixture
def proxy(s3_server: S3Server) -> Iterator[Proxy]:
    with proxy_to(int(s3_server.endpoint.rpartition(":")[2])) as proxy:
        yield proxy


def fetch(store: S3Store, folder: Path, **options: object) -> object:
    plan = plan_download(store.list(), folder)
    return download(store, plan, **{"patience": CALM, **options})  # type: ignore[arg-type]


def test_an_object_in_parts_comes_whole(s3_server: S3Server, large: str, tmp_path: Path) -> None:
    fetch(store_of(s3_server, f"s3://{large}"), tmp_path)
    assert (tmp_path / "folder/large.bin").read_bytes() == LARGE


def test_connections_that_are_cut(
    s3_server: S3Server, large: str, proxy: Proxy, tmp_path: Path
) -> None:
    cuts = sorted(Random(5).sample(range(MB, 16 * MB), 6))

    def cut(data: bytes) -> bytes:
        if cuts and proxy.received > cuts[0]:
            cuts.pop(0)
            return b""
        return data

    store = store_of(s3_server, f"s3://{large}", replace(s3_server.access, endpoint=proxy.url))
    proxy.change = cut
    fetch(store, tmp_path)
    assert (tmp_path / "folder/large.bin").read_bytes() == LARGE
    assert cuts == []
    assert proxy.received < len(LARGE) + 8 * MB


def test_content_that_is_damaged_on_the_way(
    s3_server: S3Server, large: str, proxy: Proxy, tmp_path: Path
) -> None:
    damaged = []

    def damage(data: bytes) -> bytes:
        if not damaged and proxy.received > 10 * MB:
            damaged.append(data)
            return data[:-9] + bytes([data[-9] ^ 1]) + data[-8:]
        return data

    store = store_of(s3_server, f"s3://{large}", replace(s3_server.access, endpoint=proxy.url))
    proxy.change = damage
    fetch(store, tmp_path, workers=2)
    assert damaged
    assert (tmp_path / "folder/large.bin").read_bytes() == LARGE
    assert proxy.received > 2 * len(LARGE)  # it was fetched again


def test_an_object_that_is_replaced_meanwhile(s3_server: S3Server, tmp_path: Path) -> None:
    client, bucket = s3_server.client(), s3_server.bucket()
    client.upload_fileobj(io.BytesIO(LARGE), bucket, "file.bin")
    store = store_of(s3_server, f"s3://{bucket}")
    plan = plan_download(store.list(), tmp_path)
    other = LARGE[::-1]
    client.upload_fileobj(io.BytesIO(other), bucket, "file.bin")
    result = download(store, plan, patience=CALM)
    assert result.files == ("file.bin",)
    assert (tmp_path / "file.bin").read_bytes() == other


def test_a_server_that_is_stopped_does_not_answer(
    s3_server: S3Server, large: str, tmp_path: Path
) -> None:
    store = S3Store(Location.parse(f"s3://{large}"), s3_server.access, HASTY)
    plan = plan_download(store.list(), tmp_path)
    s3_server.signal(signal.SIGSTOP)
    try:
        with pytest.raises(StoreUnreachableError, match="does not answer"):
            store.stat("folder/large.bin")
        with pytest.raises(
            StoreUnreachableError, match=r"does not answer.*gave up after 1 seconds"
        ):
            download(store, plan, patience=HASTY)
        waking = threading.Timer(2.0, s3_server.signal, (signal.SIGCONT,))
        waking.start()
        download(store, plan, patience=replace(CALM, read=1))
        waking.join()
    finally:
        s3_server.signal(signal.SIGCONT)
    assert (tmp_path / "folder/large.bin").read_bytes() == LARGE


def test_a_server_that_is_killed_and_started_again(tmp_path: Path) -> None:
    """At random moments; `benchmarks/attacks/downloads.py` does it more often."""
    with serve_s3(tmp_path / "server") as server:
        bucket = server.bucket()
        server.client().upload_fileobj(io.BytesIO(LARGE), bucket, "file.bin")
        moments = sorted(Random().sample(range(MB, 16 * MB), 2))
        with proxy_to(int(server.endpoint.rpartition(":")[2])) as proxy:
            proxy.change = lambda data: slowed(data)
            store = store_of(server, f"s3://{bucket}", replace(server.access, endpoint=proxy.url))

            def kill(done: TransferProgress) -> None:
                if moments and done.bytes > moments[0]:
                    moments.pop(0)
                    server.kill()
                    server.start()

            fetch(store, tmp_path / "data", progress=kill)
            received = proxy.received
    assert (tmp_path / "data/file.bin").read_bytes() == LARGE
    assert moments == []
    assert received < len(LARGE) + 8 * MB


def slowed(data: bytes) -> bytes:
    time.sleep(0.002)
    return data


def test_a_file_that_is_listed_is_compared_with_its_etag(
    s3_server: S3Server, proxy: Proxy, tmp_path: Path
) -> None:
    bucket = s3_server.bucket(small=b"0123456789" * 50)
    store = store_of(s3_server, f"s3://{bucket}", replace(s3_server.access, endpoint=proxy.url))
    plan = plan_download(store.list(), tmp_path)
    proxy.change = lambda data: data.replace(b"0123456789", b"0123456780")
    result = download(store, plan, patience=CALM)
    assert "arrived damaged" in result.failed[0].reason
    assert not (tmp_path / "small").exists()


def test_the_store_is_named_without_keys(s3_server: S3Server) -> None:
    store = store_of(s3_server, "s3://bucket/folder")
    assert store.describe() == "s3://bucket/folder"
    assert store.stat.__self__.bucket == "bucket"  # type: ignore[attr-defined]
    file = RemoteFile("a", 1, "v", source=Location.parse("s3://bucket/x").source)
    assert file.source == "s3://bucket"
