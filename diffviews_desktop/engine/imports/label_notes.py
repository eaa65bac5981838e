"""What the user is told of pictures without a class: how many there are, why, and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from diffviews_desktop.engine.imports.classes import LabelClasses
from diffviews_desktop.engine.opened_model import some
from diffviews_desktop.files.reading import meant_as_file
from diffviews_desktop.pictures.labels.class_map import EXAMPLE
from diffviews_desktop.pictures.labels.values import class_number
from diffviews_desktop.text.plain import visible
from diffviews_desktop.text.wording import format_count
from diffviews_desktop.values.import_rules import is_archive
from diffviews_desktop.values.models import ModelFacts

NO_CLASS = "-1"
LONGEST_SHOWN = 60
"""Letters of a label or a file within a note."""


def choose_folder(images: Path) -> str:
    """What to do for another folder to be imported, as the beginning of a phrase."""
    is_packed = is_archive(images.name) and meant_as_file(images)
    return "unpack the archive and choose the folder" if is_packed else "choose the folder"


def unlabelled_notes(files: Sequence[str], labels: Mapping[str, str], reason: str) -> list[str]:
    """How many pictures have no label, and the reason; nothing where that is empty."""
    without = [file for file in files if file not in labels]
    if not without or not reason:
        return []
    have = format_count(len(without), "picture", "has", "have")
    return [f"{have} no class ({reason}): {some_names(without)}."]


def no_class_notes(
    files: Sequence[str], labels: Mapping[str, str], classes: LabelClasses, facts: ModelFacts
) -> list[str]:
    """How many pictures have labels that stand for no class, and what can be done."""
    counts = Counter(labels[file] for file in files if file in labels)
    remainder = sorted(counts.keys() - classes.numbers.keys() - classes.refused - {NO_CLASS})
    ambiguous = [label for label in remainder if label in classes.ambiguous]
    clear = [label for label in remainder if label not in classes.ambiguous]
    numbers = [label for label in clear if class_number(label) is not None]
    names = [label for label in clear if class_number(label) is None]

    def count(labels: Iterable[str]) -> int:
        return sum(counts[label] for label in labels)

    notes = []
    if numbers:
        notes.append(_of_numbers(numbers, count(numbers), facts.num_classes))
    if ambiguous:
        notes.append(_of_ambiguous(ambiguous, count(ambiguous)))
    if names:
        notes.append(_of_names(names, count(names)))
    return notes


def wordnet_notes(classes: LabelClasses) -> list[str]:
    if not classes.wordnet:
        return []
    return ["WordNet ids were taken as ImageNet's classes, in the order of the ids."]


def some_names(names: Sequence[str]) -> str:
    """``a.png, b.png, …``: labels or files, as they are shown within a note."""
    return some([visible(name, LONGEST_SHOWN) for name in names[:4]])


def _of_numbers(labels: Sequence[str], count: int, num_classes: int) -> str:
    a_number = "a number" if len(labels) == 1 else "numbers"
    is_class = "is no class" if len(labels) == 1 else "are no classes"
    of_model = f" of the model, which has the classes 0 to {num_classes - 1}" if num_classes else ""
    return (
        f"{format_count(count, 'picture', 'has', 'have')} {a_number} that {is_class}{of_model}: "
        f"{some_names(labels)}. {'It is' if count == 1 else 'They are'} extracted without a class. "
        "If the numbers count from 1, give a class map such as 1=0, 2=1."
    )


def _of_ambiguous(labels: Sequence[str], count: int) -> str:
    its = "its label" if count == 1 else "their label" if len(labels) == 1 else "their labels"
    return (
        f"{format_count(count, 'picture', 'has', 'have')} no class, because {its} may mean several "
        f"classes: {some_names(labels)}. Say which with a class map such as {EXAMPLE}."
    )


def _of_names(labels: Sequence[str], count: int) -> str:
    that = "that name" if len(labels) == 1 else "these names"
    is_ = f"{'it is' if count == 1 else 'they are'}" if len(labels) == 1 else "each is"
    return (
        f"{format_count(count, 'picture', 'has', 'have')} no class, because the model has no class "
        f"with {that}: {some_names(labels)}. Colour by label to see "
        f"{'it' if count == 1 else 'them'}, or say which class {is_} with a class map such as "
        f"{EXAMPLE}."
    )
