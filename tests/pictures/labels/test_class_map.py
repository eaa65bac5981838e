"""Maps of classes: typed, in tables, in JSON; each label has the class that was given."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffviews_desktop.data.class_labels import STANDARD_FILE, get_data_dir
from diffviews_desktop.errors import DataError, UsageError
from diffviews_desktop.pictures.labels.class_map import class_map_of, read_class_map

LABELS = st.text(
    st.characters(categories=["L", "N", "Pd"], include_characters=" _='"), min_size=1, max_size=9
).filter(lambda text: text == text.strip())
PAIRS = st.dictionaries(LABELS, st.integers(-1, 999), min_size=1, max_size=5)


@given(PAIRS, st.sampled_from([",", ";", ", ", " ;\n"]), st.sampled_from(["=", " = "]))
def test_pairs_that_are_typed(pairs: dict[str, int], between: str, equals: str) -> None:
    text = between.join(f"{label}{equals}{number}" for label, number in pairs.items())
    assert class_map_of(text) == tuple(pairs.items())


@pytest.mark.parametrize(
    "text",
    [
        "cat=",
        "cat=three",
        "=3",
        "cat=3,dog",
        "cat=1.5",
        "a=1,a=2",
        "07=2,7=3",
        "7=2;7.0=3",
        "cat=-2",
    ],
)
def test_what_is_no_pair_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"The class map cannot be used: .*such as cat=3, dog=5"):
        class_map_of(text)


def test_a_path_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert class_map_of("map.csv") == tmp_path / "map.csv"
    (tmp_path / "a=1").write_text("")
    assert class_map_of("a=1") == tmp_path / "a=1"
    assert class_map_of(" ") == ()
    assert class_map_of("~no such user/map") == tmp_path / "~no such user/map"


@given(PAIRS, st.sampled_from(",;\t"), st.booleans(), st.sampled_from(["label,class", "", "x,y"]))
def test_tables(
    tmp_path_factory: pytest.TempPathFactory,
    pairs: dict[str, int],
    separator: str,
    turned: bool,
    header: str,
) -> None:
    """Labels first, or numbers first; where both are numbers, labels are."""
    numeric = all(label.isascii() and label.isdecimal() for label in pairs)
    rows = [(label, str(number)) for label, number in pairs.items()]
    head = header.split(",") if header else None
    if turned and not numeric:
        rows = [row[::-1] for row in rows]
        head = head and head[::-1]
    path = tmp_path_factory.getbasetemp() / "map.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=separator).writerows([head, *rows] if head else rows)
    assert dict(read_class_map(path)) == pairs


def test_of_several_columns_those_with_the_names(tmp_path: Path) -> None:
    path = tmp_path / "map.tsv"
    path.write_text("wordnet_id\tclass\tcomment\nn01440764\t4.0\tfish\nn1\t\tnone\n")
    assert read_class_map(path) == (("n01440764", 4), ("n1", -1))


@given(PAIRS)
def test_json_of_numbers_by_label(
    tmp_path_factory: pytest.TempPathFactory, pairs: dict[str, int]
) -> None:
    path = tmp_path_factory.getbasetemp() / "map.json"
    path.write_text(json.dumps(pairs))
    assert dict(read_class_map(path)) == pairs


def test_json_of_names_by_number(tmp_path: Path) -> None:
    path = tmp_path / "class_labels.json"
    path.write_text('{"3": "cat", "5": ["n02", "dog"], "6": ["n03", "dog"]}')
    assert read_class_map(path) == (("cat", 3), ("n02", 5), ("n03", 6))  # which dog is not said
    imagenet = dict(read_class_map(get_data_dir() / STANDARD_FILE))
    assert (imagenet["n01440764"], imagenet["tench"]) == (0, 0)
    assert "crane" not in imagenet


@pytest.mark.parametrize(
    "text",
    [
        *("", "a,b,c\n1,2,3\n", "label,class\ncat,three\n", "label,class\ncat,1\ncat,2\n"),
        *("[]", '{"cat": true}', '{"cat": [1]}', '{"cat": "three"}', '{"3": [1]}', "{"),
    ],
)
def test_what_says_no_classes_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "map"
    path.write_text(text)
    with pytest.raises(DataError, match=r"The class map .* cannot be read .*label and class") as no:
        read_class_map(path)
    assert "ValueError" not in str(no.value).replace("JSONDecodeError", "")
    with pytest.raises(DataError, match="cannot be read"):
        read_class_map(tmp_path / "nowhere")
