"""A wrong call of an action fails type checking, from wherever in the window it is made."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

RIGHT = """
from functools import partial

from diffviews_desktop.actions import folders, maps, picks
from diffviews_desktop.actions.context import Context


def connect(context: Context) -> None:
    folders.switch_model(context, "edm")
    picks.suggest_neighbors(context, 5, on_map=True)
    partial(maps.change_layer, context)
"""
WRONG = {
    'folders.switch_model(context, "edm")': [
        'folders.switch_model(context, modle="edm")',
        "folders.switch_model(context, 3)",
        'folders.switch_model("edm")',
        "folders.switch_modle(context)",
    ],
    "partial(maps.change_layer, context)": [
        "partial(maps.change_layer, context, 3)",
        "partial(maps.change_layer, 3)",
    ],
}
CHANGES = [(right, wrong) for right, many in WRONG.items() for wrong in many]


def errors(source: str, folder: Path) -> list[str]:
    """What mypy says of a source, by line."""
    pytest.importorskip("mypy")
    file = folder / "calls.py"
    file.write_text(source)
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", str(root / "pyproject.toml"), str(file)],
        cwd=root,
        capture_output=True,
        text=True,
    )
    return [line for line in done.stdout.splitlines() if line.startswith(str(file))]


def test_wrong_calls_are_found_and_right_ones_pass(tmp_path: Path) -> None:
    assert errors(RIGHT, tmp_path) == []
    function = RIGHT[RIGHT.index("def connect") :]
    wrong = [
        function.replace("connect", f"connect_{number}", 1).replace(right, changed)
        for number, (right, changed) in enumerate(CHANGES)
    ]
    found = errors("\n\n".join([RIGHT, *wrong]), tmp_path)
    assert len({line.split(":")[1] for line in found}) == len(CHANGES), found
