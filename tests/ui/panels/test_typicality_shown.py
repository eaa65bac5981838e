"""What the panels say of steps and masks that are unlike the samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from made_runs import run_of
from PySide6.QtCore import QRect
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot
from recorder import Recorder

from diffviews_desktop.actions import answers
from diffviews_desktop.actions.masks import judged_masks, masks_to_judge, unknown_masks
from diffviews_desktop.engine.jobs.drawing import JudgeMask, MaskJudged
from diffviews_desktop.engine.jobs.mapping import MapLayer
from diffviews_desktop.state.jobs import RunningJob
from diffviews_desktop.state.picks import Selection
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.panels.generate import GeneratePanel
from diffviews_desktop.ui.panels.runs import RunsPanel
from diffviews_desktop.ui.shell.window import MainWindow
from diffviews_desktop.values.folders import ModelLoaded
from diffviews_desktop.values.interventions import (
    PICKED,
    Factor,
    Intervention,
    SampleMean,
    SavedVector,
)
from diffviews_desktop.values.maps import MapSpec
from diffviews_desktop.values.regions import Channels
from diffviews_desktop.values.typicality import Measured, Typicality

USUAL = Typicality(Measured(1.0, 40.0, 2.0), Measured(0.3, 60.0, 0.4), (1.0, 2.0), (0.2, 5.0), 1.5)
BEYOND = replace(USUAL, outside=Measured(0.92, 100.0, 0.4), sigma=None)


@pytest.fixture
def ready(state: State) -> State:
    """A model that is loaded, and two samples that are picked."""
    loaded = ModelLoaded("m", "cpu", 3, 8, ())
    picked = replace(state.picks, selection=Selection(anchor=3, manual=(4,)))
    return replace(state, opened=replace(state.opened, loaded=loaded), picks=picked)


def with_mask(state: State, typicality: Typicality | None, reason: str = "") -> State:
    """With the first mask judged that Generate would use."""
    job = masks_to_judge(state)[0]
    judged = MaskJudged(replace(job, job_id=7), typicality, reason)
    return replace(state, picks=replace(state.picks, masks=(judged,)))


# ---- runs ---------------------------------------------------------------------------------------


def test_the_filmstrip_marks_steps_that_are_unlike_the_samples(
    qtbot: QtBot, state: State, make_job: Callable, make_step: Callable
) -> None:
    panel = RunsPanel()
    qtbot.addWidget(panel)
    figures = (replace(USUAL, sigma=80.0), USUAL, None)
    steps = tuple(replace(make_step(i), typicality=one) for i, one in enumerate(figures))
    steps = (replace(steps[0], imposed_typicality=BEYOND, imposed_xy=(1.0, 1.0)), *steps[1:])
    run = run_of(make_job(num_steps=3), "Run 1", steps=steps, done=True)

    def show(step: int) -> None:
        shown = replace(state.runs, all=(run,), shown=run.id, step=step)
        panel.set_state(replace(state, runs=shown))

    show(0)
    assert [panel.steps.strip.item(i).text() for i in range(3)] == ["○ σ 10", "σ 5", "σ 3.33"]
    assert panel.steps.where.whole == "step 1/3 · σ 10 · outside σ 0.2–5"
    told = panel.steps.where.toolTip()
    assert "It is outside the samples' noise levels (0.2–5):" in told
    assert "distance 1: above 40 % of the samples at σ 1–2" in told
    assert "What is imposed is beyond the samples' 95 %:" in told
    assert "92 % outside the components: above 100 % of the samples" in told
    assert "outside the samples' noise levels" in panel.steps.strip.item(0).toolTip()
    show(1)
    assert panel.steps.where.whole == "step 2/3 · σ 5"
    assert "It is within the samples' 95 %:" in panel.steps.where.toolTip()
    show(2)
    assert "samples" not in panel.steps.where.toolTip()


# ---- masks --------------------------------------------------------------------------------------


@pytest.fixture
def panel(qtbot: QtBot) -> GeneratePanel:
    made = GeneratePanel()
    qtbot.addWidget(made)
    return made


def test_a_mask_beyond_the_samples_says_so_before_it_is_used(
    panel: GeneratePanel, ready: State
) -> None:
    panel.resize(600, 500)
    panel.show()
    panel.set_state(ready)
    plain = "NFE 5 · mean of 2 samples at midblock, steps 1–5"
    assert panel.hint.whole == plain
    panel.set_state(with_mask(ready, USUAL))
    assert panel.hint.whole == plain
    assert "mask within the samples" in panel.hint.toolTip()
    assert not panel.hint.property("problem")
    panel.set_state(with_mask(ready, BEYOND))
    assert (
        panel.hint.whole == f"Mask beyond the samples' 95 %: 92 % outside the components · {plain}"
    )
    assert panel.hint.property("problem")
    assert "less than 40 % does" in panel.hint.toolTip()
    panel.set_state(with_mask(ready, None, "Map midblock first."))
    assert panel.hint.whole == plain
    assert "Map midblock first." in panel.hint.toolTip()
    assert not panel.hint.property("problem")


def test_a_run_while_another_layer_is_in_work_names_the_layer_that_it_takes(
    panel: GeneratePanel, ready: State
) -> None:
    job = MapLayer(job_id=3, folder=ready.opened.folder, spec=MapSpec("m", ("deep",)))
    running = replace(ready.jobs, running=(RunningJob(job, "Mapping deep", "extracting"),))
    panel.resize(318, 400)
    panel.show()
    panel.set_state(replace(ready, jobs=running))
    wanted = "Draws for midblock while the map of deep is in work · NFE 5 · mean of 2 samples"
    assert panel.hint.whole.startswith(wanted)
    assert _seen_whole(panel) <= panel.hint.height()
    panel.set_state(ready)
    assert "in work" not in panel.hint.whole


def test_a_run_says_on_which_steps_and_how_strongly_its_mask_acts(
    panel: GeneratePanel, ready: State
) -> None:
    def said(mask: Intervention) -> str:
        panel.set_state(replace(ready, runs=replace(ready.runs, interventions=(mask,))))
        return panel.hint.whole.removeprefix("NFE 5 · ")

    assert said(PICKED) == "mean of 2 samples at midblock, steps 1–5"
    assert said(replace(PICKED, step_from=1, step_to=3)).endswith("midblock, steps 2–3")
    assert said(replace(PICKED, step_from=2, step_to=40)).endswith("midblock, steps 3–5")
    assert said(replace(PICKED, strength=0.5)).endswith("steps 1–5, strength 0.5")
    by_distance = replace(PICKED, source=SampleMean(weighting="distance"))
    assert said(by_distance).endswith("steps 1–5, weighted by distance")
    assert said(replace(PICKED, step_from=3, step_to=3)) == "nothing acts"


def places_of(panel: GeneratePanel) -> list[QRect]:
    """Where what one presses and chooses from is."""
    return [one.geometry() for one in (panel.classes, panel.seed, panel.generate, panel.grid)]


def _seen_whole(panel: GeneratePanel) -> int:
    """How high the line above Generate must be for all of it to be seen."""
    wide = QLabel()
    wide.setFont(panel.hint.font())
    wide.setWordWrap(True)
    wide.setText(QLabel.text(panel.hint))
    return wide.heightForWidth(panel.hint.width())


@pytest.mark.parametrize(("width", "height"), [(290, 560), (318, 500), (318, 1000), (600, 500)])
def test_nothing_of_what_a_run_will_use_is_cut_off(
    panel: GeneratePanel, ready: State, width: int, height: int
) -> None:
    layers = ("encoder_bottleneck", "decoder_block_12")
    spec = MapSpec("m", layers)
    assert ready.opened.layer_map is not None
    shown = replace(ready.opened, layer_map=replace(ready.opened.layer_map, layers=layers))
    job = MapLayer(job_id=3, folder=ready.opened.folder, spec=MapSpec("m", ("encoder_block_3",)))
    running = replace(ready.jobs, running=(RunningJob(job, "Mapping", "extracting"),))
    judged = with_mask(replace(ready, opened=shown), BEYOND)
    panel.resize(width, height)
    panel.show()
    panel.set_state(ready)
    QApplication.processEvents()
    short, places = panel.hint.height(), places_of(panel)
    for state in (judged, replace(judged, jobs=running)):
        panel.set_state(state)
        QApplication.sendPostedEvents()
        QApplication.processEvents()
        assert panel.hint.whole.endswith("steps 1–5")
        needed = _seen_whole(panel)
        assert needed <= panel.hint.height()
        assert panel.rect().contains(panel.generate.geometry())
        assert places_of(panel) == places
    assert str(spec.layers) in panel.hint.whole
    panel.set_state(ready)
    assert panel.hint.height() == short


def test_what_was_said_of_another_mask_is_not_shown(panel: GeneratePanel, ready: State) -> None:
    judged = with_mask(ready, BEYOND)
    other = judged.with_selection(Selection(anchor=3, manual=(5,)))
    weighted = (replace(PICKED, source=SampleMean(weighting="distance")),)
    for changed in (other, replace(judged, runs=replace(judged.runs, interventions=weighted))):
        assert judged_masks(changed) == ()
        panel.set_state(changed)
        assert "95 %" not in panel.hint.whole


def test_nothing_is_asked_without_a_pick_or_a_model(ready: State) -> None:
    mask = JudgeMask(job_id=0, folder=ready.opened.folder, spec=ready.opened.spec, rows=(3, 4))
    assert masks_to_judge(ready) == (mask,)
    assert masks_to_judge(ready.with_selection(Selection())) == ()
    assert masks_to_judge(replace(ready, opened=replace(ready.opened, loaded=None))) == ()
    assert masks_to_judge(replace(ready, opened=replace(ready.opened, layer_map=None))) == ()


STACK = (
    Intervention("scale", Factor(0.5)),
    PICKED,
    Intervention("replace", SavedVector("smile"), layers=("a",), strength=0.5, step_from=1),
    Intervention("replace", SampleMean((7, 8)), region=Channels((0,))),
    Intervention("replace", SampleMean((7, 8)), enabled=False),
    Intervention("add", SavedVector("frown")),
)


def test_every_mask_of_a_stack_is_judged(panel: GeneratePanel, ready: State) -> None:
    """Those that hold whole layers at given values, however much and when."""
    stacked = replace(ready, runs=replace(ready.runs, interventions=STACK))
    mask, saved = masks_to_judge(stacked)
    assert (mask.rows, mask.saved, mask.layers) == ((3, 4), "", ())
    assert (saved.rows, saved.saved, saved.layers) == ((), "smile", ("a",))
    judged = (
        MaskJudged(replace(mask, job_id=7), USUAL),
        MaskJudged(replace(saved, job_id=8), BEYOND),
    )
    shown = replace(stacked, picks=replace(stacked.picks, masks=judged))
    assert unknown_masks(shown) == ()
    panel.set_state(shown)
    assert panel.hint.whole.startswith("Replace smile beyond the samples' 95 %: 92 % outside")
    assert "mask of 2 samples within the samples" in panel.hint.toolTip()
    assert panel.hint.property("problem")
    weaker = (*STACK[:2], replace(STACK[2], strength=0.1), *STACK[3:])
    assert judged_masks(replace(shown, runs=replace(shown.runs, interventions=weaker))) == judged
    panel.set_state(replace(stacked, picks=replace(stacked.picks, masks=judged[:1])))
    assert not panel.hint.property("problem")
    assert unknown_masks(panel._state) == (saved,)


def test_the_masks_of_a_stack_are_judged_one_after_the_other(
    qtbot: QtBot, open_window: Callable[..., MainWindow], worker: Recorder, ready: State
) -> None:
    window = open_window(replace(ready, runs=replace(ready.runs, interventions=STACK)))
    window.session.select(Selection(anchor=6), "pick")
    qtbot.waitUntil(lambda: masks_asked_for(worker) == [(6,)])
    first = worker.jobs[-1]
    answers.on_failed(window.context, first.job_id, "The picture is missing.", "")
    qtbot.waitUntil(lambda: masks_asked_for(worker) == [(6,), ()])
    second = worker.jobs[-1]
    assert isinstance(second, JudgeMask)
    answers.on_finished(window.context, second.job_id, MaskJudged(second, BEYOND), None)
    assert "Replace smile beyond" in window.generate_panel.hint.whole
    qtbot.wait(500)
    assert len(masks_asked_for(worker)) == 2


def masks_asked_for(worker: Recorder) -> list[tuple[int, ...]]:
    return [job.rows for job in worker.jobs if isinstance(job, JudgeMask)]


def test_each_picked_mask_is_judged_once_when_the_engine_waits(
    qtbot: QtBot, open_window: Callable[..., MainWindow], worker: Recorder, ready: State
) -> None:
    window = open_window(ready.with_selection(Selection()))
    for rows in ((1,), (1, 2), (1, 2, 5)):  # picked quickly one after the other
        window.session.select(Selection(anchor=3, manual=rows), "pick")
    qtbot.waitUntil(lambda: bool(masks_asked_for(worker)))
    assert masks_asked_for(worker) == [(3, 1, 2, 5)]
    job = worker.jobs[-1]
    window.session.select(Selection(anchor=6), "pick")
    qtbot.wait(500)
    assert len(masks_asked_for(worker)) == 1  # the engine is busy with the first
    assert isinstance(job, JudgeMask)
    answers.on_finished(window.context, job.job_id, MaskJudged(job, BEYOND), None)
    assert "95 %" not in window.generate_panel.hint.whole  # another one is picked by now
    qtbot.waitUntil(lambda: len(masks_asked_for(worker)) == 2)
    second = worker.jobs[-1]
    answers.on_failed(window.context, second.job_id, "The picture is missing.", "")
    qtbot.wait(500)
    assert masks_asked_for(worker)[1:] == [(6,)]  # not again and again
