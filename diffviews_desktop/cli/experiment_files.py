"""What ``experiment`` answers."""

from __future__ import annotations

from typing import Any

from diffviews_desktop.cli.shared import Answer
from diffviews_desktop.engine.jobs.experiments import ExperimentResult
from diffviews_desktop.experiments.tables import lines_of, row_of
from diffviews_desktop.values.controls import MEANINGS
from diffviews_desktop.values.experiments import Cost
from diffviews_desktop.values.finding_texts import counted_text


def answer_of(
    made: ExperimentResult, cost: Cost | None = None, further: tuple[str, ...] = ()
) -> Answer:
    """What an experiment found, and the files that it is in; with further notes."""
    notes, files = [*made.notes, *further], list(map(str, made.files))
    result: dict[str, Any] = {
        "model": made.job.experiment.model,
        "pictures": made.job.experiment.count,
        "drawn": made.drawn,
        "estimated_seconds": cost.seconds if cost is not None else None,
        "device": made.device,
        "findings": [row_of(finding) for finding in made.findings],
        "arms": {arm: MEANINGS[arm] for arm in dict.fromkeys(one.arm for one in made.findings)},
        "notes": notes,
        "files": files,
        "record": dict(made.record),
    }
    return Answer(result, [*lines_of(made.findings), "", _counted(made), *notes, *files])


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
    return f"{counted_text(made.job.experiment)} ({made.drawn:,} drawn now)"
