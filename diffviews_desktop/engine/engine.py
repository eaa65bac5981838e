"""The engine: does one job at a time and holds one adapter. Knows no process and no window.

It runs inline (tests, the headless verbs) and in the process that the window owns, behind the same
two lines: ``engine = Engine(emit=…)`` and ``result = engine.run(job)``. While a job runs it calls
``emit`` with events and asks ``cancelled`` between steps, batches and epochs, and inside long
forward passes.
"""

from __future__ import annotations

import inspect
import json
import logging
import math
import os
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diffviews_desktop.data.checkpoints.files import converted_name, identity
from diffviews_desktop.data.folder.dataset import (
    DataFolder,
    ModelConfig,
    ModelFolder,
    open_data_folder,
    read_samples,
)
from diffviews_desktop.data.folder.demo import ready_demo
from diffviews_desktop.engine.activations import device_kind, numerics_of
from diffviews_desktop.engine.generation import Generation
from diffviews_desktop.engine.imports.importing import import_data
from diffviews_desktop.engine.jobs.drawing import Generate, GenerateGrid, PlacePicture
from diffviews_desktop.engine.jobs.importing import ImportData
from diffviews_desktop.engine.jobs.mapping import Extract, LinkMaps, MapLayer
from diffviews_desktop.engine.jobs.opening import (
    CheckpointConverted,
    ConvertCheckpoint,
    DataOpened,
    LoadModel,
    OpenData,
)
from diffviews_desktop.engine.jobs.samples import AveragePictures, ExportSamples
from diffviews_desktop.engine.linking import link_maps
from diffviews_desktop.engine.maps import MapMaker
from diffviews_desktop.engine.opened_model import OpenedModel, cache_notes, cache_of
from diffviews_desktop.engine.protocol import Event, Job, Progress
from diffviews_desktop.engine.results import Result
from diffviews_desktop.engine.sample_sets import average_pictures, export_samples
from diffviews_desktop.errors import (
    AdapterError,
    Cancelled,
    DataError,
    DiffViewsError,
    OutOfMemoryError,
    UsageError,
    brief,
)
from diffviews_desktop.values.folders import (
    AdapterList,
    LayerInfo,
    ModelLoaded,
    ModelSummary,
    Source,
)
from diffviews_desktop.values.maps import LinkedMap, MapParameters
from diffviews_desktop.values.models import ModelFacts, Numerics
from diffviews_desktop.values.sampling import GenerateSettings, Preset

if TYPE_CHECKING:  # torch is imported when a model is first loaded
    from diffviews_desktop.adapters.model import Model

log = logging.getLogger(__name__)


