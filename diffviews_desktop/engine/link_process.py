"""A link to an engine in a spawned child process: pipe, cancel, heartbeat, terminate.

The parent's side, `ProcessLink`, imports nothing heavy. The child imports the engine, answers jobs
one at a time, and ends by itself when the parent is gone.
"""

from __future__ import annotations

import _thread
import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import time
from functools import cache
from multiprocessing import util
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from diffviews_desktop import safe_path
from diffviews_desktop.engine.pipe import receive, send
from diffviews_desktop.engine.protocol import Job, Message, Ready
from diffviews_desktop.engine.serving import ENGINE, Server
from diffviews_desktop.files.interrupts import swallowed_in_silence
from diffviews_desktop.logs import configure_logging
from diffviews_desktop.text import terminal

BEAT_SECONDS = 0.5
LEAVE_SECONDS = 2.0
_context = multiprocessing.get_context("spawn")


class ProcessLink:
    """A child process with an engine in it: see `EngineLink`.

    Args:
        device: see `Engine`.
        log_file: the child logs there too.
        threads: that torch uses on the CPU; 0 for all but one.
        engine: ``module:name`` of what makes the engine; the child alone imports it.

    Raises:
        OSError, MemoryError: no process can be started.
    """

    def __init__(
        self,
        device: str = "auto",
        log_file: Path | None = None,
        *,
        threads: int = 0,
        engine: str = ENGINE,
    ) -> None:
        self._connection, theirs = _context.Pipe()
        self._wake, self._wake_here = _context.Pipe(duplex=False)
        # raw shared memory: a lock could be left held by a child that dies
        self._cancel = _context.RawValue(ctypes.c_longlong, 0)
        self._beat = _context.RawValue(ctypes.c_double, time.monotonic())
        self._process = _context.Process(
            target=_child,
            args=(theirs, self._cancel, self._beat, engine, device, threads, log_file),
            name="diffviews-engine",
            daemon=True,
        )
        _make_children_safe()
        self._process.start()
        assert self._process.pid is not None
        self._pid = self._process.pid
        theirs.close()

    @property
    def pid(self) -> int:
        """Process id of the child."""
        return self._pid

    @property
    def alive(self) -> bool:
        """Whether the child runs; from any thread, also of one that was closed."""
        try:
            return self._process.is_alive()
        except ValueError:  # closed meanwhile
            return False

    @property
    def exit_code(self) -> int | None:
        """How the child ended, negative for a signal; None while it runs."""
        return self._process.exitcode

    def submit(self, job: Job[object]) -> None:
        """Send a job; the child must be idle.

        Raises:
            OSError: the child is gone.
        """
        send(self._connection, job)

    def cancel(self, job_id: int) -> None:
        """Ask for a job to end; from any thread."""
        self._cancel.value = job_id

    def next(self, timeout: float | None = None) -> Message | None:
        """The next message; None after ``timeout`` seconds, when woken, or without a child."""
        ready = wait([self._wake, self._connection, self._process.sentinel], timeout)
        if self._wake in ready:
            while self._wake.poll():
                self._wake.recv_bytes()
        if self._connection not in ready:
            return None
        try:
            message: Message = receive(self._connection)
            return message
        except (EOFError, OSError):
            return None

    def wake(self) -> None:
        """Have `next` look up from waiting; from any thread."""
        self._wake_here.send_bytes(b"!")

    def silent_for(self) -> float:
        """Seconds since the child's last heartbeat; not those in which the computer slept, nor a
        clock that was set. (Of one computer all processes read the same monotonic clock.)"""
        return time.monotonic() - self._beat.value

    def close(self, grace: float = 0.5) -> None:
        """End the child: politely, then not. Again: nothing."""
        if self._connection.closed:
            return
        with contextlib.suppress(OSError):
            send(self._connection, None)
        self._process.join(grace)
        if self._process.is_alive():
            self._process.terminate()
            self._process.join(LEAVE_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        # not what `wake` uses: another thread may be about to
        self._connection.close()
        self._process.close()


@cache
def _make_children_safe() -> None:
    """From now on, what `multiprocessing` starts imports nothing from the current directory.

    The child and the resource tracker, which comes before it and outlives it, are both started by
    ``python -c``. They get -P: a variable would also reach a file manager that the window opens,
    and from there any other Python program.
    """
    safe_path.forget_empty_elements()
    if getattr(sys, "frozen", False):  # such a program takes no options, nor needs this one
        return
    module: Any = util
    arguments = module._args_from_interpreter_flags
    module._args_from_interpreter_flags = lambda: [*arguments(), "-P"]


def _child(
    connection: Connection,
    cancel: Any,
    beat: Any,
    engine: str,
    device: str,
    threads: int,
    log_file: Path | None,
) -> None:
    """Main function of the child."""
    from diffviews_desktop import paths
    from diffviews_desktop.crashes import CrashReport

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    signal.signal(signal.SIGTERM, _leave)
    threading.Thread(target=_watch, args=(beat,), daemon=True).start()
    with contextlib.suppress(OSError, AttributeError):
        os.nice(5)  # the window comes first
    prepare_environment()
    with terminal.harmless(), swallowed_in_silence():
        server = Server(
            engine,
            device,
            send=lambda message: send(connection, message),
            cancelled=lambda job_id: cancel.value == job_id,
            threads=threads,
        )
        configure_logging(log_file)
        report = CrashReport(paths.crash_dir(), "an engine")
        if log_file is not None:
            report.begin()
        try:
            _serve(connection, server)
        finally:
            report.end()


def _serve(connection: Connection, server: Server) -> None:
    """Answer one job after the other, until the parent wants no more or is gone."""
    with contextlib.suppress(EOFError, OSError):
        send(connection, Ready())
        while (job := receive(connection)) is not None:
            server.answer(job)
        server.close()


def _leave(*_: Any) -> None:
    """Unwind the job in progress, so that what is half-written is removed."""
    raise SystemExit(0)


def _watch(beat: Any) -> None:
    """Beat, and end this process when the parent is gone."""
    parent = multiprocessing.parent_process()
    while True:
        beat.value = time.monotonic()
        if parent is not None and not parent.is_alive():
            _thread.interrupt_main(signal.SIGTERM)
            time.sleep(LEAVE_SECONDS)
            os._exit(0)
        time.sleep(BEAT_SECONDS)


def prepare_environment() -> None:
    """Set what libraries and their children go by; call before numba is imported.

    numba keeps its compiled kernels in the user's cache, and has its settings from the environment
    alone. Nothing that a library starts is taken from the current directory.
    """
    from diffviews_desktop import paths
    from diffviews_desktop.engine import numba_settings

    os.environ["PYTHONSAFEPATH"] = "1"  # joblib, for one, starts its workers by "python -m"
    if sys.platform == "win32":  # and asks "powershell.exe" for the number of cores
        os.environ["NODEFAULTCURRENTDIRECTORYINEXEPATH"] = "1"
    numba_settings.ignore_file()
    os.environ.setdefault("NUMBA_CACHE_DIR", str(paths.cache_dir() / "numba"))
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(_folder_for_inductor()))


def _folder_for_inductor() -> Path:
    """Where torch keeps what it compiles, which nothing of ours has it do.

    It makes one when it is imported, and cannot be imported where that fails. By itself it takes a
    name that everybody knows, where every user may write.
    """
    from diffviews_desktop import paths

    folder = paths.cache_dir() / "inductor"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:  # no cache home, or a full disk: a folder that is there for sure
        return paths.resources()
    return folder
