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
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from tiny import CONFIG, DuckAdapter, tiny_model
from tiny_folder import TINY_SAMPLES, write_tiny_checkpoint

from diffviews_desktop import cli, paths
from diffviews_desktop.adapters import registry

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
    "layers",
    "device",
    "num_classes",
    "guidance_note",
    "notes",
    "problems",
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
    assert list(result) == ["models", "problems", "adapters", "unusable_adapters"]
    assert result["problems"] == []
    assert "digits" in [model["name"] for model in result["models"]]
    for model in result["models"]:
        assert list(model) == MODEL_KEYS
        assert (model["device"], model["num_classes"]) == ("cpu", 10)
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
        "diffviews-desktop: Something unexpected happened (IndexError: quack: no such feather). "
        f"Details: {log}\n"
    )
    written = log.read_text(encoding="utf-8")[before:]
    assert "Traceback (most recent call last):" in written
    assert 'raise IndexError("quack' in written
    assert not (tmp_path / "out").exists()


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
        ("--sigma-min 100", "sigma_min must not exceed sigma_max"),
        ("--sigma-max nan", "sigma_max"),
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
    assert Path(second["image"]).read_bytes() == Path(first["image"]).read_bytes()
    info = run("info", "--data", data, "--json").json["models"][0]
    assert [layer["name"] for layer in info["layers"] if layer["cached"]] == ["midblock"]
