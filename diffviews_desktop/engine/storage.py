"""What the program keeps on the disk: measured and cleared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from diffviews_desktop import paths
from diffviews_desktop.data.cache.disk import tree_size
from diffviews_desktop.data.cache.experiment_folders import kept_experiments
from diffviews_desktop.data.cache.layer_cache import LayerCache
from diffviews_desktop.data.cache.limits import VARIABLES, limit_of
from diffviews_desktop.data.cache.place import cache_place
from diffviews_desktop.data.folder.demo import demo_folder
from diffviews_desktop.engine.open_folders import OpenFolders
from diffviews_desktop.engine.opened_model import cache_of
from diffviews_desktop.errors import DataError
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.storage import DiskUse, Kept, KeptFiles


def measure(folder: FolderRef, downloads: Path, check: Callable[[], None]) -> DiskUse:
    """How much is kept, beside the models of a data folder and in the user's own folders.

    Args:
        folder: the data folder.
        downloads: the data folder that models are downloaded into.
        check: called between folders; raises to stop.
    """
    items = []
    for cache, model in _caches(folder, check):
        size = sum(info.bytes for info in cache.entries()) + cache.unfinished_bytes()
        items.append(KeptFiles("maps", cache.root, size, model=model))
        check()
    experiments = kept_experiments().root
    size = tree_size(experiments)
    items.append(KeptFiles("experiments", experiments, size))
    check()
    items.append(KeptFiles("downloads", downloads, tree_size(downloads), clearable=False))
    return DiskUse(tuple(items), tuple(map(limit_of, VARIABLES)), cache_place())


def clear(kind: Kept, path: Path, folder: FolderRef, check: Callable[[], None]) -> None:
    """Delete what is kept at a place of those that `measure` tells; what is in use stays."""
    if kind == "maps":
        for cache, _ in _caches(folder, check):
            if cache.root == path:
                cache.clear(everything=True)
    elif kind == "experiments" and path == kept_experiments().root:
        kept_experiments().clear()


def _caches(folder: FolderRef, check: Callable[[], None]) -> Iterator[tuple[LayerCache, str]]:
    """The caches beside the models of a data folder, with their names, then the user's own."""
    caches = {}
    if folder.path is not None or demo_folder().is_dir():
        try:
            models = OpenFolders(check).folder(folder).models
        except DataError:  # said where it was opened
            models = {}
        for model in models.values():
            cache = cache_of(model)
            caches[cache.root] = cache, model.name
    user_cache = LayerCache(paths.cache_dir() / "layer_cache")
    yield from {**caches, user_cache.root: (user_cache, "")}.values()
