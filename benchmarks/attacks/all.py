"""Every attack, one after the other, in one table: tries, survived, lost.

    python benchmarks/attacks/all.py [--long] [--json FILE]

Takes about an hour on two cores; with --long, which adds the fuzzer, and the soak and the monkey at
the window, two hours more. What these need is said at their beginning.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from trials import Trial, parser, report

HERE = Path(__file__).parent
LONG = {"monkey": [], "fuzz": ["--minutes", "60"], "soak": ["--minutes", "60", "--kills", "50"]}
NO_ATTACKS = {"all", "faults", "trials"}


def main() -> int:
    arguments = parser(__doc__)
    arguments.add_argument(
        "--long", action="store_true", help="the fuzzer, the soak and the monkey, too"
    )
    options = arguments.parse_args()
    names = sorted({path.stem for path in HERE.glob("*.py")} - NO_ATTACKS - LONG.keys())
    trials: list[Trial] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in [*names, *(LONG if options.long else ())]:
            file = Path(folder) / f"{name}.json"
            print(f"{name} …", flush=True)
            script = [sys.executable, str(HERE / f"{name}.py"), "--json", str(file)]
            process = subprocess.run(
                [*script, *LONG.get(name, ())], capture_output=True, text=True, cwd=folder
            )
            if file.is_file():
                rows = json.loads(file.read_text(encoding="utf-8"))
                trials += [
                    Trial(f"{name}: {row['name']}", row["n"], row["n"] - row["ours"])
                    for row in rows
                ]
            else:
                print(process.stdout[-1000:], process.stderr[-2000:], sep="\n", flush=True)
                trials.append(Trial(f"{name} ended with {process.returncode}", 1, 0))
    return report(trials, options.json)


if __name__ == "__main__":
    sys.exit(main())
