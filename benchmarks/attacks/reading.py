"""Files that are to hang the reader, or to fill its memory: every one is refused or read in bounds.

Each trial runs in a process of its own that may take 1 GB more memory than it has at its start and
30 seconds of the processor (a table of samples of 512 MB: 3 GB and 120 seconds, in which it can be
cancelled). It survives by a sentence or by working.
With ``--keys few``, of the diffusers classes two are tried instead of all.
"""

from __future__ import annotations

import contextlib
import inspect
import itertools
import json
import math
import os
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from trials import Trial, parser, report

os.environ["NUMBA_THREADING_LAYER"] = "workqueue"  # of which a process can be forked
sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from common import isolate
from tiny_folder import write_tiny_model
from unfit import UNFIT, put

GB = 2**30
SECONDS, TABLE_SECONDS = 30, 120
VALUES: list[Any] = [
    *(-1, 0, 1, 10**9, 10**18, 10**4000, 1e308, -1e308, 0.5, math.nan, math.inf, None, True),
    *("x", "x" * 10**6, [], {}, [1] * 100_000, [10**9] * 2, [0.5] * 3, [[1]], {"a": 1}),
]


@dataclass(frozen=True)
class End:
    """How a trial ended: what was said, or how the process died; and what it took."""

    said: str
    kind: str
    seconds: float
    growth: int

    @property
    def is_fine(self) -> bool:
        return self.kind in ("worked", "refused") and len(self.said) < 1000


def run_alone(work: Callable[[], object], more: int = GB, seconds: int = SECONDS) -> End:
    """Do something in a process of its own, with so much more memory and time."""
    answers, answer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(answers)
        os.write(answer, json.dumps(_run(work, more, seconds)).encode()[:4000])
        os._exit(0)
    os.close(answer)
    text = b""
    while select.select([answers], [], [], 20 * seconds)[0] and (part := os.read(answers, 2**16)):
        text += part
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    os.close(answers)
    _, status = os.waitpid(pid, 0)
    ended = f"ended by signal {status & 127}"
    return End(**json.loads(text)) if text else End("", ended, math.inf, 0)


def _run(work: Callable[[], object], more: int, seconds: int) -> dict[str, Any]:
    from diffviews_desktop.errors import DiffViewsError

    with open("/proc/self/statm") as file:
        size = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + more, size + more))
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + seconds,) * 2)
    old_peak, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    text, kind = "", "worked"
    try:
        work()
    except DiffViewsError as error:
        text, kind = str(error), "refused"
    except BaseException as error:
        text, kind = str(error)[:300], type(error).__name__
    growth = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - old_peak)
    duration = time.process_time() - start
    return {"said": text[:1500], "kind": kind, "seconds": duration, "growth": growth}


def trial(name: str, ends: dict[str, End]) -> Trial:
    """Print what was lost and the most that any took."""
    for label, end in ends.items():
        if not end.is_fine:
            print(f"LOST {name}: {label}: {end.kind} {end.said[:200]!r}")
    if ends:
        slowest = max(ends, key=lambda label: ends[label].seconds)
        largest = max(ends, key=lambda label: ends[label].growth)
        print(
            f"{name}: at most {ends[slowest].seconds:.1f} s of the processor ({slowest}), "
            f"{ends[largest].growth / 1e6:.0f} MB more ({largest})"
        )
    return Trial(name, len(ends), sum(end.is_fine for end in ends.values()))


# ---- in the place of every file -----------------------------------------------------------------


