"""The import assistant: each field, what is said of it, and what is asked for in the end."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from diffviews_desktop.actions.folders import ImportWanted
from diffviews_desktop.engine.jobs.importing import ImportData
from diffviews_desktop.state.jobs import RunningJob
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.assistants.importing import ImportAssistant, folder_scan
from diffviews_desktop.values.folders import AdapterList, FolderRef, ModelLoaded
from diffviews_desktop.values.layers import LayerSet


@pytest.fixture
def assistant(qtbot: QtBot, state: State) -> Iterator[ImportAssistant]:
    made = ImportAssistant()
    qtbot.addWidget(made)
    adapters = AdapterList(("edm", "diffusers-unet"))
    made.set_state(
        replace(
            state,
            opened=replace(
                state.opened, loaded=ModelLoaded("m", "cpu", 3, 8, (), adapters=adapters)
            ),
        )
    )
    made.show()
    yield made
    made.wait()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Three pictures, one in a subfolder, and what is none or hidden."""
    folder = tmp_path / "pictures"
    (folder / "cats").mkdir(parents=True)
    (folder / ".thumbnails").mkdir()
    names = ("a.png", "b.JPG", "cats/c.webp", "notes.txt", "cats/._c.webp", ".thumbnails/a.png")
    for name in names:
        (folder / name).write_bytes(b"")
    return folder


def fill(qtbot: QtBot, assistant: ImportAssistant, pictures: Path) -> Path:
    """Enter all that is needed; where it is to be written."""
    checkpoint = pictures.parent / "afhq cats.v2.pkl"
    checkpoint.write_bytes(b"")
    assistant.checkpoint.setText(str(checkpoint))
    assistant.images.setText(str(pictures))
    assistant.out.setText(str(pictures.parent / "made"))
    qtbot.waitUntil(lambda: not assistant.problems())
    return pictures.parent / "made"


def test_it_asks_for_what_was_entered(
    qtbot: QtBot, assistant: ImportAssistant, pictures: Path
) -> None:
    out = fill(qtbot, assistant, pictures)
    assert assistant.name.text() == "afhq cats"
    assistant.adapter.setCurrentText("edm")
    assert "Page 1 of 3" in assistant.where.text()
    qtbot.mouseClick(assistant.next, Qt.MouseButton.LeftButton)
    assert assistant.rows["images"].sentence.text() == "3 pictures."
    qtbot.mouseClick(assistant.next, Qt.MouseButton.LeftButton)
    assistant.sigmas.setText("0.5; 3")
    assistant.layers.setText("midblock, encoder_bottleneck")
    assert assistant.summary.text() == (
        f"3 pictures at 2 noise levels: 6 samples in {out / 'afhq cats'}"
    )
    assert assistant.next.text() == "&Import"
    with qtbot.waitSignal(assistant.import_requested) as caught:
        qtbot.mouseClick(assistant.next, Qt.MouseButton.LeftButton)
    assert caught.args == [
        ImportWanted(
            checkpoint=pictures.parent / "afhq cats.v2.pkl",
            out=out,
            name="afhq cats",
            adapter="edm",
            images=pictures,
            labels=None,
            class_map=(),
            told=None,
            brightness=None,
            generate=0,
            sigmas=(0.5, 3.0),
            layers=LayerSet(["encoder_bottleneck", "midblock"]),
            seed=42,
        )
    ]
    assert not assistant.isVisible()


def test_the_model_may_draw_instead(
    qtbot: QtBot, assistant: ImportAssistant, pictures: Path
) -> None:
    fill(qtbot, assistant, pictures)
    assistant.images.setText("/nowhere")
    assistant.draw.setChecked(True)
    assert not assistant.images.isEnabled()
    assert "The model draws" in assistant.images.toolTip()
    assistant.count.setValue(120)
    assistant.seed.setText(str(2**63 - 1))
    assert not assistant.problems()
    made = assistant.read_fields()
    assert (made.images, made.labels) == (None, None)
    assert (made.generate, made.seed) == (120, 2**63 - 1)
    for text in ("", "-1", "1.5", str(2**63), "1,000"):
        assistant.seed.setText(text)
        assert "whole number from 0 to" in assistant.problems()["seed"]
    assistant.seed.setText(" 0 ")
    assert assistant.summary.text().startswith("120 pictures at 3 noise levels: 360 samples in")


def test_an_empty_field_is_not_scolded_until_somebody_was_there(
    qtbot: QtBot, assistant: ImportAssistant
) -> None:
    row = assistant.rows["checkpoint"]
    assert row.sentence.text().startswith("A .safetensors")
    assert not assistant.next.isEnabled()
    assert assistant.next.toolTip() == "Choose a checkpoint file or folder."
    qtbot.keyClicks(assistant.checkpoint, "x")
    qtbot.keyClick(assistant.checkpoint, Qt.Key.Key_Backspace)
    assert row.sentence.text() == "Choose a checkpoint file or folder."
    assert row.field.property("problem") is True


