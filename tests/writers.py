"""All that writes files, as functions of a folder; and what names they write under.

A writer whose temporary names can be told beforehand betrays them in a first run, in which every
path that is opened to write, made or renamed to is recorded; links are planted there for a second.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from runs import NO_SAMPLES, made_up_grid, made_up_run
from tiny import CONFIG, DuckAdapter, normal, tiny_model
from tiny_folder import write_tiny_model
from victims import Plan

from diffviews_desktop.adapters.checkpoint import convert_checkpoint, save_checkpoint
from diffviews_desktop.adapters.memory_format import apply_faster_format
from diffviews_desktop.cli.run_files import write_grid, write_run
from diffviews_desktop.core.extractor import ActivationExtractor
from diffviews_desktop.core.generator import save_generated_sample
from diffviews_desktop.data.activations.conversion import convert_folder, convert_to_fast_format
from diffviews_desktop.data.activations.side_car import write_side_car
from diffviews_desktop.data.cache.layer_cache import LayerCache, finish
from diffviews_desktop.data.folder.dataset import open_data_folder, write_embedding_csv
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.mapping import Extract
from diffviews_desktop.engine.jobs.opening import OpenData
from diffviews_desktop.engine.jobs.samples import ExportSamples
from diffviews_desktop.processing.umap import Projector, fit_map, save_embeddings
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.maps import MapParameters

MODEL = "tiny"
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


@dataclass(frozen=True)
class Writer:
    """Something that writes into a folder what is prepared for there."""

    write: Callable[[Path], Any]
    prepare: Callable[[Path], Any] = lambda folder: None


def _archives(folder: Path) -> None:
    write_tiny_model(folder / MODEL, samples=6, checkpoint=False, embedding=False)
    place = folder / MODEL / "activations" / "imagenet_real"
    place.mkdir(parents=True)
    np.savez(place / "batch_000000.npz", midblock=np.zeros((6, 8), np.float32))
    listed = folder / MODEL / "metadata" / "imagenet_real" / "dataset_info.json"
    said = json.loads(listed.read_text())
    for number, sample in enumerate(said["samples"]):
        sample |= {"activation_path": "activations/imagenet_real/batch_000000"}
        sample |= {"batch_index": number}
    listed.write_text(json.dumps(said))


def _data(folder: Path) -> None:
    write_tiny_model(folder / MODEL, samples=6)


def _pickled_checkpoint(folder: Path) -> None:
    torch.save(tiny_model().state_dict(), folder / "model.pt")


def _remembered_format(folder: Path) -> None:
    model = torch.nn.Conv2d(1, 1, 1)
    picture = torch.zeros(1, 1, 4, 4)
    device = torch.device("cpu")
    apply_faster_format(model, lambda: model(picture), device, "key", folder / "formats.json")


def _captured(folder: Path) -> None:
    adapter = DuckAdapter()
    with ActivationExtractor(adapter) as extractor:
        adapter.forward(normal(2, 3, 8, 8), torch.ones(2), torch.zeros(2, 4))
    extractor.save(folder / "captured", {"seed": 1})


def _generated_sample(folder: Path) -> None:
    image = torch.zeros(4, 4, 3, dtype=torch.uint8)
    activations = {"midblock": torch.zeros(1, 2, 2, 2)}
    save_generated_sample(image, activations, {"model": MODEL}, folder, "sample")


@lru_cache
def _projector() -> Projector:
    values = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    return fit_map(values, MapParameters(pca_components=2))


def _embeddings(folder: Path) -> None:
    projector = _projector()
    projector.save(folder / "map.projector.npz")
    save_embeddings(projector.places, {"sample_id": ["a", "b", "c"]}, folder / "map.csv", {"k": 1})


def _cache_entry(folder: Path) -> None:
    cache = LayerCache(folder)
    for key in ("a", "b"):
        with cache.partial(key, (4, 3)) as matrix:
            matrix.rows[:] = 1
            matrix.mark(range(4))
            with cache.writing(key) as entry:
                (entry / "projector.npz").touch()
                matrix.complete(entry)
                finish(entry, {}, ())


def _csv(folder: Path) -> None:
    write_embedding_csv(folder / "map.csv", NO_SAMPLES, np.zeros((0, 2), np.float32))


def _exported(folder: Path) -> None:
    engine, source = Engine("cpu"), FolderRef(folder)
    engine.run(OpenData(job_id=1, folder=source))
    rows = np.arange(3)
    job = ExportSamples(
        job_id=2, folder=source, model=MODEL, rows=rows, columns={}, file=folder / "samples.csv"
    )
    engine.run(job)


def _extracted(folder: Path) -> None:
    job = Extract(
        job_id=1,
        folder=FolderRef(folder),
        model=MODEL,
        layer_sets=(("midblock",),),
        out=folder,
    )
    Engine("cpu", threads=1).run(job)


WRITERS = {
    "convert": Writer(lambda f: convert_folder(open_data_folder(f).model(MODEL)), _archives),
    "convert_to_fast_format": Writer(
        lambda f: convert_to_fast_format(f / MODEL / "activations" / "imagenet_real"), _archives
    ),
    "side-car": Writer(
        lambda f: write_side_car(
            f / "a.npy", layers=["l"], shapes={}, dtype="float32", rows=1, width=1
        )
    ),
    "map --out": Writer(_csv),
    "samples as a table": Writer(_exported, _data),
    "extract --out": Writer(_extracted, _data),
    "save_checkpoint": Writer(
        lambda f: save_checkpoint(f / "m.safetensors", CONFIG, tiny_model().state_dict())
    ),
    "convert-checkpoint": Writer(
        lambda f: convert_checkpoint(
            f / "model.pt", f / "model.safetensors", replace_existing=True
        ),
        _pickled_checkpoint,
    ),
    "memory formats": Writer(_remembered_format),
    "extractor.save": Writer(_captured),
    "save_generated_sample": Writer(_generated_sample),
    "save_embeddings": Writer(_embeddings),
    "generate --out": Writer(lambda f: write_run(made_up_run(1), f, NO_SAMPLES)),
    "generate --out of a grid": Writer(lambda f: write_grid(made_up_grid(1, 3), f)),
    "layer cache": Writer(_cache_entry),
}


# ---- under what names ---------------------------------------------------------------------------

_seen: list[tuple[str, str]] | None = None
_listens = False


def _listen(event: str, arguments: tuple[Any, ...]) -> None:
    if _seen is None:
        return
    if event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING:
        if not isinstance(arguments[0], int):  # else it is open already
            _seen.append((os.fsdecode(arguments[0]), "opened"))
    elif event in ("os.rename", "os.link"):
        _seen.append((os.fsdecode(arguments[1]), "named"))
    elif event == "os.mkdir":
        _seen.append((os.fsdecode(arguments[0]), "folder"))


@contextlib.contextmanager
def _recording() -> Iterator[list[tuple[str, str]]]:
    global _seen, _listens
    if not _listens:
        sys.addaudithook(_listen)
        _listens = True
    _seen = found = []
    try:
        yield found
    finally:
        _seen = None


def plans(writer: Writer, place: Path) -> list[Plan]:
    """All names that a writer writes under, as far as they can be told: those that are the same
    twice. Two folders are made in ``place``."""
    runs = []
    for name in ("first", "second"):
        folder = place / name
        folder.mkdir(parents=True)
        writer.prepare(folder)
        before = {*folder.rglob("*"), folder}
        with _recording() as seen:
            writer.write(folder)
        made = {path: "folder" if path.is_dir() else "named" for path in folder.rglob("*")}
        made |= {Path(path): how for path, how in seen}
        runs.append(
            {
                Plan(path.relative_to(folder).as_posix(), how, path.exists())
                for path, how in made.items()
                if path not in before and path.is_relative_to(folder)
            }
        )
    return sorted(runs[0] & runs[1], key=lambda plan: plan.name)


def former_names(plan: Plan) -> list[Plan]:
    """Those under which earlier versions wrote a file before it was in its place."""
    path = Path(plan.name)
    return [Plan(str(path.with_name(name))) for name in (f"{path.name}.part", f".{path.name}.part")]
