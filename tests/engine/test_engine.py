"""The engine, run inline on the demo and on small folders: what it opens and holds, and Cancel."""

from __future__ import annotations

import subprocess
import sys
import traceback
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny import hook_count
from tiny_folder import TINY_SAMPLES, write_tiny_checkpoint
from watched import (
    MAP_STAGES,
    TWO,
    Register,
    Watch,
    cache_files,
    cache_of,
    load,
    make_engine,
    model_of,
    pictures,
    read_map,
    run_generate,
    run_map,
    same_pictures,
)

from diffviews_desktop.adapters.edm import EDMAdapter
from diffviews_desktop.data.folder.demo import Demo
from diffviews_desktop.engine import open_folders
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.opening import (
    DataOpened,
    LoadModel,
    OpenData,
)
from diffviews_desktop.engine.protocol import Progress, StepDone
from diffviews_desktop.errors import (
    Cancelled,
    CheckpointError,
    DataError,
    DiffViewsError,
    OutOfMemoryError,
)
from diffviews_desktop.processing.umap import MapParameters, fit_map
from diffviews_desktop.values.folders import FolderRef, Overrides


@pytest.fixture
def engine(watched_engine: Engine) -> Engine:
    return watched_engine


# ---- folders ------------------------------------------------------------------------------------


def test_the_demo_opens_with_its_own_map(engine: Engine, demo: Path) -> None:
    opened = engine.run(OpenData(job_id=1, folder=FolderRef()))
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


def test_that_the_demo_could_not_be_repaired_is_among_its_problems(
    engine: Engine, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_folders, "ready_demo", lambda: Demo(demo, "It is damaged."))
    opened = engine.run(OpenData(job_id=1, folder=FolderRef(None)))
    assert isinstance(opened, DataOpened)
    assert opened.problems == ("It is damaged.",)