class Engine:
    """Does jobs.

    Args:
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        threads: torch threads on the CPU; None leaves torch's own choice.
        emit: receives events while a job runs.
        cancelled: asked often; True ends the job with `Cancelled`.
        parameters: of maps where nobody chose any.
    """

    def __init__(
        self,
        device: str = "auto",
        *,
        threads: int | None = None,
        emit: Callable[[Event], None] = lambda event: None,
        cancelled: Callable[[int], bool] = lambda job_id: False,
        parameters: MapParameters | None = None,
    ) -> None:
        self._device = device
        self._threads = threads
        self._emit = emit
        self._cancelled = cancelled
        self._maps = MapMaker(self, parameters)
        self._job_id = 0
        self._folders: dict[Path | None, DataFolder] = {}
        self._opened: dict[tuple[Source, str], OpenedModel] = {}
        self._model: Model | None = None
        self._adapter_key: tuple[str, str, str] | None = None

    def run(self, job: Job) -> Result:
        """Do a job to its end.

        Raises:
            DiffViewsError: it cannot be done; the text says what to do.
            Cancelled: ``cancelled`` said so.
        """
        self._job_id = job.job_id
        self.check()
        try:
            return self._do(job)
        except (DiffViewsError, OSError, MemoryError):
            raise
        except Exception as error:
            if self._adapter is None or not _raised_in(type(self._adapter).__module__, error):
                raise
            assert self._adapter_key is not None
            raise AdapterError(
                f"The adapter {self._adapter_key[0]} failed ({brief(error)}). Ask its author, or "
                "choose another model."
            ) from error

    def _do(self, job: Job) -> Result:
        match job:
            case OpenData():
                return self._open_data(job)
            case LoadModel():
                return self._load_model(job)
            case MapLayer():
                opened = self._open(job.source, job.model)
                return self._maps.map_layer(opened, tuple(sorted(set(job.layers))))
            case Extract():
                opened = self._open(job.source, job.model)
                return self._maps.activations.extract(opened, job.layer_sets, job.out)
            case ImportData():
                return import_data(job, self, self._maps)
            case ConvertCheckpoint():
                return self._convert(job)
            case Generate():
                return self._generation(job).trajectory(job)
            case GenerateGrid():
                return self._generation(job).grid(job)
            case PlacePicture():
                return self._generation(job).place(job)
            case LinkMaps():
                return self._link_maps(job)
            case AveragePictures():
                return average_pictures(job, self, self._open(job.source, job.model))
            case ExportSamples():
                return export_samples(job, self, self._open(job.source, job.model))
        raise UsageError(f"The engine does not know the job {type(job).__name__}.")

    def _generation(self, job: Generate | GenerateGrid | PlacePicture) -> Generation:
        return Generation(self, self._maps, self._open(job.source, job.model))

    def _link_maps(self, job: LinkMaps) -> LinkedMap:
        first = self._open(job.source, job.model)
        second = first
        if job.other_model != job.model:
            second = self._open(job.source, job.other_model)
        return link_maps(job, self._maps, first, second)

    @property
    def _adapter(self) -> Any:
        return None if self._model is None else self._model.adapter

    def close(self) -> None:
        """Release the model."""
        self._release()

    # ---- folders --------------------------------------------------------------------------------

    def _open_data(self, job: OpenData) -> DataOpened:
        is_demo = job.source.path is None
        if is_demo:
            self.progress("unpacking the demo")
        self._folders.pop(job.source.path, None)  # asked to open: look at the disk again
        self._opened.clear()
        folder = self._folder(job.source)
        self.progress("reading samples")
        opened, unusable = self._open_first(job, folder)
        return DataOpened(
            source=job.source,
            path=folder.path,
            is_demo=is_demo,
            models=tuple(_summary(model, job.source) for model in folder.models.values()),
            problems=(
                *folder.problems,
                *unusable,
                *opened.samples.notes,
                *cache_notes(opened.folder),
            ),
            model=opened.folder.name,
            samples=opened.samples.table,
            layer_map=self._maps.own_map(opened),
            default_layers=opened.samples.layers,
        )

    def _open_first(self, job: OpenData, folder: DataFolder) -> tuple[OpenedModel, list[str]]:
        """The model asked for, else the first that can be opened and why those before cannot."""
        first = folder.model(job.model).name
        others = [] if job.model is not None else sorted(folder.models.keys() - {first})
        problems: list[str] = []
        for name in (first, *others):
            try:
                return self._open(job.source, name), problems
            except DataError as error:
                problems.append(f"{name} cannot be opened: {error}")
        raise DataError(problems[0])

    def _folder(self, source: Source) -> DataFolder:
        if source.path not in self._folders:
            self._folders[source.path] = (
                _open_demo(self.check)
                if source.path is None
                else open_data_folder(source.path, self.check)
            )
        return self._folders[source.path]

    def _open(self, source: Source, name: str) -> OpenedModel:
        parameters, source = source.parameters, replace(source, parameters=None)
        key = (source, name)
        if key not in self._opened:
            folder = _overridden(self._folder(source).model(name), source)
            samples = read_samples(folder, source.max_classes, self.check)
            self._opened = {
                key: OpenedModel(
                    folder, samples, cache_of(folder), source.label_dropout, source.precision
                )
            }
        return replace(self._opened[key], parameters=parameters)

    # ---- the adapter ----------------------------------------------------------------------------

    def numerics(self, opened: OpenedModel) -> Numerics:
        """How the network of a model computes here; it need not be loaded."""
        return numerics_of(self._device_kind, opened.precision, opened.folder.config.adapter)

    @cached_property
    def _device_kind(self) -> str:
        return device_kind(self._device)

    def _load_model(self, job: LoadModel) -> ModelLoaded:
        opened = self._open(job.source, job.model)
        facts = self.model_of(opened).facts
        from diffviews_desktop.adapters.device import get_device_info
        from diffviews_desktop.adapters.registry import list_adapters, unusable_adapters

        layers = tuple(
            LayerInfo(name, shape, self._maps.is_cached(opened, (name,)))
            for name, shape in facts.layers.items()
        )
        settings = _settings(opened.folder.config, facts.defaults, facts.sigma_min, facts.sigma_max)
        return ModelLoaded(
            model=job.model,
            device=facts.device,
            num_classes=facts.num_classes,
            resolution=facts.resolution,
            layers=layers,
            settings=settings,
            presets=_presets(facts, settings),
            guidance_note=facts.guidance_note,
            class_names=_class_names(opened, facts),
            notes=facts.notes,
            convertible=self._is_convertible(opened),
            device_facts=get_device_info(facts.device),
            adapters=AdapterList(tuple(list_adapters()), tuple(unusable_adapters().items())),
        )

    def model_of(self, opened: OpenedModel) -> Model:
        """A model, loaded; another one is released first."""
        checkpoint = opened.folder.checkpoint()
        # a file that was replaced is loaded again
        options = {"label_dropout": opened.label_dropout, "precision": opened.precision}
        name = opened.folder.config.adapter
        key = _adapter_key(name, checkpoint, options)
        if self._model is not None and self._adapter_key == key:
            return self._model
        self.progress("loading the model")
        self._release()
        self._model = self._load(name, checkpoint, options)
        self._adapter_key = key
        return self._model

    def _load(self, name: str, checkpoint: Path, options: Mapping[str, Any]) -> Model:
        from diffviews_desktop.adapters.device import get_device, is_out_of_memory
        from diffviews_desktop.adapters.model import as_model
        from diffviews_desktop.adapters.registry import get_adapter

        self.check()
        adapter_class = get_adapter(name)
        given: dict[str, Any] = {key: value for key, value in options.items() if value is not None}
        if "progress" in inspect.signature(adapter_class.from_checkpoint).parameters:
            given["progress"] = lambda fraction: self.progress("loading the model", fraction)
        device = get_device(self._device)
        try:
            adapter = adapter_class.from_checkpoint(str(checkpoint), device=device, **given)
            adapter.eval()
            model = as_model(adapter)
            _ = model.facts  # now, so that they are checked
            return model
        except DiffViewsError:
            raise
        except Exception as error:  # another package's code: anything can happen in it
            log.info("the adapter failed", exc_info=True)
            if is_out_of_memory(error):
                raise OutOfMemoryError(
                    f"{checkpoint.name} does not fit in the memory of {device}. Close other "
                    "programs that use it, or choose --device cpu."
                ) from error
            raise AdapterError(
                f"The adapter {name} could not load {checkpoint.name} ({brief(error)}). Check the "
                "file, or ask the author of the adapter."
            ) from error

    def prepare(self, model: Model) -> None:
        """Before a longer run: some adapters measure what is fastest for them."""
        from diffviews_desktop.adapters.device import is_out_of_memory, release_memory

        try:
            with self.interruptible(model):
                model.prepare()
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            log.info("no memory to measure in: %s", brief(error))
            release_memory()

    def _is_convertible(self, opened: OpenedModel) -> bool:
        from diffviews_desktop.adapters.edm import EDMAdapter

        file = opened.folder.checkpoint()
        if not isinstance(self._adapter, EDMAdapter) or file.suffix == ".safetensors":
            return False
        return file.is_file() and not os.path.lexists(converted_name(file))

    def _convert(self, job: ConvertCheckpoint) -> CheckpointConverted:
        """Write the checkpoint as ``.safetensors`` beside it; the loaded model stays loaded."""
        opened = self._open(job.source, job.model)
        checkpoint = opened.folder.checkpoint()
        self.progress("converting the checkpoint", 0.0)
        from diffviews_desktop.adapters.checkpoint import convert_checkpoint

        loaded = self._adapter_key is not None and self._adapter_key[1] == str(checkpoint)
        out = converted_name(checkpoint)
        there = os.path.lexists(out)
        try:
            convert_checkpoint(
                checkpoint,
                out,
                progress=lambda fraction: self.progress("converting the checkpoint", fraction),
            )
        except Cancelled:
            if not there:  # it may have been heard only after the last value was written
                out.unlink(missing_ok=True)
            raise
        if loaded and opened.folder.checkpoint() == out:
            options = {"label_dropout": opened.label_dropout, "precision": opened.precision}
            self._adapter_key = _adapter_key(opened.folder.config.adapter, out, options)
        return CheckpointConverted(job.model, out)

    def _release(self) -> None:
        if self._model is None:
            return
        self._model = self._adapter_key = None
        self._maps.forget()
        import gc

        from diffviews_desktop.adapters.device import release_memory

        gc.collect()
        release_memory()

    # ---- progress and cancel --------------------------------------------------------------------

    def emit(self, event: Event) -> None:
        """Tell something of the running job."""
        self._emit(event)

    def check(self) -> None:
        """Raise `Cancelled` where the job is to end."""
        if self._cancelled(self._job_id):
            raise Cancelled("Cancelled.")

    def progress(self, stage: str, fraction: float | None = None, detail: str = "") -> None:
        """Tell how far the job is; raises `Cancelled` where it is to end."""
        self.check()
        self._emit(Progress(self._job_id, stage, fraction, detail))

    @contextmanager
    def interruptible(self, model: Model) -> Iterator[None]:
        """Look at the cancel flag after every layer: one forward of a large model takes long."""

        def hook(module: Any, inputs: Any, output: Any) -> None:
            self.check()

        import torch

        if self._threads is not None:  # each time: making a map sets it back
            torch.set_num_threads(self._threads)
        handles = model.register_activation_hooks(model.hookable_layers, hook)
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


