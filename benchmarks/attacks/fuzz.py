"""Does a reader survive whatever a file holds? Valid files are changed, guided by what is covered.

    python benchmarks/attacks/fuzz.py READER [--minutes M] [--seeds DIR] [--json FILE]

Needs atheris (``pip install atheris``). Every file is read in a process of its own kind, which is
begun again when it ends: nothing but the program's own errors may come out, no file may end the
process, take more than 20 s of its processor's time or more than 1 GB of memory beyond what the
process has. What found a fault, and the files that took a new way through the program, are kept
in ``tests/fuzz_seeds/READER``: 200 kB at most, the smallest first.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import resource
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1]))

from common import isolate
from fuzz_readers import READERS, Reader
from trials import Trial, parser, report

SEEDS = Path(__file__).parents[2] / "tests" / "fuzz_seeds"
CPU_SECONDS = 20
MEMORY = 1 << 30
MOST_KEPT = 200_000
MOST_FAULTS = 20  # kept of each kind
WALL_SECONDS = 600  # of one file: several programs share the processors
KINDS = {
    "raised": "nothing but its own errors is raised",
    "crash": "the process goes on",
    "hang": f"at most {CPU_SECONDS} s of the processor",
    "memory": "at most 1 GB of memory",
}


def main() -> int:
    """See the module's text."""
    made = parser(__doc__)
    made.add_argument("reader", choices=READERS)
    made.add_argument("--minutes", type=float, default=60.0)
    made.add_argument("--seeds", type=Path, default=SEEDS)
    options = made.parse_args()
    with tempfile.TemporaryDirectory(dir=_fast_folder()) as name:
        work = Path(name)
        seeds = options.seeds / options.reader
        for folder in ("corpus", "faults", "files", "merged"):
            (work / folder).mkdir()
        if seeds.is_dir():
            for file in seeds.iterdir():
                shutil.copy(file, work / "corpus" / file.name)
        runs = fuzz(options.reader, work, 60 * options.minutes)
        faults = confirmed(options.reader, work)
        keep(options.reader, work, seeds, faults)
    trials = [
        Trial(
            f"{options.reader}: {text}",
            runs,
            runs - sum(found == kind for found in faults.values()),
        )
        for kind, text in KINDS.items()
    ]
    return report(trials, options.json)


def _fast_folder() -> str | None:
    return "/dev/shm" if os.path.isdir("/dev/shm") else None


def fuzz(reader: str, work: Path, seconds: float) -> int:
    """Change files for some time: how many were read."""
    (work / "runs").write_bytes(struct.pack("<Q", 0))
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 1:
        ended = _run("--fuzz", reader, work, f"-max_total_time={int(left) + 1}")
        if ended == 0:
            break
        for artifact in work.glob("artifact-*"):
            print(f"a process ended with {ended} at {artifact.name}", file=sys.stderr)
            artifact.rename(work / "faults" / f"crash-{_name(artifact.read_bytes())}")
    return _count(work)


def _count(work: Path) -> int:
    return int(struct.unpack("<Q", (work / "runs").read_bytes())[0])


def confirmed(reader: str, work: Path) -> dict[Path, str]:
    """The faults that happen again in a process that has read nothing else, and their kind."""
    found = {}
    for file in sorted((work / "faults").iterdir()):
        ended = _run("--again", reader, work, file)
        kind = {0: "", 10: "raised", 11: "hang", 12: "memory"}.get(ended, "crash")
        if kind:
            found[file] = kind
            print(f"{kind}: {file.name}", file=sys.stderr)
        else:
            print(f"not again: {file.name}", file=sys.stderr)
    return found


def keep(reader: str, work: Path, seeds: Path, faults: dict[Path, str]) -> None:
    """Keep faults, and the smallest files that cover more than those that are kept already."""
    seeds.mkdir(parents=True, exist_ok=True)
    known = {file.name for file in seeds.iterdir()}
    for name in known:
        shutil.copy(seeds / name, work / "merged" / name)
    for file, kind in faults.items():
        if file.stat().st_size < MOST_KEPT:
            shutil.copy(file, seeds / f"{kind}-{file.name.split('-')[-1]}")
    _run("--fuzz", reader, work, "-merge=1", work / "merged", work / "corpus")
    new = [file for file in (work / "merged").iterdir() if file.name not in known]
    size = sum(file.stat().st_size for file in seeds.iterdir())
    for file in sorted(new, key=lambda file: file.stat().st_size):
        size += file.stat().st_size
        if size > MOST_KEPT:
            break
        shutil.copy(file, seeds / file.name[:16])


