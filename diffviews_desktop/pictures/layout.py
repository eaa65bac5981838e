"""What a picture says of itself before it is decoded, and why it may not be."""

from __future__ import annotations

from typing import NamedTuple

from diffviews_desktop.text.faults import Fault


class Layout(NamedTuple):
    """What a picture says of itself.

    Attributes:
        width: in pixels.
        height: in pixels.
        unpacked: bytes that its pixels take while they are decoded.
        beside: bytes that all else in the file takes meanwhile.
        can_be_halved: whether it can be decoded at half its size, without the whole in memory.
    """

    width: int
    height: int
    unpacked: int
    beside: int = 0
    can_be_halved: bool = False


class UnfitError(Exception):
    """A picture must not be decoded; its text is a phrase that fits into a sentence."""

    def __init__(self, fault: Fault, reason: str) -> None:
        super().__init__(reason)
        self.fault = fault
