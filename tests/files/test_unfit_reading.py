"""In the place of every file that the program reads: a pipe, a device, a socket, 30 GB.

Each is refused with a sentence that names the file, or done without, at once and within 1 GB of
memory. A pipe that was opened, or a device that was read, ends the test by its time limit.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_folder import write_tiny_model
from unfit import UNFIT, device, folder, huge, memory_bounded, pipe, put

from diffviews_desktop.adapters import memory_format
from diffviews_desktop.adapters.checkpoint import convert_checkpoint, load_checkpoint
from diffviews_desktop.compat.activations import load_activations, load_fast_activations
from diffviews_desktop.core.masking import load_activation_from_npz
from diffviews_desktop.data.activations.files import open_activation_files
from diffviews_desktop.data.cache.disk import MATRIX
from diffviews_desktop.data.cache.entry import ENTRY, PROJECTOR
from diffviews_desktop.data.cache.layer_cache import LayerCache, finish
from diffviews_desktop.data.cache.partial_matrix import DONE, PARTIAL
from diffviews_desktop.data.folder.dataset import open_data_folder, read_samples
from diffviews_desktop.data.folder.map_table import read_csv
from diffviews_desktop.data.folder.sample_files import metadata_records
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.imports.archive import pictures_of
from diffviews_desktop.engine.imports.labels import find_labels
from diffviews_desktop.engine.jobs.importing import ImportData
from diffviews_desktop.engine.jobs.opening import DataOpened, LoadModel, OpenData
from diffviews_desktop.engine.record import read_record
from diffviews_desktop.errors import DiffViewsError
from diffviews_desktop.pictures.labels.class_map import read_class_map
from diffviews_desktop.processing.projector import Projector
from diffviews_desktop.values.folders import FolderRef

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="files that only Linux has like this"),
    pytest.mark.timeout(120),
]

SAMPLES = 12


@dataclass(frozen=True)
class Kind:
    """A file of a data folder.

    Attributes:
        file: its place in the folder of the model ``tiny``.
        refused: whether nothing can be done without it; else it is passed over, or made again.
        config: what ``config.json`` says instead.
        without: the files that have to go for this one to be read.
        opened: what is opened besides the folder: the model, or its own activations.
    """

    file: str
    refused: bool = True
    config: dict[str, Any] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    opened: str = ""


DIFFUSERS = {"adapter": "diffusers", "checkpoint": "pipeline"}
SET = "activations/imagenet_real"
KINDS = [
    Kind("config.json"),
    Kind("metadata/imagenet_real/dataset_info.json"),
    Kind("embeddings/map.csv"),
    Kind("embeddings/map.csv", without=("metadata",)),
    Kind("embeddings/map.json"),
    Kind("class_labels.json"),
    Kind("imagenet_standard_class_index.json"),
    Kind("../class_labels.json"),
    Kind("checkpoints/tiny.safetensors", opened="model"),
    *(
        Kind(
            f"checkpoints/other{suffix}",
            config={"checkpoint": f"checkpoints/other{suffix}"},
            opened="model",
        )
        for suffix in (".safetensors", ".pkl", ".pt", ".pth", ".bin", "")
    ),
    Kind("checkpoints/model.safetensors", config={"checkpoint": "checkpoints"}, opened="model"),
    Kind("pipeline/model_index.json", config=DIFFUSERS, opened="model"),
    Kind("pipeline/unet/config.json", config=DIFFUSERS, opened="model"),
    Kind("pipeline/unet/diffusion_pytorch_model.safetensors", config=DIFFUSERS, opened="model"),
    Kind(
        "pipeline/unet/diffusion_pytorch_model.bin",
        config=DIFFUSERS,
        opened="model",
        without=("pipeline/unet/diffusion_pytorch_model.safetensors",),
    ),
    Kind("pipeline/scheduler/scheduler_config.json", config=DIFFUSERS, opened="model"),
    Kind(
        "checkpoints/tiny.safetensors", False, {"checkpoint": "checkpoints/tiny.pt"}, opened="model"
    ),
    Kind("embeddings/map.projector.npz", refused=False),
    Kind(f"{SET}/a.npy", opened="activations"),
    Kind(f"{SET}/b.npy", opened="activations"),
    Kind(f"{SET}/a.npy.json", opened="activations"),
    Kind(
        f"{SET}/batch_000000.npz",
        without=(f"{SET}/a.npy", f"{SET}/a.npy.json"),
        opened="activations",
    ),
]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with everything in it. Shared: copy it."""
    diffusers = pytest.importorskip("diffusers")
    root = tmp_path_factory.mktemp("template")
    folder = root / "tiny"
    write_tiny_model(folder, samples=SAMPLES)
    convert_to_pt(folder / "checkpoints")
    unet = diffusers.UNet2DModel(
        sample_size=8,
        block_out_channels=(32,),
        layers_per_block=1,
        norm_num_groups=8,
        down_block_types=("DownBlock2D",),
        up_block_types=("UpBlock2D",),
    )
    diffusers.DDPMPipeline(unet, diffusers.DDPMScheduler()).save_pretrained(folder / "pipeline")
    info = folder / "metadata" / "imagenet_real" / "dataset_info.json"
    samples = json.loads(info.read_text())["samples"]
    for row, sample in enumerate(samples):
        sample |= {"activation_path": f"{SET}/batch_000000", "batch_index": row}
    info.write_text(json.dumps({"samples": samples}))
    activations = folder / SET
    activations.mkdir(parents=True)
    np.save(activations / "a.npy", np.ones((SAMPLES, 4), np.float32))
    (activations / "a.npy.json").write_text(json.dumps({"layers": ["midblock"]}))
    return root


