"""Preferences: what is kept on the disk, the bucket, and the keys to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keyring
import pytest
from keyring.backends.fail import Keyring as NoKeyring
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox
from pytestqt.qtbot import QtBot
from recorder import Recorder

from diffviews_desktop import credentials
from diffviews_desktop.engine.jobs.storage import (
    ChooseCachePlace,
    ChooseLimit,
    ClearKept,
    MeasureDisk,
)
from diffviews_desktop.state.settings import Settings
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.shell.bucket_page import KeysDialog
from diffviews_desktop.ui.shell.preferences import PreferencesWindow
from diffviews_desktop.ui.shell.remembered import restore
from diffviews_desktop.ui.shell.window import MainWindow
from diffviews_desktop.values.storage import CachePlace, DiskUse, KeptFiles, Limit
from diffviews_desktop.values.stores import BucketSettings

SECRET = "planted-secret-41d0"


@pytest.fixture
def window(ring: Path, open_window: Callable[..., MainWindow], state: State) -> MainWindow:
    return open_window(state)


@pytest.fixture
def preferences(qtbot: QtBot, window: MainWindow) -> PreferencesWindow:
    window.menu_actions["window.preferences"].trigger()
    made = window.pages.preferences
    assert made is not None
    qtbot.waitUntil(made.isVisible)
    return made


def enter(qtbot: QtBot, field, text: str) -> None:
    field.clear()
    qtbot.keyClicks(field, text)
    field.editingFinished.emit()


# ---- the disk -----------------------------------------------------------------------------------


def test_what_is_kept_is_measured_when_the_page_is_shown(
    qtbot: QtBot,
    window: MainWindow,
    preferences: PreferencesWindow,
    worker: Recorder,
    tmp_path: Path,
) -> None:
    preferences.pages.setCurrentWidget(preferences.storage)
    assert isinstance(worker.jobs[-1], MeasureDisk)
    kept = (
        KeptFiles("maps", tmp_path / "maps", 2_500_000_000),
        KeptFiles("experiments", tmp_path / "experiments", 0),
        KeptFiles("downloads", tmp_path / "models", 3_000_000_000, clearable=False),
    )
    state = window.session.state
    window.session.update(replace(state, downloads=replace(state.downloads, disk=DiskUse(kept))))
    blocks = preferences.storage.blocks
    qtbot.waitUntil(blocks[-1].isVisible)
    assert [block.clear_button.isVisible() for block in blocks] == [True, False, False]

    def agree() -> None:
        box = QApplication.activeModalWidget()
        assert isinstance(box, QMessageBox)
        assert "2.5 GB" in box.text()
        box.button(QMessageBox.StandardButton.Yes).click()

    QTimer.singleShot(200, agree)
    qtbot.mouseClick(blocks[0].clear_button, Qt.MouseButton.LeftButton)
    job = worker.jobs[-1]
    assert isinstance(job, ClearKept)
    assert (job.kind, job.path) == ("maps", tmp_path / "maps")


def test_limits_can_be_entered_unless_a_variable_says_them(
    qtbot: QtBot, window: MainWindow, preferences: PreferencesWindow, worker: Recorder
) -> None:
    def show(*limits: Limit) -> None:
        state = window.session.state
        disk = DiskUse((), limits)
        window.session.update(replace(state, downloads=replace(state.downloads, disk=disk)))

    preferences.pages.setCurrentWidget(preferences.storage)
    variable = "DIFFVIEWS_EXPERIMENTS_MAX_MB"
    show(Limit("maps", 2048 * 1024**2), Limit("experiments", 10_000_000, variable))
    rows = preferences.storage.limits.rows
    qtbot.waitUntil(rows["maps"].field.isVisible)
    assert rows["maps"].field.text() == "2.1"
    assert not rows["experiments"].field.isVisible()
    assert rows["experiments"].said.text() == f"10 MB, as {variable} says"
    before = len(worker.jobs)
    enter(qtbot, rows["maps"].field, "2.1")
    assert len(worker.jobs) == before
    enter(qtbot, rows["maps"].field, "12.5")
    job = worker.jobs[-1]
    assert isinstance(job, ChooseLimit)
    assert (job.kind, job.bytes) == ("maps", 12_500_000_000)
    show(Limit("maps", 12_500_000_000), Limit("experiments", 5_000_000_000))
    assert rows["experiments"].field.isVisible()
    assert [rows[kind].field.text() for kind in rows] == ["12.5", "5"]


def test_another_folder_can_be_chosen_for_caches_unless_a_variable_names_it(
    qtbot: QtBot,
    window: MainWindow,
    preferences: PreferencesWindow,
    worker: Recorder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    usual, other = tmp_path / "usual", tmp_path / "other"

    def show(place: CachePlace) -> None:
        state = window.session.state
        disk = DiskUse((), (), place)
        window.session.update(replace(state, downloads=replace(state.downloads, disk=disk)))

    preferences.pages.setCurrentWidget(preferences.storage)
    form = preferences.storage.place
    show(CachePlace(usual, usual))
    qtbot.waitUntil(form.change_button.isVisible)
    assert form.folder.toolTip() == str(usual)
    assert not form.usual_button.isVisible()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(other))
    qtbot.mouseClick(form.change_button, Qt.MouseButton.LeftButton)
    job = worker.jobs[-1]
    assert isinstance(job, ChooseCachePlace)
    assert job.path == other
    show(CachePlace(other, usual))
    qtbot.mouseClick(form.usual_button, Qt.MouseButton.LeftButton)
    job = worker.jobs[-1]
    assert isinstance(job, ChooseCachePlace)
    assert job.path is None
    show(CachePlace(other, usual, "DIFFVIEWS_CACHE_DIR"))
    assert not form.change_button.isVisible()
    assert not form.usual_button.isVisible()
    assert form.note.text() == "DIFFVIEWS_CACHE_DIR names this folder."


# ---- the bucket ---------------------------------------------------------------------------------


def test_the_bucket_is_preferred_and_remembered(
    qtbot: QtBot, window: MainWindow, preferences: PreferencesWindow, tmp_path: Path
) -> None:
    page = preferences.sharing
    preferences.pages.setCurrentWidget(page)
    enter(qtbot, page.bucket, "shared")
    enter(qtbot, page.endpoint, "https://host")
    page.upload.click()
    page.limit.setValue(25)
    wanted = BucketSettings("shared", "https://host", upload=False, limit_bytes=25 * 10**9)
    assert window.session.state.preferences.bucket == wanted
    file = tmp_path / "settings.json"
    qtbot.waitUntil(lambda: restore(State(), Settings(file)).preferences.bucket == wanted)


@pytest.mark.parametrize(
    ("field", "text"),
    [("bucket", "-ours"), ("endpoint", "http://example.org"), ("endpoint", "x")],
)
def test_what_cannot_be_a_bucket_is_not_taken(
    qtbot: QtBot, window: MainWindow, preferences: PreferencesWindow, field: str, text: str
) -> None:
    page = preferences.sharing
    preferences.pages.setCurrentWidget(page)
    enter(qtbot, getattr(page, field), text)
    assert window.session.state.preferences.bucket == BucketSettings()
    assert getattr(page, field).text() == text


# ---- its keys -----------------------------------------------------------------------------------


def test_keys_go_into_the_keyring_and_nowhere_else(
    qtbot: QtBot,
    window: MainWindow,
    preferences: PreferencesWindow,
    ring: Path,
    tmp_path: Path,
) -> None:
    page = preferences.sharing
    preferences.pages.setCurrentWidget(page)
    assert not page.enter.isEnabled()
    enter(qtbot, page.bucket, "shared")
    assert page.enter.isEnabled()

    def type_keys() -> None:
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, KeysDialog)
        qtbot.keyClicks(dialog.key_id, "key-id")
        qtbot.keyClicks(dialog.secret, SECRET)
        dialog.accept()

    QTimer.singleShot(200, type_keys)
    qtbot.mouseClick(page.enter, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.forget.isEnabled())
    kept = credentials.stored_keys("shared")
    assert kept is not None
    assert kept.secret == SECRET
    assert "keyring" in page.kept.text()
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path != ring]
    assert files
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]
    assert SECRET not in repr(window.session.state)
    qtbot.mouseClick(page.forget, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not page.forget.isEnabled())
    assert credentials.stored_keys("shared") is None


def test_a_locked_keyring_is_said(
    qtbot: QtBot, window: MainWindow, preferences: PreferencesWindow, ring: Path
) -> None:
    ring.write_text("locked")
    page = preferences.sharing
    preferences.pages.setCurrentWidget(page)
    enter(qtbot, page.bucket, "shared")
    qtbot.waitUntil(lambda: "Unlock it" in page.kept.text())


def test_without_a_keyring_variables_are_named(
    qtbot: QtBot, window: MainWindow, preferences: PreferencesWindow
) -> None:
    keyring.set_keyring(NoKeyring())
    page = preferences.sharing
    page.ask_keyring()
    qtbot.waitUntil(lambda: page.kept.text() == credentials.NO_KEYRING)
    assert not page.enter.isVisibleTo(preferences)
