"""The headless verbs, in this process: what they print and what they write."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tiny_folder import TINY_SAMPLES

from diffviews_desktop import cli

COLUMNS = [
    "sample_id",
    "class_label",
    "class_name",
    "image_path",
    "conditioning_sigma",
    "umap_x",
    "umap_y",
]


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.code == 0, self.err
        assert len(self.out.splitlines()) == 1

        def refuse(name: str) -> None:
            raise AssertionError(f"{name} is not JSON")

        return json.loads(self.out, parse_constant=refuse)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    def run(*arguments: object) -> Done:
        code = cli.main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return run


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        assert reader.fieldnames == COLUMNS
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
    assert list(result) == ["models", "problems"]
    assert result["problems"] == []
    assert "digits" in [model["name"] for model in result["models"]]
    for model in result["models"]:
        assert list(model) == ["name", "adapter", "samples", "default_layer", "layers", "problems"]
        assert model["adapter"] == "edm"
        assert model["samples"] == len(read_csv(demo / model["name"] / "embeddings" / "demo.csv"))
        assert model["problems"] == []
        assert all(list(layer) == ["name", "shape", "cached"] for layer in model["layers"])
        shapes = {layer["name"]: layer["shape"] for layer in model["layers"]}
        assert set(model["default_layer"].split("+")) <= set(shapes)
        assert shapes["encoder_bottleneck"] == shapes["midblock"]
        assert all(len(shape) == 3 for shape in shapes.values())


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
    assert models["b-no-checkpoint"]["samples"] == TINY_SAMPLES
    assert any("d-no-json cannot be opened" in problem for problem in result["problems"])
    text = run("info", "--data", data)
    assert text.code == 0
    assert "c-good  (edm, 9 samples)" in text.out
    assert "midblock" in text.out
    assert "64x8x8" in text.out
    assert "problem: " in text.out


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
    rows = read_csv(Path(first["csv"]))
    assert len(rows) == TINY_SAMPLES
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
    assert read_csv(Path(second["csv"])) == rows
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
    for row, expected in zip(read_csv(out), own, strict=True):
        assert np.float32(row["umap_x"]) == np.float32(expected["umap_x"])
        assert np.float32(row["umap_y"]) == np.float32(expected["umap_y"])
    assert list(out.parent.iterdir()) == [out]
    text = run("map", "--data", data, "--out", out)
    assert text.out == f"{TINY_SAMPLES} points of midblock (from the cache): {out}\n"


def test_map_of_the_demo(run: Callable[..., Done], demo: Path, isolated_home: Path) -> None:
    result = run("map", "--json").json
    assert result["from_cache"] is True
    assert result["points"] == 2000
    written = Path(result["csv"])
    assert isolated_home in written.parents
    own = read_csv(demo / "digits/embeddings/demo.csv")
    for row, expected in zip(read_csv(written), own, strict=True):
        assert np.float32(row["umap_x"]) == np.float32(expected["umap_x"])


def test_map_counts_what_was_left_out(
    run: Callable[..., Done], tiny_data: Callable[..., Path]
) -> None:
    data = tiny_data()
    (data / "tiny/images/imagenet_real/sample_000003.png").unlink()
    result = run("map", "--data", data, "--layer", "encoder_block_2", "--json").json
    assert result["points"] == TINY_SAMPLES - 1
    assert "sample_000003" in result["notes"][0]
    rows = read_csv(Path(result["csv"]))
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
        assert list(step) == ["sigma", "umap_x", "umap_y", "distance", "imposed"]
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
        ("--sigma-min 100", "noise levels"),
        ("--sigma-max nan", "noise levels"),
        ("--guidance nan", "guidance"),
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
