"""Words that several places use."""

from __future__ import annotations

import pytest

from diffviews_desktop.text.wording import join_words, no_layer, size, time_left


@pytest.mark.parametrize("name", ["attic", "", "a" * 100_000, "\x1b[2J\n‮", "\ud800"])
def test_a_layer_that_is_not_there_is_named_in_a_few_words(name: str) -> None:
    said = no_layer("The model", name, ["stem", *(f"block_{i}" for i in range(10_000))])
    assert said.startswith("The model has no layer '")
    assert "Its layers: stem, block_0" in said
    assert len(said) < 1500
    assert said.isprintable()
    assert no_layer("digits", "attic", []) == "digits has no layer 'attic'. Its layers: none."


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "1 s left"),
        (7.4, "7 s left"),
        (42, "40 s left"),
        (150, "2 min left"),
        (9000, "2.5 h left"),
    ],
)
def test_the_time_left_is_coarser_the_longer_it_is(seconds: float, text: str) -> None:
    assert time_left(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (25_300, "25.3 kB"),
        (999_600, "1 MB"),
        (1.184e9, "1.2 GB"),
    ],
)
def test_bytes_are_told_as_people_read_them(count: float, text: str) -> None:
    assert size(count) == text


def test_things_are_listed_as_in_a_sentence() -> None:
    assert [join_words(["a", "b", "c"][:count]) for count in range(4)] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
