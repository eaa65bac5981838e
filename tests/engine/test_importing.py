"""Import: the folder that is made is opened by the program itself, and nothing else is left."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from filelock import FileLock
from PIL import Image
from tiny import DuckAdapter
from tiny_folder import write_tiny_checkpoint, write_tiny_model

from diffviews_desktop.adapters import registry
from diffviews_desktop.data.class_labels import load_class_labels
from diffviews_desktop.data.folder.dataset import open_data_folder, read_samples
from diffviews_desktop.data.folder.pictures import read_picture
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.drawing import Generate, RunResult
from diffviews_desktop.engine.jobs.importing import DataImported, ImportData
from diffviews_desktop.engine.jobs.mapping import MapLayer
from diffviews_desktop.engine.jobs.opening import DataOpened, LoadModel, OpenData
from diffviews_desktop.engine.protocol import Event, Progress
from diffviews_desktop.errors import (
    AdapterError,
    Cancelled,
    CheckpointError,
    DataError,
    DiffViewsError,
    UsageError,
)
from diffviews_desktop.values.conditions import from_choice
from diffviews_desktop.values.folders import FolderRef, ModelLoaded, Overrides
from diffviews_desktop.values.interventions import mean_of_samples
from diffviews_desktop.values.maps import LayerMap, MapParameters, MapSpec
from diffviews_desktop.values.sampling import SamplingSettings

PARAMETERS = MapParameters(n_neighbors=4, pca_components=6)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A network of grey pictures of 16 x 16 with five classes."""
    path = tmp_path / "net" / "tiny.safetensors"
    write_tiny_checkpoint(path)
    return path


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Ten coloured pictures of another shape, in two subfolders."""
    folder = tmp_path / "images"
    for i in range(10):
        write_picture(folder / ("cat" if i % 2 else "dog") / f"{i}.png", i)
    return folder


def write_picture(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    Image.fromarray(rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)).save(path)


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine("cpu", parameters=PARAMETERS)
    yield engine
    engine.close()


def import_into(engine: Engine, out: Path, checkpoint: Path, **options: Any) -> DataImported:
    folder = FolderRef(out, overrides=Overrides(**options.pop("overrides", {})))
    wanted = {"name": "mine", "layers": ("midblock",), **options}
    result = engine.run(
        ImportData(job_id=1, folder=folder, checkpoint=checkpoint, out=out, **wanted)
    )
    assert isinstance(result, DataImported)
    return result


def open_folder(engine: Engine, out: Path, model: str = "mine") -> DataOpened:
    opened = engine.run(OpenData(job_id=2, folder=FolderRef(out), model=model))
    assert isinstance(opened, DataOpened)
    return opened


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


# ---- what is made -------------------------------------------------------------------------------


def test_an_imported_folder_is_opened_with_its_own_map(
    engine: Engine, checkpoint: Path, images: Path, tmp_path: Path
) -> None:
    out = tmp_path / "data"
    layers = ("midblock", "encoder_bottleneck")
    done = import_into(engine, out, checkpoint, images=images, sigmas=(0.5, 10.0), layers=layers)
    assert (done.path, done.model, done.pictures, done.samples) == (out, "mine", 10, 20)
    (note,) = done.notes
    assert note.startswith(
        "10 pictures have no class, because the model has no class with these names"
    )
    assert [path.name for path in out.iterdir()] == ["mine"]
    folder = out / "mine"
    assert sorted(path for path in tree(folder) if not path.endswith(".png")) == [
        "activations/imported/encoder_bottleneck+midblock.npy",
        "activations/imported/encoder_bottleneck+midblock.npy.json",
        "config.json",
        "embeddings/mine.csv",
        "embeddings/mine.json",
        "embeddings/mine.projector.npz",
        "metadata/imported/dataset_info.json",
    ]
    config = json.loads((folder / "config.json").read_text())
    assert config["adapter"] == "edm"
    assert config["checkpoint"] == str(checkpoint)
    assert config["extraction_input"] == "noised"
    assert (config["sigma_max"], config["sigma_min"]) == (80.0, 0.002)

    fresh = Engine("cpu")
    opened = open_folder(fresh, out)
    assert opened.problems == ()
    table = opened.samples
    assert table.sample_id[:3] == ("sample_000000_s0.5", "sample_000000_s10", "sample_000001_s0.5")
    assert table.sigma.tolist() == [0.5, 10.0] * 10
    assert table.classes() == [(-1, "no class", 20)]
    assert table.class_name == ("cat",) * 10 + ("dog",) * 10
    label = table.columns["label"]
    assert [label.names[int(i)] for i in label.values] == ["cat"] * 10 + ["dog"] * 10
    assert opened.layer_map is not None
    assert opened.layer_map.layers == ("encoder_bottleneck", "midblock")
    assert np.isfinite(opened.layer_map.xy).all()
    assert opened.layer_map.reduced is not None
    assert opened.layer_map.reduced.shape == (20, 6)
    assert opened.layer_map.trust is not None
    # its map is the one that the same activations give anywhere else
    mapped = fresh.run(
        MapLayer(
            job_id=3,
            folder=FolderRef(out),
            spec=MapSpec("mine", opened.default_layers, PARAMETERS),
        )
    )
    assert isinstance(mapped, LayerMap)
    assert mapped.from_cache is False
    assert np.array_equal(mapped.xy, opened.layer_map.xy)
    # masks are means of its rows
    run = fresh.run(
        Generate(
            job_id=4,
            folder=FolderRef(out),
            spec=MapSpec("mine", opened.default_layers),
            interventions=mean_of_samples((0, 3)),
            condition=from_choice(1),
            settings=SamplingSettings(num_steps=2, seed=1),
        )
    )
    assert isinstance(run, RunResult)
    assert run.steps[0].imposed_xy is not None
    fresh.close()


def test_the_pictures_are_those_that_the_model_sees(
    engine: Engine, checkpoint: Path, images: Path, tmp_path: Path
) -> None:
    import_into(engine, tmp_path / "data", checkpoint, images=images, sigmas=(1.0,))
    folder = tmp_path / "data/mine/images/imported"
    assert len(list(folder.iterdir())) == 10
    with Image.open(folder / "sample_000000.png") as picture:
        assert (picture.mode, picture.size) == ("L", (16, 16))
    seen = read_picture(folder / "sample_000000.png", 16, 1)
    given = read_picture(images / "cat/1.png", 16, 1)
    assert np.array_equal(seen, given)


def test_rows_are_what_extracting_them_again_gives(
    engine: Engine, checkpoint: Path, images: Path, tmp_path: Path
) -> None:
    out = tmp_path / "data"
    import_into(engine, out, checkpoint, images=images, overrides={"extraction_input": "scaled"})
    stored = np.load(out / "mine/activations/imported/midblock.npy")
    # reduced in another way, so that the map beside it is of no use
    spec = MapSpec("mine", ("midblock",), MapParameters(n_neighbors=4, pca_components=5))
    for path in (out / "mine/activations/imported").iterdir():
        path.unlink()
    mapped = engine.run(MapLayer(job_id=5, folder=FolderRef(out), spec=spec))
    assert isinstance(mapped, LayerMap)
    again = np.load(mapped.path / "activations.npy")
    np.testing.assert_allclose(again, stored, rtol=1e-4, atol=1e-5)


def test_three_dimensions_and_half_precision(
    engine: Engine, checkpoint: Path, images: Path, tmp_path: Path
) -> None:
    out = tmp_path / "data"
    parameters = MapParameters(n_neighbors=3, pca_components=4, n_components=3, metric="cosine")
    import_into(
        engine, out, checkpoint, images=images, parameters=parameters,
        overrides={"activation_dtype": "float16"},
    )  # fmt: skip
    assert np.load(out / "mine/activations/imported/midblock.npy").dtype == np.float16
    opened = open_folder(engine, out)
    assert opened.layer_map is not None
    assert opened.layer_map.z is not None
    said = json.loads((out / "mine/embeddings/mine.json").read_text())
    assert (said["metric"], said["n_components"], said["layers"]) == ("cosine", 3, ["midblock"])


def test_a_checkpoint_inside_is_named_relatively_and_the_layer_is_the_models(
    engine: Engine, images: Path, tmp_path: Path
) -> None:
    out = tmp_path / "data"
    write_tiny_checkpoint(out / "checkpoints/tiny.safetensors")
    import_into(engine, out, out / "checkpoints/tiny.safetensors", images=images, layers=())
    config = json.loads((out / "mine/config.json").read_text())
    assert config["checkpoint"] == "checkpoints/tiny.safetensors"
    moved = out.rename(tmp_path / "moved")
    opened = open_folder(engine, moved)
    assert opened.default_layers == ("encoder_bottleneck",)
    loaded = engine.run(LoadModel(job_id=3, folder=FolderRef(moved), model="mine"))
    assert isinstance(loaded, ModelLoaded)
    assert next(layer for layer in loaded.layers if layer.name == "encoder_bottleneck").cached


def test_other_models_stay_as_they_are(
    engine: Engine, checkpoint: Path, images: Path, tmp_path: Path
) -> None:
    out = tmp_path / "data"
    write_tiny_model(out / "other", samples=5)
    before = tree(out)
    import_into(engine, out, checkpoint, images=images)
    after = tree(out)
    assert {name: after[name] for name in before} == before
    assert sorted(open_data_folder(out).models) == ["mine", "other"]


# ---- classes ------------------------------------------------------------------------------------


def classes_of(out: Path) -> list[int]:
    return [int(number) for number in read_samples(open_data_folder(out).model()).table.class_label]


def test_broken_pictures_are_named_and_left_out(
    engine: Engine, checkpoint: Path, images: Path, tmp_path: Path
) -> None:
    (images / "cat/1.png").write_bytes(b"no picture")
    (images / "notes.txt").write_text("no picture either")
    write_picture(images / "loose.png", 11)
    done = import_into(engine, tmp_path / "data", checkpoint, images=images, sigmas=(1.0,))
    assert (done.pictures, done.samples) == (10, 10)
    assert "1 picture was left out: it is not a known kind of picture (cat/1.png)." in done.notes
    loose = "1 picture has no class (in no folder that gives a label): loose.png."
    assert loose in done.notes
    names = read_samples(open_data_folder(tmp_path / "data").model()).table.class_name
    assert names == ("cat",) * 4 + ("dog",) * 5 + ("unknown",)


@pytest.mark.parametrize("header", ["file,class,name", "Filename, Label ,class_name"])
def test_labels_of_a_table(
    engine: Engine, checkpoint: Path, images: Path, tmp_path: Path, header: str
) -> None:
    labels = tmp_path / "labels.csv"
    rows = [f"./cat/{i}.png,3,tabby" for i in (1, 3, 5)] + ["dog\\0.png,9,", "gone.png,1,x"]
    labels.write_text("\n".join([header, *rows]), encoding="utf-8-sig")
    out = tmp_path / "data"
    done = import_into(engine, out, checkpoint, images=images, labels=labels, sigmas=(1.0,))
    assert classes_of(out) == [3, 3, 3, -1, -1, -1, -1, -1, -1, -1]
    names = read_samples(open_data_folder(out).model()).table.class_name
    assert names[4:7] == ("unknown", "9", "unknown")
    assert json.loads((out / "mine/class_labels.json").read_text()) == {"3": "tabby"}
    missing, without, unknown = done.notes
    assert missing == f"labels.csv names 1 picture that is not in {images}: gone.png."
    assert without.startswith("6 pictures have no class (no label in labels.csv): cat/7.png")
    assert "1 picture has a number that is no class of the model" in unknown


def test_numbers_of_too_many_digits_are_names(
    engine: Engine, checkpoint: Path, tmp_path: Path
) -> None:
    write_picture(tmp_path / "pictures" / "a.png", 1)
    labels = tmp_path / "labels.csv"
    labels.write_text(f"file,class\na.png,{'9' * 5000}\n")
    out = tmp_path / "data"
    import_into(engine, out, checkpoint, images=tmp_path / "pictures", labels=labels, sigmas=(1.0,))
    assert classes_of(out) == [-1]


def test_numbers_as_names_of_folders_are_classes(
    engine: Engine, checkpoint: Path, tmp_path: Path
) -> None:
    for name in ("2", "10", "4"):
        write_picture(tmp_path / "numbered" / name / "deep" / "a.png", int(name))
    out = tmp_path / "data"
    import_into(engine, out, checkpoint, images=tmp_path / "numbered", sigmas=(1.0, 2.0))
    assert classes_of(out) == [-1, -1, 2, 2, 4, 4]  # there is no class 10
    assert not (out / "mine/class_labels.json").exists()


def test_wordnet_ids_are_imagenets_classes(engine: Engine, tmp_path: Path) -> None:
    write_tiny_checkpoint(tmp_path / "net.safetensors", label_dim=1000)
    for name in ("n01440764", "n02123045"):
        write_picture(tmp_path / "imagenet" / name / "a.png", 1)
    out = tmp_path / "data"
    checkpoint = tmp_path / "net.safetensors"
    import_into(engine, out, checkpoint, images=tmp_path / "imagenet", sigmas=(1.0,))
    assert classes_of(out) == [0, 281]
    opened = open_folder(engine, out)
    names = load_class_labels()
    assert opened.samples.class_name == (names[0], names[281])


def test_an_archive_as_edm_writes_it(
    engine: Engine, checkpoint: Path, images: Path, tmp_path: Path
) -> None:
    archive, labels = tmp_path / "pictures.zip", {}
    with zipfile.ZipFile(archive, "w") as file:
        for number, path in enumerate(sorted(images.rglob("*.png"))):
            name = f"00000/img{number:08d}.png"
            file.write(path, name)
            labels[name] = (3 * number) % 5
        file.writestr("dataset.json", json.dumps({"labels": list(labels.items())}))
    out = tmp_path / "data"
    done = import_into(engine, out, checkpoint, images=archive, sigmas=(1.0,))
    assert done.notes == (
        "The classes are those in dataset.json; the names of folders were not used.",
    )
    assert classes_of(out) == list(labels.values())
    said = json.loads((out / "mine/metadata/imported/dataset_info.json").read_text())
    assert said["pictures"] == list(labels)
    assert [path.name for path in out.iterdir()] == ["mine"]
    assert not [path for path in (out / "mine").rglob("*") if "unpacked" in path.name]
    table = tmp_path / "labels.csv"
    table.write_text("file,class\nelsewhere.png,1\n")
    with pytest.raises(
        DataError, match=f"names is not in {archive}: .* unpack the archive and choose"
    ):
        import_into(engine, out, checkpoint, images=archive, labels=table, name="other")


def test_parts_and_the_users_classes_are_in_the_samples(
    engine: Engine, checkpoint: Path, tmp_path: Path
) -> None:
    for number, name in enumerate(("train/cat", "train/dog", "val/cat", "val/emu", "val/dog")):
        write_picture(tmp_path / "pictures" / name / "a.png", number)
    out, class_map = tmp_path / "data", (("cat", 3), ("dog", 0))
    done = import_into(
        engine,
        out,
        checkpoint,
        images=tmp_path / "pictures",
        class_map=class_map,
        sigmas=(1.0, 2.0),
    )
    assert len(done.notes) == 2
    table = open_folder(engine, out).samples
    assert table.class_label.tolist() == [3, 3, 0, 0, 3, 3, 0, 0, -1, -1]
    assert table.class_name[::2] == ("cat", "dog", "cat", "dog", "emu")
    assert table.classes() == [(-1, "emu", 2), (0, "dog", 4), (3, "cat", 4)]

    def column(name: str) -> list[str]:
        found = table.columns[name]
        return [found.names[int(i)] for i in found.values[::2]]

    assert column("label") == ["cat", "dog", "cat", "dog", "emu"]
    assert column("split") == ["train", "train", "val", "val", "val"]
    names = json.loads((out / "mine/class_labels.json").read_text())
    assert names == {"0": "dog", "3": "cat"}


# ---- without pictures ---------------------------------------------------------------------------


def test_what_a_model_draws_is_the_same_twice(
    engine: Engine, checkpoint: Path, tmp_path: Path
) -> None:
    overrides = {"num_steps": 2}
    made = {}
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        out = tmp_path / name
        import_into(engine, out, checkpoint, generate=10, seed=seed, overrides=overrides)
        made[name] = tree(out / "mine")
    for name in made["a"]:
        if not name.endswith(".npz"):  # a zip has the time in it
            assert made["a"][name] == made["b"][name], name
    pictures = {
        name: [data for path, data in files.items() if path.endswith(".png")]
        for name, files in made.items()
    }
    assert len(set(pictures["a"])) == 10
    assert not set(pictures["a"]) & set(pictures["c"])
    info = json.loads(made["a"]["metadata/generated/dataset_info.json"])
    assert info["generated"] == {"seed": 7, "drawn_at_once": 8, "steps": 2}
    classes = {sample["class_label"] for sample in info["samples"]}
    assert classes <= set(range(5))
    assert len(classes) > 1
    # by the adapter's own sampler
    first = np.random.SeedSequence([7, 0]).generate_state(1, np.uint64)[0]
    adapter = registry.get_adapter("edm").from_checkpoint(str(checkpoint), device="cpu")
    images, labels = adapter.sample(num_samples=8, num_steps=2, seed=int(first >> np.uint64(1)))
    with Image.open(tmp_path / "a/mine/images/generated/sample_000007.png") as picture:
        assert np.array_equal(np.asarray(picture), images[7, :, :, 0].numpy())
    assert [sample["class_label"] for sample in info["samples"][:24:3]] == labels.tolist()


class SlashedAdapter(DuckAdapter):
    """Layers with a slash in their names, no sampler of its own."""

    hookable_layers = ("stem/0", "head")

    def register_activation_hooks(self, layer_names: Any, hook_fn: Any) -> list[Any]:
        return super().register_activation_hooks(
            [name.removesuffix("/0") for name in layer_names], hook_fn
        )

    def get_layer_shapes(self) -> dict[str, tuple[int, ...]]:
        return {"stem/0": (4, 6, 6), "head": (3, 6, 6)}


@pytest.mark.parametrize("layers", [("stem/0",), ("head", "stem/0"), ()])
def test_an_adapter_of_another_package(
    register: Callable[[str, type], None], tmp_path: Path, layers: tuple[str, ...]
) -> None:
    register("slashed", SlashedAdapter)
    (tmp_path / "weights").write_text("")
    engine, out = Engine("cpu", parameters=PARAMETERS), tmp_path / "data"
    done = import_into(
        engine, out, tmp_path / "weights", adapter="slashed", generate=9, layers=layers
    )
    assert done.pictures == 9
    # its own noise levels are 0.1 to 10
    assert done.notes == ()
    opened = open_folder(engine, out)
    assert opened.layer_map is not None
    assert opened.layer_map.layers == (layers or ("stem/0",))
    with Image.open(out / "mine/images/generated/sample_000008.png") as picture:
        assert (picture.mode, picture.size) == ("RGB", (6, 6))
    made = sorted(path.name for path in (out / "mine/activations/generated").iterdir())
    assert len(made) == 2
    spec = MapSpec("mine", opened.layer_map.layers, PARAMETERS)
    mapped = engine.run(MapLayer(job_id=3, folder=FolderRef(out), spec=spec))
    assert isinstance(mapped, LayerMap)
    assert np.array_equal(mapped.xy, opened.layer_map.xy)


def test_a_sampler_that_gives_something_else(
    register: Callable[[str, type], None], tmp_path: Path
) -> None:
    class Odd(DuckAdapter):
        def sample(self, num_samples: int, seed: int) -> Any:
            return torch.zeros(num_samples, 3, 6, 6), None

    class Failing(DuckAdapter):
        def sample(self, num_samples: int, seed: int) -> Any:
            raise IndexError("quack")

    (tmp_path / "weights").write_text("")
    for adapter, reason in ((Odd, "gives float32"), (Failing, "IndexError: quack")):
        register("odd", adapter)
        with pytest.raises(AdapterError, match=reason):
            import_into(
                Engine("cpu"),
                tmp_path / "data",
                tmp_path / "weights",
                adapter="odd",
                generate=2,
                layers=(),
            )
    assert not (tmp_path / "data").exists()


# ---- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "kind", "reason"),
    [
        ({"name": "../mine"}, UsageError, "cannot be the name of a folder"),
        ({"name": ""}, UsageError, "cannot be the name"),
        ({"name": ".new"}, UsageError, "cannot be the name"),
        ({"images": Path("/nowhere")}, DataError, "There is no folder /nowhere"),
        ({"images": None}, UsageError, "how many to generate"),
        ({"generate": 3}, UsageError, "how many to generate"),
        ({"images": None, "generate": 3, "labels": Path("a")}, UsageError, "belong to pictures"),
        ({"images": None, "generate": 3, "class_map": (("a", 1),)}, UsageError, "map belongs to p"),
        (
            {"class_map": (("cat", 5),)},
            UsageError,
            "cat is class 5, but the model has the classes 0",
        ),
        (
            {"class_map": Path("/nowhere.csv")},
            DataError,
            "The class map /nowhere.csv cannot be read",
        ),
        ({"labels": Path("/nowhere.csv")}, DataError, "/nowhere.csv cannot be read"),
        ({"sigmas": ()}, UsageError, "at least one noise level"),
        ({"sigmas": (1.0, 0.0)}, UsageError, "from 1e-06 to 1e+06, not 0."),
        ({"sigmas": (float("nan"),)}, UsageError, "not nan"),
        ({"sigmas": (1e39,)}, UsageError, "not 1e+39"),
        ({"sigmas": (1.0, 1.0)}, UsageError, "given twice"),
        ({"sigmas": tuple(range(1, 22))}, UsageError, "21 noise levels are too many"),
        ({"seed": -1}, UsageError, "seed"),
        ({"layers": ("midblock", "nothing")}, AdapterError, "no layer 'nothing'. Its layers: enc"),
        ({"adapter": "odd"}, AdapterError, "no adapter named 'odd'"),
        ({"checkpoint": Path("/nowhere.pt")}, CheckpointError, "no checkpoint at /nowhere.pt"),
        ({"checkpoint": Path(__file__)}, CheckpointError, "test_importing.py"),
    ],
)
def test_what_cannot_be_imported_is_refused_and_leaves_nothing(
    engine: Engine,
    checkpoint: Path,
    images: Path,
    tmp_path: Path,
    options: dict[str, Any],
    kind: type[DiffViewsError],
    reason: str,
) -> None:
    given = {"images": images, **options}
    with pytest.raises(kind) as refused:
        import_into(engine, tmp_path / "data", given.pop("checkpoint", checkpoint), **given)
    assert reason in str(refused.value)
    assert str(refused.value).endswith(".")
    assert not (tmp_path / "data").exists()


def test_no_picture_can_be_read(
    engine: Engine, checkpoint: Path, images: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no pictures"):
        import_into(engine, tmp_path / "data", checkpoint, images=tmp_path / "empty")
    for path in images.rglob("*.png"):
        path.write_bytes(b"no picture")
    with pytest.raises(
        DataError, match=r"None of the 10 pictures .*: 10 are not known .*cat/1\.png"
    ):
        import_into(engine, tmp_path / "data", checkpoint, images=images)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("text", ["file,size\na,1\n", "", "file,class\na.png,1\na.png,2\n"])
def test_labels_that_say_nothing(
    engine: Engine, checkpoint: Path, images: Path, tmp_path: Path, text: str
) -> None:
    labels = tmp_path / "labels.csv"
    labels.write_text(text)
    with pytest.raises(DataError, match=r"labels\.csv"):
        import_into(engine, tmp_path / "data", checkpoint, images=images, labels=labels)


def test_what_is_there_is_never_replaced(
    engine: Engine, checkpoint: Path, images: Path, tmp_path: Path
) -> None:
    (tmp_path / "data/mine").mkdir(parents=True)
    with pytest.raises(UsageError, match="is there already"):
        import_into(engine, tmp_path / "data", checkpoint, images=images)
    assert list((tmp_path / "data").rglob("*")) == [tmp_path / "data/mine"]


def test_a_disk_that_is_too_full(
    engine: Engine,
    checkpoint: Path,
    images: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=100_000))
    with pytest.raises(DataError, match=r"The import needs .* GB, but only .* are free"):
        import_into(engine, tmp_path / "data", checkpoint, images=images)
    assert not (tmp_path / "data").exists()


def test_a_folder_that_may_not_be_written(
    engine: Engine, checkpoint: Path, images: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(DataError, match="cannot be written"):
        import_into(engine, tmp_path / "file", checkpoint, images=images)
    assert (tmp_path / "file").read_text() == "mine"


# ---- ends before the end ------------------------------------------------------------------------

STAGES = ["loading the model", "reading pictures", "extracting", "reducing", "UMAP"]


@pytest.mark.parametrize("stage", [*STAGES, "generating"])
def test_a_cancelled_import_leaves_nothing(
    checkpoint: Path, images: Path, tmp_path: Path, stage: str
) -> None:
    seen: list[str] = []

    def note(event: Event) -> None:
        if isinstance(event, Progress):
            seen.append(event.stage)

    engine = Engine("cpu", parameters=PARAMETERS, emit=note, cancelled=lambda job_id: stage in seen)
    given: dict[str, Any] = {"generate": 20} if stage == "generating" else {"images": images}
    with pytest.raises(Cancelled):
        import_into(engine, tmp_path / "data", checkpoint, **given)
    assert stage in seen
    assert not (tmp_path / "data").exists()


def test_what_a_killed_import_left_goes_unless_somebody_works_on_it(
    engine: Engine, checkpoint: Path, images: Path, tmp_path: Path
) -> None:
    out = tmp_path / "data"
    for name in (".new-mine-00000000", ".new-other-11111111", ".new-mine-22222222"):
        (out / name / "images").mkdir(parents=True)
        (out / f"{name}.lock").write_text("")
    os.unlink(out / ".new-mine-22222222.lock")
    with FileLock(out / ".new-other-11111111.lock"):
        import_into(engine, out, checkpoint, images=images)
    left = sorted(path.name for path in out.iterdir())
    assert left == [".new-other-11111111", ".new-other-11111111.lock", "mine"]
    assert sorted(open_data_folder(out).models) == ["mine"]


def test_what_was_made_before_is_no_source(engine: Engine, checkpoint: Path, images: Path) -> None:
    out = images / "data"
    import_into(engine, out, checkpoint, images=images)
    done = import_into(engine, out, checkpoint, images=images, name="again")
    assert done.pictures == 10
