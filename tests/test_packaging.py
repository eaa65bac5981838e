"""What installers are made of: the one list, the manual, licences, the scripts of the archive."""

from __future__ import annotations

import argparse
import ast
import importlib.util
import os
import re
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

from diffviews_desktop import __version__, display
from diffviews_desktop.adapters import registry
from diffviews_desktop.cli.verbs import VERBS
from diffviews_desktop.engine import serving
from diffviews_desktop.text.translation import LANGUAGES

ROOT = Path(__file__).resolve().parent.parent
PACKAGING = ROOT / "packaging"


def script(name: str, room: str = "program") -> ModuleType:
    """A module of a folder of packaging."""
    folder = str(PACKAGING / room)
    if folder not in sys.path:
        sys.path.append(folder)
    return importlib.import_module(name)


contents, dependencies = script("contents"), script("dependencies")


# ---- the list -----------------------------------------------------------------------------------


def test_every_module_that_is_imported_by_name_is_in_the_list() -> None:
    own = set(contents.own_modules())
    by_name = {*registry._BUILT_IN, serving.ENGINE.partition(":")[0]}
    by_name |= {f"diffviews_desktop.cli.verbs.{verb.module}" for verb in VERBS.values()}
    assert by_name <= own
    assert {"diffviews_desktop", "diffviews_desktop.__main__"} <= own
    files = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "diffviews_desktop/*.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(own) == len(files.stdout.split())


def test_every_resource_is_in_the_list() -> None:
    listed = {place for _, place in contents.resource_files()}
    there = {path.relative_to(ROOT).as_posix() for path in (ROOT / "resources").rglob("*")
             if path.is_file()}  # fmt: skip
    assert listed == there
    assert all(contents.is_needed_file(f"diffviews_desktop/{place}") for place in listed)


def test_nothing_that_the_program_imports_is_left_out() -> None:
    for file in (ROOT / "diffviews_desktop").rglob("*.py"):
        for name in imported(ast.parse(file.read_text(encoding="utf-8"))):
            assert contents.is_needed_module(name), (file, name)


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize(
    "path",
    [
        "torch/lib/libtorch_cpu.so",
        "torch/bin/torch_shm_manager",
        "PySide6/Qt/plugins/platforms/libqxcb.so",
        "PySide6/Qt/plugins/platforms/libqwayland.so",
        "PySide6/Qt/lib/libQt6OpenGL.so.6",
        "numpy/testing/__init__.py",
        *(f"PySide6/Qt/translations/qtbase_{code}.qm" for code in LANGUAGES if code != "en"),
        "botocore/data/s3/2006-03-01/service-2.json.gz",
        "diffviews_desktop/resources/style/parts.qss",
    ],
)
def test_a_file_that_is_used_goes_in(path: str) -> None:
    assert contents.is_needed_file(path)


@pytest.mark.parametrize(
    "path",
    [
        "torch/test/atest",
        "torch/include/torch/csrc/api.h",
        "torch/bin/protoc",
        "PySide6/Qt/lib/libQt6Quick.so.6",
        "PySide6/Qt/translations/qtbase_ko.qm",
        "PySide6\\translations\\qt_help_de.qm",
        "PySide6\\Qt\\plugins\\sqldrivers\\qsqlite.dll",
        "pandas/tests/io/data/a.csv",
        "botocore/data/ec2/2016-11-15/service-2.json.gz",
        "numpy/core/lib/libnpymath.a",
        "umap/__pycache__/umap_.cpython-311.pyc",
    ],
)
def test_a_file_that_is_not_used_stays_out(path: str) -> None:
    assert not contents.is_needed_file(path)


def test_what_only_tests_stays_out() -> None:
    assert contents.is_needed_module("jinja2.tests")  # what its templates ask values
    assert contents.is_needed_module("numpy.testing")
    for name in ("numpy.tests.test_lazyloading", "pandas.conftest", "_testcapi", "pytest"):
        assert not contents.is_needed_module(name)


def test_libraries_of_the_display_are_those_of_the_user() -> None:
    for name in display.X11_LIBRARIES:
        assert not contents.is_needed_library(name, f"/usr/lib/x86_64-linux-gnu/{name}")
    assert not contents.is_needed_library(
        "libstdc++.so.6", "/usr/lib/x86_64-linux-gnu/libstdc++.so.6"
    )
    assert contents.is_needed_library("libssl.so.3", "/usr/lib/x86_64-linux-gnu/libssl.so.3")
    assert contents.is_needed_library("libQt6Gui.so.6", "/home/a/venv/libQt6Gui.so.6")


