"""The script for a machine with a graphics card, as far as it goes without one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "packaging" / "check-gpu"
for folder in (ROOT / "packaging" / "gpu", ROOT / "benchmarks"):
    sys.path.append(str(folder))

import check  # noqa: E402
import figures  # noqa: E402
import models  # noqa: E402

TINY = {**models.SMALL, "img_resolution": 16, "num_blocks": 1, "channel_mult": [1, 4]}
TINY["attn_resolutions"] = []


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., tuple[int, dict[str, Any], str]]:
    def run(*arguments: str) -> tuple[int, dict[str, Any], str]:
        """Exit status, what was written, what was said; no CUDA device is seen."""
        file = tmp_path / "found.json"
        done = subprocess.run(
            [SCRIPT, *arguments, "--json", file],
            env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "PYTHON": sys.executable},
            capture_output=True,
            text=True,
        )
        return done.returncode, json.loads(file.read_text()), done.stdout + done.stderr

    return run


def test_without_a_card_it_says_so_and_nothing_is_measured(run: Callable[..., Any]) -> None:
    status, found, said = run()
    assert status == 3
    assert "There is no CUDA device that torch can use. Nothing was measured." in said
    assert [figure["part"] for figure in found["figures"]] == list(check.PARTS)
    assert {figure["status"] for figure in found["figures"]} == {"not measured"}
    assert not found["cuda"]


def test_a_real_window_is_drawn_by_opengl(run: Callable[..., Any]) -> None:
    status, found, said = run("--device", "cpu", "--quick", "--only", "window")
    names = {figure["name"]: figure for figure in found["figures"]}
    assert status == 0, said
    assert names["OpenGL draws"]["status"] == "right"
    assert names["window of 1,000 samples: OpenGL draws the map"]["status"] == "right"
    assert names["window of 1,000 samples: its points are seen"]["status"] == "right"
    assert names["2,000 points: pan frame"]["value"] > 0


def statuses(found: list[figures.Figure]) -> list[str]:
    return [figure.status for figure in found]


def test_precisions_are_compared_and_a_wrong_one_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = models.Check("forward", "cpu", TINY)
    assert statuses(models.forward(asked)) == ["right", "not measured", "not measured"]
    seeds = iter((0, 1))
    network = models.network
    monkeypatch.setattr(models, "network", lambda config: network(config, next(seeds)))
    assert statuses(models.forward(asked))[0] == "wrong"


def test_memory_comes_back_after_a_switch_and_what_stays_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    large = {**TINY, "model_channels": 64}
    asked = models.Check("memory", "cpu", large)
    monkeypatch.setattr(models, "SMALL", TINY)
    assert statuses(models.memory(asked)) == ["right", "right"]
    kept = []
    held = models._held_megabytes

    def leaking(asked: models.Check) -> float:
        kept.append(torch.zeros(1_000_000))
        return held(asked)

    monkeypatch.setattr(models, "_held_megabytes", leaking)
    assert statuses(models.memory(asked)) == ["right", "wrong"]


def test_too_little_memory_is_said_and_the_engine_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "SMALL", TINY)
    found = models.out_of_memory(models.Check("out of memory", "cpu", TINY))
    assert statuses(found) == ["right", "right", "not measured"]
    assert "not enough memory" in found[0].detail


@pytest.mark.parametrize(
    ("script", "status", "detail"),
    [
        ("import time; time.sleep(60)", "wrong", "It took more than 2 s."),
        ("raise SystemExit(9)", "wrong", "it ended with status 9"),
        ("pass", "wrong", "it told nothing"),
        ("print('no JSON')", "wrong", "Expecting value"),
        ('print(\'[{"part": "a", "name": "b", "status": "right"}]\')', "right", ""),
    ],
)
def test_a_part_that_fails_or_does_not_end_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, status: str, detail: str
) -> None:
    (tmp_path / "part.py").write_text(script)
    monkeypatch.setattr(check, "HERE", tmp_path)
    monkeypatch.setattr(check, "LEAST", 0.0)
    monkeypatch.setitem(check.PARTS, "a", ("part.py", 2.0))
    (figure,) = check.run("a", "cpu", False, 100.0)
    assert (figure.part, figure.status) == ("a", status)
    assert detail in figure.detail


def test_a_part_for_which_no_time_is_left_is_not_measured() -> None:
    (figure,) = check.run("forward", "cpu", True, 1.0)
    assert (figure.status, figure.detail) == ("not measured", "No time was left.")


def test_a_figure_above_its_limit_is_wrong_and_the_table_has_all() -> None:
    found = [
        figures.measurement("a", "below", 1.0, "ms", 2.0),
        figures.measurement("a", "above", 3.0, "ms", 2.0),
        figures.measurement("a", "no number", float("nan"), "ms"),
        figures.not_measured("b", "none", "Because."),
    ]
    assert statuses(found) == ["right", "wrong", "wrong", "not measured"]
    lines = figures.table(found).splitlines()
    assert len(lines) == 5
    assert lines[2].split() == ["a:", "above", "wrong", "3", "ms", "2", "ms"]


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="needs shellcheck")
def test_the_script_is_good_shell() -> None:
    subprocess.run(["shellcheck", SCRIPT], check=True)
