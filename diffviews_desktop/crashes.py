"""What went wrong without being foreseen, kept on this computer for the user to pass on.

The window and each of its engines write a file of their own: what the interpreter says when a
signal ends it (faulthandler), and every exception that nobody caught, in whichever thread. The file
is deleted at the end unless it says something. Nothing is sent anywhere.
"""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
import platform
import re
import sys
import sysconfig
import threading
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from diffviews_desktop import __version__
from diffviews_desktop.files.leftovers import PART
from diffviews_desktop.files.reading import read_bytes

log = logging.getLogger(__name__)

SUFFIX = ".txt"
MOST_REPORTS = 5
"""How many are kept; the oldest go."""
MOST_BYTES = 400_000
"""Of a report: what goes wrong over and over does not fill the disk."""
HEADER = "# "
LEFT_OUT = "(left out)"
_PLACES = ("site-packages", "dist-packages")
_LIBRARY = (sysconfig.get_paths()["stdlib"], sysconfig.get_paths()["platstdlib"])
_FILE = re.compile(r'(\s*)File "(.*?)", line (\d+)(,)? in (.*)')
_KEPT = re.compile(
    r"(Traceback \(most recent call last\):|Fatal Python error: [A-Za-z ]+|"
    r"(Current thread|Thread) 0x[0-9a-f]+.*\(most recent call first\):|"
    r"Extension modules: [\w., ():]+|\s*<no Python frame>|"
    r"During handling of the above exception, another exception occurred:|"
    r"The above exception was the direct cause of the following exception:)"
)
_RAISED = re.compile(r"([A-Za-z_][\w.]*)(: .*)?")


