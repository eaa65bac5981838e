"""The engine, run inline on the demo and on small folders."""

from __future__ import annotations

import csv
import gc
import json
import math
import shutil
import subprocess
import sys
import tempfile
import traceback
import weakref
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from tiny import DuckAdapter, hook_count, needs_cuda, tiny_model
from tiny_folder import TINY_SAMPLES, write_tiny_checkpoint, write_tiny_model

from diffviews_desktop.adapters import registry
from diffviews_desktop.adapters.edm import EDMAdapter
from diffviews_desktop.data.folder.demo import Demo
from diffviews_desktop.engine import extraction, maps, open_folders
from diffviews_desktop.engine.activations import Activations
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.drawing import Generate, RunResult
from diffviews_desktop.engine.jobs.mapping import Extract, LayersExtracted, MapLayer
from diffviews_desktop.engine.jobs.opening import (
    CheckpointConverted,
    ConvertCheckpoint,
    DataOpened,
    LoadModel,
    OpenData,
)
from diffviews_desktop.engine.protocol import Event, Job, Progress, RunStarted, StepDone
from diffviews_desktop.errors import (
    AdapterError,
    Cancelled,
    CheckpointError,
    DataError,
    DiffViewsError,
    OutOfMemoryError,
)
from diffviews_desktop.processing.kernel_store import KernelStore
from diffviews_desktop.processing.umap import MapParameters, fit_map
from diffviews_desktop.values.conditions import class_number, from_choice
from diffviews_desktop.values.folders import FolderRef, ModelLoaded, Overrides
from diffviews_desktop.values.interventions import mean_of_samples
from diffviews_desktop.values.maps import LayerMap, MapSpec
from diffviews_desktop.values.sampling import SamplingSettings
from diffviews_desktop.values.told import OWN

FIVE = SamplingSettings(num_steps=5, noise_mode="fixed", seed=7)
TWO = replace(FIVE, num_steps=2)


@dataclass
class Watch:
    """Records the events of an engine and says when to cancel."""

    events: list[Event] = field(default_factory=list)
    cancel_at: str | None = None
    skip: int = 0
    on_event: Callable[[Event], None] = lambda event: None

    def emit(self, event: Event) -> None:
        self.events.append(event)
        self.on_event(event)

    def cancelled(self, job_id: int) -> bool:
        """True from the ``skip``-th time on that it is asked after the stage began."""
        if self.cancel_at is None or self.cancel_at not in self.stages:
            return False
        self.skip -= 1
        return self.skip < 0

    @property
    def stages(self) -> list[str]:
        """The stages seen, each once."""
        named = [event.stage for event in self.events if isinstance(event, Progress)]
        return list(dict.fromkeys(named))


def make_engine(watch: Watch | None = None, **options: Any) -> Engine:
    watch = watch or Watch()
    return Engine("cpu", threads=1, emit=watch.emit, cancelled=watch.cancelled, **options)


def generate_job(
    source: FolderRef,
    model: str = "tiny",
    layers: tuple[str, ...] = ("midblock",),
    rows: tuple[int, ...] = (3, 14, 15),
    mask: dict[str, Any] | None = None,
    **changes: Any,
) -> Generate:
    values: dict[str, Any] = {
        "job_id": 5,
        "folder": source,
        "spec": MapSpec(model, layers),
        "interventions": mean_of_samples(rows, **(mask or {})),
        "condition": from_choice(1),
        "settings": TWO,
    }
    return Generate(**{**values, **changes})


def run_generate(engine: Engine, source: FolderRef, **changes: Any) -> RunResult:
    result = engine.run(generate_job(source, **changes))
    assert isinstance(result, RunResult)
    return result


def run_map(
    engine: Engine,
    source: FolderRef,
    *layers: str,
    model: str = "tiny",
    parameters: MapParameters | None = None,
) -> LayerMap:
    spec = MapSpec(model, layers, parameters)
    result = engine.run(MapLayer(job_id=4, folder=source, spec=spec))
    assert isinstance(result, LayerMap)
    return result


def load(engine: Engine, source: FolderRef, model: str = "tiny") -> ModelLoaded:
    result = engine.run(LoadModel(job_id=2, folder=source, model=model))
    assert isinstance(result, ModelLoaded)
    return result


def convert(engine: Engine, source: FolderRef, model: str = "tiny") -> CheckpointConverted:
    result = engine.run(ConvertCheckpoint(job_id=6, folder=source, model=model))
    assert isinstance(result, CheckpointConverted)
    return result


def pictures(run: RunResult) -> list[NDArray[np.uint8]]:
    return [step.image for step in run.steps]


def same_pictures(one: RunResult, other: RunResult) -> bool:
    return all(map(np.array_equal, pictures(one), pictures(other)))


def read_map(folder: Path) -> NDArray[np.float32]:
    """The coordinates in a folder's CSV."""
    with next(folder.glob("embeddings/*.csv")).open(newline="", encoding="utf-8") as file:
        rows = [(row["umap_x"], row["umap_y"]) for row in csv.DictReader(file)]
    return np.array(rows, dtype=np.float32)


def cache_of(data: Path, model: str = "tiny") -> Path:
    return data / model / "embeddings" / "layer_cache"


def cache_files(data: Path) -> list[str]:
    root = cache_of(data)
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def model_of(engine: Engine) -> torch.nn.Module:
    assert engine.workspace.model.held is not None
    return engine.workspace.model.held.adapter.model  # type: ignore[attr-defined]


def activations_by_hand(folder: Path, layer: str, rows: Sequence[int]) -> NDArray[np.float64]:
    """Activations ``(n, D)`` of samples, from the files alone: one forward pass a sample."""
    from diffviews_desktop.adapters import registry

    samples = json.loads((folder / "metadata/imagenet_real/dataset_info.json").read_text())
    checkpoint = next(folder.glob("checkpoints/*"))
    adapter = registry.get_adapter("edm").from_checkpoint(checkpoint, device="cpu").eval()
    seen: list[torch.Tensor] = []
    adapter.register_activation_hooks([layer], lambda module, args, out: seen.append(out.clone()))
    for row in rows:
        sample = samples["samples"][row]
        with Image.open(folder / sample["image_path"]) as picture:
            pixels = torch.from_numpy(np.asarray(picture).astype(np.float32) / 127.5 - 1)[None]
        noise = torch.randn(
            pixels.shape,
            generator=torch.Generator().manual_seed(zlib.crc32(sample["sample_id"].encode())),
        )
        sigma = sample["conditioning_sigma"]
        label = torch.zeros(1, adapter.num_classes)
        label[0, sample["class_label"]] = 1
        with torch.no_grad():
            adapter.forward((pixels + sigma * noise)[None], torch.tensor([sigma]), label)
    return np.stack([tensor.flatten().double().numpy() for tensor in seen])


def place_by_hand(row: NDArray[np.float64], projector: Path) -> NDArray[np.float64]:
    """A place on the map: the 20 nearest samples in the reduced space, weighted by
    ((R - d) / (R d))^3, where R is the distance of the 21st."""
    with np.load(projector) as stored:
        names = ("mean", "scale", "components", "reduced", "xy")
        parts = {name: stored[name].astype(np.float64) for name in names}
    reduced = (row - parts["mean"]) / parts["scale"] @ parts["components"].T
    distance = np.sqrt(((parts["reduced"] - reduced) ** 2).sum(axis=1))
    *near, next_one = np.argsort(distance)[:21]
    reach = distance[next_one]
    weights = ((reach - distance[near]) / (reach * distance[near])) ** 3
    return weights @ parts["xy"][near] / weights.sum()


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def engine(watch: Watch) -> Iterator[Engine]:
    engine = make_engine(watch)
    yield engine
    engine.close()


@pytest.fixture
def source(tiny_data: Callable[..., Path]) -> FolderRef:
    """A folder with the model ``tiny`` and its own map of ``midblock``."""
    return FolderRef(tiny_data())


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> FolderRef:
    """A folder whose bottleneck is in the cache; do not change it."""
    data = tmp_path_factory.mktemp("mapped")
    write_tiny_model(data / "tiny")
    engine = make_engine()
    run_map(engine, FolderRef(data), "encoder_bottleneck")
    engine.close()
    return FolderRef(data)


# ---- folders ------------------------------------------------------------------------------------


def test_the_demo_opens_with_its_own_map(engine: Engine, demo: Path) -> None:
    opened = engine.run(OpenData(job_id=1, folder=FolderRef()))
    assert opened.is_demo
    assert opened.path == demo
    assert opened.problems == ()
    assert opened.model == "digits"
    assert opened.layer_map is not None
    assert opened.layer_map.layers == opened.default_layers
    np.testing.assert_array_equal(opened.layer_map.xy, read_map(demo / "digits"))
    # the reduced rows came with it: Suggest can search in activation space at once
    assert opened.layer_map.reduced is not None
    assert len(opened.layer_map.reduced) == len(opened.samples) == 2000


