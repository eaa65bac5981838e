"""Cards, pictures, names, runs and glides on the real map."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from made_runs import run_of
from patience import SLOWLY
from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QImage
from pytestqt.qtbot import QtBot

from diffviews_desktop.actions import groups as groups_actions
from diffviews_desktop.actions import showing
from diffviews_desktop.actions.figures import map_shown
from diffviews_desktop.state.picks import Selection
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.common import motion
from diffviews_desktop.ui.common.run_styles import STYLES
from diffviews_desktop.ui.shell.window import MainWindow
from diffviews_desktop.ui.views.flat.decorations import SIDE, SPACING, with_room
from diffviews_desktop.values.figures import FigureStyle
from diffviews_desktop.values.row_set import RowSet
from diffviews_desktop.values.runs import RunStep
from diffviews_desktop.values.sample_sets import Clusters, Some, SomeSamples


def hover(qtbot: QtBot, window: MainWindow, place: QPoint) -> None:
    qtbot.mouseMove(window.map.viewport, QPoint(3, 3))
    qtbot.mouseMove(window.map.viewport, place)


def test_the_card_shows_picture_and_facts_of_the_sample(qtbot: QtBot, window: MainWindow) -> None:
    card = window.map_area.cards.card
    for row in (7, 29):
        hover(qtbot, window, window.map.position_of(row).toPoint())
        qtbot.waitUntil(lambda row=row: window.map.hovered_row == row)
        assert card.isVisible()
        assert card.title.text() == f"{row % 3} {('zero', 'one', 'two')[row % 3]}"
        assert f"sample_{row}" in card.facts.text()
        qtbot.waitUntil(lambda: not card.picture.pixmap().isNull())
        middle = card.picture.pixmap().toImage().pixelColor(20, 20)
        assert middle.red() == 5 * row
        assert window.map_area.rect().contains(card.geometry())
        assert card.facts.width() >= card.facts.sizeHint().width()  # nothing is cut off
    hover(qtbot, window, window.map.position_of(4).toPoint())  # which has no picture
    qtbot.waitUntil(lambda: window.map.hovered_row == 4)
    assert not card.picture.pixmap().isNull()
    qtbot.mouseMove(window.map.viewport, QPoint(3, 3))
    qtbot.waitUntil(lambda: not card.isVisible())


def test_points_become_pictures_where_there_is_room(qtbot: QtBot, window: MainWindow) -> None:
    view = window.map
    thumbnails = view.decorations.thumbnails
    view.box.show_part(QRectF(0.4, 0.4, 1.2, 1.2))  # sample 7 in the middle
    qtbot.waitUntil(lambda: 7 in [shown[0] for shown in thumbnails.shown])
    place = view.position_of(7).toPoint()

    def colour() -> int:
        return view.viewport.grab().toImage().pixelColor(place + QPoint(8, 8)).red()

    qtbot.waitUntil(lambda: colour() == 5 * 7)
    window.menu_actions["view.pictures"].trigger()
    qtbot.waitUntil(lambda: not thumbnails.shown)
    assert window._settings.text("map/pictures") == "false"


def test_a_frame_scales_few_pictures_and_the_next_ones_the_rest(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diffviews_desktop.ui.views.flat.decorations.SCALED_AT_ONCE", 2)
    view, thumbnails = window.map, window.map.decorations.thumbnails
    view.box.show_part(QRectF(-0.5, -0.5, 6, 5))
    qtbot.waitUntil(lambda: len(thumbnails.shown) == 29)  # one has no picture
    qtbot.waitUntil(lambda: len(thumbnails._kept) == 29)


def test_pictures_do_not_lie_on_each_other() -> None:
    xy = np.random.default_rng(0).random((300, 2))
    rows = np.arange(300)
    part = QRectF(0, 0, 1, 1)
    assert len(with_room(xy, rows, part, 400, 400)) == 0  # too many for the view
    some = with_room(xy, rows[:90], part, 400, 400)
    assert len(some)
    pixels = xy[some] * 400
    apart = np.abs(pixels[:, None] - pixels[None]).max(axis=2)
    assert apart[np.triu_indices(len(some), 1)].min() >= SPACING > SIDE
    left = set(range(90)) - set(some.tolist())  # each of the others would lie on one
    assert all((np.abs(pixels - xy[row] * 400).max(axis=1) < SPACING).any() for row in left)


def test_names_are_of_clusters_where_colours_tell_these(
    qtbot: QtBot, window: MainWindow, state: State
) -> None:
    groups = np.repeat(np.array([0, 1, -1], np.int32), 10)
    rows = RowSet(np.arange(20))
    there = SomeSamples("m", "", rows, Some(state.opened.samples.sample_id, rows.rows))
    spec = state.opened.spec
    assert spec is not None
    found = Clusters(1, spec, there, groups[:20], ("birds", "cats"), 5)
    now = window.session.state
    window.session.update(replace(now, groups=now.groups.with_clusters(found)))
    window.map.box.show_part(QRectF(-20, -20, 45, 44))
    names = window.map.decorations.names

    def written() -> set[str]:
        return {text for _, text in names.shown}

    showing.change_color(window.context, "cluster")
    qtbot.waitUntil(lambda: bool(written()) and written() <= {"birds", "cats"})
    groups_actions.rename_cluster(window.context, 0, "owls")
    qtbot.waitUntil(lambda: bool(written()) and written() <= {"owls", "cats"})
    showing.change_color(window.context, "class")
    qtbot.waitUntil(lambda: written() <= {"zero", "one", "two"})
    figure = map_shown(window.session.state, FigureStyle(names=True))
    assert figure.class_names[0] == "0 zero"
    showing.change_color(window.context, "cluster")
    figure = map_shown(window.session.state, FigureStyle(names=True))
    assert figure.class_names == {0: "owls", 1: "cats"}
    assert figure.classes is not None
    assert figure.classes.tolist() == groups.tolist()


def test_names_and_contours_come_and_go(qtbot: QtBot, window: MainWindow, state: State) -> None:
    decorations, actions = window.map.decorations, window.menu_actions
    samples = replace(state.opened.samples, class_label=np.zeros(30, np.int32))
    window.session.update(
        replace(window.session.state, opened=replace(window.session.state.opened, samples=samples))
    )
    window.map.box.show_part(QRectF(-20, -20, 45, 44))
    qtbot.waitUntil(lambda: bool(decorations.names.shown))
    metrics = QFontMetricsF(QFont())
    frames = dict(decorations.names.frames(metrics))
    name, hidden = next(iter(frames.items()))
    place = window.map.box.mapSceneToView(hidden.center())
    decorations.names.leave_out(np.array([[place.x(), place.y()]]))
    left = dict(decorations.names.frames(metrics))
    assert name not in left
    assert set(frames) - {name} <= set(left)  # the others stay
    decorations.names.leave_out(np.empty((0, 2)))
    assert dict(decorations.names.frames(metrics)) == frames
    actions["view.names"].trigger()
    qtbot.waitUntil(lambda: not decorations.names.shown)
    actions["view.contours"].trigger()
    qtbot.waitUntil(lambda: bool(decorations.contours.paths))
    bounds = decorations.contours.boundingRect()
    assert bounds.contains(QRectF(0, 0, 5, 4))
    actions["view.contours"].trigger()
    qtbot.waitUntil(lambda: not decorations.contours.paths)


def test_a_step_shows_its_card_and_a_click_goes_to_it(
    qtbot: QtBot, window: MainWindow, make_job: Callable, make_step: Callable
) -> None:
    steps = tuple(replace(make_step(i), xy=(0.5 + i, 1.5)) for i in range(4))
    records = tuple(
        run_of(make_job(key), f"Run {key}", steps=steps[: 2 + key], done=True) for key in (1, 2)
    )
    records = (
        records[0],
        replace(records[1], steps=tuple(replace(s, xy=(s.xy[0], 2.5)) for s in steps)),
    )
    state = replace(
        window.session.state, runs=replace(window.session.state.runs, all=records, shown=1, step=0)
    )
    window.session.update(state)
    qtbot.waitUntil(lambda: window.runs_dock.height is not None)  # it takes room from the map
    qtbot.wait(50)
    place = window.map.position_of_step(2, 3).toPoint()
    hover(qtbot, window, place)
    card = window.map_area.cards.card
    qtbot.waitUntil(card.isVisible)
    assert card.title.text().startswith("Step 4 of")
    assert "Run 2" in card.facts.text()
    qtbot.mouseClick(window.map.viewport, Qt.MouseButton.LeftButton, pos=place)
    assert (window.session.state.runs.shown, window.session.state.runs.step) == (2, 3)
    assert window.session.state.picks.selection == Selection()  # the click picked no sample
    hover(qtbot, window, QPoint(3, 3))
    qtbot.waitUntil(lambda: not card.isVisible())


def test_many_runs_differ(
    qtbot: QtBot, window: MainWindow, make_job: Callable, make_step: Callable
) -> None:
    steps = tuple(make_step(i) for i in range(3))
    records = tuple(
        run_of(make_job(key), f"Run {key}", steps=steps, done=True)
        for key in range(1, len(STYLES) + 1)
    )
    window.session.update(
        replace(
            window.session.state,
            runs=replace(window.session.state.runs, all=records, shown=1, step=0),
        )
    )
    qtbot.waitUntil(lambda: len(window.map.paths.run_ids) == len(STYLES))
    faint = [pen for _, pen in window.map.paths._faint._lines._lines]
    pens = [window.map.paths._shown._line.opts["pen"], *faint]
    assert len({pen.color().name() for pen in pens}) == len(STYLES)
    assert len({tuple(pen.dashPattern()) for pen in pens}) == len(STYLES)


def other_map(state: State) -> State:
    xy = state.opened.layer_map.xy[::-1].copy() * 2 + 1
    return replace(
        state,
        opened=replace(
            state.opened, layer_map=replace(state.opened.layer_map, layers=("other",), xy=xy)
        ),
    )


def test_points_glide_to_their_places_on_another_map(
    qtbot: QtBot, window: MainWindow, state: State
) -> None:
    view = window.map
    motion.set_reduced(False)
    view.glide._animation.setDuration(SLOWLY)
    start, end = view.box.viewRect(), other_map(state).opened.layer_map.xy
    window.session.update(
        replace(
            window.session.state,
            picks=replace(window.session.state.picks, selection=Selection(anchor=3)),
        )
    )
    with qtbot.waitSignal(view.glide.moved):
        window.session.update(other_map(window.session.state))
    assert view.glide.running
    seen: list[np.ndarray] = []
    view.glide.moved.connect(lambda places: seen.append(None if places is None else places[3]))
    qtbot.waitUntil(lambda: not view.glide.running)
    assert seen[-1] is None
    way = np.array(seen[:-1])
    whole = end[3] - state.opened.layer_map.xy[3]
    part = (way - state.opened.layer_map.xy[3]) @ whole / (whole @ whole)
    assert len(part) > 4
    assert (np.diff(part) >= -1e-6).all()  # there and not back
    x, y = view._rings._anchor.getData()
    assert (x[0], y[0]) == tuple(end[3])
    assert view.row_at(view._plot_widget.mapToScene(view.position_of(5).toPoint())) == 5
    assert view.box.viewRect() != start


def test_a_glide_is_skipped_by_a_key_and_where_motion_is_reduced(
    qtbot: QtBot, window: MainWindow, state: State
) -> None:
    view = window.map
    window.session.update(other_map(window.session.state))
    assert not view.glide.running
    motion.set_reduced(False)
    window.session.update(
        replace(
            window.session.state,
            opened=replace(window.session.state.opened, layer_map=state.opened.layer_map),
        )
    )
    assert view.glide.running
    qtbot.keyClick(view._plot_widget, Qt.Key.Key_Shift)
    assert not view.glide.running
    assert view.box.viewRect().contains(QRectF(0, 0, 5, 4))
    window.session.update(other_map(window.session.state))
    window.session.update(
        replace(window.session.state, opened=replace(window.session.state.opened, layer_map=None))
    )  # another folder
    assert not view.glide.running


def test_runs_that_come_back_look_as_before(
    window: MainWindow, make_job: Callable, make_step: Callable
) -> None:
    """What was made for others is used again, with nothing of theirs."""

    def step(key: int, i: int) -> RunStep:
        made = make_step(i, imposed=True)  # none over another
        return replace(made, xy=(i + 0.5, key + 0.5), imposed_xy=(4.5, key + 0.5))

    records = tuple(
        run_of(
            make_job(key),
            f"Run {key}",
            steps=tuple(step(key, i) for i in range(key)),
            done=True,
        )
        for key in (1, 2, 3)
    )
    view = window.map

    def picture(order: tuple[int, ...], shown: int) -> QImage:
        view.set_paths([records[i] for i in order], shown, 2)
        return view._plot_widget.grab().toImage()

    before = picture((0, 1, 2), 3)
    for order in ((0, 2), (1,), (), (2, 1, 0)):
        assert picture(order, 2) != before
    assert picture((0, 1, 2), 3) == before
