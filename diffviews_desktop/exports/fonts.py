"""The letters of pictures that are drawn without Qt."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

_INSIDE = "mpl-data/fonts/ttf/DejaVuSans.ttf"


@lru_cache(maxsize=8)
def font(size: int) -> FreeTypeFont | Any:
    """DejaVu Sans, which matplotlib brings and which has σ and most alphabets; `size` in pixels."""
    from PIL import ImageFont

    spec = find_spec("matplotlib")  # which does not import it
    if spec is not None and spec.origin is not None:
        file = Path(spec.origin).parent / _INSIDE
        if file.is_file():
            return ImageFont.truetype(str(file), size)
    return ImageFont.load_default(size)