def test_opening_loads_no_torch_and_no_umap(demo: Path) -> None:
    script = """
import sys
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.opening import OpenData
from diffviews_desktop.values.folders import FolderRef
assert Engine().run(OpenData(job_id=1, folder=FolderRef())).layer_map is not None
print(sorted({"torch", "umap", "sklearn", "numba", "scipy", "pandas"} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=240, check=True
    )
    assert done.stdout.strip() == "[]"


def test_opening_again_looks_at_the_disk_again(
    engine: Engine, tiny_data: Callable[..., Path]
) -> None:
    data = tiny_data("one", checkpoint=False)
    first = engine.run(OpenData(job_id=1, folder=FolderRef(data)))
    tiny_data("another", checkpoint=False, samples=7)
    second = engine.run(OpenData(job_id=2, folder=FolderRef(data)))
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
    opened = engine.run(OpenData(job_id=1, folder=FolderRef(data)))
    assert opened.model == "c-good"
    assert any("a-empty-table" in problem for problem in opened.problems)
    assert any("b-no-json" in problem for problem in opened.problems)
    with pytest.raises(DataError, match="a-empty-table"):  # asked for by name: the reason
        engine.run(OpenData(job_id=2, folder=FolderRef(data), model="a-empty-table"))


def test_a_folder_without_a_usable_model_says_why(
    engine: Engine, tiny_data: Callable[..., Path]
) -> None:
    data = tiny_data("only", checkpoint=False)
    (data / "only/embeddings/map.csv").write_text("sample_id,umap_x\n")
    with pytest.raises(DataError, match="lacks the column umap_y"):
        engine.run(OpenData(job_id=1, folder=FolderRef(data)))


def test_max_classes_keeps_the_first_classes_and_their_places(
    engine: Engine, source: FolderRef
) -> None:
    opened = engine.run(OpenData(job_id=1, folder=replace(source, max_classes=2)))
    kept = [i for i in range(TINY_SAMPLES) if i % 5 < 2]
    assert opened.samples.sample_id == tuple(f"sample_{i:06d}" for i in kept)
    assert opened.layer_map is not None
    np.testing.assert_array_equal(opened.layer_map.xy, read_map(source.path / "tiny")[kept])


# ---- the adapter --------------------------------------------------------------------------------


def test_loading_lists_the_layers_with_their_shapes(engine: Engine, source: FolderRef) -> None:
    loaded = engine.run(LoadModel(job_id=1, folder=source, model="tiny"))
    shapes = {layer.name: layer.shape for layer in loaded.layers}
    assert shapes["encoder_block_0"] == (32, 16, 16)
    assert shapes["encoder_bottleneck"] == shapes["midblock"] == (64, 8, 8)
    assert list(shapes)[:3] == ["encoder_block_0", "encoder_block_1", "encoder_block_2"]
    assert (loaded.device, loaded.num_classes, loaded.resolution) == ("cpu", 5, 16)
    seen: dict[str, tuple[int, ...]] = {}
    adapter = engine.workspace.model.held.adapter
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


def test_a_layer_is_cached_once_it_was_mapped(mapped: FolderRef) -> None:
    engine = make_engine()
    loaded = engine.run(LoadModel(job_id=1, folder=mapped, model="tiny"))
    assert [layer.name for layer in loaded.layers if layer.cached] == ["encoder_bottleneck"]


def test_a_map_with_its_projector_beside_it_counts_as_cached(
    engine: Engine, source: FolderRef
) -> None:
    folder = source.path / "tiny"
    rows = np.random.default_rng(0).normal(size=(TINY_SAMPLES, 64 * 8 * 8)).astype(np.float32)
    projector = fit_map(rows, MapParameters(), xy=read_map(folder))
    projector.save(folder / "embeddings" / "map.projector.npz")
    loaded = engine.run(LoadModel(job_id=1, folder=source, model="tiny"))
    assert [layer.name for layer in loaded.layers if layer.cached] == ["midblock"]
    assert run_map(engine, source, "midblock").from_cache


def test_without_a_checkpoint_the_map_is_there_and_the_model_is_not(
    engine: Engine, tiny_data: Callable[..., Path]
) -> None:
    source = FolderRef(tiny_data(checkpoint=False))
    assert engine.run(OpenData(job_id=1, folder=source)).layer_map is not None
    with pytest.raises(DataError, match=r"checkpoints/tiny\.safetensors of tiny is not in"):
        engine.run(LoadModel(job_id=2, folder=source, model="tiny"))
    (source.path / "tiny/config.json").write_text('{"adapter": "edm"}')
    engine.run(OpenData(job_id=3, folder=source))
    with pytest.raises(DataError, match="names no checkpoint"):
        engine.run(LoadModel(job_id=4, folder=source, model="tiny"))


def test_adapter_and_checkpoint_can_be_replaced(
    engine: Engine, tiny_data: Callable[..., Path], tmp_path: Path
) -> None:
    data = tiny_data(checkpoint=False, config={"adapter": "no-such-adapter"})
    write_tiny_checkpoint(tmp_path / "elsewhere.safetensors")
    other = FolderRef(data, overrides=Overrides(checkpoint=str(tmp_path / "elsewhere.safetensors")))
    with pytest.raises(DiffViewsError, match=r"no-such-adapter.*Available: .*edm"):
        engine.run(LoadModel(job_id=1, folder=other, model="tiny"))
    both = replace(other, overrides=replace(other.overrides, adapter="edm"))
    assert engine.run(LoadModel(job_id=2, folder=both, model="tiny")).num_classes == 5


def test_another_model_is_loaded_only_after_the_first_is_gone(
    engine: Engine, tiny_data: Callable[..., Path]
) -> None:
    source = FolderRef(tiny_data())
    tiny_data("second", seed=1)
    tiny_data("broken")
    (source.path / "broken/checkpoints/tiny.safetensors").write_bytes(b"not a checkpoint")
    engine.run(LoadModel(job_id=1, folder=source, model="tiny"))
    run_generate(engine, source)
    first = weakref.ref(model_of(engine))
    engine.run(LoadModel(job_id=2, folder=source, model="second"))
    assert first() is None
    second = weakref.ref(model_of(engine))
    with pytest.raises(CheckpointError, match="not a readable"):
        engine.run(LoadModel(job_id=3, folder=source, model="broken"))
    assert second() is None
    assert engine.run(LoadModel(job_id=4, folder=source, model="tiny")).model == "tiny"


def test_the_same_model_is_not_loaded_twice(engine: Engine, source: FolderRef) -> None:
    engine.run(LoadModel(job_id=1, folder=source, model="tiny"))
    model = model_of(engine)
    run_generate(engine, source)
    engine.run(LoadModel(job_id=2, folder=source, model="tiny"))
    assert model_of(engine) is model


def test_a_checkpoint_that_was_replaced_is_loaded_again(engine: Engine, source: FolderRef) -> None:
    before = run_generate(engine, source, rows=())
    write_tiny_checkpoint(source.path / "tiny/checkpoints/tiny.safetensors", seed=9)
    after = run_generate(engine, source, rows=())
    assert not same_pictures(before, after)


def test_the_number_of_threads_stays_as_asked(
    engine: Engine, watch: Watch, mapped: FolderRef
) -> None:
    seen: list[int] = []
    # umap-learn and scikit-learn change it behind the engine's back
    engine.run(LoadModel(job_id=1, folder=mapped, model="tiny"))
    torch.set_num_threads(2)
    watch.on_event = lambda event: seen.append(torch.get_num_threads())
    run_generate(engine, mapped, layers=("encoder_bottleneck",))
    steps = [
        n
        for n, event in zip(seen, watch.events[-len(seen) :], strict=True)
        if isinstance(event, StepDone)
    ]
    assert steps == [1, 1]


def test_closing_releases_the_model(source: FolderRef) -> None:
    engine = make_engine()
    engine.run(LoadModel(job_id=1, folder=source, model="tiny"))
    model = weakref.ref(model_of(engine))
    engine.close()
    assert model() is None


# ---- little memory ------------------------------------------------------------------------------


class SmallDevice(EDMAdapter):
    """Our own adapter on a device with memory for so many pictures, and none to measure in."""

    room = 4

    def forward(self, x: torch.Tensor, *arguments: Any, **options: Any) -> torch.Tensor:
        if len(x) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")
        return super().forward(x, *arguments, **options)

    def prepare(self) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")


def test_pictures_that_had_to_be_extracted_in_smaller_batches_are_noted(
    register: Register, source: FolderRef, engine: Engine
) -> None:
    register("small", SmallDevice)
    (source.path / "tiny/images/imagenet_real/sample_000040.png").unlink()
    plain = run_map(make_engine(), source)
    mapped = run_map(engine, replace(source, overrides=replace(source.overrides, adapter="small")))
    assert mapped.path != plain.path
    np.testing.assert_allclose(mapped.reduced, plain.reduced, atol=1e-3)
    missing, memory = mapped.notes
    assert "sample_000040" in missing
    assert memory == "The device ran out of memory, so pictures were extracted 4 at a time."
    assert plain.notes == (missing,)
    assert hook_count(model_of(engine)) == 0


def test_a_run_that_had_to_be_computed_in_parts_is_noted(
    register: Register, source: FolderRef, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    register("small", SmallDevice)
    monkeypatch.setattr(SmallDevice, "room", 1)
    small = replace(source, overrides=replace(source.overrides, adapter="small"))
    alone = replace(TWO, sampler="heun")
    guided = replace(alone, guidance_scale=2.0)  # two rows a step
    plain = run_generate(engine, source, settings=guided)
    run = run_generate(engine, small, settings=guided)
    assert plain.notes == ()
    assert run.notes == ("cpu ran out of memory: pictures are computed 1 at a time.",)
    for one, other in zip(pictures(plain), pictures(run), strict=True):
        assert np.abs(one.astype(int) - other.astype(int)).max() <= 1
    assert run_generate(engine, small, settings=alone).notes == ()  # one row fits


def test_a_device_without_memory_for_one_picture(
    register: Register, source: FolderRef, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    register("small", SmallDevice)
    monkeypatch.setattr(SmallDevice, "room", 0)
    small = replace(source, overrides=replace(source.overrides, adapter="small"))
    with pytest.raises(OutOfMemoryError, match="not enough memory for a single picture"):
        run_map(engine, small)
    assert cache_files(source.path) == []
    assert hook_count(model_of(engine)) == 0


# ---- cancel -------------------------------------------------------------------------------------


def test_a_map_tells_of_these_stages(engine: Engine, watch: Watch, source: FolderRef) -> None:
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


@pytest.mark.parametrize(
    ("stage", "skip"),
    [*((stage, 0) for stage in MAP_STAGES), *((stage, 2) for stage in MAP_STAGES[:-1])],
)
def test_a_cancelled_map_leaves_nothing_but_finished_rows(
    engine: Engine, watch: Watch, source: FolderRef, stage: str, skip: int
) -> None:
    watch.cancel_at, watch.skip = stage, skip
    # the error is kept, with all its frames: what it leaves must be gone without their end
    with pytest.raises(Cancelled) as kept:
        run_map(engine, source, "encoder_bottleneck")
    left = list(cache_of(source.path).iterdir()) if cache_of(source.path).exists() else []
    extracted = stage not in ("loading the model", "extracting")
    assert all(path.name.startswith(".partial-") for path in left)
    assert len(left) == 1 or not extracted
    if engine.workspace.model.held is not None:
        assert hook_count(model_of(engine)) == 0
    assert traceback.format_exception(kept.value)
    watch.cancel_at = None
    watch.events.clear()
    again = run_map(engine, source, "encoder_bottleneck")
    assert again.from_cache is False
    if extracted:  # finished rows are not computed again
        assert [e.detail for e in watch.events if getattr(e, "stage", "") == "extracting"] == [""]
    assert [path.name for path in cache_of(source.path).iterdir()] == [again.path.name]
    same = run_map(make_engine(), source, "encoder_bottleneck")
    assert same.from_cache
    np.testing.assert_array_equal(again.xy, same.xy)


@pytest.mark.parametrize("skip", range(5))
def test_a_cancelled_opening_leaves_what_was_open(
    engine: Engine, watch: Watch, source: FolderRef, tiny_data: Callable[..., Path], skip: int
) -> None:
    loaded = load(engine, source)
    other = FolderRef(tiny_data("other"))
    watch.events.clear()
    watch.cancel_at, watch.skip = "reading samples", skip
    with pytest.raises(Cancelled):
        engine.run(OpenData(job_id=3, folder=other))
    watch.cancel_at = None
    assert load(engine, source) == loaded
    assert "loading the model" not in watch.stages
    opened = engine.run(OpenData(job_id=3, folder=other))
    assert isinstance(opened, DataOpened)
    assert len(opened.samples) == TINY_SAMPLES


def test_looking_for_models_can_be_cancelled(tmp_path: Path) -> None:
    for i in range(20):
        (tmp_path / f"model {i}").mkdir()
        (tmp_path / f"model {i}" / "config.json").write_text("{}")
    asked = 0

    def cancelled(job_id: int) -> bool:
        nonlocal asked
        asked += 1
        return asked == 35

    with pytest.raises(Cancelled):
        Engine("cpu", cancelled=cancelled).run(OpenData(job_id=1, folder=FolderRef(tmp_path)))
