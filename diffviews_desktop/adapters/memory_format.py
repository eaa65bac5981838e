"""Which memory format a network is faster in: measured once a model, remembered on disk.

Remembered, because the two formats differ in the last bits: the same model must answer the same
tomorrow.
"""

from __future__ import annotations

import json
import logging
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from diffviews_desktop.files.reading import read_json_value
from diffviews_desktop.files.writing import replacing

log = logging.getLogger(__name__)

REPEATS = 3
GAIN = 0.95  # channels_last must take less than this part of the time
SLOW_SECONDS = 0.5
LARGE_PARAMETERS = 50_000_000

_FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


def apply_faster_format(
    model: nn.Module, run: Callable[[], Any], device: torch.device, key: str, memory: Path
) -> str:
    """Put a model's weights in the faster format.

    A large network on a CPU stays contiguous without being run: measuring would take longer than
    it could gain.

    Args:
        model: the network.
        run: one forward pass of it, without gradients.
        device: where it runs.
        key: names the network, its device and its data type.
        memory: the JSON file of what was measured before.

    Returns:
        ``"contiguous"`` or ``"channels_last"``.
    """
    formats = _read(memory)
    name = formats.get(key)
    if name not in _FORMATS:
        name = _measure(model, run, device)
        _write(memory, {**formats, key: name})
    _apply(model, name)
    return name


def _measure(model: nn.Module, run: Callable[[], Any], device: torch.device) -> str:
    size = sum(parameter.numel() for parameter in model.parameters())
    if device.type == "cpu" and size > LARGE_PARAMETERS:
        return "contiguous"
    times: dict[str, list[float]] = {name: [] for name in _FORMATS}
    if _seconds(run, device) > SLOW_SECONDS:  # which also warms up
        return "contiguous"
    for repeat in range(REPEATS + 1):
        for name in _FORMATS:
            _apply(model, name)
            seconds = _seconds(run, device)
            if repeat:  # the first of each warms up
                times[name].append(seconds)
    contiguous, last = (statistics.median(times[name]) for name in _FORMATS)
    log.info("a forward pass takes %.4f s, %.4f s with channels last", contiguous, last)
    return "channels_last" if last < GAIN * contiguous else "contiguous"


def _apply(model: nn.Module, name: str) -> None:
    model.to(memory_format=_FORMATS[name])  # type: ignore[call-overload]


def _seconds(run: Callable[[], Any], device: torch.device) -> float:
    start = time.perf_counter()
    run()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
    return time.perf_counter() - start


def _read(memory: Path) -> dict[str, str]:
    try:
        formats = read_json_value(memory)
    except (OSError, ValueError):
        return {}
    if not isinstance(formats, dict):
        return {}
    return {key: name for key, name in formats.items() if isinstance(name, str)}


def _write(memory: Path, formats: dict[str, str]) -> None:
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        with replacing(memory) as file:
            file.write(json.dumps(formats, indent=1).encode())
    except OSError as error:
        log.warning("the measured memory format could not be remembered (%s)", error)
