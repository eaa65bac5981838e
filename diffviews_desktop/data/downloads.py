"""What a download consists of: which files, from which place, into which folder.

The layout of a model's folder is that of the original system::

    data/<model>/{config.json, checkpoints, activations, embeddings, metadata, images}

so its buckets and data sets are taken as they are. What this program does not read is left where it
is: the ``.pkl`` of a map, and caches of layers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Literal

from diffviews_desktop.data.sources import Catalogue, checkpoint_place, file_of
from diffviews_desktop.data.stores.bucket_access import USUAL_BUCKET
from diffviews_desktop.data.stores.store import Store
from diffviews_desktop.errors import (
    StoreAccessError,
    StoreError,
    StoreNotFoundError,
    StoreUnreachableError,
    UsageError,
)
from diffviews_desktop.values.import_rules import CHECKPOINT_SUFFIXES
from diffviews_desktop.values.locations import Location
from diffviews_desktop.values.sources import CHECKPOINTS, Origin, PublishedModel, Source
from diffviews_desktop.values.transfers import RemoteFile

CONFIG = "config.json"
_LEFT = frozenset({"layer_cache", "intermediates", CHECKPOINTS})

Opener = Callable[[Location], Store]


@dataclass(frozen=True)
class Part:
    """Files of one place that go into one folder.

    Attributes:
        part: a model's folder, or checkpoints.
        store: where they are.
        origin: its address.
        files: with keys that are paths in ``place``.
        place: the folder.
        model: the model whose folder it is; empty for checkpoints.
    """

    part: Literal["data", "checkpoint"]
    store: Store
    origin: Location
    files: tuple[RemoteFile, ...]
    place: Path
    model: str = ""

    def rounds(self) -> Iterator[tuple[RemoteFile, ...]]:
        """The files in the order in which they are fetched: the folder's settings last, as no
        folder counts as a model's without them."""
        last = tuple(file for file in self.files if PurePosixPath(file.key).name == CONFIG)
        if self.part == "data" and last:
            yield tuple(file for file in self.files if file not in last)
            yield last
        else:
            yield self.files


@dataclass(frozen=True)
class Found:
    """What there is to download, and why places that were tried before cannot be used."""

    parts: tuple[Part, ...]
    passed_over: tuple[str, ...] = ()


def find_parts(
    text: str,
    out: Path,
    catalogue: Catalogue,
    open_store: Opener,
    *,
    source: Source | Literal["auto"] = "auto",
    data: bool = True,
    checkpoint: bool = True,
    has_keys: bool = True,
) -> Found:
    """What a name of the catalogue, or an address, stands for now.

    Args:
        text: the name or the address.
        out: the data folder that it goes into.
        catalogue: what is published.
        open_store: opens the store of a location.
        source: the only sort of place to take it from; "auto" for the first that can be used.
        data: whether the model's folder is wanted.
        checkpoint: whether its checkpoint is wanted.
        has_keys: whether there are keys for the original system's bucket.

    Raises:
        UsageError: there is no such name, or ``source`` is none of its places.
        StoreError: no place can be used.
    """
    if "://" in text:
        return Found(tuple(_of_address(text, out, open_store, data, checkpoint)))
    model = catalogue.model(text)
    parts: list[Part] = []
    passed_over: list[str] = []
    if data and model.data is not None:
        origins = _choose(model.name, model.data.origins, source, has_keys)
        parts.append(_first(origins, lambda one: _folder(one, model, out, open_store), passed_over))
    if checkpoint and model.checkpoint is not None:
        origins = _choose(model.name, model.checkpoint.origins, source, has_keys)
        parts.append(_first(origins, lambda one: _file(one, model, out, open_store), passed_over))
    return Found(tuple(parts), tuple(dict.fromkeys(passed_over)))


# ---- published models ---------------------------------------------------------------------------


def _choose(
    name: str, origins: Sequence[Origin], source: Source | Literal["auto"], has_keys: bool
) -> list[Origin]:
    """The places to try.

    Raises:
        UsageError: none is left.
    """
    if source != "auto":
        matches = [origin for origin in origins if origin.source == source]
        if not matches:
            names = ", ".join(origin.source for origin in origins)
            raise UsageError(
                f"{name} cannot be downloaded from {source} alone: its places are {names}. Choose "
                "one of them, or auto."
            )
        return matches
    usable = [one for one in origins if has_keys or not is_private(one.location)]
    return usable or list(origins)


def is_private(location: Location) -> bool:
    """Whether it is in the original system's bucket, which nobody gets into without keys."""
    return location.kind == "s3" and location.root == USUAL_BUCKET


def _first(
    origins: Sequence[Origin], find: Callable[[Origin], Part], passed_over: list[str]
) -> Part:
    """What is found at the first place that can be used.

    Raises:
        StoreError: none can; it says why each cannot.
    """
    failed: list[StoreError] = []
    for origin in origins:
        try:
            part = find(origin)
        except (StoreAccessError, StoreNotFoundError, StoreUnreachableError) as error:
            failed.append(error)
        else:
            passed_over += map(str, failed)
            return part
    if len(failed) == 1:
        raise failed[0]
    raise type(failed[-1])(" ".join(map(str, failed)))


