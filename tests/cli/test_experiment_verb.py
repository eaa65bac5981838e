"""``experiment`` and ``generate --controls``: what they print, write, and run again."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from done import Done
from tiny_folder import write_tiny_model

from diffviews_desktop.cli.main import main
from diffviews_desktop.experiments.journal import JOURNAL
from diffviews_desktop.values.controls import APPLICABLE, controls_for
from diffviews_desktop.values.interventions import PICKED

CONTROLS = controls_for((PICKED,), classes=True, places=1)
FEW = ("--neighbors", "1", "--seeds", "1", "--steps", "2", "--device", "cpu")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("compared") / "data"
    write_tiny_model(data / "tiny")
    return data


def answered(capsys: pytest.CaptureFixture[str], *arguments: object) -> Any:
    capsys.readouterr()
    code = main([*map(str, arguments), "--json"])
    out, err = capsys.readouterr()
    assert code == 0, err
    return json.loads(out)


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    capsys.readouterr()
    try:
        code = main([*map(str, arguments)])
    except SystemExit as error:
        code = int(error.code or 0)
    assert code != 0
    return capsys.readouterr().err


def test_an_experiment_is_drawn_written_and_run_again(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "held"
    asked = ("experiment", "run", "--data", data, "--layer", "midblock", "--anchors", 5, *FEW)
    cost = answered(capsys, *asked, "--out", out, "--cost")
    arms = len(CONTROLS)  # the intervention beside all but none
    assert cost["pictures"] == 5 * (1 + arms)
    assert cost["drawn"] == 0
    assert not out.exists()
    made = answered(capsys, *asked, "--out", out)
    assert made["drawn"] == made["pictures"] == cost["pictures"]
    assert [row["arm"] for row in made["findings"]] == ["none", "intervention", *CONTROLS[1:]]
    assert all(row["neighbors_low"] <= row["neighbors"] for row in made["findings"])
    with (out / "experiment.csv").open(newline="", encoding="utf-8") as file:
        assert [row["arm"] for row in csv.DictReader(file)] == list(made["arms"])
    assert "<script" not in (out / "experiment.html").read_text(encoding="utf-8")
    written = json.loads((out / "experiment.json").read_text())
    assert written == {name: made[name] for name in written}
    assert answered(capsys, *asked, "--out", out)["drawn"] == 0
    again = answered(
        capsys, "experiment", "--replay", out / "experiment.json", "--out", tmp_path / "again",
        "--device", "cpu",
    )  # fmt: skip
    assert again["drawn"] == made["pictures"]
    assert again["findings"] == made["findings"]
    assert again["record"] == made["record"]


def test_a_sweep_goes_over_layers_and_windows(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = answered(
        capsys, "experiment", "sweep", "--data", data, "--layers", "midblock,decoder_block_1",
        "--windows", 2, "--anchors", 5, *FEW, "--controls", "none", "--out", tmp_path / "out",
    )  # fmt: skip
    places = [(row["layers"], row["first_step"], row["last_step"]) for row in made["findings"][1:]]
    assert places == [
        (layer, step, step) for layer in ("midblock", "decoder_block_1") for step in (1, 2)
    ]
    html = (tmp_path / "out" / "experiment.html").read_text(encoding="utf-8")
    assert html.count('class="heat"') == 4


def test_a_run_is_drawn_with_its_controls(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = (
        "generate", "--data", data, "--layer", "midblock", "--rows", "2,22", "--class", "zero",
        "--steps", 2, "--seed", 3, "--samples", 2, "--device", "cpu", "--controls",
    )  # fmt: skip
    made = answered(capsys, *asked, "--out", tmp_path)
    assert made["pictures"] == made["drawn"] == 2 * (1 + len(CONTROLS))
    assert {row["intervals_over"] for row in made["findings"]} == {"seeds"}
    assert all(row["neighbors_low"] <= row["neighbors"] for row in made["findings"])
    assert any("one mask" in note for note in made["notes"])
    assert (tmp_path / "controls" / "experiment.html").is_file()
    assert answered(capsys, *asked, "--out", tmp_path)["drawn"] == made["drawn"]
    assert (tmp_path / "controls-2").is_dir()


VERBS = {
    "--add": "2,22-3,43:strength=2",
    "--steer": "pc1:layers=midblock",
    "--scale": "0.5:steps=2-2",
    "--ablate": "zero:channels=0-1",
    "--patch": "same:class=3",
    "--replace": "2,22",
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_run_of_every_verb_is_drawn_with_its_controls(
    verb: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = answered(
        capsys, "generate", "--data", data, "--layer", "midblock", verb, VERBS[verb], "--class", 1,
        "--steps", 2, "--seed", 3, "--samples", 2, "--device", "cpu", "--controls",
        "--out", tmp_path,
    )  # fmt: skip
    arms = [row["arm"] for row in made["findings"]]
    assert arms[:2] == ["none", "intervention"]
    assert set(arms[2:]) <= set(APPLICABLE[verb[2:]])  # type: ignore[index]
    assert len(arms) > 4
    assert made["pictures"] == made["drawn"] == 2 * len(arms)
    report = (tmp_path / "controls" / "experiment.html").read_text(encoding="utf-8")
    assert "intervals over seeds" in report


def test_an_intervention_is_compared_and_run_again(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "added"
    made = answered(
        capsys, "experiment", "--data", data, "--layer", "midblock", "--add", "2,22-3,43:steps=2-2",
        "--ablate", "mean:layers=decoder_block_1", "--steps", 2, "--seeds", 4, "--device", "cpu",
        "--out", out,
    )  # fmt: skip
    assert [row["arm"] for row in made["findings"]] == ["none", "intervention", "layer"]
    assert made["findings"][1]["layers"] == "decoder_block_1+midblock"
    assert made["record"]["interventions"] == [
        "add 2 samples − 2 samples on steps 2-2 at midblock × 1",
        "ablate to the layer's mean at decoder_block_1",
    ]
    again = answered(
        capsys, "experiment", "--replay", out / "experiment.json", "--out", tmp_path / "again",
        "--device", "cpu",
    )  # fmt: skip
    assert again["drawn"] == made["pictures"] == 12
    assert again["findings"] == made["findings"]
    assert again["record"] == made["record"]
    assert (tmp_path / "again" / JOURNAL).read_bytes() == (out / JOURNAL).read_bytes()
    # the samples are found by their names, wherever they are now
    sent = json.loads((out / "experiment.json").read_text())
    sent["record"]["intervention_ids"][0] = "gone"
    (out / "experiment.json").write_text(json.dumps(sent))
    said = refused(capsys, "experiment", "--replay", out / "experiment.json")
    assert "no sample 'gone'" in said
    sent["record"]["intervention_ids"] = []
    (out / "experiment.json").write_text(json.dumps(sent))
    assert "holds no experiment" in refused(
        capsys, "experiment", "--replay", out / "experiment.json"
    )


def test_what_replaced_the_folders_settings_is_kept_and_what_changed_is_said(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "out" / "experiment.json"
    made = answered(
        capsys, "experiment", "--data", data, "--anchors", 4, *FEW, "--controls", "none",
        "--extraction-input", "scaled", "--max-classes", 4, "--told", "none",
        "--out", file.parent,
    )  # fmt: skip
    again = ("experiment", "--replay", file, "--device", "cpu")
    same = answered(capsys, *again, "--out", tmp_path / "same")
    assert same["record"] == made["record"]
    assert same["notes"] == made["notes"]
    assert (tmp_path / "same" / JOURNAL).read_bytes() == (file.parent / JOURNAL).read_bytes()
    sent = json.loads(file.read_text())
    sent["record"] |= {"samples": "others", "judge": {"judge": "cats.onnx"}, "threads": [3]}
    sent["record"]["checkpoint"]["sha256"] = "0" * 64
    sent["record"]["versions"]["torch"] = "1.0"
    del sent["record"]["read_with"]
    file.write_text(json.dumps(sent))
    notes = " ".join(answered(capsys, *again, "--out", tmp_path / "other")["notes"])
    for text in (
        "the table of samples has",
        "the weights have",
        "made with torch 1.0",
        "the judge",
    ):
        assert f"The pictures may differ: {text}" in notes


def test_an_intervention_is_swept_over_layers_and_windows(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = answered(
        capsys, "experiment", "sweep", "--data", data, "--layers", "midblock,decoder_block_1",
        "--windows", 2, "--ablate", "zero", "--steps", 2, "--seeds", 2, "--device", "cpu",
        "--out", tmp_path / "out",
    )  # fmt: skip
    places = [(row["layers"], row["first_step"], row["arm"]) for row in made["findings"][1:]]
    assert places == [
        (layer, step, arm)
        for layer in ("midblock", "decoder_block_1")
        for step in (1, 2)
        for arm in ("intervention", "mean")
    ]
    html = (tmp_path / "out" / "experiment.html").read_text(encoding="utf-8")
    assert html.count('class="heat"') == 4


def test_what_is_wrong_is_said(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ("experiment", "--data", data, *FEW, "--out", tmp_path / "out")
    assert "no control" in refused(capsys, *run, "--controls", "none,placebo")
    assert "number of windows" in refused(capsys, *run, "--windows", "1-9")
    assert "noise level" in refused(capsys, *run, "--sigma", "3")
    assert "anchor masks" in refused(capsys, *run, "--anchors", "400")
    single = ("generate", "--data", data, "--layer", "midblock", "--out", tmp_path)
    assert "--rows" in refused(capsys, *single, "--controls")
    adds = (*single, "--controls", "--add", "2,22-3,43")
    assert "no other axis" in refused(capsys, *adds, "--strengths", "0;1")
    add = ("experiment", "--data", data, "--steps", 2, "--add", "2,22-3,43")
    assert "--anchors is for masks" in refused(capsys, *add, "--anchors", "4")
    assert "--strength is for masks" in refused(capsys, *add, "--strength", "0.5")
    assert "says nothing of add" in refused(capsys, *add, "--controls", "noise")
    both = (*add, "--ablate", "zero")
    assert "name a single one" in refused(capsys, *both, "--windows", "2")


def test_a_file_of_another_does_not_choose_what_runs(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = answered(
        capsys, "experiment", "--data", data, "--anchors", 5, *FEW, "--controls", "none",
        "--out", tmp_path / "out",
    )  # fmt: skip
    made["record"]["experiment"]["judge"] = "shutil:rmtree"
    file = tmp_path / "sent.json"
    file.write_text(json.dumps(made))
    said = refused(capsys, "experiment", "--replay", file, "--out", tmp_path / "again")
    assert "--judge-code shutil:rmtree" in said


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"record": {"kind": "experiment"}}', "\0"])
def test_a_file_that_is_no_experiment_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    file = tmp_path / "no.json"
    file.write_text(text)
    assert "holds no experiment" in refused(capsys, "experiment", "--replay", file)


def test_layers_that_cannot_be_read_are_wrong_usage(
    run: Callable[..., Done], tiny_data: Callable[..., Path]
) -> None:
    done = run("experiment", "--data", tiny_data(), "--layers", "midblock,a+", "--rows", "1,2/3,4")
    assert done.code == 1
    assert "'midblock,a+' is no list of layers" in done.err
