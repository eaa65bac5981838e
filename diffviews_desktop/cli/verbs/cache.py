"""``cache``: what the layer caches hold, making room in them, looking for damage, and sharing maps.

No model is loaded for it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from diffviews_desktop import paths
from diffviews_desktop.cli.codes import FAILED
from diffviews_desktop.cli.option_types import layer_set
from diffviews_desktop.cli.progress import showing_progress
from diffviews_desktop.cli.shared import Answer, add_actions, add_verb
from diffviews_desktop.cli.verbs.cache_sharing import add_sharing
from diffviews_desktop.data.cache.entry import DAMAGE, entry_stamp, parse_entry
from diffviews_desktop.data.cache.experiment_folders import (
    KeptExperiment,
    experiments_budget,
    kept_experiments,
)
from diffviews_desktop.data.cache.layer_cache import EntryInfo, LayerCache, budget_bytes
from diffviews_desktop.data.folder.dataset import DataFolder, open_data_folder
from diffviews_desktop.data.folder.demo import demo_folder, unpack_demo
from diffviews_desktop.engine.opened_model import cache_of
from diffviews_desktop.engine.protocol import Progress
from diffviews_desktop.errors import UsageError
from diffviews_desktop.text.wording import size


def add_parser(verbs: Any) -> None:
    """Add the verb's parser, which has verbs of its own."""
    text = "List, clear, verify or share the maps, activations and experiments that are kept."
    actions = add_actions(verbs, "cache", text)

    text = "List what is kept: of which model and layers, how large, when it was last used."
    _add_filters(add_verb(actions, "list", list_entries, text, "cache list --data ./data"))

    text = (
        "Delete what is kept of a model, of layers, the experiments, or all of it; it can be made "
        "again."
    )
    clearing = add_verb(actions, "clear", clear, text, "cache clear --model dmd2 --layer midblock")
    _add_filters(clearing)
    clearing.add_argument("--all", action="store_true", help="everything that is kept")
    clearing.add_argument(
        "--experiments", action="store_true", help="the experiments that are kept"
    )

    text = "Read everything that is kept and compare it with its checksums."
    verifying = add_verb(actions, "verify", verify, text, "cache verify --drop")
    _add_filters(verifying)
    verifying.add_argument("--drop", action="store_true", help="delete what is damaged")

    add_sharing(actions)


def _add_filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, metavar="DIR", help="data folder")
    parser.add_argument("--model", metavar="NAME", help="only of this model")
    parser.add_argument("--layer", type=layer_set, metavar="NAME", help="only of these layers")
    parser.add_argument("--key", help="only the entry of this key")


def list_entries(options: argparse.Namespace) -> Answer:
    """What is kept, least recently used first: the order in which it is dropped; experiments where
    no model or layer is named."""
    budget = budget_bytes()
    caches: list[dict[str, Any]] = []
    lines: list[str] = []
    for cache in _caches(options):
        entries = [info for info in cache.entries() if _is_wanted(info, options)]
        total, leftovers = sum(info.bytes for info in entries), cache.unfinished_bytes()
        caches.append(
            {
                "path": str(cache.root),
                "entries": [_facts(info) for info in entries],
                "bytes": total,
                "unfinished_bytes": leftovers,
            }
        )
        if entries or leftovers:
            lines.append(
                f"{cache.root}: {size(total)} of {size(budget)}, {size(leftovers)} unfinished"
            )
            lines += [_line(info) for info in entries]
    experiments = _experiments(options)
    if experiments:
        total = sum(one.bytes for one in experiments)
        lines.append(f"{kept_experiments().root}: {size(total)} of {size(experiments_budget())}")
        lines += [f"  {size(one.bytes)}  used {_time(one.used)}  {one.key}" for one in experiments]
    result = {
        "caches": caches,
        "experiments": [
            {"key": one.key, "bytes": one.bytes, "used": one.used} for one in experiments
        ],
        "experiments_budget": experiments_budget(),
        "budget": budget,
        "bytes": sum(cache["bytes"] for cache in caches),
        "unfinished_bytes": sum(cache["unfinished_bytes"] for cache in caches),
    }
    return Answer(result, lines or ["Nothing is kept."])


