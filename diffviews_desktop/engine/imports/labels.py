"""Classes of pictures that are imported: from a file of labels, or from the names of folders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from diffviews_desktop.engine.imports.classes import LabelClasses, classes_of
from diffviews_desktop.engine.imports.label_reading import PictureNames, ReadLabels, read_labels
from diffviews_desktop.engine.jobs.importing import ImportData
from diffviews_desktop.engine.opened_model import some
from diffviews_desktop.errors import UsageError
from diffviews_desktop.files.reading import meant_as_file
from diffviews_desktop.pictures.labels.class_map import EXAMPLE, read_class_map
from diffviews_desktop.pictures.labels.files import OWN_LABELS, is_of_edm
from diffviews_desktop.pictures.labels.folders import folder_labels
from diffviews_desktop.pictures.labels.values import class_number, label_of
from diffviews_desktop.text.plain import visible
from diffviews_desktop.text.wording import counted
from diffviews_desktop.values.models import ModelFacts

NO_CLASS = "-1"
UNKNOWN = "unknown"
_LONGEST = 60


@dataclass(frozen=True)
class Labels:
    """What is known of the classes of pictures, by file.

    Attributes:
        numbers: the class of each picture that has one.
        texts: the label of each picture that has one.
        parts: the part of the data set that a picture is of, where folders say so.
        names: of classes.
        says_more: whether labels say more than the numbers and names of classes.
        notes: for the user.
    """

    numbers: Mapping[str, int]
    texts: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[int, str] = field(default_factory=dict)
    says_more: bool = False
    notes: Sequence[str] = ()

    def name_of(self, file: str) -> str:
        """What the class of a picture is called; without one, what its label is."""
        number = self.numbers.get(file)
        if number is None:
            return self.texts.get(file, UNKNOWN)
        return self.names.get(number, str(number))


@dataclass(frozen=True)
class FoundLabels:
    """Labels as they were found; see `FolderLabels` for what folders say.

    Attributes:
        read: what each picture is labelled.
        notes: on where the labels are from.
        unlabelled: why a picture has none, as a phrase; empty where that goes without saying.
        parts: the part of the data set that a picture is of.
        deeper: a folder within the folders that were taken as labels.
    """

    read: ReadLabels
    notes: Sequence[str] = ()
    unlabelled: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)
    deeper: str = ""


def judge_labels(
    found: FoundLabels, job: ImportData, facts: ModelFacts, files: Sequence[str]
) -> Labels:
    """The class of every picture that has one.

    Args:
        found: what `find_labels` has found.
        job: says which classes labels stand for, where the model does not know them.
        facts: what the model knows.
        files: the pictures that the notes are on.

    Raises:
        DataError: the map of classes cannot be read.
        UsageError: it is of other labels, or has classes that the model does not have.
    """
    labels = found.read.labels
    there = set(labels.values())
    class_map, unused = _class_map(job, there)
    classes = classes_of(there, facts, class_map)
    names = dict(classes.names)
    names |= {classes.numbers[x]: n for x, n in found.read.names.items() if x in classes.numbers}
    numbers = {file: classes.numbers[x] for file, x in labels.items() if x in classes.numbers}
    texts = {file: found.read.names.get(x, x) for file, x in labels.items()}
    texts = {file: text for file, text in texts.items() if text != NO_CLASS}
    several = len(set(classes.numbers.values())) < len(classes.numbers)
    return Labels(
        numbers=numbers,
        texts=texts,
        parts=found.parts,
        names=names,
        says_more=several or len(numbers) < len(texts),
        notes=(
            *found.notes,
            *_unlabelled_notes(files, found),
            *unused,
            *_wordnet_notes(classes),
            *_no_class_notes(files, classes, facts, found),
        ),
    )


# ---- where labels are found ---------------------------------------------------------------------


def find_labels(
    job: ImportData,
    images: Path,
    files: Sequence[str],
    check: Callable[[], None] = lambda: None,
) -> FoundLabels:
    """The label of every picture that has one.

    Args:
        job: names the file of labels, if there is one. Else EDM's ``dataset.json`` beside the
            pictures says them, else their folders.
        images: the folder of the pictures.
        files: the pictures, as paths relative to it.
        check: called now and then; may raise to stop.

    Raises:
        DataError: a file of labels cannot be read, or is of other pictures.
    """
    shown = job.images or images
    own = images / OWN_LABELS
    if job.labels is not None:
        return _of_file(job.labels, shown, files, check)
    if not meant_as_file(own):
        return _of_folders(files)
    if is_of_edm(own):
        found = _of_file(own, shown, files, check)
        note = f"Classes are those of {OWN_LABELS}; the folders say nothing."
    else:
        found = _of_folders(files)
        note = f"{OWN_LABELS} has no list of labels as EDM writes it, so it was not used."
    return replace(found, notes=(note, *found.notes))


def _of_file(
    path: Path, images: Path, files: Sequence[str], check: Callable[[], None]
) -> FoundLabels:
    read = read_labels(path, PictureNames(files, images, path.parent), check)
    if not read.labels:
        return FoundLabels(read, (f"{path.name} says that the pictures have no classes.",))
    notes = []
    if read.unknown:
        notes.append(
            f"{path.name} names {counted(len(read.unknown), 'picture')} that "
            f"{'is' if len(read.unknown) == 1 else 'are'} not in {images}: {_some(read.unknown)}"
        )
    return FoundLabels(read, notes, f"no label in {path.name}")


def _of_folders(files: Sequence[str]) -> FoundLabels:
    found = folder_labels(files)
    notes = []
    parts = sorted(set(found.parts.values()))
    if found.shards:
        notes.append(
            "The folders are numbered as their pictures are, so they were not taken as classes. "
            "Choose a file of labels to give the pictures classes."
        )
    if parts:
        notes.append(
            f"The folders {_some(parts)} were taken as parts of the data set; the folders in them "
            "are the classes."
            if len(parts) > 1
            else f"The folder {_some(parts)} was taken as a part of the data set; the folders in "
            "it are the classes."
        )
    unlabelled = "in no folder that is a class" if found.labels else ""
    labels = ReadLabels(dict(found.labels))
    return FoundLabels(labels, notes, unlabelled, found.parts, found.deeper)


# ---- what is said of classes --------------------------------------------------------------------


def _class_map(job: ImportData, labels: Collection[str]) -> tuple[dict[str, int], list[str]]:
    """The user's map of classes, and that some of it is of labels that are not there.

    Raises:
        DataError: its file cannot be read.
        UsageError: none of its labels is there.
    """
    given = job.class_map
    class_map = dict(read_class_map(given) if isinstance(given, Path) else given)
    there = {*labels, *map(label_of, labels)}
    unused = [label for label in class_map if there.isdisjoint((label, label_of(label)))]
    if class_map and len(unused) == len(class_map):
        has = f"which are {_some(sorted(labels))}" if labels else "which have none"
        raise UsageError(
            f"The class map speaks of {_some(unused)}, but not of the labels of the pictures, "
            f"{has}. Correct it, or leave it out."
        )
    if not unused:
        return class_map, []
    return class_map, [
        f"The class map has {counted(len(unused), 'label')} that no picture has: {_some(unused)}"
    ]


def _unlabelled_notes(files: Sequence[str], found: FoundLabels) -> list[str]:
    """How many pictures have no label, and why."""
    without = [file for file in files if file not in found.read.labels]
    if not without or not found.unlabelled:
        return []
    have = "has" if len(without) == 1 else "have"
    pictures = f"{counted(len(without), 'picture')} {have} no class"
    return [f"{pictures} ({found.unlabelled}): {_some(without)}"]


def _no_class_notes(
    files: Sequence[str], classes: LabelClasses, facts: ModelFacts, found: FoundLabels
) -> list[str]:
    """How many pictures have labels that stand for no class, and what can be done."""
    labels = found.read.labels
    counts = Counter(labels[file] for file in files if file in labels)
    left = sorted(counts.keys() - classes.numbers.keys() - classes.refused - {NO_CLASS})
    numbers = [label for label in left if class_number(label) is not None]
    ambiguous = [label for label in left if label in classes.ambiguous]
    names = [label for label in left if label not in {*numbers, *ambiguous}]

    def pictures(labels: Sequence[str]) -> str:
        number = sum(counts[label] for label in labels)
        return f"{counted(number, 'picture')} {'has' if number == 1 else 'have'}"

    notes = []
    if numbers:
        notes.append(
            f"{pictures(numbers)} a number that is no class of the model, which has the classes 0 "
            f"to {facts.num_classes - 1}: {_some(numbers)}. They are extracted without a class. "
            "Where numbers count from 1, a class map such as 1=0, 2=1 says so."
        )
    if ambiguous:
        notes.append(
            f"{pictures(ambiguous)} no class, because their labels may mean several: "
            f"{_some(ambiguous)}. A class map such as {EXAMPLE} says which."
        )
    if names:
        notes.append(
            f"{pictures(names)} no class, because the model knows none by their labels: "
            f"{_some(names)}. Colour by label to tell them apart, or say which class each is with "
            f"a class map such as {EXAMPLE}."
        )
    if found.deeper and not classes.numbers:
        notes.append(
            f"There are folders within those folders, such as {visible(found.deeper, _LONGEST)}. "
            "To take the inner ones as classes, choose the folder that holds them."
        )
    return notes


def _wordnet_notes(classes: LabelClasses) -> list[str]:
    if not classes.wordnet:
        return []
    return ["WordNet ids were taken as ImageNet's classes, in the order of the ids."]


def _some(names: Sequence[str]) -> str:
    return some([visible(name, _LONGEST) for name in names[:4]])
