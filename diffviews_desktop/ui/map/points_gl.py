"""Points drawn by the graphics card: one vertex buffer, one draw call."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QRectF
from PySide6.QtGui import QOpenGLContext, QPainter, QSurfaceFormat, QTransform
from PySide6.QtOpenGL import (
    QOpenGLBuffer,
    QOpenGLShader,
    QOpenGLShaderProgram,
    QOpenGLVertexArrayObject,
)

from diffviews_desktop.ui.map.scene import PointLook, PointScene

log = logging.getLogger(__name__)

WHILE_MOVING = 2_000_000
"""As many points are drawn at most while the view moves."""

GL_FLOAT, GL_UNSIGNED_BYTE, GL_POINTS = 0x1406, 0x1401, 0x0000
GL_BLEND, GL_ONE, GL_ONE_MINUS_SRC_ALPHA = 0x0BE2, 1, 0x0303
GL_DEPTH_TEST, GL_SCISSOR_TEST = 0x0B71, 0x0C11
GL_POINT_SPRITE, GL_PROGRAM_POINT_SIZE = 0x8861, 0x8642

VERTEX_BYTES = 12  # two float32 and four uint8

VERTEX = """
ATTRIBUTE vec2 place;
ATTRIBUTE vec4 color;
uniform vec4 view;      // clip = place * view.xy + view.zw
uniform vec2 viewport;  // in pixels
uniform float side;
uniform float opacity;
VARYING vec4 shade;
void main() {
    vec2 clip = place * view.xy + view.zw;
    // on whole pixels, as the raster does it
    vec2 pixel = (clip * 0.5 + 0.5) * viewport;
    pixel.y = viewport.y - pixel.y;
    pixel = floor(pixel - side * 0.5 + 0.5) + side * 0.5;
    pixel.y = viewport.y - pixel.y;
    gl_Position = vec4(pixel / viewport * 2.0 - 1.0, 0.0, 1.0);
    gl_PointSize = side;
    shade = vec4(color.rgb, color.a * opacity);
}
"""
FRAGMENT = """
PRECISION
uniform float side;
uniform float radius;
IN vec4 shade;
OUTPUT
void main() {
    float away = length((POINT - 0.5) * side);
    float alpha = shade.a * clamp(radius - away + 0.5, 0.0, 1.0);
    FRAG = vec4(shade.rgb * alpha, alpha);
}
"""


class GLError(Exception):
    """The graphics card or its driver cannot draw the points."""


@dataclass(frozen=True)
class Dialect:
    """How one dialect of GLSL says it."""

    version: str
    attribute: str
    varying: str
    arriving: str
    output: str
    fragment: str
    precision: str = ""

    def vertex_text(self, source: str) -> str:
        text = source.replace("ATTRIBUTE", self.attribute).replace("VARYING", self.varying)
        return self.version + text

    def fragment_text(self, source: str) -> str:
        text = source.replace("OUTPUT", self.output).replace("IN ", self.arriving + " ")
        text = text.replace("POINT", "gl_PointCoord").replace("FRAG ", self.fragment + " ")
        return self.version + text.replace("PRECISION", self.precision)


OLD = Dialect("#version 120\n", "attribute", "varying", "varying", "", "gl_FragColor")
_CORE = Dialect("#version 150\n", "in", "out", "in", "out vec4 result;", "result")
_ES = Dialect(
    "#version 100\n", "attribute", "varying", "varying", "", "gl_FragColor",
    "precision highp float;",
)  # fmt: skip


def dialect(context: QOpenGLContext) -> Dialect:
    """What a context understands."""
    if context.isOpenGLES():
        return _ES
    profile = context.format().profile()
    return _CORE if profile == QSurfaceFormat.OpenGLContextProfile.CoreProfile else OLD


class GLPainter:
    """Draws scenes in the context that is current; a new context gets everything again."""

    def __init__(self) -> None:
        self._context: QOpenGLContext | None = None
        self._program: QOpenGLShaderProgram | None = None
        self._buffer: QOpenGLBuffer | None = None
        self._array: QOpenGLVertexArrayObject | None = None
        self._uploaded: PointScene | None = None
        self.uploads = 0

    def paint(
        self,
        painter: QPainter,
        scene: PointScene,
        look: PointLook,
        transform: QTransform,
        size: tuple[int, int],
        ratio: float,
        clip: QRectF,
        moving: bool,
    ) -> None:
        """Draw the points.

        Args:
            painter: paints on an OpenGL surface.
            scene: the points.
            look: their size and opacity.
            transform: from the map to logical pixels.
            size: of the surface in logical pixels.
            ratio: device pixels a logical one.
            clip: where points may be, in logical pixels.
            moving: whether speed matters more than every point.

        Raises:
            GLError: the driver refused.
        """
        painter.beginNativePainting()
        try:
            self._draw(scene, look, transform, size, ratio, clip, moving)
        finally:
            painter.endNativePainting()

    def _draw(
        self,
        scene: PointScene,
        look: PointLook,
        transform: QTransform,
        size: tuple[int, int],
        ratio: float,
        clip: QRectF,
        moving: bool,
    ) -> None:
        context = QOpenGLContext.currentContext()
        if context is None:
            raise GLError("there is no OpenGL context")
        gl = context.functions()
        if context is not self._context:
            self._prepare(context)
        program, buffer = self._program, self._buffer
        assert program is not None
        assert buffer is not None
        if self._array is not None:
            self._array.bind()
        program.bind()
        buffer.bind()
        if scene is not self._uploaded:
            self._upload(scene, buffer)
        width, height = size[0] * ratio, size[1] * ratio
        cx, cy = scene.centre
        sx, sy = transform.m11() * ratio, transform.m22() * ratio
        x, y = transform.dx() * ratio + cx * sx, transform.dy() * ratio + cy * sy
        # pixels count down, clip space counts up
        values = (2 * sx / width, -2 * sy / height, 2 * x / width - 1, 1 - 2 * y / height)
        diameter = look.diameter * ratio
        side = float(int(np.ceil(diameter)) + 2)
        where = program.uniformLocation
        program.setUniformValue(where("view"), *values)
        program.setUniformValue(where("viewport"), width, height)
        # not the name without the type: that takes a single number for an integer
        program.setUniformValue1f(where("side"), side)
        program.setUniformValue1f(where("radius"), diameter / 2)
        program.setUniformValue1f(where("opacity"), look.opacity)
        program.enableAttributeArray(0)
        program.enableAttributeArray(1)
        program.setAttributeBuffer(0, GL_FLOAT, 0, 2, VERTEX_BYTES)
        program.setAttributeBuffer(1, GL_UNSIGNED_BYTE, 8, 4, VERTEX_BYTES)
        gl.glDisable(GL_DEPTH_TEST)
        gl.glEnable(GL_BLEND)
        gl.glBlendFunc(GL_ONE, GL_ONE_MINUS_SRC_ALPHA)
        gl.glEnable(GL_SCISSOR_TEST)
        gl.glScissor(
            round(clip.left() * ratio),
            round(height - clip.bottom() * ratio),
            round(clip.width() * ratio),
            round(clip.height() * ratio),
        )
        if not context.isOpenGLES():
            gl.glEnable(GL_PROGRAM_POINT_SIZE)
            if dialect(context) is OLD:
                gl.glEnable(GL_POINT_SPRITE)
        count = min(len(scene), WHILE_MOVING) if moving else len(scene)
        gl.glDrawArrays(GL_POINTS, len(scene) - count, count)
        gl.glDisable(GL_SCISSOR_TEST)
        program.disableAttributeArray(0)
        program.disableAttributeArray(1)
        buffer.release()
        program.release()
        if self._array is not None:
            self._array.release()

    def _prepare(self, context: QOpenGLContext) -> None:
        """Make the program and the buffer in a context that has neither."""
        words = dialect(context)
        program = QOpenGLShaderProgram()
        kinds = QOpenGLShader.ShaderTypeBit
        done = program.addShaderFromSourceCode(kinds.Vertex, words.vertex_text(VERTEX))
        done = done and program.addShaderFromSourceCode(
            kinds.Fragment, words.fragment_text(FRAGMENT)
        )
        program.bindAttributeLocation("place", 0)
        program.bindAttributeLocation("color", 1)
        if not (done and program.link()):
            raise GLError(program.log().strip() or "the shader was refused")
        buffer = QOpenGLBuffer(QOpenGLBuffer.Type.VertexBuffer)
        if not buffer.create():
            raise GLError("no vertex buffer could be made")
        array = QOpenGLVertexArrayObject()
        self._array = array if array.create() else None
        self._program, self._buffer, self._uploaded = program, buffer, None
        self._context = context

    def _upload(self, scene: PointScene, buffer: QOpenGLBuffer) -> None:
        vertices = np.empty(len(scene), dtype=[("place", "<f4", 2), ("color", "u1", 4)])
        vertices["place"] = scene.xy
        vertices["color"][:, :3] = scene.palette[scene.group]
        vertices["color"][:, 3] = scene.alpha
        data = vertices.tobytes()
        buffer.allocate(data, len(data))
        self._uploaded = scene
        self.uploads += 1

    def forget(self) -> None:
        """The context is gone, and with it what was in it."""
        self._context = self._uploaded = None
        self._program = self._buffer = self._array = None
