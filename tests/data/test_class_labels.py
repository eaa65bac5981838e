"""Class labels: the bundled tables against known facts, the mapping, and files good and bad."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from diffviews_desktop.data.class_labels import (
    find_class_labels,
    get_class_name,
    get_data_dir,
    load_class_labels,
    load_class_labels_map,
    load_imagenet64_to_standard_mapping,
    remap_imagenet64_labels_to_standard,
)
from diffviews_desktop.errors import DataError
from diffviews_desktop.paths import resources

IMAGENET64 = get_data_dir() / "imagenet64_class_labels.json"
OWN_FILES = ("imagenet_standard_class_index.json", "class_labels.json")


def raw(name: str) -> dict[str, list[str]]:
    """A bundled file as plain JSON."""
    return json.loads((resources() / "class_labels" / name).read_text(encoding="utf-8"))


def write(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


# --- the bundled tables --------------------------------------------------------------------------


@pytest.mark.parametrize("path", [None, IMAGENET64], ids=["standard", "imagenet64"])
def test_a_table_has_1000_classes_with_distinct_names(path: Path | None) -> None:
    table = load_class_labels_map(path)
    assert list(table) == list(range(1000))
    assert len({wordnet_id for wordnet_id, _ in table.values()}) == 1000
    assert all(re.fullmatch(r"n\d{8}", wordnet_id) for wordnet_id, _ in table.values())
    names = [name for _, name in table.values()]
    assert all(name and name == name.strip() and name.isprintable() for name in names)
    assert len({name.casefold() for name in names}) == 1000
    assert load_class_labels(path) == dict(enumerate(names))


def test_the_standard_order_is_that_of_the_wordnet_ids() -> None:
    ids = [wordnet_id for wordnet_id, _ in load_class_labels_map().values()]
    assert ids == sorted(ids)


def test_both_orders_name_the_same_classes_and_agree_in_no_number() -> None:
    standard, downsampled = load_class_labels_map(), load_class_labels_map(IMAGENET64)
    assert set(standard.values()) == set(downsampled.values())
    assert not [number for number in range(1000) if standard[number] == downsampled[number]]


@pytest.mark.parametrize(
    ("number", "wordnet_id", "name"),
    [
        (0, "n01440764", "tench"),
        (1, "n01443537", "goldfish"),
        (207, "n02099601", "golden retriever"),
        (278, "n02119789", "kit fox"),
        (281, "n02123045", "tabby"),
        (388, "n02510455", "giant panda"),
        (963, "n07873807", "pizza"),
        (999, "n15075141", "toilet tissue"),
    ],
)
def test_known_classes_of_the_standard_order(number: int, wordnet_id: str, name: str) -> None:
    assert load_class_labels_map()[number] == (wordnet_id, name)
    assert load_class_labels()[number] == name
    assert get_class_name(number) == name


def test_known_classes_of_downsampled_imagenet() -> None:
    table = load_class_labels_map(IMAGENET64)
    assert table[0] == ("n02119789", "kit fox")
    assert table[1] == ("n02100735", "English setter")
    assert table[2] == ("n02110185", "Siberian husky")
    assert get_class_name(0, IMAGENET64) == "kit fox"


def test_classes_that_share_a_first_lemma_stay_apart() -> None:
    names = load_class_labels()
    bird, machine, dog, jacket = (names[number] for number in (134, 517, 264, 474))
    assert bird.startswith("crane (")
    assert "bird" in bird
    assert machine.startswith("crane (")
    assert "lifts" in machine
    assert "corgi" in dog
    assert "jacket" in jacket
    assert names[638].startswith("maillot (")
    assert names[639] == "maillot (tank suit)"


@pytest.mark.parametrize("number", [1000, -1, 10**20, np.int32(4321)])
def test_a_number_without_a_class_is_named_by_itself(number: int) -> None:
    assert get_class_name(number) == f"{number}"


def test_a_table_that_was_changed_is_whole_at_the_next_call() -> None:
    load_class_labels().clear()
    load_class_labels_map()[0] = ("n0", "nothing")
    load_imagenet64_to_standard_mapping()[0] = -5
    assert load_class_labels_map()[0] == ("n01440764", "tench")
    assert len(load_class_labels()) == 1000
    assert load_imagenet64_to_standard_mapping()[0] == 278


# --- from one order to the other -----------------------------------------------------------------


def test_the_mapping_is_a_bijection_along_the_wordnet_id() -> None:
    mapping = load_imagenet64_to_standard_mapping()
    assert sorted(mapping) == sorted(mapping.values()) == list(range(1000))
    standard, downsampled = raw(OWN_FILES[0]), raw(IMAGENET64.name)
    assert all(standard[str(b)][0] == downsampled[str(a)][0] for a, b in mapping.items())
    assert mapping[0] == 278  # kit fox


def test_there_and_back_is_where_it_began() -> None:
    standard = get_data_dir() / OWN_FILES[0]
    there = load_imagenet64_to_standard_mapping()
    back = load_imagenet64_to_standard_mapping(standard, IMAGENET64)
    assert {number: back[there[number]] for number in there} == dict(zip(there, there, strict=True))
    labels = np.random.default_rng(0).integers(0, 1000, (4, 5))
    remapped = remap_imagenet64_labels_to_standard(labels)
    assert np.array_equal(
        remap_imagenet64_labels_to_standard(remapped, standard, IMAGENET64), labels
    )


SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=6)


@given(
    labels=hnp.arrays(
        st.sampled_from([np.int16, np.int32, np.int64, np.uint16, np.uint64]),
        SHAPES,
        elements=st.integers(0, 999),
    ),
    one_based=st.booleans(),
)
@example(labels=np.arange(1000).reshape(10, 100), one_based=False)
@example(labels=np.arange(1000)[::-1], one_based=True)
def test_remapping_equals_going_by_the_wordnet_id(labels: np.ndarray, one_based: bool) -> None:
    before = labels.copy()
    if one_based:
        remapped = remap_imagenet64_labels_to_standard(labels + 1, one_based=True)
    else:
        remapped = remap_imagenet64_labels_to_standard(labels)
    assert remapped.dtype == np.int64
    assert remapped.shape == labels.shape
    assert np.array_equal(labels, before)
    standard, downsampled = raw(OWN_FILES[0]), raw(IMAGENET64.name)
    for label, number in zip(labels.flat, remapped.flat, strict=True):
        assert standard[str(number)][0] == downsampled[str(label)][0]


def test_labels_may_be_a_list_or_a_number_or_nothing() -> None:
    assert remap_imagenet64_labels_to_standard([[0], [0]]).tolist() == [[278], [278]]
    assert remap_imagenet64_labels_to_standard(1, one_based=True).tolist() == 278
    assert remap_imagenet64_labels_to_standard([]).shape == (0,)


@pytest.mark.parametrize(
    ("labels", "one_based", "named"),
    [
        ([0, 1000], False, "1000"),
        ([5, -1], False, "-1"),
        ([1, 1001], True, "1001"),
        ([1, 0], True, "0"),
        (np.array([2**64 - 1], dtype=np.uint64), True, str(2**64 - 1)),
        (np.array(-128, dtype=np.int8), True, "-128"),
    ],
)
def test_a_label_out_of_range_is_named(labels: Any, one_based: bool, named: str) -> None:
    with pytest.raises(DataError, match=f"label {named} is not one of the 1000 classes"):
        remap_imagenet64_labels_to_standard(labels, one_based=one_based)


@pytest.mark.parametrize("labels", [[0.0, 1.0], [True], ["3"], [None], [2**70], [[1], [2, 3]]])
def test_labels_that_are_no_whole_numbers_are_refused(labels: Any) -> None:
    with pytest.raises(DataError, match="whole numbers"):
        remap_imagenet64_labels_to_standard(labels)


def test_a_mapping_between_own_files(tmp_path: Path) -> None:
    source = write(tmp_path / "a.json", {"3": ["n1", "one"], "8": ["n2", "two"]})
    target = write(tmp_path / "b.json", {"0": ["n2", "zwei"], "1": ["n3", "drei"], "5": ["n1", ""]})
    with pytest.raises(DataError, match="class 5"):
        load_imagenet64_to_standard_mapping(source, target)
    write(target, {"0": ["n2", "zwei"], "1": ["n3", "drei"], "5": ["n1", "eins"]})
    assert load_imagenet64_to_standard_mapping(source, target) == {3: 5, 8: 0}
    assert remap_imagenet64_labels_to_standard([8, 3, 8], source, target).tolist() == [0, 5, 0]
    with pytest.raises(DataError, match=r"b\.json lacks the WordNet id n1"):
        load_imagenet64_to_standard_mapping(source, write(target, {"0": ["n2", "zwei"]}))
    with pytest.raises(DataError, match="label 4 is not one of the 2 classes"):
        remap_imagenet64_labels_to_standard([4], source, source)


@pytest.mark.parametrize("place", [0, 1])
def test_a_mapping_needs_one_wordnet_id_a_class(tmp_path: Path, place: int) -> None:
    good = write(tmp_path / "good.json", {"0": ["n1", "one"], "1": ["n2", "two"]})
    for content, why in (
        ({"0": ["n1", "one"], "1": ["n1", "uno"]}, "classes 0 and 1 the same WordNet id n1"),
        ({"0": ["n1", "one"], "1": "two"}, "class 1 no WordNet id"),
    ):
        paths = [good, good]
        paths[place] = write(tmp_path / "bad.json", content)
        with pytest.raises(DataError, match=why) as caught:
            load_imagenet64_to_standard_mapping(*paths)
        assert "bad.json" in str(caught.value)


# --- files ---------------------------------------------------------------------------------------


def test_values_are_pairs_or_names(tmp_path: Path) -> None:
    path = write(tmp_path / "labels.json", {"7": "Schneehuhn", "0": ["n01440764", "Schleie"]})
    assert load_class_labels(path) == {0: "Schleie", 7: "Schneehuhn"}
    assert get_class_name(7, path) == "Schneehuhn"
    assert get_class_name(1, path) == "1"
    with pytest.raises(DataError, match="class 7 no WordNet id"):
        load_class_labels_map(path)


def test_an_own_file_that_changes_is_read_again(tmp_path: Path) -> None:
    path = write(tmp_path / "labels.json", {"0": "before"})
    assert get_class_name(0, path) == "before"
    write(path, {"0": "after"})
    assert get_class_name(0, path) == "after"


BAD = {
    "empty": b"",
    "not JSON": b"0: tench",
    "not UTF-8": b'{"0": "t\xe4nch"}',
    "list": b'["tench"]',
    "text": b'"tench"',
    "number": b"3",
    "null": b"null",
    "key is a word": b'{"tench": "n01440764"}',
    "key is negative": b'{"-1": "tench"}',
    "key is a fraction": b'{"1.0": "tench"}',
    "key is empty": b'{"": "tench"}',
    "key has a space": b'{" 1": "tench"}',
    "key ends its line": b'{"1\\n": "tench"}',
    "key is in other digits": '{"٣": "tench"}'.encode(),
    "key is a superscript": '{"²": "tench"}'.encode(),
    "key has 5000 digits": b'{"%s": "tench"}' % (b"9" * 5000),
    "key twice": b'{"1": "tench", "1": "goldfish"}',
    "key twice, written differently": b'{"1": "tench", "01": "goldfish"}',
    "value is a number": b'{"0": 3}',
    "value has 5000 digits": b'{"0": %s}' % (b"9" * 5000),
    "value is null": b'{"0": null}',
    "value is an object": b'{"0": {"n01440764": "tench"}}',
    "value is an object of two": b'{"0": {"a": "b", "c": "d"}}',
    "value has one part": b'{"0": ["n01440764"]}',
    "value has three parts": b'{"0": ["n01440764", "tench", "Tinca tinca"]}',
    "value has no text": b'{"0": [1440764, "tench"]}',
    "value has no name": b'{"0": ["n01440764", ""]}',
    "name is blank": b'{"0": "  "}',
    "nested lists": b'{"0": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "nested objects": b'{"0":' * 100_000 + b"1" + b"}" * 100_000,
    "nested a little": b'{"0":' * 400 + b"1" + b"}" * 400,
}


def one_sentence(error: DataError, path: Path) -> bool:
    text = str(error)
    return str(path) in text and text.endswith(".") and "\n" not in text and len(text) < 500


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_a_bad_file_is_refused_by_every_reader(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "class_labels.json"
    path.write_bytes(content)
    for read in (
        lambda: load_class_labels(path),
        lambda: load_class_labels_map(path),
        lambda: get_class_name(0, path),
        lambda: load_imagenet64_to_standard_mapping(path),
        lambda: load_imagenet64_to_standard_mapping(None, path),
        lambda: remap_imagenet64_labels_to_standard([0], path),
        lambda: find_class_labels(tmp_path, tmp_path.parent),
    ):
        with pytest.raises(DataError) as caught:
            read()
        assert one_sentence(caught.value, path)


@pytest.mark.parametrize("make", [lambda path: None, Path.mkdir], ids=["missing", "folder"])
def test_what_is_no_file_is_refused(tmp_path: Path, make: Any) -> None:
    path = tmp_path / "labels.json"
    make(path)
    with pytest.raises(DataError) as caught:
        load_class_labels(path)
    assert one_sentence(caught.value, path)


# --- a data folder's own labels ------------------------------------------------------------------


def test_own_labels_win_in_order(tmp_path: Path) -> None:
    model = tmp_path / "dmd2"
    model.mkdir()
    assert find_class_labels(model, tmp_path) is None
    # from the last place looked at to the first: each file put there wins over those before
    for folder in (tmp_path, model):
        for name in reversed(OWN_FILES):
            write(folder / name, {"0": ["n0", f"{folder.name} {name}"], "4": "plain"})
            found = find_class_labels(model, tmp_path)
            assert found == {0: f"{folder.name} {name}", 4: "plain"}
    (model / OWN_FILES[0]).unlink()
    found = find_class_labels(model, tmp_path)
    assert found is not None
    assert found[0] == f"dmd2 {OWN_FILES[1]}"


def test_other_models_labels_and_folders_of_that_name_are_no_labels(tmp_path: Path) -> None:
    write(tmp_path / "edm" / OWN_FILES[0], {"0": "another model's"})
    (tmp_path / "dmd2" / OWN_FILES[0]).mkdir(parents=True)
    assert find_class_labels(tmp_path / "dmd2", tmp_path) is None
    assert find_class_labels(tmp_path / "gone", tmp_path) is None


def test_a_damaged_own_file_is_not_passed_over(tmp_path: Path) -> None:
    write(tmp_path / "dmd2" / OWN_FILES[0], [])
    write(tmp_path / OWN_FILES[0], {"0": "tench"})
    with pytest.raises(DataError, match="dmd2"):
        find_class_labels(tmp_path / "dmd2", tmp_path)
