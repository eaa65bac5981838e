"""What activations are found by in the cache: how they were computed is part of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny import DuckAdapter
from tiny_folder import TINY_SAMPLES

from diffviews_desktop.adapters import registry
from diffviews_desktop.data.folder.sample_files import ModelSamples
from diffviews_desktop.engine import activations
from diffviews_desktop.engine.activations import Activations, device_kind, numerics_of
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.mapping import Extract, LayersExtracted, MapLayer
from diffviews_desktop.errors import UsageError
from diffviews_desktop.values.folders import FolderRef, Overrides
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.maps import LayerMap, MapSpec
from diffviews_desktop.values.models import FLOAT32_ON_CPU, Numerics
from diffviews_desktop.values.told import OWN_CONDITION

STEM = 4 * 6 * 6  # values of a sample


class ChoosyDuck(DuckAdapter):
    """Runs in the precision that was asked for, on the CPU, too."""

    device = "cpu"

    @classmethod
    def from_checkpoint(
        cls, checkpoint_path: Any, device: str = "auto", precision: str = "float32", **kwargs: Any
    ) -> Any:
        return cls(getattr(torch, precision))


class FixedDuck(DuckAdapter):
    """Runs in float32, whatever was asked for."""

    device = "cpu"
    precision = "float32"


@pytest.fixture
def source(tiny_data: Callable[..., Path]) -> Iterator[FolderRef]:
    registry.discover_adapters()
    before = dict(registry._adapters)
    registry.register_adapter_class("choosy-duck", ChoosyDuck)
    registry.register_adapter_class("fixed-duck", FixedDuck)
    yield FolderRef(tiny_data(embedding=False), overrides=Overrides(adapter="choosy-duck"))
    registry._adapters.clear()
    registry._adapters.update(before)


def on(kind: str) -> Engine:
    """An engine that computes on the CPU and takes it for another kind of device."""
    engine = Engine("cpu", threads=1)
    engine.workspace.model._device_kind = kind  # type: ignore[misc]
    return engine


def of_precision(folder: FolderRef, precision: str) -> FolderRef:
    return replace(folder, overrides=replace(folder.overrides, precision=precision))


def map_stem(engine: Engine, source: FolderRef) -> LayerMap:
    result = engine.run(MapLayer(job_id=1, folder=source, spec=MapSpec("tiny", ("stem",))))
    assert isinstance(result, LayerMap)
    return result


def extract_stem(engine: Engine, source: FolderRef) -> LayersExtracted:
    result = engine.run(Extract(job_id=1, folder=source, model="tiny", layer_sets=(("stem",),)))
    assert isinstance(result, LayersExtracted)
    return result


def keys_of(engine: Engine, source: FolderRef, model: str, *layers: str) -> tuple[str, str]:
    """Of a map and of its activations."""
    opened = engine.workspace.open(source, model)
    opened = replace(opened, samples=replace(opened.samples, told=OWN_CONDITION))
    wanted, _ = engine.workspace.maps._look_up(
        opened, MapSpec(model, LayerSet(layers), told=OWN_CONDITION)
    )
    return wanted.key, wanted.activations.key


# ---- precision and device -----------------------------------------------------------------------


@pytest.mark.parametrize("make", [map_stem, extract_stem])
def test_activations_of_another_precision_are_computed(
    source: FolderRef, make: Callable[[Engine, FolderRef], Any]
) -> None:
    make(Engine("cpu", threads=1), source)
    half = of_precision(source, "bfloat16")
    made = map_stem(Engine("cpu", threads=1), half)
    assert not made.from_cache
    matrices = [np.load(f) for f in source.path.glob("tiny/embeddings/layer_cache/*/activ*.npy")]
    in_bfloat16 = [bool((m.view(np.uint32) & 0xFFFF == 0).all()) for m in matrices]
    assert in_bfloat16.count(True) == 1
    assert map_stem(Engine("cpu", threads=1), half).from_cache


def test_activations_of_another_kind_of_device_are_computed(source: FolderRef) -> None:
    map_stem(on("cpu"), source)
    assert not map_stem(on("cuda"), source).from_cache
    assert not map_stem(on("mps"), source).from_cache
    assert map_stem(on("cuda"), source).from_cache
    assert map_stem(on("cpu"), source).from_cache


def test_float32_and_what_the_model_was_made_for_differ_on_cuda(source: FolderRef) -> None:
    map_stem(on("cuda"), source)
    wide = of_precision(source, "float32")
    assert not map_stem(on("cuda"), wide).from_cache
    map_stem(on("cpu"), source)
    assert map_stem(on("cpu"), wide).from_cache


def test_masks_are_of_the_precision_that_the_model_runs_in(source: FolderRef) -> None:
    engine = Engine("cpu", threads=1)
    map_stem(engine, source)
    half = engine.workspace.open(of_precision(source, "bfloat16"), "tiny")
    wanted = activations.activations_of(engine.workspace, half, ("stem",), OWN_CONDITION)
    rows = engine.workspace.maps.activations.rows(wanted, (0, 3))
    assert rows.shape == (2, STEM)
    assert (rows.view(np.uint32) & 0xFFFF == 0).all()


def test_where_a_precision_is_ignored_it_changes_nothing(source: FolderRef) -> None:
    fixed = replace(source, overrides=replace(source.overrides, adapter="fixed-duck"))
    map_stem(Engine("cpu", threads=1), fixed)
    assert map_stem(
        Engine("cpu", threads=1),
        of_precision(fixed, "bfloat16"),
    ).from_cache
    pytest.importorskip("diffusers")
    assert numerics_of("cpu", "bfloat16", "diffusers") == FLOAT32_ON_CPU


def test_what_the_folder_brings_is_the_same_on_every_device(source: FolderRef) -> None:
    folder = source.path / "tiny" / "activations" / "set"
    folder.mkdir(parents=True)
    rows = np.random.default_rng(1).normal(size=(TINY_SAMPLES, STEM)).astype(np.float32)
    np.save(folder / "all.npy", rows)
    (folder / "all.npy.json").write_text(json.dumps({"layers": ["stem"]}))
    map_stem(on("cpu"), source)
    assert map_stem(on("cuda"), of_precision(source, "float16")).from_cache
    # what is extracted all the same is not taken for it
    assert extract_stem(on("cuda"), source).computed == TINY_SAMPLES
    opened = on("cuda").workspace.open(source, "tiny")
    assert not opened.brings(("head",))


@pytest.mark.parametrize(
    ("kind", "precision", "expected"),
    [
        ("cpu", None, FLOAT32_ON_CPU),
        ("cpu", "auto", FLOAT32_ON_CPU),
        ("cpu", "float32", FLOAT32_ON_CPU),
        ("cpu", "bfloat16", Numerics("cpu", "bfloat16")),
        ("cuda", None, Numerics("cuda", "auto")),
        ("cuda", "float32", Numerics("cuda", "float32")),
        ("mps", "auto", Numerics("mps", "auto")),
        ("cuda", "float16", Numerics("cuda", "float16")),
    ],
)
def test_numerics(kind: str, precision: str | None, expected: Numerics) -> None:
    assert numerics_of(kind, precision, "edm") == expected
    assert numerics_of(kind, precision, "no-such-adapter") == expected


def test_kinds_of_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    from diffviews_desktop.adapters import device

    def choose(name: str) -> str:
        if name == "cuda:9":
            raise UsageError("It is not there.")
        return {"auto": "mps"}.get(name, name)

    monkeypatch.setattr(device, "get_device", choose)
    kinds = [device_kind(name) for name in ("cpu", "cuda", "cuda:1", "auto", "cuda:9")]
    assert kinds == ["cpu", "cuda", "cuda", "mps", "cuda"]


# ---- keys of earlier versions -------------------------------------------------------------------


def test_keys_of_float32_on_the_cpu_are_those_of_earlier_versions(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = ["digits-32.safetensors", 5418756, 1795974188107097607]
    monkeypatch.setattr(activations, "identity", lambda checkpoint: written)
    samples = "b9336f58c738336be67dfd7b8c7221fa4cd1cf1be7c6e24eb5bba5db7a2596cf"
    monkeypatch.setattr(ModelSamples, "fingerprint", samples)
    engine = Engine("cpu")
    # they were the demo's default then, whose map has a key of its own
    _, both = keys_of(engine, FolderRef(), "digits", "encoder_bottleneck", "midblock")
    assert both == "ea8af9acb9eab580133c9776ff8ca5e5"
    assert keys_of(engine, FolderRef(), "digits", "midblock") == (
        "13e166350213bd9723e2cd98cc99a5d0",
        "45f3fb2f9bb0f186d69c13a3fabf5777",
    )
    in_full = FolderRef(overrides=Overrides(precision="float32"))
    assert keys_of(engine, in_full, "digits", "midblock") == keys_of(
        engine, FolderRef(), "digits", "midblock"
    )


def test_an_order_of_layers_is_no_other_set(source: FolderRef) -> None:
    engine = Engine("cpu")
    opened = engine.workspace.open(source, "tiny")
    one = activations.activations_to_compute(
        engine.workspace, opened, ("stem", "head"), OWN_CONDITION
    )
    other = activations.activations_to_compute(
        engine.workspace, opened, ["head", "stem", "head"], OWN_CONDITION
    )
    assert one == other == Activations(opened, ("head", "stem"))
    assert one.key == other.key


def test_a_folder_with_activations_of_its_map_opens_without_torch(
    tiny_data: Callable[..., Path],
) -> None:
    data = tiny_data()
    folder = data / "tiny" / "activations" / "set"
    folder.mkdir(parents=True)
    np.save(folder / "all.npy", np.zeros((TINY_SAMPLES, 8), np.float32))
    (folder / "all.npy.json").write_text(json.dumps({"layers": ["midblock"]}))
    script = f"""
import sys
from pathlib import Path
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.opening import OpenData
from diffviews_desktop.values.folders import FolderRef, Overrides
Engine().run(OpenData(job_id=1, folder=FolderRef(Path({str(data)!r}))))
print("torch" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "False"
