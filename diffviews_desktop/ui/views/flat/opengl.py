"""What drawing points by OpenGL takes, flat or in three dimensions: dialects of GLSL, programs, and
the state of the context."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtGui import QOpenGLContext, QSurfaceFormat
from PySide6.QtOpenGL import QOpenGLShader, QOpenGLShaderProgram, QOpenGLVertexArrayObject

GL_FLOAT, GL_UNSIGNED_BYTE, GL_POINTS = 0x1406, 0x1401, 0x0000
GL_BLEND, GL_ONE, GL_ONE_MINUS_SRC_ALPHA = 0x0BE2, 1, 0x0303
GL_DEPTH_TEST, GL_SCISSOR_TEST = 0x0B71, 0x0C11
GL_POINT_SPRITE, GL_PROGRAM_POINT_SIZE = 0x8861, 0x8642
FRAGMENT = """
PRECISION
IN vec4 shade;
IN float side;
IN float radius;
OUTPUT
void main() {
    float away = length((POINT - 0.5) * side);
    float alpha = shade.a * clamp(radius - away + 0.5, 0.0, 1.0);
    FRAG = vec4(shade.rgb * alpha, alpha);
}
"""
"""Draws a disc with a smooth edge on each point."""


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


_OLD = Dialect("#version 120\n", "attribute", "varying", "varying", "", "gl_FragColor")
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
    return _CORE if profile == QSurfaceFormat.OpenGLContextProfile.CoreProfile else _OLD


def current_context() -> QOpenGLContext:
    """The context to draw in.

    Raises:
        GLError: there is none.
    """
    context = QOpenGLContext.currentContext()
    if context is None:
        raise GLError("there is no OpenGL context")
    return context


def make_program(context: QOpenGLContext, vertex: str, fragment: str) -> QOpenGLShaderProgram:
    """A program whose vertices have a ``place`` (attribute 0), a ``color`` (1) and perhaps a
    ``factor`` (2).

    Args:
        context: the current one.
        vertex: its vertex shader, in the words that `Dialect` replaces.
        fragment: its fragment shader.

    Raises:
        GLError: the driver refused it.
    """
    words = dialect(context)
    program = QOpenGLShaderProgram()
    kinds = QOpenGLShader.ShaderTypeBit
    done = program.addShaderFromSourceCode(kinds.Vertex, words.vertex_text(vertex))
    done = done and program.addShaderFromSourceCode(kinds.Fragment, words.fragment_text(fragment))
    program.bindAttributeLocation("place", 0)
    program.bindAttributeLocation("color", 1)
    program.bindAttributeLocation("factor", 2)
    if not (done and program.link()):
        raise GLError(program.log().strip() or "the shader was refused")
    return program


def make_array() -> QOpenGLVertexArrayObject | None:
    """A vertex array, which new contexts want; None where there are none."""
    array = QOpenGLVertexArrayObject()
    return array if array.create() else None


def prepare_points(
    context: QOpenGLContext, program: QOpenGLShaderProgram, dimensions: int, stride: int
) -> None:
    """Set the context to draw round points from vertices of ``dimensions`` float32 and four bytes
    of colour each, ``stride`` bytes apart, blended in the order in which they come."""
    for attribute in (0, 1):
        program.enableAttributeArray(attribute)
    program.setAttributeBuffer(0, GL_FLOAT, 0, dimensions, stride)
    program.setAttributeBuffer(1, GL_UNSIGNED_BYTE, 4 * dimensions, 4, stride)
    gl = context.functions()
    gl.glDisable(GL_DEPTH_TEST)
    gl.glEnable(GL_BLEND)
    gl.glBlendFunc(GL_ONE, GL_ONE_MINUS_SRC_ALPHA)
    if not context.isOpenGLES():
        gl.glEnable(GL_PROGRAM_POINT_SIZE)
        if dialect(context) is _OLD:
            gl.glEnable(GL_POINT_SPRITE)


def leave_points(program: QOpenGLShaderProgram) -> None:
    """Give the context back."""
    for attribute in (0, 1, 2):
        program.disableAttributeArray(attribute)
    program.release()
