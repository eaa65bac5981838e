"""Installs wheels of other packages' adapters into the user's folder, without a network.

What a package needs must be part of the program, be there already, or be installed with it.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import IO

from installer.sources import WheelFile
from packaging.requirements import Requirement
from packaging.tags import sys_tags
from packaging.utils import (
    InvalidName,
    InvalidWheelFilename,
    NormalizedName,
    canonicalize_name,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from diffviews_desktop import paths
from diffviews_desktop.adapters.packages import (
    AdapterPackage,
    distributions_in,
    installed_packages,
    package_folders,
    package_of,
    packages_in,
)
from diffviews_desktop.errors import MAX_BRIEF, AdapterError, brief
from diffviews_desktop.files.archives import open_archive
from diffviews_desktop.files.interrupts import defer_interrupts
from diffviews_desktop.files.writing import create, private_folder
from diffviews_desktop.text.plain import MOST_OF_NAME, visible

MOST_BYTES = 8 * 10**9
"""Of an unpacked wheel: one may bring a model's weights."""
MOST_FILES = 50_000
MOST_DEPTH = 100
"""Folders in each other."""
MOST_METADATA = dict.fromkeys(("metadata", "wheel", "entry_points.txt", "requires.txt"), 1_000_000)
MOST_METADATA["record"] = 8_000_000
"""Bytes of files that are read as a whole; the last lists all files."""
_NO_NAME = {errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.EILSEQ}
"""What the system says of a name that no file can have here, such as one within another file."""
_MODULES = (("purelib",), ("platlib",))


def install_wheels(wheels: Sequence[Path]) -> list[AdapterPackage]:
    """Install wheels, all of them or none; a package that is there already is replaced.

    Raises:
        AdapterError: one cannot be used, needs what is not there, or none has an adapter.
        OSError: one cannot be read, or the folder not be written.
    """
    folder = paths.adapters_dir()
    folder.mkdir(parents=True, exist_ok=True)
    with private_folder(folder) as scratch:
        packages = [_unpack(wheel, scratch / f"{i}") for i, wheel in enumerate(wheels)]
        _check_needs(packages)
        if not any(package.adapters for package in packages):
            names = " and ".join(package.name for package in packages)
            raise AdapterError(
                f"{names} brings no adapter. Name the wheel of a package that does, and with it "
                "those that it needs."
            )
        places = _places(packages, folder)
        with defer_interrupts():
            return [_put(one, place, scratch) for one, place in zip(packages, places, strict=True)]


def remove_package(name: str) -> AdapterPackage:
    """Remove a package by its name, however that is written.

    Raises:
        AdapterError: there is no such package.
        OSError: it cannot be removed.
    """
    packages = installed_packages()
    for package in packages:
        if _is_same(package.name, name):
            _check_alone(package.folder, package.name)
            _take_away(package.folder)
            return package
    names = ", ".join(package.name for package in packages) or "none"
    raise AdapterError(f"No package named {name} is installed here. Installed: {names}.")


def _take_away(folder: Path) -> None:
    with private_folder(folder.parent) as scratch:
        os.replace(folder, scratch / folder.name)


def _places(packages: Sequence[AdapterPackage], folder: Path) -> list[Path]:
    """Where packages go: each into a folder of its name, which lies directly in the user's.

    Raises:
        AdapterError: two are to go to one place, or another package that lies there would be lost.
    """
    places = [folder / canonicalize_name(one.name, validate=True) for one in packages]
    for package, place in zip(packages, places, strict=True):
        if places.count(place) > 1:
            raise AdapterError(f"There are several wheels of {package.name}. Name one of them.")
        _check_alone(place, package.name)
    return places


def _check_alone(folder: Path, name: str) -> None:
    """Look that no other package would go with a package's folder.

    Raises:
        AdapterError: there is one already.
    """
    others = [one for one in packages_in(folder) if not _is_same(one.name, name)]
    if others:
        raise AdapterError(
            f"{folder} holds the package {visible(others[0].name, MOST_OF_NAME)}, too, which would "
            f"go with {visible(name, MOST_OF_NAME)}. Move it elsewhere, or delete the folder "
            "yourself."
        )


def _is_same(name: str, other: str) -> bool:
    return canonicalize_name(name) == canonicalize_name(other)


def _put(package: AdapterPackage, place: Path, scratch: Path) -> AdapterPackage:
    """Move an unpacked package to its place, and what was there aside."""
    if os.path.lexists(place):
        os.replace(place, scratch / f"before-{place.name}")
    os.replace(package.folder, place)
    return replace(package, folder=place)


def _unpack(wheel: Path, folder: Path) -> AdapterPackage:
    """Unpack a wheel that goes with this Python.

    Raises:
        AdapterError: it does not, or is damaged.
        OSError: it cannot be read.
    """
    identity = _check_name(wheel)
    try:
        with open_archive(wheel) as archive:
            _check_size(wheel, archive)
            archive.filename = wheel.name  # which the reader looks for its version in
            source = WheelFile(archive)
            source.validate_record()
            _write(source, folder)
        (distribution,) = distributions_in(folder)
        package = package_of(folder, distribution)
    except (AdapterError, MemoryError):
        raise
    except Exception as error:  # of archives, records and metadata, in many kinds
        if isinstance(error, OSError) and not _is_damage(error):
            raise
        raise AdapterError(f"{wheel} is no whole wheel ({brief(error)}). Get it again.") from error
    if not _is_as_named(package, identity):
        text = visible(f"{package.name} {package.version}", MOST_OF_NAME)
        raise AdapterError(
            f"{wheel} holds a package that calls itself {text}, which its file's name does not "
            "say. Get it again."
        )
    return package


