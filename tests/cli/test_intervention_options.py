"""Interventions as the command line writes them, and the verb that saves directions."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from diffviews_desktop.cli import main as cli
from diffviews_desktop.cli.intervention_options import add_intervention_options, intervention_of
from diffviews_desktop.values.conditions import ClassLabel, ZeroLabel
from diffviews_desktop.values.interventions import (
    Component,
    Difference,
    Factor,
    LayerMean,
    OtherRun,
    SampleMean,
    SavedVector,
    Zero,
)
from diffviews_desktop.values.regions import Area, Channels, Tokens


@pytest.mark.parametrize(
    ("verb", "text", "source", "fields"),
    [
        ("replace", "3,14, 15", SampleMean((3, 14, 15)), {}),
        ("replace", "my set", SavedVector("my set"), {}),
        ("add", "3,14-7", Difference((3, 14), (7,)), {"strength": 1.0, "step_to": None}),
        ("add", "3-7:strength=-0,5", Difference((3,), (7,)), {"strength": -0.5}),
        ("add", "pc3:steps=2-5", Component(2), {"step_from": 1, "step_to": 5}),
        ("steer", "3-not-8:layers=b+a", SavedVector("3-not-8"), {"layers": ("a", "b")}),
        ("scale", "1.5:channels=0-2+7", Factor(1.5), {"region": Channels((0, 1, 2, 7))}),
        ("scale", "-1:tokens=4", Factor(-1.0), {"region": Tokens((4,))}),
        ("ablate", "zero:half=conditional", Zero(), {"conditional": True, "unconditional": False}),
        ("ablate", "mean:half=unconditional", LayerMean(), {"conditional": False}),
        ("patch", "7", OtherRun(7), {}),
        ("patch", "same:class=3:name=a, b", OtherRun(None, ClassLabel(3)), {"name": "a, b"}),
        ("patch", "9:class=zero", OtherRun(9, ZeroLabel()), {}),
    ],
)
def test_what_is_written_is_meant(
    verb: Any, text: str, source: object, fields: dict[str, Any]
) -> None:
    one = intervention_of(verb, text)
    assert (one.verb, one.source) == (verb, source)
    assert {name: getattr(one, name) for name in fields} == fields


def test_an_area_is_shares_of_the_picture_or_the_white_of_another(tmp_path: Path) -> None:
    (shares,) = [intervention_of("ablate", "zero:area=0.5,0,1,0.25").region]
    assert isinstance(shares, Area)
    rows, columns = np.nonzero(shares.bitmap)
    height, width = shares.bitmap.shape
    assert (rows.min(), rows.max() + 1) == (0, height // 4)
    assert (columns.min(), columns.max() + 1) == (width // 2, width)
    brushed = np.zeros((10, 8), np.uint8)
    brushed[2:5, 1] = 255
    Image.fromarray(brushed).save(tmp_path / "area, white.png")
    region = intervention_of("ablate", f"zero:area={tmp_path}/area, white.png:strength=0.5").region
    assert region == Area.of(brushed > 0)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--add", "3,14"], "'3,14' is no direction: give two sets of samples such as 3,14-7,9"),
        (["--add", "pc0"], "counted from 1"),
        (["--add", "3-4:class=1"], "class belongs to --patch"),
        (["--add", "3-4:steps=5-2"], "'5-2' is not a range of steps"),
        (["--add", "3-4:steps=1-2:steps=1-2"], "says steps twice"),
        (["--scale", "much"], "'much' is not a number"),
        (["--ablate", "half"], "neither zero nor mean"),
        (["--ablate", "zero:channels=1-:strength=1"], "'1-' is not a list of numbers"),
        (["--ablate", "zero:channels=1:tokens=2"], "give channels or tokens, not both"),
        (["--ablate", "zero:channels=5-2"], "at least one of the channels"),
        (["--ablate", "zero:area=0,0,2,1"], "in shares from 0 to 1"),
        (["--ablate", "zero:area=/nowhere.png"], "nowhere.png"),
        (["--ablate", "zero:half=left"], "'left' is not conditional, unconditional or both"),
        (["--patch", "soon"], "neither a seed nor same"),
        (["--patch", "1:class=nobody"], "'nobody' is not a class number"),
    ],
)
def test_what_cannot_be_read_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    parser = argparse.ArgumentParser()
    add_intervention_options(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(arguments)
    assert says in " ".join(capsys.readouterr().err.split())


def test_they_act_in_the_order_in_which_they_are_given() -> None:
    parser = argparse.ArgumentParser()
    add_intervention_options(parser)
    given = parser.parse_args(["--scale", "2", "--add", "1-2", "--scale", "3"]).interventions
    assert [one.verb for one in given] == ["scale", "add", "scale"]
    assert parser.parse_args([]).interventions == []


def test_directions_and_stacks_from_the_command_line(
    tiny_data: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ["--data", str(tiny_data())]

    def run(*arguments: str) -> Any:
        assert cli.main([*arguments, "--json"]) == 0, capsys.readouterr().err
        return json.loads(capsys.readouterr().out)

    made = run("direction", "save", "one", *data, "--layer", "midblock", "--rows", "3,14",
               "--minus", "7")  # fmt: skip
    assert made["record"]["minus_ids"] == ["sample_000007"]
    assert made["norms"]["midblock"] > 0
    file = str(tmp_path / "out.safetensors")
    run("direction", "export", "one", file, *data)
    run("direction", "load", file, "--name", "two", *data)
    listed = run("direction", "list", *data)["directions"]
    assert [(one["name"], one["kind"]) for one in listed] == [
        ("one", "difference"), ("two", "difference"),
    ]  # fmt: skip
    (model,) = run("info", *data)["models"]
    assert model["directions"] == listed
    assert cli.main(["direction", "save", "one", *data, "--rows", "3"]) == 1
    assert "one is there already" in capsys.readouterr().err

    common = [*data, "--layer", "midblock", "--steps", "2", "--seed", "4", "--class", "1"]
    stack = ["--rows", "3,14", "--strength", "0.5", "--add", "two:strength=-2", "--ablate",
             "zero:layers=decoder_block_1:area=0,0,0.5,1"]  # fmt: skip
    first, again = tmp_path / "first", tmp_path / "again"
    result = run("generate", *common, *stack, "--out", str(first), "--baseline")
    assert [one["verb"] for one in result["interventions"]] == ["replace", "add", "ablate"]
    assert run("generate", "--replay", str(first / "0001.png"), "--out", str(again))
    assert (again / "0001.png").read_bytes() == (first / "0001.png").read_bytes()
    grid = ["--add", "two", "--strengths=-1;1", "--vary", "2", "--rows", "3", "--out", str(first)]
    cells = run("generate", *common, *grid)["cells"]
    assert [cell["interventions"][1]["strength"] for cell in cells] == [-1, 1]
    assert cli.main(["generate", *common, "--add", "two", "--windows", "1-1", "--vary", "2"]) == 1
    assert "no intervention 2 to vary" in capsys.readouterr().err


def test_a_direction_is_of_samples_that_are_told_what_was_asked_for(
    tiny_data: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ["--data", str(tiny_data(embedding=False)), "--layer", "midblock"]

    def saved(name: str, told: str) -> Any:
        sets = ["--rows", "3,14", "--minus", "7"]
        assert cli.main(["direction", "save", name, *data, *sets, "--told", told, "--json"]) == 0
        made = json.loads(capsys.readouterr().out)
        assert made["record"]["told"] == told
        extracted = tmp_path / told
        command = ["extract", *data, "--told", told, "--out", str(extracted), "--json"]
        assert cli.main(command) == 0
        capsys.readouterr()
        rows = np.load(extracted / "midblock.npy")
        vector = load_file(made["path"])["midblock"].ravel()
        np.testing.assert_allclose(vector, rows[[3, 14]].mean(axis=0) - rows[7], atol=1e-5)
        return vector

    own, nothing = saved("own", "own"), saved("nothing", "none")
    assert np.abs(own - nothing).max() > 1e-3
    assert cli.main(["direction", "list", *data]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(", of samples ")[2] for line in lines] == [
        "told nothing", "told their class",
    ]  # fmt: skip


def test_info_says_what_is_mapped_of_samples_that_are_told_something(
    tiny_data: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    data = ["--data", str(tiny_data(embedding=False))]
    assert cli.main(["map", *data, "--layer", "midblock", "--told", "none", "--json"]) == 0
    capsys.readouterr()

    def cached(*told: str) -> tuple[str, list[str]]:
        assert cli.main(["info", *data, *told, "--json"]) == 0
        (model,) = json.loads(capsys.readouterr().out)["models"]
        return model["told"], [one["name"] for one in model["layers"] if one["cached"]]

    assert cached() == ("own", [])
    assert cached("--told", "none") == ("none", ["midblock"])
    assert cli.main(["info", *data, "--told", "none"]) == 0
    assert "  samples are told nothing\n" in capsys.readouterr().out
