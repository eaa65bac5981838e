"""Points in three dimensions drawn by the graphics card: one vertex buffer, one index buffer that
lists them from back to front, one draw call."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QMatrix4x4, QOpenGLContext
from PySide6.QtOpenGL import QOpenGLBuffer, QOpenGLShaderProgram, QOpenGLVertexArrayObject
from shiboken6 import VoidPtr

from diffviews_desktop.ui.views.flat.opengl import (
    FRAGMENT,
    GL_POINTS,
    GLError,
    current_context,
    leave_points,
    make_array,
    make_program,
    prepare_points,
)
from diffviews_desktop.ui.views.flat.scene import PointLook
from diffviews_desktop.ui.views.solid.cloud import LARGER, SMALLER, Cloud
from diffviews_desktop.ui.views.solid.cloud import VERTEX as VERTEX_TYPE
from diffviews_desktop.values.camera import Projection

GL_UNSIGNED_INT = 0x1405

VERTEX = """
ATTRIBUTE vec3 place;
ATTRIBUTE vec4 color;
uniform mat4 view;
uniform float diameter;  // in pixels, at the depth of the focus
uniform float focus;
uniform float opacity;
VARYING vec4 shade;
VARYING float side;
VARYING float radius;
void main() {
    gl_Position = view * vec4(place, 1.0);
    float near = clamp(focus / max(gl_Position.w, 1e-6), SMALLER, LARGER);
    radius = diameter * near * 0.5;
    side = ceil(diameter * near) + 2.0;
    gl_PointSize = side;
    shade = vec4(color.rgb, color.a * opacity);
}
""".replace("SMALLER", str(SMALLER)).replace("LARGER", str(LARGER))


class CloudPainter:
    """Draws clouds in the context that is current; a new context gets everything again."""

    def __init__(self) -> None:
        self._program: QOpenGLShaderProgram | None = None
        self._vertices = QOpenGLBuffer(QOpenGLBuffer.Type.VertexBuffer)
        self._indices = QOpenGLBuffer(QOpenGLBuffer.Type.IndexBuffer)
        self._array: QOpenGLVertexArrayObject | None = None
        self._uploaded: Cloud | None = None
        self._ordered: NDArray[np.uint32] | None = None
        self._large_indices = True
        self.uploads = 0

    def draw(
        self,
        cloud: Cloud,
        order: NDArray[np.uint32] | None,
        count: int,
        look: PointLook,
        projection: Projection,
        ratio: float,
    ) -> None:
        """Draw points.

        Args:
            cloud: the points.
            order: from back to front ``(count,)``; None for the order of the cloud.
            count: how many, from the end of the cloud.
            look: their size and opacity.
            projection: of the cloud's own places, less its centre.
            ratio: device pixels a logical one.

        Raises:
            GLError: the driver refused.
        """
        context = current_context()
        if self._program is None:
            self._prepare(context)
        gl, program = context.functions(), self._program
        assert program is not None
        if self._array is not None:
            self._array.bind()
        program.bind()
        self._vertices.bind()
        if cloud is not self._uploaded:
            data = cloud.vertices.tobytes()
            self._vertices.allocate(data, len(data))
            self._uploaded = cloud
            self.uploads += 1
        location = program.uniformLocation
        program.setUniformValue(location("view"), QMatrix4x4(*projection.matrix.ravel().tolist()))
        program.setUniformValue1f(location("diameter"), look.diameter * ratio)
        program.setUniformValue1f(location("focus"), projection.focus)
        program.setUniformValue1f(location("opacity"), look.opacity)
        prepare_points(context, program, 3, VERTEX_TYPE.itemsize)
        if order is None or not self._large_indices:
            gl.glDrawArrays(GL_POINTS, len(cloud) - count, count)
        else:
            self._indices.bind()
            if order is not self._ordered:
                data = order.tobytes()
                self._indices.allocate(data, len(data))
                self._ordered = order
            gl.glDrawElements(GL_POINTS, len(order), GL_UNSIGNED_INT, VoidPtr(0))  # type: ignore[arg-type]
            self._indices.release()
        self._vertices.release()
        leave_points(program)
        if self._array is not None:
            self._array.release()

    def _prepare(self, context: QOpenGLContext) -> None:
        """Make the program and the buffers in a context that has none."""
        program = make_program(context, VERTEX, FRAGMENT)
        if not (self._vertices.create() and self._indices.create()):
            raise GLError("no vertex buffer could be made")
        self._array = make_array()
        major = context.format().majorVersion()
        self._large_indices = (
            not context.isOpenGLES()
            or major >= 3
            or context.hasExtension(b"GL_OES_element_index_uint")
        )
        self._program = program

    def forget(self) -> None:
        """The context is gone, and with it what was in it."""
        self._program = self._array = self._uploaded = self._ordered = None
        self._vertices = QOpenGLBuffer(QOpenGLBuffer.Type.VertexBuffer)
        self._indices = QOpenGLBuffer(QOpenGLBuffer.Type.IndexBuffer)
