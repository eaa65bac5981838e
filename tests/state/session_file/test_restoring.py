"""Sessions put onto samples: the same ones, in another order, and with some of them gone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from acted import FOLDER, SPEC, opened_state
from made_sessions import kept_run, kept_state

from diffviews_desktop.state.kept import all_held
from diffviews_desktop.state.runs import Runs
from diffviews_desktop.state.session_file.restoring import at_map, restore_state, runs_on
from diffviews_desktop.state.session_file.saved import session_of
from diffviews_desktop.state.state import State
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.interventions import PICKED, mean_of_samples, rows_of
from diffviews_desktop.values.samples import SampleTable

FILE = Path("a.diffviews")


def reordered(samples: SampleTable, rows: np.ndarray) -> SampleTable:
    return replace(
        samples,
        sample_id=tuple(samples.sample_id[row] for row in rows),
        class_label=samples.class_label[rows],
        class_name=tuple(samples.class_name[row] for row in rows),
        image_path=("",) * len(rows),
        sigma=samples.sigma[rows],
    )


def opened_with(rows: np.ndarray) -> State:
    """The folder as it was opened, with its samples in these rows of before."""
    state = opened_state()
    assert state.opened.samples is not None
    samples = reordered(state.opened.samples, rows)
    return replace(state, opened=replace(state.opened, samples=samples, fingerprint="other"))


def ids(state: State, rows: object) -> list[str]:
    assert state.opened.samples is not None
    return [state.opened.samples.sample_id[row] for row in rows]  # type: ignore[attr-defined]


def test_the_same_samples_get_the_same_picks() -> None:
    before, session = kept_state(), session_of(kept_state())
    same = opened_state()
    same = replace(same, opened=replace(same.opened, fingerprint=before.opened.fingerprint))
    found = restore_state(same, session, FILE)
    selection, runs = found.state.picks.selection, found.state.runs
    assert found.gone == 0
    assert (selection.anchor, selection.manual) == (3, (14, 5))
    assert selection.chosen == before.picks.selection.chosen
    assert selection.suggested == ()
    assert (runs.set_a, runs.set_b) == ((1,), (2, 3))
    assert runs.interventions == before.runs.interventions
    assert [run.name for run in runs.all] == ["Run 1", "Run 2"]
    assert found.state.view.rectangle is None
    assert found.state.view.filters == before.view.filters
    assert found.state.kept.file == FILE
    assert found.state.kept.unheld(runs.all) == ()

    there = at_map(found.state, session)
    assert there.picks.selection == before.picks.selection
    assert there.view.rectangle == before.view.rectangle
    assert there.view.camera == before.view.camera


def test_samples_in_another_order_are_found_by_their_ids() -> None:
    before, session = kept_state(), session_of(kept_state())
    turned = opened_with(np.arange(40)[::-1])
    found = restore_state(turned, session, FILE)
    state, selection = found.state, found.state.picks.selection
    assert found.gone == 0
    assert ids(state, selection.rows) == ["s3", "s14", "s5"]
    assert sorted(ids(state, selection.chosen)) == ["s2", "s3", "s39"]
    assert ids(state, state.runs.set_a + state.runs.set_b) == ["s1", "s2", "s3"]
    assert ids(state, rows_of(state.runs.interventions)) == ["s1", "s2", "s3"]
    run = state.runs.all[0]
    assert ids(state, rows_of(run.job.interventions)) == ["s3", "s14"]
    assert run.landed is None
    assert len(run.steps) == len(before.runs.all[0].steps)
    there = at_map(state, session).picks.selection
    assert ids(state, [row for row, _ in there.suggested]) == ["s7", "s8"]


def test_groups_find_their_samples_by_ids_and_names_stay() -> None:
    before, session = kept_state(), session_of(kept_state())
    rows = np.arange(40)[::-1]
    state = restore_state(opened_with(rows[rows != 7]), session, FILE).state
    found = state.groups
    odd, elsewhere = found.all_sets
    assert (odd.name, odd.color) == ("odd ones", "#123456")
    assert sorted(ids(state, odd.rows)) == ["s1", "s39"]
    assert elsewhere is before.groups.all_sets[1] or list(elsewhere.rows) == [5]
    clusters = found.clusters_of("edm", None)
    assert clusters.names == ("three", "4")
    assert sorted(ids(state, clusters.rows_of(0))) == ["s3", "s4"]
    assert ids(state, clusters.rows_of(1)) == ["s30"]
    assert found.views == before.groups.views
    assert found.numbered == 6


def test_samples_that_are_gone_are_counted() -> None:
    rows = np.array([row for row in range(40) if row not in (14, 7, 39, 2)])
    found = restore_state(opened_with(rows), session_of(kept_state()), FILE)
    state, selection = found.state, found.state.picks.selection
    assert found.gone == 4
    assert ids(state, selection.rows) == ["s3", "s5"]
    assert ids(state, selection.chosen) == ["s3"]
    assert ids(state, state.runs.set_b) == ["s3"]
    assert [one.verb for one in state.runs.interventions] == ["patch"]  # the other had no samples
    assert len(state.runs.all) == 2
    there = at_map(state, session_of(kept_state())).picks.selection
    assert ids(state, [row for row, _ in there.suggested]) == ["s8"]


def test_without_its_anchor_a_selection_has_no_neighbours() -> None:
    rows = np.array([row for row in range(40) if row != 3])
    session = session_of(kept_state())
    found = restore_state(opened_with(rows), session, FILE)
    assert found.state.picks.selection.rows == ()
    assert at_map(found.state, session).picks.selection.rows == ()


def test_without_any_of_its_samples_the_panel_has_the_usual_mask() -> None:
    state = kept_state()
    runs = Runs(interventions=mean_of_samples((3,)))
    found = restore_state(
        opened_with(np.arange(10, 40)), session_of(replace(state, runs=runs)), FILE
    )
    assert found.state.runs.interventions == (PICKED,)


def test_runs_belong_to_the_folder_where_it_is_now() -> None:
    moved = opened_state()
    place = FolderRef(Path("elsewhere"))
    moved = replace(moved, opened=replace(moved.opened, folder=place, path=place.path))
    found = restore_state(moved, session_of(kept_state()), FILE).state.runs
    for run in (*found.all, *found.unmasked):
        assert run.job.folder == place
    assert found.all[0].landed is not None
    assert found.all[0].landed.job.folder == place


def test_one_that_was_not_saved_holds_what_its_file_held() -> None:
    session = replace(session_of(kept_state()), file=FILE, held=frozenset({(1, 3)}))
    found = restore_state(opened_state(), session, None).state
    assert found.kept.file == FILE
    assert [run.id for run in found.kept.unheld(found.runs.all)] == [2]
    assert all_held(found.runs.all) == {(1, 3), (2, 3)}


def test_runs_follow_their_samples_when_a_folder_has_changed() -> None:
    state, runs = opened_state(), Runs(all=(kept_run(1), kept_run(2)))
    assert state.opened.samples is not None
    assert runs_on(runs, SPEC.model, state.opened.samples) is runs
    turned = reordered(state.opened.samples, np.arange(40)[::-1])
    assert runs_on(runs, "another model", turned) is runs
    found = runs_on(runs, SPEC.model, turned)
    assert rows_of(found.all[0].job.interventions) == (36, 25)
    few = reordered(state.opened.samples, np.arange(5))
    assert rows_of(runs_on(runs, SPEC.model, few).all[0].job.interventions) == (3, 14)


def test_rows_that_no_table_has_are_no_samples() -> None:
    """A file may say whatever it likes."""
    state = kept_state()
    session = replace(session_of(state), ids=(), set_ids=(), chosen_ids=())
    few = opened_with(np.arange(2))
    few = replace(few, opened=replace(few.opened, fingerprint=session.fingerprint))
    found = restore_state(few, session, FILE).state
    assert found.picks.selection.rows == ()
    assert len(found.picks.selection.chosen) == 0
    assert found.runs.set_b == ()
    assert found.opened.folder == FOLDER
