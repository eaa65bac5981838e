"""Has libtiff, which Pillow brings, say nothing of its own."""

from __future__ import annotations

import ctypes
from contextlib import suppress

from PIL import Image


def silence() -> None:
    """Keep libtiff from printing what is wrong with a file: it writes to standard error past
    Python, and the decoder raises the same as an error.

    Where Pillow hides the functions of its libraries, as on Windows, nothing changes.
    """
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(Image.core.__file__)  # and what that was linked with
        for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
            function = getattr(library, name)
            function.argtypes, function.restype = [ctypes.c_void_p], ctypes.c_void_p
            function(None)
