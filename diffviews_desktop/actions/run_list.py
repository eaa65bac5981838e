"""Keeping order among runs: names, pins, tags; comparing any of them; what their pictures offer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from diffviews_desktop.actions.action import RunAction
from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.maps import change_told, show_map
from diffviews_desktop.actions.runs import change_settings, delete_run, set_run_visible, show_run
from diffviews_desktop.actions.verbs import verb
from diffviews_desktop.exports.contents import Picture
from diffviews_desktop.state.runs import Run, tidy_tags
from diffviews_desktop.state.state import State
from diffviews_desktop.text.plain import MOST_OF_NAME, file_name, visible, visible_json
from diffviews_desktop.text.translation import tr
from diffviews_desktop.values.interventions import MOST_INTERVENTIONS, PICKED, Intervention, rows_of
from diffviews_desktop.values.runs import RunStep
from diffviews_desktop.values.told import described_told, told_like

COPY_PICTURE, SAVE_PICTURE = tr("&Copy the picture"), tr("&Save the picture…")
COPY_SEED = tr("Copy the s&eed")
"""What the menu of every picture calls it, whatever it is a picture of."""


@verb
def rename_run(context: Context, run_id: int, name: str) -> None:
    """Give a run another name; an empty one changes nothing."""
    name = visible(name.strip(), MOST_OF_NAME)
    run = context.state.runs.run(run_id)
    if run is not None and name and name != run.name:
        _change(context, run, replace(run, name=name), tr("rename {run}", run=run.name))


@verb
def pin_run(context: Context, run_id: int, pinned: bool = True) -> None:
    """Have the list show a run before those that are not pinned, or no longer."""
    run = context.state.runs.run(run_id)
    if run is not None and pinned != run.pinned:
        text = tr("pin {run}", run=run.name) if pinned else tr("unpin {run}", run=run.name)
        _change(context, run, replace(run, pinned=pinned), text)


@verb
def tag_run(context: Context, run_id: int, tags: Sequence[str]) -> None:
    """Put tags on a run, in place of those that it has."""
    run = context.state.runs.run(run_id)
    tidy = tidy_tags(tags)
    if run is not None and tidy != run.tags:
        _change(context, run, replace(run, tags=tidy), tr("tag {run}", run=run.name))


def _change(context: Context, old: Run, new: Run, text: str) -> None:
    """Change what the user says of a run, as a step that can be undone."""
    context.session.step(partial(_with_notes, new), partial(_with_notes, old), text)


def _with_notes(source: Run, state: State) -> State:
    """The state with what the user said of a run; what was drawn of it meanwhile stays."""
    run = state.runs.run(source.id)
    if run is None:
        return state
    changed = replace(run, name=source.name, pinned=source.pinned, tags=source.tags)
    return replace(state, runs=state.runs.with_run(changed))


@verb
def compare_runs(context: Context, run_id: int, others: Sequence[int]) -> None:
    """Show a run with others beside it: their pictures, how they differ, and how far their paths
    are apart."""
    runs = context.state.runs
    run = runs.run(run_id)
    if run is None:
        return
    ids = {one.id for one in runs.all} - {run_id}
    beside = tuple(dict.fromkeys(one for one in others if one in ids))
    step = runs.step if runs.shown == run_id else max(0, len(run.steps) - 1)
    runs = replace(runs, shown=run_id, step=step, beside=beside, comparing=False)
    context.update(replace(context.state, runs=runs))


@verb
def use_settings(context: Context, run_id: int) -> None:
    """Have the Generate panel say what a run was drawn with: its settings, its seed, its condition
    and its interventions. The mask of the picked samples stays in the list, switched off."""
    run = context.state.runs.run(run_id)
    if run is None:
        return
    settings = replace(run.job.settings, seed=run.seed)
    acting = run.job.interventions if _has_its_samples(context.state, run) else ()
    off = replace(PICKED, enabled=False)
    whole: tuple[Intervention, ...] = (off, *acting) if acting else (PICKED,)
    stack = whole[-MOST_INTERVENTIONS:]
    change_settings(context, settings, run.condition or run.job.condition, stack)
    left_out = bool(run.job.interventions) and not acting
    more = tr(" Its interventions are left out: they belong to other samples.") if left_out else ""
    context.say(tr("Generate now draws with the settings of {run}.{more}", run=run.name, more=more))


@verb
def show_like_map(context: Context, run_id: int) -> None:
    """Show the map of the same layers whose samples were told what a run was told, and have the
    Generate panel say what the run was drawn with, so that it can be drawn again there."""
    run = context.state.runs.run(run_id)
    if run is not None:
        use_settings(context, run_id)
        change_told(context, told_like(run.condition))


def _has_its_samples(state: State, run: Run) -> bool:
    """Whether the samples of a run's interventions are in the rows that it names."""
    samples, opened = state.opened.samples, state.opened
    if samples is None or run.job.spec.model != opened.model:
        return False
    rows = rows_of(run.job.interventions)
    if not run.sample_ids:
        return run.job.folder == opened.folder and all(row < len(samples) for row in rows)
    return all(
        row < len(samples) and samples.sample_id[row] == sample_id
        for row, sample_id in zip(rows, run.sample_ids, strict=True)
    )


def ask_tags(context: Context, run_id: int, step: int = 0) -> None:
    """Ask for a run's tags."""
    run = context.state.runs.run(run_id)
    if run is None:
        return
    question = tr("&Tags, with commas between them")
    text = context.window.ask_text(tr("Tags of {run}", run=run.name), question, ", ".join(run.tags))
    if text is not None:
        tag_run(context, run_id, text.split(","))


