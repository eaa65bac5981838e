"""Many runs in one job."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from diffviews_desktop.actions.action import Action
from diffviews_desktop.actions.asking import cancel_all, submit
from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.reasons import NO_FOLDER, model_cannot_run, no_map
from diffviews_desktop.actions.runs import NO_SAMPLE, begin_run, resolve_condition
from diffviews_desktop.actions.verbs import verb
from diffviews_desktop.engine.jobs.drawing import Generate, GenerateGrid
from diffviews_desktop.engine.jobs.experiments import ChooseGroups, JudgeExperiment, RunExperiment
from diffviews_desktop.state.runs import ComparedMasks, Grid
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr
from diffviews_desktop.values.conditions import Condition
from diffviews_desktop.values.controls import Control
from diffviews_desktop.values.experiment_plans import experiment_of, is_plain_mask, windows_of
from diffviews_desktop.values.experiments import LOSS_LEVELS, OWN_LOSS, USUAL_JUDGE, Experiment
from diffviews_desktop.values.interventions import Intervention, with_picks
from diffviews_desktop.values.layers import NO_LAYERS, LayerSet
from diffviews_desktop.values.maps import MapSpec
from diffviews_desktop.values.sampling import SamplingSettings
from diffviews_desktop.values.told import OWN_CONDITION


@dataclass(frozen=True)
class ExperimentWanted:
    """What an experiment draws, as `run_experiment` takes it."""

    of_picks: bool
    anchors: int
    neighbors: int
    seeds: int
    controls: tuple[Control, ...]
    layer_sets: tuple[LayerSet, ...] = ()
    parts: int = 1
    judge: str = USUAL_JUDGE
    features: str = ""


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
    submit(context, job, tr("Generating a grid"))


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
    origin = job.folder, job.spec.model, job.spec.parameters
    if origin != (opened.folder, opened.model, opened.parameters):
        context.say(tr("This grid belongs to another model or map: open that to draw it again."))
        return
    request = Generate(
        job_id=context.worker.next_id(),
        folder=job.folder,
        spec=job.spec,
        condition=job.condition,
        settings=cell.settings,
        interventions=cell.interventions,
    )
    begin_run(context, request)


def cannot_draw_grid(state: State) -> str:
    """Why no grid can be drawn now; empty where it can."""
    return model_cannot_run(state) or no_map(state)


@verb
def run_experiment(
    context: Context,
    *,
    of_picks: bool,
    anchors: int,
    neighbors: int,
    seeds: int,
    controls: tuple[Control, ...],
    layer_sets: tuple[LayerSet, ...] = (),
    parts: int = 1,
    judge: str = USUAL_JUDGE,
    features: str = "",
) -> None:
    """Draw the interventions of the Generate panel and their controls, and measure what each does.

    Args:
        context: what it works with.
        of_picks: whether the picked samples are the only mask, where there is a mask alone.
        anchors: else how many masks, drawn evenly from all classes.
        neighbors: samples beside each anchor.
        seeds: pictures of each mask and control.
        controls: what is drawn besides.
        layer_sets: where it acts, each by itself; where the panel says, if there are none.
        parts: of the run, in each of which it acts by itself; of 1, when the panel says.
        judge: what reads the pictures: see `Experiment`.
        features: the layer in which the distance to the unmasked run is measured, too; empty for
            none.
    """
    state = context.state
    reason = cannot_compare(state, of_picks) or ("" if state.opened.spec is not None else NO_FOLDER)
    if reason:
        context.say(reason)
        return
    request = ExperimentWanted(of_picks, anchors, neighbors, seeds, controls, layer_sets, parts)
    job = _job(state, request)
    experiment = replace(
        job.experiment, seeds=seeds, controls=controls, judge=judge, features=features
    )
    job = replace(job, experiment=experiment, job_id=context.worker.next_id())
    cancel_all(context, JudgeExperiment)  # the report says so, too
    state = context.state
    context.update(replace(state, runs=replace(state.runs, experiment=ComparedMasks(job))))
    submit(context, job, tr("Comparing interventions with their controls"))


def masks_to_judge(state: State, request: ExperimentWanted) -> JudgeExperiment | None:
    """What says whether the masks of an experiment are beyond the samples, with the id 0; None
    where it cannot be drawn now."""
    if cannot_compare(state, request.of_picks) or state.opened.spec is None:
        return None
    job = _job(state, request)
    return JudgeExperiment(
        job_id=0, folder=job.folder, experiment=job.experiment, choice=job.choice
    )


def judge_masks(context: Context, request: JudgeExperiment) -> None:
    """Have the masks of an experiment compared with the samples."""
    job = replace(request, job_id=context.worker.next_id())
    submit(context, job, tr("Comparing the masks with the samples"))


def _job(state: State, request: ExperimentWanted) -> RunExperiment:
    """What draws the masks of an experiment, with the id 0."""
    spec, folder = state.opened.spec, state.opened.folder
    assert spec is not None
    at_anchors = many_masks(state) and not request.of_picks
    experiment = _plan(state, spec, at_anchors, request.layer_sets, request.parts)
    choice = None
    if at_anchors:
        choice = ChooseGroups(
            job_id=0,
            folder=folder,
            model=spec.model,
            anchors=request.anchors,
            neighbors=request.neighbors,
            layers=experiment.layer_sets[0] if len(experiment.layer_sets) == 1 else NO_LAYERS,
            told=experiment.told,
        )
    return RunExperiment(job_id=0, folder=folder, experiment=experiment, choice=choice)


def _plan(
    state: State, spec: MapSpec, at_anchors: bool, layer_sets: tuple[LayerSet, ...], parts: int
) -> Experiment:
    """What draws the interventions of the Generate panel; without groups where these are to be
    chosen. The arguments are those of `run_experiment`."""
    settings, condition = state.runs.settings, state.condition
    if settings.seed is None:  # the same experiment again goes on with what is there
        settings = replace(settings, seed=0)
    if not many_masks(state):
        condition = resolve_condition(state, condition)
    places: dict[str, Any] = {"layer_sets": layer_sets} if layer_sets else {}
    if parts > 1:
        places["windows"] = windows_of(settings.num_steps, parts)
    experiment = experiment_of(
        _switched_on(state) if at_anchors else acting_in(state),
        spec,
        settings.num_steps,
        state.opened.directions,
        condition=condition,
        told=state.opened.map_told or OWN_CONDITION,  # as the samples on screen
        settings=settings,
        **places,
    )
    return replace(experiment, groups=()) if at_anchors else experiment


def acting_in(state: State) -> tuple[Intervention, ...]:
    """The interventions of the Generate panel that act, with what is picked now."""
    acting = with_picks(state.runs.interventions, state.picks.selection.rows)
    return tuple(one for one in acting if one.acts(state.runs.settings.num_steps))


def _switched_on(state: State) -> tuple[Intervention, ...]:
    """The interventions of the Generate panel, the picked samples left open."""
    return tuple(one for one in state.runs.interventions if one.enabled)


def many_masks(state: State) -> bool:
    """Whether the mask of picked samples is all that acts, so that masks of other samples can be
    compared, too."""
    acting = _switched_on(state)
    return is_plain_mask(acting) and acting[0].is_of_picks


def cannot_compare(state: State, of_picks: bool) -> str:
    """Why no experiment can be drawn now; empty where it can."""
    steps = state.runs.settings.num_steps
    on = [one for one in state.runs.interventions if one.acts(steps)]
    if not on:
        return tr("Nothing acts on a layer: switch an intervention on in the Generate panel.")
    if (of_picks or not many_masks(state)) and len(acting_in(state)) < len(on):
        return NO_SAMPLE
    return cannot_draw_grid(state)


def seconds_of(
    state: State, pictures: int, judge: str = USUAL_JUDGE, features: str = ""
) -> float | None:
    """How long so many pictures take with the loaded model, and reading them with a judge and in a
    layer; None where it was not measured."""
    opened = state.opened
    pace = opened.pace or opened.rate
    each = state.runs.settings.evaluations(not opened.unconditional)
    if any(one.verb == "patch" for one in acting_in(state)):
        each *= 2  # the run that is patched from
    if judge == OWN_LOSS and opened.loaded is not None:
        each += LOSS_LEVELS * opened.loaded.num_classes
    if features:
        each += 1  # the model sees each picture once more
    return pictures * each / pace if pace else None


ACTIONS = (
    Action(
        "experiments.grid",
        tr("G&rid of pictures…"),
        lambda context: context.window.show_page("grid"),
        keys=("Ctrl+G",),
        menu="generate",
        group=1,
        meaning=tr("Many pictures in one job: seeds, strengths, steps, layers."),
        button=tr("Gri&d…"),
    ),
    Action(
        "experiments.compare",
        tr("E&xperiment…"),
        lambda context: context.window.show_page("experiment"),
        menu="generate",
        group=1,
        meaning=tr(
            "Draw interventions and all that they are to be compared with, and say what each does."
        ),
    ),
)
