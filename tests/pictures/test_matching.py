"""Paths that other programs have written: the file that each means, or none."""

from __future__ import annotations

import random
import unicodedata
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffviews_desktop.pictures.matching import match_paths

NAMES = ["images/a b.png", "images/Käfer/É1.PNG", "images/ß/100%.png", "images/x/y.JPG", "z.gif"]


@pytest.mark.parametrize(
    "written",
    [
        "images/a b.png",
        "images\\a b.png",
        ".\\images\\a b.png",
        "./images//a b.png",
        "images/x/../a b.png",
        "images/a%20b.png",
        "images%2Fa%20b.png",
        "images%5Ca%20b.png",
        "IMAGES/A B.PNG",
        "Images\\A%20b.Png",
    ],
)
def test_one_file_is_written_in_many_ways(written: str) -> None:
    assert match_paths([written], NAMES) == {written: "images/a b.png"}


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC"])
@pytest.mark.parametrize("there", ["NFC", "NFD"])
def test_letters_are_composed_or_not(form: str, there: str) -> None:
    file = unicodedata.normalize(there, "images/Käfer/É1.PNG")
    name = unicodedata.normalize(form, "images/Käfer/É1.PNG")
    for written in (name, quote(name), name.lower(), quote(name.lower()).replace("/", "\\")):
        assert match_paths([written], [file, "images/Kafer/E1.PNG"]) == {written: file}


def test_bytes_that_are_no_utf8_match_their_percent_signs() -> None:
    assert match_paths(["caf%E9.png"], ["caf\udce9.png"]) == {"caf%E9.png": "caf\udce9.png"}


@pytest.mark.parametrize(
    ("written", "there"),
    [
        (["A.png"], ["a.png", "a.PNG"]),  # which of them?
        (["a.png", "A.png"], ["a.PNG"]),  # whose is it?
        (["A.png", "a.png"], ["a.png"]),  # it is the other's
        (["a%20b.png", "A B.png"], ["a b.png"]),
        (["../a.png", "..%2fa.png", "/a.png", "", ".", "b.png"], ["a.png"]),
    ],
)
def test_where_two_fit_none_is_taken(written: list[str], there: list[str]) -> None:
    exact = set(written) & set(there)
    found = match_paths(written, there)
    assert found.keys() == exact | ({"a%20b.png"} & set(found))
    assert all(found[path] == path for path in exact)


def test_what_is_written_exactly_goes_before_what_only_fits() -> None:
    there = ["a%20b.png", "a b.png", "A B.png"]
    assert match_paths(there, there) == {path: path for path in there}


# ---- whatever programs write --------------------------------------------------------------------

LETTERS = st.sampled_from([*"aAbBkKsSzZ01 _-.%+&#ßſéÉİıöÖ", "e\u0301", "\u212b", "ẞ", "\udce9"])
PART = st.lists(LETTERS, min_size=1, max_size=5).map("".join).filter(lambda t: t.strip(". "))
PATH = st.lists(PART, min_size=1, max_size=3).map("/".join)
MEANS = ["slashes", "percent", "NFC", "NFD", "upper", "lower", "dot"]


def rewritten(path: str, how: str) -> str:
    """A path as another program writes it."""
    match how:
        case "slashes":
            return path.replace("/", "\\")
        case "percent":
            return quote(path, errors="surrogateescape")
        case "NFC" | "NFD":
            return unicodedata.normalize(how, path)
        case "upper":
            return path.upper() if path.upper().lower() == path.lower() else path
        case "lower":
            return path.lower()
    return f"./{path}"


@given(
    names=st.sets(PATH, min_size=1, max_size=6),
    ways=st.lists(st.sampled_from(MEANS), max_size=2, unique=True),
    lost=st.integers(0, 5),
    seed=st.integers(0, 2**32),
)
def test_a_path_means_the_file_that_it_was_made_of_or_none(
    names: set[str], ways: list[str], lost: int, seed: int
) -> None:
    """One program has written all paths; meanwhile some files have gone."""
    listed = sorted(names)
    random.Random(seed).shuffle(listed)
    made: dict[str, set[str]] = {}
    for name in listed:
        written = name
        for how in ways:
            written = rewritten(written, how)
        made.setdefault(written, set()).add(name)
    there = listed[lost:]
    found = match_paths(made, there)
    for written, file in found.items():
        assert file in there
        assert file == written or file in made[written]  # never that of another
    apart = {unicodedata.normalize("NFC", name).casefold() for name in listed}
    if len(apart) == len(listed) and not any("%" in name for name in listed):
        whole = {written: name for written, (name,) in made.items() if name in there}
        assert {written: found.get(written) for written in whole} == whole
