"""Labels, tooltips and entries by themselves, and that nothing else in the window shows texts."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest
from PySide6.QtGui import Qt, QTextDocument
from PySide6.QtWidgets import QHBoxLayout, QLabel, QListWidgetItem, QMenu, QWidget
from pytestqt.qtbot import QtBot

import diffviews_desktop
from diffviews_desktop.ui.common import entries, labels
from diffviews_desktop.ui.common.entries import entry, menu_text, name_list
from diffviews_desktop.ui.common.labels import ElidedLabel, Label, Links, caption, muted_label, tip

LONG = ("x" * 10_000, "long " * 2000, "﷽" * 500, "𒐫" * 500, "z\u0301" * 3000, "אב " * 2000)


def hold(qtbot: QtBot, label: QWidget, width: int) -> QWidget:
    """Show a label in a row of its own, in a window of a width, which the caller must keep."""
    window = QWidget()
    QHBoxLayout(window).addWidget(label)
    qtbot.addWidget(window)
    window.resize(width, 60)
    with qtbot.waitExposed(window):
        window.show()
    return window


@pytest.mark.parametrize("text", ["Model and layer", "", "a & b < c", "σ 0.5   trust 0.93"])
def test_an_ordinary_label_is_as_large_as_qts_own(qtbot: QtBot, text: str) -> None:
    ours, own = Label(text), QLabel(text)
    own.setTextFormat(Qt.TextFormat.PlainText)
    assert ours.sizeHint() == own.sizeHint()
    assert ours.minimumSizeHint() == own.minimumSizeHint()
    assert ours.text() == text
    field = QWidget()
    qtbot.addWidget(field)
    assert caption(f"&{text}", field).sizeHint().width() <= own.sizeHint().width()


@pytest.mark.parametrize("text", LONG, ids=ascii)
@pytest.mark.parametrize("wrapped", [False, True])
def test_no_text_makes_a_label_wider_or_higher(qtbot: QtBot, text: str, wrapped: bool) -> None:
    label = Label(text)
    label.setWordWrap(wrapped)
    window = hold(qtbot, label, 300)
    assert label.sizeHint().width() <= labels.WIDEST
    assert label.minimumSizeHint().width() <= labels.WIDEST
    assert window.width() <= labels.WIDEST + 30
    assert label.toolTip()
    if wrapped:
        assert label.minimumSizeHint().width() <= labels.WIDEST_WORD
    else:
        assert label.sizeHint().height() == Label("x").sizeHint().height()


def test_what_does_not_fit_is_left_out_of_the_middle(qtbot: QtBot) -> None:
    label = ElidedLabel("sample_" * 20 + "42")
    window = hold(qtbot, label, 200)
    assert label.text().startswith("sample_")
    assert "…" in label.text()
    assert label.text().endswith("42")
    assert label.toolTip() == "sample_" * 20 + "42"
    window.resize(2000, 60)
    qtbot.waitUntil(lambda: label.is_whole)
    assert label.text() == "sample_" * 20 + "42"
    label.set_text("short", "what it means")
    assert label.toolTip() == "short\nwhat it means"


def test_a_label_that_has_room_again_forgets_its_tooltip(qtbot: QtBot) -> None:
    label = Label("x" * 1000)
    window = hold(qtbot, label, 300)
    assert label.toolTip()
    label.setText("short")
    assert label.toolTip() == ""
    label.set_lines("one\ntwo", "three")
    assert label.text() == "one\\x0atwo\nthree"
    window.close()


def test_a_label_shows_a_picture_or_a_text(qtbot: QtBot) -> None:
    label = labels.picture_label(60, "Picture")
    window = hold(qtbot, label, 300)
    label.setText("waiting…")
    label.setPixmap(label.grab())
    assert label.text() == ""
    assert not label.pixmap().isNull()
    label.setText("waiting…")
    assert QLabel.text(label) == "waiting…"
    label.clear()
    assert label.pixmap().isNull()
    window.close()


@pytest.mark.parametrize(
    "text",
    ["<b>x</b>", "&lt;b&gt;", "a   b <img src='/dev/zero'>", "x" * 500, "<?xml version='1.0'?>"],
)
def test_a_tooltip_shows_a_text_as_it_is(text: str) -> None:
    made = tip(text, "<i>more</i>")
    assert Qt.mightBeRichText(made)
    document = QTextDocument()
    document.setHtml(made)
    assert document.toPlainText() == f"{text}\n<i>more</i>"


def test_an_ordinary_tooltip_stays_plain_and_none_is_too_long() -> None:
    assert tip("Add the nearest (S)", "", "a < b & c") == "Add the nearest (S)\na < b & c"
    assert tip("") == ""
    assert len(tip("x" * 100_000)) < labels.MOST_OF_TIP + 100


def test_links_lead_to_numbers_only(qtbot: QtBot) -> None:
    links = Links()
    qtbot.addWidget(links)
    links.set_links("near <b>", [(7, "<a href='file:///etc'>x</a> 0.5"), (12, "שלום 0.7")])
    document = QTextDocument()
    document.setHtml(links.text())
    assert document.toPlainText() == (
        "near <b> #7 <a href='file:///etc'>x</a> 0.5 · #12 \u200eשלום\u200e 0.7"
    )
    with qtbot.waitSignal(links.followed) as followed:
        links.linkActivated.emit("12")
    assert followed.args == [12]


@pytest.mark.parametrize("text", LONG, ids=ascii)
def test_no_name_makes_a_list_or_a_menu_wide(qtbot: QtBot, text: str) -> None:
    listed = name_list()
    qtbot.addWidget(listed)
    listed.addItem(QListWidgetItem("x"))
    high = listed.sizeHintForRow(0)
    listed.addItem(QListWidgetItem(text))
    listed.addItem(QListWidgetItem("two\nlines"))
    assert listed.sizeHintForRow(1) == listed.sizeHintForRow(2) == high
    assert listed.sizeHintForColumn(0) <= 60
    menu = QMenu()
    menu.addAction(menu_text(text))
    assert menu.sizeHint().width() <= entries.WIDEST + 80
    assert len(entry(text)) <= 60


def test_an_ampersand_marks_no_letter() -> None:
    assert menu_text("salt & pepper") == "salt && pepper"
    assert entry("salt & pepper") == "salt & pepper"
    assert QLabel.text(muted_label("salt & pepper")) == "salt & pepper"


# ---- nothing else -------------------------------------------------------------------------------

OWNERS = {
    "QLabel": ("ui/common/labels.py",),
    "QMessageBox": ("ui/common/questions.py",),
    "TextItem": ("ui/views/flat/placed.py",),  # shows plain text
    "QToolTip": ("ui/common/labels.py",),
    "showText": ("ui/common/labels.py",),
    "QPlainTextEdit": ("ui/common/text_pane.py",),
    "setTextFormat": ("ui/common/labels.py", "ui/common/questions.py"),
}
NEVER = {
    "QTextEdit", "QTextBrowser", "QTextDocument", "QStaticText",
    "QGraphicsTextItem", "QErrorMessage", "QInputDialog", "QProgressDialog", "QSplashScreen",
    "QWhatsThis", "QSystemTrayIcon", "QGroupBox", "QWizard", "LabelItem", "LegendItem",
    "setHtml", "insertHtml", "appendHtml", "setStatusTip", "setWhatsThis", "setLabel",
    "setMarkdown", "setInformativeText", "setDetailedText",
}  # fmt: skip
PACKAGE = Path(diffviews_desktop.__file__).parent


@lru_cache(maxsize=1)
def modules() -> list[tuple[str, ast.Module]]:
    return [
        (file.relative_to(PACKAGE).as_posix(), ast.parse(file.read_text(encoding="utf-8")))
        for file in PACKAGE.rglob("*.py")
    ]


def names_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.alias):
            yield node.name


def calls(tree: ast.AST, name: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func
            said = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if said == name:
                yield node


def is_harmless(value: ast.expr, tree: ast.AST) -> bool:
    """Whether a text is the program's own, or comes from `tip`, or is a tooltip already."""
    if isinstance(value, ast.Name):
        given = [
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign)
            and any(isinstance(to, ast.Name) and to.id == value.id for to in node.targets)
        ]
        return bool(given) and all(any(calls(one, "tip")) for one in given)
    return isinstance(value, ast.Constant) or value in [
        *calls(value, "tip"),
        *calls(value, "toolTip"),
    ]


