"""A line of the history as a command: the program's own verbs read it as what was asked for."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from diffviews_desktop.actions.commands import as_command
from diffviews_desktop.actions.line_format import as_python, json_text
from diffviews_desktop.cli.line_reader import read_line
from diffviews_desktop.cli.options import folder_of, map_parameters_of
from diffviews_desktop.cli.verbs import add_verb_parser, direction, generate
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.directions import ExportDirection, LoadDirection, SaveDirection
from diffviews_desktop.engine.jobs.drawing import Generate, GenerateGrid
from diffviews_desktop.engine.jobs.importing import ImportData
from diffviews_desktop.engine.jobs.mapping import AssessMap, MapLayer
from diffviews_desktop.engine.jobs.opening import OpenData
from diffviews_desktop.engine.protocol import Job
from diffviews_desktop.state.history import HistoryLine
from diffviews_desktop.text.plain import visible
from diffviews_desktop.text.terminal import Parser
from diffviews_desktop.values.conditions import ClassLabel, Prompt, ZeroLabel
from diffviews_desktop.values.folders import FolderRef, Overrides
from diffviews_desktop.values.interventions import (
    Component,
    Difference,
    Factor,
    Intervention,
    LayerMean,
    OtherRun,
    SampleMean,
    SavedVector,
    Zero,
)
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.maps import MapParameters, MapSpec
from diffviews_desktop.values.regions import Area, Channels, Tokens
from diffviews_desktop.values.sampling import SamplingSettings
from diffviews_desktop.values.told import OWN_CONDITION

LAYER = "encoder_bottleneck"
ODD = ("a\x1b[201~\nid\n", "a\nid", "a\x9b1m", "a\u202eb\u2066", "a\x7f", "\udc80", "a\tb")
STACKS = (
    (),
    (Intervention("replace", SampleMean((3, 5)), LayerSet([LAYER, "midblock"])),),
    (
        Intervention("replace", SampleMean((1,)), step_from=1, step_to=3, strength=0.25),
        Intervention("add", Difference((1, 2), (4,)), strength=-2.0),
        Intervention("steer", Component(1), region=Channels((0, 1, 7)), step_from=2),
        Intervention("scale", Factor(0.5), conditional=False),
        Intervention("ablate", Zero(), unconditional=False),
        Intervention("ablate", LayerMean(), region=Tokens((0, 3))),
        Intervention("patch", OtherRun(4, ClassLabel(1))),
        Intervention("patch", OtherRun()),
        Intervention("add", SavedVector("three-not-eight")),
    ),
)
SETTINGS = SamplingSettings(
    num_steps=4, sigma_max=70.5, sigma_min=0.125, guidance_scale=1.5, noise_mode="fixed", seed=11,
    sampler="heun", s_churn=2.0, s_min=0.1, s_max=50.0, s_noise=1.003,
)  # fmt: skip


def command(*asked: Job[object], verb: str = "picks.undo", **given: Any) -> list[str]:
    line = HistoryLine(1, verb, given, asked=asked)
    program, *words = shlex.split(as_command([line]).replace("\\\n", ""))
    assert program == "diffviews-desktop"
    return words


def parsed(words: list[str]) -> Any:
    parser = Parser(prog="diffviews-desktop")
    add_verb_parser(words[0], parser.add_subparsers())
    return parser.parse_args(words)


@pytest.fixture
def folder(tiny_data: Callable[..., Path]) -> FolderRef:
    return FolderRef(tiny_data(samples=12), max_classes=2)


@pytest.mark.parametrize("stack", STACKS)
def test_a_run_is_generated_by_the_same_job(
    folder: FolderRef, stack: tuple[Intervention, ...]
) -> None:
    spec = MapSpec(
        "tiny", LayerSet([LAYER]), MapParameters(n_neighbors=5, level=0.5), OWN_CONDITION
    )
    job = Generate(
        job_id=0, folder=folder, spec=spec, condition=ClassLabel(1), settings=SETTINGS,
        interventions=stack,
    )  # fmt: skip
    options = parsed(command(job))
    engine = Engine("cpu")
    made, _ = generate._asked_for(options, engine)
    engine.close()
    overrides = Overrides(num_steps=4, sigma_max=70.5, sigma_min=0.125, guidance_scale=1.5)
    ends = tuple(
        replace(one, step_to=one.step_to or (4 if one.step_from else None)) for one in stack
    )
    folder = replace(folder, overrides=overrides)
    assert made == replace(job, folder=folder, interventions=ends)


def test_a_grid_is_generated_by_the_same_job(folder: FolderRef) -> None:
    job = GenerateGrid(
        job_id=0, folder=folder, spec=MapSpec("tiny", LayerSet([LAYER])), condition=ZeroLabel(),
        settings=SETTINGS, interventions=STACKS[2][:2], varied=1, samples=2,
        strengths=(0.5, 1.0), windows=((0, 2), (2, 4)),
        mask_layers=(LayerSet([LAYER]), LayerSet([LAYER, "midblock"])),
    )  # fmt: skip
    engine = Engine("cpu")
    made, _ = generate._asked_for(parsed(command(job)), engine)
    engine.close()
    assert replace(made, folder=folder) == job


def test_maps_directions_and_imports_say_the_same(tmp_path: Path) -> None:
    folder = FolderRef(tmp_path / "a b", overrides=Overrides(adapter="edm", weights="ema"))
    parameters = MapParameters(min_dist=0.25, pca_components=None, metric="cosine", seed=7)
    spec = MapSpec("tiny", LayerSet(["b", "a"]), parameters, ZeroLabel())
    common: dict[str, Any] = {"job_id": 1, "folder": folder, "spec": spec}
    beside = replace(spec, parameters=MapParameters(aligned=True))
    options = parsed(command(MapLayer(job_id=1, folder=folder, spec=beside)))
    assert map_parameters_of(options) == beside.parameters
    for job in (
        MapLayer(job_id=1, folder=folder, spec=spec),
        AssessMap(job_id=1, folder=folder, spec=spec, seeds=2),
        SaveDirection(
            job_id=1, folder=folder, spec=spec, source=Difference((1,), (2, 3)), name="d"
        ),
        SaveDirection(**common, source=Component(2), name="c"),
        SaveDirection(**common, source=SampleMean((4,)), name="m"),
    ):
        options = parsed(command(job))
        assert folder_of(options) == folder
        assert map_parameters_of(options) == parameters
        assert (options.model, options.layer, options.told) == ("tiny", ("a", "b"), ZeroLabel())
        if isinstance(job, AssessMap):
            assert options.assess == 2
        if isinstance(job, SaveDirection):
            assert options.name == job.name
            assert options.component == (3 if job.name == "c" else None)
    bring = ImportData(
        job_id=1, folder=FolderRef(), checkpoint=tmp_path / "x.pkl", out=tmp_path / "out",
        name="net", images=tmp_path, sigmas=(0.5, 2.0), layers=LayerSet(["a"]), seed=3,
        brightness=(0.0, 255.5), told=OWN_CONDITION,
    )  # fmt: skip
    options = parsed(command(bring))
    for name in ("checkpoint", "out", "name", "images", "sigmas", "seed", "brightness", "told"):
        assert getattr(options, name) == getattr(bring, name), name
    assert LayerSet(options.layers) == bring.layers


def test_a_direction_is_loaded_and_exported_by_the_same_command(tmp_path: Path) -> None:
    common: dict[str, Any] = {"job_id": 1, "folder": FolderRef(tmp_path), "model": "tiny"}
    file = tmp_path / "a b.safetensors"
    for job in (
        LoadDirection(**common, file=file, name="c", replace=True),
        ExportDirection(**common, file=file, name="c"),
    ):
        options = parsed(command(job))
        assert folder_of(options) == job.folder
        assert (options.model, options.file, options.name) == ("tiny", file, "c")
        assert options.run is (
            direction.load if isinstance(job, LoadDirection) else direction.export
        )
    assert parsed(command(LoadDirection(**common, file=file, replace=True))).replace
    assert not parsed(command(LoadDirection(**common, file=file))).replace


def test_opening_a_folder_opens_the_window_there(tmp_path: Path) -> None:
    job = OpenData(job_id=1, folder=FolderRef(tmp_path), model="m")
    assert command(job) == ["--data", str(tmp_path), "--model", "m"]


@pytest.mark.parametrize("odd", ODD)
def test_an_argument_with_letters_that_act_goes_into_json(odd: str, tmp_path: Path) -> None:
    """Escape, then ``[201~``, ends what a terminal takes for pasted; the next line would be run."""
    folder = FolderRef(tmp_path / odd)
    job = OpenData(job_id=1, folder=folder, model=odd)
    given = {"folder": folder, "model": odd}
    line = HistoryLine(1, "folders.open_data", given, asked=(job,))
    copied = as_command([line])
    assert copied.isascii()
    assert visible(copied, lines=True) == copied
    _, verb, text = shlex.split(copied.replace("\\\n", ""))
    assert verb == "do"
    assert dict(read_line(text).arguments) == given
    for copied in (as_python(line), json_text(line)):
        assert visible(copied, lines=True) == copied


def test_an_argument_in_any_script_stays_in_a_command(tmp_path: Path) -> None:
    job = OpenData(job_id=1, folder=FolderRef(tmp_path / "Bücher"), model="日本 שלום")
    assert command(job) == ["--data", str(tmp_path / "Bücher"), "--model", "日本 שלום"]
    line = HistoryLine(1, "folders.open_data", {"model": "日本 שלום"})
    assert json_text(line) == '{"verb": "folders.open_data", "model": "日本 שלום"}'


def test_what_no_option_says_is_done_by_its_line() -> None:
    spec = MapSpec("tiny", LayerSet(["a"]))
    common: dict[str, Any] = {"job_id": 1, "folder": FolderRef(), "spec": spec}
    mask = Intervention("replace", SampleMean((1,), "distance"))
    area = Intervention("ablate", Zero(), region=Area(2, 2, "f0"))
    jobs = [
        Generate(**common, condition=Prompt("a cat"), settings=SamplingSettings()),
        Generate(**common, condition=ZeroLabel(), settings=SamplingSettings(rho=5.0)),
        Generate(
            **common, condition=ZeroLabel(), settings=SamplingSettings(), interventions=(mask,)
        ),
        Generate(
            **common, condition=ZeroLabel(), settings=SamplingSettings(), interventions=(area,)
        ),
    ]
    for job in jobs:
        assert command(job, verb="picks.click_point", row=3) == [
            "do",
            '{"verb": "picks.click_point", "row": 3}',
        ]
    lines = [HistoryLine(n, "picks.click_point", {"row": n}) for n in (1, 2)]
    words = shlex.split(as_command(lines).replace("\\\n", ""))
    assert len(words) == 4
