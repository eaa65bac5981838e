"""Freezes the program into a folder that needs no Python, and says what its megabytes are."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import contents
import dependencies
import licences

NAME = dependencies.NAME
HERE = Path(__file__).resolve().parent


def freeze(work: Path, *, cuda: bool) -> Path:
    """Freeze the program; returns its folder.

    Args:
        work: for what is made; the folder is in it.
        cuda: whether torch is one for NVIDIA's cards.

    Raises:
        SystemExit: torch is not as wanted, or a part has no licence.
    """
    _check_torch(cuda=cuda)
    sources = work / "sources.txt"
    environment = {
        **os.environ,
        "DIFFVIEWS_SOURCES": str(sources),
        "DIFFVIEWS_ICONS": str(work / "icons"),
        "PYINSTALLER_CONFIG_DIR": str(work / "pyinstaller"),
        "SOURCE_DATE_EPOCH": str(dependencies.epoch()),
        "PYTHONHASHSEED": "1",  # the same sources give the same program
    }
    if sys.platform != "linux":
        import icons

        icons.write_icons(work / "icons", NAME)
    command = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN"]
    places = ["--distpath", str(work / "frozen"), "--workpath", str(work / "made")]
    subprocess.run([*command, *places, str(HERE / "program.spec")], check=True, env=environment)
    program = work / "frozen" / NAME
    inside = program / "_internal"
    if sys.platform == "linux":
        _strip(inside)
        _set_modes(inside)
    files = [Path(line) for line in sources.read_text(encoding="utf-8").splitlines()]
    target = inside / contents.PACKAGE / licences.FILE
    licences.write_licences(target, files, non_free=cuda)
    return program


def _check_torch(*, cuda: bool) -> None:
    from torch.version import cuda as built_for

    if bool(built_for) != cuda:
        raise SystemExit(
            f"torch is a build for {'CUDA' if built_for else 'the CPU'}. Name the address of the "
            "other by TORCH_INDEX_URL (see the Makefile), and delete build/package."
        )


def _strip(inside: Path) -> None:
    """Take symbols that only a debugger reads out of the largest libraries."""
    if shutil.which("strip") is None:
        raise SystemExit("strip is missing. On Debian: apt-get install binutils")
    for name in contents.STRIPPED:
        for file in inside.rglob(name):
            if not file.is_symlink():
                subprocess.run(["strip", "--strip-unneeded", str(file)], check=True)


def _set_modes(inside: Path) -> None:
    """Give every file the mode that packages install files with; no library is a command."""
    for file in inside.rglob("*"):
        if file.is_file() and not file.is_symlink():
            file.chmod(0o755 if file.name in contents.COMMANDS else 0o644)


def sizes(program: Path) -> dict[str, int]:
    """Bytes of each part of a frozen program: of packages, of the program's own file, and of files
    that belong to no package."""
    counts: Counter[str] = Counter()
    for file in program.rglob("*"):
        if file.is_file() and not file.is_symlink():
            counts[_part(file.relative_to(program).parts)] += file.stat().st_size
    return dict(counts.most_common())


def _part(parts: tuple[str, ...]) -> str:
    if parts[0] != "_internal":
        return "the program's file with all modules"
    if len(parts) == 2:
        return "Python and its libraries"
    first = parts[1]
    if first.endswith(".dist-info"):
        return "metadata of packages"
    if first == "python3" or first.startswith("python3."):
        return "Python and its libraries"
    return first.removesuffix(".libs").lower()
