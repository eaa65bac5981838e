"""Builds the installers for this system into ``dist``: what ``make package`` runs."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time

import contents
import dependencies
import freeze

WORK = contents.ROOT / "build" / "package"
OUT = contents.ROOT / "dist"


def main() -> None:
    """Freeze, then make packages of it."""
    parser = argparse.ArgumentParser(description="Build the installers for this system.")
    parser.add_argument("--variant", choices=("cpu", "cuda"), default="cpu", help="of torch")
    parser.add_argument("--frozen", action="store_true", help="take the program frozen before")
    options = parser.parse_args()

    WORK.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    program = WORK / "frozen" / freeze.NAME
    if not options.frozen:
        shutil.rmtree(WORK / "frozen", ignore_errors=True)
        program = freeze.freeze(WORK, cuda=options.variant == "cuda")
    print(f"frozen in {time.monotonic() - start:.0f} s: {program}", flush=True)
    if sys.platform != "linux":
        print(f"packaging/{'windows' if sys.platform == 'win32' else 'macos'} says what is next.")
        return
    sys.path.insert(0, str(contents.ROOT / "packaging" / "linux"))
    import build_linux

    suffix = "" if options.variant == "cpu" else "-cuda"
    files = build_linux.packages(program, WORK, OUT, suffix)
    facts = {
        "commit": dependencies.commit(),
        "variant": options.variant,
        "seconds": round(time.monotonic() - start),
        "parts": freeze.sizes(program),
        "packages": {file.name: file.stat().st_size for file in files},
    }
    (OUT / "sizes.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    for file in files:
        print(f"{file.stat().st_size / 1e6:8.0f} MB  {file}")


if __name__ == "__main__":
    main()
