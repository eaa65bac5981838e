"""Judges: the bundled one, those of files and functions, and the model's own loss."""

from __future__ import annotations

import hashlib
import json
import struct
import sys
import threading
import tracemalloc
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from onnx_messages import EXTERNAL, model, network, node, tensor, whole_numbers
from scipy.special import softmax

from diffviews_desktop.adapters.codec import PixelCodec
from diffviews_desktop.adapters.conditioning import label_vectors
from diffviews_desktop.errors import Cancelled, DataError, UsageError
from diffviews_desktop.experiments import judges
from diffviews_desktop.experiments.judges import (
    OwnLoss,
    as_probabilities,
    bundled_judge,
    judge_for,
    open_judge,
)
from diffviews_desktop.experiments.small_reader import (
    KEY,
    ReaderConfig,
    load_reader,
    network_of,
    save_reader,
)
from diffviews_desktop.values.experiments import BUNDLED, NO_JUDGE

CONFIG = ReaderConfig(resolution=8, channels=1, classes=("a", "b", "c"), width=2)
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def model_of(resolution: int, channels: int = 1) -> Any:
    return SimpleNamespace(facts=SimpleNamespace(resolution=resolution, channels=channels))


def test_the_bundled_judge_reads_the_bundled_digits(demo: Path) -> None:
    from diffviews_desktop.data.folder.dataset import open_data_folder, read_samples
    from diffviews_desktop.data.folder.pictures import read_image

    assert bundled_judge().stat().st_size < 1_000_000
    table = read_samples(open_data_folder(demo).model("digits")).table
    rows = range(0, 2000, 10)
    paths = [table.picture(row) for row in rows]
    images = np.stack([read_image(path, 32, 1) for path in paths if path is not None])
    judge = open_judge(BUNDLED, model_of(32))
    assert judge is not None
    said = judge.read(images)
    assert said.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert (said.argmax(axis=1) == table.class_label[list(rows)]).mean() > 0.97
    assert judge.facts["accuracy"] == load_reader(bundled_judge()).config.accuracy
    blank = judge.read(np.full((1, 32, 32, 1), 90, np.uint8))
    assert blank.shape == (1, 10)


def test_it_is_the_usual_judge_of_digits_of_its_size_alone() -> None:
    names = dict(enumerate(DIGITS))
    assert judge_for(names, 32) == BUNDLED
    assert judge_for(names, 8) == NO_JUDGE
    assert judge_for({**names, 9: "tench"}, 32) == NO_JUDGE
    with pytest.raises(DataError, match="8 x 8"):
        open_judge(BUNDLED, model_of(8))


def test_a_reader_comes_back_from_its_file(tmp_path: Path) -> None:
    torch.manual_seed(1)
    network = network_of(CONFIG)
    save_reader(tmp_path / "own.safetensors", CONFIG, network.state_dict())
    judge = open_judge(str(tmp_path / "own.safetensors"), model_of(8))
    assert judge is not None
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1), dtype=np.uint8)
    given = torch.from_numpy(images.astype(np.float32) / 127.5 - 1).permute(0, 3, 1, 2)
    with torch.no_grad():
        expected = softmax(network(given).numpy(), axis=1)
    assert judge.read(images) == pytest.approx(expected, abs=1e-6)


def header_changed(path: Path, change: dict[str, Any]) -> None:
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    said = {**json.loads(header["__metadata__"][KEY]), **change}
    header["__metadata__"][KEY] = json.dumps(said)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])


@pytest.mark.parametrize(
    "change",
    [
        {"resolution": 12},
        {"resolution": 1 << 40},
        {"classes": ["a"]},
        {"width": 3},
        {"unknown": 1},
        {"resolution": 1024, "width": 256, "classes": [str(i) for i in range(10_000)]},  # 670 GB
    ],
)
def test_a_file_that_says_what_cannot_be_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    file = tmp_path / "own.safetensors"
    save_reader(file, CONFIG, network_of(CONFIG).state_dict())
    header_changed(file, change)
    with pytest.raises(DataError, match="no judge") as refused:
        open_judge(str(file), model_of(8))
    assert "memory" not in str(refused.value)


NO_METADATA = b'{"__metadata__": 3}'


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 8,
        b"\xff" * 100,
        b"PK\3\4",
        struct.pack("<Q", len(NO_METADATA)) + NO_METADATA,
        struct.pack("<Q", 100_000) + b"[" * 100_000,
        struct.pack("<Q", 5_000_000) + b" " * 5_000_000,
    ],
    ids=range(7),
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "own.safetensors"
    file.write_bytes(data)
    with pytest.raises(DataError, match="no judge"):
        open_judge(str(file), model_of(8))


