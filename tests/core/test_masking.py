"""Masks through real forward passes, and the averages they come from."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tiny import (
    CONFIG,
    SHAPES,
    DuckAdapter,
    hook_count,
    labels_of,
    needs_cuda,
    normal,
    reference_denoiser,
    tiny_adapter,
)
from torch import Tensor

from diffviews_desktop.adapters.edm import EDMAdapter
from diffviews_desktop.core.masking import (
    ActivationMasker,
    compute_mask_dict,
    load_activation_from_npz,
    unflatten_activation,
)
from diffviews_desktop.data.activations.arrays import flatten_layers
from diffviews_desktop.errors import AdapterError, DataError, MaskError

X, SIGMA, LABELS = normal(3, 3, 8, 8), torch.tensor([0.5, 3.0, 40.0]), labels_of(0, 2, 4)


def reference(adapter: EDMAdapter, replace: dict[str, Tensor]) -> Tensor:
    return reference_denoiser(adapter.model, CONFIG, X, SIGMA, LABELS, replace=replace)[0]


def forward(adapter: EDMAdapter) -> Tensor:
    return adapter.forward(X, SIGMA, LABELS)


# --- through the network -------------------------------------------------------------------------


@pytest.mark.parametrize("layer", ["encoder_block_0", "encoder_bottleneck", "midblock"])
def test_the_network_goes_on_with_the_mask(adapter: EDMAdapter, layer: str) -> None:
    """A batch-1 mask serves a batch of three."""
    mask = normal(1, *SHAPES[layer], seed=9)
    masker = ActivationMasker(adapter)
    masker.set_mask(layer, mask)
    plain = forward(adapter)
    with masker:
        masked = forward(adapter)
    assert (masked - reference(adapter, {layer: mask})).abs().max() < 2e-5
    assert (masked - plain).abs().max() > 1e-2


def test_a_mask_of_the_batch_and_several_layers(adapter: EDMAdapter) -> None:
    masks = {
        "encoder_bottleneck": normal(3, 64, 4, 4, seed=1),
        "decoder_block_5": normal(1, 32, 8, 8, seed=2),
    }
    masker = ActivationMasker(adapter)
    for layer, mask in masks.items():
        masker.set_mask(layer, mask)
    with masker:
        assert (forward(adapter) - reference(adapter, masks)).abs().max() < 2e-5


def test_a_mask_takes_the_dtype_of_the_output() -> None:
    duck = DuckAdapter(torch.float64)
    masker = ActivationMasker(duck)
    masker.set_mask("head", normal(1, 3, 6, 6))
    outputs = []
    with masker:
        duck.register_activation_hooks(["head"], lambda m, i, output: outputs.append(output))
        duck.forward(normal(2, 3, 6, 6), torch.ones(2))
    assert outputs[0].dtype == torch.float64
    assert torch.equal(outputs[0][1], normal(1, 3, 6, 6)[0].double())


@needs_cuda
def test_masks_are_kept_on_the_cpu_and_used_on_the_device() -> None:
    adapter = tiny_adapter().to("cuda")
    masker = ActivationMasker(adapter)
    masker.set_mask("midblock", normal(1, 64, 4, 4).cuda())
    assert masker.masks["midblock"].device.type == "cpu"
    with masker:
        assert forward(adapter).isfinite().all()


def test_of_a_tuple_output_the_rest_is_kept() -> None:
    """The duck's stem gives (features, mean colour); the colour is added at the end."""
    duck, mask = DuckAdapter(), normal(1, 4, 6, 6, seed=3)
    x, sigma = normal(2, 3, 6, 6), torch.tensor([1.0, 4.0])
    masker = ActivationMasker(duck)
    masker.set_mask("stem", mask)
    with masker:
        masked = duck.forward(x, sigma)
    colour = (x / (1 + sigma[:, None, None, None])).mean(dim=(2, 3))
    body, head = duck.network.body[0], duck.network.head
    features = torch.nn.functional.conv2d(mask, body.weight, body.bias, padding=1).clamp(min=0)
    expected = torch.einsum("oi,bihw->bohw", head.weight[:, :, 0, 0], features)
    expected = expected + head.bias[:, None, None] + colour[:, :, None, None]
    torch.testing.assert_close(masked, expected)


