"""The frozen state and its transitions."""

from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_runs import run_of

from diffviews_desktop.engine.jobs.drawing import Generate
from diffviews_desktop.engine.jobs.opening import LoadModel
from diffviews_desktop.state.jobs import EndedJob, Jobs, RunningJob
from diffviews_desktop.state.opened import Opened
from diffviews_desktop.state.picks import Selection
from diffviews_desktop.state.runs import Run, Runs
from diffviews_desktop.state.state import State
from diffviews_desktop.values.conditions import from_choice
from diffviews_desktop.values.folders import FolderRef, ModelLoaded, ModelSummary
from diffviews_desktop.values.interventions import mean_of_samples
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.maps import LayerMap, MapParameters, MapSpec
from diffviews_desktop.values.samples import SampleTable
from diffviews_desktop.values.sampling import SamplingSettings


def run(job_id: int, layers: tuple[str, ...] = ("midblock",), model: str = "edm") -> Generate:
    return Generate(
        job_id=job_id,
        folder=FolderRef(),
        spec=MapSpec(model, layers),
        interventions=mean_of_samples((1,)),
        condition=from_choice(0),
        settings=SamplingSettings(),
    )


def record(job_id: int) -> Run:
    return run_of(run(job_id), f"Run {job_id}")


def layer_map(layers: tuple[str, ...] = ("midblock",), model: str = "edm") -> LayerMap:
    xy = np.zeros((3, 2), np.float32)
    return LayerMap(
        model=model,
        layers=layers,
        xy=xy,
        reduced=xy,
        from_cache=True,
        parameters={},
        path=Path("map"),
    )


# --- the selection -------------------------------------------------------------------------------


def test_neighbours_are_those_by_hand_then_those_suggested() -> None:
    selection = Selection(anchor=5, manual=(9, 2), suggested=((7, 0.1), (2, 0.2), (3, 0.3)))
    assert selection.neighbors == (9, 2, 7, 3)
    assert selection.rows == (5, 9, 2, 7, 3)
    assert Selection(manual=(1,), suggested=((2, 0.5),)).rows == ()


def test_a_toggle_adds_by_hand_or_removes() -> None:
    selection = Selection(anchor=5, suggested=((7, 0.1), (3, 0.3)))
    added = selection.toggle(1)
    assert added.manual == (1,)
    assert added.toggle(1) == selection
    assert added.toggle(7).suggested == ((3, 0.3),)
    both = Selection(anchor=5, manual=(7,), suggested=((7, 0.1),))
    assert both.toggle(7) == Selection(anchor=5)


@given(
    st.lists(st.integers(0, 9), unique=True),
    st.lists(st.integers(0, 9), unique=True),
    st.integers(0, 9),
)
def test_toggling_twice_leaves_the_same_neighbours_and_none_twice(
    manual: list[int], suggested: list[int], row: int
) -> None:
    before = Selection(10, tuple(manual), tuple((r, float(r)) for r in suggested))
    once = before.toggle(row)
    assert set(once.neighbors) == set(before.neighbors) ^ {row}
    assert set(once.toggle(row).neighbors) == set(before.neighbors)
    assert len(set(once.neighbors)) == len(once.neighbors)


def test_nothing_can_be_changed_in_place() -> None:
    for value, name in ((Selection(), "anchor"), (State(), "model"), (record(1), "done")):
        with pytest.raises(FrozenInstanceError):
            setattr(value, name, 3)


def test_a_map_is_told_by_its_layers_and_parameters() -> None:
    parameters = MapParameters(seed=1)
    state = State(opened=Opened(layer_map=layer_map(), parameters=parameters))
    assert State().opened.spec is None
    spec = MapSpec("edm", LayerSet(["midblock"]), parameters)
    assert state.opened.spec == spec
    by = Selection(1, (2,), ((0, 0.5),), spec)
    assert state.with_selection(by).picks.selection == by
    # on another map they stay, and say where they come from
    assert State(opened=Opened(layer_map=layer_map())).with_selection(by).picks.selection == by


# --- jobs and runs -----------------------------------------------------------------------


def test_a_job_is_added_replaced_in_place_and_removed() -> None:
    first = RunningJob(LoadModel(job_id=1, folder=FolderRef(), model="edm"), "Loading")
    second = RunningJob(run(2), "Generating")
    jobs = Jobs().with_job(first).with_job(second)
    assert [r.title for r in jobs.running] == ["Loading", "Generating"]
    changed = RunningJob(first.job, "Loading", stage="loading", fraction=0.5)
    jobs = jobs.with_job(changed)
    assert jobs.running == (changed, second)
    assert jobs.job(1) is changed
    assert jobs.job(3) is None
    assert jobs.without_job(1, "finished", 9.0).running == (second,)
    assert jobs.without_job(3, "finished", 9.0) is jobs


