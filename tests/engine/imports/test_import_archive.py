"""Pictures in an archive are unpacked to a private place, or refused; nothing is left anywhere."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffviews_desktop.data.cache import disk
from diffviews_desktop.engine.imports import archive as archives
from diffviews_desktop.engine.imports.archive import pictures_of
from diffviews_desktop.errors import DataError
from diffviews_desktop.pictures.listing import Listing
from diffviews_desktop.text.faults import Fault


def packed(path: Path, members: Mapping[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, compress_type=kind)
    return path


def unpacked(archive: Path) -> dict[str, bytes]:
    beside = archive.parent / "beside"
    beside.mkdir(exist_ok=True)
    with pictures_of(archive, beside / "made", beside, lambda done: None) as (folder, listing):
        files = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
        found = {name: path.read_bytes() for name, path in sorted(files.items())}
    assert list(beside.iterdir()) == []
    assert set(listing.pictures) == found.keys() - {"dataset.json"}
    return found


@pytest.mark.parametrize("kind", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_pictures_and_their_labels_are_unpacked(tmp_path: Path, kind: int) -> None:
    members = {"00000/img0.png": b"a" * 3_000_000, "00001/é.JPG": b"", "dataset.json": b"{}"}
    more = {"notes.txt": b"n", ".hidden.png": b"h", "__MACOSX/00000/._img0.png": b"m", "a/": b""}
    assert unpacked(packed(tmp_path / "set.zip", {**members, **more}, kind)) == members


def test_a_folder_that_holds_everything_is_looked_into(tmp_path: Path) -> None:
    members = {"set/cat/a.png": b"a", "set/dog/b.png": b"b"}
    assert list(unpacked(packed(tmp_path / "set.zip", members))) == ["cat/a.png", "dog/b.png"]
    assert list(unpacked(packed(tmp_path / "other.zip", members))) == ["cat/a.png", "dog/b.png"]
    flat = {"set/a.png": b"a", "set/dataset.json": b"{}"}
    assert list(unpacked(packed(tmp_path / "other.zip", flat))) == ["a.png", "dataset.json"]
    beside = {"set\\cat\\a.png": b"a", "set\\dog\\b.png": b"b", "README.md": b"", "Thumbs.db": b""}
    archive = packed(tmp_path / "other.zip", beside, zipfile.ZIP_STORED)
    assert list(unpacked(archive)) == ["cat/a.png", "dog/b.png"]


@pytest.mark.parametrize(
    "members",
    [
        ["train/cat/a.png", "train/dog/b.png"],  # a part of the data set
        ["cat/a.png", "cat/b.png"],  # the only class
        ["set/cat/a.png", "b.png"],
        ["set/cat/a.png", "dataset.json"],  # whose paths start here
    ],
)
@pytest.mark.parametrize("name", ["other.zip", "train.zip"])
def test_a_folder_that_says_something_stays(tmp_path: Path, members: list[str], name: str) -> None:
    assert sorted(unpacked(packed(tmp_path / name, dict.fromkeys(members, b"a")))) == sorted(
        members
    )


def test_what_is_left_out_of_an_archive_is_counted(tmp_path: Path) -> None:
    """Also where it is of a kind that is not unpacked; only names from the folder are told."""
    members = {"set/cat/a.png": b"a", "set/cat/b.heic": b"b", "set/notes.txt": b"n"}
    members |= {"set/more.ZIP": b"", "rest.tar.gz": b"", "set/@eaDir/a.png/small.png": b""}
    archive = packed(tmp_path / "set.zip", members, zipfile.ZIP_STORED)
    with pictures_of(archive, tmp_path / "made", tmp_path, lambda done: None) as (_, listing):
        packed_ones = {"more.ZIP": Fault.PACKED, "rest.tar.gz": Fault.PACKED}
        assert listing == Listing(["cat/a.png"], {"cat/b.heic": Fault.NO_PICTURE}, packed_ones, 1)
        assert listing.notes()[1] == (
            "2 archives were left out: 2 are not unpacked (more.ZIP, rest.tar.gz)"
        )
    del members["set/cat/a.png"]
    with pytest.raises(DataError, match=r"set\.zip holds no pictures .* 1 picture was left out"):
        unpacked(packed(archive, members))


def test_a_folder_is_used_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "set.zip"
    folder.mkdir()
    (folder / "a.png").touch()
    with pictures_of(folder, tmp_path / "made", tmp_path, lambda done: None) as found:
        assert found == (folder, Listing(["a.png"]))


@pytest.mark.parametrize(
    "name", ["../a.png", "a/../../b.png", "/a.png", "..\\a.png", "C:\\a.png", "C:/a.png", "\\a.png"]
)
def test_no_name_leads_elsewhere(tmp_path: Path, name: str) -> None:
    archive = packed(tmp_path / "set.zip", {"b.png": b"b", name: b"a"})
    with pytest.raises(
        DataError, match=r"has a name that leads elsewhere\. Unpack the archive yours"
    ):
        unpacked(archive)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["beside", "set.zip"]


@given(st.lists(st.sampled_from(["..", "a", "/", "\\", ".", "b.png", "C:"]), max_size=6))
def test_whatever_the_name_nothing_is_written_elsewhere(
    tmp_path_factory: pytest.TempPathFactory, parts: list[str]
) -> None:
    place = tmp_path_factory.mktemp("names")
    archive = packed(place / "set.zip", {"".join(parts) + "c.png": b"c"})
    try:
        found = unpacked(archive)
    except DataError:
        found = {}
    assert set(found.values()) <= {b"c"}
    assert sorted(path.name for path in place.rglob("*")) == ["beside", "set.zip"]


def test_what_must_not_be_unpacked_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "set.zip"
    for damage, reason in (
        (packed(archive, {"a.png": b"a"}, zipfile.ZIP_LZMA).read_bytes(), "packed by a method"),
        (packed(archive, {"a.png": b"abcd" * 99}).read_bytes()[:-30], "cannot be unpacked"),
        (b"PK", "cannot be unpacked"),
    ):
        archive.write_bytes(damage)
        with pytest.raises(DataError, match=reason):
            unpacked(archive)
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.png", b"a")
        with pytest.warns(UserWarning, match="Duplicate"):
            file.writestr("a.png", b"b")
    with pytest.raises(DataError) as refused:
        unpacked(archive)
    wanted = f"a.png is in {archive} twice. Unpack the archive yourself, and choose the folder."
    assert str(refused.value) == wanted
    with pytest.raises(DataError, match=r"a\.png/c\.png is in .*set\.zip twice"):
        unpacked(packed(archive, {"a.png": b"", "a.png/c.png": b""}, zipfile.ZIP_STORED))
    with pytest.raises(DataError, match=r"cannot be unpacked \(File name too long\)\. Unpack"):
        unpacked(packed(archive, {f"{'a' * 300}.png": b""}, zipfile.ZIP_STORED))
    packed(archive, {"a.png": b"a" * 1000, "b.png": b"b"})
    broken = archive.read_bytes().replace(b"b.png", b"b.pnG", 1)
    archive.write_bytes(broken)
    with pytest.raises(DataError, match="cannot be unpacked"):
        unpacked(archive)


def test_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = packed(tmp_path / "set.zip", {"a.png": bytes(3_000_000), "b.png": b""})
    assert archive.stat().st_size < 10_000
    monkeypatch.setattr(archives, "MOST_BYTES", 2_000_000)
    with pytest.raises(DataError, match=r"a\.png in .* has 3 MB\. Unpack the archive yourself"):
        unpacked(archive)
    monkeypatch.setattr(archives, "MOST_BYTES", 4_000_000)
    monkeypatch.setattr(disk, "free_bytes", lambda path: 10**8)
    monkeypatch.setattr(archives, "free_bytes", lambda path: 2 * 10**8)
    with pytest.raises(DataError, match=r"Unpacking set\.zip needs"):
        unpacked(archive)
    monkeypatch.undo()
    monkeypatch.setattr(archives, "LARGEST_DIRECTORY", 60)
    with pytest.raises(DataError, match="its directory is too large"):
        unpacked(archive)


def test_it_can_be_stopped(tmp_path: Path) -> None:
    archive = packed(tmp_path / "set.zip", {"a.png": b"a", "b.png": b"b"})

    def stop(done: float) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), pictures_of(archive, tmp_path / "made", tmp_path, stop):
        pass
    assert list(tmp_path.iterdir()) == [archive]
