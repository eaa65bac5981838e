"""How files of other people are read, each kind by itself, for programs that make such files up.

``benchmarks/attacks/fuzz.py`` changes valid ones for as long as it is let. What took a new way
through the program, or found a fault, it keeps in ``tests/fuzz_seeds``; `test_fuzz_seeds` reads it.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from made_up import changed_bytes, changed_json, changed_table

SAMPLES, WIDTH = 12, 20
INFO = Path("metadata/imagenet_real/dataset_info.json")


@dataclass(frozen=True)
class Reader:
    """One kind of file.

    Attributes:
        prepare: fills an empty folder with what lies beside such a file, and returns valid ones.
            Of several kinds of file that are read together, the first byte says which it is.
        read: puts a file into that folder and reads it as the program does.
        change: changes a file of this kind so that it can still be read for the most part.
    """

    prepare: Callable[[Path], Sequence[bytes]]
    read: Callable[[Path, bytes], object]
    change: Callable[[bytes, Random], bytes] = changed_bytes


def chosen(content: bytes, count: int) -> tuple[int, bytes]:
    """Which of several files it is, and what is in it."""
    return (content[0] % count if content else 0), content[1:]


def as_chosen(*files: bytes) -> list[bytes]:
    return [bytes([number]) + content for number, content in enumerate(files)]


def change_chosen(*ways: Callable[[bytes, Random], bytes]) -> Callable[[bytes, Random], bytes]:
    """A way to change each of several kinds of file."""

    def change(content: bytes, random: Random) -> bytes:
        number, rest = chosen(content, len(ways))
        return content[:1] + ways[number](rest, random)

    return change


def plain(value: object) -> bytes:
    return json.dumps(value).encode()


# ---- checkpoints --------------------------------------------------------------------------------


def _least_model() -> tuple[Any, dict[str, Any]]:
    from persistence import LEAST, filled

    config = {**LEAST, "sigma_data": 0.5}
    return filled("EDMPrecond", config), config


def _pickles(folder: Path) -> list[bytes]:
    from persistence import NUMPY_2, Form, dumps, network

    model, config = _least_model()
    forms = (Form(), Form(scalars=NUMPY_2))
    return [
        dumps({"ema": network(model, config, form)}, protocol)
        for form in forms
        for protocol in (2, 4)
    ]


def _torch_files(folder: Path) -> list[bytes]:
    import torch

    found = []
    for value in (_least_model()[0].state_dict(), {"ema": _least_model()[0].state_dict()}):
        for zipped in (True, False):
            buffer = io.BytesIO()
            torch.save(value, buffer, _use_new_zipfile_serialization=zipped)
            found.append(buffer.getvalue())
    return found


def _safetensors(folder: Path) -> list[bytes]:
    import safetensors.torch

    from diffviews_desktop.adapters.checkpoint import save_checkpoint

    model, config = _least_model()
    save_checkpoint(folder / "valid.safetensors", config, model.state_dict(), {"name": "a.pkl"})
    return [
        (folder / "valid.safetensors").read_bytes(),
        safetensors.torch.save(model.state_dict()),
    ]


def _changed_header(content: bytes, random: Random) -> bytes:
    """A safetensors file whose header is changed, and has the length that it says."""
    length = int.from_bytes(content[:8], "little")
    header = changed_json(content[8 : 8 + length], random)
    return len(header).to_bytes(8, "little") + header + content[8 + length :]


def _read_checkpoint(name: str) -> Callable[[Path, bytes], object]:
    def read(folder: Path, content: bytes) -> object:
        from diffviews_desktop.adapters.checkpoint import load_checkpoint, read_config
        from diffviews_desktop.data.checkpoint_files import find_converted, identity

        path = folder / name
        path.write_bytes(content)
        identity(path)
        find_converted(path.with_suffix(".pkl"))
        read_config(path)
        return load_checkpoint(path)

    return read


_PARTS = (
    "model_index.json",
    "scheduler/scheduler_config.json",
    "unet/config.json",
    "unet/diffusion_pytorch_model.safetensors",
)


def _pipelines(folder: Path) -> list[bytes]:
    """For each of its files a whole pipeline, in which that file is replaced."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import diffusers

        network = diffusers.UNet2DModel(
            sample_size=4,
            in_channels=1,
            out_channels=1,
            block_out_channels=(4,),
            layers_per_block=1,
            norm_num_groups=2,
            down_block_types=("DownBlock2D",),
            up_block_types=("UpBlock2D",),
            add_attention=False,
        )
        pipeline = diffusers.DDPMPipeline(network, diffusers.DDPMScheduler(num_train_timesteps=10))
        for number in range(len(_PARTS)):
            pipeline.save_pretrained(folder / str(number))
    return as_chosen(*((folder / "0" / part).read_bytes() for part in _PARTS))


