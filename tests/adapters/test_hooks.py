"""The hook helpers, on a real network and on one with a tuple output."""

from typing import NamedTuple

import torch
from tiny import CONFIG, DuckAdapter, hook_count, labels_of, normal, reference_denoiser
from torch import Tensor

from diffviews_desktop.adapters.edm import EDMAdapter
from diffviews_desktop.adapters.hooks import HookMixin, first_tensor, fit_mask, replace_first


class Output(NamedTuple):
    features: Tensor
    extra: int


def test_first_element_of_a_tuple_is_the_layers_tensor() -> None:
    tensor = normal(1, 2)
    for output in (tensor, (tensor, 1), [tensor, 1], Output(tensor, 1)):
        assert first_tensor(output) is tensor


def test_the_first_element_is_replaced_and_the_rest_kept() -> None:
    old, new = torch.zeros(1), torch.ones(1)
    assert replace_first(old, new) is new
    assert replace_first((old, "a", 2), new) == (new, "a", 2)
    assert replace_first([old, "a"], new) == [new, "a"]
    named = replace_first(Output(old, 3), new)
    assert isinstance(named, Output)
    assert named.features is new
    assert named.extra == 3


def test_a_mask_takes_dtype_and_batch_of_the_output() -> None:
    mask = normal(1, 2, 3, 3)
    fitted = fit_mask(mask, torch.zeros(4, 2, 3, 3, dtype=torch.float64))
    assert fitted.dtype == torch.float64
    assert fitted.shape == (4, 2, 3, 3)
    for row in fitted:
        assert torch.equal(row, mask[0].double())
    own = normal(4, 2, 3, 3)
    assert torch.equal(fit_mask(own, torch.zeros(4, 2, 3, 3)), own)


def test_extraction_and_masks_through_the_mixin(adapter: EDMAdapter) -> None:
    x, sigma, labels = normal(2, 3, 8, 8), torch.tensor([1.0, 4.0]), labels_of(0, 3)
    mask = normal(1, 64, 4, 4, seed=5)
    for name in ("encoder_bottleneck", "decoder_block_6"):
        for handle in adapter.register_activation_hooks([name], adapter.make_extraction_hook(name)):
            adapter.add_handle(handle)
    for handle in adapter.register_activation_hooks(
        ["midblock"], adapter.make_mask_hook("midblock", mask)
    ):
        adapter.add_handle(handle)
    assert adapter.num_hooks == hook_count(adapter.model) == 3
    masked = adapter.forward(x, sigma, labels)

    expected, layers = reference_denoiser(
        adapter.model, CONFIG, x, sigma, labels, replace={"midblock": mask}
    )
    assert (masked - expected).abs().max() < 2e-5
    assert set(adapter.get_activations()) == {"encoder_bottleneck", "decoder_block_6"}
    for name, captured in adapter.get_activations().items():
        assert (captured - layers[name]).abs().max() < 2e-5
    assert adapter.get_activation("midblock") is None
    assert torch.equal(adapter.get_mask("midblock"), mask)

    adapter.clear_mask("midblock")  # 4: the hook is still there and lets the output through
    assert adapter.get_mask("midblock") is None
    expected, _ = reference_denoiser(adapter.model, CONFIG, x, sigma, labels)
    assert (adapter.forward(x, sigma, labels) - expected).abs().max() < 2e-5

    adapter.remove_hooks()
    adapter.clear_activations()
    adapter.forward(x, sigma, labels)
    assert adapter.num_hooks == hook_count(adapter.model) == 0
    assert adapter.get_activations() == {}


def test_set_and_clear_masks() -> None:
    mixin = HookMixin()
    mixin.set_mask("a", torch.zeros(1))
    mixin.set_mask("b", torch.ones(1, requires_grad=True))
    assert not mixin.get_mask("b").requires_grad
    mixin.clear_mask("a")
    mixin.clear_mask("never set")
    assert mixin.get_mask("a") is None
    assert mixin.get_mask("b") is not None
    mixin.clear_masks()
    assert mixin.get_mask("b") is None


def test_what_was_extracted_is_a_copy() -> None:
    """The layer after ``body_conv`` works in place on its output."""
    duck, mixin = DuckAdapter(), HookMixin()
    hook = mixin.make_extraction_hook("body_conv")
    duck.register_activation_hooks(["body_conv"], hook)
    duck.forward(normal(2, 3, 6, 6), torch.ones(2))
    assert mixin.get_activation("body_conv").min() < 0
