"""Formats: found by a file's suffix, offered by dialogs, and each writes what it says."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_figures import film_of, map_of, path_of
from PIL import Image

from diffviews_desktop.errors import UsageError
from diffviews_desktop.exports import registry
from diffviews_desktop.exports.contents import (
    Arrays,
    Description,
    Drawing,
    Figure,
    Film,
    Picture,
    Script,
    Sheet,
    Table,
)
from diffviews_desktop.exports.exporter import Exporter
from diffviews_desktop.exports.mp4 import MP4
from diffviews_desktop.values.columns import Column
from diffviews_desktop.values.figures import FigureStyle
from diffviews_desktop.values.quantities import Values

PIXELS = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
PNG, SVG = "PNG (*.png)", "SVG (*.svg)"


def written(content: object, name: str) -> io.BytesIO:
    file = io.BytesIO()
    registry.write(content, name, file)
    assert not file.closed
    file.seek(0)
    return file


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("record", [None, {"b": "σ", "a": [1, None]}])
def test_a_picture_is_written_without_loss(channels: int, record: dict | None) -> None:
    pixels = np.arange(20 * channels, dtype=np.uint8).reshape(4, 5, channels)
    with Image.open(written(Picture(pixels, record), "a.PNG")) as image:
        assert np.array_equal(np.asarray(image), pixels.squeeze())
        said = image.text.get("diffviews")  # type: ignore[attr-defined]
        assert (None if said is None else json.loads(said)) == record


def test_a_picture_of_one_row_and_column_keeps_its_colour() -> None:
    with Image.open(written(Picture(PIXELS[:1, :1]), "a.png")) as image:
        assert (image.mode, image.size) == ("RGB", (1, 1))


def test_other_contents_are_read_back() -> None:
    assert written(Drawing(b"<svg/>"), "a.svg").read() == b"<svg/>"
    said = {"seed": 3, "σ": [0.5, None]}
    assert json.loads(written(Description(said), "0001.json").read()) == said
    with np.load(written(Arrays({"computed/a+b": PIXELS}), "a.npz")) as arrays:
        assert np.array_equal(arrays["computed/a+b"], PIXELS)


@pytest.mark.parametrize(
    "exporter", registry.EXPORTERS, ids=lambda one: f"{one.content.__name__}{one.suffixes[0]}"
)
def test_half_of_a_surrogate_pair_is_written_in_every_format(exporter: Exporter[Any]) -> None:
    if exporter is MP4:
        pytest.importorskip("av")
    odd, record = "a\ud800", {"said": "b\ud800"}
    values = Values("class", odd, np.arange(9) % 3, "category", names=(odd, "one", "two"))
    shown = map_of(
        9,
        values=values,
        class_names={0: odd, 1: "one", 2: "two"},
        caption=odd,
        paths=[replace(path_of(), name=odd)],
    )
    contents: dict[type, Any] = {
        Picture: Picture(PIXELS, record),
        Drawing: Drawing(b"<svg/>", record),
        Sheet: Sheet({0: PIXELS}, 1, (odd,), (odd,), record=record),
        Table: Table({odd: [odd], "b": Column(np.array([0]), names=(odd,))}, record),
        Arrays: Arrays({odd: PIXELS, "b": [odd]}, record),
        Figure: Figure(shown, FigureStyle(names=True), record),
        Film: replace(film_of(2), titles=[odd, odd], map=shown, record=record),
        Description: Description(record),
        Script: Script(odd, odd),
    }
    file = io.BytesIO()
    exporter.write(contents[exporter.content], file, lambda _: None)
    assert file.tell()


def test_a_table_has_plain_texts_and_numbers_with_all_their_digits() -> None:
    table = Table(
        {
            "sample_id": ["=1+1", "-a", 'with "quotes", and\nlines', "\ud800"],
            "class_label": np.array([0, -1, 2, 3]),
            "+x": np.array([0.1, np.nan, -1e-7, np.inf], np.float32),
        }
    )
    text = written(table, "a.csv").read().decode()
    assert text.splitlines()[0] == "sample_id,class_label,'+x"
    assert text == (
        "sample_id,class_label,'+x\r\n'=1+1,0,0.1\r\n'-a,-1,\r\n"
        '"with ""quotes"", and\nlines",2,-1e-07\r\n\\ud800,3,\r\n'
    )


def test_a_long_table_tells_how_far_it_is_and_can_be_stopped() -> None:
    table = Table({"x": np.arange(5000)})
    told: list[float] = []
    registry.write(table, "a.csv", io.BytesIO(), told.append)
    assert told == [0, 0.4, 0.8]

    def stop(fraction: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        registry.write(table, "a.csv", io.BytesIO(), stop)


def test_an_empty_table_has_its_header() -> None:
    assert written(Table({"a": [], "b": np.zeros(0)}), "a.csv").read() == b"a,b\r\n"


@pytest.mark.parametrize(
    ("content", "name", "usual"),
    [(Picture(PIXELS), "a.svg", ".png"), (Table({"a": []}), "a", ".csv, .parquet or .npz")],
)
def test_a_content_that_a_format_cannot_hold_is_an_error(
    content: object, name: str, usual: str
) -> None:
    with pytest.raises(
        UsageError, match=f"^The format of {name} does not fit. .* ends in {usual}\\.$"
    ):
        registry.write(content, name, io.BytesIO())


def test_dialogs_offer_the_formats_of_what_there_is_to_write() -> None:
    assert registry.filters(Picture) == registry.filters(Sheet) == PNG
    assert registry.filters(Picture, Drawing) == f"{PNG};;{SVG}"
    tables = "CSV (*.csv);;Parquet (*.parquet);;NumPy arrays (*.npz)"
    assert registry.filters(Table) == tables
    assert registry.filters(Figure) == "PDF (*.pdf);;SVG (*.svg);;PNG (*.png)"
    assert registry.filters(Film) == "GIF (*.gif);;MP4 (*.mp4)"


@pytest.mark.parametrize(
    ("name", "chosen", "completed"),
    [
        ("a", "", "a.png"),
        ("a", SVG, "a.svg"),
        ("a.b", PNG, "a.b.png"),
        ("a.svg", PNG, "a.svg"),
        ("A.SVG", PNG, "A.SVG"),
        ("a.csv", SVG, "a.svg"),
        ("/x.csv/a", PNG, "/x.csv/a.png"),
    ],
)
def test_a_name_is_completed_as_the_dialog_says(name: str, chosen: str, completed: str) -> None:
    assert registry.complete(name, chosen, Picture, Drawing) == completed


def test_a_view_that_is_no_drawing_becomes_a_picture_whatever_the_name() -> None:
    assert registry.complete("a.svg", SVG, Picture) == "a.png"


def test_every_format_has_a_content_and_suffixes_of_its_own() -> None:
    seen = [(e.content, suffix) for e in registry.EXPORTERS for suffix in e.suffixes]
    assert len(seen) == len(set(seen))
    for _, suffix in seen:
        assert suffix == Path(f"a{suffix}").suffix == suffix.lower()
