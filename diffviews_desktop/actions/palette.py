"""Everything that can be found by its name: actions, choices, models, layers, samples, runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from diffviews_desktop.actions import folders, groups, maps, runs, selection, views
from diffviews_desktop.actions.action import Action, Choice, perform
from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.registry import ACTIONS, CHOICES, MENUS
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr, trn
from diffviews_desktop.values.conditions import describe
from diffviews_desktop.values.packed_strings import Texts
from diffviews_desktop.values.samples import SampleTable

MOST_FOUND = 50
MOST_SAMPLES = 12
"""How many things, and how many samples among them, are found at most."""
_NOT_OFFERED = ("window.palette", "work.leave")
"""Actions that make no sense where they are looked for by name."""


@dataclass(frozen=True)
class Entry:
    """Something that can be found.

    Attributes:
        title: what it is called.
        kind: what kind of thing it is, to be searched for, too.
        run: does it, or goes there.
        keys: by which it is done as well; empty for none.
        why_not: why it is not possible now, as a sentence; empty where it is.
    """

    title: str
    kind: str
    run: Callable[[Context], None]
    keys: str = ""
    why_not: str = ""


def find(context: Context, text: str) -> list[Entry]:
    """What is called by all words of a text, what fits best first; all that there is, where the
    text is empty."""
    words = text.casefold().split()
    entries = [*_entries(context)]
    if words:
        pairs = [(rank, entry) for entry in entries if (rank := _rank(entry, words)) is not None]
        entries = [entry for _, entry in sorted(pairs, key=lambda pair: pair[0])]
        entries = [*_samples(context.state, text.strip()), *entries]
    return entries[:MOST_FOUND]


def do(context: Context, entry: Entry) -> None:
    """Do it, or say why that is not possible now."""
    if entry.why_not:
        context.say(entry.why_not)
    else:
        entry.run(context)


def _rank(entry: Entry, words: Iterable[str]) -> tuple[int, int, int] | None:
    """How well it fits, the less the better: whether words begin it or words of it; None where one
    is not there."""
    title, kind = entry.title.casefold(), entry.kind.casefold()
    distance = 0
    for word in words:
        places = (
            title.startswith(word), f" {word}" in title, word in title, kind.startswith(word)
        )  # fmt: skip
        if not any(places):
            return None
        distance += places.index(True)
    return distance, int(bool(entry.why_not)), len(title)


# ---- what there is ------------------------------------------------------------------------------


def _entries(context: Context) -> Iterator[Entry]:
    state = context.state
    for action in ACTIONS.values():
        if action.id not in _NOT_OFFERED:
            yield _of_action(state, action)
    for choice in CHOICES.values():
        yield from _of_choice(context, choice)
    yield from _models(state)
    yield from _layers(state)
    yield from _runs(state)
    yield from _classes(state)
    yield from _groups(state)


def _of_action(state: State, action: Action) -> Entry:
    detail = action.detail(state)
    title = f"{action.name} {detail}" if detail else action.name
    kind = MENUS[action.menu].replace("&", "") if action.menu is not None else tr("Keys")
    keys = action.keys[0] if action.keys else ""
    run = partial(perform, action=action)
    return Entry(title, kind, run, keys, action.why_not(state))


def _of_choice(context: Context, choice: Choice) -> Iterator[Entry]:
    for option in choice.options(context):
        title = option.title if option.is_text else option.title.replace("&", "")

        def run(context: Context, value: object = option.value) -> None:
            choice.choose(context, value)

        yield Entry(f"{choice.name}: {title}", tr("Choice"), run, why_not=option.why_not)


def _models(state: State) -> Iterator[Entry]:
    opened = state.opened
    for model in opened.models:
        is_open = model.name == opened.model and opened.loaded is not None
        run = partial(folders.switch_model, model=model.name)
        yield Entry(
            model.name, tr("Model"), run, why_not=tr("This model is open.") if is_open else ""
        )


def _layers(state: State) -> Iterator[Entry]:
    opened = state.opened
    if opened.loaded is None:
        return
    map_layers = opened.layer_map.layers if opened.layer_map is not None else None
    for layer in opened.loaded.layers:
        is_shown = map_layers is not None and tuple(map_layers) == (layer.name,)
        title = tr("{layer} (mapped)", layer=layer.name) if layer.cached else layer.name
        run = partial(maps.change_layer, layers=(layer.name,))
        yield Entry(title, tr("Layer"), run, why_not=tr("Its map is shown.") if is_shown else "")


def _runs(state: State) -> Iterator[Entry]:
    for run in state.runs.all:
        told = describe(run.condition)
        parts = [run.name, told, str(run.job.spec.layers)]
        title = ", ".join(part for part in parts if part)
        yield Entry(title, tr("Run"), partial(runs.show_run, run_id=run.id))


def _classes(state: State) -> Iterator[Entry]:
    samples = state.opened.samples
    for number, name, count in samples.classes() if samples is not None else []:
        if number >= 0:
            label = name if name == str(number) else f"{number} {name}"
            title = tr(
                "Select class {called} ({samples})",
                called=label,
                samples=trn("{number} sample", "{number} samples", count),
            )
            run = partial(selection.choose_class, number=number)
            yield Entry(title, tr("Selection"), run)


def _groups(state: State) -> Iterator[Entry]:
    for one in state.groups.sets_of(state.opened.model):
        title = tr(
            "Select {one} ({samples})",
            one=one.name,
            samples=trn("{number} sample", "{number} samples", len(one.rows)),
        )
        yield Entry(title, tr("Selection"), partial(groups.choose_set, number=one.number))
    clusters = groups.shown_clusters(state)
    if clusters is not None:
        for number, (name, count) in enumerate(zip(clusters.names, clusters.counts(), strict=True)):
            title = tr(
                "Select cluster {name} ({samples})",
                name=name,
                samples=trn("{number} sample", "{number} samples", count),
            )
            yield Entry(title, tr("Selection"), partial(groups.choose_cluster, number=number))
    for view in state.groups.views:
        yield Entry(
            tr("View {view}", view=view.name), tr("View"), partial(views.use_view, name=view.name)
        )


# ---- samples ------------------------------------------------------------------------------------


def _samples(state: State, text: str) -> list[Entry]:
    """The samples with a number or a part of an id, those whose id it is first."""
    samples = state.opened.samples
    if samples is None:
        return []
    number = text.removeprefix("#")
    rows = [int(number)] if number.isdecimal() and len(number) < 12 else []
    rows = [row for row in rows if row < len(samples)]
    rows += [row for row in _with_id(samples, text) if row not in rows]
    return [_sample(samples, row) for row in rows[:MOST_SAMPLES]]


def _with_id(samples: SampleTable, text: str) -> list[int]:
    ids = samples.sample_id
    if isinstance(ids, Texts):
        return ids.containing(text, MOST_SAMPLES)
    part = text.lower()
    rows = [row for row, name in enumerate(ids) if part in name.lower()]
    return rows[:MOST_SAMPLES]


def _sample(samples: SampleTable, row: int) -> Entry:
    title = f"#{row} {samples.sample_id[row]} · {samples.title(row)} · σ {samples.sigma[row]:g}"
    return Entry(title, tr("Sample"), lambda context: context.window.show_sample(row))
