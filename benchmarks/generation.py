"""What a run costs beside the forward passes alone, what guidance costs, and what stays in memory.

    python benchmarks/generation.py [--network demo|ddpmpp …] [--device cpu|cuda] [--repeats N]
                                    [--json FILE]

A run goes through the engine as in the window: run, pictures, places on the map, a mask held
at every step. Its peer is the same number of bare forward passes of the same adapter class, on the
same shapes and threads; goal: 1.05 times. Guidance as one batch is beside two passes a step.
The first step that is told is beside the median of one step. Memory is the growth from 50
generations to ``--generations``, by default 1000; limit: 10 MB. Medians of turns that alternate.
"""

from __future__ import annotations

import gc
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from adapter import NETWORKS
from common import Row, anonymous, in_a_process, isolate, parser, report
from PIL import Image

from diffviews_desktop.adapters.checkpoint import save_checkpoint
from diffviews_desktop.adapters.edm import EDMAdapter
from diffviews_desktop.adapters.model import as_model
from diffviews_desktop.adapters.networks.precond import EDMPrecond
from diffviews_desktop.adapters.sampling import (
    get_denoising_sigmas,
    renoising_steps,
)
from diffviews_desktop.core.denoising import denoise
from diffviews_desktop.data.folder.dataset import open_data_folder
from diffviews_desktop.data.folder.demo import unpack_demo
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.drawing import Generate
from diffviews_desktop.engine.jobs.mapping import MapLayer
from diffviews_desktop.engine.jobs.opening import LoadModel
from diffviews_desktop.engine.protocol import Event, StepDone
from diffviews_desktop.values.conditions import ClassLabel, from_choice
from diffviews_desktop.values.folders import FolderRef, ModelLoaded
from diffviews_desktop.values.interventions import mean_of_samples
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.maps import MapSpec
from diffviews_desktop.values.sampling import Sampler, SamplingSettings

DDPMPP = "DDPM++ of CIFAR-10 (55.7 M)"
WARM_UP = 50
LIMIT_MB = 10.0
LAYER = {"demo": "decoder_block_8", "ddpmpp": "encoder_bottleneck"}


def demo() -> tuple[Path | None, str]:
    """The bundled digits."""
    return None, "digits"


def ddpmpp(folder: Path, count: int = 64) -> tuple[Path, str]:
    """A data folder of a large random network and ``count`` random pictures."""
    model = folder / "net"
    images = model / "images" / "set"
    images.mkdir(parents=True)
    random = np.random.default_rng(0)
    samples = []
    for i in range(count):
        values = random.integers(0, 256, (32, 32, 3), dtype=np.uint8)
        Image.fromarray(values).save(images / f"{i:06d}.png")
        samples.append(
            {
                "sample_id": f"sample_{i:06d}",
                "class_label": i % 10,
                "image_path": f"images/set/{i:06d}.png",
                "conditioning_sigma": 0.5 + 0.1 * (i % 7),
            }
        )
    (model / "metadata" / "set").mkdir(parents=True)
    dataset = json.dumps({"samples": samples})
    (model / "metadata" / "set" / "dataset_info.json").write_text(dataset)
    network = EDMPrecond(**NETWORKS[DDPMPP])
    for parameter in network.parameters():
        parameter.data.normal_(std=0.02)
    save_checkpoint(model / "net.safetensors", NETWORKS[DDPMPP], network.state_dict())
    config = {"adapter": "edm", "checkpoint": "net.safetensors", "extraction_input": "noised"}
    (model / "config.json").write_text(json.dumps(config))
    return folder, "net"


