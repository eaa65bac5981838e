"""What is printed: nothing in it steers the terminal, whoever prints it.

`harmless` covers all of a process: models of other packages, Python's warnings and tracebacks print
texts of files, too. What the program itself says goes through `say`, `complain` and `overwrite`.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn, TextIO

from diffviews_desktop.text.plain import MOST_SHOWN, visible

PROGRAM = "diffviews-desktop"
_OPTION = re.compile(r"--\w[^=]*")
_NEGATIVE = re.compile(r"-[.,]?\d")


def say(*lines: str) -> None:
    """Print lines; a line break within one is made visible, and what is too long left out."""
    for line in lines:
        print(visible(line, MOST_SHOWN))


def complain(text: str) -> None:
    """Say on one line of standard error why something did not work."""
    print(f"{PROGRAM}: {visible(text, MOST_SHOWN)}", file=sys.stderr)


def overwrite(line: str) -> None:
    """Write over the last line of standard error, which is a terminal; an empty one clears it."""
    room = shutil.get_terminal_size().columns - 1  # a longer one would leave its beginning behind
    stream = sys.stderr.stream if isinstance(sys.stderr, _Harmless) else sys.stderr
    print(f"\r\x1b[K{visible(line)[:room]}", end="", file=stream, flush=True)


class Parser(argparse.ArgumentParser):
    """A parser whose complaints may quote any argument, and whose values may begin with a minus;
    those of its verbs are the same."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As `argparse.ArgumentParser` does."""
        arguments = sys.argv[1:] if args is None else args
        return super().parse_known_args(join_negatives(arguments), namespace)

    def error(self, message: str) -> NoReturn:
        super().error(visible(message, MOST_SHOWN))


def join_negatives(arguments: Sequence[str]) -> list[str]:
    """``--range -1,1`` as ``--range=-1,1``: argparse takes what begins with a minus for an option,
    unless it is one number."""
    result: list[str] = []
    for argument in arguments:
        if result and _NEGATIVE.match(argument) and _OPTION.fullmatch(result[-1]):
            result[-1] += f"={argument}"
        else:
            result.append(argument)
    return result


class _Harmless(io.TextIOBase):
    """Passes on what can do no harm, and the rest as it would be written in Python."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self.stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self.stream.encoding

    @property
    def closed(self) -> bool:
        """Whether what it passes on to is; libraries ask at the end of the program."""
        return self.stream.closed

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        # progress bars of other packages go back to the beginning of their line
        parts = text.split("\r")
        self.stream.write("\r".join(visible(part, lines=True) for part in parts))
        return len(text)

    def flush(self) -> None:
        self.stream.flush()

    def isatty(self) -> bool:
        return self.stream.isatty()

    def fileno(self) -> int:
        return self.stream.fileno()


@contextlib.contextmanager
def harmless() -> Iterator[None]:
    """Have all that Python prints meanwhile made visible, in what the terminal can encode."""
    streams = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (None if stream is None else _wrap(stream) for stream in streams)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = streams


def _wrap(stream: TextIO | _Harmless) -> _Harmless:
    if isinstance(stream, _Harmless):
        return stream
    if isinstance(stream, io.TextIOWrapper):
        with contextlib.suppress(io.UnsupportedOperation):
            stream.reconfigure(errors="backslashreplace")
    return _Harmless(stream)
