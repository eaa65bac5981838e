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
    outcome: ExperimentResult, cost: Cost | None = None, further: tuple[str, ...] = ()
) -> Answer:
    """What an experiment found, and the files that it is in; with further notes."""
    notes, files = [*outcome.notes, *further], list(map(str, outcome.files))
    result: dict[str, Any] = {
        "model": outcome.job.experiment.model,
        "pictures": outcome.job.experiment.count,
        "drawn": outcome.drawn,
        "estimated_seconds": cost.seconds if cost is not None else None,
        "device": outcome.device,
        "findings": [row_of(finding) for finding in outcome.findings],
        "arms": {arm: MEANINGS[arm] for arm in dict.fromkeys(one.arm for one in outcome.findings)},
        "notes": notes,
        "files": files,
        "record": dict(outcome.record),
    }
    return Answer(
        result, [*lines_of(outcome.findings), "", _pictures_text(outcome), *notes, *files]
    )


def cost_text(cost: Cost) -> str:
    """``1200 pictures, 24,510 evaluations of the network, about 12 minutes``."""
    remark = f" ({cost.drawn:,} are there)" if cost.drawn else ""
    text = f"{cost.pictures:,} pictures{remark}, {cost.evaluations:,} evaluations of the network"
    if cost.seconds is None:
        return text
    if cost.seconds < 90:
        return f"{text}, about {max(1, round(cost.seconds))} s"
    return f"{text}, about {round(cost.seconds / 60):,} minutes"


def _pictures_text(outcome: ExperimentResult) -> str:
    return f"{counted_text(outcome.job.experiment)} ({outcome.drawn:,} drawn now)"
