"""What adapters of one network share, where no other test of theirs goes."""

import torch
from tiny import hook_count

from diffviews_desktop.adapters.edm import EDMAdapter
from diffviews_desktop.adapters.network_adapter import recorded_shapes, run_without_data


def test_a_run_without_data_tells_the_same_shapes(adapter: EDMAdapter) -> None:
    layers, size = adapter.hookable_layers, (adapter.img_channels, *2 * (adapter.resolution,))
    names = {adapter._get_layer_module(name): name for name in layers}
    with recorded_shapes(names) as shapes:
        picture = torch.empty(1, *size, device="meta")
        run_without_data(adapter.model, picture, torch.empty(1, device="meta"))
    assert shapes == adapter.get_layer_shapes()
    assert hook_count(adapter.model) == 0
