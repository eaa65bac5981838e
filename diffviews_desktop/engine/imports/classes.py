"""Which class of a model a label stands for: only what the data, the model or the user says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from diffviews_desktop.data.class_labels import load_class_labels_map
from diffviews_desktop.errors import UsageError
from diffviews_desktop.pictures.labels.values import class_number, fold, label_of
from diffviews_desktop.text.plain import visible
from diffviews_desktop.values.models import ModelFacts

IMAGENET_CLASSES = 1000
_LONGEST = 60


@dataclass(frozen=True)
class LabelClasses:
    """What labels stand for.

    Attributes:
        numbers: class of each label that has one.
        ambiguous: labels that are the name of several classes, or a number and the name of another.
        refused: labels of which the user says that they are no class.
        names: names by class number, as far as they are known.
        wordnet: whether labels were read as WordNet ids of ImageNet's classes.
    """

    numbers: Mapping[str, int]
    names: Mapping[int, str]
    ambiguous: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    wordnet: bool = False


def classes_of(
    labels: Collection[str], facts: ModelFacts, class_map: Mapping[str, int]
) -> LabelClasses:
    """The classes that labels stand for.

    What the user says goes first. Else a whole number is the class of that number, where the model
    has it (or has no classes, so that it is told none); a name of a class that the model knows is
    that class; and a WordNet id is ImageNet's class in the standard order, where the model has a
    thousand. Everything else stands for no class.

    Raises:
        UsageError: the user gives a class that the model does not have.
    """
    model_classes = _Known.of(facts)
    _check_map(class_map, facts)
    user_numbers = match_class_map(labels, class_map).numbers
    refusals = frozenset(label for label, number in user_numbers.items() if number == -1)
    numbers = {label: number for label, number in user_numbers.items() if number != -1}
    matches = {label: model_classes.classes(label) for label in labels if label not in user_numbers}
    numbers |= {label: next(iter(some)) for label, some in matches.items() if len(some) == 1}
    wordnet = any(label in model_classes.wordnet for label in matches)
    return LabelClasses(
        numbers=numbers,
        names=_names(model_classes, numbers, wordnet),
        ambiguous=frozenset(label for label, some in matches.items() if len(some) > 1),
        refused=refusals,
        wordnet=wordnet,
    )


class MatchedMap(NamedTuple):
    """What the user's map of classes says of the labels that are there.

    Attributes:
        numbers: by label; -1 for no class.
        unused: labels of the map that fit none.
    """

    numbers: Mapping[str, int]
    unused: Sequence[str]


def match_class_map(labels: Collection[str], class_map: Mapping[str, int]) -> MatchedMap:
    """Find the labels that a map means: as they are written, else as the same number, else as names
    are compared with the model's; where that gives two classes, neither."""
    numbers: dict[str, int] = {}
    hits: set[str] = set()
    for key in (str, label_of, fold):
        spellings = defaultdict[str, set[str]](set)
        for entry in class_map:
            spellings[key(entry)].add(entry)
        for label in set(labels) - numbers.keys():
            fitting = spellings.get(key(label), set()) if key(label) else set()
            classes = {class_map[entry] for entry in fitting}
            if len(classes) == 1:
                numbers[label] = classes.pop()
                hits |= fitting
    return MatchedMap(numbers, [entry for entry in class_map if entry not in hits])


@dataclass(frozen=True)
class _Known:
    """What a model and its adapter know of classes."""

    count: int
    names: Mapping[int, str]
    by_name: Mapping[str, set[int]]
    by_folded: Mapping[str, set[int]]
    wordnet: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, facts: ModelFacts) -> _Known:
        count = facts.num_classes
        names = {n: name for n, name in facts.class_names.items() if 0 <= n < count}
        by_name, by_folded = defaultdict[str, set[int]](set), defaultdict[str, set[int]](set)
        for number, name in names.items():
            by_name[name].add(number)
            by_folded[fold(name)].add(number)
        return cls(count, names, by_name, by_folded, _wordnet(count, names))

    def classes(self, label: str) -> set[int]:
        """All classes that a label may stand for."""
        number = class_number(label)
        exists = number is not None and number >= 0 and (number < self.count or not self.count)
        matches = {number} if exists and number is not None else set()
        matches |= self.by_name.get(label) or self.by_folded.get(fold(label)) or set()
        return matches | ({self.wordnet[label]} if label in self.wordnet else set())


def _wordnet(count: int, names: Mapping[int, str]) -> dict[str, int]:
    """ImageNet's WordNet ids, where a model has its classes: as many, and none of another name."""
    if count != IMAGENET_CLASSES:
        return {}
    return {
        wordnet_id: number
        for number, (wordnet_id, name) in load_class_labels_map().items()
        if number not in names or fold(names[number]) == fold(name)
    }


def _names(model_classes: _Known, numbers: Mapping[str, int], wordnet: bool) -> dict[int, str]:
    """Names by class: the model's own, ImageNet's, else what the user's map calls it."""
    imagenet = load_class_labels_map() if wordnet else {}
    names = {number: name for number, (_, name) in imagenet.items()} | dict(model_classes.names)
    labels = defaultdict[int, list[str]](list)
    for label, number in numbers.items():
        labels[number].append(label)
    for number, texts in labels.items():
        if number not in names and len(texts) == 1 and class_number(texts[0]) is None:
            names[number] = texts[0]
    return names


def _check_map(class_map: Mapping[str, int], facts: ModelFacts) -> None:
    for label, number in class_map.items():
        if facts.num_classes and number >= facts.num_classes:
            raise UsageError(
                f"The class map says that {visible(label, _LONGEST)} is class {number}, but the "
                f"model has the classes 0 to {facts.num_classes - 1}. Correct it."
            )
