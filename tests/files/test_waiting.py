"""Waiting for others, and hearing the user meanwhile."""

from __future__ import annotations

import threading

import pytest

from diffviews_desktop.errors import Cancelled, DataError
from diffviews_desktop.files.waiting import patiently


def test_what_the_work_returns_is_returned() -> None:
    assert patiently(lambda: threading.current_thread() is threading.main_thread(), int) is False


def test_what_the_work_raises_is_raised() -> None:
    def fail() -> None:
        raise DataError("No.")

    with pytest.raises(DataError, match=r"No\."):
        patiently(fail, lambda: None)


def test_the_user_is_heard_while_the_work_waits() -> None:
    never = threading.Event()
    asked = 0

    def check() -> None:
        nonlocal asked
        asked += 1
        if asked == 2:
            raise Cancelled("Cancelled.")

    try:
        with pytest.raises(Cancelled):
            patiently(lambda: never.wait(60), check)
    finally:
        never.set()
    assert asked == 2


def test_work_that_can_be_stopped_is_waited_for() -> None:
    stopped, ended = threading.Event(), threading.Event()

    def work() -> None:
        stopped.wait(60)
        ended.set()

    def check() -> None:
        raise Cancelled("Cancelled.")

    with pytest.raises(Cancelled):
        patiently(work, check, stopped.set)
    assert ended.is_set()
