"""Two programs that draw into one folder at the same instant: every run keeps a number of its own,
whole, with no file of the other's.

Without a model 200 times, with both let go at once just before they write; then by the command
line, in pairs that draw from the bundled demo.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from common import isolate
from runs import NO_SAMPLES, faults, hidden, made_up_run
from trials import Trial, parser, report

ROUNDS, STEPS, PAIRS = 200, 9, 4


def write_runs(folder: Path, seeds: range, barrier: Barrier, answers: Any) -> None:
    """In a process of its own: write one run after another, each with the others' next."""
    from diffviews_desktop.cli.run_files import write_run

    for seed in seeds:
        run = made_up_run(seed, STEPS)
        barrier.wait()
        try:
            answers.put((seed, write_run(run, folder, NO_SAMPLES).result["files"]))
        except Exception as error:
            answers.put((seed, str(error)))


def run_together(folder: Path, rounds: int, programs: int = 2) -> list[Trial]:
    """What was said to have failed, what is mixed or not whole, and what is gone."""
    spawn = multiprocessing.get_context("spawn")
    barrier, answers = spawn.Barrier(programs), spawn.Queue()
    tries = rounds * programs
    writers = [
        spawn.Process(
            target=write_runs, args=(folder, range(who, tries, programs), barrier, answers)
        )
        for who in range(programs)
    ]
    for writer in writers:
        writer.start()
    outcomes = dict(answers.get() for _ in range(tries))
    for writer in writers:
        writer.join()
    sets = {seed: files for seed, files in outcomes.items() if isinstance(files, list)}
    for seed in sorted(outcomes.keys() - sets.keys())[:3]:
        print(f"seed {seed}: {outcomes[seed]}", file=sys.stderr)
    wrong = faults(folder) + hidden(folder)
    print(*wrong[:3], sep="\n", end="\n" if wrong else "", file=sys.stderr)
    survivors = {
        seed for seed, files in sets.items() if all(Path(file).is_file() for file in files)
    }
    records = len(list(folder.glob("*.json")))
    name = f"{programs} programs at one instant"
    return [
        Trial(f"{name}: none fails", tries, len(sets)),
        Trial(f"{name}: no set is mixed", tries, max(0, tries - len(wrong))),
        Trial(f"{name}: no run is gone", len(sets), min(len(survivors), records)),
    ]


def by_the_command_line(folder: Path, pairs: int) -> Trial:
    """Pairs of starts at the same time, each with a seed of its own."""
    program = str(Path(sys.executable).with_name("diffviews-desktop"))
    options = ["--steps", "20", "--device", "cpu", "--out", str(folder)]
    survivors = 0
    for pair in range(pairs):
        starts = [
            subprocess.Popen(
                [program, "generate", *options, "--seed", str(2 * pair + one)],
                stdout=subprocess.DEVNULL,
            )
            for one in range(2)
        ]
        survivors += sum(start.wait() == 0 for start in starts)
    sets = {path.stem for path in folder.glob("*.json")}
    whole = all(len(list(folder.glob(f"{name}*"))) == 22 for name in sets)
    good = whole and len(sets) == 2 * pairs and not hidden(folder)
    return Trial("by the command line, in pairs", 2 * pairs, survivors if good else 0)


def main() -> int:
    """Run the trials."""
    arguments = parser(__doc__)
    arguments.add_argument("--rounds", type=int, default=ROUNDS)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        isolate(home)
        os.environ["OMP_NUM_THREADS"] = "1"  # more threads only wait for each other
        trials = []
        for programs, rounds in ((2, options.rounds), (5, options.rounds // 4)):
            folder = home / f"together-{programs}"
            folder.mkdir()
            trials += run_together(folder, rounds, programs)
        (home / "commands").mkdir()
        trials.append(by_the_command_line(home / "commands", PAIRS))
    return report(trials, options.json)


if __name__ == "__main__":
    raise SystemExit(main())
