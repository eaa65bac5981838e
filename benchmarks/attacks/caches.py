"""Kept maps, activations and the demo, damaged on the disk: nothing wrong is made, and all heals.

    python benchmarks/attacks/caches.py [--json FILE]

The engine makes maps, masks and files of a part of the demo, in this process, from a cache in which
a bit was flipped, half a kilobyte zeroed, or a file cut; what it makes is compared with what it
makes of a sound one. About three minutes on two cores.
"""

from __future__ import annotations

import logging
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from trials import Trial, parser, report

sys.path.insert(0, str(Path(__file__).parents[1]))
from common import isolate

from diffviews_desktop.data.cache.layer_cache import LayerCache
from diffviews_desktop.data.folder.demo import demo_folder, ready_demo
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.drawing import Generate
from diffviews_desktop.engine.jobs.mapping import Extract, LinkMaps, MapLayer
from diffviews_desktop.errors import DiffViewsError
from diffviews_desktop.processing.umap import MapParameters
from diffviews_desktop.values.conditions import from_choice
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.interventions import mean_of_samples
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.maps import MapSpec
from diffviews_desktop.values.sampling import SamplingSettings

MODEL, LAYERS = "digits-8x8", LayerSet(("encoder_block_0",))
NARROW = MapParameters(pca_components=9)  # needs the kept activations
SOURCE = FolderRef(None, max_classes=2)


# ---- damages ------------------------------------------------------------------------------------


def flip(file: Path, position: int) -> None:
    with file.open("r+b") as opened:
        opened.seek(position)
        byte = opened.read(1)[0]
        opened.seek(position)
        opened.write(bytes([byte ^ 1 << position % 8]))


def zero(file: Path, position: int) -> None:
    with file.open("r+b") as opened:
        opened.seek(position)
        opened.write(bytes(min(512, file.stat().st_size - position)))


def cut(file: Path, position: int) -> None:
    os.truncate(file, position)


DAMAGES = (flip, zero, cut)


# ---- what is made of a cache --------------------------------------------------------------------


def map_of(parameters: MapParameters | None = None) -> list[np.ndarray]:
    spec = MapSpec(MODEL, LAYERS, parameters)
    result = Engine("cpu").run(MapLayer(job_id=1, folder=SOURCE, spec=spec))
    assert result.reduced is not None
    return [result.xy, result.reduced]


def other_map() -> list[np.ndarray]:
    return map_of(NARROW)


def masked_picture() -> list[np.ndarray]:
    job = Generate(
        job_id=1,
        folder=SOURCE,
        spec=MapSpec(MODEL, LAYERS),
        interventions=mean_of_samples((0, 50, 99, 150, 199)),
        condition=from_choice(1),
        settings=SamplingSettings(num_steps=3, noise_mode="fixed", seed=7),
    )
    return [step.image for step in Engine("cpu").run(job).steps]


def extract_layer() -> list[np.ndarray]:
    with tempfile.TemporaryDirectory() as out:
        job = Extract(job_id=1, folder=SOURCE, model=MODEL, layer_sets=(LAYERS,), out=Path(out))
        return [np.load(file) for file in Engine("cpu").run(job).files]


def linked_map() -> list[np.ndarray]:
    job = LinkMaps(
        job_id=1,
        folder=SOURCE,
        spec=MapSpec(MODEL, LayerSet(("midblock",)), NARROW),
        other=MapSpec(MODEL, LAYERS, NARROW),
    )
    return [Engine("cpu").run(job).map.xy]


class Kept:
    """The demo's cache, which is put back before each try."""

    def __init__(self, sound: Path) -> None:
        self.root = demo_folder() / MODEL / "embeddings" / "layer_cache"
        self._sound = sound
        shutil.copytree(self.root, sound)

    def restore(self) -> None:
        shutil.rmtree(self.root)
        shutil.copytree(self._sound, self.root)

    def file(self, name: str) -> Path:
        return next(self.root.glob(f"*/{name}"))


def survives(make: Callable[[], list[np.ndarray]], reference: list[np.ndarray]) -> bool:
    try:
        result = make()
    except DiffViewsError as error:
        print(error, file=sys.stderr)
        return False
    return all(np.array_equal(one, other) for one, other in zip(result, reference, strict=True))


def attack(
    cache: Kept,
    choose: random.Random,
    name: str,
    make: Callable[[], list[np.ndarray]],
    tries: int,
    file: str,
) -> Trial:
    """One file of an entry damaged in one place after the other."""
    cache.restore()
    reference, survivors = make(), 0
    for number in range(tries):
        cache.restore()
        target = cache.file(file)
        position = choose.randrange(target.stat().st_size)
        DAMAGES[number % 3](target, position)
        survivors += survives(make, reference) and survives(make, reference)
    return Trial(f"{name}: {file}", tries, survivors)


