"""Ctrl-C and SIGTERM, kept away from moments in which they would leave something half-done."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType

_pressed: list[int] = []
_Handler = Callable[[int, FrameType | None], None]


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Put Ctrl-C and SIGTERM off until the block has ended: for moments, not for long work."""
    caught: list[int] = []
    try:
        with _handled((signal.SIGINT, signal.SIGTERM), lambda number, _: caught.append(number)):
            yield
    finally:
        for number in caught:
            signal.raise_signal(number)


@contextlib.contextmanager
def insistent() -> Iterator[None]:
    """Let `raise_again` raise the KeyboardInterrupt of a Ctrl-C in the block once more.

    What is imported meanwhile, or calls back from C, may swallow the first one or make another
    error of it; nothing is printed of that.
    """

    def press(number: int, _: FrameType | None) -> None:
        _pressed.append(number)
        raise KeyboardInterrupt

    try:
        with _handled((signal.SIGINT,), press), swallowed_in_silence():
            try:
                yield
            except Exception:
                raise_again()
                raise
    finally:
        _pressed.clear()


@contextlib.contextmanager
def swallowed_in_silence() -> Iterator[None]:
    """Print nothing of ends that a callback from C swallows: they are not lost."""
    former = sys.unraisablehook

    def hook(unraisable: sys.UnraisableHookArgs) -> None:
        if not issubclass(unraisable.exc_type, KeyboardInterrupt | SystemExit):
            former(unraisable)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = former


def raise_again() -> None:
    """Raise KeyboardInterrupt where Ctrl-C was pressed in an `insistent` block that goes on."""
    if _pressed:
        raise KeyboardInterrupt


@contextlib.contextmanager
def unwinding() -> Iterator[None]:
    """Let SIGTERM end the program as Ctrl-C does, so that what is half-written is removed."""

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield  # the program has decided on something else
        return
    with _handled((signal.SIGTERM,), leave):
        yield


@contextlib.contextmanager
def _handled(signals: tuple[signal.Signals, ...], handler: _Handler) -> Iterator[None]:
    """Handle signals in another way; those that are ignored stay so."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python's handlers run in the main thread alone
        return
    before = {number: signal.getsignal(number) for number in signals}
    try:
        for number, former in before.items():
            if former not in (signal.SIG_IGN, None):  # None: not of Python, cannot be put back
                signal.signal(number, handler)
        yield
    finally:
        for number, former in before.items():
            if former not in (signal.SIG_IGN, None):
                signal.signal(number, former)
