"""Names of files in stores: none leaves its folder, or hides another."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffviews_desktop.data.stores.keys import collisions, local_path, unsafe
from diffviews_desktop.errors import UnsafeKeyError

HARMLESS = (
    *("config.json", "dmd2/config.json", "images/imagenet_real/sample_000001.png"),
    *(".hidden", "a..b", "..a", "a b/c d.csv", "日本語/文件.json", "κλάση.csv", "e\u0301.txt"),
    *("console.txt", "common/aux_data.npy", "nul2", "com10.txt", "file~.txt", "part", "a.part.gz"),
)

HOSTILE = (
    # out of the folder
    *("..", ".", "../x", "a/../../x", "a/..", "a/./b", "./a", "../../../../etc/passwd", ".. /x"),
    *("/etc/passwd", "//host/share", "/", "", "a//b", "a/", "~root/../x"),
    # on Windows
    *(
        "C:",
        "C:/x",
        "c:x",
        "a:stream",
        "a/b:c",
        "..\\x",
        "a\\..\\..\\x",
        "\\\\host\\share\\x",
        "\\x",
    ),
    *("CON", "con", "aux.txt", "a/NUL", "nul.tar.gz", "COM1", "com¹.txt", "LPT9.csv", "prn .txt"),
    *(
        "CONIN$",
        "conout$",
        "CLOCK$",
        "a.",
        "a ",
        "a/b./c",
        "a. ",
        "...",
        "a/ /b",
        "PROGRA~1",
        "a~1.txt",
    ),
    *("a<b", "a>b", 'a"b', "a|b", "a?b", "a*b"),
    # signs that act or cannot be seen
    *("a\0b", "a\nb", "a\rb", "a\tb", "\x1b[31m", "a\x7fb", "a\x9bb", "a\u202egnp.exe", "a\u2066b"),
    *("a\u200bb", "\ufeffa", "a\u2028b", "\ud800", "a\udcff", "a\ue000", "a" + "\u0301" * 9),
    # too long or too deep
    *("a" * 300, "é" * 200, "/".join("a" * 40), "/".join(["abcdefgh"] * 200)),
    # names of the program's own
    *("config.json.part", "a.PART", ".diffviews-download/journal.jsonl", ".Diffviews-Download/x"),
)


def test_harmless_names_become_paths(tmp_path: Path) -> None:
    for key in HARMLESS:
        assert local_path(tmp_path, key) == tmp_path.joinpath(*key.split("/"))
    assert collisions(HARMLESS) == {}


@pytest.mark.parametrize("key", HOSTILE, ids=ascii)
def test_hostile_names_are_refused_with_a_sentence(tmp_path: Path, key: str) -> None:
    with pytest.raises(UnsafeKeyError, match=r"was left out: .*Rename it") as error:
        local_path(tmp_path, key)
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 400


def test_there_are_many_of_them() -> None:
    assert len(set(HOSTILE)) >= 60


@given(st.text() | st.text("./\\:a ~\0\u202e"))
def test_whatever_is_allowed_lies_in_the_folder(key: str) -> None:
    if not unsafe(key):
        folder = Path("/folder")
        path = local_path(folder, key)
        assert path.is_relative_to(folder)
        assert path != folder
        assert ".." not in path.parts
        key.encode()


def test_links_that_lead_out_of_the_folder_are_not_followed(tmp_path: Path) -> None:
    folder, outside = tmp_path / "folder", tmp_path / "outside"
    (folder / "inside").mkdir(parents=True)
    outside.mkdir()
    (folder / "out").symlink_to(outside)
    (folder / "in").symlink_to(folder / "inside")
    with pytest.raises(UnsafeKeyError, match=r"a link in .* leads out of it"):
        local_path(folder, "out/file")
    with pytest.raises(UnsafeKeyError, match=r"a link in .* leads out of it"):
        local_path(folder, "out/further/file")
    assert local_path(folder, "in/file") == folder / "in" / "file"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("config.json", "Config.JSON"),
        ("a/b", "A/b"),
        ("\u00e9.txt", "e\u0301.txt"),
        ("straße", "STRASSE"),
        ("\u212bngstrom", "\u00e5ngstrom"),
        ("ab", "a\u200db"),
        ("a", "a/b"),
        ("a/b", "A"),
        ("a/b/c", "a/B"),
        ("same", "same"),
    ],
)
def test_names_that_a_disk_takes_for_one_collide(first: str, second: str) -> None:
    found = collisions([first, "other", second])
    assert list(found) == [second]
    assert "some disks take its name for that of" in found[second]
