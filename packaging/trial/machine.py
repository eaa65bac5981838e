"""Bare machines to try packages on: folders with a system that has neither Python nor compilers.

They need root and debootstrap. A base is made once for each system and copied for each machine.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

BASES = Path(os.environ.get("DIFFVIEWS_BASES", "/var/tmp/diffviews-machines"))
DEBIANS = ("bookworm", "trixie")
UBUNTU_KEYS = Path("/usr/share/keyrings/ubuntu-archive-keyring.gpg")
LOCALE = "C.UTF-8"
_ADDRESS = re.compile(r"^(?:URIs:|deb )[^#\n]*?((?:https?://|file:/)\S+)", re.MULTILINE)
"""Of a mirror, in apt's list of sources."""
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class NoMachine(Exception):
    """A system cannot be made here; the text says why."""


@dataclass
class Machine:
    """A machine in a folder.

    Attributes:
        name: of its system.
        root: its folder.
    """

    name: str
    root: Path
    _mounts: list[Path] = field(default_factory=list)

    def command(
        self,
        arguments: Sequence[str],
        *,
        user: str = "root",
        variables: Mapping[str, str] | None = None,
        network: bool = True,
        directory: str = "",
    ) -> list[str]:
        """A command line that runs a command on the machine."""
        home = self.home(user)
        environment = {
            "HOME": home,
            "USER": user,
            "LANG": LOCALE,
            "PATH": _PATH,
            **(variables or {}),
        }
        start = ["env", "-i", *(f"{name}={value}" for name, value in environment.items())]
        prefix = [] if network else ["unshare", "--net"]
        inside = ["sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", directory or home]
        return [
            *prefix, "chroot", f"--userspec={user}:{user}", str(self.root), *start, *inside,
            *arguments,
        ]  # fmt: skip

    def run(
        self, *arguments: str, check: bool = True, timeout: float = 1800, **options: object
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; ``options`` as for `command`."""
        line = self.command(arguments, **options)  # type: ignore[arg-type]
        process = subprocess.run(line, capture_output=True, text=True, check=False, timeout=timeout)
        if check and process.returncode:
            output = (process.stdout + process.stderr).strip()[-3000:]
            raise RuntimeError(f"{' '.join(arguments)} ended with {process.returncode}:\n{output}")
        return process

    def home(self, user: str) -> str:
        """The home of a user."""
        for line in (self.root / "etc" / "passwd").read_text(encoding="utf-8").splitlines():
            fields = line.split(":")
            if fields[0] == user:
                return fields[5]
        raise KeyError(user)

    def add_user(self, user: str, home: str) -> None:
        """Add an ordinary user with an empty home."""
        self.run("useradd", "--create-home", "--home-dir", home, "--shell", "/bin/bash", user,
                 directory="/")  # fmt: skip

    def path(self, inside: str) -> Path:
        """Where a path of the machine is on this one."""
        return self.root / inside.lstrip("/")

    def put(self, file: Path, folder: str = "/tmp") -> str:
        """Bring a file to the machine; returns its path there."""
        target = self.path(folder) / file.name
        shutil.copyfile(file, target)
        target.chmod(0o644)
        return f"{folder}/{file.name}"

    def mount(self, source: str, inside: str, *options: str) -> None:
        """Mount something for as long as the machine is there."""
        target = self.path(inside)
        target.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", *options, source, str(target)], check=True)
        self._mounts.append(target)

    def read_only(self, inside: str) -> None:
        """Have nobody write to a folder from now on, not even root."""
        self.mount(str(self.path(inside)), inside, "--bind")
        folder = str(self.path(inside))
        subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)

    def writable(self, inside: str) -> None:
        """Undo `read_only`."""
        subprocess.run(["umount", "--lazy", str(self.path(inside))], check=True)
        self._mounts.remove(self.path(inside))

    def leave(self) -> None:
        """Take it away."""
        for place in reversed(self._mounts):
            subprocess.run(["umount", "--lazy", str(place)], check=False)
        subprocess.run(["rm", "-rf", "--one-file-system", str(self.root)], check=False)


@contextlib.contextmanager
def machine(system: str) -> Iterator[Machine]:
    """A machine with a Debian or Ubuntu of this name; it goes in the end.

    Raises:
        NoMachine: it cannot be made here.
    """
    base = _base(system)
    result = Machine(system, Path(tempfile.mkdtemp(prefix="diffviews-machine-", dir="/var/tmp")))
    try:
        copy = ["cp", "-a", "--reflink=auto", f"{base}/.", str(result.root)]
        subprocess.run(copy, check=True)
        for name in ("/etc/resolv.conf", "/etc/hosts"):
            shutil.copyfile(name, result.path(name))
        result.mount("proc", "/proc", "-t", "proc")
        result.mount("/dev", "/dev", "--bind")
        result.mount("tmpfs", "/dev/shm", "-t", "tmpfs")
        result.mount("devpts", "/dev/pts", "-t", "devpts")
        result.mount("/tmp/.X11-unix", "/tmp/.X11-unix", "--bind")
        result.run("apt-get", "-qq", "update", directory="/")
        yield result
    finally:
        result.leave()


def _base(system: str) -> Path:
    """The folder of a system as debootstrap leaves it."""
    base = BASES / system
    if (base / ".ready").exists():
        return base
    if shutil.which("debootstrap") is None:
        raise NoMachine("debootstrap is missing")
    sources = _sources()
    shutil.rmtree(base, ignore_errors=True)
    base.parent.mkdir(parents=True, exist_ok=True)
    command = ["debootstrap", "--variant=minbase", "--include=ca-certificates"]
    if system in DEBIANS:
        command += [system, str(base), _mirror(sources)]
    else:  # of Ubuntu, whose releases debootstrap makes alike
        mirror = os.environ.get("UBUNTU_MIRROR")
        if mirror is None:
            raise NoMachine("UBUNTU_MIRROR does not name the address of a mirror")
        if not UBUNTU_KEYS.is_file():
            raise NoMachine(f"{UBUNTU_KEYS}, of Ubuntu's package ubuntu-keyring, is not there")
        command += ["--components=main,universe", f"--keyring={UBUNTU_KEYS}", system, str(base)]
        command += [mirror, "/usr/share/debootstrap/scripts/gutsy"]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if process.returncode:
        shutil.rmtree(base, ignore_errors=True)
        lines = (process.stdout + process.stderr).strip().splitlines()
        raise NoMachine(f"debootstrap cannot make {system}: {lines[-1] if lines else 'it failed'}")
    if system == _own_system():  # with its updates
        (base / "etc/apt/sources.list").unlink(missing_ok=True)
        for file in sources:
            shutil.copyfile(file, base / "etc/apt/sources.list.d" / file.name)
    for folder in (Path("/etc/apt/auth.conf.d"), Path("/etc/apt/apt.conf.d")):
        for file in folder.glob("*") if folder.is_dir() else ():
            if folder.name == "auth.conf.d" or "proxy" in file.name:
                shutil.copy2(file, base / folder.relative_to("/") / file.name)
    bundle = "etc/ssl/certs/ca-certificates.crt"
    shutil.copyfile(f"/{bundle}", base / bundle)
    (base / ".ready").touch()
    return base


def _sources() -> list[Path]:
    files = sorted(Path("/etc/apt/sources.list.d").glob("*.sources"))
    main_list = Path("/etc/apt/sources.list")
    return [*files, *([main_list] if main_list.is_file() else [])]


def _mirror(sources: Sequence[Path]) -> str:
    for file in sources:
        match = _ADDRESS.search(file.read_text(encoding="utf-8"))
        if match:
            return match[1]
    raise NoMachine("no address of a Debian mirror is in /etc/apt")


def _own_system() -> str:
    for line in Path("/etc/os-release").read_text(encoding="utf-8").splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.partition("=")[2].strip('"')
    return ""