def test_the_last_hundred_ended_jobs_are_kept_with_how_they_ended() -> None:
    jobs = Jobs()
    for number in range(103):
        jobs = jobs.with_job(RunningJob(run(number), f"Job {number}", since=number / 2))
    jobs = jobs.without_job(0, "failed", 7.0, "No memory.")
    (ended,) = jobs.ended
    assert ended.job == run(0)
    assert ended == EndedJob(
        0, "Job 0", "failed", "No memory.", 7.0, when=ended.when, job=ended.job
    )
    for number in range(1, 103):
        jobs = jobs.without_job(number, "cancelled", 60.0)
    assert [ended.job_id for ended in jobs.ended] == list(range(3, 103))
    last = jobs.ended[-1]
    assert (last.title, last.outcome, last.seconds) == ("Job 102", "cancelled", 9.0)
    waiting = Jobs().with_job(RunningJob(run(1), "Waits")).without_job(1, "cancelled", 5.0)
    assert waiting.ended[0].seconds is None


def test_a_run_is_found_and_replaced() -> None:
    state = State(runs=Runs(all=(record(3), record(4)), shown=4))
    shown = state.runs.run()
    assert shown is state.runs.all[1]
    assert state.runs.run(3) is state.runs.all[0]
    assert state.runs.run(5) is None
    assert State().runs.run() is None
    newer = run_of(run(3), "Run 3", done=True)
    assert state.runs.with_run(newer).all == (newer, shown)
    gone = run_of(run(9), "Run 9")
    assert state.runs.with_run(gone).all == state.runs.all


def test_a_run_belongs_to_one_map() -> None:
    kept = record(1)
    assert State(opened=Opened(layer_map=layer_map())).on_this_map(kept)
    assert not State().on_this_map(kept)
    assert not State(opened=Opened(layer_map=layer_map(("decoder_block_1",)))).on_this_map(kept)
    assert not State(opened=Opened(layer_map=layer_map(model="dmd2"))).on_this_map(kept)
    others = MapParameters(seed=1)
    assert not State(opened=Opened(layer_map=layer_map(), parameters=others)).on_this_map(kept)
    other = FolderRef(Path("elsewhere"))
    assert not State(opened=Opened(layer_map=layer_map(), folder=other)).on_this_map(kept)


def test_every_notice_is_new_even_with_the_same_words() -> None:
    once = State().with_notice("Done.")
    twice = once.with_notice("Done.")
    assert once.notice is not None
    assert twice.notice is not None
    assert once.notice != twice.notice
    assert (twice.notice.text, twice.notice.level, twice.notice.details) == ("Done.", "info", "")
    failed = twice.with_notice("No.", error=True, details="why")
    assert failed.notice is not None
    assert (failed.notice.level, failed.notice.details) == ("error", "why")


def test_the_summary_is_that_of_the_open_model() -> None:
    models = tuple(ModelSummary(name, "a", "", SamplingSettings()) for name in ("dmd2", "edm"))
    assert State(opened=Opened(models=models, model="edm")).opened.summary() is models[1]
    assert State(opened=Opened(models=models)).opened.summary() is None


def test_classes_have_names_and_class_0_is_one() -> None:
    samples = SampleTable(
        root=Path(),
        sample_id=("a", "b", "c"),
        class_label=np.array([0, 3, 7], dtype=np.int32),
        class_name=("zero", "three", "7"),
        image_path=("",) * 3,
        sigma=np.ones(3, np.float32),
    )
    assert Opened(samples=samples).class_names() == ((0, "zero"), (3, "three"), (7, "7"))
    assert Opened().class_names() == ()


def test_a_loaded_model_names_its_classes_and_an_unconditional_one_has_none() -> None:
    loaded = ModelLoaded("edm", "cpu", 3, 8, (), class_names=((0, "zero"), (2, "two"), (3, "3")))
    state = State(opened=Opened(loaded=loaded))
    assert state.opened.class_names() == loaded.class_names
    assert not state.opened.unconditional
    free = State(opened=Opened(loaded=ModelLoaded("edm", "cpu", 0, 8, ())))
    assert free.opened.unconditional
    assert not State().opened.unconditional


def test_only_visible_runs_of_this_map_are_on_it() -> None:
    here, elsewhere = record(1), run_of(run(3, ("other",)), name="elsewhere")
    hidden = replace(record(2), visible=False)
    state = State(
        opened=Opened(model="edm", layer_map=layer_map()), runs=Runs(all=(here, hidden, elsewhere))
    )
    assert state.on_map() == ([here], None)
    done = replace(here, seed=3)
    unmasked = run_of(replace(done.unmasked, job_id=9), "unmasked")
    compared = replace(
        state, runs=replace(state.runs, all=(done,), unmasked=(unmasked,), shown=1, comparing=True)
    )
    assert compared.on_map() == ([done], unmasked)
    assert replace(compared, runs=replace(compared.runs, comparing=False)).on_map() == (
        [done],
        None,
    )
