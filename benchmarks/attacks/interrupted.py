"""Pictures that are being written when the program is interrupted, killed, or the disk gets full:
each set is whole or absent; after kill -9, once something is written into the folder again.

Without a model at a random moment of writing, with one by the command line, and on file systems
with room for less and less, which only an administrator can mount.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from common import isolate
from runs import NO_SAMPLES, faults, hidden, made_up_grid, made_up_run
from trials import Trial, parser, report

from diffviews_desktop.cli.run_files import write_grid, write_run
from diffviews_desktop.errors import DiffViewsError
from diffviews_desktop.files import leftovers
from diffviews_desktop.files.writing import replacing_all

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
TRIES, STARTS = 100, 4
NEXT = 10**6  # the seed of what is written into a folder afterwards


def write_one(folder: Path, seed: int) -> None:
    """A run or a grid, in turns."""
    if seed % 2:
        write_run(made_up_run(seed, 20, size=32), folder, NO_SAMPLES)
    else:
        write_grid(made_up_grid(seed, 20), folder)


def write_for_ever(folder: Path) -> None:
    """In a forked process, until it is ended."""
    for number in (signal.SIGINT, signal.SIGTERM):  # as Python begins
        signal.signal(
            number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        )
    seed = 1
    with suppress(KeyboardInterrupt):
        while True:
            write_one(folder, seed)
            seed += 1


def is_whole(folder: Path, number: signal.Signals) -> bool:
    """Whether every set is whole, and nothing else is there that would not go by itself."""
    if number == signal.SIGKILL:
        write_one(folder, NEXT)
        for path in (folder, *folder.rglob("*")):  # as a day later
            os.utime(path, (0, 0), follow_symlinks=False)
        leftovers.sweep.cache_clear()
        write_one(folder, NEXT + 1)
    wrong = faults(folder) + hidden(folder)
    if wrong:
        print(number.name, *wrong[:3], sep="\n  ", file=sys.stderr)
    return not wrong


def while_writing(home: Path, tries: int) -> list[Trial]:
    """A signal at a random moment."""
    choose, trials = random.Random(7), []
    for number in SIGNALS:
        survivors = 0
        for attempt in range(tries):
            folder = home / f"{number.name}-{attempt}"
            folder.mkdir()
            child = os.fork()
            if not child:
                try:
                    write_for_ever(folder)
                finally:
                    os._exit(0)
            time.sleep(choose.uniform(0.05, 0.4))
            os.kill(child, number)
            os.waitpid(child, 0)
            survivors += is_whole(folder, number)
            shutil.rmtree(folder)
        trials.append(Trial(f"{number.name} while pictures are written", tries, survivors))
    return trials


def by_the_command_line(home: Path, tries: int) -> list[Trial]:
    """A signal while ``generate`` draws or writes 300 steps, or a grid of 300 pictures."""
    choose, trials = random.Random(8), []
    program = str(Path(sys.executable).with_name("diffviews-desktop"))
    for kind, options in (("steps", ["--steps", "300"]), ("grid", ["--samples", "300"])):
        for number in SIGNALS:
            survivors = 0
            for attempt in range(tries):
                folder = home / f"{kind}-{number.name}-{attempt}"
                command = [program, "generate", "--device", "cpu", "--out", str(folder), *options]
                command += ["--seed", "1", *(["--steps", "1"] if kind == "grid" else [])]
                start = subprocess.Popen(
                    command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
                )
                while start.poll() is None and not folder.exists():
                    time.sleep(0.005)
                time.sleep(choose.uniform(0, 0.4))
                start.send_signal(number)
                start.wait()
                folder.mkdir(exist_ok=True)
                survivors += is_whole(folder, number)
            name = f"{number.name} during generate ({'300 steps' if kind == 'steps' else kind})"
            trials.append(Trial(name, tries, survivors))
    return trials


@contextmanager
def small_disk(folder: Path, options: str) -> Iterator[bool]:
    """A file system with little room; whether it could be mounted."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    is_mounted = shutil.which("mount") is not None and not subprocess.run(command).returncode
    try:
        yield is_mounted
    finally:
        if is_mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


def on_full_disks(home: Path) -> list[Trial]:
    """Ever more room, in kilobytes and in files."""

    def run(folder: Path) -> None:
        write_run(made_up_run(1, 20, size=64), folder, NO_SAMPLES)

    def picture_and_record(folder: Path) -> None:
        with replacing_all(folder / "0001.png", folder / "0001.json") as (picture, record):
            picture.write(bytes(30_000))
            record.write(bytes(9_000))

    def sets(folder: Path) -> bool:
        return not faults(folder) and not hidden(folder)

    def both(folder: Path) -> bool:
        names = sorted(path.name for path in folder.iterdir())
        return names in ([], ["0001.json", "0001.png"])

    rooms = [f"size={4 * pages}k" for pages in range(1, 120)]
    rooms += [f"size=8m,nr_inodes={count}" for count in range(2, 40)]
    whats: tuple[tuple[str, Callable[[Path], None], Callable[[Path], bool]], ...] = (
        ("a run", run, sets),
        ("the window's picture with its record", picture_and_record, both),
    )
    trials: list[Trial] = []
    for name, write, good in whats:
        survivors = successes = refusals = 0
        for number, room in enumerate(rooms):
            folder = home / f"small-{number}-{write.__name__}"
            with small_disk(folder, room) as is_mounted:
                if not is_mounted:
                    print("full disks: only an administrator may mount them", file=sys.stderr)
                    return trials
                try:
                    write(folder)
                    successes += 1
                except (DiffViewsError, OSError):
                    refusals += 1
                survivors += good(folder)
        print(f"{name}: {successes} times there was room, {refusals} times not", file=sys.stderr)
        trials.append(Trial(f"a disk that gets full: {name}", len(rooms), survivors))
    return trials


def main() -> int:
    """Run the trials."""
    arguments = parser(__doc__)
    arguments.add_argument("--tries", type=int, default=TRIES)
    arguments.add_argument("--starts", type=int, default=STARTS)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        isolate(home)
        os.environ["OMP_NUM_THREADS"] = "1"  # more threads only wait for each other
        trials = while_writing(home, options.tries)
        trials += on_full_disks(home)
        trials += by_the_command_line(home, options.starts)
    return report(trials, options.json)


if __name__ == "__main__":
    raise SystemExit(main())
