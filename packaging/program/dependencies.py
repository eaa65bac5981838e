"""The distributions that the program consists of, from what pyproject.toml asks for."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from functools import cache
from importlib import metadata
from importlib.util import find_spec

from contents import EXTRAS, ROOT
from packaging.requirements import Requirement

NAME = "diffviews-desktop"
_UNUSED = frozenset({"setuptools"})  # torch asks for it to compile extensions, as nothing here does


def version() -> str:
    """The program's version, as its package states it."""
    text = (ROOT / "diffviews_desktop" / "__init__.py").read_text(encoding="utf-8")
    match = re.search(r'^__version__ = "([^"]+)"$', text, re.MULTILINE)
    assert match is not None
    return match[1]


def is_installed(package: str) -> bool:
    """Whether there is such a package to import."""
    return find_spec(package) is not None


@cache
def distribution_names() -> tuple[str, ...]:
    """Names of all distributions that the program needs, directly or by another, sorted.

    Raises:
        SystemExit: one is not installed.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    texts = [*project["dependencies"]]
    for extra in EXTRAS:
        texts += project["optional-dependencies"][extra]
    names: dict[str, str] = {}
    waiting = [Requirement(text) for text in texts]
    while waiting:
        requirement = waiting.pop()
        key = normal(requirement.name)
        if key in names or key in _UNUSED:
            continue
        try:
            distribution = metadata.distribution(requirement.name)
        except metadata.PackageNotFoundError:
            raise SystemExit(f"{requirement} is not installed.") from None
        names[key] = distribution.metadata["Name"]
        extras = {"", *requirement.extras}
        for text in distribution.requires or ():
            other = Requirement(text)
            if other.marker is None or any(other.marker.evaluate({"extra": e}) for e in extras):
                waiting.append(other)
    return tuple(sorted(names.values(), key=normal))


def top_modules(distribution: str) -> set[str]:
    """What can be imported of a distribution, at its top."""
    files = metadata.distribution(distribution).files or ()
    tops = {file.parts[0] for file in files if file.suffix in (".py", ".so", ".pyd")}
    names = {top.partition(".")[0] for top in tops}
    return {name for name in names if name.isidentifier() and not name.startswith("_")}


def normal(name: str) -> str:
    """A distribution's name as PyPA compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def epoch() -> int:
    """When what is built counts as made, in seconds: of the last commit, so that the same commit
    gives the same files."""
    text = os.environ.get("SOURCE_DATE_EPOCH")
    if text:
        return int(text)
    return int(_git("log", "-1", "--format=%ct"))


def commit() -> str:
    """The commit that is built, with a remark where files differ from it."""
    return _git("describe", "--always", "--dirty", "--exclude=*")


def _git(*words: str) -> str:
    command = ["git", "-C", str(ROOT), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
