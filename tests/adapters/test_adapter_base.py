"""The contract of adapters."""

import pytest

from diffviews_desktop.adapters.base import GeneratorAdapter
from diffviews_desktop.adapters.edm import EDMAdapter

REQUIRED = {
    "model_type",
    "resolution",
    "num_classes",
    "hookable_layers",
    "forward",
    "register_activation_hooks",
    "get_layer_shapes",
    "from_checkpoint",
    "get_default_config",
    "to",
    "eval",
}


def test_required_members() -> None:
    assert GeneratorAdapter.__abstractmethods__ == REQUIRED


def test_an_incomplete_adapter_cannot_be_made() -> None:
    incomplete = type("Incomplete", (GeneratorAdapter,), {"model_type": "incomplete"})
    with pytest.raises(TypeError, match="abstract"):
        incomplete()


def test_pictures_are_rgb_unless_an_adapter_says_otherwise() -> None:
    members = dict.fromkeys(REQUIRED, None)
    assert type("Complete", (GeneratorAdapter,), members)().img_channels == 3


def test_the_edm_adapter_keeps_the_contract(adapter: EDMAdapter) -> None:
    assert isinstance(adapter, GeneratorAdapter)
