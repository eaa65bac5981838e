"""Variants of a UNet's weights: half precision, and those that were not smoothed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import diffusers
import pytest
import torch
from safetensors.torch import save_file
from tiny import fill_random

from diffviews_desktop.adapters.diffusers_unet import DiffusersAdapter
from diffviews_desktop.data.checkpoints.files import VARIANTS
from diffviews_desktop.errors import CheckpointError

NAMED = [variant for variant in VARIANTS if variant]


def folder_with(folder: Path, variants: Iterable[str], suffix: str = "safetensors") -> Path:
    """A pipeline's folder; the first weight of each variant tells which one it is."""
    torch.manual_seed(0)
    unet = diffusers.UNet2DModel(
        sample_size=8, block_out_channels=(32,), layers_per_block=1, norm_num_groups=8,
        down_block_types=("DownBlock2D",), up_block_types=("UpBlock2D",),
    )  # fmt: skip
    fill_random(unet, 1)
    unet.save_config(folder / "unet")
    diffusers.DDPMScheduler().save_pretrained(folder / "scheduler")
    for variant in variants:
        state = unet.state_dict()
        state["conv_in.bias"] = torch.full((32,), float(VARIANTS.index(variant)))
        kind = {"fp16": torch.float16, "bf16": torch.bfloat16}.get(variant[-4:], torch.float32)
        state = {f"_orig_mod.{name}": value.to(kind) for name, value in state.items()}
        name = f"diffusion_pytorch_model{'.' if variant else ''}{variant}.{suffix}"
        if suffix == "bin":
            torch.save(state, folder / "unet" / name)
        else:
            save_file(state, folder / "unet" / name)
    return folder


def taken(adapter: DiffusersAdapter) -> str:
    return VARIANTS[int(adapter.model.conv_in.bias[0])]


@pytest.mark.parametrize("suffix", ["safetensors", "bin"])
@pytest.mark.parametrize("variant", NAMED)
def test_the_only_variant_opens_and_is_named(tmp_path: Path, variant: str, suffix: str) -> None:
    folder = folder_with(tmp_path, [variant], suffix)
    adapter = DiffusersAdapter.from_checkpoint(folder, "cpu")
    assert taken(adapter) == variant
    (note,) = adapter.notes
    assert f"diffusion_pytorch_model.{variant}.{suffix}" in note
    assert next(adapter.model.parameters()).dtype == torch.float32


def test_full_precision_and_smoothed_weights_come_first(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, ["non_ema", "fp16", ""])
    adapter = DiffusersAdapter.from_checkpoint(folder, "cpu")
    assert taken(adapter) == ""
    (note,) = adapter.notes
    assert "(full, fp16, non_ema): diffusion_pytorch_model.safetensors was taken" in note
    assert "--weights NAME" in note
    for variant, name in (("fp16", "fp16"), ("non_ema", "non_ema"), ("", "full")):
        chosen = DiffusersAdapter.from_checkpoint(folder, "cpu", weights=name)
        assert taken(chosen) == variant
    with pytest.raises(CheckpointError, match="no weights of the variant int8, but those of full"):
        DiffusersAdapter.from_checkpoint(folder, "cpu", weights="int8")


def test_the_usual_weights_alone_need_no_words(tmp_path: Path) -> None:
    assert DiffusersAdapter.from_checkpoint(folder_with(tmp_path, [""]), "cpu").notes == ()


@pytest.mark.parametrize("name", ["safetensors.index.json", "safetensors.index.fp16.json"])
def test_weights_in_several_files_are_said(tmp_path: Path, name: str) -> None:
    folder = folder_with(tmp_path, [])
    (folder / "unet" / f"diffusion_pytorch_model.{name}").write_text("{}")
    with pytest.raises(CheckpointError, match="split into several files"):
        DiffusersAdapter.from_checkpoint(folder, "cpu")
