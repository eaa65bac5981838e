"""``experiment --replay``: the experiment of a file."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from diffviews_desktop.cli.options import folder_of
from diffviews_desktop.cli.shared import open_data
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.errors import DataError
from diffviews_desktop.files.reading import MOST_LISTED_JSON, read_json_value
from diffviews_desktop.values.experiment_text import read_experiment
from diffviews_desktop.values.experiments import Experiment
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.interventions import rows_of, with_rows


def replayed(options: argparse.Namespace, engine: Engine) -> tuple[Experiment, FolderRef]:
    """The experiment of a file, with the samples where they are now.

    Raises:
        DataError: the file holds none, or the data folder lacks a sample.
    """
    experiment, ids, acting_ids, named_folder = read_record(options.replay)
    folder = folder_of(options)
    if options.data is None and named_folder:
        folder = replace(folder, path=Path(named_folder))
    samples = open_data(engine, folder, experiment.model).samples
    place = {name: row for row, name in enumerate(samples.sample_id)}
    named = [*(name for group in ids for name in group), *acting_ids]
    missing = [name for name in named if name not in place]
    if missing:
        raise DataError(f"The data folder has no sample {missing[0]!r}, which the record needs.")
    groups = tuple(tuple(place[name] for name in group) for group in ids)
    rows = [place[name] for name in acting_ids]
    acting = with_rows(experiment.interventions, rows)
    judge = options.judge_code or experiment.judge
    return replace(experiment, groups=groups, interventions=acting, judge=judge), folder


def read_record(file: Path) -> tuple[Experiment, list[list[str]], list[str], str]:
    """The experiment of a file, the ids of the samples of its groups and of its interventions, and
    the data folder that it was of; empty for the bundled demo.

    Raises:
        DataError: the file holds none.
    """
    try:
        value = read_json_value(file, MOST_LISTED_JSON)
        record = value.get("record", value)
        if record.get("kind") != "experiment" or record.get("format") != 1:
            raise ValueError("it is of another kind")
        experiment = read_experiment(record["experiment"])
        ids = [[str(name) for name in group] for group in record["sample_ids"]]
        acting_ids = [str(name) for name in record.get("intervention_ids", ())]
        if len(acting_ids) != len(rows_of(experiment.interventions)):
            raise ValueError("it names other samples than its interventions have")
        return experiment, ids, acting_ids, str(record.get("folder") or "")
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise DataError(
            f"{file.name} holds no experiment that this version can run. Take the experiment.json "
            "that experiment wrote."
        ) from error
