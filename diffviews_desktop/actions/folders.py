"""Opening data folders and models, importing, converting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from diffviews_desktop.actions.action import Action, Choice, Option
from diffviews_desktop.actions.asking import submit
from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.keeping import leave_for
from diffviews_desktop.actions.verbs import verb
from diffviews_desktop.engine.jobs.importing import ImportData
from diffviews_desktop.engine.jobs.opening import ConvertCheckpoint, LoadModel, OpenData
from diffviews_desktop.pictures.labels.class_map import ClassPairs
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.layers import NO_LAYERS, LayerSet
from diffviews_desktop.values.maps import MapParameters
from diffviews_desktop.values.told import Told


@verb
def open_data(
    context: Context,
    folder: FolderRef,
    model: str | None = None,
    parameters: MapParameters | None = None,
    told: Told | None = None,
) -> None:
    """Open a data folder (None: the demo); what is open stays until it is there."""
    job = OpenData(
        job_id=context.worker.next_id(),
        folder=folder,
        model=model,
        parameters=parameters,
        told=told,
    )
    submit(context, job, tr("Opening the demo") if folder.path is None else tr("Opening data"))


def choose_folder(context: Context) -> None:
    """Ask for a data folder and open it."""
    folder = context.window.ask_folder(tr("Open data folder"))
    if folder is not None:
        open_other(context, FolderRef(folder))


def open_other(
    context: Context,
    folder: FolderRef,
    model: str | None = None,
    cause: str = tr("Opening another data folder"),
) -> None:
    """Open a data folder (None: the demo); before runs are dropped, the user is asked."""
    leave_for(context, folder, cause, lambda: open_data(context, folder, model))


@verb
def switch_model(context: Context, model: str) -> None:
    """Open another model of the same data folder, or load the same one where it is not loaded."""
    opened = context.state.opened
    if model != opened.model:
        open_data(context, opened.folder, model, opened.parameters, opened.told)
    else:
        load_model(context)


@verb
def load_model(context: Context) -> None:
    """Load the open model where it is not loaded, nor about to be."""
    state = context.state
    opened = state.opened
    if opened.model is None or opened.loaded is not None or is_loading(state):
        return
    context.update(replace(state, opened=replace(opened, model_problem=None)))
    job = LoadModel(
        job_id=context.worker.next_id(),
        folder=opened.folder,
        model=opened.model,
        parameters=opened.parameters,
        told=opened.told,
    )
    submit(context, job, tr("Loading {model}", model=opened.model))


def is_loading(state: State) -> bool:
    """Whether the open model is being loaded, or will be."""
    jobs = (running.job for running in state.jobs.running if running.stage != "cancelling")
    return any(isinstance(job, LoadModel) and job.model == state.opened.model for job in jobs)


@verb
def convert_checkpoint(context: Context) -> None:
    """Write the model's checkpoint as ``.safetensors`` beside it, to be used from then on."""
    opened = context.state.opened
    reason = _not_convertible(context.state)
    if reason or opened.model is None:
        context.say(reason)
        return
    job = ConvertCheckpoint(
        job_id=context.worker.next_id(), folder=opened.folder, model=opened.model
    )
    submit(context, job, tr("Converting the checkpoint"))


@dataclass(frozen=True, kw_only=True)
class ImportWanted:
    """What a data folder is made of, as `import_data` takes it."""

    checkpoint: Path
    out: Path
    name: str
    sigmas: tuple[float, ...]
    adapter: str | None = None
    images: Path | None = None
    labels: Path | None = None
    class_map: ClassPairs | Path = ()
    generate: int = 0
    layers: LayerSet = NO_LAYERS
    seed: int = ImportData.seed
    brightness: tuple[float, float] | None = None
    told: Told | None = None


@verb
def import_data(
    context: Context,
    *,
    checkpoint: Path,
    out: Path,
    name: str,
    sigmas: tuple[float, ...],
    adapter: str | None = None,
    images: Path | None = None,
    labels: Path | None = None,
    class_map: ClassPairs | Path = (),
    generate: int = 0,
    layers: LayerSet = NO_LAYERS,
    seed: int = ImportData.seed,
    brightness: tuple[float, float] | None = None,
    told: Told | None = None,
) -> None:
    """Make a data folder from pictures, or from what the model draws, and open it when it is there.

    The arguments are those of `ImportData`.
    """
    job = ImportData(
        job_id=context.worker.next_id(),
        folder=context.state.opened.folder,
        checkpoint=checkpoint,
        out=out,
        name=name,
        adapter=adapter,
        images=images,
        labels=labels,
        class_map=class_map,
        generate=generate,
        sigmas=sigmas,
        layers=layers,
        seed=seed,
        parameters=context.state.opened.parameters,
        brightness=brightness,
        told=told,
    )
    submit(context, job, tr("Importing {name}", name=name))


def _not_convertible(state: State) -> str:
    loaded = state.opened.loaded
    if loaded is None or not loaded.convertible:
        return tr("This model's checkpoint needs no conversion.")
    return ""


def _not_loadable(state: State) -> str:
    if state.opened.model is None:
        return tr("No model is open.")
    if state.opened.loaded is not None:
        return tr("The model is loaded.")
    return tr("The model is being loaded.") if is_loading(state) else ""


def _recent(context: Context) -> Sequence[Option]:
    return [Option(path, str(path), is_text=True) for path in context.window.recent_folders()]


def _open_recent(context: Context, path: object) -> None:
    assert isinstance(path, Path)
    open_other(context, FolderRef(path))


ACTIONS = (
    Action("folders.open", tr("&Open data folder…"), choose_folder, keys=("Ctrl+O",), menu="file"),
    Action(
        "folders.demo",
        tr("Open the &demo"),
        lambda context: open_other(context, FolderRef()),
        menu="file",
    ),
    Action(
        "folders.import",
        tr("&Import pictures…"),
        lambda context: context.window.show_page("import"),
        keys=("Ctrl+I",),
        menu="file",
    ),
    Action(
        "models.load",
        tr("&Load the model"),
        load_model,
        keys=("Ctrl+L",),
        menu="file",
        group=2,
        meaning=tr("Load the model after loading was cancelled or failed"),
        why_not=_not_loadable,
    ),
    Action(
        "folders.convert",
        tr("Convert &checkpoint to .safetensors"),
        convert_checkpoint,
        menu="file",
        group=2,
        why_not=_not_convertible,
    ),
)
CHOICES = (Choice("folders.recent", tr("Open &recent"), _recent, _open_recent, menu="file"),)
