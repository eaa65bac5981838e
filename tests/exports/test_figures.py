"""Figures: sizes, what is in them, what they say of themselves, and nothing on each other."""

from __future__ import annotations

import io
import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest
from made_figures import map_of, path_of, ring_of
from PIL import Image

from diffviews_desktop.errors import UsageError
from diffviews_desktop.exports import figure_names, figures, registry
from diffviews_desktop.exports.coloring import color
from diffviews_desktop.exports.contents import Figure
from diffviews_desktop.values.figures import FigureStyle
from diffviews_desktop.values.quantities import Values

RECORD = {"kind": "figure", "model": "m", "layers": ["midblock"], "folder": "/somewhere"}
SMALL = FigureStyle(width=60, height=50, dpi=100)


def written(content: object, name: str) -> bytes:
    file = io.BytesIO()
    registry.write(content, name, file)
    return file.getvalue()


def test_a_png_has_the_size_that_was_asked_for_and_says_where_it_is_from() -> None:
    style = FigureStyle(width=85, height=70, dpi=150)
    with Image.open(io.BytesIO(written(Figure(map_of(), style, RECORD), "a.png"))) as image:
        assert image.size == style.pixels == (502, 413)
        assert json.loads(image.text["diffviews"]) == RECORD  # type: ignore[attr-defined]


def test_texts_of_a_drawing_are_texts_and_its_record_is_inside() -> None:
    svg = written(Figure(map_of(), SMALL, RECORD), "a.svg").decode()
    texts = [part for part in ET.fromstring(svg).itertext() if part.strip()]
    assert json.dumps(RECORD, sort_keys=True) in texts
    for said in ("class", "0 zero", "1 $one^", "Model m, layer midblock.", "2 map units"):
        assert said in texts, said


def test_a_pdf_embeds_its_letters_and_carries_the_record() -> None:
    pdf = written(Figure(map_of(), SMALL, RECORD), "a.pdf")
    assert pdf.startswith(b"%PDF-")
    assert b"/FontFile2" in pdf
    assert b"midblock" in pdf[: pdf.rindex(b"endobj") + 6].replace(b"\\", b"")


def test_the_same_figure_is_the_same_file() -> None:
    figure = Figure(map_of(), SMALL, RECORD)
    for name in ("a.svg", "a.pdf", "a.png"):
        assert written(figure, name) == written(figure, name), name


@pytest.mark.parametrize("part", ["legend", "scale", "caption"])
def test_parts_can_be_left_out(part: str) -> None:
    texts = {"legend": "0 zero", "scale": "map units", "caption": "Model m"}
    svg = written(Figure(map_of(), replace(SMALL, **{part: False})), "a.svg").decode()
    assert {name for name, said in texts.items() if said not in svg} == {part}


def test_colours_of_classes_are_those_of_their_points() -> None:
    style = replace(SMALL, legend=False, caption=False, scale=False)
    pixels = figures.pixels_of(Figure(map_of(), style))
    assert (pixels == 255).all(axis=2).mean() > 0.5  # paper
    dark = figures.pixels_of(Figure(map_of(), replace(style, ground="dark")))
    assert dark.mean() < 90 < pixels.mean()


def test_named_selections_have_the_colours_that_the_user_chose() -> None:
    rows, names = np.arange(90) % 3 - 1, ("threes", "odd")
    values = Values("set", "named selection", rows, "category", names=names)
    chosen = replace(values, colors=("#cc79a7", "#0072b2"))
    for ground in ("light", "dark"):
        style = replace(SMALL, caption=False, scale=False, ground=ground)
        svg = written(Figure(map_of(values=chosen), style), "a.svg").decode()
        usual = written(Figure(map_of(values=values), style), "a.svg").decode()
        assert "#cc79a7" in svg
        assert "#cc79a7" not in usual


def test_values_on_both_sides_of_zero_are_grey_in_the_middle() -> None:
    values = Values("change", "change", np.linspace(-3.0, 1.0, 90), "diverging")
    for ground in ("light", "dark"):
        found = color(map_of(values=values), ground)
        assert found.ends == ("-3", "3")
        low, zero = found.rgb[0], found.rgb[np.abs(values.values).argmin()]
        assert np.ptp(zero) < 0.05 < np.ptp(low)
        assert low.argmax() == 2  # blue


def test_values_have_a_ramp_with_their_ends() -> None:
    values = Values("sigma", "noise level σ", np.geomspace(0.5, 80, 90), logarithmic=True)
    svg = written(Figure(map_of(values=values), SMALL), "a.svg").decode()
    assert "noise level σ" in svg
    assert ">0.5<" in svg
    assert ">80<" in svg


