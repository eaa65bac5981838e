"""Adapters of another project: installed by pip beside the program, used by the command line.

`third_party/example_adapter` is written against the described interface alone. It is installed in
an environment of its own, which sees the packages of the one that runs the tests.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tiny import needs_cuda
from tiny_folder import write_tiny_model

import diffviews_desktop

EXAMPLE = Path(__file__).parent / "third_party" / "example_adapter"
PAINTER_SHAPES = {
    "palette": [4, 16, 16],
    "stroke/0": [8, 8, 8],
    "stroke/1": [8, 8, 8],
    "varnish": [3, 16, 16],
}
DEVICES = ["cpu", pytest.param("cuda", marks=needs_cuda)]
SAMPLES = 40
HELD = (0, 3, 7)

WRITE_CHECKPOINTS = """
import sys
from example_adapter import painter, sketcher

painter.write_checkpoint(sys.argv[1], size=16)
sketcher.write_checkpoint(sys.argv[2])
"""

# what the painter must draw from nothing at one noise level, its palette held at the mean of some
# samples: worked out with the example's own network, without the program
REFERENCE = """
import json, sys
from pathlib import Path
import numpy as np
import torch
from PIL import Image
from example_adapter.painter import PainterAdapter

folder, level, rows = Path(sys.argv[1]), float(sys.argv[2]), json.loads(sys.argv[3])
torch.set_grad_enabled(False)
adapter = PainterAdapter.from_checkpoint(folder / "checkpoints" / "painter", device="cpu")
network = adapter.network
samples = json.loads((folder / "metadata/imagenet_real/dataset_info.json").read_text())["samples"]
held = []
for sample in [samples[row] for row in rows]:
    picture = np.asarray(Image.open(folder / sample["image_path"]), dtype=np.float32)
    x = (torch.from_numpy(picture).permute(2, 0, 1)[None] / 127.5 - 1)
    sigma = sample["conditioning_sigma"]
    label = torch.eye(3)[[sample["class_label"]]]
    held.append(network.palette(x * sigma / (1 + sigma), label)[0])
features = torch.stack(held).mean(dim=0)
for stroke in network.strokes:
    features = torch.tanh(stroke(features))
drawn = torch.tanh(network.varnish(features)) * level**2 / (1 + level**2)
print(json.dumps(((drawn[0].permute(1, 2, 0) + 1) * 127.5).tolist()))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that the example package is installed in."""
    assert importlib.util.find_spec("example_adapter") is None
    root = tmp_path_factory.mktemp("third_party")
    environment = root / "environment"
    checked(sys.executable, "-m", "venv", "--without-pip", environment)
    windows = sys.platform == "win32"
    python = environment / ("Scripts/python.exe" if windows else "bin/python")
    packages = Path(checked(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"))
    # addsitedir, not a plain line: it reads the .pth files of editable installations, too
    ours = dict.fromkeys([sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    lines = [f"import site; site.addsitedir({path!r})" for path in ours]
    lines.append(str(Path(diffviews_desktop.__file__).resolve().parents[1]))
    (packages / "ours.pth").write_text("\n".join(lines) + "\n", encoding="utf-8")

    source = root / "source"  # a copy: building leaves nothing in the checkout
    shutil.copytree(EXAMPLE, source, ignore=shutil.ignore_patterns("__pycache__"))
    options = ["--no-index", "--no-build-isolation", "--no-deps", "--disable-pip-version-check"]
    checked(sys.executable, "-m", "pip", "--python", python, "install", *options, source)
    shutil.rmtree(source)
    where = checked(python, "-c", "import example_adapter; print(example_adapter.__file__)")
    assert Path(where).is_relative_to(packages)
    return python


@pytest.fixture(scope="module")
def data(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with one model for each adapter of the package."""
    root = tmp_path_factory.mktemp("data")
    for name in ("painter", "sketcher", "broken", "unloadable"):
        own_map = name == "sketcher"
        write_tiny_model(
            root / name,
            samples=SAMPLES,
            channels=1 if own_map else 3,
            num_classes=3,
            layers=("outline",),
            embedding=own_map,
            checkpoint=False,
            config={
                "adapter": f"example-{name}",
                "checkpoint": f"checkpoints/{name}",
                "extraction_input": "scaled",
            },
        )
        (root / name / "checkpoints").mkdir()
        (root / name / "checkpoints" / name).touch()
    files = [root / name / "checkpoints" / name for name in ("painter", "sketcher")]
    checked(python, "-c", WRITE_CHECKPOINTS, *files)
    return root


@pytest.fixture(scope="module")
def painter_map(python: Path, data: Path) -> dict[str, Any]:
    """What the map of a layer with a tuple as its output said; made once, for it takes long."""
    options = ("--data", data, "--model", "painter", "--layer", "palette", "--device", "cpu")
    return answer(python, "map", *options)


def program(python: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(python), "-m", "diffviews_desktop", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=240,
        cwd=python.parent,
    )


