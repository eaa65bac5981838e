"""No text of a file changes how the window is laid out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from planted_texts import ANCHOR, planted
from PySide6.QtCore import QPoint, QRect, QRectF
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QMenu, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from diffviews_desktop.state.state import State
from diffviews_desktop.ui.shell.window import MainWindow
from diffviews_desktop.ui.views.flat.decorations import WIDEST_NAME

SIZE = (1280, 720)
TEXTS: dict[str, Callable[[str], str]] = {
    "an id of 115 letters": lambda kind: f"{kind}_" * (115 // (len(kind) + 1)),
    "10,000 letters": lambda kind: kind + "x" * 10_000,
    "many words": lambda kind: f"{kind} " * 2000,
    "many lines": lambda kind: f"{kind}\n" * 50,
    "wide letters": lambda kind: kind + "﷽𒐫W" * 300,
    "high letters": lambda kind: kind + "꧅ཧྐྵྐྵྐྵ" * 20,
    "marks on marks": lambda kind: kind + ("z" + "\u0301\u0316" * 50) * 30,
    "to the left": lambda kind: kind + "שלום " * 300,
    "digits": lambda kind: kind + "7" * 4000,
    "a file's address": lambda kind: f"{kind} <img width=9000 src='/etc/hostname'>",
}


def measures(window: MainWindow) -> dict[str, object]:
    """Where the parts of the window are, and how small they can be."""
    parts: list[QWidget] = [
        *window.layout_of_docks.docks,
        window.layer_panel, window.layer_panel.models, window.layer_panel.layers,
        window.layer_panel.detail, window.color_panel, window.status, window.map_area,
        window.runs_panel.list.view, window.runs_panel.steps.slider, window.runs_panel.steps.strip,
        window.runs_panel.steps.landed, window.preview.name, window.preview.facts,
        window.classes.list,
        window.gallery.anchor, window.gallery.list, window.generate_panel.classes,
        window.generate_panel.generate, window.generate_panel.masking.layers,
    ]  # fmt: skip
    assert window.linked_panel is not None
    parts += [window.linked_panel, window.linked_panel.models, window.linked_panel.layers]
    found: dict[str, object] = {"window": window.size(), "least": window.minimumSizeHint()}
    for number, part in enumerate(parts):
        key = f"{number} {type(part).__name__} {part.objectName()}"
        found[key] = QRect(part.mapTo(window, QPoint()), part.size())
    for dock in window.layout_of_docks.docks:
        found[f"least {dock.objectName()}"] = dock.minimumSizeHint()
    for dialog in (
        window.pages.map_settings,
        window.pages.grid,
        window.pages.importer,
        window.pages.mean,
    ):
        assert dialog is not None
        found[type(dialog).__name__] = dialog.size(), dialog.minimumSizeHint()
    return found


def test_no_text_moves_a_part_of_the_window(
    qtbot: QtBot, open_window: Callable[..., MainWindow], state: State, make_job, make_step
) -> None:
    def show(text: Callable[[str], str]) -> dict[str, object]:
        steps = (make_step(0, True), make_step(1))
        window.session.update(replace(planted(state, text, make_job(), steps), notice=None))
        window.show_page("mean")
        qtbot.wait(20)
        window.map_area.hovered.emit(ANCHOR + 1)
        window.map.hovered.emit(ANCHOR + 1)
        qtbot.wait(20)
        assert window.map_area.cards.card.width() < 420
        return measures(window)

    window = open_window(state)
    window.resize(*SIZE)
    window.menu_actions["maps.second"].trigger()
    for page in ("map settings", "grid", "import"):
        window.show_page(page)  # type: ignore[arg-type]
    show(str)
    usual = show(str)
    moved = []
    for name, text in TEXTS.items():
        now = show(text)
        moved += [(name, key, usual[key], now[key]) for key in usual if now[key] != usual[key]]
    assert not moved
    assert usual["window"].toTuple() == SIZE  # type: ignore[attr-defined]
    assert window.map is not None
    window.map_area._show_menu(ANCHOR, QPoint())
    assert window.map_area.menu is not None
    window.findChild(QMenu, "view.size").aboutToShow.emit()
    menus = [
        window.map_area.menu,
        window.findChild(QMenu, "view.size"),
        window.findChild(QMenu, "folders.recent"),
        *land_menus(window),
    ]
    assert max(menu.sizeHint().width() for menu in menus) < 900
    assert window.layer_panel.layers.view().minimumWidth() < 900


def land_menus(window: MainWindow) -> list[QMenu]:
    return [button.menu() for button in window.findChildren(QPushButton) if button.menu()]


@pytest.mark.parametrize("name", ["10,000 letters", "many words", "wide letters", "digits"])
def test_an_error_takes_a_few_lines_only(
    qtbot: QtBot, open_window: Callable[..., MainWindow], state: State, name: str
) -> None:
    window = open_window(state)
    window.resize(*SIZE)
    qtbot.wait(10)
    least = window.minimumSizeHint()
    window.session.update(state.with_notice(TEXTS[name]("It failed: "), error=True, details="x"))
    qtbot.wait(10)
    assert window.size().toTuple() == SIZE
    assert window.minimumSizeHint().width() == least.width()
    assert window.minimumSizeHint().height() <= SIZE[1]
    assert window.notice.height() <= 160


def test_a_name_does_not_cross_the_map(
    qtbot: QtBot, open_window: Callable[..., MainWindow], state: State
) -> None:
    assert state.opened.samples is not None
    alike = np.zeros(len(state.opened.samples), np.int32)
    window = open_window(
        replace(
            state,
            opened=replace(state.opened, samples=replace(state.opened.samples, class_label=alike)),
        )
    )
    assert window.map is not None
    assert window.map.decorations is not None
    window.map.box.show_part(QRectF(-20, -20, 45, 44))
    names = window.map.decorations.names
    qtbot.waitUntil(lambda: len(names.shown) > 0)
    for text in TEXTS.values():
        names.show_names([(names.shown[0][0], text("class"))])
        image = QImage(1200, 900, QImage.Format.Format_ARGB32_Premultiplied)
        image.fill(0)
        painter = QPainter(image)
        names.paint(painter, None)
        painter.end()
        alpha = np.frombuffer(image.constBits(), np.uint8).reshape(900, 1200, 4)[..., 3]
        columns = np.flatnonzero(alpha.any(axis=0))
        assert 20 < columns.max() - columns.min() < WIDEST_NAME + 12
