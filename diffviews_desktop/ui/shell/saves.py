"""What the window writes: the picture of a step, a contact sheet, a mean, the map."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject
from PySide6.QtGui import QImage

from diffviews_desktop.actions.context import Context
from diffviews_desktop.text.plain import file_name
from diffviews_desktop.ui.common.images import to_qimage
from diffviews_desktop.ui.panels.mean import mean_image
from diffviews_desktop.ui.shell.saving import PictureSaver
from diffviews_desktop.ui.views.area import MapArea


class Saves:
    """Writes in another thread and says how it went.

    Args:
        context: whose state is written.
        parent: of the thread.
    """

    def __init__(self, context: Context, parent: QObject) -> None:
        self._context = context
        self._saver = PictureSaver(parent)
        self._saver.saved.connect(self._on_saved)

    def picture(self, file: Path) -> None:
        """Write the picture of the shown step as PNG."""
        runs = self._context.state.runs
        run = runs.run()
        if run is not None and run.steps:
            step = run.steps[min(runs.step, len(run.steps) - 1)]
            self._saver.save(partial(to_qimage, step.image), str(file), run.record)

    def map(self, file: Path, area: MapArea) -> None:
        """Write the map as it is seen; meanwhile another one may have come."""
        state = self._context.state
        shown = state.opened.layer_map
        if shown is None:
            return
        vectors = file.suffix.lower() == ".svg"
        if vectors and not area.is_flat:
            file, vectors = file.with_suffix(".png"), False
        record = {
            "kind": "map",
            "model": state.opened.model,
            "layers": list(shown.layers),
            "parameters": shown.parameters,
            "colored_by": state.colored_by,
        }
        self._saver.save(area.export(vectors=vectors), str(file), record)

    def sheet(self, make: Callable[[], QImage]) -> None:
        """Ask where to, and write the contact sheet as PNG, with what makes it again inside."""
        grid = self._context.state.runs.grid
        if grid is not None:
            name = f"{file_name(grid.job.model)}-grid-seed-{grid.job.settings.seed}.png"
            self._ask(make, name, grid.record)

    def mean(self) -> None:
        """Ask where to, and write the mean picture as PNG, with the samples that it is of."""
        mean = self._context.state.picks.mean
        if mean is not None:
            record = {"kind": "mean", "model": mean.model, "sample_ids": list(mean.sample_ids)}
            name = f"{file_name(mean.model)}-mean-of-{len(mean.sample_ids)}.png"
            self._ask(partial(mean_image, mean), name, record)

    def _ask(self, make: Callable[[], QImage], name: str, record: Mapping[str, Any] | None) -> None:
        file = self._context.window.ask_file("Save picture", name, ["png"], "pictures")
        if file is not None:
            self._saver.save(make, str(file), record)

    def _on_saved(self, file: str, done: bool) -> None:
        if done:
            self._context.say(f"Saved {file}")
        else:
            text = f"The picture could not be written to {file}. Choose another folder."
            self._context.say(text, error=True)

    def wait(self) -> None:
        """Let what is being written come to its end."""
        self._saver.wait()
