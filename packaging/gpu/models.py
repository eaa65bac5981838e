"""A network of ImageNet-64's size on the device: its precisions, its memory, and what happens where
there is too little of it. The weights are random.

With ``--quick`` the network is small. On the CPU every precision is float32, and that the memory
does not suffice is simulated.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from figures import Figure, measurement, not_measured, tell, told
from PIL import Image
from tiny import fill_random

from diffviews_desktop.adapters.checkpoint import save_checkpoint
from diffviews_desktop.adapters.edm import EDMAdapter
from diffviews_desktop.adapters.edm_imagenet import IMAGENET_64
from diffviews_desktop.adapters.networks.precond import EDMPrecond
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.drawing import Generate
from diffviews_desktop.engine.jobs.opening import LoadModel
from diffviews_desktop.errors import OutOfMemoryError
from diffviews_desktop.values.conditions import from_choice
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.interventions import mean_of_samples
from diffviews_desktop.values.maps import MapSpec
from diffviews_desktop.values.sampling import SamplingSettings

QUICK = {"model_channels": 32, "num_blocks": 1, "attn_resolutions": [8], "label_dim": 10}
SMALL: dict[str, Any] = {
    **IMAGENET_64,
    **QUICK,
    "img_resolution": 32,
    "model_channels": 16,
    "channel_mult": [1, 2, 4, 4],
}
TOLERANCES = {"float32": 2e-3, "float16": 1e-2, "bfloat16": 5e-2}
"""How far the denoised pictures may be from those of the CPU in float32: the root of the mean
square of the difference, beside that of the pictures. Of float32 it allows for TensorFloat-32,
which cuDNN's convolutions use: 10 bits, as float16 has; bfloat16 has 7."""
LEVELS = (80.0, 2.0, 0.2)
LEFT_OVER = {"cuda": 16.0, "cpu": 1.0}  # MB that may stay after a model has gone
ROOM, BLOCK = 2_000_000, 2**20  # bytes that a device is left, and by which they are taken
WORKSPACES = 128.0  # MB that cuBLAS and cuDNN keep for themselves once they were used
SAMPLES = 8


@dataclass(frozen=True)
class Check:
    """What a part gets: its name, the device, and the larger network's configuration."""

    part: str
    device: str
    config: dict[str, Any]

    @property
    def cuda(self) -> bool:
        return self.device == "cuda"


# ---- precisions ---------------------------------------------------------------------------------


@torch.no_grad()
def forward(check: Check) -> list[Figure]:
    """The denoised pictures in each precision beside those of the CPU."""
    size = (len(LEVELS), 3, check.config["img_resolution"], check.config["img_resolution"])
    generator = torch.Generator().manual_seed(1)
    sigma = torch.tensor(LEVELS)
    x = torch.randn(size, generator=generator) * sigma.reshape(-1, 1, 1, 1)
    labels = torch.eye(check.config["label_dim"])[: len(LEVELS)]
    reference = EDMAdapter(network(check.config), "cpu").forward(x, sigma, labels)
    figures = []
    for precision, tolerance in TOLERANCES.items():
        name = f"{_size_of(check.config)}, {precision}"
        if precision != "float32" and not check.cuda:
            reason = "On the CPU the network runs in float32."
            figures.append(not_measured(check.part, name, reason))
            continue
        adapter = EDMAdapter(network(check.config), check.device, precision=precision)  # type: ignore[arg-type]
        answer = adapter.forward(x, sigma, labels).cpu()
        figures.append(
            measurement(
                check.part, name, _relative_error(answer, reference), "of the RMS", tolerance
            )
        )
    return figures


def _relative_error(answer: torch.Tensor, reference: torch.Tensor) -> float:
    difference = (answer.double() - reference.double()).square().mean().sqrt()
    return float(difference / reference.double().square().mean().sqrt())


def network(config: dict[str, Any], seed: int = 0) -> EDMPrecond:
    """A network with random weights that keep its activations of order 1."""
    model = EDMPrecond(**config)
    fill_random(model, seed)
    return model.requires_grad_(False).eval()


def _size_of(config: dict[str, Any]) -> str:
    meta = torch.device("meta")
    with meta:
        count = sum(parameter.numel() for parameter in EDMPrecond(**config).parameters())
    return f"ADM {config['img_resolution']} ({count / 1e6:.1f} M)"


# ---- memory -------------------------------------------------------------------------------------


def memory(check: Check) -> list[Figure]:
    """What is held once another model was loaded, beside what that one alone took."""
    with _folder(check.config, SMALL) as source:
        engine = Engine(check.device, threads=None)

        def held_with(model: str) -> float:
            engine.run(LoadModel(job_id=1, folder=source, model=model))
            if model == "large":
                engine.run(_drawing(source, model))
            gc.collect()
            return _held_megabytes(check)

        held_with("large")  # what is made once is there then
        first, large, last = (held_with(model) for model in ("small", "large", "small"))
        grown, leftover = large - first, last - first
        limit = LEFT_OVER[check.device]
        increase = told(check.part, "a large model takes memory", grown > limit, f"{grown:.0f} MB")
        name = "held after the switch to a small model"
        figures = [increase, measurement(check.part, name, leftover, "MB", limit)]
        engine.close()
        if check.cuda:
            remainder = torch.cuda.memory_allocated() / 1e6
            figures.append(measurement(check.part, "held once closed", remainder, "MB", WORKSPACES))
        return figures


