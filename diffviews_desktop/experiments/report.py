"""One HTML file that tells an experiment whole: findings, pictures, and how to run it again.

It needs nothing besides itself, holds no program, and every text in it is escaped.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.exports.contents import Picture
from diffviews_desktop.exports.png import write_png
from diffviews_desktop.text.plain import visible
from diffviews_desktop.values.controls import MEANINGS, TITLES
from diffviews_desktop.values.experiments import Estimate, Examples, Finding, Outcome, Unit
from diffviews_desktop.values.finding_texts import (
    MEASURES,
    OUTCOMES,
    HeatMap,
    cells_of,
    heat_map_of,
    marks_of,
    p_text,
    place_name,
    shown_measures,
)

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --faint: #8882; --accent: #2a6fdb; --other: #888 }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 1rem 0 }
th, td { text-align: left; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line) }
th { font-weight: 600 } tr.place th { padding-top: 1rem } .faint { opacity: .65 }
.scroll { overflow-x: auto } img { image-rendering: pixelated; height: 64px; margin-right: 2px }
pre { overflow: auto; max-height: 24rem; background: var(--faint); padding: 1rem }
svg text { fill: currentColor; font: 12px system-ui, sans-serif }
td.heat { text-align: center; padding: .25rem .6rem; border: 1px solid var(--line) }
"""
_WIDTH, _LETTER, _ROW = 420, 7, 22
_INTERVALS: dict[Unit, str] = {
    "masks": "Brackets hold 95 % intervals over masks; pictures of the same mask count together.",
    "seeds": "There is a single mask or direction: brackets hold 95 % intervals over seeds, and "
    "say nothing of others like it.",
}
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def report(
    findings: Sequence[Finding],
    examples: Sequence[Examples],
    record: Mapping[str, Any],
    notes: Sequence[str] = (),
    class_names: Mapping[int, str] | None = None,
) -> str:
    """The report as HTML.

    Args:
        findings: what was found.
        examples: some of the pictures.
        record: what makes it again.
        notes: what else the reader should know.
        class_names: of the model, by number.
    """
    experiment = record.get("experiment", {})
    title = f"Experiment with {_text(experiment.get('model', ''))}"
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>{title}</title><style>{_STYLE}</style></head><body><h1>{title}</h1>",
        _summary(experiment, record),
        *(f"<p><strong>{_text(note)}</strong></p>" for note in notes),
        "<h2>What was found</h2>",
        *_dot_plot(findings),
        *_heat_map(findings),
        *_table(findings),
        _explanation(findings, class_names or {}),
        "<h2>Pictures</h2>",
        *_pictures(examples),
        "<h2>Run it again</h2>",
        "<p>Save what follows as a file, and pass it to <code>diffviews-desktop experiment "
        "--replay FILE</code>.</p>",
        f"<pre>{escape(json.dumps(record, indent=1, sort_keys=True))}</pre></body></html>",
    ]
    return "\n".join(parts)


def _text(text: object) -> str:
    return escape(visible(str(text)))


