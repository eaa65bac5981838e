"""A data folder: one subfolder a model, each with its settings, samples, pictures and map.

The layout is that of the original system, so its folders open as they are::

    <data>/<model>/config.json
                   metadata/<set>/dataset_info.json     {"samples": [...]}
                   images/<set>/*.png
                   embeddings/<name>.csv  <name>.json   the sample columns, umap_x, umap_y; settings
                   embeddings/<name>.projector.npz      optional: places new activations on that map
                   activations/<set>/*.npy + *.npy.json optional: row i belongs to samples[i]
                   class_labels.json                    optional: names of the classes; also beside
                                                        the models, for all of them
"""

from __future__ import annotations

import csv
import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from diffviews_desktop.data.arrays import ActivationMatrix, Float32, open_activations
from diffviews_desktop.data.checkpoint_files import find_converted
from diffviews_desktop.data.class_labels import find_class_labels, load_class_labels
from diffviews_desktop.errors import DataError
from diffviews_desktop.samples import SampleTable

IMAGENET_ADAPTERS = ("edm-imagenet-64", "dmd2-imagenet-64")
SAMPLE_COLUMNS = ("sample_id", "class_label", "class_name", "image_path", "conditioning_sigma")


class ModelConfig(BaseModel):
    """``config.json`` of a model's folder; every key is optional."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    adapter: str = "dmd2-imagenet-64"
    checkpoint: str | None = None
    description: str = ""
    sigma_max: float = Field(80.0, gt=0, allow_inf_nan=False)
    sigma_min: float = Field(0.5, gt=0, allow_inf_nan=False)
    default_steps: int = Field(5, ge=1, le=100_000)
    guidance_scale: float = Field(1.0, ge=0, allow_inf_nan=False)
    extraction_input: Literal["noised", "scaled"] = "scaled"

    @model_validator(mode="after")
    def _ordered(self) -> ModelConfig:
        # one that is not given is the adapter's, whatever the default here
        given = {"sigma_min", "sigma_max"} <= self.model_fields_set
        if given and self.sigma_min > self.sigma_max:
            raise ValueError("sigma_min must not exceed sigma_max")
        return self


@dataclass(frozen=True)
class ModelFolder:
    """One model's subfolder: its settings are read, its samples not yet (see `read_samples`)."""

    name: str
    path: Path
    data_root: Path
    config: ModelConfig

    def checkpoint(self) -> Path:
        """The checkpoint file or folder: tried relative to the model's folder, the data folder,
        then the working directory. A converted form beside it stands for it.

        Raises:
            DataError: none is named, or it is nowhere.
        """
        named = self.config.checkpoint
        if not named:
            raise DataError(
                f"{self.path / 'config.json'} names no checkpoint, so {self.name} can be looked at "
                'but not run. Add "checkpoint": a path relative to that folder.'
            )
        for base in (self.path, self.data_root, Path.cwd()):
            path = base / named
            converted = find_converted(path)
            if converted is not None or path.exists():
                return converted or path
        raise DataError(
            f"The checkpoint {named} of {self.name} is not in {self.path} or {self.data_root}. "
            "Put the file there or correct config.json."
        )

    @cached_property
    def class_names(self) -> dict[int, str] | None:
        """Names of the classes that the folder itself brings, or None.

        Raises:
            DataError: its file is damaged.
        """
        return find_class_labels(self.path, self.data_root)

    def with_overrides(self, **changes: Any) -> ModelFolder:
        """The same folder with other settings; None leaves a setting as it is."""
        given = {key: value for key, value in changes.items() if value is not None}
        said = self.config.model_dump(exclude_unset=True)
        config = _validate({**said, **given}, f"{self.name} with the options given")
        return ModelFolder(self.name, self.path, self.data_root, config)


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
            known = ", ".join(sorted(self.models)) or "none"
            why = f" {self.problems[0]}" if self.problems else ""
            asked = f"no model {name!r}" if name else "no model that can be opened"
            raise DataError(f"{self.path} has {asked}. Models there: {known}.{why}")
        return self.models[name]


@dataclass(frozen=True, eq=False)
class ModelSamples:
    """The samples of a model and what its folder knows about them.

    Attributes:
        table: the samples.
        matrix_rows: row of each sample in the folder's activation matrix, ``(N,)``.
        layers: the layers of the folder's own map, sorted.
        xy: the folder's own map ``(N, 2) float32``, or None.
        embedding: name of that map's files, or None.
        notes: what was left out while reading.
    """

    table: SampleTable
    matrix_rows: NDArray[np.int64]
    layers: tuple[str, ...]
    xy: Float32 | None
    embedding: str | None
    notes: tuple[str, ...] = field(default=())

    @cached_property
    def fingerprint(self) -> str:
        """Changes when a sample, its order, its class or its noise level changes."""
        digest = hashlib.sha256("\0".join(self.table.sample_id).encode())
        digest.update("\0".join(self.table.image_path).encode())
        digest.update(self.table.class_label.tobytes())
        digest.update(self.table.sigma.tobytes())
        return digest.hexdigest()


