"""Adapters of other packages in the engine, and what models say of themselves."""

from __future__ import annotations

import gc
import json
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from tiny import DuckAdapter
from tiny_folder import write_tiny_checkpoint
from watched import (
    Register,
    Watch,
    load,
    make_engine,
)

from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.opening import (
    OpenData,
)
from diffviews_desktop.engine.protocol import Progress
from diffviews_desktop.errors import (
    AdapterError,
    Cancelled,
    CheckpointError,
    DataError,
    OutOfMemoryError,
)
from diffviews_desktop.values.folders import FolderRef, Overrides
from diffviews_desktop.values.sampling import SamplingSettings


@pytest.fixture
def engine(watched_engine: Engine) -> Engine:
    return watched_engine


# ---- adapters of other packages -----------------------------------------------------------------


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
