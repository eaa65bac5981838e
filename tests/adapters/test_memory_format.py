"""Choosing a memory format: by a clock that the tests turn, and on a real network."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from tiny import CONFIG, hook_count, normal, tiny_adapter, tiny_model
from torch import nn

from diffviews_desktop.adapters import memory_format
from diffviews_desktop.adapters.memory_format import apply_faster_format

CPU = torch.device("cpu")


def forbidden() -> None:
    raise AssertionError("the network was run")


def is_last(model: nn.Module) -> bool:
    """Whether a network's kernels lie channels last in memory."""
    kernels = [p for p in model.parameters() if p.ndim == 4 and min(p.shape[1], p.shape[2]) > 1]
    assert kernels
    lying = {kernel.stride()[1] == 1 for kernel in kernels}
    assert len(lying) == 1
    return lying.pop()


class Bench:
    """A network and a clock: a forward pass takes the seconds that its format is given."""

    def __init__(self, contiguous: float, channels_last: float, first: float = 0.0) -> None:
        self.model = nn.Sequential(nn.Conv2d(4, 6, 3), nn.Conv2d(6, 4, 3))
        self.seconds = {False: contiguous, True: channels_last}
        self.first = {False: first, True: first}
        self.now = 100.0
        self.runs = 0

    def run(self) -> None:
        last = is_last(self.model)
        self.runs += 1
        self.now += self.seconds[last] + self.first[last]
        self.first[last] = 0.0

    def choose(self, memory: Path, key: str = "k") -> str:
        return apply_faster_format(self.model, self.run, CPU, key, memory)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Bench]:
    def make(*seconds: float, **options: float) -> Bench:
        made = Bench(*seconds, **options)
        clock = SimpleNamespace(perf_counter=lambda: made.now)
        monkeypatch.setattr(memory_format, "time", clock)
        return made

    return make


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "memory_formats.json"


# --- what is measured ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("contiguous", "channels_last", "expected"),
    [
        (0.1, 0.05, "channels_last"),
        (0.1, 0.094, "channels_last"),
        (0.1, 0.096, "contiguous"),  # not worth other last bits
        (0.1, 0.1, "contiguous"),
        (0.05, 0.1, "contiguous"),
    ],
)
def test_the_faster_format_is_applied_and_remembered(
    bench: Callable[..., Bench],
    memory: Path,
    contiguous: float,
    channels_last: float,
    expected: str,
) -> None:
    made = bench(contiguous, channels_last)
    assert made.choose(memory) == expected
    assert is_last(made.model) == (expected == "channels_last")
    assert json.loads(memory.read_text()) == {"k": expected}
    assert list(memory.parent.iterdir()) == [memory]


def test_the_first_pass_in_each_format_warms_up(bench: Callable[..., Bench], memory: Path) -> None:
    made = bench(0.1, 0.05, first=0.3)
    assert made.choose(memory) == "channels_last"


def test_a_slow_network_stays_as_it_is_after_one_pass(
    bench: Callable[..., Bench], memory: Path
) -> None:
    made = bench(0.6, 0.1)
    assert made.choose(memory) == "contiguous"
    assert made.runs == 1
    assert not is_last(made.model)
    assert json.loads(memory.read_text()) == {"k": "contiguous"}


def test_a_large_network_on_a_cpu_is_never_run(memory: Path) -> None:
    large = nn.Linear(8000, 8000, device="meta")
    assert apply_faster_format(large, forbidden, CPU, "k", memory) == "contiguous"
    assert json.loads(memory.read_text()) == {"k": "contiguous"}


def test_a_failure_is_passed_on_and_nothing_remembered(memory: Path) -> None:
    def fail() -> None:
        raise torch.OutOfMemoryError("out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        apply_faster_format(nn.Conv2d(4, 6, 3), fail, CPU, "k", memory)
    assert not memory.exists()


# --- what is remembered --------------------------------------------------------------------------


@pytest.mark.parametrize("chosen", ["contiguous", "channels_last"])
def test_a_remembered_choice_is_applied_without_running(memory: Path, chosen: str) -> None:
    memory.parent.mkdir()
    memory.write_text(json.dumps({"k": chosen}))
    model = nn.Conv2d(4, 6, 3)
    assert apply_faster_format(model, forbidden, CPU, "k", memory) == chosen
    assert is_last(model) == (chosen == "channels_last")
    assert memory.read_text() == json.dumps({"k": chosen})


def test_others_are_kept_and_the_file_is_replaced_as_a_whole(
    bench: Callable[..., Bench], memory: Path
) -> None:
    memory.parent.mkdir()
    before = json.dumps({"other": "channels_last"})
    memory.write_text(before)
    with memory.open() as reader:
        bench(0.1, 0.05).choose(memory)
        assert reader.read() == before  # who reads it meanwhile sees the old one to its end
    assert json.loads(memory.read_text()) == {"other": "channels_last", "k": "channels_last"}
    assert list(memory.parent.iterdir()) == [memory]


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 200_000,
        b'["k"]',
        b"null",
        b'{"k": "diagonal"}',
        b'{"k": ["channels_last"]}',
        b'{"k": {}}',
        b'{"k": null}',
    ],
)
def test_damage_is_measured_again_and_mended(
    bench: Callable[..., Bench], memory: Path, damage: bytes
) -> None:
    memory.parent.mkdir()
    memory.write_bytes(damage)
    assert bench(0.1, 0.05).choose(memory) == "channels_last"
    assert json.loads(memory.read_text()) == {"k": "channels_last"}


def test_a_folder_that_cannot_be_written_is_only_logged(
    bench: Callable[..., Bench], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("mine")
    made = bench(0.1, 0.05)
    with caplog.at_level(logging.WARNING, memory_format.__name__):
        assert made.choose(tmp_path / "file" / "memory_formats.json") == "channels_last"
    assert is_last(made.model)
    assert "could not be remembered" in caplog.text
    assert (tmp_path / "file").read_text() == "mine"


# --- a real network ------------------------------------------------------------------------------


def test_both_formats_give_the_same_picture(memory: Path) -> None:
    x, sigma = normal(3, 3, 8, 8), torch.tensor([0.1, 1.0, 20.0])
    memory.parent.mkdir()
    outputs = []
    for chosen in ("contiguous", "channels_last"):
        model = tiny_model(seed=4)
        memory.write_text(json.dumps({"k": chosen}))
        apply_faster_format(model, forbidden, CPU, "k", memory)
        assert is_last(model) == (chosen == "channels_last")
        outputs.append(model(x, sigma))
    assert (outputs[0] - outputs[1]).abs().max() < 1e-5


def test_an_adapter_measures_once_for_networks_of_one_shape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    runs: list[int] = []

    def prepared(**changes: object) -> torch.Tensor:
        adapter = tiny_adapter(**changes)
        handle = adapter.model.register_forward_hook(lambda *_: runs.append(1))
        adapter.prepare()
        handle.remove()
        assert hook_count(adapter.model) == 0
        size = (1, 3, adapter.resolution, adapter.resolution)
        return adapter.forward(normal(*size), torch.ones(1))

    first = prepared()
    measured = len(runs)
    assert measured > 2
    assert torch.equal(prepared(), first)  # bit for bit: the same format as before
    prepared(seed=1)
    assert len(runs) == measured
    prepared(**{**CONFIG, "model_channels": 64})
    assert len(runs) > measured
    (memory,) = tmp_path.rglob("memory_formats.json")
    known = json.loads(memory.read_text())
    assert len(known) == 2
    assert set(known.values()) <= {"contiguous", "channels_last"}
