"""An engine that is watched, what the tests have it do, and the same worked out by hand."""

from __future__ import annotations

import csv
import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from diffviews_desktop.adapters import registry
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.drawing import Generate, RunResult
from diffviews_desktop.engine.jobs.mapping import MapLayer
from diffviews_desktop.engine.jobs.opening import (
    LoadModel,
)
from diffviews_desktop.engine.protocol import Event, Progress
from diffviews_desktop.processing.umap import MapParameters
from diffviews_desktop.values.conditions import from_choice
from diffviews_desktop.values.folders import FolderRef, ModelLoaded
from diffviews_desktop.values.interventions import mean_of_samples
from diffviews_desktop.values.maps import LayerMap, MapSpec
from diffviews_desktop.values.sampling import SamplingSettings

FIVE = SamplingSettings(num_steps=5, noise_mode="fixed", seed=7)
Register = Callable[[str, type], None]
TWO = replace(FIVE, num_steps=2)
MAP_STAGES = [
    "loading the model",
    "extracting",
    "reducing",
    "finding neighbours",
    "preparing UMAP",
    "UMAP",
    "judging the map",
    "saving",
]


@dataclass
class Watch:
    """Records the events of an engine and says when to cancel."""

    events: list[Event] = field(default_factory=list)
    cancel_at: str | None = None
    skip: int = 0
    on_event: Callable[[Event], None] = lambda event: None

    def emit(self, event: Event) -> None:
        self.events.append(event)
        self.on_event(event)

    def cancelled(self, job_id: int) -> bool:
        """True from the ``skip``-th time on that it is asked after the stage began."""
        if self.cancel_at is None or self.cancel_at not in self.stages:
            return False
        self.skip -= 1
        return self.skip < 0

    @property
    def stages(self) -> list[str]:
        """The stages seen, each once."""
        named = [event.stage for event in self.events if isinstance(event, Progress)]
        return list(dict.fromkeys(named))


def make_engine(watch: Watch | None = None, **options: Any) -> Engine:
    """An engine on the CPU that a watch looks at."""
    watch = watch or Watch()
    return Engine("cpu", threads=1, emit=watch.emit, cancelled=watch.cancelled, **options)


def generate_job(
    source: FolderRef,
    model: str = "tiny",
    layers: tuple[str, ...] = ("midblock",),
    rows: tuple[int, ...] = (3, 14, 15),
    mask: dict[str, Any] | None = None,
    **changes: Any,
) -> Generate:
    """A job that draws with a mask."""
    values: dict[str, Any] = {
        "job_id": 5,
        "folder": source,
        "spec": MapSpec(model, layers),
        "interventions": mean_of_samples(rows, **(mask or {})),
        "condition": from_choice(1),
        "settings": TWO,
    }
    return Generate(**{**values, **changes})


def run_generate(engine: Engine, source: FolderRef, **changes: Any) -> RunResult:
    """Draw, and the run."""
    result = engine.run(generate_job(source, **changes))
    assert isinstance(result, RunResult)
    return result


def run_map(
    engine: Engine,
    source: FolderRef,
    *layers: str,
    model: str = "tiny",
    parameters: MapParameters | None = None,
) -> LayerMap:
    """Make the map of some layers."""
    spec = MapSpec(model, layers, parameters)
    result = engine.run(MapLayer(job_id=4, folder=source, spec=spec))
    assert isinstance(result, LayerMap)
    return result


def load(engine: Engine, source: FolderRef, model: str = "tiny") -> ModelLoaded:
    """Load a model."""
    result = engine.run(LoadModel(job_id=2, folder=source, model=model))
    assert isinstance(result, ModelLoaded)
    return result


def pictures(run: RunResult) -> list[NDArray[np.uint8]]:
    """The pictures of a run's steps."""
    return [step.image for step in run.steps]


def same_pictures(one: RunResult, other: RunResult) -> bool:
    """Whether two runs drew the same to the byte."""
    return all(map(np.array_equal, pictures(one), pictures(other)))


def read_map(folder: Path) -> NDArray[np.float32]:
    """The coordinates in a folder's CSV."""
    with next(folder.glob("embeddings/*.csv")).open(newline="", encoding="utf-8") as file:
        rows = [(row["umap_x"], row["umap_y"]) for row in csv.DictReader(file)]
    return np.array(rows, dtype=np.float32)


def cache_of(data: Path, model: str = "tiny") -> Path:
    """The folder of a model's cache."""
    return data / model / "embeddings" / "layer_cache"


def cache_files(data: Path) -> list[str]:
    """The files that it holds."""
    root = cache_of(data)
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def model_of(engine: Engine) -> torch.nn.Module:
    """The network that an engine holds."""
    assert engine.workspace.model.held is not None
    return engine.workspace.model.held.adapter.model  # type: ignore[attr-defined]


def activations_by_hand(folder: Path, layer: str, rows: Sequence[int]) -> NDArray[np.float64]:
    """Activations ``(n, D)`` of samples, from the files alone: one forward pass a sample."""

    samples = json.loads((folder / "metadata/imagenet_real/dataset_info.json").read_text())
    checkpoint = next(folder.glob("checkpoints/*"))
    adapter = registry.get_adapter("edm").from_checkpoint(checkpoint, device="cpu").eval()
    seen: list[torch.Tensor] = []
    adapter.register_activation_hooks([layer], lambda module, args, out: seen.append(out.clone()))
    for row in rows:
        sample = samples["samples"][row]
        with Image.open(folder / sample["image_path"]) as picture:
            pixels = torch.from_numpy(np.asarray(picture).astype(np.float32) / 127.5 - 1)[None]
        noise = torch.randn(
            pixels.shape,
            generator=torch.Generator().manual_seed(zlib.crc32(sample["sample_id"].encode())),
        )
        sigma = sample["conditioning_sigma"]
        label = torch.zeros(1, adapter.num_classes)
        label[0, sample["class_label"]] = 1
        with torch.no_grad():
            adapter.forward((pixels + sigma * noise)[None], torch.tensor([sigma]), label)
    return np.stack([tensor.flatten().double().numpy() for tensor in seen])


def place_by_hand(row: NDArray[np.float64], projector: Path) -> NDArray[np.float64]:
    """A place on the map: the 20 nearest samples in the reduced space, weighted by
    ((R - d) / (R d))^3, where R is the distance of the 21st."""
    with np.load(projector) as stored:
        names = ("mean", "scale", "components", "reduced", "xy")
        parts = {name: stored[name].astype(np.float64) for name in names}
    reduced = (row - parts["mean"]) / parts["scale"] @ parts["components"].T
    distance = np.sqrt(((parts["reduced"] - reduced) ** 2).sum(axis=1))
    *near, next_one = np.argsort(distance)[:21]
    reach = distance[next_one]
    weights = ((reach - distance[near]) / (reach * distance[near])) ** 3
    return weights @ parts["xy"][near] / weights.sum()
