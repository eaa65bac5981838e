"""Descriptions as JSON."""

from __future__ import annotations

import json
from typing import IO

from diffviews_desktop.exports.contents import Description
from diffviews_desktop.exports.exporter import Exporter, Progress


def write_json(description: Description, file: IO[bytes], progress: Progress) -> None:
    """Write a description for people and programs, in ASCII."""
    file.write(json.dumps(dict(description.values), indent=2).encode())


JSON = Exporter("JSON", (".json",), Description, write_json)
