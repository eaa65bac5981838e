"""What a folder holds: every file that might be a picture is used, or counted by reason."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from diffviews_desktop.errors import Cancelled
from diffviews_desktop.files.archives import open_archive
from diffviews_desktop.pictures.listing import Listing, list_members, list_pictures
from diffviews_desktop.text.faults import Fault
from diffviews_desktop.values.import_rules import OTHER_PICTURE_SUFFIXES, PICTURE_SUFFIXES

PNG, GIF = b"\x89PNG\r\n\x1a\n", b"GIF89a"


def fill(root: Path, *names: str, data: bytes = b"") -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def link(path: Path, target: Path | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def test_every_suffix_is_known_that_pillow_has_for_what_is_read() -> None:
    Image.init()
    known = {"PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "MPO"}  # MPO: JPEGs of several frames
    assert {s for s, kind in Image.registered_extensions().items() if kind in known} == set(
        PICTURE_SUFFIXES
    )
    assert not set(OTHER_PICTURE_SUFFIXES) & set(PICTURE_SUFFIXES)


@pytest.mark.parametrize("suffix", PICTURE_SUFFIXES)
def test_the_case_of_a_suffix_does_not_count(tmp_path: Path, suffix: str) -> None:
    names = [f"a{suffix}", f"b{suffix.upper()}", f"c.{suffix[1:].title()}", f"d.e{suffix}"]
    fill(tmp_path, *names)
    assert list_pictures(tmp_path) == Listing(pictures=names)


def test_what_is_no_picture_is_counted_by_reason(tmp_path: Path) -> None:
    fill(tmp_path, "a.png", "b.HEIC", "c.avif", ".d.png", "._a.png", ".DS_Store", "notes.txt")
    fill(tmp_path, ".thumbnails/a.png", "sub/e.svg")
    fill(tmp_path, "hash", data=GIF + bytes(30))
    fill(tmp_path, "old.png.bak", data=PNG + bytes(30))
    fill(tmp_path, "LICENSE", "table.csv", data=b"BM of a company")
    listing = list_pictures(tmp_path)
    assert listing.pictures == ["a.png", "hash"]
    assert listing.left_out == {
        "b.HEIC": Fault.NO_PICTURE,
        "c.avif": Fault.NO_PICTURE,
        "sub/e.svg": Fault.NO_PICTURE,
        ".d.png": Fault.HIDDEN,
        "old.png.bak": Fault.NO_SUFFIX,
    }
    assert (listing.folders, listing.others) == ({}, 3)
    (note,) = listing.notes()
    assert note.startswith("5 pictures were left out: 3 are not known kinds of pictures (")
    assert "1 is hidden (.d.png), 1 has no suffix of a picture (old.png.bak)" in note
    assert listing.record() == {
        "left_out": {
            ".d.png": "is hidden",
            "b.HEIC": "is not a known kind of picture",
            "c.avif": "is not a known kind of picture",
            "old.png.bak": "has no suffix of a picture",
            "sub/e.svg": "is not a known kind of picture",
        },
        "other_files": 3,
    }


def test_an_archive_holds_what_its_folder_would(tmp_path: Path) -> None:
    root = tmp_path / "images"
    names = ("a.png", "b.HEIC", ".d.png", "._a.png", ".DS_Store", "sub/e.jpe", "x/._a.png")
    fill(root, *names, ".thumbnails/a.png")
    fill(root, "hash", "old.png.bak", data=PNG + bytes(30))
    fill(root, "LICENSE", "table.csv", data=b"BM of a company")
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        for path in root.rglob("*"):
            archive.write(path, path.relative_to(root))
        listing = list_members(archive)
    assert listing == list_pictures(root)
    assert listing.pictures == ["a.png", "hash", "sub/e.jpe"]
    assert listing.left_out.keys() == {"b.HEIC", ".d.png", "old.png.bak"}


def test_reading_an_archive_can_be_stopped_at_every_member(tmp_path: Path) -> None:
    path = tmp_path / "images.zip"
    with zipfile.ZipFile(path, "w") as written:
        for number in range(9):
            written.writestr(f"{number}.png", b"")
    for last in (4, 13):  # in the directory, and while it is looked through
        asked: list[int] = []
        listing = Listing()

        def stop(asked: list[int] = asked, last: int = last) -> None:
            asked.append(1)
            if len(asked) == last:
                raise Cancelled

        with pytest.raises(Cancelled), open_archive(path, check=stop) as archive:
            list_members(archive, stop, listing)
        assert len(listing.pictures) == max(0, last - 9 - 1)


def test_a_member_without_a_bound_is_not_looked_into(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "images.zip", "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("hash", PNG + bytes(30))
        assert list_members(archive) == Listing(others=1)


def test_backslashes_in_an_archive_part_folders(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo(".hidden\\a.png"), b"")
        archive.writestr(zipfile.ZipInfo("cat\\b.png"), b"")
        archive.writestr(zipfile.ZipInfo("set/./c.heic"), b"")
        listing = list_members(archive)
    assert listing == Listing(["cat/b.png"], {"set/c.heic": Fault.NO_PICTURE})
    assert listing.below("set/") == Listing(["cat/b.png"], {"c.heic": Fault.NO_PICTURE})


def test_what_is_not_a_file_is_not_waited_for(tmp_path: Path) -> None:
    for name in ("pipe.png", "pipe", "pipe.txt"):
        os.mkfifo(tmp_path / name)
    link(tmp_path / "zero", "/dev/zero")
    assert list_pictures(tmp_path) == Listing(pictures=["pipe.png"], others=3)


# ---- links --------------------------------------------------------------------------------------


def test_linked_folders_are_read_once(tmp_path: Path) -> None:
    root, far = tmp_path / "images", tmp_path / "far"
    fill(root, "dogs/a.png")
    fill(far, "cats/b.png", "cats/deep/c.png", "birds/d.png")
    link(root / "cats", far / "cats")
    link(root / "felines", far / "cats")  # the second name of it
    link(root / "birds", Path("..") / "far" / "birds")
    link(root / "a pup", "dogs")  # before its own name
    link(root / "e.png", far / "cats" / "b.png")
    link(root / "gone", far / "nowhere")
    listing = list_pictures(root)
    assert listing.pictures == [
        "birds/d.png", "cats/b.png", "cats/deep/c.png", "dogs/a.png", "e.png",
    ]  # fmt: skip
    assert listing.folders == {
        "a pup": Fault.REPEATED,
        "felines": Fault.REPEATED,
        "gone": Fault.MISSING,
    }
    assert listing.notes() == [
        "3 folders were left out: 1 is missing (gone), "
        "2 lead to folders that are read already (a pup, felines)"
    ]


def test_circles_end(tmp_path: Path) -> None:
    root, far = tmp_path / "images", tmp_path / "far"
    fill(root, "cats/a.png")
    fill(far, "b.png")
    link(root / "self", "self")
    link(root / "here", ".")
    link(root / "cats" / "up", "..")
    link(root / "above", tmp_path)
    link(root / "far", far)
    link(far / "back", root / "cats")
    link(far / "up", tmp_path)
    link(far / "itself", far)
    listing = list_pictures(root)
    assert listing.pictures == ["cats/a.png", "far/b.png"]
    assert listing.folders == {
        "self": Fault.MISSING,
        **dict.fromkeys(
            ("here", "cats/up", "above", "far/back", "far/up", "far/itself"), Fault.REPEATED
        ),
    }


def test_folders_of_programs_are_passed_over_and_archives_counted(tmp_path: Path) -> None:
    fill(tmp_path, "cat/a.png", "cat/@eaDir/a.png/small.png", "#recycle/b.png", "more.zip", "c.7z")
    fill(tmp_path, "__MACOSX/cat/a.png", "$RECYCLE.BIN/d.png")
    listing = list_pictures(tmp_path)
    assert listing.pictures == ["cat/a.png"]
    assert listing.notes() == ["2 archives were left out: 2 are not unpacked (c.7z, more.zip)"]


def test_the_folder_may_be_a_link_and_what_is_made_is_left_out(tmp_path: Path) -> None:
    fill(tmp_path / "images", "a.png", "made/b.png")
    link(tmp_path / "images" / "also", tmp_path / "images" / "made")
    link(tmp_path / "link", "images")
    for root in (tmp_path / "images", tmp_path / "link"):
        listing = list_pictures(root, tmp_path / "link" / "made")
        assert listing == Listing(pictures=["a.png"])


def test_names_in_other_encodings(tmp_path: Path) -> None:
    folder = os.path.join(os.fsencode(tmp_path), b"caf\xe9")
    try:
        os.mkdir(folder)
    except OSError:
        pytest.skip("this file system has UTF-8 names only")
    with open(os.path.join(folder, b"\xff.png"), "wb"):
        pass
    assert list_pictures(tmp_path).pictures == ["caf\udce9/\udcff.png"]


def test_a_folder_that_cannot_be_read_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, "a.png", "sub/b.png")
    original = os.scandir

    def refused(path: str) -> object:
        if path.endswith("sub"):
            raise PermissionError(13, "Permission denied", path)
        return original(path)

    monkeypatch.setattr(os, "scandir", refused)
    assert list_pictures(tmp_path) == Listing(pictures=["a.png"], folders={"sub": Fault.CLOSED})
    with pytest.raises(PermissionError):
        list_pictures(tmp_path / "sub")
