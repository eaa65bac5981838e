"""A cache home in which nothing can be made keeps no library from being imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from planted import environment

PROGRAM = """
from diffviews_desktop.engine.link_process import prepare_environment

prepare_environment()
import torch._dynamo.package  # which makes the folder that torch compiles into
"""


@pytest.mark.parametrize("kind", ["a file", "a link to nowhere"])
def test_torch_can_be_imported_whole(tmp_path: Path, kind: str) -> None:
    home = tmp_path / "cache"
    if kind == "a file":
        home.write_text("")
    else:
        os.symlink("nowhere", home)
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM],
        env=environment(XDG_CACHE_HOME=str(home)),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
