"""Looks at the packages themselves, with the tools that distributions check packages with."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from trial import NAME, PLACE, ROOT, Trial, ran


def check_files(trial: Trial, deb: Path, rpm: Path) -> None:
    """Check both packages, and what is in them for the desktop."""
    share = ROOT / "build" / "package" / "system" / "usr" / "share"
    trial.check("here", "lintian", lambda: _silent("lintian", "--allow-root", str(deb)))
    trial.check(
        "here", "appstreamcli validate",
        lambda: ran("appstreamcli", "validate", *map(str, (share / "metainfo").iterdir())),
    )  # fmt: skip
    trial.check(
        "here", "desktop-file-validate",
        lambda: _silent("desktop-file-validate", *map(str, (share / "applications").iterdir())),
    )  # fmt: skip
    manual = share / "man" / "man1" / f"{NAME}.1.gz"
    trial.check(
        "here", "man page", lambda: _said_nothing("man", "--warnings", "--local-file", manual)
    )
    trial.check("here", "rpm can be read", lambda: _rpm_holds_program(rpm))


def _silent(*command: str) -> None:
    output = ran(*command).strip()
    assert not output, output


def _said_nothing(*command: str | Path) -> None:
    environment = {**os.environ, "MANWIDTH": "100"}
    process = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert not process.stderr, process.stderr


def _rpm_holds_program(rpm: Path) -> str:
    files = ran("rpm", "--query", "--list", "--package", str(rpm)).splitlines()
    assert f"{PLACE}/{NAME}" in files
    assert f"/usr/bin/{NAME}" in files
    return f"{len(files)} files"