def test_the_standard_library_is_there_for_adapters() -> None:
    names = contents.standard_modules()
    assert {"sqlite3", "multiprocessing", "unittest", "wsgiref"} <= {*names}
    assert not {"tkinter", "antigravity", "test"} & {*names}


def test_everything_that_is_needed_is_bundled() -> None:
    names = {dependencies.normal(name) for name in dependencies.distribution_names()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    direct = {
        dependencies.normal(re.split(r"[<>=!~\[; ]", text)[0]) for text in project["dependencies"]
    }
    assert direct | {"diffusers", "numba", "llvmlite", "shiboken6"} <= names
    assert not {"pytest", "mypy", "ruff"} & names


def test_the_version_comes_from_one_place() -> None:
    assert dependencies.version() == __version__ == version("diffviews-desktop")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" in project["project"]["dynamic"]
    written = [file for file in PACKAGING.rglob("*") if file.is_file() and file.suffix in (
        ".desktop", ".in", ".sh", ".py", ".spec", ".iss")]  # fmt: skip
    for file in written:
        text = file.read_text(encoding="utf-8")
        assert f'"{__version__}"' not in text, file


# ---- manual and licences ------------------------------------------------------------------------


def test_the_man_page_has_every_verb_and_option() -> None:
    manual = script("manual")
    page = manual.man_page()
    said = page.replace("\\-", "-")
    for verb in VERBS:
        assert f'.SS "{verb}' in said
    for option in options_of(manual.whole_parser(opened=True)):
        assert f"\\fB{option}\\fR" in said, option
    for line in page.splitlines():  # what begins with a point is a request that exists
        if line.startswith((".", "'")):
            assert re.match(r"\.(TH|SH|SS|TP|PP|B|I|br|nf|fi)\b", line), line


def options_of(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for verb in action.choices.values():
                yield from options_of(verb)
        elif action.help != argparse.SUPPRESS:
            yield from action.option_strings


def test_every_licence_has_its_text() -> None:
    licences = script("licences")
    for name in dependencies.distribution_names():
        (part,) = licences.parts_of([name], non_free=False)
        assert part.licence, name
        assert any(text.strip() for text in part.texts), name


def test_a_part_that_is_not_free_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    licences = script("licences")
    with pytest.raises(SystemExit, match="not free"):
        list(licences.parts_of(["nvidia-cublas-cu12"], non_free=False))
    monkeypatch.setattr(licences, "WITHOUT_TEXT", {})
    with pytest.raises(SystemExit, match="no text of its licence"):
        list(licences.parts_of(["shiboken6"], non_free=False))


def test_the_same_text_of_a_licence_is_written_once() -> None:
    licences = script("licences")
    parts = [licences.Part("a 1", "MIT", ("do what\nyou like",)),
             licences.Part("b 2", "MIT", ("do  what you like",))]  # fmt: skip
    text = licences.text_of(parts)
    assert len(re.findall(r"do\s+what\s+you\s+like", text)) == 1
    assert "the same text as that of a 1" in text


# ---- the report ---------------------------------------------------------------------------------


def test_the_report_says_what_is_too_large_too_slow_or_failed(tmp_path: Path) -> None:
    pictures = [tmp_path / f"{number}.png" for number in range(3)]
    for file in pictures:
        Image.new("RGB", (144, 90), "navy").save(file)
    sizes = {
        "commit": "abc1234",
        "variant": "cpu",
        "seconds": 5,
        "parts": {"torch": 900_000_000, "numpy": 90_000_000, "six": 1000},
        "packages": {"a.deb": 400_000_000},
    }
    times = {"first start: window": {"installed": 1.5, "from source": 1.0}}
    results = [("here", "lintian", False, "E: bad | worse"), ("bookworm", "apt", True, "2 s")]
    facts = {"times": times, "not tried": ["resolute: no mirror"]}
    script("report", "trial").write(tmp_path / "REPORT.md", sizes, facts, results, pictures)
    text = (tmp_path / "REPORT.md").read_text(encoding="utf-8")
    for line in (
        "| a.deb | 400 | ≤ 450 |",
        "| installed | 990 | ≤ 1400 |",
        "| torch | 900.0 | 91% |",
        "| 1 others | 0.0 | 0% |",
        "| first start: window | 1.50 | 1.00 | 1.50 |",
        "2 checks, 1 failed.",
        "| here | lintian | **failed**: E: bad \\| worse |",
        "Not tried: resolute: no mirror.",
        "![The journey, seen from outside](journey.png)",
    ):
        assert line in text.splitlines(), line
    sheet = script("sheet", "trial")
    with Image.open(tmp_path / "journey.png") as written:
        wide, high = sheet.WIDTH, sheet.WIDTH * 90 // 144
        assert written.size == (2 * wide + sheet.GAP, 2 * high + sheet.GAP)


def test_each_remark_of_lintian_that_is_passed_over_has_its_reason() -> None:
    lines = (PACKAGING / "linux" / "lintian-overrides").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("#")
    answered = False
    for line in lines:
        if line.startswith("diffviews-desktop: "):
            assert answered, line
        else:
            answered = line.startswith("# ")


# ---- the archive's scripts ----------------------------------------------------------------------

needs_sh = pytest.mark.skipif(os.name != "posix", reason="they are for Linux")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An unpacked archive whose program only tells its version."""
    folder = tmp_path / "unpacked"
    program = folder / "program"
    program.mkdir(parents=True)
    executable(program / "diffviews-desktop", "#!/bin/sh\necho diffviews-desktop 1.0\n")
    entry = folder / "share" / "applications" / "diffviews-desktop.desktop"
    entry.parent.mkdir(parents=True)
    entry.write_bytes((PACKAGING / "linux" / "diffviews-desktop.desktop").read_bytes())
    for name in ("install.sh", "uninstall.sh"):
        text = (PACKAGING / "linux" / name).read_text(encoding="utf-8")
        removed = 'rm -f "$prefix/share/applications/diffviews-desktop.desktop"'
        executable(folder / name, text.replace("@FILES@", removed))
    return folder


def executable(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
    file.chmod(0o755)


def run(file: Path, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    home.mkdir(exist_ok=True)
    return subprocess.run(
        [str(file), *arguments],
        env={"HOME": str(home), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


@needs_sh
@pytest.mark.parametrize("name", ["plain", "Zoë the first", 'a "b" $c `d` 100% \\e & |f'])
def test_install_and_uninstall_in_any_home(archive: Path, tmp_path: Path, name: str) -> None:
    home = tmp_path / name
    done = run(archive / "install.sh", home)
    assert done.returncode == 0, done.stderr
    command = home / ".local" / "bin" / "diffviews-desktop"
    assert run(command, home).stdout == "diffviews-desktop 1.0\n"
    entry = (home / ".local/share/applications/diffviews-desktop.desktop").read_text()
    (line,) = (line for line in entry.splitlines() if line.startswith("Exec="))
    assert unquoted(line.removeprefix("Exec=")) == [str(command), "%f"]

    made = home / ".local" / "share" / "diffviews-desktop" / "settings.json"
    made.parent.mkdir()
    made.write_text("{}")
    (home / ".local/lib/diffviews-desktop/of the older version").write_text("")
    assert run(archive / "install.sh", home).returncode == 0
    assert not (home / ".local/lib/diffviews-desktop/of the older version").exists()

    done = run(home / ".local/lib/diffviews-desktop/uninstall.sh", home)
    assert done.returncode == 0, done.stderr
    assert str(made.parent) in done.stdout
    left = [path for path in home.rglob("*") if path.is_file() or path.is_symlink()]
    assert [path for path in left if path.name != "mimeinfo.cache"] == [made]


def unquoted(text: str) -> list[str]:
    """The words of an ``Exec`` line, as the format of desktop entries says."""
    text = text.replace("\\\\", "\\")  # strings of such a file escape backslashes once more
    found = re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', text)
    return [re.sub(r"\\(.)", r"\1", one).replace("%%", "%") or two for one, two in found]


@needs_sh
def test_a_program_that_does_not_start_is_not_installed(archive: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert run(archive / "install.sh", home).returncode == 0
    executable(archive / "program" / "diffviews-desktop", "#!/bin/sh\nexit 1\n")
    done = run(archive / "install.sh", home)
    assert (done.returncode, "nothing was installed" in done.stderr) == (1, True)
    assert run(home / ".local/bin/diffviews-desktop", home).returncode == 0
    assert [path.name for path in (home / ".local/lib").iterdir()] == ["diffviews-desktop"]


@needs_sh
def test_uninstalling_from_the_archive_itself_is_refused(archive: Path, tmp_path: Path) -> None:
    done = run(archive / "uninstall.sh", tmp_path / "home")
    assert done.returncode == 2
    assert (archive / "program" / "diffviews-desktop").is_file()


@needs_sh
def test_a_prefix_can_be_named(archive: Path, tmp_path: Path) -> None:
    prefix = tmp_path / "tools"
    done = run(archive / "install.sh", tmp_path / "home", "--prefix", str(prefix))
    assert done.returncode == 0, done.stderr
    assert (prefix / "bin" / "diffviews-desktop").is_symlink()
    assert not (tmp_path / "home" / ".local").exists()
    assert stat.S_IMODE((prefix / "lib/diffviews-desktop/uninstall.sh").stat().st_mode) & 0o100
