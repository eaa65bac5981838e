"""Experiments in the cache: listed and cleared by ``cache``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from diffviews_desktop import paths
from diffviews_desktop.cli.main import main
from diffviews_desktop.data.cache.experiment_folders import LOCK

KEYS = ("a" * 24, "b" * 24)


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two experiments, and something else that is nobody's business."""
    monkeypatch.setattr(paths, "cache_dir", lambda: tmp_path)
    root = tmp_path / "experiments"
    for number, name in enumerate((*KEYS, "mine")):
        (root / name).mkdir(parents=True)
        (root / name / "pictures.journal").write_bytes(bytes(1000 * (number + 1)))
    return root


def answered(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    capsys.readouterr()
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_kept_experiments_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    made = answered(capsys, "cache", "list")
    assert {(one["key"], one["bytes"]) for one in made["experiments"]} == {
        (KEYS[0], 1000),
        (KEYS[1], 2000),
    }
    assert made["experiments_budget"] == 2048 * 1024**2
    assert main(["cache", "list"]) == 0
    assert KEYS[1] in capsys.readouterr().out
    assert answered(capsys, "cache", "list", "--key", KEYS[0])["experiments"][0]["bytes"] == 1000


def test_they_are_cleared_and_nothing_else(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert answered(capsys, "cache", "clear", "--experiments")["freed"] == 3000
    assert [path.name for path in kept.iterdir()] == ["mine"]
    assert answered(capsys, "cache", "clear", "--experiments")["freed"] == 0


def test_a_single_one_is_cleared_by_its_key(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert answered(capsys, "cache", "clear", "--key", KEYS[1])["freed"] == 2000
    assert (kept / KEYS[0]).is_dir()
    assert answered(capsys, "cache", "clear", "--all")["freed"] >= 1000
    assert not (kept / KEYS[0]).exists()


def test_one_that_is_drawn_now_stays(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from filelock import FileLock

    with FileLock(kept / KEYS[0] / LOCK):
        assert answered(capsys, "cache", "clear", "--experiments")["freed"] == 2000
    assert (kept / KEYS[0] / "pictures.journal").is_file()


def test_two_things_are_not_cleared_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "clear", "--experiments", "--all"]) == 1
    assert "Say what to clear" in capsys.readouterr().err
