"""A small data folder whose pictures are there at several noise levels, as an import makes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SIGMAS = (0.2, 0.5, 2.0)


def repeat_pictures(data: Path, sigmas: tuple[float, ...] = SIGMAS, model: str = "tiny") -> None:
    """Have each picture of a folder that `write_tiny_model` wrote listed at every noise level; the
    pictures that are too many are left out."""
    info = next((data / model).glob("metadata/*/dataset_info.json"))
    listed: list[dict[str, Any]] = json.loads(info.read_text(encoding="utf-8"))["samples"]
    pictures = listed[: len(listed) // len(sigmas)]
    samples = [
        {**one, "sample_id": f"{one['sample_id']}_s{sigma:g}", "conditioning_sigma": sigma}
        for one in pictures
        for sigma in sigmas
    ]
    info.write_text(json.dumps({"samples": samples}), encoding="utf-8")
