"""Captions of samples in the panels: shown and found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from diffviews_desktop.state.picks import Selection
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.common.images import PictureLoader
from diffviews_desktop.ui.panels.classes import ClassesPanel
from diffviews_desktop.ui.panels.gallery import GalleryPanel
from diffviews_desktop.ui.panels.preview import PreviewPanel
from diffviews_desktop.ui.shell.window import MainWindow
from diffviews_desktop.values.row_set import RowSet
from diffviews_desktop.values.samples import rows_with_caption

ANIMALS = ("A dog", "Ein Füllen", "two CATS on a <b>mat</b>")


@pytest.fixture
def captioned(state: State) -> State:
    """The samples without classes, with captions."""
    samples = state.opened.samples
    assert samples is not None
    count = len(samples)
    samples = replace(
        samples,
        class_label=np.full(count, -1, np.int32),
        class_name=("-1",) * count,
        captions=tuple(f"{ANIMALS[i % 3]}, number {i}" for i in range(count)),
    )
    return replace(state, opened=replace(state.opened, samples=samples))


@pytest.fixture
def classes(qtbot: QtBot, captioned: State) -> ClassesPanel:
    panel = ClassesPanel()
    qtbot.addWidget(panel)
    panel.set_state(captioned)
    return panel


def test_preview_shows_the_caption(qtbot: QtBot, captioned: State) -> None:
    panel = PreviewPanel(PictureLoader())
    qtbot.addWidget(panel)
    panel.set_state(captioned)
    panel.show_row(5)
    assert panel.name.text() == "no class"
    assert panel.caption.text() == "two CATS on a <b>mat</b>, number 5"
    assert not panel.caption.isHidden()


def test_preview_has_no_room_for_captions_where_there_are_none(qtbot: QtBot, state: State) -> None:
    panel = PreviewPanel(PictureLoader())
    qtbot.addWidget(panel)
    panel.set_state(state)
    assert panel.caption.isHidden()


def test_the_selection_shows_captions(qtbot: QtBot, captioned: State) -> None:
    panel = GalleryPanel(PictureLoader())
    qtbot.addWidget(panel)
    selection = Selection(anchor=0, manual=(1,))
    panel.set_state(replace(captioned, picks=replace(captioned.picks, selection=selection)))
    assert panel.caption.whole == "A dog, number 0"
    item = panel.list.item(0)
    assert item.text().startswith("Ein\u00a0Fülle…")
    assert "Ein Füllen, number 1" in item.toolTip()


def test_the_card_shows_the_caption(
    qtbot: QtBot, open_window: Callable[..., MainWindow], captioned: State
) -> None:
    window = open_window(captioned)
    window.map_area.cards.show_sample(3)
    assert "A dog, number 3" in window.map_area.cards.card.facts.text()


def test_captions_are_found_and_their_samples_selected(qtbot: QtBot, classes: ClassesPanel) -> None:
    assert "caption" in classes.search.placeholderText()
    classes.search.setText("cats")
    qtbot.waitUntil(classes.captions.button.isEnabled)
    assert classes.captions.button.text() == "Select 10 samples captioned “cats”"
    with qtbot.waitSignal(classes.rows_chosen) as caught:
        qtbot.mouseClick(classes.captions.button, Qt.MouseButton.LeftButton)
    assert caught.args == [RowSet(range(2, 30, 3))]


def test_return_selects_even_before_they_are_found(qtbot: QtBot, classes: ClassesPanel) -> None:
    with qtbot.waitSignal(classes.rows_chosen) as caught:
        classes.search.setText("number 17")
        qtbot.keyClick(classes.search, Qt.Key.Key_Return)
    assert caught.args == [RowSet([17])]


def test_what_no_caption_holds_is_said_and_cannot_be_selected(
    qtbot: QtBot, classes: ClassesPanel
) -> None:
    classes.search.setText("unicorn")
    qtbot.waitUntil(lambda: classes.captions.button.text() == "No sample captioned “unicorn”")
    assert not classes.captions.button.isEnabled()
    classes.search.clear()
    assert classes.captions.isHidden()


def test_nothing_is_offered_of_samples_that_are_gone(qtbot: QtBot, classes: ClassesPanel) -> None:
    classes.search.setText("cats")
    qtbot.waitUntil(classes.captions.button.isEnabled)
    classes.set_state(State())
    assert classes.captions.isHidden()


def test_without_captions_nothing_is_offered(qtbot: QtBot, state: State) -> None:
    panel = ClassesPanel()
    qtbot.addWidget(panel)
    panel.set_state(state)
    panel.search.setText("zero")
    assert panel.captions.isHidden()
    assert "caption" not in panel.search.placeholderText()


def test_samples_without_classes_keep_the_panel_for_their_captions(
    open_window: Callable[..., MainWindow], captioned: State
) -> None:
    window = open_window(captioned)
    assert not window.layout_of_docks.docks[1].isHidden()
    samples = captioned.opened.samples
    assert samples is not None
    bare = replace(captioned.opened, samples=replace(samples, captions=()))
    window.session.update(replace(captioned, opened=bare))
    assert window.layout_of_docks.docks[1].isHidden()


def test_the_window_selects_what_was_found(
    qtbot: QtBot, open_window: Callable[..., MainWindow], captioned: State
) -> None:
    window = open_window(captioned)
    window.classes.search.setText("füllen, NUMBER 1")
    qtbot.keyClick(window.classes.search, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: len(window.session.state.picks.selection.chosen) > 0)
    assert window.session.state.picks.selection.chosen == RowSet([1, 10, 13, 16, 19])


@pytest.mark.parametrize(
    ("text", "rows"),
    [("fu\u0308llen, number 4", [4]), ("DOG, number 0", [0]), ("STRASSE", []), ("<b>", [2, 5, 8])],
)
def test_case_and_composition_of_letters_do_not_matter(text: str, rows: list[int]) -> None:
    captions = [f"{ANIMALS[i % 3]}, number {i}" for i in range(9)]
    assert rows_with_caption(captions, text).tolist() == rows


def test_samples_without_a_class_are_listed_as_that(qtbot: QtBot, state: State) -> None:
    samples = state.opened.samples
    assert samples is not None
    numbers = np.array([3, -1, -1] + [3] * (len(samples) - 3), np.int32)
    names = tuple(
        {3: "cat", -1: label}[n] for n, label in zip(numbers, samples.sample_id, strict=True)
    )
    panel = ClassesPanel()
    qtbot.addWidget(panel)
    table = replace(samples, class_label=numbers, class_name=names)
    panel.set_state(replace(state, opened=replace(state.opened, samples=table)))
    titles = [panel.list.item(i).text().split("   ")[0] for i in range(panel.list.count())]
    assert titles == ["no class", "3: cat"]
