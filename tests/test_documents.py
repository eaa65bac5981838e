"""The documents for people name files, links and commands that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from diffviews_desktop.cli.verbs import VERBS

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "diffviews_desktop"
BENCHMARKS = ROOT / "benchmarks"
FOLDERS = (PACKAGE, BENCHMARKS, ROOT / "packaging" / "demo")
NAMES = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "benchmarks/README.md")
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
