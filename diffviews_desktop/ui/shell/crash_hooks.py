"""What Qt says goes to the log and the crash report; a report of the last time is offered."""

from __future__ import annotations

import logging
from pathlib import Path

from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler

from diffviews_desktop import crashes
from diffviews_desktop.actions.context import Context
from diffviews_desktop.state.settings import Settings
from diffviews_desktop.text.terminal import complain
from diffviews_desktop.text.translation import tr

log = logging.getLogger("qt")

OFFERED = "crash report"
"""The setting that names the report that was offered last: each is offered once."""
_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


def hear_qt(report: crashes.CrashReport) -> None:
    """Log what Qt says from now on, and put what is grave into a report."""

    def heard(kind: QtMsgType, context: QMessageLogContext, text: str) -> None:
        level = _LEVELS.get(kind, logging.WARNING)
        log.log(level, "%s", text)
        if level >= logging.ERROR:
            report.add(f"Qt: {kind.name}", text)
        if level >= logging.WARNING:
            complain(text)

    qInstallMessageHandler(heard)


def hear_qt_no_longer() -> None:
    """Leave what Qt says to Qt again."""
    qInstallMessageHandler(None)


def offer_report(context: Context, settings: Settings, folder: Path) -> None:
    """Say that there is a report of the last time, unless that was said."""
    reports = crashes.find_reports(folder)
    if not reports or reports[0].name == settings.text(OFFERED):
        return
    settings.change({OFFERED: reports[0].name})
    context.say(
        tr("Something went wrong unexpectedly last time. A report is kept on this computer."),
        offer="report",
    )
