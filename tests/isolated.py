"""Reads checkpoints in processes of their own, and says what happened there.

Run as a program it is the server: it imports the reader once and forks the processes that read, so
that a file which ends its process, or takes all its memory, ends one test.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pickle
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HARD_LIMIT_S = 60
HARD_LIMIT_BYTES = 6 * 2**30
RETIRE_AT_BYTES = 2**26
WATCHED = (
    "code.",
    "compile",
    "cpython.run",
    "ctypes.",
    "exec",
    "import",
    "marshal.",
    "open",
    "os.",
    "pickle.",
    "shutil.",
    "socket.",
    "subprocess.",
    "sys.",
    "tempfile.",
    "urllib.",
    "webbrowser.",
)
HARMLESS = ("sys._getframe", "sys.unraisablehook", "os.putenv", "os.listdir", "os.scandir")


@dataclass(frozen=True)
class Outcome:
    """What became of reading one file.

    Attributes:
        error: type of the error; None where the model was loaded.
        text: what the error says.
        digest: of the loaded tensors.
        seconds: how long it took the processor.
        growth: by how many bytes the process grew.
        events: what it did beside reading: code run, modules imported, files written.
        end: how the process ended, where it ended early.
    """

    error: str | None = None
    text: str = ""
    digest: str = ""
    seconds: float = 0.0
    growth: int = 0
    events: tuple[str, ...] = ()
    end: str = ""


def digest(state: Mapping[str, Any]) -> str:
    """Of the names, shapes and values of tensors."""
    result = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].contiguous()
        result.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        result.update(tensor.numpy().tobytes())
    return result.hexdigest()


class Reader:
    """A server, to be used as a context.

    Args:
        folder: its working folder.
        warm: valid files, read first: what the reader imports late, it then has imported.
        by: what reads them: see `read`.
    """

    def __init__(self, folder: Path, warm: list[Path], by: str = "ours") -> None:
        source = str(Path(__file__).parents[1])
        self._server = subprocess.Popen(
            [sys.executable, "-W", "ignore", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=folder,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": source},
        )
        self._warm, self._by = warm, by

    def __enter__(self) -> Reader:
        for path in self._warm:
            outcome = self._ask({"path": str(path), "fork": False, "by": self._by})
            if outcome.end:
                self.__exit__()
                raise RuntimeError(f"{path.name} is no valid file: {outcome.end}")
        return self

    def __exit__(self, *args: object) -> None:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._server.stdin.close()
        self._server.wait(30)
        self._server.stdout.close()

    def read(self, path: Path, by: str | None = None) -> Outcome:
        """Read a file with ``ours``; a folder of diffusers with ``diffusers``; or, unsafely, a file
        with Python's ``pickle``."""
        return self._ask({"path": str(path), "fork": True, "by": by or self._by})

    def _ask(self, question: dict[str, Any]) -> Outcome:
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(question) + "\n")
        self._server.stdin.flush()
        answer = json.loads(self._server.stdout.readline() or '{"events": [], "end": "no server"}')
        return Outcome(**{**answer, "events": tuple(answer["events"])})


# --- the server ----------------------------------------------------------------------------------


def serve() -> None:
    """Answer questions on standard input. Files are read in a child, made again when it has died or
    has grown."""
    from diffviews_desktop.adapters.checkpoint import load_checkpoint

    def load(path: Path) -> Mapping[str, Any]:
        return load_checkpoint(path).model.state_dict()

    def load_unsafely(path: Path) -> Mapping[str, Any]:
        pickle.loads(path.read_bytes())
        return {}

    def load_pipeline(path: Path) -> Mapping[str, Any]:
        from diffviews_desktop.adapters.diffusers_unet import DiffusersAdapter

        return DiffusersAdapter.from_checkpoint(path, device="cpu").model.state_dict()

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a payload prints is no answer
    readers = {"ours": load, "pickle": load_unsafely, "diffusers": load_pipeline}
    child: Child | None = None
    for line in sys.stdin:
        question = json.loads(line)
        if not question["fork"]:
            state = readers[question["by"]](Path(question["path"]))
            answer = {"digest": digest(state), "events": []}
        else:
            child = child or Child(readers)
            answer = child.ask(line)
            if answer.get("end") or answer["growth"] > RETIRE_AT_BYTES:
                child.close()
                child = None
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


class Child:
    """A process that reads files, one after the other."""

    def __init__(self, readers: Mapping[str, Callable[[Path], Mapping[str, Any]]]) -> None:
        questions, self._questions = os.pipe()
        self._answers, answers = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._questions)
            os.close(self._answers)
            read_files(readers, questions, answers)
            os._exit(0)
        os.close(questions)
        os.close(answers)

    def ask(self, line: str) -> dict[str, Any]:
        os.write(self._questions, line.encode())
        text = b""
        while not text.endswith(b"\n"):
            in_time, _, _ = select.select([self._answers], [], [], HARD_LIMIT_S)
            if not in_time:
                os.kill(self._pid, signal.SIGKILL)
                return {"end": f"no answer in {HARD_LIMIT_S} s", "events": []}
            part = os.read(self._answers, 2**16)
            if not part:
                _, status = os.waitpid(self._pid, os.WNOHANG | os.WUNTRACED)
                return {"end": f"the process ended with status {status}", "events": []}
            text += part
        return json.loads(text)

    def close(self) -> None:
        os.close(self._questions)
        os.close(self._answers)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, 0)


def read_files(
    readers: Mapping[str, Callable[[Path], Mapping[str, Any]]], questions: int, answers: int
) -> None:
    events: list[str] = []
    watching = False

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if not watching or not event.startswith(WATCHED) or event in HARMLESS:
            return
        if event == "import" and arguments[0] in sys.modules:
            return
        if event == "open" and not arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            return
        events.append(f"{event} {str(arguments)[:100]}")

    with open("/proc/self/statm") as file:
        size = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + HARD_LIMIT_BYTES,) * 2)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sys.addaudithook(watch)
    for line in os.fdopen(questions):
        question = json.loads(line)
        events.clear()
        result: dict[str, Any] = {}
        state = None
        started = time.process_time()
        watching = True
        try:
            state = readers[question["by"]](Path(question["path"]))
        except BaseException as error:
            result |= {"error": type(error).__name__, "text": str(error)}
        watching = False
        result["seconds"] = time.process_time() - started
        result["growth"] = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
        result["events"] = list(events)
        if state is not None:
            result["digest"] = digest(state)
        os.write(answers, json.dumps(result).encode() + b"\n")


if __name__ == "__main__":
    serve()
