"""A data folder: one subfolder a model, each with its settings, samples, pictures and map.

The layout is that of the original system, so its folders open as they are::

    <data>/<model>/config.json
                   metadata/<set>/dataset_info.json     {"samples": [...]}
                   images/<set>/*.png
                   embeddings/<name>.csv  <name>.json   the sample columns, umap_x, umap_y and
                                                        perhaps umap_z; settings
                   embeddings/<name>.projector.npz      optional: places new activations on that map
                   activations/<set>/*.npy + *.npy.json optional, as are the batches *.npz: see
                                                        `diffviews_desktop.data.activations.files`
                   class_labels.json                    optional: names of the classes; also beside
                                                        the models, for all of them
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from diffviews_desktop.data.folder.model_folder import (
    ModelConfig,
    ModelFolder,
    embedding_files,
    metadata_file,
    read_config,
)
from diffviews_desktop.data.folder.sample_files import (
    SAMPLE_COLUMNS,
    ModelSamples,
    listed_samples,
    read_samples,
    write_embedding_csv,
)
from diffviews_desktop.errors import DataError, brief
from diffviews_desktop.files.reading import meant_as_file

__all__ = [
    "SAMPLE_COLUMNS",
    "DataFolder",
    "ModelConfig",
    "ModelFolder",
    "ModelSamples",
    "listed_samples",
    "open_data_folder",
    "read_config",
    "read_samples",
    "write_embedding_csv",
]


@dataclass(frozen=True)
class DataFolder:
    """A folder of models; ``problems`` says which subfolders cannot be used and why."""

    path: Path
    models: dict[str, ModelFolder]
    problems: tuple[str, ...]

    def model(self, name: str | None = None) -> ModelFolder:
        """The model asked for; by default ``dmd2``, else the first by name.

        Raises:
            DataError: there is no such model; the text lists those there are.
        """
        if name is None and self.models:
            return self.models.get("dmd2") or self.models[min(self.models)]
        if name is None or name not in self.models:
            request = f"no model {name!r}" if name else "no model that can be opened"
            choices = f" Models there: {', '.join(sorted(self.models))}." if self.models else ""
            reason = f" {self.problems[0]}" if self.problems else ""
            raise DataError(f"{self.path} has {request}.{choices}{reason}")
        return self.models[name]


def open_data_folder(path: Path, check: Callable[[], None] = lambda: None) -> DataFolder:
    """List the models of a data folder, reading no more than their settings.

    A subfolder that has a ``config.json`` but cannot be used is listed in ``problems``; it never
    stops the others.

    Args:
        path: the folder.
        check: called for every subfolder; may raise to stop.

    Raises:
        DataError: the folder itself does not exist or cannot be read.
    """
    path = Path(path)
    if not os.path.isdir(path):
        raise DataError(
            f"There is no folder {path}. Choose another one, with --data or in the window."
        )
    try:
        # os.path: a subfolder that may not be entered (lost+found) is no model and no error
        folders = []
        for folder in path.iterdir():
            check()
            if meant_as_file(folder / "config.json"):
                folders.append(folder)
    except OSError as error:
        raise DataError(
            f"The folder {path} cannot be read ({brief(error)}). Change its rights, or choose "
            "another one, with --data or in the window."
        ) from error
    models: dict[str, ModelFolder] = {}
    problems: list[str] = []
    for folder in sorted(folders):
        check()
        try:
            config = read_config(folder)
            if not metadata_file(folder, config.dataset_type) and not embedding_files(folder):
                raise DataError("it has neither metadata/*/dataset_info.json nor embeddings/*.csv.")
        except DataError as error:
            problems.append(f"{folder.name} cannot be opened: {error}")
            continue
        models[folder.name] = ModelFolder(folder.name, folder, path, config)
    if not models and not problems:
        problems.append(
            "None of its subfolders has a config.json. Choose another folder, or import pictures."
        )
    return DataFolder(path, models, tuple(problems))
