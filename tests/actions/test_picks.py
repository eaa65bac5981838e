"""What is picked on the map, and the neighbours that are suggested."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from acted import (
    N,
    Recorder,
    chosen,
    click,
    finish,
    layer_map,
    said,
)
from made_context import context_of

from diffviews_desktop.actions import (
    exports,
    picks,
    preferences,
    selection,
    showing,
)
from diffviews_desktop.engine.jobs.mapping import FindNeighbors, MapLayer, NeighborsFound
from diffviews_desktop.engine.jobs.samples import (
    AveragePictures,
    ExportSamples,
    PictureMean,
    SamplesExported,
)
from diffviews_desktop.state.picks import Selection
from diffviews_desktop.state.session import Session
from diffviews_desktop.state.state import State
from diffviews_desktop.values.map_quality import MapQuality
from diffviews_desktop.values.preferences import NEIGHBORS
from diffviews_desktop.values.row_set import RowSet


def test_first_click_is_the_anchor_others_toggle(session: Session) -> None:
    click(session, 3)
    assert session.state.picks.selection == Selection(3)
    click(session, 3)
    assert session.state.picks.selection == Selection(3)
    assert session.undo_stack.count() == 1
    click(session, 7, 0, 9)
    assert session.state.picks.selection == Selection(3, (7, 0, 9))
    click(session, 0)
    assert session.state.picks.selection == Selection(3, (7, 9))


def test_row_0_is_a_row_like_any_other(session: Session) -> None:
    click(session, 0, 0, 4)
    assert session.state.picks.selection == Selection(0, (4,))


def test_every_pick_can_be_undone(session: Session, worker: Recorder) -> None:
    seen = [session.state.picks.selection]

    def now() -> None:
        seen.append(session.state.picks.selection)

    for row in (3, 7, 8, 7):
        click(session, row)
        now()
    picks.suggest_neighbors(context_of(session, worker), count=4)
    now()
    picks.remove_neighbor(
        context_of(session, worker), row=session.state.picks.selection.suggested[0][0]
    )
    now()
    picks.clear_neighbors(context_of(session, worker))
    now()
    assert session.state.picks.selection == Selection(3)
    picks.new_anchor(context_of(session, worker), row=9)
    now()
    assert session.state.picks.selection == Selection(9)
    picks.clear_selection(context_of(session, worker))
    now()
    assert session.state.picks.selection == Selection()
    assert len(set(seen)) > 6
    for expected in seen[-2::-1]:
        session.undo_stack.undo()
        assert session.state.picks.selection == expected
    for expected in seen[1:]:
        session.undo_stack.redo()
        assert session.state.picks.selection == expected


def test_undo_is_named_after_what_was_done(session: Session) -> None:
    names = []
    for row in (3, 7, 7):
        click(session, row)
        names.append(session.undo_stack.undoText())
    assert names == ["set anchor", "add neighbour", "remove neighbour"]


def test_twenty_neighbours_at_most_and_said_when_it_bites(session: Session) -> None:
    click(session, 0, *range(1, 21))
    assert session.state.notice is None
    assert len(session.state.picks.selection.neighbors) == NEIGHBORS == 20
    click(session, 25)
    assert len(session.state.picks.selection.neighbors) == 20
    assert "at most 20 neighbours" in said(session)
    click(session, 20, 25)  # one out, one in
    assert session.state.picks.selection.neighbors[-1] == 25
    assert len(session.state.picks.selection.rows) == 21


def test_the_limit_of_neighbours_is_a_preference(session: Session) -> None:
    context = context_of(session)
    preferences.choose_most_neighbors(context, 2)
    click(session, 0, 1, 2, 3)
    assert session.state.picks.selection.neighbors == (1, 2)
    assert said(session) == (
        "A mask averages at most 2 neighbours; remove one, or allow more in Preferences."
    )
    picks.suggest_neighbors(context, count=5)
    assert session.state.picks.selection.neighbors == (1, 2)
    selection.choose_rows(context, rows=RowSet([4, 8, 12, 13, 14]))
    selection.use_chosen_as_neighbors(context)
    assert len(session.state.picks.selection.neighbors) == 2
    assert "at most 2 neighbours: of 5" in said(session)
    preferences.choose_most_neighbors(context, 30)
    selection.use_chosen_as_neighbors(context)
    assert len(session.state.picks.selection.neighbors) == 4
    preferences.choose_most_neighbors(context, 1)  # what was picked stays
    assert len(session.state.picks.selection.neighbors) == 4
    picks.suggest_neighbors(context, count=5)
    assert len(session.state.picks.selection.neighbors) == 4


def test_suggested_are_the_nearest_in_activation_space(session: Session, worker: Recorder) -> None:
    click(session, 10)
    picks.suggest_neighbors(context_of(session, worker), count=3)
    suggested = session.state.picks.selection.suggested
    values = 0.9 ** np.arange(N)
    order = [i for i in np.argsort(np.abs(values - values[10]), kind="stable") if i != 10]
    assert [row for row, _ in suggested] == order[:3] == [11, 9, 12]
    np.testing.assert_allclose(
        [d for _, d in suggested], np.abs(values[order[:3]] - values[10]), rtol=1e-3
    )
    assert session.state.picks.suggest_count == 3
    assert not session.state.picks.suggest_on_map
    assert worker.submitted == []


def test_suggested_on_the_map_by_choice(session: Session, worker: Recorder) -> None:
    click(session, 10)
    picks.suggest_neighbors(context_of(session, worker), count=3, on_map=True)
    assert [row for row, _ in session.state.picks.selection.suggested] == [9, 11, 8]
    assert session.state.picks.suggest_on_map


def lossy(session: Session, share: float) -> None:
    """Say how much of the layer's neighbourhoods the reduced space keeps."""
    state = session.state
    shown = layer_map(quality=MapQuality(reduction=share))
    session.update(replace(state, opened=replace(state.opened, layer_map=shown)))


