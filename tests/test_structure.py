"""The rules of the package's structure: who may import whom, and how long a module may be."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

import diffviews_desktop

ROOT = Path(diffviews_desktop.__file__).parent
PACKAGE = ROOT.name

LAYERS: tuple[tuple[str, ...], ...] = (
    ("__main__",),
    ("cli",),
    ("app",),
    ("ui.shell",),
    ("ui.assistants", "ui.panels", "ui.views"),
    ("ui.common",),
    ("actions",),
    ("state",),
    ("engine",),
    ("experiments",),
    ("exports",),
    ("core",),
    ("utils",),
    ("adapters", "processing"),
    ("compat",),
    ("data",),
    ("pictures",),
    ("values",),
    ("credentials",),
    ("errors",),
    ("crashes", "logs"),
    ("display", "files", "paths", "safe_path", "text"),
)
"""The rooms, from top to bottom: each may import those in the rows below it."""

DOORS: dict[str, tuple[str, ...]] = {
    "engine": ("engine.jobs", "engine.protocol"),
    "processing": ("processing.neighbors",),
    "data": (),
    "experiments": (),
    "core": (),
    "adapters": (),
}
"""What the rooms of the window (`WINDOW`) may import of the rooms below them; of others all."""
WINDOW = ("ui", "actions", "state")

LONGEST = 500
"""Lines of a module at most."""


# ---- the graph ----------------------------------------------------------------------------------


@cache
def sources() -> Mapping[str, Path]:
    """The file of every module, by its name within the package; the package itself is ``""``."""
    found = {}
    for file in sorted(ROOT.rglob("*.py")):
        parts = file.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """Everything below a node but for what only a type checker runs."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for other in child.orelse:
                yield from (other, *statements(other))
        else:
            yield child
            yield from statements(child)


def imported(tree: ast.AST, modules: Mapping[str, object]) -> set[str]:
    """The modules of the package that a source imports, at its top or within functions."""
    names = []
    for node in statements(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"a relative import: {ast.unparse(node)}"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    inside = [name.split(".", 1)[1] for name in names if name.startswith(f"{PACKAGE}.")]
    return {name if name in modules else name.rpartition(".")[0] for name in inside}


@cache
def imports() -> Mapping[str, frozenset[str]]:
    """What each module imports of the package."""
    graph = {}
    for name, file in sources().items():
        tree = ast.parse(file.read_text(encoding="utf-8"))
        graph[name] = frozenset(imported(tree, sources()) - {name, ""})
    return graph


def cycles(graph: Mapping[str, frozenset[str]]) -> list[list[str]]:
    """Groups of modules that import each other, directly or through others."""
    reached: dict[str, set[str]] = {}
    for start in graph:
        todo, reached[start] = [start], set()
        while todo:
            fresh = graph[todo.pop()] - reached[start]
            reached[start] |= fresh
            todo += fresh
    groups: defaultdict[frozenset[str], list[str]] = defaultdict(list)
    for name in graph:
        if name in reached[name]:
            mutual = frozenset(other for other in reached[name] if name in reached[other])
            groups[mutual].append(name)
    return list(groups.values())


def room_of(module: str) -> str | None:
    """The room that a module stands in; None for packages of rooms."""
    rooms = [room for row in LAYERS for room in row]
    return next((room for room in rooms if f"{module}.".startswith(f"{room}.")), None)


# ---- the rules ----------------------------------------------------------------------------------


def test_the_graph_is_read_from_the_sources() -> None:
    text = """
import numpy, diffviews_desktop.paths
if TYPE_CHECKING:
    from diffviews_desktop.app import Application
else:
    from diffviews_desktop import logs
def late():
    from diffviews_desktop.files.reading import open_regular
"""
    assert imported(ast.parse(text), sources()) == {"paths", "logs", "files.reading"}
    assert "state.state" in imports()["state.session"]
    assert len(imports()) > 200


def test_cycles_are_found() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}, "e": {"e"}}
    found = cycles({name: frozenset(others) for name, others in graph.items()})
    assert sorted(map(sorted, found)) == [["b", "c"], ["e"]]


def test_no_modules_import_each_other() -> None:
    assert cycles(imports()) == []


def with_packages(name: str, others: frozenset[str]) -> frozenset[str]:
    """What a module imports, with the packages that are thereby imported first; those it stands in
    are there already."""
    found = set(others)
    for other in others:
        parts = other.split(".")
        found |= {".".join(parts[:count]) for count in range(1, len(parts))}
    parts = name.split(".")
    return frozenset(found - {".".join(parts[:count]) for count in range(1, len(parts) + 1)})


def test_packages_count_among_what_is_imported() -> None:
    found = with_packages("a.b", frozenset({"a.c", "d.e.f"}))
    assert found == {"a.c", "d.e.f", "d", "d.e"}


def test_any_module_can_be_imported_first() -> None:
    """A package that imports from its modules is imported before them, so it must not lead back to
    whoever imports them."""
    assert cycles({name: with_packages(name, others) for name, others in imports().items()}) == []


def test_every_module_stands_in_a_room() -> None:
    packages = {"", "ui"}
    assert {name for name in sources() if room_of(name) is None} == packages


def test_imports_flow_down_only() -> None:
    level = {room: depth for depth, row in enumerate(LAYERS) for room in row}
    upward = [
        f"{name} imports {other}"
        for name, others in imports().items()
        for other in others
        if (here := room_of(name)) and (there := room_of(other))
        if here != there and level[here] >= level[there]
    ]
    assert upward == []


@pytest.mark.parametrize("room", WINDOW)
def test_the_window_reaches_what_is_below_it_through_few_doors(room: str) -> None:
    strange = [
        f"{name} imports {other}"
        for name, others in imports().items()
        for other in others
        if name.startswith(f"{room}.") and not other.startswith(f"{room}.")
        if (doors := DOORS.get(other.split(".")[0])) is not None
        if not any(f"{other}.".startswith(f"{door}.") for door in doors)
    ]
    assert strange == []


def test_modules_fit_into_one_reading() -> None:
    lines = {
        name: len(file.read_text(encoding="utf-8").splitlines()) for name, file in sources().items()
    }
    assert {name: count for name, count in lines.items() if count > LONGEST} == {}


# ---- what the type checker sees -----------------------------------------------------------------


def unseen_calls(tree: ast.AST) -> list[str]:
    """Calls of what a source imports of the actions with ``**``, of which a type checker sees
    nothing."""
    names = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith(f"{PACKAGE}.actions.")
        for alias in node.names
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and any(given.arg is None for given in node.keywords):
            called = node.func
            while isinstance(called, ast.Attribute):
                called = called.value
            if isinstance(called, ast.Name) and called.id in names:
                found.append(ast.unparse(node))
    return found


def test_calls_that_the_type_checker_cannot_see_are_found() -> None:
    text = """
from diffviews_desktop.actions import folders
from diffviews_desktop.actions.maps import want_map
folders.import_data(context, **arguments)
want_map(context, **more)
want_map(context, title=title)
other(**arguments)
"""
    found = unseen_calls(ast.parse(text))
    assert found == ["folders.import_data(context, **arguments)", "want_map(context, **more)"]


def test_the_type_checker_sees_what_the_window_asks_of_the_actions() -> None:
    unseen = {
        name: calls
        for name, file in sources().items()
        if name.startswith("ui.")
        if (calls := unseen_calls(ast.parse(file.read_text(encoding="utf-8"))))
    }
    assert unseen == {}
