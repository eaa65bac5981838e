"""Wheels of other packages' adapters: installed into the user's folder, found from there."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from diffviews_desktop import paths
from diffviews_desktop.adapters.packages import installed_packages
from diffviews_desktop.adapters.wheels import install_wheels, remove_package
from diffviews_desktop.cli import main as cli
from diffviews_desktop.errors import AdapterError
from diffviews_desktop.text.plain import MOST_SHOWN

POND = """
from reeds import LAYERS

class Pond:
    @classmethod
    def from_checkpoint(cls, checkpoint_path, device="cpu", **kwargs): return cls()
    @classmethod
    def get_default_config(cls): return {}
    def forward(self, x, sigma, class_labels=None, **kwargs): return x
    def register_activation_hooks(self, layer_names, hook_fn): return []
    def get_layer_shapes(self): return dict.fromkeys(LAYERS, (3, 8, 8))
    def to(self, device): return self
    def eval(self): return self
"""
ENTRY = "[diffviews_desktop.adapters]\npond = pond:Pond\n"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home ü"))
    return paths.adapters_dir()


def wheel(
    folder: Path,
    name: str,
    files: Mapping[str, str],
    *,
    version: str = "1.0",
    needs: tuple[str, ...] = (),
    entry: str = "",
    tag: str = "py3-none-any",
    record: Mapping[str, str] | None = None,
    called: str | None = None,
) -> Path:
    """A wheel as a builder writes it; ``record`` replaces hashes in it, ``called`` the name that
    the package has inside."""
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {called or name}\nVersion: {version}\n"
    inside = dict(files) | {
        f"{info}/METADATA": metadata + "".join(f"Requires-Dist: {need}\n" for need in needs),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    if entry:
        inside[f"{info}/entry_points.txt"] = entry
    rows = []
    for path, text in inside.items():
        digest = hashlib.sha256(text.encode()).digest()
        written = f"sha256={base64.urlsafe_b64encode(digest).decode().rstrip('=')}"
        rows.append(f"{path},{(record or {}).get(path, written)},{len(text.encode())}")
    path = folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inner, text in inside.items():
            archive.writestr(inner, text)
        archive.writestr(f"{info}/RECORD", "\n".join([*rows, f"{info}/RECORD,,"]) + "\n")
    return path


def pond(folder: Path, **options: object) -> Path:
    return wheel(folder, "pond", {"pond.py": POND}, needs=("reeds>=1",), entry=ENTRY, **options)  # type: ignore[arg-type]


def reeds(folder: Path, **options: object) -> Path:
    return wheel(folder, "reeds", {"reeds/__init__.py": "LAYERS = ['stem']\n"}, **options)  # type: ignore[arg-type]


def program(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    """The program's verb, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "diffviews_desktop", "adapters", *arguments],
        env={**os.environ, "XDG_DATA_HOME": str(home.parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )


def test_install_list_and_remove_as_a_user_does(
    tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = program("install", str(pond(tmp_path)), str(reeds(tmp_path)), home=home)
    assert done.returncode == 0, done.stderr
    assert "pond 1.0 (adapter pond)" in done.stdout
    assert "reeds 1.0 (needed by others)" in done.stdout
    assert cli.main(["adapters", "remove", "Reeds"]) == 0
    # what it needs is gone: the list says so, and of which package
    listed = json.loads(program("list", "--json", home=home).stdout)
    assert listed["folder"] == str(home)
    assert [package["name"] for package in listed["packages"]] == ["pond"]
    assert "package pond" in listed["unusable"]["pond"]
    assert cli.main(["adapters", "remove", "pond"]) == 0
    assert sorted(home.iterdir()) == []
    assert cli.main(["adapters", "remove", "pond"]) == 1
    assert "Installed: none" in capsys.readouterr().err


def test_an_installed_adapter_is_found_with_its_layers(tmp_path: Path, home: Path) -> None:
    install_wheels([pond(tmp_path), reeds(tmp_path)])
    script = (
        "from diffviews_desktop import get_adapter; "
        "print(get_adapter('pond').from_checkpoint('').get_layer_shapes())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "{'stem': (3, 8, 8)}"


def test_a_package_takes_the_place_of_no_module_of_the_program(tmp_path: Path) -> None:
    text = "raise SystemExit('mine')\n"
    bad = wheel(tmp_path, "numpy", {"numpy/__init__.py": text, "json.py": text}, entry=ENTRY)
    install_wheels([bad])
    script = "from diffviews_desktop import list_adapters; list_adapters(); import json, numpy"
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


def test_a_newer_version_replaces_the_older(tmp_path: Path, home: Path) -> None:
    install_wheels([pond(tmp_path), reeds(tmp_path)])
    install_wheels([reeds(tmp_path, version="1.1"), pond(tmp_path, version="2.0")])
    packages = [(package.name, package.version) for package in installed_packages()]
    assert packages == [("pond", "2.0"), ("reeds", "1.1")]
    assert sorted(entry.name for entry in home.iterdir()) == ["pond", "reeds"]


def test_data_files_of_a_wheel_go_where_its_modules_are(tmp_path: Path, home: Path) -> None:
    files = {
        "pond-1.0.data/purelib/pond.py": "class Pond: pass\n",
        "pond-1.0.data/scripts/pond": "#!python\n",
    }
    install_wheels([wheel(tmp_path, "pond", files, entry=ENTRY)])
    assert (home / "pond" / "pond.py").is_file()
    assert not list(home.rglob("scripts"))


def flipped(path: Path) -> Path:
    """The wheel with its members compressed, and the first byte of the first another."""
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
        first = archive.infolist()[0]
    data = bytearray(path.read_bytes())
    data[first.header_offset + 30 + len(first.filename)] ^= 0xFF
    path.write_bytes(data)
    return path


REFUSED = {
    "needs what is not there": (lambda folder: pond(folder), "reeds>=1, which is not there"),
    "needs another version": (
        lambda folder: wheel(folder, "pond", {}, needs=("numpy<1",), entry=ENTRY),
        "numpy<1, and ",
    ),
    "has no adapter": (lambda folder: reeds(folder), "reeds brings no adapter"),
    "for another system": (
        lambda folder: wheel(folder, "pond", {}, entry=ENTRY, tag="cp37-cp37m-win32"),
        "another system or another Python",
    ),
    "damaged": (
        lambda folder: wheel(folder, "pond", {"pond.py": ""}, record={"pond.py": "sha256=AAAA"}),
        "is no whole wheel",
    ),
    "needs what cannot be read": (
        lambda folder: wheel(folder, "pond", {}, needs=("=>1",), entry=ENTRY),
        "pond needs '=>1', which says nothing",
    ),
    "packed, and damaged": (lambda folder: flipped(pond(folder)), "is no whole wheel"),
    "leaves its folder": (
        lambda folder: wheel(folder, "pond", {"../../pond.py": ""}, entry=ENTRY),
        "is no whole wheel",
    ),
    "is absolute": (
        lambda folder: wheel(folder, "pond", {"/tmp/pond.py": ""}, entry=ENTRY),
        "is no whole wheel",
    ),
    "holds a file in a file": (
        lambda folder: wheel(folder, "pond", {"pond.py": "", "pond.py/x.py": ""}, entry=ENTRY),
        "is no whole wheel (ValueError: a file named pond.py/x.py)",
    ),
    "holds a file twice": (
        lambda folder: wheel(
            folder, "pond", {"pond.py": "", "pond-1.0.data/purelib/pond.py": ""}, entry=ENTRY
        ),
        "is no whole wheel (ValueError: a file named pond-1.0.data/purelib/pond.py)",
    ),
    "holds a file of a long name": (
        lambda folder: wheel(folder, "pond", {f"{'x' * 300}.py": ""}, entry=ENTRY),
        "is no whole wheel (ValueError: a file named xxx",
    ),
    "holds folders without end": (
        lambda folder: wheel(folder, "pond", {"x/" * 900 + "x.py": ""}, entry=ENTRY),
        "901 folders in each other",
    ),
    "has a line without a sign of equality": (
        lambda folder: wheel(folder, "pond", {}, entry=f"{ENTRY}pool\n"),
        "is no whole wheel (TypeError",
    ),
    "has a checksum without a length": (
        lambda folder: wheel(folder, "pond", {"pond.py": ""}, record={"pond.py": "shake_128=AA"}),
        "is no whole wheel (TypeError",
    ),
    "has another version inside": (
        lambda folder: wheel(folder, "pond", {}, entry=ENTRY, called="pond\nVersion: 2.0"),
        "calls itself pond 2.0",
    ),
    "has a version that is none": (
        lambda folder: wheel(folder, "pond", {}, entry=ENTRY, called="pond\nVersion: newest"),
        "calls itself pond newest",
    ),
    "needs brackets without end": (
        lambda folder: wheel(
            folder,
            "pond",
            {},
            needs=(f"numpy; {'(' * 5000}python_version > '3'{')' * 5000}",),
            entry=ENTRY,
        ),
        "which says nothing (RecursionError",
    ),
    "needs what nobody knows": (
        lambda folder: wheel(folder, "pond", {}, needs=("numpy; 'x' in extras",), entry=ENTRY),
        "which says nothing",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_used_is_refused_and_leaves_nothing(
    case: str, tmp_path: Path, home: Path
) -> None:
    make, words = REFUSED[case]
    with pytest.raises(AdapterError) as caught:
        install_wheels([make(tmp_path)])
    assert words in str(caught.value)
    assert len(str(caught.value)) < MOST_SHOWN
    assert sorted(home.iterdir()) == []


@pytest.mark.parametrize("name", ["pond.zip", "pond.whl", "pond-1.0.tar.gz"])
def test_a_file_that_is_no_wheel_says_what_one_is(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"none")
    with pytest.raises(AdapterError, match="not named as a wheel"):
        install_wheels([tmp_path / name])


def test_a_wheel_that_is_not_a_zip_is_refused(tmp_path: Path, home: Path) -> None:
    path = tmp_path / "pond-1.0-py3-none-any.whl"
    path.write_bytes(b"none")
    with pytest.raises(AdapterError, match="no whole wheel"):
        install_wheels([path])
    assert sorted(home.iterdir()) == []


@pytest.mark.parametrize(
    "name",
    ["{victim}", "{victim}/nowhere/pond", "../../documents", "reeds", "pond/reeds", "..", ".",
     "pond\0", "x" * 400, "\u202edonp", "pond\n ../documents"],
)  # fmt: skip
def test_a_package_that_calls_itself_something_else_is_refused(
    name: str, tmp_path: Path, home: Path
) -> None:
    victim = tmp_path / "documents"
    victim.mkdir()
    (victim / "letter.txt").write_text("mine")
    called = name.format(victim=victim)
    with pytest.raises(AdapterError, match="which its file's name does not say") as caught:
        install_wheels([wheel(tmp_path, "pond", {"pond.py": ""}, entry=ENTRY, called=called)])
    assert len(str(caught.value)) < MOST_SHOWN
    assert [file.name for file in victim.iterdir()] == ["letter.txt"]
    assert sorted(home.iterdir()) == []


def test_other_ways_to_write_the_name_are_taken(tmp_path: Path, home: Path) -> None:
    install_wheels([wheel(tmp_path, "big_pond", {}, entry=ENTRY, called="Big.Pond")])
    assert [package.name for package in installed_packages()] == ["Big.Pond"]
    assert [entry.name for entry in home.iterdir()] == ["big-pond"]
    assert remove_package("BIG_pond").version == "1.0"


def test_a_link_in_the_place_of_a_package_is_replaced_not_followed(
    tmp_path: Path, home: Path
) -> None:
    elsewhere = tmp_path / "documents"
    elsewhere.mkdir()
    (elsewhere / "letter.txt").write_text("mine")
    home.mkdir(parents=True)
    (home / "pond").symlink_to(elsewhere)
    install_wheels([wheel(tmp_path, "pond", {"pond.py": ""}, entry=ENTRY)])
    assert not (home / "pond").is_symlink()
    # a package that somebody linked is removed as a link
    (home / "pond").rename(elsewhere / "pond")
    (home / "pond").symlink_to(elsewhere / "pond")
    remove_package("pond")
    assert sorted(home.iterdir()) == []
    assert (elsewhere / "letter.txt").read_text() == "mine"
    assert (elsewhere / "pond" / "pond.py").is_file()


def test_a_package_that_lies_in_the_folder_of_another_is_not_lost(
    tmp_path: Path, home: Path
) -> None:
    install_wheels([pond(tmp_path), reeds(tmp_path)])
    for entry in (home / "reeds").iterdir():
        entry.rename(home / "pond" / entry.name)
    for act in (lambda: remove_package("pond"), lambda: install_wheels([pond(tmp_path)])):
        with pytest.raises(AdapterError, match="holds the package reeds, too"):
            act()
    assert {package.name for package in installed_packages()} == {"pond", "reeds"}


def test_of_several_wheels_of_one_package_none_is_taken(tmp_path: Path, home: Path) -> None:
    wheels = [wheel(tmp_path, "pond", {}, version=version, entry=ENTRY) for version in "123"]
    with pytest.raises(AdapterError, match="several wheels of pond"):
        install_wheels(wheels)
    assert sorted(home.iterdir()) == []


@pytest.mark.parametrize("name", ["METADATA", "RECORD", "entry_points.txt", "requires.txt"])
@pytest.mark.parametrize("inside", ["", "pond-1.0.data/purelib/"])
def test_metadata_are_not_unpacked_without_end(
    name: str, inside: str, tmp_path: Path, home: Path
) -> None:
    file = wheel(tmp_path, "pond", {"pond.py": ""}, entry=ENTRY)
    with zipfile.ZipFile(file) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    members[f"{inside}pond-1.0.dist-info/{name}"] = b"\n" * 50_000_000
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for member, data in members.items():
            archive.writestr(member, data)
    del members
    tracemalloc.start()
    with pytest.raises(AdapterError, match="with 50 MB; more than"):
        install_wheels([file])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10_000_000
    assert sorted(home.iterdir()) == []


def test_one_whose_metadata_were_damaged_hides_no_other_and_can_be_removed(
    tmp_path: Path, home: Path
) -> None:
    install_wheels([pond(tmp_path), reeds(tmp_path)])
    (points,) = (home / "pond").glob("*/entry_points.txt")
    points.write_bytes(b"[diffviews_desktop.adapters]\npond\n\xff")
    found = [(package.name, package.version) for package in installed_packages()]
    assert found == [("pond", ""), ("reeds", "1.0")]
    remove_package("pond")
    assert [entry.name for entry in home.iterdir()] == ["reeds"]


def test_one_that_is_refused_leaves_what_was_there(tmp_path: Path) -> None:
    install_wheels([pond(tmp_path), reeds(tmp_path)])
    with pytest.raises(AdapterError):
        install_wheels([pond(tmp_path, version="2.0"), wheel(tmp_path, "b", {}, needs=("c",))])
    assert [package.version for package in installed_packages()] == ["1.0", "1.0"]


def test_removing_says_what_there_is(tmp_path: Path) -> None:
    install_wheels([pond(tmp_path), reeds(tmp_path)])
    with pytest.raises(AdapterError, match=r"Installed: pond, reeds\."):
        remove_package("lake")
