"""Builds the packages for Linux from a frozen program."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import dependencies
import stage

NAME = dependencies.NAME
HERE = Path(__file__).resolve().parent
SYSTEM_DEPS = HERE.parent / "system-deps"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
DESCRIPTION = """\
See a diffusion model's activations as a map
DiffViews shows what a layer of a diffusion model computes for thousands of
pictures as a map, coloured by class. Pick a region of the map, hold the layer
at what that region says while the model draws, and watch the denoising path
cross the map. PyTorch and a demo model are included."""


def packages(program: Path, work: Path, out: Path, suffix: str = "") -> list[Path]:
    """Build ``.deb``, ``.rpm`` and ``.tar.zst``; returns them.

    Args:
        program: the frozen program's folder.
        work: for what is made on the way.
        out: gets the packages.
        suffix: of their name, for another variant.
    """
    out.mkdir(parents=True, exist_ok=True)
    system = work / "system"
    shutil.rmtree(system, ignore_errors=True)
    stage.stage_system(system, program)
    config = work / "nfpm.json"
    config.write_text(json.dumps(_nfpm(system, program), indent=2), encoding="utf-8")
    version, machine = dependencies.version(), platform.machine()
    deb = out / f"{NAME}{suffix}_{version}_{ARCHITECTURES[machine]}.deb"
    rpm = out / f"{NAME}{suffix}-{version}.{machine}.rpm"
    for kind, file in (("deb", deb), ("rpm", rpm)):
        file.unlink(missing_ok=True)
        _run("nfpm", "package", "--config", str(config), "--packager", kind, "--target", str(file))
    return [
        deb,
        rpm,
        _archive(program, work, out / f"{NAME}{suffix}-{version}-linux-{machine}.tar.zst"),
    ]


def _nfpm(system: Path, program: Path) -> dict[str, object]:
    tree = {"src": f"{system}/", "dst": "/", "type": "tree"}
    return {
        "name": NAME,
        "arch": ARCHITECTURES[platform.machine()],
        "platform": "linux",
        "version": dependencies.version(),
        "section": "science",
        "priority": "optional",
        "maintainer": stage.MAINTAINER,
        "description": DESCRIPTION,
        "license": "Apache-2.0",
        "contents": [tree],
        "mtime": _iso(dependencies.epoch()),
        "scripts": {"postremove": str(HERE / "after-removal.sh")},
        "overrides": {
            "deb": {"depends": _debian_needs(program)},
            "rpm": {"depends": _rpm_needs(program)},
        },
        "deb": {"compression": "zstd"},
        "rpm": {"compression": "zstd", "group": "Applications/Engineering"},
    }


def _iso(seconds: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _debian_needs(program: Path) -> list[str]:
    """The packages that the window needs, as `system-deps` names them, and a C library."""
    process = subprocess.run([SYSTEM_DEPS, "list"], check=True, capture_output=True, text=True)
    libc = f"libc6 (>= {oldest_glibc(program)})"
    return [libc, "libgcc-s1", "libstdc++6 (>= 12)", "zlib1g", *process.stdout.split()]


def _rpm_needs(program: Path) -> list[str]:
    """The libraries that the window opens, by the names under which RPM knows them."""
    from diffviews_desktop.display import X11_LIBRARIES

    names = [*X11_LIBRARIES, "libgcc_s.so.1", "libstdc++.so.6", "libz.so.1"]
    return [f"libc.so.6(GLIBC_{oldest_glibc(program)})(64bit)", *(f"{n}()(64bit)" for n in names)]


def oldest_glibc(program: Path) -> str:
    """The oldest C library that all parts of the program run with: ``2.36``."""
    newest = 0
    for file in program.rglob("*"):
        if file.is_file() and not file.is_symlink():
            with file.open("rb") as opened:
                if opened.read(4) == b"\x7fELF":
                    opened.seek(0)
                    versions = re.findall(rb"GLIBC_2\.(\d+)", opened.read())
                    newest = max([newest, *map(int, versions)])
    return f"2.{newest}"


def _archive(program: Path, work: Path, file: Path) -> Path:
    """The archive for a home directory; the same program gives the same bytes."""
    root = work / file.name.removesuffix(".tar.zst")
    shutil.rmtree(root, ignore_errors=True)
    stage.stage_home(root, program)
    tar = [
        "tar", "--create", "--directory", str(work), "--sort=name", "--owner=0", "--group=0",
        "--numeric-owner", f"--mtime=@{dependencies.epoch()}", root.name,
    ]  # fmt: skip
    with subprocess.Popen(tar, stdout=subprocess.PIPE) as packing:
        assert packing.stdout is not None
        zstd = ["zstd", "-12", "--threads=0", "--quiet", "--force", "-o", str(file)]
        subprocess.run(zstd, stdin=packing.stdout, check=True)
    if packing.returncode:
        raise SystemExit("tar failed.")
    return file


def _run(*command: str) -> None:
    tool = Path(sys.executable).parent / command[0]
    subprocess.run([str(tool), *command[1:]], check=True, env=dict(os.environ))
