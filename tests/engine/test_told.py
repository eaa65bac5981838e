"""What samples are told when layers are extracted: chosen, computed, kept apart, and said."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from tiny_folder import TINY_CLASSES, TINY_SAMPLES, write_tiny_checkpoint

from diffviews_desktop.adapters.registry import get_adapter
from diffviews_desktop.data.activations.files import open_activation_files
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.extraction import noise_seed
from diffviews_desktop.engine.jobs.drawing import Generate, PlacePicture
from diffviews_desktop.engine.jobs.importing import ImportData
from diffviews_desktop.engine.jobs.mapping import Extract, LinkMaps, MapLayer
from diffviews_desktop.engine.jobs.opening import LoadModel, OpenData
from diffviews_desktop.engine.record import Record, job_of
from diffviews_desktop.errors import DataError, UsageError
from diffviews_desktop.values.conditions import ClassLabel, Condition, Prompt, UniformLabel
from diffviews_desktop.values.folders import FolderRef, Overrides
from diffviews_desktop.values.interventions import mean_of_samples
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.maps import LayerMap, MapSpec
from diffviews_desktop.values.told import NOTHING, OWN_CONDITION, Told

LAYER = "midblock"
LAYERS = LayerSet((LAYER,))


@pytest.fixture
def source(tiny_data: Callable[..., Path]) -> FolderRef:
    """Without a map of its own; its network was trained without dropping labels."""
    return FolderRef(tiny_data(embedding=False))


@pytest.fixture
def engine() -> Engine:
    return Engine("cpu", threads=1)


def map_of(
    engine: Engine, source: FolderRef, told: Told | None = None, layer: str = LAYER
) -> LayerMap:
    spec = MapSpec("tiny", LayerSet((layer,)), told=told)
    return engine.run(MapLayer(job_id=1, folder=source, spec=spec))


def extracted(
    engine: Engine, source: FolderRef, out: Path, told: Told | None
) -> NDArray[np.float32]:
    job = Extract(job_id=1, folder=source, model="tiny", layer_sets=(LAYERS,), out=out, told=told)
    return np.load(engine.run(job).files[0])


def by_hand(folder: Path, label_of: Callable[[int], Sequence[float]], count: int) -> NDArray:
    """Activations of a layer with a hook of our own, sample by sample, label vectors given."""
    adapter = get_adapter("edm").from_checkpoint(
        str(folder / "checkpoints" / "tiny.safetensors"), device="cpu"
    )
    seen: list[torch.Tensor] = []
    handles = adapter.register_activation_hooks(
        [LAYER], lambda module, inputs, output: seen.append(output.detach())
    )
    said = json.loads((folder / "metadata/imagenet_real/dataset_info.json").read_text())
    for row, sample in enumerate(said["samples"][:count]):
        picture = np.asarray(Image.open(folder / sample["image_path"]), np.float32) / 127.5 - 1
        generator = torch.Generator().manual_seed(noise_seed(sample["sample_id"]))
        noise = torch.randn((1, *picture.shape), generator=generator)
        sigma = sample["conditioning_sigma"]
        x = torch.from_numpy(picture)[None] + sigma * noise
        with torch.no_grad():
            adapter.forward(
                x[None], torch.tensor([sigma]), torch.tensor([label_of(row)], dtype=torch.float32)
            )
    for handle in handles:
        handle.remove()
    return torch.cat(seen).flatten(1).numpy()


def one_hot(index: int) -> list[float]:
    return [float(number == index) for number in range(TINY_CLASSES)]


# ---- what is computed ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "label_of"),
    [
        (OWN_CONDITION, lambda row: one_hot(row % TINY_CLASSES)),
        (NOTHING, lambda row: [0.0] * TINY_CLASSES),
        (UniformLabel(), lambda row: [1 / TINY_CLASSES] * TINY_CLASSES),
        (ClassLabel(1), lambda row: one_hot(1)),
    ],
    ids=["own", "none", "uniform", "class 1"],
)
def test_the_network_is_told_what_was_asked_for(
    engine: Engine,
    source: FolderRef,
    tmp_path: Path,
    told: Told,
    label_of: Callable[[int], Sequence[float]],
) -> None:
    assert source.path is not None
    values = extracted(engine, source, tmp_path / "out", told)
    expected = by_hand(source.path / "tiny", label_of, 12)
    np.testing.assert_allclose(values[:12], expected, rtol=0, atol=1e-5)


def test_what_differs_is_kept_apart(engine: Engine, source: FolderRef) -> None:
    own, nothing = map_of(engine, source, OWN_CONDITION), map_of(engine, source, NOTHING)
    assert own.xy.tobytes() != nothing.xy.tobytes()
    assert (own.told, nothing.told) == (OWN_CONDITION, NOTHING)
    for told, first in ((OWN_CONDITION, own), (NOTHING, nothing)):
        again = map_of(Engine("cpu", threads=1), source, told)
        assert again.from_cache
        assert again.xy.tobytes() == first.xy.tobytes()


def test_maps_made_before_there_was_a_choice_are_those_of_samples_told_their_class(
    engine: Engine, source: FolderRef
) -> None:
    opened = engine.workspace.open(source, "tiny")
    wanted = engine.workspace.maps._resolve(opened, MapSpec("tiny", LAYERS, told=OWN_CONDITION))
    assert "told" not in wanted.activations.key_parts


def test_masks_are_of_the_samples_on_the_map(engine: Engine, source: FolderRef) -> None:
    def imposed(told: Told) -> NDArray:
        spec = MapSpec("tiny", LAYERS, told=told)
        loaded = engine.run(LoadModel(job_id=1, folder=source, model="tiny"))
        settings = replace(loaded.settings, seed=3)
        job = Generate(
            job_id=2,
            folder=source,
            spec=spec,
            interventions=mean_of_samples((0, 3)),
            condition=NOTHING,
            settings=settings,
            keep=True,
        )
        first = engine.run(job).steps[0].imposed
        assert first is not None
        return first[LAYER].ravel()

    assert source.path is not None
    for told, label_of in (
        (OWN_CONDITION, lambda row: one_hot(row % TINY_CLASSES)),
        (NOTHING, lambda row: [0.0] * TINY_CLASSES),
    ):
        rows = by_hand(source.path / "tiny", label_of, 4)
        np.testing.assert_allclose(imposed(told), rows[[0, 3]].mean(axis=0), atol=1e-5)


# ---- what nobody chose --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dropout", "told"), [(0.1, NOTHING), (0.0, OWN_CONDITION), (None, OWN_CONDITION)]
)
def test_nothing_is_told_where_the_model_has_learnt_what_that_is(
    engine: Engine, source: FolderRef, dropout: float | None, told: Told
) -> None:
    ref = replace(source, overrides=Overrides(label_dropout=dropout))
    loaded = engine.run(LoadModel(job_id=1, folder=ref, model="tiny"))
    assert loaded.told == told
    mapped = map_of(engine, ref)
    assert mapped.told == told
    if dropout == 0.0:
        assert "was not trained to be told nothing" in mapped.told_note
    assert bool(mapped.told_note) == (told == OWN_CONDITION)


def test_the_choice_is_known_without_the_model_once_there_is_a_map(source: FolderRef) -> None:
    ref = replace(source, overrides=Overrides(label_dropout=0.1))
    first = map_of(Engine("cpu", threads=1), ref)
    engine = Engine("cpu", threads=1)
    again = map_of(engine, ref)
    assert again.from_cache
    assert (again.told, first.told) == (NOTHING, NOTHING)
    assert engine.workspace.model.held is None


def test_the_folder_says_what_is_told(engine: Engine, tiny_data: Callable[..., Path]) -> None:
    source = FolderRef(tiny_data(embedding=False, config={"told": "uniform"}))
    assert map_of(engine, source).told == UniformLabel()
    assert map_of(engine, source, OWN_CONDITION).told == OWN_CONDITION


@pytest.mark.parametrize("told", ["nothing", -1, [3], 1.5])
def test_what_a_folder_cannot_say_is_refused(
    engine: Engine, tiny_data: Callable[..., Path], told: object
) -> None:
    source = FolderRef(tiny_data(config={"told": told}))
    with pytest.raises(DataError, match="told"):
        engine.run(OpenData(job_id=1, folder=source, model="tiny"))


def test_a_map_of_the_original_was_told_its_classes(
    engine: Engine, tiny_data: Callable[..., Path]
) -> None:
    source = FolderRef(tiny_data(config={"extraction_input": "scaled"}))
    opened = engine.run(OpenData(job_id=1, folder=source, model="tiny"))
    assert opened.layer_map is not None
    assert opened.layer_map.title == "midblock, told their class (by the original)"
    assert "was told its own class" in opened.layer_map.told_note
    assert map_of(engine, source).title == opened.layer_map.title
    # what this program tells them now is not the original's doing
    assert (
        map_of(engine, source, OWN_CONDITION, "encoder_block_0").title
        == "encoder_block_0, told their class"
    )
    assert map_of(engine, source, NOTHING).title == "midblock, told nothing"


def test_a_map_says_what_its_samples_were_told(
    engine: Engine, tiny_data: Callable[..., Path]
) -> None:
    source = FolderRef(tiny_data())
    assert source.path is not None
    (source.path / "tiny/embeddings/map.json").write_text(
        '{"layers": ["midblock"], "told": "none"}'
    )
    opened = engine.run(OpenData(job_id=1, folder=source, model="tiny"))
    assert opened.layer_map is not None
    assert opened.layer_map.told == NOTHING
    other = engine.run(OpenData(job_id=1, folder=source, model="tiny", told=OWN_CONDITION))
    assert other.layer_map is None
    assert map_of(engine, source, NOTHING).xy.tobytes() == opened.layer_map.xy.tobytes()
    assert map_of(engine, source, OWN_CONDITION).xy.tobytes() != opened.layer_map.xy.tobytes()


@pytest.mark.parametrize("told", [ClassLabel(TINY_CLASSES), Prompt("a cat")])
def test_what_the_model_cannot_be_told_is_refused(
    engine: Engine, source: FolderRef, told: Told
) -> None:
    with pytest.raises(UsageError, match=r"There is no class|takes no prompts"):
        map_of(engine, source, told)


def test_a_model_that_nothing_can_be_told(engine: Engine, tiny_data: Callable[..., Path]) -> None:
    source = FolderRef(tiny_data(embedding=False, num_classes=0))
    assert engine.run(LoadModel(job_id=1, folder=source, model="tiny")).told is None
    mapped = map_of(engine, source)
    assert (mapped.told, mapped.told_note) == (None, "")
    with pytest.raises(UsageError, match="has no classes"):
        map_of(engine, source, ClassLabel(0))


# ---- files --------------------------------------------------------------------------------------


def test_side_cars_say_what_was_told(engine: Engine, source: FolderRef, tmp_path: Path) -> None:
    for told, written in ((NOTHING, "none"), (ClassLabel(2), "2"), (OWN_CONDITION, None)):
        out = tmp_path / str(written)
        extracted(engine, source, out, told)
        assert json.loads((out / f"{LAYER}.npy.json").read_text()).get("told") == written


def test_activations_that_the_folder_brings_are_used_for_what_they_were_told(
    engine: Engine, source: FolderRef
) -> None:
    assert source.path is not None
    activations = source.path / "tiny" / "activations" / "imagenet_real"
    extracted(engine, source, activations, NOTHING)
    assert map_of(Engine("cpu", threads=1), source).told == NOTHING
    file = activations / f"{LAYER}.npy"
    file.write_bytes(_other_values(file.read_bytes()))
    other = Engine("cpu", threads=1)
    opened = other.workspace.open(source, "tiny")
    maps = other.workspace.maps

    def rows(told: Told) -> NDArray[np.float32]:
        wanted = maps._resolve(opened, MapSpec("tiny", LAYERS, told=told)).activations
        return maps.activations.rows(wanted, (0, 1))

    assert opened.brings(LAYERS) == NOTHING
    assert np.abs(rows(NOTHING)).max() > 10 * np.abs(rows(OWN_CONDITION)).max()


def _other_values(npy: bytes) -> bytes:
    """The same matrix with values a hundred times as large."""
    header = 128
    values = np.frombuffer(npy[header:], np.float32) * 100
    return npy[:header] + values.tobytes()


def test_files_that_were_told_different_things_do_not_make_one_map(
    engine: Engine, source: FolderRef
) -> None:
    assert source.path is not None
    folder = source.path / "tiny" / "activations" / "imagenet_real"
    extracted(engine, source, folder, NOTHING)
    values, side_car = np.load(folder / f"{LAYER}.npy"), folder / f"{LAYER}.npy.json"
    said = json.loads(side_car.read_text())
    half = TINY_SAMPLES // 2
    for name, rows, told in (("a", slice(None, half), "none"), ("b", slice(half, None), "own")):
        np.save(folder / f"{name}.npy", values[rows])
        part = said | {
            "sample_ids": said["sample_ids"][rows],
            "num_samples": len(values[rows]),
            "told": told,
        }
        (folder / f"{name}.npy.json").write_text(json.dumps(part))
    (folder / f"{LAYER}.npy").unlink()
    side_car.unlink()
    opened = engine.workspace.open(source, "tiny")
    with pytest.raises(DataError, match=r"told nothing, those of b\.npy were told their class"):
        open_activation_files(opened.folder, opened.samples)


@pytest.mark.parametrize(("told", "written"), [(None, "own"), (NOTHING, "none")])
def test_an_import_says_what_its_samples_were_told(
    engine: Engine, source: FolderRef, tmp_path: Path, told: Told | None, written: str
) -> None:
    assert source.path is not None
    checkpoint = tmp_path / "made.safetensors"
    write_tiny_checkpoint(checkpoint, label_dim=TINY_CLASSES, img_channels=1)
    out = tmp_path / "imported"
    engine.run(
        ImportData(
            job_id=1,
            folder=FolderRef(out),
            checkpoint=checkpoint,
            out=out,
            name="made",
            images=source.path / "tiny" / "images",
            sigmas=(0.5,),
            told=told,
        )
    )
    assert json.loads((out / "made/config.json").read_text())["told"] == written
    assert json.loads((out / "made/embeddings/made.json").read_text())["told"] == written
    opened = engine.run(OpenData(job_id=1, folder=FolderRef(out), model="made"))
    assert opened.layer_map is not None
    assert opened.layer_map.told == (NOTHING if written == "none" else OWN_CONDITION)


# ---- comparisons --------------------------------------------------------------------------------


def run_of(engine: Engine, source: FolderRef, told: Told, condition: Condition) -> str:
    loaded = engine.run(LoadModel(job_id=1, folder=source, model="tiny"))
    job = Generate(
        job_id=1,
        folder=source,
        spec=MapSpec("tiny", LAYERS, told=told),
        condition=condition,
        settings=replace(loaded.settings, seed=1),
    )
    return engine.run(job).apart


def test_a_path_among_samples_that_were_told_something_else_is_said(
    engine: Engine, source: FolderRef
) -> None:
    assert run_of(engine, source, NOTHING, NOTHING) == ""
    assert run_of(engine, source, OWN_CONDITION, ClassLabel(2)) == ""
    assert "told nothing, the run was told 2" in run_of(engine, source, NOTHING, ClassLabel(2))
    assert "Compare it with samples" in run_of(engine, source, OWN_CONDITION, NOTHING)


@pytest.mark.parametrize("told", [NOTHING, ClassLabel(1), OWN_CONDITION])
def test_a_picture_lands_as_its_own_sample_does(
    engine: Engine, source: FolderRef, told: Told
) -> None:
    """A sample's own picture, seen with its noise, lies where the sample lies: it is told the same,
    whatever it was drawn with."""
    assert source.path is not None
    row, mapped = 7, map_of(engine, source, told)
    opened = engine.workspace.open(source, "tiny")
    table = opened.samples.table
    picture = np.asarray(Image.open(table.picture(row)), np.uint8)[:, :, None]
    job = PlacePicture(
        job_id=1,
        folder=source,
        spec=MapSpec("tiny", LAYERS, told=told),
        image=picture,
        condition=ClassLabel(int(table.class_label[row])),
        sigma=float(table.sigma[row]),
        seed=noise_seed(table.sample_id[row]),
    )
    placed = engine.run(job)
    np.testing.assert_allclose(placed.xy, mapped.xy[row], atol=1e-3)
    assert placed.neighbors[0][0] == row
    assert placed.neighbors[0][1] < 1e-3
    assert placed.apart == ""


def test_a_picture_drawn_with_nothing_among_samples_told_their_class_is_said(
    engine: Engine, source: FolderRef
) -> None:
    map_of(engine, source, OWN_CONDITION)
    picture = np.zeros((16, 16, 1), np.uint8)
    job = PlacePicture(
        job_id=1,
        folder=source,
        spec=MapSpec("tiny", LAYERS, told=OWN_CONDITION),
        image=picture,
        condition=NOTHING,
        sigma=1.0,
    )
    assert "Compare it with samples that were told nothing" in engine.run(job).apart


def test_what_the_word_adds_is_a_second_map(engine: Engine, source: FolderRef) -> None:
    first = MapSpec("tiny", LAYERS, told=NOTHING)
    linked = engine.run(
        LinkMaps(job_id=1, folder=source, spec=first, other=replace(first, told=OWN_CONDITION))
    )
    assert linked.map.told == OWN_CONDITION
    assert linked.overlap is not None
    assert (linked.overlap < 1).any()


# ---- records ------------------------------------------------------------------------------------


def test_a_record_says_what_the_samples_were_told(engine: Engine, source: FolderRef) -> None:
    loaded = engine.run(LoadModel(job_id=1, folder=source, model="tiny"))
    job = Generate(
        job_id=1,
        folder=source,
        spec=MapSpec("tiny", LAYERS, told=NOTHING),
        interventions=mean_of_samples((0, 1)),
        condition=ClassLabel(1),
        settings=replace(loaded.settings, seed=1),
    )
    made = engine.run(job)
    assert made.record["job"]["told"] == "none"
    again = job_of(Record.model_validate(made.record))
    assert again.spec.told == NOTHING
    old = {**made.record, "job": {k: v for k, v in made.record["job"].items() if k != "told"}}
    assert job_of(Record.model_validate(old)).spec.told == OWN_CONDITION
