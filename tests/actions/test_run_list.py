"""Keeping order among runs, and what the menus of their pictures offer."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from acted import Recorder, click, masked, said
from made_context import NoWindow, context_of
from test_registry import mnemonic, twice

from diffviews_desktop.actions import answers, run_list, runs
from diffviews_desktop.actions.registry import RUN_ACTIONS
from diffviews_desktop.engine.jobs.mapping import MapLayer
from diffviews_desktop.state.runs import Run
from diffviews_desktop.state.session import Session
from diffviews_desktop.values.conditions import ClassLabel, ZeroLabel
from diffviews_desktop.values.interventions import PICKED, Intervention, Zero
from diffviews_desktop.values.maps import MapParameters
from diffviews_desktop.values.told import NOTHING, OWN_CONDITION


@pytest.fixture
def made(session: Session, worker: Recorder) -> tuple[Run, ...]:
    """Three runs that are whole."""
    click(session, 6, 11)
    for seed in (5, 6, 7):
        masked(session, worker, seed=seed)
    return session.state.runs.all


def names(session: Session) -> list[str]:
    return [run.name for run in session.state.runs.all]


def test_runs_are_renamed_pinned_and_tagged_and_it_is_undone(
    session: Session, worker: Recorder, made: tuple[Run, ...]
) -> None:
    context, run_id = context_of(session, worker), made[1].id
    run_list.rename_run(context, run_id, "  a better\n eight ")
    run_list.rename_run(context, run_id, "   ")
    run_list.pin_run(context, run_id)
    run_list.tag_run(context, run_id, [" figure 2", "", "odd", "odd"])
    run = session.state.runs.run(run_id)
    assert run is not None
    assert "\n" not in run.name
    assert run.name.startswith("a better")
    assert (run.pinned, run.tags) == (True, ("figure 2", "odd"))
    for _ in range(3):
        session.undo()
    assert names(session) == ["Run 1", "Run 2", "Run 3"]
    assert session.state.runs.run(run_id).tags == ()  # type: ignore[union-attr]
    session.redo()
    runs.delete_run(context, run_id)
    session.undo()
    assert session.state.runs.run(run_id).name == run.name  # type: ignore[union-attr]


def test_runs_are_put_beside_the_shown_one(
    session: Session, worker: Recorder, made: tuple[Run, ...]
) -> None:
    context = context_of(session, worker)
    one, two, three = (run.id for run in made)
    run_list.compare_runs(context, one, (two, three, one, 99))
    state = session.state.runs
    assert (state.shown, state.beside) == (one, (two, three))
    assert [run.id for run in state.companions()] == [two, three]
    assert runs.is_comparing(session.state)
    runs.delete_run(context, two)
    assert session.state.runs.beside == (three,)
    runs.show_run(context, three)
    assert session.state.runs.beside == ()
    assert session.state.runs.companions() == ()
    run_list.compare_runs(context, one, (three,))
    runs.compare_with_unmasked(context, comparing=False)
    assert not runs.is_comparing(session.state)


def test_a_new_run_has_its_time(session: Session, made: tuple[Run, ...]) -> None:
    assert made[0].when > 1.6e9
    assert sorted(run.when for run in made) == [run.when for run in made]


def test_settings_of_a_run_are_taken_with_its_samples_and_its_seed(
    session: Session, worker: Recorder, made: tuple[Run, ...]
) -> None:
    context, run = context_of(session, worker), made[0]
    run_list.use_settings(context, run.id)
    state = session.state.runs
    assert state.settings == replace(run.job.settings, seed=run.seed)
    assert state.condition == run.condition
    assert state.interventions == (replace(PICKED, enabled=False), *run.job.interventions)
    assert said(session) == "Generate now draws with the settings of Run 1."
    # the same rows of other samples are not taken for its own
    other = replace(run, sample_ids=("elsewhere", "s11"))
    session.update(replace(session.state, runs=session.state.runs.with_run(other)))
    run_list.use_settings(context, run.id)
    assert session.state.runs.interventions == (PICKED,)
    assert "left out" in said(session)


def test_settings_of_a_run_with_as_many_interventions_as_there_can_be_are_taken(
    session: Session, worker: Recorder, made: tuple[Run, ...]
) -> None:
    acting = (*made[0].job.interventions, *[Intervention("ablate", Zero())] * 99)
    job = replace(made[0].job, interventions=acting)
    session.update(
        replace(session.state, runs=session.state.runs.with_run(replace(made[0], job=job)))
    )
    run_list.use_settings(context_of(session, worker), made[0].id)
    assert session.state.runs.interventions == acting


def test_the_menu_of_a_picture(
    session: Session, worker: Recorder, made: tuple[Run, ...], tmp_path: Path
) -> None:
    window = NoWindow(file=tmp_path / "a.png", text="one, two ,")
    context, run = context_of(session, worker, window), made[0]
    by_id = {one.id: one for one in RUN_ACTIONS}
    titles = [one.title(session.state, run) for one in RUN_ACTIONS]
    assert twice([letter for letter in map(mnemonic, titles) if letter]) == []
    for name in ("copy-picture", "save-picture", "film", "copy-seed", "recipe"):
        assert by_id[f"run.{name}"].offered(session.state, run), name
        by_id[f"run.{name}"].run(context, run.id, 0)
    for name in ("tags", "pin", "visible"):
        assert by_id[f"run.{name}"].offered(session.state, run), name
        by_id[f"run.{name}"].run(context, run.id, 0)
    asked = {entry[0]: entry for entry in window.asked}
    np.testing.assert_array_equal(asked["copy pixels"][1], run.steps[0].image)  # type: ignore[arg-type]
    assert asked["save"] == ("save", "Picture", tmp_path / "a.png")
    assert "step-1" in str(asked["file"][2])
    assert asked["copy"] == ("copy", str(run.seed))
    assert json.loads(str(asked["show text"][2])) == run.record
    now = session.state.runs.run(run.id)
    assert now is not None
    assert (now.tags, now.pinned, now.visible) == (("one", "two"), True, False)
    by_id["run.delete"].run(context, run.id, 0)
    assert names(session) == ["Run 2", "Run 3"]


def test_a_cancelled_comparison_is_not_waited_for(
    session: Session, worker: Recorder, made: tuple[Run, ...]
) -> None:
    """Neither where the run without the mask is cancelled, nor where the run itself is."""
    context = context_of(session, worker)
    runs.compare_with_unmasked(context)
    assert not worker.submitted[-1].interventions  # type: ignore[attr-defined]
    answers.on_cancelled(context, worker.submitted[-1].job_id)
    assert not session.state.runs.comparing
    assert session.state.runs.unmasked == ()
    job = masked(session, worker, steps=1, ends=False)
    run = session.state.runs.of_job(job.job_id)
    assert run is not None
    runs.show_run(context, run.id)
    runs.compare_with_unmasked(context)
    answers.on_cancelled(context, job.job_id)
    assert not session.state.runs.comparing
    stopped = session.state.runs.of_job(job.job_id)
    assert stopped is not None
    assert stopped.done
    assert not stopped.is_whole
    runs.find_landing(context, 1.0)
    assert said(session) == runs.STOPPED


def test_a_run_leads_back_to_its_map(
    session: Session, worker: Recorder, made: tuple[Run, ...]
) -> None:
    """As after the map of the same layer was made with other settings."""
    context, run = context_of(session, worker), made[0]
    go = next(one for one in RUN_ACTIONS if one.id == "run.map")
    assert not go.offered(session.state, run)
    opened = replace(session.state.opened, parameters=MapParameters(n_neighbors=3))
    session.update(replace(session.state, opened=opened))
    assert not session.state.on_this_map(run)
    assert go.offered(session.state, run)
    go.run(context, run.id, 0)
    assert worker.only(MapLayer).spec == run.job.spec


def test_a_run_among_samples_told_something_else_leads_to_those_told_the_same(
    session: Session, worker: Recorder, made: tuple[Run, ...]
) -> None:
    context, run = context_of(session, worker), made[1]
    (action,) = [one for one in RUN_ACTIONS if one.id == "run.like-map"]
    assert not action.offered(session.state, run)
    for condition, told in ((ZeroLabel(), NOTHING), (ClassLabel(2), OWN_CONDITION)):
        runs_now = session.state.runs
        apart = replace(run, apart="They were told something else.", condition=condition)
        session.update(replace(session.state, runs=runs_now.with_run(apart)))
        assert action.offered(session.state, apart)
        action.run(context, run.id, 0)
        job = worker.submitted[-1]
        assert isinstance(job, MapLayer)
        assert job.spec == replace(run.job.spec, told=told)
        now = session.state.runs
        assert (now.settings.seed, now.condition) == (run.seed, condition)
        assert now.interventions[-1].source == run.job.interventions[0].source
    assert "told their class" in action.title(session.state, apart)
    elsewhere = replace(apart, job=replace(run.job, spec=job.spec))
    assert not action.offered(session.state, elsewhere)
