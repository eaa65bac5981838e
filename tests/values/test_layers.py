"""Sets of layers and shapes of what they put out."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from diffviews_desktop.engine.jobs.mapping import Extract, MapLayer
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.layers import LayerSet, LayerShape
from diffviews_desktop.values.maps import MapSpec

NAMES = st.lists(st.text("abcdefg_0123", min_size=1), max_size=5)


@given(NAMES)
def test_a_set_is_sorted_has_no_name_twice_and_is_read_from_its_text(names: list[str]) -> None:
    layers = LayerSet(names)
    assert layers == tuple(sorted(set(names)))
    assert hash(layers) == hash(tuple(layers))
    assert str(layers) == "+".join(sorted(set(names)))
    if names:
        assert LayerSet.parse("+".join(names)) == layers
    assert pickle.loads(pickle.dumps(layers)) == layers
    assert type(pickle.loads(pickle.dumps(layers))) is LayerSet


@pytest.mark.parametrize("text", ["", "a+", "+a", "a++b"])
def test_a_text_with_an_empty_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="empty name"):
        LayerSet.parse(text)


def test_a_single_text_is_no_set_of_its_letters() -> None:
    with pytest.raises(TypeError, match="parse"):
        LayerSet("midblock")


def test_records_hold_lists_of_names() -> None:
    adapter = TypeAdapter(LayerSet)
    assert adapter.dump_python(LayerSet(["b", "a"]), mode="json") == ["a", "b"]
    read = adapter.validate_python(["b", "a", "b"])
    assert (type(read), str(read)) == (LayerSet, "a+b")


def test_jobs_make_sets_of_what_they_are_given() -> None:
    job = MapLayer(job_id=1, folder=FolderRef(), spec=MapSpec("edm", ("b", "a", "b")))  # type: ignore[arg-type]
    assert (type(job.spec.layers), str(job.spec.layers)) == (LayerSet, "a+b")
    many = Extract(job_id=1, folder=FolderRef(), model="edm", layer_sets=(("b", "a"), ("c",)))  # type: ignore[arg-type]
    assert [str(layers) for layers in many.layer_sets] == ["a+b", "c"]


def test_shapes_know_their_axes_and_size() -> None:
    picture, tokens = LayerShape((256, 8, 8)), LayerShape((64, 384))
    assert (picture.axes, picture.values, str(picture)) == (("C", "H", "W"), 16384, "256×8×8")
    assert (tokens.axes, tokens.values, str(tokens)) == (("T", "C"), 24576, "64×384")