def _read_pipeline(folder: Path, content: bytes) -> object:
    from diffviews_desktop.adapters.diffusers_unet import DiffusersAdapter

    number, content = chosen(content, len(_PARTS))
    (folder / str(number) / _PARTS[number]).write_bytes(content)
    return DiffusersAdapter.from_checkpoint(folder / str(number), "cpu")


# ---- activations --------------------------------------------------------------------------------


def _rows(dtype: str = "<f4") -> np.ndarray:
    return np.arange(SAMPLES * WIDTH).reshape(SAMPLES, WIDTH).astype(dtype)


def _npy(folder: Path) -> list[bytes]:
    found = []
    for rows in (_rows(), _rows("<f2"), _rows(">f8"), np.asfortranarray(_rows())):
        buffer = io.BytesIO()
        np.save(buffer, rows)
        found.append(buffer.getvalue())
    return found


def _read_npy(folder: Path, content: bytes) -> None:
    from diffviews_desktop.data.arrays import open_matrix
    from diffviews_desktop.data.original import load_fast_activations

    path = folder / "a.npy"
    path.write_bytes(content)
    matrix = open_matrix(path)
    for part in (slice(0, 3), slice(-3, None), [0, -1] if len(matrix) else []):
        assert matrix[part, :5].dtype == matrix.dtype
    for _ in matrix.pieces(slice(0, len(matrix))):
        pass
    load_fast_activations(path)


def _npz(folder: Path) -> list[bytes]:
    found = []
    for save in (np.savez, np.savez_compressed):
        buffer = io.BytesIO()
        layers = {"a": _rows().reshape(SAMPLES, 5, 2, 2), "b": _rows("<f2")[:, :3]}
        save(buffer, **layers)  # type: ignore[arg-type]
        found.append(buffer.getvalue())
    return found


def _read_npz(folder: Path, content: bytes) -> None:
    from diffviews_desktop.data.activation_sources import NpzBatch
    from diffviews_desktop.data.original import load_activations

    path = folder / "a.npz"
    path.write_bytes(content)
    load_activations(path)
    batch = NpzBatch.open(path)
    for _ in batch.blocks(np.arange(batch.rows), None):
        pass


def _side_cars(folder: Path) -> list[bytes]:
    np.save(folder / "a.npy", _rows())
    said = {
        "layers": ["a", "b"],
        "shapes": {"a": [4, 2, 2], "b": 4},
        "total_features": WIDTH,
        "num_samples": SAMPLES,
    }
    ids = [f"s{number}" for number in range(SAMPLES)]
    return [
        plain(said),
        plain({**said, "shapes": [[4, 2, 2], [4]], "sample_ids": ids}),
        plain({"layers": ["a"], "sample_ids": list(range(SAMPLES))}),
    ]


def _read_side_car(folder: Path, content: bytes) -> None:
    from diffviews_desktop.data.activation_sources import NpyMatrix

    (folder / "a.npy.json").write_bytes(content)
    matrix = NpyMatrix.open(folder / "a.npy")
    for layers in [None] if matrix.shapes is None else [None, matrix.layers[:1]]:
        for _ in matrix.blocks(np.arange(3), layers):
            pass


# ---- data folders -------------------------------------------------------------------------------


def _records() -> list[dict[str, Any]]:
    return [
        {
            "sample_id": f"s{number}",
            "class_label": number % 3,
            "class_name": f"class {number % 3}",
            "image_path": f"images/{number}.png",
            "conditioning_sigma": 0.5,
            "activation_path": "activations/imagenet_real/a",
            "batch_index": number,
            "score": number / 7,
            "kind": "ab"[number % 2],
        }
        for number in range(SAMPLES)
    ]


