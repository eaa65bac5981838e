"""Ctrl-C and SIGTERM, kept away from moments in which they would leave something half-done."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType

_presses: list[int] = []
_Handler = Callable[[int, FrameType | None], None]


@contextlib.contextmanager
def defer_interrupts() -> Iterator[None]:
    """Put Ctrl-C and SIGTERM off until the block has ended: for moments, not for long work."""
    signals: list[int] = []
    try:
        with _handle((signal.SIGINT, signal.SIGTERM), lambda number, _: signals.append(number)):
            yield
    finally:
        for number in signals:
            signal.raise_signal(number)


@contextlib.contextmanager
def insistent() -> Iterator[None]:
    """Let `raise_again` raise the KeyboardInterrupt of a Ctrl-C in the block once more.

    What is imported meanwhile, or calls back from C, may swallow the first one or make another
    error of it; nothing is printed of that.
    """

    def press(number: int, _: FrameType | None) -> None:
        _presses.append(number)
        raise KeyboardInterrupt

    try:
        with _handle((signal.SIGINT,), press), swallowed_in_silence():
            try:
                yield
            except Exception:
                raise_again()
                raise
    finally:
        _presses.clear()


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
    if _presses:
        raise KeyboardInterrupt


@contextlib.contextmanager
def unwinding() -> Iterator[None]:
    """Let SIGTERM end the program as Ctrl-C does, so that what is half-written is removed."""

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield  # the program has decided on something else
        return
    with _handle((signal.SIGTERM,), leave):
        yield


@contextlib.contextmanager
def _handle(signals: tuple[signal.Signals, ...], handler: _Handler) -> Iterator[None]:
    """Handle signals in another way; those that are ignored stay so."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python's handlers run in the main thread alone
        return
    originals = {number: signal.getsignal(number) for number in signals}
    try:
        for number, former in originals.items():
            if former not in (signal.SIG_IGN, None):  # None: not of Python, cannot be put back
                signal.signal(number, handler)
        yield
    finally:
        for number, former in originals.items():
            if former not in (signal.SIG_IGN, None):
                signal.signal(number, former)