def _open_demo(check: Callable[[], None]) -> DataFolder:
    """The demo, with what it lacks among its problems."""
    demo = ready_demo()
    folder = open_data_folder(demo.path, check)
    said = () if demo.problem is None else (demo.problem,)
    return replace(folder, problems=(*said, *folder.problems))


def _raised_in(module: str, error: BaseException) -> bool:
    """Whether an error came through another package's code: that of a module."""
    package = module.partition(".")[0]
    if package == __name__.partition(".")[0]:
        return False
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    return any(str(f.f_globals.get("__name__")).partition(".")[0] == package for f in frames)


def _overridden(folder: ModelFolder, source: Source) -> ModelFolder:
    """A model's folder with the settings that the source replaces."""
    return folder.with_overrides(
        adapter=source.adapter,
        checkpoint=source.checkpoint,
        sigma_max=source.sigma_max,
        sigma_min=source.sigma_min,
        default_steps=source.num_steps,
        guidance_scale=source.guidance_scale,
        extraction_input=source.extraction_input,
        activation_dtype=source.activation_dtype,
    )


def _class_names(opened: OpenedModel, facts: ModelFacts) -> tuple[tuple[int, str], ...]:
    """The folder's own names, else those among its samples, else the adapter's."""
    names = dict(facts.class_names)
    for number, name, _ in opened.samples.table.classes():
        if name != str(number):
            names[number] = name
        else:
            names.setdefault(number, name)
    names |= opened.folder.class_names or {}
    return tuple(sorted((n, name) for n, name in names.items() if 0 <= n < facts.num_classes))


