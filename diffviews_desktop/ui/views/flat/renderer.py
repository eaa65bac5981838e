"""Which way points are drawn: by the graphics card where there is one, else into a picture."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QRectF, Signal
from PySide6.QtGui import (
    QGuiApplication,
    QOffscreenSurface,
    QOpenGLContext,
    QPainter,
    QSurfaceFormat,
)
from PySide6.QtOpenGLWidgets import QOpenGLWidget
from PySide6.QtWidgets import QGraphicsView, QWidget

from diffviews_desktop.text.translation import tr
from diffviews_desktop.values.preferences import DRAWINGS, Drawing

log = logging.getLogger(__name__)

VARIABLE = "DIFFVIEWS_RENDERER"
SOFTWARE = (
    "llvmpipe", "softpipe", "swrast", "swiftshader", "gdi generic", "basic render", "software",
)  # fmt: skip
"""Words in the names of renderers that are no graphics card."""

GL_RENDERER = 0x1F01


@dataclass(frozen=True)
class Renderer:
    """The way that was chosen, what OpenGL calls its own, why it was chosen, and who had a say."""

    name: Literal["opengl", "raster"]
    device: str
    reason: str
    asked_by: Literal["variable", "preferences", ""] = ""

    @property
    def graphics_card(self) -> bool:
        """Whether OpenGL draws by one, not in software."""
        return bool(self.device) and not any(word in self.device.lower() for word in SOFTWARE)


def wanted_renderer(setting: str = "auto") -> Drawing:
    """What the user asked for: by the environment, else by the setting."""
    request = _read_variable()
    if request and request not in DRAWINGS:
        log.warning("%s=%s is not known: use auto, opengl or raster", VARIABLE, request)
        request = ""
    name = request or setting
    return next((one for one in DRAWINGS if one == name), "auto")


def choose_renderer(drawing: Drawing = "auto") -> Renderer:
    """Choose once there is a QApplication."""
    platform = QGuiApplication.platformName()
    if drawing == "raster":
        return _asked_for("raster", "")
    if platform in ("offscreen", "minimal", "vnc"):
        reason = tr("the platform {platform} has no OpenGL", platform=platform)
        return Renderer("raster", "", reason)
    device = gl_renderer()
    if not device:
        return Renderer("raster", "", tr("OpenGL is not available"))
    if drawing == "opengl":
        return _asked_for("opengl", device)
    renderer = Renderer("opengl", device, tr("{device} is a graphics card", device=device))
    return renderer if renderer.graphics_card else _software(device)


def _asked_for(name: Literal["opengl", "raster"], device: str) -> Renderer:
    """The way that the environment, which goes before the setting, or the setting asked for."""
    if _read_variable() not in ("opengl", "raster"):
        reason = (
            tr("the preferences asked for raster drawing")
            if name == "raster"
            else tr("the preferences asked for OpenGL")
        )
        return Renderer(name, device, reason, "preferences")
    reason = (
        tr("the variable {variable} asked for raster drawing", variable=VARIABLE)
        if name == "raster"
        else tr("the variable {variable} asked for OpenGL", variable=VARIABLE)
    )
    return Renderer(name, device, reason, "variable")


def _software(device: str) -> Renderer:
    """Into a picture, as OpenGL is slower without a graphics card."""
    if _read_variable() != "auto":
        reason = tr("{device} draws in software, which is slower", device=device)
        return Renderer("raster", device, reason)
    reason = tr(
        "{device} draws in software, which is slower, and the variable {variable} leaves the "
        "choice to the program",
        device=device,
        variable=VARIABLE,
    )
    return Renderer("raster", device, reason, "variable")


def _read_variable() -> str:
    return os.environ.get(VARIABLE, "").strip().lower()


def gl_renderer() -> str:
    """What OpenGL calls what it draws with; empty where there is no OpenGL."""
    context = QOpenGLContext()
    if not context.create():
        return ""
    surface = QOffscreenSurface()
    surface.setFormat(context.format())
    surface.create()
    if not surface.isValid() or not context.makeCurrent(surface):
        return ""
    name = context.functions().glGetString(GL_RENDERER)
    context.doneCurrent()
    return str(name or "")


SMOOTHING = 4  # samples a pixel, for lines and text; in software it would double the time


def gather_textures(widget: QWidget) -> None:
    """Have a window look again for what OpenGL draws in it, because a texture is gone.

    Qt keeps the textures that a window had when it was last painted, and shows them again whenever
    the window is uncovered. While updates of ``widget`` are held back nothing paints the window
    before that, and a texture that is gone would end the program.
    """
    if not widget.updatesEnabled():
        widget.window().update()


class GLViewport(QOpenGLWidget):
    """The viewport of a plot that OpenGL draws.

    Its own ``paintGL`` is what ``grab()`` uses; without it that would be blank.

    Signal: ``fresh()``: it has another context, with nothing in it.
    """

    fresh = Signal()

    def __init__(self, view: QGraphicsView, *, graphics_card: bool = True) -> None:
        super().__init__()
        self._view = view
        surface_format = QSurfaceFormat.defaultFormat()
        surface_format.setSamples(SMOOTHING if graphics_card else 0)
        self.setFormat(surface_format)
        self.resized.connect(self._on_resized)

    def _on_resized(self) -> None:
        gather_textures(self)

    def initializeGL(self) -> None:
        self.fresh.emit()

    def paintGL(self) -> None:
        painter = QPainter(self)
        area = QRectF(self.rect())
        self._view.render(painter, area, self.rect())
        painter.end()
