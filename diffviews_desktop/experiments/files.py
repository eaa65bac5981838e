"""What is written beside an experiment's pictures: tables, a report, and what runs it again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from diffviews_desktop.experiments.report import report
from diffviews_desktop.experiments.tables import csv_text, parquet, row_of
from diffviews_desktop.files.writing import replacing_all
from diffviews_desktop.values.controls import MEANINGS
from diffviews_desktop.values.experiments import Examples, Finding

NAME = "experiment"


def write_files(
    folder: Path,
    findings: Sequence[Finding],
    examples: Sequence[Examples],
    record: Mapping[str, Any],
    notes: Sequence[str],
    class_names: Mapping[int, str],
) -> tuple[Path, ...]:
    """Write ``experiment.json``, ``.csv``, ``.html``, and ``.parquet`` where pandas can: all of
    them or none.

    Returns:
        Their paths, that of the report first.

    Raises:
        OSError: they cannot be written.
    """
    rows = [row_of(finding) for finding in findings]
    html = report(findings, examples, record, notes, class_names)
    files = {
        folder / f"{NAME}.html": html.encode("utf-8", "backslashreplace"),
        folder / f"{NAME}.csv": csv_text(rows).encode("utf-8", "backslashreplace"),
    }
    table = parquet(rows)
    if table is not None:
        files[folder / f"{NAME}.parquet"] = table
    facts = {
        "findings": rows,
        "arms": {arm: MEANINGS[arm] for arm in dict.fromkeys(one.arm for one in findings)},
        "notes": list(notes),
        "record": dict(record),
    }
    files[folder / f"{NAME}.json"] = json.dumps(facts, indent=1).encode()
    with replacing_all(*files) as streams:
        for file, data in zip(streams, files.values(), strict=True):
            file.write(data)
    return tuple(files)