def answer(python: Path, verb: str, *arguments: object) -> dict[str, Any]:
    """The JSON object that a verb prints, and nothing else."""
    done = program(python, verb, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


def checked(*command: object) -> str:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def pixels(file: str) -> np.ndarray:
    with Image.open(file) as picture:
        return np.asarray(picture)


# ---- what is listed -----------------------------------------------------------------------------


def test_info_lists_the_models_the_adapters_and_those_that_cannot_be_used(
    python: Path, data: Path
) -> None:
    """No device is named: each adapter is loaded on the one that the program chooses."""
    said = answer(python, "info", "--data", data)
    models = {model["name"]: model for model in said["models"]}
    assert set(models) == {"painter", "sketcher", "broken", "unloadable"}
    assert models["painter"]["adapter"] == "example-painter"
    layers = {layer["name"]: layer["shape"] for layer in models["painter"]["layers"]}
    assert layers == PAINTER_SHAPES
    assert list(layers) == list(PAINTER_SHAPES)
    layers = {layer["name"]: layer["shape"] for layer in models["sketcher"]["layers"]}
    assert layers == {"outline": [2, 8, 8], "shading": [1, 8, 8]}
    for name in ("painter", "sketcher"):
        assert models[name]["problems"] == []
        assert models[name]["samples"] == SAMPLES
    (broken,), (unloadable,) = models["broken"]["problems"], models["unloadable"]["problems"]
    assert "the licence of this model has run out" in broken
    assert "weights of version 2" in unloadable
    for name in ("broken", "unloadable"):
        assert models[name]["layers"] == []

    assert {"example-painter", "example-sketcher", "example-unloadable"} <= set(said["adapters"])
    assert {"edm", "edm-imagenet-64", "dmd2-imagenet-64"} <= set(said["adapters"])
    assert "example-broken" not in said["adapters"]
    assert said["unusable_adapters"] == {"example-broken": broken}
    assert broken == (
        "The adapter 'example-broken' of the package example-adapter cannot be used: importing "
        "example_adapter.broken:BrokenAdapter failed with RuntimeError: the licence of this model "
        "has run out; update or uninstall that package."
    )


# ---- what works ---------------------------------------------------------------------------------


def test_a_layer_with_a_tuple_as_output_is_mapped(painter_map: dict[str, Any]) -> None:
    assert painter_map["layers"] == ["palette"]
    assert painter_map["points"] == SAMPLES
    assert painter_map["notes"] == []
    rows = Path(painter_map["csv"]).read_text(encoding="utf-8").splitlines()
    assert len(rows) == 1 + SAMPLES


@pytest.mark.parametrize("device", DEVICES)
def test_it_draws_what_its_own_network_says_with_that_layer_held(
    python: Path, data: Path, tmp_path: Path, painter_map: dict[str, Any], device: str
) -> None:
    level = 10.0
    one_step = ["--steps", 1, "--sigma-max", level, "--sigma-min", level, "--noise-mode", "zero"]
    said = answer(
        python,
        *("generate", "--data", data, "--model", "painter", "--device", device),
        *("--layer", "palette", "--rows", ",".join(map(str, HELD)), "--class", 1),
        *(*one_step, "--out", tmp_path),
    )
    assert (said["model"], said["layers"], said["class"]) == ("painter", ["palette"], 1)
    assert said["rows"] == list(HELD)
    assert said["device"].startswith(device)
    drawn = pixels(said["image"])
    assert drawn.shape == (16, 16, 3)
    expected = json.loads(
        checked(python, "-c", REFERENCE, data / "painter", level, json.dumps(HELD))
    )
    assert np.abs(drawn - np.floor(expected)).max() <= 1
    assert np.ptp(drawn) > 20  # not a flat picture


def test_guidance_and_several_steps(
    python: Path, data: Path, tmp_path: Path, painter_map: dict[str, Any]
) -> None:
    said = answer(
        python,
        *("generate", "--data", data, "--model", "painter", "--device", "cpu"),
        *("--layer", "palette", "--rows", "1,2", "--steps", 3, "--mask-steps", 2),
        *("--guidance", 2, "--seed", 5, "--out", tmp_path),
    )
    assert len(said["sigmas"]) == len(said["trajectory"]) == 3
    assert [step["imposed"] is not None for step in said["trajectory"]] == [True, True, False]
    assert all(Path(file).is_file() for file in said["files"])


@pytest.mark.parametrize("device", DEVICES)
def test_an_unconditional_network_that_is_its_own_adapter(
    python: Path, data: Path, tmp_path: Path, device: str
) -> None:
    said = answer(
        python,
        *("generate", "--data", data, "--model", "sketcher", "--device", device),
        *("--layer", "outline", "--rows", "4,5", "--steps", 2, "--out", tmp_path),
    )
    assert said["model"] == "sketcher"
    assert pixels(said["image"]).shape == (8, 8)


# ---- what does not ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "adapter", "reason"),
    [
        ("broken", "example-broken", "the licence of this model has run out"),
        ("unloadable", "example-unloadable", "weights of version 2"),
    ],
)
def test_an_adapter_that_fails_is_one_clear_sentence(
    python: Path, data: Path, tmp_path: Path, model: str, adapter: str, reason: str
) -> None:
    done = program(python, "generate", "--data", data, "--model", model, "--out", tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("diffviews-desktop: ")
    assert len(done.stderr.splitlines()) == 1
    assert adapter in done.stderr
    assert reason in done.stderr
    assert not list(tmp_path.iterdir())


def test_an_unknown_adapter_lists_those_of_other_packages_too(python: Path, data: Path) -> None:
    done = program(python, "map", "--data", data, "--model", "painter", "--adapter", "dalle")
    assert (done.returncode, done.stdout) == (1, "")
    assert "There is no adapter named 'dalle'. Available: " in done.stderr
    assert "example-painter" in done.stderr
    assert "example-sketcher" in done.stderr
