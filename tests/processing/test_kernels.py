"""What numba compiles is kept in our files, by numba itself, and damage heals.

In processes of their own: what is compiled stays for the life of a process, and so does where it is
kept. The functions are small; those of UMAP take the same way.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from diffviews_desktop.processing import kernels, umap_backend
from diffviews_desktop.processing.umap import fit_map
from diffviews_desktop.values.maps import MapParameters

FUNCTIONS = """
from numba import njit

@njit("int64(int64)", cache=True)
def doubled(x):  # compiled when it is imported, as most of UMAP's
    return 2 * x

@njit(cache=True)
def lazy(x):  # compiled when it is called
    return doubled(x) + 1

@njit(["float64(float64[:])", "int64(int64[:])"], cache=True)
def summed(values):  # two kernels in one file
    total = values[0] - values[0]
    for value in values:
        total += value
    return total
"""

PROGRAM = """
import importlib, json, logging, sys
import numpy as np
from pathlib import Path
logging.basicConfig(filename="log.txt", level=logging.INFO)
from diffviews_desktop.processing.kernels import keep_kernels
from diffviews_desktop.processing.kernel_store import user_store
keep_kernels()

def state():
    "Whether all is right, and how many functions had to be compiled."
    sys.modules.pop("functions", None)
    functions = importlib.import_module("functions")
    right = functions.lazy(20) == 41 and functions.doubled(4) == 8
    right = right and functions.summed(np.arange(4)) == 6 and functions.summed(np.ones(5)) == 5.0
    stats = [one.stats for one in (functions.doubled, functions.lazy, functions.summed)]
    return bool(right), sum(sum(one.cache_misses.values()) for one in stats)

exec(sys.argv[1])
"""


def run(folder: Path, program: str, **environment: str) -> Any:
    """What a program answers, in a folder that has the functions."""
    (folder / "functions.py").write_text(FUNCTIONS)
    (folder / "program.py").write_text(PROGRAM)
    variables = {
        **os.environ,
        "NUMBA_CACHE_DIR": str(folder / "kernels"),
        "TMPDIR": str(folder / "tmp"),
        "PYTHONPATH": os.pathsep.join((str(folder), str(Path(umap_backend.__file__).parents[2]))),
        **environment,
    }
    (folder / "tmp").mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "program.py", program],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


DAMAGE = """
found = [state(), state()]
files = sorted(Path(KERNELS).rglob("*.kernels"))
damages = {
    "emptied": lambda data: b"",
    "halved": lambda data: data[: len(data) // 2],
    "zeroed": lambda data: bytes(len(data)),
    "flipped": lambda data: data[:99] + bytes([data[99] ^ 4]) + data[100:],
    "another version's": lambda data: None,
}
for file in files:
    for damage, change in damages.items():
        data = change(file.read_bytes())
        if data is None:  # whole, but of no use
            user_store().save(str(file.relative_to(KERNELS))[:-len(".kernels")], b"no pickle")
        else:
            file.write_bytes(data)
        found += [state(), state()]
print(json.dumps({"files": len(files), "found": found}))
"""


def test_damaged_kernels_are_compiled_again_and_kept(tmp_path: Path) -> None:
    answer = run(tmp_path, f"KERNELS = {str(tmp_path / 'kernels')!r}\n{DAMAGE}")
    assert answer["files"] == 3
    found = answer["found"]
    assert len(found) == 2 * (1 + 3 * 5)
    assert all(right for right, _ in found)
    assert found[0][1] == 4  # nothing was kept yet
    assert all(compiled >= 1 for _, compiled in found[2::2])
    assert [compiled for _, compiled in found[1::2]] == [0] * 16
    assert "damaged" in (tmp_path / "log.txt").read_text()
    # numba itself keeps nothing
    assert {path.suffix for path in tmp_path.rglob("*") if path.is_file()} <= {
        ".kernels", ".py", ".pyc", ".txt",
    }  # fmt: skip


def test_another_process_uses_what_one_compiled(tmp_path: Path) -> None:
    assert run(tmp_path, "print(json.dumps(state()))")[1] == 4
    others = "import diffviews_desktop.processing.kernels as kernels; before = state()\n"
    others += "kernels._versions = lambda: ('0',)\n"
    before, after = run(tmp_path, others + "print(json.dumps([before, state()]))")
    assert before == [True, 0]
    assert after == [True, 4]  # numba, or a package of what was compiled, was replaced


def test_where_nothing_can_be_kept_everything_is_compiled_and_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "kernels").write_text("a file is in the way")
    program = "print(json.dumps([state(), state(), user_store().take_notes()]))"
    first, second, notes = run(tmp_path, program)
    assert (first[0], second) == (True, [True, 0])  # in the private folder
    assert notes == []
    for path in (tmp_path / "tmp").iterdir():
        path.chmod(0o755)  # now others may look into it: it is not used
    first, second, notes = run(
        tmp_path, program, NUMBA_CACHE_LOCATOR_CLASSES="NoSuchLocator", HOME="/nowhere"
    )
    assert first[0]
    assert second[0]
    assert second[1] == 4
    assert len(notes) == 1
    assert "Compiled kernels cannot be kept in" in notes[0]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), MemoryError()])
def test_a_full_disk_or_memory_is_no_reason_for_another_layout(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any, **options: Any) -> None:
        raise error

    monkeypatch.setattr(umap_backend.get_umap_class(), "fit_transform", fail)
    rows = np.random.default_rng(0).normal(size=(60, 8)).astype(np.float32)
    with pytest.raises(type(error)):
        fit_map(rows, MapParameters())


def test_a_frozen_program_finds_its_kernels_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its functions name files by where they were within it, and none of those is on the disk."""
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "_MEIPASS", str(tmp_path / "program"), raising=False)
    found = []
    for folder in (tmp_path, Path("/")):
        monkeypatch.chdir(folder)
        locator = kernels._Locator.from_function(fit_map, "umap/layouts.py")
        found.append((locator.get_cache_path(), locator.get_source_stamp()))
    assert found[0] == found[1]
    assert "umap_" in found[0][0]
    assert found[0][1] == kernels._versions()
