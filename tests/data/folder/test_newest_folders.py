"""Folders as the original's newest version writes them: captions, noise in percent, added noise."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data_folders import opened, samples_list, write_model
from hypothesis import given
from hypothesis import strategies as st

from diffviews_desktop.data.folder.captions import captions_of
from diffviews_desktop.data.folder.dataset import ModelConfig, read_samples, write_embedding_csv
from diffviews_desktop.data.folder.model_folder import metadata_file
from diffviews_desktop.data.folder.sample_noise import added_noise, with_sigmas
from diffviews_desktop.errors import DataError

INFO = "metadata/imagenet_real/dataset_info.json"


def write_list(root: Path, samples: list[dict[str, Any]], **others: Any) -> None:
    (root / "edm" / INFO).write_text(json.dumps({**others, "samples": samples}))


# --- config.json ---------------------------------------------------------------------------------


def test_noise_in_percent_stands_for_sigma() -> None:
    config = ModelConfig.model_validate({"noise_max": 100, "noise_min": 50})
    assert (config.sigma_max, config.sigma_min) == (80.0, pytest.approx(0.4))
    assert config.model_fields_set >= {"sigma_max", "sigma_min"}  # goes before the adapter's


def test_noise_in_percent_goes_before_sigma_and_options_before_both(tmp_path: Path) -> None:
    said = {"sigma_max": 10, "sigma_min": 1, "noise_max": "100", "noise_min": 0}
    write_model(tmp_path, config=said)
    model = opened(tmp_path)
    assert (model.config.sigma_max, model.config.sigma_min) == (80.0, 0.002)
    assert model.with_overrides(sigma_max=20).config.sigma_max == 20


def test_the_default_guidance_is_that_of_guidance_scale() -> None:
    assert ModelConfig.model_validate({"default_guidance": 7.5}).guidance_scale == 7.5
    both = {"default_guidance": 7.5, "guidance_scale": 2}
    assert ModelConfig.model_validate(both).guidance_scale == 2


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"noise_max": 101}, "noise_max must be a number from 0 to 100"),
        ({"noise_min": "low"}, "noise_min must be a number from 0 to 100"),
        ({"noise_max": 10, "noise_min": 20}, "noise_min must not exceed noise_max"),
        ({"default_guidance": -1}, "guidance_scale"),
        ({"label_dropout": 1.5}, "label_dropout"),
        ({"conditioning_type": 3}, "conditioning_type"),
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, said: dict[str, Any], problem: str) -> None:
    write_model(tmp_path)
    with pytest.raises(DataError, match=problem):
        opened(tmp_path).with_overrides(**said)


def test_settings_without_a_value_are_not_given() -> None:
    nothing = dict.fromkeys(
        ("noise_max", "noise_min", "default_guidance", "conditioning_type", "dataset_type")
    )
    assert ModelConfig.model_validate(nothing) == ModelConfig()


@pytest.mark.parametrize(
    ("said", "told"),
    [({}, ""), ({"conditioning_type": "Class"}, ""), ({"conditioning_type": "unconditional"}, "")]
    + [({"conditioning_type": kind}, kind) for kind in ("text", "image")],
)
def test_a_model_is_told_a_class_nothing_or_something_else(
    tmp_path: Path, said: dict[str, str], told: str
) -> None:
    write_model(tmp_path, config=said)
    assert opened(tmp_path).told_otherwise == told


def test_the_dataset_type_names_the_set_of_samples(tmp_path: Path) -> None:
    for name in ("imagenet_real", "train2017"):
        path = tmp_path / "metadata" / name / "dataset_info.json"
        path.parent.mkdir(parents=True)
        path.write_text("{}")
    usual, other = metadata_file(tmp_path), metadata_file(tmp_path, "train2017")
    assert usual is not None
    assert usual.parent.name == "imagenet_real"
    assert other is not None
    assert other.parent.name == "train2017"
    assert metadata_file(tmp_path, "gone") == usual


# --- captions ------------------------------------------------------------------------------------


def test_captions_come_from_the_list_of_samples(tmp_path: Path) -> None:
    write_model(tmp_path)
    samples = samples_list()
    for i, sample in enumerate(samples[:-1]):
        sample["caption"] = f"a dog, number {i}"
    write_list(tmp_path, samples)
    table = read_samples(opened(tmp_path)).table
    assert table.caption(3) == "a dog, number 3"
    assert table.caption(len(table) - 1) == ""


def test_captions_come_from_the_map_where_the_list_has_none(tmp_path: Path) -> None:
    write_model(tmp_path)
    path = next((tmp_path / "edm" / "embeddings").glob("*.csv"))
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["caption"] = f"caption of {row['sample_id']}"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(reversed(rows))
    table = read_samples(opened(tmp_path)).table
    assert list(table.captions) == [f"caption of {name}" for name in table.sample_id]
    (tmp_path / "edm" / INFO).unlink()
    alone = read_samples(opened(tmp_path)).table
    assert list(alone.captions) == [f"caption of {name}" for name in alone.sample_id]


def test_captions_stay_with_their_samples_and_are_written(tmp_path: Path) -> None:
    write_model(tmp_path)
    samples = [{**s, "caption": f"=caption {i}"} for i, s in enumerate(samples_list())]
    write_list(tmp_path, samples)
    read = read_samples(opened(tmp_path))
    some = read.take(np.array([5, 2]))
    assert list(some.table.captions) == ["=caption 5", "=caption 2"]
    out = tmp_path / "out.csv"
    write_embedding_csv(out, some.table, np.zeros((2, 2), np.float32))
    with out.open(newline="") as file:
        assert [row["caption"] for row in csv.DictReader(file)] == ["'=caption 5", "'=caption 2"]


def test_a_folder_without_captions_has_none(tmp_path: Path) -> None:
    write_model(tmp_path)
    table = read_samples(opened(tmp_path)).table
    assert table.captions == ()
    assert table.caption(0) == ""


said = st.one_of(st.none(), st.text(), st.lists(st.text(), max_size=3), st.integers(), st.floats())


@given(st.lists(said), st.sampled_from(("caption", "captions", "prompt")))
def test_a_caption_is_what_was_written_or_nothing(values: list[Any], name: str) -> None:
    captions = captions_of({"sample_id": range(len(values)), name: values})
    assert len(captions) in (0, len(values))
    for value, caption in zip(values, captions or [""] * len(values), strict=True):
        if isinstance(value, str):
            assert caption in (value, value.strip())
        elif isinstance(value, list):
            assert caption == " · ".join(text.strip() for text in value if text.strip())
        else:
            assert caption == ""


# --- added noise ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("others", "of_each", "key"),
    [
        ({"noise_levels": [100, 66]}, {}, "noise_levels"),
        ({"timesteps": [930]}, {}, "timesteps"),
        ({}, {"timestep": 386}, "timestep"),
        ({}, {"noise_level": 33.0}, "noise_level"),
        ({"noise_levels": []}, {"timestep": None}, ""),
        ({"num_samples": 12, "layer_shapes": {"midblock": [4]}}, {}, ""),
    ],
)
def test_what_says_that_noise_was_added(
    tmp_path: Path, others: dict[str, Any], of_each: dict[str, Any], key: str
) -> None:
    write_model(tmp_path)
    write_list(tmp_path, [{**sample, **of_each} for sample in samples_list()], **others)
    assert read_samples(opened(tmp_path)).noise_key == key


def test_keys_after_the_samples_count_as_well(tmp_path: Path) -> None:
    write_model(tmp_path)
    text = json.dumps({"samples": samples_list(), "noise_levels": [66]})
    (tmp_path / "edm" / INFO).write_text(text)
    assert read_samples(opened(tmp_path)).noise_key == "noise_levels"


def test_sigma_is_worked_out_of_percent_where_it_is_not_given(tmp_path: Path) -> None:
    write_model(tmp_path)
    samples = [{**sample, "noise_level": 100} for sample in samples_list()]
    write_list(tmp_path, samples)
    given = [sample["conditioning_sigma"] for sample in samples]
    assert read_samples(opened(tmp_path)).table.sigma.tolist() == given
    for number, sample in enumerate(samples):
        del sample["conditioning_sigma"]
        sample["noise_level"] = (0, 100, 50)[number % 3]
    write_list(tmp_path, samples)
    sigma = read_samples(opened(tmp_path)).table.sigma
    np.testing.assert_allclose(sigma[:3], [0.002, 80, 0.4], rtol=1e-6)


def test_a_level_that_is_none_names_its_sample() -> None:
    columns = {"sample_id": ("a", "b"), "noise_level": (50, 150)}
    with pytest.raises(DataError, match=r"list: the noise_level of b is not usable: 150 must be"):
        with_sigmas(columns, "list")


def test_a_timestep_without_a_level_is_said(tmp_path: Path) -> None:
    write_model(tmp_path, embedding=False)
    samples = [{**sample, "timestep": 386} for sample in samples_list()]
    for sample in samples:
        del sample["conditioning_sigma"]
    write_list(tmp_path, samples)
    (note,) = read_samples(opened(tmp_path)).notes
    assert "Add conditioning_sigma" in note


def test_no_key_of_the_usual_columns_says_that_noise_was_added() -> None:
    assert added_noise((), {"sample_id": ("a",), "conditioning_sigma": (80.0,)}) == ""
