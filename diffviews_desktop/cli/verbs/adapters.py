"""``adapters``: install, list and remove other packages' adapters, without a network."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from diffviews_desktop import paths
from diffviews_desktop.adapters.packages import AdapterPackage, installed_packages
from diffviews_desktop.adapters.registry import unusable_adapters
from diffviews_desktop.adapters.wheels import install_wheels, remove_package
from diffviews_desktop.cli.codes import DONE, FAILED
from diffviews_desktop.cli.shared import Answer, add_actions, add_verb
from diffviews_desktop.text.wording import format_count


def add_parser(verbs: Any) -> None:
    """Add the verb's parser, which has verbs of its own."""
    text = "Install, list or remove adapters of other packages."
    actions = add_actions(verbs, "adapters", text)

    text = "Install the wheel of a package with adapters, and those of packages that it needs."
    example = "adapters install pond-1.0-py3-none-any.whl"
    installing = add_verb(actions, "install", install, text, example)
    installing.add_argument("wheels", type=Path, nargs="+", metavar="FILE.whl")

    text = "List the packages that were installed so, with their adapters."
    add_verb(actions, "list", list_packages, text, "adapters list --json")

    text = "Remove a package that was installed so."
    removing = add_verb(actions, "remove", remove, text, "adapters remove pond")
    removing.add_argument("name", metavar="NAME", help="of the package")


def install(options: argparse.Namespace) -> Answer:
    """Install wheels; the exit code is 1 where an adapter in them cannot be used."""
    packages = install_wheels(options.wheels)
    unusable = _unusable(packages)
    lines = [f"installed: {_line(package)}" for package in packages]
    lines += [*unusable.values()] or ["A window that is open takes them when you start it again."]
    result = {"installed": [_facts(package) for package in packages], "unusable": unusable}
    return Answer(result, lines, FAILED if unusable else DONE)


def list_packages(options: argparse.Namespace) -> Answer:
    """What is installed, and what of it cannot be used."""
    packages, folder = installed_packages(), paths.adapters_dir()
    unusable = _unusable(packages)
    lines = [f"{folder}: {format_count(len(packages), 'package')}"]
    lines += [f"  {_line(package)}" for package in packages]
    lines += unusable.values()
    result = {
        "folder": str(folder),
        "packages": [_facts(package) for package in packages],
        "unusable": unusable,
    }
    return Answer(result, lines)


def remove(options: argparse.Namespace) -> Answer:
    """Remove a package."""
    package = remove_package(options.name)
    return Answer({"removed": _facts(package)}, [f"removed: {_line(package)}"])


def _unusable(packages: Sequence[AdapterPackage]) -> dict[str, str]:
    """The adapters of packages that cannot be used, with the reason."""
    names = {name for package in packages for name in package.adapters}
    if not names:
        return {}
    problems = unusable_adapters().items()
    return {name: reason for name, reason in problems if name.partition(" (")[0] in names}


def _facts(package: AdapterPackage) -> dict[str, Any]:
    return {
        "name": package.name,
        "version": package.version,
        "adapters": list(package.adapters),
        "folder": str(package.folder),
    }


def _line(package: AdapterPackage) -> str:
    adapters = ", ".join(package.adapters)
    contents = f"adapters: {adapters}" if len(package.adapters) > 1 else f"adapter {adapters}"
    return f"{package.name} {package.version} ({contents if adapters else 'needed by others'})"
