"""The headless verbs, in this process: what they print and what they write."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from activation_forms import npy_of_the_original, write_form
from done import Done
from pictures_at_levels import repeat_pictures
from PIL import Image
from safetensors.torch import load_file
from tiny import CONFIG, DuckAdapter, tiny_model
from tiny_folder import TINY_SAMPLES, write_tiny_checkpoint

from diffviews_desktop import paths
from diffviews_desktop.adapters import registry
from diffviews_desktop.cli import main as cli
from diffviews_desktop.cli import progress
from diffviews_desktop.engine.protocol import Progress

COLUMNS = [
    "sample_id",
    "class_label",
    "class_name",
    "image_path",
    "conditioning_sigma",
    "umap_x",
    "umap_y",
]

MODEL_KEYS = [
    "name",
    "adapter",
    "samples",
    "default_layer",
    "extraction_input",
    "activations",
    "layers",
    "columns",
    "directions",
    "device",
    "num_classes",
    "guidance_note",
    "prompts",
    "told",
    "notes",
    "problems",
]


def read_csv(path: Path, *more: str) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        names = list(reader.fieldnames or ())
        # maps of earlier versions, and of models that nothing can be told, lack them
        optional = [name for name in ("neighbors_kept", "told") if name in names]
        assert names == [*COLUMNS, *more, *optional]
        return list(reader)


def assert_one_sentence(done: Done) -> None:
    assert done.code == 1
    assert done.out == ""
    assert done.err.startswith("diffviews-desktop: ")
    assert len(done.err.splitlines()) == 1
    assert done.err.endswith(".\n")


# ---- info ---------------------------------------------------------------------------------------


def test_info_describes_the_demo(run: Callable[..., Done], demo: Path) -> None:
    result = run("info", "--json", "--device", "cpu").json
    assert list(result) == ["models", "problems", "adapters", "unusable_adapters"]
    assert result["problems"] == []
    assert "digits" in [model["name"] for model in result["models"]]
    for model in result["models"]:
        assert list(model) == MODEL_KEYS
        assert (model["device"], model["num_classes"]) == ("cpu", 10)
        assert model["adapter"] == "edm"
        assert model["samples"] == len(read_csv(demo / model["name"] / "embeddings" / "demo.csv"))
        assert model["problems"] == []
        for layer in model["layers"]:
            assert list(layer) == ["name", "shape", "cached", "bytes"]
            assert layer["bytes"] == model["samples"] * math.prod(layer["shape"]) * 4
        shapes = {layer["name"]: layer["shape"] for layer in model["layers"]}
        assert set(model["default_layer"].split("+")) <= set(shapes)
        assert shapes["encoder_bottleneck"] == shapes["midblock"]
        assert all(len(shape) == 3 for shape in shapes.values())


def test_no_text_of_a_folder_steers_the_terminal(
    run: Callable[..., Done], tiny_data: Callable[..., Path]
) -> None:
    evil = "\x1b[2J\x9b31m\u202e\n"
    data = tiny_data(f"m{evil}", checkpoint=False, config={"adapter": evil, "checkpoint": evil})
    tiny_data("twice", checkpoint=False)
    listed = next(data.glob("twice/metadata/*/dataset_info.json"))
    records = json.loads(listed.read_text())
    records["samples"][0]["sample_id"] = records["samples"][1]["sample_id"] = evil
    listed.write_text(json.dumps(records))
    done = run("info", "--data", data)
    assert done.code == 0
    assert r"m\x1b[2J\x9b31m\u202e\x0a" in done.out
    assert all(letter.isprintable() or letter == "\n" for letter in done.out + done.err)
    assert run("info", "--data", data, "--json").json["models"][0]["name"] == f"m{evil}"
    failed = run("map", "--data", data, "--model", "twice")
    assert_one_sentence(failed)
    assert all(letter.isprintable() or letter == "\n" for letter in failed.err)


def test_info_tells_what_colours_cannot_show(
    run: Callable[..., Done], tiny_data: Callable[..., Path]
) -> None:
    data = tiny_data(checkpoint=False, samples=9)
    table = data / "tiny/embeddings/map.csv"
    lines = table.read_text().splitlines()
    added = ["day,split,day,score", *(f"2023-01-0{i},train,,{i}.5" for i in range(1, 10))]
    table.write_text("".join(f"{a},{b}\n" for a, b in zip(lines, added, strict=True)))
    (model,) = run("info", "--data", data, "--json").json["models"]
    assert model["columns"] == [
        {
            "name": "split",
            "kind": "categories",
            "not_colored": "all its values are the same: train",
            "note": "",
        },
        {"name": "score", "kind": "numbers", "not_colored": "", "note": ""},
        {
            "name": "day",
            "kind": None,
            "not_colored": "it is there twice: rename one of the two",
            "note": "",
        },
    ]
    text = run("info", "--data", data).out
    assert "  column score: numbers\n" in text
    assert "  column day: not in Colour by: it is there twice: rename one of the two\n" in text


def test_info_lists_models_that_cannot_be_used_with_the_reason(
    run: Callable[..., Done], tiny_data: Callable[..., Path]
) -> None:
    data = tiny_data("a-broken-table", checkpoint=False)
    (data / "a-broken-table/embeddings/map.csv").write_text("sample_id\n")
    tiny_data("b-no-checkpoint", checkpoint=False)
    tiny_data("c-good", samples=9)
    tiny_data("d-no-json", checkpoint=False)
    (data / "d-no-json/config.json").write_text("{")
    tiny_data("e-odd-adapter", config={"adapter": "odd"})
    tiny_data("f-broken-checkpoint")
    (data / "f-broken-checkpoint/checkpoints/tiny.safetensors").write_bytes(b"no")
    result = run("info", "--data", data, "--json").json
    models = {model["name"]: model for model in result["models"]}
    assert list(models) == [
        "a-broken-table",
        "b-no-checkpoint",
        "c-good",
        "e-odd-adapter",
        "f-broken-checkpoint",
    ]
    assert models["c-good"]["problems"] == []
    assert models["c-good"]["samples"] == 9
    assert models["c-good"]["default_layer"] == "midblock"
    assert len(models["c-good"]["layers"]) == 11
    reasons = {
        "a-broken-table": "lacks the column",
        "b-no-checkpoint": "is not in",
        "e-odd-adapter": "no adapter named 'odd'",
        "f-broken-checkpoint": "not a readable",
    }
    for name, reason in reasons.items():
        (problem,) = models[name]["problems"]
        assert reason in problem
        assert models[name]["layers"] == []
        assert list(models[name]) == MODEL_KEYS
    assert models["b-no-checkpoint"]["samples"] == TINY_SAMPLES
    assert any("d-no-json cannot be opened" in problem for problem in result["problems"])
    text = run("info", "--data", data)
    assert text.code == 0
    assert "c-good  (edm, 9 samples)" in text.out
    assert "midblock" in text.out
    assert "64x8x8" in text.out
    assert "problem: " in text.out


@pytest.fixture
def register() -> Iterator[Callable[[str, type], None]]:
    """Registers adapters for the time of a test, as another package would."""
    registry.discover_adapters()
    adapters, unusable = dict(registry._adapters), dict(registry._unusable)
    yield registry.register_adapter_class
    for stored, before in ((registry._adapters, adapters), (registry._unusable, unusable)):
        stored.clear()
        stored.update(before)
    registry._discovered = True


def duck_data(tiny_data: Callable[..., Path]) -> Path:
    """A folder whose model names the adapter ``duck``."""
    return tiny_data(
        channels=3, num_classes=4, layers=("stem",), samples=20, config={"adapter": "duck"}
    )


def test_info_says_what_is_known_of_the_model(
    run: Callable[..., Done], tiny_data: Callable[..., Path]
) -> None:
    data = tiny_data(samples=5, checkpoint=False, config={"checkpoint": "net.pt"})
    network = {"img_resolution": 16, "attn_resolutions": [], "img_channels": 1}
    torch.save(tiny_model(**network).state_dict(), data / "tiny/net.pt")
    (model,) = run("info", "--data", data, "--device", "cpu", "--json").json["models"]
    assert (model["device"], model["num_classes"]) == ("cpu", 5)
    assert "does not say whether labels were dropped" in model["guidance_note"]
    (note,) = model["notes"]
    assert "does not say its preconditioning" in note
    assert f"  note: {note}\n" in run("info", "--data", data).out
    said = ("--label-dropout", "0.25")
    (model,) = run("info", "--data", data, *said, "--json").json["models"]
    assert "25%" in model["guidance_note"]


def test_info_opens_the_activations_as_mapping_them_does(
    run: Callable[..., Done], tmp_path: Path
) -> None:
    """They are the original system's own; then one side-car says another size."""
    folder, rows = write_form(tmp_path / "data", npy_of_the_original)
    arguments = ("info", "--data", tmp_path / "data", "--device", "cpu")
    (model,) = run(*arguments, "--json").json["models"]
    assert model["activations"] == {
        "layers": ["decoder_block_10", "decoder_block_2", "midblock"],
        "told": "own",
        "samples": 12,
        "values": rows.shape[1],
        "files": 3,
    }
    (no_checkpoint,) = model["problems"]
    assert "12 samples of 23 values in 3 files" in run(*arguments).out
    side_car = folder / "activations/imagenet_real/batch_000001.npy.json"
    said = json.loads(side_car.read_text())
    said["shapes"]["midblock"][1] = 4
    side_car.write_text(json.dumps(said))
    (model,) = run(*arguments, "--json").json["models"]
    assert model["activations"] is None
    problem, other = model["problems"]
    assert "batch_000001.npy.json: the shapes of its layers make" in problem
    assert other == no_checkpoint
    mapped = run("map", "--data", tmp_path / "data", "--device", "cpu")
    assert_one_sentence(mapped)
    assert problem in mapped.err


