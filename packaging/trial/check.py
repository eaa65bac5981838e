"""Tries the packages in ``dist`` on bare machines: what ``make package-test`` runs, as root.

It writes ``packaging/REPORT.md``, screenshots beside the packages, and ends with 1 if anything is
not as it should be.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
import traceback
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import journey
import machine as machines
import measure
import report
import screen as screens
import speed

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "dist"
PICTURES = OUT / "screenshots"
NAME = "diffviews-desktop"
PERSON, HOME = "person", "/home/Zoë the first"
OTHER = "other"
LAYER = "encoder_block_2"
PLACE = f"/usr/lib/{NAME}"


@dataclass
class Trial:
    """What is tried, and what came of it.

    Attributes:
        shown: a display.
        results: of each check: on which system, what, and a problem or how it went.
        facts: numbers for the report.
    """

    shown: screens.Screen
    results: list[tuple[str, str, bool, str]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def check(self, where: str, what: str, function: Callable[[], object]) -> bool:
        """Do one check; a failure is noted, and the others go on."""
        began = time.monotonic()
        try:
            said = function()
        except Exception as error:
            traceback.print_exc()
            self.results.append((where, what, False, f"{type(error).__name__}: {error}"))
        else:
            seconds = f"{time.monotonic() - began:.0f} s"
            text = f"{said} ({seconds})" if isinstance(said, str) else seconds
            self.results.append((where, what, True, text))
        print(f"{where}: {what}: {self.results[-1][3][:500]}", flush=True)
        return self.results[-1][2]


def main() -> int:
    """Try everything; returns the exit code."""
    parser = argparse.ArgumentParser(description="Try the packages on bare machines.")
    parser.add_argument("--system", action="append", help="only on this one; may be repeated")
    parser.add_argument("--python", default=sys.executable, help="that the program was frozen with")
    options = parser.parse_args()
    shutil.rmtree(PICTURES, ignore_errors=True)
    sizes = json.loads((OUT / "sizes.json").read_text(encoding="utf-8"))
    deb, archive, rpm = (_package(sizes, end) for end in (".deb", ".tar.zst", ".rpm"))
    with screens.screen(71) as shown:
        trial = Trial(shown)
        check_files(trial, deb, rpm)
        trial.check("here", "as fast as from source", lambda: _speed(trial, options.python))
        for system in options.system or ("bookworm", "trixie", "resolute"):
            try:
                with machines.machine(system) as made:
                    check_deb(trial, made, deb, options.python, whole=system == "bookworm")
                if system == "bookworm":
                    with machines.machine(system) as made:
                        check_archive(trial, made, archive)
            except machines.NoMachine as error:
                print(f"{system}: {error}", flush=True)
                trial.facts.setdefault("not tried", []).append(f"{system}: {error}")
    report.write(ROOT / "packaging" / "REPORT.md", sizes, trial.facts, trial.results)
    failed = [result for result in trial.results if not result[2]]
    print(f"{len(trial.results) - len(failed)} checks passed, {len(failed)} failed")
    return 1 if failed else 0


def _package(sizes: dict[str, Any], end: str) -> Path:
    (name,) = (one for one in sizes["packages"] if one.endswith(end))
    return OUT / name


# ---- what needs no machine ----------------------------------------------------------------------


def check_files(trial: Trial, deb: Path, rpm: Path) -> None:
    """Look at the packages themselves."""
    system = ROOT / "build" / "package" / "system"
    share = system / "usr" / "share"
    trial.check("here", "lintian", lambda: _silent("lintian", "--allow-root", str(deb)))
    trial.check(
        "here", "appstreamcli validate",
        lambda: _ran("appstreamcli", "validate", *map(str, (share / "metainfo").iterdir())),
    )  # fmt: skip
    trial.check(
        "here", "desktop-file-validate",
        lambda: _silent("desktop-file-validate", *map(str, (share / "applications").iterdir())),
    )  # fmt: skip
    trial.check("here", "man page", lambda: _silent_errors(
        "man", "--warnings", "--local-file", str(share / "man" / "man1" / f"{NAME}.1.gz")
    ))  # fmt: skip
    trial.check("here", "rpm can be read", lambda: _rpm_holds_program(rpm))


def _ran(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError((done.stdout + done.stderr).strip())
    return done.stdout


def _silent(*command: str) -> None:
    said = _ran(*command).strip()
    assert not said, said


def _silent_errors(*command: str) -> None:
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ, "MANWIDTH": "100"}
    )
    assert not done.stderr, done.stderr


def _rpm_holds_program(rpm: Path) -> str:
    listed = _ran("rpm", "--query", "--list", "--package", str(rpm)).splitlines()
    assert f"{PLACE}/{NAME}" in listed
    assert f"/usr/bin/{NAME}" in listed
    return f"{len(listed)} files"


def _speed(trial: Trial, python: str) -> None:
    frozen = ROOT / "build" / "package" / "frozen" / NAME / NAME
    programs = {"installed": [str(frozen)], "from source": [python, "-m", "diffviews_desktop"]}
    os.environ["PYTHONPATH"] = str(ROOT)
    times = trial.facts["times"] = speed.compare(programs, trial.shown)
    slow = speed.too_slow(times, *programs)
    assert not slow, "; ".join(slow)


# ---- installed by the system --------------------------------------------------------------------


def check_deb(trial: Trial, made: machines.Machine, deb: Path, python: str, *, whole: bool) -> None:
    """Install the package with apt, and use it as people do.

    Args:
        python: makes the list of what has to be there.
        whole: also what is the same on every system.
    """
    where = made.name
    made.add_user(PERSON, HOME)
    made.add_user(OTHER, f"/home/{OTHER}")
    inside = made.put(deb)
    if whole:
        older = "an older version, installed and used"
        trial.check(where, older, lambda: _older(made, deb))
    if not trial.check(where, "apt install", lambda: _installed(made, inside)):
        return
    trial.check(where, "there is neither Python nor a compiler", lambda: _bare(made))
    if whole:
        trial.check(where, "settings of the older version are kept", lambda: _kept(made))
        trial.check(where, "everything of the list is in it", lambda: _contents(made, python))
        trial.check(where, "every verb has its help", lambda: _verbs(made))
        trial.check(where, "completion in bash", lambda: _completion(made))
    made.read_only(PLACE)
    trial.check(
        where, "journey, without a network, in a home with spaces, program read-only",
        lambda: _journey(trial, made, [NAME], f"{where}-deb"),
    )  # fmt: skip
    trial.check(where, "its picture drawn again from its record", lambda: _replay(made))
    if whole:
        trial.check(where, "kernels are compiled once", lambda: _kernels(trial, made, [NAME]))
        trial.check(where, "Ctrl-C ends the engine", lambda: _interrupted(trial, made))
        trial.check(where, "two users at once", lambda: _two(trial, made))
    made.writable(PLACE)
    trial.check(where, "apt remove leaves what the user made", lambda: _removed(made))


def _installed(made: machines.Machine, *packages: str) -> str:
    """Install packages as apt does by itself, without those that are only recommended."""
    made.run(
        "apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *packages,
        variables={"DEBIAN_FRONTEND": "noninteractive"}, directory="/",
    )  # fmt: skip
    found = made.run("sh", "-c", f"command -v {NAME} && {NAME} --version || true", user=PERSON)
    return found.stdout.strip()


def _bare(made: machines.Machine) -> None:
    for tool in ("python3", "gcc", "cc"):
        done = made.run("sh", "-c", f"command -v {tool}", check=False)
        assert done.returncode, f"{tool} is there"


def _older(made: machines.Machine, deb: Path) -> str:
    """The same program as a version before it, with settings and a cache of its user."""
    folder = made.path("/var/tmp/older")
    subprocess.run(["dpkg-deb", "--raw-extract", str(deb), str(folder)], check=True)
    control = folder / "DEBIAN" / "control"
    lines = control.read_text(encoding="utf-8").splitlines()
    changed = ["Version: 0.0.1" if line.startswith("Version:") else line for line in lines]
    control.write_text("\n".join(changed) + "\n", encoding="utf-8")
    older = made.path("/var/tmp/older.deb")
    _ran("dpkg-deb", "-Znone", "--build", str(folder), str(older))
    shutil.rmtree(folder)
    said = _installed(made, "/var/tmp/older.deb")
    older.unlink()
    made.run(NAME, "map", "--layer", "bottleneck", "--json", user=PERSON)
    settings = made.path(HOME) / ".local/share" / NAME / "settings.json"
    settings.write_text('{"theme": "dark"}', encoding="utf-8")
    shutil.chown(settings, *_ids(made, PERSON))
    return said


def _ids(made: machines.Machine, user: str) -> tuple[int, int]:
    status = made.path(made.home(user)).stat()
    return status.st_uid, status.st_gid


def _kept(made: machines.Machine) -> str:
    settings = made.path(HOME) / ".local/share" / NAME / "settings.json"
    assert "dark" in settings.read_text(encoding="utf-8")
    done = made.run(NAME, "cache", "list", "--json", user=PERSON)
    entries = sum(len(cache["entries"]) for cache in json.loads(done.stdout)["caches"])
    assert entries >= 1, "the cache is empty"
    return f"{entries} maps in the cache"


def _contents(made: machines.Machine, python: str) -> str:
    folder = made.path("/var/tmp")
    check = ROOT / "packaging" / "trial" / "contents_check.py"
    wheel = Path(_ran(python, str(check), str(folder)).strip())
    result = f"{HOME}/contents.json"
    user = {"user": PERSON, "variables": {"DIFFVIEWS_CONTENTS_CHECK": result}}
    installed = made.run(
        NAME, "adapters", "install", f"/var/tmp/{wheel.name}", "--json", check=False, **user
    )
    try:
        faults = json.loads(made.path(result).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise AssertionError(installed.stdout + installed.stderr) from None
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
        f". /usr/share/bash-completion/completions/{NAME}; complete -p {NAME}; "
        f"COMP_WORDS=({NAME} ex); COMP_CWORD=1; COMP_LINE='{NAME} ex'; "
        "$(complete -p diffviews-desktop | sed 's/.*-F \\([^ ]*\\).*/\\1/') x ex x; "
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    said = made.run("bash", "-c", script, user=PERSON).stdout.split()
    assert {"extract", "experiment"} <= set(said), said


def _journey(trial: Trial, made: machines.Machine, program: list[str], name: str) -> str:
    home = made.home(PERSON)
    variables = {"DISPLAY": trial.shown.display}
    command = made.command(program, user=PERSON, variables=variables, network=False)
    went = journey.travel(command, trial.shown, home, made.path, PICTURES, name)
    trial.facts[f"start {name}"] = [went.start.window, went.start.map, went.generate]
    picked = went.record.get("neighbors") or went.record.get("rows") or went.record
    assert picked, "the record names no samples"
    return f"window {went.start.window:.1f} s, map {went.start.map:.1f} s"


def _replay(made: machines.Machine) -> None:
    home = made.home(PERSON)
    made.run(
        NAME, "generate", "--replay", f"{home}/{journey.KEPT}.png", "--out", f"{home}/again",
        user=PERSON,
    )  # fmt: skip
    assert list(made.path(f"{home}/again").glob("*.png"))


def _kernels(trial: Trial, made: machines.Machine, program: list[str]) -> str:
    """A layer is mapped twice, from two folders: the second time nothing is compiled."""
    kept = made.path(HOME) / ".cache" / NAME / "numba"
    before = {file: file.stat().st_mtime_ns for file in kept.rglob("*.kernels")}
    assert before, "no kernels are kept"
    seconds = []
    for seed, directory in ((1, "/tmp"), (2, "/")):
        began = time.monotonic()
        made.run(
            *program, "map", "--layer", "bottleneck", "--map-seed", str(seed), "--json",
            user=PERSON, directory=directory,
        )  # fmt: skip
        seconds.append(time.monotonic() - began)
    after = {file: file.stat().st_mtime_ns for file in kept.rglob("*.kernels")}
    assert after == before, "kernels were compiled again"
    trial.facts["map of a layer"] = seconds
    return f"{len(before)} files of kernels, unchanged by two maps from other folders"


def _interrupted(trial: Trial, made: machines.Machine) -> None:
    variables = {"DISPLAY": trial.shown.display}
    process, _ = measure.start(made.command([NAME], user=PERSON, variables=variables), trial.shown)
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
            second.save(PICTURES / "two-users.png")
            for process, shown in running:
                measure.end(process, shown, "key")
        finally:
            for process, _ in running:
                process.kill()
    for user in (PERSON, OTHER):
        made.run(NAME, "map", "--layer", "bottleneck", "--json", user=user)


def _removed(made: machines.Machine) -> None:
    done = made.run("apt-get", "remove", "--yes", "--quiet", NAME, directory="/")
    assert ".local/share/diffviews-desktop" in done.stdout, done.stdout
    assert not made.path(PLACE).exists()
    assert not made.path(f"/usr/bin/{NAME}").is_symlink()
    assert (made.path(HOME) / ".local/share" / NAME / "demo").is_dir()


# ---- installed by a user ------------------------------------------------------------------------


def check_archive(trial: Trial, made: machines.Machine, archive: Path) -> None:
    """Install the archive as an ordinary user, and use it."""
    where = f"{made.name}, without root"
    made.add_user(PERSON, HOME)
    needs = _ran(str(ROOT / "packaging" / "system-deps"), "list").split()
    _installed(made, "zstd", *needs)
    inside = made.put(archive)
    place, unpacked = f"{HOME}/.local/lib/{NAME}", archive.name.removesuffix(".tar.zst")

    def install() -> str:
        script = f"tar --extract --file {inside} && ./{unpacked}/install.sh"
        return made.run("sh", "-c", script, user=PERSON).stdout.strip()

    if not trial.check(where, "install.sh", install):
        return
    made.path(inside).unlink()
    trial.check(
        where, "journey from the command that it installs",
        lambda: _journey(trial, made, [f"{HOME}/.local/bin/{NAME}"], "archive"),
    )  # fmt: skip
    trial.check(where, "installing it again keeps settings", lambda: _again(made, install))

    def remove() -> None:
        said = made.run(f"{place}/uninstall.sh", user=PERSON).stdout
        assert "What you made stays" in said
        left = [file for file in made.path(f"{HOME}/.local").rglob("*") if file.is_file()]
        own = made.path(f"{HOME}/.local/share/{NAME}"), made.path(f"{HOME}/.local/state/{NAME}")
        foreign = [file for file in left if not any(file.is_relative_to(one) for one in own)]
        generated = ("mimeinfo.cache", "share/mime/")
        foreign = [file for file in foreign if not any(word in str(file) for word in generated)]
        assert not foreign, foreign
        assert (own[0] / "demo").is_dir()

    trial.check(where, "uninstall.sh leaves what the user made", remove)


def _again(made: machines.Machine, install: Callable[[], str]) -> None:
    settings = made.path(HOME) / ".local/share" / NAME / "settings.json"
    before = settings.read_bytes()
    install()
    assert settings.read_bytes() == before


if __name__ == "__main__":
    sys.exit(main())
