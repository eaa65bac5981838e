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
    installed,
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
    trial: Trial, made: machines.Machine, deb: Path, older: Path | None, python: str
) -> None:
    """Install the package with apt, and use it as people do.

    Args:
        older: also try what is the same on every system, and an upgrade from this package.
        python: makes the list of what has to be there.
    """
    where = made.name
    made.add_user(PERSON, HOME)
    made.add_user(OTHER, f"/home/{OTHER}")
    inside = made.put(deb)
    drawn = _use_older(trial, made, older) if older is not None else None
    if not trial.check(where, "apt install", lambda: installed(made, inside)):
        return
    made.path(inside).unlink()
    trial.check(where, "there is neither Python nor a compiler", lambda: _bare(made))
    if drawn is not None:
        _check_upgraded(trial, made, drawn)
    if older is not None:
        trial.check(where, "everything of the list is in it", lambda: _contents(made, python))
        trial.check(where, "every verb has its help", lambda: _verbs(made))
        trial.check(where, "completion in bash", lambda: _completion(made))
    made.read_only(PLACE)
    try:
        _check_use(trial, made, whole=older is not None)
    finally:
        made.writable(PLACE)
    trial.check(where, "apt remove leaves what the user made", lambda: _removed(made))


def _check_use(trial: Trial, made: machines.Machine, *, whole: bool) -> None:
    """Use a program whose folder cannot be written to, in a home with spaces and an ë."""
    where = made.name
    shutil.rmtree(made.path(HOME) / ".local", ignore_errors=True)
    shutil.rmtree(made.path(HOME) / ".cache", ignore_errors=True)
    for session in made.path(HOME).glob("*.diffviews"):
        session.unlink()
    trial.check(
        where, "journey, without a network, in a home with spaces, program read-only",
        lambda: travel(trial.traveller(made, NAME, f"{where}-deb")),
    )  # fmt: skip
    trial.check(where, "a picture drawn again from its record", lambda: _replay(made))
    if whole:
        trial.check(where, "figures in every format", lambda: _figures(made))
        trial.check(where, "kernels are compiled once", lambda: _kernels(made))
        trial.check(where, "Ctrl-C ends the engine", lambda: _interrupted(trial, made))
        trial.check(where, "two users at once", lambda: _two(trial, made))


def _bare(made: machines.Machine) -> None:
    for tool in ("python3", "gcc", "cc"):
        done = made.run("sh", "-c", f"command -v {tool}", check=False)
        assert done.returncode, f"{tool} is there"


# ---- over an older version ----------------------------------------------------------------------


def _use_older(trial: Trial, made: machines.Machine, older: Path) -> Drawn | None:
    """Install an older version, and use it; None where that fails."""
    found: list[Drawn] = []

    def use() -> str:
        said = installed(made, _as_older(made, older))
        made.run(NAME, "info", user=PERSON)
        _copy_demo(made)
        made.run(NAME, "map", "--data", DATA, "--layer", LAYER, "--json", user=PERSON)
        found.append(trial.traveller(made, NAME, f"{made.name}-older").draw())
        settings = settings_of(made)
        values = json.loads(settings.read_text(encoding="utf-8"))
        settings.write_text(json.dumps({**values, "theme": "dark"}), encoding="utf-8")
        return said

    trial.check(made.name, "an older version, installed and used", use)
    return found[0] if found else None


def _copy_demo(made: machines.Machine) -> None:
    """Make a data folder of the user's own of the demo, which another version has otherwise."""
    (demo,) = settings_of(made).parent.glob("demo-*/")
    made.run("cp", "-R", f"/{demo.relative_to(made.root)}", DATA, user=PERSON)


def _as_older(made: machines.Machine, deb: Path) -> str:
    """Bring a package to a machine as version 0.0.1."""
    folder = made.path("/var/tmp/older")
    subprocess.run(["dpkg-deb", "--raw-extract", str(deb), str(folder)], check=True)
    control = folder / "DEBIAN" / "control"
    lines = control.read_text(encoding="utf-8").splitlines()
    changed = ["Version: 0.0.1" if line.startswith("Version:") else line for line in lines]
    control.write_text("\n".join(changed) + "\n", encoding="utf-8")
    ran("dpkg-deb", "-Znone", "--build", str(folder), str(made.path("/var/tmp/older.deb")))
    shutil.rmtree(folder)
    return "/var/tmp/older.deb"


def _check_upgraded(trial: Trial, made: machines.Machine, drawn: Drawn) -> None:
    made.path("/var/tmp/older.deb").unlink()
    trial.check(made.name, "settings and maps of the older version are kept", lambda: _kept(made))
    trial.check(
        made.name, "a session of the older version is reopened",
        lambda: trial.traveller(made, NAME, f"{made.name}-older").reopen(drawn),
    )  # fmt: skip


def _kept(made: machines.Machine) -> str:
    assert json.loads(settings_of(made).read_text(encoding="utf-8"))["theme"] == "dark"
    done = made.run(NAME, "cache", "list", "--data", DATA, "--json", user=PERSON)
    entries = sum(len(cache["entries"]) for cache in json.loads(done.stdout)["caches"])
    assert entries >= 1, "the cache is empty"
    return f"maps in the cache: {entries}"


