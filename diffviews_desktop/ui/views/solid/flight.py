"""The camera on its way from one side to another."""

from __future__ import annotations

from PySide6.QtCore import QEasingCurve, QObject, QVariantAnimation, Signal

from diffviews_desktop.ui.views.flat.gestures import FLIGHT_MILLISECONDS
from diffviews_desktop.values.camera import Camera


class CameraFlight(QObject):
    """Moves a camera shortly.

    Signals: ``moved(camera)`` for each frame, ``landed()`` after the last one.
    """

    moved = Signal(object)
    landed = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._start = self._end = Camera()
        self._animation = QVariantAnimation(self)
        self._animation.setDuration(FLIGHT_MILLISECONDS)
        self._animation.setEasingCurve(QEasingCurve.Type.InOutCubic)
        self._animation.setStartValue(0.0)
        self._animation.setEndValue(1.0)
        self._animation.valueChanged.connect(self._move)
        self._animation.finished.connect(self.landed)

    def start(self, start: Camera, end: Camera) -> None:
        """Fly from one camera to another."""
        self._animation.stop()
        self._start, self._end = start, end
        self._animation.start()

    def stop(self) -> None:
        """Stay where the camera is now."""
        self._animation.stop()

    @property
    def running(self) -> bool:
        """Whether the camera moves by itself."""
        return self._animation.state() == QVariantAnimation.State.Running

    def _move(self, part: float) -> None:
        self.moved.emit(self._start.between(self._end, part))
