"""Lays out what the Linux packages install: the frozen program and what a desktop knows it by."""

from __future__ import annotations

import gzip
import os
import shutil
import time
from email.utils import formatdate
from pathlib import Path

import dependencies
import icons
import manual

HERE = Path(__file__).resolve().parent
NAME = dependencies.NAME
ID = "org.diffviews.desktop"
MAINTAINER = "The DiffViews developers <developers@diffviews.invalid>"


def write_share(share: Path) -> None:
    """Write what is below ``share``: menu entry, icons, types of files, manual, completions."""
    _write(share / "applications" / f"{NAME}.desktop", _template("diffviews-desktop.desktop"))
    _write(share / "metainfo" / f"{ID}.metainfo.xml", _template(f"{ID}.metainfo.xml.in"))
    _write(share / "mime" / "packages" / f"{NAME}.xml", _template("diffviews-desktop.mime.xml"))
    _write_gz(share / "man" / "man1" / f"{NAME}.1.gz", manual.man_page())
    for shell, place in manual.SHELLS.items():
        _write(share / place, manual.completion(shell))
    icons.write_theme(share, NAME)


def stage_system(root: Path, program: Path) -> None:
    """Lay out what .deb and .rpm install.

    Args:
        root: what becomes ``/``.
        program: the frozen program's folder; its files are linked, not copied.
    """
    _link_tree(program, root / "usr" / "lib" / NAME)
    command = root / "usr" / "bin" / NAME
    command.parent.mkdir(parents=True)
    command.symlink_to(f"../lib/{NAME}/{NAME}")
    share = root / "usr" / "share"
    write_share(share)
    documents = share / "doc" / NAME
    _write(documents / "copyright", _template("copyright.in"))
    _write_gz(documents / "changelog.gz", _changelog())
    _write(share / "lintian" / "overrides" / NAME, _template("lintian-overrides"))


def stage_home(root: Path, program: Path) -> None:
    """Lay out what the archive for a home directory holds.

    Args:
        root: the archive's folder.
        program: as for `stage_system`.
    """
    _link_tree(program, root / "program")
    write_share(root / "share")
    files = sorted((root / "share").rglob("*"))
    commands = [
        f'rm -f "$prefix/{file.relative_to(root).as_posix()}"' for file in files if file.is_file()
    ]
    _write(root / "install.sh", _template("install.sh"), mode=0o755)
    text = _template("uninstall.sh").replace("@FILES@", "\n".join(commands))
    _write(root / "uninstall.sh", text, mode=0o755)


def _template(name: str) -> str:
    date = time.strftime("%Y-%m-%d", time.gmtime(dependencies.epoch()))
    text = (HERE / name).read_text(encoding="utf-8")
    return text.replace("@VERSION@", dependencies.version()).replace("@DATE@", date)


def _changelog() -> str:
    date = formatdate(dependencies.epoch(), usegmt=False)
    return (
        f"{NAME} ({dependencies.version()}) stable; urgency=medium\n\n"
        "  * See CHANGELOG.md in the program's source.\n\n"
        f" -- {MAINTAINER}  {date}\n"
    )


def _write(file: Path, text: str, mode: int = 0o644) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)


def _write_gz(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def _link_tree(source: Path, target: Path) -> None:
    """A copy of a tree whose files are the same, and whose links stay links."""
    shutil.copytree(source, target, symlinks=True, copy_function=os.link)
