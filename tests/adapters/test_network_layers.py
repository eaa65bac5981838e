"""Building blocks against closed forms."""

import math

import numpy as np
import pytest
import torch
from tiny import attention_by_head, normal, shifted_convolution

from diffviews_desktop.adapters.networks.layers import (
    Conv2d,
    GroupNorm,
    Linear,
    PositionalEmbedding,
    self_attention,
)


def test_linear_is_affine() -> None:
    layer = Linear(3, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, 2, 3], [0, -1, 0]]))
        layer.bias.copy_(torch.tensor([10.0, 20]))
    assert layer(torch.tensor([[1.0, 1, 1], [0, 2, 1]])).tolist() == [[16.0, 19], [17, 18]]


def test_linear_without_bias_maps_zero_to_zero() -> None:
    layer = Linear(3, 2, bias=False)
    assert layer.bias is None
    assert layer(torch.zeros(1, 3)).tolist() == [[0.0, 0.0]]
    assert layer.weight.abs().max() > 0


@pytest.mark.parametrize("layer", [Linear(4, 4, zero_init=True), Conv2d(4, 4, 3, zero_init=True)])
def test_zero_init_gives_zero(layer: torch.nn.Module) -> None:
    x = normal(2, 4) if isinstance(layer, Linear) else normal(2, 4, 5, 5)
    assert not layer(x).any()


@pytest.mark.parametrize("layer", [Linear(64, 64), Conv2d(8, 64, 3), Conv2d(64, 8, 1)])
def test_initial_weights_are_bounded_by_the_fan_in(layer: torch.nn.Module) -> None:
    bound = 1 / math.sqrt(math.prod(layer.weight.shape[1:]))
    assert 0.9 * bound < layer.weight.abs().max() <= bound


@pytest.mark.parametrize("kernel", [1, 3])
def test_convolution_keeps_the_size(kernel: int) -> None:
    layer = Conv2d(2, 3, kernel)
    with torch.no_grad():
        layer.bias.copy_(torch.tensor([1.0, 2, 3]))
    x = normal(2, 2, 5, 5)
    expected = shifted_convolution(x, layer.weight) + layer.bias[:, None, None]
    torch.testing.assert_close(layer(x), expected)


def test_box_filter_doubles_by_repetition_and_halves_by_averaging() -> None:
    x = torch.arange(16.0).reshape(1, 1, 4, 4).repeat(1, 2, 1, 1)
    x[:, 1] *= 10
    up = Conv2d(2, 2, 0, up=True)(x)
    np.testing.assert_allclose(up.numpy(), np.kron(x.numpy(), np.ones((1, 1, 2, 2))))
    down = Conv2d(2, 2, 0, down=True)(x)
    np.testing.assert_allclose(down[0, 0].numpy(), [[2.5, 4.5], [10.5, 12.5]])
    np.testing.assert_allclose(down[0, 1].numpy(), [[25, 45], [105, 125]])


def test_longer_taps_against_explicit_sums() -> None:
    """Taps [1, 3, 3, 1]: pad by 1 and weigh 4x4 windows; up is the transpose, times 4."""
    line = np.array([1, 3, 3, 1]) / 8
    x = normal(1, 1, 6, 6).numpy().astype(np.float64)[0, 0]
    shrink = np.zeros((3, 6))
    for row in range(3):
        for tap in range(4):
            if 0 <= 2 * row + tap - 1 < 6:
                shrink[row, 2 * row + tap - 1] += line[tap]
    down = Conv2d(1, 1, 0, down=True, taps=(1, 3, 3, 1))(torch.tensor(x).float()[None, None])
    np.testing.assert_allclose(down[0, 0].numpy(), shrink @ x @ shrink.T, atol=1e-6)
    small = x[:3, :3]
    up = Conv2d(1, 1, 0, up=True, taps=(1, 3, 3, 1))(torch.tensor(small).float()[None, None])
    np.testing.assert_allclose(up[0, 0].numpy(), 4 * shrink.T @ small @ shrink, atol=1e-6)


