"""The shape of the ADM U-Net: names, sizes and the parts that act in training only.

Its values are checked in `test_network_precond`.
"""

import pytest
import torch
from tiny import CONFIG, labels_of, normal, tiny_model

from diffviews_desktop.adapters.edm_imagenet import IMAGENET_64
from diffviews_desktop.adapters.networks.adm import DhariwalUNet, UNetBlock
from diffviews_desktop.adapters.networks.precond import EDMPrecond


@pytest.fixture(scope="module")
def imagenet() -> EDMPrecond:
    with torch.device("meta"):
        return EDMPrecond(**IMAGENET_64)


def test_imagenet_network_has_the_published_size(imagenet: EDMPrecond) -> None:
    state = imagenet.state_dict()
    assert sum(p.numel() for p in imagenet.parameters()) == 295_899_267
    assert len(state) == 553
    assert sum(name.endswith("resample_filter") for name in state) == 12
    assert all(name.startswith("model.") for name in state)


def test_imagenet_block_names_in_order(imagenet: EDMPrecond) -> None:
    encoder = ["64x64_conv", "64x64_block0", "64x64_block1", "64x64_block2"]
    decoder = ["8x8_in0", "8x8_in1", *(f"8x8_block{i}" for i in range(4))]
    for size in (32, 16, 8):
        name = f"{size}x{size}"
        encoder += [f"{name}_down", f"{name}_block0", f"{name}_block1", f"{name}_block2"]
    for size in (16, 32, 64):
        name = f"{size}x{size}"
        decoder += [f"{name}_up", *(f"{name}_block{i}" for i in range(4))]
    assert list(imagenet.model.enc) == encoder
    assert list(imagenet.model.dec) == decoder


def test_imagenet_decoder_input_widths(imagenet: EDMPrecond) -> None:
    expected = {
        8: [1536, 1536, 1536, 1344],
        16: [1344, 1152, 1152, 960],
        32: [960, 768, 768, 576],
        64: [576, 384, 384, 384],
    }
    state = imagenet.state_dict()
    for size, widths in expected.items():
        for index, width in enumerate(widths):
            name = f"model.dec.{size}x{size}_block{index}"
            assert state[f"{name}.norm0.weight"].shape == (width,), name
            assert state[f"{name}.conv0.weight"].shape[1] == width, name


def test_imagenet_attention_heads_and_places(imagenet: EDMPrecond) -> None:
    blocks = {
        name.removeprefix("model."): module.heads
        for name, module in imagenet.named_modules()
        if isinstance(module, UNetBlock)
    }
    heads = {64: 0, 32: 6, 16: 9, 8: 12}
    for name, found in blocks.items():
        place, entry = name.split("_")
        attends = entry.startswith("block") or entry == "in0"
        assert found == (heads[int(place.split("x")[1])] if attends else 0), name


def test_state_dict_names_of_the_block_kinds(imagenet: EDMPrecond) -> None:
    def names(prefix: str) -> set[str]:
        start = f"model.{prefix}."
        return {n.removeprefix(start) for n in imagenet.state_dict() if n.startswith(start)}

    def both(*modules: str) -> set[str]:
        return {f"{module}.{part}" for module in modules for part in ("weight", "bias")}

    plain = both("norm0", "conv0", "affine", "norm1", "conv1")
    attention = both("norm2", "qkv", "proj")
    filters = {"conv0.resample_filter", "skip.resample_filter"}
    assert names("enc.64x64_conv") == {"weight", "bias"}
    assert names("enc.64x64_block0") == plain
    assert names("enc.32x32_down") == plain | filters
    assert names("enc.32x32_block0") == plain | attention | both("skip")
    assert names("enc.32x32_block1") == plain | attention
    assert names("dec.8x8_in0") == plain | attention
    assert names("dec.8x8_in1") == plain
    assert names("dec.64x64_up") == plain | filters
    assert names("dec.64x64_block3") == plain | both("skip")


def test_untrained_network_gives_zero() -> None:
    with torch.no_grad():
        network = EDMPrecond(**CONFIG).model.eval()
        out = network(normal(1, 3, 8, 8), torch.zeros(1), labels_of(0))
    assert not out.any()


def test_dropout_acts_in_training_only() -> None:
    model = tiny_model(dropout=0.5)
    x, sigma = normal(1, 3, 8, 8), torch.ones(1)
    quiet = model(x, sigma)
    assert torch.equal(model(x, sigma), quiet)
    state = torch.get_rng_state()
    try:
        model.train()
        assert (model(x, sigma) - quiet).abs().max() > 1e-2
    finally:
        torch.set_rng_state(state)


def test_label_dropout_acts_in_training_only() -> None:
    model = tiny_model(dropout=0.0, label_dropout=1.0)  # every label is dropped
    x, sigma = normal(2, 3, 8, 8), torch.ones(2)
    without = model(x, sigma)
    assert (model(x, sigma, labels_of(1, 2)) - without).abs().max() > 1e-2
    model.train()
    torch.testing.assert_close(model(x, sigma, labels_of(1, 2)), without)


def test_attention_needs_a_head_of_64_channels() -> None:
    with pytest.raises(ValueError, match="at least 64 channels, this one has 32"):
        DhariwalUNet(8, 3, 3, model_channels=32, channel_mult=[1, 1])
