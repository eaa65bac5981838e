"""What the window writes: the picture of a step, a contact sheet, a mean, the map."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject

from diffviews_desktop.actions import exports
from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.figures import record_of
from diffviews_desktop.actions.line_format import json_script, python_script
from diffviews_desktop.exports import registry
from diffviews_desktop.exports.contents import Drawing, Picture, Script, Sheet
from diffviews_desktop.exports.with_record import WithRecord
from diffviews_desktop.state.history import HistoryLine
from diffviews_desktop.text.plain import file_name
from diffviews_desktop.text.translation import tr
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.shell.saving import PictureSaver, picture_maker
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

    def content(self, content: Picture | Sheet, file: Path) -> None:
        """Write a picture or a contact sheet, with what makes it again."""
        self._save_made(lambda: content, file)

    def map(self, file: Path, area: MapArea) -> None:
        """Write the map as it is seen; meanwhile another one may have come."""
        state = self._context.state
        if state.opened.layer_map is None:
            return
        make = area.export(vectors=registry.exporter_for(file, Drawing) is not None)
        self._save_made(picture_maker(make, record_of(state, "map")), file)

    def ask_sheet(self) -> None:
        """Ask where to, and write the contact sheet in the colours of the window."""
        grid = self._context.state.runs.grid
        if grid is None:
            return
        name = f"{file_name(grid.job.spec.model)}-grid-seed-{grid.job.settings.seed}.png"
        file = self._ask(Sheet, name)
        if file is not None:
            colors = theme.colors()
            exports.write_sheet(self._context, file, colors.map, colors.text)

    def ask_mean(self) -> None:
        """Ask where to, and write the mean picture."""
        mean = self._context.state.picks.mean
        if mean is None:
            return
        file = self._ask(Picture, f"{file_name(mean.model)}-mean-of-{len(mean.sample_ids)}.png")
        if file is not None:
            exports.write_mean(self._context, file)

    def ask_script(self, lines: Sequence[HistoryLine]) -> None:
        """Ask where to, and write what was done as a script."""
        window = self._context.window
        file = window.ask_file(tr("Save as script"), "diffviews.py", lambda: (Script,), "scripts")
        if file is not None:
            script = Script(python_script(lines), json_script(lines))
            self._save_made(lambda: script, file)

    def _ask(self, kind: type, name: str) -> Path | None:
        return self._context.window.ask_file(tr("Save picture"), name, lambda: (kind,), "pictures")

    def _save_made(self, make: Callable[[], WithRecord], file: Path) -> None:
        self._saver.save(make, str(file))

    def _on_saved(self, file: str, done: bool) -> None:
        if done:
            self._context.say(tr("Saved {file}", file=file))
        else:
            text = tr("{file} could not be written. Choose another folder.", file=file)
            self._context.say(text, error=True)

    def wait(self) -> None:
        """Let what is being written come to its end."""
        self._saver.wait()
