"""What is written beside every picture, and inside the PNG, so that it can be made again."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from diffviews_desktop import __version__
from diffviews_desktop.data.checkpoints.digests import checkpoint_digest
from diffviews_desktop.engine.jobs.drawing import Generate, GenerateGrid
from diffviews_desktop.engine.opened_model import OpenedModel
from diffviews_desktop.engine.record_format import flatten, nest
from diffviews_desktop.errors import DataError, brief
from diffviews_desktop.exports.record_files import read_text
from diffviews_desktop.files.reading import parse_json
from diffviews_desktop.text.validation import first_problem
from diffviews_desktop.values.interventions import rows_of
from diffviews_desktop.values.models import ModelFacts
from diffviews_desktop.values.told import described_told

FORMAT = 1
MOST_SAMPLES = 100_000


_JOBS: dict[str, TypeAdapter[Generate] | TypeAdapter[GenerateGrid]] = {
    "generate": TypeAdapter(Generate),
    "grid": TypeAdapter(GenerateGrid),
}


class Record(BaseModel):
    """A record that was read.

    Attributes:
        format: of the record.
        kind: of the job.
        job: the job with its seed and batch, to be validated by `job_of`.
        sample_ids: of the rows that the interventions are made of (see `rows_of`).
        samples: fingerprint of the table that the rows count in.
        checkpoint: name and SHA-256 of the weights.
        masks: SHA-256 of what each layer was held at or was added to it, 32-bit floats.
        device: where it ran.
        threads: how many threads torch had.
        versions: of the program and of what it computes with.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    format: Literal[1]
    kind: Literal["generate", "grid"]
    job: dict[str, Any]
    sample_ids: Annotated[tuple[str, ...], Field(max_length=MOST_SAMPLES)] = ()
    samples: str = ""
    checkpoint: dict[str, str] = {}
    masks: dict[str, str] = {}
    device: str = ""
    threads: int | None = Field(default=None, ge=1, le=4096)
    versions: dict[str, str] = {}


def make_record(
    job: Generate | GenerateGrid,
    opened: OpenedModel,
    facts: ModelFacts,
    masks: Mapping[str, str],
    check: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """The record of a finished job: values that JSON knows, the same whenever it is made again.
    ``check`` is called while the weights are read for their checksum, and may raise to stop."""
    import torch

    told = job.spec.told
    return {
        "format": FORMAT,
        "kind": "grid" if isinstance(job, GenerateGrid) else "generate",
        "job": flatten(job),
        "sample_ids": [opened.samples.table.sample_id[row] for row in rows_of(job.interventions)],
        "samples": opened.samples.fingerprint,
        "samples_told": None if told is None else described_told(told, facts.prompts),
        "checkpoint": checkpoint_of(opened, check),
        "masks": dict(masks),
        "device": facts.device,
        "threads": torch.get_num_threads(),
        "versions": versions(),
    }


def checkpoint_of(opened: OpenedModel, check: Callable[[], None]) -> dict[str, str]:
    """Name and SHA-256 of a model's weights."""
    checkpoint = opened.folder.checkpoint()
    return {"name": checkpoint.name, "sha256": checkpoint_digest(checkpoint, check)}


def versions() -> dict[str, str]:
    """What the bytes of a picture can depend on."""
    import torch

    return {
        "diffviews-desktop": __version__,
        "torch": str(torch.__version__),  # it has a class of its own, which would need torch
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
    }


def read_record(path: Path) -> Record:
    """The record in a ``.json`` file or a PNG.

    Raises:
        DataError: it holds none, or one that cannot be used.
    """
    text = read_text(path)
    try:
        value = parse_json(text, path)
        content = value.get("record", value) if isinstance(value, dict) else value
        return Record.model_validate(content)
    except (OSError, ValueError) as error:
        reason = brief(error) if isinstance(error, OSError) else first_problem(error)
        raise DataError(
            f"{path.name} holds no record of a picture that this version can use "
            f"({reason}). Take the .json or .png that generate wrote."
        ) from error


def job_of(record: Record) -> Generate | GenerateGrid:
    """The job of a record.

    Raises:
        DataError: it is damaged.
    """
    try:
        return _JOBS[record.kind].validate_python(nest(record.job))
    except ValueError as error:
        raise DataError(f"The record is damaged ({first_problem(error)}).") from error


def differences(record: Record, fields: Mapping[str, Any]) -> list[str]:
    """Why the bytes of a picture that was made again may differ; empty where nothing is known."""
    repeat = Record.model_validate(fields)
    masks = ["the activations of the mask have changed"] if record.masks != repeat.masks else []
    return [*masks, *changes_between(record.model_dump(), repeat.model_dump())]


def changes_between(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What is not as it was when something was made, by two records; versions
    that the first does not name are not compared."""
    changes = []
    if old.get("samples") != new["samples"]:
        changes.append("the table of samples has changed")
    if _mapping(old, "checkpoint").get("sha256") != new["checkpoint"].get("sha256"):
        changes.append("the weights have changed")
    if old.get("device") != new["device"]:
        changes.append(f"made on {old.get('device')}, not {new['device']}")
    if old.get("threads") != new["threads"]:
        changes.append(f"made with {old.get('threads')} threads, not {new['threads']}")
    for name, version in _mapping(old, "versions").items():
        if new["versions"].get(name) != version:
            changes.append(f"made with {name} {version}, not {new['versions'].get(name)}")
    return changes


def _mapping(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = record.get(name)
    return value if isinstance(value, Mapping) else {}