def test_a_hook_without_a_mask_lets_the_output_through(adapter: EDMAdapter) -> None:
    plain = forward(adapter)
    masker = ActivationMasker(adapter)
    masker.set_mask("midblock", torch.zeros(1, 64, 4, 4))
    masker.register_hooks(["midblock", "encoder_block_1"])
    assert not torch.equal(forward(adapter), plain)
    masker.clear_mask("midblock")
    assert hook_count(adapter.model) == 2
    assert torch.equal(forward(adapter), plain)


def test_hooks_go_on_all_layers_with_masks_and_off_again(adapter: EDMAdapter) -> None:
    plain = forward(adapter)
    masker = ActivationMasker(adapter)
    for layer in ("midblock", "encoder_block_0"):
        masker.set_mask(layer, torch.zeros(1, *SHAPES[layer]))
    assert masker.registered_layers == []
    assert torch.equal(forward(adapter), plain)
    with masker as entered:
        assert entered is masker
        assert set(masker.registered_layers) == {"midblock", "encoder_block_0"}
        assert hook_count(adapter.model) == 2
    assert masker.registered_layers == []
    assert hook_count(adapter.model) == 0
    assert torch.equal(forward(adapter), plain)
    assert set(masker.masks) == {"midblock", "encoder_block_0"}


def test_registering_again_replaces_the_hooks(adapter: EDMAdapter) -> None:
    masker = ActivationMasker(adapter)
    masker.set_mask("midblock", torch.zeros(1, 64, 4, 4))
    masker.register_hooks()
    masker.register_hooks(["encoder_block_1"])
    assert masker.registered_layers == ["encoder_block_1"]
    assert hook_count(adapter.model) == 1


def test_hooks_are_removed_when_the_forward_pass_fails(adapter: EDMAdapter) -> None:
    masker = ActivationMasker(adapter)
    masker.set_mask("midblock", torch.zeros(1, 1, 1, 1))
    shapes = r"mask for midblock has shape \(1, 1, 1, 1\).*3, 64, 4, 4"
    with pytest.raises(MaskError, match=shapes), masker:
        forward(adapter)
    assert hook_count(adapter.model) == 0


def test_a_mask_of_another_batch_is_refused(adapter: EDMAdapter) -> None:
    masker = ActivationMasker(adapter)
    masker.set_mask("midblock", torch.zeros(2, 64, 4, 4))
    with masker, pytest.raises(MaskError, match=r"\(2, 64, 4, 4\); the layer gives \(3, 64, 4, 4"):
        forward(adapter)


def test_an_unknown_layer_leaves_no_hook(adapter: EDMAdapter) -> None:
    masker = ActivationMasker(adapter)
    masker.set_mask("midblock", torch.zeros(1, 64, 4, 4))
    masker.set_mask("attic", torch.zeros(1, 64, 4, 4))
    with pytest.raises(AdapterError, match="no layer 'attic'"):
        masker.register_hooks()
    assert hook_count(adapter.model) == 0
    assert masker.registered_layers == []


def test_masks_are_set_and_cleared_one_by_one_or_all(adapter: EDMAdapter) -> None:
    masker = ActivationMasker(adapter)
    for layer in ("a", "b", "c"):
        masker.set_mask(layer, torch.ones(1, 1, 1, 1, requires_grad=True))
    masker.set_mask("a", torch.zeros(1, 1, 1, 1))
    assert masker.masks["a"].item() == 0
    assert not masker.masks["b"].requires_grad
    masker.masks.clear()  # a copy
    masker.clear_mask("a")
    masker.clear_mask("a")
    assert set(masker.masks) == {"b", "c"}
    masker.clear_masks()
    assert masker.masks == {}


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_mask_that_is_not_finite_is_refused(adapter: EDMAdapter, bad: float) -> None:
    mask = torch.zeros(1, 64, 4, 4)
    mask[0, 3, 1, 2] = bad
    masker = ActivationMasker(adapter)
    with pytest.raises(MaskError, match="mask for midblock holds values that are not finite"):
        masker.set_mask("midblock", mask)
    assert masker.masks == {}


# --- saved and flat activations ------------------------------------------------------------------


