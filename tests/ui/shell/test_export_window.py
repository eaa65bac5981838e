"""The export window offers what there is, shows how it will look, and asks for what was chosen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_runs import run_of
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot
from recorder import Recorder
from test_mnemonics import ambiguous

from diffviews_desktop.actions import answers, runs
from diffviews_desktop.engine.jobs.exporting import (
    ContentPreview,
    PreviewContent,
    WriteContent,
)
from diffviews_desktop.engine.jobs.samples import ExportSamples
from diffviews_desktop.exports import mp4
from diffviews_desktop.exports.contents import Figure, Film, Sheet, Table
from diffviews_desktop.state.picks import Selection
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.shell.exporting import ExportWindow
from diffviews_desktop.ui.shell.exporting.window import KINDS
from diffviews_desktop.ui.shell.window import MainWindow
from diffviews_desktop.values.row_set import RowSet


@pytest.fixture
def main(
    open_window: Callable[..., MainWindow], state: State, make_job: Callable, make_step: Callable
) -> MainWindow:
    runs = tuple(
        run_of(make_job(number), f"Run {number}", tuple(map(make_step, range(3))), done=True)
        for number in (1, 2)
    )
    state = replace(state, runs=replace(state.runs, all=runs, shown=2))
    return open_window(state)


@pytest.fixture
def window(main: MainWindow) -> ExportWindow:
    main.menu_actions["exports.export"].trigger()
    assert main.pages.export is not None
    return main.pages.export


def choose_file(monkeypatch: pytest.MonkeyPatch, file: Path | str) -> list[str]:
    """What a dialog answers; what it offered."""
    offered: list[str] = []

    def answer(parent: object, title: str, start: str, kinds: str) -> tuple[str, str]:
        offered.append(start)
        return str(file), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", answer)
    return offered


def pick(window: ExportWindow, kind: str, suffix: str = "") -> None:
    window.kind.setCurrentIndex(window.kind.findData(kind))
    if suffix:
        window.format.setCurrentIndex(window.format.findData(suffix))


def previews(worker: Recorder) -> list[PreviewContent]:
    return [job for job in worker.jobs if isinstance(job, PreviewContent)]


def test_a_preview_comes_once_the_user_rests_and_is_shown(
    qtbot: QtBot, window: ExportWindow, main: MainWindow, worker: Recorder
) -> None:
    qtbot.waitUntil(lambda: len(previews(worker)) == 1)
    assert window.preview.text == "Drawing the preview…"
    answers.on_failed(main.context, previews(worker)[0].job_id, "No room.", "")
    assert window.preview.text == "No room."
    figure = previews(worker)[0].content
    assert isinstance(figure, Figure)
    window.figure.boxes["legend"].setChecked(False)
    window.figure.boxes["names"].setChecked(True)
    qtbot.waitUntil(lambda: len(previews(worker)) == 2)  # once for both
    figure = previews(worker)[1].content
    assert isinstance(figure, Figure)
    assert (figure.style.legend, figure.style.names) == (False, True)
    main.show_preview(ContentPreview(9, np.full((30, 40, 3), 200, np.uint8)))
    assert window.preview.image is not None
    assert window.preview.image.width() == 40


def test_the_shown_run_is_meant_until_the_user_chooses(
    window: ExportWindow, main: MainWindow
) -> None:
    field = window.film.run
    assert field.currentData() == 2
    runs.show_run(main.context, 1)
    assert field.currentData() == 1
    field.setCurrentIndex(field.findData(2))
    field.activated.emit(field.currentIndex())
    runs.show_run(main.context, 2)
    runs.show_run(main.context, 1)
    assert field.currentData() == 2


def test_sizes_are_presets_or_ones_own(window: ExportWindow) -> None:
    page = window.figure
    page.size_choice.setCurrentIndex(1)
    assert (page.style_wanted().width, page.style_wanted().height) == (85, 75)
    page.across.setValue(90)
    assert page.size_choice.currentData() is None
    assert page.style_wanted().width == 90
    assert page.pixels.text() == "1,063 × 886 pixels"
    page.across.setValue(85)
    assert page.size_choice.currentIndex() == 1


def test_what_is_too_large_is_said_and_cannot_be_written(window: ExportWindow) -> None:
    page = window.figure
    page.across.setValue(1000)
    page.down.setValue(1000)
    page.dpi.setValue(1200)
    assert "too large" in window.note.text()
    assert not window.save.isEnabled()
    page.dpi.setValue(72)
    assert window.save.isEnabled()


def test_a_figure_is_written_as_it_was_chosen(
    window: ExportWindow, worker: Recorder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    window.format.setCurrentIndex(window.format.findData(".svg"))
    offered = choose_file(monkeypatch, tmp_path / "mine.svg")
    window.figure.boxes["caption"].setChecked(False)
    window.save.click()
    assert offered[0].endswith("m-midblock-map.svg")
    job = worker.jobs[-1]
    assert isinstance(job, WriteContent)
    assert job.file == tmp_path / "mine.svg"
    assert isinstance(job.content, Figure)
    assert not job.content.style.caption


@pytest.mark.parametrize(
    ("kind", "suffix", "content"),
    [("film", ".gif", Film), ("strip", ".png", Sheet), ("runs", ".parquet", Table)],
)
def test_runs_are_written_in_every_form(
    window: ExportWindow,
    worker: Recorder,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    kind: str,
    suffix: str,
    content: type,
) -> None:
    pick(window, kind, suffix)
    choose_file(monkeypatch, tmp_path / f"a{suffix}")
    window.save.click()
    job = worker.jobs[-1]
    assert isinstance(job, WriteContent)
    assert isinstance(job.content, content)
    record = job.content.record
    assert record is not None
    ids = [run["run"] for run in record["runs"]]
    assert ids == ([1, 2] if kind == "runs" else [2])  # the shown one


def test_samples_are_written_in_every_form(
    window: ExportWindow,
    main: MainWindow,
    worker: Recorder,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    pick(window, "selection")
    assert not window.save.isEnabled()
    assert "Select samples first" in window.note.text()
    main.session.select(Selection(anchor=3, manual=(4,), chosen=RowSet([1, 4])), "test")
    assert window.note.text().startswith("2 samples")
    for kind, rows in (("selection", [1, 4]), ("neighbors", [3, 4])):
        for suffix in (".csv", ".parquet", ".npz"):
            pick(window, kind, suffix)
            choose_file(monkeypatch, tmp_path / f"a{suffix}")
            window.save.click()
            job = worker.jobs[-1]
            assert isinstance(job, ExportSamples)
            assert job.rows.tolist() == rows
            assert job.file.suffix == suffix


def test_without_the_library_an_mp4_says_what_is_missing(
    window: ExportWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mp4, "can_write", lambda: False)
    pick(window, "film", ".mp4")
    assert "diffviews-desktop[video]" in window.note.text()
    assert not window.save.isEnabled()
    pick(window, "film", ".gif")
    assert window.save.isEnabled()


def test_the_maps_action_and_the_selections_bring_up_their_kind(main: MainWindow) -> None:
    main.session.select(Selection(chosen=RowSet([1, 4])), "test")
    for action, kind in (("exports.selection", "selection"), ("exports.map", "figure")):
        main.menu_actions[action].trigger()
        assert main.pages.export is not None
        assert main.pages.export.export_kind == kind


def test_nothing_is_asked_for_while_the_window_is_closed(
    qtbot: QtBot, window: ExportWindow, main: MainWindow, worker: Recorder
) -> None:
    qtbot.waitUntil(lambda: len(previews(worker)) == 1)
    window.close()
    main.session.select(Selection(anchor=2), "test")
    qtbot.wait(300)
    assert len(previews(worker)) == 1


def test_no_letter_is_for_two_fields_of_a_kind(window: ExportWindow) -> None:
    for kind in KINDS:
        pick(window, kind)
        assert ambiguous([window]) == [], kind
