"""Writes the report of the last ``make package-test``."""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sheet import write_sheet

SHEET = "journey.png"
GOALS = {".deb": 450e6, "installed": 1.4e9}
Result = tuple[str, str, bool, str]


def write(
    file: Path,
    sizes: dict[str, Any],
    facts: dict[str, Any],
    results: Sequence[Result],
    pictures: Sequence[Path],
) -> None:
    """Write the report.

    Args:
        sizes: what the build has measured.
        facts: what the trial has.
        results: of its checks: where, what, whether it passed, how it went.
        pictures: screenshots of the first journey, if there are any.
    """
    lines = [
        "# The installers: sizes, times and checks",
        "",
        "Written by `make package-test`; do not edit.",
        "",
        f"{time.strftime('%Y-%m-%d')}, commit {sizes['commit']}, {platform.machine()}, "
        f"variant {sizes['variant']}; built in {sizes['seconds']} s on a shared machine.",
        "",
        *_sizes(sizes),
        *_times(facts.get("times", {})),
        *_checks(results),
    ]
    for entry in facts.get("not tried", []):
        lines += [f"Not tried: {entry}.", ""]
    lines += ["Windows, macOS and CUDA: *not verified here*.", ""]
    if pictures:
        write_sheet(pictures, file.with_name(SHEET))
        lines += [f"![The journey, seen from outside]({SHEET})", ""]
    file.write_text("\n".join(lines), encoding="utf-8")


def _sizes(sizes: dict[str, Any]) -> list[str]:
    parts: dict[str, int] = sizes["parts"]
    total = sum(parts.values())
    lines = ["## Sizes", "", "| package | MB | goal |", "|---|---|---|"]
    for name, size in sizes["packages"].items():
        goal = f"≤ {GOALS['.deb'] / 1e6:.0f}" if name.endswith(".deb") else ""
        lines.append(f"| {name} | {size / 1e6:.0f} | {goal} |")
    lines += [f"| installed | {total / 1e6:.0f} | ≤ {GOALS['installed'] / 1e6:.0f} |", ""]
    lines += ["| what is installed | MB | share |", "|---|---|---|"]
    large_parts = {name: size for name, size in parts.items() if size > 0.005 * total}
    for name, size in large_parts.items():
        lines.append(f"| {name} | {size / 1e6:.1f} | {size / total:.0%} |")
    others = total - sum(large_parts.values())
    return [
        *lines,
        f"| {len(parts) - len(large_parts)} others | {others / 1e6:.1f} | {others / total:.0%} |",
        "",
    ]


def _times(times: dict[str, dict[str, float]]) -> list[str]:
    if not times:
        return []
    names = list(next(iter(times.values())))
    lines = [
        "## Times",
        "",
        "In turn, on the machine that built it, seconds (medians of starts):",
        "",
    ]
    lines += [f"| | {' | '.join(names)} | ratio |", "|---" * (len(names) + 2) + "|"]
    for title, by in times.items():
        values = " | ".join(f"{by[name]:.2f}" for name in names)
        lines.append(f"| {title} | {values} | {by[names[0]] / by[names[1]]:.2f} |")
    return [*lines, ""]


def _checks(results: Sequence[Result]) -> list[str]:
    failed = sum(not passed for _, _, passed, _ in results)
    lines = ["## Checks", "", f"{len(results)} checks, {failed} failed.", ""]
    lines += ["| where | what | |", "|---|---|---|"]
    for place, title, passed, outcome in results:
        text = " ".join(outcome.split()).replace("|", "\\|")[:300]
        lines.append(f"| {place} | {title} | {'' if passed else '**failed**: '}{text} |")
    return [*lines, ""]
