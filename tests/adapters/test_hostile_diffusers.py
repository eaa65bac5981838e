"""Folders in diffusers' format whose numbers are to hang the program or to fill its memory.

Each is read in a process of its own (see `isolated`): it gives a short error that says what to do,
or the valid model. ``benchmarks/attacks/reading.py`` tries every key of every class.
"""

from __future__ import annotations

import inspect
import json
import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from isolated import Outcome, Reader

from diffviews_desktop.adapters.diffusers_unet import DiffusersAdapter
from diffviews_desktop.errors import Cancelled, CheckpointError

diffusers = pytest.importorskip("diffusers")

MAX_SECONDS = 10.0
MAX_GROWTH = 300_000_000
VALUES: list[Any] = [-1, 10**9, math.nan, "x", [10**9] * 100_000]
SCHEDULERS = ("DDPMScheduler", "DEISMultistepScheduler", "EDMEulerScheduler")
NETWORK = {
    "sample_size": 8,
    "block_out_channels": (32,),
    "layers_per_block": 1,
    "norm_num_groups": 8,
    "down_block_types": ("DownBlock2D",),
    "up_block_types": ("AttnUpBlock2D",),
}


def keys_of(name: str) -> list[str]:
    return list(inspect.signature(getattr(diffusers, name).__init__).parameters)[1:]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline whose files are changed and put back."""
    path = tmp_path_factory.mktemp("hostile") / "pipeline"
    scheduler = diffusers.DDPMScheduler()
    diffusers.DDPMPipeline(diffusers.UNet2DModel(**NETWORK), scheduler).save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def reader(saved: Path) -> Iterator[Reader]:
    with Reader(saved, [saved], by="diffusers") as reader:
        yield reader


def read_with(reader: Reader, folder: Path, part: str, **changes: Any) -> Outcome:
    """What becomes of the pipeline with other settings of its network or its scheduler."""
    file = folder / part
    before = file.read_text()
    file.write_text(json.dumps({**json.loads(before), **changes}))
    try:
        return reader.read(folder)
    finally:
        file.write_text(before)


def check(outcome: Outcome) -> None:
    assert not outcome.end
    assert outcome.error in (None, "CheckpointError")
    assert outcome.seconds < MAX_SECONDS
    assert outcome.growth < MAX_GROWTH
    assert len(outcome.text) < 800
    assert "\n" not in outcome.text


@pytest.mark.parametrize("key", keys_of("UNet2DModel"))
def test_numbers_of_a_network(reader: Reader, saved: Path, key: str) -> None:
    for value in VALUES:
        check(read_with(reader, saved, "unet/config.json", **{key: value}))


@pytest.mark.parametrize("name", SCHEDULERS)
def test_numbers_of_a_scheduler(reader: Reader, saved: Path, name: str) -> None:
    with_class = {"_class_name": name}
    for key in keys_of(name):
        for value in VALUES[1:]:
            changes = {**with_class, key: value}
            check(read_with(reader, saved, "scheduler/scheduler_config.json", **changes))


@pytest.mark.parametrize(
    ("part", "changes", "text"),
    [
        ("unet", {"layers_per_block": 10**9}, "layers_per_block is 1000000000, and they are of"),
        ("unet", {"layers_per_block": True}, "layers_per_block is True, and they are of a network"),
        (
            "unet",
            {"down_block_types": ["DownBlock2D"] * 10_000},
            "the number of down_block_types is 10000, and they are of a network where it is 1.",
        ),
        ("unet", {"block_out_channels": [10**9]}, "block_out_channels is [1000000000], and they"),
        ("unet", {"num_class_embeds": 10**9}, "num_class_embeds is 1000000000, and they are of a"),
        ("unet", {"norm_num_groups": 64}, "norm_num_groups 64. Write a whole number from 1 to 32"),
        ("unet", {"sample_size": 10**9}, "sample_size 1000000000. Use a model of at most 4096."),
        ("scheduler", {"solver_order": 3 * 10**8}, "solver_order 300000000. Write a whole number"),
        ("scheduler", {"trained_betas": [0.1] * 200_000}, "has trained_betas of 200000 entries."),
    ],
)
def test_the_value_is_named(
    reader: Reader, saved: Path, part: str, changes: dict[str, Any], text: str
) -> None:
    file = "unet/config.json" if part == "unet" else "scheduler/scheduler_config.json"
    if part == "scheduler":
        changes = {"_class_name": "UniPCMultistepScheduler", **changes}
    outcome = read_with(reader, saved, file, **changes)
    check(outcome)
    assert text in outcome.text


def test_weights_do_not_pay_for_more_blocks_than_they_hold(tmp_path: Path) -> None:
    depth = 900
    names = [f"{way}_blocks.{i}.resnets.0.conv1.weight" for i in range(depth) for way in DIRECTIONS]
    write_empty_weights(tmp_path, names)
    config = {
        "_class_name": "UNet2DModel",
        **NETWORK,
        "down_block_types": ["DownBlock2D"] * depth,
        "up_block_types": ["UpBlock2D"] * depth,
        "block_out_channels": [8] * depth,
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="1800 cannot be those of the 2702 residual blocks"):
        DiffusersAdapter.from_checkpoint(tmp_path, device="cpu")


DIRECTIONS = ("down", "up")


def write_empty_weights(folder: Path, names: list[str]) -> None:
    """Weights in which every tensor has 8 values."""
    entries = {
        name: {"dtype": "F32", "shape": [8], "data_offsets": [32 * i, 32 * i + 32]}
        for i, name in enumerate(names)
    }
    header = json.dumps(entries).encode()
    file = folder / "diffusion_pytorch_model.safetensors"
    file.write_bytes(struct.pack("<Q", len(header)) + header + bytes(32 * len(names)))


def test_reading_the_weights_can_be_cancelled(saved: Path) -> None:
    told: list[float] = []

    def progress(fraction: float) -> None:
        told.append(fraction)
        if fraction > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        DiffusersAdapter.from_checkpoint(saved, device="cpu", progress=progress)
    assert told[0] == 0
    assert told[-1] < 1
    DiffusersAdapter.from_checkpoint(saved, device="cpu", progress=told.append)
    assert told[-1] == 1