def _table() -> bytes:
    columns = ("sample_id", "class_label", "class_name", "image_path", "conditioning_sigma")
    lines = [",".join((*columns, "umap_x", "umap_y", "umap_z", "kind", "score"))]
    for number, record in enumerate(_records()):
        cells = [record[name] for name in columns]
        lines.append(",".join(map(str, (*cells, number, -number / 3, 0.5, "ab"[number % 2], 1e3))))
    return "\n".join(lines).encode()


def write_folder(model: Path) -> None:
    """A model's folder of a few samples, with activations in a batch."""
    (model / INFO).parent.mkdir(parents=True)
    (model / INFO).write_bytes(plain({"samples": _records()}))
    (model / "config.json").write_bytes(plain({"adapter": "edm"}))
    (model / "embeddings").mkdir()
    (model / "embeddings" / "map.csv").write_bytes(_table())
    (model / "embeddings" / "map.json").write_bytes(plain({"layers": ["a", "b"]}))
    (model / "activations" / "imagenet_real").mkdir(parents=True)
    (model / "activations" / "imagenet_real" / "a.npz").write_bytes(_npz(model)[0])


def _look_at(root: Path) -> None:
    """Open a data folder, and look at everything in it."""
    from diffviews_desktop.data.activation_files import open_activation_files
    from diffviews_desktop.data.dataset import open_data_folder, read_samples
    from diffviews_desktop.data.sample_files import listed_samples, write_embedding_csv
    from diffviews_desktop.errors import DataError

    model = open_data_folder(root).model()
    with contextlib.suppress(DataError):
        model.checkpoint()
    samples = read_samples(model, max_classes=2)
    assert samples.fingerprint
    table = samples.table
    for row in range(min(len(table), 20)):
        table.picture(row)
    table.classes()
    if samples.xy is not None:
        write_embedding_csv(root / "out.csv", table, samples.xy, samples.z)
    files = open_activation_files(model, listed_samples(model))
    if files is not None:
        files.take(range(len(files)))


def _folder_with(name: str | Path, *valid: bytes) -> Reader:
    """A data folder in which one file is replaced."""

    def prepare(folder: Path) -> Sequence[bytes]:
        write_folder(folder / "net")
        return valid

    def read(folder: Path, content: bytes) -> None:
        (folder / "net" / name).write_bytes(content)
        _look_at(folder)

    return Reader(prepare, read, changed_json)


CONFIG = {
    "adapter": "edm",
    "checkpoint": "checkpoints/tiny.safetensors",
    "description": "tiny",
    "sigma_max": 80.0,
    "sigma_min": 0.5,
    "default_steps": 5,
    "guidance_scale": 1,
    "sampler": "heun",
    "extraction_input": "noised",
    "activation_dtype": "float16",
}
LABELS = {"0": "zero", "1": ["n01440764", "tench"], "2": "ü"}


def _maps(folder: Path) -> list[bytes]:
    write_folder(folder / "0" / "net")
    write_folder(folder / "1" / "net")
    for name in ("metadata", "activations"):
        shutil.rmtree(folder / "1" / "net" / name)
    write_folder(folder / "2" / "net")
    return as_chosen(_table(), _table(), plain({"layers": ["a", "b"]}))


def _read_map(folder: Path, content: bytes) -> None:
    number, content = chosen(content, 3)
    name = "map.json" if number == 2 else "map.csv"
    (folder / str(number) / "net" / "embeddings" / name).write_bytes(content)
    _look_at(folder / str(number))


FILES = ("a.png", "b/c.png", "b/d.png")


def _read_labels(folder: Path, content: bytes) -> None:
    from diffviews_desktop.worker.import_labels import find_labels
    from diffviews_desktop.worker.jobs import ImportData, Source

    class Model:
        num_classes = 3
        class_names: dict[int, str] = {0: "zero"}  # noqa: RUF012

    path = folder / "labels.csv"
    path.write_bytes(content)
    job = ImportData(
        job_id=1, source=Source(), checkpoint=path, out=folder, name="net", labels=path,
        images=folder,
    )  # fmt: skip
    find_labels(job, FILES, Model())  # type: ignore[arg-type]


# ---- what the program keeps ---------------------------------------------------------------------