@pytest.mark.parametrize("dtype", ["C64", "F4", "none"])
def test_weights_of_another_type_are_refused(tmp_path: Path, dtype: str) -> None:
    file = tmp_path / "own.safetensors"
    save_reader(file, CONFIG, network_of(CONFIG).state_dict())
    data = file.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    text = data[8 : 8 + length].replace(b'"F32"', f'"{dtype}"'.encode())
    file.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])
    with pytest.raises(DataError, match="no judge"):
        open_judge(str(file), model_of(8))


@pytest.mark.parametrize("size", [3_900_000, 60_000_000])
def test_a_header_takes_no_more_memory_than_its_file(tmp_path: Path, size: int) -> None:
    file = tmp_path / "own.safetensors"
    text = b"[" + b"{}," * (size // 3) + b"{}]"
    file.write_bytes(struct.pack("<Q", len(text)) + text)
    del text
    tracemalloc.start()
    with pytest.raises(DataError, match="no judge"):
        open_judge(str(file), model_of(8))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * size


def test_a_judge_is_read_once(tmp_path: Path) -> None:
    file = tmp_path / "own.safetensors"
    save_reader(file, CONFIG, network_of(CONFIG).state_dict())
    judge = open_judge(str(file), model_of(8))
    assert judge is not None
    assert judge.facts["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", ["judge.pt", "judge.pth", "judge.pkl", "judge.pt2"])
def test_programs_are_no_judges(name: str) -> None:
    with pytest.raises(UsageError, match="programs"):
        open_judge(name, model_of(8))


def test_a_function_runs_only_where_the_user_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_judge.py").write_text(
        "import pathlib, numpy\n"
        f"pathlib.Path({str(tmp_path / 'ran')!r}).touch()\n"
        "def read(images):\n"
        "    light = images.reshape(len(images), -1).mean(axis=1)\n"
        "    return numpy.stack([255 - light, light], axis=1) / 255\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UsageError, match="--judge-code own_judge:read"):
        open_judge("own_judge:read", model_of(8))
    assert not (tmp_path / "ran").exists()
    judge = open_judge("own_judge:read", model_of(8), trusted=True)
    assert judge is not None
    black = np.zeros((1, 2, 2, 1), np.uint8)
    assert judge.read(np.concatenate([black, black + 255])).tolist() == [[1, 0], [0, 1]]
    sys.modules.pop("own_judge")
    with pytest.raises(UsageError, match="cannot be imported"):
        open_judge("own_judge:absent", model_of(8), trusted=True)


def test_logits_become_probabilities_and_probabilities_stay() -> None:
    logits = np.random.default_rng(0).normal(size=(4, 3)) * 5
    assert as_probabilities(logits, 4, "j") == pytest.approx(softmax(logits, axis=1), abs=1e-6)
    rows = softmax(logits, axis=1)
    assert as_probabilities(rows, 4, "j") == pytest.approx(rows, abs=1e-6)
    nothing = np.broadcast_to(np.float32(0), (4, 10**9))  # 32 GB in 64 bits
    for wrong in (
        np.zeros((3, 3)), np.zeros(4), np.zeros((4, 1)), np.full((4, 2), np.nan), nothing,
        [[1, 2], [3]], [["1", "2"]] * 4,
    ):  # fmt: skip
        with pytest.raises(DataError, match="answers"):
            as_probabilities(wrong, 4, "j")


def test_an_onnx_judge_needs_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UsageError, match="pip install"):
        open_judge(str(tmp_path / "judge.onnx"), model_of(8))


