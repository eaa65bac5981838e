"""What diffusers' configurations may say, looked at before anything is made of them.

How much a network has of everything, and how wide that is, must be what the names and shapes of
its weights show; so nothing is built that the file of the weights does not pay for. What these do
not show has fixed bounds.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from diffviews_desktop.errors import CheckpointError

Shapes = Mapping[str, tuple[int, ...]]

BLOCKS = frozenset(
    {
        "DownBlock2D",
        "AttnDownBlock2D",
        "ResnetDownsampleBlock2D",
        "UpBlock2D",
        "AttnUpBlock2D",
        "ResnetUpsampleBlock2D",
        "SkipDownBlock2D",
        "AttnSkipDownBlock2D",
        "SkipUpBlock2D",
        "AttnSkipUpBlock2D",
    }
)
MAX_RESOLUTION = 4096
MAX_RESNETS = 500
"""Residual blocks of a network; large ones have about forty."""
MAX_TIMESTEPS = 100_000
MAX_SOLVER_ORDER = 3
"""Of the samplers of diffusers, which this program does not use: it takes their noise levels."""

_RESNET_TENSORS = 8
"""Two normalisations and two convolutions, each with weights and biases: at least."""
_ADVICE = "Copy or save the model again."


class _Range(NamedTuple):
    lowest: float
    highest: float
    whole: bool = True
    may_miss: bool = False


# ---- networks -----------------------------------------------------------------------------------


def check_network(config: Mapping[str, Any], source: str) -> int:
    """The resolution of a network's pictures, if it is one that can be used.

    Args:
        config: all arguments of the network's class.
        source: what the error calls it.

    Raises:
        CheckpointError: it is not.
    """
    size = config["sample_size"]
    height, width = size if isinstance(size, list | tuple) and len(size) == 2 else (size, size)
    channels, outputs = config["in_channels"], config["out_channels"]
    classes = config["num_class_embeds"]
    blocks = [
        *_names(config, "down_block_types", source),
        *_names(config, "up_block_types", source),
    ]
    unknown = [name for name in blocks if name.removeprefix("UNetRes") not in BLOCKS]
    problem = None
    if size is None:
        problem = "gives no sample_size. Write the height of the model's pictures there."
    elif not is_count(height) or height != width:
        problem = f"has the sample_size {_excerpt(size)}. Use a model of square pictures."
    elif height > MAX_RESOLUTION:
        problem = f"has the sample_size {_excerpt(size)}. Use a model of at most {MAX_RESOLUTION}."
    elif channels not in (1, 3):
        problem = (
            f"is of a network with {_excerpt(channels)} input channels, not of pictures (latents, "
            "perhaps). Use a model with 1 or 3."
        )
    elif outputs not in (channels, 2 * channels):
        problem = (
            f"has {_excerpt(outputs)} output channels for {channels} of input. Use another model."
        )
    elif config["class_embed_type"] is not None:
        problem = (
            f"has the class_embed_type {_excerpt(config['class_embed_type'])}. "
            "Use a model that embeds class numbers (num_class_embeds)."
        )
    elif classes is not None and not is_count(classes):
        problem = (
            f"has the num_class_embeds {_excerpt(classes)}. Write the number of classes there."
        )
    elif config["time_embedding_type"] not in ("positional", "fourier"):
        problem = (
            f"has the time_embedding_type {_excerpt(config['time_embedding_type'])}. "
            "Use a model with positional or fourier."
        )
    elif config["center_input_sample"]:
        problem = "has center_input_sample. Use a model of pictures in [-1, 1]."
    elif unknown:
        problem = f"has blocks of the type {_excerpt(unknown[0])}. Use {', '.join(sorted(BLOCKS))}."
    if problem is not None:
        raise CheckpointError(f"{source} {problem}")
    return int(height)


def check_fit(config: Mapping[str, Any], shapes: Shapes, source: str, weights: str) -> None:
    """Check that a configuration can be that of some weights.

    Args:
        config: all arguments of the network's class, which passed `check_network`.
        shapes: of the tensors, by name.
        source: what the error calls the configuration.
        weights: what it calls the file of the weights.

    Raises:
        CheckpointError: they are of another network, or a number is out of its bounds.
    """
    depth = _children(shapes, "down_blocks.")
    layers = _children(shapes, "down_blocks.0.resnets.")
    facts: list[tuple[str, Any, Any]] = [
        ("the number of down_block_types", len(config["down_block_types"]), depth),
        ("the number of up_block_types", len(config["up_block_types"]), depth),
        ("layers_per_block", config["layers_per_block"], layers),
        ("block_out_channels", _to_list(config["block_out_channels"]), _widths(shapes, depth)),
    ]
    for key, tensor in (
        ("time_embedding_dim", "time_embedding.linear_1.weight"),
        ("num_class_embeds", "class_embedding.weight"),
    ):
        if config[key] is not None:
            facts.append((key, config[key], next(iter(shapes.get(tensor, ())), None)))
    for name, claim, fact in facts:
        if type(claim) is bool or claim != fact:
            raise CheckpointError(
                f"The tensors of {weights} do not fit config.json beside it: there {name} is "
                f"{_excerpt(claim)}, and they are of a network where it is {_excerpt(fact)}. "
                f"{_ADVICE}"
            )
    resnets = depth * (2 * layers + 1) + 2
    if not depth or not layers or resnets > min(MAX_RESNETS, len(shapes) // _RESNET_TENSORS):
        raise CheckpointError(
            f"The tensors of {weights} do not fit config.json beside it: {len(shapes)} cannot be "
            f"those of the {resnets} residual blocks that it describes. {_ADVICE}"
        )
    widest = max(config["block_out_channels"])
    _check_ranges(
        config,
        {
            "norm_num_groups": _Range(1, widest, may_miss=True),
            "attention_head_dim": _Range(1, widest, may_miss=True),
            "attn_norm_num_groups": _Range(1, widest, may_miss=True),
            "downsample_padding": _Range(0, 8),
            "freq_shift": _Range(-1000, 1000, whole=False),
            "dropout": _Range(0, 1, whole=False),
            "norm_eps": _Range(0, 1, whole=False),
            "mid_block_scale_factor": _Range(1e-6, 1e6, whole=False),
        },
        source,
    )


def _names(config: Mapping[str, Any], key: str, source: str) -> list[str]:
    names = config[key]
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise CheckpointError(
            f"{source} does not describe a network (its {key} is {_excerpt(names)}). {_ADVICE}"
        )
    return list(names)


def _children(shapes: Shapes, prefix: str) -> int:
    """How many different parts follow a prefix in the names of tensors."""
    names = (name.removeprefix(prefix) for name in shapes if name.startswith(prefix))
    return len({name.partition(".")[0] for name in names})


def _widths(shapes: Shapes, depth: int) -> list[int | None]:
    names = (f"down_blocks.{i}.resnets.0.conv1.weight" for i in range(depth))
    return [next(iter(shapes.get(name, ())), None) for name in names]


def _to_list(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


# ---- schedulers ---------------------------------------------------------------------------------


def check_scheduler(config: Mapping[str, Any], source: str) -> None:
    """Check what says how much a scheduler makes and keeps; the rest shows in its noise levels.

    Raises:
        CheckpointError: a number is out of its bounds, or a list is too long.
    """
    ranges = {
        "num_train_timesteps": _Range(2, MAX_TIMESTEPS),
        "solver_order": _Range(1, MAX_SOLVER_ORDER),
        "steps_offset": _Range(0, MAX_TIMESTEPS),
    }
    _check_ranges(config, {key: ranges[key] for key in ranges.keys() & config.keys()}, source)
    for key, value in config.items():
        if isinstance(value, list | dict | str) and len(value) > MAX_TIMESTEPS:
            raise CheckpointError(
                f"{source} has {key} of {len(value)} entries. Use a scheduler of at most "
                f"{MAX_TIMESTEPS} steps."
            )


# ---- both ---------------------------------------------------------------------------------------


def is_count(value: Any) -> bool:
    """Whether a value is a whole number above 0."""
    return type(value) is int and value > 0


def _check_ranges(config: Mapping[str, Any], ranges: Mapping[str, _Range], source: str) -> None:
    for key, allowed in ranges.items():
        value = config[key]
        if value is None and allowed.may_miss:
            continue
        kinds = (int,) if allowed.whole else (int, float)
        fits = type(value) in kinds and allowed.lowest <= value <= allowed.highest
        if not fits or math.isnan(value):
            raise CheckpointError(
                f"{source} has the {key} {_excerpt(value)}. Write a "
                f"{'whole ' if allowed.whole else ''}number from {allowed.lowest:g} to "
                f"{allowed.highest:g} there."
            )


def _excerpt(value: Any) -> str:
    """A value from a file, as it can stand in a message."""
    return reprlib.repr(value)
