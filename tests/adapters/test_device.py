"""Choosing a device. What depends on the machine is asked of torch, not assumed."""

from types import SimpleNamespace

import pytest
import torch
from tiny import needs_cuda
from torch import nn

from diffviews_desktop.adapters.device import (
    adapter_device,
    get_device,
    get_device_info,
    is_out_of_memory,
    move_to_device,
    release_memory,
)
from diffviews_desktop.errors import UsageError

if torch.cuda.is_available():
    BEST = "cuda"
elif torch.backends.mps.is_available():
    BEST = "mps"
else:
    BEST = "cpu"


@pytest.fixture(autouse=True)
def no_wishes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DIFFVIEWS_FORCE_CPU", raising=False)
    monkeypatch.delenv("DIFFVIEWS_DEVICE", raising=False)


@pytest.mark.parametrize("asked", [None, "auto"])
def test_the_best_device_by_default(asked: str | None) -> None:
    assert get_device(asked) == BEST


def test_the_device_asked_for() -> None:
    assert get_device("cpu") == "cpu"


def test_the_environment_stands_in_for_no_wish(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIFFVIEWS_DEVICE", "abacus")
    for asked in (None, "auto"):
        with pytest.raises(UsageError, match="Unknown device 'abacus'"):
            get_device(asked)
    assert get_device("cpu") == "cpu"  # a wish is stronger
    monkeypatch.setenv("DIFFVIEWS_DEVICE", "")
    assert get_device() == BEST


def test_force_cpu_wins_over_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIFFVIEWS_DEVICE", "abacus")
    monkeypatch.setenv("DIFFVIEWS_FORCE_CPU", "1")
    assert get_device("cuda:99") == "cpu"
    assert get_device() == "cpu"


@pytest.mark.parametrize("value", ["", "0"])
def test_force_cpu_can_be_off(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("DIFFVIEWS_FORCE_CPU", value)
    with pytest.raises(UsageError):
        get_device("cuda:99")


@pytest.mark.parametrize("name", ["abacus", "meta", "cuda:x", "cuda:-1", "CPU "])
def test_an_unknown_device_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="use auto, cpu, cuda, cuda:N or mps"):
        get_device(name)


def test_a_device_that_is_not_there_is_refused() -> None:
    count = torch.cuda.device_count()
    with pytest.raises(UsageError, match=rf"not there \({count} CUDA devices found\)"):
        get_device(f"cuda:{count}")
    if not torch.backends.mps.is_available():
        with pytest.raises(UsageError, match="MPS is not available"):
            get_device("mps")


def test_facts_about_the_cpu() -> None:
    info = get_device_info("cpu")
    assert info["device"] == "cpu"
    assert isinstance(info["name"], str)


@needs_cuda
def test_facts_about_cuda() -> None:
    info = get_device_info("cuda")
    assert 0 <= info["memory_free"] <= info["memory_total"]
    assert info["name"] == torch.cuda.get_device_name(0)


def test_move_keeps_the_model() -> None:
    model = nn.Linear(2, 2)
    assert move_to_device(model, "cpu") is model
    release_memory()


@pytest.mark.skipif(torch.backends.mps.is_available(), reason="MPS takes the model here")
def test_a_model_that_mps_refuses_stays_on_the_cpu() -> None:
    model = move_to_device(nn.Linear(2, 2), "mps")
    assert model.weight.device.type == "cpu"


def test_other_failures_of_a_move_are_not_hidden() -> None:
    model = nn.Linear(2, 2, device="meta")
    with pytest.raises(NotImplementedError):
        move_to_device(model, "cpu")


# --- where a model is ----------------------------------------------------------------------------

CPU, META = torch.device("cpu"), torch.device("meta")


@pytest.mark.parametrize("named", ["meta", META])
def test_what_an_adapter_says_of_its_device_is_believed(named: object) -> None:
    assert adapter_device(SimpleNamespace(device=named, network=nn.Linear(2, 2))) == META


def test_else_the_first_parameter_among_its_attributes_tells() -> None:
    elsewhere = nn.Linear(2, 2, device="meta")
    assert adapter_device(SimpleNamespace(network=elsewhere)) == META
    assert adapter_device(SimpleNamespace(name="x", noise=nn.ReLU(), network=elsewhere)) == META
    assert adapter_device(SimpleNamespace(network=nn.Linear(2, 2), other=elsewhere)) == CPU
    # a device that is neither a name nor one of torch's tells nothing
    assert adapter_device(SimpleNamespace(device=3, network=elsewhere)) == META
    assert adapter_device(SimpleNamespace(device=None, network=elsewhere)) == META


def test_an_adapter_may_be_the_network_itself() -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(2, 2, device="meta")

    assert adapter_device(Own()) == META
    assert adapter_device(nn.Linear(2, 2)) == CPU


def test_an_adapter_that_tells_nothing_is_on_the_cpu() -> None:
    class Slots:
        __slots__ = ("network",)

    assert adapter_device(SimpleNamespace()) == CPU
    assert adapter_device(SimpleNamespace(network=nn.ReLU(), weights=[1.0])) == CPU
    assert adapter_device(Slots()) == CPU


# --- memory --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("Allocation on device 0"),
        MemoryError(),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("MPS backend out of memory (MPS allocated: 9.00 GB)"),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes."),
    ],
)
def test_errors_that_say_that_memory_is_short(error: Exception) -> None:
    assert is_out_of_memory(error)


def test_an_allocation_that_really_fails_is_one() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60)
    assert is_out_of_memory(caught.value)


@pytest.mark.parametrize(
    "error",
    [RuntimeError("boom"), ValueError("out of memory"), OSError(28, "No space left"), KeyError()],
)
def test_other_errors_are_not(error: Exception) -> None:
    assert not is_out_of_memory(error)
