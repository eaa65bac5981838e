"""The documents for people name files, links and commands that are there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from diffviews_desktop.cli.verbs import VERBS

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "diffviews_desktop"
BENCHMARKS = ROOT / "benchmarks"
FOLDERS = (PACKAGE, BENCHMARKS, ROOT / "packaging" / "demo")
NAMES = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "benchmarks/README.md")
SOURCES = (PACKAGE, BENCHMARKS, ROOT / "packaging", ROOT / "tests")
FENCED = re.compile(r"(?ms)^```.*?^```$")
MADE = {"build/digits-32-few.safetensors"}
"""Files that commands in the documents make."""


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def anchors_of(path: Path) -> set[str]:
    """The anchors of a document's headings, as its hosts make them."""
    titles = re.findall(r"(?m)^#+ (.+)$", FENCED.sub("", path.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_to_files_and_headings(name: str) -> None:
    here = ROOT / name
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(name)):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        file = (here.parent / path) if path else here
        assert file.exists(), target
        assert not anchor or anchor in anchors_of(file), target


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "benchmarks/README.md"])
def test_files_that_are_named_are_there(name: str) -> None:
    quoted = re.findall(r"`([^`\n]+)`", FENCED.sub("", text_of(name)))
    files = [one for one in quoted if re.fullmatch(r"[\w./*-]*(\.py|/|\w+/[\w.*-]+)", one)]
    data = ("images/", "metadata/", "embeddings/", "activations/")  # of data folders
    for file in set(files) - MADE:
        if name == "README.md" and file.startswith(data):
            continue
        places = [ROOT.glob(file), *(folder.rglob(file) for folder in FOLDERS)]
        assert any(any(found) for found in places), file


# ---- names in the code ---------------------------------------------------------------------------

NAME = r"`@?_*[A-Za-z]\w*(?:[(\[][^`\n]*)?`"
SEVERAL = rf"{NAME}(?:(?:,|,? or|,? and)\s+{NAME})*"
FILE = r"`([\w./]+\.py)`"
IN_A_FILE = (
    (rf"({SEVERAL})\s+(?:of|in)\s+{FILE}", 0, 1),  # `NAME` of `file.py`
    (rf"({NAME})\s+\({FILE}\)", 0, 1),  # `NAME` (`file.py`)
    (rf"{FILE}\s+\(({SEVERAL})\)", 1, 0),  # `file.py` (`NAME`, `NAME`)
)


def prose_of(name: str) -> str:
    return FENCED.sub("", text_of(name))


def words_in(quoted: str) -> list[str]:
    """The names of what is quoted, without what they are called with."""
    return re.findall(r"`@?(\w+)", quoted)


@cache
def code() -> dict[Path, str]:
    """The text of every source."""
    files = [file for folder in SOURCES for file in folder.rglob("*.py")]
    return {file: file.read_text(encoding="utf-8") for file in files}


@cache
def names_at_the_top(file: Path) -> set[str]:
    """What a module defines or imports."""
    return {name for node in ast.parse(code()[file]).body for name in bound_by(node)}


def bound_by(node: ast.AST) -> Iterator[str]:
    """The names that a statement binds."""
    match node:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
            yield name
        case ast.Assign(targets=targets):
            for target in targets:
                yield from (one.id for one in ast.walk(target) if isinstance(one, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            yield from (alias.asname or alias.name for alias in names)


@cache
def members_of(name: str) -> set[str]:
    """The members of the classes of this name, without what they inherit."""
    found: set[str] = set()
    for text in code().values():
        if not re.search(rf"(?m)^class {name}\b", text):
            continue
        for node in ast.parse(text).body:
            if isinstance(node, ast.ClassDef) and node.name == name:
                found |= {member for inner in node.body for member in bound_by(inner)}
                found |= set(re.findall(r"\bself\.(\w+)(?:: [^=\n]+)? = ", ast.unparse(node)))
    return found


def names_and_files() -> set[tuple[str, str]]:
    text = prose_of("CONTRIBUTING.md")
    return {
        (word, match[file])
        for pattern, names, file in IN_A_FILE
        for match in re.findall(pattern, text)
        for word in words_in(match[names])
    }


def test_names_are_in_the_files_that_are_said_to_hold_them() -> None:
    pairs = names_and_files()
    assert {("say", "text/terminal.py"), ("read_bytes", "files/reading.py")} <= pairs
    assert ("GeneratorAdapter", "diffviews_desktop/adapters/base.py") in pairs
    wrong = [
        f"{name} of {file}"
        for name, file in sorted(pairs)
        if not any(
            name in names_at_the_top(path)
            for path in code()
            if path.as_posix().endswith(f"/{file}")
        )
    ]
    assert wrong == []


def test_classes_and_constants_that_are_named_are_there() -> None:
    named = re.findall(r"`(_*[A-Z]\w*)(?:[(\[][^`\n]*)?`", prose_of("CONTRIBUTING.md"))
    defined = re.compile(r"(?m)^(?:class )?(_*[A-Z]\w*)(?=[ :(,\[]|$)")
    there = {name for text in code().values() for name in defined.findall(text)}
    assert len(named) > 30
    assert set(named) - there == set()


def test_members_that_are_named_are_there() -> None:
    """``Class.member``, ``module.function``, or the member of a variable that has the name of its
    class; what else has a dot in it, such as the id of an action, is a text of the code."""
    dotted = re.findall(r"`(\w+)\.(\w+)(?:\([^`\n]*)?`", prose_of("CONTRIBUTING.md"))
    assert ("Session", "compute") in dotted
    suffixes = ("json", "py", "toml")
    wrong = [
        f"{owner}.{member}"
        for owner, member in dotted
        if member not in suffixes
        if member not in members_of(owner) | members_of(owner.capitalize())
        if not any(member in names_at_the_top(file) for file in code() if file.stem == owner)
        if not any(f'"{owner}.{member}"' in text for text in code().values())
    ]
    assert wrong == []


# ---- lists ---------------------------------------------------------------------------------------


def test_the_readme_lists_every_verb() -> None:
    (section,) = re.findall(r"(?s)\n## Command line\n(.*?)\n## ", text_of("README.md"))
    cells = re.findall(r"(?m)^\| (`.+?) \|", section)
    assert {verb for cell in cells for verb in re.findall(r"`([a-z-]+)", cell)} == set(VERBS)


def test_the_readme_says_how_the_tests_are_run() -> None:
    assert "\n    make test " in text_of("README.md")
    assert "make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_every_benchmark_and_every_attack_is_listed() -> None:
    text = text_of("benchmarks/README.md")
    listed = set(re.findall(r"(?m)^\| `([a-z_]+\.py)` \|", text))
    scripts = {path.name for path in BENCHMARKS.glob("*.py")} - {"beats.py", "common.py"}
    attacks = {path.name for path in (BENCHMARKS / "attacks").glob("*.py")}
    assert listed == scripts | (attacks - {"all.py", "faults.py", "trials.py"})
