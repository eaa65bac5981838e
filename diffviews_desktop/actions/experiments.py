"""Many runs in one job."""

from __future__ import annotations

from dataclasses import replace

from diffviews_desktop.actions.action import Action
from diffviews_desktop.actions.asking import submit
from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.runs import NO_FOLDER, NO_SAMPLE, begin_run, resolve_condition
from diffviews_desktop.engine.jobs.drawing import Generate, GenerateGrid
from diffviews_desktop.state.runs import Grid
from diffviews_desktop.state.state import State
from diffviews_desktop.values.conditions import Condition
from diffviews_desktop.values.interventions import with_picks
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.sampling import SamplingSettings


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


ACTIONS = (
    Action(
        "experiments.grid",
        "G&rid of pictures…",
        lambda context: context.window.show_page("grid"),
        keys=("Ctrl+G",),
        menu="generate",
        group=1,
        meaning="Many pictures in one job: seeds, strengths, steps, layers.",
        button="G&rid…",
    ),
)
