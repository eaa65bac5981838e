"""The map as a picture and as SVG looks as on the screen."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_runs import run_of
from PIL import Image
from PySide6.QtGui import QColor, QImage, QPainter
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from diffviews_desktop.actions import exports
from diffviews_desktop.actions.preferences import choose_appearance
from diffviews_desktop.state.picks import Selection
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.common import theme
from diffviews_desktop.ui.shell.saving import picture_maker
from diffviews_desktop.ui.shell.window import MainWindow
from diffviews_desktop.ui.views.flat import export, points
from diffviews_desktop.values.row_set import RowSet


@pytest.fixture
def window(
    open_window: Callable[..., MainWindow], state: State, make_job: Callable, make_step: Callable
) -> MainWindow:
    record = run_of(make_job(), "Run 1", tuple(map(make_step, range(3))))
    picked = Selection(anchor=8, manual=(9,), chosen=RowSet([20, 21, 22]))
    state = replace(
        state,
        picks=replace(state.picks, selection=picked),
        runs=replace(state.runs, all=(record,), shown=record.id),
    )
    return open_window(state, **{"map/pictures": "false"})


def answer(monkeypatch: pytest.MonkeyPatch, file: Path | str, kind: str = "PNG (*.png)") -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(file), kind))


def export_to(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch, file: Path, kind: str = ""
) -> None:
    answer(monkeypatch, file, kind)
    with qtbot.waitSignal(window.saves._saver.saved) as caught:
        exports.ask_map(window.context)
    assert caught.args[1]


def levels(image: QImage) -> np.ndarray:
    image = image.convertToFormat(QImage.Format.Format_RGB32)
    values = np.frombuffer(image.constBits(), np.uint8)
    return values.reshape(image.height(), image.width(), 4)[..., 2::-1].astype(int)


def on_screen(window: MainWindow) -> np.ndarray:
    return levels(window.map._plot_widget.grab().toImage())


def halved(values: np.ndarray) -> np.ndarray:
    high, wide = (size // 2 for size in values.shape[:2])
    return values[: 2 * high, : 2 * wide].reshape(high, 2, wide, 2, 3).mean(axis=(1, 3))


@pytest.mark.parametrize("dark", [False, True])
def test_a_picture_is_what_is_seen_twice_as_sharp(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, dark: bool
) -> None:
    choose_appearance(window.context, "dark" if dark else "light")
    qtbot.waitUntil(lambda: not theme.changing())
    file = tmp_path / "map.png"
    wanted = on_screen(window)
    export_to(qtbot, window, monkeypatch, file)
    with Image.open(file) as image:
        found = np.asarray(image.convert("RGB")).astype(int)
        told = json.loads(image.text["diffviews"])
    assert found.shape == (2 * wanted.shape[0], 2 * wanted.shape[1], 3)
    seen = (np.abs(wanted - wanted[5, -5]) > 8).any(axis=2)
    assert seen.sum() > 500
    assert np.abs(halved(found) - wanted)[seen].mean() < 28  # edges and text are finer
    assert np.abs(halved(found) - wanted)[~seen].mean() < 1
    assert (told["kind"], told["layers"], told["colored_by"]) == ("map", ["midblock"], "class")
    assert json.loads(file.with_suffix(".diffviews.json").read_text()) == told


def drawn(file: Path, like: np.ndarray) -> np.ndarray:
    renderer = QSvgRenderer(str(file))
    assert renderer.isValid()
    image = QImage(like.shape[1], like.shape[0], QImage.Format.Format_RGB32)
    image.fill(QColor(theme.colors().map))
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    renderer.render(painter)
    painter.end()
    return levels(image)


@pytest.mark.parametrize("circles", [True, False])
def test_svg_draws_the_same_with_a_circle_a_point_or_a_picture_of_them(
    qtbot: QtBot,
    window: MainWindow,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    circles: bool,
) -> None:
    if not circles:
        monkeypatch.setattr(export, "MOST_CIRCLES", 5)
    file = tmp_path / "map.svg"
    wanted = on_screen(window)
    export_to(qtbot, window, monkeypatch, file)
    text = file.read_text()
    assert text.count("<circle") == (30 if circles else 0)
    assert ("data:image/png" in text) != circles
    assert points.MARK not in text
    found = drawn(file, wanted)
    seen = (np.abs(wanted - wanted[5, -5]) > 8).any(axis=2)
    assert np.abs(found - wanted)[seen].mean() < 25  # text is shaped otherwise
    assert np.abs(found - wanted)[~seen].mean() < 1.5


def test_what_lies_outside_the_view_is_in_no_drawing(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen = window.map.box.viewRect()
    seen.setSize(seen.size() / 2)
    window.map.box.show_part(seen)
    file = tmp_path / "part.svg"
    export_to(qtbot, window, monkeypatch, file)
    there = window.session.state.opened.layer_map.xy
    now = window.map.box.viewRect()
    inside = sum(now.contains(float(x), float(y)) for x, y in there)
    assert 0 < inside < 30
    assert file.read_text().count("<circle") == inside


@pytest.mark.parametrize(
    ("name", "kind", "written"),
    [
        ("plain", "SVG (*.svg)", "plain.svg"),
        ("plain", "PNG (*.png)", "plain.png"),
        ("a.b", "PNG (*.png)", "a.b.png"),
        ("UPPER.SVG", "PNG (*.png)", "UPPER.SVG"),
    ],
)
def test_the_name_says_what_is_written(
    qtbot: QtBot,
    window: MainWindow,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    name: str,
    kind: str,
    written: str,
) -> None:
    export_to(qtbot, window, monkeypatch, tmp_path / name, kind)
    begins = (tmp_path / written).read_bytes()[:6]
    assert begins.startswith(b"<?xml" if written.lower().endswith("svg") else b"\x89PNG")
    assert written in window.session.state.notice.text


def test_a_large_map_is_exported_as_it_is_to_be(
    qtbot: QtBot,
    window: MainWindow,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    drag: Callable[..., None],
) -> None:
    """Also what was changed a moment before and is still worked out."""
    monkeypatch.setattr(points, "MADE_AT_ONCE", 5)
    window.session.select(Selection(), "nothing")
    window.map.set_hidden(np.arange(30) >= 10)
    export_to(qtbot, window, monkeypatch, tmp_path / "map.svg")
    assert (tmp_path / "map.svg").read_text().count("<circle") == 10


def test_what_changes_meanwhile_is_not_in_the_picture(
    qtbot: QtBot, window: MainWindow, tmp_path: Path
) -> None:
    wanted = on_screen(window)
    make = window.map.export()
    window.map.box.scaleBy((0.2, 0.2))
    window.session.select(Selection(), "nothing")
    choose_appearance(window.context, "dark")
    qtbot.waitUntil(lambda: not theme.changing())
    assert np.abs(on_screen(window) - wanted).mean() > 20
    assert np.abs(halved(levels(make())) - wanted).mean() < 2


def test_closing_waits_for_what_is_being_exported(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answer(monkeypatch, tmp_path / "late.png")
    exports.ask_map(window.context)
    window.close()
    assert (tmp_path / "late.png").read_bytes().startswith(b"\x89PNG")


def test_a_picture_that_cannot_be_made_is_told(qtbot: QtBot, window: MainWindow) -> None:
    def fail() -> bytes:
        raise MemoryError

    with qtbot.waitSignal(window.saves._saver.saved):
        window.saves._saver.save(picture_maker(fail, {}), "x.png")
    assert "could not be written" in window.session.state.notice.text


def test_nothing_is_written_without_a_name_or_a_map(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answer(monkeypatch, "")
    exports.ask_map(window.context)
    window.session.update(
        replace(window.session.state, opened=replace(window.session.state.opened, layer_map=None))
    )
    assert not window.menu_actions["exports.map"].isEnabled()
    answer(monkeypatch, tmp_path / "map.png")
    exports.ask_map(window.context)
    assert not (tmp_path / "map.png").exists()


def test_a_folder_that_cannot_be_written_is_told(
    qtbot: QtBot, window: MainWindow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answer(monkeypatch, tmp_path / "absent" / "map.svg")
    with qtbot.waitSignal(window.saves._saver.saved):
        exports.ask_map(window.context)
    assert "could not be written" in window.session.state.notice.text
