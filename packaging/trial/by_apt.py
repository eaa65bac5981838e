"""Tries the package that the system's package manager installs."""

from __future__ import annotations

import json
import shutil
import subprocess
import zipfile
from pathlib import Path

import machine as machines
import measure
import screen as screens
from journey import Drawn
from speed import LAYER
from trial import (
    HOME,
    NAME,
    OTHER,
    PERSON,
    PICTURES,
    PLACE,
    ROOT,
    Trial,
    has_demo,
    install_packages,
    ran,
    settings_of,
    travel,
)

DATA = f"{HOME}/my data"
FIRST = "0001.png"
"""What `generate` calls its first picture."""
FIGURES = {".pdf": b"%PDF", ".svg": b"<?xml", ".png": b"\x89PNG"}
"""How files of each format begin."""


def check_deb(
    trial: Trial, machine: machines.Machine, deb: Path, older: Path | None, python: str
) -> None:
    """Install the package with apt, and use it as people do.

    Args:
        older: also try what is the same on every system, and an upgrade from this package.
        python: makes the list of what has to be there.
    """
    place = machine.name
    machine.add_user(PERSON, HOME)
    machine.add_user(OTHER, f"/home/{OTHER}")
    inside = machine.put(deb)
    drawing = _use_older(trial, machine, older) if older is not None else None
    if not trial.check(place, "apt install", lambda: install_packages(machine, inside)):
        return
    machine.path(inside).unlink()
    trial.check(place, "there is neither Python nor a compiler", lambda: _bare(machine))
    if drawing is not None:
        _check_upgraded(trial, machine, drawing)
    if older is not None:
        trial.check(place, "everything of the list is in it", lambda: _contents(machine, python))
        trial.check(place, "every verb has its help", lambda: _verbs(machine))
        trial.check(place, "completion in bash", lambda: _completion(machine))
    machine.read_only(PLACE)
    try:
        _check_use(trial, machine, whole=older is not None)
    finally:
        machine.writable(PLACE)
    trial.check(place, "apt remove leaves what the user made", lambda: _remove(machine))


def _check_use(trial: Trial, machine: machines.Machine, *, whole: bool) -> None:
    """Use a program whose folder cannot be written to, in a home with spaces and an ë."""
    place = machine.name
    shutil.rmtree(machine.path(HOME) / ".local", ignore_errors=True)
    shutil.rmtree(machine.path(HOME) / ".cache", ignore_errors=True)
    for session in machine.path(HOME).glob("*.diffviews"):
        session.unlink()
    trial.check(
        place, "journey, without a network, in a home with spaces, program read-only",
        lambda: travel(trial.traveller(machine, NAME, f"{place}-deb")),
    )  # fmt: skip
    trial.check(place, "a picture drawn again from its record", lambda: _replay(machine))
    if whole:
        trial.check(place, "figures in every format", lambda: _figures(machine))
        trial.check(place, "kernels are compiled once", lambda: _kernels(machine))
        trial.check(place, "Ctrl-C ends the engine", lambda: _interrupt(trial, machine))
        trial.check(place, "two users at once", lambda: _two(trial, machine))


def _bare(machine: machines.Machine) -> None:
    for tool in ("python3", "gcc", "cc"):
        process = machine.run("sh", "-c", f"command -v {tool}", check=False)
        assert process.returncode, f"{tool} is there"


# ---- over an older version ----------------------------------------------------------------------


def _use_older(trial: Trial, machine: machines.Machine, older: Path) -> Drawn | None:
    """Install an older version, and use it; None where that fails."""
    drawings: list[Drawn] = []

    def use() -> str:
        text = install_packages(machine, _as_older(machine, older))
        machine.run(NAME, "info", user=PERSON)
        _copy_demo(machine)
        machine.run(NAME, "map", "--data", DATA, "--layer", LAYER, "--json", user=PERSON)
        drawings.append(trial.traveller(machine, NAME, f"{machine.name}-older").draw())
        settings = settings_of(machine)
        values = json.loads(settings.read_text(encoding="utf-8"))
        settings.write_text(json.dumps({**values, "theme": "dark"}), encoding="utf-8")
        return text

    trial.check(machine.name, "an older version, installed and used", use)
    return drawings[0] if drawings else None


def _copy_demo(machine: machines.Machine) -> None:
    """Make a data folder of the user's own of the demo, which another version has otherwise."""
    (demo,) = settings_of(machine).parent.glob("demo-*/")
    machine.run("cp", "-R", f"/{demo.relative_to(machine.root)}", DATA, user=PERSON)


def _as_older(machine: machines.Machine, deb: Path) -> str:
    """Bring a package to a machine as version 0.0.1."""
    folder = machine.path("/var/tmp/older")
    subprocess.run(["dpkg-deb", "--raw-extract", str(deb), str(folder)], check=True)
    control = folder / "DEBIAN" / "control"
    lines = control.read_text(encoding="utf-8").splitlines()
    changed = ["Version: 0.0.1" if line.startswith("Version:") else line for line in lines]
    control.write_text("\n".join(changed) + "\n", encoding="utf-8")
    ran("dpkg-deb", "-Znone", "--build", str(folder), str(machine.path("/var/tmp/older.deb")))
    shutil.rmtree(folder)
    return "/var/tmp/older.deb"


def _check_upgraded(trial: Trial, machine: machines.Machine, drawing: Drawn) -> None:
    machine.path("/var/tmp/older.deb").unlink()
    trial.check(
        machine.name,
        "settings and maps of the older version are kept",
        lambda: _check_kept(machine),
    )
    trial.check(
        machine.name, "a session of the older version is reopened",
        lambda: trial.traveller(machine, NAME, f"{machine.name}-older").reopen(drawing),
    )  # fmt: skip


