"""Labels of pictures that are imported: which picture has which class, and what is said of it."""

from __future__ import annotations

import csv
import json
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tiny import DuckAdapter

from diffviews_desktop.adapters.model import as_model
from diffviews_desktop.engine.imports.labels import Labels, find_labels, judge_labels
from diffviews_desktop.engine.jobs.importing import ImportData
from diffviews_desktop.errors import DataError, UsageError
from diffviews_desktop.text.plain import csv_cell
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.models import ModelFacts

FORMULAS = ("=1+1.png", "'=2.png", "-3.png", "folder/@4.png", "5.png")
FACTS = replace(as_model(DuckAdapter()).facts, num_classes=10, class_names={})


def found(images: Path, files: Sequence[str], facts: ModelFacts = FACTS, **given: Any) -> Labels:
    job = ImportData(
        job_id=1,
        folder=FolderRef(),
        checkpoint=images,
        out=images,
        name="m",
        images=images,
        **given,
    )
    return judge_labels(find_labels(job, images, files), job, facts, files)


def written(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding=encoding)
    return path


@pytest.mark.parametrize("guarded", [True, False])
def test_files_named_like_formulas_have_their_classes(guarded: bool, tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "class", "name"])
        for i, name in enumerate(FORMULAS):
            cells = name, str(i % 2 - 1), f"=class {i % 2}"
            writer.writerow(map(csv_cell, cells) if guarded else cells)
    labels = found(tmp_path, FORMULAS, labels=table)
    assert [labels.numbers.get(file) for file in FORMULAS] == [None, 0, None, 0, None]
    assert [labels.name_of(file) for file in FORMULAS] == ["=class 0", "=class 1"] * 2 + [
        "=class 0"
    ]
    assert not labels.notes


# ---- folders ------------------------------------------------------------------------------------


def test_one_name_among_numbers_renumbers_nothing(tmp_path: Path) -> None:
    labels = found(tmp_path, ["3/a.png", "7/b.png", "unlabelled/c.png", "12/d.png", "e.png"])
    assert labels.numbers == {"3/a.png": 3, "7/b.png": 7}
    assert labels.says_more
    assert labels.texts["unlabelled/c.png"] == "unlabelled"
    assert (labels.name_of("12/d.png"), labels.name_of("e.png")) == ("12", "unknown")
    loose, number, name = labels.notes
    assert loose == "1 picture has no class (in no folder that gives a label): e.png."
    assert number.startswith("1 picture has a number that is no class of the model, which has the ")
    assert "0 to 9: 12." in number
    assert name.startswith(
        "1 picture has no class, because the model has no class with that name: unlabelled. C"
    )


def test_folders_with_others_in_them_are_said(tmp_path: Path) -> None:
    *_, note = found(tmp_path, ["fold_a/3/a.png", "fold_b/3/b.png"]).notes
    assert note.startswith(
        "There are folders within the folders that give the labels, such as fold_a/3."
    )
    *_, note = found(tmp_path, ["1/x/a.png", "3/b.png"]).notes
    assert "such as 1/x. To use the names of the inner folders" in note
    labels = found(tmp_path, ["train/3/a.png", "val/4/b.png"])
    assert labels.numbers == {"train/3/a.png": 3, "val/4/b.png": 4}
    assert labels.parts == {"train/3/a.png": "train", "val/4/b.png": "val"}
    assert labels.notes == (
        "The folders train, val were taken as parts of the data set; the folders in them give the "
        "labels.",
    )
    (note,) = found(tmp_path, ["00000/img00000000.png"]).notes
    assert note.startswith("The folders are numbered as their pictures are")


# ---- dataset.json -------------------------------------------------------------------------------


