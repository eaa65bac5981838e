"""Points drawn by the graphics card: one vertex buffer, one draw call."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF
from PySide6.QtGui import QOpenGLContext, QPainter
from PySide6.QtOpenGL import QOpenGLBuffer, QOpenGLShaderProgram, QOpenGLVertexArrayObject

from diffviews_desktop.ui.views.flat.opengl import (
    FRAGMENT,
    GL_FLOAT,
    GL_POINTS,
    GL_SCISSOR_TEST,
    GLError,
    current_context,
    leave_points,
    make_array,
    make_program,
    prepare_points,
)
from diffviews_desktop.ui.views.flat.scene import PixelView, PointLook, PointScene

WHILE_MOVING = 2_000_000
"""As many points are drawn at most while the view moves."""

VERTEX_TYPE = np.dtype([("place", "<f4", 2), ("color", "u1", 4), ("factor", "<f4")])

VERTEX = """
ATTRIBUTE vec2 place;
ATTRIBUTE vec4 color;
ATTRIBUTE float factor;
uniform vec4 view;      // clip = place * view.xy + view.zw
uniform vec2 viewport;  // in pixels
uniform float diameter;
uniform float opacity;
VARYING vec4 shade;
VARYING float side;
VARYING float radius;
void main() {
    radius = diameter * factor * 0.5;
    side = ceil(2.0 * radius - 0.001) + 2.0;
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
        view: PixelView,
        clip: QRectF,
        moving: bool,
    ) -> None:
        """Draw the points.

        Args:
            painter: paints on an OpenGL surface.
            scene: the points.
            look: their size and opacity.
            view: where they lie on the surface.
            clip: where points may be, in device pixels.
            moving: whether speed matters more than every point.

        Raises:
            GLError: the driver refused.
        """
        painter.beginNativePainting()
        try:
            self._draw(current_context(), scene, look, view, clip, moving)
        finally:
            painter.endNativePainting()

    def _draw(
        self,
        context: QOpenGLContext,
        scene: PointScene,
        look: PointLook,
        view: PixelView,
        clip: QRectF,
        moving: bool,
    ) -> None:
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
        width, height = view.width, view.height
        cx, cy = scene.centre
        sx, sy = view.scale_x, view.scale_y
        x, y = view.shift_x + cx * sx, view.shift_y + cy * sy
        # pixels count down, clip space counts up
        values = (2 * sx / width, -2 * sy / height, 2 * x / width - 1, 1 - 2 * y / height)
        diameter = look.diameter * view.ratio
        location = program.uniformLocation
        program.setUniformValue(location("view"), *values)
        program.setUniformValue(location("viewport"), float(width), float(height))
        # not the name without the type: that takes a single number for an integer
        program.setUniformValue1f(location("diameter"), diameter)
        program.setUniformValue1f(location("opacity"), look.opacity)
        prepare_points(context, program, 2, VERTEX_TYPE.itemsize)
        program.enableAttributeArray(2)
        program.setAttributeBuffer(2, GL_FLOAT, 12, 1, VERTEX_TYPE.itemsize)
        gl = context.functions()
        gl.glEnable(GL_SCISSOR_TEST)
        gl.glScissor(
            round(clip.left()),
            round(height - clip.bottom()),
            round(clip.width()),
            round(clip.height()),
        )
        count = min(len(scene), WHILE_MOVING) if moving else len(scene)
        gl.glDrawArrays(GL_POINTS, len(scene) - count, count)
        gl.glDisable(GL_SCISSOR_TEST)
        buffer.release()
        leave_points(program)
        if self._array is not None:
            self._array.release()

    def _prepare(self, context: QOpenGLContext) -> None:
        """Make the program and the buffer in a context that has neither."""
        program = make_program(context, VERTEX, FRAGMENT)
        buffer = QOpenGLBuffer(QOpenGLBuffer.Type.VertexBuffer)
        if not buffer.create():
            raise GLError("no vertex buffer could be made")
        self._array = make_array()
        self._program, self._buffer, self._uploaded = program, buffer, None
        self._context = context

    def _upload(self, scene: PointScene, buffer: QOpenGLBuffer) -> None:
        vertices = np.empty(len(scene), VERTEX_TYPE)
        vertices["place"] = scene.xy
        vertices["color"][:, :3] = scene.palette[scene.group]
        vertices["color"][:, 3] = scene.alpha
        factors = scene.factors
        vertices["factor"] = 1.0 if factors is None else factors
        data = vertices.tobytes()
        buffer.allocate(data, len(data))
        self._uploaded = scene
        self.uploads += 1

    def forget(self) -> None:
        """The context is gone, and with it what was in it."""
        self._context = self._uploaded = None
        self._program = self._buffer = self._array = None
