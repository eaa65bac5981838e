"""What all checks of packages share: where they are noted, and how programs are run here."""

from __future__ import annotations

import subprocess
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import journey
import machine as machines
import screen as screens

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "dist"
PICTURES = OUT / "screenshots"
NAME = "diffviews-desktop"
PERSON, HOME = "person", "/home/Zoë the first"
OTHER = "other"
PLACE = f"/usr/lib/{NAME}"


@dataclass
class Trial:
    """What is tried, and what came of it.

    Attributes:
        shown: a display.
        results: of each check: on which system, what, whether it passed, and how it went.
        facts: numbers for the report.
    """

    shown: screens.Screen
    results: list[tuple[str, str, bool, str]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def check(self, place: str, title: str, function: Callable[[], object]) -> bool:
        """Do one check; a failure is noted, with a picture of the display, and the others go on."""
        began = time.monotonic()
        try:
            outcome = function()
        except Exception as error:
            traceback.print_exc()
            self.shown.save(PICTURES / f"{place}-failed-{len(self.results)}.png")
            self.results.append((place, title, False, f"{type(error).__name__}: {error}"))
        else:
            seconds = f"{time.monotonic() - began:.0f} s"
            text = f"{outcome} ({seconds})" if isinstance(outcome, str) else seconds
            self.results.append((place, title, True, text))
        print(f"{place}: {title}: {self.results[-1][3][:500]}", flush=True)
        return self.results[-1][2]

    def traveller(
        self, machine: machines.Machine, program: str, name: str, *, network: bool = False
    ) -> journey.Traveller:
        """A user of a machine who opens the program on the display.

        Args:
            program: the command, as that machine knows it.
            name: for the screenshots.
        """
        variables = {"DISPLAY": self.shown.display}
        command = machine.command([program], user=PERSON, variables=variables, network=network)
        return journey.Traveller(
            command, self.shown, machine.home(PERSON), machine.path, PICTURES, name
        )


def travel(traveller: journey.Traveller) -> str:
    """Draw a picture, save the session, and reopen it in a new window."""
    drawing = traveller.draw()
    traveller.reopen(drawing)
    return f"window {drawing.start.window:.1f} s, map {drawing.start.map:.1f} s"


def ran(*command: str) -> str:
    """What a command prints.

    Raises:
        AssertionError: it fails; with what it said.
    """
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if process.returncode:
        raise AssertionError((process.stdout + process.stderr).strip())
    return process.stdout


def settings_of(machine: machines.Machine) -> Path:
    """The file of the user's settings, as this machine sees it."""
    return machine.path(HOME) / ".local/share" / NAME / "settings.json"


def has_demo(machine: machines.Machine) -> bool:
    """Whether the demo that was unpacked for the user is there."""
    return any(settings_of(machine).parent.glob("demo-*/"))


def install_packages(machine: machines.Machine, *packages: str) -> str:
    """Install packages as apt does by itself, without those that are only recommended."""
    machine.run(
        "apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *packages,
        variables={"DEBIAN_FRONTEND": "noninteractive"}, directory="/",
    )  # fmt: skip
    process = machine.run("sh", "-c", f"command -v {NAME} && {NAME} --version || true", user=PERSON)
    return process.stdout.strip()