def _held_megabytes(check: Check) -> float:
    """MB that are held on the device: by the allocator's account, or, on the CPU, by tensors."""
    if check.cuda:
        torch.cuda.synchronize()
        return torch.cuda.memory_reserved() / 1e6
    tensors = [each for each in gc.get_objects() if issubclass(type(each), torch.Tensor)]
    storages = {each.untyped_storage().data_ptr(): each.untyped_storage() for each in tensors}
    return sum(storage.nbytes() for storage in storages.values()) / 1e6


# ---- out of memory ------------------------------------------------------------------------------


def out_of_memory(check: Check) -> list[Figure]:
    """Too little memory to draw and to load in: what is said, and that the engine goes on."""
    with _folder(check.config, SMALL) as source:
        engine = Engine(check.device, threads=None)
        job = _drawing(source, "large")
        engine.run(LoadModel(job_id=1, folder=source, model="large"))
        with _little_memory(check, engine):
            figures = [_refusal(check, "drawing", lambda: engine.run(job))]
        result = engine.run(job)
        figures.append(told(check.part, "draws again once there is memory", result is not None))
        if not check.cuda:
            reason = "A CPU's memory is not used up on purpose."
            return [*figures, not_measured(check.part, "loading is refused", reason)]
        engine.run(LoadModel(job_id=1, folder=source, model="small"))
        load = LoadModel(job_id=1, folder=source, model="large")
        with _little_memory(check, engine):
            figures.append(_refusal(check, "loading", lambda: engine.run(load)))
        loaded = engine.run(load)
        figures.append(told(check.part, "loads again", loaded.model == "large"))
        engine.close()
        return figures


def _refusal(check: Check, subject: str, work: Callable[[], object]) -> Figure:
    """Whether work is refused for lack of memory, with a sentence that says what to do."""
    name = f"{subject} is refused with a sentence"
    try:
        work()
    except OutOfMemoryError as error:
        helps = "--device cpu" in str(error) and str(error).endswith(".")
        return told(check.part, name, helps, str(error))
    except Exception as error:  # whatever else it is, that is wrong, and is told
        return told(check.part, name, False, f"{type(error).__name__}: {error}"[:200])
    return told(check.part, name, False, "There was memory enough.")


@contextlib.contextmanager
def _little_memory(check: Check, engine: Engine) -> Iterator[None]:
    """The device has no more than a few bytes besides what is in use."""
    if check.cuda:
        torch.cuda.empty_cache()
        total = torch.cuda.mem_get_info()[1]
        torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + ROOM) / total)
        ballast: list[torch.Tensor] = []
        try:
            with contextlib.suppress(torch.OutOfMemoryError):
                while True:
                    ballast.append(torch.empty(BLOCK, dtype=torch.uint8, device=check.device))
            yield
        finally:
            ballast.clear()
            torch.cuda.set_per_process_memory_fraction(1.0)
        return

    def fail(*_: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")

    model = engine.workspace.model.held
    assert model is not None
    handles = model.register_activation_hooks(["midblock"], fail)
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


# ---- data folders -------------------------------------------------------------------------------


def _drawing(source: FolderRef, model: str) -> Generate:
    return Generate(
        job_id=2,
        folder=source,
        spec=MapSpec(model, ("midblock",)),
        interventions=mean_of_samples((0, 1, 2)),
        condition=from_choice("zero"),
        settings=SamplingSettings(num_steps=2, seed=0),
    )


@contextlib.contextmanager
def _folder(large: dict[str, Any], small: dict[str, Any]) -> Iterator[FolderRef]:
    """A data folder with two models, ``large`` and ``small``."""
    with tempfile.TemporaryDirectory() as name:
        for model, config in (("large", large), ("small", small)):
            _write_model(Path(name) / model, config)
        yield FolderRef(Path(name))


def _write_model(folder: Path, config: dict[str, Any]) -> None:
    """Some samples on a map, their pictures, and a network."""
    random = np.random.default_rng(0)
    for kind in ("images", "metadata/set", "embeddings"):
        (folder / kind).mkdir(parents=True)
    lines, samples = ["sample_id,umap_x,umap_y"], []
    for number in range(SAMPLES):
        picture = f"images/{number}.png"
        size = (config["img_resolution"], config["img_resolution"], 3)
        Image.fromarray(random.integers(0, 256, size, dtype=np.uint8)).save(folder / picture)
        lines.append(f"{number},{number % 3},{number // 3}")
        samples.append({"sample_id": str(number), "image_path": picture, "conditioning_sigma": 1.0})
    (folder / "metadata/set/dataset_info.json").write_text(json.dumps({"samples": samples}))
    (folder / "embeddings/map.csv").write_text("\n".join(lines) + "\n")
    (folder / "embeddings/map.json").write_text(json.dumps({"layers": ["midblock"]}))
    settings = {"adapter": "edm", "checkpoint": "net.safetensors", "extraction_input": "noised"}
    (folder / "config.json").write_text(json.dumps(settings))
    save_checkpoint(folder / "net.safetensors", config, network(config).state_dict())


CHECKS = {"forward": forward, "memory": memory, "out of memory": out_of_memory}


def main() -> None:
    """Tell the figures of one part."""
    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=CHECKS)
    parser.add_argument("--device", required=True)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    config = {**IMAGENET_64, **QUICK} if options.quick else IMAGENET_64
    tell(CHECKS[options.part](Check(options.part, options.device, config)))


if __name__ == "__main__":
    main()
