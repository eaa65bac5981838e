"""Which samples a filter leaves out, by plain Python's count."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_context import context_of
from pytestqt.qtbot import QtBot

from diffviews_desktop.actions import selection, showing
from diffviews_desktop.state.opened import Opened
from diffviews_desktop.state.session import Session
from diffviews_desktop.state.state import State
from diffviews_desktop.state.values import hidden_rows, values_of
from diffviews_desktop.state.view import Filter
from diffviews_desktop.values.columns import Column
from diffviews_desktop.values.maps import LayerMap
from diffviews_desktop.values.samples import SampleTable
from diffviews_desktop.values.typicality import percentiles

N = 30
SCORE = np.linspace(-2, 3, N).astype(np.float32)
SCORE[4] = np.nan
SIDE = np.array([row % 4 - 1 for row in range(N)], np.float32)  # -1, 0, 1, 2


@pytest.fixture
def state(tmp_path: Path) -> State:
    samples = SampleTable(
        root=tmp_path,
        sample_id=tuple(map(str, range(N))),
        class_label=np.arange(N, dtype=np.int32) % 3 - 1,
        class_name=tuple(("-1", "cat", "dog")[row % 3] for row in range(N)),
        image_path=("",) * N,
        sigma=np.geomspace(0.1, 80, N).astype(np.float32),
        columns={"score": Column(SCORE), "side": Column(SIDE, ("left", "middle", "right"))},
    )
    xy = np.random.default_rng(0).normal(size=(N, 2)).astype(np.float32)
    layer_map = LayerMap(
        model="m", layers=("a",), xy=xy, reduced=xy, from_cache=True, parameters={}, path=tmp_path
    )
    return State(opened=Opened(model="m", samples=samples, layer_map=layer_map))


def left_out(state: State, **limits: object) -> list[int]:
    gone = hidden_rows(replace(state, view=replace(state.view, filters=(Filter(**limits),))))
    return [] if gone is None else np.flatnonzero(gone).tolist()


def test_a_range_leaves_out_what_lies_outside_and_what_has_no_value(state: State) -> None:
    found = left_out(state, by="column:score", low=-1.0, high=2.0)
    assert found == [i for i, value in enumerate(SCORE) if not -1.0 <= value <= 2.0]
    assert 4 in found
    sigmas = state.opened.samples.sigma.tolist()
    assert left_out(state, by="sigma", high=5.0) == [i for i, s in enumerate(sigmas) if s > 5.0]
    assert left_out(state, by="sigma") == []


def test_categories_and_classes_are_left_out(state: State) -> None:
    expected = [i for i, side in enumerate(SIDE) if side in (-1, 2)]
    assert left_out(state, by="column:side", hidden=frozenset({-1, 2})) == expected
    labels = state.opened.samples.class_label
    assert (
        left_out(state, by="class", hidden=frozenset({1})) == np.flatnonzero(labels == 0).tolist()
    )
    assert values_of(state, "class").names == ("no class", "0 cat", "1 dog")


def test_a_sample_is_shown_where_all_filters_leave_it(state: State) -> None:
    wanted = Filter("sigma", high=5.0), Filter("column:side", hidden=frozenset({-1, 2}))
    both = replace(state, view=replace(state.view, filters=wanted))
    each = [
        left_out(state, by="sigma", high=5.0),
        left_out(state, by="column:side", hidden={-1, 2}),
    ]
    assert np.flatnonzero(hidden_rows(both)).tolist() == sorted(set(each[0]) | set(each[1]))
    assert np.flatnonzero(hidden_rows(both, but="sigma")).tolist() == each[1]


def test_a_filter_of_what_is_gone_hides_nothing(state: State) -> None:
    assert left_out(state, by="column:gone", low=1.0) == []
    assert left_out(state, by="trust", low=1.0) == []
    assert hidden_rows(State()) is None


def test_shares_outside_the_components_are_told_in_percent(state: State) -> None:
    assert "not known" in state.cannot_color("outside")
    outside = np.linspace(0, 1, N, dtype=np.float32)
    found = values_of(with_map(state, outside=outside), "outside")
    np.testing.assert_allclose(found.values, 100 * outside)
    assert found.texts(0, 100) == ("0 %", "100 %")


def test_distances_are_ranked_among_the_samples_of_like_noise_level(state: State) -> None:
    assert "not measured" in state.cannot_color("percentile")
    rng = np.random.default_rng(0)
    sigma = np.array([0.1, 0.13, 80], np.float32)[rng.integers(0, 3, 300)]
    near = rng.gamma(2, size=300).astype(np.float32) * sigma
    near[7] = np.nan
    samples = replace(
        state.opened.samples, sample_id=tuple(map(str, range(300))), sigma=sigma,
        class_label=np.zeros(300, np.int32), class_name=("",) * 300, image_path=("",) * 300,
    )  # fmt: skip
    full = with_map(replace(state, opened=replace(state.opened, samples=samples)), near=near)
    found = values_of(full, "percentile").values
    for row in range(300):
        like = (sigma < 1) == (sigma[row] < 1)
        among = near[like & np.isfinite(near)]
        expected = 100 * np.mean(among < near[row]) if row != 7 else np.nan
        assert found[row] == pytest.approx(expected, nan_ok=True)


def test_of_very_many_noise_levels_the_nearest_of_some_count() -> None:
    rng = np.random.default_rng(0)
    sigma = np.geomspace(0.05, 80, 4000).astype(np.float32)
    values = rng.random(4000).astype(np.float32)
    found = percentiles(values, sigma)
    for row in range(0, 4000, 97):
        like = np.abs(np.log(sigma / sigma[row])) <= np.log(1.5)
        assert found[row] == pytest.approx(100 * np.mean(values[like] < values[row]), abs=3)
    assert np.isnan(percentiles(values[:3], np.full(3, np.nan))).all()


def with_map(state: State, **changes: object) -> State:
    shown = replace(state.opened.layer_map, **changes)
    return replace(state, opened=replace(state.opened, layer_map=shown))


@pytest.mark.parametrize(
    ("values", "kind", "logarithmic"),
    [
        ([-1, 0.5, 3], "diverging", False),
        ([0, 0.5, 300], "sequential", False),
        ([0.1, 0.5, 300], "sequential", True),
        ([1.0, 2.0, 3.0], "sequential", False),
        ([-3.0, -2.0, -1.0], "sequential", False),
    ],
)
def test_each_kind_of_numbers_has_its_ramp(
    state: State, values: list[float], kind: str, logarithmic: bool
) -> None:
    column = Column(np.resize(np.array(values, np.float32), N))
    samples = replace(state.opened.samples, columns={"x": column})
    found = values_of(replace(state, opened=replace(state.opened, samples=samples)), "column:x")
    assert (found.kind, found.logarithmic) == (kind, logarithmic)


def test_hiding_isolating_and_showing_all(qtbot: QtBot, state: State) -> None:
    session = Session(state)

    def shown() -> list[int]:
        gone = hidden_rows(session.state)
        return np.flatnonzero(~gone).tolist() if gone is not None else list(range(N))

    showing.toggle_category(context_of(session), by="class", number=0)
    showing.toggle_category(context_of(session), by="class", number=2)
    assert shown() == [row for row in range(N) if row % 3 == 1]
    showing.toggle_category(context_of(session), by="class", number=0)
    showing.toggle_category(context_of(session), by="class", number=2)
    assert session.state.view.filters == ()
    showing.only_category(context_of(session), by="column:side", number=1, count=3)
    assert shown() == np.flatnonzero(SIDE == 1).tolist()
    selection.choose_all(context_of(session))
    assert list(session.state.picks.selection.chosen) == shown()
    selection.invert_chosen(context_of(session))
    assert list(session.state.picks.selection.chosen) == []
    showing.only_category(context_of(session), by="column:side", number=1, count=3)
    assert session.state.view.filters == ()
    showing.filter_values(context_of(session), by="sigma", low=1.0, high=None)
    showing.highlight_class(context_of(session), number=0)
    showing.show_all(context_of(session))
    assert (session.state.view.filters, session.state.view.highlighted_class) == ((), None)
