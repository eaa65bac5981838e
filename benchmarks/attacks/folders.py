"""Do jobs survive data folders that hold anything?

    python benchmarks/attacks/folders.py [--tries N] [--first SEED] [--json FILE]

Some files of a small folder are changed: any value where another one stood, in JSON, in CSV and in
bytes. Then it is opened, mapped, drawn with and exported. Survived is what ends with a result or
with an error of the program's own, within 60 s of the processor and 2 GB of memory. What did not is
named on standard error with its seed.
"""

from __future__ import annotations

import collections
import contextlib
import logging
import os
import resource
import signal
import sys
import tempfile
import traceback
import warnings
from pathlib import Path
from random import Random
from typing import IO

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1]))

from common import isolate
from hostile_folders import HostileFolder
from trials import Trial, parser, report

CPU_SECONDS = 60
MEMORY = 2 << 30
BATCH = 200  # tries of a process, which may grow


def main() -> int:
    """See the module's text."""
    arguments = parser(__doc__)
    arguments.add_argument("--tries", type=int, default=1000)
    arguments.add_argument("--first", type=int, default=0)
    options = arguments.parse_args()
    seeds = list(range(options.first, options.first + options.tries))
    tries: collections.Counter[str] = collections.Counter()
    losses: collections.Counter[str] = collections.Counter()
    with tempfile.TemporaryDirectory() as name:
        isolate(Path(name) / "home")
        while seeds:
            folder = Path(tempfile.mkdtemp(dir=name))
            results = in_a_process(folder, seeds[:BATCH])
            for job, fine in results:
                tries[job] += 1
                losses[job] += not fine
            count = sum(job == "folder" for job, _ in results)
            if count < len(seeds[:BATCH]):
                print(f"seed {seeds[count]} ended the process", file=sys.stderr)
                tries["folder"] += 1
                losses["folder"] += 1
                count += 1
            seeds = seeds[count:]
    return report([Trial(job, tries[job], tries[job] - losses[job]) for job in tries], options.json)


def in_a_process(folder: Path, seeds: list[int]) -> list[tuple[str, bool]]:
    """What became of the jobs with some folders, as far as the process came."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        with contextlib.suppress(BaseException), os.fdopen(writing, "w", buffering=1) as out:
            use_all(folder, seeds, out)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as stream:
        lines = [line.split() for line in stream]
    os.waitpid(child, 0)
    return [(job, fine == "True") for job, fine in lines]


def use_all(folder: Path, seeds: list[int], out: IO[str]) -> None:
    """Use folders, one after the other, and write what became of each job."""
    warnings.simplefilter("ignore")
    logging.disable()
    hostile = HostileFolder(folder)
    for _ in hostile.use(Random(0)):  # what is imported late is imported by then
        pass
    with open("/proc/self/statm") as file:
        size = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY,) * 2)
    for seed in seeds:
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)  # ends the process
        random = Random(seed)
        names = hostile.change(random)
        job = "open"
        try:
            for job, _ in hostile.use(random):
                print(job, True, file=out)
        except Exception:
            print(job, False, file=out)
            print(f"seed {seed}, {names}, after {job}:", file=sys.stderr)
            traceback.print_exc()
        signal.setitimer(signal.ITIMER_PROF, 0)
        print("folder", True, file=out)


if __name__ == "__main__":
    sys.exit(main())
