"""Checks what needs a graphics card: see `packaging/check-gpu`.

Every part runs in a process of its own, with a limit of time: one that crashes, or does not end,
takes none of the others with it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from figures import Figure, heard, not_measured, table, told, write

HERE = Path(__file__).resolve().parent
NO_CARD = 3
"""The exit status where there is no graphics card."""
LEAST = 5.0  # seconds that a part needs to begin
PARTS: dict[str, tuple[str, float]] = {
    "forward": ("models.py", 150.0),
    "memory": ("models.py", 120.0),
    "out of memory": ("models.py", 120.0),
    "window": ("window.py", 150.0),
    "extraction": ("timings.py", 100.0),
    "generation": ("timings.py", 240.0),
    "tests": ("cuda_tests.py", 200.0),
}
"""The script of each part, and the seconds that it may take."""


def main() -> int:
    """Do all parts; the exit status."""
    options = _options()
    facts = _facts()
    if options.device == "cuda" and not facts["cuda"]:
        figures = [not_measured(name, "all of it", facts["why_not"]) for name in options.only]
        _finish(options, figures, facts)
        print(f"check-gpu: {facts['why_not']} Nothing was measured.", file=sys.stderr)
        return NO_CARD
    end = time.monotonic() + 60 * options.minutes
    figures = []
    for name in options.only:
        print(f"check-gpu: {name} …", file=sys.stderr, flush=True)
        figures += run(name, options.device, options.quick, end - time.monotonic())
    _finish(options, figures, facts)
    return int(any(figure.status == "wrong" for figure in figures))


def run(name: str, device: str, quick: bool, seconds_left: float) -> list[Figure]:
    """The figures of one part; a wrong one where it ends with an error or not in time."""
    script, most = PARTS[name]
    seconds = min(most, seconds_left)
    if seconds < LEAST:
        return [not_measured(name, "all of it", "No time was left.")]
    command = [sys.executable, str(HERE / script), name, "--device", device]
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="check-gpu-") as folder:
        code, output, errors = _run(
            [*command, *(["--quick"] if quick else [])], seconds, environment(device, folder)
        )
    if code is None:
        return [told(name, "ends in time", False, f"It took more than {seconds:.0f} s.")]
    try:
        if code:
            raise ValueError(f"it ended with status {code}")
        figures = heard(output)
    except (ValueError, TypeError) as error:
        last = errors.strip().splitlines()[-1:] or [""]
        print(errors, file=sys.stderr)
        return [told(name, "ends well", False, f"{error}. {last[0]}".strip())]
    print(f"check-gpu: {name}: {time.monotonic() - start:.0f} s", file=sys.stderr)
    return figures


def environment(device: str, folder: str) -> dict[str, str]:
    """The environment of a part: it keeps files in ``folder`` alone."""
    variables = {**os.environ, "TMPDIR": folder}
    for kind in ("DATA", "CACHE", "STATE", "CONFIG"):
        variables[f"XDG_{kind}_HOME"] = os.path.join(folder, kind.lower())
    for name in list(variables):
        if name.startswith("DIFFVIEWS_"):
            del variables[name]
    if device == "cpu":
        variables["CUDA_VISIBLE_DEVICES"] = ""
    return variables


def _run(
    command: Sequence[str], seconds: float, environment: dict[str, str]
) -> tuple[int | None, str, str]:
    """Exit status (None: not in time), output and errors of a command, which ends with all that it
    has started."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command,
        stdout=pipe,
        stderr=pipe,
        text=True,
        errors="replace",
        env=environment,
        start_new_session=True,
    ) as process:
        try:
            output, errors = process.communicate(timeout=seconds)
            return process.returncode, output, errors
        except subprocess.TimeoutExpired:
            return None, "", ""
        finally:
            with contextlib.suppress(ProcessLookupError):  # all of them have ended
                os.killpg(process.pid, signal.SIGKILL)


def _facts() -> dict[str, Any]:
    """What the machine has: asked in another process, as torch keeps the card."""
    script = (
        "import json, torch; there = torch.cuda.is_available(); print(json.dumps({'cuda': there, "
        "'torch': torch.__version__, 'card': torch.cuda.get_device_name() if there else ''}))"
    )
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    if process.returncode:
        last = process.stderr.strip().splitlines()[-1:] or [""]
        reason = f"torch cannot be imported ({last[0]}): install the program's wheels."
        return {"cuda": False, "torch": "", "card": "", "why_not": reason}
    facts: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return {**facts, "why_not": "There is no CUDA device that torch can use."}


def _finish(options: argparse.Namespace, figures: list[Figure], facts: dict[str, Any]) -> None:
    print(table(figures))
    if options.json is not None:
        entries = {key: value for key, value in facts.items() if key != "why_not"}
        write(options.json, figures, {"device": options.device, "quick": options.quick, **entries})


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="check-gpu", description="Check what needs a graphics card."
    )
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--quick", action="store_true", help="small networks and few samples")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART")
    parser.add_argument("--minutes", type=float, default=9.5, help="it ends within (default: 9.5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