# ---- what is in it ------------------------------------------------------------------------------


def _contents(made: machines.Machine, python: str) -> str:
    check = ROOT / "packaging" / "trial" / "contents_check.py"
    wheel = Path(ran(python, str(check), str(made.path("/var/tmp"))).strip())
    result = f"{HOME}/contents.json"
    user = {"user": PERSON, "variables": {"DIFFVIEWS_CONTENTS_CHECK": result}}
    done = made.run(
        NAME, "adapters", "install", f"/var/tmp/{wheel.name}", "--json", check=False, **user
    )
    try:
        faults = json.loads(made.path(result).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise AssertionError(done.stdout + done.stderr) from None
    assert not faults, "; ".join(faults)
    listed = json.loads(made.run(NAME, "adapters", "list", "--json", **user).stdout)
    assert [one["adapters"] for one in listed["packages"]] == [["check"]]
    made.run(NAME, "adapters", "remove", listed["packages"][0]["name"], **user)
    listed = json.loads(made.run(NAME, "adapters", "list", "--json", **user).stdout)
    assert listed["packages"] == []
    with zipfile.ZipFile(wheel) as archive:
        wanted = json.loads(archive.read("diffviews_contents_check/wanted.json"))
    del wanted["package"]
    return ", ".join(f"{len(some)} {kind.replace('_', ' ')}" for kind, some in wanted.items())


def _verbs(made: machines.Machine) -> str:
    from diffviews_desktop.cli.verbs import VERBS

    for verb in VERBS:
        made.run(NAME, verb, "--help", user=PERSON)
    return f"{len(VERBS)} verbs"


def _completion(made: machines.Machine) -> None:
    script = (
        f". /usr/share/bash-completion/completions/{NAME}; "
        f"COMP_WORDS=({NAME} ex); COMP_CWORD=1; COMP_LINE='{NAME} ex'; "
        f"$(complete -p {NAME} | sed 's/.*-F \\([^ ]*\\).*/\\1/') x ex x; "
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    said = made.run("bash", "-c", script, user=PERSON).stdout.split()
    assert {"extract", "experiment"} <= set(said), said


# ---- in use -------------------------------------------------------------------------------------


def _replay(made: machines.Machine) -> None:
    home = made.home(PERSON)
    first, again = f"{home}/first", f"{home}/again"
    drawn = ("--rows", "3,14,15", "--layer", LAYER, "--seed", "7")
    made.run(NAME, "generate", *drawn, "--out", first, user=PERSON)
    replayed = ("--replay", f"{first}/{FIRST}", "--out", again)
    made.run(NAME, "generate", *replayed, user=PERSON)
    pictures = [made.path(f"{folder}/{FIRST}").read_bytes() for folder in (first, again)]
    assert pictures[0] == pictures[1], "the pictures differ"


def _figures(made: machines.Machine) -> None:
    """The map that is there already is drawn without a display."""
    for ending, start in FIGURES.items():
        file = f"{HOME}/figure{ending}"
        made.run(NAME, "map", "--figure", file, user=PERSON)
        assert made.path(file).read_bytes().startswith(start), file


def _kernels(made: machines.Machine) -> str:
    """A layer is mapped twice, from two folders: the second time nothing is compiled."""
    kept = made.path(HOME) / ".cache" / NAME / "numba"
    seen = []
    for seed, directory in ((1, "/tmp"), (2, "/")):
        made.run(
            NAME, "map", "--layer", LAYER, "--map-seed", str(seed), "--json",
            user=PERSON, directory=directory,
        )  # fmt: skip
        seen.append({file: file.stat().st_mtime_ns for file in kept.rglob("*") if file.is_file()})
    assert seen[0], "no kernels are kept"
    assert seen[0] == seen[1], "kernels were compiled again"
    return f"{len(seen[0])} files of kernels, unchanged by a map from another folder"


def _interrupted(trial: Trial, made: machines.Machine) -> None:
    command = trial.traveller(made, NAME, "interrupted").command
    process, _ = measure.start(command, trial.shown)
    screens.until(lambda: measure.engines_of(process.pid), "the engine")
    measure.end(process, trial.shown, "Ctrl-C")


def _two(trial: Trial, made: machines.Machine) -> None:
    with screens.screen(72) as second:
        running = []
        try:
            for user, shown in ((PERSON, trial.shown), (OTHER, second)):
                variables = {"DISPLAY": shown.display}
                command = made.command([NAME], user=user, variables=variables)
                running.append((measure.start(command, shown)[0], shown))
            second.save(PICTURES / f"{made.name}-two-users.png")
            for process, shown in running:
                measure.end(process, shown, "key")
        finally:
            for process, _ in running:
                process.kill()
    for user in (PERSON, OTHER):
        made.run(NAME, "map", "--layer", LAYER, "--json", user=user)


def _removed(made: machines.Machine) -> None:
    done = made.run("apt-get", "remove", "--yes", "--quiet", NAME, directory="/")
    assert f".local/share/{NAME}" in done.stdout, done.stdout
    assert not made.path(PLACE).exists()
    assert not made.path(f"/usr/bin/{NAME}").is_symlink()
    assert has_demo(made)