class Bench:
    """A model that is loaded, its map made, in the engine and beside it.

    Args:
        path: the data folder; None for the demo.
        model: its model.
        layer: of the map and the mask.
        threads: of torch.
        device: where the model is.
    """

    def __init__(
        self, path: Path | None, model: str, layer: str, threads: int, device: str = "cpu"
    ) -> None:
        torch.set_num_threads(threads)
        self.events: list[tuple[float, Event]] = []
        self.engine = Engine(device, threads=threads, emit=self._emit)
        source, spec = FolderRef(path), MapSpec(model, LayerSet((layer,)))
        self.job = Generate(
            job_id=2,
            folder=source,
            spec=spec,
            interventions=mean_of_samples((0, 1, 2, 3, 4, 5, 6)),
            condition=from_choice("zero"),
            settings=SamplingSettings(),
        )
        self.engine.run(MapLayer(job_id=1, folder=source, spec=spec))
        loaded = self.engine.run(LoadModel(job_id=1, folder=source, model=model))
        assert isinstance(loaded, ModelLoaded)
        self.settings = replace(loaded.settings, seed=0)
        folder = open_data_folder(unpack_demo() if path is None else path).model(model)
        self.adapter = EDMAdapter.from_checkpoint(folder.checkpoint(), device=device)
        self.adapter.eval()
        self.adapter.prepare()  # the same memory format: the choice is stored
        size = (1, self.adapter.img_channels, self.adapter.resolution, self.adapter.resolution)
        self._x, self._sigma = torch.randn(size, device=device), torch.ones(1, device=device)
        self._labels = torch.zeros(1, self.adapter.num_classes, device=device)

    def _emit(self, event: Event) -> None:
        self.events.append((time.perf_counter(), event))

    def run(self, sampler: Sampler, steps: int) -> tuple[float, float, float]:
        """Seconds of a run with everything, those from its start to its first step, and the median
        of those from one step to the next."""
        self.events.clear()
        settings = replace(self.settings, sampler=sampler, num_steps=steps)
        start = time.perf_counter()
        self.engine.run(replace(self.job, settings=settings))
        duration = time.perf_counter() - start
        told = [moment for moment, event in self.events if isinstance(event, StepDone)]
        # the last Heun step evaluates once
        between = np.diff(told)[: -1 if sampler == "heun" and steps > 2 else None]
        return duration, told[0] - start, float(np.median(between))

    @torch.no_grad()
    def forwards(self, count: int) -> float:
        """Seconds of bare forward passes."""
        start = time.perf_counter()
        for _ in range(count):
            denoised = self.adapter.forward(self._x, self._sigma, self._labels)
        denoised.cpu()  # once it is there
        return time.perf_counter() - start

    def one_batch(self, steps: int) -> float:
        """Seconds of a guided run."""
        generator = torch.Generator().manual_seed(0)
        run = denoise(
            self.adapter,
            conditions=as_model(self.adapter).encode_pair([ClassLabel(3)]),
            sigmas=self._sigmas(steps),
            generator=generator,
            guidance_scale=2.0,
        )
        start = time.perf_counter()
        for _ in run:
            pass
        return time.perf_counter() - start

    @torch.no_grad()
    def two_passes(self, steps: int) -> float:
        """Seconds of the same run, the labels one after the other."""
        generator = torch.Generator().manual_seed(0)
        pair = as_model(self.adapter).encode_pair([ClassLabel(3)])
        assert pair.unconditional is not None

        def predict(x: torch.Tensor, sigma: float) -> torch.Tensor:
            level = torch.full((1,), sigma)
            model = as_model(self.adapter)
            conditional = model.forward(x, level, pair.conditional)
            unconditional = model.forward(x, level, pair.unconditional)
            return (unconditional + 2.0 * (conditional - unconditional)).cpu()

        def noise() -> torch.Tensor:
            return torch.randn(self._x.shape, generator=generator)

        start = time.perf_counter()
        for _ in renoising_steps(predict, noise, self._sigmas(steps).tolist()):
            pass
        return time.perf_counter() - start

    def _sigmas(self, steps: int) -> torch.Tensor:
        return get_denoising_sigmas(steps, self.settings.sigma_max, self.settings.sigma_min)


def alternating(runs: Sequence[Callable[[], Any]], repeats: int) -> list[list[Any]]:
    """What each function gave, called in turns after one call that does not count."""
    results: list[list[Any]] = [[] for _ in runs]
    for repeat in range(repeats + 1):
        order = list(range(len(runs)))
        for which in order if repeat % 2 else reversed(order):
            value = runs[which]()
            if repeat:
                results[which].append(value)
    return results