def open_data_folder(path: Path) -> DataFolder:
    """List the models of a data folder, reading no more than their settings.

    A subfolder that has a ``config.json`` but cannot be used is listed in ``problems``; it never
    stops the others.

    Raises:
        DataError: the folder itself does not exist or cannot be read.
    """
    path = Path(path)
    if not os.path.isdir(path):
        raise DataError(f"There is no folder {path}. Choose another one with --data.")
    try:
        # os.path: a subfolder that may not be entered (lost+found) is no model and no error
        folders = sorted(p for p in path.iterdir() if os.path.isfile(p / "config.json"))
    except OSError as error:
        raise DataError(f"The folder {path} cannot be read ({error}).") from error
    models: dict[str, ModelFolder] = {}
    problems: list[str] = []
    for folder in folders:
        try:
            config = read_config(folder)
            if not _metadata_file(folder) and not _embedding_file(folder):
                raise DataError("it has neither metadata/*/dataset_info.json nor embeddings/*.csv.")
        except DataError as error:
            problems.append(f"{folder.name} cannot be opened: {error}")
            continue
        models[folder.name] = ModelFolder(folder.name, folder, path, config)
    if not models and not problems:
        problems.append(f"{path} holds no model: no subfolder of it has a config.json.")
    return DataFolder(path, models, tuple(problems))


def read_config(folder: Path) -> ModelConfig:
    """Read ``config.json`` of a model's folder.

    Raises:
        DataError: it is not JSON, or a value is out of range.
    """
    return _validate(_read_json(folder / "config.json"), str(folder / "config.json"))


def read_samples(model: ModelFolder, max_classes: int | None = None) -> ModelSamples:
    """Read the samples of a model and match them with its map by sample id.

    Args:
        model: the model's folder.
        max_classes: keep only the samples of the first so many classes.

    Raises:
        DataError: the table or the map is damaged, empty, or has the same id twice.
    """
    notes: list[str] = []
    metadata, embedding = _metadata_file(model.path), _embedding_file(model.path)
    coordinates: dict[str, tuple[float, float]] = {}
    records: list[Mapping[str, Any]] = []
    if embedding is not None:
        rows = _read_csv(embedding)
        coordinates = {str(row["sample_id"]): _xy(row) for row in rows}
        if len(coordinates) != len(rows):
            raise DataError(f"{embedding} names the same sample_id twice.")
        records = list(rows)
    if metadata is not None:
        listed = _read_json(metadata).get("samples")
        if not isinstance(listed, list) or not all(isinstance(r, dict) for r in listed):
            raise DataError(f"{metadata} has no list of samples under the key 'samples'.")
        records = listed
    if not records:
        raise DataError(f"{model.path} has no samples.")
    table = _table(model, records, metadata or embedding)

    keep: NDArray[np.bool_] = np.ones(len(table), dtype=bool)
    xy = None
    if embedding is not None:
        unknown = (math.nan, math.nan)
        places = [coordinates.get(name, unknown) for name in table.sample_id]
        xy = _float32(places)
        keep &= np.isfinite(xy).all(axis=1)
        if not keep.all():
            notes.append(f"{int((~keep).sum())} samples have no place on the map and are left out.")
        if not keep.any():
            raise DataError(f"{embedding} has no usable coordinates for the samples of {metadata}.")
    if max_classes is not None:
        first = np.unique(table.class_label[keep])[: max(1, max_classes)]
        keep &= np.isin(table.class_label, first)
    rows_kept = np.flatnonzero(keep)
    return ModelSamples(
        table=_take(table, rows_kept),
        matrix_rows=rows_kept,
        layers=_map_layers(embedding),
        xy=None if xy is None else np.ascontiguousarray(xy[rows_kept]),
        embedding=None if embedding is None else embedding.stem,
        notes=tuple(notes),
    )


def read_activations(model: ModelFolder, samples_in_metadata: int) -> ActivationMatrix | None:
    """The folder's own activation matrix, checked against the number of samples; or None.

    Raises:
        DataError: it is damaged, or has another number of rows than there are samples.
    """
    for directory in sorted(p for p in (model.path / "activations").glob("*") if p.is_dir()):
        matrix = open_activations(directory)
        if matrix is None:
            continue
        if len(matrix.rows) != samples_in_metadata:
            raise DataError(
                f"{matrix.path} has {len(matrix.rows)} rows for {samples_in_metadata} samples, so "
                "nobody can say which belongs to which. Restore the file or its dataset_info.json."
            )
        return matrix
    return None


