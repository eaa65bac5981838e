"""Fuzz the reader of every format, guided by coverage: it reads a file, or says why it cannot.

    python benchmarks/attacks/fuzz.py [READER …] [--minutes N] [--seeds DIR] [--json FILE]

Needs `pip install atheris` (Python 3.11 or 3.12), and runs each reader in a process of its own, all
at once. An input is lost where the reader raises anything but an error of the program's own, dies,
takes more than 20 seconds of a processor, or grows by more than 1 GB. Inputs that were lost are
written to `--seeds`, one folder a reader, which is where each begins the next time; those in
`tests/fuzz_seeds` are read again by the usual tests.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "adapters"), str(Path(__file__).parent)]

from trials import Trial, parser, report  # noqa: E402

MOST_SECONDS = 20.0
MOST_GROWTH_MB = 1000
LONGEST = 200_000
"""Bytes of an input."""
KEPT_SEEDS = ROOT / "tests" / "fuzz_seeds"


@dataclass(frozen=True)
class Reader:
    """One format: the file that is written, valid contents to begin with, and what reads it."""

    file: Path
    seeds: list[bytes]
    read: Callable[[], object]


# ---- readers ------------------------------------------------------------------------------------


def data_folder(work: Path) -> Path:
    """A tiny data folder with activations and a table of its own columns."""
    import numpy as np
    from tiny_folder import write_tiny_model

    folder = work / "data" / "tiny"
    write_tiny_model(folder, samples=12)
    activations = folder / "activations" / "imagenet_real"
    activations.mkdir(parents=True)
    rows = np.arange(12 * 8, dtype=np.float32).reshape(12, 8)
    np.save(activations / "batch_000000.npy", rows)
    description = {"layers": ["midblock"], "shapes": {"midblock": [2, 2, 2]}, "num_samples": 12}
    (activations / "batch_000000.npy.json").write_text(json.dumps(description))
    (folder / "class_labels.json").write_text('{"0": "zero", "1": ["n01", "one"]}')
    return folder


def open_everything(folder: Path) -> None:
    """What opening a folder reads, its activations to the last row."""
    from diffviews_desktop.data.activations.files import open_activation_files
    from diffviews_desktop.data.folder.dataset import open_data_folder, read_samples

    model = open_data_folder(folder.parent).model("tiny")
    samples = read_samples(model)
    files = open_activation_files(model, samples)
    if files is not None:
        for _ in files.batches():
            pass


def in_folder(relative: str) -> Callable[[Path], Reader]:
    def make(work: Path) -> Reader:
        folder = data_folder(work)
        file = folder / relative
        return Reader(file, [file.read_bytes()], lambda: open_everything(folder))

    return make


def npz(work: Path) -> Reader:
    import numpy as np

    folder = data_folder(work)
    activations = folder / "activations" / "imagenet_real"
    rows = np.load(activations / "batch_000000.npy")
    for file in activations.iterdir():
        file.unlink()
    (metadata,) = folder.glob("metadata/*/dataset_info.json")
    dataset = json.loads(metadata.read_text())
    for row, sample in enumerate(dataset["samples"]):
        path = "activations/imagenet_real/batch_000000"
        sample |= {"activation_path": path, "batch_index": row}
    metadata.write_text(json.dumps(dataset))
    seeds = []
    for save in (np.savez, np.savez_compressed):
        stream = io.BytesIO()
        save(stream, midblock=rows)
        seeds.append(stream.getvalue())
    target = activations / "batch_000000.npz"
    return Reader(target, seeds, lambda: open_everything(folder))


def checkpoint(kind: str) -> Callable[[Path], Reader]:
    def make(work: Path) -> Reader:
        import persistence
        import safetensors.torch
        import torch

        from diffviews_desktop.adapters.checkpoint import load_checkpoint, save_checkpoint

        config = {**persistence.LEAST, "label_dim": 0, "sigma_data": 0.5}
        model = persistence.filled("EDMPrecond", config)
        file = work / f"model.{kind}"
        seeds = []
        if kind == "safetensors":
            save_checkpoint(file, config, model.state_dict())
            seeds = [file.read_bytes(), safetensors.torch.save(model.state_dict())]
        elif kind == "pt":
            for as_zip in (True, False):
                stream = io.BytesIO()
                torch.save(
                    {"ema": model.state_dict()}, stream, _use_new_zipfile_serialization=as_zip
                )
                seeds.append(stream.getvalue())
        else:
            for protocol in (2, 4):
                stream = io.BytesIO()
                content = persistence.checkpoint(model, config)
                persistence.write(stream, content, protocol)
                seeds.append(stream.getvalue())
        return Reader(file, seeds, lambda: load_checkpoint(file))

    return make


def diffusers_file(relative: str) -> Callable[[Path], Reader]:
    def make(work: Path) -> Reader:
        from test_diffusers_unet import save_pipeline

        from diffviews_desktop.adapters.diffusers_unet import DiffusersAdapter

        folder = save_pipeline(work / "pipeline")
        file = folder / relative
        read = file.read_bytes()
        return Reader(file, [read], lambda: DiffusersAdapter.from_checkpoint(folder, device="cpu"))

    return make


def labels(name: str, *seeds: bytes) -> Callable[[Path], Reader]:
    def make(work: Path) -> Reader:
        from diffviews_desktop.engine.imports.label_reading import PictureNames, read_labels

        file, pictures = work / name, PictureNames(["a.png", "b/c.png"], work, work)
        return Reader(file, list(seeds), lambda: read_labels(file, pictures))

    return make


def class_map(work: Path) -> Reader:
    from diffviews_desktop.pictures.labels.class_map import read_class_map

    file = work / "map"
    seeds = [b"label,class\ncat,3\ndog,5\n", b'{"cat": 3}', b'{"3": ["n01", "cat"], "5": "dog"}']
    return Reader(file, seeds, lambda: read_class_map(file))


def archive(work: Path) -> Reader:
    from diffviews_desktop.engine.imports.archive import pictures_of

    file, stream = work / "pictures.zip", io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("00000/a.png", bytes(100))
        target.writestr("dataset.json", b'{"labels": [["00000/a.png", 1]]}')

    def read() -> None:
        paths = set(work.iterdir())
        try:
            with pictures_of(file, work / "made", work, lambda fraction: None) as (folder, _):
                assert folder.is_relative_to(work)
        finally:
            assert set(work.iterdir()) == paths

    return Reader(file, [stream.getvalue()], read)


def cache_entry(work: Path) -> Reader:
    from diffviews_desktop.data.cache.entry import DAMAGE, parse_entry
    from diffviews_desktop.errors import CacheError

    file = work / "entry.json"
    one = {"format": 1, "details": {}, "layers": ["a"], "projector_sha256": "0"}
    seeds = [json.dumps({**one, "activations_bytes": 3}).encode(), b'{"format": 2}']

    def read() -> None:
        try:
            parse_entry(file.read_bytes())
        except DAMAGE as error:  # what `LayerCache` takes for a damaged entry
            raise CacheError(str(error)) from error

    return Reader(file, seeds, read)


def projector(work: Path) -> Reader:
    import numpy as np

    from diffviews_desktop.processing.projector import Projector
    from diffviews_desktop.processing.umap import fit_map
    from diffviews_desktop.values.maps import MapParameters

    rows = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    file = work / "projector.npz"
    xy = rows[:, :2].copy()
    fit_map(rows, MapParameters(n_neighbors=5, pca_components=3), xy=xy).save(file)
    return Reader(file, [file.read_bytes()], lambda: Projector.load(file))


def record(work: Path) -> Reader:
    from diffviews_desktop.engine.record import job_of, read_record

    file = work / "record.json"
    job = {
        "source": {},
        "model": "m",
        "layers": ["a"],
        "rows": [1, 2],
        "class_choice": 3,
        "settings": {"num_steps": 5, "seed": 3},
    }
    seeds = [json.dumps({"format": 1, "kind": kind, "job": job}).encode() for kind in ("generate",)]
    return Reader(file, seeds, lambda: job_of(read_record(file)))


def png_record(work: Path) -> Reader:
    import numpy as np

    from diffviews_desktop.exports import registry
    from diffviews_desktop.exports.contents import Picture
    from diffviews_desktop.exports.record_files import read_text

    file, stream = work / "record.png", io.BytesIO()
    registry.write(Picture(np.zeros((4, 4, 1), np.uint8), {"a": 1}), "a.png", stream)
    return Reader(file, [stream.getvalue()], lambda: read_text(file))


def picture(work: Path) -> Reader:
    import numpy as np
    from PIL import Image

    from diffviews_desktop.data.folder.pictures import read_picture
    from diffviews_desktop.errors import PictureError

    values = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)
    seeds = []
    for kind in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"):
        stream = io.BytesIO()
        Image.fromarray(values).save(stream, kind)
        seeds.append(stream.getvalue())
    file = work / "picture.png"

    def read() -> None:
        with contextlib.suppress(PictureError):
            read_picture(file, 16, 3)

    return Reader(file, seeds, read)


def settings(work: Path) -> Reader:
    from diffviews_desktop.state.settings import Settings

    file = work / "settings.json"
    return Reader(file, [b'{"theme": "dark", "recent": ["/a"]}'], lambda: Settings(file))


def put_onto_samples(content: Any) -> None:
    """Put a session that was read onto samples, once onto its own and once onto others."""
    import numpy as np

    from diffviews_desktop.state.opened import Opened
    from diffviews_desktop.state.session_file.restoring import at_map, restore_state
    from diffviews_desktop.state.state import State
    from diffviews_desktop.values.samples import SampleTable

    samples = SampleTable(
        root=Path("data"),
        sample_id=tuple(f"s{row}" for row in range(40)),
        class_label=np.arange(40, dtype=np.int32) % 4,
        class_name=("",) * 40,
        image_path=("",) * 40,
        sigma=np.ones(40, np.float32),
    )
    for fingerprint in (content.fingerprint, "another"):
        opened = Opened(path=Path("data"), model="edm", samples=samples, fingerprint=fingerprint)
        at_map(restore_state(State(opened=opened), content, Path("a.diffviews")).state, content)


def session(member: str) -> Callable[[Path], Reader]:
    """A member of a session, as it lies in a folder; without a name, the whole file."""

    def make(work: Path) -> Reader:
        from diffviews_desktop.state.session_file.reading import read_file, read_folder

        source = ROOT / "tests" / "state" / "session_file" / "version-1.diffviews"
        if not member:
            file = work / source.name
            return Reader(file, [source.read_bytes()], lambda: put_onto_samples(read_file(file)))
        folder = work / "session"
        with zipfile.ZipFile(source) as archive:
            archive.extractall(folder)
        file = folder / member
        return Reader(file, [file.read_bytes()], lambda: put_onto_samples(read_folder(folder)))

    return make


def shared_map(work: Path) -> Reader:
    from diffviews_desktop.data.cache.layer_cache import cache_key
    from diffviews_desktop.data.cache.shared_map import FORMAT, pack, read_description, unpack

    parts = {"model": "m", "layers": ["a"]}
    file, original, stream = work / "map.zip", work / "projector", io.BytesIO()
    original.write_bytes(bytes(range(256)) * 8)
    pack(original, stream, parts)
    key = cache_key({"shared": FORMAT, **parts})

    def read() -> None:
        unpack(file, read_description(file, key), io.BytesIO())

    return Reader(file, [stream.getvalue()], read)


def direction(work: Path) -> Reader:
    import numpy as np

    from diffviews_desktop.data.directions import (
        list_directions,
        read_direction,
        write_direction,
    )

    file, values = work / "direction.safetensors", {"midblock": np.ones((2, 2, 2), np.float32)}
    write_direction(file, values, {"kind": "mean"}, replace=False)

    def read() -> None:
        names = [info.name for info in list_directions(work)]
        assert names == [read_direction(file).info.name]

    return Reader(file, [file.read_bytes()], read)


def catalogue(work: Path) -> Reader:
    from diffviews_desktop import paths
    from diffviews_desktop.data.sources import read_table

    file = work / "sources.toml"
    seeds = [(paths.resources() / "sources.toml").read_bytes()]
    return Reader(file, seeds, lambda: read_table(file))


def journal(work: Path) -> Reader:
    from diffviews_desktop.experiments.journal import JOURNAL, open_journal

    facts = {"key": "k", "shape": [2, 2, 1], "classes": 3}

    def read() -> None:
        with open_journal(work / "drawn", facts) as opened:
            dict(opened.drawn)

    read()
    file = work / "drawn" / JOURNAL
    header = file.read_bytes()
    return Reader(file, [header, header + bytes(100)], read)


def marks(work: Path) -> Reader:
    """What says which rows of an interrupted extraction are done."""
    import numpy as np

    from diffviews_desktop.data.activations.matrix_file import MatrixFile
    from diffviews_desktop.data.cache.partial_matrix import DONE, PartialMatrix

    rows = MatrixFile.create(work / "activations.npy", (40, 30), np.float32)

    def read(*numbers: int) -> None:
        matrix = PartialMatrix(work, rows)
        try:
            matrix.mark(list(numbers))
        finally:
            matrix._close()

    read(0, 1, 2, 7)
    return Reader(work / DONE, [(work / DONE).read_bytes()], read)


def original_layer(part: int) -> Callable[[Path], Reader]:
    """One of the three files in which the original system keeps the map of a layer."""

    def make(work: Path) -> Reader:
        import numpy as np

        from diffviews_desktop.data.cache.original_layers import PARTS, read_original

        files = [work / f"midblock{part}" for part in PARTS]
        files[0].write_text("sample_id,umap_x,umap_y\na,0,1\nb,2,3\n")
        files[1].write_text('{"n_neighbors": 15, "min_dist": 0.1, "layers": ["midblock"]}')
        np.save(files[2], np.ones((2, 3), np.float32))
        seed = files[part].read_bytes()
        return Reader(files[part], [seed], lambda: read_original(files, "midblock", ("a", "b")))

    return make


def download_journal(work: Path) -> Reader:
    from diffviews_desktop.data.stores.journal import Note, open_journal
    from diffviews_desktop.data.stores.keys import OWN_FOLDER
    from diffviews_desktop.data.stores.transfers import plan_download
    from diffviews_desktop.values.transfers import RemoteFile

    remote = RemoteFile("a/b.bin", 1000, "v1", source="hf://user/name")
    with open_journal(work) as opened:
        for note in (Note(remote), Note(remote, 0, 100), Note(remote, mtime_ns=1)):
            opened.add(note)
    file = work / OWN_FOLDER / "journal.jsonl"
    return Reader(file, [file.read_bytes()], lambda: plan_download([remote], work))


def lines(work: Path) -> Reader:
    from diffviews_desktop.cli.line_reader import read_lines

    file = work / "history.json"
    seeds = [
        b'[{"verb": "picks.click_point", "row": 3}]',
        b'[{"verb": "folders.open_data", "folder": {"is": "FolderRef", "path": "a"}}]',
    ]
    return Reader(file, seeds, lambda: read_lines(file))


def experiment_record(work: Path) -> Reader:
    """What ``experiment --replay`` reads before it opens a folder."""
    from diffviews_desktop.cli.experiment_replay import read_recorded
    from diffviews_desktop.values.experiment_text import experiment_text
    from diffviews_desktop.values.experiments import Experiment
    from diffviews_desktop.values.interventions import Intervention, SampleMean
    from diffviews_desktop.values.layers import LayerSet

    file, middle = work / "experiment.json", LayerSet(["midblock"])
    acting = (Intervention("replace", SampleMean((1, 2)), middle),)
    masks = Experiment(model="m", layer_sets=(middle,), windows=((0, 3),), groups=((0, 1),))
    stack = replace(masks, groups=(), interventions=acting)
    seeds = []
    for experiment, ids in ((masks, ()), (stack, ("a", "b"))):
        record = {"kind": "experiment", "format": 1, "experiment": experiment_text(experiment)}
        names = {"sample_ids": [["a", "b"]], "intervention_ids": ids, "folder": None}
        seeds.append(json.dumps({**record, **names}).encode())
    return Reader(file, seeds, lambda: read_recorded(file))


def judge(work: Path) -> Reader:
    from diffviews_desktop.experiments.small_reader import (
        ReaderConfig,
        load_reader,
        network_of,
        save_reader,
    )

    file = work / "judge.safetensors"
    config = ReaderConfig(resolution=8, channels=1, classes=("a", "b"), width=1)
    save_reader(file, config, network_of(config).state_dict())
    return Reader(file, [file.read_bytes()], lambda: load_reader(file))


def wheel(work: Path) -> Reader:
    from test_adapter_wheels import ENTRY
    from test_adapter_wheels import wheel as written

    from diffviews_desktop.adapters.wheels import install_wheels

    os.environ["XDG_DATA_HOME"] = str(work / "home")
    file = written(work, "pond", {"pond.py": ""}, needs=("numpy>=1",), entry=ENTRY)
    return Reader(file, [file.read_bytes()], lambda: install_wheels([file]))


READERS: dict[str, Callable[[Path], Reader]] = {
    "config-json": in_folder("config.json"),
    "samples-json": in_folder("metadata/imagenet_real/dataset_info.json"),
    "class-labels": in_folder("class_labels.json"),
    "map-csv": in_folder("embeddings/map.csv"),
    "map-json": in_folder("embeddings/map.json"),
    "npy": in_folder("activations/imagenet_real/batch_000000.npy"),
    "side-car": in_folder("activations/imagenet_real/batch_000000.npy.json"),
    "npz": npz,
    "labels-csv": labels(
        "labels.csv",
        b"file,class,name\na.png,0,zero\nb/c.png,1,one\n",
        b"file_name;label\na.png;cat\n",
        "sep=;\nfile;class\na.png;3,0\n".encode("utf-16"),
    ),
    "labels-json": labels(
        "labels.json",
        b'{"labels": [["a.png", 3], ["b/c.png", null]]}',
        b'{"file_name": "a.png", "label": 3}\n{"file_name": "b/c.png", "label": "cat"}\n',
        b'{"file": {"0": "a.png"}, "class": {"0": 2.0}}',
        b'[{"path": "a.png", "class": "7"}, ["b/c.png", 1]]',
        b'{"a.png": 3}',
    ),
    "class-map": class_map,
    "labels-archive": archive,
    "checkpoint-pickle": checkpoint("pkl"),
    "checkpoint-torch": checkpoint("pt"),
    "checkpoint-safetensors": checkpoint("safetensors"),
    "diffusers-network": diffusers_file("unet/config.json"),
    "diffusers-scheduler": diffusers_file("scheduler/scheduler_config.json"),
    "cache-entry": cache_entry,
    "projector": projector,
    "record-json": record,
    "record-png": png_record,
    "picture": picture,
    "settings": settings,
    "session": session(""),
    "session-json": session("session.json"),
    "session-run": session("run-1.json"),
    "session-array": session("run-1-numbers.npy"),
    "session-samples": session("chosen.npy"),
    "shared-map": shared_map,
    "direction": direction,
    "catalogue": catalogue,
    "journal": journal,
    "marks": marks,
    "original-csv": original_layer(0),
    "original-json": original_layer(1),
    "original-npy": original_layer(2),
    "download-journal": download_journal,
    "lines": lines,
    "experiment": experiment_record,
    "judge": judge,
    "wheel": wheel,
}


def try_one(reader: Reader, data: bytes) -> str:
    """Read an input; what it did that it must not, or nothing."""
    from diffviews_desktop.errors import DiffViewsError

    reader.file.write_bytes(data)
    start = time.process_time()
    try:
        reader.read()
    except DiffViewsError:
        pass
    except Exception as error:
        return f"raised {type(error).__name__}: {str(error)[:200]}"
    duration = time.process_time() - start
    return f"took {duration:.0f} s" if duration > MOST_SECONDS else ""


# ---- one process a reader -----------------------------------------------------------------------


def fuzz(name: str, seconds: float, seeds: Path, count: Path) -> None:
    """Try inputs until the time is over; the process ends with the library's own exit."""
    import atheris

    with atheris.instrument_imports(include=["diffviews_desktop"]):
        import diffviews_desktop.adapters.checkpoint
        import diffviews_desktop.adapters.diffusers_unet
        import diffviews_desktop.data.folder.dataset
        import diffviews_desktop.engine.imports.labels
        import diffviews_desktop.engine.record  # noqa: F401
    work = Path(tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
    reader = READERS[name](work)
    corpus = work / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(reader.seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    tries = 0

    def one(data: bytes) -> None:
        nonlocal tries
        problem = try_one(reader, data)
        tries += 1
        if tries % 10 == 0:
            count.write_text(str(tries))
        if problem:
            keep(seeds / name, data, problem)

    arguments = [
        sys.argv[0],
        f"-max_total_time={max(1, int(seconds))}",
        f"-max_len={LONGEST}",
        f"-rss_limit_mb={memory + MOST_GROWTH_MB}",
        "-timeout=600",  # by the clock: others use the processors, too
        f"-artifact_prefix={seeds / name}/died-",
        "-verbosity=0",
        str(corpus),
    ]
    for folder in (seeds / name, KEPT_SEEDS / name):
        if folder.is_dir():
            arguments.append(str(folder))
    (seeds / name).mkdir(parents=True, exist_ok=True)
    atheris.Setup(arguments, one)
    try:
        atheris.Fuzz()
    finally:
        count.write_text(str(tries))
        shutil.rmtree(work, ignore_errors=True)


def keep(folder: Path, data: bytes, problem: str) -> None:
    """Keep the first input of each kind of problem."""
    folder.mkdir(parents=True, exist_ok=True)
    kind = "".join(letter if letter.isalnum() else "-" for letter in problem[:60])
    file = folder / f"lost-{kind}"
    if not file.exists():
        file.write_bytes(data)
        print(f"{folder.name}: {problem}", flush=True)


def run_all(names: list[str], minutes: float, seeds: Path) -> Iterator[Trial]:
    with tempfile.TemporaryDirectory() as place:
        counts = {name: Path(place) / name for name in names}
        ends = time.monotonic() + 60 * minutes
        totals = dict.fromkeys(names, 0)
        running: dict[str, subprocess.Popen[Any]] = {}

        def start(name: str) -> None:
            seconds = ends - time.monotonic()
            command = [sys.executable, __file__, "--one", name, str(seconds), str(seeds)]
            quiet = open(Path(place) / f"{name}.log", "ab")  # noqa: SIM115
            running[name] = subprocess.Popen(
                [*command, str(counts[name])], stdout=quiet, stderr=quiet
            )

        for name in names:
            start(name)
        while running:
            time.sleep(1)
            for name, process in list(running.items()):
                if process.poll() is None:
                    continue
                del running[name]
                file = counts[name]
                totals[name] += int((file.read_text() if file.is_file() else "") or 0)
                file.unlink(missing_ok=True)
                if process.returncode != 0:
                    print(f"{name} ended with {process.returncode}", flush=True)
                    tail = (Path(place) / f"{name}.log").read_text(errors="replace")[-2000:]
                    print(tail, flush=True)
                if process.returncode != 0 and ends - time.monotonic() > 60:
                    start(name)
        for name in names:
            losses = len(list((seeds / name).glob("lost-*"))) + len(
                [f for f in (seeds / name).glob("died-*") if "slow-unit" not in f.name]
            )
            yield Trial(name, totals[name], totals[name] - losses)


def main() -> int:
    if sys.argv[1:2] == ["--one"]:
        _, _, name, seconds, seeds, count = sys.argv
        fuzz(name, float(seconds), Path(seeds), Path(count))
        return 0
    arguments = parser(__doc__)
    arguments.add_argument("readers", nargs="*", metavar="READER", help=", ".join(READERS))
    arguments.add_argument("--minutes", type=float, default=1)
    arguments.add_argument("--seeds", type=Path, default=Path("fuzz_seeds"))
    options = arguments.parse_args()
    unknown = set(options.readers) - READERS.keys()
    if unknown:
        arguments.error(f"there is no reader {', '.join(unknown)}")
    names = options.readers or list(READERS)
    return report(list(run_all(names, options.minutes, options.seeds.resolve())), options.json)


if __name__ == "__main__":
    sys.exit(main())
