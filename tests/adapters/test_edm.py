"""The adapter around a real tiny network."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import (
    CONFIG,
    SHAPES,
    fill_random,
    hook_count,
    labels_of,
    needs_cuda,
    normal,
    tiny_adapter,
    tiny_model,
)
from torch import Tensor

from diffviews_desktop.adapters.checkpoint import save_checkpoint
from diffviews_desktop.adapters.edm import GUIDANCE_UNKNOWN, EDMAdapter
from diffviews_desktop.adapters.networks.precond import PRECONDITIONERS, EDMPrecond
from diffviews_desktop.core.extractor import ActivationExtractor
from diffviews_desktop.core.masking import ActivationMasker
from diffviews_desktop.errors import AdapterError, CheckpointError, UsageError


def test_facts_of_the_model(adapter: EDMAdapter) -> None:
    assert adapter.model_type == "edm"
    assert (adapter.resolution, adapter.img_channels, adapter.num_classes) == (8, 3, 5)
    grey = tiny_adapter(img_channels=1, label_dim=0)
    assert (grey.img_channels, grey.num_classes) == (1, 0)


def test_layers_in_running_order(adapter: EDMAdapter) -> None:
    assert adapter.hookable_layers == list(SHAPES)


def test_shapes_are_those_worked_out_by_hand(adapter: EDMAdapter) -> None:
    assert adapter.get_layer_shapes() == SHAPES
    assert list(adapter.get_layer_shapes()) == list(SHAPES)


def test_shapes_are_those_of_a_forward_pass(adapter: EDMAdapter) -> None:
    seen = {}
    for name in adapter.hookable_layers:
        adapter.register_activation_hooks(
            [name], lambda m, i, output, name=name: seen.update({name: tuple(output.shape[1:])})
        )
    adapter.forward(normal(2, 3, 8, 8), torch.ones(2))
    assert seen == adapter.get_layer_shapes()


def test_shapes_leave_no_hooks_and_do_not_share_the_dictionary(adapter: EDMAdapter) -> None:
    adapter.get_layer_shapes().clear()
    assert adapter.get_layer_shapes() == SHAPES
    assert hook_count(adapter.model) == 0


def test_shapes_can_be_asked_for_while_hooks_are_registered(adapter: EDMAdapter) -> None:
    masker = ActivationMasker(adapter)
    masker.set_mask("midblock", torch.zeros(1, 64, 4, 4))
    with masker, ActivationExtractor(adapter, ["midblock"], stop_after_last=True) as extractor:
        assert adapter.get_layer_shapes() == SHAPES
        assert extractor.get_activations() == {}


def test_hooks_see_outputs_and_can_replace_them(adapter: EDMAdapter) -> None:
    x, sigma = normal(1, 3, 8, 8), torch.ones(1)
    plain = adapter.forward(x, sigma)
    shapes = []
    handles = adapter.register_activation_hooks(
        ["midblock", "decoder_block_1"],
        lambda module, inputs, output: shapes.append(tuple(output.shape)),
    )
    assert torch.equal(adapter.forward(x, sigma), plain)  # a hook that gives None changes nothing
    assert shapes == [(1, 64, 4, 4)] * 2
    (replacing,) = adapter.register_activation_hooks(
        ["midblock"], lambda module, inputs, output: torch.zeros_like(output)
    )
    assert (adapter.forward(x, sigma) - plain).abs().max() > 1e-3
    for handle in (*handles, replacing):
        handle.remove()
    assert hook_count(adapter.model) == 0


def test_unknown_layer_is_refused_and_nothing_registered(adapter: EDMAdapter) -> None:
    with pytest.raises(AdapterError, match=r"no layer 'attic'.*encoder_bottleneck, midblock"):
        adapter.register_activation_hooks(["midblock", "attic"], lambda m, i, o: None)
    assert hook_count(adapter.model) == 0


def test_class_0_is_a_class(adapter: EDMAdapter) -> None:
    x, sigma = normal(1, 3, 8, 8), torch.ones(1)
    none, zeros = adapter.forward(x, sigma), adapter.forward(x, sigma, torch.zeros(1, 5))
    assert torch.equal(none, zeros)
    assert (adapter.forward(x, sigma, labels_of(0)) - none).abs().max() > 1e-3


def test_to_and_eval_return_the_adapter(adapter: EDMAdapter) -> None:
    adapter.model.train()
    assert adapter.eval() is adapter
    assert not adapter.model.training
    assert adapter.to("cpu") is adapter
    with pytest.raises(UsageError, match="Unknown device 'abacus'"):
        adapter.to("abacus")


@pytest.mark.skipif(torch.backends.mps.is_available(), reason="MPS takes the model here")
def test_a_model_that_mps_refuses_runs_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    adapter = EDMAdapter(tiny_model(), "mps")
    assert adapter.device == "cpu"
    assert adapter.forward(normal(1, 3, 8, 8), torch.ones(1)).device.type == "cpu"


def test_default_settings() -> None:
    assert EDMAdapter.get_default_config() == {
        "sigma_max": 80.0,
        "sigma_min": 0.002,
        "rho": 7.0,
        "default_steps": 18,
        "guidance_scale": 1.0,
        "sampler": "heun",
    }


def test_from_checkpoint_gives_the_saved_model(tmp_path: Path) -> None:
    model = tiny_model(seed=3)
    save_checkpoint(tmp_path / "model.safetensors", CONFIG, model.state_dict())
    adapter = EDMAdapter.from_checkpoint(tmp_path / "model.safetensors", device="cpu")
    x, sigma = normal(2, 3, 8, 8), torch.tensor([0.5, 5.0])
    assert torch.equal(adapter.forward(x, sigma, labels_of(1, 2)), model(x, sigma, labels_of(1, 2)))
    assert not adapter.model.training
    assert not any(p.requires_grad for p in adapter.model.parameters())


def test_from_checkpoint_can_set_the_label_dropout(tmp_path: Path) -> None:
    config = {**CONFIG, "dropout": 0.0}
    save_checkpoint(tmp_path / "model.safetensors", config, tiny_model().state_dict())
    adapter = EDMAdapter.from_checkpoint(
        str(tmp_path / "model.safetensors"), device="cpu", label_dropout=1.0
    )
    x, sigma = normal(2, 3, 8, 8), torch.ones(2)
    adapter.model.train()
    torch.testing.assert_close(
        adapter.forward(x, sigma, labels_of(1, 2)), adapter.forward(x, sigma)
    )


def test_a_bare_state_dict_is_read_with_a_note(tmp_path: Path) -> None:
    model = tiny_model(seed=3)
    torch.save(model.state_dict(), tmp_path / "model.pt")
    plain = EDMAdapter.from_checkpoint(tmp_path / "model.pt", device="cpu")
    assert len(plain.notes) == 1
    assert "does not say its preconditioning" in plain.notes[0]
    assert plain.guidance_note == GUIDANCE_UNKNOWN

    class Known(EDMAdapter):
        name = "known"
        network_config = CONFIG

    adapter = Known.from_checkpoint(tmp_path / "model.pt", device="cpu")
    assert isinstance(adapter, Known)
    assert adapter.model_type == "known"
    x, sigma = normal(2, 3, 8, 8), torch.tensor([0.5, 5.0])
    assert torch.equal(adapter.forward(x, sigma), model(x, sigma))
    assert torch.equal(plain.forward(x, sigma), model(x, sigma))


def test_a_subclass_refuses_another_network(tmp_path: Path) -> None:
    class Known(EDMAdapter):
        name = "known"
        network_config = CONFIG

    config = {**CONFIG, "label_dim": 6}
    model = EDMPrecond(**config)
    fill_random(model)
    save_checkpoint(tmp_path / "six.safetensors", config, model.state_dict())
    with pytest.raises(CheckpointError, match=r"adapter known: its label_dim is 6, not 5.*edm\."):
        Known.from_checkpoint(tmp_path / "six.safetensors", device="cpu")
    assert EDMAdapter.from_checkpoint(tmp_path / "six.safetensors", device="cpu").num_classes == 6


def test_the_first_of_the_decoder_has_another_name(adapter: EDMAdapter) -> None:
    x, sigma = normal(1, 3, 8, 8), torch.ones(1)
    assert "decoder_block_0" not in adapter.hookable_layers
    with ActivationExtractor(adapter, ["decoder_block_0", "midblock"]) as extractor:
        adapter.forward(x, sigma)
        captured = extractor.get_activations()
    assert torch.equal(captured["decoder_block_0"], captured["midblock"])
    held = []
    for name in ("decoder_block_0", "midblock"):
        with ActivationMasker(adapter) as masker:
            masker.set_mask(name, normal(1, 64, 4, 4, seed=2))
            masker.register_hooks()
            held.append(adapter.forward(x, sigma))
    assert torch.equal(*held)
    assert (held[0] - adapter.forward(x, sigma)).abs().max() > 1e-3


# --- what the network runs in --------------------------------------------------------------------


@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_half_precision_is_refused_where_it_would_not_be_used(precision: Any) -> None:
    with pytest.raises(UsageError, match=r"On cpu the network runs in float32: leave --precision"):
        EDMAdapter(tiny_model(use_fp16=True), "cpu", precision=precision)


@pytest.mark.parametrize("precision", ["float64", "", "half", None])
def test_an_unknown_precision_is_refused(precision: Any) -> None:
    with pytest.raises(UsageError, match=r"Unknown precision .*: use auto, float32, float16, bfl"):
        EDMAdapter(tiny_model(), "cpu", precision=precision)


@pytest.mark.parametrize("precision", ["auto", "float32"])
def test_on_a_cpu_the_network_runs_in_float32(precision: Any) -> None:
    made_for_half = EDMAdapter(tiny_model(use_fp16=True), "cpu", precision=precision)
    x, sigma = normal(1, 3, 8, 8), torch.ones(1)
    assert torch.equal(made_for_half.forward(x, sigma), tiny_adapter().forward(x, sigma))


def test_the_precision_can_be_asked_for_when_a_checkpoint_is_loaded(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "model.safetensors", CONFIG, tiny_model().state_dict())
    with pytest.raises(UsageError, match="On cpu"):
        EDMAdapter.from_checkpoint(
            tmp_path / "model.safetensors", device="cpu", precision="bfloat16"
        )


def seen_dtype(adapter: EDMAdapter) -> torch.dtype:
    """What the network's first layer gives, while the pictures stay float32."""
    seen = []
    (handle,) = adapter.register_activation_hooks(
        ["encoder_block_0"], lambda module, inputs, output: seen.append(output.dtype)
    )
    assert adapter.forward(normal(1, 3, 8, 8), torch.ones(1)).dtype == torch.float32
    handle.remove()
    return seen[0]


