"""Names are nouns for things and verbs for functions: no adverbs, and no participles but flags."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import diffviews_desktop

ROOT = Path(diffviews_desktop.__file__).parent
NO_NAMES = {
    *("after", "again", "anew", "apart", "aside", "away", "before", "begun", "built", "drawn"),
    *("found", "given", "gone", "held", "here", "known", "landed", "listed", "made", "meant"),
    *("named", "now", "own", "placed", "said", "sent", "taken", "then", "there", "used", "wanted"),
    *("when", "why", "written"),
}
NO_FUNCTIONS = NO_NAMES | {"chosen", "counted", "described", "joined", "kept", "planned", "stored"}


def names(tree: ast.AST) -> Iterator[tuple[str, int, bool]]:
    """Variables, parameters and functions: name, line, whether it is a function. Fields of classes
    are not among them: some are written to files."""
    fields = {
        id(node)
        for owner in ast.walk(tree)
        if isinstance(owner, ast.ClassDef)
        for statement in owner.body
        for node in ast.walk(statement)
        if isinstance(statement, ast.Assign | ast.AnnAssign)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node.lineno, True
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno, False
        elif (
            isinstance(node, ast.Name)
            and isinstance(node.ctx, ast.Store)
            and id(node) not in fields
        ):
            yield node.id, node.lineno, False


def wrong_names(source: str) -> list[tuple[str, int]]:
    return [
        (name, line)
        for name, line, function in names(ast.parse(source))
        if name.strip("_").lower() in (NO_FUNCTIONS if function else NO_NAMES)
    ]


def test_adverbs_and_participles_are_noticed() -> None:
    source = (
        "def _joined(given, texts):\n    for found in texts:\n        then = found\n"
        "class Kept:\n    said: str = ''\n    @property\n    def made(self): ...\n"
    )
    assert sorted(wrong_names(source), key=lambda wrong: wrong[1]) == [
        ("_joined", 1),
        ("given", 1),
        ("found", 2),
        ("then", 3),
        ("made", 7),
    ]


def test_things_are_called_by_nouns_and_functions_by_verbs() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in sorted(ROOT.rglob("*.py"))
        for name, line in wrong_names(path.read_text(encoding="utf-8"))
    ]
    assert wrong == []