def test_that_the_demo_could_not_be_repaired_is_among_its_problems(
    engine: Engine, demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_folders, "ready_demo", lambda: Demo(demo, "It is damaged."))
    opened = engine.run(OpenData(job_id=1, folder=FolderRef(None)))
    assert isinstance(opened, DataOpened)
    assert opened.problems == ("It is damaged.",)


def test_opening_loads_no_torch_and_no_umap(demo: Path) -> None:
    script = """
import sys
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.opening import OpenData
from diffviews_desktop.values.folders import FolderRef
assert Engine().run(OpenData(job_id=1, folder=FolderRef())).layer_map is not None
print(sorted({"torch", "umap", "sklearn", "numba", "scipy", "pandas"} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=240, check=True
    )
    assert done.stdout.strip() == "[]"


def test_opening_again_looks_at_the_disk_again(
    engine: Engine, tiny_data: Callable[..., Path]
) -> None:
    data = tiny_data("one", checkpoint=False)
    first = engine.run(OpenData(job_id=1, folder=FolderRef(data)))
    tiny_data("another", checkpoint=False, samples=7)
    second = engine.run(OpenData(job_id=2, folder=FolderRef(data)))
    assert [model.name for model in first.models] == ["one"]
    assert [model.name for model in second.models] == ["another", "one"]
    assert len(second.samples) == 7


def test_a_broken_model_does_not_keep_the_others_from_opening(
    engine: Engine, tiny_data: Callable[..., Path]
) -> None:
    data = tiny_data("a-empty-table", checkpoint=False)
    (data / "a-empty-table/embeddings/map.csv").write_text("")
    (data / "a-empty-table/metadata/imagenet_real/dataset_info.json").unlink()
    tiny_data("b-no-json", checkpoint=False)
    (data / "b-no-json/config.json").write_text("{")
    tiny_data("c-good", checkpoint=False)
    opened = engine.run(OpenData(job_id=1, folder=FolderRef(data)))
    assert opened.model == "c-good"
    assert any("a-empty-table" in problem for problem in opened.problems)
    assert any("b-no-json" in problem for problem in opened.problems)
    with pytest.raises(DataError, match="a-empty-table"):  # asked for by name: the reason
        engine.run(OpenData(job_id=2, folder=FolderRef(data), model="a-empty-table"))


def test_a_folder_without_a_usable_model_says_why(
    engine: Engine, tiny_data: Callable[..., Path]
) -> None:
    data = tiny_data("only", checkpoint=False)
    (data / "only/embeddings/map.csv").write_text("sample_id,umap_x\n")
    with pytest.raises(DataError, match="lacks the column umap_y"):
        engine.run(OpenData(job_id=1, folder=FolderRef(data)))


def test_max_classes_keeps_the_first_classes_and_their_places(
    engine: Engine, source: FolderRef
) -> None:
    opened = engine.run(OpenData(job_id=1, folder=replace(source, max_classes=2)))
    kept = [i for i in range(TINY_SAMPLES) if i % 5 < 2]
    assert opened.samples.sample_id == tuple(f"sample_{i:06d}" for i in kept)
    assert opened.layer_map is not None
    np.testing.assert_array_equal(opened.layer_map.xy, read_map(source.path / "tiny")[kept])


# ---- the adapter --------------------------------------------------------------------------------


def test_loading_lists_the_layers_with_their_shapes(engine: Engine, source: FolderRef) -> None:
    loaded = engine.run(LoadModel(job_id=1, folder=source, model="tiny"))
    shapes = {layer.name: layer.shape for layer in loaded.layers}
    assert shapes["encoder_block_0"] == (32, 16, 16)
    assert shapes["encoder_bottleneck"] == shapes["midblock"] == (64, 8, 8)
    assert list(shapes)[:3] == ["encoder_block_0", "encoder_block_1", "encoder_block_2"]
    assert (loaded.device, loaded.num_classes, loaded.resolution) == ("cpu", 5, 16)
    seen: dict[str, tuple[int, ...]] = {}
    adapter = engine.workspace.model.held.adapter
    assert adapter is not None
    handles = [
        handle
        for name in shapes
        for handle in adapter.register_activation_hooks(
            [name], lambda module, args, out, name=name: seen.update({name: tuple(out.shape[1:])})
        )
    ]
    adapter.forward(torch.zeros(1, 1, 16, 16), torch.ones(1), torch.zeros(1, 5))
    assert seen == shapes
    for handle in handles:
        handle.remove()


def test_a_layer_is_cached_once_it_was_mapped(mapped: FolderRef) -> None:
    engine = make_engine()
    loaded = engine.run(LoadModel(job_id=1, folder=mapped, model="tiny"))
    assert [layer.name for layer in loaded.layers if layer.cached] == ["encoder_bottleneck"]


def test_a_map_with_its_projector_beside_it_counts_as_cached(
    engine: Engine, source: FolderRef
) -> None:
    folder = source.path / "tiny"
    rows = np.random.default_rng(0).normal(size=(TINY_SAMPLES, 64 * 8 * 8)).astype(np.float32)
    projector = fit_map(rows, MapParameters(), xy=read_map(folder))
    projector.save(folder / "embeddings" / "map.projector.npz")
    loaded = engine.run(LoadModel(job_id=1, folder=source, model="tiny"))
    assert [layer.name for layer in loaded.layers if layer.cached] == ["midblock"]
    assert run_map(engine, source, "midblock").from_cache


def test_without_a_checkpoint_the_map_is_there_and_the_model_is_not(
    engine: Engine, tiny_data: Callable[..., Path]
) -> None:
    source = FolderRef(tiny_data(checkpoint=False))
    assert engine.run(OpenData(job_id=1, folder=source)).layer_map is not None
    with pytest.raises(DataError, match=r"checkpoints/tiny\.safetensors of tiny is not in"):
        engine.run(LoadModel(job_id=2, folder=source, model="tiny"))
    (source.path / "tiny/config.json").write_text('{"adapter": "edm"}')
    engine.run(OpenData(job_id=3, folder=source))
    with pytest.raises(DataError, match="names no checkpoint"):
        engine.run(LoadModel(job_id=4, folder=source, model="tiny"))


def test_adapter_and_checkpoint_can_be_replaced(
    engine: Engine, tiny_data: Callable[..., Path], tmp_path: Path
) -> None:
    data = tiny_data(checkpoint=False, config={"adapter": "no-such-adapter"})
    write_tiny_checkpoint(tmp_path / "elsewhere.safetensors")
    other = FolderRef(data, overrides=Overrides(checkpoint=str(tmp_path / "elsewhere.safetensors")))
    with pytest.raises(DiffViewsError, match=r"no-such-adapter.*Available: .*edm"):
        engine.run(LoadModel(job_id=1, folder=other, model="tiny"))
    both = replace(other, overrides=replace(other.overrides, adapter="edm"))
    assert engine.run(LoadModel(job_id=2, folder=both, model="tiny")).num_classes == 5


def test_another_model_is_loaded_only_after_the_first_is_gone(
    engine: Engine, tiny_data: Callable[..., Path]
) -> None:
    source = FolderRef(tiny_data())
    tiny_data("second", seed=1)
    tiny_data("broken")
    (source.path / "broken/checkpoints/tiny.safetensors").write_bytes(b"not a checkpoint")
    engine.run(LoadModel(job_id=1, folder=source, model="tiny"))
    run_generate(engine, source)
    first = weakref.ref(model_of(engine))
    engine.run(LoadModel(job_id=2, folder=source, model="second"))
    assert first() is None
    second = weakref.ref(model_of(engine))
    with pytest.raises(CheckpointError, match="not a readable"):
        engine.run(LoadModel(job_id=3, folder=source, model="broken"))
    assert second() is None
    assert engine.run(LoadModel(job_id=4, folder=source, model="tiny")).model == "tiny"


def test_the_same_model_is_not_loaded_twice(engine: Engine, source: FolderRef) -> None:
    engine.run(LoadModel(job_id=1, folder=source, model="tiny"))
    model = model_of(engine)
    run_generate(engine, source)
    engine.run(LoadModel(job_id=2, folder=source, model="tiny"))
    assert model_of(engine) is model


def test_a_checkpoint_that_was_replaced_is_loaded_again(engine: Engine, source: FolderRef) -> None:
    before = run_generate(engine, source, rows=())
    write_tiny_checkpoint(source.path / "tiny/checkpoints/tiny.safetensors", seed=9)
    after = run_generate(engine, source, rows=())
    assert not same_pictures(before, after)


def test_the_number_of_threads_stays_as_asked(
    engine: Engine, watch: Watch, mapped: FolderRef
) -> None:
    seen: list[int] = []
    # umap-learn and scikit-learn change it behind the engine's back
    engine.run(LoadModel(job_id=1, folder=mapped, model="tiny"))
    torch.set_num_threads(2)
    watch.on_event = lambda event: seen.append(torch.get_num_threads())
    run_generate(engine, mapped, layers=("encoder_bottleneck",))
    steps = [
        n
        for n, event in zip(seen, watch.events[-len(seen) :], strict=True)
        if isinstance(event, StepDone)
    ]
    assert steps == [1, 1]


def test_closing_releases_the_model(source: FolderRef) -> None:
    engine = make_engine()
    engine.run(LoadModel(job_id=1, folder=source, model="tiny"))
    model = weakref.ref(model_of(engine))
    engine.close()
    assert model() is None


# ---- adapters of other packages -----------------------------------------------------------------


@pytest.fixture
def register() -> Iterator[Callable[[str, type], None]]:
    """Registers adapters for the time of a test, as another package would."""
    registry.discover_adapters()
    before = dict(registry._adapters)
    yield registry.register_adapter_class
    registry._adapters.clear()
    registry._adapters.update(before)


Register = Callable[[str, type], None]


@pytest.fixture
def duck_source(tiny_data: Callable[..., Path]) -> FolderRef:
    """A folder whose model names the adapter ``duck`` and nothing else but its checkpoint."""
    data = tiny_data(channels=3, num_classes=4, layers=("stem",))
    config = {"adapter": "duck", "checkpoint": "checkpoints/tiny.safetensors"}
    (data / "tiny/config.json").write_text(json.dumps(config))
    return FolderRef(data)


BEST = "cuda" if torch.cuda.is_available() else "cpu"


@pytest.mark.parametrize(
    ("asked", "environment", "expected"),
    [
        ("auto", {"DIFFVIEWS_FORCE_CPU": "1"}, "cpu"),
        ("auto", {"DIFFVIEWS_DEVICE": "cpu"}, "cpu"),
        ("cpu", {}, "cpu"),
        pytest.param(
            "auto",
            {},
            BEST,
            marks=pytest.mark.skipif(torch.backends.mps.is_available(), reason="MPS is best here"),
        ),
    ],
)
def test_an_adapter_gets_the_name_of_a_device_that_is_there(
    register: Register,
    duck_source: FolderRef,
    monkeypatch: pytest.MonkeyPatch,
    asked: str,
    environment: dict[str, str],
    expected: str,
) -> None:
    given: list[Any] = []

    class Duck(DuckAdapter):
        @classmethod
        def from_checkpoint(cls, checkpoint_path: Any, device: str = "auto", **kwargs: Any) -> Any:
            given.append((checkpoint_path, device, kwargs))
            return cls()

    for name, text in environment.items():
        monkeypatch.setenv(name, text)
    register("duck", Duck)
    load(Engine(asked, threads=1), duck_source)
    checkpoint = str(duck_source.path / "tiny/checkpoints/tiny.safetensors")
    assert given == [(checkpoint, expected, {})]  # and nothing that nobody asked for


def test_progress_is_given_only_where_it_is_named(
    register: Register, duck_source: FolderRef, watch: Watch, engine: Engine
) -> None:
    class Bare(DuckAdapter):
        @classmethod
        def from_checkpoint(cls, checkpoint_path: Any, device: str) -> Any:  # type: ignore[override]
            return cls()

    class Telling(DuckAdapter):
        @classmethod
        def from_checkpoint(  # type: ignore[override]
            cls, checkpoint_path: Any, device: str, progress: Callable[[float], None]
        ) -> Any:
            for part in (0.0, 0.25, 1.0):
                progress(part)
            return cls()

    def told(adapter: type) -> list[float | None]:
        register("duck", adapter)
        watch.events.clear()
        engine.close()
        load(engine, duck_source)
        assert watch.stages == ["loading the model"]
        return [event.fraction for event in watch.events if isinstance(event, Progress)]

    assert told(Bare) == [None]
    assert told(Telling) == [None, 0.0, 0.25, 1.0]


def test_what_the_person_asked_of_the_model_reaches_the_adapter(
    register: Register, duck_source: FolderRef, engine: Engine
) -> None:
    given: list[dict[str, Any]] = []

    class Duck(DuckAdapter):
        @classmethod
        def from_checkpoint(cls, checkpoint_path: Any, device: str = "auto", **kwargs: Any) -> Any:
            given.append(kwargs)
            return cls()

    register("duck", Duck)
    for options in ({"label_dropout": 0.1}, {"precision": "bfloat16"}, {"precision": "bfloat16"}):
        load(engine, replace(duck_source, overrides=Overrides(**options)))  # type: ignore[arg-type]
    assert given == [{"label_dropout": 0.1}, {"precision": "bfloat16"}]  # the last: loaded already


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (KeyError("weights of version 2"), "KeyError: 'weights of version 2'"),
        (RuntimeError("Missing keys:\n\ta,\n\tb."), "RuntimeError: Missing keys: a, b"),
        (ZeroDivisionError(), "ZeroDivisionError"),
        (ImportError("No module named 'flash'"), "ImportError: No module named 'flash'"),
        (RuntimeError("x" * 9000), f"RuntimeError: {'x' * 150}…{'x' * 149}"),
    ],
)
def test_what_fails_in_an_adapter_is_said_in_one_sentence(
    register: Register, duck_source: FolderRef, engine: Engine, error: Exception, reason: str
) -> None:
    class Duck(DuckAdapter):
        @classmethod
        def from_checkpoint(cls, *arguments: Any, **kwargs: Any) -> Any:
            raise error

    register("duck", Duck)
    with pytest.raises(AdapterError) as caught:
        load(engine, duck_source)
    assert str(caught.value) == (
        f"The adapter duck could not load tiny.safetensors ({reason}). Check the file, or ask the "
        "author of the adapter."
    )
    assert caught.value.__cause__ is error  # for the log
    register("duck", DuckAdapter)
    assert load(engine, duck_source).num_classes == 4


def test_an_adapter_without_shapes_of_its_layers_is_refused(
    register: Register, duck_source: FolderRef, engine: Engine
) -> None:
    class Duck(DuckAdapter):
        hookable_layers = ("stem", "beak")  # type: ignore[assignment]

    register("duck", Duck)
    with pytest.raises(AdapterError, match="The adapter duck lists layers that it gives no shape"):
        load(engine, duck_source)


def test_an_adapters_own_sentence_stays_as_it_is(
    register: Register, duck_source: FolderRef, engine: Engine
) -> None:
    class Duck(DuckAdapter):
        @classmethod
        def from_checkpoint(cls, *arguments: Any, **kwargs: Any) -> Any:
            raise CheckpointError("The pond is dry. Wait for rain.")

    register("duck", Duck)
    with pytest.raises(CheckpointError, match=r"^The pond is dry\. Wait for rain\.$"):
        load(engine, duck_source)


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory."), MemoryError()])
def test_a_model_that_does_not_fit_in_memory_says_so(
    register: Register, duck_source: FolderRef, engine: Engine, error: Exception
) -> None:
    class Duck(DuckAdapter):
        def eval(self) -> Any:
            raise error

    register("duck", Duck)
    with pytest.raises(OutOfMemoryError, match=r"tiny\.safetensors does not fit in the memory of"):
        load(engine, duck_source)
    register("duck", DuckAdapter)
    assert load(engine, duck_source).num_classes == 4


def test_a_cancelled_load_leaves_no_model_and_the_next_one_is_whole(
    register: Register, duck_source: FolderRef, tiny_data: Callable[..., Path]
) -> None:
    begun: list[weakref.ref[Any]] = []

    class Duck(DuckAdapter):
        @classmethod
        def from_checkpoint(  # type: ignore[override]
            cls, checkpoint_path: Any, device: str, progress: Callable[[float], None]
        ) -> Any:
            duck = cls()
            begun.append(weakref.ref(duck))
            for part in range(10):
                progress(part / 10)
            return duck

    register("duck", Duck)
    tiny_data("edm")
    for model in ("tiny", "edm"):  # theirs, and our own with every tensor
        watch = Watch()
        engine = make_engine(watch)
        load(engine, duck_source, "edm" if model == "tiny" else "tiny")
        held = weakref.ref(engine.workspace.model.held.adapter)  # type: ignore[arg-type]
        watch.events.clear()
        watch.cancel_at, watch.skip = "loading the model", 5
        with pytest.raises(Cancelled):
            load(engine, duck_source, model)
        fractions = [event.fraction for event in watch.events if isinstance(event, Progress)]
        assert None not in fractions[1:]
        assert 0 < max(fractions[1:]) < 1  # type: ignore[type-var]
        assert engine.workspace.model.held is None
        assert held() is None
        gc.collect()
        assert begun[-1]() is None or model == "edm"
        watch.cancel_at = None
        assert load(engine, duck_source, model).model == model
        engine.close()


def test_one_model_is_in_memory_at_a_time(
    register: Register, duck_source: FolderRef, tiny_data: Callable[..., Path], engine: Engine
) -> None:
    alive: weakref.WeakSet[Any] = weakref.WeakSet()
    found: list[int] = []

    class Duck(DuckAdapter):
        @classmethod
        def from_checkpoint(cls, *arguments: Any, **kwargs: Any) -> Any:
            found.append(len(alive))
            duck = cls()
            duck.itself = duck  # as many have: only the collector can free it
            alive.add(duck)
            return duck

    register("duck", Duck)
    tiny_data("other", checkpoint=True, config={"adapter": "duck"})
    for model in ("tiny", "other", "tiny"):
        load(engine, duck_source, model)
    assert found == [0, 0, 0]
    assert len(alive) == 1
    engine.close()
    assert len(alive) == 0


# ---- how to sample ------------------------------------------------------------------------------


def said(folder: Path, **config: Any) -> None:
    """Let a model's ``config.json`` say this and no more."""
    values = {"adapter": "edm", "checkpoint": "checkpoints/tiny.safetensors", **config}
    (folder / "config.json").write_text(json.dumps(values))


