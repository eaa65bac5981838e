"""``cache push``, ``pull`` and ``status``: maps that a group shares through a bucket.

No model is loaded for them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from diffviews_desktop import paths
from diffviews_desktop.cli.bucket_options import add_bucket_options, bucket_of
from diffviews_desktop.cli.codes import DONE, FAILED
from diffviews_desktop.cli.option_types import gigabytes, layer_set
from diffviews_desktop.cli.shared import Answer, add_verb, engine_of, open_data
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.sharing import (
    CompareMaps,
    MapsCompared,
    MapsPulled,
    MapsPushed,
    PullMaps,
    PushMaps,
    Reasons,
)
from diffviews_desktop.engine.protocol import Job
from diffviews_desktop.text.wording import size
from diffviews_desktop.values.folders import FolderRef

R = TypeVar("R")


def add_sharing(actions: Any) -> None:
    """Add the parsers of the three."""
    text = "Upload the maps kept here that a bucket lacks."
    pushing = add_verb(actions, "push", push, text, "cache push --data ./data --bucket our-maps")
    _add_options(pushing)
    pushing.add_argument("--layer", type=layer_set, metavar="NAME", help="only of these layers")
    pushing.add_argument(
        "--verify", action="store_true", help="also read the maps there, and replace damaged ones"
    )
    pushing.add_argument(
        "--limit",
        type=gigabytes,
        metavar="GB",
        help="how much all maps in the bucket may take (default: 10)",
    )
    text = "Fetch the maps of your samples and weights that a bucket has and you lack."
    pulling = add_verb(actions, "pull", pull, text, "cache pull --data ./data --bucket our-maps")
    _add_options(pulling)
    pulling.add_argument("--layer", type=layer_set, metavar="NAME", help="only of these layers")
    text = "Say how many maps are in the bucket, here, or both."
    _add_options(add_verb(actions, "status", status, text, "cache status --bucket our-maps"))


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, metavar="DIR", help="data folder")
    parser.add_argument("--model", metavar="NAME", help="only of this model")
    add_bucket_options(parser)
    parser.set_defaults(device="cpu")


def push(options: argparse.Namespace) -> Answer:
    """Put maps into the bucket; the exit code is 1 where one could not be put there."""
    limit = {} if options.limit is None else {"limit_bytes": options.limit}
    bucket = bucket_of(options, **limit)
    results = _of_models(
        options,
        lambda folder, model: PushMaps(
            job_id=0,
            folder=folder,
            model=model,
            bucket=bucket,
            layers=options.layer,
            verify=options.verify,
        ),
    )
    lines: list[str] = []
    for one in results:
        lines.append(
            f"{one.model}: {one.pushed} put into {one.bucket} ({size(one.bytes)}), {one.present} "
            f"were there, {len(one.left_out)} left out, {len(one.failed)} failed"
        )
        lines += [*_reason_lines(one.left_out), *_reason_lines(one.failed)]
    return _answer(results, lines, failed=any(one.failed for one in results))


def pull(options: argparse.Namespace) -> Answer:
    """Fetch maps; the exit code is 1 where one could not be fetched."""
    bucket = bucket_of(options)
    results = _of_models(
        options,
        lambda folder, model: PullMaps(
            job_id=0, folder=folder, model=model, bucket=bucket, layers=options.layer
        ),
    )
    lines: list[str] = []
    for one in results:
        lines.append(
            f"{one.model}: {one.pulled} fetched from {one.bucket} ({size(one.bytes)}), "
            f"{one.present} were here, {len(one.failed)} failed"
        )
        lines += _reason_lines(one.failed)
    return _answer(results, lines, failed=any(one.failed for one in results))


def status(options: argparse.Namespace) -> Answer:
    """How many maps are where."""
    bucket = bucket_of(options)
    results = _of_models(
        options,
        lambda folder, model: CompareMaps(job_id=0, folder=folder, model=model, bucket=bucket),
    )
    first = results[0]
    lines = [f"{first.bucket}: {size(first.used)} of maps, at most {size(first.limit)}"]
    for one in results:
        lines.append(
            f"{one.model}: {one.both} there and here, {one.only_there} only there, "
            f"{one.only_here} only here, {len(one.left_out)} not shared"
        )
        lines += _reason_lines(one.left_out)
    return _answer(results, lines)


def _answer(
    results: Sequence[MapsPushed | MapsPulled | MapsCompared],
    lines: list[str],
    failed: bool = False,
) -> Answer:
    models = []
    for one in results:
        facts = {name: value for name, value in asdict(one).items() if name != "bucket"}
        for name in ("left_out", "failed"):
            if name in facts:
                facts[name] = [{"map": title, "reason": reason} for title, reason in facts[name]]
        models.append(facts)
    return Answer(
        {"bucket": results[0].bucket, "models": models}, lines, FAILED if failed else DONE
    )


def _of_models(options: argparse.Namespace, job: Callable[[FolderRef, str], Job[R]]) -> list[R]:
    """What a job says of the model that is meant, or of each of the folder's."""
    folder = FolderRef(path=options.data or paths.default_data_folder())
    with engine_of(options) as engine:
        return [engine.run(job(folder, model)) for model in _models(engine, folder, options.model)]


def _models(engine: Engine, folder: FolderRef, name: str | None) -> Iterator[str]:
    if name is not None:
        yield name
    else:
        yield from sorted(model.name for model in open_data(engine, folder, None).models)


def _reason_lines(reasons: Reasons) -> list[str]:
    return [f"  {name}: {reason}" for name, reason in reasons]
