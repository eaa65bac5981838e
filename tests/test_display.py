"""Whether a window can be opened, found out before Qt ends the program over it."""

from __future__ import annotations

import ctypes.util
import os
import sys

import pytest
from PySide6.QtWidgets import QApplication

from diffviews_desktop import display

SERVED = os.environ.get("DISPLAY")

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="X11 and Wayland")


@pytest.fixture(autouse=True)
def bare_session(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)


def test_no_display_is_said_with_what_to_do() -> None:
    problem = display.display_problem()
    assert problem is not None
    assert problem.startswith("There is no display")
    assert "xvfb-run" in problem
    assert "the verbs (see --help) need none" in problem


@pytest.mark.parametrize("platform", ["offscreen", "minimal", "wayland", "vnc:size=800x600"])
def test_platforms_without_x_need_no_display(
    monkeypatch: pytest.MonkeyPatch, platform: str
) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", platform)
    assert display.display_problem() is None


def test_wayland_needs_no_x(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert display.display_problem() is None
    monkeypatch.setenv("QT_QPA_PLATFORM", "xcb")  # insisting on X
    assert "There is no display" in str(display.display_problem())


@pytest.mark.skipif(not ctypes.util.find_library("xcb"), reason="needs libxcb")
def test_a_display_that_nobody_serves_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(display, "X11_LIBRARIES", {})
    monkeypatch.setenv("DISPLAY", ":97531")
    assert str(display.display_problem()).startswith("The display ':97531' cannot be reached")
    monkeypatch.setenv("QT_QPA_PLATFORM", "xcb")
    assert str(display.display_problem()).startswith("The display ':97531' cannot be reached")


def test_missing_libraries_are_named_by_their_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":0")
    libraries = {"libc.so.6": "libc6", "libnone.so.1": "libnone1", "libno.so.2": "libno2"}
    monkeypatch.setattr(display, "X11_LIBRARIES", libraries)
    assert str(display.display_problem()).endswith("sudo apt-get install libnone1 libno2")


def test_a_display_that_is_served_has_no_problem(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a client that stays: a server that loses its last one starts again, and refuses others
    for a moment."""
    if qapp.platformName() != "xcb" or SERVED is None:
        pytest.skip("the tests run on no X server")
    monkeypatch.setenv("DISPLAY", SERVED)
    assert display._connects()
    assert display.display_problem() is None
