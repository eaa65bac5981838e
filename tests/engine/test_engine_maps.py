"""Maps that the engine makes, and the activations that it computes once."""

from __future__ import annotations

import gc
import json
import shutil
import tempfile
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tiny import hook_count, needs_cuda
from tiny_folder import TINY_SAMPLES
from watched import (
    FIVE,
    MAP_STAGES,
    Watch,
    activations_by_hand,
    cache_files,
    cache_of,
    generate_job,
    make_engine,
    model_of,
    place_by_hand,
    read_map,
    run_generate,
    run_map,
    same_pictures,
)

from diffviews_desktop.engine import extraction, maps
from diffviews_desktop.engine.activations import Activations
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.mapping import Extract, LayersExtracted, MapLayer
from diffviews_desktop.engine.jobs.opening import (
    LoadModel,
    OpenData,
)
from diffviews_desktop.engine.protocol import Event, Job, Progress, StepDone
from diffviews_desktop.errors import (
    Cancelled,
    DataError,
    DiffViewsError,
)
from diffviews_desktop.processing.kernel_store import KernelStore
from diffviews_desktop.processing.umap import MapParameters
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.maps import MapSpec
from diffviews_desktop.values.told import OWN_CONDITION


@pytest.fixture
def engine(watched_engine: Engine) -> Engine:
    return watched_engine


# ---- maps ---------------------------------------------------------------------------------------


def test_a_map_from_the_cache_is_the_map_that_was_made(
    tiny_data: Callable[..., Path], watch: Watch
) -> None:
    source = FolderRef(tiny_data())
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


def test_what_is_cached_is_what_the_model_computes(mapped: FolderRef) -> None:
    rows = [0, 7, 31, 59]
    stored = np.load(next(cache_of(mapped.path).glob("*/activations.npy")))
    assert stored.shape == (TINY_SAMPLES, 64 * 8 * 8)
    expected = activations_by_hand(mapped.path / "tiny", "encoder_bottleneck", rows)
    np.testing.assert_allclose(stored[rows], expected, atol=1e-4)


def test_default_layers_keep_the_folders_own_coordinates(engine: Engine, source: FolderRef) -> None:
    own = read_map(source.path / "tiny")
    made = run_map(engine, source, "midblock")
    cached = run_map(engine, source)  # no layers: the default
    np.testing.assert_array_equal(made.xy, own)
    np.testing.assert_array_equal(cached.xy, own)
    assert (made.from_cache, cached.from_cache) == (False, True)
    assert cached.layers == ("midblock",)
    opened = engine.run(OpenData(job_id=9, folder=source))
    assert opened.layer_map is not None
    np.testing.assert_array_equal(opened.layer_map.xy, own)
    assert opened.layer_map.reduced is not None


def test_layers_are_sorted_whatever_the_order_asked(
    engine: Engine, tiny_data: Callable[..., Path]
) -> None:
    source = FolderRef(tiny_data(layers=("encoder_bottleneck", "midblock")))
    run_map(engine, source, "encoder_bottleneck", "midblock")
    mapped = run_map(engine, source, "midblock", "encoder_bottleneck")
    assert mapped.from_cache
    assert mapped.label == "encoder_bottleneck+midblock"


def test_a_folder_without_a_map_maps_its_bottleneck(
    engine: Engine, tiny_data: Callable[..., Path]
) -> None:
    source = FolderRef(tiny_data(embedding=False))
    opened = engine.run(OpenData(job_id=1, folder=source))
    assert opened.layer_map is None
    assert opened.default_layers == ()
    mapped = run_map(engine, source)
    assert mapped.layers == ("encoder_bottleneck",)
    assert np.isfinite(mapped.xy).all()
    assert run_generate(engine, source, layers=()).steps[0].imposed_xy is not None


def test_an_unknown_layer_is_refused_and_leaves_nothing(engine: Engine, source: FolderRef) -> None:
    with pytest.raises(DiffViewsError, match=r"The model has no layer 'midbrain'.*midblock"):
        run_map(engine, source, "midbrain")
    with pytest.raises(DiffViewsError, match="tiny has no layer 'midbrain'"):
        run_generate(engine, source, layers=("midbrain",))
    assert cache_files(source.path) == []


