"""A small convolutional classifier, and its file: weights with a description in the header."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked
from torch import Tensor, nn

from diffviews_desktop.errors import DataError, brief
from diffviews_desktop.files.reading import (
    memory_of_json,
    parse_json,
    read_bytes,
    too_many_values,
)
from diffviews_desktop.files.writing import replacing
from diffviews_desktop.text.validation import first_problem

KEY = "diffviews_judge"
MOST_BYTES = 64_000_000
MOST_HEADER = 4_000_000
"""Bytes: it holds ten thousand names of classes at most."""
MOST_HEADER_MEMORY = 100_000_000
"""Bytes that these take at most, as `memory_of_json` estimates it."""
_LENGTH = 8  # bytes of the length that a .safetensors file begins with
_DAMAGE = (
    *(safetensors.SafetensorError, OSError, ValueError, RuntimeError),
    *(LookupError, TypeError, ArithmeticError),
)
"""What reading a damaged file raises."""


@checked(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class ReaderConfig:
    """What a reader is.

    Attributes:
        resolution: height and width of its pictures, a multiple of 8.
        channels: of its pictures.
        classes: names of what it tells apart, by number.
        width: channels after the first convolution.
        origin: what it was trained on, for people.
        accuracy: share of pictures it reads right that it was not trained on.
    """

    resolution: int = Field(ge=8, le=1024)
    channels: int = Field(ge=1, le=4)
    classes: tuple[str, ...] = Field(min_length=2, max_length=10_000)
    width: int = Field(default=16, ge=1, le=256)
    origin: str = Field(default="", max_length=2000)
    accuracy: float | None = Field(default=None, ge=0, le=1)


@dataclass(frozen=True, eq=False)
class Reader:
    """A network and what its file says of it.

    Attributes:
        config: what the network is.
        network: with its weights.
        digest: SHA-256 of the file.
    """

    config: ReaderConfig
    network: nn.Module
    digest: str

    @torch.no_grad()
    def read(self, pictures: Tensor) -> Tensor:
        """Probabilities ``(N, K)`` of pictures ``(N, C, R, R)`` in -1 … 1."""
        return self.network(pictures).softmax(dim=1)


def network_of(config: ReaderConfig) -> nn.Sequential:
    """Three times convolution, ReLU and pooling, then a linear layer."""
    width, side = config.width, config.resolution // 8
    sizes = [config.channels, width, 2 * width, 4 * width]
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(
        *layers, nn.Flatten(), nn.Linear(4 * width * side * side, len(config.classes))
    )


def save_reader(path: Path, config: ReaderConfig, weights: Mapping[str, Tensor]) -> None:
    """Write a reader, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    header = {KEY: json.dumps(asdict(config))}
    data = safetensors.torch.save({k: v.contiguous() for k, v in weights.items()}, header)
    with replacing(path) as file:
        file.write(data)


def load_reader(path: Path) -> Reader:
    """Read a reader; nothing in its file is run.

    Raises:
        DataError: it is none, or damaged.
    """
    try:
        data = read_bytes(path, MOST_BYTES)
        config = TypeAdapter(ReaderConfig).validate_json(_description(data, path))
        if config.resolution % 8:
            raise ValueError(f"its resolution {config.resolution} is no multiple of 8")
        weights = {name: one.float() for name, one in safetensors.torch.load(data).items()}
        with torch.device("meta"):  # no memory is taken for what is only described
            network = network_of(config)
        if _shapes(weights) != _shapes(network.state_dict()):
            raise ValueError("its weights are not those of the network that it describes")
        network.load_state_dict(weights, assign=True)
        digest = hashlib.sha256(data).hexdigest()
        return Reader(config, network.eval().requires_grad_(False), digest)
    except ValidationError as error:
        reason = first_problem(error)
        raise DataError(f"{path.name} is no judge that this version can use ({reason}).") from error
    except _DAMAGE as error:
        reason = str(error) if type(error) is ValueError else brief(error)
        raise DataError(
            f"{path.name} is no judge that this version can use ({reason}). Take a .safetensors "
            "file that packaging/demo/train_judge.py wrote, or an .onnx file."
        ) from error


def _shapes(weights: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(one.shape) for name, one in weights.items()}


def _description(data: bytes, path: Path) -> str:
    """What a file says of itself, as JSON.

    Raises:
        OSError, ValueError: it says nothing, or too much.
    """
    length = int.from_bytes(data[:_LENGTH], "little")
    if not 0 < length <= MOST_HEADER:
        raise ValueError("its header is missing or too long")
    text = data[_LENGTH : _LENGTH + length]
    if memory_of_json(text) > MOST_HEADER_MEMORY:
        raise too_many_values(path, MOST_HEADER_MEMORY)
    header: Any = parse_json(text.decode(), path)
    about = header.get("__metadata__") if isinstance(header, dict) else None
    description = about.get(KEY) if isinstance(about, dict) else None
    if not isinstance(description, str):
        raise ValueError("its header does not say that it is a judge")
    return description
