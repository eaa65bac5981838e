"""What maps are called in a bucket: the same on every computer, another for every other map."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_folder import write_tiny_checkpoint

from diffviews_desktop.data.cache.shared_map import SharedName
from diffviews_desktop.engine.activations import Activations
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.mapping import MapLayer
from diffviews_desktop.engine.opened_model import OpenedModel
from diffviews_desktop.engine.shared_names import (
    ALL_NUMERICS,
    LIKELY,
    known_map,
    map_of_parts,
    otherwise_computed,
    shared_name,
    shared_parts,
)
from diffviews_desktop.engine.wanted_map import WantedMap
from diffviews_desktop.values.folders import FolderRef, Overrides
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.maps import MapParameters, MapSpec
from diffviews_desktop.values.models import FLOAT32_ON_CPU, Numerics
from diffviews_desktop.values.told import NOTHING, OWN_CONDITION

PARAMETERS = MapParameters(n_neighbors=5)


@pytest.fixture
def data(tiny_data: Callable[..., Path]) -> Path:
    return tiny_data(samples=20)


def opened(data: Path, **overrides: Any) -> OpenedModel:
    folder = FolderRef(data, overrides=Overrides(**overrides))
    return Engine("cpu").workspace.open(folder, "tiny")


def wanted(
    model: OpenedModel,
    numerics: Numerics = FLOAT32_ON_CPU,
    told: Any = NOTHING,
    parameters: MapParameters = PARAMETERS,
    layers: tuple[str, ...] = ("midblock",),
    keeps_places: bool = False,
) -> WantedMap:
    activations = Activations(model, LayerSet(layers), numerics, told)
    own = model.samples.embedding if keeps_places else None
    return WantedMap(activations, parameters, own, keeps_places)


def name(one: WantedMap) -> SharedName:
    return shared_name(one, shared_parts(one, lambda: None))


def elsewhere(data: Path, tmp_path: Path) -> Path:
    """The same folder on another computer: at another place, and written at other times."""
    copy = tmp_path / "another computer" / "data"
    shutil.copytree(data, copy)
    for number, file in enumerate(sorted(copy.rglob("*"))):
        os.utime(file, (1e9 + number, 1e9 + number))
    return copy


def store_activations(data: Path, seed: int = 0) -> None:
    folder = data / "tiny/activations/imagenet_real"
    folder.mkdir(parents=True, exist_ok=True)
    rows = np.random.default_rng(seed).standard_normal((20, 30)).astype(np.float32)
    np.save(folder / "a.npy", rows)
    (folder / "a.npy.json").write_text(json.dumps({"layers": ["midblock"], "num_samples": 20}))


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("keeps_places", [False, True])
def test_a_map_has_the_same_name_on_another_computer(
    data: Path, tmp_path: Path, stored: bool, keeps_places: bool
) -> None:
    if stored:
        store_activations(data)
    here = wanted(opened(data), keeps_places=keeps_places)
    there = wanted(opened(elsewhere(data, tmp_path)), keeps_places=keeps_places)
    assert name(here) == name(there)
    assert here.key != there.key  # the times of files are in it


def test_whatever_a_map_depends_on_changes_its_name(data: Path, tmp_path: Path) -> None:
    model = opened(data)
    names = [
        name(wanted(model)),
        name(wanted(model, told=OWN_CONDITION)),
        name(wanted(model, numerics=Numerics("cuda", "auto"))),
        name(wanted(model, numerics=Numerics("cuda", "float16"))),
        name(wanted(model, parameters=MapParameters(n_neighbors=6))),
        name(wanted(model, layers=("encoder_block_1",))),
        name(wanted(model, keeps_places=True)),
        name(wanted(opened(data, extraction_input="scaled"))),
        name(wanted(opened(data, activation_dtype="float16"))),
    ]
    copies = [elsewhere(data, tmp_path / str(number)) for number in range(4)]
    write_tiny_checkpoint(copies[0] / "tiny/checkpoints/tiny.safetensors", seed=9, img_channels=1)
    store_activations(copies[1])
    store_activations(copies[2], seed=1)
    listed = copies[3] / "tiny/metadata/imagenet_real/dataset_info.json"
    samples = json.loads(listed.read_text())
    samples["samples"][3]["conditioning_sigma"] = 5.0
    listed.write_text(json.dumps(samples))
    table = copies[3] / "tiny/embeddings/map.csv"
    lines = table.read_text().splitlines()
    cells = lines[4].split(",")
    cells[4] = "5.0"
    lines[4] = ",".join(cells)
    table.write_text("\n".join(lines) + "\n")
    names += [name(wanted(opened(copy))) for copy in copies]
    assert len({one.key for one in names}) == len(names)
    assert len({one.folder for one in names[:7]}) == 1


def test_moved_places_of_the_folders_own_map_change_its_name(data: Path, tmp_path: Path) -> None:
    copy = elsewhere(data, tmp_path)
    table = copy / "tiny/embeddings/map.csv"
    lines = table.read_text().splitlines()
    lines[1] = ",".join([*lines[1].split(",")[:-1], "7.25"])
    table.write_text("\n".join(lines) + "\n")
    one, other = opened(data), opened(copy)
    assert name(wanted(one, keeps_places=True)) != name(wanted(other, keeps_places=True))
    assert name(wanted(one)) == name(wanted(other))


def test_an_entry_is_recognised_while_its_folder_stays_as_it_is(data: Path) -> None:
    store_activations(data)
    engine, folder = Engine("cpu"), FolderRef(data)
    spec = MapSpec("tiny", LayerSet(["midblock"]), PARAMETERS)
    engine.run(MapLayer(job_id=1, folder=folder, spec=spec))
    model = opened(data)
    (info,) = model.cache.entries()
    found = known_map(model, info)
    assert found is not None
    assert found.key == info.key
    assert found.parameters == PARAMETERS
    store_activations(data, seed=1)
    assert known_map(opened(data), info) is None


@pytest.mark.parametrize("numerics", ALL_NUMERICS)
@pytest.mark.parametrize("keeps_places", [False, True])
def test_a_map_is_read_from_its_parts(data: Path, numerics: Numerics, keeps_places: bool) -> None:
    model = opened(data)
    one = wanted(model, numerics, OWN_CONDITION, keeps_places=keeps_places)
    parts = json.loads(json.dumps(shared_parts(one, lambda: None)))
    again = map_of_parts(model, parts)
    assert again is not None
    assert again.key == one.key
    assert shared_parts(again, lambda: None) == parts


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"parameters": {}, "layers": 3},
        {"parameters": {"n_neighbors": 1}, "layers": ["a"]},
        {"parameters": {"colour": 1}, "layers": ["a"]},
        {"parameters": [], "layers": ["a"]},
        {"parameters": {}, "layers": ["a"], "told": "everything"},
        {"parameters": {}, "layers": ["a"], "device": "cuda"},
    ],
    ids=range(7),
)
def test_parts_that_say_nothing_sensible_are_no_map(data: Path, parts: dict[str, Any]) -> None:
    assert map_of_parts(opened(data), parts) is None


def test_a_map_may_be_computed_elsewhere_unless_the_folder_brings_its_activations(
    data: Path,
) -> None:
    found = list(otherwise_computed(wanted(opened(data))))
    assert [one.activations.numerics for one in found] == [LIKELY[0], LIKELY[2]]
    store_activations(data)
    assert list(otherwise_computed(wanted(opened(data), told=OWN_CONDITION))) == []
