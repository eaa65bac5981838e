"""The demo's models draw what they are asked for, as somebody else sees it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import SVC
from tiny import conditions_of, sample_heun

from diffviews_desktop.adapters.registry import get_adapter
from diffviews_desktop.adapters.sampling import (
    get_denoising_sigmas,
    tensor_to_uint8_image,
)
from diffviews_desktop.core.denoising import denoise, make_generators
from diffviews_desktop.data.folder.dataset import ModelFolder, open_data_folder, read_samples


def flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1).astype(np.float32) / 255


def judge_of(folder: ModelFolder) -> Pipeline:
    """A classifier of the folder's real pictures, at least 93 % right on those it did not see."""
    table = read_samples(folder).table
    images = np.stack([np.asarray(Image.open(table.picture(i))) for i in range(len(table))])
    known = np.arange(len(table)) % 4 > 0
    judge = make_pipeline(PCA(40, random_state=0), SVC(C=10))
    judge.fit(flat(images[known]), table.class_label[known])
    assert judge.score(flat(images[~known]), table.class_label[~known]) >= 0.93
    return judge


@pytest.mark.parametrize("steps", [1, 4])
def test_the_distilled_model_draws_in_a_few_steps(demo: Path, steps: int) -> None:
    folder = open_data_folder(demo).model("digits-few")
    assert folder.config.sampler == "renoise"
    adapter = get_adapter(folder.config.adapter).from_checkpoint(folder.checkpoint(), device="cpu")
    judge = judge_of(open_data_folder(demo).model("digits"))  # more pictures to learn from
    hits = 0
    for digit in range(10):
        generators = make_generators(100 + digit, 5)
        conditions = conditions_of(adapter, 5, digit, generators)
        sigmas = get_denoising_sigmas(steps, 80.0, 0.5)
        *_, last = denoise(adapter, conditions=conditions, sigmas=sigmas, generator=generators)
        read = judge.predict(flat(tensor_to_uint8_image(last.denoised)[..., 0].numpy()))
        hits += int((read == digit).sum())
    assert hits >= 43  # of 50


@pytest.mark.parametrize(
    ("name", "guidance"), [("digits", 1.0), ("digits", 1.5), ("digits-8x8", 1.0)]
)
def test_samples_are_read_as_the_class_asked_for(demo: Path, name: str, guidance: float) -> None:
    folder = open_data_folder(demo).model(name)
    adapter = get_adapter(folder.config.adapter).from_checkpoint(folder.checkpoint(), device="cpu")
    judge = judge_of(folder)
    hits = 0
    for digit in range(10):
        generator = torch.Generator().manual_seed(100 + digit)
        conditions = conditions_of(adapter, 5, digit, generator)
        pictures = sample_heun(
            adapter,
            conditions=conditions,
            num_steps=12,
            guidance_scale=guidance,
            generator=generator,
        )
        read = judge.predict(flat(tensor_to_uint8_image(pictures)[..., 0].numpy()))
        hits += int((read == digit).sum())
    assert hits >= 43  # of 50
