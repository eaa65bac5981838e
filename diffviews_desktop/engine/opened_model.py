"""A model's folder that is open, and what work on it needs of the engine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from diffviews_desktop import paths
from diffviews_desktop.data.activations.files import ActivationFiles, open_activation_files
from diffviews_desktop.data.cache.layer_cache import LayerCache
from diffviews_desktop.data.folder.dataset import ModelFolder, ModelSamples
from diffviews_desktop.data.folder.files import stays_inside
from diffviews_desktop.engine.protocol import Event
from diffviews_desktop.errors import DataError
from diffviews_desktop.values.models import ModelFacts, Numerics
from diffviews_desktop.values.told import Told

_BESIDE = "embeddings/layer_cache"

if TYPE_CHECKING:  # torch is imported when a model is first loaded
    from diffviews_desktop.adapters.model import Model


@dataclass(frozen=True)
class OpenedModel:
    """A model's folder with its samples, where its maps are kept, and how the model computes."""

    folder: ModelFolder
    samples: ModelSamples
    cache: LayerCache
    precision: str | None = None

    @cached_property
    def file_stamps(self) -> list[tuple[str, int, int]]:
        """Name, size and time of the folder's own activation files."""
        files = sorted((self.folder.path / "activations").glob("*/*.np[yz]"))
        facts: list[tuple[str, int, int]] = []
        for file in files:
            with suppress(OSError):  # it just went, or leads nowhere
                status = file.stat()
                facts.append((file.name, status.st_size, status.st_mtime_ns))
        return facts

    def brings(self, layers: Sequence[str]) -> Told | None:
        """What the samples were told whose activations of exactly these layers the folder's own
        files hold; None where they hold none."""
        files = self._files
        return files.told if files is not None and files.select(layers) is not None else None

    @cached_property
    def _files(self) -> ActivationFiles | None:
        try:
            return open_activation_files(self.folder, self.samples)
        except DataError:  # said when they are read
            return None


class Host(Protocol):
    """What extracting and mapping need of the engine."""

    def model_of(self, opened: OpenedModel) -> Model: ...
    def facts_if_loaded(self, opened: OpenedModel) -> ModelFacts | None: ...
    def numerics(self, opened: OpenedModel) -> Numerics: ...
    def prepare(self, model: Model) -> None: ...
    def check(self) -> None: ...
    def emit(self, event: Event) -> None: ...
    def progress(self, stage: str, fraction: float | None = None, detail: str = "") -> None: ...
    def interruptible(self, model: Model) -> AbstractContextManager[None]: ...


def cache_of(folder: ModelFolder) -> LayerCache:
    """Beside the model where that can be written and no link leads out of its folder, else in the
    user's cache directory."""
    beside = folder.path / _BESIDE
    existing = next(parent for parent in (beside, *beside.parents) if os.path.lexists(parent))
    if stays_inside(folder.path, _BESIDE) and os.access(existing, os.W_OK):
        return LayerCache(beside)
    return LayerCache(paths.cache_dir() / "layer_cache")


def cache_notes(folder: ModelFolder) -> tuple[str, ...]:
    """That maps are kept elsewhere than their folder says."""
    if stays_inside(folder.path, _BESIDE):
        return ()
    text = (
        f"{folder.path / _BESIDE} is a link that leads out of {folder.path}, so nothing is kept "
        f"there: maps are kept in {cache_of(folder).root}. Put the folder itself there to keep "
        "them beside the model."
    )
    return (text,)


def some(names: Sequence[str]) -> str:
    """The first few of some names."""
    return ", ".join(names[:3]) + ("…" if len(names) > 3 else "")
