"""A file and, beside it, the record of how it was made."""

from __future__ import annotations

from pathlib import Path

from diffviews_desktop.exports import registry
from diffviews_desktop.exports.contents import Description, Drawing, Picture, Script, Sheet
from diffviews_desktop.files.writing import replacing_all

BESIDE = ".diffviews.json"
WithRecord = Picture | Drawing | Sheet | Script


def write_with_record(content: WithRecord, file: Path) -> None:
    """Write a content and, where it has a record, that beside it: both or neither.

    Raises:
        OSError: one cannot be written.
    """
    kind = type(content)
    exporter = registry.exporter_for(file, kind) or registry.exporters_of(kind)[0]
    paths = [file] if content.record is None else [file, file.with_suffix(BESIDE)]
    with replacing_all(*paths) as files:
        exporter.write(content, files[0], lambda _: None)
        if content.record is not None:
            registry.write(Description(content.record), BESIDE, files[1])
