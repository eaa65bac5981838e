"""Which network a state dict belongs to, from the names and shapes of its tensors."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

Shapes = Mapping[str, tuple[int, ...]]

MAX_RESOLUTION = 4096
MAX_STEPS = 100_000
"""Noise levels of an improved DDPM."""
MIN_TENSORS = 20
"""Of a block of the encoder and one of the decoder."""

_WRAPPERS = frozenset(
    {
        "module",  # data parallel
        "_orig_mod",  # torch.compile
        "_checkpoint_wrapped_module",
        "_fsdp_wrapped_module",
        "_forward_module",  # Lightning
    }
)
"""Parts of names; no network here has a part of such a name itself."""
_BLOCK = re.compile(r"model\.enc\.([1-9][0-9]{0,3})x\1_block([0-9]{1,3})\.")


class NotThisFamily(ValueError):
    """The tensors are not those of an EDM network; the text says which one is missing or odd."""


@dataclass
class Inferred:
    """The preconditioner's class and the arguments that shape its network.

    ``class_name`` is None where the tensors do not tell.
    """

    class_name: str | None
    config: dict[str, Any] = field(default_factory=dict)


def strip_wrappers(names: Collection[str]) -> dict[str, str]:
    """Each name as the preconditioner has it: without what wrappers of the whole network or of a
    part of it add, and with ``model.`` before a bare network's."""
    plain = without_wrappers(names)
    bare = "map_layer0.weight" in plain.values()
    return {name: ("model." if bare else "") + short for name, short in plain.items()}


def without_wrappers(names: Collection[str]) -> dict[str, str]:
    """Each name without the parts that wrappers add, as torch.compile does with ``_orig_mod``.

    Where two names would be the same without them, or some names alone begin with them, all stay
    as they are.
    """
    first = {name.partition(".")[0] in _WRAPPERS for name in names}
    plain = {
        name: ".".join(part for part in name.split(".") if part not in _WRAPPERS) for name in names
    }
    clear = len(first) == 1 and len(set(plain.values())) == len(plain)
    return plain if clear else {name: name for name in names}


def infer_network(shapes: Shapes) -> Inferred:
    """The network of a state dict.

    Args:
        shapes: shapes by name, names as from `strip_wrappers`.

    Raises:
        NotThisFamily: it is of no network that this program knows.
    """
    levels = _levels(shapes)
    resolutions = sorted(levels, reverse=True)
    top, lowest = resolutions[0], resolutions[-1]
    halving = [lowest << i for i in range(len(resolutions))] == resolutions[::-1]
    if top > MAX_RESOLUTION or not halving:
        raise NotThisFamily(f"its resolutions {resolutions[:9]} do not halve from level to level")
    adm = "model.out_conv.weight" in shapes
    first = _shape(shapes, f"model.enc.{top}x{top}_conv.weight", 4)
    noise = _shape(shapes, "model.map_layer0.weight", 2)
    channels = noise[1] if adm else first[0]
    blocks = max(levels[top]) + 1
    outputs = [
        _shape(shapes, f"model.enc.{res}x{res}_block0.conv1.weight", 4)[0] for res in resolutions
    ]
    out = "model.out_conv.weight" if adm else f"model.dec.{top}x{top}_aux_conv.weight"
    config: dict[str, Any] = {
        "model_type": "DhariwalUNet" if adm else "SongUNet",
        "img_resolution": top,
        "img_channels": first[1],
        "label_dim": _width(shapes, "model.map_label.weight"),
        "augment_dim": _width(shapes, "model.map_augment.weight"),
        "model_channels": channels,
        "channel_mult": [_divide(width, channels, "channels") for width in outputs],
        "channel_mult_emb": _divide(noise[0], channels, "embedding"),
        "num_blocks": blocks,
        "attn_resolutions": [
            res for res in resolutions if f"model.enc.{res}x{res}_block0.qkv.weight" in shapes
        ],
    }
    if not adm:
        config |= _song(shapes, resolutions, noise[1], channels)
    if "u" in shapes:
        config["M"] = _steps(_shape(shapes, "u", 1)[0])
    learned_variance = _shape(shapes, out, 4)[0] == 2 * first[1]
    improved = "u" in shapes or learned_variance
    return Inferred("iDDPMPrecond" if improved else None, config)


def _song(shapes: Shapes, resolutions: list[int], noise: int, channels: int) -> dict[str, Any]:
    def has(part: str) -> bool:
        return any(part in name for name in shapes)

    encoder = "residual" if has("_aux_residual.") else "skip" if has("_aux_skip.") else "standard"
    outputs = sum(f"model.dec.{res}x{res}_aux_norm.weight" in shapes for res in resolutions)
    taps = next((shape for name, shape in shapes.items() if name.endswith("resample_filter")), None)
    return {
        "embedding_type": "fourier" if "model.map_noise.freqs" in shapes else "positional",
        "channel_mult_noise": _divide(noise, channels, "noise embedding"),
        "encoder_type": encoder,
        "decoder_type": "skip" if outputs > 1 else "standard",
        "resample_filter": _taps(taps),
    }


def _taps(shape: tuple[int, ...] | None) -> list[int]:
    """Taps of a filter's size; the values themselves are in the state dict."""
    length = 2 if shape is None else (shape or (0,))[-1]
    if not 1 <= length <= 16:
        raise NotThisFamily(f"its resampling filter has {length} taps")
    return [1, 3, 3, 1] if length == 4 else [1] * length


def _steps(levels: int) -> int:
    if not 3 <= levels <= MAX_STEPS + 1:
        raise NotThisFamily(f"its tensor u has {levels} noise levels")
    return levels - 1


def _levels(shapes: Shapes) -> dict[int, set[int]]:
    """Numbers of the encoder's blocks at each resolution."""
    levels: dict[int, set[int]] = {}
    for name in shapes:
        match = _BLOCK.match(name)
        if match:
            levels.setdefault(int(match[1]), set()).add(int(match[2]))
    if not levels:
        raise NotThisFamily("it has no tensor such as model.enc.64x64_block0.conv0.weight")
    counts = {len(numbers) for numbers in levels.values()}
    if len(counts) != 1 or any(max(n) + 1 != len(n) for n in levels.values()):
        raise NotThisFamily("its resolutions have different numbers of blocks")
    if MIN_TENSORS * len(levels) * counts.pop() > len(shapes):
        raise NotThisFamily("its blocks lack most of their tensors")
    return levels


def _shape(shapes: Shapes, name: str, dimensions: int) -> tuple[int, ...]:
    shape = shapes.get(name)
    if shape is None:
        raise NotThisFamily(f"it has no tensor {name}")
    if len(shape) != dimensions:
        raise NotThisFamily(f"its tensor {name} has {len(shape)} dimensions, not {dimensions}")
    return shape


def _width(shapes: Shapes, name: str) -> int:
    """Inputs of a linear layer; 0 where there is none."""
    return _shape(shapes, name, 2)[1] if name in shapes else 0


def _divide(size: int, unit: int, name: str) -> int:
    if unit < 1 or size % unit:
        raise NotThisFamily(f"its {name} ({size}) are no multiple of its {unit} base channels")
    return size // unit
