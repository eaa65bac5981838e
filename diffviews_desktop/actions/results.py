"""What becomes of the results of jobs: one function a kind, in `RESULTS`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from diffviews_desktop.actions.asking import submit
from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.directions import take_direction
from diffviews_desktop.actions.downloads import take_disk, take_downloaded, take_list
from diffviews_desktop.actions.folders import open_other
from diffviews_desktop.actions.groups import take_clusters
from diffviews_desktop.actions.inputs import take_input
from diffviews_desktop.actions.keeping import forget
from diffviews_desktop.actions.maps import change_layer, link_map, same_data
from diffviews_desktop.actions.picks import suggest_neighbors, take_found
from diffviews_desktop.actions.places import map_changed, model_came, want_map_again
from diffviews_desktop.actions.placing import take_placed
from diffviews_desktop.actions.runs import want_baseline
from diffviews_desktop.actions.sessions import map_came, resume, want_session_map
from diffviews_desktop.actions.sharing import share_map
from diffviews_desktop.engine.jobs.clustering import ClustersFound
from diffviews_desktop.engine.jobs.directions import (
    DirectionList,
    DirectionSaved,
)
from diffviews_desktop.engine.jobs.downloading import Downloaded, ModelList
from diffviews_desktop.engine.jobs.drawing import (
    FilePlaced,
    MaskJudged,
    PictureGrid,
    PicturePlaced,
    PlacePicture,
    RunResult,
)
from diffviews_desktop.engine.jobs.experiments import ExperimentJudged, ExperimentResult
from diffviews_desktop.engine.jobs.exporting import ContentPreview, ContentWritten
from diffviews_desktop.engine.jobs.importing import DataImported
from diffviews_desktop.engine.jobs.inputs import InputShown
from diffviews_desktop.engine.jobs.mapping import (
    AssessMap,
    FindNeighbors,
    LayersExtracted,
    LinkMaps,
    MapLayer,
    NeighborsFound,
)
from diffviews_desktop.engine.jobs.opening import CheckpointConverted, DataOpened, LoadModel
from diffviews_desktop.engine.jobs.samples import PictureMean, SamplesExported
from diffviews_desktop.state.find import Find
from diffviews_desktop.state.groups import Groups
from diffviews_desktop.state.jobs import RunningJob
from diffviews_desktop.state.opened import Opened
from diffviews_desktop.state.picks import Selection
from diffviews_desktop.state.runs import Grid, Runs
from diffviews_desktop.state.session_file.restoring import runs_on
from diffviews_desktop.state.session_file.restoring_groups import groups_on
from diffviews_desktop.state.state import Offer, State
from diffviews_desktop.text.translation import group_digits, tr, trn
from diffviews_desktop.text.wording import size
from diffviews_desktop.values.assessment import MapAssessment
from diffviews_desktop.values.folders import FolderRef, ModelLoaded
from diffviews_desktop.values.interventions import PICKED
from diffviews_desktop.values.maps import LayerMap, LinkedMap
from diffviews_desktop.values.quantities import COLUMN, ColorBy
from diffviews_desktop.values.samples import LABEL, SampleTable
from diffviews_desktop.values.storage import DiskUse

MOST_JUDGED = 20
"""Masks of which it is remembered how usual they are."""
CONVERTIBLE = tr("This checkpoint can be converted, so that it opens faster and is read only once.")


def take_nothing(context: Context, running: RunningJob, result: object) -> None:
    """Nothing becomes of it."""


# ---- folders and models -------------------------------------------------------------------------


def _take_data(context: Context, running: RunningJob, opened: DataOpened) -> None:
    old = context.state
    if not _is_like(old.opened, opened):
        context.session.forget_steps()
    state = _with_opened(context.state, opened).with_error_over()
    context.update(state.with_notice_about((opened.path, opened.model), opened.problems))
    try:
        if resume(context, running.job):
            context.session.forget_steps()
        elif _is_like(old.opened, opened):
            model_came(context, old)
    finally:  # the folder is open, whatever became of the session
        _go_on_with(context, opened)


def _go_on_with(context: Context, opened: DataOpened) -> None:
    """Load the model of a folder that was opened, and have the map made that is wanted."""
    job = LoadModel(
        job_id=context.worker.next_id(),
        folder=opened.folder,
        model=opened.model,
        parameters=opened.parameters,
        told=opened.told,
    )
    submit(context, job, tr("Loading {model}", model=opened.model))
    want_session_map(context)
    want_map_again(context)


def _is_like(old: Opened, opened: DataOpened) -> bool:
    """Whether it is a different model of the folder that was open: then the user can go back."""
    return old.path == opened.path and old.model != opened.model


def _with_opened(state: State, opened: DataOpened) -> State:
    old, runs = state.opened, state.runs
    same_folder = old.path == opened.path
    same_model = same_folder and old.model == opened.model
    summary = next(model for model in opened.models if model.name == opened.model)
    return replace(
        state,
        opened=Opened(
            folder=opened.folder,
            parameters=opened.parameters,
            told=opened.told,
            path=opened.path,
            is_demo=opened.is_demo,
            models=opened.models,
            problems=opened.problems,
            model=opened.model,
            samples=opened.samples,
            default_layers=opened.default_layers,
            extraction_input=opened.extraction_input,
            layer_map=opened.layer_map,
            rate=old.rate if same_model else None,
            pace=old.pace if same_model else None,
            directions=opened.directions,
            fingerprint=opened.fingerprint,
            read_from=opened.read_from,
        ),
        picks=replace(state.picks, selection=Selection(), placed=(), inputs=()),
        view=replace(
            state.view,
            color_by=_first_colors(state.view.color_by, opened.samples),
            filters=(),
            highlighted_class=None,
            rectangle=None,
            camera=None,
        ),
        groups=groups_on(state.groups, opened.model, opened.samples, opened.fingerprint)
        if same_folder
        else Groups(),
        find=Find(),
        kept=state.kept if same_folder else forget(state.kept),
        runs=replace(
            runs_on(state.runs, opened.model, opened.samples)
            if same_folder
            else Runs(begun=state.runs.begun, comparing=state.runs.comparing),
            settings=runs.settings if same_model else summary.settings,
            interventions=runs.interventions if same_model else (PICKED,),
            set_a=runs.set_a if same_model else (),
            set_b=runs.set_b if same_model else (),
            condition=runs.condition if same_model else None,
        ),
    )


def _first_colors(choice: ColorBy, samples: SampleTable) -> ColorBy:
    """What colours tell of a folder that was opened: where no sample has a class, its label, if
    colours can tell it."""
    label = samples.columns.get(LABEL)
    told = label is not None and not label.unfit and not (samples.class_label >= 0).any()
    return COLUMN + LABEL if choice == "class" and told else choice


def _take_model(context: Context, running: RunningJob, loaded: ModelLoaded) -> None:
    state = context.state
    old = state.opened
    if loaded.model != old.model:
        return
    summary = old.summary()
    settings = state.runs.settings
    if summary is not None and not old.settings_chosen:
        settings = settings.rebase(summary.settings, loaded.settings)
    opened = replace(
        old,
        loaded=loaded,
        cached={(old.parameters, old.told): frozenset(i.name for i in loaded.layers if i.cached)},
        models=tuple(
            replace(model, settings=loaded.settings) if model.name == loaded.model else model
            for model in old.models
        ),
    )
    state = replace(state, opened=opened, runs=replace(state.runs, settings=settings))
    notes = (*loaded.notes, *((CONVERTIBLE,) if loaded.convertible else ()))
    offer: Offer | None = "convert" if loaded.convertible else None
    if old.path is not None:
        state = state.with_notice_about((old.path, loaded.model), notes, offer)
    context.update(state)
    if opened.layer_map is None and not state.jobs.any(MapLayer):
        change_layer(context, opened.default_layers)


def _take_conversion(context: Context, running: RunningJob, result: CheckpointConverted) -> None:
    state = context.state
    loaded = state.opened.loaded
    if loaded is not None and state.opened.model == result.model:
        opened = replace(state.opened, loaded=replace(loaded, convertible=False))
        state = replace(state, opened=opened)
    context.update(
        state.with_notice(tr("Converted: {path} is used from now on.", path=result.path))
    )


def _take_import(context: Context, running: RunningJob, result: DataImported) -> None:
    pictures, samples = (
        trn("{number} picture", "{number} pictures", result.pictures),
        trn("{number} sample", "{number} samples", result.samples),
    )
    text = tr(
        "Imported {pictures} as {samples} of {model} in {path}.",
        pictures=pictures,
        samples=samples,
        model=result.model,
        path=result.path,
    )
    about = result.path, result.model
    context.update(context.state.with_notice_about(about, (text, *result.notes)))
    cause = tr("Opening the data that were imported")
    open_other(context, FolderRef(result.path), result.model, cause)


# ---- maps ---------------------------------------------------------------------------------------


def _take_extraction(context: Context, running: RunningJob, result: LayersExtracted) -> None:
    state = context.state
    if result.model == state.opened.model and result.rate is not None:
        context.update(replace(state, opened=replace(state.opened, rate=result.rate)))
    layers = ", ".join(map(str, result.layer_sets))
    place = tr(" to {parent}", parent=result.files[0].parent) if result.files else ""
    text = tr(
        "Extracted {layers} of {samples}{where}: {megabytes} MB.",
        layers=layers,
        samples=trn("{number} sample", "{number} samples", result.samples),
        where=place,
        megabytes=group_digits(round(result.bytes / 1000000.0)),
    )
    _say_with_notes(context, text, result.notes)


def _take_map(context: Context, running: RunningJob, layer_map: LayerMap) -> None:
    state, job = context.state, running.job
    old = state.opened
    if not isinstance(job, MapLayer) or layer_map.model != old.model or not same_data(job, state):
        return
    opened = replace(
        old,
        parameters=job.spec.parameters,
        told=job.spec.told,
        layer_map=layer_map,
        assessment=None,
        rate=old.rate if layer_map.rate is None else layer_map.rate,
    )
    opened = opened.with_cached(layer_map.layers if len(layer_map.layers) == 1 else ())
    view = replace(state.view, rectangle=None, camera=None)
    new = replace(state, opened=opened, view=view)
    context.update(new.with_notice(layer_map.notes[0]) if layer_map.notes else new)
    share_map(context, job.folder, layer_map)
    same_map = opened.spec == old.spec
    if old.linked is not None and not same_map:  # it lies on the old one
        second, first = old.linked.map, old.layer_map
        differs = first is not None and second.told != first.told
        context.update(replace(context.state, opened=replace(opened, linked=None)))
        if not any(isinstance(r.job, LinkMaps) for r in state.jobs.running):
            link_map(context, second.model, second.layers, second.told if differs else None)
    if not map_came(context):
        map_changed(context, state)
    if same_map and state.picks.selection.anchor is not None:
        suggest_neighbors(context, state.picks.suggest_count)


def _take_assessment(context: Context, running: RunningJob, assessment: MapAssessment) -> None:
    state, job = context.state, running.job
    opened = state.opened
    if not isinstance(job, AssessMap) or (job.folder, job.spec) != (opened.folder, opened.spec):
        return
    context.update(replace(state, opened=replace(opened, assessment=assessment)))
    told = assessment.sentences()
    verdict = told[0] if assessment.stability is None else assessment.stability.verdict
    context.say(verdict, details="\n".join(told))


def _take_neighbors(context: Context, running: RunningJob, result: NeighborsFound) -> None:
    if isinstance(running.job, FindNeighbors):
        take_found(context, running.job, result)


def _take_linked_map(context: Context, running: RunningJob, linked: LinkedMap) -> None:
    state, job = context.state, running.job
    opened = state.opened
    if not isinstance(job, LinkMaps) or running.stage == "cancelling":
        return
    if (job.folder, job.spec) != (opened.folder, opened.spec):
        return
    if len(linked.map.layers) == 1 and linked.map.model == opened.model:
        opened = opened.with_cached(linked.map.layers)
    context.update(replace(state, opened=replace(opened, linked=linked)))
    share_map(context, job.folder, linked.map)


# ---- runs ---------------------------------------------------------------------------------------


def _take_run(context: Context, running: RunningJob, result: RunResult) -> None:
    state = context.state
    run = state.runs.of_job(running.job.job_id)
    if run is not None:
        run = replace(
            run,
            steps=result.steps,
            seed=result.seed,
            condition=result.condition,
            evaluations=result.evaluations,
            done=True,
            record=result.record,
            apart=result.apart,
        )
        evaluations = sum(step.evaluations for step in result.steps)
        state = _with_pace(state, result.job.spec.model, evaluations, result.seconds)
        context.update(replace(state, runs=state.runs.with_run(run)))
    if result.notes:
        context.say(" ".join(result.notes))
    if run is not None and context.state.runs.comparing and context.state.runs.shown == run.id:
        want_baseline(context)


def _with_pace(state: State, model: str, evaluations: float, seconds: float) -> State:
    """With how fast the model on screen draws, where it was never faster."""
    if model != state.opened.model or not evaluations or seconds <= 0:
        return state
    pace = max(evaluations / seconds, state.opened.pace or 0.0)
    return replace(state, opened=replace(state.opened, pace=pace))


def _take_grid(context: Context, running: RunningJob, result: PictureGrid) -> None:
    state, job_id = context.state, running.job.job_id
    grid = state.runs.grid
    if grid is not None and grid.job.job_id == job_id:
        job = replace(result.job, job_id=job_id)
        whole = Grid(job, result.cells, done=True, record=result.record)
        context.update(replace(state, runs=replace(state.runs, grid=whole)))
    if result.notes:
        context.say(" ".join(result.notes))


def _take_experiment(context: Context, running: RunningJob, result: ExperimentResult) -> None:
    state, experiment = context.state, context.state.runs.experiment
    state = _with_pace(state, result.job.experiment.model, result.pace or 0.0, 1.0)
    if experiment is not None and experiment.job.job_id == running.job.job_id:
        experiment = replace(experiment, result=result)
        context.update(replace(state, runs=replace(state.runs, experiment=experiment)))
    if result.notes:
        context.say(result.notes[0])


def _take_landing(context: Context, running: RunningJob, result: PicturePlaced) -> None:
    state, job = context.state, running.job
    assert isinstance(job, PlacePicture)
    runs = state.runs
    for run in runs.all:
        if run.done and run.steps[-1].image is job.image:
            runs = runs.with_run(replace(run, landed=result))
    context.update(replace(state, runs=runs))


def _take_file(context: Context, running: RunningJob, result: FilePlaced) -> None:
    take_placed(context, result)


def _take_verdicts(context: Context, running: RunningJob, result: ExperimentJudged) -> None:
    state = context.state
    context.update(replace(state, runs=replace(state.runs, judged=result)))


def _take_verdict(context: Context, running: RunningJob, result: MaskJudged) -> None:
    state = context.state
    masks = (*state.picks.masks, result)[-MOST_JUDGED:]
    context.update(replace(state, picks=replace(state.picks, masks=masks)))


# ---- samples ------------------------------------------------------------------------------------


def _take_mean(context: Context, running: RunningJob, mean: PictureMean) -> None:
    state = context.state
    context.update(replace(state, picks=replace(state.picks, mean=mean)))
    context.window.show_page("mean")


def _take_export(context: Context, running: RunningJob, result: SamplesExported) -> None:
    context.say(
        tr(
            "Wrote {samples} to {file}",
            samples=trn("{number} sample", "{number} samples", result.samples),
            file=result.file,
        )
    )


def _take_files(context: Context, running: RunningJob, result: ContentWritten) -> None:
    context.say(tr("Wrote {file} ({size})", file=result.files[0], size=size(result.size)))


def _take_preview(context: Context, running: RunningJob, preview: ContentPreview) -> None:
    if running.stage != "cancelling":
        context.window.show_preview(preview)


def _say_with_notes(context: Context, text: str, notes: tuple[str, ...]) -> None:
    """What was done and the first note; all notes can be copied."""
    context.say(" ".join((text, *notes[:1])), details="\n".join(notes))


RESULTS: dict[type, Callable[[Context, RunningJob, Any], None]] = {
    DataOpened: _take_data,
    ModelLoaded: _take_model,
    CheckpointConverted: _take_conversion,
    DataImported: _take_import,
    LayersExtracted: _take_extraction,
    LayerMap: _take_map,
    LinkedMap: _take_linked_map,
    MapAssessment: _take_assessment,
    NeighborsFound: _take_neighbors,
    ClustersFound: take_clusters,
    RunResult: _take_run,
    PictureGrid: _take_grid,
    ExperimentJudged: _take_verdicts,
    ExperimentResult: _take_experiment,
    PicturePlaced: _take_landing,
    FilePlaced: _take_file,
    MaskJudged: _take_verdict,
    PictureMean: _take_mean,
    InputShown: take_input,
    DirectionSaved: take_direction,
    DirectionList: take_nothing,
    SamplesExported: _take_export,
    ContentWritten: _take_files,
    ContentPreview: _take_preview,
    ModelList: take_list,
    Downloaded: take_downloaded,
    DiskUse: take_disk,
}
"""By the type of the result."""