@pytest.mark.parametrize(
    ("field", "text", "problem"),
    [
        ("checkpoint", "/nowhere/net.pkl", "There is no such file or folder."),
        ("name", "", "Give the model a name."),
        ("name", "../up", "Use letters"),
        ("name", ".hidden", "Use letters"),
        ("images", "", "Choose a folder of pictures"),
        ("images", "/nowhere", "There is no such folder."),
        ("labels", "/nowhere.csv", "There is no such file."),
        ("sigmas", "", "Give at least one noise level"),
        ("sigmas", "0.5, -1", "from 1e-06 to 1e+06, not -1"),
        ("sigmas", "1, 1e7", "not 1e+07"),
        ("sigmas", "0,5", "more than one way"),
        ("sigmas", "one", "Enter numbers separated by commas"),
        ("sigmas", "2, 2.0", "given twice"),
        ("layers", "midblock,, encoder", "Separate names of layers"),
        ("out", "", "Choose a folder to write to."),
    ],
)
def test_what_is_wrong_is_said_beside_the_field(
    qtbot: QtBot, assistant: ImportAssistant, pictures: Path, field: str, text: str, problem: str
) -> None:
    fill(qtbot, assistant, pictures)
    line = getattr(assistant, field)
    assistant.rows[field].touched = True
    line.setText(text)
    qtbot.waitUntil(lambda: list(assistant.problems()) == [field])
    assert problem in assistant.rows[field].sentence.text()
    assistant._go(2)
    assert not assistant.next.isEnabled()
    assert problem in assistant.next.toolTip()
    assert assistant.summary.text() == ""


def test_folders_and_files_are_looked_into(
    qtbot: QtBot, assistant: ImportAssistant, pictures: Path, monkeypatch
) -> None:
    out = fill(qtbot, assistant, pictures)
    empty = pictures / "none"
    empty.mkdir()
    assistant.images.setText(str(empty))
    assert assistant.rows["images"].sentence.text() == "Looking for pictures…"
    qtbot.waitUntil(lambda: "no pictures" in assistant.rows["images"].sentence.text())
    assistant.images.setText(str(pictures))
    labels = pictures.parent / "labels.csv"
    labels.write_text("file;size\n", encoding="utf-8")
    assistant.rows["labels"].touched = True
    assistant.labels.setText(str(labels))
    said = assistant.rows["labels"].sentence
    problem = "It lacks the column class: its first line names file, size, separated by semicolons."
    qtbot.waitUntil(lambda: said.text() == problem)
    for header in ("file,class,name\n", "\n Filename , LABEL,x\n"):
        labels.write_text(header, encoding="utf-8-sig")
        assistant._pictures.look_soon()
        qtbot.waitUntil(lambda: not assistant.problems())
    labels.write_bytes(b"file,class\xff")
    assistant._pictures.look_soon()
    qtbot.waitUntil(lambda: said.text().startswith("It is not in UTF-8: byte 0xff stands for no"))
    labels.write_text("<html>", encoding="utf-8")
    assistant._pictures.look_soon()
    qtbot.waitUntil(lambda: said.text().startswith("It is a web page, as a download that failed"))
    labels.write_text("{", encoding="utf-8")
    assistant._pictures.look_soon()
    qtbot.waitUntil(lambda: said.text().startswith("It can be read neither as a table"))
    assistant.labels.clear()
    qtbot.waitUntil(lambda: not assistant.problems())
    (out / "afhq cats").mkdir(parents=True)
    assert "has a model called afhq cats already" in assistant.problems()["out"]
    assistant.name.setText("dogs")
    assert not assistant.problems()
    assistant.out.setText(str(labels / "in a file"))
    assert "is a file, not a folder" in assistant.problems()["out"]


