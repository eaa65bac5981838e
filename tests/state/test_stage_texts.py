"""Stages that the engine tells of are in the catalogue, whoever tells them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import diffviews_desktop
from diffviews_desktop.state.progress import _PLANS
from diffviews_desktop.state.stage_texts import STAGES, detail_text, stage_text

PACKAGE = Path(diffviews_desktop.__file__).parent
TELL = ("progress", "Stage")
"""What is called with a stage."""


def told() -> Iterator[str]:
    """The stages in the sources, but for those that are made of others."""
    for folder in ("core", "engine", "exports", "processing"):
        for file in (PACKAGE / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and node.args:
                    name, stage = ast.unparse(node.func).rpartition(".")[2], node.args[0]
                    if (
                        name in TELL
                        and isinstance(stage, ast.Constant)
                        and isinstance(stage.value, str)
                    ):
                        yield stage.value


def test_every_stage_has_a_text_to_translate() -> None:
    found = set(told())
    assert len(found) > 25
    assert found <= set(STAGES)
    assert {stage for plan in _PLANS.values() for stage, _ in plan} <= set(STAGES)


def test_stages_that_are_made_of_others_stay_as_they_are_in_english() -> None:
    for stage in ("map 2 of 3: UMAP", "checking a: b.safetensors", "of its own"):
        assert stage_text(stage) == stage
    for detail in (
        "3 of 1,024, 5.1/s",
        "1 of 2 files, 3.5 MB of 1.2 GB",
        "1 of 1 file",
        "of 2 of x",
    ):
        assert detail_text(detail) == detail