def test_where_the_components_lose_neighbours_the_whole_layer_is_searched(
    session: Session, worker: Recorder
) -> None:
    lossy(session, 0.9)
    click(session, 10, 30)
    picks.suggest_neighbors(context_of(session, worker), count=2)
    assert worker.submitted == []  # they keep enough
    assert not session.state.picks.selection.in_layer
    lossy(session, 0.89)
    picks.suggest_neighbors(context_of(session, worker), count=2)
    job = worker.only(FindNeighbors)
    assert (job.folder, job.spec) == (session.state.opened.folder, session.state.opened.spec)
    assert (job.row, job.count) == (10, 3)
    pairs = ((30, 0.5), (7, 1.5), (8, 2.5))
    finish(session, worker, job.job_id, NeighborsFound(pairs, in_layer=True))
    selection = session.state.picks.selection
    assert selection.suggested == ((7, 1.5), (8, 2.5))  # without the one that was there by hand
    assert selection.in_layer
    picks.suggest_neighbors(context_of(session, worker), count=2, on_map=True)
    worker.only(FindNeighbors)  # on the map nothing is lost
    assert not session.state.picks.selection.in_layer


def test_what_was_found_for_another_anchor_or_map_is_dropped(
    session: Session, worker: Recorder
) -> None:
    lossy(session, 0.5)
    click(session, 10)
    found = NeighborsFound(((7, 1.5),), in_layer=True)
    picks.suggest_neighbors(context_of(session, worker), count=1)
    first = worker.only(FindNeighbors)
    picks.new_anchor(context_of(session, worker), 20)
    finish(session, worker, first.job_id, found)
    assert session.state.picks.selection.suggested == ()
    picks.suggest_neighbors(context_of(session, worker), count=1)
    state = session.state
    other = layer_map(("decoder_block_1",))
    session.update(replace(state, opened=replace(state.opened, layer_map=other)))
    finish(session, worker, worker.submitted[-1].job_id, found)
    assert session.state.picks.selection.suggested == ()


