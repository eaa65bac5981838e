"""A state of which every text that can come from a file is chosen by the test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from made_runs import run_of, told

from diffviews_desktop.engine.jobs.downloading import ModelList
from diffviews_desktop.engine.jobs.drawing import (
    Generate,
    GenerateGrid,
    JudgeMask,
    MaskJudged,
    PicturePlaced,
    PlacePicture,
)
from diffviews_desktop.engine.jobs.mapping import LinkMaps
from diffviews_desktop.engine.jobs.opening import OpenData
from diffviews_desktop.engine.jobs.samples import PictureMean
from diffviews_desktop.state.downloads import Downloads
from diffviews_desktop.state.groups import Groups
from diffviews_desktop.state.history import History, HistoryLine
from diffviews_desktop.state.jobs import EndedJob, RunningJob
from diffviews_desktop.state.picks import Selection
from diffviews_desktop.state.runs import Grid, tidy_tags
from diffviews_desktop.state.state import Notice, State
from diffviews_desktop.state.view import NamedView
from diffviews_desktop.values.columns import Column
from diffviews_desktop.values.conditions import from_choice
from diffviews_desktop.values.folders import AdapterList, LayerInfo, ModelLoaded, ModelSummary
from diffviews_desktop.values.interventions import mean_of_samples
from diffviews_desktop.values.locations import Location
from diffviews_desktop.values.maps import LinkedMap, MapSpec
from diffviews_desktop.values.quantities import COLUMN
from diffviews_desktop.values.row_set import RowSet
from diffviews_desktop.values.runs import GridCell, RunStep
from diffviews_desktop.values.sample_sets import Clusters, SampleSet, SomeSamples
from diffviews_desktop.values.sampling import Preset, SamplingSettings
from diffviews_desktop.values.sources import (
    ListedModel,
    Origin,
    PublishedCheckpoint,
    PublishedFolder,
    PublishedModel,
)
from diffviews_desktop.values.storage import DiskUse, KeptFiles

KINDS = (
    "id", "class", "column", "value", "number", "model", "other model", "description", "adapter",
    "other adapter", "reason", "layer", "other layer", "guidance", "note", "preset", "figures",
    "chip", "folder", "job", "detail", "error", "caption", "title", "licence", "about", "address",
    "trouble", "downloads", "named", "cluster", "view", "run", "tag",
)  # fmt: skip
ANCHOR, NEIGHBOR = 1, 7


def published(text: Callable[[str], str]) -> Downloads:
    """A catalogue of one model, and an address that nothing could be fetched from."""
    origins = (Origin("hf", Location.parse("hf://group/model")),)
    model = PublishedModel(
        text("model"),
        text("title"),
        text("licence"),
        text("about"),
        PublishedFolder(origins),
        PublishedCheckpoint("a.pkl", origins, 5),
    )
    out = Path(text("downloads"))
    listed = ModelList(out, (ListedModel(model, "some", "none", out / "a.pkl"),), 5, out)
    problems = {text("model"): text("trouble"), text("address"): text("trouble")}
    kept = DiskUse((KeptFiles("maps", out, 5, 7),))
    return Downloads(out, listed, problems, disk=kept)


def planted(
    state: State,
    text: Callable[[str], str],
    job: Generate,
    steps: tuple[RunStep, ...],
) -> State:
    """A state with samples on a map, in which the texts of `KINDS` are what ``text`` makes of the
    kind: a model is loaded, a picture drawn and found again, a grid drawn, a mean computed, a
    second map there, a job runs, and one has failed."""
    assert state.opened.samples is not None
    assert state.opened.layer_map is not None
    count = len(state.opened.samples)
    names = [text(f"class {i}") for i in range(3)]
    samples = replace(
        state.opened.samples,
        sample_id=tuple(text(f"id {i}") for i in range(count)),
        class_name=tuple(names[i % 3] for i in range(count)),
        columns={
            text("column"): Column(
                np.arange(count, dtype=np.float32) % 2, (text("value 0"), text("value 1"))
            ),
            text("number"): Column(np.linspace(-1, 1, count, dtype=np.float32)),
        },
        captions=tuple(text(f"caption {i}") for i in range(count)),
    )
    model, layers = text("model"), (text("layer"),)
    layer_map = replace(
        state.opened.layer_map,
        model=model,
        layers=layers,
        z=np.linspace(0, 1, count, dtype=np.float32),
        trust=np.full(count, 0.5, np.float32),
    )
    settings = replace(job.settings, seed=5)
    named = mean_of_samples((1, 2), layers=(text("other layer"),), name=text("intervention"))
    spec = MapSpec(model, layers)
    job = replace(
        job, spec=spec, settings=settings, interventions=named, folder=state.opened.folder
    )
    place = PlacePicture(
        job_id=20,
        folder=state.opened.folder,
        spec=spec,
        image=steps[0].image,
        condition=told(1),
        sigma=0.5,
        seed=5,
    )
    run = run_of(
        job, text("run"), steps, seed=5, condition=told(1), done=True,
        tags=tidy_tags([text("tag")]),
        landed=PicturePlaced(place, (1.0, 1.0), 0.5, ((3, 0.5), (4, 0.75))),
    )  # fmt: skip
    grid = GenerateGrid(
        job_id=21,
        folder=state.opened.folder,
        spec=spec,
        interventions=mean_of_samples((1, 2)),
        condition=from_choice("zero"),
        settings=settings,
        samples=2,
        mask_layers=(layers, (text("other layer"),)),
    )
    picture = np.full((8, 8, 1), 90, np.uint8)
    cells = tuple(
        GridCell(i, cell.settings, told(1), picture, cell.interventions)
        for i, cell in enumerate(grid.cells())
    )
    other = replace(layer_map, model=text("other model"), layers=(text("other layer"),))
    linking = LinkMaps(
        job_id=22,
        folder=state.opened.folder,
        spec=spec,
        other=spec,
    )
    plain = SamplingSettings()
    opened = replace(
        state.opened, path=samples.root / text("folder"), model=model, samples=samples,
        models=tuple(
            ModelSummary(text(name), text("adapter"), text("description"), plain)
            for name in ("model", "other model")
        ),
        default_layers=layers, layer_map=layer_map,
        loaded=ModelLoaded(
            model, "cpu", 3, 8,
            (
                LayerInfo(layers[0], (4, 8, 8), True),
                LayerInfo(text("other layer"), (3, 8, 8), False),
            ),
            guidance_note=text("guidance"),
            class_names=tuple(enumerate(names)),
            notes=(text("note"),),
            device_facts={"name": text("chip")},
            presets=(Preset(text("preset"), plain, text("figures")),),
            adapters=AdapterList(
                (text("adapter"), text("other adapter")), ((text("adapter"), text("reason")),)
            ),
        ),
        linked=LinkedMap(other, layers, np.full(count, 0.5, np.float32)),
    )  # fmt: skip
    picks = replace(
        state.picks,
        selection=Selection(
            ANCHOR, (NEIGHBOR,), ((9, 0.25),), spec, RowSet(range(0, count, 2))
        ),
        mean=PictureMean(
            model, samples.sample_id[:2], np.full((8, 8, 3), 9.0, np.float32),
            np.zeros((8, 8, 3), np.float32),
        ),
        masks=(
            MaskJudged(
                JudgeMask(
                    job_id=23, folder=state.opened.folder, spec=spec,
                    rows=(ANCHOR, NEIGHBOR, 9), layers=layers,
                ),
                None,
                text("reason"),
            ),
        ),
    )  # fmt: skip
    runs = replace(
        state.runs, settings=settings, all=(run,), shown=run.id, comparing=True,
        grid=Grid(grid, cells, done=True),
    )  # fmt: skip
    some = SomeSamples(model, "", RowSet((1, 2)), samples.sample_id[1:3])
    groups = Groups(
        all_sets=(SampleSet(1, text("named"), some),),
        all_clusters=(Clusters(2, spec, some, np.zeros(2, np.int32), (text("cluster"),), 3),),
        views=(NamedView(text("view")),),
    )
    opening = OpenData(job_id=21, folder=state.opened.folder)  # quitting asks nothing
    running = (
        RunningJob(opening, text("job"), "extracting", 0.5, text("detail"), 1.0),
        RunningJob(linking, text("job")),
    )
    ended = EndedJob(24, text("job"), "failed", text("error"), 1.0, text("details"), 2.0)
    notice = Notice(text("error"), "error", text("details"), number=1, offer="convert")
    line = HistoryLine(1, "folders.switch_model", {"model": text("model")})
    return replace(
        state,
        opened=opened,
        picks=picks,
        groups=groups,
        view=replace(state.view, color_by=COLUMN + text("column")),
        runs=runs,
        jobs=replace(state.jobs, running=running, ended=(ended,)),
        downloads=published(text),
        notice=notice,
        notices=(notice,),
        history=History((line,), 1),
    )
