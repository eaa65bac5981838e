"""Where the view in three dimensions is seen from, and how it gets there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QPointF, Signal
from PySide6.QtWidgets import QWidget

from diffviews_desktop.ui.common import motion
from diffviews_desktop.ui.views.solid.cloud import NOTHING, Box, box_around
from diffviews_desktop.ui.views.solid.flight import CameraFlight
from diffviews_desktop.values.camera import AZIMUTH, ELEVATION, Camera, Projection

NEAREST = 0.08  # of the distance from which everything is seen
CENTERED = 0.55  # likewise, at most, of one sample in the middle


class Viewpoint(QObject):
    """The camera around a box.

    Until the user moves it, it keeps everything in view, whatever becomes of the box and the size
    of the view.

    Signal: ``changed()``.
    """

    changed = Signal()

    def __init__(self, view: QWidget) -> None:
        super().__init__(view)
        self._view = view
        self.camera = Camera()
        self.box = box_around(NOTHING, [])
        self._fitted = 5.0
        self._untouched = True
        self._fits_at_end = False
        self.flight = CameraFlight(self)
        self.flight.moved.connect(self._on_flown)
        self.flight.landed.connect(self._on_landed)

    def set_box(self, box: Box) -> None:
        """Frame something else."""
        if not (np.array_equal(box.low, self.box.low) and np.array_equal(box.high, self.box.high)):
            self.box = box
            self.refresh()

    def forget(self) -> None:
        """Keep everything in view again, from the present side."""
        self.flight.stop()
        self._untouched = True

    def refresh(self) -> None:
        """The camera, the box or the size of the view changed."""
        camera = self._with_all(self.camera)
        self._fitted = camera.distance
        if self._untouched:
            self.camera = camera
        self.changed.emit()

    # ---- moving ---------------------------------------------------------------------------------

    def fit(self) -> None:
        """Show everything from the same side."""
        self._fly_to(self._with_all(self.camera), fits=True)

    def reset(self) -> None:
        """Show everything from the side that it was first seen from."""
        first = replace(self.camera, azimuth=AZIMUTH, elevation=ELEVATION)
        self._fly_to(self._with_all(first), fits=True)

    def center_on(self, place: NDArray) -> None:
        """Bring a place of the data ``(3,)`` to the middle, at the same distance or closer."""
        world = self.box.world()
        target = world[:3, :3] @ place + world[:3, 3]
        distance = min(self.camera.distance, CENTERED * self._fitted)
        self._fly_to(replace(self.camera, target=tuple(target.tolist()), distance=distance))

    def fit_places(self, places: NDArray) -> None:
        """Show places of the data ``(K, 3)``, as near as all of them can be seen."""
        world = self.box.world()
        places = places @ world[:3, :3].T + world[:3, 3]
        low, high = places.min(axis=0), places.max(axis=0)
        size = float(np.linalg.norm(high - low)) / (2 * float(np.linalg.norm(self.box.half)))
        self._fly_to(
            replace(
                self.camera,
                target=tuple(((low + high) / 2).tolist()),
                distance=self._fitted * min(1.0, max(NEAREST, 1.1 * size)),
            )
        )

    def orbit(self, azimuth: float, elevation: float) -> None:
        """Turn by angles in radians."""
        self._set(self.camera.orbit(azimuth, elevation))

    def pan(self, right: float, up: float) -> None:
        """Move what is seen by logical pixels."""
        self._set(self.camera.pan(right, up, self._view.height()))

    def zoom(self, factor: float, about: QPointF | None = None) -> None:
        """Closer by a factor; what lies at a place, at the target's depth, stays there."""
        camera = self.camera.zoom(factor)
        if about is not None:
            right = about.x() - self._view.width() / 2
            up = self._view.height() / 2 - about.y()
            share = 1 - camera.distance / self.camera.distance
            new_camera = self.camera.pan(-right * share, -up * share, self._view.height())
            camera = replace(new_camera, distance=camera.distance)
        self._set(camera)

    @property
    def user_camera(self) -> Camera | None:
        """Where the user looks from; None where everything is kept in view."""
        return None if self._untouched else self.camera

    def look_from(self, camera: Camera) -> None:
        """Look from another place, at once."""
        self._set(camera)

    def _set(self, camera: Camera) -> None:
        self.flight.stop()
        self._on_flown(camera)

    def _fly_to(self, camera: Camera, *, fits: bool = False) -> None:
        """Look from elsewhere, moving there shortly where motion is allowed; ``fits`` says whether
        everything is to be seen from then on, whatever the size of the view becomes."""
        self.flight.stop()
        self._fits_at_end = fits
        if motion.is_allowed() and self._view.isVisible():
            self.flight.start(self.camera, camera)
        else:
            self._on_flown(camera)
            self._on_landed()

    def _on_flown(self, camera: Camera) -> None:
        self.camera, self._untouched = camera, False
        self.refresh()

    def _on_landed(self) -> None:
        if self._fits_at_end:
            self._untouched = True
            self.refresh()

    def _with_all(self, camera: Camera) -> Camera:
        """From the same side, with everything in view."""
        return camera.fit(self.box.half, max(1, self._view.width()) / max(1, self._view.height()))

    # ---- what is seen ---------------------------------------------------------------------------

    def projection(self) -> Projection:
        """From data to logical pixels, as it is drawn now."""
        width, height = max(1, self._view.width()), max(1, self._view.height())
        matrix = self.camera.matrix(width / height) @ self.box.world()
        return Projection(matrix, width, height, self.camera.distance)

    def projection_around(self, centre: NDArray) -> Projection:
        """The same for places less a centre ``(3,)``: small numbers, which keep their detail."""
        whole = self.projection()
        matrix = whole.matrix.copy()
        matrix[:, 3] += matrix[:, :3] @ centre
        return replace(whole, matrix=matrix)

    @property
    def eye(self) -> NDArray[np.float64]:
        """Where the camera is in the data ``(3,)``."""
        world = self.box.world()
        eye = np.array(self.camera.target) + self.camera.axes()[2] * self.camera.distance
        return (eye - world[:3, 3]) / np.diag(world)[:3]

    @property
    def magnification(self) -> float:
        """How much larger things are than where everything is seen."""
        return self._fitted / max(self.camera.distance, 1e-6)
