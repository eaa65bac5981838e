"""The denoiser against an independent float64 reference (see `tiny`)."""

import pytest
import torch
from tiny import CONFIG, labels_of, needs_cuda, normal, reference_denoiser, tiny_model

from diffviews_desktop.adapters.edm import EDMAdapter
from diffviews_desktop.adapters.networks.precond import EDMPrecond

TOLERANCE = 2e-5
SIGMAS = (0.002, 0.1, 0.5, 3.0, 80.0)

NETWORKS = {
    "conditional": CONFIG,
    # 32, 64 and 96 channels: a block of 96 has one head of 96; two blocks a level
    "three levels": {
        **CONFIG,
        "channel_mult": [1, 2, 3],
        "num_blocks": 2,
        "attn_resolutions": [4, 2],
    },
    # only the first decoder block attends
    "no attention resolutions": {**CONFIG, "attn_resolutions": []},
    # 192 channels: three heads of 64
    "three heads": {**CONFIG, "channel_mult": [2, 6]},
    "unconditional": {**CONFIG, "label_dim": 0, "img_channels": 1},
    "augmented": {**CONFIG, "augment_dim": 9},
}


@pytest.mark.parametrize("kind", NETWORKS)
def test_denoiser_and_every_layer_agree_with_the_reference(kind: str) -> None:
    config = NETWORKS[kind]
    model = tiny_model(seed=1, **config)
    batch = len(SIGMAS)
    sigma = torch.tensor(SIGMAS)
    clean = normal(batch, config["img_channels"], 8, 8, seed=2).clamp(-1, 1)
    x = clean + sigma[:, None, None, None] * normal(*clean.shape, seed=3)
    labels = labels_of(0, 1, 2, 3, 4) if config["label_dim"] else None
    augment = normal(batch, 9, seed=4) if "augment_dim" in config else None

    expected, layers = reference_denoiser(model, config, x, sigma, labels, augment)
    seen: dict[str, torch.Tensor] = {}
    adapter = EDMAdapter(model, "cpu")
    for name in adapter.hookable_layers:
        adapter.register_activation_hooks(
            [name], lambda module, inputs, output, name=name: seen.update({name: output})
        )
    denoised = adapter.forward(x, sigma, labels, augment_labels=augment)

    assert denoised.dtype == torch.float32
    assert expected.abs().max() > 0.1
    assert (denoised - expected).abs().max() <= TOLERANCE
    assert list(seen) == list(layers)  # 30: the same names, in the order they run
    for name, computed in layers.items():
        assert computed.std() > 0.1, name
        assert (seen[name] - computed).abs().max() <= TOLERANCE, name


def test_scalar_sigma_and_one_label_serve_the_whole_batch() -> None:
    model = tiny_model()
    x = normal(3, 3, 8, 8)
    expected, _ = reference_denoiser(model, CONFIG, x, torch.full((3,), 2.0), labels_of(1, 1, 1))
    assert (model(x, 2.0, labels_of(1)) - expected).abs().max() <= TOLERANCE
    assert (model(x, torch.tensor(2.0), labels_of(1)) - expected).abs().max() <= TOLERANCE


def test_no_labels_are_zero_labels() -> None:
    model = tiny_model()
    x, sigma = normal(2, 3, 8, 8), torch.tensor([1.0, 5.0])
    expected, _ = reference_denoiser(model, CONFIG, x, sigma, torch.zeros(2, 5))
    labelled = model(x, sigma, labels_of(0, 0))
    assert (model(x, sigma) - expected).abs().max() <= TOLERANCE
    assert (labelled - expected).abs().max() > 1e-2  # class 0 is a class


def test_unconditional_network_ignores_labels() -> None:
    model = tiny_model(label_dim=0)
    x, sigma = normal(2, 3, 8, 8), torch.tensor([1.0, 5.0])
    assert torch.equal(model(x, sigma, labels_of(1, 2)), model(x, sigma))


def test_float64_input_gives_float32_output() -> None:
    model = tiny_model()
    x, sigma = normal(2, 3, 8, 8), torch.tensor([1.0, 5.0])
    denoised = model(x.double(), sigma.double(), labels_of(1, 2).double())
    assert denoised.dtype == torch.float32
    assert torch.equal(denoised, model(x, sigma, labels_of(1, 2)))


def test_half_precision_is_for_cuda_alone() -> None:
    x, sigma = normal(2, 3, 8, 8), torch.tensor([1.0, 5.0])
    half, full = tiny_model(use_fp16=True), tiny_model()
    assert torch.equal(half(x, sigma, labels_of(1, 2)), full(x, sigma, labels_of(1, 2)))


@needs_cuda
def test_half_precision_on_cuda_is_close_to_the_reference() -> None:
    model = tiny_model(use_fp16=True).cuda()
    x, sigma = normal(2, 3, 8, 8), torch.tensor([1.0, 5.0])
    expected, _ = reference_denoiser(tiny_model(), CONFIG, x, sigma, labels_of(1, 2))
    args = (x.cuda(), sigma.cuda(), labels_of(1, 2).cuda())
    half, full = model(*args).cpu(), model(*args, force_fp32=True).cpu()
    assert half.dtype == torch.float32
    assert 0 < (half - full).abs().max() < 2e-2
    assert (full - expected).abs().max() < 1e-3  # TF32 may be on


def test_sigma_data_scales_the_skip_connection() -> None:
    """With a U-Net that gives 0, the denoiser is ``c_skip x = x sd^2 / (s^2 + sd^2)``."""
    model = EDMPrecond(**CONFIG, sigma_data=2.0).eval()
    x = normal(2, 3, 8, 8)
    denoised = model(x, torch.tensor([1.0, 4.0]), labels_of(1, 2))
    torch.testing.assert_close(denoised[0], x[0] * 4 / 5)
    torch.testing.assert_close(denoised[1], x[1] * 4 / 20)


def test_every_sigma_is_its_own_nearest() -> None:
    levels = torch.tensor([0.002, 1.2345, 80.0])
    assert torch.equal(tiny_model().round_sigma(levels), levels)