def _summary(experiment: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    settings = experiment.get("settings", {})
    judge = record.get("judge", {})
    acting = record.get("interventions") or []
    masks = ("masks", f"{len(experiment.get('groups', ()))}, each the mean of some samples")
    entries = [
        ("interventions", ", then ".join(acting)) if acting else masks,
        ("seeds of each", experiment.get("seeds")),
        ("the model is told", experiment.get("condition")),
        ("the samples were", record.get("samples_told", f"told {experiment.get('told')}")),
        ("sampling", f"{settings.get('num_steps')} steps, {settings.get('sampler')}, guidance "
         f"{settings.get('guidance_scale')}, first seed {settings.get('seed')}"),
        ("judge", f"{judge.get('judge', 'none')}; {judge.get('origin', '')}".rstrip("; ")),
    ]  # fmt: skip
    accuracy = judge.get("accuracy")
    if accuracy is not None:
        entries.append(("accuracy of the judge", f"{100 * accuracy:.1f} % of pictures new to it"))
    rows = "".join(f"<tr><th>{_text(a)}</th><td>{_text(b)}</td></tr>" for a, b in entries)
    return f"<table>{rows}</table>"


def _explanation(findings: Sequence[Finding], class_names: Mapping[int, str]) -> str:
    unit: Unit = findings[0].unit if findings else "masks"
    effect = OUTCOMES[findings[0].outcome] if findings else ""
    text = (
        f"{_INTERVALS[unit]} <em>Effect</em> is how much larger the {effect} is than with the same "
        f"seeds and no intervention; <em>p</em> is from a permutation test over {unit}, corrected "
        "for all places of the arm (Holm), and is not given where the effect is a difference from "
        "the same seed in itself. <em>Moved</em> is the distance in pixels to the picture of the "
        "same seed without an intervention, from 0 to 1. Where <em>seeds alike</em> and <em>like "
        "its samples</em> are near 1, the intervention pastes a picture rather than steers. A "
        "judge must name a class for blank pictures, too: see <em>unsure</em> and the commonest "
        "answer."
    )
    names = ", ".join(
        f"{number} {_text(name)}" for number, name in sorted(class_names.items())[:50]
    )
    classes = f"<p class=faint>Classes: {names}.</p>" if names else ""
    arms = dict.fromkeys(one.arm for one in findings)
    meanings = "; ".join(f"<em>{_text(TITLES[arm])}</em>: {_text(MEANINGS[arm])}" for arm in arms)
    return f"<p class=faint>{text}</p><p class=faint>{meanings}.</p>{classes}"


def _table(findings: Sequence[Finding]) -> Iterator[str]:
    names = shown_measures(findings)
    headings = ["", *(MEASURES[name] for name in names), "commonest answer", "p (Holm)"]
    yield '<div class="scroll"><table><tr>'
    yield "".join(f"<th>{_text(heading)}</th>" for heading in headings)
    yield "</tr>"
    place = ""
    for finding in findings:
        if place_name(finding) != place:
            place = place_name(finding)
            yield f'<tr class="place"><th colspan="{len(headings)}">{_text(place)}</th></tr>'
        cells = "".join(f"<td>{_text(cell)}</td>" for cell in cells_of(finding, names))
        yield f"<tr><td>{_text(TITLES[finding.arm])}</td>{cells}</tr>"
    yield "</table></div>"


def _dot_plot(findings: Sequence[Finding]) -> Iterator[str]:
    """What is read, or how alike pictures and samples are, with intervals as lines."""
    outcome: Outcome = findings[0].outcome if findings else "read"
    is_share = outcome in ("read", "changed")
    marks = list(zip(findings, marks_of(findings), strict=True))
    points = [(one, mark) for one, mark in marks if mark is not None and np.isfinite(mark.value)]
    several = len({place_name(one) for one, _ in points} - {""}) > 1
    names = [_mark_name(one, several) for one, _ in points]
    margin = 20 + _LETTER * max(map(len, names), default=0)
    axis = _Axis(margin, 0.0 if is_share else min([0.0, *(_low(mark) for _, mark in points)]))
    height, width = _ROW * (len(points) + 2), margin + _WIDTH
    title = OUTCOMES[outcome]
    yield f'<svg viewBox="0 0 {width} {height}" width="{width}" role="img" aria-label="{title}">'
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = axis.at(tick)
        yield f'<path d="M{x:.1f} 4V{height - _ROW}" stroke="var(--line)"/>'
        label = f"{100 * tick:.0f} %" if is_share else f"{tick:g}"
        yield f'<text x="{x:.1f}" y="{height - 6}" text-anchor="middle">{label}</text>'
    for row, ((one, mark), name) in enumerate(zip(points, names, strict=True)):
        y = _ROW * (row + 1)
        color = "var(--accent)" if one.arm == "intervention" else "var(--other)"
        yield f'<text x="{margin - 12}" y="{y + 4}" text-anchor="end">{_text(name)}</text>'
        if mark.low is not None and mark.high is not None:
            span = f"M{axis.at(mark.low):.1f} {y}H{axis.at(mark.high):.1f}"
            yield f'<path d="{span}" stroke="{color}" stroke-width="2"/>'
        yield f'<circle cx="{axis.at(mark.value):.1f}" cy="{y}" r="4.5" fill="{color}"/>'
    yield f"</svg><p class=faint>{title}, with 95 % intervals</p>"


class _Axis(NamedTuple):
    """From values up to 1 to places across the plot."""

    left: int
    low: float

    def at(self, value: float) -> float:
        """Where a value is."""
        return self.left + (_WIDTH - 24) * (value - self.low) / (1 - self.low)


def _mark_name(finding: Finding, several: bool) -> str:
    name, place = TITLES[finding.arm], place_name(finding)
    return f"{place}: {name}" if several and place else name


def _low(mark: Estimate) -> float:
    return mark.value if mark.low is None else mark.low


def _heat_map(findings: Sequence[Finding]) -> Iterator[str]:
    """Effects of the intervention over layers and steps, where there are several places."""
    heat_map = heat_map_of(findings)
    if heat_map is None:
        return
    yield '<div class="scroll"><table><tr><th>effect</th>'
    yield "".join(f"<th>steps {first + 1}-{last}</th>" for first, last in heat_map.steps)
    yield "</tr>"
    for names in heat_map.layers:
        yield f"<tr><th>{_text(names)}</th>"
        for window in heat_map.steps:
            yield _heat_cell(heat_map, heat_map.by_place.get((names, window)))
        yield "</tr>"
    yield "</table></div><p class=faint>Bold: p at most 0.05 after correction.</p>"


def _heat_cell(heat_map: HeatMap, finding: Finding | None) -> str:
    if finding is None:
        return "<td class=heat></td>"
    share = heat_map.share(finding)
    color = "var(--accent)" if share >= 0 else "#d0592b"
    text = _text(cells_of(finding, ["effect"])[0])
    inner = f"<strong>{text}</strong>" if heat_map.is_sure(finding) else text
    background = f"color-mix(in srgb, {color} {round(70 * abs(share))}%, transparent)"
    title = f"p {p_text(finding.p_holm)}"
    return f'<td class="heat" title="{_text(title)}" style="background:{background}">{inner}</td>'


def _pictures(examples: Sequence[Examples]) -> Iterator[str]:
    """A row for every arm: a mask in each column, the first seed of each."""
    yield '<div class="scroll"><table>'
    for one in examples:
        place = f"{one.layers}, steps {one.steps[0] + 1}-{one.steps[1]}: " if one.layers else ""
        images = "".join(f'<img alt="" src="{_data_url(image)}">' for image in one.images)
        yield f"<tr><th>{_text(place + TITLES[one.arm])}</th><td>{images}</td></tr>"
    yield "</table></div>"


def _data_url(image: NDArray[np.uint8]) -> str:
    data = io.BytesIO()
    write_png(Picture(image, None), data, lambda fraction: None)
    return f"data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}"
