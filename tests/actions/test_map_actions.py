"""Which map is shown: layers and parameters."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from acted import (
    EDM,
    FOLDER,
    SPEC,
    N,
    Recorder,
    change,
    click,
    data_opened,
    finish,
    generate,
    layer_map,
    running,
    said,
)
from made_context import context_of

from diffviews_desktop.actions import (
    answers,
    asking,
    folders,
    maps,
    picks,
    runs,
    showing,
)
from diffviews_desktop.engine.jobs.drawing import (
    Generate,
)
from diffviews_desktop.engine.jobs.mapping import AssessMap, LinkMaps, MapLayer
from diffviews_desktop.engine.protocol import RunStarted
from diffviews_desktop.state.session import Session
from diffviews_desktop.state.state import State
from diffviews_desktop.values.assessment import MapAssessment, Stability
from diffviews_desktop.values.conditions import (
    ClassLabel,
    describe,
)
from diffviews_desktop.values.folders import FolderRef, LayerInfo, ModelLoaded
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.maps import LinkedMap, MapParameters, MapSpec
from diffviews_desktop.values.told import BOTH, NOTHING, OWN_CONDITION

# --- layers ---------------------------------------------------------------------------------------


def test_the_old_map_stays_until_the_new_one_is_there(session: Session, worker: Recorder) -> None:
    old = session.state.opened.layer_map
    click(session, 10, 30)
    picks.suggest_neighbors(context_of(session, worker), count=3)
    picked = session.state.picks.selection
    assert len(picked.suggested) == 3
    run = generate(session, worker, steps=2)
    job = change(session, worker, "decoder_block_1")
    assert (job.folder, job.spec) == (FOLDER, MapSpec("edm", LayerSet(["decoder_block_1"])))
    assert session.state.opened.layer_map is old
    new = layer_map(("decoder_block_1",), notes=("2 pictures are missing.",))
    finish(session, worker, job.job_id, new)
    assert session.state.opened.layer_map is new
    assert said(session) == "2 pictures are missing."
    # the picks stay, also what another layer suggested, which is said
    assert session.state.picks.selection == picked
    assert picked.suggested_elsewhere(session.state.opened.spec)
    picks.suggest_neighbors(context_of(session, worker), count=3)
    assert not session.state.picks.selection.suggested_elsewhere(session.state.opened.spec)
    kept = session.state.runs.run(run.job_id)
    assert kept is not None
    assert len(kept.steps) == 2
    assert not session.state.on_this_map(kept)
    finish(session, worker, change(session, worker, "midblock").job_id, layer_map())
    assert session.state.on_this_map(kept)  # and back again


def test_the_same_layer_again_is_no_work(session: Session, worker: Recorder) -> None:
    maps.change_layer(context_of(session, worker), layers=("midblock",))
    assert worker.submitted == []
    session.update(State())
    maps.change_layer(context_of(session, worker), layers=("midblock",))
    assert worker.submitted == []


def test_only_the_last_choice_counts(session: Session, worker: Recorder) -> None:
    first = change(session, worker, "encoder_block_0")
    second = change(session, worker, "encoder_block_1")
    assert worker.cancelled == [first.job_id]
    finish(session, worker, first.job_id, layer_map(("encoder_block_0",)))  # it was done already
    assert session.state.opened.layer_map is not None
    assert session.state.opened.layer_map.layers == ("midblock",)
    finish(session, worker, second.job_id, layer_map(("encoder_block_1",)))
    assert session.state.opened.layer_map.layers == ("encoder_block_1",)
    assert session.state.jobs.running == ()


def test_going_back_to_the_map_on_screen_cancels_the_new_one(
    session: Session, worker: Recorder
) -> None:
    job = change(session, worker, "encoder_block_0")
    maps.change_layer(context_of(session, worker), layers=("midblock",))
    assert worker.cancelled == [job.job_id]
    assert worker.submitted == [job]
    assert running(session, job).stage == "cancelling"
    finish(session, worker, job.job_id, layer_map(("encoder_block_0",)))
    assert session.state.opened.layer_map is not None
    assert session.state.opened.layer_map.layers == ("midblock",)


def test_a_map_of_a_model_that_is_no_longer_open_is_ignored(
    session: Session, worker: Recorder
) -> None:
    job = change(session, worker, "encoder_block_0")
    session.update(replace(session.state, opened=replace(session.state.opened, model="dmd2")))
    old = session.state.opened.layer_map
    finish(session, worker, job.job_id, layer_map(("encoder_block_0",)))
    assert session.state.opened.layer_map is old
    job = change(session, worker, "encoder_block_1")
    session.update(
        replace(session.state, opened=replace(session.state.opened, folder=FolderRef(Path("b"))))
    )
    finish(session, worker, job.job_id, layer_map(("encoder_block_1",), model="dmd2"))
    assert session.state.opened.layer_map is old


def test_a_failed_or_cancelled_layer_leaves_everything(session: Session, worker: Recorder) -> None:
    click(session, 10, 30)
    before = session.state
    job = change(session, worker, "encoder_block_0")
    answers.on_failed(
        context_of(session, worker), job_id=job.job_id, message="No room.", details="trace"
    )
    assert said(session) == "No room."
    assert session.state.notice is not None
    assert (session.state.notice.level, session.state.notice.details) == ("error", "trace")
    job = change(session, worker, "encoder_block_0")
    answers.on_cancelled(context_of(session, worker), job_id=job.job_id)
    assert said(session) == "Cancelled: mapping encoder_block_0."
    assert session.state.opened.layer_map is before.opened.layer_map
    assert session.state.picks.selection == before.picks.selection
    assert session.state.jobs.running == ()


# --- parameters of the map ------------------------------------------------------------------------


COSINE = MapParameters(metric="cosine", n_neighbors=40)


def change_parameters(
    session: Session, worker: Recorder, parameters: MapParameters | None = COSINE
) -> MapLayer:
    maps.change_map_parameters(context_of(session, worker), parameters=parameters)
    job = worker.submitted[-1]
    assert isinstance(job, MapLayer)
    return job


def test_other_parameters_make_another_map_and_the_old_one_stays_until_then(
    session: Session, worker: Recorder
) -> None:
    before = session.state
    click(session, 10, 30)
    picks.suggest_neighbors(context_of(session, worker), count=3)
    run = generate(session, worker, steps=2)
    undo = session.undo_stack.count()
    job = change_parameters(session, worker)
    assert (job.folder, job.spec) == (FOLDER, replace(SPEC, parameters=COSINE))
    assert session.state.opened.parameters is None
    assert session.state.opened.folder is before.opened.folder
    assert session.state.opened.layer_map is before.opened.layer_map
    picked = session.state.picks.selection
    assert picked.suggested
    new = layer_map()
    finish(session, worker, job.job_id, new)
    state = session.state
    assert (state.opened.layer_map, state.opened.spec) == (new, job.spec)
    assert state.picks.selection == picked
    assert picked.suggested_elsewhere(state.opened.spec)
    kept = state.runs.run(run.job_id)
    assert kept is not None
    assert not state.on_this_map(kept)
    assert session.undo_stack.count() == undo + 1  # the way to this map
    for _ in range(2):
        session.undo_stack.undo()  # the suggestion is undone, and made again by another map
    for _ in range(2):
        session.undo_stack.redo()
    assert session.state.picks.selection == picked
    finish(session, worker, change_parameters(session, worker, None).job_id, layer_map())
    assert session.state.opened.spec == SPEC
    assert session.state.on_this_map(kept)


@pytest.mark.parametrize("end", ["fails", "is cancelled", "comes too late"])
def test_a_map_that_does_not_come_leaves_map_and_source(
    session: Session, worker: Recorder, end: str
) -> None:
    before = session.state
    job = change_parameters(session, worker)
    if end == "fails":
        answers.on_failed(context_of(session, worker), job_id=job.job_id, message="No.", details="")
    else:
        asking.cancel_job(context_of(session, worker), job_id=job.job_id)
        if end == "is cancelled":
            answers.on_cancelled(context_of(session, worker), job_id=job.job_id)
        else:
            finish(session, worker, job.job_id, layer_map())
    assert session.state.opened.spec == before.opened.spec
    assert session.state.opened.layer_map is before.opened.layer_map
    assert session.state.jobs.running == ()
    # and the next layer is mapped as before
    assert change(session, worker, "encoder_block_0").spec.parameters is None


def test_the_same_parameters_again_are_no_work(session: Session, worker: Recorder) -> None:
    maps.change_map_parameters(context_of(session, worker), parameters=None)
    assert worker.submitted == []
    job = change_parameters(session, worker)
    maps.change_map_parameters(context_of(session, worker), parameters=COSINE)
    assert worker.submitted == [job]
    assert worker.cancelled == []
    maps.change_map_parameters(context_of(session, worker), parameters=None)
    assert worker.cancelled == [job.job_id]  # back to the map on screen
    assert worker.submitted == [job]


def test_layer_and_parameters_that_were_asked_for_add_up(
    session: Session, worker: Recorder
) -> None:
    first = change(session, worker, "encoder_block_0")
    second = change_parameters(session, worker)
    assert second.spec.layers == ("encoder_block_0",)
    third = change(session, worker, "encoder_block_1")
    assert third.spec == MapSpec("edm", LayerSet(["encoder_block_1"]), COSINE)
    assert worker.cancelled[0] == first.job_id
    assert second.job_id in worker.cancelled
    finish(session, worker, third.job_id, layer_map(("encoder_block_1",)))
    assert session.state.opened.parameters == COSINE


def test_layers_are_mapped_for_some_parameters(session: Session, worker: Recorder) -> None:
    layers = tuple(LayerInfo(n, (1,), n != "b") for n in ("midblock", "a", "b"))
    folders.open_data(context_of(session, worker), folder=FOLDER)
    finish(session, worker, worker.last_id, data_opened())
    finish(session, worker, worker.last_id, ModelLoaded("edm", "cpu", 3, 8, layers))

    def mapped() -> list[str]:
        assert session.state.opened.loaded is not None
        return [info.name for info in session.state.opened.loaded.layers if info.cached]

    assert mapped() == ["midblock", "a"]
    finish(session, worker, change_parameters(session, worker).job_id, layer_map())
    assert mapped() == ["midblock"]
    finish(session, worker, change(session, worker, "b").job_id, layer_map(("b",)))
    assert mapped() == ["midblock", "b"]
    finish(session, worker, change_parameters(session, worker, None).job_id, layer_map(("b",)))
    assert mapped() == ["midblock", "a", "b"]


def test_suggesting_waits_for_the_map_in_work(session: Session, worker: Recorder) -> None:
    session.update(
        replace(
            session.state, opened=replace(session.state.opened, layer_map=layer_map(reduced=None))
        )
    )
    click(session, 10)
    job = change_parameters(session, worker)
    picks.suggest_neighbors(context_of(session, worker), count=4)
    assert worker.submitted == [job]
    assert "once the new map is there" in said(session)
    finish(session, worker, job.job_id, layer_map())
    picks.suggest_neighbors(context_of(session, worker), count=4)
    assert len(session.state.picks.selection.suggested) == 4


def test_a_run_is_known_by_what_it_was_drawn_by_whatever_model_is_open(
    session: Session, worker: Recorder
) -> None:
    click(session, 1)
    context = context_of(session, worker)
    runs.generate_from_neighbors(context, EDM, ClassLabel(3, "three"))
    job = worker.only(Generate)
    answers.on_event(context, RunStarted(job.job_id, 7, ClassLabel(3, "three"), 35))
    other = ModelLoaded("dmd2", "cpu", 0, 8, (), class_names=((3, "tiger shark"),))
    opened = replace(session.state.opened, model="dmd2", loaded=other)
    session.update(replace(session.state, opened=opened))
    (run,) = session.state.runs.all
    assert describe(run.condition) == "3 three"
    assert run.evaluations == 35


def test_the_measured_rate_is_kept_for_this_model(session: Session, worker: Recorder) -> None:
    job = change(session, worker, "encoder_block_0")
    finish(session, worker, job.job_id, layer_map(("encoder_block_0",), rate=41.0))
    assert session.state.opened.rate == 41.0
    finish(session, worker, change(session, worker, "midblock").job_id, layer_map())
    assert session.state.opened.rate == 41.0  # nothing was extracted: nothing is known again
    folders.switch_model(context_of(session, worker), model="dmd2")
    finish(session, worker, worker.last_id, data_opened("dmd2"))
    assert session.state.opened.rate is None


def test_the_colours_tell_what_was_asked_where_it_is_known(
    session: Session, worker: Recorder
) -> None:
    showing.change_color(context_of(session, worker), by="trust")
    assert session.state.colored_by == "class"
    assert "not judged" in session.state.cannot_color("trust")
    job = change(session, worker, "encoder_block_0")
    judged = layer_map(("encoder_block_0",), trust=np.full(N, 0.9, np.float32))
    finish(session, worker, job.job_id, judged)
    assert session.state.colored_by == "trust"
    assert "flat" in session.state.cannot_color("z")
    assert "anchor" in session.state.cannot_color("distance")
    click(session, 3)
    assert session.state.cannot_color("distance") == ""
    assert State().cannot_color("sigma") == "The map is not there yet."


# --- what samples are told ------------------------------------------------------------------------


def test_samples_that_are_told_something_else_make_another_map(
    session: Session, worker: Recorder
) -> None:
    maps.change_told(context_of(session, worker), OWN_CONDITION)
    job = worker.submitted[-1]
    assert isinstance(job, MapLayer)
    assert job.spec == replace(SPEC, told=OWN_CONDITION)
    finish(session, worker, job.job_id, replace(layer_map(), told=OWN_CONDITION))
    assert session.state.opened.spec == job.spec
    assert change(session, worker, "encoder_block_0").spec.told == OWN_CONDITION  # the choice stays


def test_both_is_a_map_of_samples_told_nothing_and_theirs_beside_it(
    session: Session, worker: Recorder
) -> None:
    maps.change_map_parameters(context_of(session, worker), COSINE, BOTH)
    first, second = worker.submitted[-2:]
    assert isinstance(first, MapLayer)
    assert isinstance(second, LinkMaps)
    assert first.spec == second.spec == replace(SPEC, parameters=COSINE, told=NOTHING)
    assert second.other == replace(first.spec, told=OWN_CONDITION)
    assert session.state.view.beside
    finish(session, worker, first.job_id, replace(layer_map(), told=NOTHING))
    other = LinkedMap(replace(layer_map(), told=OWN_CONDITION), second.spec.layers, None)
    finish(session, worker, second.job_id, other)
    assert session.state.opened.linked is other
    assert worker.submitted[-2:] == [first, second]  # it was not asked for twice


# --- how well it shows the layer ------------------------------------------------------------------


def test_a_map_is_assessed_once_at_a_time_and_what_was_found_goes_with_it(
    session: Session, worker: Recorder
) -> None:
    assert maps.why_not_assess(session.state) == ""
    assert "not there yet" in maps.why_not_assess(State())
    maps.assess_map(context_of(session, worker))
    job = worker.only(AssessMap)
    assert (job.folder, job.spec, job.seeds) == (FOLDER, SPEC, 3)
    assert maps.why_not_assess(session.state) == "The map is being assessed."
    found = MapAssessment(stability=Stability((1, 2), (0.8,), (0.9,), (0.1,)), notes=("A note.",))
    finish(session, worker, job.job_id, found)
    assert session.state.opened.assessment is found
    assert said(session).startswith("2 seeds disagree: ")
    assert session.state.notice is not None
    assert "A note." in session.state.notice.details
    other = change(session, worker, "decoder_block_1")
    maps.assess_map(context_of(session, worker))
    again = worker.submitted[-1]
    finish(session, worker, other.job_id, layer_map(("decoder_block_1",)))
    assert session.state.opened.assessment is None
    finish(session, worker, again.job_id, found)  # of the map before
    assert session.state.opened.assessment is None
