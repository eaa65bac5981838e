"""A German window, in a process of its own: the language is chosen before it is imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def test_a_german_window_is_german_throughout_and_its_letters_are_for_one_thing_each() -> None:
    files = [HERE / "walk_in_german.py", HERE / "test_mnemonics.py"]
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "german_texts"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", *files],
        env={**os.environ, "PYTHONPATH": str(HERE.parent)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
