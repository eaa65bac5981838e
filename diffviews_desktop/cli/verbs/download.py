"""``download``: published models, or what lies at an address, into a data folder."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from diffviews_desktop import paths
from diffviews_desktop.cli.codes import DONE, FAILED
from diffviews_desktop.cli.shared import Answer, add_verb, engine_of
from diffviews_desktop.data.sources import (
    WITH_DATA,
    ensure_data_ready,
    list_models,
    own_catalogue,
    read_catalogue,
)
from diffviews_desktop.engine.jobs.downloading import (
    Download,
    Downloaded,
    PlanDownload,
    PlannedDownload,
)
from diffviews_desktop.errors import CheckpointError, KeyringError, NoRoomError, StoreError, explain
from diffviews_desktop.text.wording import format_count, size
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.sources import ListedModel, MissingPart

_PRESENCE = {"all": "here", "some": "partly here", "none": "not here"}


def add_parser(verbs: Any) -> None:
    """Add the verb's parser."""
    text = (
        "Download published models with their pictures and maps, or what lies at an address of "
        "your own. What is there is not fetched again; an interrupted download resumes."
    )
    parser = add_verb(verbs, "download", run, text)
    parser.add_argument(
        "what",
        nargs="?",
        default="all",
        metavar="WHAT",
        help="dmd2, edm, all (both; the default), none (only say what is missing), another name "
        "that --list shows, or an address: s3://…, hf://… or https://…",
    )
    parser.add_argument(
        "--output-dir",
        type=Path,
        metavar="DIR",
        help="data folder to download into (default: $DIFFVIEWS_DATA_DIR, else one of the "
        "program's own)",
    )
    parser.add_argument(
        "--source",
        choices=("auto", "r2", "hf", "url"),
        default="auto",
        help="where to download from: a bucket, Hugging Face, an address, or the first of them "
        "that can be used (default: auto)",
    )
    parser.add_argument(
        "--checkpoints",
        default="all",
        metavar="NAMES",
        help="of which models to download the checkpoint: all, none, or names separated by commas "
        "(default: all)",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be downloaded, and stop"
    )
    parser.add_argument("--list", action="store_true", help="list what can be downloaded, and stop")
    parser.set_defaults(device="cpu")


def run(options: argparse.Namespace) -> Answer:
    """Download, or say what there is.

    The exit code is 1 where a file could not be fetched, though the others could.
    """
    out = options.output_dir or paths.downloads_dir()
    if options.list:
        return _list(out)
    checkpoints = _checkpoints(options.checkpoints)
    if options.what == "none":
        return _missing(out, checkpoints)
    names = WITH_DATA if options.what == "all" else (options.what,)
    return (
        _plan(options, out, names, checkpoints)
        if options.dry_run
        else _fetch(options, out, names, checkpoints)
    )


def _fetch(
    options: argparse.Namespace, out: Path, names: Sequence[str], checkpoints: Sequence[str] | None
) -> Answer:
    downloads: list[Downloaded] = []
    failed: dict[str, str] = {}
    with engine_of(options) as engine:
        for name in names:
            job = Download(job_id=0, **_arguments(options, out, name, checkpoints))
            try:
                downloads.append(engine.run(job))
            except (StoreError, CheckpointError, KeyringError) as error:
                if len(names) == 1 or isinstance(error, NoRoomError):
                    raise
                failed[name] = explain(error)  # the others may be had
    result = {
        "folder": str(out.absolute()),
        "downloads": [_facts(one) for one in downloads],
        "failed": failed,
    }
    lines = [line for one in downloads for line in _lines(one)]
    lines += [f"{name}: {reason}" for name, reason in failed.items()]
    return Answer(result, lines, FAILED if failed or any(one.failed for one in downloads) else DONE)


def _plan(
    options: argparse.Namespace, out: Path, names: Sequence[str], checkpoints: Sequence[str] | None
) -> Answer:
    with engine_of(options) as engine:
        plans = [
            engine.run(PlanDownload(job_id=0, **_arguments(options, out, name, checkpoints)))
            for name in names
        ]
    total, free = sum(plan.bytes for plan in plans), plans[0].free
    result = {
        "folder": str(out.absolute()),
        "bytes": total,
        "free": free,
        "plans": [_plan_facts(plan) for plan in plans],
    }
    lines = [line for plan in plans for line in _plan_lines(plan)]
    return Answer(result, [*lines, f"{size(total)} in all; {size(free)} are free in {out}"])


def _arguments(
    options: argparse.Namespace, out: Path, name: str, checkpoints: Sequence[str] | None
) -> dict[str, Any]:
    return {
        "folder": FolderRef(),
        "what": name,
        "out": out,
        "source": options.source,
        "checkpoint": checkpoints is None or name in checkpoints,
    }