def test_marks_are_explained_where_they_are_there() -> None:
    plain = written(Figure(map_of(), SMALL), "a.svg").decode()
    shown = map_of()
    marked = replace(shown, rings=[ring_of(shown, 4)], paths=[path_of(imposed=[(1.0, 1.0)])])
    svg = written(Figure(marked, SMALL), "a.svg").decode()
    for said in ("anchor", "Run 1", "first step", "last step", "unlike the samples", "imposed"):
        assert f">{said}<" in svg
        assert f">{said}<" not in plain


def test_names_lie_on_no_mark_and_on_no_other_name(monkeypatch: pytest.MonkeyPatch) -> None:
    boxes: list[figure_names.Box] = []
    marks: list[figure_names.Box] = []
    free, before = figure_names._free, figure_names._marks

    def noting(middle, width, height, taken, inside):  # type: ignore[no-untyped-def]
        at = free(middle, width, height, taken, inside)
        if at is not None:
            boxes.append(figure_names._around(at, width, height))
        return at

    def marked(axes, shown):  # type: ignore[no-untyped-def]
        marks.extend(before(axes, shown))
        return list(marks)

    monkeypatch.setattr(figure_names, "_free", noting)
    monkeypatch.setattr(figure_names, "_marks", marked)
    classes = np.repeat(np.arange(10, dtype=np.int32), 6)
    crowd = np.stack([classes * 0.5, classes % 2 * 0.3], axis=1).astype(np.float32)
    shown = map_of(60, xy=crowd, classes=classes, class_names={n: f"class {n}" for n in range(10)})
    shown = replace(shown, paths=[path_of(6)], rings=[ring_of(shown, 3)])
    figures.pixels_of(Figure(shown, replace(SMALL, names=True, width=150, height=150)))
    assert len(boxes) > 3
    everything = [*boxes, *marks]
    for at, one in enumerate(boxes):
        assert not any(figure_names._overlap(one, other) for other in everything[at + 1 :])


def test_names_are_written_where_their_samples_lie() -> None:
    middles = np.array([[0, 0], [30, 0], [0, 30], [30, 30]], np.float32)
    groups = np.repeat(np.arange(4), 40)
    xy = middles[groups] + np.random.default_rng(2).normal(size=(160, 2)).astype(np.float32)
    classes = np.array([0, 0, 1, 2], np.int32)[groups]  # the first one lies at two places
    mixed = np.arange(160, dtype=np.int32) % 5 + 10  # prevails nowhere
    names = {0: "birds", 1: "cats", 2: "dogs"} | {n: f"mixed {n}" for n in range(10, 15)}
    style = replace(SMALL, names=True, width=150, height=150)
    for labels, wanted in ((classes, ["birds", "birds", "cats", "dogs"]), (mixed, [])):
        shown = map_of(160, xy=xy, classes=labels, class_names=names)
        with figures.drawing_settings(style):
            figure = figures.draw(Figure(shown, style))
            texts = {one for one in figure.axes[0].texts if one.get_text() in names.values()}
            assert sorted(one.get_text() for one in texts) == wanted
            for one in texts:
                number = next(n for n, name in names.items() if name == one.get_text())
                own = xy[labels == number]
                assert np.abs(own - one.get_position()).max(axis=1).min() < 6


def test_a_legend_never_lies_on_the_caption() -> None:
    classes = np.arange(400) % 39
    names = tuple(f"class number {n}" for n in range(39))
    values = Values("class", "class", classes, "category", names=names)
    shown = map_of(400, values=values, xy=np.random.default_rng(1).normal(size=(400, 2)))
    with figures.drawing_settings(SMALL):
        figure = figures.draw(Figure(shown, replace(SMALL, width=170, height=90)))
        legend = figure.legends[0].get_window_extent()
        axes = figure.axes[0].get_window_extent()
        caption = figure.texts[0].get_window_extent()
    assert legend.y0 >= caption.y1 - 1
    assert axes.x1 <= legend.x0 + 1
    assert axes.width > 0.3 * figure.bbox.width


def test_too_many_points_become_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "MOST_CIRCLES", 50)
    svg = written(Figure(map_of(), SMALL), "a.svg").decode()
    assert len(re.findall("<image ", svg)) == 1
    assert "0 zero" in svg


def test_a_map_without_a_sample_is_still_a_figure() -> None:
    shown = map_of(3, xy=np.full((3, 2), np.nan, np.float32))
    assert figures.pixels_of(Figure(shown, SMALL), side=200).shape[1] == 200


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"width": 5.0}, "The width must be from 20 to 1000 mm, not 5."),
        ({"dpi": 5000}, "The resolution must be from 36 to 1200 dpi, not 5000."),
        ({"width": 900.0, "height": 900.0, "dpi": 1200}, "is too large"),
    ],
)
def test_sizes_have_bounds(wrong: dict, said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        FigureStyle(**wrong)