def _adapter_key(name: str, checkpoint: Path, options: Mapping[str, Any]) -> tuple[str, str, str]:
    return name, str(checkpoint), json.dumps([identity(checkpoint), dict(options)])


def _summary(model: ModelFolder, source: Source) -> ModelSummary:
    try:
        config = _overridden(model, source).config
    except DataError:  # said when this model is opened
        config = model.config
    return ModelSummary(
        name=model.name,
        adapter=config.adapter,
        description=config.description,
        settings=_settings(config, {}),
    )


def _settings(
    config: ModelConfig,
    defaults: Mapping[str, Any],
    lowest: float = 0.0,
    highest: float = math.inf,
) -> GenerateSettings:
    """How to sample a model: what config.json says, else the adapter's defaults, else ours, within
    the noise levels that the model knows."""
    said = {**config.model_dump(), **defaults, **config.model_dump(exclude_unset=True)}

    def within(value: Any) -> float:
        return min(max(float(value), lowest), highest)

    return GenerateSettings(
        num_steps=int(said["default_steps"]),
        mask_steps=int(said["default_steps"]),
        sigma_max=within(said["sigma_max"]),
        sigma_min=within(said["sigma_min"]),
        rho=float(said.get("rho", 7.0)),
        guidance_scale=float(said["guidance_scale"]),
        sampler="heun" if said["sampler"] == "heun" else "renoise",
    )


def _presets(facts: ModelFacts, settings: GenerateSettings) -> tuple[Preset, ...]:
    """Settings that the adapter says were published, as changes of the model's own."""
    found = []
    for name, (changes, note) in facts.presets.items():
        steps = int(changes.get("num_steps", settings.num_steps))
        try:
            changed = replace(settings, mask_steps=steps, **changes)
        except TypeError:
            log.warning("the preset %s of %s is not usable", name, facts.model_type)
            continue
        found.append(Preset(name, changed, note))
    return tuple(found)
