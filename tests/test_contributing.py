"""What CONTRIBUTING.md says of the code is true: its tables, its diffs."""

from __future__ import annotations

import argparse
import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from test_structure import imports, sources

import diffviews_desktop
from diffviews_desktop.cli.verbs import VERBS

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = Path(diffviews_desktop.__file__).parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def rows_below(heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, or below its first line."""
    lines = TEXT[TEXT.index(heading) :].splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith("|"))
    table = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        table.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return table


def code(text: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", text)


# ---- rooms --------------------------------------------------------------------------------------


def rooms() -> list[list[str]]:
    """Names of the rooms of the package, row by row from top to bottom."""
    table = rows_below("### The rooms, and who may import whom")
    return [[name.strip("/").removesuffix(".py") for name in code(row[0])] for row in table]


def test_every_module_stands_in_a_room_of_the_table_and_every_room_is_there() -> None:
    named = [name for row in rooms() for name in row]
    assert len(named) == len(set(named)) > 15
    assert set(named) == {name.split(".")[0] for name in sources() if name}


def test_imports_flow_down_the_table() -> None:
    level = {name: depth for depth, row in enumerate(rooms()) for name in row}
    upward = [
        f"{module} imports {other}"
        for module, others in imports().items()
        for other in others
        if module and module.split(".")[0] != other.split(".")[0]
        if level[module.split(".")[0]] >= level[other.split(".")[0]]
    ]
    assert upward == []


def test_the_table_of_the_window_has_its_rooms() -> None:
    named = [name.strip("/") for row in rows_below("#### The window") for name in code(row[0])]
    there = {path.name for path in (PACKAGE / "ui").iterdir() if (path / "__init__.py").exists()}
    assert sorted(named) == sorted(f"ui/{name}" for name in there)


# ---- adapters -----------------------------------------------------------------------------------


def members() -> dict[str, bool]:
    """The members of an adapter in the table, and whether they are needed."""
    table = rows_below("All members that the program reads:")
    return {name: row[1].startswith("yes") for row in table for name in code(row[0])}


def tree_of(module: str) -> ast.Module:
    return ast.parse(sources()[module].read_text(encoding="utf-8"))


def reads(tree: ast.AST) -> Iterator[str]:
    """The members that a source reads of what it calls ``adapter`` or ``self.adapter``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and _is_adapter(node.value):
            yield node.attr
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "getattr":
            read, name = node.args[:2]
            if _is_adapter(read) and isinstance(name, ast.Constant):
                yield str(name.value)


def _is_adapter(node: ast.AST) -> bool:
    return ast.unparse(node) in ("adapter", "self.adapter", "adapter_class", "get_adapter(adapter)")


def test_the_table_has_the_members_that_the_program_reads() -> None:
    found = {
        member
        for name in sources()
        if name.startswith(("adapters.", "core.", "engine."))
        for member in reads(tree_of(name))
        if not member.startswith("__")
    }
    assert found == set(members())


def test_the_contract_and_the_registry_need_what_the_table_says() -> None:
    needed = {name for name, is_needed in members().items() if is_needed}
    abstract = {
        node.name
        for node in ast.walk(tree_of("adapters.base"))
        if isinstance(node, ast.FunctionDef)
        if "abstractmethod" in map(ast.unparse, node.decorator_list)
    }
    assert needed == abstract
    (required,) = [
        ast.literal_eval(node.value)
        for node in tree_of("adapters.registry").body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "REQUIRED_METHODS"
    ]
    assert needed >= set(required)


def test_the_keys_of_the_default_configuration_are_those_that_are_read() -> None:
    source = sources()["engine.model_settings"].read_text(encoding="utf-8")
    found = set(re.findall(r"""values(?:\.get\(|\[)"(\w+)""", source))
    paragraph = TEXT[TEXT.index("- **`get_default_config`**") : TEXT.index("- **`forward`** gets")]
    told = code(paragraph.split("are read, all optional, are")[1])
    assert set(told) - {"config.json", "renoise", "heun"} == found | {"guidance_note"}


# ---- diffs --------------------------------------------------------------------------------------

VERB = "A verb of the command line"


def changes() -> dict[str, dict[str, str]]:
    """What the diffs make of files: by the heading that a diff is under, texts by path."""
    found: dict[str, dict[str, str]] = {}
    for before, diff in re.findall(
        r"(?s)\n### ([^\n]+)\n(?:(?!\n###? ).)*?```diff\n(.*?)```", TEXT
    ):
        parts = re.split(r"(?m)^--- (?:a/)?(\S+)\n\+\+\+ b/(\S+)\n", diff)[1:]
        files = found[before] = {}
        for old, path, hunks in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
            text = "" if old == "/dev/null" else (ROOT / path).read_text(encoding="utf-8")
            for hunk in hunks.split("@@\n")[1:]:
                text = applied(text, hunk.splitlines())
            files[path] = text
    return found


def applied(text: str, hunk: list[str]) -> str:
    """A text with a hunk applied, which must fit in one place."""
    old = "".join(f"{line[1:]}\n" for line in hunk if line[0] in " -")
    new = "".join(f"{line[1:]}\n" for line in hunk if line[0] in " +")
    if not old:
        return text + new
    assert text.count(f"\n{old}") == 1, old
    return text.replace(f"\n{old}", f"\n{new}")


@pytest.mark.parametrize("heading", ["An action", "A job", "An export", "A quantity", VERB])
def test_the_diffs_fit_the_code(heading: str) -> None:
    files = changes()[heading]
    assert 1 <= len([path for path in files if path.startswith("diffviews_desktop/")]) <= 2
    for path, text in files.items():
        if path.endswith(".py"):
            compile(text, path, "exec")


def test_the_new_quantity_and_the_new_action_are_registered() -> None:
    quantities = changes()["A quantity"]["diffviews_desktop/values/quantities/__init__.py"]
    assert "        SIGMA,\n        NOISE_RANK,\n        TRUST,\n" in quantities
    actions = changes()["An action"]["diffviews_desktop/actions/selection.py"]
    assert "USE_AS_NEIGHBORS, COPY_IDS)" in actions


def module_of(text: str) -> dict[str, Any]:
    """What a source defines."""
    names: dict[str, Any] = {"__name__": "added"}
    exec(text, names)
    return names


def test_the_new_verb_does_what_it_says(
    tiny_data: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    files, folder = changes()[VERB], "diffviews_desktop/cli/verbs"
    listed = module_of(files[f"{folder}/__init__.py"])["VERBS"]
    monkeypatch.setitem(VERBS, "classes", listed["classes"])
    parser = argparse.ArgumentParser()
    module_of(files[f"{folder}/classes.py"])["add_parser"](parser.add_subparsers())
    data = str(tiny_data(samples=7, checkpoint=False))
    options = parser.parse_args(["classes", "--data", data, "--device", "cpu"])
    answer = options.run(options)
    assert [one["class"] for one in answer.result["classes"]] == list(range(5))
    assert [one["samples"] for one in answer.result["classes"]] == [2, 2, 1, 1, 1]
    assert answer.lines[0] == "0: 2 samples"
