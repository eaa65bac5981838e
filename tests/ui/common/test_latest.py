"""Work aside: the newest wins, results arrive in the owner's thread, and no error is lost."""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import shiboken6
from PySide6.QtCore import QCoreApplication, QEvent, QObject
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from diffviews_desktop.ui.common.latest import Latest


class Work:
    """A piece of work that waits to be let go."""

    def __init__(self, result: str) -> None:
        self.result, self.started, self.go = result, threading.Event(), threading.Event()

    def __call__(self) -> str:
        self.started.set()
        assert self.go.wait(60)
        return self.result


@pytest.fixture
def owner(qapp: QApplication) -> Iterator[QObject]:
    owner = QObject()
    yield owner
    if shiboken6.isValid(owner):
        shiboken6.delete(owner)


@pytest.fixture
def arrived() -> list[str]:
    return []


@pytest.fixture
def latest(owner: QObject, arrived: list[str]) -> Iterator[Latest[str]]:
    latest = Latest(arrived.append, owner)
    yield latest
    if shiboken6.isValid(latest):
        latest.close()


def test_a_result_arrives_in_the_owners_thread(qtbot: QtBot, owner: QObject) -> None:
    threads: list[int] = []
    latest = Latest[int](lambda found: threads.extend((found, threading.get_ident())), owner)
    latest.ask(threading.get_ident)
    assert latest.busy
    qtbot.waitUntil(lambda: bool(threads))
    assert threads[0] != threading.get_ident() == threads[1]
    assert not latest.busy
    latest.close()


def test_the_newest_wins(qtbot: QtBot, latest: Latest[str], arrived: list[str]) -> None:
    first, second, third = Work("first"), Work("second"), Work("third")
    latest.ask(first)
    assert first.started.wait(60)
    latest.ask(second)
    latest.ask(third)
    third.go.set()
    first.go.set()
    qtbot.waitUntil(lambda: not latest.busy)
    assert arrived == ["third"]
    assert not second.started.is_set()


def test_every_result_arrives_in_order_where_that_is_asked_for(
    qtbot: QtBot, owner: QObject, arrived: list[str]
) -> None:
    latest = Latest(arrived.append, owner, every=True)
    first, second, third = Work("first"), Work("second"), Work("third")
    latest.ask(first)
    assert first.started.wait(60)
    latest.ask(second)
    latest.ask(third)
    assert latest.wants(first)
    for work in (first, second, third):
        work.go.set()
    qtbot.waitUntil(lambda: not latest.busy)
    assert arrived == ["first", "third"]
    latest.close()


@pytest.mark.parametrize("every", [False, True])
def test_what_is_dropped_never_arrives(
    qtbot: QtBot, owner: QObject, arrived: list[str], every: bool
) -> None:
    latest = Latest(arrived.append, owner, every=every)
    first, second = Work("first"), Work("second")
    latest.ask(first)
    latest.ask(second)
    assert first.started.wait(60)
    latest.drop()
    assert not latest.wants(first)
    first.go.set()
    qtbot.waitUntil(lambda: not latest.busy)
    assert arrived == []
    assert not second.started.is_set()
    latest.ask(second)  # it still can be asked for
    second.go.set()
    qtbot.waitUntil(lambda: arrived == ["second"])
    latest.close()


def test_what_is_done_now_takes_the_place_of_what_runs(
    qtbot: QtBot, latest: Latest[str], arrived: list[str]
) -> None:
    slow = Work("slow")
    latest.ask(slow)
    latest.do_now(lambda: "at once")
    assert arrived == ["at once"]
    slow.go.set()
    qtbot.waitUntil(lambda: not latest.busy)
    assert arrived == ["at once"]


def test_long_work_can_ask_whether_it_is_wanted(qtbot: QtBot, latest: Latest[str]) -> None:
    started, ended = threading.Event(), threading.Event()

    def patient() -> str:
        started.set()
        while latest.wants(patient):
            ended.wait(0.001)
        ended.set()
        return "too late"

    latest.ask(patient)
    assert started.wait(60)
    assert not ended.is_set()
    latest.ask(lambda: "newer")
    assert ended.wait(60)


def test_more_can_be_asked_for_when_a_result_arrives(qtbot: QtBot, owner: QObject) -> None:
    arrived: list[int] = []

    def take(found: int) -> None:
        arrived.append(found)
        if found < 3:
            latest.ask(lambda: found + 1)

    latest = Latest(take, owner)
    latest.ask(lambda: 1)
    qtbot.waitUntil(lambda: arrived == [1, 2, 3])
    latest.close()


def test_an_exception_is_raised_in_the_owners_thread(
    qtbot: QtBot, latest: Latest[str], arrived: list[str]
) -> None:
    def fail() -> str:
        raise ValueError("nothing was found")

    with qtbot.captureExceptions() as caught:
        latest.ask(fail)
        latest.ask(lambda: "next")  # neither is the error of what was superseded lost
        qtbot.waitUntil(lambda: arrived == ["next"])
    assert [str(error) for _, error, _ in caught] == ["nothing was found"]


def delete(owner: QObject) -> None:
    shiboken6.delete(owner)


def delete_later(owner: QObject) -> None:
    owner.deleteLater()
    QCoreApplication.sendPostedEvents(owner, QEvent.Type.DeferredDelete)


@pytest.mark.parametrize("end", [delete, delete_later])
def test_the_owner_may_go_while_work_runs(
    owner: QObject,
    arrived: list[str],
    end: Callable[[QObject], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    threads = ThreadPoolExecutor(1)
    latest = Latest(arrived.append, owner, threads=threads)
    work = Work("for nobody")
    latest.ask(work)
    assert work.started.wait(60)
    end(owner)
    assert not shiboken6.isValid(latest)
    del latest
    gc.collect()
    with caplog.at_level(logging.DEBUG):
        work.go.set()
        threads.shutdown()  # the thread has ended, and said nothing
        QCoreApplication.processEvents()
    assert arrived == []
    assert caplog.records == []


def test_waiting_ends_what_runs_and_more_can_be_asked_for(
    qtbot: QtBot, latest: Latest[str], arrived: list[str]
) -> None:
    ended = threading.Event()

    def patient() -> str:
        while latest.wants(patient):
            ended.wait(0.001)
        ended.set()
        return "too late"

    latest.ask(patient)
    latest.wait()
    assert ended.is_set()
    latest.ask(lambda: "next")
    qtbot.waitUntil(lambda: not latest.busy)
    assert arrived == ["next"]


def test_nothing_is_taken_once_it_is_closed(
    qtbot: QtBot, latest: Latest[str], arrived: list[str]
) -> None:
    work = Work("late")
    latest.ask(work)
    work.go.set()
    latest.close()
    latest.ask(lambda: "later")
    qtbot.wait(1)
    assert arrived == []


def test_threads_can_be_shared(qtbot: QtBot, owner: QObject, arrived: list[str]) -> None:
    threads = ThreadPoolExecutor(1)
    one, other = (Latest(arrived.append, owner, threads=threads) for _ in range(2))
    one.ask(lambda: "one")
    one.close()
    other.ask(lambda: "other")
    qtbot.waitUntil(lambda: arrived == ["other"])
    threads.shutdown()
