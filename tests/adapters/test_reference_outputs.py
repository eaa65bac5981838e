"""Every network and preconditioner against outputs of the authors' code on the same weights."""

import numpy as np
import pytest
import torch
from reference_cases import NETWORKS, OUTPUTS, PRECONDS, outputs, weights

from diffviews_desktop.adapters.networks.precond import PRECONDITIONERS, Precond


def build(precond: str, network: str) -> Precond:
    model = PRECONDITIONERS[precond](img_channels=3, **NETWORKS[network]).eval()
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    missing, unexpected = model.load_state_dict(weights(shapes), strict=False)
    assert not unexpected
    assert all(name == "u" or name.endswith("resample_filter") for name in missing)
    return model


@pytest.mark.parametrize("precond", PRECONDS)
@pytest.mark.parametrize("network", NETWORKS)
def test_same_numbers_as_the_authors_code(network: str, precond: str) -> None:
    with np.load(OUTPUTS, allow_pickle=False) as arrays:
        expected = arrays[f"{network}-{precond}-output"]
        layers = arrays[f"{network}-{precond}-layers"]
        sigma_range = arrays[f"{network}-{precond}-range"]
    model = build(precond, network)
    denoised, found = outputs(model, NETWORKS[network])
    limit = 2e-5 if precond == "EDMPrecond" else 1e-5 * np.abs(expected).max()
    assert np.abs(denoised.numpy() - expected).max() <= limit
    assert found.shape == layers.shape
    np.testing.assert_allclose(found, layers, atol=2e-5, rtol=1e-5)
    assert model.sigma_min == pytest.approx(sigma_range[0], rel=1e-6)
    assert model.sigma_max == pytest.approx(sigma_range[1], rel=1e-6)


@pytest.mark.parametrize("precond", PRECONDS)
def test_a_scalar_noise_level_serves_the_batch(precond: str) -> None:
    model = build(precond, "ddpm")
    x = torch.linspace(-3, 3, 2 * 3 * 16 * 16).reshape(2, 3, 16, 16)
    labels = torch.eye(4)[:2]
    with torch.no_grad():
        one = model(x, 1.5, labels)
        many = model(x, torch.tensor([1.5, 1.5]), labels)
    assert torch.equal(one, many)


@pytest.mark.parametrize("network", ["ddpm", "adm"])
def test_no_label_is_the_zero_label(network: str) -> None:
    model = build("EDMPrecond", network)
    size = NETWORKS[network]["img_resolution"]
    x, sigma = torch.ones(2, 3, size, size), torch.ones(2)
    with torch.no_grad():
        assert torch.equal(model(x, sigma), model(x, sigma, torch.zeros(2, 4)))


def test_augmentation_is_skipped_where_none_is_given_and_heard_where_it_is() -> None:
    model = build("EDMPrecond", "ncsn")
    x, sigma = torch.ones(2, 3, 16, 16), torch.ones(2)
    with torch.no_grad():
        plain = model(x, sigma)
        zero = model(x, sigma, augment_labels=torch.zeros(2, 9))
        turned = model(x, sigma, augment_labels=torch.ones(2, 9))
    assert torch.equal(plain, zero)
    assert (plain - turned).abs().max() > 1e-3


def test_iddpm_rounds_to_its_levels() -> None:
    """Facts of its cosine schedule, published with EDM."""
    model = PRECONDITIONERS["iDDPMPrecond"](img_channels=3, **NETWORKS["adm"])
    u = model.u
    assert u.shape == (1001,)
    assert [float(u[i]) for i in (0, 1, 500, 999, 1000)] == pytest.approx(
        [20291.17, 641.66, 1.0124, 0.0064223, 0.0], rel=1e-4
    )
    assert torch.equal(model.round_sigma(u[[3, 700]] * 1.0001), u[[3, 700]])
    assert torch.equal(model.round_sigma(torch.tensor(1e9)), u[0])
    levels = torch.tensor([[0.3, 2.0], [50.0, 400.0]])
    nearest = model.round_sigma(levels)
    assert nearest.shape == levels.shape
    brute = torch.stack([u[(u - level).abs().argmin()] for level in levels.flatten()])
    assert torch.equal(nearest.flatten(), brute)


def test_the_others_round_to_themselves() -> None:
    for precond in ("EDMPrecond", "VPPrecond", "VEPrecond"):
        model = PRECONDITIONERS[precond](img_channels=3, **NETWORKS["ddpm"])
        assert float(model.round_sigma(1.2345)) == pytest.approx(1.2345)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("network", NETWORKS)
def test_a_half_type_stays_near_float32(network: str, dtype: torch.dtype) -> None:
    """The rule on CUDA: input and weights cast, the embedding in float32. Here on the CPU."""
    model = build("EDMPrecond", network).model
    size = NETWORKS[network]["img_resolution"]
    x, c_noise = torch.linspace(-2, 2, 3 * size * size).reshape(1, 3, size, size), torch.zeros(1)
    labels = torch.eye(4)[:1] if NETWORKS[network].get("label_dim") else None
    with torch.no_grad():
        whole = model(x, c_noise, labels)
        half = model(x.to(dtype), c_noise, labels)
    assert half.dtype == dtype
    error = (half.float() - whole).abs().max() / whole.abs().max()
    assert 0 < error < (0.02 if dtype == torch.float16 else 0.4)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"embedding_type": "cosine"}, "embedding_type 'cosine' is not one of"),
        ({"encoder_type": "none"}, "encoder_type 'none' is not one of"),
        ({"decoder_type": "residual"}, "decoder_type 'residual' is not one of"),
        ({"model_type": "UNet"}, "model_type 'UNet' is not one of"),
    ],
)
def test_unknown_kinds_are_named(wrong: dict[str, str], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        PRECONDITIONERS["EDMPrecond"](img_channels=3, **{**NETWORKS["ddpm"], **wrong})