class CrashReport:
    """The report of this process, from `begin` to `end`.

    Args:
        folder: where reports are kept.
        process: which of the program's this is, for the report.
    """

    def __init__(self, folder: Path, process: str = "the window") -> None:
        self._folder, self._process = folder, process
        self._file: IO[bytes] | None = None
        self._path: Path | None = None
        self._empty = 0
        self._lock = threading.Lock()
        self._hooks: tuple[Any, Any, Any] | None = None

    @property
    def has_entries(self) -> bool:
        """Whether something went wrong so far."""
        return self._file is not None and self._size() > self._empty

    def begin(self) -> None:
        """Write down from now on what goes wrong; where nothing can be written, nothing is."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            name = f"{time.strftime('%Y-%m-%d-%H%M%S')}-{os.getpid()}{SUFFIX}"
            self._path = self._folder / (name + PART)
            self._file = self._begin(self._path)
        except OSError as error:
            log.warning("no crash report can be kept: %s", error)
            return
        self._empty = self._size()
        faulthandler.enable(self._file, all_threads=True)
        self._hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
        sys.excepthook = self._on_exception
        threading.excepthook = self._on_thread
        sys.unraisablehook = self._on_unraisable

    def _begin(self, path: Path) -> IO[bytes]:
        """The file, open and with its header; nothing stays where that cannot be written."""
        file = open(path, "xb", buffering=0)  # noqa: SIM115  (it stays open)
        try:
            file.write(_header(self._process).encode())
        except OSError:
            file.close()
            path.unlink()
            raise
        return file

    def end(self) -> None:
        """The program ends as it should: a report that says nothing goes."""
        if self._file is None or self._path is None:
            return
        if self._hooks is not None:
            sys.excepthook, threading.excepthook, sys.unraisablehook = self._hooks
        faulthandler.disable()
        has_entries = self.has_entries
        self._file.close()
        self._file = None
        with contextlib.suppress(OSError):
            if has_entries:
                self._path.rename(self._path.with_suffix(""))
            else:
                self._path.unlink()

    def add(self, title: str, text: str) -> None:
        """Write down something that went wrong, under a title."""
        with self._lock, contextlib.suppress(OSError):
            if self._file is not None and self._size() < MOST_BYTES:
                clock = time.strftime("%H:%M:%S")
                words = f"\n{HEADER}{clock} {title}\n{text.rstrip()}\n"
                self._file.write(words.encode("utf-8", "backslashreplace"))

    def _size(self) -> int:
        assert self._file is not None
        return os.fstat(self._file.fileno()).st_size

    def _on_exception(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if not issubclass(kind, KeyboardInterrupt | SystemExit):
            self._add_error(f"in {self._process}", kind, error, trace)
            log.error("an exception that nobody caught", exc_info=(kind, error, trace))
        if self._hooks is not None:
            self._hooks[0](kind, error, trace)

    def _on_thread(self, arguments: threading.ExceptHookArgs) -> None:
        if arguments.exc_value is not None and not issubclass(arguments.exc_type, SystemExit):
            name = arguments.thread.name if arguments.thread is not None else "a thread"
            self._add_error(
                f"in {name}", arguments.exc_type, arguments.exc_value, arguments.exc_traceback
            )
        if self._hooks is not None:
            self._hooks[1](arguments)

    def _on_unraisable(self, arguments: Any) -> None:
        if arguments.exc_value is not None:
            self._add_error(
                "where it could not be raised",
                arguments.exc_type,
                arguments.exc_value,
                arguments.exc_traceback,
            )
        if self._hooks is not None:
            self._hooks[2](arguments)

    def _add_error(
        self,
        place: str,
        kind: type[BaseException],
        error: BaseException,
        trace: TracebackType | None,
    ) -> None:
        self.add(place, "".join(traceback.format_exception(kind, error, trace)))


def _header(process: str) -> str:
    lines = (
        f"DiffViews {__version__}, {process}",
        f"Python {platform.python_version()} on {platform.system()} {platform.machine()}",
        f"started {time.strftime('%Y-%m-%d %H:%M:%S')}",
    )
    return "".join(f"{HEADER}{line}\n" for line in lines)


# ---- what is kept -------------------------------------------------------------------------------


def find_reports(folder: Path) -> list[Path]:
    """The reports that say something, the newest first.

    Of processes that were killed without a word nothing is kept; nor of more than `MOST_REPORTS`.
    """
    with contextlib.suppress(OSError):
        for path in sorted(folder.glob(f"*{SUFFIX}{PART}")):
            with contextlib.suppress(OSError):
                if not _lives(path):
                    _settle(path)
        reports = sorted(folder.glob(f"*{SUFFIX}"), reverse=True)
        for path in reports[MOST_REPORTS:]:
            with contextlib.suppress(OSError):
                path.unlink()
        return reports[:MOST_REPORTS]
    return []


def _lives(path: Path) -> bool:
    """Whether the process that writes a report is still there."""
    number = path.name.removesuffix(SUFFIX + PART).rpartition("-")[2]
    if not number.isdecimal():
        return False
    if int(number) == os.getpid():
        return True
    import psutil

    with contextlib.suppress(psutil.Error):
        return bool(psutil.Process(int(number)).create_time() <= os.stat(path).st_mtime + 1)
    return False


def _settle(path: Path) -> None:
    lines = read(path).splitlines()
    if any(line and not line.startswith(HEADER) for line in lines):
        path.rename(path.with_suffix(""))
    else:
        path.unlink()


def read(path: Path) -> str:
    """A report as text.

    Raises:
        OSError: it cannot be read.
    """
    return read_bytes(path, 2 * MOST_BYTES).decode("utf-8", "replace")


def delete(paths: Sequence[Path]) -> None:
    """Delete reports; those that cannot be deleted stay."""
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink()


# ---- what is passed on --------------------------------------------------------------------------


def without_names(report: str) -> str:
    """A report without paths of the home and names of files: with the places in the program's and
    its libraries' code, and the kinds of the exceptions, but without what these said."""
    lines: list[str] = []
    code = False  # whether the line before names a place whose code may be told
    for line in report.splitlines():
        text, code = _redact(line, code)
        if not (text == LEFT_OUT and lines and lines[-1] == LEFT_OUT):
            lines.append(text)
    return "\n".join(lines) + "\n"


def _redact(line: str, code: bool) -> tuple[str, bool]:
    place = _FILE.fullmatch(line)
    if place is not None:
        short = _short(place[2])
        told = short is not None
        text = f'{place[1]}File "{short or LEFT_OUT}", line {place[3]}{place[4] or ""} in '
        return text + (place[5] if told else LEFT_OUT), told
    if code and line.startswith("    "):
        return line, True
    if not line or line.startswith(HEADER) or _KEPT.fullmatch(line):
        return line, False
    match = _RAISED.fullmatch(line)
    if match is not None and match[1].rpartition(".")[2][:1].isupper():
        return match[1] + (f": {LEFT_OUT}" if match[2] else ""), False
    return LEFT_OUT, False


def _short(path: str) -> str | None:
    """The name of a file of code from its package on; None of any other file."""
    if path.startswith("<frozen "):
        return path
    parts = path.replace("\\", "/").split("/")
    for place in _PLACES:
        if place in parts:
            return "/".join(parts[len(parts) - parts[::-1].index(place) :])
    if path.startswith(_LIBRARY):
        return "/".join(parts[-2:])
    package = str(Path(__file__).parent)
    return "diffviews_desktop" + path[len(package) :] if path.startswith(package + os.sep) else None
