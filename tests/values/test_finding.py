"""Samples are found by number, id, class, caption, noise level and column."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from diffviews_desktop.values.columns import Column
from diffviews_desktop.values.finding import find_rows, places_of
from diffviews_desktop.values.packed_strings import Texts
from diffviews_desktop.values.samples import SampleTable

N = 300


@pytest.fixture(params=[tuple, Texts.of], ids=["strings", "packed"])
def samples(request: pytest.FixtureRequest) -> SampleTable:
    rows = np.arange(N)
    score = np.where(rows % 10 == 3, np.nan, rows / 2)
    made = request.param
    return SampleTable(
        root=Path(),
        sample_id=made([f"Sample_{row:03}" for row in rows]),
        class_label=(rows % 3 - 1).astype(np.int32),
        class_name=made([("-1", "Cat", "dog")[row % 3] for row in rows]),
        image_path=made([""] * N),
        sigma=np.where(rows % 2, 0.1, 8).astype(np.float32),
        columns={
            "score": Column(score),
            "side": Column(rows % 4 - 1, ("left", "in the middle", "right")),
            "day": Column(np.datetime64("2026-03-01") + (rows % 5).astype("timedelta64[D]")),
        },
        captions=made([f"a {('red', 'blue')[row % 2]} house, Nr {row}é" for row in rows]),
    )


def found(samples: SampleTable, text: str, where: str = "") -> list[int]:
    return find_rows(samples, text, where).tolist()


def test_a_number_is_that_of_a_sample_first_and_then_a_part_of_ids(samples: SampleTable) -> None:
    assert found(samples, "#231") == [231]
    assert found(samples, "231")[0] == 231
    assert found(samples, "23", "id") == [23, 123, 223, *range(230, 240)]
    assert found(samples, "sample_007", "id") == [7]
    assert found(samples, "999999999999999") == []


def test_the_whole_id_goes_first(samples: SampleTable) -> None:
    ids = ["x10", "x1", "x11"]
    few = replace(
        samples,
        sample_id=Texts.of(ids),
        class_label=np.zeros(3, np.int32),
        class_name=("0",) * 3,
        sigma=np.ones(3, np.float32),
        columns={},
        captions=(),
    )
    assert found(few, "x1", "id") == [1, 0, 2]


def test_classes_are_found_by_name_and_by_their_whole_number(samples: SampleTable) -> None:
    cats = list(range(1, N, 3))
    assert found(samples, "CAT", "class") == cats
    assert found(samples, "0", "class") == cats
    assert found(samples, "no class", "class") == list(range(0, N, 3))
    assert found(samples, "2", "class") == []


def test_noise_levels_and_numbers_are_found_by_ranges(samples: SampleTable) -> None:
    assert found(samples, "0.1", "sigma") == list(range(1, N, 2))
    assert found(samples, "> 0.1", "sigma") == list(range(0, N, 2))
    assert found(samples, "10..11", "column:score") == [20, 21, 22]
    assert found(samples, "<=1", "column:score") == [0, 1, 2]
    assert found(samples, "<1", "column:score") == [0, 1]
    assert found(samples, ">1..2", "column:score") == []
    assert found(samples, "about 1", "column:score") == []


def test_columns_and_captions_are_found_by_a_part(samples: SampleTable) -> None:
    assert found(samples, "Middle", "column:side") == list(range(2, N, 4))
    assert found(samples, "03-05", "column:day") == list(range(4, N, 5))
    assert found(samples, "red house", "caption") == list(range(0, N, 2))
    assert found(samples, "nr 17É", "caption") == [17]
    assert found(samples, "x", "column:gone") == []


def test_everywhere_is_all_of_it(samples: SampleTable) -> None:
    every = {row for place, _ in places_of(samples)[1:] for row in found(samples, "1", place)}
    assert sorted(found(samples, "1")) == sorted(every)
    assert found(samples, "1")[0] == 1
    assert found(samples, "  ") == []


def test_packed_strings_are_searched_and_ordered_as_python_does() -> None:
    rng = np.random.default_rng(0)
    words = ["", "b", "A", "aa", "é", "x" * 5000, "ab\x00c", "Zz"]
    texts = ["".join(rng.choice(words, 3)) for _ in range(2000)]
    packed = Texts.of(texts)
    for wanted in ("a", "aab", "é", "xxx", "zz"):
        expected = [row for row, text in enumerate(texts) if wanted in text.lower()]
        assert packed.having(wanted).tolist() == expected
    assert packed.same_as(texts[5]).tolist() == [i for i, t in enumerate(texts) if t == texts[5]]
    assert packed.same_as("").tolist() == [row for row, text in enumerate(texts) if not text]
    plain = [text for text in texts if "\x00" not in text]
    order = Texts.of(plain).order()
    assert [plain[row].lower()[:20].encode() for row in order] == sorted(
        text.lower()[:20].encode() for text in plain
    )
    assert Texts.of([]).having("a").tolist() == []
    assert Texts.of([]).order().tolist() == []
