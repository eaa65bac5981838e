"""Start the program in folders full of modules, adapters and settings that must not be taken.

Every run does real work; it is lost if a planted module was imported, if an adapter was listed, or
if the program did not do its work.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "benchmarks")]

from common import isolate  # noqa: E402
from planted import (  # noqa: E402
    GROUPS,
    asked_for_before_command,
    environment,
    every_name,
    imported_before_m,
    plant,
    plant_adapters,
    planted,
    write_command,
)
from tiny_folder import write_tiny_model  # noqa: E402
from trials import Trial, parser, report  # noqa: E402

FOUND = (
    *("multiprocessing", "pickle", "selectors", "socket", "struct", "signal", "threading"),
    *("copyreg", "queue", "random", "tempfile", "runpy", "hashlib"),
)
"""Names that were tried when the fault was found; the first eight ran."""
A_TIME = 40
SETTINGS = (
    "disable_jit: 1",
    "cpu_name: none",
    "num_threads: -1",
    "{",
    "cache_dir: /nowhere",
    "- a",
)
CHECKPOINT = "tiny/checkpoints/tiny.safetensors"
LAYER = ("--layer", "midblock")
VERBS: dict[str, Sequence[str]] = {
    "info": ("info", "--data", ".", "--json"),
    "extract": ("extract", "--data", ".", *LAYER, "--json"),
    "map": ("map", "--data", ".", *LAYER, "--n-neighbors", "5", "--json"),
    "generate": ("generate", "--data", ".", *LAYER, "--rows", "1,2", "--out", "out", "--json"),
    "import": (
        *("import", "--model-checkpoint", CHECKPOINT, "--images", "tiny/images"),
        *("--out", "imported", "--n-neighbors", "5", "--json"),
    ),
    "convert": ("convert", "--data", ".", "--model", "with-activations", "--json"),
    "convert-checkpoint": ("convert-checkpoint", CHECKPOINT, "copy.safetensors", "--json"),
    "cache": ("cache", "verify", "--data", ".", "--json"),
    "experiment": (
        *("experiment", "--data", ".", *LAYER, "--rows", "1,2/3,4", "--seeds", "1", "--steps", "2"),
        *("--controls", "none", "--judge", "none", "--out", "experiment", "--json"),
    ),
    "download": ("download", "none", "--output-dir", "downloads", "--json"),
    "direction": ("direction", "save", "one", "--data", ".", *LAYER, "--rows", "1,2", "--json"),
    "adapters": ("adapters", "list", "--json"),
    "do": (
        "do",
        '{"verb": "folders.open_data", "folder": {"is": "FolderRef", "path": "."}}',
        "--json",
    ),
}


def _write_batches(folder: Path) -> None:
    """A model with activations in two files, to convert."""
    write_tiny_model(folder, samples=6, checkpoint=False)
    activations = folder / "activations" / "imagenet_real"
    activations.mkdir(parents=True)
    for batch in range(2):
        np.savez(activations / f"batch_{batch}.npz", midblock=np.ones((3, 4), np.float32))
    metadata = folder / "metadata" / "imagenet_real" / "dataset_info.json"
    description = json.loads(metadata.read_text())
    for row, sample in enumerate(description["samples"]):
        sample["activation_path"] = f"activations/imagenet_real/batch_{row // 3}"
        sample["batch_index"] = row % 3
    metadata.write_text(json.dumps(description))


class Ground:
    """Where the trials are run: a data folder to copy, and the ways to start the program."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._data = root / "data"
        write_tiny_model(self._data / "tiny", samples=30)
        _write_batches(self._data / "with-activations")
        self.command = (sys.executable, str(write_command(root / "bin")))
        self.m = (sys.executable, "-m", "diffviews_desktop")
        self.names = every_name()
        self.before_m = imported_before_m(root / "m")
        self.before_command = asked_for_before_command(root / "before")
        self._count = 0

    def survives(
        self,
        program: Sequence[str],
        arguments: Sequence[str],
        prepare: Callable[[Path, Path], object],
        **changes: str,
    ) -> bool:
        """Run the program in a new folder; whether it did its work, and nothing else ran."""
        self._count += 1
        folder, marks = self._root / f"here-{self._count}", self._root / f"marks-{self._count}"
        shutil.copytree(self._data, folder)
        marks.mkdir()
        prepare(folder, marks)
        process = subprocess.run(
            [*program, *arguments],
            cwd=folder,
            env=environment(QT_QPA_PLATFORM="offscreen", **changes),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        ran = planted(marks)
        evil = "evil" in process.stdout
        fine = (
            process.returncode == 0
            and not ran
            and not evil
            and _did(arguments, process.stdout, folder)
        )
        if not fine:
            print(f"lost: {' '.join(arguments)}: ran {ran[:5]}; {process.stderr[-300:]}")
        shutil.rmtree(folder)
        return fine


def _did(arguments: Sequence[str], output: str, folder: Path) -> bool:
    """Whether the work was done."""
    if "--screenshot" in arguments:
        return (folder / "window.png").is_file()
    return bool(json.loads(output))


WINDOW = ("--data", ".", "--screenshot", "window.png")


def modules(names: Iterable[str]) -> Callable[[Path, Path], None]:
    return lambda folder, marks: plant(folder, names, marks)


def trial(name: str, outcomes: Iterable[bool]) -> Trial:
    results = [*outcomes]
    print(f"{name}: {sum(results)} of {len(results)}", flush=True)
    return Trial(name, len(results), sum(results))


def groups(names: Collection[str]) -> list[list[str]]:
    entries = sorted(names)
    return [entries[i : i + A_TIME] for i in range(0, len(entries), A_TIME)]


def run(ground: Ground) -> list[Trial]:
    names, command, m = ground.names, ground.command, ground.m
    innocent = names - ground.before_m
    by_m = {name: modules(innocent) for name in VERBS}
    empty = {"PYTHONPATH": ":/nowhere" if sys.platform != "win32" else ";C:/nowhere"}

    def adapters(selection: Sequence[str]) -> Callable[[Path, Path], None]:
        return lambda folder, marks: plant_adapters(folder, marks, selection)

    def settings(text: str) -> Callable[[Path, Path], object]:
        return lambda folder, marks: (folder / ".numba_config.yaml").write_text(text)

    return [
        trial(
            "window, each name of the finding",
            (ground.survives(command, WINDOW, modules([name])) for name in FOUND),
        ),
        trial(
            f"window, all {len(names)} names, {A_TIME} at a time",
            (ground.survives(command, WINDOW, modules(some)) for some in groups(names)),
        ),
        trial(
            f"window by -m, {len(innocent)} names, {A_TIME} at a time",
            (ground.survives(m, WINDOW, modules(some)) for some in groups(innocent)),
        ),
        trial(
            "window, PYTHONPATH with an empty element",
            (
                ground.survives(command, WINDOW, modules(some), **empty)
                for some in groups(names - ground.before_command)
            ),
        ),
        trial(
            "each verb, all names",
            (ground.survives(command, verb, modules(names)) for verb in VERBS.values()),
        ),
        trial(
            "each verb by -m, all names",
            (ground.survives(m, verb, by_m[name]) for name, verb in VERBS.items()),
        ),
        trial(
            "adapters described there: info, generate, window",
            (
                ground.survives(program, start, adapters(selection))
                for program in (command, m)
                for start in (VERBS["info"], VERBS["generate"], WINDOW)
                for selection in (*((group,) for group in GROUPS), GROUPS)
            ),
        ),
        trial(
            "map, numba's settings there",
            (ground.survives(command, VERBS["map"], settings(text)) for text in SETTINGS),
        ),
    ]


def main() -> int:
    options = parser(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        isolate(Path(folder) / "home")
        return report(run(Ground(Path(folder))), options.json)


if __name__ == "__main__":
    sys.exit(main())