@needs_cuda
@pytest.mark.parametrize(
    ("use_fp16", "precision", "expected"),
    [
        (True, "auto", torch.float16),
        (True, "float16", torch.float16),
        (True, "bfloat16", torch.bfloat16),
        (True, "float32", torch.float32),
        (False, "auto", torch.float32),
        (False, "bfloat16", torch.bfloat16),
    ],
)
def test_on_cuda_the_network_runs_in_what_was_asked(
    use_fp16: bool, precision: Any, expected: torch.dtype
) -> None:
    adapter = EDMAdapter(tiny_model(use_fp16=use_fp16), "cuda", precision=precision)
    assert seen_dtype(adapter) == expected


@needs_cuda
def test_float16_is_refused_where_the_network_was_not_made_for_it() -> None:
    with pytest.raises(UsageError, match="not made for float16 and can overflow"):
        EDMAdapter(tiny_model(use_fp16=False), "cuda", precision="float16")


# --- whether guidance was trained ----------------------------------------------------------------


def guidance_note(folder: Path, said: dict[str, Any], **options: Any) -> str:
    save_checkpoint(folder / "model.safetensors", {**CONFIG, **said}, tiny_model().state_dict())
    path = folder / "model.safetensors"
    return EDMAdapter.from_checkpoint(path, device="cpu", **options).guidance_note


