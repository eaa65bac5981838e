"""Captured activations against the independent reference network."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import (
    CONFIG,
    SHAPES,
    DuckAdapter,
    conditions_of,
    hook_count,
    labels_of,
    normal,
    reference_denoiser,
    tiny_adapter,
)

from diffviews_desktop.adapters.conditioning import LabelVectors, label_vectors
from diffviews_desktop.adapters.edm import EDMAdapter
from diffviews_desktop.adapters.sampling import get_denoising_sigmas
from diffviews_desktop.core.denoising import denoise
from diffviews_desktop.core.extractor import (
    ActivationExtractor,
    SampleBatch,
    StopForward,
    extract_batches,
    extraction_inputs,
)
from diffviews_desktop.core.masking import ActivationMasker
from diffviews_desktop.data.activations.arrays import flatten_layers
from diffviews_desktop.errors import AdapterError
from diffviews_desktop.values.told import OWN_CONDITION, conditions_told

X, SIGMA, LABELS = normal(3, 3, 8, 8), torch.tensor([0.5, 3.0, 40.0]), labels_of(0, 2, 4)
TOLD = LabelVectors(LABELS, 3)
TWO = ["midblock", "encoder_bottleneck"]


def pictures(*classes: int, seed: int = 0, size: int = 8) -> SampleBatch:
    count = len(classes)
    return SampleBatch(
        samples=normal(count, 3, size, size, seed=seed).clamp(-1, 1),
        sigmas=np.linspace(0.5, 20, count, dtype=np.float32),
        conditions=conditions_told(OWN_CONDITION, classes, (), 5, False),
        seeds=np.arange(100, 100 + count),
    )


# --- the extractor -------------------------------------------------------------------------------


def test_all_layers_by_default_and_their_values(adapter: EDMAdapter) -> None:
    expected, layers = reference_denoiser(adapter.model, CONFIG, X, SIGMA, LABELS)
    with ActivationExtractor(adapter) as extractor:
        denoised = adapter.forward(X, SIGMA, LABELS)
        captured = extractor.get_activations()
    assert list(captured) == list(SHAPES)
    for name, tensor in captured.items():
        assert tensor.shape == (3, *SHAPES[name])
        assert (tensor - layers[name]).abs().max() < 2e-5, name
    assert (denoised - expected).abs().max() < 2e-5  # listening changes nothing
    assert hook_count(adapter.model) == 0


def test_hooks_are_removed_whatever_happens(adapter: EDMAdapter) -> None:
    with pytest.raises(RuntimeError), ActivationExtractor(adapter, TWO):
        adapter.forward(X[:, :2], SIGMA, LABELS)  # a channel is missing
    assert hook_count(adapter.model) == 0


def test_registering_twice_does_nothing_more(adapter: EDMAdapter) -> None:
    extractor = ActivationExtractor(adapter, TWO)
    extractor.register_hooks()
    extractor.register_hooks()
    assert hook_count(adapter.model) == 2
    extractor.remove_hooks()
    extractor.remove_hooks()
    assert hook_count(adapter.model) == 0


def test_an_unknown_layer_leaves_no_hook(adapter: EDMAdapter) -> None:
    with pytest.raises(AdapterError, match="attic"):
        ActivationExtractor(adapter, ["midblock", "attic"]).register_hooks()
    assert hook_count(adapter.model) == 0


def test_what_was_captured_stays_until_cleared(adapter: EDMAdapter) -> None:
    with ActivationExtractor(adapter, TWO) as extractor:
        adapter.forward(X, SIGMA, LABELS)
    assert set(extractor.get_activations()) == set(TWO)
    extractor.get_activations().clear()  # a copy
    assert set(extractor.get_activations()) == set(TWO)
    extractor.clear()
    assert extractor.get_activations() == {}


def test_what_was_captured_does_not_change_afterwards() -> None:
    """The layer after ``body_conv`` works in place on its output."""
    duck = DuckAdapter()
    with ActivationExtractor(duck, ["body_conv"]) as extractor:
        duck.forward(normal(2, 3, 6, 6), torch.ones(2))
    assert extractor.get_activations()["body_conv"].min() < 0


def test_of_a_tuple_output_the_first_element_is_captured() -> None:
    duck, x = DuckAdapter(), normal(2, 3, 6, 6)
    with ActivationExtractor(duck) as extractor:
        duck.forward(x, torch.ones(2))
    stem = duck.network.stem.conv
    expected = torch.nn.functional.conv2d(x / 2, stem.weight, stem.bias, padding=1)
    torch.testing.assert_close(extractor.get_activations()["stem"], expected)
    shapes = {name: tuple(t.shape[1:]) for name, t in extractor.get_activations().items()}
    assert shapes == duck.get_layer_shapes()


def test_gradients_are_not_kept() -> None:
    adapter = tiny_adapter()
    adapter.model.requires_grad_(True)
    with ActivationExtractor(adapter, TWO) as extractor:
        adapter.forward(X, SIGMA, LABELS)
    assert not any(t.requires_grad for t in extractor.get_activations().values())


def layers_run(adapter: EDMAdapter) -> list[str]:
    """A list that layers write their names into when they have run."""
    ran: list[str] = []
    for name in adapter.hookable_layers:
        adapter.register_activation_hooks([name], lambda m, i, o, name=name: ran.append(name))
    return ran


def test_the_forward_pass_ends_after_the_last_wanted_layer(adapter: EDMAdapter) -> None:
    ran = layers_run(adapter)
    _, layers = reference_denoiser(adapter.model, CONFIG, X, SIGMA, LABELS)
    with ActivationExtractor(adapter, TWO, stop_after_last=True) as extractor:
        captured = extractor.run_until(X, SIGMA, TOLD)
        again = extractor.run_until(X + 1, SIGMA, TOLD)
    upto = list(SHAPES)[: list(SHAPES).index("midblock") + 1]
    assert ran == upto + upto
    for name in TWO:
        assert (captured[name] - layers[name]).abs().max() < 2e-5
        assert (again[name] - captured[name]).abs().max() > 1e-2


def test_without_stopping_the_whole_network_runs(adapter: EDMAdapter) -> None:
    ran = layers_run(adapter)
    with ActivationExtractor(adapter, TWO) as extractor:
        extractor.run_until(X, SIGMA, TOLD)
    assert ran == list(SHAPES)


def test_a_forward_pass_of_ones_own_is_stopped_by_an_exception(adapter: EDMAdapter) -> None:
    with (
        ActivationExtractor(adapter, TWO, stop_after_last=True),
        pytest.raises(StopForward),
    ):
        adapter.forward(X, SIGMA, LABELS)


@pytest.mark.parametrize("name", ["batch_000000", "sigma_0.5", "batch.npz"])
def test_save_writes_rows_and_metadata(adapter: EDMAdapter, tmp_path: Path, name: str) -> None:
    with ActivationExtractor(adapter, TWO) as extractor:
        adapter.forward(X, SIGMA, LABELS)
    extractor.save(tmp_path / "new" / "folder" / name, {"classes": [0, 2, 4]})
    stem = name.removesuffix(".npz")
    folder = tmp_path / "new" / "folder"
    assert {path.name for path in folder.iterdir()} == {f"{stem}.npz", f"{stem}.json"}
    _, layers = reference_denoiser(adapter.model, CONFIG, X, SIGMA, LABELS)
    with np.load(folder / f"{stem}.npz", allow_pickle=False) as arrays:
        assert set(arrays.files) == set(TWO)
        for layer in TWO:
            assert arrays[layer].dtype == np.float32
            assert arrays[layer].shape == (3, 1024)
            np.testing.assert_allclose(arrays[layer], layers[layer].flatten(1), atol=2e-5)
    assert json.loads((folder / f"{stem}.json").read_text()) == {"classes": [0, 2, 4]}


def test_save_without_metadata_writes_no_json(adapter: EDMAdapter, tmp_path: Path) -> None:
    with ActivationExtractor(adapter, TWO) as extractor:
        adapter.forward(X, SIGMA, LABELS)
    extractor.save(tmp_path / "batch")
    assert [path.name for path in tmp_path.iterdir()] == ["batch.npz"]


# --- inputs --------------------------------------------------------------------------------------


def test_one_hot_labels() -> None:
    """Class 0 is a class; a number outside the classes gives zeros."""
    rows = label_vectors(conditions_told(OWN_CONDITION, [0, 2, -1, 3], (), 3, False), 3).vectors
    assert rows is not None
    assert rows.tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]]
    assert rows.dtype == torch.float32
    assert label_vectors(conditions_told(OWN_CONDITION, [1], (), 0, False), 0).vectors is None


def test_scaled_inputs_are_image_times_sigma() -> None:
    batch = pictures(0, 1, 2)
    expected = batch.samples.numpy() * np.array(batch.sigmas)[:, None, None, None]
    np.testing.assert_allclose(extraction_inputs(batch, "scaled").numpy(), expected, rtol=1e-6)


def test_noised_inputs_are_image_plus_sigma_times_own_noise() -> None:
    batch = pictures(0, 1, 2)
    seen = extraction_inputs(batch, "noised")
    for row, (image, sigma, seed) in enumerate(
        zip(batch.samples.numpy(), batch.sigmas, batch.seeds, strict=True)
    ):
        noise = normal(3, 8, 8, seed=int(seed))
        np.testing.assert_allclose(seen[row], image + sigma * noise.numpy(), rtol=1e-6, atol=1e-6)
    unnoised = batch._replace(sigmas=np.zeros(3, np.float32))
    np.testing.assert_array_equal(extraction_inputs(unnoised, "noised"), batch.samples)


def test_the_noise_of_a_sample_does_not_depend_on_its_batch() -> None:
    batch = pictures(0, 1, 2, 3)
    whole = extraction_inputs(batch, "noised")
    part = extraction_inputs(batch.take(slice(2, 3)), "noised")
    assert torch.equal(part[0], whole[2])


# --- many pictures -------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["noised", "scaled"])
def test_rows_of_activations_in_sorted_layer_order(adapter: EDMAdapter, how: str) -> None:
    batches = [pictures(0, 1, 2, seed=1), pictures(4, 7, seed=2)]  # 7 is no class: zero label
    rows = [flatten_layers(r) for r in extract_batches(adapter, TWO, iter(batches), mode=how)]
    assert [r.shape for r in rows] == [(3, 2048), (2, 2048)]
    assert all(r.dtype == np.float32 for r in rows)
    labels = [labels_of(0, 1, 2), torch.cat([labels_of(4), torch.zeros(1, 5)])]
    for batch, got, label in zip(batches, rows, labels, strict=True):
        sigma = torch.from_numpy(batch.sigmas)
        x = batch.samples
        level = sigma[:, None, None, None]
        if how == "scaled":
            x = x * level
        else:
            x = x + level * torch.stack([normal(3, 8, 8, seed=int(s)) for s in batch.seeds])
        _, layers = reference_denoiser(adapter.model, CONFIG, x, sigma, label)
        expected = [layers["encoder_bottleneck"].flatten(1), layers["midblock"].flatten(1)]
        np.testing.assert_allclose(got, torch.cat(expected, dim=1), atol=2e-5)
    assert hook_count(adapter.model) == 0


def test_extraction_stops_the_forward_pass_early(adapter: EDMAdapter) -> None:
    ran = layers_run(adapter)
    list(extract_batches(adapter, ["encoder_block_1"], iter([pictures(0), pictures(1)])))
    assert ran == ["encoder_block_0", "encoder_block_1"] * 2


def test_an_unconditional_model(adapter: EDMAdapter) -> None:
    adapter = tiny_adapter(label_dim=0)
    (rows,) = extract_batches(adapter, ["midblock"], iter([pictures(0, 1)]), mode="scaled")
    batch = pictures(0, 1)
    sigma = torch.from_numpy(batch.sigmas)
    x = batch.samples * sigma[:, None, None, None]
    _, layers = reference_denoiser(adapter.model, {**CONFIG, "label_dim": 0}, x, sigma)
    assert list(rows) == ["midblock"]
    np.testing.assert_allclose(rows["midblock"], layers["midblock"].flatten(1), atol=2e-5)


def test_an_adapter_with_no_more_than_the_interface() -> None:
    duck = DuckAdapter()
    (rows,) = extract_batches(duck, ["stem", "head"], iter([pictures(0, 3, size=6)]), mode="scaled")
    assert {name: part.shape for name, part in rows.items()} == {
        "stem": (2, 4 * 36),
        "head": (2, 3 * 36),
    }
    batch = pictures(0, 3, size=6)
    sigma = torch.from_numpy(batch.sigmas)[:, None, None, None]
    stem = duck.network.stem
    features = stem.conv(batch.samples * sigma / (1 + sigma))
    features = features + stem.label.weight.T[[0, 3]][:, :, None, None]
    np.testing.assert_allclose(rows["stem"], features.flatten(1), rtol=1e-4, atol=1e-5)


def test_values_that_are_not_finite_stay_in_their_rows(adapter: EDMAdapter) -> None:
    bad = pictures(0, 1)
    bad.samples[1, 0, 0, 0] = np.nan
    (rows,) = extract_batches(adapter, TWO, iter([bad]))
    assert np.isfinite(rows["midblock"]).all(axis=1).tolist() == [True, False]
    assert hook_count(adapter.model) == 0


def test_leaving_early_or_failing_leaves_no_hook(adapter: EDMAdapter) -> None:
    def failing() -> Iterator[SampleBatch]:
        yield pictures(0)
        raise OSError("the disk is gone")

    rows = extract_batches(adapter, TWO, failing())
    next(rows)
    with pytest.raises(OSError, match="the disk is gone"):
        next(rows)
    assert hook_count(adapter.model) == 0

    rows = extract_batches(adapter, TWO, iter([pictures(0), pictures(1)]))
    next(rows)
    assert hook_count(adapter.model) == 2
    rows.close()
    assert hook_count(adapter.model) == 0


def test_extraction_after_a_masked_run_sees_the_clean_model(adapter: EDMAdapter) -> None:
    (before,) = extract_batches(adapter, TWO, iter([pictures(0, 1)]))
    masker = ActivationMasker(adapter)
    masker.set_mask("encoder_bottleneck", torch.zeros(1, 64, 4, 4))
    generator = torch.Generator().manual_seed(0)
    run = denoise(
        adapter,
        conditions=conditions_of(adapter, 1, 0, generator),
        sigmas=get_denoising_sigmas(3, 80, 0.5),
        generator=generator,
        masker=masker,
        capture=TWO,
    )
    next(run)
    run.close()  # given up after the first step
    (after,) = extract_batches(adapter, TWO, iter([pictures(0, 1)]))
    assert all(np.array_equal(before[name], after[name]) for name in TWO)


def test_no_global_state_is_touched(adapter: EDMAdapter) -> None:
    torch_state, numpy_state, state = (
        torch.get_rng_state(),
        np.random.get_state()[1].tobytes(),
        random.getstate(),
    )
    for _ in extract_batches(adapter, TWO, iter([pictures(0), pictures(1)])):
        assert torch.is_grad_enabled()  # the caller's mode is its own between batches
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.random.get_state()[1].tobytes() == numpy_state
    assert random.getstate() == state