def cached_activations(folder: Path) -> Iterator[Trial]:
    """Damages of a kept entry, and of rows that are not all extracted yet."""
    choose = random.Random(18)
    map_of()
    cache = Kept(folder / "sound")
    for file, tries in (("activations.npy", 14), ("projector.npz", 12), ("entry.json", 12)):
        yield attack(cache, choose, "shown map", map_of, tries, file)
    for file, tries in (("activations.npy", 16), ("activations.crc32", 4), ("entry.json", 4)):
        yield attack(cache, choose, "other map", other_map, tries, file)
    yield attack(cache, choose, "mask", masked_picture, 8, "activations.npy")
    yield attack(cache, choose, "extract --out", extract_layer, 8, "activations.npy")
    yield attack(cache, choose, "linked map", linked_map, 6, "activations.npy")
    yield verify(cache, choose)
    yield damage_unfinished(cache, choose)


def verify(cache: Kept, choose: random.Random) -> Trial:
    """A map that takes a damaged matrix over, unread: ``cache verify`` must tell of both."""
    survivors = 0
    for _ in range(6):
        cache.restore()
        file = cache.file("activations.npy")
        flip(file, choose.randrange(file.stat().st_size))
        map_of(MapParameters(n_neighbors=7))
        problems = [problem for _, problem in LayerCache(cache.root).verify()]
        survivors += len(problems) == 2 and None not in problems
    return Trial("cache verify after a map of reduced rows", 6, survivors)


def damage_unfinished(cache: Kept, choose: random.Random) -> Trial:
    """Rows that were extracted and not yet mapped."""
    reference, survivors = other_map(), 0
    job = Extract(job_id=1, folder=SOURCE, model=MODEL, layer_sets=(LAYERS,))
    for number in range(8):
        shutil.rmtree(cache.root)
        Engine("cpu").run(job)
        file = cache.file("activations.npy")
        DAMAGES[number % 2](file, choose.randrange(128, file.stat().st_size))
        survivors += survives(other_map, reference)
    return Trial("unfinished extraction: activations.npy", 8, survivors)


# ---- the demo -----------------------------------------------------------------------------------


def as_file(path: Path) -> None:
    shutil.rmtree(path)
    path.write_text("in the way")


def as_dangling_link(path: Path) -> None:
    shutil.rmtree(path)
    path.symlink_to("nowhere")


def break_json(file: Path) -> None:
    file.write_text("{")


def shorten(file: Path) -> None:
    cut(file, 1000)


def apply(damage: Callable[[Path], object], paths: Iterable[Path]) -> None:
    for path in paths:
        damage(path)


DEMO_DAMAGES: dict[str, Callable[[Path], object]] = {
    "gone": shutil.rmtree,
    "emptied": lambda demo: apply(shutil.rmtree, demo.iterdir()),
    "a file in its place": as_file,
    "a dangling link in its place": as_dangling_link,
    "all config.json broken": lambda demo: apply(break_json, demo.glob("*/config.json")),
    "checkpoints gone": lambda demo: apply(Path.unlink, demo.glob("*/checkpoints/*")),
    "pictures gone": lambda demo: apply(shutil.rmtree, demo.glob("*/images")),
    "metadata gone": lambda demo: apply(shutil.rmtree, demo.glob("*/metadata")),
    "CSV gone": lambda demo: apply(Path.unlink, demo.glob("*/embeddings/*.csv")),
    "digits gone": lambda demo: shutil.rmtree(demo / "digits"),
    "a checkpoint flipped": lambda demo: flip(next(demo.glob("digits/checkpoints/*")), 900_000),
    "all projectors cut": lambda demo: apply(shorten, demo.glob("*/embeddings/*.npz")),
    "a folder in place of a picture": lambda demo: picture_as_folder(demo),
}


def picture_as_folder(demo: Path) -> None:
    picture = next(demo.glob("digits/images/*/*.png"))
    picture.unlink()
    picture.mkdir()


def demo_contents() -> dict[str, bytes]:
    folder = demo_folder()
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for model in ("digits", "digits-8x8", "digits-few")
        for path in sorted((folder / model).rglob("*"))
        if path.is_file() and "layer_cache" not in path.parts
    }


def damaged_demo() -> Iterator[Trial]:
    """Damages of the unpacked demo, found by one program, then by four at once."""
    ready_demo()
    reference, survivors, at_once = demo_contents(), 0, 0
    program = (
        "from diffviews_desktop.data.folder.demo import ready_demo; assert not ready_demo().problem"
    )
    for name, damage in DEMO_DAMAGES.items():
        damage(demo_folder())
        heals = ready_demo().problem is None and demo_contents() == reference
        survivors += heals
        damage(demo_folder())
        processes = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(4)]
        codes = [process.wait() for process in processes]
        all_heal = codes == [0] * 4 and demo_contents() == reference
        at_once += all_heal
        if not (heals and all_heal):
            print(f"demo {name}: healed {heals}, by four at once {all_heal}", file=sys.stderr)
    yield Trial("demo damaged", len(DEMO_DAMAGES), survivors)
    yield Trial("demo damaged, four programs at once", len(DEMO_DAMAGES), at_once)


def main() -> int:
    """See the module's text."""
    options = parser(__doc__).parse_args()
    logging.disable(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        isolate(Path(folder) / "home")
        trials = [*damaged_demo(), *cached_activations(Path(folder))]
    return report(trials, options.json)


if __name__ == "__main__":
    sys.exit(main())
