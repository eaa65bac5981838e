"""What samples of a model that takes prompts are told: their captions, a prompt, an empty one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from poet import Poet, write_poet_folder

from diffviews_desktop.adapters import registry
from diffviews_desktop.cli.main import main
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.directions import SaveDirection
from diffviews_desktop.engine.jobs.drawing import Generate, PlacePicture
from diffviews_desktop.engine.jobs.experiments import RunExperiment
from diffviews_desktop.engine.jobs.mapping import Extract, MapLayer
from diffviews_desktop.engine.jobs.opening import LoadModel
from diffviews_desktop.errors import UsageError
from diffviews_desktop.values.conditions import ClassLabel, Prompt, UniformLabel
from diffviews_desktop.values.experiments import Experiment
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.interventions import SampleMean, mean_of_samples
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.maps import LayerMap, MapSpec
from diffviews_desktop.values.told import NOTHING, OWN_CONDITION, Told

CAPTIONS = [f"{'long ' * (number % 3)}poem {number}" for number in range(20)]
LAYERS = LayerSet(("verse",))
WORDS = [
    (OWN_CONDITION, "told their caption"),
    (NOTHING, "told an empty prompt"),
    (Prompt("a cat"), "told one prompt, “a cat”"),
]


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A data folder of the poet's, which the program knows meanwhile."""
    registry.discover_adapters()
    before = dict(registry._adapters)
    registry.register_adapter_class("poet", Poet)
    write_poet_folder(tmp_path / "data" / "poet", CAPTIONS)
    yield tmp_path / "data"
    registry._adapters.clear()
    registry._adapters.update(before)


@pytest.fixture
def source(data: Path) -> FolderRef:
    return FolderRef(data)


@pytest.fixture
def engine() -> Engine:
    return Engine("cpu", threads=1)


def map_of(engine: Engine, source: FolderRef, told: Told | None) -> LayerMap:
    spec = MapSpec("poet", LAYERS, told=told)
    return engine.run(MapLayer(job_id=1, folder=source, spec=spec))


def loaded_told(source: FolderRef, engine: Engine) -> bool:
    return engine.run(LoadModel(job_id=1, folder=source, model="poet")).prompts


@pytest.mark.parametrize(("told", "words"), WORDS)
def test_titles_say_captions_and_prompts(
    engine: Engine, source: FolderRef, told: Told, words: str
) -> None:
    assert loaded_told(source, engine)
    made = map_of(engine, source, told)
    assert made.told == told
    assert made.title == f"verse, {words}"
    again = map_of(Engine("cpu", threads=1), source, told)  # of the cache, without the model
    assert again.from_cache
    assert again.title == f"verse, {words}"


def test_the_network_hears_what_the_title_says(
    engine: Engine, source: FolderRef, tmp_path: Path
) -> None:
    heard = {}
    for name, (told, _) in zip("abc", WORDS, strict=True):
        job = Extract(
            job_id=1, folder=source, model="poet", layer_sets=(LAYERS,), out=tmp_path / name,
            told=told,
        )  # fmt: skip
        assert engine.run(job).prompts
        model = engine.workspace.model.held
        assert model is not None
        heard[name] = np.concatenate(model.adapter.told)[-len(CAPTIONS) :].tolist()
        model.adapter.told.clear()
    assert heard["a"] == [len(caption) for caption in CAPTIONS]
    assert heard["b"] == [0] * len(CAPTIONS)
    assert heard["c"] == [len("a cat")] * len(CAPTIONS)
    assert json.loads((tmp_path / "c" / "verse.npy.json").read_text())["told"] == "prompt:a cat"


def test_notes_speak_of_captions(engine: Engine, source: FolderRef) -> None:
    loaded = engine.run(LoadModel(job_id=1, folder=source, model="poet"))
    assert "its own caption, so samples of like captions" in loaded.told_notes[OWN_CONDITION]
    assert loaded.told_notes[OWN_CONDITION].endswith("trained to be told an empty prompt.")
    assert loaded.told_notes[NOTHING].startswith("The samples were told an empty prompt, for")
    note = map_of(engine, source, Prompt("a cat")).told_note
    assert note == "Every sample was told one prompt, “a cat”, whatever it shows."


@pytest.mark.parametrize("told", [ClassLabel(0), UniformLabel()])
def test_classes_are_refused_with_what_there_is_instead(
    engine: Engine, source: FolderRef, told: Told
) -> None:
    with pytest.raises(UsageError, match="Choose none, own, or prompt: and a text"):
        map_of(engine, source, told)


def test_pictures_that_cannot_be_compared_are_said_with_these_words(
    engine: Engine, source: FolderRef
) -> None:
    job = PlacePicture(
        job_id=1,
        folder=source,
        spec=MapSpec("poet", LAYERS, told=OWN_CONDITION),
        image=np.zeros((8, 8, 1), np.uint8),
        condition=NOTHING,
        sigma=1.0,
    )
    assert engine.run(job).apart == (
        "The samples of this map were told their caption, the picture was told an empty prompt: "
        "where it lies depends on that difference, too. Compare it with samples that were told an "
        "empty prompt."
    )


def test_records_say_it_in_words(engine: Engine, source: FolderRef, tmp_path: Path) -> None:
    loaded = engine.run(LoadModel(job_id=1, folder=source, model="poet"))
    spec, settings = MapSpec("poet", LAYERS, told=OWN_CONDITION), replace(loaded.settings, seed=1)
    drawn = engine.run(
        Generate(
            job_id=1,
            folder=source,
            spec=spec,
            interventions=mean_of_samples((0, 1)),
            condition=NOTHING,
            settings=settings,
        )
    )
    assert drawn.record["samples_told"] == "told their caption"
    saved = engine.run(
        SaveDirection(job_id=1, folder=source, spec=spec, name="mean", source=SampleMean((0, 1)))
    )
    assert saved.info.told_words == "told their caption"
    asked = Experiment(
        model="poet",
        layer_sets=(LAYERS,),
        windows=((0, 2),),
        groups=((0, 1), (2, 3)),
        seeds=1,
        told=NOTHING,
        settings=settings,
    )
    out = tmp_path / "experiment"
    made = engine.run(RunExperiment(job_id=1, folder=source, experiment=asked, out=out))
    assert made.record["samples_told"] == "told an empty prompt"
    report = next(file for file in made.files if file.suffix == ".html").read_text()
    assert "<th>the samples were</th><td>told an empty prompt</td>" in report


def test_the_command_line_says_it(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["--data", str(data), "--device", "cpu", "--told", "prompt:a cat"]
    assert main(["extract", *common, "--layer", "verse", "--out", str(tmp_path / "out")]) == 0
    assert "20 samples of verse, told one prompt, “a cat”" in capsys.readouterr().out
    assert main(["info", "--data", str(data), "--device", "cpu"]) == 0
    assert "samples are told their caption" in capsys.readouterr().out
