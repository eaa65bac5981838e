"""Films as GIF."""

from __future__ import annotations

import json
from typing import IO, Any

from diffviews_desktop.exports.contents import Film
from diffviews_desktop.exports.exporter import Exporter, Progress
from diffviews_desktop.exports.films import frames

COLORS = 255


def write_gif(film: Film, file: IO[bytes], progress: Progress) -> None:
    """Write a film with colours of its own for each step; its record is a comment."""
    from PIL import Image

    images = []
    for index, frame in enumerate(frames(film)):
        progress(0.8 * index / len(film.pictures))
        images.append(Image.fromarray(frame).quantize(COLORS, dither=Image.Dither.NONE))
    step = round(1000 / film.style.rate)
    durations = [step] * (len(images) - 1) + [max(step, round(1000 * film.style.hold))]
    options: dict[str, Any] = {"loop": 0} if film.style.loop else {}
    if film.record is not None:
        options["comment"] = json.dumps(dict(film.record), sort_keys=True).encode()
    images[0].save(
        file,
        format="GIF",
        save_all=True,
        append_images=images[1:],
        duration=durations,
        disposal=1,
        **options,
    )


GIF = Exporter("GIF", (".gif",), Film, write_gif, holds_record=True)
