"""What interventions do, against closed forms on a model of identities (see `handmade`)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from handmade import BIAS, SHAPE, Handmade
from torch import Tensor

from diffviews_desktop.adapters.model import as_model
from diffviews_desktop.core.denoising import DenoiseStep, denoise, make_generators
from diffviews_desktop.core.generator import generate_with_mask_multistep
from diffviews_desktop.core.intervening import Effect, Intervener
from diffviews_desktop.errors import MaskError
from diffviews_desktop.values.conditions import ClassLabel
from diffviews_desktop.values.layers import LayerShape
from diffviews_desktop.values.regions import Area, Channels, Region, Tokens, cells_of

SIGMAS = torch.tensor([4.0, 2.0, 1.0])
VECTOR = torch.randn(1, *SHAPE, generator=torch.Generator().manual_seed(1))
OTHER = torch.randn(1, *SHAPE, generator=torch.Generator().manual_seed(2))
ONE, TEN = BIAS.tolist()


@pytest.fixture
def adapter() -> Iterator[Handmade]:
    adapter = Handmade()
    yield adapter
    assert adapter.hooks == 0


def run(
    adapter: Handmade,
    *effects: Effect,
    labels: tuple[int, ...] = (0, 0),
    seed: int = 5,
    **more: Any,
) -> list[DenoiseStep]:
    conditions = as_model(adapter).encode_pair([ClassLabel(label) for label in labels])
    options: dict[str, Any] = {"sigmas": SIGMAS, **more}
    generators = make_generators(seed, len(labels))
    return list(
        denoise(adapter, conditions=conditions, generator=generators, effects=effects, **options)
    )


def close(got: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-5)


# ---- verbs --------------------------------------------------------------------------------------


@pytest.mark.parametrize("strength", [0.25, 0.5])
def test_replacing_and_ablating_mix_in_what_is_imposed(adapter: Handmade, strength: float) -> None:
    for verb, value in (("replace", VECTOR), ("ablate", OTHER), ("ablate", torch.zeros(1, *SHAPE))):
        for step in run(adapter, Effect("first", verb, value, strength)):
            close(step.denoised, step.noised + strength * (value - step.noised) + ONE)


def test_replacing_with_strength_one_is_exact(adapter: Handmade) -> None:
    for step in run(adapter, Effect("second", "replace", VECTOR), capture=["second"]):
        assert torch.equal(step.denoised, VECTOR.expand(2, *SHAPE))
        assert torch.equal(step.imposed["second"], VECTOR.expand(2, *SHAPE))
        assert torch.equal(step.computed["second"], step.noised + ONE)  # what it would have said


@pytest.mark.parametrize("strength", [-2.0, 0.5, 3.0])
def test_a_direction_is_added_with_its_sign(adapter: Handmade, strength: float) -> None:
    for step in run(adapter, Effect("first", "add", VECTOR, strength)):
        close(step.denoised, step.noised + strength * VECTOR + ONE)


@pytest.mark.parametrize(("factor", "strength"), [(0.0, 1.0), (3.0, 1.0), (3.0, 0.5), (-1.0, 2.0)])
def test_scaling(adapter: Handmade, factor: float, strength: float) -> None:
    for step in run(adapter, Effect("first", "scale", torch.tensor(factor), strength)):
        close(step.denoised, step.noised * (1 + strength * (factor - 1)) + ONE)


@pytest.mark.parametrize("strength", [-0.5, 0.2])
def test_steering_goes_the_same_share_of_each_step(adapter: Handmade, strength: float) -> None:
    """Along the whole path, each picture by its own norm, however long the direction is."""
    for length in (1.0, 100.0):
        for step in run(adapter, Effect("first", "steer", length * VECTOR, strength)):
            norms = step.noised.flatten(1).norm(dim=1).reshape(-1, 1, 1, 1)
            moved = strength * norms * VECTOR / VECTOR.norm()
            close(step.denoised, step.noised + moved + ONE)
            close(moved.flatten(1).norm(dim=1), abs(strength) * norms.flatten())


def test_a_direction_of_zeros_steers_nowhere(adapter: Handmade) -> None:
    for step in run(adapter, Effect("first", "steer", torch.zeros(1, *SHAPE))):
        close(step.denoised, step.noised + ONE)


@pytest.mark.parametrize("verb", ["replace", "add", "scale", "ablate", "steer"])
@pytest.mark.parametrize("sampler", ["renoise", "heun"])
def test_strength_zero_changes_no_bit(adapter: Handmade, verb: Any, sampler: Any) -> None:
    value = torch.tensor(1.7) if verb == "scale" else VECTOR
    plain = run(adapter, sampler=sampler)
    for strength in (0.0, torch.tensor([0.0, 0.0])):
        effect = Effect("first", verb, value, strength)
        for got, expected in zip(run(adapter, effect, sampler=sampler), plain, strict=True):
            assert torch.equal(got.denoised, expected.denoised)


@pytest.mark.parametrize("verb", ["replace", "add", "scale", "ablate", "steer"])
def test_each_picture_can_have_its_own_strength(adapter: Handmade, verb: Any) -> None:
    value = torch.tensor(1.7) if verb == "scale" else VECTOR
    together = run(adapter, Effect("first", verb, value, torch.tensor([0.0, 0.75])))
    plain, acted = run(adapter), run(adapter, Effect("first", verb, value, 0.75))
    for got, untouched, changed in zip(together, plain, acted, strict=True):
        assert torch.equal(got.denoised[0], untouched.denoised[0])
        close(got.denoised[1], changed.denoised[1])
        assert not torch.equal(got.denoised[1], untouched.denoised[1])


# ---- patches ------------------------------------------------------------------------------------


@pytest.mark.parametrize("pictures", [1, 2])
def test_a_patch_is_what_the_other_run_computed_at_that_step(
    adapter: Handmade, pictures: int
) -> None:
    labels = (1, 1)[:pictures]
    other = run(adapter, labels=labels, seed=77, capture=["first"])
    trace = [step.evaluated for step in other]
    for step, source in zip(run(adapter, Effect("first", "patch", trace)), other, strict=True):
        assert torch.equal(step.denoised, (source.noised + ONE).expand(2, *SHAPE))
    half = run(adapter, Effect("first", "patch", trace, 0.5, step_from=1))
    close(half[0].denoised, half[0].noised + ONE)
    close(half[1].denoised, (half[1].noised + other[1].noised) / 2 + ONE)


def test_a_patch_has_both_evaluations_of_a_heun_step_and_both_halves(adapter: Handmade) -> None:
    options: dict[str, Any] = {"sampler": "heun", "guidance_scale": 3.0}
    other = run(adapter, labels=(1, 1), seed=77, capture=["second"], **options)
    assert [len(step.evaluated) for step in other] == [2, 2, 1]
    assert all(len(one["second"]) == 4 for step in other for one in step.evaluated)
    got = run(adapter, Effect("second", "patch", [step.evaluated for step in other]), **options)
    x = got[0].noised.double()
    for step, source, following in zip(got, other, [2.0, 1.0, 0.0], strict=True):
        # guidance acts on what was patched: the halves of the other run
        first, *second = [
            (one["second"][2:] + 3 * (one["second"][:2] - one["second"][2:])).double()
            for one in source.evaluated
        ]
        close(step.denoised if following else x * 0 + first, first.float() if following else first)
        close(step.noised, x.float())
        slope = (x - first) / step.sigma
        end = x + (following - step.sigma) * slope
        if second:
            later = (end - second[0]) / following
            end = x + (following - step.sigma) * (slope + later) / 2
        x = end
    close(got[-1].denoised, x.float())


def test_a_step_that_the_other_run_does_not_have_is_refused(adapter: Handmade) -> None:
    other = run(adapter, capture=["first"], sigmas=SIGMAS[:2])
    effect = Effect("first", "patch", [step.evaluated for step in other])
    with pytest.raises(MaskError, match="no step 3"):
        run(adapter, effect)


# ---- windows, halves, regions -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "end", "inside"), [(0, None, [0, 1, 2]), (1, 2, [1]), (0, 0, []), (2, 9, [2])]
)
def test_the_window_is_half_open(
    adapter: Handmade, first: int, end: int | None, inside: list[int]
) -> None:
    hooks: list[int] = []
    conditions = as_model(adapter).encode_pair([ClassLabel(0)])
    effect = Effect("first", "add", VECTOR, step_from=first, step_to=end)
    for step in denoise(
        adapter, conditions=conditions, sigmas=SIGMAS, generator=make_generators(1, 1),
        effects=[effect],
    ):  # fmt: skip
        moved = VECTOR if step.index in inside else 0 * VECTOR
        close(step.denoised, step.noised + moved + ONE)
        assert step.acting == ({"first"} if step.index in inside else set())
        hooks.append(adapter.hooks)
    assert hooks == [int(index in inside) for index in range(3)]


@pytest.mark.parametrize(("conditional", "unconditional"), list(itertools.product([0, 1], [0, 1])))
def test_halves_of_guidance(adapter: Handmade, conditional: int, unconditional: int) -> None:
    effect = Effect(
        "first", "add", VECTOR,
        conditional=bool(conditional), unconditional=bool(unconditional),
    )  # fmt: skip
    for step in run(adapter, effect, labels=(0, 1), guidance_scale=3.0):
        bias = BIAS.reshape(2, 1, 1, 1)
        told = step.noised + conditional * VECTOR + bias
        free = step.noised + unconditional * VECTOR
        close(step.denoised, free + 3 * (told - free))


EYE = Area.of(torch.eye(4, dtype=torch.bool).numpy())


@pytest.mark.parametrize(
    ("layer", "region", "inside"),
    [
        ("first", Channels((1,)), lambda c, y, x: c == 1),
        ("first", EYE, lambda c, y, x: x == y),
        ("tokens", Tokens((0, 5)), lambda c, y, x: 4 * y + x in (0, 5)),
        ("tokens", Channels((0,)), lambda c, y, x: c == 0),
        ("tokens", EYE, lambda c, y, x: x == y),
    ],
)
@pytest.mark.parametrize("verb", ["replace", "add", "scale", "steer"])
def test_a_region_changes_what_is_in_it_and_nothing_else(
    adapter: Handmade, layer: str, region: Region, inside: Any, verb: Any
) -> None:
    shape = LayerShape(adapter.get_layer_shapes()[layer])
    cells = torch.from_numpy(cells_of(region, shape))
    value = VECTOR if layer == "first" else VECTOR.flatten(2).transpose(1, 2)
    given = torch.tensor(2.0) if verb == "scale" else value
    expected = torch.tensor(
        [[[inside(c, y, x) for x in range(4)] for y in range(4)] for c in range(2)]
    )
    bias = 0.0 if layer == "first" else ONE
    for step in run(adapter, Effect(layer, verb, given, region=cells)):
        seen = step.noised + bias
        part, direction = seen * expected, VECTOR * expected
        norms = part.flatten(1).norm(dim=1).reshape(-1, 1, 1, 1)
        moved = {
            "replace": VECTOR.expand_as(seen),
            "add": seen + VECTOR,
            "scale": 2 * seen,
            "steer": seen + norms * direction / direction.norm(),
        }[verb]
        close(step.denoised, torch.where(expected, moved, seen) + ONE - bias)
        assert torch.equal(step.denoised[:, ~expected], (step.noised + ONE)[:, ~expected])


# ---- stacks -------------------------------------------------------------------------------------


def test_several_act_in_their_order(adapter: Handmade) -> None:
    adding = Effect("first", "add", VECTOR, 2.0)
    doubling = Effect("first", "scale", torch.tensor(2.0))
    replacing = Effect("second", "replace", OTHER, 0.5)
    for step in run(adapter, adding, doubling, replacing):
        close(step.denoised, ((step.noised + 2 * VECTOR) * 2 + ONE + OTHER) / 2)
    for step in run(adapter, replacing, doubling, adding):
        close(step.denoised, (step.noised * 2 + 2 * VECTOR + ONE + OTHER) / 2)


def test_what_does_not_fit_the_layer_is_refused_and_leaves_no_hook(adapter: Handmade) -> None:
    with pytest.raises(MaskError, match=r"has shape \(1, 2, 4, 3\); the layer gives"):
        run(adapter, Effect("first", "replace", VECTOR[..., :3]))


def test_parts_of_a_batch_get_what_is_theirs(adapter: Handmade) -> None:
    """As where the memory does not suffice for the whole batch of both halves."""
    values = torch.cat([VECTOR, OTHER, VECTOR + OTHER])
    effect = Effect("first", "add", values, torch.tensor([1.0, 2.0, 3.0]), unconditional=False)
    intervener = Intervener(as_model(adapter), [effect], 3, guided=True)
    intervener.begin(0)
    x, labels = torch.zeros(6, *SHAPE), torch.zeros(6, 2)
    parts = []
    for rows in (slice(0, 2), slice(2, 4), slice(4, 6)):
        intervener.set_rows(rows)
        parts.append(adapter.forward(x[rows], torch.ones(2), labels[rows]))
    intervener.remove_hooks()
    expected = values * torch.tensor([1.0, 2.0, 3.0]).reshape(-1, 1, 1, 1)
    close(torch.cat(parts), torch.cat([expected, 0 * expected]))


# ---- the function for scripts -------------------------------------------------------------------


def test_pictures_of_a_script_are_patched_from_the_trace_of_others(adapter: Handmade) -> None:
    options: dict[str, Any] = {"num_steps": 3, "num_samples": 2, "sigma_min": 0.5}
    other = generate_with_mask_multistep(
        adapter, class_label=1, seed=9, trace_layers=["second"], return_intermediates=True,
        **options,
    )  # fmt: skip
    effect = Effect("second", "patch", other.trace or ())
    got = generate_with_mask_multistep(
        adapter, class_label=0, seed=5, effects=[effect], return_intermediates=True, **options
    )
    assert other.intermediates is not None
    for mine, theirs in zip(got.intermediates or (), other.intermediates, strict=True):
        assert torch.equal(mine, theirs)
    plain = generate_with_mask_multistep(adapter, class_label=0, seed=5, **options)
    assert plain.trace is None
    assert not torch.equal(plain.images, got.images)
