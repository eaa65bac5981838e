"""All formats that the window and the command line export to."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any

from diffviews_desktop.errors import UsageError
from diffviews_desktop.exports.contact_sheet import sheet_as
from diffviews_desktop.exports.csv_table import CSV
from diffviews_desktop.exports.exporter import Exporter, Progress
from diffviews_desktop.exports.figures import FIGURES
from diffviews_desktop.exports.gif import GIF
from diffviews_desktop.exports.json_file import JSON
from diffviews_desktop.exports.mp4 import MP4
from diffviews_desktop.exports.npz import NPZ, NPZ_TABLE
from diffviews_desktop.exports.parquet import PARQUET
from diffviews_desktop.exports.png import PNG
from diffviews_desktop.exports.script import LINES, PYTHON
from diffviews_desktop.exports.svg import SVG
from diffviews_desktop.text.translation import tr

PICTURES = (PNG,)
EXPORTERS: tuple[Exporter[Any], ...] = (
    *PICTURES, SVG, *map(sheet_as, PICTURES), *FIGURES, GIF, MP4,
    CSV, PARQUET, NPZ_TABLE, NPZ, JSON, PYTHON, LINES,
)  # fmt: skip


def write(
    content: object, name: str | Path, file: IO[bytes], progress: Progress = lambda _: None
) -> None:
    """Write content in the format that the suffix of a file stands for.

    Args:
        content: an instance of a class of `exports.contents`.
        name: of the file.
        file: open for writing; it stays open.
        progress: called with the fraction that is written.

    Raises:
        UsageError: no format for such content has this suffix.
        OSError: the file cannot be written.
    """
    exporter = exporter_for(name, type(content))
    if exporter is None:
        *others, last = (exporter.suffixes[0] for exporter in exporters_of(type(content)))
        usual = f"{', '.join(others)} or {last}" if others else last
        raise UsageError(
            f"The format of {Path(name).name} does not fit. Use a name that ends in {usual}."
        )
    exporter.write(content, file, progress)


def exporters_of(*contents: type) -> tuple[Exporter[Any], ...]:
    """The formats for some kinds of content, in the order of these."""
    return tuple(
        exporter for content in contents for exporter in EXPORTERS if exporter.content is content
    )


def exporter_for(name: str | Path, *contents: type) -> Exporter[Any] | None:
    """The format that the suffix of a file stands for, among those for some kinds of content."""
    ending = str(name).lower()
    return next((e for e in exporters_of(*contents) if ending.endswith(e.suffixes)), None)


def filters(*contents: type) -> str:
    """The formats for some kinds of content as Qt's file dialogs take them."""
    return ";;".join(map(filter_of, exporters_of(*contents)))


def filter_of(exporter: Exporter[Any]) -> str:
    """A format as Qt's file dialogs take it, and return it where the user chose it: ``PNG
    (*.png)``."""
    return f"{tr(exporter.name)} ({' '.join(f'*{suffix}' for suffix in exporter.suffixes)})"


def complete(name: str, choice: str, *contents: type) -> str:
    """The name of a file, with a suffix of a format for some kinds of content.

    It replaces a suffix of another format.

    Args:
        name: what the user entered.
        choice: the filter that the user chose, as `filter_of` has it; empty for the usual one.
        contents: what there is to write.
    """
    if exporter_for(name, *contents) is not None:
        return name
    formats = exporters_of(*contents)
    exporter = next((e for e in formats if filter_of(e) == choice), formats[0])
    other = next((suffix for suffix in suffixes() if name.lower().endswith(suffix)), "")
    return name[: len(name) - len(other)] + exporter.suffixes[0]


def suffixes() -> tuple[str, ...]:
    """The suffixes of all formats."""
    return tuple(dict.fromkeys(suffix for e in EXPORTERS for suffix in e.suffixes))