def test_labels_that_are_names_ask_for_a_class_map(
    qtbot: QtBot, assistant: ImportAssistant, pictures: Path
) -> None:
    fill(qtbot, assistant, pictures)
    assistant._go(1)
    said = assistant.rows["class_map"].sentence
    assert said.text() == "The classes of cats, if the model does not know them."
    assistant.class_map.setText("cats = 3; dogs=-1")
    assert said.text().startswith("Optional")
    assert assistant.read_fields().class_map == (("cats", 3), ("dogs", -1))
    assistant.rows["class_map"].touched = True
    for text, problem in (
        ("cats=", "'cats=' gives no label a class number"),
        ("cats=3, dogs", "'dogs' gives no label a class number"),
        ("cats=1, cats=2", "it gives 'cats' two classes"),
        ("cats", "There is no such file"),
    ):
        assistant.class_map.setText(text)
        assert problem in said.text()
    table = pictures.parent / "map.csv"
    table.write_text("cats,3\n", encoding="utf-8")
    assistant.class_map.setText(str(table))
    assert assistant.read_fields().class_map == table
    assistant.draw.setChecked(True)
    assert assistant.read_fields().class_map == ()
    assert not assistant.class_map.isEnabled()
    assistant.own.setChecked(True)
    assistant.class_map.clear()
    # numbers need no map, wherever they are found
    (pictures / "dataset.json").write_text('{"labels": [["a.png", 1], ["cats/c.webp", "7"]]}')
    assistant._pictures.look_soon()
    qtbot.waitUntil(lambda: said.text().startswith("Optional") and not assistant.problems())
    labels = pictures.parent / "labels.jsonl"
    labels.write_text('{"file_name": "a.png", "label": "a \\u001bcat"}', encoding="utf-16")
    assistant.labels.setText(str(labels))
    qtbot.waitUntil(lambda: said.text().startswith(r"The classes of a \x1bcat, if"))


def test_pictures_in_an_archive_are_counted(
    qtbot: QtBot, assistant: ImportAssistant, pictures: Path
) -> None:
    fill(qtbot, assistant, pictures)
    archive = pictures.parent / "pictures.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for name in ("cats/a.png", "cats/b.png", "notes.txt", "__MACOSX/cats/._a.png"):
            file.writestr(name, b"")
    assistant.images.setText(str(archive))
    assert assistant.rows["images"].sentence.text() == "Looking for pictures…"
    qtbot.waitUntil(lambda: assistant.rows["images"].sentence.text() == "2 pictures.")
    assert not assistant.problems()
    archive.write_bytes(b"PK no archive")
    assistant._pictures.look_soon()
    qtbot.waitUntil(lambda: "no pictures" in assistant.rows["images"].sentence.text())


def test_counting_ends(qtbot: QtBot, pictures: Path, monkeypatch) -> None:
    monkeypatch.setattr(folder_scan, "MOST_COUNTED", 2)

    def counted(folder: Path | None, stopped: bool = False) -> tuple[int, bool]:
        found = folder_scan.look_into(folder, None, lambda: stopped)
        return found.pictures, found.more

    assert counted(pictures) == (2, True)
    monkeypatch.setattr(folder_scan, "MOST_COUNTED", 9)
    assert counted(pictures) == (3, False)
    assert counted(pictures, stopped=True)[1]
    assert counted(None) == (0, False)
    archive = pictures / "packed.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for name in ("a.png", "b.png"):
            file.writestr(name, b"")
    assert counted(archive) == (2, False)
    assert counted(archive, stopped=True) == (0, True)
    monkeypatch.setattr(folder_scan, "LONGEST_LOOK", -1.0)
    assert counted(archive) == (0, True)


def test_an_archive_that_takes_long_to_look_through_can_be_imported(
    qtbot: QtBot, assistant: ImportAssistant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_scan, "LONGEST_LOOK", -1.0)
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as file:
        file.writestr("a.png", b"")
    fill(qtbot, assistant, tmp_path / "packed.zip")
    assert "images" not in assistant.problems()


def test_what_is_left_out_is_said(qtbot: QtBot, assistant: ImportAssistant, pictures: Path) -> None:
    (pictures / "d.heic").write_bytes(b"")
    (pictures / "dogs").symlink_to(pictures / "cats")
    fill(qtbot, assistant, pictures)
    assert assistant.rows["images"].sentence.text() == (
        "3 pictures. 1 picture was left out: it is not a known kind of picture (d.heic). "
        "1 folder was left out: it leads to a folder that is read already (dogs)."
    )
    for name in ("a.png", "b.JPG", "cats/c.webp"):
        (pictures / name).unlink()
    assistant._pictures.look_soon()
    qtbot.waitUntil(lambda: "There are no pictures" in assistant.problems().get("images", ""))
    assert "1 picture was left out" in assistant.problems()["images"]


def test_black_and_white_are_shown_and_can_be_changed(
    qtbot: QtBot, assistant: ImportAssistant, pictures: Path
) -> None:
    row = assistant.rows["brightness"]
    fill(qtbot, assistant, pictures)
    assert not assistant.brightness.isEnabled()
    assert "No picture holds numbers" in assistant.brightness.toolTip()
    values = np.linspace(-1, 1, 64, dtype=np.float32).reshape(8, 8)
    Image.fromarray(values).save(pictures / "d.tif")
    assistant._pictures.look_soon()
    qtbot.waitUntil(assistant.brightness.isEnabled)
    assert row.sentence.text() == (
        "1 picture holds floating-point numbers: -1 is black and 1 is white."
    )
    assert assistant.read_fields().brightness is None
    qtbot.keyClicks(assistant.brightness, "-2; 2")
    assert row.sentence.text() == "In pictures of numbers, -2 is black and 2 is white."
    assert assistant.read_fields().brightness == (-2.0, 2.0)
    assistant.brightness.setText("2")
    assert assistant.problems() == {"brightness": row.sentence.text()}
    assert row.sentence.text().startswith("Enter the numbers of black and of white")
    (pictures / "d.tif").unlink()
    assistant._pictures.look_soon()
    qtbot.waitUntil(lambda: not assistant.problems())
    assert assistant.read_fields().brightness is None
    assistant.draw.setChecked(True)
    assert assistant.brightness.toolTip() == "The model draws."


