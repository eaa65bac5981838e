"""Many runs in one job."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from diffviews_desktop.actions.action import Action
from diffviews_desktop.actions.asking import submit
from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.runs import NO_FOLDER, NO_SAMPLE, begin_run, resolve_condition
from diffviews_desktop.actions.verbs import verb
from diffviews_desktop.engine.jobs.drawing import Generate, GenerateGrid
from diffviews_desktop.engine.jobs.experiments import ChooseGroups, RunExperiment
from diffviews_desktop.state.runs import ComparedMasks, Grid
from diffviews_desktop.state.state import State
from diffviews_desktop.values.conditions import Condition
from diffviews_desktop.values.experiments import USUAL_JUDGE, Control, Experiment
from diffviews_desktop.values.interventions import Intervention, SampleMean, with_picks
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.sampling import SamplingSettings
from diffviews_desktop.values.told import OWN


@verb
def generate_grid(
    context: Context,
    settings: SamplingSettings,
    condition: Condition,
    *,
    samples: int = 1,
    varied: int = 0,
    strengths: tuple[float, ...] = (),
    windows: tuple[tuple[int, int], ...] = (),
    mask_layers: tuple[LayerSet, ...] = (),
) -> None:
    """Draw one picture for every combination of the axes, with the interventions of the Generate
    panel; without a pick, without the mask of the picked samples.

    Only the last grid is shown: an earlier one that is still in work is cancelled.
    The arguments are those of `GenerateGrid`.
    """
    state = context.state
    spec = state.opened.spec
    acting = with_picks(state.runs.interventions, state.picks.selection.rows)
    if spec is None:
        context.say(NO_FOLDER)
        return
    if not acting and (strengths or windows or mask_layers):
        context.say(NO_SAMPLE)
        return
    job = GenerateGrid(
        job_id=context.worker.next_id(),
        folder=state.opened.folder,
        spec=spec,
        condition=resolve_condition(state, condition),
        settings=settings,
        interventions=acting,
        samples=samples,
        varied=varied,
        strengths=strengths,
        windows=windows,
        mask_layers=mask_layers,
    )
    context.update(replace(state, runs=replace(state.runs, grid=Grid(job))))
    submit(context, job, "Generating a grid")


@verb
def generate_cell(context: Context, index: int) -> None:
    """Draw a picture of the grid again as a run, with all its steps."""
    state = context.state
    grid = state.runs.grid
    cell = next((c for c in grid.cells if c.index == index), None) if grid is not None else None
    if grid is None or cell is None:
        return
    job = grid.job
    opened = state.opened
    asked = job.folder, job.spec.model, job.spec.parameters
    if asked != (opened.folder, opened.model, opened.parameters):
        context.say("This grid belongs to another model or map: open that to draw it again.")
        return
    again = Generate(
        job_id=context.worker.next_id(),
        folder=job.folder,
        spec=job.spec,
        condition=job.condition,
        settings=cell.settings,
        interventions=cell.interventions,
    )
    begin_run(context, again)


def cannot_draw_grid(state: State) -> str:
    """Why no grid can be drawn now; empty where it can."""
    if state.opened.model_problem:
        return f"The model cannot run: {state.opened.model_problem}"
    return "" if state.opened.layer_map is not None else "The map is not there yet."


@verb
def run_experiment(
    context: Context,
    *,
    of_picks: bool,
    anchors: int,
    neighbors: int,
    seeds: int,
    controls: tuple[Control, ...],
) -> None:
    """Draw the mask of the Generate panel and its controls, and measure what each does.

    Args:
        context: what it works with.
        of_picks: whether the picked samples are the only mask.
        anchors: else how many masks, drawn evenly from all classes.
        neighbors: samples beside each anchor.
        seeds: pictures of each mask and control.
        controls: what is drawn besides.
    """
    state = context.state
    mask, spec = _mask_of(state), state.opened.spec
    why = cannot_compare(state, of_picks)
    if why or mask is None or spec is None:
        context.say(why)
        return
    steps = state.runs.settings.num_steps
    layers = mask.layers or spec.layers
    settings = state.runs.settings
    if settings.seed is None:  # the same experiment again goes on with what is there
        settings = replace(settings, seed=0)
    common: dict[str, Any] = {
        "job_id": context.worker.next_id(),
        "folder": state.opened.folder,
    }
    told = state.opened.map_told or OWN  # as the samples on screen
    choice = ChooseGroups(
        **common,
        model=spec.model,
        anchors=anchors,
        neighbors=neighbors,
        layers=layers,
        told=told,
    )
    job = RunExperiment(
        **common,
        experiment=Experiment(
            model=spec.model,
            layer_sets=(layers,),
            windows=((mask.step_from, steps if mask.step_to is None else mask.step_to),),
            groups=(state.picks.selection.rows,) if of_picks else (),
            seeds=seeds,
            controls=controls,
            condition=state.runs.condition,
            told=told,
            settings=settings,
            strength=mask.strength,
            region=mask.region,
            judge=USUAL_JUDGE,
        ),
        choice=None if of_picks else choice,
    )
    runs = replace(state.runs, experiment=ComparedMasks(job))
    context.update(replace(state, runs=runs))
    submit(context, job, "Comparing masks with their controls")


def _mask_of(state: State) -> Intervention | None:
    """The mask of the picked samples in the Generate panel; None where it has other interventions,
    or none."""
    acting = [one for one in state.runs.interventions if one.enabled]
    return acting[0] if len(acting) == 1 and acting[0].is_of_picks else None


def cannot_compare(state: State, of_picks: bool) -> str:
    """Why no experiment can be drawn now; empty where it can."""
    mask = _mask_of(state)
    if mask is None:
        return (
            "An experiment compares the mask of picked samples: let it be the only intervention "
            "in the Generate panel."
        )
    if isinstance(mask.source, SampleMean) and mask.source.weighting != "equal":
        return "An experiment counts all samples of a mask the same: set their weights to equal."
    if of_picks and not state.picks.selection.rows:
        return NO_SAMPLE
    return cannot_draw_grid(state)


ACTIONS = (
    Action(
        "experiments.grid",
        "G&rid of pictures…",
        lambda context: context.window.show_page("grid"),
        keys=("Ctrl+G",),
        menu="generate",
        group=1,
        meaning="Many pictures in one job: seeds, strengths, steps, layers.",
        button="Gri&d…",
    ),
    Action(
        "experiments.compare",
        "E&xperiment…",
        lambda context: context.window.show_page("experiment"),
        menu="generate",
        group=1,
        meaning="Draw a mask and all that it is to be compared with, and say what each does.",
    ),
)
