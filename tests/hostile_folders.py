"""Data folders that hold anything, opened, mapped, drawn with and exported by the real engine."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import TypeVar

import numpy as np
from made_up import changed_bytes, changed_json, changed_table
from tiny_folder import write_tiny_model

from diffviews_desktop.data.folder.sample_files import write_embedding_csv
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.drawing import Generate, GenerateGrid, RunResult
from diffviews_desktop.engine.jobs.mapping import Extract, MapLayer
from diffviews_desktop.engine.jobs.opening import DataOpened, LoadModel, OpenData
from diffviews_desktop.engine.jobs.samples import AveragePictures, ExportSamples
from diffviews_desktop.engine.protocol import Job
from diffviews_desktop.engine.record import job_of, read_record
from diffviews_desktop.errors import DiffViewsError
from diffviews_desktop.values.conditions import from_choice
from diffviews_desktop.values.folders import FolderRef, ModelLoaded
from diffviews_desktop.values.interventions import mean_of_samples
from diffviews_desktop.values.maps import LayerMap, MapParameters, MapSpec

T = TypeVar("T")

SAMPLES, WIDTH = 12, 64 * 8 * 8
INFO = "metadata/imagenet_real/dataset_info.json"
MATRIX = "activations/imagenet_real/a.npy"
PARAMETERS = MapParameters(n_neighbors=4, pca_components=4)
CHANGES: dict[str, Callable[[bytes, Random], bytes]] = {
    "config.json": changed_json,
    INFO: changed_json,
    "embeddings/map.csv": changed_table,
    "embeddings/map.json": changed_json,
    f"{MATRIX}.json": changed_json,
    MATRIX: changed_bytes,
    "class_labels.json": changed_json,
    "checkpoints/tiny.safetensors": changed_bytes,
}


class HostileFolder:
    """A data folder that is changed again and again.

    Args:
        root: an empty folder.
    """

    def __init__(self, root: Path) -> None:
        self.data, self.out = root / "data", root / "out"
        self._model = self.data / "tiny"
        write_tiny_model(self._model, samples=SAMPLES)
        rows = np.random.default_rng(0).standard_normal((SAMPLES, WIDTH)).astype(np.float32)
        matrix = self._model / MATRIX
        matrix.parent.mkdir(parents=True)
        np.save(matrix, rows)
        said = {"layers": ["midblock"], "num_samples": SAMPLES, "total_features": WIDTH}
        (self._model / f"{MATRIX}.json").write_text(json.dumps(said))
        (self._model / "class_labels.json").write_text(json.dumps({"0": "zero", "1": "one"}))
        self._valid = {name: (self._model / name).read_bytes() for name in CHANGES}
        self._engine = Engine("cpu")

    def restore(self) -> None:
        """Have all its files as they should be, and nothing that was made of others."""
        for name, content in self._valid.items():
            if (self._model / name).read_bytes() != content:
                (self._model / name).write_bytes(content)
        shutil.rmtree(self._model / "embeddings" / "layer_cache", ignore_errors=True)
        shutil.rmtree(self.out, ignore_errors=True)

    def change(self, random: Random) -> list[str]:
        """Change a few of its files, the others being as they should; which they are."""
        self.restore()
        names = random.sample(sorted(CHANGES), random.choice((1, 1, 2, 3)))
        for name in names:
            (self._model / name).write_bytes(CHANGES[name](self._valid[name], random))
        return names

    def use(self, random: Random) -> Iterator[tuple[str, DiffViewsError | None]]:
        """Do every job with it: its name, and with what it was refused; the last one again by a
        record that was changed.

        Whatever else is raised is a fault.
        """
        folder = FolderRef(self.data)
        opened = loaded = mapped = None
        job: Job
        for parameters in (None, PARAMETERS):
            job = OpenData(job_id=1, folder=folder, parameters=parameters)
            opened, refused = self._run(job, DataOpened)
            yield "open", refused
        if opened is None:
            return
        name = opened.model
        job = LoadModel(job_id=1, folder=folder, model=name, parameters=PARAMETERS)
        loaded, refused = self._run(job, ModelLoaded)
        yield "load", refused
        for layers in ((), ("midblock",)):
            job = MapLayer(job_id=1, folder=folder, spec=MapSpec(name, layers, PARAMETERS))
            mapped, refused = self._run(job, LayerMap)
            yield "map", refused
            if mapped is not None:
                table = opened.samples
                self.out.mkdir(exist_ok=True)
                write_embedding_csv(self.out / "map.csv", table, mapped.xy, mapped.z, mapped.trust)
        rows = np.arange(len(opened.samples))[:3]
        job = ExportSamples(
            job_id=1, folder=folder, model=name, rows=rows, columns={}, file=self.out / "a.csv"
        )
        yield "export", self._run(job, object)[1]
        job = AveragePictures(job_id=1, folder=folder, model=name, rows=rows)
        yield "average", self._run(job, object)[1]
        job = Extract(
            job_id=1, folder=folder, model=name, layer_sets=(("midblock",),), out=self.out / "x"
        )
        yield "extract", self._run(job, object)[1]
        if loaded is None:
            return
        settings = replace(loaded.settings, num_steps=1, seed=1)
        for choice in ("random", 0):
            job = Generate(
                job_id=1,
                folder=folder,
                spec=MapSpec(name, (), PARAMETERS),
                interventions=mean_of_samples(tuple(rows.tolist())),
                condition=from_choice(choice),
                settings=settings,
            )
            made, refused = self._run(job, RunResult)
            yield "generate", refused
            if made is not None:
                yield "replay", self._replay(json.loads(json.dumps(made.record)), random)

    def _replay(self, record: object, random: Random) -> DiffViewsError | None:
        (self.out / "record.json").write_bytes(changed_json(json.dumps(record).encode(), random))
        try:
            job = job_of(read_record(self.out / "record.json"))
        except DiffViewsError as error:
            return error
        steps = min(job.settings.num_steps, 3)
        if isinstance(job, GenerateGrid):
            job = replace(job, samples=min(job.samples, 3))
        folder = replace(job.folder, path=self.data)
        job = replace(job, folder=folder, settings=replace(job.settings, num_steps=steps))
        return self._run(job, object)[1]

    def _run(self, job: Job, kind: type[T]) -> tuple[T | None, DiffViewsError | None]:
        try:
            result = self._engine.run(job)
        except DiffViewsError as error:
            return None, error
        assert isinstance(result, kind)
        return result, None