def _check_kept(machine: machines.Machine) -> str:
    assert json.loads(settings_of(machine).read_text(encoding="utf-8"))["theme"] == "dark"
    process = machine.run(NAME, "cache", "list", "--data", DATA, "--json", user=PERSON)
    entries = sum(len(cache["entries"]) for cache in json.loads(process.stdout)["caches"])
    assert entries >= 1, "the cache is empty"
    return f"maps in the cache: {entries}"


# ---- what is in it ------------------------------------------------------------------------------


def _contents(machine: machines.Machine, python: str) -> str:
    check = ROOT / "packaging" / "trial" / "contents_check.py"
    wheel = Path(ran(python, str(check), str(machine.path("/var/tmp"))).strip())
    result = f"{HOME}/contents.json"
    user = {"user": PERSON, "variables": {"DIFFVIEWS_CONTENTS_CHECK": result}}
    process = machine.run(
        NAME, "adapters", "install", f"/var/tmp/{wheel.name}", "--json", check=False, **user
    )
    try:
        faults = json.loads(machine.path(result).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise AssertionError(process.stdout + process.stderr) from None
    assert not faults, "; ".join(faults)
    listing = json.loads(machine.run(NAME, "adapters", "list", "--json", **user).stdout)
    assert [one["adapters"] for one in listing["packages"]] == [["check"]]
    machine.run(NAME, "adapters", "remove", listing["packages"][0]["name"], **user)
    listing = json.loads(machine.run(NAME, "adapters", "list", "--json", **user).stdout)
    assert listing["packages"] == []
    with zipfile.ZipFile(wheel) as archive:
        contents = json.loads(archive.read("diffviews_contents_check/wanted.json"))
    del contents["package"]
    return ", ".join(f"{len(some)} {kind.replace('_', ' ')}" for kind, some in contents.items())


def _verbs(machine: machines.Machine) -> str:
    from diffviews_desktop.cli.verbs import VERBS

    for verb in VERBS:
        machine.run(NAME, verb, "--help", user=PERSON)
    return f"{len(VERBS)} verbs"


def _completion(machine: machines.Machine) -> None:
    script = (
        f". /usr/share/bash-completion/completions/{NAME}; "
        f"COMP_WORDS=({NAME} ex); COMP_CWORD=1; COMP_LINE='{NAME} ex'; "
        f"$(complete -p {NAME} | sed 's/.*-F \\([^ ]*\\).*/\\1/') x ex x; "
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    words = machine.run("bash", "-c", script, user=PERSON).stdout.split()
    assert {"extract", "experiment"} <= set(words), words


# ---- in use -------------------------------------------------------------------------------------


def _replay(machine: machines.Machine) -> None:
    home = machine.home(PERSON)
    first, second = f"{home}/first", f"{home}/again"
    options = ("--rows", "3,14,15", "--layer", LAYER, "--seed", "7")
    machine.run(NAME, "generate", *options, "--out", first, user=PERSON)
    replay_options = ("--replay", f"{first}/{FIRST}", "--out", second)
    machine.run(NAME, "generate", *replay_options, user=PERSON)
    pictures = [machine.path(f"{folder}/{FIRST}").read_bytes() for folder in (first, second)]
    assert pictures[0] == pictures[1], "the pictures differ"


def _figures(machine: machines.Machine) -> None:
    """The map that is there already is drawn without a display."""
    for ending, start in FIGURES.items():
        file = f"{HOME}/figure{ending}"
        machine.run(NAME, "map", "--figure", file, user=PERSON)
        assert machine.path(file).read_bytes().startswith(start), file


def _kernels(machine: machines.Machine) -> str:
    """A layer is mapped twice, from two folders: the second time nothing is compiled."""
    cache = machine.path(HOME) / ".cache" / NAME / "numba"
    times = []
    for seed, directory in ((1, "/tmp"), (2, "/")):
        machine.run(
            NAME, "map", "--layer", LAYER, "--map-seed", str(seed), "--json",
            user=PERSON, directory=directory,
        )  # fmt: skip
        times.append({file: file.stat().st_mtime_ns for file in cache.rglob("*") if file.is_file()})
    assert times[0], "no kernels are kept"
    assert times[0] == times[1], "kernels were compiled again"
    return f"{len(times[0])} files of kernels, unchanged by a map from another folder"


def _interrupt(trial: Trial, machine: machines.Machine) -> None:
    command = trial.traveller(machine, NAME, "interrupted").command
    process, _ = measure.start(command, trial.shown)
    screens.until(lambda: measure.engines_of(process.pid), "the engine")
    measure.end(process, trial.shown, "Ctrl-C")


def _two(trial: Trial, machine: machines.Machine) -> None:
    with screens.screen(72) as second:
        running = []
        try:
            for user, screen in ((PERSON, trial.shown), (OTHER, second)):
                variables = {"DISPLAY": screen.display}
                command = machine.command([NAME], user=user, variables=variables)
                running.append((measure.start(command, screen)[0], screen))
            second.save(PICTURES / f"{machine.name}-two-users.png")
            for process, screen in running:
                measure.end(process, screen, "key")
        finally:
            for process, _ in running:
                process.kill()
    for user in (PERSON, OTHER):
        machine.run(NAME, "map", "--layer", LAYER, "--json", user=user)


def _remove(machine: machines.Machine) -> None:
    process = machine.run("apt-get", "remove", "--yes", "--quiet", NAME, directory="/")
    assert f".local/share/{NAME}" in process.stdout, process.stdout
    assert not machine.path(PLACE).exists()
    assert not machine.path(f"/usr/bin/{NAME}").is_symlink()
    assert has_demo(machine)
