"""A folder that changes on the disk is offered to be read again, and nothing picked is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from patience import until
from pytestqt.qtbot import QtBot

from diffviews_desktop.actions import picks
from diffviews_desktop.app import App
from diffviews_desktop.ui.shell import folder_watch
from diffviews_desktop.ui.shell.folder_watch import signature


@pytest.fixture
def app(open_app: Callable[[int], App], monkeypatch: pytest.MonkeyPatch) -> App:
    app = open_app(20)
    app.window.watch._wait.setInterval(50)
    return app


def offered(app: App) -> bool:
    notice = app.session.state.notice
    return notice is not None and notice.offer == "reload"


def test_a_change_is_said_once_and_reloading_keeps_picks(qtbot: QtBot, app: App) -> None:
    session = app.session
    until(qtbot, lambda: app.window.watch._watcher.files())
    picks.click_point(app.context, 3)
    picks.click_point(app.context, 5)
    samples = session.state.opened.samples
    assert samples is not None
    config = session.state.opened.read_from[0]
    config.write_text(json.dumps(json.loads(config.read_text()), indent=3))
    until(qtbot, lambda: offered(app))
    said = len(session.state.notices)
    qtbot.wait(300)
    assert len(session.state.notices) == said
    app.window.notice.offer.click()
    until(qtbot, lambda: session.state.opened.samples is not samples)
    until(qtbot, lambda: session.state.opened.loaded and not session.state.jobs.running)
    picked = session.state.picks.selection
    assert (picked.anchor, picked.manual) == (3, (5,))


def test_what_the_program_writes_itself_is_no_change(qtbot: QtBot, app: App) -> None:
    until(qtbot, lambda: app.window.watch._watcher.files())
    config = app.session.state.opened.read_from[0]
    (config.parent / "layer_cache").mkdir(exist_ok=True)
    (config.parent / ".hidden").write_text("")
    qtbot.wait(400)
    assert not offered(app)


def test_a_signature_tells_models_sizes_and_what_is_gone(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    nothing = signature(tmp_path, [file])
    file.write_text("1")
    there = signature(tmp_path, [file])
    (tmp_path / "model").mkdir()
    assert len({nothing, there, signature(tmp_path, [file])}) == 3
    assert signature(tmp_path / "gone", [file])[0] == ()


def test_a_folder_of_many_names_takes_no_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_watch, "MOST_NAMES", 2)
    for number in range(5):
        (tmp_path / f"m{number}").mkdir()
    assert len(signature(tmp_path, [])[0]) == 2
