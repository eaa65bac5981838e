"""Collects the licences of everything that a frozen program consists of into one file."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import dependencies
from contents import ROOT

FILE = "THIRD-PARTY-LICENCES.txt"
TEXTS = ROOT / "packaging" / "licences"
_NAMED = re.compile(r"\.dist-info/(.*/)?[^/]*(licen[cs]e|copying|notice)[^/]*$", re.IGNORECASE)
_NON_FREE = re.compile(r"^(nvidia|cuda|cupy|intel|mkl|tensorrt)\b", re.IGNORECASE)
_RULE = "=" * 78

WITHOUT_TEXT = {
    "pyside6-essentials": ("LGPL-3.txt", "GPL-3.txt"),
    "shiboken6": ("LGPL-3.txt", "GPL-3.txt"),
}
"""Distributions that bring no text of their licence: which of ours it is."""
REMARKS = {
    "pyside6-essentials": "Used under the LGPL. Qt's libraries are files of their own in the "
    "program's folder and may be replaced by others. Qt contains code of third parties, which "
    "its documentation lists under 'Licenses Used in Qt'.",
    "pyinstaller": "Only its start code is in the program, which its licence allows to be passed "
    "on under any terms.",
    "torch": "PyTorch's own builds for x86-64 CPUs contain Intel's oneMKL in binary form, under "
    "the Intel Simplified Software License: it may be passed on, but is not free software. "
    "It cannot be left out of those builds.",
}


@dataclass(frozen=True)
class Part:
    """One part of the program: its name with version, licence, and the texts of that."""

    name: str
    licence: str
    texts: tuple[str, ...]
    remark: str = ""


def parts_of(distributions: Iterable[str], *, non_free: bool) -> Iterator[Part]:
    """What Python distributions are, with their licences.

    Args:
        distributions: by their names.
        non_free: whether those may be in it that are not free software.

    Raises:
        SystemExit: one is not free, or has no text of its licence.
    """
    for name in distributions:
        if _NON_FREE.match(name) and not non_free:
            raise SystemExit(f"{name} is not free software. Take a build of torch for the CPU.")
        distribution = metadata.distribution(name)
        key = dependencies.normal(name)
        files = [file for file in distribution.files or () if _NAMED.search(str(file))]
        texts = [file.locate().read_text(encoding="utf-8", errors="replace") for file in files]
        texts += [(TEXTS / file).read_text(encoding="utf-8") for file in WITHOUT_TEXT.get(key, ())]
        if not texts and not _NON_FREE.match(name):
            raise SystemExit(f"{name} brings no text of its licence. Name it in WITHOUT_TEXT.")
        licence = _licence_of(distribution.metadata)
        yield Part(f"{name} {distribution.version}", licence, tuple(texts), REMARKS.get(key, ""))


def _licence_of(facts: metadata.PackageMetadata) -> str:
    """What a distribution calls its licence, on one line."""
    statement = facts.get("License-Expression") or (facts.get("License") or "").strip()
    if statement and "\n" not in statement and len(statement) < 120:
        return str(statement)
    classifiers = facts.get_all("Classifier") or []
    names = [one.rpartition(" :: ")[2] for one in classifiers if one.startswith("License")]
    return " or ".join(names) or "see below"


def python() -> Part:
    """Python itself."""
    places = (
        Path(sysconfig.get_path("stdlib")) / "LICENSE.txt",
        Path(sys.base_prefix) / "LICENSE.txt",
        Path(f"/usr/share/doc/python3.{sys.version_info.minor}/copyright"),
    )
    file = next((place for place in places if place.is_file()), None)
    if file is None:
        raise SystemExit("The licence of Python is not where it is expected.")
    version = sys.version.split()[0]
    return Part(f"Python {version}", "PSF-2.0", (file.read_text(encoding="utf-8"),))


def system_libraries(sources: list[Path]) -> Iterator[Part]:
    """The Debian packages that libraries were taken from.

    Args:
        sources: files that are in the program.

    Raises:
        SystemExit: a library is of no package.
    """
    owners: dict[str, list[str]] = {}
    for source in sources:
        owners.setdefault(_owner(source), []).append(source.name)
    for owner, names in sorted(owners.items()):
        copyright_file = Path("/usr/share/doc") / owner.partition(":")[0] / "copyright"
        version = _ask("dpkg-query", "--show", "--showformat=${Version}", owner)
        text = copyright_file.read_text(encoding="utf-8", errors="replace")
        title = f"Debian's {owner} {version}: {', '.join(sorted(set(names)))}"
        yield Part(title, "see below", (text,))


def _owner(file: Path) -> str:
    """The Debian package that a file is of."""
    real = file.resolve()
    # packages name files as they were before /lib became a link into /usr
    for path in dict.fromkeys((real, file, Path("/", *real.parts[2:]))):
        process = subprocess.run(
            ["dpkg-query", "--search", str(path)], capture_output=True, text=True, check=False
        )
        if process.returncode == 0:
            return process.stdout.split(": ")[0].split(",")[0]
    raise SystemExit(f"{file} is of no Debian package: its licence is not known.")


def _ask(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def text_of(parts: list[Part]) -> str:
    """All of it as one text: a list first, then the licences, each text once."""
    lines = [
        f"DiffViews {dependencies.version()} is licensed under the Apache License 2.0.",
        "This program contains the following parts, each under its own licence.",
        "",
        *(f"  {part.name}: {part.licence}" for part in parts),
    ]
    names: dict[str, str] = {}
    for part in parts:
        lines += ["", _RULE, part.name, part.licence, *([part.remark] if part.remark else [])]
        for text in part.texts:
            key = " ".join(text.split())
            if key in names:
                lines += ["", f"(the same text as that of {names[key]})"]
            else:
                names[key] = part.name
                lines += ["", text.rstrip()]
    return "\n".join(lines) + "\n"


def write_licences(file: Path, sources: list[Path], *, non_free: bool = False) -> list[Part]:
    """Write the licences of a program; returns its parts.

    Args:
        file: to write.
        sources: where the libraries in the program were taken from.
        non_free: see `parts_of`.
    """
    roots = {Path(sysconfig.get_path("purelib")), Path(sysconfig.get_path("platlib"))}
    roots |= {Path(entry) for entry in sys.path if entry.endswith("site-packages")}
    roots.add(Path(sysconfig.get_path("stdlib")))
    foreign = [
        one
        for one in sources
        if not one.name.startswith("libpython3")
        and not any(one.is_relative_to(root) for root in roots)
    ]
    bundled = (*dependencies.distribution_names(), "pyinstaller")
    parts = [python(), *parts_of(bundled, non_free=non_free)]
    if sys.platform == "linux":
        parts += system_libraries(foreign)
    file.write_text(text_of(parts), encoding="utf-8")
    return parts
