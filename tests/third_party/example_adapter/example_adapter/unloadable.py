"""An adapter that looks complete, but whose checkpoints cannot be loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from example_adapter.painter import PainterAdapter


class UnloadableAdapter(PainterAdapter):
    model_type = "example-unloadable"

    @classmethod
    def from_checkpoint(
        cls, checkpoint_path: str | Path, device: str = "cuda", **kwargs: Any
    ) -> UnloadableAdapter:
        raise KeyError("weights of version 2")
