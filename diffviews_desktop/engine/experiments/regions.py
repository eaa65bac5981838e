"""In which part of a layer an arm acts."""

from __future__ import annotations

import zlib

import numpy as np

from diffviews_desktop.engine.experiments.sample_choice import SEED
from diffviews_desktop.experiments.controls import other_channels
from diffviews_desktop.values.controls import Arm
from diffviews_desktop.values.layers import LayerShape
from diffviews_desktop.values.regions import Channels, Region


def region_of(region: Region, arm: Arm, layer: str, shape: LayerShape) -> Region:
    """The region of an arm at a layer: that of the intervention, but for the control *channels*."""
    if arm != "channels" or not isinstance(region, Channels):
        return region
    rng = np.random.default_rng([SEED, zlib.crc32(layer.encode())])
    count = shape[shape.axes.index("C")]
    return Channels(other_channels(region.indices, count, rng))