def test_the_labels_that_edm_writes_go_before_folders(tmp_path: Path) -> None:
    files = ["00000/img0.png", "00000/img1.png", "00001/img2.png"]
    pairs = [["00000/img0.png", 6], ["00000\\img1.png", 0], ["00001/img2.png", 9]]
    written(tmp_path / "dataset.json", json.dumps({"labels": pairs}))
    labels = found(tmp_path, files)
    assert [labels.numbers[file] for file in files] == [6, 0, 9]
    assert labels.notes == (
        "The classes are those in dataset.json; the names of folders were not used.",
    )
    written(tmp_path / "dataset.json", '{"labels": null}')
    labels = found(tmp_path, files)
    assert not labels.numbers
    assert labels.notes[1] == "dataset.json says that the pictures have no classes."
    table = written(tmp_path / "own.csv", "file,class\n00000/img0.png,1\n")
    assert found(tmp_path, files, labels=table).numbers == {"00000/img0.png": 1}
    for other in ('{"name": "mine"}', '{"labels": ["cat", "dog"]}', "[]"):
        written(tmp_path / "dataset.json", other)
        labels = found(tmp_path, files)
        assert labels.notes[0].startswith(
            "dataset.json was not used: it has no list of labels as EDM writes it"
        )
        assert labels.numbers["00001/img2.png"] == 1
    written(tmp_path / "dataset.json", "{")
    with pytest.raises(DataError, match=r"dataset\.json cannot be read as labels"):
        found(tmp_path, files)


# ---- which picture a row means ------------------------------------------------------------------


@pytest.mark.parametrize(
    "cell",
    [
        *("train/Ab.png", "./train/Ab.png", "train\\Ab.png", "pictures/train/Ab.png"),
        *("x/../train/Ab.png", "train/ab.PNG", "TRAIN/AB.PNG"),
    ],
)
def test_a_picture_is_found_by_its_path(tmp_path: Path, cell: str) -> None:
    images = tmp_path / "pictures"
    table = written(tmp_path / "elsewhere" / "labels.csv", f"file,class\n{cell},3\n")
    assert found(images, ["train/Ab.png", "val/Ab.png"], labels=table).numbers == {
        "train/Ab.png": 3
    }


def test_a_picture_may_be_named_without_its_suffix(tmp_path: Path) -> None:
    files = ["0.png", "train/1.png", "2.png", "2.jpg", "img.3.png"]
    cells = ["0", "TRAIN\\1", "2", "img.3"]
    table = written(
        tmp_path / "labels.csv", "id,label\n" + "".join(f"{cell},5\n" for cell in cells)
    )
    labels = found(tmp_path, files, labels=table)
    assert labels.numbers == {"0.png": 5, "train/1.png": 5, "img.3.png": 5}
    assert labels.notes[0] == f"labels.csv names 1 picture that is not in {tmp_path}: 2."


@pytest.mark.parametrize("column", ["name", "class_name"])
def test_names_that_differ_within_a_class_do_not_name_it(tmp_path: Path, column: str) -> None:
    files = ["0.png", "1.png", "2.png"]
    table = written(
        tmp_path / "labels.csv", f"file,class,{column}\n0.png,1,Ann\n1.png,1,Bob\n2.png,2,Eve\n"
    )
    labels = found(tmp_path, files, labels=table)
    assert labels.names == {}
    assert labels.own_names == {"0.png": "Ann", "1.png": "Bob", "2.png": "Eve"}
    assert [labels.name_of(file) for file in files] == ["1", "1", "2"]
    assert labels.notes == (
        "labels.csv has different names for pictures of one class, so they were not taken as names "
        "of classes: they are in the column name.",
    )
    written(table, f"file,class,{column}\n0.png,1,cat\n1.png,1,\n2.png,2,cat\n")
    labels = found(tmp_path, files, labels=table)
    assert (labels.names, labels.own_names) == ({1: "cat", 2: "cat"}, {})


def test_a_picture_is_found_from_the_folder_of_the_labels(tmp_path: Path) -> None:
    files = ["0.png", "train/0.png"]
    inside = written(tmp_path / "train/metadata.csv", "file_name,label\n0.png,3\n")
    assert found(tmp_path, files, labels=inside).numbers == {"train/0.png": 3}
    absolute = written(tmp_path / "a.csv", f"file_name,label\n{tmp_path}/train/0.png,4\n")
    assert found(tmp_path, files, labels=absolute).numbers == {"train/0.png": 4}


def test_accents_may_be_composed_or_not(tmp_path: Path) -> None:
    file = unicodedata.normalize("NFD", "é/ä.png")
    table = written(tmp_path / "labels.csv", "file,class\né/ä.png,3\n")
    assert found(tmp_path, [file], labels=table).numbers == {file: 3}


def test_of_two_pictures_that_differ_in_case_neither_is_guessed(tmp_path: Path) -> None:
    table = written(tmp_path / "labels.csv", "file,class\nA.PNG,3\nb.png,4\n")
    labels = found(tmp_path, ["a.png", "A.png", "b.png"], labels=table)
    assert labels.numbers == {"b.png": 4}
    unknown, without = labels.notes
    assert unknown == f"labels.csv names 1 picture that is not in {tmp_path}: A.PNG."
    assert without == "2 pictures have no class (no label in labels.csv): a.png, A.png."