def open_and_map(data: Path) -> None:
    """What the verbs info and map do."""
    from diffviews_desktop.engine.engine import Engine
    from diffviews_desktop.engine.jobs.mapping import MapLayer
    from diffviews_desktop.engine.jobs.opening import LoadModel, OpenData
    from diffviews_desktop.values.folders import FolderRef
    from diffviews_desktop.values.layers import LayerSet
    from diffviews_desktop.values.maps import MapParameters, MapSpec

    engine = Engine("cpu", threads=1)
    folder, parameters = FolderRef(data), MapParameters(n_neighbors=3, pca_components=4)
    engine.run(OpenData(job_id=1, folder=folder, parameters=parameters))
    engine.run(LoadModel(job_id=2, folder=folder, model="tiny", parameters=parameters))
    spec = MapSpec("tiny", LayerSet(["midblock"]), parameters)
    engine.run(MapLayer(job_id=3, folder=folder, spec=spec))


def unfit_files(root: Path) -> Trial:
    """Everything that may be in a file's place, in the place of every file of a data folder."""
    from diffviews_desktop.adapters.checkpoint import load_checkpoint

    template = root / "template"
    write_tiny_model(template / "tiny", samples=12)
    open_and_map(template)  # here, so that all have the kernels compiled
    folder = template / "tiny"
    activations = folder / "activations" / "imagenet_real"
    activations.mkdir(parents=True)
    (folder / "class_labels.json").write_text("{}")
    (template / "class_labels.json").write_text("{}")
    shape = load_checkpoint(folder / "checkpoints" / "tiny.safetensors").model
    assert shape is not None
    places = [path.relative_to(template) for path in template.rglob("*") if path.is_file()]
    more = [folder / "embeddings" / "map.projector.npz", activations / "a.npy"]
    more += [activations / "a.npy.json", activations / "b.npz"]
    places += [path.relative_to(template) for path in more]
    ends = {}
    for place, (reason, unfit) in itertools.product(places, UNFIT.items()):
        if place.suffix == ".png":  # see pictures.py
            continue
        data = root / "data"
        shutil.rmtree(data, ignore_errors=True)
        shutil.copytree(template, data, symlinks=True)
        put(unfit, data / place)
        ends[f"{reason} as {place}"] = run_alone(partial(open_and_map, data))
    return trial("what is no file, in a data folder", ends)


def folders_as_checkpoints() -> Trial:
    """Folders of the system, named as a model's."""
    from diffviews_desktop.adapters.registry import get_adapter
    from diffviews_desktop.data.checkpoints.files import identity

    def use(folder: Path, name: str) -> None:
        with contextlib.suppress(Exception):
            identity(folder)
        get_adapter(name).from_checkpoint(str(folder), device="cpu")

    folders = [Path(path) for path in ("/", "/usr", "/proc", "/proc/self", "/dev", "/etc", "/sys")]
    ends = {
        f"{folder} as {name}": run_alone(partial(use, folder, name))
        for folder, name in itertools.product(folders, ("edm", "diffusers"))
    }
    ends = {k: e if e.seconds < 2 else End(e.said, "slow", e.seconds, 0) for k, e in ends.items()}
    return trial("folders that are no models", ends)


# ---- numbers of diffusers -----------------------------------------------------------------------


def diffusers_numbers(root: Path, few: bool) -> list[Trial]:
    """Every key of every class, with every value."""
    import diffusers

    from diffviews_desktop.adapters.diffusers_unet import DiffusersAdapter
    from diffviews_desktop.adapters.formats.diffusers_folder import SCHEDULERS

    folder = root / "pipeline"
    unet = diffusers.UNet2DModel(
        sample_size=8,
        block_out_channels=(32, 64),
        layers_per_block=1,
        norm_num_groups=8,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
    )
    pipeline: Any = diffusers.DDPMPipeline(unet, diffusers.DDPMScheduler())
    pipeline.save_pretrained(folder)
    DiffusersAdapter.from_checkpoint(folder, device="cpu")  # imports what is imported late

    def every(name: str, file: Path) -> Iterator[tuple[str, End]]:
        config = json.loads(file.read_text())
        kind = getattr(diffusers, name)
        for key in list(inspect.signature(kind.__init__).parameters)[1:]:
            for number, value in enumerate(VALUES):
                file.write_text(json.dumps({**config, "_class_name": name, key: value}))
                end = run_alone(lambda: DiffusersAdapter.from_checkpoint(folder, device="cpu"))
                yield f"{name} {key} {number}", end
        file.write_text(json.dumps(config))

    names = sorted(SCHEDULERS)
    network = dict(every("UNet2DModel", folder / "unet" / "config.json"))
    schedulers: dict[str, End] = {}
    for name in ("UniPCMultistepScheduler", "EDMEulerScheduler") if few else names:
        schedulers |= every(name, folder / "scheduler" / "scheduler_config.json")
    return [
        trial("diffusers: numbers of a network", network),
        trial("diffusers: numbers of a scheduler", schedulers),
    ]


