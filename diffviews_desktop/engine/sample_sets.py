"""What is computed of a set of samples: the mean of their pictures, a table of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.data.folder.files import writing_to
from diffviews_desktop.data.folder.pictures import read_picture
from diffviews_desktop.engine.jobs.samples import (
    AveragePictures,
    ExportSamples,
    PictureMean,
    SamplesExported,
)
from diffviews_desktop.engine.opened_model import Host, OpenedModel
from diffviews_desktop.errors import DataError, PictureError
from diffviews_desktop.exports.contents import Table, Values, name_beside
from diffviews_desktop.exports.with_record import write_with_record
from diffviews_desktop.pictures.files import read_picture_file
from diffviews_desktop.text.faults import Fault, faults_of, left_out
from diffviews_desktop.values.columns import Column

LARGEST = 512
"""Side in pixels that pictures are averaged at, at most."""
_AT_ONCE = 64


def average_pictures(job: AveragePictures, host: Host, opened: OpenedModel) -> PictureMean:
    """The mean and the standard deviation of pictures, at the size of the first of them.

    Raises:
        DataError: a row is none of the samples', or none of them has a picture.
    """
    table = opened.samples.table
    rows = _check_rows(job.rows, len(table))
    paths = [table.picture(row) for row in rows]
    counts = Counter(path for path in paths if path is not None)  # at several noise levels: once
    unfit: dict[Path, Fault] = {}
    side = 0
    total = squares = np.zeros(())
    for number, (path, count) in enumerate(counts.items()):
        if number % _AT_ONCE == 0:
            host.progress("averaging pictures", number / len(counts))
        try:
            side = side or _side(path)
            picture = read_picture(path, side, 3, table.brightness)
            values = (picture.astype(np.float64) + 1) * 127.5
        except PictureError as error:
            unfit[path] = error.fault
            continue
        total = total + count * values
        squares = squares + count * values**2
    faults = {
        table.sample_id[row]: Fault.MISSING if path is None else unfit[path]
        for row, path in zip(rows, paths, strict=True)
        if path is None or path in unfit
    }
    good_rows = [row for row in rows if table.sample_id[row] not in faults]
    if not good_rows:
        reasons = f": {faults_of(faults)}" if faults else ""
        raise DataError(
            f"None of the selected samples has a picture that can be read{reasons}. Select others."
        )
    mean = total / len(good_rows)
    variance = np.maximum(squares / len(good_rows) - mean**2, 0)
    return PictureMean(
        model=job.model,
        sample_ids=tuple(table.sample_id[row] for row in good_rows),
        mean=mean.transpose(1, 2, 0).astype(np.float32),
        deviation=np.sqrt(variance).transpose(1, 2, 0).astype(np.float32),
        left_out=left_out(faults) if faults else "",
    )


def export_samples(job: ExportSamples, host: Host, opened: OpenedModel) -> SamplesExported:
    """Write samples as a table, whole or not at all, in the format that the file's name ends in.

    Where the folder has a column of a name that the job has, too, and it says something else, that
    of the job gets a number.

    Raises:
        DataError: a row is none of the samples', or the file cannot be written.
    """
    samples = opened.samples.table
    rows = _check_rows(job.rows, len(samples))
    columns: dict[str, Values] = {
        "sample_id": [samples.sample_id[row] for row in rows],
        "class_label": samples.class_label[job.rows],
        "class_name": [samples.class_name[row] for row in rows],
        "conditioning_sigma": samples.sigma[job.rows],
        "image_path": [samples.image_path[row] for row in rows],
        **{name: column.take(job.rows) for name, column in samples.columns.items()},
    }
    further: dict[str, Values] = dict(job.columns)
    if len(samples.captions):
        further["caption"] = [samples.caption(row) for row in rows]
    for name, values in further.items():
        empty = [""] * len(rows)  # as a column is read that says none throughout
        same = name in columns and _texts(columns[name]) in (_texts(values), empty)
        columns[name if same else name_beside(name, columns)] = values
    with writing_to(job.file):
        write_with_record(
            Table(columns, job.record),
            job.file,
            lambda fraction: host.progress("writing samples", fraction),
        )
    return SamplesExported(len(rows), job.file)


def _texts(values: Values) -> list[str]:
    texts = values.texts() if isinstance(values, Column) else map(str, values)
    return [text.strip() for text in texts]


def _check_rows(rows: NDArray[np.int64], count: int) -> list[int]:
    if len(rows) and not (int(rows.min()) >= 0 and int(rows.max()) < count):
        raise DataError("Selected samples are not in this folder any more. Select others.")
    return [int(row) for row in rows]


def _side(path: Path) -> int:
    file = read_picture_file(path)
    return min(file.width, file.height, LARGEST)
