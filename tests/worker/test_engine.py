"""The engine, run inline on the demo and on small folders."""

from __future__ import annotations

import csv
import gc
import json
import math
import subprocess
import sys
import traceback
import weakref
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from tiny import hook_count
from tiny_folder import TINY_SAMPLES, write_tiny_checkpoint, write_tiny_model

from diffviews_desktop.errors import Cancelled, CheckpointError, DataError, DiffViewsError
from diffviews_desktop.processing.umap import MapParameters, fit_map
from diffviews_desktop.worker.engine import Engine
from diffviews_desktop.worker.jobs import (
    Event,
    Generate,
    GenerateSettings,
    Job,
    LayerMap,
    LoadModel,
    MapLayer,
    OpenData,
    Progress,
    RunStarted,
    Source,
    StepDone,
    Trajectory,
)

FIVE = GenerateSettings(num_steps=5, mask_steps=5, noise_mode="fixed", seed=7)
TWO = replace(FIVE, num_steps=2, mask_steps=2)


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
    watch = watch or Watch()
    return Engine("cpu", threads=1, emit=watch.emit, cancelled=watch.cancelled, **options)


def generate_job(source: Source, **changes: Any) -> Generate:
    values: dict[str, Any] = {
        "job_id": 5,
        "source": source,
        "model": "tiny",
        "layers": ("midblock",),
        "rows": (3, 14, 15),
        "class_choice": 1,
        "settings": TWO,
    }
    return Generate(**{**values, **changes})


def run_generate(engine: Engine, source: Source, **changes: Any) -> Trajectory:
    result = engine.run(generate_job(source, **changes))
    assert isinstance(result, Trajectory)
    return result


def run_map(engine: Engine, source: Source, *layers: str, model: str = "tiny") -> LayerMap:
    result = engine.run(MapLayer(job_id=4, source=source, model=model, layers=layers))
    assert isinstance(result, LayerMap)
    return result


def pictures(trajectory: Trajectory) -> list[NDArray[np.uint8]]:
    return [step.image for step in trajectory.steps]


def same_pictures(one: Trajectory, other: Trajectory) -> bool:
    return all(map(np.array_equal, pictures(one), pictures(other)))


def read_map(folder: Path) -> NDArray[np.float32]:
    """The coordinates in a folder's CSV."""
    with next(folder.glob("embeddings/*.csv")).open(newline="", encoding="utf-8") as file:
        rows = [(row["umap_x"], row["umap_y"]) for row in csv.DictReader(file)]
    return np.array(rows, dtype=np.float32)


def cache_of(data: Path, model: str = "tiny") -> Path:
    return data / model / "embeddings" / "layer_cache"


def cache_files(data: Path) -> list[str]:
    root = cache_of(data)
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def model_of(engine: Engine) -> torch.nn.Module:
    assert engine._adapter is not None
    return engine._adapter.model  # type: ignore[attr-defined]


def activations_by_hand(folder: Path, layer: str, rows: list[int]) -> NDArray[np.float64]:
    """Activations ``(n, D)`` of samples, from the files alone: one forward pass a sample."""
    from diffviews_desktop.adapters import registry

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
    """A place on the map: the 15 nearest samples in the reduced space, weighted by 1/distance."""
    with np.load(projector) as stored:
        parts = {name: stored[name].astype(np.float64) for name in stored.files}
    reduced = (row - parts["mean"]) / parts["scale"] @ parts["components"].T
    distance = np.sqrt(((parts["reduced"] - reduced) ** 2).sum(axis=1))
    near = np.argsort(distance)[:15]
    weights = 1 / distance[near]
    return weights @ parts["xy"][near] / weights.sum()


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def engine(watch: Watch) -> Iterator[Engine]:
    engine = make_engine(watch)
    yield engine
    engine.close()


@pytest.fixture
def source(tiny_data: Callable[..., Path]) -> Source:
    """A folder with the model ``tiny`` and its own map of ``midblock``."""
    return Source(tiny_data())


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> Source:
    """A folder whose bottleneck is in the cache; do not change it."""
    data = tmp_path_factory.mktemp("mapped")
    write_tiny_model(data / "tiny")
    engine = make_engine()
    run_map(engine, Source(data), "encoder_bottleneck")
    engine.close()
    return Source(data)


# ---- folders ------------------------------------------------------------------------------------