def test_missing_and_broken_pictures_are_left_out_and_counted(
    engine: Engine, source: FolderRef
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
        "2 pictures were left out: 1 is missing (sample_000004), 1 is damaged (sample_000040)",
    )
    # neighbours beyond the gap keep their own activation
    expected = activations_by_hand(source.path / "tiny", "encoder_bottleneck", [41, 59]).mean(0)
    place = place_by_hand(expected, mapped.path / "projector.npz")
    run = run_generate(engine, source, layers=("encoder_bottleneck",), rows=(41, 59))
    np.testing.assert_allclose(run.steps[0].imposed_xy, place, atol=1e-3)


def test_no_readable_picture_at_all_is_said(engine: Engine, source: FolderRef) -> None:
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
    source = FolderRef(tiny_data(embedding=False))
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
    source = FolderRef(tiny_data(), max_classes=2)
    rows = np.random.default_rng(1).normal(size=(TINY_SAMPLES, 64 * 8 * 8)).astype(np.float32)
    write_activations(source.path / "tiny", rows, "midblock")
    mapped = run_map(engine, source)
    run = run_generate(engine, source, rows=(2, 3))  # samples 5 and 6
    place = place_by_hand(rows[[5, 6]].astype(np.float64).mean(0), mapped.path / "projector.npz")
    np.testing.assert_allclose(run.steps[0].imposed_xy, place, atol=1e-4)


def test_own_activations_of_other_samples_are_refused(engine: Engine, source: FolderRef) -> None:
    write_activations(source.path / "tiny", np.zeros((59, 4096), np.float32), "midblock")
    with pytest.raises(DataError, match="59 rows for the 60 samples"):
        run_map(engine, source)


def test_own_activations_that_are_not_finite_are_left_out(
    engine: Engine, tiny_data: Callable[..., Path]
) -> None:
    source = FolderRef(tiny_data())
    rows = np.random.default_rng(1).normal(size=(TINY_SAMPLES, 64 * 8 * 8)).astype(np.float32)
    rows[11, 5], rows[30] = np.nan, np.inf
    write_activations(source.path / "tiny", rows, "midblock")
    mapped = run_map(engine, source)
    assert np.flatnonzero(~np.isfinite(mapped.xy).all(axis=1)).tolist() == [11, 30]
    assert len(mapped.notes) == 1
    assert "sample_000011, sample_000030" in mapped.notes[0]
    with pytest.raises(DiffViewsError, match="not finite"):
        run_generate(engine, source, rows=(11, 12))


def test_with_no_budget_only_the_reduced_rows_are_kept(
    source: FolderRef, monkeypatch: pytest.MonkeyPatch
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


def test_stored_rows_equal_rows_extracted_on_demand(mapped: FolderRef) -> None:
    engine = make_engine()
    engine.run(LoadModel(job_id=1, folder=mapped, model="tiny"))
    opened = engine.workspace.open(mapped, "tiny")
    layers, rows = ("encoder_bottleneck",), (0, 33, 59)
    stored = engine.workspace.maps.activations.rows(Activations(opened, layers), rows)
    extracted = engine.workspace.maps.activations._extraction(opened, layers, OWN_CONDITION).rows(
        rows
    )
    np.testing.assert_allclose(extracted, stored, rtol=0, atol=1e-5)


# ---- activations are computed once -------------------------------------------------------------


def extract(
    engine: Engine, source: FolderRef, *layer_sets: tuple[str, ...], out: Path | None = None
) -> LayersExtracted:
    job = Extract(job_id=6, folder=source, model="tiny", layer_sets=layer_sets, out=out)
    result = engine.run(job)
    assert isinstance(result, LayersExtracted)
    return result


def test_other_parameters_need_no_other_extraction(source: FolderRef) -> None:
    watch = Watch()
    engine = make_engine(watch)
    first = run_map(engine, source, "encoder_bottleneck")
    watch.events.clear()
    near = MapParameters(n_neighbors=5, n_components=3)
    second = run_map(engine, source, "encoder_bottleneck", parameters=near)
    assert watch.stages == ["finding neighbours", "preparing UMAP", *MAP_STAGES[-3:]]
    assert second.parameters["n_neighbors"] == 5
    assert second.z is not None
    np.testing.assert_array_equal(second.reduced, first.reduced)
    assert not np.allclose(second.xy, first.xy)
    # as if it had been made from nothing
    for path in cache_of(source.path).iterdir():
        shutil.rmtree(path)
    np.testing.assert_array_equal(
        run_map(make_engine(), source, "encoder_bottleneck", parameters=near).xy, second.xy
    )
    # reduced in another way, but from the same rows
    watch.events.clear()
    narrow = MapParameters(pca_components=7)
    run_map(engine, source, "encoder_bottleneck", parameters=narrow)
    assert watch.stages == ["reducing", *MAP_STAGES[3:]]


def test_that_kernels_cannot_be_kept_is_noted_once(
    source: FolderRef, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "file"))
    store = KernelStore(tmp_path / "file" / "numba")
    store.save("layouts.rdist", b"")
    monkeypatch.setattr(maps, "user_store", lambda: store)
    engine = make_engine()
    (note,) = run_map(engine, source, "encoder_bottleneck").notes
    assert note.startswith(f"Compiled kernels cannot be kept in {tmp_path / 'file' / 'numba'} (")
    near = MapParameters(n_neighbors=5)
    store.save("layouts.rdist", b"")
    assert run_map(engine, source, "encoder_bottleneck", parameters=near).notes == ()