def _step_of(context: Context, run_id: int, step: int) -> tuple[Run, RunStep] | None:
    run = context.state.runs.run(run_id)
    if run is None or not run.steps:
        return None
    return run, run.steps[min(max(step, 0), len(run.steps) - 1)]


def ask_save_step(context: Context, run_id: int, step: int) -> None:
    """Ask where to, and write the picture of a step."""
    pair = _step_of(context, run_id, step)
    if pair is None:
        return
    run, frame = pair
    name = f"{file_name(run.job.spec.model)}-seed-{run.seed}-step-{frame.index + 1}.png"
    file = context.window.ask_file(tr("Save picture"), name, lambda: (Picture,), "pictures")
    if file is not None:
        save_step(context, run_id, step, file)


@verb
def save_step(context: Context, run_id: int, step: int, file: Path) -> None:
    """Write the picture of a step of a run, with what makes it again beside it."""
    pair = _step_of(context, run_id, step)
    if pair is not None:
        context.window.save(Picture(pair[1].image, pair[0].record), file)


def copy_step(context: Context, run_id: int, step: int) -> None:
    """Put the picture of a step into the clipboard."""
    pair = _step_of(context, run_id, step)
    if pair is not None:
        context.window.copy_pixels(pair[1].image)


def _copy_seed(context: Context, run_id: int, step: int) -> None:
    run = context.state.runs.run(run_id)
    if run is not None and run.seed is not None:
        context.window.copy_text(str(run.seed))


def show_recipe(context: Context, run_id: int, step: int = 0) -> None:
    """Show what makes a run again, to read and to copy."""
    run = context.state.runs.run(run_id)
    if run is not None and run.record is not None:
        text = visible_json(run.record, indent=2)
        context.window.show_text(tr("Recipe of {run}", run=run.name), text)


def _export_film(context: Context, run_id: int, step: int) -> None:
    show_run(context, run_id)
    context.window.show_export("film")


def _toggle_visible(context: Context, run_id: int, step: int) -> None:
    run = context.state.runs.run(run_id)
    if run is not None:
        set_run_visible(context, run_id, not run.visible)


def _toggle_pin(context: Context, run_id: int, step: int) -> None:
    run = context.state.runs.run(run_id)
    if run is not None:
        pin_run(context, run_id, not run.pinned)


def _go_to_map(context: Context, run_id: int, step: int) -> None:
    run = context.state.runs.run(run_id)
    if run is not None:
        show_map(context, run.job.spec)


def _is_elsewhere(state: State, run: Run) -> bool:
    """Whether a run belongs to another map of the open model."""
    opened = state.opened
    same_model = run.job.folder == opened.folder and run.job.spec.model == opened.model
    return same_model and not state.on_this_map(run)


def _go_to_like_map(context: Context, run_id: int, step: int) -> None:
    show_like_map(context, run_id)


def is_told_apart(state: State, run: Run) -> bool:
    """Whether a run, or its picture, lies among samples that were told something else."""
    reason = "" if run.landed is None else run.landed.apart
    return bool(run.apart or reason) and state.on_this_map(run)


def like_map_title(state: State, run: Run) -> str:
    """``Sho&w the map of samples told nothing``."""
    told = described_told(told_like(run.condition), state.opened.takes_prompts)
    return tr("Sho&w the map of samples {told}", told=told)


def _is_listed(state: State, run: Run) -> bool:
    return not state.runs.is_unmasked(run)


RUN_ACTIONS = (
    RunAction(
        "run.copy-picture",
        lambda state, run: COPY_PICTURE,
        copy_step,
        offered=lambda state, run: bool(run.steps),
    ),
    RunAction(
        "run.save-picture",
        lambda state, run: SAVE_PICTURE,
        ask_save_step,
        offered=lambda state, run: bool(run.steps),
    ),
    RunAction(
        "run.film",
        lambda state, run: tr("E&xport it as a film…"),
        _export_film,
        offered=lambda state, run: bool(run.steps) and _is_listed(state, run),
    ),
    RunAction(
        "run.copy-seed",
        lambda state, run: COPY_SEED,
        _copy_seed,
        offered=lambda state, run: run.seed is not None,
        group=1,
    ),
    RunAction(
        "run.recipe",
        lambda state, run: tr("Show the &recipe…"),
        show_recipe,
        offered=lambda state, run: run.record is not None,
        group=1,
    ),
    RunAction(
        "run.use-settings",
        lambda state, run: tr("&Use its settings"),
        lambda context, run_id, step: use_settings(context, run_id),
        group=1,
    ),
    RunAction(
        "run.map",
        lambda state, run: tr("Go to its &map"),
        _go_to_map,
        offered=_is_elsewhere,
        group=2,
    ),
    RunAction(
        "run.like-map",
        like_map_title,
        _go_to_like_map,
        offered=is_told_apart,
        group=2,
    ),
    RunAction(
        "run.visible",
        lambda state, run: tr("&Hide its path") if run.visible else tr("S&how its path"),
        _toggle_visible,
        offered=_is_listed,
        group=2,
    ),
    RunAction(
        "run.pin",
        lambda state, run: tr("Un&pin it") if run.pinned else tr("&Pin it to the top"),
        _toggle_pin,
        offered=_is_listed,
        group=2,
    ),
    RunAction("run.tags", lambda state, run: tr("&Tags…"), ask_tags, offered=_is_listed, group=2),
    RunAction(
        "run.delete",
        lambda state, run: tr("&Delete it"),
        lambda context, run_id, step: delete_run(context, run_id),
        offered=_is_listed,
        group=3,
    ),
)
"""What the menu of every picture of a run offers; the menu adds what only a window can do."""
