"""``download``: what it lists, plans and fetches."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from done import Done
from published import hub_of
from tiny_folder import write_tiny_model
from web_server import Repository, WebServer

from diffviews_desktop.cli import main as cli
from diffviews_desktop.data.sources import own_catalogue

CATALOGUE = """
[tiny]
title = "Tiny"
licence = "MIT"
[tiny.data]
hf = "hf://datasets/group/maps/tiny"
"""


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    """A hub with a model's folder that has its checkpoint in it."""
    with hub_of(CATALOGUE, monkeypatch, tmp_path) as server:
        folder = tmp_path / "published"
        write_tiny_model(folder / "tiny", samples=8)
        paths = (path for path in folder.rglob("*") if path.is_file())
        files = {str(path.relative_to(folder)): path for path in paths}
        server.repositories["datasets/group/maps"] = Repository(files)
        yield server


@pytest.fixture
def run(run: Callable[..., Done]) -> Callable[..., Done]:
    """Runs the verb in this process."""
    return partial(run, "download")


def test_a_model_is_downloaded_and_named(web: WebServer, tmp_path: Path, run: Callable) -> None:
    out = tmp_path / "data"
    code, said, _ = run("tiny", "--output-dir", out)
    assert code == 0
    assert said.splitlines()[0].startswith("tiny: 12 files, ")
    assert f"model {out / 'tiny'}" in said
    code, said, _ = run("tiny", "--output-dir", out, "--json")
    (done,) = json.loads(said)["downloads"]
    assert (done["files"], done["models"], done["failed"]) == (0, ["tiny"], [])


def test_an_address_brings_the_checkpoint_along_unless_none_is_wanted(
    web: WebServer, tmp_path: Path, run: Callable
) -> None:
    address = "hf://datasets/group/maps"
    code, said, _ = run(address, "--output-dir", tmp_path / "a", "--json")
    assert code == 0
    (done,) = json.loads(said)["downloads"]
    assert done["checkpoints"] == [str(tmp_path / "a/tiny/checkpoints/tiny.safetensors")]
    run(address, "--output-dir", tmp_path / "b", "--checkpoints", "none")
    assert not (tmp_path / "b/tiny/checkpoints").exists()
    assert (tmp_path / "b/tiny/config.json").is_file()


def test_a_dry_run_says_what_would_be_fetched(
    web: WebServer, tmp_path: Path, run: Callable
) -> None:
    code, said, _ = run("tiny", "--output-dir", tmp_path / "data", "--dry-run", "--json")
    assert code == 0
    planned = json.loads(said)
    (plan,) = planned["plans"]
    assert plan["parts"][0]["files"] == 12
    assert planned["bytes"] == plan["parts"][0]["bytes"] > 0
    assert not (tmp_path / "data").exists()
    code, said, _ = run("tiny", "--output-dir", tmp_path / "data", "--dry-run")
    assert "12 files" in said
    assert "are free in" in said


def test_the_list_names_licences_sizes_and_the_place_of_own_entries(
    web: WebServer, tmp_path: Path, run: Callable
) -> None:
    code, said, _ = run("--list", "--output-dir", tmp_path / "data")
    assert code == 0
    assert "CC BY-NC-SA 4.0" in said
    assert str(own_catalogue()) in said
    line = next(line for line in said.splitlines() if line.startswith("dmd2 "))
    assert "about 1.7 GB" in line
    assert "not here" in line
    code, said, _ = run("--list", "--output-dir", tmp_path / "data", "--json")
    models = {model["name"]: model for model in json.loads(said)["models"]}
    assert list(models["edm"]["checkpoint"]["origins"]) == ["r2", "url"]
    assert models["tiny"]["data"]["here"] == "none"
    run("tiny", "--output-dir", tmp_path / "data")
    _, said, _ = run("--list", "--output-dir", tmp_path / "data", "--json")
    models = {model["name"]: model for model in json.loads(said)["models"]}
    assert models["tiny"]["here"] == "all"


def test_none_downloads_nothing_and_says_what_is_missing(
    web: WebServer, tmp_path: Path, run: Callable
) -> None:
    code, said, _ = run("none", "--output-dir", tmp_path / "data", "--json")
    assert code == 0
    missing = [(one["model"], one["part"]) for one in json.loads(said)["missing"]]
    assert missing == [(m, p) for m in ("dmd2", "edm") for p in ("data", "checkpoint")]
    _, said, _ = run("none", "--output-dir", tmp_path / "data", "--checkpoints", "edm")
    assert len(said.splitlines()) == 3
    assert not (tmp_path / "data").exists()
    assert not web.requests


def test_a_file_that_stays_away_makes_it_end_with_1(
    web: WebServer, tmp_path: Path, run: Callable
) -> None:
    web.repositories["datasets/group/maps"].files["tiny/images/a:b"] = b"no name for every disk"
    code, said, _ = run("tiny", "--output-dir", tmp_path / "data")
    assert code == 1
    assert "not downloaded: images/a:b: " in said
    assert (tmp_path / "data/tiny/config.json").is_file()


def test_of_all_models_one_that_cannot_be_had_does_not_keep_the_others(
    web: WebServer, tmp_path: Path, run: Callable
) -> None:
    files = web.repositories["datasets/group/maps"].files
    moved = {name.replace("tiny/", "edm/"): file for name, file in files.items()}
    web.repositories["datasets/mckell/diffviews_demo_data"] = Repository(moved)  # no dmd2
    out = tmp_path / "data"
    code, said, _ = run("all", "--checkpoints", "none", "--output-dir", out, "--json")
    assert code == 1
    result = json.loads(said)
    assert [one["what"] for one in result["downloads"]] == ["edm"]
    assert list(result["failed"]) == ["dmd2"]
    assert (out / "edm/config.json").is_file()


@pytest.mark.parametrize(
    "arguments",
    [
        ("unknown",),
        ("tiny", "--checkpoints", "unknown"),
        ("tiny", "--source", "url"),
        ("hf://nobody/nothing",),
    ],
)
def test_what_cannot_be_is_one_sentence(
    web: WebServer, tmp_path: Path, run: Callable, arguments: tuple[str, ...]
) -> None:
    code, said, complained = run(*arguments, "--output-dir", tmp_path / "data")
    assert (code, said) == (1, "")
    assert len(complained.splitlines()) == 1
    assert complained.endswith(".\n")
    assert not (tmp_path / "data").exists()


def test_ctrl_c_ends_it_with_130_and_what_arrived_stays(web: WebServer, tmp_path: Path) -> None:
    web.bytes_per_second = 20_000
    out = tmp_path / "data"
    command = [sys.executable, "-m", "diffviews_desktop", "download", "hf://datasets/group/maps"]
    process = subprocess.Popen(
        [*command, "--output-dir", str(out)], stderr=subprocess.PIPE, text=True, env={**os.environ}
    )
    end = time.monotonic() + 120
    while not list(out.rglob("*.png")):
        assert time.monotonic() < end
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, complained = process.communicate(timeout=120)
    assert (process.returncode, complained) == (130, "interrupted\n")
    web.bytes_per_second = 0
    arrived = len(list(out.rglob("*.png")))
    requests = len(web.requests)
    assert cli.main([*command[3:], "--output-dir", str(out), "--json"]) == 0
    asked = [path for _, path, _ in web.requests[requests:] if path.endswith(".png")]
    assert len(asked) <= 8 - arrived + 8  # no more than one by each connection again
    assert len(list(out.rglob("*.png"))) == 8
