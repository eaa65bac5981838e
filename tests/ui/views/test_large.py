"""Maps so large that colours, filters, places and picks are worked out in other threads."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_context import context_of
from patience import SLOWLY
from pytestqt.qtbot import QtBot
from recorder import Recorder

from diffviews_desktop.actions import picks, selection, showing
from diffviews_desktop.actions.preferences import choose_appearance
from diffviews_desktop.state import session
from diffviews_desktop.state.opened import Opened
from diffviews_desktop.state.picks import Selection
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.common import motion, theme
from diffviews_desktop.ui.shell.window import MainWindow
from diffviews_desktop.ui.views.flat import point_plot, points
from diffviews_desktop.ui.views.flat.coloring import coloring
from diffviews_desktop.values.columns import Column
from diffviews_desktop.values.maps import LayerMap, LinkedMap
from diffviews_desktop.values.samples import SampleTable

COUNT = 60_000


@pytest.fixture
def large(tmp_path: Path) -> State:
    """A map larger than all that is done at once."""
    assert max(session.AT_ONCE, points.MADE_AT_ONCE, point_plot.INDEXED_AT_ONCE) < COUNT
    rng = np.random.default_rng(0)
    xy = rng.normal(size=(COUNT, 2)).astype(np.float32)
    xy[:2] = (-9, -9), (9, 9)  # far from the others
    samples = SampleTable(
        root=tmp_path,
        sample_id=tuple(map(str, range(COUNT))),
        class_label=(np.arange(COUNT) % 3).astype(np.int32),
        class_name=tuple(("zero", "one", "two")[i % 3] for i in range(COUNT)),
        image_path=("",) * COUNT,
        sigma=np.ones(COUNT, np.float32),
        columns={"score": Column(np.linspace(0, 1, COUNT).astype(np.float32))},
    )
    layer_map = LayerMap(
        model="m",
        layers=("midblock",),
        xy=xy,
        reduced=xy,
        from_cache=True,
        parameters={},
        path=tmp_path,
    )
    return State(
        opened=Opened(model="m", samples=samples, default_layers=("midblock",), layer_map=layer_map)
    )


@pytest.fixture
def window(qtbot: QtBot, open_window: Callable[..., MainWindow], large: State) -> MainWindow:
    made = open_window(large)
    settle(qtbot, made)
    return made


def settle(qtbot: QtBot, window: MainWindow) -> None:
    linked = window.map_area.linked
    views = [window.map] if linked is None else [window.map, linked]

    def quiet() -> bool:
        return not any(one.busy for one in (window.session, window.map_area.values, *views))

    qtbot.waitUntil(quiet)


def drawn(window: MainWindow) -> dict[int, int]:
    """Samples that are drawn and where on the palette their colours are."""
    scene = window.map.points.scene_drawn
    return dict(sorted(zip(scene.rows.tolist(), scene.group.tolist(), strict=True)))


def wanted(window: MainWindow) -> list[int]:
    found = coloring(window.session.state)
    assert found is not None
    return found.groups().tolist()


@pytest.mark.parametrize("by", ["column:score", "distance"])
def test_values_become_colours_in_another_thread(qtbot: QtBot, window: MainWindow, by: str) -> None:
    picks.new_anchor(window.context, row=0)
    showing.change_color(window.context, by=by)
    assert window.map.coloring is None  # not yet
    settle(qtbot, window)
    assert window.map.legend.isVisible()
    assert list(drawn(window).values()) == wanted(window)
    picks.new_anchor(window.context, row=1)
    settle(qtbot, window)
    assert list(drawn(window).values()) == wanted(window)


def test_colours_that_nobody_wants_any_more_are_dropped(qtbot: QtBot, window: MainWindow) -> None:
    showing.change_color(window.context, by="column:score")
    showing.change_color(window.context, by="class")
    settle(qtbot, window)
    assert window.map.coloring is None
    assert not window.map.legend.isVisible()
    labels = window.session.state.opened.samples.class_label.tolist()
    assert list(drawn(window).values()) == labels


def test_colours_for_a_map_that_is_gone_never_arrive(qtbot: QtBot, window: MainWindow) -> None:
    showing.change_color(window.context, by="column:score")
    gone = replace(window.session.state.opened, layer_map=None)
    window.session.update(replace(window.session.state, opened=gone))
    settle(qtbot, window)
    assert window.map.coloring is None


def test_a_filter_is_applied_and_the_last_one_stands(qtbot: QtBot, window: MainWindow) -> None:
    for low in (0.9, 0.5):
        showing.filter_values(window.context, by="column:score", low=low, high=None)
    settle(qtbot, window)
    score = window.session.state.opened.samples.columns["score"].values
    assert list(drawn(window)) == np.flatnonzero(score >= 0.5).tolist()
    assert window.map_area.filter_bar.isVisible()
    selection.choose_all(window.context)
    settle(qtbot, window)
    assert window.session.state.picks.selection.chosen.rows.tolist() == list(drawn(window))
    showing.show_all(window.context)
    settle(qtbot, window)
    assert len(drawn(window)) == COUNT


def test_colours_and_filter_stay_on_another_map_of_the_same_samples(
    qtbot: QtBot, window: MainWindow
) -> None:
    showing.change_color(window.context, by="column:score")
    showing.toggle_category(window.context, by="class", number=1)
    settle(qtbot, window)
    before, kept = drawn(window), window.map.coloring
    shown = window.session.state.opened.layer_map
    other = replace(shown, xy=shown.xy[:, ::-1].copy(), layers=("other",))
    window.session.update(
        replace(window.session.state, opened=replace(window.session.state.opened, layer_map=other))
    )
    assert window.map.coloring is kept  # from the first moment on
    assert not window.map_area.values.busy
    settle(qtbot, window)
    assert drawn(window) == before
    scene = window.map.points.scene_drawn
    assert np.allclose(scene.xy + scene.centre, other.xy[scene.rows], atol=1e-5)


def test_what_moves_is_never_seen_where_it_was_before(qtbot: QtBot, window: MainWindow) -> None:
    """At the end of a glide the last of it stays until all points are ready to be drawn."""
    motion.set_reduced(False)
    shown = window.session.state.opened.layer_map
    other = replace(shown, xy=shown.xy[:, ::-1] * (3, 1) + (50, 0), layers=("other",))
    places = window.map.points
    seen: list[tuple[float, int]] = []
    paint = places.raster.paint

    def note(painter: object, scene: object, *rest: object) -> None:
        seen.append((float(scene.xy[:, 0].mean() + scene.centre[0]), len(scene)))
        paint(painter, scene, *rest)

    places.raster.paint = note
    window.map.glide._animation.setDuration(SLOWLY)
    busy: list[bool] = []
    window.map.glide.moved.connect(lambda at: at is not None and busy.append(places.busy))
    window.session.update(
        replace(window.session.state, opened=replace(window.session.state.opened, layer_map=other))
    )
    qtbot.waitUntil(lambda: not window.map.glide.running)
    assert len(busy) > 4
    assert not any(busy[1:])  # nothing is worked out while they move
    settle(qtbot, window)
    qtbot.waitUntil(lambda: seen[-1][1] == COUNT)
    ways = [middle for middle, _ in seen]
    assert ways[-1] == pytest.approx(50, abs=0.5)
    assert (np.diff(ways) > -0.5).all()  # there and not back
    assert len(seen) > 4
    assert min(count for _, count in seen) < COUNT / 2  # a fair sample moves


def test_picks_wait_for_the_end_of_a_glide(
    qtbot: QtBot, window: MainWindow, drag: Callable[..., None]
) -> None:
    motion.set_reduced(False)
    shown = window.session.state.opened.layer_map
    other = replace(shown, xy=-shown.xy, layers=("other",))
    window.session.update(
        replace(window.session.state, opened=replace(window.session.state.opened, layer_map=other))
    )
    assert window.map.glide.running
    window.map.box.rectangle_drawn.emit(window.map.points.bounds, "replace")
    assert not window.map.glide.running
    qtbot.waitUntil(lambda: len(window.session.state.picks.selection.chosen) == COUNT)


def test_suggestions_come_later_and_only_for_the_same_picks(
    qtbot: QtBot, window: MainWindow
) -> None:
    session, worker = window.session, Recorder()
    picks.new_anchor(context_of(session, worker), row=5)
    picks.suggest_neighbors(context_of(session, worker), count=4)
    assert session.state.picks.selection == Selection(anchor=5)
    settle(qtbot, window)
    xy = session.state.opened.layer_map.reduced.astype(np.float64)
    nearest = np.argsort(np.linalg.norm(xy - xy[5], axis=1))[1:5]
    assert [row for row, _ in session.state.picks.selection.suggested] == nearest.tolist()
    picks.suggest_neighbors(context_of(session, worker), count=9)
    picks.new_anchor(context_of(session, worker), row=6)
    settle(qtbot, window)
    assert session.state.picks.selection == Selection(anchor=6)


def test_a_large_set_becomes_neighbours_unless_it_was_changed(
    qtbot: QtBot, window: MainWindow
) -> None:
    session = window.session
    selection.choose_all(window.context)
    settle(qtbot, window)
    selection.use_chosen_as_neighbors(window.context)
    selection.clear_chosen(window.context)
    settle(qtbot, window)
    assert session.state.picks.selection == Selection()
    selection.choose_all(window.context)
    settle(qtbot, window)
    selection.use_chosen_as_neighbors(window.context)
    settle(qtbot, window)
    picked = session.state.picks.selection
    xy = session.state.opened.layer_map.xy.astype(np.float64)
    away = np.hypot(*(xy - np.median(xy, axis=0)).T)
    assert sorted(picked.rows) == sorted(np.argsort(away)[:21].tolist())
    assert picked.anchor == away.argmin()
    assert f"of {COUNT:,} selected" in session.state.notice.text


def test_inverting_twice_gives_the_same_set(qtbot: QtBot, window: MainWindow) -> None:
    selection.choose_class(window.context, number=2)
    before = window.session.state.picks.selection.chosen
    for _ in range(2):
        selection.invert_chosen(window.context)
        settle(qtbot, window)
    assert window.session.state.picks.selection.chosen == before


def test_the_second_map_follows(qtbot: QtBot, window: MainWindow) -> None:
    shown = window.session.state.opened.layer_map
    window.menu_actions["maps.second"].trigger()
    linked = LinkedMap(
        map=replace(shown, xy=shown.xy[:, ::-1].copy()),
        beside=shown.layers,
        overlap=np.linspace(0, 1, COUNT).astype(np.float32),
    )
    window.session.update(
        replace(window.session.state, opened=replace(window.session.state.opened, linked=linked))
    )
    showing.change_color(window.context, by="overlap")
    showing.only_category(window.context, by="class", number=0, count=3)
    settle(qtbot, window)
    second = window.map_area.linked.points
    for row in (0, 3, COUNT - 3):
        assert second.color_of(row) == window.map.points.color_of(row)
    assert sorted(second.scene_drawn.rows.tolist()) == list(drawn(window))
    assert list(drawn(window)) == list(range(0, COUNT, 3))


def test_a_theme_recolours_and_moves_nothing(qtbot: QtBot, window: MainWindow) -> None:
    part = window.map.box.viewRect().adjusted(0.5, 0.5, -0.5, -0.5)
    window.map.box.show_part(part)
    before = window.map.points.scene_drawn.palette.tolist()
    index = window.map._index
    choose_appearance(window.context, "dark")
    assert theme.is_dark()
    settle(qtbot, window)
    assert window.map.points.scene_drawn.palette.tolist() != before
    assert window.map._index is index  # nothing else is made again
    now = window.map.box.viewRect()
    assert now.center().x() == pytest.approx(part.center().x(), abs=1e-3)


def test_closing_while_something_is_worked_out_ends_it(
    qtbot: QtBot, window: MainWindow, large: State
) -> None:
    showing.change_color(window.context, by="column:score")
    selection.choose_all(window.context)
    window.close()
    qtbot.wait(300)
    assert window.map.coloring is None
    assert len(window.session.state.picks.selection.chosen) == 0


def test_a_set_that_comes_late_is_dropped_and_undo_stays_whole(
    qtbot: QtBot, window: MainWindow
) -> None:
    session = window.session
    picks.new_anchor(window.context, row=5)
    selection.choose_all(window.context)
    session.undo_stack.undo()
    settle(qtbot, window)
    assert session.state.picks.selection == Selection()
    assert session.undo_stack.canRedo()


def test_a_scene_of_other_samples_is_never_drawn(qtbot: QtBot, window: MainWindow) -> None:
    """Made while another folder was opened."""
    places = window.map.points
    showing.highlight_class(window.context, number=1)
    places._make_later()
    assert places._making.busy
    few = np.zeros((points.MADE_AT_ONCE + 1, 2))
    places.set_points(few, np.zeros(len(few)), np.ones(len(few)), [])
    seen: list[int] = []
    places.changed.connect(lambda: seen.append(int(places.scene_drawn.rows.max())))
    qtbot.waitUntil(lambda: not places.busy and bool(seen))
    assert max(seen) < len(few)


def test_what_is_no_longer_drawn_is_let_go(qtbot: QtBot, window: MainWindow, large: State) -> None:
    assert window.map is not None
    shown = large.opened.layer_map
    turned = replace(shown, xy=shown.xy[:, ::-1].copy(), layers=("other",))
    scenes = []
    for turn in range(12):
        showing.highlight_class(window.context, number=turn % 3)
        if turn % 4 == 3:
            now = window.session.state.opened.layer_map
            other = turned if now is shown else shown
            window.session.update(
                replace(
                    window.session.state,
                    opened=replace(window.session.state.opened, layer_map=other),
                )
            )
        settle(qtbot, window)
        scenes.append(weakref.ref(window.map.points.scene_drawn))
    gc.collect()
    assert sum(ref() is not None for ref in scenes) <= 2  # the last one, perhaps one before it
