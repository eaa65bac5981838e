"""Scripts: Python, or JSON that the command line does."""

from __future__ import annotations

from typing import IO

from diffviews_desktop.exports.contents import Script
from diffviews_desktop.exports.exporter import Exporter, Progress
from diffviews_desktop.text.plain import UNENCODABLE


def write_python(script: Script, file: IO[bytes], progress: Progress) -> None:
    """Write the program."""
    file.write(script.python.encode("utf-8", UNENCODABLE))


def write_lines(script: Script, file: IO[bytes], progress: Progress) -> None:
    """Write the list of lines."""
    file.write(script.lines.encode("utf-8", UNENCODABLE))


PYTHON = Exporter("Python", (".py",), Script, write_python)
LINES = Exporter("JSON", (".json",), Script, write_lines)
