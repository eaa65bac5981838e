"""What ``experiment`` writes beside its pictures: tables, a report, and what runs it again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from diffviews_desktop.cli.shared import Answer
from diffviews_desktop.engine.jobs.experiments import ExperimentResult
from diffviews_desktop.experiments.report import report
from diffviews_desktop.experiments.tables import csv_text, lines_of, parquet, row_of
from diffviews_desktop.files.writing import replacing_all
from diffviews_desktop.values.experiments import MEANINGS, Cost

NAME = "experiment"


def write_experiment(made: ExperimentResult, cost: Cost | None = None) -> Answer:
    """Write ``experiment.json``, ``.csv``, ``.html``, and ``.parquet`` where pandas can, all of
    them or none, into the folder of the pictures.

    Raises:
        OSError: they cannot be written.
    """
    rows = [row_of(finding) for finding in made.findings]
    notes = list(made.notes)
    files: dict[Path, bytes] = {}
    table = parquet(rows)
    if table is not None:
        files[made.folder / f"{NAME}.parquet"] = table
    files[made.folder / f"{NAME}.csv"] = csv_text(rows).encode("utf-8", "backslashreplace")
    html = report(made.findings, made.examples, made.record, notes, dict(made.class_names))
    files[made.folder / f"{NAME}.html"] = html.encode("utf-8", "backslashreplace")
    last = made.folder / f"{NAME}.json"
    result: dict[str, Any] = {
        "model": made.job.experiment.model,
        "pictures": made.job.experiment.count,
        "drawn": made.drawn,
        "estimated_seconds": cost.seconds if cost is not None else None,
        "device": made.device,
        "findings": rows,
        "arms": {arm: MEANINGS[arm] for arm in dict.fromkeys(one.arm for one in made.findings)},
        "notes": notes,
        "files": [str(path) for path in (*files, last)],
        "record": dict(made.record),
    }
    files[last] = json.dumps(result, indent=1).encode()
    with replacing_all(*files) as written:
        for file, data in zip(written, files.values(), strict=True):
            file.write(data)
    lines = [*lines_of(made.findings), "", _counted(made), *notes, *result["files"]]
    return Answer(result, lines)


def cost_text(cost: Cost) -> str:
    """``1200 pictures, 24,510 evaluations of the network, about 12 minutes``."""
    there = f" ({cost.drawn:,} are there)" if cost.drawn else ""
    text = f"{cost.pictures:,} pictures{there}, {cost.evaluations:,} evaluations of the network"
    if cost.seconds is None:
        return text
    if cost.seconds < 90:
        return f"{text}, about {max(1, round(cost.seconds))} s"
    return f"{text}, about {round(cost.seconds / 60):,} minutes"


def _counted(made: ExperimentResult) -> str:
    experiment = made.job.experiment
    masks, seeds = len(experiment.groups), experiment.seeds
    counted = f"{experiment.count:,} pictures ({made.drawn:,} drawn now)"
    each = (
        f"{masks} mask{'s' if masks > 1 else ''} with {seeds} seed{'s' if seeds > 1 else ''} each"
    )
    return f"{counted}: {each}; brackets hold 95 % intervals over masks"
