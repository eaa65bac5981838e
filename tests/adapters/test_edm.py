"""The adapter around a real tiny network."""

from pathlib import Path

import pytest
import torch
from tiny import (
    CONFIG,
    SHAPES,
    fill_random,
    hook_count,
    labels_of,
    normal,
    tiny_adapter,
    tiny_model,
)

from diffviews_desktop.adapters.checkpoint import save_checkpoint
from diffviews_desktop.adapters.edm import EDMAdapter
from diffviews_desktop.adapters.networks.precond import EDMPrecond
from diffviews_desktop.core.extractor import ActivationExtractor
from diffviews_desktop.core.masking import ActivationMasker
from diffviews_desktop.errors import AdapterError, CheckpointError, UsageError


def test_facts_of_the_model(adapter: EDMAdapter) -> None:
    assert adapter.model_type == "edm"
    assert (adapter.resolution, adapter.img_channels, adapter.num_classes) == (8, 3, 5)
    grey = tiny_adapter(img_channels=1, label_dim=0)
    assert (grey.img_channels, grey.num_classes) == (1, 0)


def test_30_layers_in_running_order(adapter: EDMAdapter) -> None:
    assert adapter.hookable_layers == list(SHAPES)


def test_31_shapes_are_those_worked_out_by_hand(adapter: EDMAdapter) -> None:
    assert adapter.get_layer_shapes() == SHAPES
    assert list(adapter.get_layer_shapes()) == list(SHAPES)


def test_31_shapes_are_those_of_a_forward_pass(adapter: EDMAdapter) -> None:
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


def test_bare_state_dict_needs_an_adapter_that_knows_the_network(tmp_path: Path) -> None:
    model = tiny_model(seed=3)
    torch.save(model.state_dict(), tmp_path / "model.pt")
    with pytest.raises(
        CheckpointError, match=r"does not say which network it holds. Name an adapt"
    ):
        EDMAdapter.from_checkpoint(tmp_path / "model.pt", device="cpu")

    class Known(EDMAdapter):
        name = "known"
        network_config = CONFIG

    adapter = Known.from_checkpoint(tmp_path / "model.pt", device="cpu")
    assert isinstance(adapter, Known)
    assert adapter.model_type == "known"
    x, sigma = normal(2, 3, 8, 8), torch.tensor([0.5, 5.0])
    assert torch.equal(adapter.forward(x, sigma), model(x, sigma))


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
