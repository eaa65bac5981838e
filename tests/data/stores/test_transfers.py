"""Downloads from a real server on loopback: whole, continued, verified, and in nobody's way."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from web_server import Repository, Served, WebServer

from diffviews_desktop.data.stores.fetching import NOTED, PIECE
from diffviews_desktop.data.stores.hub import HubStore
from diffviews_desktop.data.stores.store import Access, Patience, Store
from diffviews_desktop.data.stores.transfers import SPARE, download, plan_download
from diffviews_desktop.data.stores.web import WebStore
from diffviews_desktop.errors import (
    Cancelled,
    NoRoomError,
    StoreError,
    StoreUnreachableError,
)
from diffviews_desktop.values.locations import Location
from diffviews_desktop.values.transfers import DownloadPlan, RemoteFile, TransferProgress

HASTY = Patience(connect=20, read=1.0, give_up=1.0, pause=0.01)
CALM = Patience(connect=20, read=20, give_up=60, pause=0.01)
RANDOM = random.Random(7)
LARGE = RANDOM.randbytes(2 * PIECE + 12_345)


def files_of(folder: Path) -> dict[str, bytes]:
    """What is in a folder, without the journal."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_relative_to(folder / ".diffviews-download")
    }


def fetch(store: Store, folder: Path, files: list[RemoteFile] | None = None, **options: object):  # type: ignore[no-untyped-def]
    plan = plan_download(store.list() if files is None else files, folder)
    return download(store, plan, **{"patience": CALM, **options})  # type: ignore[arg-type]


@pytest.fixture
def hub(web: WebServer) -> HubStore:
    """A repository with a large file, small ones and an empty one."""
    small = {f"images/{i:03}.png": RANDOM.randbytes(50 + 37 * i) for i in range(60)}
    web.repositories["datasets/user/data"] = Repository(
        {**small, "empty.txt": b"", "checkpoints/large.pkl": LARGE},
        large=frozenset({"checkpoints/large.pkl"}),
    )
    return HubStore(Location("hf", "datasets/user/data"), Access(endpoint=web.url), CALM)


def single(web: WebServer, content: bytes = LARGE, etag: str = "one", **served: object) -> WebStore:
    """A store of one file on the web."""
    web.served["/file.bin"] = Served(content, etag, **served)  # type: ignore[arg-type]
    return WebStore(Location.parse(f"{web.url}/file.bin"), HASTY)


def interrupt(
    web: WebServer, store: Store, folder: Path, files: list[RemoteFile] | None = None
) -> None:
    """Begin to fetch a large file, and cancel it."""
    web.bytes_per_second = 8_000_000
    seen: list[TransferProgress] = []
    with pytest.raises(Cancelled):
        fetch(
            store,
            folder,
            files,
            progress=seen.append,
            cancelled=lambda: bool(seen) and seen[-1].bytes > 4 * NOTED,
            workers=2,
        )
    web.bytes_per_second = 0


# ---- all of it, once ----------------------------------------------------------------------------


def test_all_files_come_once_and_only_once(hub: HubStore, web: WebServer, tmp_path: Path) -> None:
    seen: list[TransferProgress] = []
    result = fetch(hub, tmp_path, progress=seen.append)
    expected = web.repositories["datasets/user/data"].files
    assert files_of(tmp_path) == expected
    assert sorted(result.files) == sorted(expected)
    assert result.bytes == web.sent == sum(map(len, expected.values()))
    assert result.failed == ()
    last = seen[-1]
    assert (last.files, last.all_files) == (62, 62)
    assert (last.bytes, last.all_bytes) == (web.sent, web.sent)
    assert all(one.bytes <= other.bytes for one, other in pairwise(seen))

    asked, sent = len(web.requests), web.sent
    plan = plan_download(hub.list(), tmp_path)
    assert (plan.missing, plan.different, plan.bytes) == ((), (), 0)
    assert len(plan.present) == 62
    assert fetch(hub, tmp_path).files == ()
    assert web.sent == sent
    assert all("/resolve/" not in path for _, path, _ in web.requests[asked:])