# ---- memory -------------------------------------------------------------------------------------


def fill(size: int, start: str, unit: str, end: str) -> bytes:
    """About ``size`` bytes of the same."""
    return (start + unit * ((size - len(start)) // len(unit.encode())) + end).encode()


UNITS = {
    "lists": "[],",
    "objects": "{},",
    "objects of one": '{"":0},',
    "numbers": "0.5,",
    "texts": '"ab",',
    "emoji": '"😀b",',
    "nested": '{"":' * 300 + "0" + "}" * 300 + ",",
    "spaces": " ",
}


def json_memory(root: Path) -> list[Trial]:
    """As much as the sizes allow, of what takes the most memory."""
    from diffviews_desktop.data.class_labels import load_class_labels
    from diffviews_desktop.data.folder.files import read_json
    from diffviews_desktop.data.folder.model_folder import read_config
    from diffviews_desktop.files.reading import MOST_JSON, MOST_LISTED_JSON

    file = root / "config.json"
    small, large = {}, {}
    for name, unit in UNITS.items():
        file.write_bytes(fill(MOST_JSON - 10, '{"a":[', unit, "0]}"))
        small[f"{name} as settings"] = run_alone(lambda: read_config(root))
        small[f"{name} as labels"] = run_alone(lambda: load_class_labels(file))
        file.write_bytes(fill(MOST_LISTED_JSON - 10, '{"a":[', unit, "0]}"))
        large[name] = run_alone(lambda: read_json(file, MOST_LISTED_JSON), GB + GB // 4)
    file.unlink()
    return [trial("JSON of 16 MB", small), trial("JSON of 128 MB", large)]


def table_memory(root: Path) -> Trial:
    """The same of tables of samples, in JSON and CSV."""
    from diffviews_desktop.data.folder.map_table import read_csv
    from diffviews_desktop.data.folder.sample_files import sample_columns
    from diffviews_desktop.data.folder.sample_records import sample_records
    from diffviews_desktop.files.reading import MOST_TABLE

    ends = {}
    file = root / "dataset_info.json"
    wide = json.dumps({f"column {i}": i for i in range(200)})
    units = {
        "empty samples": "{},",
        "short samples": '{"sample_id":"abc"},',
        "numbers": '{"sample_id":300,"a":0.5,"b":1.5},',
        "emoji": '{"sample_id":"😀😀"},',
        "wide, then empty": "{},",
        "nested": UNITS["nested"],
        "spaces": " ",
    }
    for name, unit in units.items():
        start = '{"samples":[' + (f"{wide}," if "wide" in name else "")
        file.write_bytes(fill(MOST_TABLE - 10**6, start, unit, "{}]}"))
        ends[f"JSON: {name}"] = run_alone(
            lambda: sample_columns(sample_records(file), file), 3 * GB, TABLE_SECONDS
        )
    file.unlink()
    file, head = root / "map.csv", "sample_id,umap_x,umap_y"
    rows = {
        "short rows": (head, "abc,1.5,2.5\n"),
        "one cell": (head, "a\n"),
        "many columns": (head + ",c" * 400_000, "a\n"),
        "commas": (head, "," * 500_000 + "\n"),
        "no line ends": (head, ","),
        "lines in quotes": (head, '"a\n",'),
        "zeros": (head, "\0"),
    }
    for name, (header, row) in rows.items():
        file.write_bytes(fill(MOST_TABLE - 10**6, header + "\n", row, "\n"))
        ends[f"CSV: {name}"] = run_alone(lambda: read_csv(file), 3 * GB, TABLE_SECONDS)
    file.unlink()
    return trial("tables of 512 MB", ends)


# ---- checksums ----------------------------------------------------------------------------------


def flipped_bits(root: Path, tries: int = 400) -> Trial:
    """Bits of archives of torch.save and numpy: noticed, or without effect."""
    import torch
    from tiny import tiny_model

    from diffviews_desktop.adapters.checkpoint import read_stored
    from diffviews_desktop.data.activations.npz import NpzFile
    from diffviews_desktop.errors import DiffViewsError

    random = np.random.default_rng(0)
    state = tiny_model(seed=1).state_dict()
    torch.save(state, root / "net.pt")
    rows = random.standard_normal((8, 999), np.float32)
    np.savez(root / "batch.npz", midblock=rows)

    def same(path: Path) -> bool:
        try:
            if path.suffix == ".npz":
                file = NpzFile.open(path)
                return np.array_equal(file.read("midblock"), rows)
            tensors = read_stored(path).read(lambda fraction: None)
            return all(torch.equal(tensors[name], tensor) for name, tensor in state.items())
        except DiffViewsError:
            return True

    survivors = 0
    for path in (root / "net.pt", root / "batch.npz"):
        whole = path.read_bytes()
        for position in random.integers(len(whole), size=tries // 2).tolist():
            raw = bytearray(whole)
            raw[position] ^= 1 << random.integers(8)
            path.write_bytes(raw)
            survivors += same(path)
    return Trial("flipped bits of .pt and .npz", tries, survivors)


# ---- interruption -------------------------------------------------------------------------------


def interrupt(root: Path, count: int = 600_000) -> Trial:
    """Ctrl-C while a folder of many samples opens: the verb ends within two seconds."""
    folder = root / "many" / "tiny"
    write_tiny_model(folder, samples=2)
    sample = '{{"sample_id": "sample_{0:06d}", "class_label": 1, "image_path": "images/{0}.png"}}'
    lines = ",\n".join(map(sample.format, range(count)))
    info = folder / "metadata" / "imagenet_real" / "dataset_info.json"
    info.write_text(f'{{"samples": [{lines}]}}')
    rows = "\n".join(f"sample_{i:06d},{i / 7},{i / 9}" for i in range(count))
    (folder / "embeddings" / "map.csv").write_text(f"sample_id,umap_x,umap_y\n{rows}\n")
    command = [sys.executable, "-m", "diffviews_desktop", "info", "--data", str(root / "many")]
    tries = survivors = 0
    worst = 0.0
    for wait in np.linspace(2.0, 8.0, 10):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(wait)
        process.send_signal(signal.SIGINT)
        start = time.monotonic()
        code = process.wait(120)
        took = time.monotonic() - start
        if code in (130, 0):
            tries, worst = tries + 1, max(worst, took)
            survivors += took < 2
    print(f"interrupted: at most {worst:.1f} s")
    return Trial("Ctrl-C while a folder opens", tries, survivors)


def main() -> int:
    """See the module's text."""
    arguments = parser(__doc__)
    arguments.add_argument("--keys", choices=("all", "few"), default="all", help="of diffusers")
    options = arguments.parse_args()
    # a shell that starts this in the background has its children ignore Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ["OMP_NUM_THREADS"] = os.environ["NUMBA_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        isolate(root / "home")
        trials = [
            unfit_files(root),
            folders_as_checkpoints(),
            *json_memory(root),
            table_memory(root),
            flipped_bits(root),
            interrupt(root),
            *diffusers_numbers(root, options.keys == "few"),
        ]
    return report(trials, options.json)


if __name__ == "__main__":
    sys.exit(main())
