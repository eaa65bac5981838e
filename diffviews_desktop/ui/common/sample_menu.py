"""What a right click on a sample offers, wherever it is shown."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtWidgets import QMenu, QWidget

from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.registry import SAMPLE_ACTIONS
from diffviews_desktop.ui.common.entries import menu_text
from diffviews_desktop.ui.common.labels import tip


class SampleMenu(QMenu):
    """What can be done with a sample.

    Args:
        parent: widget over which it opens.
        context: what the actions work with.
        row: the sample; None for none.
    """

    def __init__(self, parent: QWidget, context: Context, row: int | None) -> None:
        super().__init__(parent)
        self._context = context
        if row is not None and context.state.opened.samples is not None:
            self._offer(row)

    def _offer(self, row: int) -> None:
        state = self._context.state
        samples = state.opened.samples
        assert samples is not None
        name = samples.sample_id[row]
        head = self.addAction(f"#{row}   {menu_text(name)}")
        head.setToolTip(tip(f"#{row}   {name}"))  # by itself Qt would make one of the text
        head.setEnabled(False)
        group = 0
        for one in SAMPLE_ACTIONS:
            if not one.offered(state, row):
                continue
            if one.group != group:
                self.addSeparator()
                group = one.group
            title = one.title(state, row)
            text = f"{title.text} {menu_text(title.name)}" if title.name else title.text
            action = self.addAction(text)
            action.setToolTip(tip(text.replace("&", "")))
            action.triggered.connect(partial(self._run, one.run, row))

    def _run(self, run: Callable[[Context, int], None], row: int, *_: object) -> None:
        run(self._context, row)
