"""Drawing with interventions, and looking at what was drawn."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial

from diffviews_desktop.actions.action import Action
from diffviews_desktop.actions.asking import cancel_job, submit
from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.reasons import NO_FOLDER, model_cannot_run, no_map
from diffviews_desktop.actions.verbs import repeated_verb, verb
from diffviews_desktop.engine.jobs.drawing import Generate, PlacePicture
from diffviews_desktop.state.runs import Run, Runs
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import inside, tr
from diffviews_desktop.values.conditions import (
    AnchorClass,
    ClassLabel,
    Condition,
    RandomClass,
    ZeroLabel,
)
from diffviews_desktop.values.interventions import Intervention, rows_of, with_picks
from diffviews_desktop.values.sampling import SamplingSettings

STOPPED = tr("This run was stopped before its picture was finished.")
NO_SAMPLE = tr("Click a point on the map first: a mask needs at least one sample.")


def _renew(context: Context, runs: Runs) -> None:
    context.update(replace(context.state, runs=runs))


@verb
def generate_from_neighbors(
    context: Context,
    settings: SamplingSettings,
    condition: Condition | None,
    interventions: tuple[Intervention, ...] | None = None,
) -> None:
    """Draw with interventions: those of the Generate panel where none are given, that of the picked
    samples with the anchor and its neighbours. Where no condition was chosen, the run is told what
    the samples of the map were."""
    state = context.state
    if state.opened.spec is None:
        context.say(NO_FOLDER)
        return
    stack = state.runs.interventions if interventions is None else interventions
    acting = with_picks(stack, state.picks.selection.rows)
    if not acting:
        context.say(NO_SAMPLE)
        return
    job = Generate(
        job_id=context.worker.next_id(),
        folder=state.opened.folder,
        spec=state.opened.spec,
        condition=resolve_condition(state, state.condition if condition is None else condition),
        settings=settings,
        interventions=acting,
    )
    change_settings(context, settings, condition, stack)
    begin_run(context, job)


def begin_run(context: Context, job: Generate) -> None:
    """Have a run drawn, under a name of its own."""
    runs = context.state.runs
    number = runs.begun + 1
    ids = _ids_of(context.state, job)
    run = Run(number, tr("Run {number}", number=number), job, sample_ids=ids, when=time.time())
    _renew(context, replace(runs, all=(*runs.all, run), begun=number))
    submit(context, job, tr("Generating {run}", run=inside(run.name)))


def _ids_of(state: State, job: Generate) -> tuple[str, ...]:
    samples = state.opened.samples
    if samples is None:
        return ()
    return tuple(samples.sample_id[row] for row in rows_of(job.interventions))


def resolve_condition(state: State, condition: Condition) -> Condition:
    """What to draw: the anchor's class, where that was chosen and is known."""
    if not isinstance(condition, AnchorClass):
        return condition
    samples, anchor = state.opened.samples, state.picks.selection.anchor
    if samples is None or anchor is None:
        return RandomClass()
    number = int(samples.class_label[anchor])
    return ClassLabel(number, samples.class_name[anchor]) if number >= 0 else RandomClass()


@repeated_verb
def change_settings(
    context: Context,
    settings: SamplingSettings,
    condition: Condition | None,
    interventions: tuple[Intervention, ...] | None = None,
) -> None:
    """Remember what the Generate panel shows, the condition where the user chose it; the
    interventions stay where none are given."""
    runs = context.state.runs
    stack = runs.interventions if interventions is None else interventions
    _renew(context, replace(runs, settings=settings, condition=condition, interventions=stack))


@verb
def show_run(context: Context, run_id: int) -> None:
    """Show a run in the filmstrip, from its last step."""
    runs = context.state.runs
    run = runs.run(run_id)
    if run is not None:
        last = max(0, len(run.steps) - 1)
        _renew(context, replace(runs, shown=run_id, step=last, beside=()))
        if runs.comparing:
            want_baseline(context)


@repeated_verb
def scrub_to(context: Context, step: int) -> None:
    """Go to a step of the shown run; outside it, to its nearest end."""
    runs = context.state.runs
    run = runs.run()
    if run is not None and run.steps:
        index = min(max(step, 0), len(run.steps) - 1)
        if index != runs.step:
            _renew(context, replace(runs, step=index))


@verb
def go_to_step(context: Context, run_id: int, step: int) -> None:
    """Show a step of any run."""
    if run_id != context.state.runs.shown:
        show_run(context, run_id)
    scrub_to(context, step)


@verb
def set_run_visible(context: Context, run_id: int, visible: bool) -> None:
    """Show or hide a run's path on the map."""
    runs = context.state.runs
    run = runs.run(run_id)
    if run is not None:
        _renew(context, runs.with_run(replace(run, visible=visible)))


