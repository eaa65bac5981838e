"""Many strings in one block of memory are the same strings."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffviews_desktop.values import packed_strings
from diffviews_desktop.values.columns import Column
from diffviews_desktop.values.packed_strings import Texts
from diffviews_desktop.values.samples import SampleTable

ANY = st.characters(exclude_categories=())  # half of a pair of surrogates, too
SOME = ["sample_000001", "", "σ 0.5", "猫", "\ud800", "a/b.png", ""]


@given(st.lists(st.text(ANY), max_size=30))
def test_they_are_read_as_they_were_written(strings: list[str]) -> None:
    texts = Texts.of(strings)
    assert list(texts) == strings
    assert texts == strings
    assert len(texts) == len(strings)
    assert texts[1:-1] == tuple(strings[1:-1])
    assert texts[::-2] == tuple(strings[::-2])
    assert [texts[-1 - i] for i in range(len(strings))] == strings[::-1]
    assert Texts.of(texts) is texts
    assert "\0".join(texts) == "\0".join(strings)


@given(st.lists(st.text(ANY), max_size=30))
def test_what_was_written_is_sound(strings: list[str]) -> None:
    texts = Texts.of(strings)
    assert Texts.from_arrays(texts.blob, texts.ends) == strings


@given(st.binary(max_size=12), st.lists(st.integers(-3, 15), max_size=5))
def test_what_is_sound_can_be_read(data: bytes, ends: list[int]) -> None:
    blob, bounds = np.frombuffer(data, np.uint8), np.array(ends, np.int64)
    try:
        texts = Texts.from_arrays(blob, bounds)
    except ValueError:
        return
    assert "".join(texts).encode("utf-8", "surrogatepass") == data


def test_letters_at_the_end_of_a_block_are_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed_strings, "BLOCK_BYTES", 1)
    texts = Texts.of(SOME)
    assert Texts.from_arrays(texts.blob, texts.ends) == SOME


def test_what_is_not_there_is_an_error() -> None:
    texts = Texts.of(SOME)
    for index in (len(SOME), -len(SOME) - 1):
        with pytest.raises(IndexError):
            texts[index]
    with pytest.raises(IndexError):
        Texts.of([])[0]
    assert texts != SOME[:-1]
    assert texts != [*SOME[:-1], "b"]
    assert texts != "sample_000001"
    assert texts.index("猫") == 3
    assert "σ 0.5" in texts
    assert "猫猫" not in texts


def test_a_table_for_another_process_is_the_same_table(tmp_path) -> None:
    table = SampleTable(
        root=tmp_path,
        sample_id=tuple(f"{i}-{text}" for i, text in enumerate(SOME)),
        class_label=np.arange(len(SOME), dtype=np.int32) % 3,
        class_name=tuple("ab猫"[i % 3] for i in range(len(SOME))),
        image_path=tuple(SOME),
        sigma=np.linspace(0, 1, len(SOME), dtype=np.float32),
        columns={"score": Column(np.ones(len(SOME), np.float32))},
    )
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.png").write_bytes(b"")
    assert table.picture(5) == tmp_path / "a" / "b.png"  # which finds out what is not sent
    sent = pickle.loads(pickle.dumps(table))
    for name in ("sample_id", "class_name", "image_path"):
        assert getattr(sent, name) == getattr(table, name)
    assert sent.classes() == table.classes()
    assert sent.picture(5) == tmp_path / "a" / "b.png"
    assert sent.picture(1) is None
    assert (sent.class_label == table.class_label).all()
    assert (sent.sigma == table.sigma).all()
    assert list(sent.columns) == ["score"]
    assert len(sent) == len(SOME)
    again = pickle.loads(pickle.dumps(sent))
    assert list(again.sample_id) == list(table.sample_id)


@given(st.lists(st.text(st.sampled_from("abAB猫\ud800"), max_size=4), max_size=12), st.data())
def test_those_that_contain_a_text_are_found(strings: list[str], data: st.DataObject) -> None:
    text = data.draw(st.text(st.sampled_from("abAB猫"), min_size=1, max_size=3))
    found = Texts.of(strings).containing(text, 5)
    expected = [at for at, one in enumerate(strings) if text.lower() in one.lower()]
    assert found == expected[:5]
