"""DMD2 has the network of EDM ImageNet-64 and other settings."""

import torch

from diffviews_desktop.adapters.dmd2_imagenet import DMD2ImageNetAdapter
from diffviews_desktop.adapters.edm_imagenet import IMAGENET_64
from diffviews_desktop.adapters.networks.precond import EDMPrecond


def test_same_tensors_as_edm_and_no_dropout() -> None:
    assert DMD2ImageNetAdapter.network_config is not None
    with torch.device("meta"):
        edm = EDMPrecond(**IMAGENET_64).state_dict()
        dmd2 = EDMPrecond(**DMD2ImageNetAdapter.network_config)
    assert {n: t.shape for n, t in dmd2.state_dict().items()} == {
        n: t.shape for n, t in edm.items()
    }
    assert dmd2.model.enc["64x64_block0"].dropout == 0
    assert IMAGENET_64["dropout"] == 0.10  # untouched


def test_few_steps_by_default() -> None:
    config = DMD2ImageNetAdapter.get_default_config()
    assert (config["sigma_max"], config["sigma_min"]) == (80.0, 0.5)
    assert config["default_steps"] == 5
    assert config["guidance_scale"] == 1.0
