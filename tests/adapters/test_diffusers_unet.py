"""The diffusers adapter around real small networks, against the package's own arithmetic."""

import json
import math
import os
import pickle
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny import fill_random, hook_count, labels_of, needs_cuda, normal
from torch import Tensor

from diffviews_desktop.adapters.diffusers_unet import DiffusersAdapter
from diffviews_desktop.adapters.formats.diffusers_folder import DDPM_SCHEDULERS, EDM_SCHEDULERS
from diffviews_desktop.core.extractor import (
    ActivationExtractor,
    SampleBatch,
    extract_batches,
)
from diffviews_desktop.core.generator import generate_with_mask_multistep
from diffviews_desktop.core.masking import ActivationMasker
from diffviews_desktop.errors import AdapterError, CheckpointError, UsageError
from diffviews_desktop.values.conditions import ClassLabel, ZeroLabel

diffusers = pytest.importorskip("diffusers")

# diffusers' own: some of its schedulers give tensors to numpy functions when they are made, and
# numpy 2 has further wishes for that
pytestmark = [
    pytest.mark.filterwarnings(rf"ignore:{text}:DeprecationWarning:(diffusers|numpy)\.")
    for text in ("__array__ implementation doesn't accept", "__array_wrap__ must accept context")
]

CONFIG: dict[str, Any] = {
    "sample_size": 8,
    "in_channels": 3,
    "out_channels": 3,
    "block_out_channels": (32, 64),
    "layers_per_block": 1,
    "norm_num_groups": 8,
    "attention_head_dim": 8,
    "down_block_types": ("DownBlock2D", "AttnDownBlock2D"),
    "up_block_types": ("AttnUpBlock2D", "UpBlock2D"),
}
SHAPES: dict[str, tuple[int, int, int]] = {
    "conv_in": (32, 8, 8),
    "down_blocks.0.resnets.0": (32, 8, 8),
    "down_blocks.0.downsamplers.0": (32, 4, 4),
    "down_blocks.1.resnets.0": (64, 4, 4),
    "down_blocks.1.attentions.0": (64, 4, 4),
    "mid_block": (64, 4, 4),
    "up_blocks.0.resnets.0": (64, 4, 4),
    "up_blocks.0.attentions.0": (64, 4, 4),
    "up_blocks.0.resnets.1": (64, 4, 4),
    "up_blocks.0.attentions.1": (64, 4, 4),
    "up_blocks.0.upsamplers.0": (64, 8, 8),
    "up_blocks.1.resnets.0": (32, 8, 8),
    "up_blocks.1.resnets.1": (32, 8, 8),
    "conv_out": (3, 8, 8),
}
"""Layers of `CONFIG`'s network in running order, worked out by hand."""


def unet_of(seed: int = 0, **changes: Any) -> Any:
    """A network of `CONFIG` with seeded weights that keep activations of order 1."""
    unet = diffusers.UNet2DModel(**{**CONFIG, **changes})
    fill_random(unet, seed)
    return unet.requires_grad_(False).eval()


def scheduler_of(name: str = "DDPMScheduler", **options: Any) -> Any:
    return getattr(diffusers, name)(**options)


def adapter_of(
    scheduler: Any = None, *, seed: int = 0, **changes: Any
) -> tuple[DiffusersAdapter, Any]:
    """An adapter and, as the reference, a network of its own with the same weights."""
    if scheduler is None:
        scheduler = scheduler_of(clip_sample=False)
    adapter = DiffusersAdapter(unet_of(seed, **changes), scheduler, "cpu")
    return adapter, unet_of(seed, **changes)


def linear_levels(steps: int = 1000, start: float = 1e-4, end: float = 0.02) -> np.ndarray:
    """Noise levels of Ho et al.'s linear schedule, in float64."""
    abar = np.cumprod(1 - np.linspace(start, end, steps))
    return np.sqrt((1 - abar) / abar)


def noised(sigma: float, batch: int = 2, size: int = 8, channels: int = 3, seed: int = 0) -> Tensor:
    """Pictures in [-1, 1] with noise."""
    shape = (batch, channels, size, size)
    return normal(*shape, seed=seed).clamp(-1, 1) + sigma * normal(*shape, seed=seed + 1)


def save_pipeline(folder: Path, unet: Any = None, scheduler: Any = None, **options: Any) -> Path:
    unet = unet_of() if unet is None else unet
    scheduler = scheduler_of(clip_sample=False) if scheduler is None else scheduler
    diffusers.DDPMPipeline(unet, scheduler).save_pretrained(folder, **options)
    return folder


def edit_json(path: Path, **changes: Any) -> None:
    """Change values; None removes a key."""
    content = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({k: v for k, v in content.items() if k not in changes or v != "-"}))


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline's folder. Shared: look, do not change."""
    return save_pipeline(tmp_path_factory.mktemp("saved") / "pipeline")


@pytest.fixture(scope="module")
def shared() -> DiffusersAdapter:
    """An adapter of what is in `saved`, to use without leaving hooks behind."""
    return adapter_of()[0]


@pytest.fixture
def pipeline(saved: Path, tmp_path: Path) -> Path:
    """A pipeline's folder to change."""
    return shutil.copytree(saved, tmp_path / "pipeline")


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any) -> None:
        pytest.fail("a connection was attempted")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


# --- the package ---------------------------------------------------------------------------------


