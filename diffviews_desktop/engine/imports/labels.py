"""Classes of pictures that are imported: from a file of labels, or from the names of folders."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from diffviews_desktop.engine.imports.classes import classes_of, match_class_map
from diffviews_desktop.engine.imports.label_notes import (
    LONGEST_SHOWN,
    NO_CLASS,
    choose_folder,
    no_class_notes,
    some_names,
    unlabelled_notes,
    wordnet_notes,
)
from diffviews_desktop.engine.imports.label_reading import PictureNames, ReadLabels, read_labels
from diffviews_desktop.engine.jobs.importing import ImportData
from diffviews_desktop.errors import UsageError
from diffviews_desktop.files.reading import meant_as_file
from diffviews_desktop.pictures.labels.class_map import read_class_map
from diffviews_desktop.pictures.labels.files import OWN_LABELS, is_of_edm
from diffviews_desktop.pictures.labels.folders import folder_labels
from diffviews_desktop.text.plain import visible
from diffviews_desktop.text.wording import format_count
from diffviews_desktop.values.models import ModelFacts
from diffviews_desktop.values.samples import NAME

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Labels:
    """What is known of the classes of pictures, by file.

    Attributes:
        numbers: the class of each picture that has one.
        texts: the label of each picture that has one.
        parts: the part of the data set that a picture is of, where folders say so.
        own_names: what a file of labels calls each picture, where that is no name of its class.
        names: of classes.
        says_more: whether labels say more than the numbers and names of classes.
        notes: for the user.
    """

    numbers: Mapping[str, int]
    texts: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)
    own_names: Mapping[str, str] = field(default_factory=dict)
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
    findings: FoundLabels, job: ImportData, facts: ModelFacts, files: Sequence[str]
) -> Labels:
    """The class of every picture that has one.

    Args:
        findings: what `find_labels` has found.
        job: says which classes labels stand for, where the model does not know them.
        facts: what the model knows.
        files: the pictures that the notes are on.

    Raises:
        DataError: the map of classes cannot be read.
        UsageError: it is of other labels, or has classes that the model does not have.
    """
    labels = findings.read.labels
    unique_labels = set(labels.values())
    class_map, unused = _class_map(job, unique_labels)
    classes = classes_of(unique_labels, facts, class_map)
    names = dict(classes.names)
    names |= {classes.numbers[x]: n for x, n in findings.read.names.items() if x in classes.numbers}
    numbers = {file: classes.numbers[x] for file, x in labels.items() if x in classes.numbers}
    texts = {file: findings.read.names.get(x, x) for file, x in labels.items()}
    texts = {file: text for file, text in texts.items() if text != NO_CLASS}
    several = len(set(classes.numbers.values())) < len(classes.numbers)
    return Labels(
        numbers=numbers,
        texts=texts,
        parts=findings.parts,
        own_names=findings.read.own_names,
        names=names,
        says_more=several or len(numbers) < len(texts),
        notes=(
            *findings.notes,
            *unlabelled_notes(files, labels, findings.unlabelled),
            *unused,
            *wordnet_notes(classes),
            *no_class_notes(files, labels, classes, facts),
            *_deeper_notes(findings, job.images),
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
    display_path = job.images or images
    label_file = images / OWN_LABELS
    if job.labels is not None:
        return _of_file(job.labels, display_path, files, check)
    if not meant_as_file(label_file):
        return _of_folders(files)
    if is_of_edm(label_file):
        findings = _of_file(label_file, display_path, files, check)
        note = f"The classes are those in {OWN_LABELS}; the names of folders were not used."
    else:
        findings = _of_folders(files)
        note = f"{OWN_LABELS} was not used: it has no list of labels as EDM writes it."
    return replace(findings, notes=(note, *findings.notes))


def _of_file(
    path: Path, images: Path, files: Sequence[str], check: Callable[[], None]
) -> FoundLabels:
    read = read_labels(path, PictureNames(files, images, path.parent), check)
    if not read.labels:
        return FoundLabels(read, (f"{path.name} says that the pictures have no classes.",))
    notes = []
    if read.unknown:
        pictures = format_count(len(read.unknown), "picture", "that is", "that are")
        notes.append(f"{path.name} names {pictures} not in {images}: {some_names(read.unknown)}.")
    if read.own_names:
        notes.append(
            f"{path.name} has different names for pictures of one class, so they were not taken as "
            f"names of classes: they are in the column {NAME}."
        )
    return FoundLabels(read, notes, f"no label in {path.name}")


def _of_folders(files: Sequence[str]) -> FoundLabels:
    folders = folder_labels(files)
    notes = []
    parts = sorted(set(folders.parts.values()))
    if folders.shards:
        notes.append(
            "The folders are numbered as their pictures are, so they were not taken as classes. "
            "Choose a file of labels to give the pictures classes."
        )
    if parts:
        notes.append(
            f"The folders {some_names(parts)} were taken as parts of the data set; the folders in "
            "them give the labels."
            if len(parts) > 1
            else f"The folder {some_names(parts)} was taken as a part of the data set; the folders "
            "in it give the labels."
        )
    reason = "in no folder that gives a label" if folders.labels else ""
    labels = ReadLabels(dict(folders.labels))
    return FoundLabels(labels, notes, reason, folders.parts, folders.deeper)


# ---- what is said of classes --------------------------------------------------------------------


def _class_map(job: ImportData, labels: Collection[str]) -> tuple[dict[str, int], list[str]]:
    """The user's map of classes, and that some of it is of labels that are not there.

    Raises:
        DataError: its file cannot be read.
        UsageError: none of its labels is there.
    """
    value = job.class_map
    class_map = dict(read_class_map(value) if isinstance(value, Path) else value)
    unused = match_class_map(labels, class_map).unused
    if class_map and len(unused) == len(class_map):
        have = f"labels {some_names(sorted(labels))}" if labels else "no labels"
        raise UsageError(
            f"The class map is of the labels {some_names(unused)}, but the pictures have {have}. "
            "Correct it, or leave it out."
        )
    if not unused:
        return class_map, []
    return class_map, [
        f"The class map has {format_count(len(unused), 'label')} that no picture has: "
        f"{some_names(unused)}."
    ]


def _deeper_notes(findings: FoundLabels, images: Path | None) -> list[str]:
    if not findings.deeper or images is None:
        return []
    return [
        "There are folders within the folders that give the labels, such as "
        f"{visible(findings.deeper, LONGEST_SHOWN)}. To use the names of the inner folders, "
        f"{choose_folder(images)} that holds them."
    ]
