"""One model's subfolder of a data folder: its settings, and where its files are."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from diffviews_desktop.data.checkpoints.files import find_converted
from diffviews_desktop.data.class_labels import find_class_labels
from diffviews_desktop.data.folder.files import files_in, names_in, read_json
from diffviews_desktop.errors import DataError, brief
from diffviews_desktop.files.reading import check_regular, meant_as_file
from diffviews_desktop.text.validation import first_problem
from diffviews_desktop.values.brightness import is_range
from diffviews_desktop.values.noise_levels import ExtractionInput, read_percent, sigma_of_percent
from diffviews_desktop.values.told import read_told

USUAL_SET = "imagenet_real"
_IN_PERCENT = {"noise_max": "sigma_max", "noise_min": "sigma_min"}
_CLASS_OR_NOTHING = ("", "class", "unconditional", "none")
_NEWEST = (*_IN_PERCENT, "default_guidance", "conditioning_type", "dataset_type")


class ModelConfig(BaseModel):
    """``config.json`` of a model's folder; every key is optional.

    The keys of the original's newest version are read as well: ``noise_max`` and ``noise_min``, in
    percent, stand for the σ that they mean and go before ``sigma_max`` and ``sigma_min``, which
    that version leaves unread; ``default_guidance`` stands for a ``guidance_scale`` that is not
    given. ``dataset_type`` names the set of samples among several, and ``conditioning_type`` what
    the model is told.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    adapter: str = "dmd2-imagenet-64"
    checkpoint: str | None = None
    weights: str | None = None
    description: str = ""
    sigma_max: float = Field(80.0, gt=0, allow_inf_nan=False)
    sigma_min: float = Field(0.5, gt=0, allow_inf_nan=False)
    default_steps: int = Field(5, ge=1, le=100_000)
    guidance_scale: float = Field(1.0, ge=0, allow_inf_nan=False)
    sampler: Literal["renoise", "heun"] = "renoise"
    extraction_input: ExtractionInput = "scaled"
    activation_dtype: Literal["float32", "float16"] = "float32"
    brightness: tuple[float, float] | None = None
    told: str | int | None = None
    label_dropout: float | None = Field(None, ge=0, le=1)
    conditioning_type: str = "class"
    dataset_type: str = USUAL_SET

    @model_validator(mode="before")
    @classmethod
    def _of_the_newest(cls, values: Any) -> Any:
        return _translate(values) if isinstance(values, dict) else values

    @model_validator(mode="after")
    def _check_values(self) -> ModelConfig:
        # one that is not given is the adapter's, whatever the default here
        both = {"sigma_min", "sigma_max"} <= self.model_fields_set
        if both and self.sigma_min > self.sigma_max:
            raise ValueError("sigma_min must not exceed sigma_max")
        if self.told is not None:
            try:
                read_told(self.told)
            except ValueError as error:
                raise ValueError(f"told {error}") from None
        if self.brightness is not None and not is_range(*self.brightness):
            raise ValueError("brightness must be two numbers, black first, which is smaller")
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
        then the working directory. A converted form beside it stands for it, except where the
        weights have a name: that form has one set of weights alone.

        Raises:
            DataError: none is named, or it is nowhere.
        """
        relative = self.config.checkpoint
        if not relative:
            raise DataError(
                f"{self.path / 'config.json'} names no checkpoint, so {self.name} can be looked at "
                'but not run. Add "checkpoint": a path relative to that folder.'
            )
        for base in (self.path, self.data_root, Path.cwd()):
            path = base / relative
            try:
                conversion = None if self.config.weights else find_converted(path)
            except (OSError, ValueError):  # no file system has such a name
                continue
            if conversion is not None:
                return conversion
            if os.path.exists(path):
                return self._usable(path)
        short = relative if len(relative) <= 100 else relative[:100] + "…"
        raise DataError(
            f"The checkpoint {short} of {self.name} is not in {self.path} or {self.data_root}. "
            "Put the file there or correct config.json."
        )

    def _usable(self, path: Path) -> Path:
        """A checkpoint that is there, if it is a file or a folder.

        Raises:
            DataError: it is something that must not be opened.
        """
        if not os.path.isdir(path):
            try:
                check_regular(path)
            except OSError as error:
                raise DataError(
                    f"The checkpoint {path} of {self.name} cannot be read ({brief(error)}). Put "
                    "the file itself there or correct config.json."
                ) from error
        return path

    @cached_property
    def class_names(self) -> dict[int, str] | None:
        """Names of the classes that the folder itself brings, or None.

        Raises:
            DataError: its file is damaged.
        """
        return find_class_labels(self.path, self.data_root)

    @property
    def told_otherwise(self) -> str:
        """What the model is told that is neither a class nor nothing, such as ``text``; else
        empty."""
        told = self.config.conditioning_type.strip()
        return "" if told.lower() in _CLASS_OR_NOTHING else told

    def with_overrides(self, **changes: Any) -> ModelFolder:
        """The same folder with other settings; None leaves a setting as it is."""
        overrides = {key: value for key, value in changes.items() if value is not None}
        settings = self.config.model_dump(exclude_unset=True)
        config = _validate({**settings, **overrides}, f"{self.name} with the options given")
        return ModelFolder(self.name, self.path, self.data_root, config)


def read_config(folder: Path) -> ModelConfig:
    """Read ``config.json`` of a model's folder.

    Raises:
        DataError: it is not JSON, or a value is out of range.
    """
    return _validate(read_json(folder / "config.json"), str(folder / "config.json"))


def metadata_file(folder: Path, usual: str = USUAL_SET) -> Path | None:
    """``metadata/<set>/dataset_info.json`` of a model's folder: of the usual set, else of the first
    by name.

    Raises:
        DataError: the folder ``metadata`` cannot be read.
    """
    sets = names_in(folder / "metadata")
    if usual in sets:
        sets.insert(0, usual)
    paths = (folder / "metadata" / name / "dataset_info.json" for name in sets)
    return next((path for path in paths if meant_as_file(path)), None)


def embedding_files(folder: Path) -> list[Path]:
    """The maps ``embeddings/*.csv`` of a model's folder, sorted by name; the first is used.

    Raises:
        DataError: the folder ``embeddings`` cannot be read.
    """
    return files_in(folder / "embeddings", ".csv")


def _translate(values: dict[str, Any]) -> dict[str, Any]:
    """Settings with the keys of the original's newest version as those that the program has.

    Raises:
        ValueError: a noise level is none.
    """
    settings = {key: v for key, v in values.items() if v is not None or key not in _NEWEST}
    for key, ours in _IN_PERCENT.items():
        if key in settings:
            try:
                settings[ours] = sigma_of_percent(read_percent(settings[key]))
            except ValueError as error:
                raise ValueError(f"{key} {error}") from None
    if _IN_PERCENT.keys() <= settings.keys() and settings["sigma_min"] > settings["sigma_max"]:
        raise ValueError("noise_min must not exceed noise_max")
    if "default_guidance" in settings:
        settings.setdefault("guidance_scale", settings["default_guidance"])
    return settings


def _validate(values: Mapping[str, Any], source: str) -> ModelConfig:
    try:
        return ModelConfig.model_validate(values)
    except ValidationError as error:
        raise DataError(f"{source}: {first_problem(error)}.") from error