def _projectors(folder: Path) -> list[bytes]:
    from diffviews_desktop.processing.projector import Projector
    from diffviews_desktop.processing.reduction import fit_reduction

    rows = _rows() ** 1.1
    found = []
    for components, z in ((4, None), (None, np.arange(SAMPLES, dtype=np.float32))):
        reduction, reduced = fit_reduction(rows, components)
        trust = None if z is None else np.full(SAMPLES, 0.5, np.float32)
        made = Projector(reduction, reduced, reduced[:, :2], np.arange(SAMPLES), z, trust)
        made.save(folder / "a.npz")
        found.append((folder / "a.npz").read_bytes())
    return found


def _read_projector(folder: Path, content: bytes) -> None:
    from diffviews_desktop.processing.projector import Projector

    (folder / "b.npz").write_bytes(content)
    projector = Projector.load(folder / "b.npz")
    projector.spread(SAMPLES)
    projector.spread_extra(SAMPLES)
    if len(projector.rows):
        projector.transform(np.zeros((2, len(projector.reduction.mean))))


def _cache_files(folder: Path) -> list[bytes]:
    """An entry as it is; the same without its checksum, which is made for it; a partial matrix."""
    from diffviews_desktop.data.layer_cache import LayerCache, create_matrix, finish

    cache = LayerCache(folder / "cache")
    with cache.writing("a") as new:
        (new / "projector.npz").write_bytes(_projectors(folder)[0])
        create_matrix(new, (SAMPLES, WIDTH), np.float32)[:] = 1
        finish(new, {"model": "net", "parameters": {"seed": 1}}, ("a",))
    with cache.partial("p", (SAMPLES, WIDTH), details={"model": "net", "layers": ["a"]}) as matrix:
        matrix.rows[:5] = 2
        matrix.mark(range(5))
    shutil.copytree(folder / "cache", folder / "fresh")
    entry = json.loads((folder / "fresh" / "a" / "entry.json").read_bytes())
    del entry["sha256"]
    old = {
        "format": 1,
        "details": entry["details"],
        "layers": ["a"],
        "projector_sha256": entry["files"]["projector.npz"]["sha256"],
        "activations_bytes": entry["files"]["activations.npy"]["bytes"],
    }
    partial = folder / "fresh" / ".partial-p"
    return [
        *as_chosen(
            (folder / "fresh" / "a" / "entry.json").read_bytes(),
            plain(entry),
            (partial / "partial.json").read_bytes(),
            (partial / "done.log").read_bytes(),
            (partial / "activations.npy").read_bytes(),
        ),
        b"\0" + plain(old),
    ]


def _read_cache(folder: Path, content: bytes) -> None:
    from diffviews_desktop.data import cache_entry
    from diffviews_desktop.data.layer_cache import LayerCache
    from diffviews_desktop.processing.projector import Projector

    number, content = chosen(content, 5)
    root = folder / "cache"
    shutil.rmtree(root)
    shutil.copytree(folder / "fresh", root)
    if number == 1:
        with contextlib.suppress(ValueError, RecursionError):
            value = json.loads(content)
            content = cache_entry._render(value) if isinstance(value, dict) else content
    partial = root / ".partial-p"
    files = (root / "a" / "entry.json",) * 2
    files += (partial / "partial.json", partial / "done.log", partial / "activations.npy")
    files[number].write_bytes(content)
    cache = LayerCache(root)
    cache.entries()
    cache.verify()
    cache.unfinished_bytes()
    cache.read("a", lambda entry: Projector.load(entry.projector))
    with cache.partial("p", (SAMPLES, WIDTH)) as matrix:
        assert matrix.rows.shape == (SAMPLES, WIDTH)
        rows = [row for row in range(SAMPLES) if not matrix.done[row]][:1]
        matrix.rows[rows] = 3
        matrix.mark(rows)
    cache.clear(model="net")


def _records_of_pictures(folder: Path) -> list[bytes]:
    from diffviews_desktop.data.record_files import write_picture

    record = {
        "format": 1,
        "kind": "generate",
        "job": {
            "source": {"path": None},
            "model": "net",
            "layers": ["midblock"],
            "rows": [1, 2],
            "class_choice": "random",
            "settings": {"seed": 3},
        },
        "sample_ids": ["a", "b"],
        "samples": "ff",
        "checkpoint": {"name": "a", "sha256": "00"},
        "masks": {"midblock": "00"},
        "device": "cpu",
        "threads": 1,
        "versions": {"torch": "2"},
    }
    write_picture(folder / "a.png", np.zeros((4, 4, 1), np.uint8), record)
    grid = {**record, "kind": "grid", "job": {**record["job"], "samples": 2, "windows": [[0, 2]]}}
    return [
        *as_chosen(plain(record), (folder / "a.png").read_bytes()),
        b"\0" + plain({"record": grid}),
    ]