def test_importing_the_adapter_does_not_import_diffusers() -> None:
    code = (
        "import sys, diffviews_desktop.adapters.diffusers_unet as module\n"
        "assert module.DiffusersAdapter.get_default_config()\n"
        "assert not [name for name in sys.modules if name.split('.')[0] == 'diffusers']"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_diffusers_the_error_says_what_to_install(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(AdapterError, match=r"pip install 'diffviews-desktop\[diffusers\]'"):
        DiffusersAdapter.from_checkpoint(saved, "cpu")


def test_a_diffusers_that_lacks_the_class_is_said_to_be_too_old(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "diffusers", type(sys)("diffusers"))
    with pytest.raises(AdapterError, match=r"no usable UNet2DModel.*--upgrade"):
        DiffusersAdapter.from_checkpoint(saved, "cpu")


# --- facts and layers ----------------------------------------------------------------------------


def test_facts_of_the_model() -> None:
    adapter, _ = adapter_of()
    assert adapter.model_type == "diffusers"
    assert (adapter.resolution, adapter.img_channels, adapter.num_classes) == (8, 3, 0)
    assert (adapter.device, adapter.default_layer) == ("cpu", "mid_block")
    grey, _ = adapter_of(in_channels=1, out_channels=1, num_class_embeds=7, sample_size=(16, 16))
    assert (grey.resolution, grey.img_channels, grey.num_classes) == (16, 1, 7)


def test_layers_and_shapes_are_those_worked_out_by_hand() -> None:
    adapter, _ = adapter_of()
    assert adapter.hookable_layers == list(SHAPES)
    assert adapter.get_layer_shapes() == SHAPES
    adapter.get_layer_shapes().clear()
    assert adapter.get_layer_shapes() == SHAPES
    assert hook_count(adapter.model) == 0


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"num_class_embeds": 5},
        {"layers_per_block": 2, "add_attention": False},
        {
            "down_block_types": ("ResnetDownsampleBlock2D", "AttnDownBlock2D", "DownBlock2D"),
            "up_block_types": ("UpBlock2D", "AttnUpBlock2D", "ResnetUpsampleBlock2D"),
            "block_out_channels": (32, 32, 64),
            "downsample_type": "resnet",
            "upsample_type": "resnet",
            "resnet_time_scale_shift": "scale_shift",
        },
        {"mid_block_type": None},
    ],
    ids=["plain", "classes", "two-a-block", "resnet-sampling", "no-middle"],
)
def test_layers_and_shapes_are_those_of_a_forward_pass(changes: dict[str, Any]) -> None:
    adapter, _ = adapter_of(**changes)
    seen: dict[str, tuple[int, ...]] = {}
    handles = []
    for name in adapter.hookable_layers:
        assert any(key.startswith(f"{name}.") for key in adapter.model.state_dict())
        handles += adapter.register_activation_hooks(
            [name], lambda m, i, output, name=name: seen.update({name: tuple(output.shape[1:])})
        )
    adapter.forward(noised(1.0), torch.ones(2))
    assert list(seen.items()) == list(adapter.get_layer_shapes().items())
    blocks = {name for name in seen if name.startswith(("down", "up"))}
    assert blocks == {
        name
        for name, _ in adapter.model.named_modules()
        if name.count(".") == 3 and name.startswith(("down", "up"))
    }
    for handle in handles:
        handle.remove()


def test_a_network_without_a_middle_shows_its_last_encoder_layer_first() -> None:
    adapter, _ = adapter_of(mid_block_type=None)
    assert adapter.default_layer == "down_blocks.1.attentions.0"


def test_shapes_can_be_asked_for_while_hooks_are_registered() -> None:
    adapter, _ = adapter_of()
    masker = ActivationMasker(adapter)
    masker.set_mask("mid_block", torch.zeros(1, 64, 4, 4))
    with masker, ActivationExtractor(adapter, ["mid_block"], stop_after_last=True) as extractor:
        assert adapter.get_layer_shapes() == SHAPES
        assert extractor.get_activations() == {}


def test_unknown_layer_is_refused_and_nothing_registered() -> None:
    adapter, _ = adapter_of()
    with pytest.raises(AdapterError, match=r"no layer 'attic'.*mid_block, up_blocks"):
        adapter.register_activation_hooks(["mid_block", "attic"], lambda m, i, o: None)
    assert hook_count(adapter.model) == 0


def test_to_and_eval_return_the_adapter() -> None:
    adapter, _ = adapter_of()
    adapter.model.train()
    assert adapter.eval() is adapter
    assert not adapter.model.training
    assert adapter.to("cpu") is adapter
    with pytest.raises(UsageError, match="Unknown device 'abacus'"):
        adapter.to("abacus")


@pytest.mark.skipif(torch.backends.mps.is_available(), reason="MPS takes the model here")
def test_a_model_that_mps_refuses_runs_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    unet, scheduler = unet_of(), scheduler_of()
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    adapter = DiffusersAdapter(unet, scheduler, "mps")
    assert adapter.device == "cpu"
    assert adapter.forward(noised(1.0), torch.ones(2)).device.type == "cpu"


@needs_cuda
def test_cuda_gives_what_the_cpu_gives() -> None:
    adapter, _ = adapter_of(num_class_embeds=5)
    x, sigma, labels = noised(1.0), torch.ones(2), labels_of(1, 4)
    expected = adapter.forward(x, sigma, labels)
    adapter.to("cuda")
    torch.testing.assert_close(adapter.forward(x, sigma, labels).cpu(), expected, atol=1e-3, rtol=0)


def test_nothing_of_the_device_is_float64() -> None:
    adapter, _ = adapter_of(num_class_embeds=5)
    seen = set()

    def look(module: Any, inputs: Any) -> None:
        seen.update(part.dtype for part in inputs if isinstance(part, Tensor))

    handles = [module.register_forward_pre_hook(look) for module in adapter.model.modules()]
    output = adapter.forward(noised(1.0).double(), torch.ones(2).double(), labels_of(1, 4).double())
    for handle in handles:
        handle.remove()
    assert seen | {output.dtype} == {torch.float32}


def test_default_settings() -> None:
    settings = DiffusersAdapter.get_default_config()
    assert "labels were dropped" in settings.pop("guidance_note")
    assert settings == {
        "sigma_max": 80.0,
        "sigma_min": 0.02,
        "rho": 7.0,
        "default_steps": 18,
        "guidance_scale": 1.0,
    }


# --- the denoiser, DDPM family -------------------------------------------------------------------


@pytest.mark.parametrize("clip", [False, True])
@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction", "sample"])
@pytest.mark.parametrize("name", ["DDPMScheduler", "DDIMScheduler"])
def test_predicted_picture_is_the_schedulers(name: str, prediction: str, clip: bool) -> None:
    options = {"prediction_type": prediction, "clip_sample": clip, "clip_sample_range": 0.9}
    scheduler = scheduler_of(name, **options)
    scheduler.set_timesteps(1000)
    adapter, unet = adapter_of(scheduler_of(name, **options))
    for timestep in (0, 1, 137, 600, 999):
        abar = scheduler.alphas_cumprod[timestep]
        sigma = float(((1 - abar) / abar).sqrt())
        x = noised(sigma)
        scaled = x * abar.sqrt()
        with torch.no_grad():
            raw = unet(scaled, timestep).sample
        expected = scheduler.step(raw, timestep, scaled).pred_original_sample
        given = adapter.forward(x, torch.full((2,), sigma))
        # the clean picture is a difference of numbers of the size of sigma
        torch.testing.assert_close(given, expected, atol=1e-5 * (1 + sigma), rtol=1e-5)
        assert given.std() > 0.1
        assert not clip or given.abs().max() <= 0.9