def test_entries_stay_until_they_were_imported(
    qtbot: QtBot, assistant: ImportAssistant, pictures: Path, state: State
) -> None:
    out = fill(qtbot, assistant, pictures)
    assistant._go(2)
    qtbot.mouseClick(assistant.next, Qt.MouseButton.LeftButton)
    job = ImportData(job_id=1, folder=FolderRef(), checkpoint=Path("a"), out=out, name="afhq cats")
    assistant.set_state(
        replace(state, jobs=replace(state.jobs, running=(RunningJob(job, "Importing"),)))
    )
    assistant.show()
    qtbot.waitUntil(lambda: not assistant.problems())  # it looks again
    assert not assistant.next.isEnabled()
    assert "An import is running" in assistant.next.toolTip()
    assistant.sigmas.setText("x")
    assistant.set_state(state.with_notice("It failed.", error=True))
    assistant.sigmas.setText("0.5, 2, 10")
    assert assistant.next.isEnabled()
    assert assistant.images.text() == str(pictures)
    qtbot.mouseClick(assistant.next, Qt.MouseButton.LeftButton)
    assistant.set_state(replace(state, opened=replace(state.opened, path=out, model="afhq cats")))
    assert assistant.images.text() == ""
    assert assistant.pages.currentIndex() == 0
    assert assistant.out.text() == str(out)


def test_the_open_folder_is_suggested_to_write_to(
    assistant: ImportAssistant, state: State, tmp_path: Path
) -> None:
    usual = Path.home() / "DiffViews data"
    for shown, suggested in (
        (replace(state, opened=replace(state.opened, path=tmp_path / "a")), tmp_path / "a"),
        (replace(state, opened=replace(state.opened, path=tmp_path / "demo", is_demo=True)), usual),
        (State(), usual),
        (replace(state, opened=replace(state.opened, path=tmp_path / "b")), tmp_path / "b"),
    ):
        assistant.set_state(shown)
        assert assistant.out.text() == str(suggested)
    assistant.out.setText("/mine")
    assistant.set_state(replace(state, opened=replace(state.opened, path=tmp_path / "c")))
    assert assistant.out.text() == "/mine"


def test_a_name_that_was_typed_is_kept(assistant: ImportAssistant, qtbot: QtBot) -> None:
    qtbot.keyClicks(assistant.name, "mine")
    assistant.checkpoint.setText("/a/net.pkl")
    assert assistant.name.text() == "mine"


def test_files_are_chosen(
    qtbot: QtBot, assistant: ImportAssistant, pictures: Path, monkeypatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *a: ("/a/net.pkl", ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *a: str(pictures))
    assistant._model.choose_file("checkpoint", "Checkpoint", "All files (*)")
    assert assistant.checkpoint.text() == "/a/net.pkl"
    assert assistant.rows["checkpoint"].sentence.text() == "There is no such file or folder."
    assistant._pictures.choose_folder("images", "Folder")
    assert assistant.images.text() == str(pictures)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *a: "")
    assistant._pictures.choose_folder("images", "Folder")
    assert assistant.images.text() == str(pictures)


def test_by_keyboard(qtbot: QtBot, assistant: ImportAssistant, pictures: Path) -> None:
    assistant.activateWindow()
    fill(qtbot, assistant, pictures)
    assistant._go(0)
    order = []
    for _ in range(6):
        order.append(assistant.focusWidget())
        qtbot.keyClick(assistant.focusWidget(), Qt.Key.Key_Tab)
    assert order[0] is assistant.checkpoint
    assert order[3:6] == [assistant.adapter, assistant.name, assistant.close_button]
    assistant.name.setFocus()
    qtbot.keyClick(assistant.name, Qt.Key.Key_Return)
    assert assistant.pages.currentIndex() == 1
    assert assistant.focusWidget() is assistant.images
    qtbot.keyClick(assistant.images, Qt.Key.Key_Return)
    with qtbot.waitSignal(assistant.import_requested):
        qtbot.keyClick(assistant.sigmas, Qt.Key.Key_Return)
