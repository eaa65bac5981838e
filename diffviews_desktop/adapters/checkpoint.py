"""Reading and writing model checkpoints without running anything that a file contains.

A ``.safetensors`` file of this program carries its configuration in the header, under the key
``diffviews``: the keyword arguments of `EDMPrecond`, as JSON. Files without it (a bare state dict
in ``.safetensors``, ``.pt``, ``.pth`` or ``.bin``) need the configuration from the adapter.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from diffviews_desktop.adapters.networks.precond import EDMPrecond
from diffviews_desktop.errors import CheckpointError

HEADER_KEY = "diffviews"
TORCH_SUFFIXES = {".pt", ".pth", ".bin"}


def save_checkpoint(path: Path, config: Mapping[str, Any], state: Mapping[str, Tensor]) -> None:
    """Write a state dict and its configuration as one ``.safetensors`` file, atomically."""
    path = Path(path)
    temporary = path.with_name(path.name + ".part")
    safetensors.torch.save_file(
        {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()},
        temporary,
        metadata={HEADER_KEY: json.dumps(dict(config), sort_keys=True)},
    )
    os.replace(temporary, path)


def read_config(path: Path) -> dict[str, Any] | None:
    """The configuration in the header of a ``.safetensors`` file, or None without one.

    Raises:
        CheckpointError: the file is missing or its header cannot be read.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"There is no checkpoint at {path}. Check the path in config.json.")
    if path.suffix != ".safetensors":
        return None
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get(HEADER_KEY)
        config = None if text is None else json.loads(text)
    except (safetensors.SafetensorError, OSError, ValueError, RecursionError) as error:
        raise CheckpointError(
            f"{path.name} is not a readable .safetensors file ({error}). Copy or download it again."
        ) from error
    if config is not None and not isinstance(config, dict):
        raise CheckpointError(f"The configuration in the header of {path.name} is not an object.")
    return config


def load_model(path: Path, default_config: Mapping[str, Any] | None = None) -> EDMPrecond:
    """Build the model that a checkpoint describes and fill it, on the CPU in float32.

    Args:
        path: ``.safetensors``, ``.pt``, ``.pth`` or ``.bin``.
        default_config: keyword arguments of `EDMPrecond` for files that carry none.

    Raises:
        CheckpointError: missing or unreadable file, no configuration, or tensors that do not fit.
    """
    path = Path(path)
    config = read_config(path) or default_config
    if config is None:
        raise CheckpointError(
            f"{path.name} does not say which network it holds. Name an adapter that knows it, "
            "such as edm-imagenet-64, in config.json or with --adapter."
        )
    state = _read_state(path)
    try:
        with torch.device("meta"):
            model = EDMPrecond(**config)
    except (
        TypeError,
        ValueError,
        RuntimeError,
        AttributeError,
        LookupError,
        ArithmeticError,
    ) as error:
        raise CheckpointError(
            f"The configuration of {path.name} does not describe a network ({error})."
        ) from error
    try:
        model.load_state_dict(state, strict=True, assign=True)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise CheckpointError(
            f"The tensors of {path.name} do not fit the network it should hold: {reason[:400]}"
        ) from error
    return model.to(torch.float32).requires_grad_(False).eval()


def _read_state(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        if path.suffix in TORCH_SUFFIXES:
            state = torch.load(path, map_location="cpu", weights_only=True, mmap=None)
        else:
            raise CheckpointError(
                f"{path.name}: this kind of file cannot be read. "
                "Use .safetensors, or a state dict in .pt, .pth or .bin."
            )
    except CheckpointError:
        raise
    except Exception as error:  # a damaged file makes the restricted unpickler fail in many ways
        raise CheckpointError(f"{path.name} cannot be read as a checkpoint ({error}).") from error
    if not isinstance(state, dict) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()
    ):
        raise CheckpointError(f"{path.name} does not hold a plain state dict of tensors.")
    return state
