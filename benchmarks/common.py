"""What the benchmarks share: a table on the terminal, and rows as JSON."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One figure: ours beside a peer or a limit, ``n`` repetitions or beats."""

    name: str
    n: int
    ours: float | None
    peer: float | None
    unit: str


def parser(text: str) -> argparse.ArgumentParser:
    """A parser with the option that every benchmark has."""
    made = argparse.ArgumentParser(description=text)
    made.add_argument("--json", type=Path, metavar="FILE", help="also write the rows there")
    return made


def report(rows: list[Row], file: Path | None, peer: str) -> None:
    """Print the rows as a table, and write them where asked."""
    width = max(len(row.name) for row in rows)
    print(f"{'':{width}}  {'n':>7}  {'ours':>10}  {peer:>14}  ratio")
    for row in rows:
        ours = "not measured" if row.ours is None else f"{row.ours:.4g} {row.unit}"
        other = "" if row.peer is None else f"{row.peer:.4g} {row.unit}"
        both = row.ours is not None and row.peer
        ratio = f"{row.ours / row.peer:.2f}" if both else ""  # type: ignore[operator]
        print(f"{row.name:{width}}  {row.n:7}  {ours:>10}  {other:>14}  {ratio}")
    if file is not None:
        file.write_text(json.dumps([asdict(row) for row in rows], indent=1), encoding="utf-8")


def isolate(folder: Path) -> None:
    """Keep the program's files of this process and its children in ``folder``."""
    for name in ("DATA", "CACHE", "STATE", "CONFIG"):
        os.environ[f"XDG_{name}_HOME"] = str(folder / name.lower())
    os.environ.pop("DIFFVIEWS_DATA_DIR", None)


def wait_until(ready: Callable[[], bool], pump: Callable[[], None], seconds: float = 300) -> None:
    """Run ``pump`` until ``ready``; ends the program if that takes too long."""
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            raise SystemExit("the benchmark waited too long")
        pump()
