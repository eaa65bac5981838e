"""What the attacks share: trials that were survived or lost, as a table and as JSON."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from common import parser as parser


@dataclass(frozen=True)
class Trial:
    """One kind of attack: how often it was tried, and how often the program survived it."""

    name: str
    tries: int
    survived: int

    @property
    def losses(self) -> int:
        """How often the attack did what it must not."""
        return self.tries - self.survived


def report(trials: list[Trial], file: Path | None = None) -> int:
    """Print the table; the exit status is 1 where anything was lost."""
    width = max(len(trial.name) for trial in trials)
    print(f"{'trial':{width}}  {'tries':>6}  {'survived':>8}  {'lost':>5}")
    for trial in trials:
        print(f"{trial.name:{width}}  {trial.tries:6}  {trial.survived:8}  {trial.losses:5}")
    if file is not None:
        rows = [
            {"name": t.name, "n": t.tries, "ours": t.losses, "peer": 0, "unit": "lost"}
            for t in trials
        ]
        file.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return 1 if any(trial.losses for trial in trials) else 0
