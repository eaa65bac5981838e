"""Whether the mask that Generate would use is beyond the samples."""

from __future__ import annotations

from dataclasses import replace

from diffviews_desktop.actions.asking import submit
from diffviews_desktop.actions.context import Context
from diffviews_desktop.engine.jobs.drawing import JudgeMask, MaskJudged
from diffviews_desktop.state.state import State
from diffviews_desktop.values.interventions import SampleMean, sole_mask, with_picks


def mask_to_judge(state: State) -> JudgeMask | None:
    """The mask that Generate would use, its job's id 0; None where it cannot be judged now."""
    opened = state.opened
    mask = sole_mask(with_picks(state.runs.interventions, state.picks.selection.rows))
    if opened.spec is None or opened.loaded is None or mask is None:
        return None
    source = mask.source
    assert isinstance(source, SampleMean)
    return JudgeMask(
        job_id=0,
        folder=opened.folder,
        spec=opened.spec,
        rows=source.rows,
        layers=mask.layers,
        weighting=source.weighting,
    )


def judged_mask(state: State) -> MaskJudged | None:
    """What is known of the mask that Generate would use."""
    judged, wanted = state.picks.mask, mask_to_judge(state)
    known = judged is not None and replace(judged.job, job_id=0) == wanted
    return judged if known else None


def judge_mask(context: Context) -> None:
    """Have the mask judged, unless that is known or cannot be."""
    wanted = mask_to_judge(context.state)
    if wanted is not None and judged_mask(context.state) is None:
        job = replace(wanted, job_id=context.worker.next_id())
        submit(context, job, "Comparing the mask with the samples")
