"""The panels: what they show of a state, and what they ask for."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from made_runs import run_of
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from diffviews_desktop.engine.jobs.mapping import MapLayer
from diffviews_desktop.engine.protocol import Progress
from diffviews_desktop.state.jobs import RunningJob
from diffviews_desktop.state.picks import Selection, Within
from diffviews_desktop.state.state import State
from diffviews_desktop.ui.common.images import PictureLoader
from diffviews_desktop.ui.panels.classes import ClassesPanel
from diffviews_desktop.ui.panels.color import ColorPanel
from diffviews_desktop.ui.panels.gallery import GalleryPanel
from diffviews_desktop.ui.panels.generate import GeneratePanel
from diffviews_desktop.ui.panels.layer import LayerPanel
from diffviews_desktop.ui.panels.preview import PreviewPanel
from diffviews_desktop.ui.shell import status_bar
from diffviews_desktop.ui.shell.notice_bar import NoticeBar
from diffviews_desktop.ui.shell.status_bar import StatusBar
from diffviews_desktop.values.columns import Column
from diffviews_desktop.values.conditions import AnchorClass, ClassLabel, UniformLabel, ZeroLabel
from diffviews_desktop.values.folders import FolderRef, LayerInfo, ModelLoaded, Overrides
from diffviews_desktop.values.interventions import PICKED
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.map_quality import MapQuality
from diffviews_desktop.values.maps import MapParameters, MapSpec
from diffviews_desktop.values.samples import SampleTable
from diffviews_desktop.values.sampling import SamplingSettings
from diffviews_desktop.values.told import NOTHING, OWN_CONDITION, Told


@pytest.fixture
def pictures(qapp: QApplication) -> PictureLoader:
    return PictureLoader()


# ---- generate -----------------------------------------------------------------------------------


@pytest.fixture
def generate(qtbot: QtBot, state: State) -> GeneratePanel:
    panel = GeneratePanel()
    qtbot.addWidget(panel)
    ready = replace(
        state,
        picks=replace(state.picks, selection=Selection(anchor=3)),
        runs=replace(state.runs, settings=SamplingSettings()),
    )
    # as in the window: what the panel says comes back to it as state
    panel.settings_changed.connect(
        lambda settings, condition, interventions: panel.set_state(
            replace(
                ready,
                runs=replace(
                    ready.runs, settings=settings, condition=condition, interventions=interventions
                ),
            )
        )
    )
    panel.set_state(ready)
    return panel


def test_noise_levels_are_told_in_percent_as_well(generate: GeneratePanel) -> None:
    assert "first step: 100 % noise" in generate.sampling.sigma_max.toolTip()
    assert "last step: 52.1 % noise" in generate.sampling.sigma_min.toolTip()
    generate.sampling.sigma_max.setValue(0.4)
    assert "first step: 50 % noise" in generate.sampling.sigma_max.toolTip()


def test_the_zero_label_tells_whether_it_was_trained(generate: GeneratePanel, state: State) -> None:
    loaded = ModelLoaded("m", "cpu", 3, 8, (), guidance_note="Labels were dropped in 10%.")
    generate.set_state(replace(state, opened=replace(state.opened, loaded=loaded)))
    row = generate.classes.findText("zero label")
    told = generate.classes.itemData(row, Qt.ItemDataRole.ToolTipRole)
    assert "Labels were dropped in 10%." in told
    assert "Labels were dropped in 10%." in generate.sampling.guidance.toolTip()


def test_generate_asks_with_what_is_shown(qtbot: QtBot, generate: GeneratePanel) -> None:
    generate.sampling.steps.setValue(7)
    generate.masking.mask_steps.setValue(2)
    generate.sampling.guidance.setValue(1.5)
    generate.sampling.noise.setCurrentIndex(generate.sampling.noise.findData("zero"))
    with qtbot.waitSignal(generate.generate_requested) as caught:
        generate.press()
    settings, condition, interventions = caught.args
    assert settings == SamplingSettings(num_steps=7, guidance_scale=1.5, noise_mode="zero")
    assert interventions == (replace(PICKED, step_to=2),)
    assert condition is None  # nobody chose one


def told_map(state: State, told: Told) -> State:
    """The state with a map of samples that were told something."""
    layer_map = state.opened.layer_map
    assert layer_map is not None
    shown = replace(layer_map, told=told)
    return replace(state, opened=replace(state.opened, layer_map=shown))


def test_the_class_follows_what_samples_were_told_until_the_user_chooses(
    qtbot: QtBot, generate: GeneratePanel, state: State
) -> None:
    state = replace(state, picks=replace(state.picks, selection=Selection(anchor=3)))
    for told_all, shown in (
        (NOTHING, ZeroLabel()),
        (OWN_CONDITION, AnchorClass()),
        (UniformLabel(), UniformLabel()),
        (ClassLabel(1), ClassLabel(1)),
        (NOTHING, ZeroLabel()),
    ):
        generate.set_state(told_map(state, told_all))
        assert generate.classes.currentData() == shown
    generate.sampling.steps.setValue(9)  # another field is no choice of a class
    with qtbot.waitSignal(generate.generate_requested) as caught:
        generate.press()
    assert caught.args[1] is None
    # what is chosen stays, also where it is what was shown
    row = generate.classes.findText("zero label")
    generate.classes.setCurrentIndex(row)
    with qtbot.waitSignal(generate.settings_changed) as caught:
        generate.classes.activated.emit(row)
    assert caught.args[1] == ZeroLabel()
    chosen = replace(state, runs=replace(state.runs, condition=ZeroLabel()))
    generate.set_state(told_map(chosen, OWN_CONDITION))
    assert generate.classes.currentData() == ZeroLabel()
    with qtbot.waitSignal(generate.settings_changed) as caught:
        generate.sampling.steps.setValue(4)
    assert caught.args[1] == ZeroLabel()


def test_impossible_values_cannot_be_entered(generate: GeneratePanel) -> None:
    generate.sampling.sigma_max.setValue(2.0)
    generate.sampling.sigma_min.setValue(50.0)
    assert generate.settings().sigma_min <= 2.0
    generate.sampling.sigma_min.setValue(-1.0)
    assert generate.settings().sigma_min > 0
    generate.sampling.steps.setValue(0)
    assert generate.settings().num_steps == 1
    generate.masking.mask_steps.setValue(9)
    (one,) = generate.interventions()
    assert (one.step_from, one.step_to) == (0, None)


def test_masking_all_steps_stays_all_when_steps_change(generate: GeneratePanel) -> None:
    assert generate.masking.mask_steps.value() == generate.settings().num_steps == 5
    generate.sampling.steps.setValue(12)
    assert generate.masking.mask_steps.value() == 12
    assert generate.interventions() == (PICKED,)


def test_class_0_is_a_class_and_not_random(generate: GeneratePanel) -> None:
    texts = [generate.classes.itemText(i) for i in range(generate.classes.count())]
    assert texts[4:] == ["0: zero", "1: one", "2: two"]
    generate.classes.setCurrentIndex(4)
    generate.classes.activated.emit(4)
    assert generate.classes.currentData() == ClassLabel(0)


def test_a_typed_seed_is_kept_and_nonsense_is_not(qtbot: QtBot, generate: GeneratePanel) -> None:
    assert generate.settings().seed is None
    qtbot.keyClicks(generate.seed, "123")
    qtbot.keyClick(generate.seed, Qt.Key.Key_Return)
    assert generate.settings().seed == 123
    assert generate.lock.isChecked()
    generate.seed.clear()
    qtbot.keyClicks(generate.seed, "abc")
    qtbot.keyClick(generate.seed, Qt.Key.Key_Return)
    assert generate.settings().seed is None
    assert not generate.lock.isChecked()


def test_the_seed_of_the_last_run_can_be_locked(generate: GeneratePanel, state, make_job) -> None:
    record = run_of(make_job(), "Run 1", seed=77)
    shown = replace(
        state,
        picks=replace(state.picks, selection=Selection(anchor=3)),
        runs=replace(state.runs, all=(record,), shown=record.id),
    )
    generate.set_state(shown)
    assert generate.seed.text() == "77"
    generate.lock.setChecked(True)
    assert generate.settings().seed == 77


def test_why_nothing_can_be_drawn_is_said_and_nothing_is_asked_for(
    qtbot: QtBot, generate: GeneratePanel, state: State
) -> None:
    nothing = replace(state, picks=replace(state.picks, selection=Selection()))
    broken = replace(
        state,
        picks=replace(state.picks, selection=Selection(anchor=1)),
        opened=replace(state.opened, model_problem="No checkpoint."),
    )
    for now, why in ((nothing, "Click a point"), (broken, "No checkpoint.")):
        generate.set_state(now)
        assert why in generate.hint.whole
        with qtbot.assertNotEmitted(generate.generate_requested):
            generate.press()


def test_generate_can_be_pressed_while_one_runs(
    qtbot: QtBot, generate: GeneratePanel, state, make_job
) -> None:
    jobs = tuple(RunningJob(make_job(i), f"Generating {i}") for i in (1, 2, 3))
    generate.set_state(
        replace(
            state,
            picks=replace(state.picks, selection=Selection(anchor=1)),
            jobs=replace(state.jobs, running=jobs),
        )
    )
    assert "2 waiting" in generate.generate.text()
    with qtbot.waitSignal(generate.generate_requested):
        generate.press()


# ---- gallery ------------------------------------------------------------------------------------


@pytest.fixture
def gallery(qtbot: QtBot, pictures: PictureLoader, state: State) -> GalleryPanel:
    panel = GalleryPanel(pictures)
    qtbot.addWidget(panel)
    panel.resize(320, 400)
    panel.show()
    picked = Selection(anchor=0, manual=(4,), suggested=((6, 1.25), (7, 2.5)))
    panel.set_state(replace(state, picks=replace(state.picks, selection=picked)))
    return panel


def centre_of(gallery: GalleryPanel, index: int) -> object:
    return gallery.list.visualItemRect(gallery.list.item(index)).center()


def test_the_gallery_names_distances_and_hand_picked_ones(gallery: GalleryPanel) -> None:
    texts = [gallery.list.item(i).text() for i in range(gallery.list.count())]
    assert texts == ["1\nmanual", "0\n1.25", "1\n2.50"]
    assert "σ 8" in gallery.anchor.toolTip()


def test_the_gallery_says_where_neighbours_are_looked_for(
    gallery: GalleryPanel, state: State
) -> None:
    assert gallery.searched.isHidden()  # nobody measured what the components keep
    assert state.opened.layer_map is not None

    def show(share: float, **picks: object) -> str:
        shown = replace(state.opened.layer_map, quality=MapQuality(reduction=share))
        picked = Selection(anchor=0, suggested=((6, 1.25),), in_layer=bool(picks.pop("found", 0)))
        now = replace(state, opened=replace(state.opened, layer_map=shown))
        now = replace(now, picks=replace(state.picks, selection=picked, **picks))
        gallery.set_state(now)
        return gallery.searched.whole

    assert show(0.93) == "2 components keep 93% of the layer's neighbours"
    assert show(0.77, found=True) == "Suggest looks in the whole layer"
    assert "keep 77%" in gallery.searched.toolTip()
    assert "1.2500 in the whole layer" in gallery.list.item(0).toolTip()
    assert show(0.77) == "2 components keep 77% of the layer's neighbours"
    assert "not stored" in gallery.searched.toolTip()
    assert show(0.77, suggest_on_map=True) == ""
    assert gallery.searched.isHidden()


def test_the_gallery_says_that_neighbours_were_suggested_on_another_map(
    gallery: GalleryPanel, state: State
) -> None:
    def show(by: MapSpec | None) -> tuple[str, str]:
        picked = Selection(anchor=0, manual=(4,), suggested=((6, 1.25),), suggested_by=by)
        gallery.set_state(replace(state, picks=replace(state.picks, selection=picked)))
        assert "suggested" not in gallery.list.item(0).toolTip()  # added by hand
        return gallery.hint.text(), gallery.list.item(1).toolTip()

    hint, told = show(state.opened.spec)
    assert "suggested" not in hint + told
    hint, told = show(MapSpec("m", LayerSet(["decoder"])))
    assert hint.endswith("feed the mask. They were suggested on decoder.")
    assert "1.2500, suggested on decoder" in told
    hint, told = show(replace(state.opened.spec, parameters=MapParameters(seed=7)))
    assert hint.endswith("They were suggested on another map of this layer.")


def test_a_click_removes_a_neighbour(qtbot: QtBot, gallery: GalleryPanel) -> None:
    with qtbot.waitSignal(gallery.removed) as caught:
        qtbot.mouseClick(
            gallery.list.viewport(), Qt.MouseButton.LeftButton, pos=centre_of(gallery, 1)
        )
    assert caught.args == [6]


def test_a_double_click_flies_there_and_removes_nothing(
    qtbot: QtBot, gallery: GalleryPanel
) -> None:
    removed: list[int] = []
    gallery.removed.connect(removed.append)
    place = centre_of(gallery, 2)
    with qtbot.waitSignal(gallery.located) as caught:
        qtbot.mouseClick(gallery.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
        qtbot.mouseDClick(gallery.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert caught.args == [7]
    qtbot.wait(QApplication.doubleClickInterval() + 100)
    assert removed == []


def test_delete_removes_the_current_neighbour(qtbot: QtBot, gallery: GalleryPanel) -> None:
    gallery.list.setCurrentRow(0)
    with qtbot.waitSignal(gallery.removed) as caught:
        qtbot.keyClick(gallery.list, Qt.Key.Key_Delete)
    assert caught.args == [4]


def test_how_many_are_suggested_and_where_is_told_at_once(
    qtbot: QtBot, gallery: GalleryPanel
) -> None:
    gallery.space.setCurrentIndex(1)
    with qtbot.waitSignal(gallery.suggestion_changed) as caught:
        gallery.count.setValue(9)
    assert caught.args == [9, True, Within()]


# ---- the others ---------------------------------------------------------------------------------


def test_preview_shows_hover_then_falls_back_to_the_anchor(
    qtbot: QtBot, pictures: PictureLoader, state: State
) -> None:
    panel = PreviewPanel(pictures)
    qtbot.addWidget(panel)
    panel.set_state(replace(state, picks=replace(state.picks, selection=Selection(anchor=2))))
    panel.show_row(8)
    qtbot.waitUntil(lambda: not panel.picture.pixmap().isNull())
    qtbot.waitUntil(lambda: panel.picture.pixmap().toImage().pixelColor(5, 5).red() == 40)
    assert panel.name.text() == "2 · two"
    assert "#8" in panel.facts.text()
    panel.show_row(None)
    assert panel.name.text() == "Anchor: 2 · two"


def test_preview_marks_a_missing_picture(qtbot: QtBot, pictures, state: State) -> None:
    panel = PreviewPanel(pictures)
    qtbot.addWidget(panel)
    panel.set_state(state)
    panel.show_row(4)
    assert "missing" in panel.picture.toolTip()
    assert not panel.picture.pixmap().isNull()


def test_classes_can_be_found_and_toggled(qtbot: QtBot, state: State) -> None:
    panel = ClassesPanel()
    qtbot.addWidget(panel)
    panel.set_state(state)
    texts = [panel.list.item(i).text() for i in range(panel.list.count())]
    assert texts == ["0: zero   (10)", "1: one   (10)", "2: two   (10)"]
    panel.search.setText("tw")
    assert [panel.list.item(i).isHidden() for i in range(3)] == [True, True, False]
    with qtbot.waitSignal(panel.class_chosen) as caught:
        panel.list.itemClicked.emit(panel.list.item(2))
    assert caught.args == [2]
    panel.set_state(replace(state, view=replace(state.view, highlighted_class=2)))
    with qtbot.waitSignal(panel.class_chosen) as caught:
        panel.list.itemClicked.emit(panel.list.item(2))
    assert caught.args == [None]


def test_layers_say_whether_they_are_mapped(qtbot: QtBot, state: State) -> None:
    panel = LayerPanel()
    qtbot.addWidget(panel)
    layers = (
        LayerInfo("midblock", (4, 8, 8), True),
        LayerInfo("decoder_block_1", (4, 8, 8), False),
    )
    loaded = ModelLoaded("m", "cpu", 3, 8, layers)
    both = ("encoder_bottleneck", "midblock")
    panel.set_state(
        replace(state, opened=replace(state.opened, loaded=loaded, default_layers=both))
    )
    texts = [panel.layers.itemText(i) for i in range(panel.layers.count())]
    assert texts[0] == "encoder_bottleneck+midblock  (default)"
    assert "not mapped yet" not in texts[1]
    assert "not mapped yet" in texts[2]
    assert panel.layers.currentData() == ("midblock",)
    job = MapLayer(job_id=5, folder=FolderRef(), spec=MapSpec("m", ("decoder_block_1",)))
    panel.set_state(
        replace(
            state,
            opened=replace(state.opened, loaded=loaded),
            jobs=replace(state.jobs, running=(RunningJob(job, "Mapping"),)),
        )
    )
    assert panel.layers.currentData() == ("decoder_block_1",)
    with qtbot.waitSignal(panel.layers_chosen) as caught:
        panel.layers.activated.emit(0)
    assert caught.args == [("midblock",)]


def test_layers_say_what_they_take(qtbot: QtBot, state: State) -> None:
    panel = LayerPanel()
    qtbot.addWidget(panel)
    layers = (LayerInfo("midblock", (4, 8, 8), True), LayerInfo("huge", (512, 64, 64), False))
    loaded = ModelLoaded("m", "cpu", 3, 8, layers)
    panel.set_state(replace(state, opened=replace(state.opened, loaded=loaded)))
    texts = [panel.layers.itemText(i) for i in range(panel.layers.count())]
    assert texts[1] == "midblock  4×8×8  ·  mapped"
    assert texts[2] == "huge  512×64×64  ·  not mapped yet · 252 MB"
    tip = Qt.ItemDataRole.ToolTipRole
    assert "appears at once" in panel.layers.itemData(1, tip)
    for rate, duration in ((0.75, "40 s"), (10.0, "3 s"), (0.1, "5 min"), (0.001, "8.3 h")):
        panel.set_state(replace(state, opened=replace(state.opened, loaded=loaded, rate=rate)))
        assert panel.layers.itemText(2).endswith(f"252 MB · about {duration}")
        assert f"30 samples to run. On disk and in time: 252 MB · about {duration}." in (
            panel.layers.itemData(2, tip)
        )
    half = FolderRef(overrides=Overrides(activation_dtype="float16"))
    panel.set_state(
        replace(state, opened=replace(state.opened, loaded=replace(loaded), folder=half))
    )
    assert panel.layers.itemText(2).endswith("126 MB")


def test_colours_that_cannot_be_say_why(qtbot: QtBot, state: State) -> None:
    panel = ColorPanel()
    qtbot.addWidget(panel)
    assert not panel.choice.isEnabled()
    assert panel.choice.toolTip() == "The map is not there yet."

    def off() -> dict[str, str]:
        model, tip = panel.choice.model(), Qt.ItemDataRole.ToolTipRole
        rows = range(panel.choice.count())
        enabled = Qt.ItemFlag.ItemIsEnabled
        return {
            panel.choice.itemData(i): panel.choice.itemData(i, tip)
            for i in rows
            if not model.flags(model.index(i, 0)) & enabled
        }

    panel.set_state(state)
    assert panel.choice.isEnabled()
    known = {"trust", "kept", "outside", "percentile", "z", "distance", "overlap"}
    later = {"cluster", "set"}
    assert set(off()) == known | later
    assert "not judged" in off()["trust"]
    assert state.opened.layer_map is not None
    shares = np.full(30, 0.9)
    full = replace(
        state.opened.layer_map,
        **dict.fromkeys(("trust", "kept", "near", "outside"), shares),
        z=np.zeros(30),
    )
    shown = replace(
        state,
        opened=replace(state.opened, layer_map=full),
        picks=replace(state.picks, selection=Selection(anchor=1)),
        view=replace(state.view, color_by="z"),
    )
    panel.set_state(shown)
    assert set(off()) == {"overlap"} | later
    assert "Find clusters" in off()["cluster"]
    assert "second map" in off()["overlap"]
    assert panel.choice.currentData() == "z"
    panel.set_state(
        replace(shown, opened=replace(shown.opened, layer_map=state.opened.layer_map))
    )  # this map is flat
    assert panel.choice.currentData() == "class"


def test_columns_that_cannot_be_shown_are_listed_with_the_reason(
    qtbot: QtBot, state: State
) -> None:
    panel = ColorPanel()
    qtbot.addWidget(panel)
    count = len(state.opened.samples)
    files = tuple(f"{i}.png" for i in range(count * 10))
    columns = {
        "score": Column(np.linspace(0, 1, count), note="1 infinite value counts as no value"),
        "file": Column(np.arange(count, dtype=np.int32), files),
        "split": Column(np.zeros(count, np.int32), ("train",)),
    }
    left_out = {"boxes": "it holds lists or objects, not one value a sample"}
    samples = replace(state.opened.samples, columns=columns, left_out=left_out)
    shown = replace(
        state,
        opened=replace(state.opened, samples=samples),
        view=replace(state.view, color_by="column:file"),
    )
    panel.set_state(shown)
    model, tip = panel.choice.model(), Qt.ItemDataRole.ToolTipRole
    rows = range(panel.choice.findText("score"), panel.choice.count())
    said = {panel.choice.itemText(row): panel.choice.itemData(row, tip) for row in rows}
    on = [
        panel.choice.itemText(row)
        for row in rows
        if model.flags(model.index(row, 0)) & Qt.ItemFlag.ItemIsEnabled
    ]
    assert on == ["score"]
    assert "1 infinite value counts as no value." in said["score"]
    assert "It has 300 different texts, and colours tell at most 200 apart." in said["file"]
    assert "All its values are the same: train." in said["split"]
    assert "It holds lists or objects, not one value a sample." in said["boxes"]
    assert panel.choice.currentData() == "class"  # what was asked for cannot be
    assert shown.cannot_color("column:file").startswith("It has 300 different texts")
    panel.set_state(state)
    assert panel.choice.findText("boxes") == panel.choice.findText("score") == -1


def test_a_colour_is_chosen_by_keyboard(qtbot: QtBot, state: State) -> None:
    panel = ColorPanel()
    qtbot.addWidget(panel)
    panel.set_state(state)
    with qtbot.waitSignal(panel.color_chosen) as caught:
        qtbot.keyClick(panel.choice, Qt.Key.Key_Down)
    assert caught.args == ["sigma"]


def test_preview_says_how_far_a_point_can_be_trusted(qtbot: QtBot, pictures, state: State) -> None:
    panel = PreviewPanel(pictures)
    qtbot.addWidget(panel)
    assert state.opened.layer_map is not None
    trust = np.full(30, np.nan, np.float32)
    trust[3] = 0.934
    panel.set_state(
        replace(
            state,
            opened=replace(state.opened, layer_map=replace(state.opened.layer_map, trust=trust)),
        )
    )
    panel.show_row(3)
    assert "trust 0.93" in panel.facts.text()
    assert "kept" not in panel.facts.text()
    panel.show_row(4)
    assert "trust" not in panel.facts.text()


def test_the_status_bar_names_the_job_and_cancels_it(qtbot: QtBot, state, make_job) -> None:
    bar = StatusBar()
    qtbot.addWidget(bar)
    bar.resize(1280, bar.sizeHint().height())
    bar.show()
    bar.set_state(state)
    assert not bar.cancel.isVisible()
    running = RunningJob(make_job(), "Generating", since=time.monotonic())
    running = running.told(Progress(1, "generating", 0.4), time.monotonic())
    waiting = RunningJob(make_job(2), "Generating")
    bar.set_state(
        replace(
            state,
            jobs=replace(state.jobs, running=(running, waiting)),
            engine=replace(state.engine, memory=900_000_000),
        )
    )
    assert bar.job.text() == "Generating: generating"
    assert bar.jobs.text() == "Jobs (2)"
    assert bar.bar.value() == 400
    assert "30 samples" in bar.facts.toolTip()
    assert "0.9 GB" in bar.facts.toolTip()
    with qtbot.waitSignal(bar.cancel_requested):
        qtbot.mouseClick(bar.cancel, Qt.MouseButton.LeftButton)


@pytest.fixture
def bar(qtbot: QtBot) -> StatusBar:
    made = StatusBar()
    qtbot.addWidget(made)
    made.resize(1280, made.sizeHint().height())
    made.show()
    return made


def test_the_status_bar_says_how_trustworthy_the_map_is(bar: StatusBar, state: State) -> None:
    bar.set_state(state)
    assert "trust" not in bar.facts.toolTip()
    assert state.opened.layer_map is not None
    judged = replace(state.opened.layer_map, trust=np.full(30, 0.974, np.float32))
    bar.set_state(replace(state, opened=replace(state.opened, layer_map=judged)))
    assert "trustworthiness 0.97" in bar.facts.text()
    quality = MapQuality(kept=0.56, blobs=0.928)
    judged = replace(judged, quality=quality)
    bar.set_state(replace(state, opened=replace(state.opened, layer_map=judged)))
    assert "trustworthiness 0.97 (blobs 0.93)   ·   56% of neighbours kept" in bar.facts.whole
    assert "exchanged at random" in bar.facts.toolTip()
    assert "1 is best" in bar.facts.toolTip()


def test_progress_does_not_jump_about(
    qtbot: QtBot, bar: StatusBar, state: State, monkeypatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(status_bar.time, "monotonic", lambda: now[0])
    job = MapLayer(job_id=5, folder=FolderRef(), spec=MapSpec("m", ("midblock",)))
    running = RunningJob(job, "Mapping midblock", since=100.0)
    places, left = set(), []
    for done, seconds in ((0, 0), (9, 4), (96, 40), (120, 60), (1000, 420)):
        now[0] = 100.0 + seconds
        detail = f"{done} of 2000, {41 if done else 0}/s"
        running = running.told(Progress(5, "extracting", done / 2000, detail), now[0])
        bar.set_state(replace(state, jobs=replace(state.jobs, running=(running,))))
        qtbot.wait(10)
        assert bar.job.text() == f"Mapping midblock: extracting, {detail}"
        places |= {(bar.job.x(), bar.bar.x(), bar.cancel.x())}
        left.append(bar.left.text())
    assert len(places) == 1
    assert left[0] == ""
    assert [text.endswith(" min left") for text in left[1:]] == [True] * 4
    long = replace(running, detail="x" * 400)
    bar.set_state(replace(state, jobs=replace(state.jobs, running=(long,))))
    qtbot.wait(10)
    assert (bar.job.x(), bar.bar.x(), bar.cancel.x()) in places
    assert bar.job.text().endswith("…")
    assert "x" * 400 in bar.job.toolTip()


def test_a_notice_is_shown_once_and_its_details_can_be_copied(qtbot: QtBot) -> None:
    bar = NoticeBar()
    qtbot.addWidget(bar)
    failed = State().with_notice("It failed. Try again.", error=True, details="the long story")
    bar.show_notice(failed.notice)
    assert bar.isVisible()
    qtbot.mouseClick(bar.copy, Qt.MouseButton.LeftButton)
    assert "the long story" in QApplication.clipboard().text()
    qtbot.mouseClick(bar.close_button, Qt.MouseButton.LeftButton)
    bar.show_notice(failed.notice)
    assert not bar.isVisible()


def test_pictures_outside_the_folder_are_not_shown(samples: SampleTable) -> None:
    escaped = replace(samples, image_path=("../../etc/hostname", *samples.image_path[1:]))
    assert escaped.picture(0) is None
    assert escaped.picture(1) is not None
