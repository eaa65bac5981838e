"""The catalogue of published models, and what of them a data folder has.

It is made of two tables that people can read: the program's own, ``resources/sources.toml``, which
explains itself, and the user's, of the same form, in the configuration folder. Nothing here asks
the network: `diffviews_desktop.data.downloads` does, once the user has asked for a download.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Annotated, Any
from urllib.parse import unquote

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from diffviews_desktop import paths
from diffviews_desktop.data.folder.files import stays_inside
from diffviews_desktop.data.folder.model_folder import embedding_files, metadata_file, read_config
from diffviews_desktop.data.stores.keys import PART, local_path
from diffviews_desktop.errors import DataError, UnsafeKeyError, UsageError, brief
from diffviews_desktop.files.reading import is_regular, read_text
from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.text.validation import first_problem
from diffviews_desktop.values.locations import Location
from diffviews_desktop.values.sources import (
    CHECKPOINTS,
    SOURCES,
    ListedModel,
    MissingPart,
    Origin,
    Presence,
    PublishedCheckpoint,
    PublishedFolder,
    PublishedModel,
    Readiness,
)

MOST_BYTES, MOST_MODELS, MOST_LETTERS = 1_000_000, 1000, 300
WITH_DATA = ("dmd2", "edm")
"""The models that are published with pictures and a map: what "all" stands for."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


# ---- the tables ---------------------------------------------------------------------------------


def _location(kind: str, words: str) -> AfterValidator:
    def check(text: str) -> str:
        location = Location.parse(text)
        if location.kind != kind:
            raise ValueError(f"must begin with {words}")
        if location.query:
            raise ValueError("must not have a “?”: what follows it may be a key")
        return text

    return AfterValidator(check)


def _without_control(text: str) -> str:
    if visible(text) != text:
        raise ValueError("has letters that cannot be seen")
    return text


