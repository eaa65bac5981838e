"""The script for a computer with a network, against servers of the tests, and without any."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from shared_buckets import SharedBucket
from web_server import Repository, Served, WebServer, serve_web

SCRIPT = Path(__file__).resolve().parents[1] / "packaging" / "check-online"
TABLE = """
[model]
title = "A model"
licence = "MIT"
[model.data]
hf = "hf://datasets/group/maps/model"
[model.checkpoint]
url = "{url}/weights.safetensors"
bytes = 2000

[shared]
title = "Another"
licence = "MIT"
[shared.data]
r2 = "s3://{bucket}/data/shared"

[private]
title = "Behind keys"
licence = "MIT"
[private.data]
r2 = "s3://diffviews/data/private"
"""


class Found(NamedTuple):
    """How the script ended: what it says of each address, and all that it printed."""

    status: int
    checks: dict[str, tuple[str, str]]
    printed: str


Run = Callable[..., Found]


@pytest.fixture
def web() -> Iterator[WebServer]:
    with serve_web() as server:
        yield server


@pytest.fixture
def table(web: WebServer, shared: SharedBucket, tmp_path: Path) -> Path:
    """A catalogue whose every address is served here."""
    files: dict[str, bytes | Path] = {
        "model/config.json": b"{}",
        "model/embeddings/map.csv": b"x" * 90,
    }
    web.repositories["datasets/group/maps"] = Repository(files)
    web.served["/weights.safetensors"] = Served(b"w" * 2000, "v1")
    shared.write("data/shared/config.json", b"{ }")
    path = tmp_path / "table.toml"
    path.write_text(TABLE.format(url=web.url, bucket=shared.name))
    return path


@pytest.fixture
def run(web: WebServer, shared: SharedBucket, tmp_path: Path) -> Run:
    def run(*arguments: object, **environment: str) -> Found:
        file = tmp_path / "found.json"
        hosts = {"HF_ENDPOINT": web.url, "AWS_ENDPOINT_URL": shared.server.endpoint}
        done = subprocess.run(
            [SCRIPT, *map(str, arguments), "--json", file],
            env={**os.environ, "PYTHON": sys.executable, **hosts, **environment},
            capture_output=True,
            text=True,
        )
        checks = json.loads(file.read_text()) if file.exists() else []
        found = {one["what"]: (one["status"], one["said"]) for one in checks}
        return Found(done.returncode, found, done.stdout + done.stderr)

    return run


def test_every_address_is_asked_and_a_file_of_each_folder_fetched(
    run: Run, table: Path, shared: SharedBucket
) -> None:
    before = shared.listed()
    found = run("--catalogue", table, "--bucket", shared.name, "--endpoint", shared.server.endpoint)
    assert found.status == 0, found.printed
    hub, bucket = "hf://datasets/group/maps/model", f"s3://{shared.name}/data/shared"
    assert found.checks[hub] == ("right", "2 files, 92 bytes")
    assert found.checks[f"{hub} (one file)"][1].startswith("config.json, 2 bytes, fetched")
    assert found.checks[bucket] == ("right", "1 file, 3 bytes")
    assert found.checks[f"{bucket} (one file)"][0] == "right"
    assert found.checks["s3://diffviews/data/private"][0] == "not checked"
    assert found.checks[f"s3://{shared.name} (put, got)"][0] == "right"
    assert shared.listed() == before
    assert "6 right, 0 wrong, 1 not checked" in found.printed
    assert shared.access.secret not in found.printed


def test_what_is_not_there_is_wrong_and_the_others_are_looked_at(
    run: Run, table: Path, web: WebServer
) -> None:
    web.served["/weights.safetensors"].status = 404
    found = run("--catalogue", table)
    wrong = [what for what, (status, _) in found.checks.items() if status == "wrong"]
    assert (found.status, wrong) == (1, [f"{web.url}/weights.safetensors"])
    assert "4 right, 1 wrong, 1 not checked" in found.printed


def test_a_size_far_from_the_catalogue_is_told(run: Run, table: Path, web: WebServer) -> None:
    web.served["/weights.safetensors"] = Served(b"w" * 9000, "v1")
    found = run("--catalogue", table, "--only", "model")
    assert "(the catalogue says 2 kB)" in found.checks[f"{web.url}/weights.safetensors"][1]


def test_offline_nothing_is_called_right(run: Run) -> None:
    nowhere = "http://127.0.0.1:9"
    proxies = dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"), nowhere)
    found = run(
        "--only", "edm", "edm-cifar10-32x32-cond-vp", HF_ENDPOINT=nowhere, NO_PROXY="", **proxies
    )
    statuses = {what: status for what, (status, _) in found.checks.items()}
    assert found.status == 1
    assert statuses == {
        "s3://diffviews/data/edm": "not checked",
        "hf://datasets/mckell/diffviews_demo_data/edm": "wrong",
        "s3://diffviews/data/edm/checkpoints/edm-imagenet-64x64-cond-adm.pkl": "not checked",
        "https://nvlabs-fi-cdn.nvidia.com/edm/pretrained/edm-imagenet-64x64-cond-adm.pkl": "wrong",
        "https://nvlabs-fi-cdn.nvidia.com/edm/pretrained/edm-cifar10-32x32-cond-vp.pkl": "wrong",
    }
    assert all(text.endswith(".") for status, text in found.checks.values() if status == "wrong")
    assert "0 right, 3 wrong, 2 not checked" in found.printed


def test_where_nothing_can_be_checked_it_does_not_say_that_all_is_right(
    run: Run, table: Path
) -> None:
    found = run("--catalogue", table, "--only", "private")
    assert found.status == 1
    found = run("--catalogue", table, "--only", "nothing")
    assert (found.status, "No model called" in found.printed) == (1, True)


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="needs shellcheck")
def test_the_script_is_good_shell() -> None:
    subprocess.run(["shellcheck", SCRIPT], check=True)