def test_the_demo_opens_with_its_own_map(engine: Engine, demo: Path) -> None:
    opened = engine.run(OpenData(job_id=1, source=Source()))
    assert opened.is_demo
    assert opened.path == demo
    assert opened.problems == ()
    assert opened.model == "digits"
    assert opened.layer_map is not None
    assert opened.layer_map.layers == opened.default_layers
    np.testing.assert_array_equal(opened.layer_map.xy, read_map(demo / "digits"))
    # the reduced rows came with it: Suggest can search in activation space at once
    assert opened.layer_map.reduced is not None
    assert len(opened.layer_map.reduced) == len(opened.samples) == 2000


def test_opening_loads_no_torch_and_no_umap(demo: Path) -> None:
    script = """
import sys
from diffviews_desktop.worker.engine import Engine
from diffviews_desktop.worker.jobs import OpenData, Source
assert Engine().run(OpenData(job_id=1, source=Source())).layer_map is not None
print(sorted({"torch", "umap", "sklearn", "numba", "scipy", "pandas"} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


def test_opening_again_looks_at_the_disk_again(
    engine: Engine, tiny_data: Callable[..., Path]
) -> None:
    data = tiny_data("one", checkpoint=False)
    first = engine.run(OpenData(job_id=1, source=Source(data)))
    tiny_data("another", checkpoint=False, samples=7)
    second = engine.run(OpenData(job_id=2, source=Source(data)))
    assert [model.name for model in first.models] == ["one"]
    assert [model.name for model in second.models] == ["another", "one"]
    assert len(second.samples) == 7


def test_a_broken_model_does_not_keep_the_others_from_opening(
    engine: Engine, tiny_data: Callable[..., Path]
) -> None:
    data = tiny_data("a-empty-table", checkpoint=False)
    (data / "a-empty-table/embeddings/map.csv").write_text("")
    (data / "a-empty-table/metadata/imagenet_real/dataset_info.json").unlink()
    tiny_data("b-no-json", checkpoint=False)
    (data / "b-no-json/config.json").write_text("{")
    tiny_data("c-good", checkpoint=False)
    opened = engine.run(OpenData(job_id=1, source=Source(data)))
    assert opened.model == "c-good"
    assert any("a-empty-table" in problem for problem in opened.problems)
    assert any("b-no-json" in problem for problem in opened.problems)
    with pytest.raises(DataError, match="a-empty-table"):  # asked for by name: the reason
        engine.run(OpenData(job_id=2, source=Source(data), model="a-empty-table"))


def test_a_folder_without_a_usable_model_says_why(
    engine: Engine, tiny_data: Callable[..., Path]
) -> None:
    data = tiny_data("only", checkpoint=False)
    (data / "only/embeddings/map.csv").write_text("sample_id,umap_x\n")
    with pytest.raises(DataError, match="lacks the column umap_y"):
        engine.run(OpenData(job_id=1, source=Source(data)))


def test_max_classes_keeps_the_first_classes_and_their_places(
    engine: Engine, source: Source
) -> None:
    opened = engine.run(OpenData(job_id=1, source=replace(source, max_classes=2)))
    kept = [i for i in range(TINY_SAMPLES) if i % 5 < 2]
    assert opened.samples.sample_id == tuple(f"sample_{i:06d}" for i in kept)
    assert opened.layer_map is not None
    np.testing.assert_array_equal(opened.layer_map.xy, read_map(source.path / "tiny")[kept])


# ---- the adapter --------------------------------------------------------------------------------


def test_loading_lists_the_layers_with_their_shapes(engine: Engine, source: Source) -> None:
    loaded = engine.run(LoadModel(job_id=1, source=source, model="tiny"))
    shapes = {layer.name: layer.shape for layer in loaded.layers}
    assert shapes["encoder_block_0"] == (32, 16, 16)
    assert shapes["encoder_bottleneck"] == shapes["midblock"] == (64, 8, 8)
    assert list(shapes)[:3] == ["encoder_block_0", "encoder_block_1", "encoder_block_2"]
    assert (loaded.device, loaded.num_classes, loaded.resolution) == ("cpu", 5, 16)
    seen: dict[str, tuple[int, ...]] = {}
    adapter = engine._adapter
    assert adapter is not None
    handles = [
        handle
        for name in shapes
        for handle in adapter.register_activation_hooks(
            [name], lambda module, args, out, name=name: seen.update({name: tuple(out.shape[1:])})
        )
    ]
    adapter.forward(torch.zeros(1, 1, 16, 16), torch.ones(1), torch.zeros(1, 5))
    assert seen == shapes
    for handle in handles:
        handle.remove()


def test_a_layer_is_cached_once_it_was_mapped(mapped: Source) -> None:
    engine = make_engine()
    loaded = engine.run(LoadModel(job_id=1, source=mapped, model="tiny"))
    assert [layer.name for layer in loaded.layers if layer.cached] == ["encoder_bottleneck"]


def test_a_map_with_its_projector_beside_it_counts_as_cached(
    engine: Engine, source: Source
) -> None:
    folder = source.path / "tiny"
    rows = np.random.default_rng(0).normal(size=(TINY_SAMPLES, 64 * 8 * 8)).astype(np.float32)
    projector = fit_map(rows, MapParameters(), xy=read_map(folder))
    projector.save(folder / "embeddings" / "map.projector.npz")
    loaded = engine.run(LoadModel(job_id=1, source=source, model="tiny"))
    assert [layer.name for layer in loaded.layers if layer.cached] == ["midblock"]
    assert run_map(engine, source, "midblock").from_cache


def test_without_a_checkpoint_the_map_is_there_and_the_model_is_not(
    engine: Engine, tiny_data: Callable[..., Path]
) -> None:
    source = Source(tiny_data(checkpoint=False))
    assert engine.run(OpenData(job_id=1, source=source)).layer_map is not None
    with pytest.raises(DataError, match=r"checkpoints/tiny\.safetensors of tiny is not in"):
        engine.run(LoadModel(job_id=2, source=source, model="tiny"))
    (source.path / "tiny/config.json").write_text('{"adapter": "edm"}')
    engine.run(OpenData(job_id=3, source=source))
    with pytest.raises(DataError, match="names no checkpoint"):
        engine.run(LoadModel(job_id=4, source=source, model="tiny"))


def test_adapter_and_checkpoint_can_be_replaced(
    engine: Engine, tiny_data: Callable[..., Path], tmp_path: Path
) -> None:
    data = tiny_data(checkpoint=False, config={"adapter": "no-such-adapter"})
    write_tiny_checkpoint(tmp_path / "elsewhere.safetensors")
    other = Source(data, checkpoint=str(tmp_path / "elsewhere.safetensors"))
    with pytest.raises(DiffViewsError, match=r"no-such-adapter.*Available: .*edm"):
        engine.run(LoadModel(job_id=1, source=other, model="tiny"))
    both = replace(other, adapter="edm")
    assert engine.run(LoadModel(job_id=2, source=both, model="tiny")).num_classes == 5


def test_another_model_is_loaded_only_after_the_first_is_gone(
    engine: Engine, tiny_data: Callable[..., Path]
) -> None:
    source = Source(tiny_data())
    tiny_data("second", seed=1)
    tiny_data("broken")
    (source.path / "broken/checkpoints/tiny.safetensors").write_bytes(b"not a checkpoint")
    engine.run(LoadModel(job_id=1, source=source, model="tiny"))
    run_generate(engine, source)
    first = weakref.ref(model_of(engine))
    engine.run(LoadModel(job_id=2, source=source, model="second"))
    assert first() is None
    second = weakref.ref(model_of(engine))
    with pytest.raises(CheckpointError, match="not a readable"):
        engine.run(LoadModel(job_id=3, source=source, model="broken"))
    assert second() is None
    assert engine.run(LoadModel(job_id=4, source=source, model="tiny")).model == "tiny"


def test_the_same_model_is_not_loaded_twice(engine: Engine, source: Source) -> None:
    engine.run(LoadModel(job_id=1, source=source, model="tiny"))
    model = model_of(engine)
    run_generate(engine, source)
    engine.run(LoadModel(job_id=2, source=source, model="tiny"))
    assert model_of(engine) is model


def test_a_checkpoint_that_was_replaced_is_loaded_again(engine: Engine, source: Source) -> None:
    before = run_generate(engine, source, rows=())
    write_tiny_checkpoint(source.path / "tiny/checkpoints/tiny.safetensors", seed=9)
    after = run_generate(engine, source, rows=())
    assert not same_pictures(before, after)


def test_the_number_of_threads_stays_as_asked(engine: Engine, watch: Watch, mapped: Source) -> None:
    seen: list[int] = []
    # umap-learn and scikit-learn change it behind the engine's back
    engine.run(LoadModel(job_id=1, source=mapped, model="tiny"))
    torch.set_num_threads(2)
    watch.on_event = lambda event: seen.append(torch.get_num_threads())
    run_generate(engine, mapped, layers=("encoder_bottleneck",))
    steps = [
        n
        for n, event in zip(seen, watch.events[-len(seen) :], strict=True)
        if isinstance(event, StepDone)
    ]
    assert steps == [1, 1]


def test_closing_releases_the_model(source: Source) -> None:
    engine = make_engine()
    engine.run(LoadModel(job_id=1, source=source, model="tiny"))
    model = weakref.ref(model_of(engine))
    engine.close()
    assert model() is None


# ---- maps ---------------------------------------------------------------------------------------


def test_a_map_from_the_cache_is_the_map_that_was_made(
    tiny_data: Callable[..., Path], watch: Watch
) -> None:
    source = Source(tiny_data())
    first = make_engine()
    fresh = run_map(first, source, "encoder_bottleneck")
    again = run_map(first, source, "encoder_bottleneck")
    first.close()
    other = make_engine(watch)
    cached = run_map(other, source, "encoder_bottleneck")
    assert (fresh.from_cache, again.from_cache, cached.from_cache) == (False, True, True)
    assert fresh.xy.shape == (TINY_SAMPLES, 2)
    assert np.isfinite(fresh.xy).all()
    assert np.ptp(fresh.xy, axis=0).min() > 0.1
    for one in (again, cached):
        assert one.xy.tobytes() == fresh.xy.tobytes()
        assert fresh.reduced is not None
        assert one.reduced is not None
        assert one.reduced.tobytes() == fresh.reduced.tobytes()
    assert watch.stages == []  # no model was loaded, nothing was extracted
    assert fresh.path.is_dir()
    assert fresh.path.parent == cache_of(source.path)


def test_what_is_cached_is_what_the_model_computes(mapped: Source) -> None:
    rows = [0, 7, 31, 59]
    stored = np.load(next(cache_of(mapped.path).glob("*/activations.npy")))
    assert stored.shape == (TINY_SAMPLES, 64 * 8 * 8)
    expected = activations_by_hand(mapped.path / "tiny", "encoder_bottleneck", rows)
    np.testing.assert_allclose(stored[rows], expected, atol=1e-4)


def test_default_layers_keep_the_folders_own_coordinates(engine: Engine, source: Source) -> None:
    own = read_map(source.path / "tiny")
    made = run_map(engine, source, "midblock")
    cached = run_map(engine, source)  # no layers: the default
    np.testing.assert_array_equal(made.xy, own)
    np.testing.assert_array_equal(cached.xy, own)
    assert (made.from_cache, cached.from_cache) == (False, True)
    assert cached.layers == ("midblock",)
    opened = engine.run(OpenData(job_id=9, source=source))
    assert opened.layer_map is not None
    np.testing.assert_array_equal(opened.layer_map.xy, own)
    assert opened.layer_map.reduced is not None


def test_layers_are_sorted_whatever_the_order_asked(engine: Engine, demo: Path) -> None:
    mapped = run_map(engine, Source(), "midblock", "encoder_bottleneck", model="digits")
    assert mapped.from_cache
    assert mapped.label == "encoder_bottleneck+midblock"


def test_a_folder_without_a_map_maps_its_bottleneck(
    engine: Engine, tiny_data: Callable[..., Path]
) -> None:
    source = Source(tiny_data(embedding=False))
    opened = engine.run(OpenData(job_id=1, source=source))
    assert opened.layer_map is None
    assert opened.default_layers == ()
    mapped = run_map(engine, source)
    assert mapped.layers == ("encoder_bottleneck",)
    assert np.isfinite(mapped.xy).all()
    assert run_generate(engine, source, layers=()).steps[0].imposed_xy is not None


def test_an_unknown_layer_is_refused_and_leaves_nothing(engine: Engine, source: Source) -> None:
    with pytest.raises(DiffViewsError, match=r"The model has no layer 'midbrain'.*midblock"):
        run_map(engine, source, "midbrain")
    with pytest.raises(DiffViewsError, match="The model has no layer 'midbrain'"):
        run_generate(engine, source, layers=("midbrain",))
    assert list(cache_of(source.path).iterdir()) == []


def test_missing_and_broken_pictures_are_left_out_and_counted(
    engine: Engine, source: Source
) -> None:
    pictures = source.path / "tiny/images/imagenet_real"
    (pictures / "sample_000004.png").unlink()
    whole = (pictures / "sample_000040.png").read_bytes()
    (pictures / "sample_000040.png").write_bytes(whole[: len(whole) // 2])
    mapped = run_map(engine, source, "encoder_bottleneck")
    placed = np.isfinite(mapped.xy).all(axis=1)
    assert np.flatnonzero(~placed).tolist() == [4, 40]
    assert mapped.reduced is not None
    np.testing.assert_array_equal(np.isfinite(mapped.reduced).all(axis=1), placed)
    assert mapped.notes == (
        "2 pictures are missing or broken and were left out: sample_000004, sample_000040",
    )
    # neighbours beyond the gap keep their own activation
    expected = activations_by_hand(source.path / "tiny", "encoder_bottleneck", [41, 59]).mean(0)
    place = place_by_hand(expected, mapped.path / "projector.npz")
    run = run_generate(engine, source, layers=("encoder_bottleneck",), rows=(41, 59))
    np.testing.assert_allclose(run.steps[0].imposed_xy, place, atol=1e-3)


def test_no_readable_picture_at_all_is_said(engine: Engine, source: Source) -> None:
    for picture in (source.path / "tiny/images/imagenet_real").iterdir():
        picture.unlink()
    with pytest.raises(DataError, match="None of the 60 pictures can be read"):
        run_map(engine, source, "encoder_bottleneck")
    assert cache_files(source.path) == []


def write_activations(folder: Path, rows: NDArray, *layers: str) -> None:
    directory = folder / "activations" / "imagenet_real"
    directory.mkdir(parents=True)
    np.save(directory / "all.npy", rows)
    (directory / "all.npy.json").write_text(json.dumps({"layers": list(layers)}))


def test_the_folders_own_activations_are_used(
    engine: Engine, watch: Watch, tiny_data: Callable[..., Path]
) -> None:
    source = Source(tiny_data(embedding=False))
    rows = np.random.default_rng(1).normal(size=(TINY_SAMPLES, 64 * 8 * 8)).astype(np.float32)
    write_activations(source.path / "tiny", rows, "midblock")
    mapped = run_map(engine, source, "midblock")
    assert "extracting" not in watch.stages
    assert "loading the model" not in watch.stages
    run = run_generate(engine, source, rows=(2, 50))
    assert "reading the samples' activations" not in watch.stages
    place = place_by_hand(rows[[2, 50]].astype(np.float64).mean(0), mapped.path / "projector.npz")
    np.testing.assert_allclose(run.steps[0].imposed_xy, place, atol=1e-4)
    # of another layer they say nothing
    run_map(engine, source, "encoder_bottleneck")
    assert "extracting" in watch.stages


def test_own_activations_of_a_filtered_table_stay_with_their_samples(
    engine: Engine, tiny_data: Callable[..., Path]
) -> None:
    source = Source(tiny_data(), max_classes=2)
    rows = np.random.default_rng(1).normal(size=(TINY_SAMPLES, 64 * 8 * 8)).astype(np.float32)
    write_activations(source.path / "tiny", rows, "midblock")
    mapped = run_map(engine, source)
    run = run_generate(engine, source, rows=(2, 3))  # samples 5 and 6
    place = place_by_hand(rows[[5, 6]].astype(np.float64).mean(0), mapped.path / "projector.npz")
    np.testing.assert_allclose(run.steps[0].imposed_xy, place, atol=1e-4)


def test_own_activations_of_other_samples_are_refused(engine: Engine, source: Source) -> None:
    write_activations(source.path / "tiny", np.zeros((59, 4096), np.float32), "midblock")
    with pytest.raises(DataError, match="59 rows for 60 samples"):
        run_map(engine, source)


def test_own_activations_that_are_not_finite_are_left_out(
    engine: Engine, tiny_data: Callable[..., Path]
) -> None:
    source = Source(tiny_data())
    rows = np.random.default_rng(1).normal(size=(TINY_SAMPLES, 64 * 8 * 8)).astype(np.float32)
    rows[11, 5], rows[30] = np.nan, np.inf
    write_activations(source.path / "tiny", rows, "midblock")
    mapped = run_map(engine, source)
    assert np.flatnonzero(~np.isfinite(mapped.xy).all(axis=1)).tolist() == [11, 30]
    assert len(mapped.notes) == 1
    assert "sample_000011, sample_000030" in mapped.notes[0]
    with pytest.raises(DiffViewsError, match="not finite"):
        run_generate(engine, source, rows=(11, 12))


def test_activations_in_npz_files_are_not_read_so_the_layer_is_extracted(
    engine: Engine, watch: Watch, source: Source
) -> None:
    directory = source.path / "tiny/activations/imagenet_real"
    directory.mkdir(parents=True)
    np.savez(directory / "sample_000000.npz", midblock=np.zeros(4096, np.float32))
    run_map(engine, source)
    assert "extracting" in watch.stages


def test_with_no_budget_only_the_reduced_rows_are_kept(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_budget = make_engine()
    kept = run_generate(with_budget, source)
    assert any(name.endswith("activations.npy") for name in cache_files(source.path))
    for file in cache_of(source.path).rglob("*.*"):
        file.unlink()

    monkeypatch.setenv("DIFFVIEWS_LAYER_CACHE_MAX_MB", "0")
    watch = Watch()
    engine = make_engine(watch)
    run = run_generate(engine, source)
    names = {Path(name).name for name in cache_files(source.path)}
    assert names == {"entry.json", "projector.npz"}
    assert "reading the samples' activations" in watch.stages
    # the mask from the cache and the one extracted again are the same mask
    assert same_pictures(run, kept)
    np.testing.assert_allclose(run.steps[0].imposed_xy, kept.steps[0].imposed_xy, atol=1e-6)
    assert run_map(make_engine(), source).from_cache


def test_stored_rows_equal_rows_extracted_on_demand(mapped: Source) -> None:
    engine = make_engine()
    engine.run(LoadModel(job_id=1, source=mapped, model="tiny"))
    opened = engine._open(mapped, "tiny")
    layers, rows = ("encoder_bottleneck",), (0, 33, 59)
    stored = engine._rows(opened, layers, rows)
    parts = [part for _, part in engine._extraction(opened, layers).batches(rows)]
    np.testing.assert_allclose(np.concatenate(parts), stored, rtol=0, atol=1e-5)


# ---- generation ---------------------------------------------------------------------------------


def test_a_run_records_what_it_did(engine: Engine, watch: Watch, demo: Path) -> None:
    job = Generate(
        job_id=8,
        source=Source(),
        model="digits",
        layers=("encoder_bottleneck", "midblock"),
        rows=(3, 14, 15),
        class_choice=0,
        settings=replace(FIVE, mask_steps=2),
    )
    run = engine.run(job)
    expected = [80, 30.443, 9.921, 2.609, 0.5]
    np.testing.assert_allclose([step.sigma for step in run.steps], expected, atol=1e-3)
    assert [step.index for step in run.steps] == [0, 1, 2, 3, 4]
    assert (run.job, run.seed, run.class_label, run.device) == (job, 7, 0, "cpu")
    assert [step.imposed_xy is not None for step in run.steps] == [True, True, False, False, False]
    assert run.steps[0].imposed_xy == run.steps[1].imposed_xy
    assert run.image.shape == (32, 32, 1)
    assert run.image.dtype == np.uint8
    assert run.image is run.steps[-1].image
    assert all(np.isfinite([*step.xy, step.distance]).all() for step in run.steps)
    # it told of each step while it ran
    assert [event.step for event in watch.events if isinstance(event, StepDone)] == list(run.steps)
    started = [event for event in watch.events if isinstance(event, RunStarted)]
    assert [(event.job_id, event.seed, event.class_label) for event in started] == [(8, 7, 0)]
    assert {event.job_id for event in watch.events} == {8}
    assert hook_count(model_of(engine)) == 0


def test_seeds_and_noise_modes(engine: Engine, mapped: Source) -> None:
    def run(**changes: Any) -> Trajectory:
        settings = replace(TWO, **changes)
        return run_generate(engine, mapped, layers=("encoder_bottleneck",), settings=settings)

    assert same_pictures(run(seed=7), run(seed=7))
    assert not same_pictures(run(seed=7), run(seed=8))
    assert run(seed=None).seed == 42
    one, other = (run(noise_mode="stochastic", seed=None) for _ in range(2))
    assert one.seed != other.seed
    assert not same_pictures(one, other)
    assert same_pictures(one, run(noise_mode="stochastic", seed=one.seed))
    still = run(noise_mode="zero", seed=1)
    assert same_pictures(still, run(noise_mode="zero", seed=2))
    # no noise at all: what goes in is mid-grey
    assert set(np.unique(still.steps[0].noised)) == {127}


@pytest.mark.parametrize(
    ("choice", "label"), [(0, 0), (4, 4), ("uniform", -1), ("zero", -2), ("random", None)]
)
def test_the_class_used_is_recorded(mapped: Source, choice: Any, label: int | None) -> None:
    engine = make_engine()
    run = run_generate(engine, mapped, layers=("encoder_bottleneck",), class_choice=choice)
    if label is None:
        assert run.class_label in range(5)
    else:
        assert run.class_label == label


def test_no_masked_steps_is_no_mask(engine: Engine, mapped: Source) -> None:
    layers = ("encoder_bottleneck",)
    none = replace(FIVE, mask_steps=0)
    unmasked = run_generate(engine, mapped, layers=layers, rows=(), settings=FIVE)
    never = run_generate(engine, mapped, layers=layers, settings=none)
    masked = run_generate(engine, mapped, layers=layers, settings=FIVE)
    assert same_pictures(never, unmasked)
    assert not same_pictures(masked, unmasked)
    assert all(step.imposed_xy is None for step in (*never.steps, *unmasked.steps))


def test_the_imposed_place_is_that_of_the_mean_activation(engine: Engine, mapped: Source) -> None:
    rows = [3, 14, 15]
    mean = activations_by_hand(mapped.path / "tiny", "encoder_bottleneck", rows).mean(axis=0)
    place = place_by_hand(mean, next(cache_of(mapped.path).glob("*/projector.npz")))
    run = run_generate(engine, mapped, layers=("encoder_bottleneck",), rows=tuple(rows))
    for step in run.steps:
        np.testing.assert_allclose(step.imposed_xy, place, atol=1e-3)
        assert math.dist(step.xy, step.imposed_xy) > 1e-2  # what the layer said is another thing


@pytest.mark.parametrize("row", [-1, 60])
def test_rows_that_do_not_exist_are_refused_before_anything_is_computed(
    engine: Engine, source: Source, row: int
) -> None:
    with pytest.raises(DiffViewsError, match=rf"Sample {row} does not exist \(60 samples\)"):
        run_generate(engine, source, rows=(3, row))
    assert cache_files(source.path) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"num_steps": 0}, "steps must be at least 1"),
        ({"mask_steps": -1}, "masked steps must not be negative"),
        ({"sigma_min": 0.0}, "noise levels"),
        ({"sigma_min": 81.0}, "noise levels"),
        ({"sigma_max": math.nan}, "noise levels"),
        ({"guidance_scale": math.nan}, "guidance"),
        ({"guidance_scale": math.inf}, "guidance"),
        ({"seed": -1}, "seed"),
        ({"noise_mode": "loud"}, "noise mode"),
    ],
)
def test_settings_out_of_range_are_refused(
    engine: Engine, source: Source, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(DiffViewsError, match=reason):
        run_generate(engine, source, settings=replace(TWO, **changes))
    assert cache_files(source.path) == []


def test_a_class_that_the_model_lacks_is_refused_before_a_map_is_made(
    engine: Engine, source: Source
) -> None:
    with pytest.raises(DiffViewsError, match="no class 5: use 0 to 4"):
        run_generate(engine, source, class_choice=5)
    assert cache_files(source.path) == []


def test_a_mask_of_a_sample_without_a_picture_is_refused_by_name(
    engine: Engine, source: Source
) -> None:
    (source.path / "tiny/images/imagenet_real/sample_000014.png").unlink()
    with pytest.raises(DiffViewsError, match="The picture of sample_000014 is missing or broken"):
        run_generate(engine, source, rows=(3, 14, 15))
    run_generate(engine, source, rows=(3, 15))


def test_guidance_changes_the_picture_and_an_unconditional_model_has_no_class(
    engine: Engine, tiny_data: Callable[..., Path], mapped: Source
) -> None:
    layers = ("encoder_bottleneck",)
    guided = replace(TWO, guidance_scale=3.0)
    one = run_generate(engine, mapped, layers=layers)
    assert not same_pictures(one, run_generate(engine, mapped, layers=layers, settings=guided))
    source = Source(tiny_data("free", num_classes=0, channels=3))
    run = run_generate(engine, source, model="free", class_choice="random")
    assert run.class_label == -2
    assert run.image.shape == (16, 16, 3)


# ---- cancel -------------------------------------------------------------------------------------

MAP_STAGES = [
    "loading the model",
    "extracting",
    "reducing",
    "finding neighbours",
    "preparing UMAP",
    "UMAP",
]


def test_a_map_tells_of_these_stages(engine: Engine, watch: Watch, source: Source) -> None:
    run_map(engine, source, "encoder_bottleneck")
    assert watch.stages == MAP_STAGES
    by_stage = {
        stage: [e.fraction for e in watch.events if isinstance(e, Progress) and e.stage == stage]
        for stage in MAP_STAGES[1:]
    }
    for stage, fractions in by_stage.items():
        assert fractions == sorted(fractions), stage
        assert 0 <= fractions[0] <= fractions[-1] <= 1
    assert by_stage["extracting"][-1] == by_stage["UMAP"][-1] == 1
    assert len(by_stage["UMAP"]) > 50


@pytest.mark.parametrize("skip", [0, 2])
@pytest.mark.parametrize("stage", MAP_STAGES)
def test_a_cancelled_map_leaves_nothing_behind(
    engine: Engine, watch: Watch, source: Source, stage: str, skip: int
) -> None:
    watch.cancel_at, watch.skip = stage, skip
    # the error is kept, with all its frames: what it leaves must be gone without their end
    with pytest.raises(Cancelled) as kept:
        run_map(engine, source, "encoder_bottleneck")
    assert list(cache_of(source.path).glob("*")) == list(cache_of(source.path).glob(".*")) == []
    if engine._adapter is not None:
        assert hook_count(model_of(engine)) == 0
    assert traceback.format_exception(kept.value)
    watch.cancel_at = None
    assert run_map(engine, source).from_cache is False


@pytest.mark.parametrize(
    ("stage", "skip"),
    [("loading the model", 0), ("generating", 0), ("generating", 4), ("generating", 20)],
)
def test_a_cancelled_run_leaves_no_hook(
    engine: Engine, watch: Watch, source: Source, stage: str, skip: int
) -> None:
    watch.cancel_at, watch.skip = stage, skip
    with pytest.raises(Cancelled) as kept:
        run_generate(engine, source, settings=FIVE)
    if engine._adapter is not None:
        assert hook_count(model_of(engine)) == 0
    assert traceback.format_exception(kept.value)
    watch.cancel_at = None
    again = run_generate(engine, source, settings=FIVE)
    assert same_pictures(again, run_generate(make_engine(), source, settings=FIVE))


def test_a_cancel_is_heard_inside_a_forward_pass(
    engine: Engine, watch: Watch, source: Source
) -> None:
    run_generate(engine, source)
    reached: list[str] = []
    model = model_of(engine)
    handles = [
        module.register_forward_hook(lambda *_, name=name: reached.append(name))
        for name, module in (
            ("first", model.model.enc["16x16_conv"]),
            ("last", model.model.out_conv),
        )
    ]
    watch.events.clear()
    watch.cancel_at, watch.skip = "generating", 3
    with pytest.raises(Cancelled):
        run_generate(engine, source)
    assert reached == ["first"]
    assert not any(isinstance(event, StepDone) for event in watch.events)
    for handle in handles:
        handle.remove()


def test_a_cancel_while_the_mask_is_extracted_leaves_no_hook(
    engine: Engine, watch: Watch, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIFFVIEWS_LAYER_CACHE_MAX_MB", "0")
    watch.cancel_at, watch.skip = "reading the samples' activations", 2
    with pytest.raises(Cancelled):
        run_generate(engine, source)
    assert hook_count(model_of(engine)) == 0


def test_a_job_cancelled_before_it_begins_does_nothing(source: Source) -> None:
    events: list[Event] = []
    engine = Engine("cpu", emit=events.append, cancelled=lambda job_id: job_id == 3)
    for job in (
        OpenData(job_id=3, source=source),
        LoadModel(job_id=3, source=source, model="tiny"),
        MapLayer(job_id=3, source=source, model="tiny", layers=()),
        generate_job(source, job_id=3),
    ):
        with pytest.raises(Cancelled):
            engine.run(job)
    assert events == []
    assert engine.run(OpenData(job_id=4, source=source)).model == "tiny"


def test_an_unknown_job_is_refused(engine: Engine, source: Source) -> None:
    with pytest.raises(DiffViewsError, match="does not know the job Job"):
        engine.run(Job(job_id=1, source=source))


def test_a_failure_in_the_model_leaves_no_hook_and_the_engine_usable(
    engine: Engine, source: Source
) -> None:
    good = run_generate(engine, source)
    model = model_of(engine)

    def fail(*_: Any) -> None:
        raise RuntimeError("boom")

    handle = model.model.out_conv.register_forward_hook(fail)
    with pytest.raises(RuntimeError, match="boom"):
        run_generate(engine, source)
    handle.remove()
    assert hook_count(model) == 0
    gc.collect()
    assert same_pictures(run_generate(engine, source), good)