def convert_to_pt(folder: Path) -> None:
    import torch

    state = load_checkpoint(folder / "tiny.safetensors").model.state_dict()
    torch.save(state, folder / "tiny.pt")


def told(data: Path, what: str) -> str:
    """What opening a folder, and what else is asked for, says of problems."""
    engine, source = Engine("cpu", threads=1), FolderRef(data)
    try:
        opened = engine.run(OpenData(job_id=1, folder=source))
        assert isinstance(opened, DataOpened)
        if what == "model":
            engine.run(LoadModel(job_id=2, folder=source, model="tiny"))
        if what == "activations":
            model = open_data_folder(data).model("tiny")
            open_activation_files(model, read_samples(model))
    except DiffViewsError as error:
        return str(error)
    finally:
        engine.close()
    return "\n".join(opened.problems)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.file}-{len(kind.without)}")
def test_what_is_no_file_is_refused_by_name(template: Path, tmp_path: Path, kind: Kind) -> None:
    data = tmp_path / "data"
    shutil.copytree(template, data)
    tiny = data / "tiny"
    for name in kind.without:
        shutil.rmtree(tiny / name) if (tiny / name).is_dir() else (tiny / name).unlink()
    config = json.loads((tiny / "config.json").read_text())
    (tiny / "config.json").write_text(json.dumps({**config, **kind.config}))
    file = (tiny / kind.file).resolve()
    for reason, unfit in UNFIT.items():
        if not kind.refused and unfit not in (pipe, huge):
            continue
        put(unfit, file)
        with memory_bounded():
            said = told(data, kind.opened)
        assert len(said) < 600
        if reason == "30,000 MB" and "JSON" not in said and "CSV" not in said:
            reason = ""  # a file of weights or of activations may be as large as that
        if not kind.refused or "leads out" in said:
            continue
        if unfit is not folder:  # which counts as if nothing were there
            assert file.name in said
            assert reason in said


@pytest.mark.parametrize("unfit", [pipe, device, folder, huge])
@pytest.mark.parametrize("name", [ENTRY, PROJECTOR, MATRIX])
def test_what_is_no_file_in_the_cache_is_a_miss(
    tmp_path: Path, name: str, unfit: Callable[[Path], None]
) -> None:
    cache = LayerCache(tmp_path)
    with cache.writing("a") as entry:
        (entry / PROJECTOR).write_bytes(b"projector")
        np.save(entry / MATRIX, np.ones((2, 2)))
        finish(entry, {"model": "tiny"}, ("midblock",))
    put(unfit, tmp_path / "a" / name)
    with memory_bounded():
        assert cache.open("a") is None
        cache.verify()


@pytest.mark.parametrize("unfit", [pipe, device, folder, huge])
@pytest.mark.parametrize("name", [PARTIAL, DONE, MATRIX])
def test_what_is_no_file_of_an_unfinished_matrix_begins_it_anew(
    tmp_path: Path, name: str, unfit: Callable[[Path], None]
) -> None:
    cache = LayerCache(tmp_path)
    with cache.partial("a", (4, 2)) as matrix:
        matrix.rows[:2] = 1
        matrix.mark(slice(2))
    put(unfit, tmp_path / ".partial-a" / name)
    with memory_bounded():
        cache.entries()
        with cache.partial("a", (4, 2)) as matrix:
            assert not matrix.done.any()


def test_what_is_no_file_in_the_memory_of_formats_is_no_memory(tmp_path: Path) -> None:
    for unfit in UNFIT.values():
        put(unfit, tmp_path / "formats.json")
        with memory_bounded():
            assert memory_format._read(tmp_path / "formats.json") == {}


def labels_of(path: Path) -> None:
    out = path.parent
    job = ImportData(
        job_id=1, folder=FolderRef(out), checkpoint=path, out=out, name="x", labels=path
    )
    find_labels(job, out, ["a.png"])


def unpacked(path: Path) -> None:
    with pictures_of(path, path.parent / "made", path.parent, lambda done: None):
        pass


READERS: dict[str, Callable[[Path], Any]] = {
    "record.json": read_record,
    "record.png": read_record,
    "batch.npz": lambda path: load_activation_from_npz(path, "midblock"),
    "one.npz": load_activations,
    "one.npy": load_fast_activations,
    "one.projector.npz": Projector.load,
    "network.safetensors": load_checkpoint,
    "network.pkl": lambda path: convert_checkpoint(path, path.with_suffix(".safetensors")),
    "table.csv": read_csv,
    "dataset_info.json": metadata_records,
    "labels.csv": labels_of,
    "labels.jsonl": labels_of,
    "map.csv": read_class_map,
    "pictures.zip": unpacked,
}


@pytest.mark.parametrize("name", READERS)
def test_what_is_no_file_is_refused_wherever_it_is_read(tmp_path: Path, name: str) -> None:
    for reason, unfit in UNFIT.items():
        put(unfit, tmp_path / name)
        with memory_bounded(), pytest.raises(DiffViewsError) as caught:
            READERS[name](tmp_path / name)
        assert name in str(caught.value)
        assert reason in str(caught.value) or unfit in (huge, folder)
        assert len(str(caught.value)) < 600