def _folder(origin: Origin, model: PublishedModel, out: Path, open_store: Opener) -> Part:
    store = open_store(origin.location)
    files = model_files(store.list())
    if not any(file.key == CONFIG for file in files):
        raise StoreNotFoundError(
            f"{store.describe()} has no {CONFIG}, so it is not a model's folder. Check whether it "
            "was moved."
        )
    return Part("data", store, origin.location, files, out / model.name, model.name)


def _file(origin: Origin, model: PublishedModel, out: Path, open_store: Opener) -> Part:
    checkpoint = model.checkpoint
    assert checkpoint is not None
    store = open_store(origin.location)
    file = next((one for one in store.list() if one.key == checkpoint.file), None)
    if file is None:
        raise StoreNotFoundError(
            f"There is no file {origin.location.display_text()}. "
            "Check whether it was moved or renamed."
        )
    if checkpoint.sha256:
        file = replace(file, sha256=checkpoint.sha256)
    place = checkpoint_place(out, model).parent
    return Part("checkpoint", store, origin.location, (file,), place)


def model_files(files: Iterable[RemoteFile]) -> tuple[RemoteFile, ...]:
    """Those files of a model's folder that are fetched, checkpoints aside.

    Not fetched are pickles, which are not read; caches of layers; and batches of activations
    (``.npz``) where they are there as one matrix as well.
    """
    selection = [file for file in files if _is_data(PurePosixPath(file.key))]
    if any(_is_matrix(file.key) for file in selection):
        selection = [file for file in selection if not _is_batch(file.key)]
    return tuple(selection)


def _is_data(key: PurePosixPath) -> bool:
    in_cache = key.parts[:2] == ("embeddings", "layer_cache")
    return not in_cache and key.parts[0] not in _LEFT and key.suffix.lower() != ".pkl"


def _is_pickle_of_map(key: str) -> bool:
    """Whether a pickle lies where the original system keeps those of its maps."""
    *folders, name = key.lower().split("/")
    return name.endswith(".pkl") and not {"embeddings", "layer_cache"}.isdisjoint(folders)


def _is_matrix(key: str) -> bool:
    return key.startswith("activations/") and key.endswith(".npy")


def _is_batch(key: str) -> bool:
    return key.startswith("activations/") and key.endswith(".npz")


# ---- addresses ----------------------------------------------------------------------------------


def _of_address(
    text: str, out: Path, open_store: Opener, data: bool, checkpoint: bool
) -> Iterator[Part]:
    """What an address that the user wrote stands for: a file, a model's folder, or several.

    Raises:
        UsageError: it is no address, or there is nothing to download at it.
    """
    try:
        location = Location.parse(text)
    except ValueError as error:
        raise UsageError(str(error)) from error
    store = open_store(location)
    files = [file for file in store.list() if not _is_pickle_of_map(file.key)]
    name = file_of(location) or location.root.rpartition("/")[2]
    roots = _model_roots(files)
    if roots:
        for root in roots:
            below = replace(location, path=f"{location.path}/{root}".strip("/"))
            model = PurePosixPath(root).name or name
            members = [file for file in files if file.key.startswith(root)]
            relative = [replace(file, key=file.key.removeprefix(root)) for file in members]
            yield from _of_folder(open_store(below), below, relative, out / model, data, checkpoint)
    elif len(files) == 1 and is_weights(files[0].key):
        yield Part("checkpoint", store, location, tuple(files), out / CHECKPOINTS)
    elif any(is_weights(file.key) for file in files):
        yield Part("checkpoint", store, location, tuple(files), out / CHECKPOINTS / name)
    else:
        raise UsageError(
            f"{store.describe()} has neither a model's folder, with config.json and pictures or a "
            f"map, nor a checkpoint, which ends in one of {', '.join(CHECKPOINT_SUFFIXES)}. "
            "Check the address."
        )


def _of_folder(
    store: Store,
    location: Location,
    files: Sequence[RemoteFile],
    place: Path,
    data: bool,
    checkpoint: bool,
) -> Iterator[Part]:
    """The data of a model's folder, and the checkpoints in it."""
    weights = tuple(file for file in files if file.key.startswith(f"{CHECKPOINTS}/"))
    if data:
        yield Part("data", store, location, model_files(files), place, place.name)
    if checkpoint and weights:
        yield Part("checkpoint", store, location, weights, place)


def _model_roots(files: Iterable[RemoteFile]) -> list[str]:
    """The folders, each with a slash at its end, that are models' folders."""
    keys = [file.key for file in files]
    roots = [key.removesuffix(CONFIG) for key in keys if PurePosixPath(key).name == CONFIG]
    return [root for root in sorted(roots) if any(_shows_samples(key, root) for key in keys)]


def _shows_samples(key: str, root: str) -> bool:
    if not key.startswith(root):
        return False
    parts = key.removeprefix(root).split("/")
    is_list = len(parts) == 3 and (parts[0], parts[2]) == ("metadata", "dataset_info.json")
    is_map = len(parts) == 2 and parts[0] == "embeddings" and parts[1].endswith(".csv")
    return is_list or is_map


def is_weights(key: str) -> bool:
    """Whether a file is a checkpoint by its name."""
    return key.lower().endswith(CHECKPOINT_SUFFIXES)