def _checkpoints(text: str) -> tuple[str, ...] | None:
    """The models whose checkpoints are wanted; None for all.

    Raises:
        UsageError: a name is not in the catalogue.
    """
    if text in ("all", "none"):
        return None if text == "all" else ()
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    catalogue = read_catalogue()
    for name in names:
        catalogue.model(name)
    return names


# ---- what there is ------------------------------------------------------------------------------


def _list(out: Path) -> Answer:
    catalogue = read_catalogue()
    models = list_models(out, catalogue)
    result = {
        "folder": str(out.absolute()),
        "own_catalogue": str(own_catalogue()),
        "problem": catalogue.problem,
        "models": [_entry_facts(one) for one in models],
    }
    wide = max(len(one.model.name) for one in models)
    lines = [_line(one, wide) for one in models]
    lines += [f"Your own entries go into {own_catalogue()}."]
    return Answer(result, [*lines, catalogue.problem] if catalogue.problem else lines)


def _line(entry: ListedModel, wide: int) -> str:
    model = entry.model
    about = "size unknown" if model.bytes is None else f"about {size(model.bytes)}"
    parts = [model.title, about, model.licence, _PRESENCE[entry.amount]]
    return f"{model.name:{wide}}  {' · '.join(parts)}"


def _entry_facts(entry: ListedModel) -> dict[str, Any]:
    model = entry.model
    parts: dict[str, Any] = {}
    for name, part, state in (
        ("data", model.data, entry.data),
        ("checkpoint", model.checkpoint, entry.checkpoint),
    ):
        if part is not None:
            origins = {one.source: one.location.display_text() for one in part.origins}
            parts[name] = {"origins": origins, "bytes": part.bytes, "here": state}
    return {
        "name": model.name,
        "title": model.title,
        "licence": model.licence,
        "about": model.about,
        "bytes": model.bytes,
        "here": entry.amount,
        **parts,
    }


def _missing(out: Path, checkpoints: Sequence[str] | None) -> Answer:
    missing = ensure_data_ready(out, checkpoints).missing
    result = {"folder": str(out.absolute()), "missing": [_missing_facts(one) for one in missing]}
    lines = [_missing_line(one) for one in missing] or [f"{out} has all of {_all(WITH_DATA)}."]
    return Answer(result, lines)


def _missing_facts(missing: MissingPart) -> dict[str, Any]:
    return {
        "model": missing.model,
        "part": missing.part,
        "place": str(missing.place),
        "origins": {one.source: one.location.display_text() for one in missing.origins},
        "bytes": missing.bytes,
    }


def _missing_line(missing: MissingPart) -> str:
    about = "of unknown size" if missing.bytes is None else f"about {size(missing.bytes)}"
    part = "pictures and map" if missing.part == "data" else "checkpoint"
    origins = ", or ".join(one.location.display_text() for one in missing.origins)
    return f"{missing.model}: the {part} ({about}) would come from {origins}"


def _all(names: Iterable[str]) -> str:
    return " and ".join(names)


def _plan_facts(plan: PlannedDownload) -> dict[str, Any]:
    parts = [
        {
            "part": part.part,
            "origin": part.origin,
            "place": str(part.place),
            "files": part.files,
            "bytes": part.bytes,
            "present": part.present,
            "left_out": [list(pair) for pair in part.left_out],
        }
        for part in plan.parts
    ]
    return {"what": plan.what, "parts": parts, "notes": list(plan.passed_over)}


def _plan_lines(plan: PlannedDownload) -> Iterator[str]:
    for part in plan.parts:
        remark = f", {part.present:,} are there" if part.present else ""
        amount = f"{format_count(part.files, 'file')}, {size(part.bytes)}{remark}"
        yield f"{plan.what}: {amount}, from {part.origin} into {part.place}"
        yield from (f"  left out: {key}: {reason}" for key, reason in part.left_out)
    yield from (f"  {note}" for note in plan.passed_over)


# ---- what was done ------------------------------------------------------------------------------


def _facts(download: Downloaded) -> dict[str, Any]:
    return {
        "what": download.what,
        "models": list(download.models),
        "checkpoints": [str(path) for path in download.checkpoints],
        "files": download.files,
        "bytes": download.bytes,
        "failed": [list(pair) for pair in download.failed],
        "notes": list(download.notes),
    }


def _lines(download: Downloaded) -> list[str]:
    amount = f"{format_count(download.files, 'file')}, {size(download.bytes)}"
    lines = [
        f"{download.what}: {amount} downloaded"
        if download.files
        else f"{download.what}: all is there"
    ]
    lines += [f"  model {download.out / name}" for name in download.models]
    lines += [f"  checkpoint {path}" for path in download.checkpoints]
    lines += [f"  not downloaded: {key}: {reason}" for key, reason in download.failed]
    return [*lines, *(f"  {note}" for note in download.notes)]
