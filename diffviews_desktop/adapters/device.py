"""Choosing a device and telling facts about it.

``DIFFVIEWS_FORCE_CPU`` (any value but 0 or nothing) wins over everything, then the name that was
asked for, then ``DIFFVIEWS_DEVICE``, then the best device there is. MPS: not verified.
"""

from __future__ import annotations

import os
import platform
from typing import Any, TypeVar

import torch
from torch import nn

from diffviews_desktop.errors import UsageError

Model = TypeVar("Model", bound=nn.Module)

# of CUDA's and MPS's allocators, then of the CPU's
_NO_MEMORY = ("out of memory", "not enough memory", "can't allocate memory")


def get_device(prefer_device: str | None = None) -> str:
    """The device to use: ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.

    Raises:
        UsageError: the device asked for is not known or not there.
    """
    if os.environ.get("DIFFVIEWS_FORCE_CPU", "0") not in ("", "0"):
        return "cpu"
    choice = prefer_device if prefer_device not in (None, "auto") else None
    choice = choice or os.environ.get("DIFFVIEWS_DEVICE") or "auto"
    if choice == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    return _check(choice)


def _check(name: str) -> str:
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UsageError(f"Unknown device {name!r}: use auto, cpu, cuda, cuda:N or mps.") from None
    if device.type == "cuda":
        count = torch.cuda.device_count()
        if (device.index or 0) >= count:
            raise UsageError(f"Device {name} is not there ({count} CUDA devices found). Use cpu.")
    elif device.type == "mps":
        if not torch.backends.mps.is_available():
            raise UsageError("MPS is not available on this machine. Use --device cpu.")
    elif device.type != "cpu":
        raise UsageError(f"Unknown device {name!r}: use auto, cpu, cuda, cuda:N or mps.")
    return name


def get_device_info(device: str) -> dict[str, Any]:
    """Facts about a device: ``device``, ``name``, and for CUDA its memory in bytes."""
    kind = torch.device(device).type
    if kind == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        return {
            "device": device,
            "name": torch.cuda.get_device_name(device),
            "memory_allocated": torch.cuda.memory_allocated(device),
            "memory_free": free,
            "memory_total": total,
        }
    return {"device": device, "name": platform.processor() or platform.machine()}


def move_to_device(model: Model, device: str) -> Model:
    """Move a model; where MPS refuses it (float64 tensors, for one), it stays on the CPU."""
    try:
        return model.to(device)
    except (RuntimeError, TypeError):
        if torch.device(device).type != "mps":
            raise
        return model.to("cpu")


def adapter_device(adapter: Any) -> torch.device:
    """Where a model's inputs belong: what the adapter says in ``device``, else where the first
    parameter among its attributes is."""
    device = getattr(adapter, "device", None)
    if isinstance(device, str | torch.device):
        return torch.device(device)
    attributes = vars(adapter).values() if hasattr(adapter, "__dict__") else ()
    for value in (adapter, *attributes):
        if isinstance(value, nn.Module):
            parameter = next(value.parameters(), None)
            if parameter is not None:
                return parameter.device
    return torch.device("cpu")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the device, or the machine, has no memory left."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and any(words in text for words in _NO_MEMORY)


def release_memory() -> None:
    """Give cached accelerator memory back after a model was dropped."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif torch.backends.mps.is_available():
        torch.mps.empty_cache()
