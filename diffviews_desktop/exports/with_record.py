"""A file and, beside it, the record of how it was made."""

from __future__ import annotations

from pathlib import Path

from diffviews_desktop.exports import registry
from diffviews_desktop.exports.contents import (
    Arrays,
    Description,
    Drawing,
    Figure,
    Film,
    Picture,
    Script,
    Sheet,
    Table,
)
from diffviews_desktop.exports.exporter import Progress
from diffviews_desktop.files.writing import replacing_all

BESIDE = ".diffviews.json"
WithRecord = Picture | Drawing | Sheet | Script | Figure | Film | Table | Arrays


def write_with_record(
    content: WithRecord, file: Path, progress: Progress = lambda _: None
) -> tuple[Path, ...]:
    """Write a content and, where it has a record that its format has no room for, that beside it:
    both or neither.

    Args:
        content: what to write.
        file: its name says in which format, else it is the usual one.
        progress: called with the fraction that is written; it may raise to stop.

    Returns:
        The files that were written.

    Raises:
        OSError: one cannot be written.
    """
    kind = type(content)
    exporter = registry.exporter_for(file, kind) or registry.exporters_of(kind)[0]
    beside = content.record is not None and not exporter.holds_record
    paths = (file, file.with_suffix(BESIDE)) if beside else (file,)
    with replacing_all(*paths) as files:
        exporter.write(content, files[0], progress)
        if beside and content.record is not None:
            registry.write(Description(content.record), BESIDE, files[1])
    return paths
