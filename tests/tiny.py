"""Tiny real models for the tests, and an independent reference of the network they use.

The reference works in float64 from the weights and the configuration alone: convolutions are sums
over shifted pictures, attention is written out head by head, resampling repeats and averages.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from diffviews_desktop.adapters.conditioning import Conditionings, condition_of, draw_classes
from diffviews_desktop.adapters.edm import EDMAdapter
from diffviews_desktop.adapters.model import as_model
from diffviews_desktop.adapters.networks.precond import EDMPrecond
from diffviews_desktop.adapters.sampling import get_denoising_sigmas
from diffviews_desktop.core.denoising import denoise

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

CONFIG: dict[str, Any] = {
    "img_resolution": 8,
    "img_channels": 3,
    "label_dim": 5,
    "model_channels": 32,
    "channel_mult": [1, 2],
    "channel_mult_emb": 2,
    "num_blocks": 1,
    "attn_resolutions": [4],
    "dropout": 0.1,
}

SHAPES: dict[str, tuple[int, int, int]] = {
    "encoder_block_0": (32, 8, 8),
    "encoder_block_1": (32, 8, 8),
    "encoder_block_2": (32, 4, 4),
    "encoder_bottleneck": (64, 4, 4),
    "midblock": (64, 4, 4),
    "decoder_block_1": (64, 4, 4),
    "decoder_block_2": (64, 4, 4),
    "decoder_block_3": (64, 4, 4),
    "decoder_block_4": (64, 8, 8),
    "decoder_block_5": (32, 8, 8),
    "decoder_block_6": (32, 8, 8),
}
"""Layers of `CONFIG`'s network in the order they run, worked out by hand."""


def fill_random(module: nn.Module, seed: int = 0) -> None:
    """Seeded random values for every parameter, of a size that keeps activations of order 1.

    An untrained network starts with zero weights in places, and its U-Net gives 0.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(module.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.ndim > 1:
                parameter.copy_(noise / math.sqrt(math.prod(parameter.shape[1:])))
            else:
                parameter.copy_(("norm" in name and name.endswith("weight")) + 0.1 * noise)


def tiny_model(seed: int = 0, **changes: Any) -> EDMPrecond:
    """A filled network of `CONFIG`, in evaluation mode."""
    model = EDMPrecond(**{**CONFIG, **changes})
    fill_random(model, seed)
    return model.requires_grad_(False).eval()


def tiny_adapter(seed: int = 0, **changes: Any) -> EDMAdapter:
    return EDMAdapter(tiny_model(seed, **changes), "cpu")


def hook_count(model: nn.Module) -> int:
    """Number of hooks on a model's modules."""
    return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def labels_of(*classes: int, num_classes: int = 5) -> Tensor:
    """One-hot rows."""
    rows = torch.zeros(len(classes), num_classes)
    for row, number in zip(rows, classes, strict=True):
        row[number] = 1
    return rows


# --- the reference network -----------------------------------------------------------------------


def reference_denoiser(
    model: EDMPrecond,
    config: Mapping[str, Any],
    x: Tensor,
    sigma: Tensor,
    labels: Tensor | None = None,
    augment: Tensor | None = None,
    replace: Mapping[str, Tensor] | None = None,
    sigma_data: float = 0.5,
) -> tuple[Tensor, dict[str, Tensor]]:
    """``D(x; sigma)`` and what every layer computed, in float64, from the weights of ``model``.

    ``replace`` gives layers whose output is replaced before the rest of the network sees it.
    """
    state = {name: tensor.double() for name, tensor in model.state_dict().items()}
    x, sigma = x.double(), sigma.double()
    sd2 = sigma_data**2
    column = sigma[:, None, None, None]
    raw, layers = _unet(
        {name.removeprefix("model."): tensor for name, tensor in state.items()},
        config,
        x / torch.sqrt(sd2 + column**2),
        torch.log(sigma) / 4,
        None if labels is None else labels.double(),
        None if augment is None else augment.double(),
        replace or {},
    )
    skip_part = x * sd2 / (column**2 + sd2)
    return skip_part + raw * column * sigma_data / torch.sqrt(column**2 + sd2), layers


