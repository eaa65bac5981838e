"""Downloads from servers that die, break, lie and name files as they must not be named, and by
programs that are killed: what gets its name is whole, and nothing is written elsewhere.
"""

from __future__ import annotations

import hashlib
import io
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "data" / "stores"))

from common import anonymous_peak, isolate
from s3_server import S3Server, serve_s3
from test_keys import HARMLESS, HOSTILE
from trials import Trial, parser, report
from unreliable_proxy import Proxy, proxy_to
from web_server import Repository, serve_web

from diffviews_desktop.data.stores.fetching import PIECE
from diffviews_desktop.data.stores.hub import HubStore
from diffviews_desktop.data.stores.s3 import S3Store
from diffviews_desktop.data.stores.store import Access, Patience
from diffviews_desktop.data.stores.transfers import download, plan_download
from diffviews_desktop.values.locations import Location
from diffviews_desktop.values.transfers import DownloadResult, TransferProgress

PATIENCE = Patience(connect=20, read=20, give_up=120, pause=0.05)
MB = 1 << 20
LARGE = random.Random(11).randbytes(64 * MB + 321)
MOST_MEMORY = 150  # MB, whatever there is to fetch
SLOW = 0.001  # seconds before each 64 KiB, so that there are moments in a download

PROGRAM = """
import sys
from pathlib import Path
from diffviews_desktop.data.stores.s3 import S3Store
from diffviews_desktop.data.stores.store import Access
from diffviews_desktop.data.stores.transfers import download, plan_download
from diffviews_desktop.values.locations import Location
store = S3Store(Location.parse(sys.argv[1]), Access(endpoint=sys.argv[2]))
plan = plan_download(store.list(), Path(sys.argv[3]))
print("begun", flush=True)
download(store, plan)
"""


def slowly(data: bytes) -> bytes:
    time.sleep(SLOW)
    return data


def fetch(store: S3Store | HubStore, folder: Path, **options: Any) -> DownloadResult:
    plan = plan_download(store.list(), folder)
    return download(store, plan, **{"patience": PATIENCE, **options})


def port_of(server: S3Server) -> int:
    return int(server.endpoint.rpartition(":")[2])


def store_behind(server: S3Server, proxy: Proxy, bucket: str) -> S3Store:
    access = replace(server.access, endpoint=proxy.url)
    return S3Store(Location.parse(f"s3://{bucket}"), access, PATIENCE)


def killed_servers(home: Path, server: S3Server, tries: int) -> Trial:
    """The server dies at a random moment, and is started again."""
    bucket = _large_bucket(server)
    survivors = sum(_killed_server(home / f"server-{n}", server, bucket) for n in range(tries))
    return Trial("a server that is killed: whole, and one part twice at most", tries, survivors)


def _killed_server(folder: Path, server: S3Server, bucket: str) -> bool:
    moments = [random.randrange(MB, len(LARGE) - 4 * MB)]

    def kill(progress: TransferProgress) -> None:
        if moments and progress.bytes > moments[0]:
            moments.pop()
            server.kill()
            server.start()

    with proxy_to(port_of(server)) as proxy:
        proxy.change = slowly
        fetch(store_behind(server, proxy, bucket), folder, progress=kill)
        whole = (folder / "file.bin").read_bytes() == LARGE
        (folder / "file.bin").unlink()
        return whole and not moments and proxy.received < len(LARGE) + PIECE


def killed_programs(home: Path, server: S3Server, tries: int) -> Trial:
    """The program dies at a random moment, and is started again until it is done."""
    bucket, survivors = _large_bucket(server), 0
    environment = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": server.access.key_id,
        "AWS_SECRET_ACCESS_KEY": server.access.secret,
    }
    for attempt in range(tries):
        folder = home / f"program-{attempt}"
        with proxy_to(port_of(server)) as proxy:
            proxy.change = slowly
            command = [sys.executable, "-c", PROGRAM, f"s3://{bucket}", proxy.url, str(folder)]
            with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as program:
                assert program.stdout is not None
                program.stdout.readline()
                time.sleep(random.uniform(0.05, 0.9))
                program.send_signal(signal.SIGKILL)
            fetch(store_behind(server, proxy, bucket), folder)
            whole = (folder / "file.bin").read_bytes() == LARGE
            survivors += whole and proxy.received < len(LARGE) + 2 * PIECE
            (folder / "file.bin").unlink()
    return Trial("a program that is killed: whole, and little twice", tries, survivors)


