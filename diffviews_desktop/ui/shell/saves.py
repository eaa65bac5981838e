"""What the window writes: the picture of a step, a contact sheet, a mean, the map."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject

from diffviews_desktop.actions.context import Context
from diffviews_desktop.engine.jobs.grid_axes import sheet_of
from diffviews_desktop.exports import registry
from diffviews_desktop.exports.contents import Drawing, Picture, Sheet
from diffviews_desktop.text.plain import file_name
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.common.images import rounded
from diffviews_desktop.ui.shell.saving import Exported, PictureSaver, as_seen
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
        """Write the picture of the shown step, with what makes it again."""
        runs = self._context.state.runs
        run = runs.run()
        if run is not None and run.steps:
            step = run.steps[min(runs.step, len(run.steps) - 1)]
            self._save(Picture(step.image, run.record), file)

    def map(self, file: Path, area: MapArea) -> None:
        """Write the map as it is seen; meanwhile another one may have come."""
        state = self._context.state
        shown = state.opened.layer_map
        if shown is None:
            return
        record = {
            "kind": "map",
            "model": state.opened.model,
            "layers": list(shown.layers),
            "parameters": shown.parameters,
            "colored_by": state.colored_by,
        }
        make = area.export(vectors=registry.exporter_for(file, Drawing) is not None)
        self._save_made(as_seen(make, record), file)

    def sheet(self) -> None:
        """Ask where to, and write the contact sheet, with what makes it again."""
        grid = self._context.state.runs.grid
        if grid is None:
            return
        name = f"{file_name(grid.job.spec.model)}-grid-seed-{grid.job.settings.seed}.png"
        colors = theme.colors()
        sheet = sheet_of(grid.job, grid.cells, grid.record)
        self._ask(replace(sheet, paper=colors.map, ink=colors.text), name)

    def mean(self) -> None:
        """Ask where to, and write the mean picture, with the samples that it is of."""
        mean = self._context.state.picks.mean
        if mean is not None:
            record = {"kind": "mean", "model": mean.model, "sample_ids": list(mean.sample_ids)}
            name = f"{file_name(mean.model)}-mean-of-{len(mean.sample_ids)}.png"
            self._ask(Picture(rounded(mean.mean), record), name)

    def _ask(self, content: Picture | Sheet, name: str) -> None:
        kind = type(content)
        file = self._context.window.ask_file("Save picture", name, lambda: (kind,), "pictures")
        if file is not None:
            self._save(content, file)

    def _save(self, content: Exported, file: Path) -> None:
        self._save_made(lambda: content, file)

    def _save_made(self, make: Callable[[], Exported], file: Path) -> None:
        self._saver.save(make, str(file))

    def _on_saved(self, file: str, done: bool) -> None:
        if done:
            self._context.say(f"Saved {file}")
        else:
            text = f"The picture could not be written to {file}. Choose another folder."
            self._context.say(text, error=True)

    def wait(self) -> None:
        """Let what is being written come to its end."""
        self._saver.wait()
