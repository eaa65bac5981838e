"""Hosts an engine in a spawned child process: pipe, cancel, heartbeat, terminate, respawn.

The parent side, `EngineProcess`, imports nothing heavy. The child imports the engine, answers jobs
one at a time, and ends by itself when the parent is gone.
"""

from __future__ import annotations

import _thread
import contextlib
import ctypes
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from multiprocessing import util
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from diffviews_desktop import safe_path, terminal
from diffviews_desktop.errors import Cancelled, DiffViewsError, said
from diffviews_desktop.logs import configure_logging
from diffviews_desktop.worker.jobs import Event, Job, Progress, Result
from diffviews_desktop.worker.pipe import receive, send

log = logging.getLogger(__name__)

BEAT_SECONDS = 0.5
LEAVE_SECONDS = 2.0
PROGRESS_SECONDS = 0.05
_context = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class Ready:
    """The child is up and waits for jobs."""


@dataclass(frozen=True)
class Finished:
    """A job ended well; ``memory`` is the engine's resident size in bytes."""

    job_id: int
    result: Result
    memory: int


@dataclass(frozen=True)
class Failed:
    """A job ended with an error: one sentence, and details to copy."""

    job_id: int
    message: str
    details: str


@dataclass(frozen=True)
class WasCancelled:
    """A job ended because it was cancelled."""

    job_id: int


Message = Ready | Finished | Failed | WasCancelled | Event


class EngineProcess:
    """One child with an engine in it.

    Args:
        device: see `Engine`.
        log_file: the child logs there too.
    """

    def __init__(self, device: str = "auto", log_file: Path | None = None) -> None:
        self.connection, theirs = _context.Pipe()
        # raw shared memory: a lock could be left held by a child that dies
        self._cancel = _context.RawValue(ctypes.c_longlong, 0)
        self._beat = _context.RawValue(ctypes.c_double, time.monotonic())
        self._process = _context.Process(
            target=_child,
            args=(theirs, self._cancel, self._beat, device, log_file),
            name="diffviews-engine",
            daemon=True,
        )
        _make_children_safe()
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid
        """Process id of the child."""
        theirs.close()

    @property
    def sentinel(self) -> int:
        """Becomes ready, for `multiprocessing.connection.wait`, when the child ends."""
        return self._process.sentinel

    @property
    def alive(self) -> bool:
        """Whether the child runs; from any thread, also of one that was stopped."""
        try:
            return self._process.is_alive()
        except ValueError:  # closed meanwhile
            return False

    @property
    def exit_code(self) -> int | None:
        """How the child ended, negative for a signal; None while it runs."""
        return self._process.exitcode

    def submit(self, job: Job) -> None:
        """Send a job; the child must be idle.

        Raises:
            OSError: the child is gone.
        """
        send(self.connection, job)

    def receive(self) -> Message | None:
        """The next message, or None when the child is gone; blocks until there is one."""
        try:
            received: Message = receive(self.connection)
            return received
        except (EOFError, OSError):
            return None

    def cancel(self, job_id: int) -> None:
        """Ask for a job to end; from any thread."""
        self._cancel.value = job_id

    def silent_for(self) -> float:
        """Seconds since the child's last heartbeat; not those in which the computer slept, nor a
        clock that was set. (Of one computer all processes read the same monotonic clock.)"""
        return time.monotonic() - self._beat.value

    def stop(self, grace: float = 0.5) -> None:
        """End the child: politely, then not."""
        with contextlib.suppress(OSError):
            send(self.connection, None)
        self._process.join(grace)
        if self._process.is_alive():
            self._process.terminate()
            self._process.join(LEAVE_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self.connection.close()
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
    device: str,
    log_file: Path | None,
) -> None:
    """Main function of the child."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    signal.signal(signal.SIGTERM, _leave)
    threading.Thread(target=_watch, args=(beat,), daemon=True).start()
    with contextlib.suppress(OSError, AttributeError):
        os.nice(5)  # the window comes first
    prepare_environment()
    with terminal.harmless():
        # by name: only the child may import the engine, and with it torch and umap
        engine_module = import_module("diffviews_desktop.worker.engine")
        configure_logging(log_file)
        _serve(connection, cancel, device, engine_module)


def _serve(connection: Connection, cancel: Any, device: str, engine_module: Any) -> None:
    """Answer one job after the other."""
    last: dict[str, Any] = {"stage": None, "time": 0.0}

    def emit(event: Event) -> None:
        if isinstance(event, Progress):
            now = time.monotonic()
            same = event.stage == last["stage"]
            if same and now - last["time"] < PROGRESS_SECONDS and event.fraction != 1.0:
                return
            last.update(stage=event.stage, time=now)
        send(connection, event)

    engine = engine_module.Engine(
        device,
        threads=max(1, (os.cpu_count() or 2) - 1),
        emit=emit,
        cancelled=lambda job_id: cancel.value == job_id,
    )
    send(connection, Ready())
    while True:
        try:
            job = receive(connection)
        except (EOFError, OSError):
            return
        if job is None:
            engine.close()
            return
        last["stage"] = None
        try:
            send(connection, _answer(engine, job))
        except (BrokenPipeError, OSError):
            return


def _answer(engine: Any, job: Job) -> Message:
    try:
        return Finished(job.job_id, engine.run(job), _resident_bytes())
    except Cancelled:
        return WasCancelled(job.job_id)
    except DiffViewsError as error:
        log.warning("%s", error)
        return Failed(job.job_id, str(error), traceback.format_exc())
    except Exception as error:  # the engine must outlive whatever a model does
        log.exception("unexpected error")
        return Failed(job.job_id, said(error), traceback.format_exc())


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
    from diffviews_desktop.worker import numba_settings

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


def _resident_bytes() -> int:
    import psutil

    return int(psutil.Process().memory_info().rss)
