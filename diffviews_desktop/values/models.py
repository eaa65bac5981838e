"""What is known of a loaded model, as values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Numerics:
    """How a network computes, as far as its values depend on it.

    Attributes:
        device: kind of the device: ``cpu``, ``cuda`` or ``mps``.
        precision: ``float32``, ``float16``, ``bfloat16``; or ``auto``, what the model was made for,
            on devices where that differs between models.
    """

    device: str = "cpu"
    precision: str = "float32"


FLOAT32_ON_CPU = Numerics()
