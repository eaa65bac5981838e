"""What the model sees of a sample is shown with the very noise of its extraction."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from diffviews_desktop.adapters.edm import EDMAdapter
from diffviews_desktop.adapters.sampling import tensor_to_uint8_image
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.inputs import ShowInput
from diffviews_desktop.engine.jobs.mapping import Extract
from diffviews_desktop.engine.jobs.opening import OpenData
from diffviews_desktop.errors import DataError
from diffviews_desktop.values.folders import FolderRef

ROW = 7


@pytest.mark.parametrize("how", ["noised", "scaled"])
def test_it_is_what_the_network_gets(
    how: str, tiny_data: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = FolderRef(tiny_data(samples=9, config={"extraction_input": how}))
    engine, seen = Engine("cpu"), []
    forward = EDMAdapter.forward

    def noting(self: EDMAdapter, x: object, *args: object, **kwargs: object) -> object:
        seen.append(x.clone())
        return forward(self, x, *args, **kwargs)

    monkeypatch.setattr(EDMAdapter, "forward", noting)
    engine.run(Extract(job_id=1, folder=source, model="tiny", layer_sets=(("midblock",),)))
    import torch

    inputs = torch.cat([x for x in seen if x.shape[0] > 1] or seen)
    assert len(inputs) == 9
    shown = engine.run(ShowInput(job_id=2, folder=source, model="tiny", row=ROW))
    assert (shown.model, shown.row, shown.image.shape) == ("tiny", ROW, (16, 16, 1))
    np.testing.assert_array_equal(shown.image, tensor_to_uint8_image(inputs[ROW : ROW + 1])[0])


def test_without_noise_it_is_nearly_the_picture(tiny_data: Callable[..., Path]) -> None:
    data = tiny_data(samples=9)
    engine = Engine("cpu")
    opened = engine.run(OpenData(job_id=1, folder=FolderRef(data)))
    row = int(np.argmin(opened.samples.sigma))
    shown = engine.run(ShowInput(job_id=2, folder=FolderRef(data), model="tiny", row=row))
    clean = np.asarray(Image.open(opened.samples.picture(row)), np.float64)
    noise = shown.image[..., 0] - clean
    assert 10 < np.abs(noise).mean() < 40  # σ 0.2 of 127.5 a unit


def test_a_picture_that_cannot_be_read_has_none(tiny_data: Callable[..., Path]) -> None:
    data = tiny_data(samples=9)
    pictures = sorted((data / "tiny/images/imagenet_real").iterdir())
    pictures[3].write_bytes(b"no picture")
    engine = Engine("cpu")
    shown = engine.run(ShowInput(job_id=1, folder=FolderRef(data), model="tiny", row=3))
    assert shown.image is None
    with pytest.raises(DataError, match="no sample 9"):
        engine.run(ShowInput(job_id=2, folder=FolderRef(data), model="tiny", row=9))