@verb
def compare_with_unmasked(context: Context, comparing: bool = True) -> None:
    """Show the run without a mask and with the same seed beside the shown run, or nothing.

    It is drawn when it is first asked for and kept for the session.
    """
    _renew(context, replace(context.state.runs, comparing=comparing, beside=()))
    if comparing:
        want_baseline(context)


def want_baseline(context: Context) -> None:
    """Have the run drawn that the shown one is compared with, where it is not there yet."""
    runs = context.state.runs
    run = runs.run()
    baseline = run.unmasked if run is not None else None
    if run is None or baseline is None or not run.job.interventions or runs.baseline() is not None:
        return
    job = replace(baseline, job_id=context.worker.next_id())
    number = runs.begun + 1
    unmasked = Run(number, tr("{run} without the mask", run=run.name), job, when=time.time())
    _renew(context, replace(runs, unmasked=(*runs.unmasked, unmasked), begun=number))
    submit(context, job, tr("Generating {run}", run=inside(unmasked.name)))


@verb
def find_landing(context: Context, sigma: float) -> None:
    """Where the shown run's finished picture lies on the map, seen at a noise level."""
    run = context.state.runs.run()
    if run is None or not run.is_whole or run.seed is None:
        stopped = run is not None and run.done
        context.say(STOPPED if stopped else tr("The picture is not finished yet."))
        return
    job = PlacePicture(
        job_id=context.worker.next_id(),
        folder=run.job.folder,
        spec=run.job.spec,
        image=run.steps[-1].image,
        condition=run.condition or ZeroLabel(),
        sigma=sigma,
        seed=run.seed or 0,
    )
    submit(context, job, tr("Placing {run}", run=inside(run.name)))


@verb
def delete_run(context: Context, run_id: int) -> None:
    """Delete a run, as a step that can be undone; one that is being drawn is cancelled."""
    run = context.state.runs.run(run_id)
    if run is None:
        return
    if context.state.jobs.job(run.job.job_id) is not None:
        cancel_job(context, run.job.job_id)
        return
    old = context.state.runs
    context.session.step(
        partial(_without_run, run_id),
        partial(_with_run_again, old, run_id),
        tr("delete {run}", run=run.name),
    )
    if context.state.runs.comparing:
        want_baseline(context)


def _without_run(run_id: int, state: State) -> State:
    return replace(state, runs=state.runs.without_run(run_id))


def _with_run_again(old: Runs, run_id: int, state: State) -> State:
    return replace(state, runs=state.runs.with_run_again(old, run_id))


def _go(context: Context, by: int) -> None:
    scrub_to(context, context.state.runs.step + by)


def _no_steps(state: State) -> str:
    run = state.runs.run()
    return "" if run is not None and run.steps else tr("There is no run yet: press Generate.")


def is_comparing(state: State) -> bool:
    """Whether the shown run is beside another one, or is to be."""
    return state.runs.comparing or bool(state.runs.beside)


def _not_comparable(state: State) -> str:
    run = state.runs.run()
    if run is not None and not run.job.interventions and not state.runs.beside:
        return tr("This run has no mask. To compare it, choose a second run in the list with Ctrl.")
    return "" if run is not None else tr("There is no run yet: press Generate.")


def cannot_generate(state: State) -> str:
    """Why Generate is not possible now; empty where it is."""
    stack = with_picks(state.runs.interventions, state.picks.selection.rows)
    nothing_acts = "" if stack else tr("Click a point on the map first.")
    return model_cannot_run(state) or no_map(state) or nothing_acts


ACTIONS = (
    Action(
        "runs.generate",
        tr("&Generate"),
        lambda context: context.window.press_generate(),
        keys=("Ctrl+Return",),
        menu="generate",
        meaning=tr("Draw with the layer held at the mean, or with other interventions"),
        why_not=cannot_generate,
    ),
    Action(
        "runs.previous",
        tr("&Previous step"),
        lambda context: _go(context, -1),
        keys=("Left", ","),  # on the map the arrows go to the next sample
        menu="generate",
        group=1,
        icon="previous",
        why_not=_no_steps,
        explains=False,
    ),
    Action(
        "runs.next",
        tr("&Next step"),
        lambda context: _go(context, 1),
        keys=("Right", "."),
        menu="generate",
        group=1,
        icon="next",
        why_not=_no_steps,
        explains=False,
    ),
    Action(
        "runs.play",
        tr("P&lay the steps"),
        lambda context: context.window.toggle_play(),
        keys=("P",),
        menu="generate",
        group=1,
        icon="play",
        why_not=_no_steps,
    ),
    Action(
        "runs.compare",
        tr("Compare with the &unmasked run"),
        lambda context: compare_with_unmasked(context, not is_comparing(context.state)),
        keys=("U",),
        menu="generate",
        group=1,
        meaning=tr(
            "Show the unmasked run of the same seed beside this one. Runs that you choose with "
            "Ctrl in the list are compared as well."
        ),
        button=tr("Compare"),
        why_not=_not_comparable,
        checked=lambda state: is_comparing(state) and not _not_comparable(state),
    ),
)
