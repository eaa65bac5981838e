"""Opens data folders, loads models, converts checkpoints."""

from __future__ import annotations

import os

from diffviews_desktop.data.checkpoints.files import converted_name
from diffviews_desktop.data.folder.dataset import DataFolder, ModelFolder
from diffviews_desktop.engine.directions import known_directions
from diffviews_desktop.engine.handlers.registry import handles
from diffviews_desktop.engine.jobs.opening import (
    CheckpointConverted,
    ConvertCheckpoint,
    DataOpened,
    LoadModel,
    OpenData,
)
from diffviews_desktop.engine.model_settings import (
    class_names_of,
    presets_of,
    published_guidance,
    settings_of,
)
from diffviews_desktop.engine.open_folders import overridden
from diffviews_desktop.engine.opened_model import OpenedModel, cache_notes
from diffviews_desktop.engine.told import default_told, told_note
from diffviews_desktop.engine.workspace import Workspace
from diffviews_desktop.errors import Cancelled, DataError
from diffviews_desktop.values.folders import (
    AdapterList,
    LayerInfo,
    ModelLoaded,
    ModelSummary,
    Overrides,
)
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.maps import MapSpec
from diffviews_desktop.values.told import NOTHING, OWN_CONDITION


@handles(OpenData)
def open_data(job: OpenData, workspace: Workspace) -> DataOpened:
    """Look at the disk again, and read the samples of one model."""
    is_demo = job.folder.path is None
    if is_demo:
        workspace.progress("unpacking the demo")
    folder = workspace.folders.reopen(job.folder)
    workspace.progress("reading samples")
    opened, unusable = _open_first(job, folder, workspace)
    if job.known not in ("", opened.samples.fingerprint):
        opened.samples.table.index_ids()  # here, as the window would stand still for it
    return DataOpened(
        folder=job.folder,
        path=folder.path,
        is_demo=is_demo,
        models=tuple(_summary(model, job.folder.overrides) for model in folder.models.values()),
        problems=(
            *folder.problems,
            *unusable,
            *opened.samples.notes,
            *cache_notes(opened.folder),
        ),
        model=opened.folder.name,
        samples=opened.samples.table,
        layer_map=workspace.maps.own_map(opened, job.parameters, job.told),
        default_layers=opened.samples.layers,
        parameters=job.parameters,
        told=job.told,
        extraction_input=opened.folder.config.extraction_input,
        directions=known_directions(opened, workspace.check),
        fingerprint=opened.samples.fingerprint,
        read_from=(opened.folder.path / "config.json", opened.samples.source),
    )


def _open_first(
    job: OpenData, folder: DataFolder, workspace: Workspace
) -> tuple[OpenedModel, list[str]]:
    """The model asked for, else the first that can be opened and why those before cannot."""
    first = folder.model(job.model).name
    others = [] if job.model is not None else sorted(folder.models.keys() - {first})
    problems: list[str] = []
    for name in (first, *others):
        try:
            return workspace.open(job.folder, name), problems
        except DataError as error:
            problems.append(f"{name} cannot be opened: {error}")
    raise DataError(problems[0])


def _summary(model: ModelFolder, overrides: Overrides) -> ModelSummary:
    try:
        config = overridden(model, overrides).config
    except DataError:  # said when this model is opened
        config = model.config
    return ModelSummary(
        name=model.name,
        adapter=config.adapter,
        description=config.description,
        settings=settings_of(config, {}),
    )


@handles(LoadModel)
def load_model(job: LoadModel, workspace: Workspace) -> ModelLoaded:
    """Load the adapter, and tell what can be asked of the model."""
    opened = workspace.open(job.folder, job.model)
    facts = workspace.model_of(opened).facts
    from diffviews_desktop.adapters.device import get_device_info
    from diffviews_desktop.adapters.registry import list_adapters, unusable_adapters

    def is_cached(layers: LayerSet) -> bool:
        spec = MapSpec(job.model, layers, job.parameters, job.told)
        return workspace.maps.is_cached(opened, spec)

    layers = tuple(
        LayerInfo(name, shape, is_cached(LayerSet([name]))) for name, shape in facts.layers.items()
    )
    config = opened.folder.config
    defaults = {**facts.defaults, **published_guidance(opened)}
    settings = settings_of(config, defaults, facts.sigma_min, facts.sigma_max)
    return ModelLoaded(
        model=job.model,
        device=facts.device,
        num_classes=facts.num_classes,
        resolution=facts.resolution,
        layers=layers,
        settings=settings,
        presets=presets_of(facts, settings),
        guidance_note=facts.guidance_note,
        prompts=facts.prompts,
        told=default_told(opened, facts) if facts.is_conditional else None,
        told_notes={told: told_note(told, facts) for told in (OWN_CONDITION, NOTHING)},
        class_names=class_names_of(opened, facts),
        notes=facts.notes,
        convertible=_is_convertible(opened, workspace),
        device_facts=get_device_info(facts.device),
        adapters=AdapterList(tuple(list_adapters()), tuple(unusable_adapters().items())),
    )


def _is_convertible(opened: OpenedModel, workspace: Workspace) -> bool:
    from diffviews_desktop.adapters.edm import EDMAdapter

    file, loaded_model = opened.folder.checkpoint(), workspace.model.held
    if (
        loaded_model is None
        or not isinstance(loaded_model.adapter, EDMAdapter)
        or file.suffix == ".safetensors"
    ):
        return False
    stands_for_it = not opened.folder.config.weights
    return stands_for_it and file.is_file() and not os.path.lexists(converted_name(file))


@handles(ConvertCheckpoint)
def convert(job: ConvertCheckpoint, workspace: Workspace) -> CheckpointConverted:
    """Write the checkpoint as ``.safetensors`` beside it; the loaded model stays loaded."""
    opened = workspace.open(job.folder, job.model)
    checkpoint = opened.folder.checkpoint()
    workspace.progress("converting the checkpoint", 0.0)
    from diffviews_desktop.adapters.checkpoint import convert_checkpoint

    loaded = workspace.model.has_loaded(checkpoint)
    out = converted_name(checkpoint)
    is_present = os.path.lexists(out)
    try:
        convert_checkpoint(
            checkpoint,
            out,
            progress=lambda fraction: workspace.progress("converting the checkpoint", fraction),
        )
    except Cancelled:
        if not is_present:  # it may have been heard only after the last value was written
            out.unlink(missing_ok=True)
        raise
    if loaded and opened.folder.checkpoint() == out:
        workspace.model.keep_for(opened)
    return CheckpointConverted(job.model, out)