@pytest.mark.parametrize("at_once", [1, 2**28])
def test_an_onnx_judge_sees_what_torchvisions_networks_see(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnxruntime")
    monkeypatch.setattr(judges, "_AT_ONCE", at_once)
    # logits = the flattened picture, normalised, times a fixed matrix: see the file's initializer
    judge = open_judge(str(Path(__file__).with_name("linear.onnx")), model_of(4, 3))
    assert judge is not None
    weights = np.random.default_rng(0).normal(size=(3 * 4 * 4, 5)).astype(np.float32)
    images = np.random.default_rng(1).integers(0, 256, (70, 4, 4, 3), dtype=np.uint8)
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    seen = ((images / 255 - mean) / deviation).transpose(0, 3, 1, 2).reshape(70, -1)
    assert judge.read(images) == pytest.approx(softmax(seen @ weights, axis=1), abs=1e-5)
    assert judge.read(images[..., :1]).shape == (70, 5)  # grey pictures in three channels


def test_an_onnx_judge_reads_no_other_file(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    (tmp_path / "judge.onnx").write_bytes(model(tensor(EXTERNAL)))
    with pytest.raises(DataError, match="keeps weights in other files"):
        open_judge(str(tmp_path / "judge.onnx"), model_of(4, 3))


FLAT = node("Flatten", "x", "flat")


def opened_onnx(path: Path, data: bytes, check: Any = lambda: None) -> Any:
    pytest.importorskip("onnxruntime")
    path.write_bytes(data)
    return open_judge(str(path), model_of(4), check=check)


@pytest.mark.parametrize("count", [1, 3, 64])
def test_an_onnx_judge_of_a_fixed_number_of_pictures_reads_any(tmp_path: Path, count: int) -> None:
    judge = opened_onnx(tmp_path / "judge.onnx", network([node("Flatten", "x", "y")], count=count))
    images = np.random.default_rng(0).integers(0, 256, (7, 4, 4, 1), dtype=np.uint8)
    expected = softmax(images.reshape(7, -1) / 255, axis=1)
    assert judge.read(images) == pytest.approx(expected, abs=1e-6)


def test_an_onnx_judge_of_more_pictures_than_memory_allows_is_refused(tmp_path: Path) -> None:
    data = network([node("Flatten", "x", "y")], count=2**28)
    with pytest.raises(DataError, match="268435456 pictures at once"):
        opened_onnx(tmp_path / "judge.onnx", data)


def test_an_onnx_judge_that_never_ends_is_refused(tmp_path: Path) -> None:
    data = network([FLAT, node("Loop", "flat", "y")])
    with pytest.raises(DataError, match="the operation Loop"):
        opened_onnx(tmp_path / "judge.onnx", data)


@pytest.mark.parametrize("many", [(1, 60_000_000), (1, 20_000)], ids=["memory", "classes"])
def test_an_onnx_judge_takes_no_more_than_it_may(tmp_path: Path, many: tuple[int, ...]) -> None:
    data = network([FLAT, node("Tile", "flat many", "y")], whole_numbers("many", *many))
    judge = opened_onnx(tmp_path / "judge.onnx", data)
    with pytest.raises(DataError, match=r"2 GB of memory|at most 50,000 classes"):
        judge.read(np.zeros((1, 4, 4, 1), np.uint8))


def test_the_constants_of_an_onnx_judge_take_no_more_either(tmp_path: Path) -> None:
    nodes = [node("ConstantOfShape", "many", "a"), node("ReduceSum", "a", "b")]
    nodes += [FLAT, node("Add", "flat b", "y")]
    data = network(nodes, whole_numbers("many", 700_000_000))
    judge = opened_onnx(tmp_path / "judge.onnx", data)
    with pytest.raises(DataError, match="2 GB of memory"):
        judge.read(np.zeros((1, 4, 4, 1), np.uint8))


@pytest.mark.parametrize("end", [Cancelled, KeyboardInterrupt])
def test_an_onnx_judge_that_takes_long_can_be_stopped(
    tmp_path: Path, end: type[BaseException]
) -> None:
    ready = False

    def check() -> None:
        if ready:
            raise end

    nodes = [node("ConstantOfShape", "many", "a0")]  # multiplied for minutes
    nodes += [node("MatMul", f"a{i} a0", f"a{i + 1}") for i in range(3000)]
    nodes += [node("ReduceSum", "a3000", "b"), FLAT, node("Add", "flat b", "y")]
    data = network(nodes, whole_numbers("many", 1000, 1000))
    judge = opened_onnx(tmp_path / "judge.onnx", data, check)
    ready = True
    with pytest.raises(end):
        judge.read(np.zeros((1, 4, 4, 1), np.uint8))
    assert not any(one.name == "waiting" for one in threading.enumerate())


class _Points:
    """A model of classes that are one picture each: its denoiser is known in closed form."""

    num_classes, sample_shape, device = 3, (1, 2, 2), torch.device("cpu")
    facts = SimpleNamespace(sigma_min=0.0, sigma_max=80.0)
    codec = PixelCodec((2, 2, 1))
    points = torch.tensor([[-1.0, -1, 1, 1], [1, 1, -1, -1], [1, -1, 1, -1]]).reshape(3, 1, 2, 2)

    def encode(self, conditions: Any) -> Any:
        return label_vectors(conditions, 3)

    def forward(self, x: torch.Tensor, sigma: torch.Tensor, told: Any) -> torch.Tensor:
        return self.points[told.vectors.argmax(dim=1)]


def test_the_models_own_loss_is_the_closed_form() -> None:
    # told a class, the model predicts that class's picture m whatever it sees: what is left of the
    # noise is (m - x) / sigma, its mean square |m - x|^2 times the mean of 1 / sigma^2
    model: Any = _Points()
    judge = OwnLoss(model)
    images = np.array([[0, 40, 250, 200], [255, 0, 255, 10]], np.uint8).reshape(2, 2, 2, 1)
    samples = images.reshape(2, 4) / 127.5 - 1
    weight = np.mean(1 / np.geomspace(0.2, 10, 8) ** 2)
    apart = ((samples[:, None] - model.points.reshape(3, 4).numpy()[None]) ** 2).sum(axis=2)
    assert judge.read(images) == pytest.approx(softmax(-weight * apart, axis=1), abs=1e-6)
    assert judge.evaluations == 24


def test_a_model_without_classes_has_no_such_loss() -> None:
    model: Any = _Points()
    model.num_classes = 0
    with pytest.raises(UsageError, match="no classes"):
        OwnLoss(model)