def _run(how: str, reader: str, work: Path, *arguments: object) -> int:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "QT_QPA_PLATFORM": "offscreen"}
    command = [sys.executable, "-W", "ignore", __file__, how, reader, work, *arguments]
    with (work / "log").open("ab") as log:
        done = subprocess.run(list(map(str, command)), env=environment, stdout=log, stderr=log)
    return done.returncode


def _name(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


# ---- the process that reads ---------------------------------------------------------------------


class TooLongError(BaseException):
    """The processor has worked for too long on one file."""


class Target:
    """Reads files, within limits, and keeps those that find a fault.

    Args:
        reader: of one kind of file.
        work: the folder that the processes share.
    """

    def __init__(self, reader: Reader, work: Path) -> None:
        self._read = reader.read
        self._folder = Path(tempfile.mkdtemp(dir=work / "files"))
        self._faults = work / "faults"
        for content in reader.prepare(self._folder):  # what is imported late is imported by then
            (work / "corpus" / _name(content)).write_bytes(content)
            self._attempt(content)
        signal.signal(signal.SIGPROF, self._too_long)
        with open("/proc/self/statm") as file:
            size = int(file.read().split()[0]) * resource.getpagesize()
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, hard))
        with (work / "runs").open("r+b") as counter:
            self._runs = mmap.mmap(counter.fileno(), 8)

    def __call__(self, content: bytes) -> None:
        """Read a file; a fault of a new kind is kept."""
        self._runs[:] = struct.pack("<Q", struct.unpack("<Q", self._runs[:])[0] + 1)
        fault = self.fault(content)
        if fault is None:
            return
        kind, error = fault
        where = f"{kind}-{_name(_signature(error).encode())}"
        known = list(self._faults.glob(f"{where}-*"))
        if not known and len(list(self._faults.iterdir())) < MOST_FAULTS:
            (self._faults / f"{where}-{_name(content)}").write_bytes(content)
            traceback.print_exception(error, file=sys.stderr)

    def fault(self, content: bytes) -> tuple[str, BaseException] | None:
        """What is wrong with how a file is read: its kind, and what was raised."""
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
        try:
            return self._attempt(content)
        except TooLongError as error:
            return "hang", error
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)

    def _attempt(self, content: bytes) -> tuple[str, BaseException] | None:
        from diffviews_desktop.errors import DiffViewsError

        try:
            self._read(self._folder, content)
        except DiffViewsError:
            return None
        except MemoryError as error:
            return "memory", error
        except Exception as error:
            return "raised", error
        return None

    def _too_long(self, *_: object) -> None:
        raise TooLongError


def _signature(error: BaseException) -> str:
    """Where in the program an error came from."""
    frames = [
        f"{Path(frame.filename).name}:{frame.name}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if "diffviews_desktop" in frame.filename
    ]
    return f"{type(error).__name__} {frames[-1:]}"


def _fuzz(reader: str, work: Path, arguments: list[str]) -> None:
    import atheris

    with atheris.instrument_imports(include=["diffviews_desktop"]):
        target = Target(READERS[reader], work)
        flags = [
            "-rss_limit_mb=0",  # the limit is on what the process may address
            f"-timeout={WALL_SECONDS}",
            f"-artifact_prefix={work}/artifact-",
            f"-max_len={max(4096, 2 * max(map(_size, (work / 'corpus').iterdir())))}",
        ]
        folders = [] if any(map(os.path.isdir, arguments)) else [str(work / "corpus")]
        # when it merges, it runs itself again by the first of these
        again = shlex.join([sys.executable, "-W", "ignore", *sys.argv[:4]])
        atheris.Setup(
            [again, *flags, *arguments, *folders], target, custom_mutator=_mutator(READERS[reader])
        )
        atheris.Fuzz()


def _mutator(reader: Reader) -> Callable[[bytes, int, int], bytes]:
    """Changes by what the file means, and by its bytes."""
    import atheris

    def mutate(content: bytes, most: int, seed: int) -> bytes:
        random = Random(seed)
        if random.random() < 0.5:
            changed = reader.change(content, random)
            if len(changed) <= most:
                return changed
        return atheris.Mutate(content, most)

    return mutate


def _size(file: Path) -> int:
    return file.stat().st_size


def _again(reader: str, work: Path, file: Path) -> None:
    """Read a fault once more; the exit status says of what kind it is."""
    fault = Target(READERS[reader], work).fault(file.read_bytes())
    if fault is not None:
        traceback.print_exception(fault[1])
        sys.exit({"raised": 10, "hang": 11, "memory": 12}[fault[0]])


if __name__ == "__main__":
    if sys.argv[1:2] not in (["--fuzz"], ["--again"]):
        sys.exit(main())
    isolate(Path(sys.argv[3]) / "home")
    if sys.argv[1] == "--fuzz":
        _fuzz(sys.argv[2], Path(sys.argv[3]), sys.argv[4:])
    else:
        _again(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