def test_one_dimensional_arrays_get_a_batch(tmp_path: Path) -> None:
    path = tmp_path / "sample.npz"
    np.savez(path, flat=np.arange(6, dtype=np.float32), rows=np.ones((2, 6), np.float32))
    assert load_activation_from_npz(path, "flat").tolist() == [[0, 1, 2, 3, 4, 5]]
    assert load_activation_from_npz(str(path), "rows").shape == (2, 6)


def test_an_unknown_layer_lists_those_available(tmp_path: Path) -> None:
    np.savez(tmp_path / "sample.npz", midblock=np.ones(3), attic=np.ones(3))
    with pytest.raises(MaskError, match=r"sample.npz has no layer 'cellar'.*attic, midblock"):
        load_activation_from_npz(tmp_path / "sample.npz", "cellar")


def test_a_saved_activation_cannot_run_code(tmp_path: Path) -> None:
    np.savez(tmp_path / "sample.npz", midblock=np.array([{"an": "object"}], dtype=object))
    with pytest.raises(DataError, match="pickled objects"):
        load_activation_from_npz(tmp_path / "sample.npz", "midblock")


def test_rows_are_channel_by_channel() -> None:
    flat = torch.arange(12)
    expected = [[[[0, 1, 2], [3, 4, 5]], [[6, 7, 8], [9, 10, 11]]]]
    assert unflatten_activation(flat, (2, 2, 3)).tolist() == expected
    assert unflatten_activation(flat[None], [2, 2, 3]).tolist() == expected


@given(st.tuples(*[st.integers(1, 5)] * 3), st.booleans(), st.data())
@settings(deadline=None)
def test_flatten_after_unflatten_is_exact(
    shape: tuple[int, int, int], batch: bool, data: st.DataObject
) -> None:
    floats = st.floats(width=32, allow_nan=False)
    flat = data.draw(hnp.arrays(np.float32, math.prod(shape), elements=floats))
    tensor = torch.from_numpy(flat[None] if batch else flat)
    shaped = unflatten_activation(tensor, shape)
    assert shaped.shape == (1, *shape)
    again = flatten_layers({"layer": shaped.numpy()})
    assert again.shape == (1, len(flat))
    assert again[0].tobytes() == flat.tobytes()


def test_a_wrong_number_of_values_is_refused() -> None:
    with pytest.raises(MaskError, match=r"11 values does not fill the shape \(2, 2, 3\)"):
        unflatten_activation(torch.zeros(11), (2, 2, 3))


# --- averages ------------------------------------------------------------------------------------

TWO_LAYERS = {"midblock": (2, 1, 2), "encoder_bottleneck": (1, 2, 1)}


@given(
    hnp.arrays(np.float32, (7, 6), elements=st.floats(-1e6, 1e6, width=32)),
    st.lists(st.integers(0, 6), min_size=1, max_size=9),
)
@settings(deadline=None)
def test_a_mask_is_the_mean_of_the_rows(matrix: np.ndarray, chosen: list[int]) -> None:
    """All chosen rows count, the selected one too; layers lie in sorted order."""
    masks = compute_mask_dict(matrix, chosen, TWO_LAYERS)
    assert {name: mask.shape for name, mask in masks.items()} == {
        "encoder_bottleneck": (1, 1, 2, 1),
        "midblock": (1, 2, 1, 2),
    }
    assert all(mask.dtype == np.float32 for mask in masks.values())
    mean = [math.fsum(float(matrix[i, d]) for i in chosen) / len(chosen) for d in range(6)]
    got = [*masks["encoder_bottleneck"].ravel(), *masks["midblock"].ravel()]
    np.testing.assert_allclose(got, mean, rtol=1e-6, atol=1e-3 * 2**-23)


def test_layers_are_sorted_by_name_as_text() -> None:
    shapes = {"decoder_block_2": (1, 1, 1), "midblock": (1, 1, 1), "decoder_block_10": (1, 1, 1)}
    masks = compute_mask_dict(np.array([[1.0, 2.0, 3.0]]), [0], shapes)
    assert {name: mask.item() for name, mask in masks.items()} == {
        "decoder_block_10": 1.0,
        "decoder_block_2": 2.0,
        "midblock": 3.0,
    }


