"""numba, imported by a program whose current directory has a file of settings for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from planted import environment

PROGRAM = """
from diffviews_desktop.engine.link_process import prepare_environment

prepare_environment()
prepare_environment()  # once more changes nothing
import yaml
import numba

assert numba.config.DISABLE_JIT == 0
assert numba.config.NUMBA_NUM_THREADS == 1  # of the environment

@numba.njit
def twice(x):
    return 2 * x

assert twice(3) == 6  # it is compiled, with the settings read again
assert twice.signatures
assert numba.config.DISABLE_JIT == 0

import sys
assert sys.modules["yaml"] is yaml
"""


@pytest.mark.parametrize("settings", ["disable_jit: 1\n", "{"])
def test_a_file_in_the_current_directory_is_not_heeded(tmp_path: Path, settings: str) -> None:
    (tmp_path / ".numba_config.yaml").write_text(settings)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-P", "-c", PROGRAM],
        cwd=tmp_path,
        env=environment(NUMBA_NUM_THREADS="1"),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
