"""Labels and tooltips that show a text as it is, and that no text makes wider than they should be.

Names, ids and messages come from other people's files, and Qt takes what looks like HTML for it:
it would show pictures of the disk, and links. Every label of the window is one of these.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Signal
from PySide6.QtGui import QImage, QKeySequence, QPixmap, QResizeEvent, Qt
from PySide6.QtWidgets import QLabel, QSizePolicy, QToolTip, QWidget

from diffviews_desktop.text.plain import steady, visible

MOST_LETTERS = 400
MOST_OF_TIP = 1000
WIDEST, WIDEST_WORD = 420, 240
"""Pixels that a label and a word in it ask for at most."""
NARROWEST = 40
_LONG_LINE = 160  # letters of a tooltip, which is wrapped then
_LONG_WORD = re.compile(r"\S{25,}")
_PIECE = re.compile(r"(\S{12})(?=\S)")
_BREAK = "\u200b"  # invisible; a line may end there


def plain(text: str, most: int = MOST_LETTERS) -> str:
    """A text as one line of the window, with what acts or cannot be seen made visible."""
    return steady(visible(text, most))


def tip(*lines: str) -> str:
    """A tooltip of some lines, for everything that has one; lines without a text are left out.

    Qt has no plain tooltips: one that would look like HTML to it, or is too long for a line,
    becomes HTML that shows it as it is.
    """
    text = "\n".join(plain(line, MOST_OF_TIP) for line in lines if line)
    if not Qt.mightBeRichText(text) and max(map(len, text.split("\n"))) <= _LONG_LINE:
        return text
    return f'<div style="white-space: pre-wrap">{html.escape(text)}</div>'


def native_key(key: str) -> str:
    """A key as the system writes it."""
    return QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)


def with_key(meaning: str, key: str) -> str:
    """What something does, and by which key."""
    return f"{meaning.removesuffix('.')} ({native_key(key)})"


def say_below(field: QWidget, text: str) -> None:
    """Say below a field why what was typed there was not taken; nothing where there is no text."""
    if text and field.isVisible():
        QToolTip.showText(field.mapToGlobal(field.rect().bottomLeft()), tip(text), field)


def show_tip(place: QPoint, widget: QWidget, *lines: str) -> None:
    """Show lines at a place of the screen, as long as the mouse rests on a widget."""
    QToolTip.showText(place, tip(*lines), widget)


class Label(QLabel):
    """Shows lines as they are, as wide as they are, up to `WIDEST`.

    What does not fit is left out of the middle, or goes to the next line where words are wrapped.
    The whole of what was shortened is in the tooltip.
    """

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.elide_mode = Qt.TextElideMode.ElideMiddle
        self.selectable = False
        """Whether it can be selected and copied: only where it is true to the letter."""
        self._given: tuple[str, ...] = ("",)
        self._lines: tuple[str, ...] = ("",)
        self._told = False
        self.setText(text)

    def setText(self, text: str) -> None:
        """Show one line."""
        self.set_lines(text)

    def set_lines(self, *lines: str) -> None:
        """Show lines; a line break within one is made visible."""
        if lines != self._given:
            self._given, self._lines = lines, tuple(map(plain, lines))
            self.updateGeometry()  # what is drawn may stay as it is
            self._draw()

    def setPixmap(self, pixmap: QPixmap | QImage) -> None:
        """Show a picture instead."""
        self._given = self._lines = ("",)
        super().setPixmap(pixmap)

    def clear(self) -> None:
        """Show nothing."""
        self._given = self._lines = ("",)
        super().clear()

    @property
    def whole(self) -> str:
        """What is shown where there is room for it."""
        return "\n".join(self._lines)

    def text(self) -> str:
        """The same."""
        return self.whole

    @property
    def is_whole(self) -> bool:
        """Whether exactly the text that was given is shown; a mark of direction may precede it."""
        fits = self.wordWrap() or QLabel.text(self) == self.whole
        return fits and tuple(line.lstrip("\u200e") for line in self._lines) == self._given

    def setWordWrap(self, on: bool) -> None:
        """Let a line that is too long go on below."""
        super().setWordWrap(on)
        self._draw()

    def sizeHint(self) -> QSize:
        hint = super().sizeHint() if self.wordWrap() else self._size_of_lines()
        return hint.boundedTo(QSize(WIDEST, hint.height()))

    def minimumSizeHint(self) -> QSize:
        if not self.wordWrap():
            return self.sizeHint()
        hint = super().minimumSizeHint()
        return hint.boundedTo(QSize(WIDEST_WORD, hint.height()))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._draw()

    def _size_of_lines(self) -> QSize:
        """What all of the lines need; letters of a taller font do not make them higher."""
        if self.buddy() is not None or not self.whole:
            return super().sizeHint()
        self.ensurePolished()
        metrics = self.fontMetrics()
        wide = metrics.size(0, self.whole).width()
        return QSize(wide, metrics.size(0, "\n".join("x" * len(self._lines))).height())

    def _draw(self) -> None:
        """Give the label below what there is room for."""
        text = self.whole
        if not text and not QLabel.text(self):  # there may be a picture
            return
        if self.wordWrap():
            text = _LONG_WORD.sub(lambda word: _PIECE.sub(rf"\1{_BREAK}", word[0]), text)
        elif self._is_laid_out() and self.width() + 1 < self._size_of_lines().width():
            room, metrics = self.contentsRect().width(), self.fontMetrics()
            cut = [metrics.elidedText(line, self.elide_mode, room) for line in self._lines]
            text = "\n".join(cut)
        if text != QLabel.text(self):
            super().setText(text)
        if self.selectable:
            kinds = Qt.TextInteractionFlag
            flags = kinds.TextSelectableByMouse if self.is_whole else kinds.NoTextInteraction
            if flags != self.textInteractionFlags():
                self.setTextInteractionFlags(flags)
        self._tell()

    def _is_laid_out(self) -> bool:
        return self.testAttribute(Qt.WidgetAttribute.WA_Resized) or self.isVisible()

    def _tell(self) -> None:
        """Have the tooltip say what is left out."""
        if not self.is_whole:
            self._told = True
            self.setToolTip(tip(*self._given))
        elif self._told:
            self._told = False
            self.setToolTip("")


class ElidedLabel(Label):
    """A label that is as wide as there is room; the whole is always in the tooltip.

    Args:
        text: shown first.
        parent: of the widget.
        end: leave out the end instead of the middle: for sentences.
    """

    _explanation: tuple[str, ...] = ()

    def __init__(self, text: str = "", parent: QWidget | None = None, *, end: bool = False) -> None:
        super().__init__(text, parent)
        if end:
            self.elide_mode = Qt.TextElideMode.ElideRight
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setMinimumWidth(NARROWEST)

    def set_text(self, text: str, *explanation: str) -> None:
        """Show a text; the tooltip has the lines of the explanation below it."""
        self._explanation = explanation
        self.setText(text)
        self.setAccessibleName(self.whole)
        self._tell()

    def text(self) -> str:
        """What is shown now."""
        return QLabel.text(self)

    def minimumSizeHint(self) -> QSize:
        return QSize(NARROWEST, super().minimumSizeHint().height())

    def _tell(self) -> None:
        self.setToolTip(tip(*self._given, *self._explanation))


class Paragraph(ElidedLabel):
    """Sentences that are not cut off: it is as high as they need.

    Args:
        least: lines that it has room for even where it needs fewer, so that little moves.
        most: lines that it grows to.
        parent: of the widget.
    """

    def __init__(self, least: int, most: int, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self._least, self._most = least, most
        self.setWordWrap(True)
        self.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self._fit()

    def set_text(self, text: str, *explanation: str) -> None:
        """Show a text; the tooltip has the lines of the explanation below it."""
        super().set_text(text, *explanation)
        self._fit()

    @property
    def grown(self) -> int:
        """By how much it is higher than it is at least."""
        return self.height() - self._least * self.fontMetrics().lineSpacing()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._fit()

    def _fit(self) -> None:
        metrics = self.fontMetrics()
        line, room = metrics.lineSpacing(), QRect(0, 0, self.contentsRect().width(), 0)
        height = metrics.boundingRect(room, Qt.TextFlag.TextWordWrap, QLabel.text(self)).height()
        self.setFixedHeight(min(max(self._least * line, height), self._most * line))


class Links(QLabel):
    """A line with places to click. Signal: ``followed(number)``."""

    followed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.LinksAccessibleByMouse)
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        policy.setRetainSizeWhenHidden(True)
        self.setSizePolicy(policy)
        self.linkActivated.connect(lambda number: self.followed.emit(int(number)))

    def set_links(
        self, intro: str, links: Sequence[tuple[int, str]], *, numbered: bool = True
    ) -> None:
        """Show a text and links, each a number with a text after it, or the text alone."""
        parts = [
            f'<a href="{number}">#{number}</a> {html.escape(plain(text))}'
            if numbered
            else f'<a href="{number}">{html.escape(plain(text))}</a>'
            for number, text in links
        ]
        self.setText(f"{html.escape(plain(intro))} {' · '.join(parts)}")

    def minimumSizeHint(self) -> QSize:
        return QSize(0, self.sizeHint().height())

    def sizeHint(self) -> QSize:
        hint = super().sizeHint()
        return QSize(hint.width(), self.fontMetrics().height())


def muted_label(text: str = "") -> Label:
    """A label in the quiet colour."""
    label = Label(text)
    label.setObjectName("muted")
    return label


def caption(text: str, field: QWidget) -> Label:
    """The label of a field; an ``&`` marks the letter that leads there."""
    label = Label(text)
    label.setBuddy(field)
    return label


def picture_label(side: int, name: str) -> Label:
    """A label for pictures of ``side`` logical pixels; ``name`` is for those who do not see it."""
    label = Label()
    label.setFixedSize(side, side)
    label.setAlignment(Qt.AlignmentFlag.AlignCenter)
    label.setAccessibleName(name)
    return label
