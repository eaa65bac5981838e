"""``experiment --replay``: the experiment of a file."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from diffviews_desktop import paths
from diffviews_desktop.cli.shared import open_data
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.record import changes_between
from diffviews_desktop.errors import DataError
from diffviews_desktop.files.reading import MOST_LISTED_JSON, read_json_value
from diffviews_desktop.values.experiment_text import read_experiment
from diffviews_desktop.values.experiments import Experiment
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.interventions import rows_of, with_rows

MOST_THREADS = 4096


@dataclass(frozen=True)
class Recorded:
    """What a file says of an experiment.

    Attributes:
        experiment: with the rows that its samples had.
        folder: the data folder, and how it was read.
        sample_ids: names of the samples of each group.
        acting_ids: names of the samples of its interventions.
        threads: that it was drawn with; None where nobody wrote it down.
        record: all of it.
    """

    experiment: Experiment
    folder: FolderRef
    sample_ids: tuple[tuple[str, ...], ...]
    acting_ids: tuple[str, ...]
    threads: int | None
    record: Mapping[str, Any]


def read_recorded(file: Path) -> Recorded:
    """The experiment of a file.

    Raises:
        DataError: it holds none.
    """
    try:
        value = read_json_value(file, MOST_LISTED_JSON)
        record = value.get("record", value)
        if record.get("kind") != "experiment" or record.get("format") != 1:
            raise ValueError("it is of another kind")
        experiment = read_experiment(record["experiment"])
        acting_ids = tuple(str(name) for name in record.get("intervention_ids", ()))
        if len(acting_ids) != len(rows_of(experiment.interventions)):
            raise ValueError("it names other samples than its interventions have")
        return Recorded(
            experiment=experiment,
            folder=_folder(record),
            sample_ids=tuple(tuple(map(str, group)) for group in record["sample_ids"]),
            acting_ids=acting_ids,
            threads=_threads(record.get("threads")),
            record=record,
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise DataError(
            f"{file.name} holds no experiment that this version can run. Take the experiment.json "
            "that experiment wrote."
        ) from error


def _folder(record: Mapping[str, Any]) -> FolderRef:
    """The data folder; older records say only where it is."""
    path = record.get("folder")
    fields = {"path": str(path) if path else None, **record.get("read_with", {})}
    return TypeAdapter(FolderRef).validate_python(fields)


def _threads(value: Any) -> int | None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_THREADS
    return value if is_count else None


def replay(
    recorded: Recorded, options: argparse.Namespace, engine: Engine
) -> tuple[Experiment, FolderRef]:
    """The experiment with its samples where they are now, and the data folder.

    Raises:
        DataError: the data folder lacks a sample.
    """
    experiment, folder = recorded.experiment, recorded.folder
    if options.data is not None or folder.path is None:
        folder = FolderRef(
            options.data or paths.default_data_folder(), folder.max_classes, folder.overrides
        )
    samples = open_data(engine, folder, experiment.model).samples
    place = {name: row for row, name in enumerate(samples.sample_id)}
    names = [*(name for group in recorded.sample_ids for name in group), *recorded.acting_ids]
    missing = [name for name in names if name not in place]
    if missing:
        raise DataError(f"The data folder has no sample {missing[0]!r}, which the record needs.")
    groups = tuple(tuple(place[name] for name in group) for group in recorded.sample_ids)
    rows = [place[name] for name in recorded.acting_ids]
    acting = with_rows(experiment.interventions, rows)
    judge = options.judge_code or experiment.judge
    return replace(experiment, groups=groups, interventions=acting, judge=judge), folder


def differences(recorded: Recorded, record: Mapping[str, Any]) -> tuple[str, ...]:
    """Why an experiment that was run again may find something else, as notes."""
    changes = changes_between(recorded.record, record)
    if recorded.record.get("judge") != record["judge"]:
        changes.append("the judge differs")
    return tuple(f"The pictures may differ: {text}." for text in changes)