def test_resampling_comes_before_the_convolution() -> None:
    layer = Conv2d(2, 3, 3, up=True)
    x = normal(1, 2, 3, 3)
    repeated = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
    torch.testing.assert_close(layer(x), shifted_convolution(repeated, layer.weight))


def test_a_weightless_convolution_stores_its_filter_alone() -> None:
    assert list(Conv2d(2, 2, 0, up=True).state_dict()) == ["resample_filter"]
    assert set(Conv2d(2, 3, 1).state_dict()) == {"weight", "bias"}
    filter = Conv2d(2, 3, 1, down=True).state_dict()["resample_filter"]
    assert filter.tolist() == [[[[0.25, 0.25], [0.25, 0.25]]]]


def test_up_and_down_together_is_refused() -> None:
    with pytest.raises(ValueError, match="not both"):
        Conv2d(2, 2, 3, up=True, down=True)


@pytest.mark.parametrize(("channels", "groups"), [(16, 4), (64, 16), (128, 32), (192, 32)])
def test_group_norm_has_at_most_32_groups_of_at_least_4(channels: int, groups: int) -> None:
    x = 3 + 5 * normal(2, channels, 4, 4)
    normed = GroupNorm(channels)(x).reshape(2, groups, -1)
    zeros = torch.zeros(2, groups)
    torch.testing.assert_close(normed.mean(2), zeros, atol=1e-5, rtol=0)
    torch.testing.assert_close(normed.var(2, correction=0), zeros + 1, atol=1e-4, rtol=0)


def test_group_norm_epsilon_is_1e_5() -> None:
    x = torch.tensor([-1.0, 1.0] * 8).reshape(1, 4, 2, 2) * 1e-3  # variance 1e-6
    expected = x / math.sqrt(1e-6 + 1e-5)
    torch.testing.assert_close(GroupNorm(4)(x), expected)
    torch.testing.assert_close(GroupNorm(4, eps=1e-6)(x), x / math.sqrt(2e-6))


@pytest.mark.parametrize(("endpoint", "divisor"), [(False, 4), (True, 3)])
def test_positional_embedding_has_cosines_first(endpoint: bool, divisor: int) -> None:
    frequencies = [10000 ** (-i / divisor) for i in range(4)]
    got = PositionalEmbedding(8, endpoint=endpoint)(torch.tensor([0.0, 1.5]))
    expected = [
        [1.0] * 4 + [0.0] * 4,
        [math.cos(1.5 * f) for f in frequencies] + [math.sin(1.5 * f) for f in frequencies],
    ]
    torch.testing.assert_close(got, torch.tensor(expected))


@pytest.mark.parametrize(("channels", "heads"), [(64, 1), (96, 1), (128, 2), (12, 3)])
def test_attention_layout_is_interleaved(channels: int, heads: int) -> None:
    qkv = normal(2, 3 * channels, 3, 4)
    expected = attention_by_head(qkv.double(), heads)
    assert (self_attention(qkv, heads) - expected).abs().max() < 1e-5


def test_attention_to_one_pixel_copies_its_value() -> None:
    """A key that outweighs all others makes every pixel take that pixel's value."""
    qkv = torch.zeros(1, 6, 2, 2)  # two channels, one head: q k v q k v
    qkv[0, 0] = 1
    qkv[0, 1, 1, 0] = 1000
    qkv[0, 2] = torch.tensor([[1.0, 2], [3, 4]])
    qkv[0, 5] = torch.tensor([[5.0, 6], [7, 8]])
    out = self_attention(qkv, 1)
    assert out[0, 0].flatten().tolist() == [3.0] * 4
    assert out[0, 1].flatten().tolist() == [7.0] * 4


def test_weights_follow_the_dtype_of_the_input() -> None:
    x = normal(1, 4, 4, 4).to(torch.bfloat16)
    for layer in (Conv2d(4, 4, 3), GroupNorm(4), Conv2d(4, 4, 0, down=True)):
        assert layer(x).dtype == torch.bfloat16
    assert Linear(4, 4)(x[:, :, 0, 0]).dtype == torch.bfloat16