def test_the_note_on_guidance_says_what_the_checkpoint_says(tmp_path: Path) -> None:
    assert "does not say whether labels were dropped" in guidance_note(tmp_path, {})
    never = guidance_note(tmp_path, {"label_dropout": 0.0})
    assert "never dropped" in never
    assert "was not trained" in never
    trained = guidance_note(tmp_path, {"label_dropout": 0.15})
    assert "15%" in trained
    assert trained.endswith("guidance was trained.")


def test_the_person_knows_better(tmp_path: Path) -> None:
    assert "20%" in guidance_note(tmp_path, {}, label_dropout=0.2)
    assert "20%" in guidance_note(tmp_path, {"label_dropout": 0.0}, label_dropout=0.2)
    assert "was not trained" in guidance_note(tmp_path, {"label_dropout": 0.1}, label_dropout=0.0)
    for wrong in (-0.1, 1.5, math.nan, math.inf):
        with pytest.raises(UsageError, match="label dropout must be between 0 and 1"):
            guidance_note(tmp_path, {}, label_dropout=wrong)


def test_a_known_network_is_known_to_drop_none(tmp_path: Path) -> None:
    class Known(EDMAdapter):
        name = "known"
        network_config = CONFIG

    save_checkpoint(tmp_path / "model.safetensors", CONFIG, tiny_model().state_dict())
    adapter = Known.from_checkpoint(tmp_path / "model.safetensors", device="cpu")
    assert "was not trained" in adapter.guidance_note


