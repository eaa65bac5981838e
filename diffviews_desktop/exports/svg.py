"""Drawings as SVG."""

from __future__ import annotations

from typing import IO

from diffviews_desktop.exports.contents import Drawing
from diffviews_desktop.exports.exporter import Exporter, Progress


def write_svg(drawing: Drawing, file: IO[bytes], progress: Progress) -> None:
    """Write a drawing as it is."""
    file.write(drawing.svg)


SVG = Exporter("SVG", (".svg",), Drawing, write_svg)
