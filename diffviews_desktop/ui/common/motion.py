"""Whether things move: the desktop may ask for none, and so may the user."""

from __future__ import annotations

from PySide6.QtWidgets import QApplication, QStyle

_reduced = False


def set_reduced(reduced: bool) -> None:
    """Let nothing move by itself, or only where the desktop asks for that."""
    global _reduced
    _reduced = reduced


def is_allowed() -> bool:
    """Whether a change may be shown as a short movement."""
    duration = QStyle.StyleHint.SH_Widget_Animation_Duration
    return not _reduced and QApplication.style().styleHint(duration) > 0
