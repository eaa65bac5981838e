"""Which classes labels stand for: the model is told only what the data, it or the user says."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import DuckAdapter

from diffviews_desktop.adapters.model import as_model
from diffviews_desktop.data.class_labels import load_class_labels
from diffviews_desktop.engine.imports.classes import classes_of, match_class_map
from diffviews_desktop.errors import UsageError
from diffviews_desktop.pictures.labels.values import class_number

FACTS = as_model(DuckAdapter()).facts
CIFAR = dict(
    enumerate(
        ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    )
)
TEN = replace(FACTS, num_classes=10, class_names={})
NAMED = replace(TEN, class_names=CIFAR)
THOUSAND = replace(FACTS, num_classes=1000, class_names={})
NONE = replace(FACTS, num_classes=0, class_names={})

LABELS = st.integers(-3, 2000).map(str) | st.sampled_from(
    ["cat", "Dog", "class_1", "n01440764", "n02123045", "tench", "crane", "True", "2.5", "7a"]
)


@given(st.sets(LABELS, max_size=8), st.sampled_from([TEN, NAMED, THOUSAND, NONE]))
def test_no_number_is_invented(labels: set[str], facts: object) -> None:
    """A class is the number itself, or that of the model's own name, whatever stands beside it."""
    found = classes_of(labels, facts, {})  # type: ignore[arg-type]
    for label, number in found.numbers.items():
        alone = classes_of({label}, facts, {})  # type: ignore[arg-type]
        assert alone.numbers == {label: number}
        if class_number(label) is None:
            own = facts is NAMED and CIFAR.get(number) == label.lower()
            assert own or (facts is THOUSAND and label.startswith("n0"))
        else:
            assert str(number) == label
    for label in labels - found.numbers.keys():
        number = class_number(label)
        known = number is not None and number >= 0
        assert not known or number >= facts.num_classes > 0  # type: ignore[attr-defined,operator]


def test_names_that_the_model_knows() -> None:
    found = classes_of(["cat", "DOG", "7", "unlabelled"], NAMED, {})
    assert found.numbers == {"cat": 3, "DOG": 5, "7": 7}
    assert found.names == CIFAR
    folded = replace(TEN, class_names={2: "Egyptian cat", 3: "crane", 4: "crane", 12: "dog"})
    found = classes_of(["egyptian_cat", "Egyptian-Cat", "crane", "dog"], folded, {})
    assert found.numbers == {"egyptian_cat": 2, "Egyptian-Cat": 2}
    assert found.ambiguous == {"crane"}


def test_a_number_that_is_the_name_of_another_class_is_ambiguous() -> None:
    found = classes_of(["3", "5"], replace(TEN, class_names={0: "3", 5: "5"}), {})
    assert (found.numbers, found.ambiguous) == ({"5": 5}, {"3"})


def test_wordnet_ids_are_classes_of_imagenets_models_alone() -> None:
    ids = ["n01440764", "n02123045"]
    imagenet = load_class_labels()
    found = classes_of(ids, THOUSAND, {})
    assert (found.numbers, found.wordnet) == ({"n01440764": 0, "n02123045": 281}, True)
    assert found.names == imagenet
    assert classes_of(ids, replace(THOUSAND, class_names=imagenet), {}).numbers == found.numbers
    other = {number: f"thing {number}" for number in range(1000)}
    assert not classes_of(ids, replace(THOUSAND, class_names=other), {}).numbers
    assert not classes_of(ids, TEN, {}).numbers
    assert not classes_of(ids, NONE, {}).numbers


def test_what_the_user_says_goes_first() -> None:
    class_map = {"cat": 5, "07": 1, "dog": -1, "kitten": 5}
    found = classes_of(["cat", "kitten", "7", "dog", "8"], NAMED, class_map)
    assert found.numbers == {"cat": 5, "kitten": 5, "7": 1, "8": 8}
    assert found.refused == {"dog"}
    assert classes_of(["a", "b"], TEN, {"a": 3, "b": 4}).names == {3: "a", 4: "b"}
    assert classes_of(["a", "b", "7"], TEN, {"a": 3, "b": 3, "7": 2}).names == {}
    with pytest.raises(UsageError, match="cat is class 10, but the model has the classes 0 to 9"):
        classes_of(["cat"], TEN, {"cat": 10})
    assert classes_of(["cat"], NONE, {"cat": 10}).numbers == {"cat": 10}


def test_a_class_map_is_matched_as_the_models_names_are() -> None:
    cafe = unicodedata.normalize("NFD", "café")
    class_map = {"Egyptian cat": 1, "café": 2, "Dog": 3, "DOG": 4, "08": 5, "NA": 6}
    labels = ["egyptian_cat", cafe, "dog", "Dog", "8", "NA", "none"]
    found = match_class_map(labels, class_map)
    assert found.numbers == {"egyptian_cat": 1, cafe: 2, "Dog": 3, "8": 5, "NA": 6}
    assert found.unused == ["DOG"]  # of "dog" it says two classes
