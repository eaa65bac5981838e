"""Tries the archive that a user installs without root."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import machine as machines
from trial import (
    HOME,
    NAME,
    PERSON,
    ROOT,
    Trial,
    has_demo,
    install_packages,
    ran,
    settings_of,
    travel,
)


def check_archive(trial: Trial, machine: machines.Machine, archive: Path) -> None:
    """Install the archive as an ordinary user, and use it."""
    place = f"{machine.name}, without root"
    machine.add_user(PERSON, HOME)
    needs = ran(str(ROOT / "packaging" / "system-deps"), "list").split()
    install_packages(machine, "zstd", *needs)
    inside = machine.put(archive)
    folder = archive.name.removesuffix(".tar.zst")

    def install() -> str:
        script = f"tar --extract --file {inside} && ./{folder}/install.sh"
        return machine.run("sh", "-c", script, user=PERSON).stdout.strip()

    if not trial.check(place, "install.sh", install):
        return
    command = f"{HOME}/.local/bin/{NAME}"
    trial.check(
        place, "journey, without a network, in a home with spaces",
        lambda: travel(trial.traveller(machine, command, f"{machine.name}-archive")),
    )  # fmt: skip
    trial.check(place, "installing it again keeps settings", lambda: _reinstall(machine, install))
    trial.check(place, "uninstall.sh leaves what the user made", lambda: _remove(machine))


def _reinstall(machine: machines.Machine, install: Callable[[], str]) -> None:
    settings = settings_of(machine).read_bytes()
    install()
    assert settings_of(machine).read_bytes() == settings


def _remove(machine: machines.Machine) -> None:
    text = machine.run(f"{HOME}/.local/lib/{NAME}/uninstall.sh", user=PERSON).stdout
    assert "What you made stays" in text
    local = machine.path(HOME) / ".local"
    folders = local / "share" / NAME, local / "state" / NAME
    files = [file for file in local.rglob("*") if file.is_file()]
    files = [file for file in files if not any(file.is_relative_to(one) for one in folders)]
    made_again = ("mimeinfo.cache", "share/mime/")  # by the system's own tools
    files = [file for file in files if not any(word in str(file) for word in made_again)]
    assert not files, files
    assert has_demo(machine)
