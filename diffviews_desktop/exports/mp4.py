"""Films as MP4 in H.264, by PyAV: in the engine's processes alone."""

from __future__ import annotations

import json
from fractions import Fraction
from importlib.util import find_spec
from typing import IO

from diffviews_desktop.errors import UsageError
from diffviews_desktop.exports.contents import Film
from diffviews_desktop.exports.exporter import Exporter, Progress
from diffviews_desktop.exports.films import frames

MISSING = (
    "MP4 needs the Python package av. Install it with: pip install 'diffviews-desktop[video]'. "
    "GIF needs nothing more."
)
_CLOCK = 1000  # ticks a second
_QUALITY = "16"  # of x264, where 0 is without loss and 23 the usual


def can_write() -> bool:
    """Whether MP4 can be written here."""
    return find_spec("av") is not None


def write_mp4(film: Film, file: IO[bytes], progress: Progress) -> None:
    """Write a film; its record is the comment.

    Raises:
        UsageError: the library for it is not there.
    """
    if not can_write():
        raise UsageError(MISSING)
    import av

    with av.open(file, "w", format="mp4") as container:
        container.metadata["title"] = "DiffViews"
        if film.record is not None:
            container.metadata["comment"] = json.dumps(dict(film.record), sort_keys=True)
        rate = Fraction(film.style.rate).limit_denominator(_CLOCK)
        stream = container.add_stream("libx264", rate=rate)
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": _QUALITY, "preset": "medium"}
        count = len(film.pictures)
        for index, pixels in enumerate(frames(film)):
            progress(index / count)
            if index == 0:
                stream.height, stream.width = pixels.shape[:2]
            last = index == count - 1
            # the same once more, and not for longer: players want frames that follow each other
            times = max(1, round(film.style.hold * film.style.rate)) if last else 1
            for _ in range(times):
                frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


MP4 = Exporter("MP4", (".mp4",), Film, write_mp4, holds_record=True)
