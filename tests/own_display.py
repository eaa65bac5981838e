"""A virtual display for each process that runs tests beside others.

On one display their windows would take the focus from each other.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess

SCREEN = "1920x1200x24"


def serve_display() -> str | None:
    """Start an X server, which ends with this process; its display, or None where there is none."""
    if shutil.which("Xvfb") is None:
        return None
    dies_too = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
    number, told = os.pipe()
    server = subprocess.Popen(
        [*dies_too, "Xvfb", "-displayfd", str(told), "-screen", "0", SCREEN, "-nolisten", "tcp"],
        pass_fds=[told],
        stderr=subprocess.DEVNULL,
    )
    atexit.register(server.terminate)
    os.close(told)
    with os.fdopen(number) as answer:
        return f":{int(answer.readline())}"
