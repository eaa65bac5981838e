"""Whether a window can be opened, found out before Qt aborts the program over it."""

from __future__ import annotations

import ctypes
import os
import sys

X11_LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
}
"""What Qt's xcb platform loads, and the Debian package of each."""


def display_problem() -> str | None:
    """One sentence that says why no window can be opened, or None if nothing speaks against it."""
    if not sys.platform.startswith("linux"):
        return None
    platform = os.environ.get("QT_QPA_PLATFORM", "")
    if platform and not platform.startswith("xcb"):
        return None
    wayland = bool(os.environ.get("WAYLAND_DISPLAY")) and not platform
    if not os.environ.get("DISPLAY") and not wayland:
        return (
            "There is no display to open a window on. Run it on a desktop, over 'ssh -X', or "
            "under 'xvfb-run'; the verbs (see --help) need none."
        )
    missing = _missing_libraries({} if wayland else X11_LIBRARIES)
    if missing:
        return (
            "System libraries for the window are missing. On Debian: "
            f"sudo apt-get install {' '.join(missing)}"
        )
    if not wayland and not _connects():
        return (
            f"The display {os.environ['DISPLAY']!r} cannot be reached. Check DISPLAY, or run it "
            "under 'xvfb-run'; the verbs (see --help) need none."
        )
    return None


def _missing_libraries(libraries: dict[str, str]) -> list[str]:
    missing = []
    for name, package in libraries.items():
        try:
            ctypes.CDLL(name)
        except OSError:
            missing.append(package)
    return missing


def _connects() -> bool:
    """Whether the X server that DISPLAY names answers and lets this user in."""
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return False
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connect.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
    xcb.xcb_connection_has_error.argtypes = [ctypes.c_void_p]
    xcb.xcb_disconnect.argtypes = [ctypes.c_void_p]
    connection = xcb.xcb_connect(None, None)
    works = xcb.xcb_connection_has_error(connection) == 0
    xcb.xcb_disconnect(connection)
    return works