# --- the other networks and preconditionings of the family ---------------------------------------

DDPMPP: dict[str, Any] = {
    "img_resolution": 16,
    "img_channels": 3,
    "label_dim": 0,
    "model_type": "SongUNet",
    "model_channels": 16,
    "channel_mult": [1, 2],
    "channel_mult_emb": 2,
    "num_blocks": 1,
    "attn_resolutions": [8],
    "augment_dim": 9,
}
NCSNPP: dict[str, Any] = {
    **DDPMPP,
    "embedding_type": "fourier",
    "encoder_type": "residual",
    "channel_mult_noise": 2,
    "resample_filter": [1, 3, 3, 1],
}
SONG_DECODER = {
    "midblock": (32, 8, 8),
    "decoder_block_1": (32, 8, 8),
    "decoder_block_2": (32, 8, 8),
    "decoder_block_3": (32, 8, 8),
    "decoder_block_4": (32, 16, 16),  # up
    "decoder_block_5": (16, 16, 16),
    "decoder_block_6": (16, 16, 16),
    "decoder_block_7": (16, 16, 16),  # aux_norm
    "decoder_block_8": (3, 16, 16),  # aux_conv: the network's output
}
SONG_LAYERS: dict[str, dict[str, tuple[int, ...]]] = {
    "DDPM++": {
        "encoder_block_0": (16, 16, 16),
        "encoder_block_1": (16, 16, 16),
        "encoder_block_2": (16, 8, 8),
        "encoder_bottleneck": (32, 8, 8),
        **SONG_DECODER,
    },
    "NCSN++": {
        "encoder_block_0": (16, 16, 16),
        "encoder_block_1": (16, 16, 16),
        "encoder_block_2": (16, 8, 8),
        "encoder_block_3": (16, 8, 8),  # aux_residual
        "encoder_bottleneck": (32, 8, 8),
        **SONG_DECODER,
    },
}
"""Worked out by hand from the papers' description of the networks."""


def saved_and_loaded(folder: Path, config: dict[str, Any], class_name: str) -> EDMAdapter:
    model = PRECONDITIONERS[class_name](**config)
    fill_random(model)
    config = {**config, "class_name": class_name}
    save_checkpoint(folder / "model.safetensors", config, model.state_dict())
    return EDMAdapter.from_checkpoint(folder / "model.safetensors", device="cpu")


@pytest.fixture(params=["DDPM++", "NCSN++"])
def song(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, EDMAdapter]:
    """An unconditional network as EDM published them for faces: its name, and the adapter."""
    class_name, config = {
        "DDPM++": ("VPPrecond", DDPMPP),
        "NCSN++": ("VEPrecond", NCSNPP),
    }[request.param]
    return request.param, saved_and_loaded(tmp_path, config, class_name)


def test_layers_of_unconditional_networks(song: tuple[str, EDMAdapter]) -> None:
    name, adapter = song
    assert (adapter.num_classes, adapter.img_channels, adapter.resolution) == (0, 3, 16)
    assert adapter.hookable_layers == list(SONG_LAYERS[name])
    assert adapter.get_layer_shapes() == SONG_LAYERS[name]
    order: list[str] = []
    seen: dict[str, tuple[int, ...]] = {}

    def listen(layer: str) -> Any:
        def hook(module: Any, inputs: Any, output: Tensor) -> None:
            order.append(layer)
            seen[layer] = tuple(output.shape[1:])

        return hook

    handles = [
        handle
        for layer in adapter.hookable_layers
        for handle in adapter.register_activation_hooks([layer], listen(layer))
    ]
    assert torch.isfinite(adapter.forward(normal(2, 3, 16, 16), torch.ones(2))).all()
    assert seen == SONG_LAYERS[name]
    assert order == adapter.hookable_layers  # in the order they run, each once
    for handle in handles:
        handle.remove()


