"""``cache push``, ``pull`` and ``status``, and ``map`` with a bucket, on a real S3 server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shared_buckets import SharedBucket

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def data(tiny_data: Callable[..., Path]) -> Path:
    """Two models with activations of their own, that cannot run."""
    for seed, name in enumerate(("one", "two")):
        folder = tiny_data(name, samples=20, embedding=False, checkpoint=False)
        matrix = folder / name / "activations/imagenet_real/a.npy"
        matrix.parent.mkdir(parents=True)
        np.save(matrix, np.random.default_rng(seed).standard_normal((20, 30)).astype(np.float32))
        side_car = {"layers": ["midblock"], "num_samples": 20}
        matrix.with_name("a.npy.json").write_text(json.dumps(side_car))
    return folder


def fresh(data: Path, tmp_path: Path, name: str = "other") -> Path:
    copy = tmp_path / name / "data"
    shutil.copytree(data, copy, ignore=shutil.ignore_patterns("layer_cache"))
    return copy


def of(shared: SharedBucket) -> tuple[str, ...]:
    return ("--bucket", shared.name, "--endpoint", shared.settings.endpoint)


def made(run: Run, data: Path, model: str, *options: object) -> dict[str, Any]:
    code, out, err = run(
        "map", "--data", data, "--model", model, "--layer", "midblock", "--json", *options
    )
    assert code == 0, err
    result: dict[str, Any] = json.loads(out)
    return result


def test_a_map_that_is_made_goes_into_the_bucket_and_comes_from_there(
    run: Run, data: Path, shared: SharedBucket, tmp_path: Path
) -> None:
    first = made(run, data, "one", *of(shared))
    assert not first["from_cache"]
    assert f"The map was put into s3://{shared.name}" in first["notes"][-1]
    assert len(shared.listed()) == 1
    other = fresh(data, tmp_path)
    second = made(run, other, "one", *of(shared))
    assert second["from_cache"]
    assert "This map comes from" in second["notes"][0]
    assert Path(second["csv"]).read_bytes() == Path(first["csv"]).read_bytes()
    made(run, other, "two", *of(shared), "--no-upload")
    assert len(shared.listed()) == 1


def test_the_second_of_two_maps_is_shared_and_said_as_well(
    run: Run, tiny_data: Callable[..., Path], shared: SharedBucket
) -> None:
    folder = tiny_data("one", samples=20, embedding=False)
    result = made(run, folder, "one", *of(shared), "--told", "both", "--device", "cpu")
    for notes in (result["notes"], result["beside"]["notes"]):
        assert f"The map was put into s3://{shared.name}" in notes[-1]
    assert len(shared.listed()) == 2


def test_push_pull_and_status(run: Run, data: Path, shared: SharedBucket, tmp_path: Path) -> None:
    for model in ("one", "two"):
        made(run, data, model)
    code, out, _ = run("cache", "push", "--data", data, *of(shared))
    assert code == 0
    assert [line.split(" put into ")[0] for line in out.splitlines()] == ["one: 1", "two: 1"]
    code, out, _ = run("cache", "push", "--data", data, *of(shared), "--model", "two", "--json")
    (again,) = json.loads(out)["models"]
    assert (code, again["pushed"], again["present"]) == (0, 0, 1)

    other = fresh(data, tmp_path)
    code, out, _ = run("cache", "status", "--data", other, *of(shared), "--json")
    assert [one["only_there"] for one in json.loads(out)["models"]] == [1, 1]
    code, out, _ = run("cache", "pull", "--data", other, *of(shared), "--json")
    result = json.loads(out)
    assert code == 0
    assert result["bucket"].endswith(shared.name)
    assert [(one["model"], one["pulled"]) for one in result["models"]] == [("one", 1), ("two", 1)]
    code, out, _ = run("cache", "status", "--data", other, *of(shared))
    assert out.splitlines()[1:] == [
        f"{name}: 1 there and here, 0 only there, 0 only here, 0 not shared"
        for name in ("one", "two")
    ]
    assert made(run, other, "two")["from_cache"]


def test_what_cannot_be_shared_makes_the_exit_code_1(
    run: Run, data: Path, shared: SharedBucket, tmp_path: Path
) -> None:
    made(run, data, "one")
    code, out, _ = run("cache", "push", "--data", data, *of(shared), "--limit", "0", "--json")
    assert code == 1
    (failed,) = json.loads(out)["models"][0]["failed"]
    assert failed["map"] == "one, midblock"
    run("cache", "push", "--data", data, *of(shared))
    (key,) = shared.listed()
    shared.write(key, b"damaged")
    other = fresh(data, tmp_path)
    code, out, _ = run("cache", "pull", "--data", other, *of(shared), "--model", "one")
    assert code == 1
    assert "1 failed" in out
    code, out, _ = run("cache", "push", "--data", data, *of(shared), "--model", "one", "--verify")
    assert (code, out.split(" put into ")[0]) == (0, "one: 1")


@pytest.mark.parametrize("action", ["push", "pull", "status"])
def test_without_a_bucket_or_keys_the_verbs_say_what_to_do(
    run: Run, data: Path, shared: SharedBucket, action: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    code, out, err = run("cache", action, "--data", data)
    assert (code, out) == (1, "")
    assert "--bucket" in err
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong" * 8)
    code, out, err = run("cache", action, "--data", data, *of(shared))
    assert (code, out) == (1, "")
    assert err.endswith(".\n")
    assert "wrong" * 8 not in err
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    code, out, err = run("cache", action, "--data", data, *of(shared))
    assert (code, out) == (1, "")
    assert "there are no keys for it" in err


def test_two_programs_share_the_same_map_at_once(
    run: Run, data: Path, shared: SharedBucket, tmp_path: Path
) -> None:
    """Each is a process of its own, on a folder of its own."""
    folders = [data, fresh(data, tmp_path)]
    for folder in folders:
        made(run, folder, "one")

    def together(action: str, *places: Path) -> list[dict[str, Any]]:
        command = [sys.executable, "-m", "diffviews_desktop", "cache", action, "--model", "one"]
        started = [
            subprocess.Popen(
                [*command, "--data", place, *of(shared), "--json"],
                stdout=subprocess.PIPE,
                env=os.environ,
            )
            for place in places
        ]
        found = []
        for process in started:
            out, _ = process.communicate(timeout=240)
            assert process.returncode == 0
            found += json.loads(out)["models"]
        return found

    done = together("push", *folders)
    assert sorted((one["pushed"], one["present"]) for one in done) == [(0, 1), (1, 0)]
    other = fresh(data, tmp_path, "third")
    done = together("pull", other, other)
    assert all(one["failed"] == [] for one in done)
    assert made(run, other, "one")["from_cache"]
    code, out, _ = run("cache", "verify", "--data", other, "--model", "one", "--json")
    assert (code, json.loads(out)["damaged"]) == (0, [])
