"""The data folders that are open, and the models whose samples are at hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from diffviews_desktop.data.folder.dataset import (
    DataFolder,
    ModelFolder,
    open_data_folder,
    read_samples,
)
from diffviews_desktop.data.folder.demo import ready_demo
from diffviews_desktop.engine.opened_model import OpenedModel, cache_of
from diffviews_desktop.values.folders import Source

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
        self._models: dict[tuple[Source, str], OpenedModel] = {}  # the last used last

    def folder(self, source: Source) -> DataFolder:
        """A data folder; one that is open stays as it was read."""
        if source.path not in self._folders:
            self._folders[source.path] = (
                self._open_demo() if source.path is None else self._open(source.path)
            )
        return self._folders[source.path]

    def reopen(self, source: Source) -> DataFolder:
        """A data folder as it is on the disk now; no model is at hand any more."""
        self._folders.pop(source.path, None)
        self._models.clear()
        return self.folder(source)

    def model(self, source: Source, name: str) -> OpenedModel:
        """A model's folder with its samples, which are read unless they are at hand.

        Raises:
            DataError: there is no such model, or it cannot be opened.
        """
        parameters, source = source.parameters, replace(source, parameters=None)
        key = (source, name)
        opened = self._models.pop(key, None)
        if opened is None:
            opened = self._read(source, name)
        while len(self._models) >= MODELS_AT_HAND:
            del self._models[next(iter(self._models))]
        self._models[key] = opened
        return replace(opened, parameters=parameters)

    def _read(self, source: Source, name: str) -> OpenedModel:
        folder = overridden(self.folder(source).model(name), source)
        samples = read_samples(folder, source.max_classes, self._check)
        return OpenedModel(
            folder, samples, cache_of(folder), source.label_dropout, source.precision
        )

    def _open(self, path: Path) -> DataFolder:
        return open_data_folder(path, self._check)

    def _open_demo(self) -> DataFolder:
        """The demo, with what it lacks among its problems."""
        demo = ready_demo()
        folder = self._open(demo.path)
        said = () if demo.problem is None else (demo.problem,)
        return replace(folder, problems=(*said, *folder.problems))


def overridden(folder: ModelFolder, source: Source) -> ModelFolder:
    """A model's folder with the settings that the source replaces."""
    return folder.with_overrides(
        adapter=source.adapter,
        checkpoint=source.checkpoint,
        weights=source.weights,
        sigma_max=source.sigma_max,
        sigma_min=source.sigma_min,
        default_steps=source.num_steps,
        guidance_scale=source.guidance_scale,
        extraction_input=source.extraction_input,
        activation_dtype=source.activation_dtype,
    )