def test_settings_are_the_adapters_then_the_folders_then_the_command_lines(
    engine: Engine, source: FolderRef
) -> None:
    folder = source.path / "tiny"

    def settings(**options: Any) -> SamplingSettings:
        changed = replace(source, overrides=Overrides(**options))
        engine.run(OpenData(job_id=1, folder=changed))  # looks at the disk again
        found = load(engine, changed).settings
        assert found.sampler == "heun"  # EDM's own
        return replace(found, sampler="renoise")

    said(folder)
    assert settings() == SamplingSettings(18, 80.0, 0.002, 7.0, 1.0)  # EDM's own
    said(folder, default_steps=6, sigma_min=0.5)
    assert settings() == SamplingSettings(6, 80.0, 0.5, 7.0, 1.0)
    said(folder, default_steps=6, sigma_min=0.5, sigma_max=40, guidance_scale=1.5)
    assert settings() == SamplingSettings(6, 40.0, 0.5, 7.0, 1.5)
    options = {"num_steps": 3, "sigma_max": 10.0, "sigma_min": 2.0, "guidance_scale": 0.0}
    assert settings(**options) == SamplingSettings(3, 10.0, 2.0, 7.0, 0.0)
    # a value that is the program's own default is a value all the same
    said(folder, default_steps=5, sigma_max=80.0, sigma_min=0.5, guidance_scale=1.0)
    assert settings() == SamplingSettings(5, 80.0, 0.5, 7.0, 1.0)
    # one level alone is compared with the adapter's other one, not with the program's
    said(folder)
    assert settings(sigma_max=0.25) == SamplingSettings(18, 0.25, 0.002, 7.0, 1.0)