def test_the_layers_of_the_matrix_can_be_named() -> None:
    masks = compute_mask_dict(np.array([[1.0, 2.0, 3.0, 4.0]]), [0], TWO_LAYERS, ["midblock"])
    assert list(masks) == ["midblock"]
    assert masks["midblock"].tolist() == [[[[1.0, 2.0]], [[3.0, 4.0]]]]


def test_averaging_many_rows_keeps_float32_precision() -> None:
    matrix = np.full((20_000, 1), 0.1, np.float32)
    (mask,) = compute_mask_dict(matrix, range(20_000), {"layer": (1, 1, 1)}).values()
    assert mask.item() == np.float32(0.1)


def test_memory_mapped_and_half_precision_rows(tmp_path: Path) -> None:
    rows = np.arange(30, dtype=np.float16).reshape(5, 6)
    np.save(tmp_path / "rows.npy", rows)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    masks = compute_mask_dict(mapped, [1, 3], TWO_LAYERS)
    assert masks["encoder_bottleneck"].ravel().tolist() == [12.0, 13.0]
    assert masks["midblock"].dtype == np.float32


def test_no_rows_no_mask() -> None:
    with pytest.raises(MaskError, match="needs at least one sample: pick a point"):
        compute_mask_dict(np.ones((5, 6)), [], TWO_LAYERS)


def test_no_activations_no_mask() -> None:
    with pytest.raises(MaskError, match=r"Sample 0 does not exist \(0 samples\)"):
        compute_mask_dict(np.ones((0, 6)), [0], TWO_LAYERS)


def test_no_layers_no_mask() -> None:
    for shapes, layers in ((TWO_LAYERS, []), ({}, None)):
        with pytest.raises(MaskError, match="at least one layer"):
            compute_mask_dict(np.ones((5, 6)), [0], shapes, layers)


@pytest.mark.parametrize(("rows", "missing"), [([0, 5], 5), ([4, -1], -1), ([2, 900, 3], 900)])
def test_a_row_that_does_not_exist_is_named(rows: list[int], missing: int) -> None:
    with pytest.raises(MaskError, match=rf"Sample {missing} does not exist \(5 samples\)"):
        compute_mask_dict(np.ones((5, 6)), rows, TWO_LAYERS)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_rows_that_are_not_finite_are_named(bad: float) -> None:
    matrix = np.ones((5, 6), np.float32)
    matrix[2, 3] = matrix[4, 0] = bad
    with pytest.raises(MaskError, match="not finite numbers: 2, 4"):
        compute_mask_dict(matrix, [0, 2, 4], TWO_LAYERS)
    assert compute_mask_dict(matrix, [0, 1, 3], TWO_LAYERS)["midblock"].tolist() == [
        [[[1.0, 1.0]], [[1.0, 1.0]]]
    ]


def test_a_matrix_of_other_layers_is_refused() -> None:
    with pytest.raises(MaskError, match=r"7 values.*encoder_bottleneck \+ midblock have 6"):
        compute_mask_dict(np.ones((5, 7)), [0], TWO_LAYERS)
    with pytest.raises(MaskError, match="no layer 'attic'"):
        compute_mask_dict(np.ones((5, 6)), [0], TWO_LAYERS, ["attic"])


def test_a_mask_from_rows_fits_the_network(adapter: EDMAdapter) -> None:
    """Rows of the bottleneck's own outputs, averaged, imposed, and seen by the network."""
    _, layers = reference_denoiser(adapter.model, CONFIG, X, SIGMA, LABELS)
    rows = layers["encoder_bottleneck"].flatten(1).float().numpy()
    masks = compute_mask_dict(rows, [0, 2], adapter.get_layer_shapes(), ["encoder_bottleneck"])
    masker = ActivationMasker(adapter)
    masker.set_mask("encoder_bottleneck", torch.from_numpy(masks["encoder_bottleneck"]))
    mean = (layers["encoder_bottleneck"][0] + layers["encoder_bottleneck"][2])[None] / 2
    with masker:
        masked = forward(adapter)
    assert (masked - reference(adapter, {"encoder_bottleneck": mean})).abs().max() < 2e-5
