"""The samples as the user meets them: found, grouped and kept, in the real window with the real
engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from made_sessions import in_full
from patience import until
from pytestqt.qtbot import QtBot

from diffviews_desktop.actions import exports, groups, selection, sessions, showing, views
from diffviews_desktop.app import App
from diffviews_desktop.values.row_set import RowSet

SAMPLES = 60


def test_samples_are_found_grouped_exported_and_come_back(
    qtbot: QtBot, open_app: Callable[[int], App], tmp_path: Path
) -> None:
    app = open_app(SAMPLES)
    context, session, window = app.context, app.session, app.window
    panel = window.samples.panel

    # found by typing; what the model sees of it comes by itself
    window.show_page("find")
    panel.bar.begin("000017")
    until(qtbot, lambda: session.state.find.rows is not None)
    assert session.state.find.rows.tolist() == [17]
    until(qtbot, lambda: session.state.picks.input_of("tiny", 17) is not None)
    assert session.state.picks.input_of("tiny", 17).image.shape == (16, 16, 1)
    until(qtbot, lambda: not window.preview.seen.pixmap().isNull())

    # named, found by HDBSCAN, and looked at through a view of its own
    selection.choose_rows(context, RowSet((3, 4, 5)))
    groups.name_chosen(context, "three of them")
    panel.show_page("groups")
    panel.groups.smallest.setValue(3)
    panel.groups.search.click()
    until(qtbot, lambda: session.state.groups.all_clusters and not session.state.jobs.running)
    found = session.state.groups.all_clusters[0]
    assert len(found.names) == panel.groups.clusters.topLevelItemCount() > 0
    panel.groups.clusters.topLevelItem(0).setText(0, "the largest")
    showing.only_category(context, "level", 0, 4)
    views.keep_view(context, "least noise")

    # exported as columns
    file = tmp_path / "samples.csv"
    exports.export_chosen(context, file)
    until(qtbot, lambda: file.is_file() and not session.state.jobs.running)
    head, *lines = file.read_text(encoding="utf-8").splitlines()
    assert "cluster" in head.split(",")
    assert head.split(",")[-1] == "selection: three of them"
    assert [line.split(",")[-1] for line in lines] == ["1", "1", "1"]

    # kept in a session
    kept = in_full(session.state.groups)
    saved = tmp_path / "work.diffviews"
    done: list[bool] = []
    window.sessions.write(saved, lambda: done.append(True))
    until(qtbot, lambda: done)
    groups.delete_set(context, 1)
    views.delete_view(context, "least noise")
    sessions.open_session(context, saved)
    until(qtbot, lambda: session.state.groups.all_sets and session.state.kept.opening is None)
    assert in_full(session.state.groups) == kept
    rows = session.state.groups.all_clusters[0].rows_of(0).rows
    groups.choose_cluster(context, 0)
    assert np.array_equal(session.state.picks.selection.chosen.rows, rows)
