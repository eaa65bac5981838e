"""How far a job is as a whole, of what it tells of its stages."""

from __future__ import annotations

from itertools import pairwise

import pytest

from diffviews_desktop.engine.jobs.drawing import Generate
from diffviews_desktop.engine.jobs.mapping import MapLayer
from diffviews_desktop.engine.jobs.samples import AveragePictures
from diffviews_desktop.state.progress import _PLANS, WholeProgress, whole_after


def after(kind, *stages, at: float = 0.0) -> WholeProgress:
    """How far a job is after it told of some stages, one a second."""
    whole, name = None, "waiting"
    for number, (stage, fraction) in enumerate(stages):
        whole = whole_after(kind, whole, (name, stage), fraction, at + number)
        name = stage
    assert whole is not None
    return whole


def test_a_job_of_one_stage_is_as_far_as_that() -> None:
    whole = after(AveragePictures, ("averaging pictures", 0.0), ("averaging pictures", 0.25))
    assert whole.at(100.0) == 0.25


def test_a_job_that_begins_late_begins_at_nothing() -> None:
    whole = after(MapLayer, ("reducing", 0.0))  # the activations are there
    assert whole.begin == 0.0
    half = after(MapLayer, ("reducing", 1.0), ("finding neighbours", 1.0), ("UMAP", 1.0))
    assert 0.6 < half.at(0.0) < 0.9


def test_a_stage_that_cannot_tell_moves_on_and_never_reaches_its_end() -> None:
    whole = after(MapLayer, ("finding neighbours", 1.0), ("preparing UMAP", 0.0))
    places = [whole.at(whole.since + seconds) for seconds in (0, 1, 5, 30, 60, 600, 1e9)]
    assert all(one < other for one, other in pairwise(places[:5]))
    assert places[0] == whole.begin
    assert places[-1] < whole.end
    known = after(MapLayer, ("finding neighbours", 1.0), ("preparing UMAP", 0.0), ("UMAP", 0.01))
    assert known.begin >= whole.at(whole.since + 1)


def test_it_never_goes_back() -> None:
    whole = after(MapLayer, ("UMAP", 0.5), ("UMAP", 0.2))
    assert whole.fraction == 0.5
    again = whole_after(MapLayer, whole, ("UMAP", "reducing"), 0.0, 9.0)  # no plan has it there
    assert again.at(9.0) >= whole.at(9.0)


def test_a_stage_that_nobody_knows_takes_a_part_of_what_is_left() -> None:
    whole = after(AveragePictures, ("first", 1.0), ("second", 0.5), ("third", 1.0))
    assert 0.0 < whole.at(5.0) <= 1.0
    other = after(Generate, ("generating", 0.5), ("something else", 0.5))
    assert whole.end <= 1.0
    assert other.begin < other.at(9.0) < 1.0


def test_of_several_maps_each_stage_is_told_with_its_number() -> None:
    from diffviews_desktop.engine.jobs.mapping import AssessMap

    seeds = [(f"seed {n} of 3: {stage}", 1.0) for n in (2, 3) for stage in ("reducing", "UMAP")]
    places = [
        after(AssessMap, ("reading classes", 1.0), *seeds[:count]).at(99.0)
        for count in range(len(seeds) + 1)
    ]
    assert places == sorted(places)
    assert places[-1] > 0.8


@pytest.mark.parametrize("kind", _PLANS)
def test_a_whole_plan_ends_at_one(kind) -> None:
    whole = after(kind, *((stage, 1.0) for stage, _ in _PLANS[kind]))
    assert whole.at(0.0) == pytest.approx(1.0)
