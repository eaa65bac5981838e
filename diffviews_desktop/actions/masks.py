"""Whether the masks that Generate would use are beyond the samples."""

from __future__ import annotations

from dataclasses import replace

from diffviews_desktop.actions.asking import submit
from diffviews_desktop.actions.context import Context
from diffviews_desktop.engine.jobs.drawing import JudgeMask, MaskJudged
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr
from diffviews_desktop.values.interventions import (
    Intervention,
    SampleMean,
    SavedVector,
    masks_of,
    with_picks,
)


def masks_to_judge(state: State) -> tuple[JudgeMask, ...]:
    """The masks that Generate would use, in their order, the ids of the jobs 0; none where they
    cannot be judged now."""
    opened = state.opened
    if opened.spec is None or opened.loaded is None:
        return ()
    stack = with_picks(state.runs.interventions, state.picks.selection.rows)
    return tuple(_job(state, mask) for mask in masks_of(stack))


def judged_masks(state: State) -> tuple[MaskJudged, ...]:
    """What is known of the masks that Generate would use."""
    verdicts = {replace(one.job, job_id=0): one for one in state.picks.masks}
    return tuple(verdicts[job] for job in masks_to_judge(state) if job in verdicts)


def unknown_masks(state: State) -> tuple[JudgeMask, ...]:
    """Those of them of which nothing is known yet."""
    jobs = {replace(one.job, job_id=0) for one in judged_masks(state)}
    return tuple(job for job in masks_to_judge(state) if job not in jobs)


def judge_mask(context: Context, request: JudgeMask) -> None:
    """Have a mask judged."""
    job = replace(request, job_id=context.worker.next_id())
    submit(context, job, tr("Comparing the mask with the samples"))


def _job(state: State, mask: Intervention) -> JudgeMask:
    source, spec = mask.source, state.opened.spec
    assert spec is not None
    means = source if isinstance(source, SampleMean) else SampleMean()
    return JudgeMask(
        job_id=0,
        folder=state.opened.folder,
        spec=spec,
        rows=means.rows,
        layers=mask.layers,
        weighting=means.weighting,
        saved=source.name if isinstance(source, SavedVector) else "",
    )