def test_layers_extracted_in_one_pass_are_those_of_their_own_passes(
    source: FolderRef, tmp_path: Path
) -> None:
    sets = (("midblock",), ("encoder_bottleneck", "decoder_block_2"))
    watch = Watch()
    done = extract(make_engine(watch), source, *sets)
    assert (done.samples, done.computed, done.files) == (TINY_SAMPLES, TINY_SAMPLES, ())
    assert done.layer_sets == (("midblock",), ("decoder_block_2", "encoder_bottleneck"))
    watch.events.clear()
    engine = make_engine(watch)
    mapped = run_map(engine, source, *sets[1])
    assert [e.detail for e in watch.events if getattr(e, "stage", "") == "extracting"] == [""]
    opened = engine.workspace.open(source, "tiny")
    rows = engine.workspace.maps.activations.rows(
        Activations(opened, mapped.layers), range(TINY_SAMPLES)
    )
    expected = [
        activations_by_hand(source.path / "tiny", layer, range(TINY_SAMPLES))
        for layer in mapped.layers
    ]
    np.testing.assert_allclose(rows, np.hstack(expected), rtol=0, atol=1e-4)
    assert extract(engine, source, ("midblock",)).computed == 0
    # what a finished map has is copied, not computed again
    again = extract(engine, source, sets[1], out=tmp_path / "out")
    assert again.computed == 0
    np.testing.assert_array_equal(np.load(again.files[0]), rows)
    assert extract(engine, source, sets[1]).computed == 0
    assert sum(path.name.startswith(".partial-") for path in cache_of(source.path).iterdir()) == 1


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_activations_are_written_with_a_side_car(
    source: FolderRef, tmp_path: Path, dtype: Any
) -> None:
    (source.path / "tiny/images/imagenet_real/sample_000004.png").unlink()
    narrow = replace(source, overrides=replace(source.overrides, activation_dtype=dtype))
    done = extract(make_engine(), narrow, ("midblock",), out=tmp_path / "out")
    assert done.notes == ("1 picture was left out: it is missing (sample_000004)",)
    assert [path.name for path in sorted((tmp_path / "out").iterdir())] == [
        "midblock.npy",
        "midblock.npy.json",
    ]
    rows = np.load(done.files[0])
    assert (rows.dtype, len(rows), done.samples) == (dtype, TINY_SAMPLES, TINY_SAMPLES - 1)
    assert np.flatnonzero(np.isnan(rows).any(axis=1)).tolist() == [4]
    expected = activations_by_hand(source.path / "tiny", "midblock", [0, 59])
    np.testing.assert_allclose(rows[[0, 59]], expected, atol=1e-4 if dtype == "float32" else 5e-2)
    side_car = json.loads((tmp_path / "out/midblock.npy.json").read_text())
    assert side_car["dtype"] == dtype
    assert side_car["sample_ids"][59] == "sample_000059"
    with pytest.raises(DiffViewsError, match="is there already"):
        extract(make_engine(), narrow, ("midblock",), out=tmp_path / "out")