_Text = Annotated[str, Field(max_length=MOST_LETTERS), AfterValidator(_without_control)]
_Bytes = Annotated[int, Field(ge=0, le=10**14, strict=True)]
_S3 = Annotated[str, _location("s3", "s3://")]
_Hf = Annotated[str, _location("hf", "hf://")]
_Web = Annotated[str, _location("https", "https://")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    r2: _S3 | None = None
    hf: _Hf | None = None
    bytes: _Bytes | None = None

    def origins(self) -> tuple[Origin, ...]:
        addresses = [(source, getattr(self, source, None)) for source in SOURCES]
        return tuple(Origin(source, Location.parse(text)) for source, text in addresses if text)


class _Checkpoint(_Part):
    url: _Web | None = None
    sha256: Annotated[str, Field(pattern="^([0-9a-f]{64})?$")] = ""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    title: _Text
    licence: _Text
    about: _Text = ""
    data: _Part | None = None
    checkpoint: _Checkpoint | None = None


@dataclass(frozen=True)
class Catalogue:
    """What is published, by name, and why the user's own table could not be read, if it could
    not."""

    models: dict[str, PublishedModel]
    problem: str = ""

    def model(self, name: str) -> PublishedModel:
        """An entry.

        Raises:
            UsageError: there is none of this name; the text lists some.
        """
        if name not in self.models:
            reason = f" {self.problem}" if self.problem else ""
            raise UsageError(
                f"No model called “{visible(name, MOST_OF_NAME)}” is in the catalogue. Choose one "
                f"that “diffviews-desktop download --list” shows, or name an address.{reason}"
            )
        return self.models[name]


def own_catalogue() -> Path:
    """Where the user's own table is, or would be."""
    return paths.config_dir() / "sources.toml"


def read_catalogue() -> Catalogue:
    """The program's table, in which entries of the user's own go before those of the same name.

    A table of the user's that cannot be read is left out; the catalogue says so.
    """
    bundled = _read_bundled_table()
    path, problem = own_catalogue(), ""
    models: dict[str, PublishedModel] = {}
    try:
        models = read_table(path)
    except FileNotFoundError:
        pass
    except (DataError, OSError) as error:
        sentence = str(error) if isinstance(error, DataError) else f"{path} cannot be read."
        problem = f"{sentence} Until you correct it, only the program's own catalogue counts."
    return Catalogue({**models, **{k: v for k, v in bundled.items() if k not in models}}, problem)


@cache
def _read_bundled_table() -> dict[str, PublishedModel]:
    return read_table(paths.resources() / "sources.toml")


def read_table(path: Path) -> dict[str, PublishedModel]:
    """The entries of one table, in its order.

    Raises:
        FileNotFoundError: there is no such file.
        DataError: it cannot be read, or an entry is not as it should be.
    """
    try:
        values = tomllib.loads(read_text(path, MOST_BYTES))
    except FileNotFoundError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read as TOML ({brief(error)}).") from error
    if len(values) > MOST_MODELS:
        raise DataError(f"{path} has {len(values)} entries; more than {MOST_MODELS} are not read.")
    try:
        return {name: _entry(name, value) for name, value in values.items()}
    except (ValueError, UnsafeKeyError) as error:
        raise DataError(f"{path}: {error}") from error


def _entry(name: str, value: Any) -> PublishedModel:
    """An entry of a table.

    Raises:
        ValueError, UnsafeKeyError: it is not as it should be; the text is a sentence.
    """
    label = visible(name, MOST_OF_NAME)
    if not _NAME.fullmatch(name) or name == CHECKPOINTS:
        raise ValueError(
            f"“{label}” cannot be a model's name. Use letters, digits, “-”, “_” and “.”, and "
            f"begin with a letter or a digit; “{CHECKPOINTS}” is taken."
        )
    local_path(Path(), name)  # a name that every disk can have
    if not isinstance(value, dict):
        raise ValueError(f"“{label}” must be a table: write [{label}] above its values.")
    try:
        read = _Model.model_validate(value)
    except ValidationError as error:
        raise ValueError(f"[{label}] {first_problem(error)}.") from error
    data, checkpoint = None, None
    if read.data is not None:
        data = PublishedFolder(_some(name, "data", read.data), read.data.bytes)
    if read.checkpoint is not None:
        origins = _some(name, "checkpoint", read.checkpoint)
        checkpoint = PublishedCheckpoint(
            _file_name(name, origins), origins, read.checkpoint.bytes, read.checkpoint.sha256
        )
    if data is None and checkpoint is None:
        raise ValueError(f"“{name}” needs a table [{name}.data], [{name}.checkpoint], or both.")
    return PublishedModel(name, read.title, read.licence, read.about, data, checkpoint)


def _some(name: str, part: str, read: _Part) -> tuple[Origin, ...]:
    origins = read.origins()
    if not origins:
        keys = "r2 or hf" if part == "data" else "r2, hf or url"
        raise ValueError(f"[{name}.{part}] needs an address: {keys}.")
    return origins


def _file_name(name: str, origins: Sequence[Origin]) -> str:
    """The name that a checkpoint has at all its origins."""
    names = {file_of(origin.location) for origin in origins}
    if len(names) != 1 or "" in names:
        raise ValueError(f"The addresses of [{name}.checkpoint] must end with the same file name.")
    (file,) = names
    local_path(Path(), file)
    return file


def file_of(location: Location) -> str:
    """The name of the file, or the last folder, that a location names; empty for a whole root."""
    last = PurePosixPath(location.path).name
    return unquote(last) if location.kind == "https" else last


# ---- what a data folder has ---------------------------------------------------------------------


def list_models(folder: Path, catalogue: Catalogue) -> tuple[ListedModel, ...]:
    """All published models, and how much of each is in a data folder."""
    return tuple(look_at(folder, model) for model in catalogue.models.values())


def look_at(folder: Path, model: PublishedModel) -> ListedModel:
    """How much of a published model is in a data folder.

    The folder counts as whole once it has its ``config.json``, which arrives last. The map's
    ``.pkl`` of the original system is not needed.
    """
    file = None if model.checkpoint is None else checkpoint_place(folder, model)
    return ListedModel(
        model,
        data="all" if model.data is None else _data_here(folder / model.name),
        checkpoint="all" if file is None else _checkpoint_here(file),
        checkpoint_file=file,
    )


def _data_here(folder: Path) -> Presence:
    try:
        config = read_config(folder)
        whole = metadata_file(folder, config.dataset_type) or embedding_files(folder)
    except DataError:
        whole = None
    if whole:
        return "all"
    try:
        parts = {path.name for path in folder.iterdir()} - {CHECKPOINTS}
    except OSError:
        return "none"
    return "some" if parts else "none"


def _checkpoint_here(file: Path) -> Presence:
    if is_regular(file):
        return "all"
    return "some" if file.with_name(file.name + PART).exists() else "none"


def checkpoint_place(folder: Path, model: PublishedModel) -> Path:
    """Where the checkpoint of a published model belongs in a data folder.

    That is where its ``config.json`` looks for a file of this name, if it does.
    """
    assert model.checkpoint is not None
    file = model.checkpoint.file
    if model.data is None:
        return folder / CHECKPOINTS / file
    model_folder = folder / model.name
    try:
        relative = read_config(model_folder).checkpoint or ""
    except DataError:
        relative = ""
    if PurePosixPath(relative).name == file and stays_inside(model_folder, relative):
        return model_folder / relative
    return model_folder / CHECKPOINTS / file


def ensure_data_ready(
    data_dir: Path,
    checkpoints: Collection[str] | None = None,
    models: Collection[str] = WITH_DATA,
) -> Readiness:
    """What a data folder lacks of published models, where it would come from, and how large it is.

    Nothing is downloaded: ask `diffviews_desktop.engine` for a `Download`.

    Args:
        data_dir: the data folder; need not be there yet.
        checkpoints: models whose checkpoint is needed; None for all of ``models``.
        models: names of the catalogue.

    Raises:
        UsageError: a name is not in the catalogue.
    """
    catalogue = read_catalogue()
    missing: list[MissingPart] = []
    for name in models:
        entry = look_at(data_dir, catalogue.model(name))
        model, file = entry.model, entry.checkpoint_file
        if model.data is not None and entry.data != "all":
            data = model.data
            missing.append(MissingPart(name, "data", data_dir / name, data.origins, data.bytes))
        with_checkpoint = checkpoints is None or name in checkpoints
        if with_checkpoint and model.checkpoint is not None and file and entry.checkpoint != "all":
            one = model.checkpoint
            missing.append(MissingPart(name, "checkpoint", file, one.origins, one.bytes))
    return Readiness(tuple(missing))