def count_samples(model: ModelFolder) -> int:
    """Number of samples that the folder's metadata lists, before any filter."""
    metadata = _metadata_file(model.path)
    if metadata is not None:
        return len(_read_json(metadata).get("samples") or ())
    embedding = _embedding_file(model.path)
    return len(_read_csv(embedding)) if embedding is not None else 0


def write_embedding_csv(path: Path, table: SampleTable, xy: NDArray) -> None:
    """Write the sample columns and ``umap_x, umap_y`` (last) as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*SAMPLE_COLUMNS, "umap_x", "umap_y"])
        for i in range(len(table)):
            writer.writerow(
                [
                    table.sample_id[i],
                    int(table.class_label[i]),
                    table.class_name[i],
                    table.image_path[i],
                    _short(table.sigma[i]),
                    _short(xy[i, 0]),
                    _short(xy[i, 1]),
                ]
            )


def _short(value: np.floating) -> str:
    """The shortest text that reads back as the same float32."""
    return np.format_float_positional(np.float32(value), unique=True, trim="-")


def _metadata_file(folder: Path) -> Path | None:
    preferred = folder / "metadata" / "imagenet_real" / "dataset_info.json"
    if preferred.is_file():
        return preferred
    return next(iter(sorted(folder.glob("metadata/*/dataset_info.json"))), None)


def _embedding_file(folder: Path) -> Path | None:
    return next(iter(sorted(folder.glob("embeddings/*.csv"))), None)


def _map_layers(embedding: Path | None) -> tuple[str, ...]:
    if embedding is None or not embedding.with_suffix(".json").is_file():
        return ()
    settings = embedding.with_suffix(".json")
    layers = _read_json(settings).get("layers", [])
    if not isinstance(layers, list) or not all(isinstance(name, str) for name in layers):
        raise DataError(f"{settings}: 'layers' must be a list of layer names.")
    return tuple(sorted(layers))


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read as JSON ({error}).") from error
    if not isinstance(value, dict):
        raise DataError(f"{path} must hold a JSON object.")
    return value


def _read_csv(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            columns = set(reader.fieldnames or ())
            missing = {"sample_id", "umap_x", "umap_y"} - columns
            if missing:
                raise DataError(f"{path} lacks the column {sorted(missing)[0]}.")
            return list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as CSV ({error}).") from error


def _xy(row: Mapping[str, str]) -> tuple[float, float]:
    try:
        return float(row["umap_x"]), float(row["umap_y"])
    except (TypeError, ValueError):
        return math.nan, math.nan


def _table(
    model: ModelFolder, records: Sequence[Mapping[str, Any]], source: Path | None
) -> SampleTable:
    own = model.class_names or {}
    known = load_class_labels() if model.config.adapter in IMAGENET_ADAPTERS else {}
    try:
        names = tuple(str(record["sample_id"]) for record in records)
        labels = [int(_or(record.get("class_label"), -1)) for record in records]
        sigmas = [float(_or(record.get("conditioning_sigma"), 1.0)) for record in records]
        class_label = np.array(labels, dtype=np.int32)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{source} has a sample without a usable {error}.") from error
    if len(set(names)) != len(names):
        raise DataError(f"{source} names the same sample_id twice.")
    sigma = _float32(sigmas)
    if not (np.isfinite(sigma).all() and (sigma > 0).all()):
        raise DataError(f"{source}: every conditioning_sigma must be a positive number.")
    return SampleTable(
        root=model.path,
        sample_id=names,
        class_label=class_label,
        class_name=tuple(
            own.get(label) or str(_or(record.get("class_name"), known.get(label, label)))
            for record, label in zip(records, labels, strict=True)
        ),
        image_path=tuple(str(_or(record.get("image_path"), "")) for record in records),
        sigma=sigma,
    )


def _float32(values: Sequence[Any]) -> Float32:
    """Numbers as float32; infinity where they are too large for that."""
    with np.errstate(over="ignore"):
        return np.array(values, dtype=np.float32)


def _or(value: Any, default: Any) -> Any:
    return default if value in (None, "") else value


def _take(table: SampleTable, rows: NDArray[np.int64]) -> SampleTable:
    return SampleTable(
        root=table.root,
        sample_id=tuple(table.sample_id[i] for i in rows),
        class_label=table.class_label[rows],
        class_name=tuple(table.class_name[i] for i in rows),
        image_path=tuple(table.image_path[i] for i in rows),
        sigma=table.sigma[rows],
    )


def _validate(values: Mapping[str, Any], source: str) -> ModelConfig:
    try:
        return ModelConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "its values"
        problem = first["msg"].removeprefix("Value error, ")
        raise DataError(f"{source}: {where}: {problem}.") from error