def clear(options: argparse.Namespace) -> Answer:
    """Delete what is kept of what was named.

    Raises:
        UsageError: nothing was named, or everything and something else.
    """
    has_filter = (options.model, options.layer, options.key) != (None, None, None)
    if options.all + has_filter + options.experiments != 1:
        raise UsageError(
            "Say what to clear: either --all for everything, or --experiments, or some of "
            "--model, --layer and --key."
        )
    room = 0
    if options.all or options.experiments or _experiments(options):
        room = kept_experiments().clear(options.key)
    if not options.experiments:
        room += _clear(options)
    return Answer({"freed": room}, [f"{size(room)} freed"])


def _clear(options: argparse.Namespace) -> int:
    return sum(
        cache.clear(
            key=options.key, model=options.model, layers=options.layer, everything=options.all
        )
        for cache in _caches(options)
    )


def _experiments(options: argparse.Namespace) -> list[KeptExperiment]:
    """Those that are meant: an experiment is kept by its key alone."""
    if (options.model, options.layer) != (None, None):
        return []
    return [one for one in kept_experiments().entries() if options.key in (None, one.key)]


def verify(options: argparse.Namespace) -> Answer:
    """Read all entries; the exit code is 1 where one is damaged, whether or not it is dropped."""
    damaged, lines, sound = [], [], 0
    with showing_progress() as show:
        for cache in _caches(options):
            for info, problem in cache.verify(progress=_fraction(show)):
                if not _is_wanted(info, options):
                    continue
                if problem is None or _is_newer(info):
                    sound += 1
                    continue
                damaged.append({**_facts(info), "problem": problem, "dropped": options.drop})
                lines.append(
                    f"damaged: {info.path}: {problem}{' (dropped)' if options.drop else ''}"
                )
                if options.drop:
                    cache.drop(info.key)
    lines.append(f"{sound} sound, {len(damaged)} damaged")
    return Answer({"sound": sound, "damaged": damaged}, lines, FAILED if damaged else 0)


def _fraction(show: Callable[[Progress], None]) -> Callable[[float], None]:
    return lambda fraction: show(Progress(0, "reading", fraction))


def _caches(options: argparse.Namespace) -> Iterator[LayerCache]:
    """The caches beside the models of a data folder, then the user's own.

    Raises:
        DataError: there is no such data folder, or neither it nor the user's cache has the model.
    """
    user_cache = LayerCache(paths.cache_dir() / "layer_cache")
    caches = {user_cache.root: user_cache}
    folder = _data_folder(options)
    if folder is not None:
        names = {info.model for info in user_cache.entries()}
        if options.model is not None and options.model not in names:
            folder.model(options.model)
        beside = [cache_of(model) for model in folder.models.values()]
        caches = {cache.root: cache for cache in (*beside, user_cache)}
    yield from caches.values()


def _data_folder(options: argparse.Namespace) -> DataFolder | None:
    """The data folder; None where it is a demo that was not unpacked yet."""
    path = options.data or paths.default_data_folder()
    if path is None and not demo_folder().is_dir():
        return None
    return open_data_folder(path or unpack_demo())


def _is_wanted(info: EntryInfo, options: argparse.Namespace) -> bool:
    return (
        options.model in (None, info.model)
        and options.layer in (None, info.layers)
        and options.key in (None, info.key)
    )


def _is_newer(info: EntryInfo) -> bool:
    """Whether a later version of this program wrote an entry: then it is not damaged."""
    try:
        stamp = entry_stamp(info.path)
        return stamp is not None and parse_entry(stamp) is None
    except DAMAGE:
        return False


def _facts(info: EntryInfo) -> dict[str, Any]:
    return {
        "key": info.key,
        "model": info.model,
        "layers": list(info.layers),
        "parameters": dict(info.parameters),
        "bytes": info.bytes,
        "has_matrix": info.has_matrix,
        "created": info.created,
        "used": info.used,
    }


def _line(info: EntryInfo) -> str:
    date = _time(info.used)
    parameters = " ".join(f"{name}={value}" for name, value in info.parameters.items())
    entry = f"{info.model}  {info.layers}  {size(info.bytes)}"
    return f"  {entry}  used {date}  {parameters}  {info.key}"


def _time(seconds: float) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
    except (OverflowError, ValueError, OSError):  # a clock that is millions of years off
        return "at an impossible time"