def test_only_labels_and_questions_show_texts() -> None:
    for module, tree in modules():
        used = set(names_in(tree))
        assert not used & NEVER, module
        for name, owners in OWNERS.items():
            assert name not in used or module in owners, (module, name)


def test_every_tooltip_is_made_by_one_function() -> None:
    found = 0
    for module, tree in modules():
        texts = [call.args[0] for call in calls(tree, "setToolTip")]
        for setter in ("setItemData", "setData"):
            for call in calls(tree, setter):
                if "ToolTipRole" in set(names_in(call)):
                    texts.append(call.args[-2] if setter == "setItemData" else call.args[-1])
        for text in texts:
            found += 1
            assert is_harmless(text, tree), (module, ast.unparse(text))
    assert found > 50


def test_forms_make_no_labels_by_themselves() -> None:
    for module, tree in modules():
        for call in calls(tree, "addRow"):
            kinds = (ast.Constant, ast.JoinedStr)
            assert not isinstance(call.args[0], kinds), (module, ast.unparse(call))
            named = isinstance(call.args[0], ast.Name) and call.args[0].id == "text"
            assert not named, (module, ast.unparse(call))


def test_only_one_module_prints() -> None:
    for module, tree in modules():
        for call in calls(tree, "print") if module != "text/terminal.py" else ():
            said = ast.unparse(call.args[0])
            own = isinstance(call.args[0], ast.Constant) or said == "json.dumps(answer.result)"
            assert own, (module, said)
