"""Tries the packages in ``dist`` on bare machines: what ``make package-test`` runs, as root.

It writes ``packaging/REPORT.md``, screenshots beside the packages, and ends with 1 if anything is
not as it should be.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import machine as machines
import report
import screen as screens
import speed
from by_apt import check_deb
from by_user import check_archive
from package_files import check_files
from trial import NAME, OUT, PICTURES, ROOT, Trial

MAIN = "bookworm"
SYSTEMS = (MAIN, "trixie", "resolute")
"""Debian 12, on which everything is tried, Debian 13, and Ubuntu's current LTS."""


def main() -> int:
    """Try everything; returns the exit code."""
    parser = argparse.ArgumentParser(description="Try the packages on bare machines.")
    parser.add_argument("--system", action="append", help="only on this one; may be repeated")
    parser.add_argument(
        "--older",
        type=Path,
        help="the .deb of an older version, to upgrade from (default: the same, called older)",
    )
    parser.add_argument("--python", default=sys.executable, help="that the program was frozen with")
    options = parser.parse_args()
    shutil.rmtree(PICTURES, ignore_errors=True)
    sizes = json.loads((OUT / "sizes.json").read_text(encoding="utf-8"))
    deb, archive, rpm = (_package(sizes, end) for end in (".deb", ".tar.zst", ".rpm"))
    with screens.screen(71) as screen:
        trial = Trial(screen)
        for system in options.system or SYSTEMS:
            try:
                with machines.machine(system) as machine:
                    older = (options.older or deb) if system == MAIN else None
                    check_deb(trial, machine, deb, older, options.python)
                if system == MAIN:
                    with machines.machine(system) as machine:
                        check_archive(trial, machine, archive)
            except machines.NoMachine as error:
                print(f"{system}: {error}", flush=True)
                trial.facts.setdefault("not tried", []).append(f"{system}: {error}")
        check_files(trial, deb, rpm)
        trial.check("here", "as fast as from source", lambda: _speed(trial, options.python))
    pictures = sorted(PICTURES.glob(f"{MAIN}-deb-*.png"))
    report.write(ROOT / "packaging" / "REPORT.md", sizes, trial.facts, trial.results, pictures)
    failed = [result for result in trial.results if not result[2]]
    print(f"{len(trial.results) - len(failed)} checks passed, {len(failed)} failed")
    return 1 if failed else 0


def _package(sizes: dict[str, Any], end: str) -> Path:
    (name,) = (one for one in sizes["packages"] if one.endswith(end))
    return OUT / name


def _speed(trial: Trial, python: str) -> None:
    frozen = ROOT / "build" / "package" / "frozen" / NAME / NAME
    programs = {"installed": [str(frozen)], "from source": [python, "-m", "diffviews_desktop"]}
    os.environ["PYTHONPATH"] = str(ROOT)
    times = trial.facts["times"] = speed.compare(programs, trial.shown)
    slow = speed.too_slow(times, *programs)
    assert not slow, "; ".join(slow)


if __name__ == "__main__":
    sys.exit(main())