def test_info_lists_the_adapters_and_those_that_cannot_be_used(
    run: Callable[..., Done],
    register: Callable[[str, type], None],
    tiny_data: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A package is installed whose adapter cannot be imported."""
    site = tmp_path / "site"
    info = site / "pond-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pond\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[diffviews_desktop.adapters]\npond = dry_pond:Pond\n")
    (site / "dry_pond.py").write_text("raise OSError('no water')")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setattr(registry, "_discovered", False)
    register("duck", DuckAdapter)
    data = tiny_data(samples=5, checkpoint=False)
    result = run("info", "--data", data, "--json").json
    assert {"duck", "edm", "edm-imagenet-64", "dmd2-imagenet-64"} <= set(result["adapters"])
    assert "pond" not in result["adapters"]
    assert list(result["unusable_adapters"]) == ["pond"]
    reason = result["unusable_adapters"]["pond"]
    assert "OSError: no water" in reason
    text = run("info", "--data", data).out
    assert f"adapters: {', '.join(result['adapters'])}\n" in text
    assert f"unusable adapter pond: {reason}\n" in text


def test_an_adapter_that_prints_does_not_spoil_the_answer(
    run: Callable[..., Done],
    register: Callable[[str, type], None],
    tiny_data: Callable[..., Path],
    tmp_path: Path,
) -> None:
    class Chatty(DuckAdapter):
        @classmethod
        def from_checkpoint(cls, *arguments: Any, **kwargs: Any) -> Any:
            print("loading quack weights")
            return cls()

        def forward(self, *arguments: Any, **kwargs: Any) -> Any:
            print("quack")
            return super().forward(*arguments, **kwargs)

    register("duck", Chatty)
    data = duck_data(tiny_data)
    done = run("info", "--data", data, "--json")
    assert len(done.json["models"][0]["layers"]) == 3
    assert done.err == "loading quack weights\n"
    done = run("generate", "--data", data, "--rows", "1", "--out", tmp_path / "out", "--json")
    assert done.json["steps"] == 5
    assert "quack\nquack\n" in done.err
    print("afterwards it is as before")
    assert sys.stdout is not sys.stderr


@pytest.mark.parametrize("verb", ["map", "generate"])
def test_a_model_that_fails_in_an_unexpected_way_is_one_sentence(
    run: Callable[..., Done],
    register: Callable[[str, type], None],
    tiny_data: Callable[..., Path],
    tmp_path: Path,
    verb: str,
) -> None:
    class Failing(DuckAdapter):
        def forward(self, *arguments: Any, **kwargs: Any) -> Any:
            raise IndexError("quack:\n  no such feather\n")

    register("duck", Failing)
    data = duck_data(tiny_data)
    log = paths.log_file()
    before = log.stat().st_size if log.exists() else 0
    out = ("--out", tmp_path / "out")
    done = run(verb, "--data", data, "--layer", "stem", *out, "--json")
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "diffviews-desktop: The adapter duck failed (IndexError: quack: no such feather). Ask its "
        "author, or choose another model.\n"
    )
    written = log.read_text(encoding="utf-8")[before:]
    assert "Traceback (most recent call last):" in written
    assert 'raise IndexError("quack' in written
    assert not (tmp_path / "out").exists()


def test_info_says_of_each_model_that_its_pictures_are_missing(
    run: Callable[..., Done], tiny_data: Callable[..., Path]
) -> None:
    for name in ("one", "two", "whole"):
        data = tiny_data(name)
    for name in ("one", "two"):
        for picture in (data / name / "images").glob("*/*.png"):
            picture.unlink()
    result = run("info", "--data", data, "--json").json
    missing = f"{TINY_SAMPLES} of {TINY_SAMPLES} pictures are missing (images/"
    (said,) = result["problems"]
    assert said.startswith(missing)
    assert str(data / "one") in said
    problems = {model["name"]: model["problems"] for model in result["models"]}
    assert [problem.startswith(missing) for problem in problems["two"]] == [True]
    assert str(data / "two") in problems["two"][0]
    assert problems["one"] == problems["whole"] == []
    text = run("info", "--data", data).out
    assert text.count(missing) == 2


def test_info_of_one_model(run: Callable[..., Done], tiny_data: Callable[..., Path]) -> None:
    tiny_data("one", samples=5, checkpoint=False)
    data = tiny_data("two", samples=5, checkpoint=False)
    result = run("info", "--data", data, "--model", "two", "--json").json
    assert [model["name"] for model in result["models"]] == ["two"]
    assert_one_sentence(run("info", "--data", data, "--model", "three", "--json"))


# ---- map ----------------------------------------------------------------------------------------


def test_map_writes_a_table_and_takes_it_from_the_cache_next_time(
    run: Callable[..., Done], tiny_data: Callable[..., Path]
) -> None:
    data = tiny_data()
    arguments = ("map", "--data", data, "--layer", "encoder_bottleneck", "--json")
    first = run(*arguments).json
    assert first["model"] == "tiny"
    assert first["layers"] == ["encoder_bottleneck"]
    assert first["points"] == TINY_SAMPLES
    assert first["notes"] == []
    assert first["from_cache"] is False
    assert first["parameters"]["seed"] == 42
    rows = read_csv(Path(first["csv"]), "trust")
    assert len(rows) == TINY_SAMPLES
    trust = [float(row["trust"]) for row in rows]
    assert first["trustworthiness"] == pytest.approx(np.mean(trust))
    assert first["dimensions"] == 2
    listed = json.loads((data / "tiny/metadata/imagenet_real/dataset_info.json").read_text())
    for row, sample in zip(rows, listed["samples"], strict=True):
        assert row["sample_id"] == sample["sample_id"]
        assert int(row["class_label"]) == sample["class_label"]
        assert row["image_path"] == sample["image_path"]
        assert float(row["conditioning_sigma"]) == sample["conditioning_sigma"]
        assert math.isfinite(float(row["umap_x"]))
        assert math.isfinite(float(row["umap_y"]))
    second = run(*arguments).json
    assert second == {**first, "from_cache": True}
    assert read_csv(Path(second["csv"]), "trust") == rows
    info = run("info", "--data", data, "--json").json
    cached = [layer["name"] for layer in info["models"][0]["layers"] if layer["cached"]]
    assert cached == ["encoder_bottleneck"]


def test_map_of_the_default_layer_is_the_folders_own(
    run: Callable[..., Done], tiny_data: Callable[..., Path], tmp_path: Path
) -> None:
    data = tiny_data()
    out = tmp_path / "new folder" / "map.csv"
    result = run("map", "--data", data, "--out", out, "--json").json
    assert result["csv"] == str(out)
    own = read_csv(data / "tiny/embeddings/map.csv")
    for row, expected in zip(read_csv(out, "trust"), own, strict=True):
        assert np.float32(row["umap_x"]) == np.float32(expected["umap_x"])
        assert np.float32(row["umap_y"]) == np.float32(expected["umap_y"])
    assert list(out.parent.iterdir()) == [out]
    text = run("map", "--data", data, "--out", out)
    assert text.out == (
        f"{TINY_SAMPLES} points of midblock, told their class (from the cache): {out}\n"
        f"trustworthiness {result['trustworthiness']:.3f}; "
        f"{result['trustworthiness_of_blobs']:.3f} with the samples of each class and noise level "
        "exchanged at random\n"
        f"neighbours kept: {result['neighbors_kept']:.0%} of the 15 nearest in the reduced space, "
        f"{result['neighbors_kept_of_layer']:.0%} of those in the whole layer\n"
        f"the reduced space keeps {result['neighbors_kept_by_reduction']:.0%} of the layer's 15 "
        f"nearest\n{result['told_note']}\n"
    )
    assert "told its own class" in result["told_note"]


def test_map_says_which_neighbours_are_kept_and_assesses_it(
    run: Callable[..., Done], tiny_data: Callable[..., Path]
) -> None:
    arguments = ("map", "--data", tiny_data(), "--layer", "encoder_bottleneck")
    plain = run(*arguments, "--json").json
    rows = read_csv(Path(plain["csv"]), "trust")
    kept = [float(row["neighbors_kept"]) for row in rows]
    assert plain["neighbors_kept"] == pytest.approx(np.mean(kept))
    assert "assessment" not in plain
    assessed = run(*arguments, "--assess", "2", "--json").json
    found = assessed.pop("assessment")
    assert assessed == {**plain, "from_cache": True}
    assert 0 <= found["classes"]["on_map"] <= 1
    assert found["classes"]["told_samples"] == TINY_SAMPLES
    assert found["stability"]["seeds"] == [42, 43]
    assert len(found["stability"]["kept"]) == 1
    lines = run(*arguments, "--assess", "1").out.splitlines()
    assert any(line.startswith("The class is read right from the 15 nearest") for line in lines)
    assert not any("seeds" in line for line in lines)


def test_map_of_samples_told_nothing_and_their_class(
    run: Callable[..., Done], tiny_data: Callable[..., Path]
) -> None:
    arguments = ("map", "--data", tiny_data(embedding=False), "--layer", "midblock")
    result = run(*arguments, "--told", "both", "--json").json
    beside = result["beside"]
    assert (result["told"], beside["told"]) == ("none", "own")
    assert 0 <= beside["overlap"] < 1
    assert 0 < beside["overlap_reference"] < 1
    lines = run(*arguments, "--told", "both").out.splitlines()
    assert (
        f"{beside['overlap']:.0%} of the nearest samples are the same on both; "
        f"{beside['overlap_reference']:.0%} would be by class and level alone"
    ) in lines
    assert beside["told_note"] in lines
    assert [row["told"] for row in read_csv(Path(beside["csv"]), "trust")] == ["own"] * TINY_SAMPLES


def test_map_of_every_noise_level(run: Callable[..., Done], tiny_data: Callable[..., Path]) -> None:
    data = tiny_data(embedding=False)
    arguments = ("map", "--data", data, "--layer", "midblock", "--aligned")
    refused = run(*arguments)
    assert_one_sentence(refused)
    assert "levels 0.2 and 0.5 share 0 pictures" in refused.err
    repeat_pictures(data)
    made = run(*arguments, "--n-neighbors", "5", "--json").json
    assert made["parameters"]["aligned"] is True
    assert len(read_csv(Path(made["csv"]), "trust")) == made["points"] == TINY_SAMPLES
    text = run(*arguments, "--n-neighbors", "5").out
    assert "points of midblock, told their class, one map per noise level (from the cache)" in text
    alone = run(*arguments, "--level", "0.5")
    assert_one_sentence(alone)
    assert "Aligned maps show all noise levels" in alone.err


def test_map_of_the_demo(run: Callable[..., Done], demo: Path, isolated_home: Path) -> None:
    result = run("map", "--json").json
    assert result["from_cache"] is True
    assert result["points"] == 2000
    written = Path(result["csv"])
    assert isolated_home in written.parents
    own = read_csv(demo / "digits/embeddings/demo.csv")
    for row, expected in zip(read_csv(written, "trust"), own, strict=True):
        assert np.float32(row["umap_x"]) == np.float32(expected["umap_x"])


def test_map_counts_what_was_left_out(
    run: Callable[..., Done], tiny_data: Callable[..., Path]
) -> None:
    data = tiny_data()
    (data / "tiny/images/imagenet_real/sample_000003.png").unlink()
    result = run("map", "--data", data, "--layer", "encoder_block_2", "--json").json
    assert result["points"] == TINY_SAMPLES - 1
    assert "sample_000003" in result["notes"][0]
    rows = read_csv(Path(result["csv"]), "trust")
    assert [row["sample_id"] for row in rows if row["umap_x"] == "nan"] == ["sample_000003"]


def test_map_to_a_place_that_cannot_be_written(
    run: Callable[..., Done], tiny_data: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    done = run("map", "--data", tiny_data(), "--out", tmp_path / "file" / "map.csv")
    assert_one_sentence(done)
    assert "cannot be written" in done.err


def test_map_of_an_unknown_layer(run: Callable[..., Done], tiny_data: Callable[..., Path]) -> None:
    done = run("map", "--data", tiny_data(), "--layer", "midblock+nothing")
    assert_one_sentence(done)
    assert "no layer 'nothing'" in done.err


def test_map_with_every_option(run: Callable[..., Done], tiny_data: Callable[..., Path]) -> None:
    data = tiny_data()
    options = "--n-neighbors 5 --min-dist 0.3 --metric cosine --pca-components 7 --map-seed 3"
    options += " --level 0.2 --n-components 3"
    result = run("map", "--data", data, *options.split(), "--json").json
    assert result["parameters"] == {
        "n_neighbors": 5,
        "min_dist": 0.3,
        "pca_components": 7,
        "seed": 3,
        "metric": "cosine",
        "n_components": 3,
        "level": 0.2,
    }
    assert result["dimensions"] == 3
    assert result["points"] == TINY_SAMPLES // 4
    rows = read_csv(Path(result["csv"]), "umap_z", "trust")
    assert len(rows) == TINY_SAMPLES
    rows = [row for row in rows if float(row["conditioning_sigma"]) == 0.2]
    assert len({row["umap_z"] for row in rows}) == TINY_SAMPLES // 4
    assert all(0 <= float(row["trust"]) <= 1 for row in rows)
    # what is not said is as usual, and the folder's own map does not count
    one = run("map", "--data", data, "--pca-components", "none", "--json").json
    assert one["from_cache"] is False
    assert (one["parameters"]["pca_components"], one["parameters"]["n_neighbors"]) == (None, 15)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("--n-neighbors 1", "n_neighbors must be a whole number from 2 to 200"),
        ("--min-dist 1", "min_dist must be a number from 0 to less than 1"),
        ("--pca-components 2000", "pca_components must be"),
        ("--map-seed -1", "seed must be"),
        ("--level -1", "level must be a noise level, 0 or more"),
        ("--level 3", "No sample has the noise level 3."),
    ],
)
def test_map_with_a_parameter_that_is_not_allowed(
    run: Callable[..., Done], tiny_data: Callable[..., Path], options: str, reason: str
) -> None:
    done = run("map", "--data", tiny_data(samples=5, checkpoint=False), *options.split())
    assert_one_sentence(done)
    assert reason in done.err


# ---- extract ------------------------------------------------------------------------------------


def test_extract_to_the_cache_is_found_by_map(
    run: Callable[..., Done], tiny_data: Callable[..., Path]
) -> None:
    data = tiny_data(samples=20)
    layers = ("--layer", "encoder_block_2", "--layer", "midblock+encoder_bottleneck")
    again = ("--layer", "encoder_bottleneck+midblock")
    first = run("extract", "--data", data, *layers, *again, "--json").json
    assert first["layers"] == [["encoder_block_2"], ["encoder_bottleneck", "midblock"]]
    assert first["files"] == []
    assert (first["samples"], first["computed"]) == (20, 20)
    info = run("info", "--data", data, "--json").json["models"][0]["layers"]
    sizes = {layer["name"]: layer["bytes"] for layer in info}
    assert first["bytes"] == sum(
        sizes[name] for name in ("encoder_block_2", "encoder_bottleneck", "midblock")
    )
    assert run("extract", "--data", data, *layers, "--json").json["computed"] == 0
    # without its pictures the layer can be mapped all the same
    for picture in (data / "tiny/images/imagenet_real").iterdir():
        picture.write_bytes(b"")
    mapped = run("map", "--data", data, "--layer", "encoder_block_2", "--json").json
    assert mapped["points"] == 20


def test_extract_to_files(
    run: Callable[..., Done], tiny_data: Callable[..., Path], tmp_path: Path
) -> None:
    data, out = tiny_data(samples=20), tmp_path / "out"
    asked = ("extract", "--data", data, "--out", out, "--layer", "midblock")
    result = run(*asked, "--activation-dtype", "float16", "--json").json
    assert result["files"] == [str(out / "midblock.npy")]
    values = np.load(out / "midblock.npy")
    assert (values.dtype, len(values)) == (np.float16, 20)
    assert sorted(path.name for path in out.iterdir()) == ["midblock.npy", "midblock.npy.json"]
    done = run(*asked)
    assert_one_sentence(done)
    assert "is there already" in done.err
    done = run("extract", "--data", data, "--layer", "nothing")
    assert_one_sentence(done)
    assert "no layer 'nothing'" in done.err
    text = run("extract", "--data", data, "--layer", "midblock")
    assert text.out.startswith(
        "20 samples of midblock, told their class: 328 kB in the cache (20 computed now"
    )


# ---- convert ------------------------------------------------------------------------------------


def test_convert_joins_batches(run: Callable[..., Done], tiny_data: Callable[..., Path]) -> None:
    data = tiny_data(samples=6, checkpoint=False)
    folder, values = data / "tiny/activations/imagenet_real", np.arange(24, dtype=np.float32)
    folder.mkdir(parents=True)
    for batch, part in enumerate(np.split(values.reshape(6, 4), 2)):
        np.savez(folder / f"batch_{batch:06d}.npz", midblock=part)
    metadata = data / "tiny/metadata/imagenet_real/dataset_info.json"
    listed = json.loads(metadata.read_text())
    for row, sample in enumerate(listed["samples"]):
        sample["activation_path"] = f"activations/imagenet_real/batch_{row // 3:06d}"
        sample["batch_index"] = row % 3
    metadata.write_text(json.dumps(listed))
    result = run("convert", "--data", data, "--activation-dtype", "float16", "--json").json
    assert result["file"] == str(folder / "activations.npy")
    assert (result["model"], result["dtype"]) == ("tiny", "float16")
    assert result["bytes"] == (folder / "activations.npy").stat().st_size
    assert np.array_equal(np.load(result["file"]), values.reshape(6, 4))
    done = run("convert", "--data", data, "--model", "none")
    assert_one_sentence(done)


def test_convert_of_a_folder_without_activations(
    run: Callable[..., Done], tiny_data: Callable[..., Path]
) -> None:
    done = run("convert", "--data", tiny_data(samples=5, checkpoint=False))
    assert_one_sentence(done)
    assert "has no activations to convert" in done.err


# ---- cache --------------------------------------------------------------------------------------


@pytest.fixture
def two_cached(run: Callable[..., Done], tiny_data: Callable[..., Path]) -> Path:
    """A folder of two models: one layer cached of the one, two of the other."""
    tiny_data("one", samples=8)
    data = tiny_data("two", samples=8)
    for model, layer in (("one", "midblock"), ("two", "midblock"), ("two", "encoder_block_2")):
        assert run("map", "--data", data, "--model", model, "--layer", layer).code == 0
    assert run("extract", "--data", data, "--model", "one", "--layer", "encoder_block_1").code == 0
    return data


def entries(run: Callable[..., Done], data: Path, *options: str) -> list[dict[str, Any]]:
    caches = run("cache", "list", "--data", data, *options, "--json").json["caches"]
    return [entry for cache in caches for entry in cache["entries"]]


def names(found: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return sorted((entry["model"], "+".join(entry["layers"])) for entry in found)


def test_cache_list(run: Callable[..., Done], two_cached: Path) -> None:
    result = run("cache", "list", "--data", two_cached, "--json").json
    assert result["budget"] == 2048 * 1024**2
    roots = [two_cached / name / "embeddings/layer_cache" for name in ("one", "two")]
    assert [cache["path"] for cache in result["caches"]][:2] == list(map(str, roots))
    sizes = [sum(file.stat().st_size for file in root.glob("[!.]*/*.*")) for root in roots]
    maps = [len(list(root.glob("*/map.csv"))) for root in roots]
    assert [cache["bytes"] for cache in result["caches"]][:2] == sizes, maps
    assert result["bytes"] >= sum(sizes)
    # what was extracted for later is not finished
    assert result["caches"][0]["unfinished_bytes"] > 8 * 32 * 16 * 16 * 4
    assert result["caches"][1]["unfinished_bytes"] == 0
    found = entries(run, two_cached)
    known = [("one", "midblock"), ("two", "encoder_block_2"), ("two", "midblock")]
    assert [name for name in names(found) if name[0] in ("one", "two")] == known
    assert all(entry["parameters"]["n_neighbors"] == 15 for entry in found)
    assert all(entry["created"] <= entry["used"] for entry in found)
    assert names(entries(run, two_cached, "--layer", "encoder_block_2")) == known[1:2]
    assert names(entries(run, two_cached, "--model", "one")) == known[:1]
    text = run("cache", "list", "--data", two_cached)
    assert f"{roots[0]}: " in text.out
    assert "two  encoder_block_2  " in text.out
    assert found[0]["key"] in text.out
    done = run("cache", "list", "--data", two_cached, "--model", "three")
    assert_one_sentence(done)
    assert "no model 'three'" in done.err


def test_cache_clear(run: Callable[..., Done], two_cached: Path) -> None:
    for options in ([], ["--all", "--model", "one"]):
        done = run("cache", "clear", "--data", two_cached, *options)
        assert_one_sentence(done)
        assert "--all" in done.err
    clear = ("cache", "clear", "--data", two_cached)
    (one,) = entries(run, two_cached, "--model", "two", "--layer", "midblock")
    options = ("--model", "two", "--layer", "midblock", "--json")
    assert run(*clear, *options).json == {"freed": one["bytes"]}
    assert names(entries(run, two_cached, "--model", "two")) == [("two", "encoder_block_2")]
    (other,) = entries(run, two_cached, "--model", "two")
    assert run(*clear, "--key", other["key"], "--json").json == {"freed": other["bytes"]}
    assert entries(run, two_cached, "--model", "two") == []
    assert len(entries(run, two_cached, "--model", "one")) == 1
    text = run(*clear, "--all")
    assert re.fullmatch(r"[0-9.]+ [kM]B freed\n", text.out)
    assert entries(run, two_cached) == []
    assert list((two_cached / "one/embeddings/layer_cache").iterdir()) == []


def test_cache_verify(run: Callable[..., Done], two_cached: Path) -> None:
    verify = ("cache", "verify", "--data", two_cached, "--model")
    assert run(*verify, "two", "--json").json == {"sound": 2, "damaged": []}
    (entry,) = entries(run, two_cached, "--model", "two", "--layer", "encoder_block_2")
    matrix = two_cached / "two/embeddings/layer_cache" / entry["key"] / "activations.npy"
    damaged = bytearray(matrix.read_bytes())
    damaged[-3] ^= 1
    matrix.write_bytes(damaged)
    done = run(*verify, "two", "--json")
    assert done.code == 1
    (found,) = json.loads(done.out)["damaged"]
    assert found["key"] == entry["key"]
    assert found["dropped"] is False
    assert "activations.npy is not what was written" in found["problem"]
    assert run(*verify, "one").code == 0
    done = run(*verify, "two", "--drop")
    assert done.code == 1
    assert f"damaged: {matrix.parent}: " in done.out
    assert done.out.endswith("1 sound, 1 damaged\n")
    assert not matrix.parent.exists()
    assert run(*verify, "two").out == "1 sound, 0 damaged\n"


def test_an_entry_of_a_later_version_is_not_damaged(
    run: Callable[..., Done], two_cached: Path
) -> None:
    (entry,) = entries(run, two_cached, "--model", "one")
    path = two_cached / "one/embeddings/layer_cache" / entry["key"] / "entry.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 99}))
    run("cache", "verify", "--data", two_cached, "--drop")
    assert path.exists()


def test_cache_of_a_folder_that_is_not_there(run: Callable[..., Done], tmp_path: Path) -> None:
    done = run("cache", "list", "--data", tmp_path / "nowhere")
    assert_one_sentence(done)


# ---- import -------------------------------------------------------------------------------------


def test_import_then_map_and_info(run: Callable[..., Done], tmp_path: Path) -> None:
    """What importing makes is tested with it; here what the verb says and passes on."""
    rng, images = np.random.default_rng(0), tmp_path / "images"
    for name in ("cat/a", "cat/b", "dog/c", "dog/d"):
        (images / name).parent.mkdir(parents=True, exist_ok=True)
        picture = rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)
        Image.fromarray(picture).save(images / f"{name}.png")
    write_tiny_checkpoint(tmp_path / "my net.safetensors")
    options = "--sigmas 0.5,2 --layers midblock,encoder_bottleneck --n-neighbors 3"
    asked = ("--model-checkpoint", tmp_path / "my net.safetensors", *options.split())
    data = tmp_path / "data"
    pictures = ("--images", images, "--class-map", "cat=3,dog=1")
    result = run("import", *asked, *pictures, "--out", data, "--json").json
    assert result == {
        "data": str(data),
        "model": "my-net",
        "pictures": 4,
        "samples": 8,
        "notes": [],
    }
    mapped = run("map", "--data", data, "--json").json
    assert mapped["from_cache"] is True
    assert mapped["layers"] == ["encoder_bottleneck", "midblock"]
    named = json.loads((data / "my-net/class_labels.json").read_text())
    assert named == {"1": "dog", "3": "cat"}
    (model,) = run("info", "--data", data, "--json").json["models"]
    assert (model["samples"], model["problems"]) == (8, [])
    done = run("import", *asked, "--images", images, "--out", data)
    assert_one_sentence(done)
    assert "is there already" in done.err
    more = ("--generate", "2", "--steps", "2", "--seed", "1", "--name", "drawn")
    text = run("import", *asked, *more, "--out", data)
    assert text.out.splitlines() == [
        f"{data / 'drawn'}: 4 samples of 2 pictures",
        f"open it with: diffviews-desktop --data {data} --model drawn",
    ]
    text = run("import", *asked, *more, "--out", tmp_path / "a\nid")
    assert "open it with" not in text.out  # what is shown of that name would not open it


# ---- generate -----------------------------------------------------------------------------------


def generate(run: Callable[..., Done], data: Path, out: Path, *more: object) -> dict[str, Any]:
    return run("generate", "--data", data, "--out", out, "--json", *more).json


def test_generate_names_what_it_wrote_and_never_writes_over_it(
    run: Callable[..., Done], tiny_data: Callable[..., Path], tmp_path: Path
) -> None:
    data, out = tiny_data(), tmp_path / "pictures"
    options = ("--rows", "3,14,15", "--class", "0", "--steps", "5", "--noise-mode", "fixed")
    first = generate(run, data, out, *options)
    np.testing.assert_allclose(first["sigmas"], [80, 30.443, 9.921, 2.609, 0.5], atol=1e-3)
    assert first["model"] == "tiny"
    assert first["layers"] == ["midblock"]
    assert first["rows"] == [3, 14, 15]
    assert (first["class"], first["class_choice"]) == (0, 0)
    assert first["seed"] == 42
    assert (first["steps"], first["mask_steps"]) == (5, 5)
    assert [step["sigma"] for step in first["trajectory"]] == first["sigmas"]
    for step in first["trajectory"]:
        names = ["sigma", "umap_x", "umap_y", "distance", "imposed"]
        assert list(step) == [*names, "typicality", "imposed_typicality"]
        assert len(step["imposed"]) == 2
        assert all(map(math.isfinite, [step["umap_x"], step["umap_y"], *step["imposed"]]))
    assert sorted(first["files"]) == sorted(str(path) for path in out.iterdir())
    assert len(first["files"]) == 7  # the picture, five steps, the record
    with Image.open(first["image"]) as picture:
        assert picture.size == (16, 16)
    record = json.loads((out / "0001.json").read_text())
    assert record == first

    before = {path: path.read_bytes() for path in out.iterdir()}
    second = generate(run, data, out, *options)
    assert not set(second["files"]) & set(first["files"])
    assert {path: path.read_bytes() for path in before} == before
    assert len(list(out.iterdir())) == 14
    # the same seed: the same picture
    assert Path(second["image"]).read_bytes() == Path(first["image"]).read_bytes()
    # one file of a run is enough for its number to be taken
    for path in (out / "0003_step_01.png", out / "0004.json"):
        path.write_text("mine")
    third = generate(run, data, out, *options)
    assert Path(third["image"]).name == "0005.png"
    assert (out / "0003_step_01.png").read_text() == (out / "0004.json").read_text() == "mine"


@pytest.mark.parametrize(
    ("given", "choice", "label"),
    [
        (("--class", "4"), 4, 4),
        (("--class", "uniform"), "uniform", -1),
        (("--class", "zero"), "zero", -2),
        (("--rows", "7,1"), 2, 2),  # that of the first row
        ((), "random", None),
    ],
)
def test_generate_with_a_class(
    run: Callable[..., Done],
    tiny_data: Callable[..., Path],
    tmp_path: Path,
    given: tuple[str, ...],
    choice: object,
    label: int | None,
) -> None:
    result = generate(run, tiny_data(), tmp_path / "out", "--steps", "1", *given)
    assert result["class_choice"] == choice
    if label is None:
        assert result["class"] in range(5)
        assert result["trajectory"][0]["imposed"] is None
    else:
        assert result["class"] == label


def test_generate_with_every_option(
    run: Callable[..., Done], tiny_data: Callable[..., Path], tmp_path: Path
) -> None:
    options = "--rows 1 --steps 3 --mask-steps 1 --sigma-max 10 --sigma-min 1 --guidance 2"
    result = generate(
        run, tiny_data(), tmp_path, *options.split(), "--noise-mode", "zero", "--seed", "5"
    )
    assert result["sigmas"][0] == pytest.approx(10)
    assert result["sigmas"][-1] == pytest.approx(1)
    assert len(result["sigmas"]) == 3
    assert [step["imposed"] is not None for step in result["trajectory"]] == [True, False, False]
    assert (result["guidance"], result["noise_mode"], result["seed"]) == (2, "zero", 5)


def test_generate_takes_the_steps_of_its_mask_once(
    run: Callable[..., Done], tiny_data: Callable[..., Path], tmp_path: Path
) -> None:
    common = ("--rows", "1", "--steps", "3", "--seed", "5", "--class", "zero")
    data = tiny_data()
    first, same = (
        generate(run, data, tmp_path, *common, *steps)
        for steps in (("--mask-steps", "2"), ("--mask-window", "1-2"))
    )
    assert Path(first["image"]).read_bytes() == Path(same["image"]).read_bytes()
    both = ("--mask-steps", "2", "--mask-window", "2-3")
    done = run("generate", "--data", data, "--out", tmp_path, *common, *both)
    assert_one_sentence(done)
    assert "either --mask-window or --mask-steps" in done.err


def test_generate_takes_the_models_settings(
    run: Callable[..., Done], tiny_data: Callable[..., Path], tmp_path: Path
) -> None:
    data = tiny_data(config={"default_steps": 2, "sigma_max": 9.0, "sigma_min": 3.0})
    result = generate(run, data, tmp_path / "out")
    assert result["sigmas"] == pytest.approx([9, 3])
    assert result["mask_steps"] == 2
    # more steps than the model's default are all masked
    assert generate(run, data, tmp_path / "out", "--steps", "4")["mask_steps"] == 4


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("--rows 60", "Sample 60 does not exist (60 samples)"),
        ("--class 5", "no class 5"),
        ("--sigma-min 100", "sigma_min must not exceed sigma_max"),
        ("--sigma-max -1", "sigma_max"),
        ("--guidance -1", "guidance"),
        ("--layer nothing", "no layer 'nothing'"),
        ("--model nobody", "no model 'nobody'"),
        ("--device abacus", "Unknown device 'abacus'"),
        ("--adapter odd", "no adapter named 'odd'"),
        ("--checkpoint /nowhere.safetensors", "/nowhere.safetensors"),
        ("--seed 9223372036854775808", "seed"),
    ],
)
def test_generate_says_in_one_sentence_what_is_wrong(
    run: Callable[..., Done],
    tiny_data: Callable[..., Path],
    tmp_path: Path,
    options: str,
    reason: str,
) -> None:
    out = tmp_path / "out"
    done = run("generate", "--data", tiny_data(), "--out", out, "--json", *options.split())
    assert_one_sentence(done)
    assert reason in done.err
    assert not out.exists()


def test_generate_with_a_missing_picture_in_the_mask(
    run: Callable[..., Done], tiny_data: Callable[..., Path], tmp_path: Path
) -> None:
    data = tiny_data()
    (data / "tiny/images/imagenet_real/sample_000003.png").write_bytes(b"no picture")
    done = run("generate", "--data", data, "--out", tmp_path / "out", "--rows", "3")
    assert_one_sentence(done)
    assert "The picture of sample_000003" in done.err


def test_generate_into_a_place_that_cannot_be_written(
    run: Callable[..., Done], tiny_data: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("mine")
    done = run("generate", "--data", tiny_data(), "--out", tmp_path / "file", "--steps", "1")
    assert_one_sentence(done)
    assert "cannot be written" in done.err
    assert (tmp_path / "file").read_text() == "mine"


# ---- convert-checkpoint -------------------------------------------------------------------------


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A state dict as trainings leave it."""
    path = tmp_path / "trained.pt"
    torch.save(tiny_model(seed=3).state_dict(), path)
    return path


def convert(run: Callable[..., Done], *arguments: object) -> Done:
    return run("convert-checkpoint", *arguments)


def test_convert_writes_the_weights_and_what_they_are_of(
    run: Callable[..., Done], bare: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new folder" / "edm.safetensors"
    result = convert(run, bare, out, "--json").json
    assert list(result) == ["checkpoint", "config", "parameters", "notes"]
    assert result["checkpoint"] == str(out)
    config = result["config"]
    assert config["class_name"] == "EDMPrecond"
    assert config["model_type"] == "DhariwalUNet"
    for key in ("img_resolution", "img_channels", "label_dim", "model_channels", "channel_mult"):
        assert config[key] == CONFIG[key], key
    model = tiny_model(seed=3)
    assert result["parameters"] == sum(parameter.numel() for parameter in model.parameters())
    (note,) = result["notes"]
    assert "trained.pt does not say its preconditioning" in note
    written, state = load_file(out), model.state_dict()
    assert written.keys() == state.keys()
    assert all(torch.equal(written[name], state[name]) for name in state)
    assert list(out.parent.iterdir()) == [out]
    # what was written needs no assumptions
    again = convert(run, out, tmp_path / "again.safetensors", "--json").json
    assert again["config"] == config
    assert again["notes"] == []


def test_convert_says_what_it_wrote(run: Callable[..., Done], bare: Path, tmp_path: Path) -> None:
    out = tmp_path / "edm.safetensors"
    done = convert(run, bare, out)
    assert (done.code, done.err) == (0, "")
    first, *notes = done.out.splitlines()
    millions = sum(parameter.numel() for parameter in tiny_model().parameters()) / 1e6
    assert first == (f"{out}: EDMPrecond with DhariwalUNet, {millions:.1f} million parameters")
    assert len(notes) == 1


def test_convert_replaces_nothing_unless_it_is_told_to(
    run: Callable[..., Done], bare: Path, tmp_path: Path
) -> None:
    out = tmp_path / "edm.safetensors"
    out.write_bytes(b"mine")
    done = convert(run, bare, out)
    assert_one_sentence(done)
    assert "is there already" in done.err
    assert "--force" in done.err
    assert out.read_bytes() == b"mine"
    assert convert(run, bare, out, "--force", "--json").json["checkpoint"] == str(out)
    assert load_file(out).keys() == tiny_model().state_dict().keys()


@pytest.mark.parametrize("name", ["edm.pt", "edm", "edm.safetensors.pt", ".safetensors"])
def test_convert_writes_one_format_only(
    run: Callable[..., Done], bare: Path, tmp_path: Path, name: str
) -> None:
    done = convert(run, bare, tmp_path / name)
    assert_one_sentence(done)
    assert "must end in .safetensors" in done.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["trained.pt"]


def test_convert_of_what_is_no_checkpoint(
    run: Callable[..., Done], bare: Path, tmp_path: Path
) -> None:
    out = tmp_path / "edm.safetensors"
    done = convert(run, tmp_path / "missing.pt", out)
    assert_one_sentence(done)
    assert f"There is no checkpoint at {tmp_path / 'missing.pt'}" in done.err
    (tmp_path / "poem.pt").write_text("no weights")
    done = convert(run, tmp_path / "poem.pt", out)
    assert_one_sentence(done)
    assert "poem.pt" in done.err
    (tmp_path / "file").write_text("mine")
    done = convert(run, bare, tmp_path / "file" / "edm.safetensors")
    assert_one_sentence(done)
    assert "cannot be written" in done.err
    assert not out.exists()


class Terminal(io.StringIO):
    """A terminal where Ctrl-C is pressed once, when it shows something (a pattern)."""

    def __init__(self, until: str) -> None:
        super().__init__()
        self.until: str | None = until

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        count = super().write(text)
        if self.until is not None and re.search(self.until, self.getvalue()):
            self.until = None
            signal.raise_signal(signal.SIGINT)
        return count


def test_progress_is_one_line_with_details_and_the_time_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal, now = Terminal("never"), [100.0]
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setenv("COLUMNS", "100")
    with progress.showing_progress() as show:
        show(Progress(0, "extracting", 0.0))
        now[0] += 20
        show(Progress(0, "extracting", 0.25, "500 of 2000, 25/s"))
        show(Progress(0, "saving"))
        show(Progress(0, "saving", 0.5, "x" * 100))
    start, begun, told, other, long, cleared = terminal.getvalue().split("\r\x1b[K")
    assert (start, cleared) == ("", "")
    assert begun.split() == ["extracting", "0", "%"]
    assert told.split() == [
        "extracting",
        "25",
        "%",
        "██████",
        "500",
        "of",
        "2000,",
        "25/s",
        "1:00",
        "left",
    ]
    assert other.strip() == "saving"
    assert len(long) == 99
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with progress.showing_progress() as show:
        show(Progress(0, "extracting", 0.0))
    assert sys.stderr.getvalue() == ""


@pytest.mark.parametrize("until", ["converting", " [2-6][0-9] %", " 70 %"])
def test_ctrl_c_in_a_conversion_leaves_nothing(
    bare: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    until: str,
) -> None:
    out = tmp_path / "new" / "edm.safetensors"
    terminal = Terminal(until)
    monkeypatch.setattr(sys, "stderr", terminal)
    # a test run in the background of a shell ignores Ctrl-C
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        code = cli.main(["convert-checkpoint", str(bare), str(out)])
    finally:
        signal.signal(signal.SIGINT, before)
    assert terminal.until is None
    assert code == 130
    assert terminal.getvalue().endswith("interrupted\n")
    assert "Traceback" not in terminal.getvalue()
    assert capsys.readouterr().out == ""
    assert not out.parent.exists() or list(out.parent.iterdir()) == []


def test_a_converted_checkpoint_is_taken_by_the_next_verb(
    run: Callable[..., Done], tiny_data: Callable[..., Path], tmp_path: Path
) -> None:
    """Beside its file; the pictures are the same."""
    data = tiny_data(checkpoint=False, config={"checkpoint": "net.pt"}, samples=20)
    write_tiny_checkpoint(tmp_path / "net.safetensors")
    torch.save(load_file(tmp_path / "net.safetensors"), data / "tiny/net.pt")
    options = ("--rows", "3", "--class", "zero", "--seed", "1", "--steps", "2")
    first = generate(run, data, tmp_path / "out", *options)
    assert convert(run, data / "tiny/net.pt", data / "tiny/net.safetensors").code == 0
    os.remove(data / "tiny/net.pt")
    second = generate(run, data, tmp_path / "out", *options)
    # the files name their checkpoints, the pictures are the same
    assert Image.open(second["image"]).tobytes() == Image.open(first["image"]).tobytes()
    info = run("info", "--data", data, "--json").json["models"][0]
    assert [layer["name"] for layer in info["layers"] if layer["cached"]] == ["midblock"]
