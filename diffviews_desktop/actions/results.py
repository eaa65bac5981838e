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
from diffviews_desktop.actions.keeping import forgotten
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
from diffviews_desktop.text.translation import grouped, tr, trn
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


def _data_opened(context: Context, running: RunningJob, opened: DataOpened) -> None:
    before = context.state
    if not _is_like(before.opened, opened):
        context.session.forget_steps()
    state = _with_opened(context.state, opened).with_error_over()
    context.update(state.with_notice_about((opened.path, opened.model), opened.problems))
    try:
        if resume(context, running.job):
            context.session.forget_steps()
        elif _is_like(before.opened, opened):
            model_came(context, before)
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


def _is_like(before: Opened, opened: DataOpened) -> bool:
    """Whether it is another model of the folder that was open: then the user can go back."""
    return before.path == opened.path and before.model != opened.model


def _with_opened(state: State, opened: DataOpened) -> State:
    before, runs = state.opened, state.runs
    same_folder = before.path == opened.path
    same_model = same_folder and before.model == opened.model
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
            rate=before.rate if same_model else None,
            pace=before.pace if same_model else None,
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
        kept=state.kept if same_folder else forgotten(state.kept),
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


def _first_colors(asked: ColorBy, samples: SampleTable) -> ColorBy:
    """What colours tell of a folder that was opened: where no sample has a class, its label, if
    colours can tell it."""
    label = samples.columns.get(LABEL)
    told = label is not None and not label.unfit and not (samples.class_label >= 0).any()
    return COLUMN + LABEL if asked == "class" and told else asked


def _model_loaded(context: Context, running: RunningJob, loaded: ModelLoaded) -> None:
    state = context.state
    before = state.opened
    if loaded.model != before.model:
        return
    summary = before.summary()
    settings = state.runs.settings
    if summary is not None and not before.settings_chosen:
        settings = settings.rebased(summary.settings, loaded.settings)
    opened = replace(
        before,
        loaded=loaded,
        cached={
            (before.parameters, before.told): frozenset(i.name for i in loaded.layers if i.cached)
        },
        models=tuple(
            replace(model, settings=loaded.settings) if model.name == loaded.model else model
            for model in before.models
        ),
    )
    state = replace(state, opened=opened, runs=replace(state.runs, settings=settings))
    notes = (*loaded.notes, *((CONVERTIBLE,) if loaded.convertible else ()))
    offer: Offer | None = "convert" if loaded.convertible else None
    if before.path is not None:
        state = state.with_notice_about((before.path, loaded.model), notes, offer)
    context.update(state)
    if opened.layer_map is None and not state.jobs.any(MapLayer):
        change_layer(context, opened.default_layers)


def _converted(context: Context, running: RunningJob, converted: CheckpointConverted) -> None:
    state = context.state
    loaded = state.opened.loaded
    if loaded is not None and state.opened.model == converted.model:
        opened = replace(state.opened, loaded=replace(loaded, convertible=False))
        state = replace(state, opened=opened)
    context.update(
        state.with_notice(tr("Converted: {path} is used from now on.", path=converted.path))
    )


def _imported(context: Context, running: RunningJob, imported: DataImported) -> None:
    pictures, samples = (
        trn("{number} picture", "{number} pictures", imported.pictures),
        trn("{number} sample", "{number} samples", imported.samples),
    )
    text = tr(
        "Imported {pictures} as {samples} of {model} in {path}.",
        pictures=pictures,
        samples=samples,
        model=imported.model,
        path=imported.path,
    )
    about = imported.path, imported.model
    context.update(context.state.with_notice_about(about, (text, *imported.notes)))
    what = tr("Opening the data that were imported")
    open_other(context, FolderRef(imported.path), imported.model, what)


# ---- maps ---------------------------------------------------------------------------------------


def _extracted(context: Context, running: RunningJob, extracted: LayersExtracted) -> None:
    state = context.state
    if extracted.model == state.opened.model and extracted.rate is not None:
        context.update(replace(state, opened=replace(state.opened, rate=extracted.rate)))
    layers = ", ".join(map(str, extracted.layer_sets))
    where = tr(" to {parent}", parent=extracted.files[0].parent) if extracted.files else ""
    text = tr(
        "Extracted {layers} of {samples}{where}: {megabytes} MB.",
        layers=layers,
        samples=trn("{number} sample", "{number} samples", extracted.samples),
        where=where,
        megabytes=grouped(round(extracted.bytes / 1000000.0)),
    )
    _say_with_notes(context, text, extracted.notes)


def _layer_mapped(context: Context, running: RunningJob, mapped: LayerMap) -> None:
    state, job = context.state, running.job
    before = state.opened
    if not isinstance(job, MapLayer) or mapped.model != before.model or not same_data(job, state):
        return
    opened = replace(
        before,
        parameters=job.spec.parameters,
        told=job.spec.told,
        layer_map=mapped,
        assessment=None,
        rate=before.rate if mapped.rate is None else mapped.rate,
    )
    opened = opened.with_cached(mapped.layers if len(mapped.layers) == 1 else ())
    view = replace(state.view, rectangle=None, camera=None)
    new = replace(state, opened=opened, view=view)
    context.update(new.with_notice(mapped.notes[0]) if mapped.notes else new)
    share_map(context, job.folder, mapped)
    same_map = opened.spec == before.spec
    if before.linked is not None and not same_map:  # it lies on the old one
        second, first = before.linked.map, before.layer_map
        apart = first is not None and second.told != first.told
        context.update(replace(context.state, opened=replace(opened, linked=None)))
        if not any(isinstance(r.job, LinkMaps) for r in state.jobs.running):
            link_map(context, second.model, second.layers, second.told if apart else None)
    if not map_came(context):
        map_changed(context, state)
    if same_map and state.picks.selection.anchor is not None:
        suggest_neighbors(context, state.picks.suggest_count)