def _unet(
    state: Mapping[str, Tensor],
    config: Mapping[str, Any],
    x: Tensor,
    c_noise: Tensor,
    labels: Tensor | None,
    augment: Tensor | None,
    replace: Mapping[str, Tensor],
) -> tuple[Tensor, dict[str, Tensor]]:
    base, blocks = config["model_channels"], config["num_blocks"]
    widths = [base * mult for mult in config["channel_mult"]]
    sizes = [config["img_resolution"] // 2**level for level in range(len(widths))]
    attended = set(config["attn_resolutions"])

    half = base // 2
    frequencies = torch.tensor([10000 ** (-i / half) for i in range(half)], dtype=torch.float64)
    angles = c_noise[:, None] * frequencies[None]
    emb = torch.cat([torch.cos(angles), torch.sin(angles)], dim=1)
    if augment is not None:
        emb = emb + augment @ state["map_augment.weight"].T
    emb = _silu(emb @ state["map_layer0.weight"].T + state["map_layer0.bias"])
    emb = emb @ state["map_layer1.weight"].T + state["map_layer1.bias"]
    if labels is not None:
        emb = emb + labels @ state["map_label.weight"].T
    emb = _silu(emb)

    layers: dict[str, Tensor] = {}

    def done(name: str, output: Tensor) -> Tensor:
        layers[name] = output
        return replace[name].double().expand_as(output) if name in replace else output

    # encoder: one entry a module, in order; the last is the bottleneck
    entries: list[tuple[str, int, str]] = []
    for level, (size, width) in enumerate(zip(sizes, widths, strict=True)):
        before = widths[max(level - 1, 0)]
        entries.append((f"{size}x{size}_" + ("down" if level else "conv"), before, ""))
        here = "attend" if size in attended else ""
        entries += [(f"{size}x{size}_block{i}", width, here) for i in range(blocks)]
    stack: list[Tensor] = []
    for position, (entry, width, here) in enumerate(entries):
        if entry.endswith("conv"):
            x = _conv(state, f"enc.{entry}", x)
        else:
            how = "down" if entry.endswith("down") else ""
            x = _block(state, f"enc.{entry}", x, emb, width, how, bool(here))
        last = position == len(entries) - 1
        x = done("encoder_bottleneck" if last else f"encoder_block_{position}", x)
        stack.append(x)

    # decoder: lowest resolution first
    position = 0

    def decoder_name() -> str:
        return f"decoder_block_{position}" if position else "midblock"

    for level in range(len(widths) - 1, -1, -1):
        size, width = sizes[level], widths[level]
        prefix = f"dec.{size}x{size}_"
        if level == len(widths) - 1:
            starts = [("in0", "", True), ("in1", "", False)]
        else:
            starts = [("up", "up", False)]
        for entry, how, attend in starts:
            x = done(decoder_name(), _block(state, prefix + entry, x, emb, x.shape[1], how, attend))
            position += 1
        for index in range(blocks + 1):
            joined = torch.cat([x, stack.pop()], dim=1)
            block = f"{prefix}block{index}"
            x = done(decoder_name(), _block(state, block, joined, emb, width, "", size in attended))
            position += 1
    assert not stack
    return _conv(state, "out_conv", _silu(_norm(state, "out_norm", x))), layers


def _block(
    state: Mapping[str, Tensor],
    name: str,
    x: Tensor,
    emb: Tensor,
    width: int,
    how: str,
    attend: bool,
) -> Tensor:
    h = _conv(state, f"{name}.conv0", _resample(_silu(_norm(state, f"{name}.norm0", x)), how))
    style = emb @ state[f"{name}.affine.weight"].T + state[f"{name}.affine.bias"]
    scale, shift = style[:, :width, None, None], style[:, width:, None, None]
    h = _silu(shift + _norm(state, f"{name}.norm1", h) * (1 + scale))
    h = _conv(state, f"{name}.conv1", h)
    straight = _resample(x, how)
    if x.shape[1] != width:
        straight = _conv(state, f"{name}.skip", straight)
    y = h + straight
    if attend:
        qkv = _conv(state, f"{name}.qkv", _norm(state, f"{name}.norm2", y))
        y = y + _conv(state, f"{name}.proj", attention_by_head(qkv, width // 64))
    return y


def attention_by_head(qkv: Tensor, heads: int) -> Tensor:
    """Attention over pixels, channel by channel: ``head * 3d + 3 * i + {0: q, 1: k, 2: v}``."""
    batch, channels, height, width = qkv.shape
    depth = channels // 3 // heads
    flat = qkv.reshape(batch, channels, height * width)
    outputs = []
    for head in range(heads):
        start = head * 3 * depth
        q, k, v = (flat[:, [start + 3 * i + which for i in range(depth)]] for which in range(3))
        logits = torch.einsum("bdq,bdk->bqk", q, k) / math.sqrt(depth)
        weights = torch.exp(logits - logits.amax(dim=2, keepdim=True))
        weights = weights / weights.sum(dim=2, keepdim=True)
        outputs.append(torch.einsum("bqk,bdk->bdq", weights, v))
    return torch.cat(outputs, dim=1).reshape(batch, -1, height, width)


def _silu(x: Tensor) -> Tensor:
    return x / (1 + torch.exp(-x))


def _norm(state: Mapping[str, Tensor], name: str, x: Tensor) -> Tensor:
    batch, channels = x.shape[:2]
    grouped = x.reshape(batch, min(32, channels // 4), -1)
    mean = grouped.mean(dim=2, keepdim=True)
    variance = ((grouped - mean) ** 2).mean(dim=2, keepdim=True)
    normal = ((grouped - mean) / torch.sqrt(variance + 1e-5)).reshape(x.shape)
    return normal * state[f"{name}.weight"][:, None, None] + state[f"{name}.bias"][:, None, None]


def _conv(state: Mapping[str, Tensor], name: str, x: Tensor) -> Tensor:
    return shifted_convolution(x, state[f"{name}.weight"]) + state[f"{name}.bias"][:, None, None]


def shifted_convolution(x: Tensor, weight: Tensor) -> Tensor:
    """Convolution with zero padding, as a sum over shifted pictures."""
    batch, _, height, width = x.shape
    kernel = weight.shape[-1]
    border = kernel // 2
    padded = x.new_zeros(batch, x.shape[1], height + 2 * border, width + 2 * border)
    padded[:, :, border : border + height, border : border + width] = x
    total = x.new_zeros(batch, weight.shape[0], height, width)
    for i in range(kernel):
        for j in range(kernel):
            part = padded[:, :, i : i + height, j : j + width]
            total += torch.einsum("oi,bihw->bohw", weight[:, :, i, j], part)
    return total


def _resample(x: Tensor, how: str) -> Tensor:
    if how == "up":
        return x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    if how == "down":
        corners = [x[:, :, i::2, j::2] for i in (0, 1) for j in (0, 1)]
        return sum(corners) / 4
    return x


# --- adapters of other packages: only the members of the interface ----------------------------


class Stem(nn.Module):
    """A layer with a tuple as its output: features and the mean colour."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.label = nn.Linear(4, 4, bias=False)

    def forward(self, x: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        return self.conv(x) + self.label(labels)[:, :, None, None], x.mean(dim=(2, 3))


class DuckNetwork(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = Stem()
        self.body = nn.Sequential(nn.Conv2d(4, 6, 3, padding=1), nn.ReLU(inplace=True))
        self.head = nn.Conv2d(6, 3, 1)

    def forward(self, x: Tensor, sigma: Tensor, labels: Tensor) -> Tensor:
        features, colour = self.stem(x / (1 + sigma[:, None, None, None]), labels)
        return self.head(self.body(features)) + colour[:, :, None, None]


class DuckAdapter:
    """The members of the interface and no others: no base class, no ``img_channels``.

    ``batches`` notes the batch size of every forward pass.
    """

    model_type = "duck"
    resolution = 6
    num_classes = 4
    hookable_layers = ("stem", "body_conv", "head")

    def __init__(self, dtype: torch.dtype = torch.float32) -> None:
        self.network = DuckNetwork()
        fill_random(self.network, seed=7)
        self.network.to(dtype).requires_grad_(False)
        self.dtype = dtype
        self.batches: list[int] = []

    def forward(
        self, x: Tensor, sigma: Tensor, class_labels: Tensor | None = None, **kwargs: Any
    ) -> Tensor:
        self.batches.append(len(x))
        labels = torch.zeros(len(x), 4) if class_labels is None else class_labels
        return self.network(x.to(self.dtype), sigma.to(self.dtype), labels.to(self.dtype))

    def register_activation_hooks(self, layer_names: Any, hook_fn: Any) -> list[Any]:
        modules = {
            "stem": self.network.stem,
            "body_conv": self.network.body[0],
            "head": self.network.head,
        }
        return [modules[name].register_forward_hook(hook_fn) for name in layer_names]

    def get_layer_shapes(self) -> dict[str, tuple[int, ...]]:
        return {"stem": (4, 6, 6), "body_conv": (6, 6, 6), "head": (3, 6, 6)}

    @classmethod
    def from_checkpoint(cls, checkpoint_path: Any, device: str = "auto", **kwargs: Any) -> Any:
        return cls()

    @classmethod
    def get_default_config(cls) -> dict[str, Any]:
        return {"sigma_max": 10.0, "sigma_min": 0.1, "default_steps": 3}

    def to(self, device: str) -> Any:
        return self

    def eval(self) -> Any:
        return self


class GaussianAdapter(DuckAdapter):
    """The exact denoiser of pictures drawn from ``N(0, sd^2)``: ``D = x sd^2 / (sd^2 + s^2)``."""

    sd = 0.5
    resolution = 4
    num_classes = 0
    hookable_layers = ()

    def forward(
        self, x: Tensor, sigma: Tensor, class_labels: Tensor | None = None, **kwargs: Any
    ) -> Tensor:
        self.batches.append(len(x))
        level = sigma[:, None, None, None]
        return x * self.sd**2 / (self.sd**2 + level**2)

    def exact_path(self, x: Tensor, start: float, end: float) -> Tensor:
        """Where the probability flow ``dx/ds = (x - D(x; s)) / s`` takes ``x``."""
        return x * math.sqrt((self.sd**2 + end**2) / (self.sd**2 + start**2))


def conditions_of(
    adapter: Any,
    count: int,
    choice: Any,
    generator: torch.Generator | Sequence[torch.Generator],
) -> Conditionings:
    """A choice of class for ``count`` pictures, and what guidance leads away from."""
    model = as_model(adapter)
    asked = [condition_of(choice, model.num_classes)] * count
    return model.encode_pair(draw_classes(asked, model.num_classes, generator))


def sample_heun(
    adapter: Any,
    *,
    conditions: Conditionings,
    generator: torch.Generator,
    num_steps: int = 18,
    sigma_max: float = 80.0,
    sigma_min: float = 0.002,
    **options: Any,
) -> Tensor:
    """Pictures ``(B, C, R, R)`` of a run of Heun's sampler."""
    sigmas = get_denoising_sigmas(num_steps, sigma_max, sigma_min, options.pop("rho", 7.0))
    run = denoise(
        adapter,
        conditions=conditions,
        sigmas=sigmas,
        generator=generator,
        sampler="heun",
        **options,
    )
    *_, last = run
    return last.denoised
