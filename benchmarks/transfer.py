"""Downloads beside those of the stores' own libraries: a large file, and many small ones.

From SeaweedFS on loopback beside boto3: ``download_file``, and its transfer manager in a loop. From
a local server that answers as the Hugging Face Hub does beside ``snapshot_download``. Each download
is a process of its own, in turns; the figures are medians. Ours compares every file with the
checksum that the store has of it, and brings it to the disk; the others do neither.

At last a real window downloads a model's folder with all these files, with the catalogue on the
screen, and opens it: no pause may be longer than 50 ms. Needs a display, or uses none (offscreen).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from common import Row, anonymous_peak, in_a_process, isolate, parser, report, wait_until
from s3_server import S3Server, serve_s3
from web_server import Repository, serve_web

LARGE, SMALL, MODEL = "large.bin", "small", "model"
_BLOCK = 1 << 24
LIMIT_MS = 50.0


# ---- the downloads ------------------------------------------------------------------------------


def ours(location: str, endpoint: str, folder: Path) -> None:
    from diffviews_desktop.data.stores.opening import open_store
    from diffviews_desktop.data.stores.store import Access
    from diffviews_desktop.data.stores.transfers import download, plan_download
    from diffviews_desktop.values.locations import Location

    store = open_store(Location.parse(location), Access(endpoint=endpoint))
    result = download(store, plan_download(store.list(), folder))
    assert not result.failed


def boto3_large(location: str, endpoint: str, folder: Path) -> None:
    bucket, client = location.split("/")[2], _boto3_client(endpoint)
    client.download_file(bucket, f"large/{LARGE}", str(folder / LARGE))


def boto3_small(location: str, endpoint: str, folder: Path) -> None:
    from boto3.s3.transfer import TransferConfig, create_transfer_manager

    bucket, client = location.split("/")[2], _boto3_client(endpoint)
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{SMALL}/")
    with create_transfer_manager(client, TransferConfig()) as manager:
        futures = [
            manager.download(bucket, item["Key"], str(folder / Path(item["Key"]).name))
            for page in pages
            for item in page["Contents"]
        ]
        for future in futures:
            future.result()


def _boto3_client(endpoint: str) -> Any:
    import boto3

    return boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")


def snapshot(location: str, endpoint: str, folder: Path) -> None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()
    name = location.removeprefix("hf://datasets/")
    snapshot_download(name, repo_type="dataset", local_dir=folder, endpoint=endpoint)


WAYS: dict[str, Callable[[str, str, Path], None]] = {
    way.__name__: way for way in (ours, boto3_large, boto3_small, snapshot)
}


def run_once(way: str, location: str, endpoint: str, folder: str) -> None:
    """In a process of its own: seconds, and MB of memory that it took."""
    into = Path(folder)
    into.mkdir()
    with anonymous_peak() as memory:
        start = time.perf_counter()
        WAYS[way](location, endpoint, into)
        seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "memory": memory["peak"]}))


# ---- the window ---------------------------------------------------------------------------------


def run_window(location: str, endpoint: str, folder: str) -> None:
    """In a process of its own: the longest pauses of a window, idle and while it downloads."""
    os.environ["AWS_ENDPOINT_URL_S3"] = endpoint
    if not os.environ.get("DISPLAY"):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from beats import Beats, pump

    from diffviews_desktop.actions import downloads
    from diffviews_desktop.app import App, Options, create_application

    app = create_application(["transfer"])
    main_app = App(Options())
    session, context = main_app.session, main_app.context
    main_app.start()
    wait_until(lambda: session.state.opened.loaded and not session.state.jobs.running, pump)
    beats = Beats()
    beats.start()

    def longest(ready: Callable[[], object], seconds: float = 0.0) -> float:
        """The longest gap until it is so, and some seconds longer."""
        beats.begin()
        wait_until(ready, pump)
        end = time.monotonic() + seconds
        wait_until(lambda: time.monotonic() >= end, pump)
        return max(beats.gaps)

    gaps = {"idle": longest(lambda: True, 3.0)}
    downloads.change_folder(context, Path(folder))
    downloads.show_models(context)
    downloads.download(context, location)
    gaps["downloading"] = longest(lambda: session.state.downloads.done)
    gaps["opening"] = longest(lambda: session.state.opened.model == MODEL, 1.0)
    result = session.state.downloads.done
    assert result is not None
    assert not result.failed
    main_app.window.close()
    app.processEvents()
    main_app.crew.stop()
    print(json.dumps({**gaps, "files": result.files}))


# ---- the servers --------------------------------------------------------------------------------


def make_files(folder: Path, size: int, count: int) -> None:
    choose = random.Random(1)
    (folder / "large").mkdir(parents=True)
    with (folder / "large" / LARGE).open("wb") as file:
        for at in range(0, size, _BLOCK):
            file.write(choose.randbytes(min(_BLOCK, size - at)))
    (folder / SMALL).mkdir()
    for number in range(count):
        path = folder / SMALL / f"sample_{number:06}.png"
        path.write_bytes(choose.randbytes(choose.randrange(1_000, 40_000)))
    make_model(folder)


def make_model(folder: Path) -> None:
    """A model's folder whose pictures are the small files, and which has the large one, too."""
    images, model = folder / MODEL / "images", folder / MODEL
    images.mkdir(parents=True)
    (model / "config.json").write_text(json.dumps({"adapter": "edm"}))
    lines = ["sample_id,class_label,image_path,umap_x,umap_y"]
    for number, path in enumerate(sorted((folder / SMALL).iterdir())):
        os.link(path, images / path.name)
        place = f"{number % 70},{number // 70}"
        lines.append(f"{path.stem},{number % 10},images/{path.name},{place}")
    os.link(folder / "large" / LARGE, images / LARGE)
    (model / "embeddings").mkdir()
    (model / "embeddings" / "map.csv").write_text("\n".join(lines) + "\n")