def broken_connections(home: Path, server: S3Server, tries: int) -> list[Trial]:
    """Connections that are cut, and bytes that are changed, at random places."""
    bucket, cut_well, damaged_well = _large_bucket(server), 0, 0
    for attempt in range(tries):
        folder = home / f"broken-{attempt}"
        cut_well += _cut(folder, server, bucket)
        damaged_well += _damage_transfer(folder, server, bucket)
        for path in folder.glob("file.bin*"):
            path.unlink()
    return [
        Trial("connections that are cut five times: whole", tries, cut_well),
        Trial("bytes that are changed on the way: never taken for right", tries, damaged_well),
    ]


def _cut(folder: Path, server: S3Server, bucket: str) -> bool:
    places = sorted(random.sample(range(MB, len(LARGE)), 5))
    with proxy_to(port_of(server)) as proxy:

        def cut(data: bytes) -> bytes:
            if places and proxy.received > places[0]:
                places.pop(0)
                return b""
            return data

        proxy.change = cut
        fetch(store_behind(server, proxy, bucket), folder)
    whole = (folder / "file.bin").read_bytes() == LARGE
    (folder / "file.bin").unlink()
    return whole


def _damage_transfer(folder: Path, server: S3Server, bucket: str) -> bool:
    places = [random.randrange(MB, len(LARGE))]
    with proxy_to(port_of(server)) as proxy:

        def damage(data: bytes) -> bytes:
            if places and proxy.received > places[0]:
                places.clear()
                return data[:-1] + bytes([data[-1] ^ 1])
            return data

        proxy.change = damage
        result = fetch(store_behind(server, proxy, bucket), folder)
    exists = (folder / "file.bin").exists()
    whole = exists and (folder / "file.bin").read_bytes() == LARGE
    return exists != bool(result.failed) and (whole or not exists)


def hostile_names(home: Path) -> Trial:
    """Every name that must not be a path, in the list of a hub, beside those that may."""
    folder = home / "hostile" / "data"
    with serve_web() as web:
        files: dict[str, bytes | Path] = dict.fromkeys([*HOSTILE, *HARMLESS], b"content")
        files.pop("\ud800", None)  # JSON of a server may hold it; this one's cannot be hashed
        web.repositories["user/model"] = Repository(files)
        store = HubStore(Location("hf", "user/model"), Access(endpoint=web.url), PATIENCE)
        plan = plan_download(store.list(), folder)
        download(store, plan, patience=PATIENCE)
    paths = {
        path.relative_to(home / "hostile").as_posix()
        for path in (home / "hostile").rglob("*")
        if path.is_file()
    }
    bookkeeping = {"data/.diffviews-download/journal.jsonl", "data/.diffviews-download/lock"}
    harmless = {f"data/{name}" for name in HARMLESS}
    wrong = (paths - bookkeeping) ^ harmless
    refusals = {one.key for one in plan.refused}
    survivors = sum(name in refusals or name not in files for name in HOSTILE) if not wrong else 0
    return Trial("names that lead elsewhere or hide others", len(HOSTILE), survivors)


def many_files(home: Path, server: S3Server, count: int) -> list[Trial]:
    """Thousands of small files: all right, in little memory, and not fetched again."""
    bucket, client = server.bucket(), server.client()
    contents = {f"images/{i:05}.png": hashlib.sha256(b"%d" % i).digest() * 99 for i in range(count)}

    def put(item: tuple[str, bytes]) -> None:
        client.put_object(Bucket=bucket, Key=item[0], Body=item[1])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, contents.items()))
    folder = home / "many"
    with proxy_to(port_of(server)) as proxy:
        store = store_behind(server, proxy, bucket)
        with anonymous_peak() as memory:
            fetch(store, folder)
        right = sum((folder / key).read_bytes() == data for key, data in contents.items())
        files = store.list()
        old_bytes = proxy.received
        second = download(store, plan_download(files, folder))
        quiet = not second.files and proxy.received == old_bytes
    flat = (memory["peak"] or 0) < MOST_MEMORY
    return [
        Trial("small files that are right", count, right),
        Trial("a second download that asks for nothing; memory that stays", 2, quiet + flat),
    ]


def _large_bucket(server: S3Server) -> str:
    bucket = server.bucket()
    server.client().upload_fileobj(io.BytesIO(LARGE), bucket, "file.bin")
    return bucket


def main() -> int:
    """Run the trials."""
    arguments = parser(__doc__)
    arguments.add_argument("--tries", type=int, default=20)
    arguments.add_argument("--files", type=int, default=10_000)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        isolate(home)
        os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
        with serve_s3(home / "server") as server:
            trials = [
                killed_servers(home, server, options.tries),
                killed_programs(home, server, options.tries),
                *broken_connections(home, server, options.tries),
                hostile_names(home),
                *many_files(home, server, options.files),
            ]
    return report(trials, options.json)


if __name__ == "__main__":
    raise SystemExit(main())