def test_settings_stay_within_the_levels_that_the_model_knows(
    engine: Engine, source: FolderRef
) -> None:
    path = source.path / "tiny/checkpoints/tiny.safetensors"
    write_tiny_checkpoint(path, sigma_min=0.02, sigma_max=50.0)
    said(source.path / "tiny")
    loaded = load(engine, source)
    assert (loaded.settings.sigma_max, loaded.settings.sigma_min) == (50.0, 0.02)
    beyond = replace(source, overrides=replace(source.overrides, sigma_max=1000.0, sigma_min=0.001))
    settings = load(engine, beyond).settings
    assert (settings.sigma_max, settings.sigma_min) == (50.0, 0.02)
    within = replace(source, overrides=replace(source.overrides, sigma_max=30.0, sigma_min=0.1))
    settings = load(engine, within).settings
    assert (settings.sigma_max, settings.sigma_min) == (30.0, 0.1)


def test_settings_and_facts_of_another_packages_adapter(
    register: Register, duck_source: FolderRef, engine: Engine
) -> None:
    class Duck(DuckAdapter):
        class_names: ClassVar[dict[int, str]] = {0: "mallard", 3: "teal", 9: "not of this model"}

        @classmethod
        def get_default_config(cls) -> dict[str, Any]:
            return {**super().get_default_config(), "rho": 5.0, "guidance_note": "Never trained."}

    register("duck", Duck)
    loaded = load(engine, duck_source)
    # what it does not say is the program's: guidance 1
    assert loaded.settings == SamplingSettings(3, 10.0, 0.1, 5.0, 1.0)
    assert loaded.guidance_note == "Never trained."
    assert loaded.notes == ()
    assert loaded.device == "cpu"
    assert loaded.device_facts["device"] == "cpu"
    assert loaded.device_facts["name"]
    assert not loaded.convertible
    assert {"duck", "edm", "edm-imagenet-64", "dmd2-imagenet-64"} <= set(loaded.adapters.usable)
    assert loaded.adapters.unusable == ()
    # the table of this folder names every class, and is believed before the adapter
    assert loaded.class_names == tuple((i, f"class {i}") for i in range(4))


def test_a_folder_opens_although_another_model_cannot_take_the_options(
    engine: Engine, source: FolderRef, tiny_data: Callable[..., Path]
) -> None:
    tiny_data("weak", checkpoint=False, config={"sigma_max": 10.0})
    loud = replace(source, overrides=replace(source.overrides, sigma_min=20.0))
    opened = engine.run(OpenData(job_id=1, folder=loud))
    assert opened.model == "tiny"
    assert [model.name for model in opened.models] == ["tiny", "weak"]
    with pytest.raises(DataError, match=r"weak with the options given: .*must not exceed"):
        engine.run(OpenData(job_id=1, folder=loud, model="weak"))


# ---- names of classes ---------------------------------------------------------------------------


def test_classes_are_named_by_the_folder_then_the_table_then_the_adapter(
    register: Register, duck_source: FolderRef, engine: Engine
) -> None:
    class Duck(DuckAdapter):
        class_names: ClassVar[dict[int, str]] = {0: "mallard", 3: "teal"}

    register("duck", Duck)
    folder = duck_source.path / "tiny"
    listed = json.loads((folder / "metadata/imagenet_real/dataset_info.json").read_text())
    for sample in listed["samples"]:
        number = sample["class_label"]
        sample["class_name"] = {1: "one", 3: "three"}.get(number)
    (folder / "metadata/imagenet_real/dataset_info.json").write_text(json.dumps(listed))

    def names() -> dict[int, str]:
        engine.run(OpenData(job_id=1, folder=duck_source))
        return dict(load(engine, duck_source).class_names)

    assert names() == {0: "mallard", 1: "one", 2: "2", 3: "three"}
    (duck_source.path / "class_labels.json").write_text('{"2": ["n2", "pintail"], "3": "smew"}')
    assert names() == {0: "mallard", 1: "one", 2: "pintail", 3: "smew"}
    (folder / "class_labels.json").write_text('{"0": "eider", "7": "no class of this model"}')
    assert names() == {0: "eider", 1: "one", 2: "2", 3: "three"}


def test_a_damaged_label_file_keeps_its_model_closed_and_no_other(
    engine: Engine, tiny_data: Callable[..., Path]
) -> None:
    data = tiny_data("a-bad", checkpoint=False)
    tiny_data("b-good", checkpoint=False)
    (data / "a-bad/class_labels.json").write_text('{"tench": 0}')
    opened = engine.run(OpenData(job_id=1, folder=FolderRef(data)))
    assert opened.model == "b-good"
    (problem,) = opened.problems
    assert problem.startswith("a-bad cannot be opened: ")
    assert "has the key 'tench', which is no class number" in problem
    with pytest.raises(DataError, match="no class number"):
        engine.run(OpenData(job_id=2, folder=FolderRef(data), model="a-bad"))


# ---- conversion ---------------------------------------------------------------------------------


def write_bare_checkpoint(path: Path, seed: int = 0, **changes: Any) -> None:
    """A state dict as trainings leave it: without a configuration."""
    network = {"img_resolution": 16, "attn_resolutions": [], "img_channels": 1} | changes
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(tiny_model(seed, **network).state_dict(), path)


@pytest.fixture
def bare(tiny_data: Callable[..., Path]) -> FolderRef:
    """A folder whose checkpoint is a bare state dict."""
    data = tiny_data(checkpoint=False, config={"checkpoint": "checkpoints/tiny.pt"})
    write_bare_checkpoint(data / "tiny/checkpoints/tiny.pt")
    return FolderRef(data)


def test_a_converted_checkpoint_is_used_and_finds_what_was_cached(
    engine: Engine, watch: Watch, bare: FolderRef
) -> None:
    checkpoints = bare.path / "tiny/checkpoints"
    loaded = load(engine, bare)
    assert loaded.convertible
    assert "does not say its preconditioning" in loaded.notes[0]
    before = run_generate(engine, bare)
    model = model_of(engine)
    watch.events.clear()
    assert convert(engine, bare) == CheckpointConverted("tiny", checkpoints / "tiny.safetensors")
    assert sorted(path.name for path in checkpoints.iterdir()) == ["tiny.pt", "tiny.safetensors"]
    assert watch.stages == ["converting the checkpoint"]
    fractions = [event.fraction for event in watch.events if isinstance(event, Progress)]
    assert fractions == sorted(fractions)  # type: ignore[type-var]
    assert (fractions[0], fractions[-1]) == (0, 1)

    # the loaded model stays, and its map is the one in the cache
    watch.events.clear()
    assert not load(engine, bare).convertible
    assert run_map(engine, bare, "midblock").from_cache
    assert model_of(engine) is model
    assert same_pictures(run_generate(engine, bare), before)
    assert "loading the model" not in watch.stages

    # so it is for an engine that loads the converted file, also without the old one
    (checkpoints / "tiny.pt").unlink()
    other = make_engine()
    again = load(other, bare)
    assert not again.convertible
    assert again.notes == ()  # what was assumed is said in the file now
    assert [layer.name for layer in again.layers if layer.cached] == ["midblock"]
    assert run_map(other, bare, "midblock").from_cache
    assert same_pictures(run_generate(other, bare), before)


