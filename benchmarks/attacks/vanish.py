"""What becomes of a job whose files another program deletes or shortens while it runs?

    python benchmarks/attacks/vanish.py [--json FILE]

Every job of a small data folder is begun in a process of its own, and at each of its stages
something is taken away. Survived is what ends with a result, or with one sentence that is no
"Something unexpected happened". How each ended is on standard error.
"""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from common import isolate
from trials import Trial, parser, report

SECONDS = 300
JOBS = ("map", "map of stored activations", "other map", "extract", "generate", "import")


def main() -> int:
    """See the module's text."""
    options = parser(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        isolate(folder / "home")
        fresh = folder / "fresh"
        child(make, fresh)
        trials = []
        for harm in HARMS:
            tries = survivors = 0
            for job in JOBS:
                for stage in stages_of(fresh, job, folder):
                    tries += 1
                    survivors += try_once(fresh, folder / "data", job, stage, harm)
            trials.append(Trial(harm, tries, survivors))
        return report(trials, options.json)


# ---- the data folder, and the jobs --------------------------------------------------------------


def make(data: Path) -> None:
    """A model with pictures, of which the cache has a map, and one with activations of its own."""
    import numpy as np
    from tiny_folder import write_tiny_model

    from diffviews_desktop.engine.engine import Engine

    write_tiny_model(data / "net", samples=40, embedding=False)
    second = data / "stored"
    shutil.copytree(data / "net", second)
    matrix = second / "activations" / "imagenet_real" / "a.npy"
    matrix.parent.mkdir(parents=True)
    values = np.random.default_rng(0).standard_normal((40, 300)).astype(np.float32)
    np.save(matrix, values)
    matrix.with_name("a.npy.json").write_text(json.dumps({"layers": ["midblock"]}))
    shutil.copytree(data / "net" / "images", data / "pictures")
    Engine("cpu").run(work("other map", data, components=50))


def work(job: str, data: Path, components: int = 4) -> Any:
    """A job on the folder."""
    from diffviews_desktop.engine.jobs.drawing import Generate
    from diffviews_desktop.engine.jobs.importing import ImportData
    from diffviews_desktop.engine.jobs.mapping import Extract, MapLayer
    from diffviews_desktop.values.conditions import RandomClass
    from diffviews_desktop.values.folders import FolderRef
    from diffviews_desktop.values.interventions import mean_of_samples
    from diffviews_desktop.values.layers import LayerSet
    from diffviews_desktop.values.maps import MapParameters, MapSpec
    from diffviews_desktop.values.sampling import SamplingSettings

    at: dict[str, Any] = {"job_id": 1, "folder": FolderRef(data)}
    parameters = MapParameters(n_neighbors=5, pca_components=components)
    layer = LayerSet(["midblock"])
    first = MapSpec("net", layer, parameters)
    second = MapSpec("net", LayerSet(["encoder_bottleneck"]), parameters)
    if job == "map of stored activations":
        return MapLayer(**at, spec=MapSpec("stored", layer, parameters))
    if job == "map":
        return MapLayer(**at, spec=first)
    if job == "other map":  # of the activations that the cache has
        return MapLayer(**at, spec=second)
    if job == "extract":
        return Extract(**at, model="net", layer_sets=(layer,), out=data / "out")
    if job == "generate":
        return Generate(
            **at,
            spec=second,
            interventions=mean_of_samples((1, 2)),
            condition=RandomClass(),
            settings=SamplingSettings(seed=1),
        )
    return ImportData(
        job_id=1,
        folder=FolderRef(data),
        checkpoint=data / "net" / "checkpoints" / "tiny.safetensors",
        out=data / "out",
        name="new",
        images=data / "pictures",
    )


# ---- what is done to it -------------------------------------------------------------------------


def caches(data: Path) -> list[Path]:
    """Everything that the layer caches hold."""
    return list(data.glob("*/embeddings/layer_cache"))


def shorten(paths: list[Path]) -> None:
    """Cut files off after 200 bytes."""
    for path in paths:
        if path.is_file():
            os.truncate(path, min(200, path.stat().st_size))


def remove(paths: list[Path]) -> None:
    """Delete folders and files."""
    for path in paths:
        shutil.rmtree(path, ignore_errors=True)
        path.unlink(missing_ok=True)


HARMS: dict[str, Callable[[Path], None]] = {
    "the cache is deleted": lambda data: remove(caches(data)),
    "the cache's files are shortened": lambda data: shorten(
        [file for cache in caches(data) for file in cache.rglob("*")]
    ),
    "the matrices are shortened": lambda data: shorten(list(data.glob("*/activations/*/*.npy"))),
    "the matrices are deleted": lambda data: remove(list(data.glob("*/activations"))),
    "the pictures are deleted": lambda data: remove([*data.glob("*/images"), data / "pictures"]),
    "the checkpoint is deleted": lambda data: remove(list(data.glob("*/checkpoints"))),
    "the checkpoint is shortened": lambda data: shorten(list(data.glob("*/checkpoints/*"))),
    "what is written is deleted": lambda data: remove([data / "out"]),
    "everything is deleted": lambda data: remove([data]),
}


# ---- trials -------------------------------------------------------------------------------------


def try_once(fresh: Path, data: Path, job: str, stage: str, harm: str) -> bool:
    """Whether a job survives a harm at a stage."""
    shutil.rmtree(data, ignore_errors=True)
    shutil.copytree(fresh, data)
    ended = child(run, data, job, stage, harm)
    fine = ended.startswith(("done", "said"))
    print(f"{harm}, {job}, {stage}: {ended}", file=sys.stderr, flush=True)
    return fine


def stages_of(fresh: Path, job: str, folder: Path) -> list[str]:
    """The stages of a job."""
    data = folder / "stages"
    shutil.rmtree(data, ignore_errors=True)
    shutil.copytree(fresh, data)
    ended = child(run, data, job, None, None)
    assert ended.startswith("done: "), ended
    return ended.removeprefix("done: ").split(", ")


def run(data: Path, job: str, stage: str | None, harm: str | None) -> str:
    """Do a job; what it ended with."""
    from diffviews_desktop.engine.engine import Engine
    from diffviews_desktop.engine.protocol import Progress
    from diffviews_desktop.errors import Cancelled, DiffViewsError, explain

    logging.disable()
    stages: dict[str, None] = {}

    def emit(event: object) -> None:
        if not isinstance(event, Progress):
            return
        if event.stage == stage and stage not in stages and harm is not None:
            HARMS[harm](data)
        stages[event.stage] = None

    try:
        Engine("cpu", emit=emit).run(work(job, data))
    except Cancelled:
        return "cancelled"
    except (DiffViewsError, OSError) as error:
        return f"said: {explain(error)}"
    except Exception as error:
        return f"raised {explain(error)}"
    return f"done: {', '.join(stages)}"


def child(function: Callable[..., Any], *arguments: object) -> Any:
    """What a function returns in a process of its own; how that ended, if it did not return."""
    context = multiprocessing.get_context("forkserver")
    ours, theirs = context.Pipe()
    process = context.Process(target=_answer, args=(theirs, function, arguments))
    process.start()
    theirs.close()
    try:
        return ours.recv() if ours.poll(SECONDS) else "it hangs"
    except EOFError:
        process.join()
        return f"it ended with {process.exitcode}"
    finally:
        process.kill()
        process.join()


def _answer(pipe: Any, function: Callable[..., Any], arguments: tuple[object, ...]) -> None:
    pipe.send(function(*arguments))


if __name__ == "__main__":
    modules = ["diffviews_desktop.engine.engine", "torch", "umap", "diffviews_desktop.adapters.edm"]
    multiprocessing.set_forkserver_preload(modules)
    sys.exit(main())