def test_a_layer_of_the_way_out_is_extracted_and_held(song: tuple[str, EDMAdapter]) -> None:
    """``aux_conv`` gives the network's output: held at F, the model says c_skip x + c_out F."""
    name, adapter = song
    x, sigma = normal(2, 3, 16, 16), torch.tensor([0.3, 5.0])
    with ActivationExtractor(adapter, ["decoder_block_8"]) as extractor:
        plain = adapter.forward(x, sigma)
        raw = extractor.get_activations()["decoder_block_8"]
    sign = {"DDPM++": -1, "NCSN++": 1}[name]  # variance preserving predicts the noise
    column = sigma[:, None, None, None]
    assert (plain - (x + sign * column * raw)).abs().max() < 1e-5
    held = normal(1, 3, 16, 16, seed=3)
    with ActivationMasker(adapter) as masker:
        masker.set_mask("decoder_block_8", held)
        masker.register_hooks()
        masked = adapter.forward(x, sigma)
    assert (masked - (x + sign * column * held)).abs().max() < 1e-5
    assert torch.equal(adapter.forward(x, sigma), plain)


def test_a_residual_from_the_input_is_held(tmp_path: Path) -> None:
    """What follows NCSN++'s ``aux_residual`` sees the mean of the two branches times sqrt 2; so
    does the residual of the next resolution."""
    adapter = saved_and_loaded(tmp_path, {**NCSNPP, "channel_mult": [1, 2, 2]}, "VEPrecond")
    x, sigma = normal(2, 3, 16, 16), torch.tensor([0.3, 5.0])
    fed: list[Tensor] = []
    encoder = adapter.model.model.enc
    handles = [
        encoder[name].register_forward_pre_hook(lambda module, inputs: fed.append(inputs[0]))
        for name in ("8x8_block0", "4x4_aux_residual")
    ]
    held = normal(1, 16, 8, 8, seed=3)
    layers = ["encoder_block_2", "encoder_block_3"]
    with ActivationExtractor(adapter, layers) as extractor, ActivationMasker(adapter) as masker:
        adapter.forward(x, sigma)
        plain = extractor.get_activations()
        masker.set_mask("encoder_block_3", held)
        masker.register_hooks()
        adapter.forward(x, sigma)
    for handle in handles:
        handle.remove()
    straight = plain["encoder_block_2"]
    others = (plain["encoder_block_3"],) * 2 + (held,) * 2
    for other, seen in zip(others, fed, strict=True):
        assert (seen - (straight + other) / math.sqrt(2)).abs().max() < 1e-5
    assert (fed[0] - fed[2]).abs().max() > 1e-3


def test_iddpm_through_the_adapter(tmp_path: Path) -> None:
    adapter = saved_and_loaded(tmp_path, {**CONFIG, "M": 50}, "iDDPMPrecond")
    assert (adapter.num_classes, adapter.get_layer_shapes()) == (5, SHAPES)

    def kept(j: int) -> float:
        """The part of the signal's variance that is left at time 50 - j of the cosine schedule."""
        return math.sin(math.pi / 2 * j / 50 / 1.008) ** 2

    # C_1 = 0.001 bounds the last ratio, which would be 0
    assert adapter.sigma_min == pytest.approx(math.sqrt(kept(50) / kept(49) - 1), rel=1e-3)
    assert adapter.sigma_max == pytest.approx(math.sqrt(1000 * kept(50) / kept(1) - 1), rel=1e-3)
    told: list[float] = []
    handle = adapter.model.register_forward_pre_hook(
        lambda module, inputs: told.extend(inputs[1].reshape(-1).tolist())
    )
    pictures, numbers = adapter.sample(num_samples=2, class_label=3, num_steps=3, seed=5)
    handle.remove()
    assert pictures.shape == (2, 8, 8, 3)
    assert pictures.dtype == torch.uint8
    assert numbers.tolist() == [3, 3]
    levels = [math.sqrt(kept(50) / kept(j) - 1) for j in range(1, 50)]
    assert len(told) == 2 * 5  # for each picture twice a step, in the last once
    assert all(min(abs(level / one - 1) for one in levels) < 1e-3 for level in told)