@pytest.mark.parametrize("name", ["other.png", "0.png", "b/0.png", "../a/0.png"])
def test_labels_of_other_pictures_are_an_error(tmp_path: Path, name: str) -> None:
    """Also of one of the same name in another folder."""
    table = written(tmp_path / "labels.csv", f"file,class\n{name},3\n")
    with pytest.raises(DataError) as refused:
        found(tmp_path, ["a/0.png"], labels=table)
    assert str(refused.value).startswith(f"The picture that {table} names is not in {tmp_path}: ")
    assert f"it has {name}, and the pictures are called a/0.png" in str(refused.value)


def test_contradictions_and_empty_tables_are_errors(tmp_path: Path) -> None:
    table = written(tmp_path / "labels.csv", "file,class\na.png,3.0\na.png,03\n./a.png,3\n")
    assert found(tmp_path, ["a.png"], labels=table).numbers == {"a.png": 3}
    written(table, "file,class\na.png,3\n./a.png,4\n")
    with pytest.raises(DataError, match=r"gives a\.png two classes"):
        found(tmp_path, ["a.png"], labels=table)
    written(table, "file,class\na.png,nan\n")
    with pytest.raises(DataError, match="gives no picture a class"):
        found(tmp_path, ["a.png"], labels=table)
    written(table, "file;size\na.png;3\n")
    with pytest.raises(
        DataError,
        match="lacks the column class: its first line names file, size, separated by semi",
    ):
        found(tmp_path, ["a.png"], labels=table)
    written(table, "file,class\né.png,3\n", "latin-1")
    with pytest.raises(
        DataError, match=r"is not in UTF-8: byte 0xe9 stands for no letter\. Save it as UTF-8"
    ):
        found(tmp_path, ["a.png"], labels=table)


# ---- the user's map -----------------------------------------------------------------------------


def test_the_users_map_says_what_labels_are(tmp_path: Path) -> None:
    files = ["cat/a.png", "dog/b.png", "kitten/c.png"]
    labels = found(tmp_path, files, class_map=(("cat", 3), ("kitten", 3), ("dog", 5), ("cow", 7)))
    assert labels.numbers == {"cat/a.png": 3, "dog/b.png": 5, "kitten/c.png": 3}
    assert [labels.name_of(file) for file in files] == ["3", "dog", "3"]
    assert labels.says_more  # two labels are one class
    assert labels.notes == ("The class map has 1 label that no picture has: cow.",)
    table = written(tmp_path / "map.csv", "label,class\ndog,5\ncat,-1\n")
    labels = found(tmp_path, files, class_map=table)
    assert labels.numbers == {"dog/b.png": 5}
    assert labels.notes[0].startswith("1 picture has no class, because the model has no class with")
    with pytest.raises(
        UsageError, match="map is of the labels cow, but the pictures have labels cat, dog, kitten"
    ):
        found(tmp_path, files, class_map=(("cow", 7),))
    with pytest.raises(UsageError, match="but the pictures have no labels"):
        found(tmp_path, ["a.png"], class_map=(("cow", 7),))


def test_a_label_that_may_be_two_classes_is_counted_once(tmp_path: Path) -> None:
    facts = replace(FACTS, class_names={0: "3"})
    files = ["3/a.png", "3/b.png", "12/c.png", "-2/d.png"]
    numbers, ambiguous = found(tmp_path, files, facts).notes
    assert numbers.startswith("2 pictures have numbers that are no classes of the model, which ")
    assert "0 to 9: -2, 12. They are extracted without a class." in numbers
    assert ambiguous.startswith(
        "2 pictures have no class, because their label may mean several classes: 3. Say which "
    )


def test_of_an_archive_the_advice_is_to_unpack_it(tmp_path: Path) -> None:
    archive = written(tmp_path / "set.zip", "")
    *_, note = found(archive, ["1/x/a.png"]).notes
    assert note.endswith("inner folders, unpack the archive and choose the folder that holds them.")
    table = written(tmp_path / "labels.csv", "file,class\nb.png,3\n")
    with pytest.raises(DataError, match="To use these labels, unpack the archive and choose the f"):
        found(archive, ["a.png"], labels=table)
