"""Runs the benchmarks of extraction and generation, and tells their rows."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from figures import Figure, measurement, not_measured, tell

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def main() -> None:
    """Tell the rows of one benchmark."""
    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=("extraction", "generation"))
    parser.add_argument("--device", required=True)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    arguments = _arguments(options.part, options.device, options.quick)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.json"
        script = BENCHMARKS / f"{options.part}.py"
        command = [sys.executable, str(script), *arguments, "--json", str(file)]
        subprocess.run(command, check=True, stdout=sys.stderr)
        rows = json.loads(file.read_text())
    tell([_figure(options.part, row) for row in rows])


def _arguments(part: str, device: str, quick: bool) -> list[str]:
    if part == "extraction":
        small = ["--pictures", "32", "--repeats", "1", "--small"]
        return small if quick else ["--pictures", "1024", "--repeats", "3"]
    common = ["--device", device, "--generations", "0", "--threads", "2"]
    small = ["--network", "demo", "--repeats", "1"]
    return [*common, *(small if quick else ["--repeats", "6"])]


def _figure(part: str, row: dict[str, Any]) -> Figure:
    """A row; what it stands beside is no limit on a graphics card."""
    if row["ours"] is None:
        return not_measured(part, row["name"], "The benchmark has no figure.")
    peer = "" if row["peer"] is None else f"beside {row['peer']:.4g} {row['unit']}"
    return measurement(part, row["name"], row["ours"], row["unit"], detail=peer)


if __name__ == "__main__":
    main()
