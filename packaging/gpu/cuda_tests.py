"""Runs the tests that need a CUDA device."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

from figures import Figure, not_measured, tell, told

TESTS = Path(__file__).resolve().parents[2] / "tests"


def main() -> None:
    """Tell one figure a test."""
    parser = argparse.ArgumentParser()
    parser.add_argument("part")
    parser.add_argument("--device")
    parser.add_argument("--quick", action="store_true")
    tell(run_tests(parser.parse_args().part))


def run_tests(part: str) -> list[Figure]:
    """One figure a test; where pytest cannot run them, one that says why."""
    files = [path for path in sorted(TESTS.rglob("test_*.py")) if "needs_cuda" in path.read_text()]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p"]
        process = subprocess.run(
            [*command, "only_cuda", f"--junitxml={report}", *map(str, files)],
            cwd=TESTS.parent,
            env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
            stdout=sys.stderr,
        )
        if not report.is_file():
            return [told(part, "pytest runs", False, f"It ended with status {process.returncode}.")]
        cases = ElementTree.parse(report).getroot().iter("testcase")
        return [_figure(part, case) for case in cases]


def _figure(part: str, case: ElementTree.Element) -> Figure:
    name = case.get("name", "")
    skip = case.find("skipped")
    if skip is not None:
        return not_measured(part, name, skip.get("message", ""))
    wrong = [each for kind in ("failure", "error") for each in case.iter(kind)]
    return told(part, name, not wrong, wrong[0].get("message", "")[:200] if wrong else "")


if __name__ == "__main__":
    main()
