"""What a right click on the map offers: for the sample under the mouse, and for the view."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QAction, QDesktopServices, QGuiApplication, QImage
from PySide6.QtWidgets import QMenu, QWidget

from diffviews_desktop.actions import picks, selection, showing
from diffviews_desktop.state.session import Session
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.common.entries import menu_text
from diffviews_desktop.ui.common.images import PictureLoader
from diffviews_desktop.ui.common.labels import tip
from diffviews_desktop.values.row_set import RowSet


class MapMenu(QMenu):
    """A menu for one moment.

    Args:
        parent: widget over which it opens.
        state: what the map shows.
        row: the sample under the mouse; None for none.
        do: calls an operation that needs the session alone.
        pictures: reads the samples' pictures.
    """

    def __init__(
        self,
        parent: QWidget,
        state: State,
        row: int | None,
        do: Callable[..., None],
        pictures: PictureLoader,
    ) -> None:
        super().__init__(parent)
        self._do, self._pictures = do, pictures
        if row is not None and state.samples is not None:
            self._offer_sample(state, row)
            self.addSeparator()
        self._offer("Select &all", lambda: do(selection.choose_all))
        if len(state.selection.chosen):
            self._offer("&Invert the selection", lambda: do(selection.invert_chosen))
            self._offer("Select &nothing", lambda: do(selection.clear_chosen))
        if state.filter is not None or state.highlighted_class is not None:
            self._offer("S&how all samples", lambda: do(showing.show_all))
        self.addSeparator()

    def _offer(self, text: str, run: Callable[[], object]) -> QAction:
        action = self.addAction(text)
        action.setToolTip(tip(text.replace("&", "")))  # by itself Qt would make one of the text
        action.triggered.connect(lambda *_: run())
        return action

    def _offer_sample(self, state: State, row: int) -> None:
        samples, picked, do = state.samples, state.selection, self._do
        assert samples is not None
        number = int(samples.class_label[row])
        name, own = samples.class_name[row], samples.sample_id[row]
        head = self._offer(f"#{row}   {menu_text(own)}", lambda: None)
        head.setEnabled(False)
        if row != picked.anchor:
            self._offer("Make it the &anchor", lambda: do(picks.new_anchor, row=row))
            if row in picked.neighbors:
                text = "&Remove from the neighbours"
                self._offer(text, lambda: do(picks.remove_neighbor, row=row))
            elif picked.anchor is not None:
                self._offer("Add as &neighbour", lambda: do(picks.add_neighbor, row=row))
        text = "Take &out of the selection" if row in picked.chosen else "Add to the &selection"
        rows = RowSet([row])
        self._offer(text, lambda: do(selection.choose_rows, rows=rows, how="toggle"))
        if number >= 0:
            text = f"Select &class {menu_text(name)}"
            self._offer(text, lambda: do(selection.choose_class, number=number))
            lit = state.highlighted_class == number
            text = "Highlight all c&lasses" if lit else f"&Highlight class {menu_text(name)}"
            wanted = None if lit else number
            self._offer(text, lambda: do(showing.highlight_class, number=wanted))
        self.addSeparator()
        clipboard = QGuiApplication.clipboard()

        def copied(image: QImage, fault: str) -> None:
            if fault:
                do(_say, text=f"The picture {fault}, so it is not copied.")
            else:
                clipboard.setImage(image)

        self._offer("Copy the i&d", lambda: clipboard.setText(samples.sample_id[row]))
        path = samples.picture(row)
        if path is not None:
            self._offer("Copy the &picture", lambda: self._pictures.copy(path, copied))
            self._offer("Show the picture in its &folder", lambda: _open_folder(path))


def _say(session: Session, text: str) -> None:
    session.update(session.state.with_notice(text))


def _open_folder(path: Path) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(path.parent)))
