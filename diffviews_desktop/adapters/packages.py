"""Packages with adapters that the user has installed beside the program.

Each has a folder of its own in the user's folder, which holds what ``pip install --target`` would
put into it; `adapters.wheels` installs them. They come last on the path of modules: none takes the
place of a module of the program.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.utils import canonicalize_name

from diffviews_desktop import paths
from diffviews_desktop.errors import brief

log = logging.getLogger(__name__)

ENTRY_POINT_GROUPS = ("diffviews_desktop.adapters", "diffviews.adapters", "adapt_diff.adapters")
"""Where packages name their adapters, the first group first."""


@dataclass(frozen=True)
class AdapterPackage:
    """An installed package.

    Attributes:
        name: as it calls itself.
        version: of the package.
        adapters: the names of its adapters, sorted; none where it is what another needs.
        folder: where it lies.
    """

    name: str
    version: str
    adapters: tuple[str, ...]
    folder: Path


def installed_packages() -> list[AdapterPackage]:
    """The packages in the user's folder, by name."""
    packages = [package for folder in package_folders() for package in packages_in(folder)]
    return sorted(packages, key=lambda package: canonicalize_name(package.name))


def package_folders() -> list[Path]:
    """The folders in the user's folder in which modules lie, sorted."""
    try:
        inside = sorted(paths.adapters_dir().iterdir())
    except OSError:  # there is none yet
        return []
    return [folder for folder in inside if not folder.name.startswith(".") and folder.is_dir()]


def use_packages() -> None:
    """Have Python find the modules of installed packages, after all others."""
    entries = set(sys.path)
    sys.path += [str(folder) for folder in package_folders() if str(folder) not in entries]


def distributions_in(folder: Path) -> Iterator[metadata.Distribution]:
    """Packages whose metadata lie in a folder."""
    return iter(metadata.distributions(path=[str(folder)]))


def packages_in(folder: Path) -> list[AdapterPackage]:
    """What the packages in a folder are; none where there is no folder.

    One whose metadata are damaged is called as the folder, by which it can be removed.
    """
    packages = []
    for distribution in distributions_in(folder):
        try:
            packages.append(package_of(folder, distribution))
        except Exception as error:  # of files that anybody may have changed, in many kinds
            log.warning("What %s holds cannot be read: %s", folder, brief(error))
            packages.append(AdapterPackage(folder.name, "", (), folder))
    return packages


def package_of(folder: Path, distribution: metadata.Distribution) -> AdapterPackage:
    """What a distribution in a folder is; raises whatever reading damaged metadata raises."""
    points = (one for one in distribution.entry_points if one.group in ENTRY_POINT_GROUPS)
    names = sorted({one.name for one in points})
    name, version = distribution.metadata["Name"], distribution.version
    return AdapterPackage(name or folder.name, version or "", tuple(names), folder)