def test_a_broken_extraction_goes_on_where_it_was(
    source: FolderRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extraction, "MARK_SECONDS", 0.0)
    monkeypatch.setattr(extraction, "LARGEST_BATCH", 7)
    watch = Watch()

    def cancel(event: Event) -> None:
        if isinstance(event, Progress) and event.stage == "extracting" and event.fraction > 0.3:
            watch.cancel_at = "extracting"

    watch.on_event = cancel
    with pytest.raises(Cancelled):
        extract(make_engine(watch), source, ("midblock",))
    engine = make_engine()
    rest = extract(engine, source, ("midblock",))
    assert 0 < rest.computed < TINY_SAMPLES
    assert (TINY_SAMPLES - rest.computed) % 7 == 0
    opened = engine.workspace.open(source, "tiny")
    rows = engine.workspace.maps.activations.find(Activations(opened, ("midblock",)), ExitStack())
    expected = activations_by_hand(source.path / "tiny", "midblock", range(TINY_SAMPLES))
    np.testing.assert_allclose(rows.values, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("stage", "skip"),
    [("loading the model", 0), ("generating", 0), ("generating", 4), ("generating", 20)],
)
def test_a_cancelled_run_leaves_no_hook(
    engine: Engine, watch: Watch, source: FolderRef, stage: str, skip: int
) -> None:
    watch.cancel_at, watch.skip = stage, skip
    with pytest.raises(Cancelled) as kept:
        run_generate(engine, source, settings=FIVE)
    if engine.workspace.model.held is not None:
        assert hook_count(model_of(engine)) == 0
    assert traceback.format_exception(kept.value)
    watch.cancel_at = None
    again = run_generate(engine, source, settings=FIVE)
    assert same_pictures(again, run_generate(make_engine(), source, settings=FIVE))


def test_a_cancel_is_heard_inside_a_forward_pass(
    engine: Engine, watch: Watch, source: FolderRef
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
    engine: Engine, watch: Watch, source: FolderRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIFFVIEWS_LAYER_CACHE_MAX_MB", "0")
    watch.cancel_at, watch.skip = "reading the samples' activations", 2
    with pytest.raises(Cancelled):
        run_generate(engine, source)
    assert hook_count(model_of(engine)) == 0


def test_a_job_cancelled_before_it_begins_does_nothing(source: FolderRef) -> None:
    events: list[Event] = []
    engine = Engine("cpu", emit=events.append, cancelled=lambda job_id: job_id == 3)
    for job in (
        OpenData(job_id=3, folder=source),
        LoadModel(job_id=3, folder=source, model="tiny"),
        MapLayer(job_id=3, folder=source, spec=MapSpec("tiny", ())),
        generate_job(source, job_id=3),
    ):
        with pytest.raises(Cancelled):
            engine.run(job)
    assert events == []
    assert engine.run(OpenData(job_id=4, folder=source)).model == "tiny"


def test_an_unknown_job_is_refused(engine: Engine, source: FolderRef) -> None:
    with pytest.raises(DiffViewsError, match="does not know the job Job"):
        engine.run(Job(job_id=1, folder=source))


def test_a_failure_in_the_model_leaves_no_hook_and_the_engine_usable(
    engine: Engine, source: FolderRef
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


@needs_cuda
def test_switching_models_gives_cuda_memory_back(tiny_data: Callable[..., Path]) -> None:
    tiny_data("first")
    source = FolderRef(tiny_data("second", seed=1))
    engine = Engine("cuda")
    engine.run(LoadModel(job_id=1, folder=source, model="first"))
    before = torch.cuda.memory_allocated()
    for number, model in enumerate(("second", "first"), start=2):
        engine.run(LoadModel(job_id=number, folder=source, model=model))
    assert torch.cuda.memory_allocated() == before
    engine.close()
    assert torch.cuda.memory_allocated() < before