def measure(bench: Bench, name: str, steps: int, repeats: int) -> list[Row]:
    """Runs, guidance and the first step of one network."""
    rows, first = list[Row](), list[Row]()
    samplers: tuple[Sampler, ...] = ("heun", "renoise")
    for sampler in samplers:
        count = SamplingSettings(num_steps=steps, sampler=sampler).evaluations()
        runs, bare = alternating(
            [lambda: bench.run(sampler, steps), lambda: bench.forwards(count)],  # noqa: B023
            repeats,
        )
        total, start, step = (1e3 * statistics.median(times) for times in zip(*runs, strict=True))
        title = f"{name}: {steps} steps of {sampler}, {count} evaluations"
        rows.append(Row(title, repeats, total, 1e3 * statistics.median(bare), "ms"))
        title = f"{name}: first step of {sampler}, beside one step"
        first.append(Row(title, repeats, start, step, "ms"))
    one, two = alternating(
        [lambda: bench.one_batch(steps), lambda: bench.two_passes(steps)], repeats
    )
    medians = 1e3 * statistics.median(one), 1e3 * statistics.median(two)
    title = f"{name}: guided, {steps} steps, one batch beside two passes"
    return [*rows, *first, Row(title, repeats, *medians, "ms")]


def memory(generations: int) -> dict[str, float | None]:
    """By how many MB the process grows from the first `WARM_UP` generations to the last."""
    bench = Bench(*demo(), LAYER["demo"], 1)
    first = None
    for number in range(generations):
        if number == WARM_UP:
            gc.collect()
            first = anonymous()
        bench.settings = replace(bench.settings, seed=number)
        bench.run("heun" if number % 2 else "renoise", 3)
    gc.collect()
    last = anonymous()
    return {"grown": None if first is None or last is None else last - first}


def one_network(network: str, folder: Path, device: str, threads: int, repeats: int) -> list[Row]:
    """All of one network but its memory."""
    small = network == "demo"
    source = demo() if small else ddpmpp(folder / "data")
    bench = Bench(*source, LAYER[network], threads, device)
    return measure(bench, network, 10 if small else 4, repeats if small else max(3, repeats // 3))


def main() -> None:
    """See the module's text."""
    arguments = parser("Runs beside bare forward passes, guidance, memory.")
    arguments.add_argument("--network", choices=list(LAYER), nargs="+", default=list(LAYER))
    arguments.add_argument("--threads", type=int, default=1)
    arguments.add_argument(
        "--repeats", type=int, default=15, help="of the demo; a third of the other"
    )
    arguments.add_argument("--device", default="cpu")
    arguments.add_argument("--generations", type=int, default=1000, help="0: leave memory out")
    options = arguments.parse_args()
    if 0 < options.generations <= WARM_UP:
        arguments.error(f"--generations must be more than {WARM_UP}")
    rows = []
    with tempfile.TemporaryDirectory() as name:
        isolate(Path(name) / "home")
        # in processes of their own: numpy's threads are then those of torch, too
        for network in options.network:
            numbers = str(options.threads), str(options.repeats)
            words = ["--one", network, name, options.device, *numbers]
            answer = in_a_process(__file__, *words, threads=options.threads)
            rows += [Row(**row) for row in answer["rows"]]
        if options.generations:
            count = options.generations
            # made elsewhere: memory that making a map has freed would hide what is lost
            in_a_process(__file__, "--map")
            grown = in_a_process(__file__, "--memory", str(count))["grown"]
            title = f"demo: memory from {WARM_UP} to {count} generations"
            rows.append(Row(title, count, grown, LIMIT_MB, "MB"))
    report(rows, options.json, "peer or limit")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        which, place, device, *numbers = sys.argv[2:]
        table = one_network(which, Path(place), device, *map(int, numbers))
        print(json.dumps({"rows": [asdict(row) for row in table]}))
    elif sys.argv[1:2] == ["--map"]:
        Bench(*demo(), LAYER["demo"], 1)
        print("{}")
    elif sys.argv[1:2] == ["--memory"]:
        print(json.dumps(memory(int(sys.argv[2]))))
    else:
        main()