def test_a_changed_original_is_no_longer_stood_for(engine: Engine, bare: FolderRef) -> None:
    convert(engine, bare)
    before = run_generate(engine, bare, rows=())
    write_bare_checkpoint(bare.path / "tiny/checkpoints/tiny.pt", seed=9)
    assert not same_pictures(run_generate(engine, bare, rows=()), before)


@pytest.mark.parametrize("heard_at", [0.0, 0.3, 0.7])
def test_a_cancelled_conversion_leaves_no_file(
    engine: Engine, watch: Watch, bare: FolderRef, heard_at: float
) -> None:
    """Also where it is heard only when everything was read, and the file written."""
    checkpoints = bare.path / "tiny/checkpoints"
    load(engine, bare)
    model = model_of(engine)

    def cancel(event: Event) -> None:
        if isinstance(event, Progress) and event.fraction is not None:
            watch.cancel_at = event.stage if event.fraction >= heard_at else None

    watch.on_event = cancel
    with pytest.raises(Cancelled):
        convert(engine, bare)
    assert [path.name for path in checkpoints.iterdir()] == ["tiny.pt"]
    watch.on_event, watch.cancel_at = lambda event: None, None
    load(engine, bare)
    assert model_of(engine) is model
    convert(engine, bare)


def test_a_file_that_is_in_the_way_is_not_replaced(engine: Engine, bare: FolderRef) -> None:
    beside = bare.path / "tiny/checkpoints/tiny.safetensors"
    beside.write_bytes(b"somebody's")
    assert not load(engine, bare).convertible
    with pytest.raises(DiffViewsError, match=r"tiny\.safetensors is there already"):
        convert(engine, bare)
    assert beside.read_bytes() == b"somebody's"


def test_what_cannot_be_converted(
    engine: Engine, tiny_data: Callable[..., Path], bare: FolderRef
) -> None:
    tiny_data("ours")
    assert not load(engine, bare, "ours").convertible
    (bare.path / "tiny/checkpoints/tiny.pt").write_bytes(b"no checkpoint")
    with pytest.raises(CheckpointError):
        convert(engine, bare)
    (bare.path / "tiny/checkpoints/tiny.pt").unlink()
    with pytest.raises(DataError, match="is not in"):
        convert(engine, bare)
    assert list((bare.path / "tiny/checkpoints").iterdir()) == []


def test_a_folder_of_accelerate_opens(engine: Engine, tiny_data: Callable[..., Path]) -> None:
    source = FolderRef(tiny_data(checkpoint=False, config={"checkpoint": "trained"}))
    write_bare_checkpoint(source.path / "tiny/trained/pytorch_model.bin")
    loaded = load(engine, source)
    assert (loaded.num_classes, loaded.resolution, loaded.convertible) == (5, 16, False)
    before = run_generate(engine, source, rows=())
    write_bare_checkpoint(source.path / "tiny/trained/pytorch_model.bin", seed=9)
    assert not same_pictures(run_generate(engine, source, rows=()), before)


# ---- little memory ------------------------------------------------------------------------------


class SmallDevice(EDMAdapter):
    """Our own adapter on a device with memory for so many pictures, and none to measure in."""

    room = 4

    def forward(self, x: torch.Tensor, *arguments: Any, **options: Any) -> torch.Tensor:
        if len(x) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")
        return super().forward(x, *arguments, **options)

    def prepare(self) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")


def test_pictures_that_had_to_be_extracted_in_smaller_batches_are_noted(
    register: Register, source: FolderRef, engine: Engine
) -> None:
    register("small", SmallDevice)
    (source.path / "tiny/images/imagenet_real/sample_000040.png").unlink()
    plain = run_map(make_engine(), source)
    mapped = run_map(engine, replace(source, overrides=replace(source.overrides, adapter="small")))
    assert mapped.path != plain.path
    np.testing.assert_allclose(mapped.reduced, plain.reduced, atol=1e-3)
    missing, memory = mapped.notes
    assert "sample_000040" in missing
    assert memory == "The device ran out of memory, so pictures were extracted 4 at a time."
    assert plain.notes == (missing,)
    assert hook_count(model_of(engine)) == 0


