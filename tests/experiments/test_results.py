"""Findings of a made-up experiment against figures worked out another way."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffviews_desktop.experiments.intervals import rate_difference, rate_interval
from diffviews_desktop.experiments.report import report
from diffviews_desktop.experiments.results import findings_of, outcomes_of
from diffviews_desktop.experiments.tables import csv_text, lines_of, row_of
from diffviews_desktop.values.conditions import ClassLabel, UniformLabel
from diffviews_desktop.values.controls import CONTROLS
from diffviews_desktop.values.experiment_text import experiment_text, read_experiment
from diffviews_desktop.values.experiments import (
    Estimate,
    Examples,
    Experiment,
    Finding,
    Subjects,
)
from diffviews_desktop.values.finding_texts import estimate_text
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.regions import Area, Channels
from diffviews_desktop.values.sampling import SamplingSettings

A, B = LayerSet(("a",)), LayerSet(("b", "c"))
CLASSES, WRONG = (0, 1, 2, 0), (2, 0, 1, 2)


def experiment(**changes: object) -> Experiment:
    made = Experiment(
        model="m",
        layer_sets=(A, B),
        windows=((0, 1), (1, 3)),
        groups=((0, 1), (2,), (3,), (4,)),
        seeds=2,
        controls=("none", "mean", "wrong"),
        settings=SamplingSettings(seed=3),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def made_up() -> tuple[Experiment, np.ndarray, np.ndarray, tuple[Finding, ...]]:
    asked, rng = experiment(), np.random.default_rng(0)
    images = rng.integers(0, 256, (asked.count, 4, 4, 1), dtype=np.uint8)
    probabilities = rng.dirichlet([0.3] * 3, asked.count).astype(np.float32)
    samples = [rng.integers(0, 256, (2, 4, 4, 1), dtype=np.uint8) for _ in CLASSES]
    outcomes = outcomes_of(asked, lambda numbers: images[list(numbers)], samples, probabilities)
    subjects = Subjects(CLASSES, CLASSES, WRONG)
    return asked, images, probabilities, findings_of(asked, outcomes, subjects)


def test_every_picture_is_drawn_once_and_numbered_in_order() -> None:
    asked = experiment()
    drawings = asked.drawings()
    assert [one.number for one in drawings] == list(range(asked.count))
    assert asked.count == 2 * 4 * (1 + 2 * 2 * 3)
    assert len({one[1:] for one in drawings}) == asked.count


def test_seeds_are_shared_by_the_arms_of_a_mask_and_by_no_other_mask() -> None:
    asked = experiment()
    seeds: dict[tuple[int, int], set[int]] = {}
    for one in asked.drawings():
        seeds.setdefault((one.group, one.seed), set()).add(asked.seed_of(one))
    assert all(len(own) == 1 for own in seeds.values())
    assert sorted(next(iter(own)) for own in seeds.values()) == list(range(3, 11))


def test_findings_are_those_of_plain_loops() -> None:
    asked, images, probabilities, findings = made_up()
    assert len(findings) == 1 + 4 * 3
    for finding in findings:
        hits: list[list[float]] = [[] for _ in CLASSES]
        told: list[list[float]] = [[] for _ in CLASSES]
        bare_hits: list[list[float]] = [[] for _ in CLASSES]
        moved = []
        for one in asked.drawings():
            bare = one.group * 2 + one.seed
            here = one.arm == "none" if not finding.layers else (
                one.layers >= 0
                and asked.layer_sets[one.layers] == finding.layers
                and asked.windows[one.window] == finding.steps
                and one.arm == finding.arm
            )  # fmt: skip
            if not here:
                continue
            read = int(probabilities[one.number].argmax())
            hits[one.group].append(read == CLASSES[one.group])
            told[one.group].append(read == WRONG[one.group])
            bare_hits[one.group].append(int(probabilities[bare].argmax()) == CLASSES[one.group])
            apart = images[one.number].astype(float) - images[bare]
            moved.append(math.sqrt((apart**2).mean()) / 255)
        rates, bare_rates = np.mean(hits, axis=1), np.mean(bare_hits, axis=1)
        assert finding.pictures == sum(map(len, hits))
        assert finding.read == pytest.approx(rate_interval(rates, 2))
        if finding.arm == "none":
            assert finding.effect is finding.moved is finding.p is None
            continue
        assert finding.moved is not None
        assert finding.moved.value == pytest.approx(np.mean(moved))
        assert finding.effect == pytest.approx(rate_difference(rates, bare_rates, 2))
        if finding.arm == "wrong":
            assert finding.told == pytest.approx(rate_interval(np.mean(told, axis=1), 2))
        else:
            assert finding.told is None


def test_p_values_are_corrected_over_the_places_of_an_arm() -> None:
    *_, findings = made_up()
    for arm in ("intervention", "mean", "wrong"):
        own = [one for one in findings if one.arm == arm]
        raw = sorted(one.p for one in own if one.p is not None)
        least = min(one.p_holm for one in own if one.p_holm is not None)
        assert least == pytest.approx(min(1.0, 4 * raw[0]))


def test_without_a_judge_effects_are_of_the_likeness_to_the_samples() -> None:
    asked, rng = experiment(groups=((0,), (1,), (2,), (3,), (4,))), np.random.default_rng(1)
    samples = [rng.integers(0, 256, (1, 4, 4, 1), dtype=np.uint8) for _ in range(5)]
    images = rng.integers(0, 256, (asked.count, 4, 4, 1), dtype=np.uint8)
    for one in asked.drawings():
        if one.arm == "intervention" and one.layers == 0:
            images[one.number] = samples[one.group][0]  # it pastes the sample
    outcomes = outcomes_of(asked, lambda numbers: images[list(numbers)], samples, None)
    none = (-1,) * 5
    findings = findings_of(asked, outcomes, Subjects(none, none, none))
    pasted = [one for one in findings if one.arm == "intervention" and one.layers == A]
    for one in pasted:
        assert one.neighbors is not None
        assert one.seeds is not None
        assert one.effect is not None
        assert one.neighbors.value == one.seeds.value == pytest.approx(1)
        assert one.effect.value > 0.8
        assert one.read is one.confidence is one.commonest is None


def test_an_experiment_survives_its_text() -> None:
    for asked in (
        experiment(controls=CONTROLS, other_layer=B, batch=7, judge="a.onnx", strength=0.5),
        experiment(told=ClassLabel(3), condition=UniformLabel(), region=Channels((0, 2))),
        experiment(region=Area.of(np.eye(5))),
    ):
        text = json.loads(json.dumps(experiment_text(asked)))
        assert read_experiment(text) == asked


# ---- tables and report --------------------------------------------------------------------------


def test_the_table_in_csv_has_every_figure() -> None:
    *_, findings = made_up()
    rows = list(csv.DictReader(io.StringIO(csv_text([row_of(one) for one in findings]))))
    assert len(rows) == len(findings)
    for row, finding in zip(rows, findings, strict=True):
        assert row["arm"] == finding.arm
        assert row["layers"] == str(finding.layers)
        assert finding.read is not None
        assert float(row["read_low"]) == finding.read.low
        assert row["effect"] == ("" if finding.effect is None else str(finding.effect.value))


def test_a_layer_whose_name_is_a_formula_is_no_formula_in_the_table() -> None:
    *_, findings = made_up()
    row = row_of(replace(findings[1], layers=LayerSet(("=1+1",))))
    assert "'=1+1" in csv_text([row])


def test_estimates_are_written_as_people_read_them() -> None:
    assert estimate_text("read", Estimate(0.886, 0.82, 0.964, 5), True) == "89 [82, 96] %"
    assert estimate_text("effect", Estimate(-0.001, -0.1, 0.1, 5), True) == "0 [-10, 10] %"
    assert estimate_text("moved", Estimate(0.314), True) == "0.31"
    assert estimate_text("moved", None, True) == estimate_text("seeds", Estimate(math.nan), True)


def test_lines_have_a_heading_for_every_place() -> None:
    *_, findings = made_up()
    lines = list(lines_of(findings))
    assert lines[0].split()[:4] == ["read", "as", "the", "class"]
    places = ["a, steps 1-1", "a, steps 2-3", "b+c, steps 1-1", "b+c, steps 2-3"]
    assert [line for line in lines if line in places] == places
    assert len(lines) == 1 + 4 + len(findings)


@given(st.text(max_size=30))
def test_no_text_acts_in_the_report(text: str) -> None:
    evil = f"<script>alert(1)</script>\"'&{text}"
    *_, findings = made_up_once()
    record = {"experiment": {"model": evil, "groups": [[1]]}, "judge": {"judge": evil}}
    layers = LayerSet((evil,))
    images = np.zeros((1, 2, 2, 3), np.uint8)
    html = report(
        [replace(one, layers=layers) for one in findings],
        [Examples(layers, (0, 1), "mean", images)],
        record,
        [evil],
        {0: evil},
    )
    assert "<script" not in html
    assert html.count("<img") == 1
    assert "data:image/png;base64," in html
    outside = html.replace("data:image/png", "").replace("charset=", "")
    assert "http" not in outside.replace("http-equiv", "")  # it needs nothing but itself


_MADE: list[tuple[Experiment, np.ndarray, np.ndarray, tuple[Finding, ...]]] = []


def made_up_once() -> tuple[Experiment, np.ndarray, np.ndarray, tuple[Finding, ...]]:
    if not _MADE:
        _MADE.append(made_up())
    return _MADE[0]


def test_the_report_holds_the_record_and_the_figures() -> None:
    asked, _, _, findings = made_up_once()
    record = {"experiment": experiment_text(asked), "format": 1, "kind": "experiment"}
    html = report(findings, [], record)
    from html import unescape

    start, end = html.index("<pre>") + 5, html.index("</pre>")
    assert json.loads(unescape(html[start:end])) == json.loads(json.dumps(record))
    assert html.count("<circle") == len(findings)
    assert html.count('class="heat"') == 4
