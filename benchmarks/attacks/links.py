"""Links planted under every name that can be told beforehand, and in the place of folders: nothing
is written, emptied, made or deleted through one.

The names are those under which a writer writes twice alike, and those of earlier versions.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from common import isolate
from tiny_folder import write_tiny_model
from trials import Trial, parser, report
from victims import Plan, Victims
from writers import WRITERS, former_names, plans

from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.opening import ConvertCheckpoint
from diffviews_desktop.errors import DiffViewsError
from diffviews_desktop.values.folders import FolderRef

PROGRAM = str(Path(sys.executable).with_name("diffviews-desktop"))
BESIDE = "data/tiny/embeddings/layer_cache"


def all_writers(home: Path, victims: Victims) -> list[Trial]:
    """Each function that writes, with one link at a time."""
    trials = []
    for name, writer in WRITERS.items():
        place = home / name.replace(" ", "-")
        targets = plans(writer, place)
        targets += [former for plan in targets if plan.stays for former in former_names(plan)]
        tries = survivors = 0
        for dangling in (False, True):
            for number, plan in enumerate(targets):
                folder = place / f"{number}-{dangling}"
                folder.mkdir()
                writer.prepare(folder)
                if not victims.plant(folder, plan, dangling=dangling):
                    continue
                tries += 1
                with suppress(DiffViewsError, OSError):
                    writer.write(folder)
                survivors += victims.unharmed()
        trials.append(Trial(name, tries, survivors))
    return trials


def start(*arguments: object) -> None:
    """Run the program; whether it refuses is not the question."""
    command = [PROGRAM, *map(str, arguments)]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=900)


def converted_in_the_window(folder: Path) -> None:
    """What the window's *Convert* has the engine do."""
    source = FolderRef(folder / "data")
    with suppress(DiffViewsError):
        Engine("cpu").run(ConvertCheckpoint(job_id=1, folder=source, model="tiny"))


def pickle_model(folder: Path) -> None:
    """A checkpoint that is offered to be converted."""
    import torch
    from safetensors.torch import load_file

    model = folder / "data" / "tiny"
    state = load_file(model / "checkpoints" / "tiny.safetensors")
    (model / "checkpoints" / "tiny.safetensors").unlink()
    torch.save(state, model / "checkpoints" / "tiny.pt")
    settings = model / "config.json"
    settings.write_text(settings.read_text().replace("tiny.safetensors", "tiny.pt"))


def by_the_command_line(home: Path, victims: Victims) -> list[Trial]:
    """The verbs, and the window's job, with links at all names at once, and for folders."""

    def data(folder: Path) -> Path:
        return folder / "data"

    one = "data/tiny/checkpoints/tiny.safetensors"
    names = [f"out/0001{end}" for end in (".png", "_step_01.png", ".json", ".npz")]
    draw = ("--steps", 2, "--device", "cpu", "--activations")
    extract = ("extract", "--layer", "midblock", "--device", "cpu")
    starts: Sequence[tuple[str, Callable[[Path], None], list[Plan]]] = (
        (
            "map --out",
            lambda f: start("map", "--data", data(f), "--out", f / "out" / "map.csv"),
            [Plan("out/map.csv")],
        ),
        (
            "generate --out",
            lambda f: start("generate", "--data", data(f), *draw, "--out", f / "out"),
            [Plan(name) for name in names],
        ),
        (
            "extract --out",
            lambda f: start(*extract, "--data", data(f), "--out", f / "out"),
            [Plan("out/midblock.npy.json")],
        ),
        (
            "extract --out, the matrix",
            lambda f: start(*extract, "--data", data(f), "--out", f / "out"),
            [Plan("out/midblock.npy")],
        ),
        (
            "import --out",
            lambda f: start(
                "import", "--model-checkpoint", f / one, "--generate", 4, "--sigmas", "1",
                "--steps", 1, "--name", "new", "--out", f / "out", "--device", "cpu",
            ),
            [Plan("out/new.part"), Plan("out/.new"), Plan("out/.new-new")],
        ),
        (
            "convert-checkpoint",
            lambda f: start("convert-checkpoint", f / one, f / "out" / "m.safetensors"),
            [Plan("out/m.safetensors.part"), Plan("out/.m.safetensors.part")],
        ),
        (
            "convert-checkpoint --force",
            lambda f: start("convert-checkpoint", f / one, f / "out" / "m.safetensors", "--force"),
            [Plan("out/m.safetensors")],
        ),
        ("Convert in the window", converted_in_the_window, [Plan(f"{one}.part")]),
        ("layer_cache is a link: map", _map, [Plan(BESIDE, "folder")]),
        ("layer_cache is a link: cache clear", _clear, [Plan(BESIDE, "folder")]),
        ("embeddings is a link: map", _map, [Plan("data/tiny/embeddings", "folder")]),
        ("embeddings is a link: cache clear", _clear, [Plan("data/tiny/embeddings", "folder")]),
    )  # fmt: skip
    trials = []
    for name, run, targets in starts:
        survivors = 0
        for dangling in (False, True):
            folder = home / f"{name}-{dangling}"
            write_tiny_model(folder / "data" / "tiny", samples=12)
            if run is converted_in_the_window:
                pickle_model(folder)
            for plan in targets:
                if plan.how == "folder":
                    shutil.rmtree(folder / plan.name, ignore_errors=True)
                for one_plan in (plan, *former_names(plan)):
                    victims.plant(folder, one_plan, dangling=dangling)
            run(folder)
            survivors += victims.unharmed()
        trials.append(Trial(f"by the command line: {name}", 2, survivors))
    return trials


def _map(folder: Path) -> None:
    start("map", "--data", folder / "data", "--layer", "midblock", "--device", "cpu")


def _clear(folder: Path) -> None:
    start("cache", "clear", "--data", folder / "data", "--all")


def main() -> int:
    """Run the trials."""
    options = parser(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        isolate(home)
        os.environ["OMP_NUM_THREADS"] = "1"  # more threads only wait for each other
        victims = Victims(home / "victims")
        trials = all_writers(home, victims)
        trials += by_the_command_line(home, victims)
    return report(trials, options.json)


if __name__ == "__main__":
    raise SystemExit(main())