def _assessed(context: Context, running: RunningJob, found: MapAssessment) -> None:
    state, job = context.state, running.job
    opened = state.opened
    if not isinstance(job, AssessMap) or (job.folder, job.spec) != (opened.folder, opened.spec):
        return
    context.update(replace(state, opened=replace(opened, assessment=found)))
    told = found.sentences()
    verdict = told[0] if found.stability is None else found.stability.verdict
    context.say(verdict, details="\n".join(told))


def _neighbors_found(context: Context, running: RunningJob, found: NeighborsFound) -> None:
    if isinstance(running.job, FindNeighbors):
        take_found(context, running.job, found)


def _linked(context: Context, running: RunningJob, linked: LinkedMap) -> None:
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


def _run_done(context: Context, running: RunningJob, result: RunResult) -> None:
    state = context.state
    run = state.runs.of_job(running.job.job_id)
    if run is not None:
        done = replace(
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
        context.update(replace(state, runs=state.runs.with_run(done)))
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


def _grid_done(context: Context, running: RunningJob, result: PictureGrid) -> None:
    state, job_id = context.state, running.job.job_id
    grid = state.runs.grid
    if grid is not None and grid.job.job_id == job_id:
        job = replace(result.job, job_id=job_id)
        whole = Grid(job, result.cells, done=True, record=result.record)
        context.update(replace(state, runs=replace(state.runs, grid=whole)))
    if result.notes:
        context.say(" ".join(result.notes))


def _experiment_done(context: Context, running: RunningJob, result: ExperimentResult) -> None:
    state, asked = context.state, context.state.runs.experiment
    state = _with_pace(state, result.job.experiment.model, result.pace or 0.0, 1.0)
    if asked is not None and asked.job.job_id == running.job.job_id:
        compared = replace(asked, result=result)
        context.update(replace(state, runs=replace(state.runs, experiment=compared)))
    if result.notes:
        context.say(result.notes[0])


def _landed(context: Context, running: RunningJob, placed: PicturePlaced) -> None:
    state, asked = context.state, running.job
    assert isinstance(asked, PlacePicture)
    runs = state.runs
    for run in runs.all:
        if run.done and run.steps[-1].image is asked.image:
            runs = runs.with_run(replace(run, landed=placed))
    context.update(replace(state, runs=runs))


def _file_placed(context: Context, running: RunningJob, found: FilePlaced) -> None:
    take_placed(context, found)


def _experiment_judged(context: Context, running: RunningJob, judged: ExperimentJudged) -> None:
    state = context.state
    context.update(replace(state, runs=replace(state.runs, judged=judged)))


def _mask_judged(context: Context, running: RunningJob, judged: MaskJudged) -> None:
    state = context.state
    masks = (*state.picks.masks, judged)[-MOST_JUDGED:]
    context.update(replace(state, picks=replace(state.picks, masks=masks)))


# ---- samples ------------------------------------------------------------------------------------


def _averaged(context: Context, running: RunningJob, mean: PictureMean) -> None:
    state = context.state
    context.update(replace(state, picks=replace(state.picks, mean=mean)))
    context.window.show_page("mean")


def _exported(context: Context, running: RunningJob, exported: SamplesExported) -> None:
    context.say(
        tr(
            "Wrote {samples} to {file}",
            samples=trn("{number} sample", "{number} samples", exported.samples),
            file=exported.file,
        )
    )


def _written(context: Context, running: RunningJob, written: ContentWritten) -> None:
    context.say(tr("Wrote {file} ({size})", file=written.files[0], size=size(written.size)))


def _previewed(context: Context, running: RunningJob, preview: ContentPreview) -> None:
    if running.stage != "cancelling":
        context.window.show_preview(preview)


def _say_with_notes(context: Context, text: str, notes: tuple[str, ...]) -> None:
    """What was done and the first note; all notes can be copied."""
    context.say(" ".join((text, *notes[:1])), details="\n".join(notes))


RESULTS: dict[type, Callable[[Context, RunningJob, Any], None]] = {
    DataOpened: _data_opened,
    ModelLoaded: _model_loaded,
    CheckpointConverted: _converted,
    DataImported: _imported,
    LayersExtracted: _extracted,
    LayerMap: _layer_mapped,
    LinkedMap: _linked,
    MapAssessment: _assessed,
    NeighborsFound: _neighbors_found,
    ClustersFound: take_clusters,
    RunResult: _run_done,
    PictureGrid: _grid_done,
    ExperimentJudged: _experiment_judged,
    ExperimentResult: _experiment_done,
    PicturePlaced: _landed,
    FilePlaced: _file_placed,
    MaskJudged: _mask_judged,
    PictureMean: _averaged,
    InputShown: take_input,
    DirectionSaved: take_direction,
    DirectionList: take_nothing,
    SamplesExported: _exported,
    ContentWritten: _written,
    ContentPreview: _previewed,
    ModelList: take_list,
    Downloaded: take_downloaded,
    DiskUse: take_disk,
}
"""By the type of the result."""
