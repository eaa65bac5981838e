"""A monkey at the window, for a short while: `benchmarks/attacks/monkey.py` does it for long."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

MONKEY = Path(__file__).parents[1] / "benchmarks" / "attacks" / "monkey.py"


def test_random_actions_and_faults_leave_a_window_that_works(tmp_path: Path) -> None:
    rows = tmp_path / "rows.json"
    command = [sys.executable, str(MONKEY), "--actions", "200", "--seed", "7", "--json", str(rows)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
    lost = {row["name"]: row["ours"] for row in json.loads(rows.read_text(encoding="utf-8"))}
    assert lost == {
        "actions without a surprise": 0,
        "the window works afterwards": 0,
        "its session reopens equal": 0,
    }