def _is_as_named(package: AdapterPackage, identity: tuple[NormalizedName, Version]) -> bool:
    try:
        claim = canonicalize_name(package.name, validate=True), Version(package.version)
    except (InvalidName, InvalidVersion):  # such as a path, which must not become its folder
        return False
    return claim == identity


def _is_damage(error: OSError) -> bool:
    """Whether an archive's directory led to a place before its beginning."""
    return error.errno == errno.EINVAL and error.filename is None


def _check_name(wheel: Path) -> tuple[NormalizedName, Version]:
    """The package that a wheel is of, and its version, by its file's name.

    Raises:
        AdapterError: no wheel is named so, or it is for another system.
    """
    try:
        name, version, _, tags = parse_wheel_filename(wheel.name)
    except InvalidWheelFilename:
        raise AdapterError(
            f"{wheel} is not named as a wheel is, such as pond-1.0-py3-none-any.whl. Name the .whl "
            "file of the adapter's package, under its own name."
        ) from None
    if tags.isdisjoint(sys_tags()):
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise AdapterError(
            f"{wheel} is for another system or another Python than this, which is Python {python} "
            f"on {next(sys_tags()).platform}. Get the wheel that is for this."
        )
    return name, version


def _check_size(wheel: Path, archive: zipfile.ZipFile) -> None:
    members = archive.infolist()
    if len(members) > MOST_FILES or sum(member.file_size for member in members) > MOST_BYTES:
        raise AdapterError(
            f"{wheel} holds more than {MOST_FILES:,} files or {MOST_BYTES / 1e9:.0f} GB. Check "
            "that it is the right file."
        )
    for member in members:
        path = PurePosixPath(member.filename.lower())
        most = MOST_METADATA.get(path.name) if path.parent.suffix == ".dist-info" else None
        if most is not None and member.file_size > most:
            raise AdapterError(
                f"{wheel} describes itself in {visible(member.filename, MOST_OF_NAME)} with "
                f"{member.file_size / 1e6:,.0f} MB; more than {most / 1e6:.0f} MB are not read. "
                "Check that it is the right file."
            )


def _write(source: WheelFile, folder: Path) -> None:
    """Write a wheel's modules and metadata; its scripts, headers and other data have no place."""
    for (name, _, _), stream, _ in source.get_contents():
        path = _path_within(name, source.data_dir)
        if path is not None:
            with _create(folder / path, name) as file:
                shutil.copyfileobj(stream, file)


def _create(path: Path, name: str) -> IO[bytes]:
    """A new file for a member.

    Raises:
        ValueError: there can be none of its name, or there is one.
        OSError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return create(path)
    except OSError as error:
        if error.errno in _NO_NAME:
            raise ValueError(f"a file named {visible(name, MOST_OF_NAME)}") from error
        raise


def _path_within(name: str, data: str) -> PurePosixPath | None:
    """Where a member goes within the package's folder; None for one that is not wanted.

    Raises:
        ValueError: it would leave the folder, or lie too deep in it.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or any(letter in name for letter in "\\:\0"):
        raise ValueError(f"a file named {visible(name, MOST_OF_NAME)}")
    if len(path.parts) > MOST_DEPTH:
        raise ValueError(f"{len(path.parts)} folders in each other")
    if path.parts[0] != data:
        return path
    return PurePosixPath(*path.parts[2:]) if path.parts[1:2] in _MODULES else None


def _check_needs(packages: Sequence[AdapterPackage]) -> None:
    """Look that what packages need is in this program, among them, or installed before.

    Raises:
        AdapterError: it is not, or they do not say what they need.
    """
    versions: dict[str, str] = {
        canonicalize_name(one.name): one.version for one in (*installed_packages(), *packages)
    }

    @cache  # a package may say a thousand times that it needs another
    def version_of(name: str) -> str | None:
        return _version_of_program(name) or versions.get(canonicalize_name(name))

    for package in packages:
        for distribution in distributions_in(package.folder):
            for text in distribution.requires or ():
                try:
                    _check_need(package, Requirement(text), version_of)
                except AdapterError:
                    raise
                except Exception as error:  # of its syntax, a version or a marker, in many kinds
                    raise AdapterError(
                        f"{package.name} needs '{visible(text, MOST_OF_NAME)}', which says "
                        f"nothing ({brief(error)}). Get another version of it."
                    ) from error


def _check_need(
    package: AdapterPackage, need: Requirement, version_of: Callable[[str], str | None]
) -> None:
    if need.marker is not None and not need.marker.evaluate({"extra": ""}):
        return
    version = version_of(need.name)
    if version is not None and need.specifier.contains(version, prereleases=True):
        return
    text = f"{package.name} {package.version} needs {need.name}{need.specifier}"
    text = visible(text, MAX_BRIEF)
    if version is None:
        raise AdapterError(
            f"{text}, which is not there. Get its wheel, too, and name both: diffviews-desktop "
            "adapters install FILE.whl FILE.whl"
        )
    raise AdapterError(
        f"{text}, and {visible(version, MOST_OF_NAME)} is there. Get a version of {package.name} "
        "that goes with it."
    )


def _version_of_program(name: str) -> str | None:
    """The version of a package that is found before those in the user's folder."""
    folders = {str(folder) for folder in package_folders()}
    places = [entry for entry in sys.path if entry not in folders]
    distributions = metadata.distributions(name=name, path=places)
    return next((one.version for one in distributions), None)
