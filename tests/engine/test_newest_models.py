"""Models of the original's newest folders, opened and loaded by the engine."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import DuckAdapter

from diffviews_desktop.adapters.registry import register_adapter_class, unregister_adapter
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.mapping import MapLayer
from diffviews_desktop.engine.jobs.opening import DataOpened, LoadModel, OpenData
from diffviews_desktop.engine.jobs.samples import ExportSamples
from diffviews_desktop.errors import AdapterError
from diffviews_desktop.values.folders import FolderRef, ModelLoaded, Overrides
from diffviews_desktop.values.maps import MapSpec

INFO = "tiny/metadata/imagenet_real/dataset_info.json"
TEN_STEPS = "checkpoints/dmd2-imagenet-64-10step.safetensors"


@pytest.fixture
def make(tiny_data: Callable[..., Path]) -> Callable[..., FolderRef]:
    """Writes a tiny folder whose config.json says these things, and nothing of extraction."""

    def write(others: dict[str, Any] | None = None, **said: Any) -> FolderRef:
        data = tiny_data(samples=8)
        config = json.loads((data / "tiny/config.json").read_text())
        del config["extraction_input"], config["sigma_max"], config["sigma_min"]
        (data / "tiny/config.json").write_text(json.dumps({**config, **said}))
        listed = json.loads((data / INFO).read_text())
        (data / INFO).write_text(json.dumps({**listed, **(others or {})}))
        if said.get("checkpoint") == TEN_STEPS:
            shutil.move(data / "tiny/checkpoints/tiny.safetensors", data / "tiny" / TEN_STEPS)
        return FolderRef(data)

    return write


def open_it(source: FolderRef) -> DataOpened:
    return Engine("cpu", threads=1).run(OpenData(job_id=1, folder=source))


def load(source: FolderRef) -> ModelLoaded:
    return Engine("cpu", threads=1).run(LoadModel(job_id=1, folder=source, model="tiny"))


# --- added noise ---------------------------------------------------------------------------------


def test_what_was_made_with_added_noise_is_extracted_with_it_and_that_is_said(
    make: Callable[..., FolderRef],
) -> None:
    found = open_it(make({"noise_levels": [100, 66]}))
    assert found.extraction_input == "noised"
    (note,) = [problem for problem in found.problems if "noise_levels" in problem]
    assert "picture + σ·noise" in note
    assert "extraction_input in config.json" in note


@pytest.mark.parametrize(
    ("others", "said", "expected"),
    [
        ({}, {}, "scaled"),
        ({"noise_levels": [66]}, {"extraction_input": "scaled"}, "scaled"),
        ({}, {"extraction_input": "noised"}, "noised"),
    ],
)
def test_what_the_folder_says_itself_goes_before(
    make: Callable[..., FolderRef], others: dict[str, Any], said: dict[str, Any], expected: str
) -> None:
    found = open_it(make(others, **said))
    assert found.extraction_input == expected
    assert not found.problems


def test_other_activations_are_extracted_then(make: Callable[..., FolderRef]) -> None:
    plain = make()
    job = MapLayer(job_id=1, folder=plain, spec=MapSpec("tiny", ("encoder_bottleneck",)))
    before = Engine("cpu", threads=1).run(job)
    path = plain.path
    assert path is not None
    listed = json.loads((path / INFO).read_text())
    (path / INFO).write_text(json.dumps({**listed, "noise_levels": [66]}))
    after = Engine("cpu", threads=1).run(job)
    assert not after.from_cache
    assert before.reduced is not None
    assert after.reduced is not None
    assert not np.allclose(before.reduced, after.reduced)


# --- noise in percent, guidance ------------------------------------------------------------------


def test_percent_and_guidance_are_the_models_settings(make: Callable[..., FolderRef]) -> None:
    settings = load(make(noise_max=100, noise_min=50, default_guidance=2.5)).settings
    assert (settings.sigma_max, settings.guidance_scale) == (80.0, 2.5)
    assert settings.sigma_min == pytest.approx(0.4)


def test_the_lowest_level_is_never_above_the_highest(make: Callable[..., FolderRef]) -> None:
    settings = load(make(noise_max=0)).settings
    assert settings.sigma_min <= settings.sigma_max == 0.002


# --- label dropout -------------------------------------------------------------------------------


def test_the_ten_step_checkpoint_is_known_by_its_name(make: Callable[..., FolderRef]) -> None:
    loaded = load(make(checkpoint=TEN_STEPS))
    assert "10%" in loaded.guidance_note
    assert "guidance was trained" in loaded.guidance_note
    assert "zero label" in loaded.guidance_note
    assert loaded.settings.guidance_scale == 1.5
    preset = loaded.presets[0]
    assert (preset.settings.num_steps, preset.settings.guidance_scale) == (10, 1.5)


def test_what_is_said_of_it_goes_before_its_name(make: Callable[..., FolderRef]) -> None:
    loaded = load(make(checkpoint=TEN_STEPS, label_dropout=0, guidance_scale=1.25))
    assert "was not trained" in loaded.guidance_note
    assert loaded.settings.guidance_scale == 1.25
    assert "DMD2, ten steps" not in [preset.name for preset in loaded.presets]


def test_label_dropout_is_read_from_the_settings_and_the_option_goes_before(
    make: Callable[..., FolderRef],
) -> None:
    source = make(label_dropout=0.2)
    assert "20%" in load(source).guidance_note
    assert (
        "40%" in load(FolderRef(source.path, overrides=Overrides(label_dropout=0.4))).guidance_note
    )


# --- told a text ---------------------------------------------------------------------------------


@pytest.mark.parametrize("adapter", ["edm", "mscoco-t2i-128"])
def test_a_model_that_is_told_a_text_can_be_looked_at_but_not_run(
    make: Callable[..., FolderRef], adapter: str
) -> None:
    source = make(conditioning_type="text", adapter=adapter)
    assert open_it(source).layer_map is not None
    with pytest.raises(AdapterError, match="tiny is conditioned on text, and this version runs"):
        load(source)


def test_an_adapter_that_takes_conditions_of_its_own_is_tried(
    make: Callable[..., FolderRef],
) -> None:
    class Told(DuckAdapter):
        def encode(self, conditions: Any) -> Any: ...

        @classmethod
        def from_checkpoint(cls, checkpoint_path: str, device: str = "cpu") -> Any:
            raise ValueError("it was asked")

    register_adapter_class("told", Told)
    try:
        with pytest.raises(AdapterError, match="it was asked"):
            load(make(conditioning_type="text", adapter="told"))
    finally:
        unregister_adapter("told")


# --- captions ------------------------------------------------------------------------------------


def test_captions_are_exported_with_their_samples(
    make: Callable[..., FolderRef], tmp_path: Path
) -> None:
    source = make()
    assert source.path is not None
    listed = json.loads((source.path / INFO).read_text())
    for number, sample in enumerate(listed["samples"]):
        sample["caption"] = f"a dog, number {number}"
    (source.path / INFO).write_text(json.dumps(listed))
    rows, file = np.array([5, 1]), tmp_path / "some.csv"
    job = ExportSamples(job_id=1, folder=source, model="tiny", rows=rows, file=file, columns={})
    Engine("cpu", threads=1).run(job)
    with file.open(newline="") as text:
        assert [row["caption"] for row in csv.DictReader(text)] == [
            "a dog, number 5",
            "a dog, number 1",
        ]
