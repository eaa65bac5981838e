"""Tries the archive that a user installs without root."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import machine as machines
from trial import HOME, NAME, PERSON, ROOT, Trial, has_demo, installed, ran, settings_of, travel


def check_archive(trial: Trial, made: machines.Machine, archive: Path) -> None:
    """Install the archive as an ordinary user, and use it."""
    where = f"{made.name}, without root"
    made.add_user(PERSON, HOME)
    needs = ran(str(ROOT / "packaging" / "system-deps"), "list").split()
    installed(made, "zstd", *needs)
    inside = made.put(archive)
    unpacked = archive.name.removesuffix(".tar.zst")

    def install() -> str:
        script = f"tar --extract --file {inside} && ./{unpacked}/install.sh"
        return made.run("sh", "-c", script, user=PERSON).stdout.strip()

    if not trial.check(where, "install.sh", install):
        return
    command = f"{HOME}/.local/bin/{NAME}"
    trial.check(
        where, "journey, without a network, in a home with spaces",
        lambda: travel(trial.traveller(made, command, f"{made.name}-archive")),
    )  # fmt: skip
    trial.check(where, "installing it again keeps settings", lambda: _again(made, install))
    trial.check(where, "uninstall.sh leaves what the user made", lambda: _removed(made))


def _again(made: machines.Machine, install: Callable[[], str]) -> None:
    before = settings_of(made).read_bytes()
    install()
    assert settings_of(made).read_bytes() == before


def _removed(made: machines.Machine) -> None:
    said = made.run(f"{HOME}/.local/lib/{NAME}/uninstall.sh", user=PERSON).stdout
    assert "What you made stays" in said
    local = made.path(HOME) / ".local"
    own = local / "share" / NAME, local / "state" / NAME
    left = [file for file in local.rglob("*") if file.is_file()]
    left = [file for file in left if not any(file.is_relative_to(one) for one in own)]
    made_again = ("mimeinfo.cache", "share/mime/")  # by the system's own tools
    left = [file for file in left if not any(word in str(file) for word in made_again)]
    assert not left, left
    assert has_demo(made)