def _read_record(folder: Path, content: bytes) -> None:
    from diffviews_desktop.worker.record import differences, read_record, replayed

    number, content = chosen(content, 2)
    path = folder / ("b.png" if number else "b.json")
    path.write_bytes(content)
    record = read_record(path)
    replayed(record)
    differences(record, record.model_dump())


def _pictures(folder: Path) -> list[bytes]:
    from PIL import Image

    rng, found = np.random.default_rng(0), []
    pixels = rng.integers(0, 256, (9, 7, 3), np.uint8)
    for kind in ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"):
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, kind)
        found.append(buffer.getvalue())
    for picture in (
        Image.fromarray(pixels[:, :, 0].astype(np.uint16) * 200),
        Image.fromarray(pixels[:, :, 0].astype(np.float32)),
        Image.fromarray(pixels).convert("P"),
        Image.fromarray(np.dstack([pixels, pixels[:, :, :1]])),
    ):
        buffer = io.BytesIO()
        picture.save(buffer, "TIFF" if picture.mode == "F" else "PNG")
        found.append(buffer.getvalue())
    return found


def _read_picture(folder: Path, content: bytes) -> None:
    from diffviews_desktop.data.pictures import read_picture

    (folder / "a.png").write_bytes(content)
    for channels in (1, 3):
        assert np.isfinite(read_picture(folder / "a.png", 8, channels)).all()


def _settings(folder: Path) -> list[bytes]:
    from PySide6.QtCore import QByteArray, QSettings

    settings = QSettings(str(folder / "a.ini"), QSettings.Format.IniFormat)
    said = {"theme": "dark", "recent": ["/a", "/b"], "map/names": "true", "color_by": "class"}
    for key, value in {**said, "geometry": QByteArray(b"\1\xd9\xd0\xcb"), "number": 3.5}.items():
        settings.setValue(key, value)
    settings.sync()
    return [(folder / "a.ini").read_bytes()]


def _read_settings(folder: Path, content: bytes) -> None:
    from PySide6.QtCore import QSettings

    (folder / "b.ini").write_bytes(content)
    settings = QSettings(str(folder / "b.ini"), QSettings.Format.IniFormat)
    for key in ("theme", "recent", "map/names", "color_by", "geometry", "layout", "number"):
        str(settings.value(key, ""))


READERS = {
    "checkpoint-pickle": Reader(_pickles, _read_checkpoint("a.pkl")),
    "checkpoint-torch": Reader(_torch_files, _read_checkpoint("a.pt")),
    "checkpoint-safetensors": Reader(
        _safetensors, _read_checkpoint("a.safetensors"), _changed_header
    ),
    "diffusers-folder": Reader(
        _pipelines,
        _read_pipeline,
        change_chosen(changed_json, changed_json, changed_json, _changed_header),
    ),
    "npy": Reader(_npy, _read_npy),
    "npz": Reader(_npz, _read_npz),
    "side-car": Reader(_side_cars, _read_side_car, changed_json),
    "config-json": _folder_with("config.json", plain(CONFIG)),
    "samples-json": _folder_with(INFO, plain({"samples": _records()})),
    "class-labels": _folder_with("class_labels.json", plain(LABELS)),
    "map-csv": Reader(_maps, _read_map, change_chosen(changed_table, changed_table, changed_json)),
    "labels-csv": Reader(
        lambda folder: [b"file,class,name\na.png,0,zero\nb/c.png,1,one\n", b"path,label\na.png,x"],
        _read_labels,
        changed_table,
    ),
    "cache-entry": Reader(
        _cache_files,
        _read_cache,
        change_chosen(changed_json, changed_json, changed_json, changed_bytes, changed_bytes),
    ),
    "projector": Reader(_projectors, _read_projector),
    "picture": Reader(_pictures, _read_picture),
    "record": Reader(
        _records_of_pictures, _read_record, change_chosen(changed_json, changed_bytes)
    ),
    "settings": Reader(_settings, _read_settings),
}
