"""Light and dark: palette, style sheet and icons of the window.

One style sheet for the whole application would polish every widget in one go whenever it changes,
and the window would stand still. So its parts are dressed each by itself, and another theme comes
to one of them a turn of the event loop.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import shiboken6
from PySide6.QtCore import QByteArray, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QGuiApplication, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication, QWidget

from diffviews_desktop import paths
from diffviews_desktop.files.writing import replacing
from diffviews_desktop.ui.common.images import encode
from diffviews_desktop.values.preferences import Appearance

ICON_SIZE = QSize(18, 18)


@dataclass(frozen=True)
class Colors:
    """The colours of a theme that carry no data."""

    window: str
    panel: str
    field: str
    border: str
    text: str
    muted: str
    accent: str
    accent_text: str
    map: str
    error: str
    info: str
    problem: str
    chosen: str


LIGHT = Colors(
    window="#eef0f3", panel="#fafbfc", field="#ffffff", border="#d3d8df", text="#1d2127",
    muted="#667080", accent="#2b62d9", accent_text="#ffffff", map="#ffffff",
    error="#fdecec", info="#e9f0fd", problem="#b3261e", chosen="#d3e0fb",
)  # fmt: skip
DARK = Colors(
    window="#16181c", panel="#1f2227", field="#282c33", border="#373c45", text="#e4e7eb",
    muted="#98a1ae", accent="#5c8dff", accent_text="#0d1017", map="#121417",
    error="#47242a", info="#22304d", problem="#ff9a94", chosen="#2b4374",
)  # fmt: skip

PLACEHOLDER = re.compile(r"@(?:icon\((?P<icon>[a-z-]+), (?P<tint>\w+)\)|(?P<color>\w+))")
"""What a style sheet has in place of colours and icons: ``@muted``, ``@icon(close, muted)``."""

_current = LIGHT
_sheet: str | None = None  # of the theme in use, made once
_choice: Appearance = "system"
_widgets: list[QWidget] = []  # themselves: nobody else may know of what Qt has made
_change: Iterator[None] | None = None


def colors() -> Colors:
    """The colours in use."""
    return _current


def choice() -> Appearance:
    """What was applied last."""
    return _choice


def is_dark() -> bool:
    """Whether the dark theme is in use."""
    return _current is DARK


def apply(appearance: Appearance) -> None:
    """Use a theme for the whole application; "system" follows the desktop.

    What is dressed keeps its looks until all of it was styled again, part by part: see `changing`.
    """
    global _choice, _current, _sheet, _change
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    scheme = QGuiApplication.styleHints().colorScheme()
    dark = appearance == "dark" or (appearance == "system" and scheme == Qt.ColorScheme.Dark)
    _choice = appearance
    _current = DARK if dark else LIGHT
    # Fusion everywhere: bare X11 ignores setColorScheme, so the palette is set by hand
    if not app.styleSheet():  # each time every widget would be polished again
        app.setStyle("Fusion")
        app.setStyleSheet(_template("frame"))
    widgets = _alive()
    for widget in widgets:
        widget.setUpdatesEnabled(False)
    app.setPalette(_palette(_current))
    _sheet = _style_sheet(_current)
    _change = _dress_anew(widgets, _sheet)
    _take_turn(_change)


def set_text_size(percent: int) -> None:
    """Show texts larger or smaller than the desktop has them; for windows that are made later."""
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    font = app.font()
    usual = app.property("usual text size") or font.pointSizeF()
    app.setProperty("usual text size", usual)
    size = usual * percent / 100
    if size > 0 and abs(font.pointSizeF() - size) > 0.01:  # below 0 where it is in pixels
        font.setPointSizeF(size)
        app.setFont(font)


def changing() -> bool:
    """Whether parts of the window are still to be styled."""
    return _change is not None


def dress(widget: QWidget) -> None:
    """Style a widget and all that is in it by the theme, now and whenever another one is chosen.

    Widgets that are dressed must not lie in each other; it takes less while they are empty.
    """
    _widgets[:] = [*_alive(), widget]
    widget.ensurePolished()  # else tool bars and docks do not hear of their new measures
    widget.setStyleSheet(_style_sheet(_current) if _sheet is None else _sheet)


def _alive() -> list[QWidget]:
    """The widgets that are dressed and still there."""
    return [widget for widget in _widgets if shiboken6.isValid(widget)]


def _dress_anew(widgets: list[QWidget], sheet: str) -> Iterator[None]:
    """Style one widget after another, then show one after another."""
    for widget in widgets:
        yield
        if shiboken6.isValid(widget):
            widget.setStyleSheet(sheet)
    for widget in widgets:
        yield
        if shiboken6.isValid(widget):
            widget.setUpdatesEnabled(True)


def _take_turn(change: Iterator[None]) -> None:
    global _change
    if change is not _change:  # yet another theme was chosen
        return
    try:
        next(change)
    except StopIteration:
        _change = None
    else:
        QTimer.singleShot(1, lambda: _take_turn(change))  # 0 could still be in this turn


def _palette(c: Colors) -> QPalette:
    palette = QPalette()
    role = QPalette.ColorRole
    for target, color in {
        role.Window: c.window,
        role.WindowText: c.text,
        role.Base: c.field,
        role.AlternateBase: c.panel,
        role.Text: c.text,
        role.Button: c.panel,
        role.ButtonText: c.text,
        role.ToolTipBase: c.panel,
        role.ToolTipText: c.text,
        role.PlaceholderText: c.muted,
        role.Highlight: c.accent,
        role.HighlightedText: c.accent_text,
        role.Link: c.accent,
        role.Mid: c.border,
        role.Dark: c.border,
    }.items():
        palette.setColor(target, QColor(color))
    for target in (role.WindowText, role.Text, role.ButtonText):
        faint = QColor(c.muted)
        faint.setAlpha(150)
        palette.setColor(QPalette.ColorGroup.Disabled, target, faint)
    return palette


def _style_sheet(c: Colors) -> str:
    def value(match: re.Match[str]) -> str:
        if match["icon"]:
            return _icon_in_sheet(match["icon"], getattr(c, match["tint"]))
        color: str = getattr(c, match["color"])
        return color

    return PLACEHOLDER.sub(value, _template("parts"))


def _template(name: str) -> str:
    return (paths.resources() / "style" / f"{name}.qss").read_text(encoding="utf-8")


@lru_cache(maxsize=256)
def _pixmap(name: str, color: str, size: int) -> QPixmap:
    renderer = QSvgRenderer(QByteArray(_svg(name).replace("currentColor", color).encode()))
    pixmap = QPixmap(size, size)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    renderer.render(painter, QRectF(0, 0, size, size))
    painter.end()
    return pixmap


@lru_cache(maxsize=64)
def _svg(name: str) -> str:
    return (paths.resources() / "icons" / f"{name}.svg").read_text(encoding="utf-8")


def icon(name: str) -> QIcon:
    """A bundled icon in the colours of the theme, sharp at every scale."""
    result = QIcon()
    for size in (ICON_SIZE.width(), 2 * ICON_SIZE.width()):
        result.addPixmap(_pixmap(name, colors().text, size))
        result.addPixmap(_pixmap(name, colors().border, size), QIcon.Mode.Disabled)
    return result


def _icon_in_sheet(name: str, color: str) -> str:
    """A coloured icon for a style sheet, which takes nothing but files; none on a full disk.

    Qt would complain of a file without a name as often as it paints.
    """
    folder = paths.cache_dir() / "icons"
    file = folder / f"{name}-{color.lstrip('#')}.png"
    if not file.is_file():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with replacing(file) as stream:
                stream.write(encode(_pixmap(name, color, 28).toImage()))
        except OSError:
            return "none"
    return f'url("{file.as_posix()}")'