def test_a_run_that_had_to_be_computed_in_parts_is_noted(
    register: Register, source: FolderRef, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    register("small", SmallDevice)
    monkeypatch.setattr(SmallDevice, "room", 1)
    small = replace(source, overrides=replace(source.overrides, adapter="small"))
    alone = replace(TWO, sampler="heun")
    guided = replace(alone, guidance_scale=2.0)  # two rows a step
    plain = run_generate(engine, source, settings=guided)
    run = run_generate(engine, small, settings=guided)
    assert plain.notes == ()
    assert run.notes == ("cpu ran out of memory: pictures are computed 1 at a time.",)
    for one, other in zip(pictures(plain), pictures(run), strict=True):
        assert np.abs(one.astype(int) - other.astype(int)).max() <= 1
    assert run_generate(engine, small, settings=alone).notes == ()  # one row fits


def test_a_device_without_memory_for_one_picture(
    register: Register, source: FolderRef, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    register("small", SmallDevice)
    monkeypatch.setattr(SmallDevice, "room", 0)
    small = replace(source, overrides=replace(source.overrides, adapter="small"))
    with pytest.raises(OutOfMemoryError, match="not enough memory for a single picture"):
        run_map(engine, small)
    assert cache_files(source.path) == []
    assert hook_count(model_of(engine)) == 0


# ---- maps ---------------------------------------------------------------------------------------


def test_a_map_from_the_cache_is_the_map_that_was_made(
    tiny_data: Callable[..., Path], watch: Watch
) -> None:
    source = FolderRef(tiny_data())
    first = make_engine()
    fresh = run_map(first, source, "encoder_bottleneck")
    again = run_map(first, source, "encoder_bottleneck")
    first.close()
    other = make_engine(watch)
    cached = run_map(other, source, "encoder_bottleneck")
    assert (fresh.from_cache, again.from_cache, cached.from_cache) == (False, True, True)
    assert fresh.xy.shape == (TINY_SAMPLES, 2)
    assert np.isfinite(fresh.xy).all()
    assert np.ptp(fresh.xy, axis=0).min() > 0.1
    for one in (again, cached):
        assert one.xy.tobytes() == fresh.xy.tobytes()
        assert fresh.reduced is not None
        assert one.reduced is not None
        assert one.reduced.tobytes() == fresh.reduced.tobytes()
    assert watch.stages == []  # no model was loaded, nothing was extracted
    assert fresh.path.is_dir()
    assert fresh.path.parent == cache_of(source.path)


def test_what_is_cached_is_what_the_model_computes(mapped: FolderRef) -> None:
    rows = [0, 7, 31, 59]
    stored = np.load(next(cache_of(mapped.path).glob("*/activations.npy")))
    assert stored.shape == (TINY_SAMPLES, 64 * 8 * 8)
    expected = activations_by_hand(mapped.path / "tiny", "encoder_bottleneck", rows)
    np.testing.assert_allclose(stored[rows], expected, atol=1e-4)


def test_default_layers_keep_the_folders_own_coordinates(engine: Engine, source: FolderRef) -> None:
    own = read_map(source.path / "tiny")
    made = run_map(engine, source, "midblock")
    cached = run_map(engine, source)  # no layers: the default
    np.testing.assert_array_equal(made.xy, own)
    np.testing.assert_array_equal(cached.xy, own)
    assert (made.from_cache, cached.from_cache) == (False, True)
    assert cached.layers == ("midblock",)
    opened = engine.run(OpenData(job_id=9, folder=source))
    assert opened.layer_map is not None
    np.testing.assert_array_equal(opened.layer_map.xy, own)
    assert opened.layer_map.reduced is not None


def test_layers_are_sorted_whatever_the_order_asked(
    engine: Engine, tiny_data: Callable[..., Path]
) -> None:
    source = FolderRef(tiny_data(layers=("encoder_bottleneck", "midblock")))
    run_map(engine, source, "encoder_bottleneck", "midblock")
    mapped = run_map(engine, source, "midblock", "encoder_bottleneck")
    assert mapped.from_cache
    assert mapped.label == "encoder_bottleneck+midblock"


def test_a_folder_without_a_map_maps_its_bottleneck(
    engine: Engine, tiny_data: Callable[..., Path]
) -> None:
    source = FolderRef(tiny_data(embedding=False))
    opened = engine.run(OpenData(job_id=1, folder=source))
    assert opened.layer_map is None
    assert opened.default_layers == ()
    mapped = run_map(engine, source)
    assert mapped.layers == ("encoder_bottleneck",)
    assert np.isfinite(mapped.xy).all()
    assert run_generate(engine, source, layers=()).steps[0].imposed_xy is not None


def test_an_unknown_layer_is_refused_and_leaves_nothing(engine: Engine, source: FolderRef) -> None:
    with pytest.raises(DiffViewsError, match=r"The model has no layer 'midbrain'.*midblock"):
        run_map(engine, source, "midbrain")
    with pytest.raises(DiffViewsError, match="tiny has no layer 'midbrain'"):
        run_generate(engine, source, layers=("midbrain",))
    assert cache_files(source.path) == []


def test_missing_and_broken_pictures_are_left_out_and_counted(
    engine: Engine, source: FolderRef
) -> None:
    pictures = source.path / "tiny/images/imagenet_real"
    (pictures / "sample_000004.png").unlink()
    whole = (pictures / "sample_000040.png").read_bytes()
    (pictures / "sample_000040.png").write_bytes(whole[: len(whole) // 2])
    mapped = run_map(engine, source, "encoder_bottleneck")
    placed = np.isfinite(mapped.xy).all(axis=1)
    assert np.flatnonzero(~placed).tolist() == [4, 40]
    assert mapped.reduced is not None
    np.testing.assert_array_equal(np.isfinite(mapped.reduced).all(axis=1), placed)
    assert mapped.notes == (
        "2 pictures were left out: 1 is missing (sample_000004), 1 is damaged (sample_000040)",
    )
    # neighbours beyond the gap keep their own activation
    expected = activations_by_hand(source.path / "tiny", "encoder_bottleneck", [41, 59]).mean(0)
    place = place_by_hand(expected, mapped.path / "projector.npz")
    run = run_generate(engine, source, layers=("encoder_bottleneck",), rows=(41, 59))
    np.testing.assert_allclose(run.steps[0].imposed_xy, place, atol=1e-3)


def test_no_readable_picture_at_all_is_said(engine: Engine, source: FolderRef) -> None:
    for picture in (source.path / "tiny/images/imagenet_real").iterdir():
        picture.unlink()
    with pytest.raises(DataError, match="None of the 60 pictures can be read"):
        run_map(engine, source, "encoder_bottleneck")
    assert cache_files(source.path) == []


def write_activations(folder: Path, rows: NDArray, *layers: str) -> None:
    directory = folder / "activations" / "imagenet_real"
    directory.mkdir(parents=True)
    np.save(directory / "all.npy", rows)
    (directory / "all.npy.json").write_text(json.dumps({"layers": list(layers)}))


def test_the_folders_own_activations_are_used(
    engine: Engine, watch: Watch, tiny_data: Callable[..., Path]
) -> None:
    source = FolderRef(tiny_data(embedding=False))
    rows = np.random.default_rng(1).normal(size=(TINY_SAMPLES, 64 * 8 * 8)).astype(np.float32)
    write_activations(source.path / "tiny", rows, "midblock")
    mapped = run_map(engine, source, "midblock")
    assert "extracting" not in watch.stages
    assert "loading the model" not in watch.stages
    run = run_generate(engine, source, rows=(2, 50))
    assert "reading the samples' activations" not in watch.stages
    place = place_by_hand(rows[[2, 50]].astype(np.float64).mean(0), mapped.path / "projector.npz")
    np.testing.assert_allclose(run.steps[0].imposed_xy, place, atol=1e-4)
    # of another layer they say nothing
    run_map(engine, source, "encoder_bottleneck")
    assert "extracting" in watch.stages


def test_own_activations_of_a_filtered_table_stay_with_their_samples(
    engine: Engine, tiny_data: Callable[..., Path]
) -> None:
    source = FolderRef(tiny_data(), max_classes=2)
    rows = np.random.default_rng(1).normal(size=(TINY_SAMPLES, 64 * 8 * 8)).astype(np.float32)
    write_activations(source.path / "tiny", rows, "midblock")
    mapped = run_map(engine, source)
    run = run_generate(engine, source, rows=(2, 3))  # samples 5 and 6
    place = place_by_hand(rows[[5, 6]].astype(np.float64).mean(0), mapped.path / "projector.npz")
    np.testing.assert_allclose(run.steps[0].imposed_xy, place, atol=1e-4)


def test_own_activations_of_other_samples_are_refused(engine: Engine, source: FolderRef) -> None:
    write_activations(source.path / "tiny", np.zeros((59, 4096), np.float32), "midblock")
    with pytest.raises(DataError, match="59 rows for the 60 samples"):
        run_map(engine, source)


def test_own_activations_that_are_not_finite_are_left_out(
    engine: Engine, tiny_data: Callable[..., Path]
) -> None:
    source = FolderRef(tiny_data())
    rows = np.random.default_rng(1).normal(size=(TINY_SAMPLES, 64 * 8 * 8)).astype(np.float32)
    rows[11, 5], rows[30] = np.nan, np.inf
    write_activations(source.path / "tiny", rows, "midblock")
    mapped = run_map(engine, source)
    assert np.flatnonzero(~np.isfinite(mapped.xy).all(axis=1)).tolist() == [11, 30]
    assert len(mapped.notes) == 1
    assert "sample_000011, sample_000030" in mapped.notes[0]
    with pytest.raises(DiffViewsError, match="not finite"):
        run_generate(engine, source, rows=(11, 12))


def test_with_no_budget_only_the_reduced_rows_are_kept(
    source: FolderRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_budget = make_engine()
    kept = run_generate(with_budget, source)
    assert any(name.endswith("activations.npy") for name in cache_files(source.path))
    for file in cache_of(source.path).rglob("*.*"):
        file.unlink()

    monkeypatch.setenv("DIFFVIEWS_LAYER_CACHE_MAX_MB", "0")
    watch = Watch()
    engine = make_engine(watch)
    run = run_generate(engine, source)
    names = {Path(name).name for name in cache_files(source.path)}
    assert names == {"entry.json", "projector.npz"}
    assert "reading the samples' activations" in watch.stages
    # the mask from the cache and the one extracted again are the same mask
    assert same_pictures(run, kept)
    np.testing.assert_allclose(run.steps[0].imposed_xy, kept.steps[0].imposed_xy, atol=1e-6)
    assert run_map(make_engine(), source).from_cache


def test_stored_rows_equal_rows_extracted_on_demand(mapped: FolderRef) -> None:
    engine = make_engine()
    engine.run(LoadModel(job_id=1, folder=mapped, model="tiny"))
    opened = engine.workspace.open(mapped, "tiny")
    layers, rows = ("encoder_bottleneck",), (0, 33, 59)
    stored = engine.workspace.maps.activations.rows(Activations(opened, layers), rows)
    extracted = engine.workspace.maps.activations._extraction(opened, layers, OWN).rows(rows)
    np.testing.assert_allclose(extracted, stored, rtol=0, atol=1e-5)


# ---- generation ---------------------------------------------------------------------------------


def test_a_run_records_what_it_did(engine: Engine, watch: Watch, demo: Path) -> None:
    job = Generate(
        job_id=8,
        folder=FolderRef(),
        spec=MapSpec("digits", ("decoder_block_8",)),
        interventions=mean_of_samples((3, 14, 15), step_to=2),
        condition=from_choice(0),
        settings=FIVE,
    )
    run = engine.run(job)
    expected = [80, 30.443, 9.921, 2.609, 0.5]
    np.testing.assert_allclose([step.sigma for step in run.steps], expected, atol=1e-3)
    assert [step.index for step in run.steps] == [0, 1, 2, 3, 4]
    assert (run.seed, class_number(run.condition), run.device) == (7, 0, "cpu")
    assert run.job == replace(job, spec=replace(job.spec, told=run.job.spec.told))
    assert [step.imposed_xy is not None for step in run.steps] == [True, True, False, False, False]
    assert run.steps[0].imposed_xy == run.steps[1].imposed_xy
    assert run.image.shape == (32, 32, 1)
    assert run.image.dtype == np.uint8
    assert run.image is run.steps[-1].image
    assert all(np.isfinite([*step.xy, step.distance]).all() for step in run.steps)
    # it told of each step while it ran
    assert [event.step for event in watch.events if isinstance(event, StepDone)] == list(run.steps)
    started = [event for event in watch.events if isinstance(event, RunStarted)]
    assert [(event.job_id, event.seed, class_number(event.condition)) for event in started] == [
        (8, 7, 0)
    ]
    assert {event.job_id for event in watch.events} == {8}
    assert hook_count(model_of(engine)) == 0


def test_seeds_and_noise_modes(engine: Engine, mapped: FolderRef) -> None:
    def run(**changes: Any) -> RunResult:
        settings = replace(TWO, **changes)
        return run_generate(engine, mapped, layers=("encoder_bottleneck",), settings=settings)

    assert same_pictures(run(seed=7), run(seed=7))
    assert not same_pictures(run(seed=7), run(seed=8))
    assert run(seed=None).seed == 42
    one, other = (run(noise_mode="stochastic", seed=None) for _ in range(2))
    assert one.seed != other.seed
    assert not same_pictures(one, other)
    assert same_pictures(one, run(noise_mode="stochastic", seed=one.seed))
    still = run(noise_mode="zero", seed=1)
    assert same_pictures(still, run(noise_mode="zero", seed=2))
    # no noise at all: what goes in is mid-grey
    assert set(np.unique(still.steps[0].noised)) == {127}


@pytest.mark.parametrize(
    ("choice", "label"), [(0, 0), (4, 4), ("uniform", -1), ("zero", -2), ("random", None)]
)
def test_the_class_used_is_recorded(mapped: FolderRef, choice: Any, label: int | None) -> None:
    engine = make_engine()
    run = run_generate(
        engine, mapped, layers=("encoder_bottleneck",), condition=from_choice(choice)
    )
    if label is None:
        assert class_number(run.condition) in range(5)
    else:
        assert class_number(run.condition) == label


def test_no_masked_steps_is_no_mask(engine: Engine, mapped: FolderRef) -> None:
    layers = ("encoder_bottleneck",)
    unmasked = run_generate(engine, mapped, layers=layers, rows=(), settings=FIVE)
    never = run_generate(engine, mapped, layers=layers, settings=FIVE, mask={"step_to": 0})
    masked = run_generate(engine, mapped, layers=layers, settings=FIVE)
    assert same_pictures(never, unmasked)
    assert not same_pictures(masked, unmasked)
    assert all(step.imposed_xy is None for step in (*never.steps, *unmasked.steps))


def test_the_imposed_place_is_that_of_the_mean_activation(
    engine: Engine, mapped: FolderRef
) -> None:
    rows = [3, 14, 15]
    mean = activations_by_hand(mapped.path / "tiny", "encoder_bottleneck", rows).mean(axis=0)
    place = place_by_hand(mean, next(cache_of(mapped.path).glob("*/projector.npz")))
    run = run_generate(engine, mapped, layers=("encoder_bottleneck",), rows=tuple(rows))
    for step in run.steps:
        np.testing.assert_allclose(step.imposed_xy, place, atol=1e-3)
        assert math.dist(step.xy, step.imposed_xy) > 1e-2  # what the layer said is another thing


@pytest.mark.parametrize("row", [-1, 60])
def test_rows_that_do_not_exist_are_refused_before_anything_is_computed(
    engine: Engine, source: FolderRef, row: int
) -> None:
    with pytest.raises(DiffViewsError, match=rf"Sample {row} does not exist \(60 samples\)"):
        run_generate(engine, source, rows=(3, row))
    assert cache_files(source.path) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"num_steps": 0}, "number of steps must be from 1 to"),
        ({"sigma_min": 0.0}, "noise levels"),
        ({"sigma_min": 81.0}, "noise levels"),
        ({"sigma_max": math.nan}, "noise levels"),
        ({"guidance_scale": math.nan}, "guidance"),
        ({"guidance_scale": math.inf}, "guidance"),
        ({"seed": -1}, "seed"),
        ({"noise_mode": "loud"}, "noise mode"),
    ],
)
def test_settings_out_of_range_are_refused(
    engine: Engine, source: FolderRef, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(DiffViewsError, match=reason):
        run_generate(engine, source, settings=replace(TWO, **changes))
    assert cache_files(source.path) == []


def test_a_window_that_ends_before_the_first_step_is_refused(
    engine: Engine, source: FolderRef
) -> None:
    with pytest.raises(DiffViewsError, match="masked steps must not be negative"):
        run_generate(engine, source, mask={"step_to": -1})
    assert cache_files(source.path) == []


def test_a_class_that_the_model_lacks_is_refused_before_a_map_is_made(
    engine: Engine, source: FolderRef
) -> None:
    with pytest.raises(DiffViewsError, match="no class 5: use 0 to 4"):
        run_generate(engine, source, condition=from_choice(5))
    assert cache_files(source.path) == []


def test_a_mask_of_a_sample_without_a_picture_is_refused_by_name(
    engine: Engine, source: FolderRef
) -> None:
    (source.path / "tiny/images/imagenet_real/sample_000014.png").unlink()
    with pytest.raises(DiffViewsError, match="The picture of sample_000014 is missing, so"):
        run_generate(engine, source, rows=(3, 14, 15))
    run_generate(engine, source, rows=(3, 15))


def test_guidance_changes_the_picture_and_an_unconditional_model_has_no_class(
    engine: Engine, tiny_data: Callable[..., Path], mapped: FolderRef
) -> None:
    layers = ("encoder_bottleneck",)
    guided = replace(TWO, guidance_scale=3.0)
    one = run_generate(engine, mapped, layers=layers)
    assert not same_pictures(one, run_generate(engine, mapped, layers=layers, settings=guided))
    source = FolderRef(tiny_data("free", num_classes=0, channels=3))
    run = run_generate(engine, source, model="free", condition=from_choice("random"))
    assert run.condition is None
    assert run.image.shape == (16, 16, 3)


# ---- cancel -------------------------------------------------------------------------------------

MAP_STAGES = [
    "loading the model",
    "extracting",
    "reducing",
    "finding neighbours",
    "preparing UMAP",
    "UMAP",
    "judging the map",
    "saving",
]


def test_a_map_tells_of_these_stages(engine: Engine, watch: Watch, source: FolderRef) -> None:
    run_map(engine, source, "encoder_bottleneck")
    assert watch.stages == MAP_STAGES
    by_stage = {
        stage: [e.fraction for e in watch.events if isinstance(e, Progress) and e.stage == stage]
        for stage in MAP_STAGES[1:]
    }
    for stage, fractions in by_stage.items():
        assert fractions == sorted(fractions), stage
        assert 0 <= fractions[0] <= fractions[-1] <= 1
    assert by_stage["extracting"][-1] == by_stage["UMAP"][-1] == 1
    assert len(by_stage["UMAP"]) > 50


@pytest.mark.parametrize(
    ("stage", "skip"),
    [*((stage, 0) for stage in MAP_STAGES), *((stage, 2) for stage in MAP_STAGES[:-1])],
)
def test_a_cancelled_map_leaves_nothing_but_finished_rows(
    engine: Engine, watch: Watch, source: FolderRef, stage: str, skip: int
) -> None:
    watch.cancel_at, watch.skip = stage, skip
    # the error is kept, with all its frames: what it leaves must be gone without their end
    with pytest.raises(Cancelled) as kept:
        run_map(engine, source, "encoder_bottleneck")
    left = list(cache_of(source.path).iterdir()) if cache_of(source.path).exists() else []
    extracted = stage not in ("loading the model", "extracting")
    assert all(path.name.startswith(".partial-") for path in left)
    assert len(left) == 1 or not extracted
    if engine.workspace.model.held is not None:
        assert hook_count(model_of(engine)) == 0
    assert traceback.format_exception(kept.value)
    watch.cancel_at = None
    watch.events.clear()
    again = run_map(engine, source, "encoder_bottleneck")
    assert again.from_cache is False
    if extracted:  # finished rows are not computed again
        assert [e.detail for e in watch.events if getattr(e, "stage", "") == "extracting"] == [""]
    assert [path.name for path in cache_of(source.path).iterdir()] == [again.path.name]
    same = run_map(make_engine(), source, "encoder_bottleneck")
    assert same.from_cache
    np.testing.assert_array_equal(again.xy, same.xy)


@pytest.mark.parametrize("skip", range(5))
def test_a_cancelled_opening_leaves_what_was_open(
    engine: Engine, watch: Watch, source: FolderRef, tiny_data: Callable[..., Path], skip: int
) -> None:
    loaded = load(engine, source)
    other = FolderRef(tiny_data("other"))
    watch.events.clear()
    watch.cancel_at, watch.skip = "reading samples", skip
    with pytest.raises(Cancelled):
        engine.run(OpenData(job_id=3, folder=other))
    watch.cancel_at = None
    assert load(engine, source) == loaded
    assert "loading the model" not in watch.stages
    opened = engine.run(OpenData(job_id=3, folder=other))
    assert isinstance(opened, DataOpened)
    assert len(opened.samples) == TINY_SAMPLES


def test_looking_for_models_can_be_cancelled(tmp_path: Path) -> None:
    for i in range(20):
        (tmp_path / f"model {i}").mkdir()
        (tmp_path / f"model {i}" / "config.json").write_text("{}")
    asked = 0

    def cancelled(job_id: int) -> bool:
        nonlocal asked
        asked += 1
        return asked == 35

    with pytest.raises(Cancelled):
        Engine("cpu", cancelled=cancelled).run(OpenData(job_id=1, folder=FolderRef(tmp_path)))


# ---- activations are computed once -------------------------------------------------------------


def extract(
    engine: Engine, source: FolderRef, *layer_sets: tuple[str, ...], out: Path | None = None
) -> LayersExtracted:
    job = Extract(job_id=6, folder=source, model="tiny", layer_sets=layer_sets, out=out)
    result = engine.run(job)
    assert isinstance(result, LayersExtracted)
    return result


def test_other_parameters_need_no_other_extraction(source: FolderRef) -> None:
    watch = Watch()
    engine = make_engine(watch)
    first = run_map(engine, source, "encoder_bottleneck")
    watch.events.clear()
    near = MapParameters(n_neighbors=5, n_components=3)
    second = run_map(engine, source, "encoder_bottleneck", parameters=near)
    assert watch.stages == ["finding neighbours", "preparing UMAP", *MAP_STAGES[-3:]]
    assert second.parameters["n_neighbors"] == 5
    assert second.z is not None
    np.testing.assert_array_equal(second.reduced, first.reduced)
    assert not np.allclose(second.xy, first.xy)
    # as if it had been made from nothing
    for path in cache_of(source.path).iterdir():
        shutil.rmtree(path)
    np.testing.assert_array_equal(
        run_map(make_engine(), source, "encoder_bottleneck", parameters=near).xy, second.xy
    )
    # reduced in another way, but from the same rows
    watch.events.clear()
    narrow = MapParameters(pca_components=7)
    run_map(engine, source, "encoder_bottleneck", parameters=narrow)
    assert watch.stages == ["reducing", *MAP_STAGES[3:]]


def test_that_kernels_cannot_be_kept_is_noted_once(
    source: FolderRef, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "file"))
    store = KernelStore(tmp_path / "file" / "numba")
    store.save("layouts.rdist", b"")
    monkeypatch.setattr(maps, "user_store", lambda: store)
    engine = make_engine()
    (note,) = run_map(engine, source, "encoder_bottleneck").notes
    assert note.startswith(f"Compiled kernels cannot be kept in {tmp_path / 'file' / 'numba'} (")
    near = MapParameters(n_neighbors=5)
    store.save("layouts.rdist", b"")
    assert run_map(engine, source, "encoder_bottleneck", parameters=near).notes == ()


def test_layers_extracted_in_one_pass_are_those_of_their_own_passes(
    source: FolderRef, tmp_path: Path
) -> None:
    sets = (("midblock",), ("encoder_bottleneck", "decoder_block_2"))
    watch = Watch()
    done = extract(make_engine(watch), source, *sets)
    assert (done.samples, done.computed, done.files) == (TINY_SAMPLES, TINY_SAMPLES, ())
    assert done.layer_sets == (("midblock",), ("decoder_block_2", "encoder_bottleneck"))
    watch.events.clear()
    engine = make_engine(watch)
    mapped = run_map(engine, source, *sets[1])
    assert [e.detail for e in watch.events if getattr(e, "stage", "") == "extracting"] == [""]
    opened = engine.workspace.open(source, "tiny")
    rows = engine.workspace.maps.activations.rows(
        Activations(opened, mapped.layers), range(TINY_SAMPLES)
    )
    expected = [
        activations_by_hand(source.path / "tiny", layer, range(TINY_SAMPLES))
        for layer in mapped.layers
    ]
    np.testing.assert_allclose(rows, np.hstack(expected), rtol=0, atol=1e-4)
    assert extract(engine, source, ("midblock",)).computed == 0
    # what a finished map has is copied, not computed again
    again = extract(engine, source, sets[1], out=tmp_path / "out")
    assert again.computed == 0
    np.testing.assert_array_equal(np.load(again.files[0]), rows)
    assert extract(engine, source, sets[1]).computed == 0
    assert sum(path.name.startswith(".partial-") for path in cache_of(source.path).iterdir()) == 1


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_activations_are_written_with_a_side_car(
    source: FolderRef, tmp_path: Path, dtype: Any
) -> None:
    (source.path / "tiny/images/imagenet_real/sample_000004.png").unlink()
    narrow = replace(source, overrides=replace(source.overrides, activation_dtype=dtype))
    done = extract(make_engine(), narrow, ("midblock",), out=tmp_path / "out")
    assert done.notes == ("1 picture was left out: it is missing (sample_000004)",)
    assert [path.name for path in sorted((tmp_path / "out").iterdir())] == [
        "midblock.npy",
        "midblock.npy.json",
    ]
    rows = np.load(done.files[0])
    assert (rows.dtype, len(rows), done.samples) == (dtype, TINY_SAMPLES, TINY_SAMPLES - 1)
    assert np.flatnonzero(np.isnan(rows).any(axis=1)).tolist() == [4]
    expected = activations_by_hand(source.path / "tiny", "midblock", [0, 59])
    np.testing.assert_allclose(rows[[0, 59]], expected, atol=1e-4 if dtype == "float32" else 5e-2)
    side_car = json.loads((tmp_path / "out/midblock.npy.json").read_text())
    assert side_car["dtype"] == dtype
    assert side_car["sample_ids"][59] == "sample_000059"
    with pytest.raises(DiffViewsError, match="is there already"):
        extract(make_engine(), narrow, ("midblock",), out=tmp_path / "out")


def test_a_broken_extraction_goes_on_where_it_was(
    source: FolderRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extraction, "MARK_SECONDS", 0.0)
    monkeypatch.setattr(extraction, "LARGEST_BATCH", 7)
    watch = Watch()

    def cancel(event: Event) -> None:
        if isinstance(event, Progress) and event.stage == "extracting" and event.fraction > 0.3:
            watch.cancel_at = "extracting"

    watch.on_event = cancel
    with pytest.raises(Cancelled):
        extract(make_engine(watch), source, ("midblock",))
    engine = make_engine()
    rest = extract(engine, source, ("midblock",))
    assert 0 < rest.computed < TINY_SAMPLES
    assert (TINY_SAMPLES - rest.computed) % 7 == 0
    opened = engine.workspace.open(source, "tiny")
    rows = engine.workspace.maps.activations.find(Activations(opened, ("midblock",)), ExitStack())
    expected = activations_by_hand(source.path / "tiny", "midblock", range(TINY_SAMPLES))
    np.testing.assert_allclose(rows.values, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("stage", "skip"),
    [("loading the model", 0), ("generating", 0), ("generating", 4), ("generating", 20)],
)
def test_a_cancelled_run_leaves_no_hook(
    engine: Engine, watch: Watch, source: FolderRef, stage: str, skip: int
) -> None:
    watch.cancel_at, watch.skip = stage, skip
    with pytest.raises(Cancelled) as kept:
        run_generate(engine, source, settings=FIVE)
    if engine.workspace.model.held is not None:
        assert hook_count(model_of(engine)) == 0
    assert traceback.format_exception(kept.value)
    watch.cancel_at = None
    again = run_generate(engine, source, settings=FIVE)
    assert same_pictures(again, run_generate(make_engine(), source, settings=FIVE))


def test_a_cancel_is_heard_inside_a_forward_pass(
    engine: Engine, watch: Watch, source: FolderRef
) -> None:
    run_generate(engine, source)
    reached: list[str] = []
    model = model_of(engine)
    handles = [
        module.register_forward_hook(lambda *_, name=name: reached.append(name))
        for name, module in (
            ("first", model.model.enc["16x16_conv"]),
            ("last", model.model.out_conv),
        )
    ]
    watch.events.clear()
    watch.cancel_at, watch.skip = "generating", 3
    with pytest.raises(Cancelled):
        run_generate(engine, source)
    assert reached == ["first"]
    assert not any(isinstance(event, StepDone) for event in watch.events)
    for handle in handles:
        handle.remove()


def test_a_cancel_while_the_mask_is_extracted_leaves_no_hook(
    engine: Engine, watch: Watch, source: FolderRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIFFVIEWS_LAYER_CACHE_MAX_MB", "0")
    watch.cancel_at, watch.skip = "reading the samples' activations", 2
    with pytest.raises(Cancelled):
        run_generate(engine, source)
    assert hook_count(model_of(engine)) == 0


def test_a_job_cancelled_before_it_begins_does_nothing(source: FolderRef) -> None:
    events: list[Event] = []
    engine = Engine("cpu", emit=events.append, cancelled=lambda job_id: job_id == 3)
    for job in (
        OpenData(job_id=3, folder=source),
        LoadModel(job_id=3, folder=source, model="tiny"),
        MapLayer(job_id=3, folder=source, spec=MapSpec("tiny", ())),
        generate_job(source, job_id=3),
    ):
        with pytest.raises(Cancelled):
            engine.run(job)
    assert events == []
    assert engine.run(OpenData(job_id=4, folder=source)).model == "tiny"


def test_an_unknown_job_is_refused(engine: Engine, source: FolderRef) -> None:
    with pytest.raises(DiffViewsError, match="does not know the job Job"):
        engine.run(Job(job_id=1, folder=source))


def test_a_failure_in_the_model_leaves_no_hook_and_the_engine_usable(
    engine: Engine, source: FolderRef
) -> None:
    good = run_generate(engine, source)
    model = model_of(engine)

    def fail(*_: Any) -> None:
        raise RuntimeError("boom")

    handle = model.model.out_conv.register_forward_hook(fail)
    with pytest.raises(RuntimeError, match="boom"):
        run_generate(engine, source)
    handle.remove()
    assert hook_count(model) == 0
    gc.collect()
    assert same_pictures(run_generate(engine, source), good)


@needs_cuda
def test_switching_models_gives_cuda_memory_back(tiny_data: Callable[..., Path]) -> None:
    tiny_data("first")
    source = FolderRef(tiny_data("second", seed=1))
    engine = Engine("cuda")
    engine.run(LoadModel(job_id=1, folder=source, model="first"))
    before = torch.cuda.memory_allocated()
    for number, model in enumerate(("second", "first"), start=2):
        engine.run(LoadModel(job_id=number, folder=source, model=model))
    assert torch.cuda.memory_allocated() == before
    engine.close()
    assert torch.cuda.memory_allocated() < before
