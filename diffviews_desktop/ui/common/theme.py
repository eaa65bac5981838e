"""Light and dark: palette, style sheet and icons of the window.

One style sheet for the whole application would polish every widget in one go whenever it changes,
and the window would stand still. So its parts are dressed each by itself, and another theme comes
to one of them a turn of the event loop.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import shiboken6
from PySide6.QtCore import QByteArray, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QGuiApplication, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication, QWidget

from diffviews_desktop import paths
from diffviews_desktop.files.writing import replacing
from diffviews_desktop.ui.common.images import encoded

ICON_SIZE = QSize(18, 18)

ThemeChoice = Literal["system", "light", "dark"]


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


LIGHT = Colors(
    window="#eef0f3", panel="#fafbfc", field="#ffffff", border="#d3d8df", text="#1d2127",
    muted="#667080", accent="#2b62d9", accent_text="#ffffff", map="#ffffff",
    error="#fdecec", info="#e9f0fd", problem="#b3261e",
)  # fmt: skip
DARK = Colors(
    window="#16181c", panel="#1f2227", field="#282c33", border="#373c45", text="#e4e7eb",
    muted="#98a1ae", accent="#5c8dff", accent_text="#0d1017", map="#121417",
    error="#47242a", info="#22304d", problem="#ff9a94",
)  # fmt: skip

# of every theme: what belongs to the window itself and to none of its parts
FRAME = """
    QMainWindow::separator { background: transparent; width: 5px; height: 5px; }
    QMainWindow::separator:hover { background: #4478ec; }
    """

_current = LIGHT
_choice: ThemeChoice = "system"
_dressed: list[QWidget] = []  # themselves: nobody else may know of what Qt has made
_change: Iterator[None] | None = None


def colors() -> Colors:
    """The colours in use."""
    return _current


def choice() -> ThemeChoice:
    """What was applied last."""
    return _choice


def is_dark() -> bool:
    """Whether the dark theme is in use."""
    return _current is DARK


def apply(chosen: ThemeChoice) -> None:
    """Use a theme for the whole application; "system" follows the desktop.

    What is dressed keeps its looks until all of it was styled anew, part by part: see `changing`.
    """
    global _choice, _current, _change
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    scheme = QGuiApplication.styleHints().colorScheme()
    dark = chosen == "dark" or (chosen == "system" and scheme == Qt.ColorScheme.Dark)
    _choice = chosen
    _current = DARK if dark else LIGHT
    # Fusion everywhere: bare X11 ignores setColorScheme, so the palette is set by hand
    if not app.styleSheet():  # each time every widget would be polished anew
        app.setStyle("Fusion")
        app.setStyleSheet(FRAME)
    widgets = _alive()
    for widget in widgets:
        widget.setUpdatesEnabled(False)
    app.setPalette(_palette(_current))
    _change = _dress_anew(widgets, _style_sheet(_current))
    _take_turn(_change)


def changing() -> bool:
    """Whether parts of the window are still to be styled."""
    return _change is not None


def dress(widget: QWidget) -> None:
    """Style a widget and all that is in it by the theme, now and whenever another one is chosen.

    Widgets that are dressed must not lie in each other; it takes less while they are empty.
    """
    _dressed[:] = [*_alive(), widget]
    widget.ensurePolished()  # else tool bars and docks do not hear of their new measures
    widget.setStyleSheet(_style_sheet(_current))


def _alive() -> list[QWidget]:
    """The widgets that are dressed and still there."""
    return [widget for widget in _dressed if shiboken6.isValid(widget)]


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


@lru_cache(maxsize=2)
def _style_sheet(c: Colors) -> str:
    return f"""
    QDockWidget {{ color: {c.muted}; font-weight: 600;
        titlebar-close-icon: url("{_icon_file("close", c.muted)}");
        titlebar-normal-icon: url("{_icon_file("float", c.muted)}"); }}
    QDockWidget::close-button, QDockWidget::float-button {{ border: none; background: transparent;
        icon-size: 14px; padding: 0; }}
    QDockWidget::close-button:hover, QDockWidget::float-button:hover {{ background: {c.field}; }}
    QDockWidget::title {{ background: {c.panel}; padding: 4px 10px 3px 10px;
        border-top: 1px solid {c.border}; }}
    QWidget#panel {{ background: {c.panel}; }}
    QToolBar {{ background: {c.panel}; border: none; border-bottom: 1px solid {c.border};
        spacing: 6px; padding: 3px 8px; }}
    QMenuBar {{ background: {c.panel}; }}
    QStatusBar {{ background: {c.panel}; border-top: 1px solid {c.border}; }}
    QStatusBar::item {{ border: none; }}
    QLabel#muted, QLabel[muted="true"] {{ color: {c.muted}; }}
    QLabel#muted[problem="true"] {{ color: {c.problem}; }}
    QLineEdit[problem="true"] {{ border-color: {c.problem}; }}
    QFrame#line {{ background: {c.border}; border: none; max-height: 1px; }}
    QLabel#title {{ font-size: 18px; font-weight: 600; }}
    QLabel[strong="true"] {{ font-weight: 600; }}
    QToolTip {{ color: {c.text}; background: {c.panel}; border: 1px solid {c.border};
        padding: 4px; }}
    QPushButton {{ background: {c.field}; border: 1px solid {c.border}; border-radius: 5px;
        padding: 4px 12px; }}
    QPushButton:hover {{ border-color: {c.accent}; }}
    QPushButton:pressed {{ background: {c.window}; }}
    QPushButton:disabled {{ color: {c.muted}; background: {c.panel}; }}
    QPushButton:focus, QToolButton:focus {{ border: 1px solid {c.accent}; }}
    QPushButton#primary {{ background: {c.accent}; color: {c.accent_text}; font-weight: 600;
        border: 1px solid {c.accent}; padding: 5px 14px; }}
    QPushButton#primary:hover {{ border-color: {c.text}; }}
    QPushButton#primary:focus {{ border: 2px solid {c.text}; padding: 4px 13px; }}
    QPushButton#primary:disabled {{ background: {c.border}; color: {c.muted};
        border-color: {c.border}; }}
    QToolButton {{ border: 1px solid transparent; border-radius: 5px; padding: 3px; }}
    QToolButton:hover {{ background: {c.field}; border-color: {c.border}; }}
    QToolButton:checked {{ background: {c.field}; border-color: {c.accent}; }}
    QPushButton:checked {{ border-color: {c.accent}; color: {c.accent}; }}
    QPushButton#choice {{ background: {c.field}; border: 1px solid {c.border}; padding: 2px 22px
        2px 6px; min-height: 20px; text-align: left; }}
    QPushButton#choice:disabled {{ color: {c.muted}; background: {c.panel}; }}
    QPushButton#choice:focus {{ border-color: {c.accent}; }}
    QPushButton#choice::menu-indicator {{ image: url("{_icon_file("chevron", c.muted)}");
        width: 14px; height: 14px; subcontrol-origin: padding;
        subcontrol-position: right center; right: 4px; }}
    QTabWidget::pane {{ border: none; border-top: 1px solid {c.border}; }}
    QTabBar {{ background: transparent; }}
    QTabBar::tab {{ background: transparent; color: {c.muted}; border: none;
        border-bottom: 2px solid transparent; padding: 4px 10px; margin-right: 4px; }}
    QTabBar::tab:selected {{ color: {c.text}; border-bottom-color: {c.accent}; }}
    QTabBar::tab:hover {{ color: {c.text}; }}
    QTabBar::tab:focus {{ color: {c.accent}; }}
    QLineEdit, QComboBox, QSpinBox, QDoubleSpinBox {{ background: {c.field};
        border: 1px solid {c.border}; border-radius: 5px; padding: 2px 6px; min-height: 20px;
        selection-background-color: {c.accent}; selection-color: {c.accent_text}; }}
    QLineEdit:focus, QComboBox:focus, QSpinBox:focus, QDoubleSpinBox:focus
        {{ border-color: {c.accent}; }}
    QLineEdit:focus[problem="true"] {{ border-color: {c.problem}; }}
    QLineEdit:disabled, QComboBox:disabled, QSpinBox:disabled, QDoubleSpinBox:disabled
        {{ color: {c.muted}; background: {c.panel}; }}
    QComboBox::drop-down {{ border: none; width: 20px; }}
    QComboBox::down-arrow {{ image: url("{_icon_file("chevron", c.muted)}"); width: 14px;
        height: 14px; }}
    QSpinBox::up-button, QDoubleSpinBox::up-button, QSpinBox::down-button,
    QDoubleSpinBox::down-button {{ border: none; width: 16px; background: transparent; }}
    QSpinBox::up-arrow, QDoubleSpinBox::up-arrow {{
        image: url("{_icon_file("up", c.muted)}"); width: 11px; height: 11px; }}
    QSpinBox::down-arrow, QDoubleSpinBox::down-arrow {{
        image: url("{_icon_file("chevron", c.muted)}"); width: 11px; height: 11px; }}
    QComboBox QAbstractItemView {{ background: {c.field}; border: 1px solid {c.border};
        selection-background-color: {c.accent}; selection-color: {c.accent_text}; }}
    QListView, QListWidget {{ background: {c.panel}; border: none; outline: none; }}
    QListWidget {{ border: 1px solid transparent; border-radius: 5px; }}
    QListWidget:focus {{ border: 1px solid {c.accent}; }}
    QListWidget::item {{ border-radius: 4px; padding: 2px; }}
    QListWidget::item:hover {{ background: {c.field}; }}
    QListWidget::item:selected {{ background: {c.accent}; color: {c.accent_text}; }}
    QCheckBox::indicator, QListView::indicator {{ width: 14px; height: 14px; border-radius: 4px;
        border: 1px solid {c.muted}; background: {c.field}; }}
    QCheckBox::indicator:checked, QListView::indicator:checked {{ background: {c.accent};
        border-color: {c.accent}; image: url("{_icon_file("check", c.accent_text)}"); }}
    QCheckBox::indicator:disabled {{ border-color: {c.border}; background: {c.panel}; }}
    QCheckBox::indicator:checked:disabled {{ background: {c.border}; }}
    QCheckBox:focus, QListView::item:focus {{ outline: none; }}
    QCheckBox:focus {{ color: {c.accent}; }}
    QProgressBar {{ background: {c.field}; border: 1px solid {c.border}; border-radius: 4px;
        height: 10px; text-align: center; }}
    QProgressBar::chunk {{ background: {c.accent}; border-radius: 3px; }}
    QSlider::groove:horizontal {{ height: 4px; background: {c.border}; border-radius: 2px; }}
    QSlider::handle:horizontal {{ width: 14px; height: 14px; margin: -5px 0; border-radius: 7px;
        background: {c.accent}; }}
    QSlider::handle:horizontal:disabled {{ background: {c.border}; }}
    QSlider:focus {{ border: 1px solid {c.accent}; border-radius: 5px; }}
    QScrollBar:vertical {{ background: transparent; width: 10px; margin: 0; }}
    QScrollBar:horizontal {{ background: transparent; height: 10px; margin: 0; }}
    QScrollBar::handle {{ background: {c.border}; border-radius: 4px; min-height: 24px;
        min-width: 24px; margin: 1px; }}
    QScrollBar::handle:hover {{ background: {c.muted}; }}
    QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
    QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
    QFrame#notice[level="error"] {{ background: {c.error}; border-bottom: 1px solid {c.border}; }}
    QFrame#notice[level="info"] {{ background: {c.info}; border-bottom: 1px solid {c.border}; }}
    """


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
    made = QIcon()
    for size in (ICON_SIZE.width(), 2 * ICON_SIZE.width()):
        made.addPixmap(_pixmap(name, colors().text, size))
        made.addPixmap(_pixmap(name, colors().border, size), QIcon.Mode.Disabled)
    return made


@lru_cache(maxsize=32)
def _icon_file(name: str, color: str) -> str:
    """A coloured icon as a file, for style sheets, which take nothing else."""
    folder = paths.cache_dir() / "icons"
    file = folder / f"{name}-{color.lstrip('#')}.png"
    if not file.is_file():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with replacing(file) as stream:
                stream.write(encoded(_pixmap(name, color, 28).toImage()))
        except OSError:
            return ""
    return file.as_posix()
