"""Ctrl-C and SIGTERM wait where they must, end what they may, and are put back as they were."""

from __future__ import annotations

import ctypes
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from diffviews_desktop.engine.job_control import JobControl
from diffviews_desktop.files.interrupts import defer_interrupts, insistent, raise_again, unwinding

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Terminated(Exception):
    pass


def terminate(number: int, frame: object) -> None:
    raise Terminated


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Those of a program of Python's, and the same afterwards."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, terminate)
    yield
    after = {number: signal.getsignal(number) for number in SIGNALS}
    for number, handler in before.items():
        signal.signal(number, handler)
    assert after[signal.SIGINT] is signal.default_int_handler
    assert after[signal.SIGTERM] in (terminate, signal.SIG_IGN, signal.SIG_DFL)


@pytest.mark.parametrize(
    ("number", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)]
)
def test_a_signal_waits_for_the_end_of_the_block(
    number: signal.Signals, error: type[BaseException]
) -> None:
    done = []

    def work() -> None:
        with defer_interrupts():
            signal.raise_signal(number)
            done.append("all")

    with pytest.raises(error):
        work()
    assert done == ["all"]


def test_a_signal_is_heard_after_a_block_that_failed() -> None:
    def fail() -> None:
        with defer_interrupts():
            signal.raise_signal(signal.SIGINT)
            raise OSError("full")

    with pytest.raises(KeyboardInterrupt) as caught:
        fail()
    assert isinstance(caught.value.__context__, OSError)


def test_blocks_in_blocks_wait_for_the_outer() -> None:
    done = []

    def work() -> None:
        with defer_interrupts():
            with defer_interrupts():
                signal.raise_signal(signal.SIGINT)
                done.append("inner")
            done.append("outer")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["inner", "outer"]


def test_what_is_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with defer_interrupts():
        signal.raise_signal(signal.SIGTERM)
    with unwinding():
        signal.raise_signal(signal.SIGTERM)


def test_sigterm_unwinds_a_program_that_has_not_decided_on_something_else() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    cleaned = []

    def work() -> None:
        with unwinding():
            try:
                signal.raise_signal(signal.SIGTERM)
                pytest.fail("it went on")
            finally:
                cleaned.append("up")

    with pytest.raises(SystemExit) as caught:
        work()
    assert (caught.value.code, cleaned) == (143, ["up"])
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    signal.signal(signal.SIGTERM, terminate)
    with pytest.raises(Terminated), unwinding():
        signal.raise_signal(signal.SIGTERM)


def test_another_thread_leaves_signals_alone() -> None:
    seen = []

    def work() -> None:
        with defer_interrupts(), unwinding(), suppress(ValueError):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]


def test_ctrl_c_that_a_library_swallowed_is_raised_by_the_next_progress() -> None:
    control = JobControl(lambda event: None, lambda job_id: False)
    with insistent():
        control.progress("reading")
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            control.progress("preparing")
    raise_again()  # of a block that has ended nothing is left


def test_of_a_press_that_a_callback_swallows_nothing_is_printed_and_it_is_not_lost(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "unraisablehook", sys.__unraisablehook__)  # pytest's fails the test

    def swallows(error: BaseException) -> Callable[[], None]:
        def raises() -> None:
            if isinstance(error, KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
            raise error

        return ctypes.CFUNCTYPE(None)(raises)

    with insistent():
        swallows(KeyboardInterrupt())()
        assert capfd.readouterr().err == ""
        with pytest.raises(KeyboardInterrupt):
            raise_again()
        swallows(ValueError("a fault is still told"))()
    assert "a fault is still told" in capfd.readouterr().err


def test_a_press_of_which_an_import_makes_another_error_is_a_press() -> None:
    def work(pressed: bool) -> None:
        with insistent():
            with suppress(KeyboardInterrupt):
                if pressed:
                    signal.raise_signal(signal.SIGINT)
            raise ImportError("initialization failed")

    with pytest.raises(KeyboardInterrupt):
        work(pressed=True)
    with pytest.raises(ImportError):
        work(pressed=False)
