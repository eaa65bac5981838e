"""Kernels that numba compiled, damaged on the disk, and caches that cannot hold any.

    python benchmarks/attacks/kernels.py [--maps N] [--json FILE]

Maps are made by the command line, of a part of the demo, and compared with sound ones; every damage
must heal: what follows uses kernels, not compiles them. Most damages are tried on importing UMAP
alone, which loads every kernel that is kept. A full disk needs root (a small tmpfs is mounted).
About half an hour on two cores.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from trials import Trial, parser, report

DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "emptied": lambda data: b"",
    "halved": lambda data: data[: len(data) // 2],
    "zeroed": lambda data: bytes(len(data)),
    "a bit flipped": lambda data: _flip(data, len(data) // 3),
}
MAP = ("map", "--model", "digits-8x8", "--layer", "midblock", "--max-classes", "1", "--json")
IMPORT = """
from diffviews_desktop.processing.umap_backend import get_umap_class
get_umap_class()
from umap.layouts import rdist
import numpy as np
one = np.ones(3, np.float32)
assert rdist(one, 3 * one) == 12
"""


def _flip(data: bytes, position: int) -> bytes:
    return data[:position] + bytes([data[position] ^ 8]) + data[position + 1 :]


class Home:
    """A user's folders, with the demo and kernels in them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cache, self.temporary = folder / "cache", folder / "tmp"
        self.temporary.mkdir(parents=True)
        names = {kind: str(folder / kind.lower()) for kind in ("DATA", "CACHE", "STATE", "CONFIG")}
        self.environment = {
            **{name: value for name, value in os.environ.items() if "NUMBA" not in name},
            **{f"XDG_{kind}_HOME": place for kind, place in names.items()},
            "HOME": str(folder),
            "TMPDIR": str(self.temporary),
        }

    @property
    def kernels(self) -> list[Path]:
        return sorted(self.cache.rglob("*.kernels"))

    def looks(self) -> dict[Path, int]:
        """When each kernel was written."""
        return {path: path.stat().st_mtime_ns for path in self.kernels}

    def run(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            env={**self.environment, **more},
            cwd=self.folder,
            capture_output=True,
            text=True,
        )

    def make_map(self) -> Mapping[str, Any] | None:
        """A new map, without where it lies; None where it was not made."""
        for cache in self.folder.rglob("layer_cache"):
            shutil.rmtree(cache)
        process = self.run("-m", "diffviews_desktop", *MAP)
        if process.returncode:
            print(process.stderr, file=sys.stderr)
            return None
        result = json.loads(process.stdout)
        return {**result, "csv": Path(result["csv"]).read_text()}

    def make_references(self) -> list[Mapping[str, Any]]:
        """The maps in either memory format, of which the last one is remembered; where that cannot
        be, the program takes the one that is faster at the moment."""
        maps = [self.make_map()]
        for file in self.cache.rglob("memory_formats.json"):
            formats = json.loads(file.read_text())
            for name in ("contiguous", "channels_last"):
                file.write_text(json.dumps(dict.fromkeys(formats, name)))
                maps.append(self.make_map())
        return [one for one in maps if one is not None]

    def imports(self) -> bool:
        process = self.run("-c", IMPORT)
        if process.returncode:
            print(process.stderr, file=sys.stderr)
        return process.returncode == 0


def same(result: Mapping[str, Any] | None, *references: Mapping[str, Any]) -> bool:
    """Whether a map was made, and is one that it should be."""
    return result is not None and {**result, "notes": []} in references


def heals(home: Home, works: Callable[[], bool]) -> bool:
    """Whether all works, and then again with the kernels that are kept by then."""
    if not works():
        return False
    looks = home.looks()
    return works() and home.looks() == looks


def damage_kernels(home: Home, reference: Mapping[str, Any], maps: int) -> Iterator[Trial]:
    """One file after the other, then all of them."""
    files = home.kernels
    survivors = 0
    for number, file in enumerate(files):
        damage = list(DAMAGES)[number % len(DAMAGES)]
        file.write_bytes(DAMAGES[damage](file.read_bytes()))
        survivors += heals(home, home.imports) and len(home.kernels) == len(files)
    yield Trial("a kernel damaged, UMAP imported", len(files), survivors)
    for word, targets in (("one", files[-1:]), ("every", files)):
        survivors = 0
        for damage in list(DAMAGES)[:maps]:
            for file in targets:
                file.write_bytes(DAMAGES[damage](file.read_bytes()))
            survivors += heals(home, lambda: same(home.make_map(), reference))
        yield Trial(f"{word} kernel damaged, a map made", min(maps, len(DAMAGES)), survivors)


def at_once(home: Home) -> Trial:
    """Four programs compile the same kernels at the same time."""
    shutil.rmtree(home.cache)
    with ThreadPoolExecutor(4) as threads:
        survivors = sum(threads.map(lambda _: home.imports(), range(4)))
    return Trial("four programs at once, no kernel kept", 5, survivors + heals(home, home.imports))


@contextmanager
def put_in_place(path: Path, make: Callable[[Path], object]) -> Iterator[None]:
    """Something else in the place of a folder."""
    backup = path.with_name(f"{path.name}-aside")
    path.rename(backup)
    make(path)
    yield
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
    backup.rename(path)


def unwritable(home: Home, references: list[Mapping[str, Any]]) -> Iterator[Trial]:
    """No place for kernels where they belong, then none at all."""
    ways: dict[str, Callable[[Path], object]] = {
        "a file": lambda path: path.write_text(""),
        "a dangling link": lambda path: path.symlink_to("nowhere"),
    }
    for name, make in ways.items():
        with put_in_place(home.cache, make):
            result = home.make_map()
            kernels = list(home.temporary.rglob("*.kernels"))
            is_fine = result in references and len(kernels) > 9
            yield Trial(f"cache home {name}: kept elsewhere", 1, int(is_fine))
            with put_in_place(home.temporary, make):  # there is still the system's /tmp
                is_fine = same(home.make_map(), *references)
                yield Trial(f"cache home and temporary {name}: made", 1, int(is_fine))


def mount_full(path: Path) -> None:
    """A disk on which nothing more can be written."""
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", path], check=True)
    with suppress(OSError), (path / "ballast").open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass


@contextmanager
def full_disk(path: Path) -> Iterator[None]:
    """A full disk in the place of a folder."""
    with put_in_place(path, mount_full):
        try:
            yield
        finally:
            subprocess.run(["umount", path], check=True)


def full(home: Home, references: list[Mapping[str, Any]]) -> Iterator[Trial]:
    """A full disk under the cache, then under the temporary folder, too."""
    with full_disk(home.cache):
        is_fine = home.make_map() in references
        yield Trial("cache home full: kept elsewhere", 1, int(is_fine))
        with full_disk(home.temporary):
            is_fine = same(home.make_map(), *references)
            yield Trial("cache home and temporary full: made", 1, int(is_fine))


def main() -> int:
    """See the module's text."""
    arguments = parser(__doc__)
    arguments.add_argument("--maps", type=int, default=4, help="how many damages to make maps with")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home")
        references = home.make_references()
        if len(references) != 3:
            raise SystemExit("no map was made to begin with")
        trials = list(damage_kernels(home, references[-1], options.maps))
        trials.append(at_once(home))
        trials += unwritable(home, references)
        if os.name == "posix" and os.geteuid() == 0:
            trials += full(home, references)
    return report(trials, options.json)


if __name__ == "__main__":
    sys.exit(main())
