"""What figures of a map are taken to mean."""

from __future__ import annotations

import json

import pytest

from diffviews_desktop.values.assessment import (
    ClassReading,
    MapAssessment,
    Stability,
    meaning_of_distances,
)


@pytest.mark.parametrize(
    ("order", "disparity", "arbitrary"),
    [
        ((0.92, 0.95, 0.97), (0.06, 0.1, 0.16), False),
        ((0.74, 0.8, 0.88), (0.2, 0.3, 0.33), False),
        ((-0.1, 0.2, 0.39), (0.62, 0.8, 0.91), True),
        ((), (0.06, 0.1, 0.16), False),
        ((), (0.62, 0.8, 0.91), True),
    ],
)
def test_where_seeds_disagree_places_are_arbitrary(
    order: tuple[float, ...], disparity: tuple[float, ...], arbitrary: bool
) -> None:
    stability = Stability((1, 2, 3), (0.8, 0.8, 0.8), disparity, order)
    assert stability.arbitrary == arbitrary
    told = meaning_of_distances(MapAssessment(stability=stability))
    assert told.startswith("Distances between islands mean nothing")
    assert ("arbitrary" in told) == arbitrary
    assert ("3 seeds agree" in told) != arbitrary


def test_figures_go_into_files_as_plain_values() -> None:
    reading = ClassReading(15, 0.99, 0.98, 0.1, told=0.8, shown=0.08, told_samples=500)
    found = MapAssessment(reading, Stability((1, 2), (0.8,), (0.1,), (0.9,)))
    written = json.loads(json.dumps(found.to_dict()))
    assert written["classes"]["told"] == 0.8
    assert written["stability"]["order"] == [0.9]
    assert written["stability"]["arbitrary"] is False
    assert MapAssessment().to_dict() == {"classes": None, "stability": None}
    assert MapAssessment(notes=("Why.",)).sentences() == ("Why.",)
    assert len(found.facts()) == 4
