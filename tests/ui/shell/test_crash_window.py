"""A crash report is offered once at the next start, shown without names, copied and deleted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import qWarning
from PySide6.QtGui import QGuiApplication

from diffviews_desktop import paths
from diffviews_desktop.crashes import CrashReport
from diffviews_desktop.state.settings import Settings
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.shell.crash_hooks import hear_qt, hear_qt_no_longer, offer_report
from diffviews_desktop.ui.shell.window import MainWindow

TEXT = "# DiffViews\n\nValueError: /home/me/plan.csv is gone\n"


@pytest.fixture
def folder() -> Path:
    made = paths.crash_dir()
    made.mkdir(parents=True)
    (made / "2026-01-02-120000-77.txt").write_text(TEXT)
    return made


def test_a_report_is_offered_once_and_shown_copied_and_deleted(
    open_window: Callable[..., MainWindow], state: State, folder: Path, tmp_path: Path
) -> None:
    window = open_window(state)
    settings = Settings(tmp_path / "kept.json")
    offer_report(window.context, settings, folder)
    notice = window.session.state.notice
    assert notice is not None
    assert notice.offer == "report"
    said = len(window.session.state.notices)
    offer_report(window.context, settings, folder)
    assert len(window.session.state.notices) == said
    window.notice.offer.click()
    shown = window.pages.crashes
    assert shown is not None
    assert shown.isVisible()
    shown.copy.click()
    copied = QGuiApplication.clipboard().text()
    assert "ValueError: (left out)" in copied
    assert "plan.csv" not in copied
    shown.names.setChecked(True)
    shown.copy.click()
    assert "plan.csv" in QGuiApplication.clipboard().text()
    shown.delete.click()
    assert list(folder.iterdir()) == []
    assert not shown.copy.isEnabled()


def test_what_qt_says_is_logged_and_what_is_grave_is_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    from PySide6.QtCore import qCritical

    report = CrashReport(tmp_path)
    report.begin()
    hear_qt(report)
    try:
        qWarning("a warning of Qt")
        assert not report.has_entries
        qCritical("something grave")
        assert report.has_entries
    finally:
        hear_qt_no_longer()
        report.end()
    assert "a warning of Qt" in caplog.text
    assert "something grave" in capsys.readouterr().err