def test_suggestions_replace_suggestions_and_leave_those_by_hand(
    session: Session, worker: Recorder
) -> None:
    click(session, 10, 11, 30)
    for count in (5, 2):
        picks.suggest_neighbors(context_of(session, worker), count=count)
        selection = session.state.picks.selection
        assert selection.manual == (11, 30)
        assert len(selection.suggested) == count
        assert [row for row, _ in selection.suggested][:2] == [9, 12]
    click(session, 9)
    assert session.state.picks.selection.neighbors == (11, 30, 12)


def test_suggestions_fill_up_to_twenty(session: Session, worker: Recorder) -> None:
    click(session, 10, *range(20, 38))
    picks.suggest_neighbors(context_of(session, worker), count=2)
    assert session.state.notice is None
    assert len(session.state.picks.selection.neighbors) == 20
    picks.suggest_neighbors(context_of(session, worker), count=5)
    assert len(session.state.picks.selection.neighbors) == 20
    assert "at most 20" in said(session)
    click(session, 39)
    assert 39 not in session.state.picks.selection.neighbors


def test_suggest_needs_an_anchor(session: Session, worker: Recorder) -> None:
    picks.suggest_neighbors(context_of(session, worker), count=3)
    assert said(session).startswith("Click a point on the map first")
    session.update(State())
    picks.suggest_neighbors(context_of(session, worker), count=3)
    assert said(session).startswith("Click a point on the map first")
    assert worker.submitted == []


def test_a_map_without_activations_gets_them_first_then_suggests_what_was_asked(
    session: Session, worker: Recorder
) -> None:
    session.update(
        replace(
            session.state, opened=replace(session.state.opened, layer_map=layer_map(reduced=None))
        )
    )
    click(session, 10)
    picks.suggest_neighbors(context_of(session, worker), count=2, on_map=True)
    assert [row for row, _ in session.state.picks.selection.suggested] == [9, 11]
    assert worker.submitted == []
    picks.suggest_neighbors(context_of(session, worker), count=9)
    job = worker.only(MapLayer)
    assert job.spec.layers == ("midblock",)
    finish(session, worker, job.job_id, layer_map())
    assert len(session.state.picks.selection.suggested) == 9
    assert [row for row, _ in session.state.picks.selection.suggested][:2] == [11, 9]
    assert len(worker.submitted) == 1


def test_samples_are_selected_added_taken_away_and_toggled(session: Session) -> None:
    click(session, 3, 4)
    for rows, how, left in (
        ([5, 1], "replace", [1, 5]),
        ([5, 7], "add", [1, 5, 7]),
        ([5], "remove", [1, 7]),
        ([7, 9], "toggle", [1, 9]),
        ([9, 40, 2**31 - 1], "add", [1, 9]),  # there are forty samples
    ):
        selection.choose_rows(context_of(session), rows=RowSet(rows), how=how)
        assert chosen(session) == left
    assert session.state.picks.selection.rows == (3, 4)  # the picks are another thing
    session.undo_stack.undo()
    assert chosen(session) == [1, 7]
    picks.clear_neighbors(context_of(session))
    picks.new_anchor(context_of(session), row=8)
    assert chosen(session) == [1, 7]
    picks.clear_selection(context_of(session))
    assert chosen(session) == []


