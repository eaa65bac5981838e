"""Schedulers that work in noise levels of their own: what they predict is compared with what the
same network and the scheduler's own scalings give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from tiny import fill_random, normal
from torch import Tensor

from diffviews_desktop.adapters.diffusers_unet import DiffusersAdapter
from diffviews_desktop.errors import CheckpointError, UsageError

NETWORK = {
    "sample_size": 8,
    "block_out_channels": (32, 64),
    "layers_per_block": 1,
    "down_block_types": ("DownBlock2D", "AttnDownBlock2D"),
    "up_block_types": ("AttnUpBlock2D", "UpBlock2D"),
    "norm_num_groups": 8,
}
OF_SCORES = {
    **NETWORK,
    "time_embedding_type": "fourier",
    "norm_num_groups": None,
    "down_block_types": ("SkipDownBlock2D", "AttnSkipDownBlock2D"),
    "up_block_types": ("AttnSkipUpBlock2D", "SkipUpBlock2D"),
    "mid_block_scale_factor": 1.414,
}


def opened(
    folder: Path, scheduler: Any, network: dict[str, Any] = NETWORK, **changes: Any
) -> tuple[DiffusersAdapter, Any]:
    """A saved model as the adapter reads it, and its network."""
    unet = diffusers.UNet2DModel(**{**network, **changes})
    fill_random(unet, 3)
    unet.requires_grad_(False).eval().save_pretrained(folder / "unet")
    scheduler.save_pretrained(folder / "scheduler")
    return DiffusersAdapter.from_checkpoint(folder, "cpu"), unet


def noised(sigma: float) -> Tensor:
    return normal(2, 3, 8, 8).clamp(-1, 1) + sigma * normal(2, 3, 8, 8, seed=1)


@pytest.mark.parametrize("clip", [True, False])
def test_consistency_models(tmp_path: Path, clip: bool) -> None:
    scheduler = diffusers.CMStochasticIterativeScheduler(clip_denoised=clip)
    adapter, unet = opened(tmp_path, scheduler, num_class_embeds=4)
    assert (adapter.sigma_min, adapter.sigma_max) == (0.002, 80.0)
    number = torch.tensor([1, 3])
    labels = torch.nn.functional.one_hot(number, 4).float()
    scheduler.set_timesteps(5)
    steps = list(zip(scheduler.timesteps, scheduler.sigmas[:-1], strict=True))
    for timestep, sigma in steps:
        scheduler.set_timesteps(5)  # it is at its first step again
        x = noised(float(sigma))
        scaled = scheduler.scale_model_input(x, timestep)
        raw = unet(scaled, timestep.float(), number).sample
        c_skip, c_out = scheduler.get_scalings_for_boundary_condition(sigma)
        expected = c_out * raw + c_skip * x
        expected = expected.clamp(-1, 1) if clip else expected
        given = adapter.forward(x, sigma.float().repeat(2), labels)
        torch.testing.assert_close(given, expected.float(), atol=3e-5, rtol=1e-4)
        assert given.std() > 0.05


def test_a_consistency_model_changes_nothing_at_its_lowest_level(tmp_path: Path) -> None:
    scheduler = diffusers.CMStochasticIterativeScheduler(clip_denoised=False)
    adapter, _ = opened(tmp_path, scheduler)
    x = noised(0.002)
    torch.testing.assert_close(adapter.forward(x, torch.tensor([0.002])), x)


def test_scores_of_pictures_from_zero_to_one(tmp_path: Path) -> None:
    """Tweedie's formula, in the pictures of the original pipeline, which are in [0, 1]."""
    scheduler = diffusers.ScoreSdeVeScheduler(sigma_min=0.01, sigma_max=50.0)
    adapter, unet = opened(tmp_path, scheduler, OF_SCORES)
    assert (adapter.sigma_min, adapter.sigma_max) == (0.02, 100.0)
    assert adapter.hookable_layers[0] == "conv_in"
    assert "mid_block" in adapter.hookable_layers
    scheduler.set_timesteps(4)
    scheduler.set_sigmas(4)
    for level in scheduler.sigmas:
        clean = (normal(2, 3, 8, 8).clamp(-1, 1) + 1) / 2
        seen = clean + level * normal(2, 3, 8, 8, seed=1)
        score = unet(seen, level.repeat(2)).sample
        expected = 2 * (seen + level**2 * score) - 1
        given = adapter.forward(2 * seen - 1, 2 * level.repeat(2))
        torch.testing.assert_close(given, expected, atol=1e-4 * (1 + float(level)), rtol=1e-4)


def test_layers_of_a_score_network_are_captured_and_replaced(tmp_path: Path) -> None:
    adapter, _ = opened(tmp_path, diffusers.ScoreSdeVeScheduler(), OF_SCORES)
    shapes = adapter.get_layer_shapes()
    seen: dict[str, tuple[int, ...]] = {}
    for name in shapes:
        (handle,) = adapter.register_activation_hooks(
            [name], lambda module, inputs, output, name=name: seen.update({name: output.shape[1:]})
        )
        adapter.forward(noised(1.0), torch.tensor([1.0]))
        handle.remove()
    assert seen == shapes


@pytest.mark.parametrize(
    "name", ["FlowMatchEulerDiscreteScheduler", "FlowMatchHeunDiscreteScheduler"]
)
def test_straight_flows(tmp_path: Path, name: str) -> None:
    adapter, unet = opened(tmp_path, getattr(diffusers, name)())
    scheduler = diffusers.FlowMatchEulerDiscreteScheduler()
    scheduler.set_timesteps(6)
    picture, noise = normal(2, 3, 8, 8).clamp(-1, 1), normal(2, 3, 8, 8, seed=1)
    for timestep, time in list(zip(scheduler.timesteps, scheduler.sigmas[:-1], strict=True))[1:]:
        on_path = scheduler.scale_noise(picture, timestep[None], noise)
        velocity = unet(on_path, timestep).sample
        expected = on_path - time * velocity
        level = time / (1 - time)
        given = adapter.forward(picture + level * noise, level.repeat(2))
        torch.testing.assert_close(given, expected, atol=2e-4, rtol=1e-4)


@pytest.mark.parametrize("sigma", [0.0, -1.0, float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["CMStochasticIterativeScheduler", "ScoreSdeVeScheduler"])
def test_a_noise_level_is_positive(tmp_path: Path, name: str, sigma: float) -> None:
    network = OF_SCORES if name.startswith("Score") else NETWORK
    adapter, _ = opened(tmp_path, getattr(diffusers, name)(), network)
    with pytest.raises(UsageError, match="must be a positive number"):
        adapter.forward(noised(1.0), torch.tensor([sigma]))


def test_steps_are_not_told_to_a_network_of_noise_levels(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="tells steps to a network that embeds noise levels"):
        opened(tmp_path, diffusers.DDPMScheduler(), OF_SCORES)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("CMStochasticIterativeScheduler", {"sigma_data": 0.0}),
        ("CMStochasticIterativeScheduler", {"sigma_min": 90.0}),
        ("ScoreSdeVeScheduler", {"sigma_min": 2000.0}),
    ],
)
def test_impossible_numbers_are_refused(
    tmp_path: Path, name: str, changes: dict[str, float]
) -> None:
    with pytest.raises(CheckpointError, match="scheduler"):
        opened(tmp_path, getattr(diffusers, name)(**changes))