def fill_bucket(server: S3Server, files: Path) -> str:
    bucket, client = server.bucket(), server.client()

    def put(path: Path) -> None:
        client.upload_file(str(path), bucket, path.relative_to(files).as_posix())

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, [path for path in files.rglob("*") if path.is_file()]))
    return bucket


def serve_hub(files: str) -> None:
    """In a process of its own, until it is ended."""
    with serve_web() as web:
        for name in ("large", SMALL):
            folder = Path(files) / name
            paths = {path.name: path for path in sorted(folder.iterdir())}
            repository = Repository(
                dict(paths), frozenset(paths) if name == "large" else frozenset()
            )
            web.repositories[f"datasets/user/{name}"] = repository
        print(web.url, flush=True)
        sys.stdin.read()


@contextmanager
def hub_process(files: Path) -> Iterator[str]:
    command = [sys.executable, __file__, "serve-hub", str(files)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.kill()


# ---- the figures --------------------------------------------------------------------------------


def compare(
    home: Path, repeats: int, location: str, endpoint: str, peer: str
) -> dict[str, dict[str, float]]:
    """Medians of seconds and memory of ours and of a peer, in turns."""
    runs: dict[str, list[dict[str, float]]] = {"ours": [], peer: []}
    for number in range(repeats):
        for way in ("ours", peer):
            folder = home / f"{way}-{number}"
            runs[way].append(in_a_process(__file__, way, location, endpoint, str(folder)))
            shutil.rmtree(folder)
            os.sync()  # what one has written is not written while the other is timed
    return {
        way: {name: statistics.median(one[name] for one in all_of) for name in all_of[0]}
        for way, all_of in runs.items()
    }


def measure(home: Path, options: argparse.Namespace) -> list[Row]:
    files = home / "files"
    make_files(files, options.megabytes << 20, options.files)
    rows = []
    with serve_s3(home / "server") as server, hub_process(files) as hub:
        os.environ["AWS_ACCESS_KEY_ID"] = server.access.key_id
        os.environ["AWS_SECRET_ACCESS_KEY"] = server.access.secret
        bucket = fill_bucket(server, files)
        tasks = (
            ("S3: one object", f"s3://{bucket}/large", server.endpoint, "boto3_large"),
            ("S3: small objects", f"s3://{bucket}/{SMALL}", server.endpoint, "boto3_small"),
            ("hub: one file", "hf://datasets/user/large", hub, "snapshot"),
            ("hub: small files", f"hf://datasets/user/{SMALL}", hub, "snapshot"),
        )
        for name, location, endpoint, peer in tasks:
            figures = compare(home, options.repeats, location, endpoint, peer)
            small = "small" in name
            amount, unit = (options.files, "files/s") if small else (options.megabytes, "MiB/s")
            speed, other = (amount / figures[way]["seconds"] for way in ("ours", peer))
            rows.append(Row(f"{name}, speed", options.repeats, speed, other, unit))
            rows.append(
                Row(
                    f"{name}, memory above the start",
                    options.repeats,
                    figures["ours"]["memory"],
                    figures[peer]["memory"],
                    "MB",
                )
            )
        gaps = in_a_process(
            __file__, "window", f"s3://{bucket}/{MODEL}", server.endpoint, str(home / "window")
        )
    for phase in ("idle", "downloading", "opening"):
        rows.append(Row(f"window, {phase}: worst gap", gaps["files"], gaps[phase], LIMIT_MS, "ms"))
    return rows


def main() -> None:
    """Measure, or do one part of it."""
    if len(sys.argv) == 5 and sys.argv[1] in WAYS:
        run_once(*sys.argv[1:])
        return
    if sys.argv[1:2] == ["window"]:
        run_window(*sys.argv[2:])
        return
    if sys.argv[1:2] == ["serve-hub"]:
        serve_hub(sys.argv[2])
        return
    arguments = parser(__doc__)
    arguments.add_argument("--megabytes", type=int, default=1024, help="MiB of the large file")
    arguments.add_argument("--files", type=int, default=5000, help="how many small ones")
    arguments.add_argument("--repeats", type=int, default=3)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        isolate(Path(name))
        os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
        os.environ["HF_HOME"] = str(Path(name) / "hub")
        report(measure(Path(name), options), options.json, "the library's")


if __name__ == "__main__":
    main()