def test_dynamic_thresholding_is_the_schedulers() -> None:
    options = {"thresholding": True, "sample_max_value": 2.5, "dynamic_thresholding_ratio": 0.9}
    scheduler = scheduler_of(**options)
    adapter, unet = adapter_of(scheduler_of(**options))
    for timestep in (10, 300, 700):
        abar = scheduler.alphas_cumprod[timestep]
        x = noised(float(((1 - abar) / abar).sqrt()))
        scaled = x * abar.sqrt()
        with torch.no_grad():
            raw = unet(scaled, timestep).sample
        expected = scheduler.step(raw, timestep, scaled).pred_original_sample
        given = adapter.forward(x, ((1 - abar) / abar).sqrt().repeat(2))
        torch.testing.assert_close(given, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_predicted_picture_is_that_of_eulers_scheduler_in_noise_levels(prediction: str) -> None:
    """Between trained levels, too: Karras' levels fall where they will."""
    options = {"prediction_type": prediction, "use_karras_sigmas": True}
    scheduler = scheduler_of("EulerDiscreteScheduler", **options)
    scheduler.set_timesteps(7)
    adapter, unet = adapter_of(scheduler_of("EulerDiscreteScheduler", **options))
    steps = list(zip(scheduler.timesteps, scheduler.sigmas[:-1], strict=True))
    assert any(abs(float(t) - round(float(t))) > 0.1 for t, _ in steps)
    for timestep, sigma in steps:
        x = noised(float(sigma))
        with torch.no_grad():
            raw = unet(scheduler.scale_model_input(x, timestep), timestep.float()).sample
        expected = scheduler.step(raw, timestep, x).pred_original_sample
        given = adapter.forward(x, sigma.float().repeat(2))
        torch.testing.assert_close(given, expected, atol=2e-5 * (1 + float(sigma)), rtol=1e-5)


@pytest.mark.parametrize("name", sorted(DDPM_SCHEDULERS))
def test_every_scheduler_of_the_family_gives_the_same_denoiser(name: str, tmp_path: Path) -> None:
    options = {"beta_start": 0.001, "beta_end": 0.03, "num_train_timesteps": 200}
    options |= {"prediction_type": "v_prediction", "beta_schedule": "linear"}
    reference, unet = adapter_of(scheduler_of(clip_sample=False, **options))
    if "clip_sample" in scheduler_of(name, num_train_timesteps=10).config:
        options["clip_sample"] = False
    unet.save_pretrained(tmp_path / "unet")
    scheduler_of(name, **options).save_pretrained(tmp_path / "scheduler")
    adapter = DiffusersAdapter.from_checkpoint(tmp_path, "cpu")
    assert (adapter.sigma_min, adapter.sigma_max) == (reference.sigma_min, reference.sigma_max)
    x, sigma = noised(1.0), torch.tensor([0.4, 3.0])
    assert torch.equal(adapter.forward(x, sigma), reference.forward(x, sigma))


def sent_timesteps(adapter: DiffusersAdapter, sigmas: Tensor) -> Tensor:
    """What the network is told for noise levels."""
    seen: list[Tensor] = []
    handle = adapter.model.time_proj.register_forward_pre_hook(
        lambda module, inputs: seen.append(inputs[0])
    )
    adapter.forward(torch.zeros(len(sigmas), 3, 8, 8), sigmas)
    handle.remove()
    return seen[0]


def test_timesteps_are_trained_ones_at_their_levels_and_rise_between_them() -> None:
    adapter, _ = adapter_of()
    levels = linear_levels()
    chosen = np.array([0, 1, 2, 100, 500, 998, 999])
    told = sent_timesteps(adapter, torch.from_numpy(levels[chosen]).float())
    np.testing.assert_allclose(told, chosen, atol=5e-3)
    dense = torch.from_numpy(np.geomspace(levels[0], levels[-1], 300)).float()
    told = sent_timesteps(adapter, dense)
    assert (told.diff() > 0).all()
    assert told[0] == 0
    assert told[-1] == 999
    # halfway between two levels, in the logarithm
    middle = torch.tensor([math.sqrt(levels[40] * levels[41])])
    np.testing.assert_allclose(sent_timesteps(adapter, middle), [40.5], atol=5e-3)


def test_a_scalar_noise_level_serves_the_whole_batch() -> None:
    adapter, _ = adapter_of()
    x = noised(2.0, batch=3)
    expected = adapter.forward(x, torch.full((3,), 2.0))
    assert torch.equal(adapter.forward(x, torch.tensor(2.0)), expected)


def test_range_is_that_of_the_betas_and_beyond_it_is_refused() -> None:
    adapter, _ = adapter_of()
    levels = linear_levels()
    assert adapter.sigma_min == pytest.approx(levels[0], rel=1e-3)  # 1 - 1e-4 in float32
    assert adapter.sigma_max == pytest.approx(levels[-1], rel=1e-4)
    x = noised(1.0)
    for sigma in (adapter.sigma_min * (1 - 9e-5), adapter.sigma_max * (1 + 9e-5)):
        assert torch.isfinite(adapter.forward(x, torch.full((2,), sigma))).all()
    bad = [adapter.sigma_min * 0.999, adapter.sigma_max * 1.001, 0.0, -1.0, math.inf, math.nan]
    for sigma in bad:
        with pytest.raises(UsageError, match=r"outside the range .* 0\.0100\d+ to 157\.\d+\. Choo"):
            adapter.forward(x, torch.tensor([1.0, sigma]))


def test_the_nearest_trained_level() -> None:
    adapter, _ = adapter_of()
    levels = torch.from_numpy(linear_levels())
    wanted = torch.tensor([[0.001, 0.3], [7.7, 1e6]])
    expected = [min(levels.tolist(), key=lambda level: abs(level - s)) for s in wanted.flatten()]
    given = adapter.round_sigma(wanted)
    assert given.dtype == torch.float32
    torch.testing.assert_close(given.flatten(), torch.tensor(expected), rtol=1e-3, atol=0)
    assert torch.equal(adapter.round_sigma(given), given)
    assert adapter.round_sigma(0.3) == given[0, 1]
    assert torch.isfinite(adapter.forward(torch.zeros(4, 3, 8, 8), given.flatten())).all()


def test_a_schedule_that_ends_in_pure_noise_ends_at_its_last_finite_level() -> None:
    scheduler = scheduler_of(rescale_betas_zero_snr=True, clip_sample=False)
    assert scheduler.alphas_cumprod[-1] == 0
    adapter, _ = adapter_of(scheduler)
    abar = scheduler.alphas_cumprod[-2].double()
    assert adapter.sigma_max == pytest.approx(float(((1 - abar) / abar).sqrt()))
    told = sent_timesteps(adapter, torch.tensor([adapter.sigma_max]))
    assert told == 998
    assert math.isfinite(float(adapter.round_sigma(math.inf)))
    with pytest.raises(UsageError, match="outside the range"):
        adapter.forward(noised(1.0), torch.full((2,), 2 * adapter.sigma_max))
    # Euler's has a number in place of infinity, and a smaller one than the level before it
    euler = scheduler_of("EulerDiscreteScheduler", rescale_betas_zero_snr=True)
    assert euler.alphas_cumprod[-1] > euler.alphas_cumprod[-2]
    assert adapter_of(euler)[0].sigma_max == adapter.sigma_max


@pytest.mark.parametrize("schedule", ["linear", "scaled_linear", "squaredcos_cap_v2", "sigmoid"])
def test_every_beta_schedule_gives_a_usable_range(schedule: str) -> None:
    adapter, _ = adapter_of(scheduler_of(beta_schedule=schedule))
    assert 0 < adapter.sigma_min < 0.2 < 10 < adapter.sigma_max < math.inf


def test_of_a_network_that_also_predicts_a_variance_the_first_half_counts() -> None:
    scheduler = scheduler_of(variance_type="learned_range", clip_sample=False)
    adapter, unet = adapter_of(scheduler, out_channels=6)
    abar = scheduler.alphas_cumprod[400]
    sigma = float(((1 - abar) / abar).sqrt())
    x = noised(sigma)
    scaled = x * abar.sqrt()
    with torch.no_grad():
        raw = unet(scaled, 400).sample
    expected = scheduler.step(raw, 400, scaled).pred_original_sample
    given = adapter.forward(x, torch.full((2,), sigma))
    assert given.shape == (2, 3, 8, 8)
    torch.testing.assert_close(given, expected, atol=1e-5 * (1 + sigma), rtol=1e-5)


# --- the denoiser, EDM ---------------------------------------------------------------------------


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("name", sorted(EDM_SCHEDULERS))
def test_edm_preconditioning_is_the_schedulers(name: str, prediction: str) -> None:
    scheduler = scheduler_of(name, prediction_type=prediction, sigma_data=0.66, sigma_max=50.0)
    adapter, unet = adapter_of(scheduler)
    assert (adapter.sigma_min, adapter.sigma_max) == (0.002, 50.0)
    for sigma in (0.002, 0.1, 1.0, 13.0, 80.0):
        x = noised(sigma)
        with torch.no_grad():
            scaled = scheduler.precondition_inputs(x, sigma)
            raw = unet(scaled, scheduler.precondition_noise(sigma)).sample
        expected = scheduler.precondition_outputs(x, raw, sigma)
        given = adapter.forward(x, torch.full((2,), sigma))
        torch.testing.assert_close(given, expected, atol=1e-5, rtol=1e-5)
    assert torch.equal(adapter.round_sigma(torch.tensor([0.3, 200.0])), torch.tensor([0.3, 200.0]))


@pytest.mark.parametrize("sigma", [0.0, -1.0, math.nan, math.inf])
def test_edm_needs_a_positive_noise_level(sigma: float) -> None:
    adapter, _ = adapter_of(scheduler_of("EDMEulerScheduler"))
    with pytest.raises(UsageError, match="must be a positive number"):
        adapter.forward(noised(1.0), torch.tensor([1.0, sigma]))


# --- labels --------------------------------------------------------------------------------------


def test_one_hot_labels_are_class_numbers() -> None:
    adapter, unet = adapter_of(num_class_embeds=5)
    scheduler = scheduler_of()
    abar = scheduler.alphas_cumprod[300]
    sigma = float(((1 - abar) / abar).sqrt())
    x = noised(sigma)
    with torch.no_grad():
        raw = unet(x * abar.sqrt(), 300, class_labels=torch.tensor([4, 0])).sample
    given = adapter.forward(x, torch.full((2,), sigma), labels_of(4, 0))
    torch.testing.assert_close(given, x - sigma * raw, atol=1e-5 * (1 + sigma), rtol=1e-5)
    weight = unet.class_embedding.weight
    embedding = adapter.model.class_embedding
    assert torch.equal(embedding(labels_of(4, 0)), weight[[4, 0]])
    assert torch.equal(embedding(torch.tensor([4, 0])), weight[[4, 0]])
    assert (given - adapter.forward(x, torch.full((2,), sigma), labels_of(0, 4))).abs().max() > 1e-3


def test_zero_labels_give_a_zero_embedding_and_mixtures_are_linear() -> None:
    adapter, unet = adapter_of(num_class_embeds=5)
    embedding, weight = adapter.model.class_embedding, unet.class_embedding.weight
    assert not embedding(torch.zeros(1, 5)).any()
    mixture = torch.tensor([[0.25, 0.0, 0.75, 0.0, 0.0], [0.2] * 5])
    expected = torch.stack([0.25 * weight[0] + 0.75 * weight[2], weight.mean(dim=0)])
    torch.testing.assert_close(embedding(mixture), expected)

    x, sigma = noised(1.0), torch.ones(2)
    silent, reference = adapter_of(num_class_embeds=5)
    with torch.no_grad():
        silent.model.class_embedding.weight.zero_()
    zeros = adapter.forward(x, sigma, torch.zeros(2, 5))
    assert torch.equal(zeros, silent.forward(x, sigma, labels_of(1, 2)))
    assert torch.equal(zeros, adapter.forward(x, sigma))
    assert torch.equal(zeros, adapter.forward(x, sigma, torch.zeros(1, 5)))
    assert reference.class_embedding.weight.any()


def test_labels_of_another_width_are_refused_and_ignored_without_classes() -> None:
    adapter, _ = adapter_of(num_class_embeds=5)
    with pytest.raises(UsageError, match=r"have 5 values each; these have the shape \(2, 4\)"):
        adapter.forward(noised(1.0), torch.ones(2), torch.zeros(2, 4))
    plain, _ = adapter_of()
    x, sigma = noised(1.0), torch.ones(2)
    assert torch.equal(plain.forward(x, sigma, torch.zeros(2, 5)), plain.forward(x, sigma))


# --- hooks, masks, generation --------------------------------------------------------------------


def test_layers_are_captured_as_the_network_computes_them() -> None:
    adapter, unet = adapter_of()
    layers = ["mid_block", "down_blocks.0.resnets.0"]
    seen: dict[str, Tensor] = {}
    for name in layers:
        unet.get_submodule(name).register_forward_hook(
            lambda m, i, output, name=name: seen.update({name: output})
        )
    x = noised(1.0)
    with ActivationExtractor(adapter, layers) as extractor, torch.no_grad():
        adapter.forward(x, torch.ones(2))
        captured = extractor.get_activations()
        told = sent_timesteps(adapter, torch.ones(2))
        unet(x / math.sqrt(2), told)
    assert hook_count(adapter.model) == 0
    assert captured.keys() == seen.keys() == set(layers)
    for name in layers:
        assert tuple(captured[name].shape[1:]) == SHAPES[name]
        torch.testing.assert_close(captured[name], seen[name])


@pytest.mark.parametrize("layer", list(SHAPES))
def test_every_layer_can_be_replaced(layer: str, shared: DiffusersAdapter) -> None:
    adapter = shared
    x, sigma = noised(1.0), torch.ones(2)
    plain = adapter.forward(x, sigma)
    masker = ActivationMasker(adapter)
    mask = normal(1, *SHAPES[layer], seed=5)
    masker.set_mask(layer, mask)
    with masker:
        masked = adapter.forward(x, sigma)
        assert torch.equal(adapter.forward(x, sigma), masked)
    assert (masked - plain).abs().max() > 1e-3
    assert torch.equal(mask, normal(1, *SHAPES[layer], seed=5))
    assert torch.equal(adapter.forward(x, sigma), plain)
    # a layer's own value in its place changes nothing
    with ActivationExtractor(adapter, [layer]) as extractor:
        adapter.forward(x, sigma)
        masker.set_mask(layer, extractor.get_activations()[layer])
    with masker:
        assert torch.equal(adapter.forward(x, sigma), plain)


def test_a_replaced_last_layer_is_what_the_scheduler_gets() -> None:
    adapter, _ = adapter_of()
    mask = normal(1, 3, 8, 8, seed=5)
    masker = ActivationMasker(adapter)
    masker.set_mask("conv_out", mask)
    x = noised(3.0)
    with masker:
        given = adapter.forward(x, torch.tensor([3.0, 0.5]))
    expected = x - torch.tensor([3.0, 0.5])[:, None, None, None] * mask
    torch.testing.assert_close(given, expected)


def test_activations_of_pictures() -> None:
    adapter, _ = adapter_of(num_class_embeds=5)
    pictures = SampleBatch(
        samples=normal(3, 3, 8, 8).clamp(-1, 1),
        sigmas=np.array([0.1, 1.0, 10.0]),
        conditions=[ClassLabel(0), ClassLabel(4), ZeroLabel()],
        seeds=np.arange(3),
    )
    (rows,) = extract_batches(adapter, ["mid_block", "conv_in"], iter([pictures]))
    assert rows["conv_in"].shape == (3, 32 * 8 * 8)
    assert rows["mid_block"].shape == (3, 64 * 4 * 4)
    assert hook_count(adapter.model) == 0


@pytest.mark.parametrize("classes", [None, 5], ids=["unconditional", "conditional"])
@pytest.mark.parametrize("name", ["DDPMScheduler", "EDMEulerScheduler"])
def test_generating_with_and_without_a_mask(name: str, classes: int | None) -> None:
    adapter, _ = adapter_of(scheduler_of(name), num_class_embeds=classes)
    masker = ActivationMasker(adapter)
    masker.set_mask("mid_block", normal(1, 64, 4, 4, seed=9))
    options: dict[str, Any] = {
        "class_label": 3 if classes else None,
        "num_steps": 4,
        "num_samples": 2,
        "sigma_max": adapter.sigma_max,
        "sigma_min": adapter.sigma_min,
        "guidance_scale": 2.0 if classes else 1.0,
        "seed": 1,
        "extract_layers": ["mid_block"],
        "return_trajectory": True,
        "return_intermediates": True,
    }
    plain = generate_with_mask_multistep(adapter, **options)
    masked = generate_with_mask_multistep(adapter, masker, mask_steps=2, **options)
    for result in (plain, masked):
        assert result.images.shape == (2, 8, 8, 3)
        assert result.images.dtype == torch.uint8
        assert result.labels.tolist() == [3 if classes else -2] * 2
        assert result.trajectory is not None
        assert result.intermediates is not None
        assert [row.shape for row in result.trajectory] == [(2, 64 * 4 * 4)] * 4
        assert all(torch.isfinite(picture).all() for picture in result.intermediates)
    assert not torch.equal(plain.images, masked.images)
    again = generate_with_mask_multistep(adapter, **options)
    assert torch.equal(again.images, plain.images)
    assert hook_count(adapter.model) == 0


# --- folders -------------------------------------------------------------------------------------


def bare_with_sibling(source: Path, target: Path) -> Path:
    shutil.copytree(source / "unet", target / "network")
    shutil.copytree(source / "scheduler", target / "scheduler")
    return target / "network"


def bare_with_scheduler_file(source: Path, target: Path) -> Path:
    shutil.copytree(source / "unet", target)
    shutil.copy(source / "scheduler" / "scheduler_config.json", target)
    return target


def everything_in_one(source: Path, target: Path) -> Path:
    bare_with_scheduler_file(source, target)
    shutil.copy(source / "model_index.json", target)
    return target


def without_index(source: Path, target: Path) -> Path:
    shutil.copytree(source, target)
    (target / "model_index.json").unlink()
    return target


@pytest.mark.parametrize(
    "arrange",
    [
        lambda source, target: source,
        lambda source, target: str(source),
        lambda source, target: source / "model_index.json",
        lambda source, target: source / "unet",
        lambda source, target: source / "unet" / "config.json",
        lambda source, target: source / "unet" / "diffusion_pytorch_model.safetensors",
        lambda source, target: source / "scheduler" / "scheduler_config.json",
        bare_with_sibling,
        lambda source, target: bare_with_sibling(source, target) / "config.json",
        bare_with_scheduler_file,
        everything_in_one,
        without_index,
    ],
    ids=[
        "pipeline",
        "string",
        "index",
        "unet",
        "config",
        "weights",
        "scheduler",
        "bare-sibling",
        "bare-file",
        "bare-scheduler",
        "all-in-one",
        "no-index",
    ],
)
def test_from_checkpoint_gives_the_saved_model(
    arrange: Callable[[Path, Path], Path],
    saved: Path,
    shared: DiffusersAdapter,
    tmp_path: Path,
    no_network: None,
) -> None:
    path = arrange(saved, tmp_path / "copy")
    adapter = DiffusersAdapter.from_checkpoint(path, device="cpu", label_dropout=0.1)
    x, sigma = noised(1.0), torch.tensor([0.5, 5.0])
    assert torch.equal(adapter.forward(x, sigma), shared.forward(x, sigma))
    assert adapter.hookable_layers == list(SHAPES)
    assert not adapter.model.training
    assert not any(p.requires_grad for p in adapter.model.parameters())


def test_a_relative_path_works(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(saved / "unet")
    assert DiffusersAdapter.from_checkpoint(".", device="cpu").resolution == 8


def test_a_conditional_edm_pipeline_comes_back(tmp_path: Path) -> None:
    unet, scheduler = unet_of(num_class_embeds=5), scheduler_of("EDMEulerScheduler", sigma_data=0.4)
    save_pipeline(tmp_path, unet, scheduler)
    adapter = DiffusersAdapter.from_checkpoint(tmp_path, device="cpu")
    reference, _ = adapter_of(scheduler, num_class_embeds=5)
    x, sigma, labels = noised(1.0), torch.tensor([0.5, 5.0]), labels_of(1, 2)
    assert adapter.num_classes == 5
    assert torch.equal(adapter.forward(x, sigma, labels), reference.forward(x, sigma, labels))


@pytest.mark.parametrize("variant", [None, "fp16"])
@pytest.mark.parametrize("safe", [True, False], ids=["safetensors", "bin"])
def test_half_precision_weights_become_float32(
    safe: bool, variant: str | None, tmp_path: Path
) -> None:
    unet = unet_of().half()
    save_pipeline(tmp_path, unet, safe_serialization=safe, variant=variant)
    assert bool(list((tmp_path / "unet").glob("*.bin"))) is not safe
    adapter = DiffusersAdapter.from_checkpoint(tmp_path, device="cpu")
    assert {p.dtype for p in adapter.model.parameters()} == {torch.float32}
    reference = DiffusersAdapter(unet.float(), scheduler_of(clip_sample=False), "cpu")
    x, sigma = noised(1.0), torch.tensor([0.5, 5.0])
    assert torch.equal(adapter.forward(x, sigma), reference.forward(x, sigma))


def test_full_precision_and_safetensors_come_first(pipeline: Path) -> None:
    for name in ("fp16.safetensors", "bin", "fp16.bin"):
        (pipeline / "unet" / f"diffusion_pytorch_model.{name}").write_bytes(b"not read")
    assert DiffusersAdapter.from_checkpoint(pipeline, device="cpu").resolution == 8


def test_older_names_of_attention_layers_are_understood(pipeline: Path) -> None:
    """As the package itself reads them."""
    from safetensors.torch import load_file, save_file

    weights = pipeline / "unet" / "diffusion_pytorch_model.safetensors"
    renamed = {}
    for name, tensor in load_file(weights).items():
        for new, old in {"to_q": "query", "to_k": "key", "to_v": "value"}.items():
            name = name.replace(f".{new}.", f".{old}.")
        renamed[name.replace(".to_out.0.", ".proj_attn.")] = tensor
    assert sum(".proj_attn." in name for name in renamed) == 8
    save_file(renamed, weights)
    adapter = DiffusersAdapter.from_checkpoint(pipeline, device="cpu")
    theirs = diffusers.UNet2DModel.from_pretrained(pipeline / "unet", local_files_only=True)
    state = adapter.model.state_dict()
    assert state.keys() == theirs.state_dict().keys()
    assert all(torch.equal(state[name], tensor) for name, tensor in theirs.state_dict().items())


@pytest.mark.parametrize("epsilon", [True, False])
def test_the_older_name_of_the_prediction_type_is_understood(epsilon: bool, pipeline: Path) -> None:
    edit_json(
        pipeline / "scheduler" / "scheduler_config.json",
        predict_epsilon=epsilon,
        prediction_type="-",
    )
    adapter = DiffusersAdapter.from_checkpoint(pipeline, device="cpu")
    kind = "epsilon" if epsilon else "sample"
    reference, _ = adapter_of(scheduler_of(prediction_type=kind, clip_sample=False))
    x, sigma = noised(1.0), torch.tensor([0.5, 5.0])
    assert torch.equal(adapter.forward(x, sigma), reference.forward(x, sigma))


def test_keys_that_the_classes_do_not_take_are_left_out(pipeline: Path) -> None:
    edit_json(pipeline / "unet" / "config.json", quantization_config={"a": 1}, auto_map={"a": "b"})
    edit_json(pipeline / "scheduler" / "scheduler_config.json", skip_prk_steps=True)
    assert DiffusersAdapter.from_checkpoint(pipeline, device="cpu").resolution == 8


# --- what cannot be used -------------------------------------------------------------------------


def unet_config(**changes: Any) -> Callable[[Path], Any]:
    return lambda folder: edit_json(folder / "unet" / "config.json", **changes)


def scheduler_config(**changes: Any) -> Callable[[Path], Any]:
    return lambda folder: edit_json(folder / "scheduler" / "scheduler_config.json", **changes)


def index(**changes: Any) -> Callable[[Path], Any]:
    return lambda folder: edit_json(folder / "model_index.json", **changes)


def scheduler(name: str, **options: Any) -> Callable[[Path], Any]:
    """Another scheduler in the folder."""

    def change(folder: Path) -> None:
        edit_json(folder / "model_index.json", scheduler=["diffusers", name])
        scheduler_of(name, **options).save_pretrained(folder / "scheduler")

    return change


def written(name: str, content: bytes | str) -> Callable[[Path], Any]:
    data = content.encode() if isinstance(content, str) else content
    return lambda folder: (folder / name).write_bytes(data)


def removed(*names: str) -> Callable[[Path], Any]:
    def change(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()

    return change


def truncated(folder: Path) -> None:
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])


def integers(folder: Path) -> None:
    from safetensors.torch import save_file

    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    save_file({"conv_in.weight": torch.ones(32, 3, 3, 3, dtype=torch.int64)}, weights)


def bin_of(content: Any) -> Callable[[Path], Any]:
    def change(folder: Path) -> None:
        removed(WEIGHTS)(folder)
        torch.save(content, folder / "unet" / "diffusion_pytorch_model.bin")

    return change


def bin_bytes(content: bytes) -> Callable[[Path], Any]:
    def change(folder: Path) -> None:
        removed(WEIGHTS)(folder)
        (folder / "unet" / "diffusion_pytorch_model.bin").write_bytes(content)

    return change


def sharded(folder: Path) -> None:
    removed(WEIGHTS)(folder)
    unet_of().save_pretrained(folder / "unet", max_shard_size="200KB")


def conditioned_on_text(folder: Path) -> None:
    edit_json(folder / "model_index.json", unet=["diffusers", "UNet2DConditionModel"])


WEIGHTS = "unet/diffusion_pytorch_model.safetensors"
UNET = "unet/config.json"
SCHEDULE = "scheduler/scheduler_config.json"
BAD: dict[str, tuple[Callable[[Path], Any], str]] = {
    # files
    "no-config": (removed(UNET), r"holds neither unet/config\.json nor config\.json\. Give the"),
    "no-weights": (removed(WEIGHTS), r"no weights in .*unet\. It should hold diffusion_pytorch_mo"),
    "no-scheduler": (removed(SCHEDULE), r"no scheduler_config\.json for the UNet in .*unet, so"),
    "shards": (sharded, r"split into several files\. Save .* larger max_shard_size"),
    "config-not-json": (written(UNET, "{'a':"), r"unet/config\.json cannot be read as JSON"),
    "config-not-text": (
        written(UNET, b"\xff\xfe\x00"),
        r"unet/config\.json cannot be read as JSON",
    ),
    "config-deep": (written(UNET, "[" * 100_000), r"unet/config\.json cannot be read as JSON"),
    "config-list": (written(UNET, "[1]"), r"unet/config\.json does not hold a JSON object"),
    "index-not-json": (
        written("model_index.json", "x"),
        r"model_index\.json cannot be read as JSON",
    ),
    "schedule-not-json": (written(SCHEDULE, ""), r"scheduler_config\.json cannot be read as JSON"),
    "weights-empty": (
        written(WEIGHTS, b""),
        r"pytorch_model\.safetensors cannot be read .*Copy it",
    ),
    "weights-short": (truncated, r"diffusion_pytorch_model\.safetensors cannot be read"),
    "weights-pointer": (
        written(WEIGHTS, "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"),
        r"diffusion_pytorch_model\.safetensors holds no weights: it is a Git LFS pointer",
    ),
    "weights-integers": (integers, r"does not hold floating-point tensors alone\. Save the model"),
    "bin-empty": (bin_bytes(b""), r"diffusion_pytorch_model\.bin cannot be read"),
    "bin-noise": (bin_bytes(os.urandom(64)), r"diffusion_pytorch_model\.bin cannot be read"),
    "bin-list": (bin_of([torch.zeros(1)]), r"\.bin does not hold a plain state dict"),
    "bin-other": (bin_of({"conv_in.weight": torch.zeros(1)}), r"\.bin do not fit config\.json"),
    # networks
    "wider": (
        unet_config(block_out_channels=[64, 64]),
        r"beside it: there block_out_channels is \[64, 64\], and .* it is \[32, 64\]\. Copy or",
    ),
    "deeper": (
        unet_config(layers_per_block=2),
        r"beside it: there layers_per_block is 2, .* it is 1\.",
    ),
    "no-class": (unet_config(_class_name="-"), r"config\.json describes a None, not a UNet2DModel"),
    "text-class": (
        unet_config(_class_name="UNet2DConditionModel"),
        r"unet/config\.json describes a UNet2DConditionModel, not a UNet2DModel\. Use a model",
    ),
    "evil-class": (unet_config(_class_name="os.system"), r"describes a os\.system, not a UNet2DM"),
    "no-size": (unet_config(sample_size="-"), r"unet/config\.json gives no sample_size\. Write"),
    "null-size": (unet_config(sample_size=None), r"config\.json gives no sample_size"),
    "oblong": (unet_config(sample_size=[8, 16]), r"has the sample_size \[8, 16\]\. Use .* square"),
    "text-size": (unet_config(sample_size="8"), r"has the sample_size '8'"),
    "three-sizes": (unet_config(sample_size=[8, 8, 8]), r"has the sample_size \[8, 8, 8\]"),
    "zero-size": (unet_config(sample_size=0), r"has the sample_size 0"),
    "true-size": (unet_config(sample_size=True), r"has the sample_size True"),
    "odd-size": (unet_config(sample_size=9), r"cannot take pictures of its own sample_size, 9 \("),
    "latents": (unet_config(in_channels=4, out_channels=4), r"4 input channels, not of pictures"),
    "outputs": (unet_config(out_channels=4), r"has 4 output channels for 3 of input"),
    "timestep-classes": (
        unet_config(class_embed_type="timestep"),
        r"has the class_embed_type 'timestep'\. Use a model that embeds class numbers",
    ),
    "identity-classes": (
        unet_config(class_embed_type="identity"),
        r"has the class_embed_type 'identity'",
    ),
    "no-classes": (unet_config(num_class_embeds=0), r"has the num_class_embeds 0\. Write the num"),
    "learned": (
        unet_config(time_embedding_type="learned", num_train_timesteps=10),
        r"has the time_embedding_type 'learned'",
    ),
    "centred": (unet_config(center_input_sample=True), r"has center_input_sample\. Use a model of"),
    "other-blocks": (
        unet_config(down_block_types=["KDownBlock2D", "AttnDownBlock2D"]),
        r"has blocks of the type 'KDownBlock2D'\. Use AttnDownBlock2D, ",
    ),
    "unknown-block": (
        unet_config(down_block_types=["DownBlock2D", "GoesUpBlock2D"]),
        r"unet/config\.json has blocks of the type 'GoesUpBlock2D'\. Use AttnDownBlock2D, ",
    ),
    "blocks-number": (unet_config(down_block_types=3), r"does not describe a network \("),
    "block-counts": (
        unet_config(up_block_types=["UpBlock2D"]),
        r"there the number of up_block_types is 1, and .* it is 2\.",
    ),
    "groups": (unet_config(norm_num_groups=7), r"does not describe a network \("),
    # schedulers
    "no-scheduler-class": (scheduler_config(_class_name="-"), r"scheduler None, which cannot be u"),
    "evil-scheduler": (
        scheduler_config(_class_name="evil.Scheduler"),
        r"scheduler_config\.json names the scheduler evil\.Scheduler, which .*Use one of: CM",
    ),
    "other-class": (scheduler_config(_class_name="UNet2DModel"), r"the scheduler UNet2DModel, wh"),
    "class-list": (scheduler_config(_class_name=["a", "B"]), r"names the scheduler \[a, B\], w"),
    "steps of symbols": (
        scheduler("VQDiffusionScheduler", num_vec_classes=9),
        r"names the scheduler diffusers\.VQDiffusionScheduler, which cannot be used",
    ),
    "flow-prediction": (
        scheduler("UniPCMultistepScheduler", prediction_type="flow_prediction"),
        r"the prediction_type 'flow_prediction' cannot be used\. Use a model that predicts eps",
    ),
    "flow-sigmas": (
        scheduler("DPMSolverMultistepScheduler", use_flow_sigmas=True),
        r"use_flow_sigmas and a continuous timestep_type cannot be used",
    ),
    "continuous": (
        scheduler(
            "EulerDiscreteScheduler", timestep_type="continuous", prediction_type="v_prediction"
        ),
        r"use_flow_sigmas and a continuous timestep_type cannot be used",
    ),
    "prediction": (
        scheduler_config(prediction_type="future"),
        r"scheduler/scheduler_config\.json: the prediction_type 'future' cannot be used",
    ),
    "prediction-list": (scheduler_config(prediction_type=["a"]), r"prediction_type \['a'\] canno"),
    "beta-schedule": (
        scheduler_config(beta_schedule="steep"),
        r"scheduler_config\.json does not describe a DDPMScheduler \(.* Copy or save",
    ),
    "beta-text": (scheduler_config(beta_start="a"), r"does not describe a DDPMScheduler \("),
    "no-steps": (scheduler_config(num_train_timesteps=0), r"num_train_timesteps 0\. Write a who"),
    "many-steps": (scheduler_config(num_train_timesteps=10**12), r"num_train_timesteps 1000000000"),
    "half-steps": (
        scheduler_config(num_train_timesteps=10.5),
        r"has the num_train_timesteps 10\.5",
    ),
    "zero-betas": (
        scheduler_config(trained_betas=[0.1, 0.0, 0.1]),
        r"scheduler_config\.json: the noise levels of its betas do not rise from step to step",
    ),
    "nan-betas": (scheduler_config(trained_betas=[0.1, math.nan, 0.1]), r"betas do not rise"),
    "large-betas": (scheduler_config(trained_betas=[0.1, 1.0, 0.1, 0.1]), r"betas do not rise"),
    "one-beta": (scheduler_config(trained_betas=[0.1]), r"betas do not rise"),
    "clip-text": (
        scheduler_config(clip_sample=True, clip_sample_range="wide"),
        r"scheduler_config\.json does not describe a noise schedule \(.*'wide'",
    ),
    "clip-nan": (
        scheduler_config(clip_sample=True, clip_sample_range=math.nan),
        r"not describe a noise schedule \(clip_sample_range is not positive\)\. Copy or save",
    ),
    "threshold": (
        scheduler_config(thresholding=True, dynamic_thresholding_ratio=1.5),
        r"not describe a noise schedule \(dynamic_thresholding_ratio or sample_max_value is out",
    ),
    "threshold-text": (
        scheduler_config(thresholding=True, sample_max_value="much"),
        r"not describe a noise schedule \(.*'much'",
    ),
    "edm-prediction": (
        scheduler("EDMEulerScheduler", prediction_type="sample"),
        r"the prediction_type 'sample' cannot be used\. Use a model that predicts epsilon or v_",
    ),
    "edm-data": (
        scheduler("EDMEulerScheduler", sigma_data=0.0),
        r"sigma_data must be positive and 0 < sigma_min < sigma_max\. Correct",
    ),
    "edm-range": (scheduler("EDMEulerScheduler", sigma_max=0.001), r"0 < sigma_min < sigma_max"),
    # pipelines
    "text-unet": (conditioned_on_text, r"model_index\.json does not name a UNet2DModel of diffuse"),
    "no-unet": (index(unet="-"), r"model_index\.json does not name a UNet2DModel of diffusers as"),
    "own-unet": (index(unet=["evil", "UNet2DModel"]), r"does not name a UNet2DModel of diffusers"),
    "unet-text": (index(unet="os.system"), r"does not name a UNet2DModel of diffusers"),
    "own-scheduler": (index(scheduler=["evil", "DDPMScheduler"]), r"scheduler evil\.DDPMScheduler"),
    "scheduler-parts": (index(scheduler=["diffusers", ["a"]]), r"names the scheduler diffusers\."),
    "scheduler-one": (index(scheduler=["diffusers"]), r"names the scheduler diffusers, which"),
    "no-scheduler-name": (index(scheduler="-"), r"names the scheduler none, which cannot be used"),
    "latent-pipeline": (
        index(vqvae=["diffusers", "VQModel"]),
        r"model_index\.json names further parts \(vqvae\): a latent or text model\. Use",
    ),
    "own-pipeline": (index(_class_name=["evil", "Evil"]), r"names a pipeline of its own code, wh"),
}


@pytest.mark.parametrize("case", list(BAD))
def test_what_cannot_be_used_is_said_in_a_sentence(
    case: str, pipeline: Path, no_network: None
) -> None:
    damage, text = BAD[case]
    damage(pipeline)
    with pytest.raises(CheckpointError, match=text) as caught:
        DiffusersAdapter.from_checkpoint(pipeline, device="cpu")
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


def test_a_folder_that_is_not_there_or_empty(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"There is no model at .*nowhere\. Check the path"):
        DiffusersAdapter.from_checkpoint(tmp_path / "nowhere", device="cpu")
    with pytest.raises(CheckpointError, match=r"holds neither unet/config\.json nor config\.json"):
        DiffusersAdapter.from_checkpoint(tmp_path, device="cpu")
    with pytest.raises(CheckpointError, match="There is no model at google/ddpm-cifar10-32"):
        DiffusersAdapter.from_checkpoint("google/ddpm-cifar10-32", device="cpu")


def test_parts_that_are_null_or_settings_are_no_parts(pipeline: Path) -> None:
    edit_json(pipeline / "model_index.json", vae=[None, None], safe=True, note="text")
    assert DiffusersAdapter.from_checkpoint(pipeline, device="cpu").resolution == 8


def test_objects_that_cannot_be_used_are_refused() -> None:
    with pytest.raises(CheckpointError, match="The UNet's configuration has the class_embed_type"):
        adapter_of(class_embed_type="identity")
    with pytest.raises(CheckpointError, match="names the scheduler LCMScheduler, which cannot"):
        adapter_of(scheduler_of("LCMScheduler"))


def test_nothing_that_a_folder_names_is_imported(
    pipeline: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Modules in the folder that its files name, even on the path, stay untouched."""
    marker = pipeline / "ran"
    code = f"open({str(marker)!r}, 'w').close()\nclass UNet2DModel: pass\nclass Evil: pass\n"
    for place in (pipeline, pipeline / "unet", pipeline / "scheduler"):
        (place / "evil_code.py").write_text(code)
    (pipeline / "pipeline.py").write_text(code)
    monkeypatch.syspath_prepend(pipeline)
    kept = (pipeline / "model_index.json").read_text()
    evil = ["evil_code", "Evil"]
    for changes in (
        {"_class_name": evil},
        {"unet": ["evil_code", "UNet2DModel"]},
        {"scheduler": evil},
        {"safety_checker": evil},
    ):
        edit_json(pipeline / "model_index.json", **changes)
        with pytest.raises(CheckpointError):
            DiffusersAdapter.from_checkpoint(pipeline, device="cpu")
        (pipeline / "model_index.json").write_text(kept)
    # what is only named in places that are not looked at does no harm
    edit_json(pipeline / "model_index.json", _class_name="evil_code.Evil", _module="evil_code")
    edit_json(pipeline / "unet" / "config.json", auto_map={"AutoModel": "evil_code.Evil"})
    edit_json(pipeline / "scheduler" / "scheduler_config.json", solver_p=evil, _module="evil_code")
    assert DiffusersAdapter.from_checkpoint(pipeline, device="cpu").resolution == 8
    assert not marker.exists()
    assert "evil_code" not in sys.modules


class Bomb:
    """Makes a file where it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (str(self.target), "w"))


@pytest.mark.parametrize("plain", [True, False], ids=["pickle", "torch"])
def test_a_bomb_in_a_bin_file_does_not_go_off(
    plain: bool, pipeline: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "ran"
    (pipeline / WEIGHTS).unlink()
    weights = pipeline / "unet" / "diffusion_pytorch_model.bin"
    content = {"conv_in.weight": Bomb(marker)}
    if plain:
        weights.write_bytes(pickle.dumps(content, protocol=2))
    else:
        torch.save(content, weights)
    # the switch that makes torch trust every file has no say, either
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    with pytest.raises(CheckpointError, match=r"\.bin cannot be read .*safe_serialization=True"):
        DiffusersAdapter.from_checkpoint(pipeline, device="cpu")
    assert not marker.exists()
    pickle.loads(pickle.dumps(Bomb(marker))).close()
    assert marker.exists()  # the bomb was a real one