def test_classes_everything_and_the_rest_are_selected(session: Session) -> None:
    samples, shown = session.state.opened.samples, session.state.opened.layer_map
    label = int(samples.class_label[0])
    selection.choose_class(context_of(session), number=label)
    assert chosen(session) == np.flatnonzero(samples.class_label == label).tolist()
    selection.invert_chosen(context_of(session))
    assert chosen(session) == np.flatnonzero(samples.class_label != label).tolist()
    selection.choose_class(context_of(session), number=label, how="add")
    assert chosen(session) == list(range(N))
    unplaced = shown.xy.copy()
    unplaced[[2, 6]] = np.nan
    session.update(
        replace(
            session.state,
            opened=replace(session.state.opened, layer_map=replace(shown, xy=unplaced)),
        )
    )
    selection.choose_all(context_of(session))
    assert chosen(session) == [row for row in range(N) if row not in (2, 6)]
    selection.invert_chosen(context_of(session))
    assert chosen(session) == []


def test_the_selection_becomes_the_neighbours_as_many_as_a_mask_takes(session: Session) -> None:
    selection.use_chosen_as_neighbors(context_of(session))
    assert "Select samples first" in said(session)
    selection.choose_rows(context_of(session), rows=RowSet([4, 8, 12]))
    selection.use_chosen_as_neighbors(context_of(session))
    assert sorted(session.state.picks.selection.rows) == [4, 8, 12]
    picks.new_anchor(context_of(session), row=12)
    selection.use_chosen_as_neighbors(context_of(session))
    assert session.state.picks.selection.anchor == 12  # it was in the set, so it stays
    assert sorted(session.state.picks.selection.neighbors) == [4, 8]
    selection.choose_all(context_of(session))
    selection.use_chosen_as_neighbors(context_of(session))
    picked = session.state.picks.selection
    assert len(picked.neighbors) == NEIGHBORS
    assert f"of {N} selected samples" in said(session)
    xy = session.state.opened.layer_map.xy.astype(np.float64)
    away = np.linalg.norm(xy - np.median(xy, axis=0), axis=1)
    left_out = [row for row in range(N) if row not in picked.rows]
    assert away[list(picked.neighbors)].max() <= away[left_out].min() + 1e-9


def test_a_neighbour_is_added_once_and_the_first_is_the_anchor(session: Session) -> None:
    for row in (3, 3, 5, 5, 3):
        picks.add_neighbor(context_of(session), row=row)
    assert session.state.picks.selection == Selection(anchor=3, manual=(5,))


def test_the_mean_picture_of_the_selection_is_asked_for_and_kept(
    session: Session, worker: Recorder
) -> None:
    selection.average_chosen(context_of(session, worker))
    assert worker.submitted == []
    assert "Select samples first" in said(session)
    selection.choose_rows(context_of(session, worker), rows=RowSet([1, 2]))
    selection.average_chosen(context_of(session, worker))
    selection.average_chosen(context_of(session, worker))
    first, job = worker.submitted
    assert worker.cancelled == [first.job_id]  # nobody would see it
    assert isinstance(job, AveragePictures)
    assert job.rows.tolist() == [1, 2]
    grey = np.zeros((4, 4, 3), np.float32)
    mean = PictureMean("edm", ("a", "b"), grey, grey)
    finish(session, worker, job.job_id, mean)
    assert session.state.picks.mean is mean


def test_the_selection_is_exported_with_its_places_on_the_map(
    session: Session, worker: Recorder, tmp_path: Path
) -> None:
    exports.export_chosen(context_of(session, worker), file=tmp_path / "a.csv")
    assert worker.submitted == []
    selection.choose_rows(context_of(session, worker), rows=RowSet([2, 5]))
    exports.export_chosen(context_of(session, worker), file=tmp_path / "a.csv")
    job = worker.submitted[-1]
    assert isinstance(job, ExportSamples)
    assert job.columns["umap_x"].tolist() == session.state.opened.layer_map.xy[[2, 5], 0].tolist()
    finish(session, worker, job.job_id, SamplesExported(2, job.file))
    assert said(session) == f"Wrote 2 samples to {tmp_path / 'a.csv'}"


def test_a_class_is_highlighted_and_class_0_too(session: Session) -> None:
    for number in (3, 0, None):
        showing.highlight_class(context_of(session), number=number)
        assert session.state.view.highlighted_class == number