def test_small_files_are_asked_for_once_each(hub: HubStore, web: WebServer, tmp_path: Path) -> None:
    fetch(hub, tmp_path)
    asked = [path for _, path, _ in web.requests if "/resolve/" in path and "images" in path]
    assert len(asked) == len(set(asked)) == 60


def test_what_is_not_there_is_fetched_alone(hub: HubStore, web: WebServer, tmp_path: Path) -> None:
    fetch(hub, tmp_path)
    (tmp_path / "images/007.png").unlink()
    web.sent = 0
    result = fetch(hub, tmp_path)
    assert result.files == ("images/007.png",)
    assert web.sent == 50 + 37 * 7


# ---- continued ----------------------------------------------------------------------------------


def test_connections_that_break_go_on_where_they_were(web: WebServer, tmp_path: Path) -> None:
    store = single(web)
    web.cut_after = [2, *(RANDOM.randrange(PIECE // 8) for _ in range(10))]
    fetch(store, tmp_path)
    assert files_of(tmp_path) == {"file.bin": LARGE}
    assert web.cut_after == []
    assert web.sent <= len(LARGE) + 2 + 11 * 200_000  # what was on its way when it broke


def test_a_download_that_was_cancelled_goes_on(web: WebServer, tmp_path: Path) -> None:
    store = single(web)
    interrupt(web, store, tmp_path)
    plan = plan_download(store.list(), tmp_path)
    assert 0 < plan.bytes <= len(LARGE) - 2 * NOTED
    assert list(files_of(tmp_path)) == ["file.bin.part"]
    web.sent = 0
    first: list[TransferProgress] = []
    download(store, plan, progress=first.append)
    assert files_of(tmp_path) == {"file.bin": LARGE}
    assert web.sent == plan.bytes
    assert first[0].bytes >= len(LARGE) - plan.bytes


def test_what_progress_raises_ends_it(web: WebServer, tmp_path: Path) -> None:
    def full(done: TransferProgress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(single(web), tmp_path, progress=full)
    fetch(single(web), tmp_path)
    assert files_of(tmp_path) == {"file.bin": LARGE}


PROGRAM = """
import sys
from pathlib import Path
from diffviews_desktop.data.stores.transfers import download, plan_download
from diffviews_desktop.data.stores.web import WebStore
from diffviews_desktop.values.locations import Location
store = WebStore(Location.parse(sys.argv[1]))
plan = plan_download(store.list(), Path(sys.argv[2]))
print("ready", flush=True)
download(store, plan, workers=3, progress=lambda done: print(done.bytes, flush=True))
"""


def test_a_program_that_is_killed_loses_a_piece_at_most(web: WebServer, tmp_path: Path) -> None:
    single(web)
    web.bytes_per_second = 6_000_000
    for _ in range(3):
        program = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, f"{web.url}/file.bin", str(tmp_path)],
            stdout=subprocess.PIPE,
        )
        assert program.stdout is not None
        begun: int | None = None
        for line in program.stdout:
            if line.strip().isdigit():
                begun = int(line) if begun is None else begun
                if int(line) - begun > 1.5 * NOTED:
                    break
        program.send_signal(signal.SIGKILL)
        program.communicate()
    there = (
        len(LARGE)
        - plan_download([RemoteFile("file.bin", len(LARGE), "one", source=web.url)], tmp_path).bytes
    )
    assert there > NOTED
    web.bytes_per_second = 0
    before = web.sent
    fetch(single(web), tmp_path)
    assert files_of(tmp_path) == {"file.bin": LARGE}
    assert web.sent - before <= len(LARGE) - there + 2


# ---- what stands in the way ---------------------------------------------------------------------


def test_a_server_that_says_nothing_is_given_up_with_a_reason(
    web: WebServer, tmp_path: Path
) -> None:
    store = single(web)
    files = store.list()
    web.silent = True
    begun = time.monotonic()
    with pytest.raises(StoreUnreachableError, match=r"gave up after 1 seconds.*start it again"):
        download(store, plan_download(files, tmp_path), patience=HASTY)
    assert time.monotonic() - begun < 60


def test_a_slow_server_is_waited_for_as_long_as_bytes_come(web: WebServer, tmp_path: Path) -> None:
    store = single(web, LARGE[:150_000])
    web.bytes_per_second = 100_000
    seen: list[TransferProgress] = []
    patience = Patience(connect=20, read=20, give_up=0.3, pause=0.01)
    fetch(store, tmp_path, progress=seen.append, patience=patience)
    assert files_of(tmp_path) == {"file.bin": LARGE[:150_000]}
    assert len({one.bytes for one in seen}) > 3
    assert any(one.seconds_left for one in seen)


def test_cancel_does_not_wait_for_a_server(web: WebServer, tmp_path: Path) -> None:
    store = WebStore(Location.parse(f"{web.url}/file.bin"), Patience(read=50, give_up=100))
    web.served["/file.bin"] = Served(LARGE, "one")
    files = store.list()
    web.silent = True
    begun = time.monotonic()
    with pytest.raises(Cancelled):
        download(store, plan_download(files, tmp_path), cancelled=lambda: True)
    assert time.monotonic() - begun < 40


def test_without_a_server_there_is_a_sentence(tmp_path: Path) -> None:
    store = WebStore(Location.parse("http://127.0.0.1:1/file.bin"), HASTY)
    with pytest.raises(StoreUnreachableError, match=r"no connection to .*Check the network"):
        store.list()
    files = [RemoteFile("file.bin", 100, "one", source="http://127.0.0.1:1")]
    with pytest.raises(StoreUnreachableError, match="gave up after 1 seconds"):
        download(store, plan_download(files, tmp_path), patience=HASTY)
    assert files_of(tmp_path) == {}


@pytest.mark.parametrize(("status", "reason"), [(403, "may not be read"), (404, "is not there")])
def test_a_file_that_cannot_be_had_does_not_stop_the_others(
    hub: HubStore, web: WebServer, tmp_path: Path, status: int, reason: str
) -> None:
    files = hub.list()
    sha256 = hashlib.sha256(LARGE).hexdigest()
    web.served[f"/cdn/{sha256}"] = Served(b"", status=status)
    result = fetch(hub, tmp_path, files)
    assert len(result.files) == 61
    assert [one.key for one in result.failed] == ["checkpoints/large.pkl"]
    assert reason in result.failed[0].reason


def test_a_server_in_trouble_is_asked_again(web: WebServer, tmp_path: Path) -> None:
    store = single(web, b"content")
    files = store.list()
    web.served["/file.bin"].status = 503
    seen: list[TransferProgress] = []

    def mend(done: TransferProgress) -> None:
        seen.append(done)
        if len(seen) > 3:
            web.served["/file.bin"].status = 200

    fetch(store, tmp_path, files, progress=mend)
    assert files_of(tmp_path) == {"file.bin": b"content"}


def test_a_disk_without_room_is_seen_before_the_first_byte(web: WebServer, tmp_path: Path) -> None:
    store = single(web)
    huge = RemoteFile("huge.bin", 10**15, "one", source=web.url)
    with pytest.raises(NoRoomError, match=r"needs 1000000\.0 GB .* has only"):
        fetch(store, tmp_path / "new" / "folder", [huge])
    assert web.requests == []
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_gets_full_keeps_what_has_come(
    web: WebServer, small_disk: Callable[[int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = small_disk((len(LARGE) + SPARE + 4_000_000) // 1_000_000)
    store, filled = single(web), threading.Event()
    whole = store.read

    def read(file: RemoteFile, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        came = 0
        for chunk in whole(file, start, stop):
            assert came <= 2 * NOTED or filled.wait(CALM.give_up)
            yield chunk
            came += len(chunk)

    def fill(done: TransferProgress) -> None:
        if done.bytes > 2 * NOTED and not (disk / "other").exists():
            free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
            with suppress(OSError), open(disk / "other", "wb", buffering=0) as other:
                other.write(bytes(free - 3 * NOTED))
            filled.set()

    monkeypatch.setattr(store, "read", read)
    with pytest.raises(NoRoomError, match=r"disk got full.*Make room"):
        fetch(store, disk / "data", progress=fill, workers=2)
    plan = plan_download(store.list(), disk / "data")
    assert NOTED <= len(LARGE) - plan.bytes < len(LARGE)
    (disk / "other").unlink()
    download(store, plan)
    assert files_of(disk / "data") == {"file.bin": LARGE}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Makes a file system of so many megabytes."""
    folder = tmp_path / "small"

    def mount(megabytes: int) -> Path:
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
        try:
            subprocess.run(command, capture_output=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("only an administrator may mount a small disk")
        return folder

    yield mount
    if os.path.ismount(folder):
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


# ---- changed and damaged ------------------------------------------------------------------------


def test_a_file_that_changes_meanwhile_is_begun_again(web: WebServer, tmp_path: Path) -> None:
    store = single(web)
    web.bytes_per_second = 10_000_000
    other = RANDOM.randbytes(len(LARGE) - 5000)

    def change(done: TransferProgress) -> None:
        if done.bytes > 2 * NOTED:
            web.served["/file.bin"] = Served(other, "two")
            web.bytes_per_second = 0

    result = fetch(store, tmp_path, progress=change, workers=2)
    assert result.files == ("file.bin",)
    assert files_of(tmp_path) == {"file.bin": other}


def test_a_file_that_changed_after_a_break_is_begun_again(web: WebServer, tmp_path: Path) -> None:
    store = single(web)
    interrupt(web, store, tmp_path)
    other = RANDOM.randbytes(len(LARGE))  # of the same size
    store = single(web, other, "two")
    assert plan_download(store.list(), tmp_path).bytes == len(other)
    fetch(store, tmp_path)
    assert files_of(tmp_path) == {"file.bin": other}


def test_a_file_that_changes_all_the_time_is_left_out(web: WebServer, tmp_path: Path) -> None:
    store = single(web, b"content", fickle=True)
    result = fetch(store, tmp_path)
    assert "was changed while it was fetched" in result.failed[0].reason
    assert files_of(tmp_path) == {}
    assert len(web.requests) == 1 + 3 + 2  # listed, fetched thrice, and looked at in between


def test_a_file_that_is_deleted_meanwhile(web: WebServer, tmp_path: Path) -> None:
    store = single(web, b"content", "two")
    files = [RemoteFile("file.bin", 7, "one", source=web.url)]
    del web.served["/file.bin"]
    result = fetch(store, tmp_path, files)
    assert "is not there" in result.failed[0].reason
    assert files_of(tmp_path) == {}


@pytest.mark.parametrize("size", [1000, len(LARGE)])
def test_damaged_content_never_gets_its_name(
    hub: HubStore, web: WebServer, tmp_path: Path, size: int
) -> None:
    content = LARGE[:size]
    wrong = bytearray(content)
    wrong[size // 2] ^= 1
    repository = web.repositories["datasets/user/data"]
    repository.files = {"file.bin": content}
    repository.large = frozenset({"file.bin"})
    sha256 = hashlib.sha256(content).hexdigest()
    web.served[f"/cdn/{sha256}"] = Served(content, sent_instead=bytes(wrong))
    result = fetch(hub, tmp_path)
    assert "arrived damaged" in result.failed[0].reason
    assert files_of(tmp_path) == {}
    assert web.sent == 3 * size  # it was tried again
    web.served[f"/cdn/{sha256}"].sent_instead = None
    assert fetch(hub, tmp_path).files == ("file.bin",)
    assert files_of(tmp_path) == {"file.bin": content}


@pytest.mark.parametrize("size", [1000, len(LARGE)])
def test_a_hash_that_the_user_has_is_compared_each_time(
    web: WebServer, tmp_path: Path, size: int
) -> None:
    store = single(web, LARGE[:size])
    (file,) = store.list()
    wrong = replace(file, sha256=hashlib.sha256(b"another").hexdigest())
    result = fetch(store, tmp_path, [wrong])
    assert "arrived damaged" in result.failed[0].reason
    assert files_of(tmp_path) == {}
    right = replace(file, sha256=hashlib.sha256(LARGE[:size]).hexdigest().upper())
    assert fetch(store, tmp_path, [right]).files == ("file.bin",)


def test_a_small_file_of_git_is_compared_with_its_hash(
    hub: HubStore, web: WebServer, tmp_path: Path
) -> None:
    files = [file for file in hub.list() if file.key == "images/001.png"]
    path = f"/datasets/user/data/resolve/{'c' * 40}/images/001.png"
    web.served[path] = Served(bytes(files[0].size), files[0].version)
    result = fetch(hub, tmp_path, files)
    assert "arrived damaged" in result.failed[0].reason


def test_what_was_damaged_on_the_disk_is_fetched_again(
    hub: HubStore, web: WebServer, tmp_path: Path
) -> None:
    files = [file for file in hub.list() if file.size > PIECE]
    interrupt(web, hub, tmp_path, files)
    part = tmp_path / "checkpoints/large.pkl.part"
    data = bytearray(part.read_bytes())
    data[100] ^= 1
    part.write_bytes(data)
    result = fetch(hub, tmp_path, files)
    assert result.failed == ()
    assert files_of(tmp_path) == {"checkpoints/large.pkl": LARGE}


def test_a_part_that_went_away_is_begun_again(web: WebServer, tmp_path: Path) -> None:
    interrupt(web, single(web), tmp_path)
    (tmp_path / "file.bin.part").unlink()
    assert plan_download(single(web).list(), tmp_path).bytes == len(LARGE)
    fetch(single(web), tmp_path)
    assert files_of(tmp_path) == {"file.bin": LARGE}


# ---- servers that can less ----------------------------------------------------------------------


@pytest.mark.parametrize("size", [1000, len(LARGE)])
def test_a_server_without_ranges(web: WebServer, tmp_path: Path, size: int) -> None:
    store = single(web, LARGE[:size], ranges=False)
    web.cut_after = [0, size // 2]
    files = store.list()
    assert files[0].ranges is False
    fetch(store, tmp_path, files)
    assert files_of(tmp_path) == {"file.bin": LARGE[:size]}


def test_a_server_without_versions(web: WebServer, tmp_path: Path) -> None:
    store = single(web, etag="")
    web.cut_after = [0, len(LARGE) // 2]
    fetch(store, tmp_path)
    assert files_of(tmp_path) == {"file.bin": LARGE}
    web.served["/file.bin"].headers = {"Last-Modified": "Mon, 02 Nov 2026 10:00:00 GMT"}
    assert store.list()[0].version == "Mon, 02 Nov 2026 10:00:00 GMT"
    assert store.list()[0].ranges


# ---- what is in the folder ----------------------------------------------------------------------


def test_files_of_the_user_stay(hub: HubStore, tmp_path: Path) -> None:
    fetch(hub, tmp_path)
    (tmp_path / "images/001.png").write_bytes(b"mine")
    (tmp_path / "checkpoints/large.pkl").unlink()
    (tmp_path / "checkpoints/large.pkl").write_bytes(b"mine, too")
    plan = plan_download(hub.list(), tmp_path)
    assert plan.different == ("checkpoints/large.pkl", "images/001.png")
    assert plan.missing == ()


def test_a_new_version_replaces_what_was_fetched(web: WebServer, tmp_path: Path) -> None:
    fetch(single(web, b"old"), tmp_path)
    fetch(single(web, b"new", "two"), tmp_path)
    assert files_of(tmp_path) == {"file.bin": b"new"}
    fetch(single(web, b"longer", "three"), tmp_path)
    assert files_of(tmp_path) == {"file.bin": b"longer"}
    (tmp_path / "file.bin").write_bytes(b"edited")
    fetch(single(web, b"latest", "four"), tmp_path)
    assert files_of(tmp_path) == {"file.bin": b"edited"}


def test_a_new_version_that_is_not_whole_is_not_taken_for_the_old_one(
    web: WebServer, tmp_path: Path
) -> None:
    fetch(single(web), tmp_path)
    other = RANDOM.randbytes(len(LARGE))
    store = single(web, other, "two")
    interrupt(web, store, tmp_path)
    assert (tmp_path / "file.bin").read_bytes() == LARGE
    plan = plan_download(store.list(), tmp_path)
    assert 0 < plan.bytes < len(other)
    download(store, plan)
    assert files_of(tmp_path) == {"file.bin": other}


def test_planted_links_are_replaced_and_never_followed(hub: HubStore, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"precious")
    folder = tmp_path / "data"
    (folder / "images").mkdir(parents=True)
    (folder / "checkpoints").mkdir()
    (folder / "images/001.png.part").symlink_to(outside)
    (folder / "checkpoints/large.pkl.part").symlink_to(outside)
    (folder / "images/002.png").symlink_to(tmp_path / "nowhere")
    result = fetch(hub, folder)
    assert result.failed == ()
    assert outside.read_bytes() == b"precious"
    assert not any(path.is_symlink() for path in folder.rglob("*"))


def test_what_a_download_notes_is_written_through_no_planted_link(
    hub: HubStore, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    folder = tmp_path / "data"
    own = folder / ".diffviews-download"
    own.mkdir(parents=True)
    (own / "journal.jsonl").symlink_to(victim)
    assert fetch(hub, folder).failed == ()
    for target in (victim, tmp_path / "nowhere"):
        shutil.rmtree(folder)
        own.mkdir(parents=True)
        (own / "lock").symlink_to(target)
        with pytest.raises(OSError, match="lock"):
            fetch(hub, folder)
    shutil.rmtree(folder)
    folder.mkdir()
    own.symlink_to(outside)
    with pytest.raises(StoreError, match="is a link"):
        fetch(hub, folder)
    assert victim.read_bytes() == b"precious"
    assert not list(outside.iterdir())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "outside", "victim"]


def test_folders_in_the_way_are_left_alone(hub: HubStore, tmp_path: Path) -> None:
    (tmp_path / "images/001.png").mkdir(parents=True)
    (tmp_path / "checkpoints").write_bytes(b"a file")
    plan = plan_download(hub.list(), tmp_path)
    assert [one.key for one in plan.refused] == ["images/001.png"]
    assert "Move it away" in plan.refused[0].reason
    result = download(hub, plan)
    assert [one.key for one in result.failed] == ["checkpoints/large.pkl"]
    assert (tmp_path / "checkpoints").read_bytes() == b"a file"
    assert len(result.files) == 60


def test_hostile_names_of_a_store_are_left_out(
    hub: HubStore, web: WebServer, tmp_path: Path
) -> None:
    repository = web.repositories["datasets/user/data"]
    hostile = ["../out.txt", "/etc/out.txt", "a\\..\\out.txt", "NUL", "Images/001.PNG", "x\x1b.txt"]
    repository.files |= dict.fromkeys(hostile, b"hostile")
    folder = tmp_path / "data"
    plan = plan_download(hub.list(), folder)
    assert len(plan.refused) == len(hostile)
    assert {one.key for one in plan.refused} >= set(hostile) - {"Images/001.PNG"}
    download(hub, plan)
    assert len(files_of(folder)) == 62
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_two_programs_do_not_download_into_one_folder(
    hub: HubStore, web: WebServer, tmp_path: Path
) -> None:
    refused: list[StoreError] = []

    def second(done: TransferProgress) -> None:
        if not refused:
            with pytest.raises(StoreError, match="Another program is downloading") as error:
                fetch(hub, tmp_path)
            refused.append(error.value)

    fetch(hub, tmp_path, progress=second)
    assert refused
    assert len(files_of(tmp_path)) == 62


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"{",
        b"[]\n",
        b'{"file": 1}\n',
        b'{"file": {"key": "file.bin", "size": "x"}, "start": 0, "stop": 5}\n',
        b"\xff\xfe\n",
        b"x" * 100_000,
        json.dumps({"file": {"key": "file.bin", "size": -1}, "start": -5, "stop": 1e3}).encode(),
    ],
)
def test_a_journal_that_is_damaged_does_no_harm(
    web: WebServer, tmp_path: Path, line: bytes
) -> None:
    own = tmp_path / ".diffviews-download"
    own.mkdir()
    (own / "journal.jsonl").write_bytes(line)
    fetch(single(web, b"content"), tmp_path)
    assert files_of(tmp_path) == {"file.bin": b"content"}


def test_nothing_is_written_by_a_plan(hub: HubStore, tmp_path: Path) -> None:
    plan = plan_download(hub.list(), tmp_path / "new")
    assert len(plan.missing) == 62
    assert list(tmp_path.iterdir()) == []
    assert plan == DownloadPlan(plan.folder, plan.missing, bytes=plan.bytes)
