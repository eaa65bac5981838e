"""The ImageNet-64 adapters, without their weights: memory is reserved but never written."""

from pathlib import Path

import pytest
import torch
from tiny import CONFIG, tiny_model

from diffviews_desktop.adapters.checkpoint import save_checkpoint
from diffviews_desktop.adapters.edm_imagenet import IMAGENET_64, EDMImageNetAdapter
from diffviews_desktop.adapters.networks.precond import EDMPrecond
from diffviews_desktop.errors import CheckpointError

LAYERS = {
    "encoder_block_0": (192, 64),
    "encoder_block_1": (192, 64),
    "encoder_block_2": (192, 64),
    "encoder_block_3": (192, 64),
    "encoder_block_4": (192, 32),
    "encoder_block_5": (384, 32),
    "encoder_block_6": (384, 32),
    "encoder_block_7": (384, 32),
    "encoder_block_8": (384, 16),
    "encoder_block_9": (576, 16),
    "encoder_block_10": (576, 16),
    "encoder_block_11": (576, 16),
    "encoder_block_12": (576, 8),
    "encoder_block_13": (768, 8),
    "encoder_block_14": (768, 8),
    "encoder_bottleneck": (768, 8),
    "midblock": (768, 8),
    "decoder_block_1": (768, 8),
    "decoder_block_2": (768, 8),
    "decoder_block_3": (768, 8),
    "decoder_block_4": (768, 8),
    "decoder_block_5": (768, 8),
    "decoder_block_6": (768, 16),
    "decoder_block_7": (576, 16),
    "decoder_block_8": (576, 16),
    "decoder_block_9": (576, 16),
    "decoder_block_10": (576, 16),
    "decoder_block_11": (576, 32),
    "decoder_block_12": (384, 32),
    "decoder_block_13": (384, 32),
    "decoder_block_14": (384, 32),
    "decoder_block_15": (384, 32),
    "decoder_block_16": (384, 64),
    "decoder_block_17": (192, 64),
    "decoder_block_18": (192, 64),
    "decoder_block_19": (192, 64),
    "decoder_block_20": (192, 64),
}
"""Channels and size of each layer, as published."""


def test_the_37_layers_and_their_shapes() -> None:
    with torch.device("meta"):
        model = EDMPrecond(**IMAGENET_64)
    adapter = EDMImageNetAdapter(model.to_empty(device="cpu"), "cpu")
    assert adapter.model_type == "edm-imagenet-64"
    assert (adapter.resolution, adapter.img_channels, adapter.num_classes) == (64, 3, 1000)
    assert len(LAYERS) == 37
    assert adapter.hookable_layers == list(LAYERS)
    assert adapter.get_layer_shapes() == {name: (c, r, r) for name, (c, r) in LAYERS.items()}


def test_default_settings() -> None:
    config = EDMImageNetAdapter.get_default_config()
    assert (config["sigma_max"], config["sigma_min"]) == (80.0, 0.002)
    assert config["default_steps"] == 18


def test_another_model_is_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "tiny.safetensors", CONFIG, tiny_model().state_dict())
    with pytest.raises(CheckpointError, match=r"img_resolution is 8, not 64. Use the adapter edm"):
        EDMImageNetAdapter.from_checkpoint(tmp_path / "tiny.safetensors", device="cpu")


def test_a_bare_state_dict_is_read_as_this_network(tmp_path: Path) -> None:
    torch.save(tiny_model().state_dict(), tmp_path / "tiny.bin")
    with pytest.raises(CheckpointError, match=r"img_resolution is 8, not 64.*Use the adapter edm"):
        EDMImageNetAdapter.from_checkpoint(tmp_path / "tiny.bin", device="cpu")
