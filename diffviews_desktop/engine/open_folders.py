"""The data folders that are open, and the models whose samples are at hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from diffviews_desktop.data.folder.dataset import (
    DataFolder,
    ModelFolder,
    ModelSamples,
    open_data_folder,
    read_samples,
)
from diffviews_desktop.data.folder.demo import ready_demo
from diffviews_desktop.engine.opened_model import OpenedModel, cache_of
from diffviews_desktop.values.folders import FolderRef, Overrides

MODELS_AT_HAND = 2
"""As many as the window shows: that of the map, and that of a second map beside it."""


class OpenFolders:
    """Opens data folders and reads the samples of their models.

    Args:
        check: called between steps; raises where the job is to end.
    """

    def __init__(self, check: Callable[[], None]) -> None:
        self._check = check
        self._folders: dict[Path | None, DataFolder] = {}
        self._models: dict[tuple[FolderRef, str], OpenedModel] = {}  # the last used last

    def folder(self, folder: FolderRef) -> DataFolder:
        """A data folder; one that is open stays as it was read."""
        path = folder.path
        if path not in self._folders:
            self._folders[path] = self._open_demo() if path is None else self._open(path)
        return self._folders[path]

    def reopen(self, folder: FolderRef) -> DataFolder:
        """A data folder as it is on the disk now; no model is at hand any more."""
        self._folders.pop(folder.path, None)
        self._models.clear()
        return self.folder(folder)

    def model(self, folder: FolderRef, name: str) -> OpenedModel:
        """A model's folder with its samples, which are read unless they are at hand.

        Raises:
            DataError: there is no such model, or it cannot be opened.
        """
        key = (folder, name)
        opened = self._models.pop(key, None)
        if opened is None:
            opened = self._read(folder, name)
        while len(self._models) >= MODELS_AT_HAND:
            del self._models[next(iter(self._models))]
        self._models[key] = opened
        return opened

    def _read(self, folder: FolderRef, name: str) -> OpenedModel:
        model = overridden(self.folder(folder).model(name), folder.overrides)
        samples = read_samples(model, folder.max_classes, self._check)
        model, samples = _extracted_as_listed(model, samples)
        return OpenedModel(model, samples, cache_of(model), folder.overrides.precision)

    def _open(self, path: Path) -> DataFolder:
        return open_data_folder(path, self._check)

    def _open_demo(self) -> DataFolder:
        """The demo, with what it lacks among its problems."""
        demo = ready_demo()
        folder = self._open(demo.path)
        demo_problems = () if demo.problem is None else (demo.problem,)
        return replace(folder, problems=(*demo_problems, *folder.problems))


def overridden(folder: ModelFolder, overrides: Overrides) -> ModelFolder:
    """A model's folder with some of its settings replaced."""
    return folder.with_overrides(
        adapter=overrides.adapter,
        checkpoint=overrides.checkpoint,
        weights=overrides.weights,
        sigma_max=overrides.sigma_max,
        sigma_min=overrides.sigma_min,
        default_steps=overrides.num_steps,
        guidance_scale=overrides.guidance_scale,
        label_dropout=overrides.label_dropout,
        extraction_input=overrides.extraction_input,
        activation_dtype=overrides.activation_dtype,
    )


def _extracted_as_listed(
    folder: ModelFolder, samples: ModelSamples
) -> tuple[ModelFolder, ModelSamples]:
    """A folder whose samples were made with added noise, and that does not say how to extract
    layers, has them extracted with added noise; a note says so."""
    if not samples.noise_key or "extraction_input" in folder.config.model_fields_set:
        return folder, samples
    note = (
        f"{samples.source.name} of {folder.name} has {samples.noise_key}, so its activations were "
        "made of pictures with added noise: layers are extracted from picture + σ·noise as well. "
        "Set extraction_input in config.json to have it otherwise."
    )
    noised = folder.with_overrides(extraction_input="noised")
    return noised, replace(samples, notes=(*samples.notes, note))
