"""The session and the worker of all tests of actions."""

import pytest
from acted import Recorder, opened_state
from pytestqt.qtbot import QtBot

from diffviews_desktop.state.session import Session


@pytest.fixture
def worker() -> Recorder:
    return Recorder()


@pytest.fixture
def session(qtbot: QtBot) -> Session:
    return Session(opened_state())
