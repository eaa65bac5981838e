"""What a session holds, as values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from diffviews_desktop.paths import SESSION_SUFFIX
from diffviews_desktop.state.groups import Groups
from diffviews_desktop.state.picks import Selection, Within
from diffviews_desktop.state.runs import Runs
from diffviews_desktop.state.state import State
from diffviews_desktop.state.view import View
from diffviews_desktop.values.arrangement import Arrangement
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.interventions import rows_of
from diffviews_desktop.values.maps import MapSpec, Places
from diffviews_desktop.values.sample_sets import Some

SUFFIX = SESSION_SUFFIX


@dataclass(frozen=True, eq=False)
class SavedSession:
    """What a session holds.

    Rows count in the table of samples that was open; ids name the same samples, wherever they are
    in the table now.

    Attributes:
        folder: the data folder, and how it is read.
        beside: the data folder as seen from the session's file; empty where that cannot be said.
        fingerprint: of the table of samples.
        model: the model that was shown; None for none.
        spec: the map on screen; None for none.
        second: the map beside it; None for none.
        places: where the samples lie on the map; None where nobody says.
        second_places: where they lie on the second, likewise.
        view: how the map was looked at.
        selection: what was picked.
        ids: the samples of the selection but for the selection set: anchor, by hand, suggested.
        chosen_ids: the samples of the selection set.
        set_ids: the samples of `panel_rows`.
        suggest_count: how many neighbours were last asked for.
        suggest_on_map: whether on the map.
        suggest_within: among which samples.
        groups: samples that belong together, and views with a name.
        runs: what was drawn, and how the next picture is to be drawn.
        arrangement: where windows and docks were; None where nobody says.
        file: the file that the work belonged to when it was kept without having been saved; None
            for none.
        held: the runs that were in that file, by id and number of steps.
        saved: when, in ISO form.
    """

    folder: FolderRef = field(default_factory=FolderRef)
    beside: str = ""
    fingerprint: str = ""
    model: str | None = None
    spec: MapSpec | None = None
    second: MapSpec | None = None
    places: Places | None = None
    second_places: Places | None = None
    view: View = field(default_factory=View)
    selection: Selection = field(default_factory=Selection)
    ids: tuple[str, ...] = ()
    chosen_ids: Sequence[str] = ()
    set_ids: Sequence[str] = ()
    suggest_count: int = 5
    suggest_on_map: bool = False
    suggest_within: Within = field(default_factory=Within)
    groups: Groups = field(default_factory=Groups)
    runs: Runs = field(default_factory=Runs)
    arrangement: Arrangement | None = None
    file: Path | None = None
    held: frozenset[tuple[int, int]] = frozenset()
    saved: str = ""

    @property
    def is_worth_asking(self) -> bool:
        """Whether it holds something that took work: runs, or samples that were picked or
        named."""
        has_picks = self.selection.anchor is not None or len(self.selection.chosen) > 0
        return bool(self.runs.all or self.groups.all_sets) or has_picks


def picked_rows(selection: Selection) -> tuple[int, ...]:
    """The samples of a selection but for the selection set: anchor, by hand, suggested."""
    anchor = () if selection.anchor is None else (selection.anchor,)
    return (*anchor, *selection.manual, *(row for row, _ in selection.suggested))


def panel_rows(runs: Runs) -> tuple[int, ...]:
    """The samples that the Generate panel speaks of: those of its interventions, then those of the
    two ends of a direction."""
    return (*rows_of(runs.interventions), *runs.set_a, *runs.set_b)


def session_of(
    state: State, arrangement: Arrangement | None = None, saved: str = ""
) -> SavedSession:
    """What a session of this state holds; the ids of the selection set and of the Generate panel's
    samples are looked up when they are asked for."""
    opened, picks, runs = state.opened, state.picks, state.runs
    samples, selection = opened.samples, state.picks.selection

    def ids(rows: Sequence[int]) -> tuple[str, ...]:
        return () if samples is None else tuple(samples.sample_id[row] for row in rows)

    layer_map = opened.layer_map
    second = opened.linked.map if opened.linked is not None and state.view.beside else None
    of_same = second is not None and second.model == opened.model
    return SavedSession(
        folder=opened.folder,
        fingerprint=opened.fingerprint,
        model=opened.model,
        spec=opened.spec,
        second=None
        if second is None
        else MapSpec(second.model, second.layers, opened.parameters, second.told),
        places=None if layer_map is None else layer_map.places,
        second_places=second.places if second is not None and of_same else None,
        view=replace(state.view, can_go_back=False, can_go_forward=False, not_solid=""),
        selection=selection,
        ids=ids(picked_rows(selection)),
        chosen_ids=() if samples is None else Some(samples.sample_id, selection.chosen.rows),
        set_ids=() if samples is None else Some(samples.sample_id, panel_rows(runs)),
        suggest_count=picks.suggest_count,
        suggest_on_map=picks.suggest_on_map,
        suggest_within=picks.suggest_within,
        groups=state.groups,
        runs=replace(runs, grid=None, experiment=None),
        arrangement=arrangement,
        file=state.kept.file,
        held=state.kept.held,
        saved=saved,
    )
