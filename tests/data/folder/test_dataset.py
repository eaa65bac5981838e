"""Data folders: real files, good and bad."""

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data_folders import (
    csv_rows,
    ids,
    opened,
    place,
    samples_list,
    without_privileges,
    write_csv,
    write_model,
)

from diffviews_desktop.data.activations.files import open_activation_files
from diffviews_desktop.data.folder.dataset import (
    DataFolder,
    ModelFolder,
    listed_samples,
    open_data_folder,
    read_samples,
    write_embedding_csv,
)
from diffviews_desktop.errors import DataError
from diffviews_desktop.processing.reduction import fit_reduction
from diffviews_desktop.processing.umap import Projector

# --- the list of models --------------------------------------------------------------------------


def test_a_model_is_a_subfolder_with_settings_and_samples(tmp_path: Path) -> None:
    write_model(tmp_path, "both")
    write_model(tmp_path, "map only", metadata=False)
    write_model(tmp_path, "samples only", embedding=False)
    (tmp_path / "no model").mkdir()
    (tmp_path / "labels.json").write_text("{}")
    folder = open_data_folder(tmp_path)
    assert list(folder.models) == ["both", "map only", "samples only"]
    assert folder.problems == ()


@pytest.mark.parametrize(
    ("names", "asked", "expected"),
    [
        (["edm", "dmd2", "a"], None, "dmd2"),
        (["edm", "dmd2", "a"], "edm", "edm"),
        (["b", "c", "a"], None, "a"),
    ],
)
def test_asked_for_then_dmd2_then_first(
    tmp_path: Path, names: list[str], asked: str | None, expected: str
) -> None:
    for name in names:
        write_model(tmp_path, name)
    assert opened(tmp_path, asked).name == expected


def test_an_unknown_model_is_refused_with_those_there_are(tmp_path: Path) -> None:
    write_model(tmp_path, "edm")
    write_model(tmp_path, "dmd2")
    with pytest.raises(DataError, match=r"no model 'sdxl'\. Models there: dmd2, edm"):
        opened(tmp_path, "sdxl")


def test_no_folder_and_no_model_are_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no folder .*absent"):
        open_data_folder(tmp_path / "absent")
    with pytest.raises(DataError, match="no folder"):
        open_data_folder(Path(__file__))
    folder = open_data_folder(tmp_path)
    assert folder.models == {}
    with pytest.raises(DataError, match=r"no model that can be opened.*config\.json"):
        folder.model()


BAD: dict[str, Any] = {
    "json": lambda f: (f / "config.json").write_text("{not json"),
    "bytes": lambda f: (f / "config.json").write_bytes(b"\xff\xfe\x00"),
    "list": lambda f: (f / "config.json").write_text("[1]"),
    "deep": lambda f: (f / "config.json").write_text("[" * 200_000),
    "nothing in it": lambda f: shutil.rmtree(f / "metadata") or shutil.rmtree(f / "embeddings"),
    **{
        f"config {text}": lambda f, text=text: (f / "config.json").write_text(text)
        for text in (
            '{"sigma_min": 0}',
            '{"sigma_min": -1}',
            '{"sigma_max": NaN}',
            '{"sigma_max": Infinity}',
            '{"sigma_min": 90, "sigma_max": 80}',
            '{"default_steps": 0}',
            '{"default_steps": "many"}',
            '{"default_steps": 1e9}',
            '{"guidance_scale": -1}',
            '{"adapter": null}',
            '{"extraction_input": "clean"}',
        )
    },
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_folder_never_stops_the_others(tmp_path: Path, what: str) -> None:
    write_model(tmp_path, "good")
    BAD[what](write_model(tmp_path, "bad"))
    folder = open_data_folder(tmp_path)
    assert list(folder.models) == ["good"]
    assert len(folder.problems) == 1
    assert folder.problems[0].startswith("bad cannot be opened: ")
    assert len(read_samples(folder.model()).table) == 12


def test_an_unknown_adapter_is_found_at_load_only(tmp_path: Path) -> None:
    write_model(tmp_path, config={"adapter": "from-a-package-not-installed"})
    model = opened(tmp_path)
    assert model.config.adapter == "from-a-package-not-installed"
    assert len(read_samples(model).table) == 12


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="rights are another matter there")
def test_folders_that_may_not_be_entered_are_passed_over() -> None:
    root = Path(tempfile.mkdtemp())  # tmp_path lies in a folder of this user alone
    try:
        write_model(root, "good")
        (root / "lost+found").mkdir(mode=0o700)
        for path in (root, *(root / "good").rglob("*"), root / "good"):
            path.chmod(0o755)
        (root / "lost+found").chmod(0)
        with without_privileges():
            folder = open_data_folder(root)
            assert list(folder.models) == ["good"]
            assert folder.problems == ()
        root.chmod(0)
        with without_privileges(), pytest.raises(DataError):
            open_data_folder(root)
    finally:
        root.chmod(0o700)
        (root / "lost+found").chmod(0o700)
        shutil.rmtree(root)


# --- settings ------------------------------------------------------------------------------------


def test_every_setting_has_its_default(tmp_path: Path) -> None:
    write_model(tmp_path)
    config = opened(tmp_path).config
    assert config.adapter == "dmd2-imagenet-64"
    assert (config.sigma_max, config.sigma_min, config.default_steps) == (80.0, 0.5, 5)
    assert config.checkpoint is None


def test_settings_are_read_and_unknown_ones_ignored(tmp_path: Path) -> None:
    values = {"adapter": "edm-imagenet-64", "sigma_max": 10, "sigma_min": 10, "default_steps": 1}
    write_model(tmp_path, config={**values, "from_the_future": [1]})
    config = opened(tmp_path).config
    assert {key: getattr(config, key) for key in values} == values


def test_options_replace_settings_and_are_checked(tmp_path: Path) -> None:
    write_model(tmp_path, config={"adapter": "a", "sigma_min": 2})
    model = opened(tmp_path)
    changed = model.with_overrides(adapter="b", checkpoint=None, sigma_max=20)
    assert (changed.config.adapter, changed.config.sigma_min) == ("b", 2)
    assert (changed.config.sigma_max, changed.config.checkpoint) == (20, None)
    assert model.config.adapter == "a"
    with pytest.raises(DataError, match="the options given: its values: sigma_min must not exceed"):
        model.with_overrides(sigma_max=1)
    with pytest.raises(DataError, match="the options given: default_steps: "):
        model.with_overrides(default_steps=0)


@pytest.mark.parametrize("given", [{"sigma_max": 0.25}, {"sigma_min": 500.0}])
def test_a_noise_level_alone_is_not_compared_with_a_default(
    tmp_path: Path, given: dict[str, float]
) -> None:
    """The other one is the adapter's, which may be anywhere."""
    write_model(tmp_path, config=given)
    config = opened(tmp_path).config
    assert config.model_dump(exclude_unset=True) == given
    write_model(tmp_path, "by options")
    changed = opened(tmp_path, "by options").with_overrides(**given)
    assert changed.config.model_dump(exclude_unset=True) == given


def test_a_checkpoint_is_looked_for_beside_the_model_then_above_then_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, here = tmp_path / "data", tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    folder = write_model(root, config={"checkpoint": "net.pt"})
    model = opened(root)
    with pytest.raises(DataError, match=r"net\.pt of edm is not in"):
        model.checkpoint()
    for base in (here, root, folder):
        (base / "net.pt").touch()
        assert model.checkpoint() == base / "net.pt"
    write_model(root, "bare")
    with pytest.raises(DataError, match="names no checkpoint"):
        opened(root, "bare").checkpoint()


# --- samples and the map -------------------------------------------------------------------------


def test_the_map_comes_back_exactly(tmp_path: Path) -> None:
    write_model(tmp_path)
    samples = read_samples(opened(tmp_path))
    assert samples.xy is not None
    assert samples.xy.dtype == np.float32
    assert np.array_equal(samples.xy, np.array([place(i) for i in range(12)], np.float32))
    assert samples.layers == ("encoder_bottleneck", "midblock")
    assert samples.embedding == "demo"
    assert samples.matrix_rows.tolist() == list(range(12))
    assert samples.notes == ()
    table = samples.table
    assert table.class_label.tolist() == [(i * 7) % 4 for i in range(12)]
    assert table.sigma.tolist() == [0.5 + i for i in range(12)]


def test_rows_of_a_reordered_csv_are_matched_by_name(tmp_path: Path) -> None:
    listed = samples_list()
    shuffled = [listed[i] for i in np.random.default_rng(1).permutation(12)]
    folder = write_model(tmp_path, samples=listed, rows=csv_rows(shuffled))
    matrix = np.arange(12, dtype=np.float32)[:, None] * [1, 10]
    (folder / "activations" / "imagenet_real").mkdir(parents=True)
    np.save(folder / "activations" / "imagenet_real" / "a.npy", matrix.astype(np.float32))
    model = opened(tmp_path)
    samples = read_samples(model)
    activations = open_activation_files(model, samples)
    assert samples.xy is not None
    assert activations is not None
    for position, number in enumerate(ids(samples)):
        assert tuple(samples.xy[position]) == tuple(np.float32(place(number)))
        row = activations.take([position])[0]
        assert row.tolist() == [number, 10 * number]


def test_samples_without_a_place_are_left_out_and_counted(tmp_path: Path) -> None:
    rows = csv_rows(samples_list())
    rows[2]["umap_x"] = "nan"
    rows[5]["umap_y"] = "inf"
    rows[7]["umap_y"] = ""
    rows[8]["umap_x"] = "left"
    rows[9]["umap_x"] = "1e300"
    del rows[11]
    rows.append({**rows[0], "sample_id": "of another set"})
    write_model(tmp_path, rows=rows)
    samples = read_samples(opened(tmp_path))
    assert ids(samples) == [0, 1, 3, 4, 6, 10]
    assert samples.matrix_rows.tolist() == [0, 1, 3, 4, 6, 10]
    assert samples.notes == ("6 samples have no place on the map and are left out.",)
    assert samples.xy is not None
    assert np.isfinite(samples.xy).all()


def test_a_folder_without_a_map_gives_its_samples(tmp_path: Path) -> None:
    write_model(tmp_path, embedding=False)
    samples = read_samples(opened(tmp_path))
    assert samples.xy is None
    assert samples.embedding is None
    assert samples.layers == ()
    assert len(samples.table) == 12


def test_a_csv_alone_is_enough(tmp_path: Path) -> None:
    write_model(tmp_path, metadata=False)
    model = opened(tmp_path)
    assert len(listed_samples(model).table) == 12
    assert ids(read_samples(model)) == list(range(12))


def test_missing_columns_have_sensible_values(tmp_path: Path) -> None:
    bare = [{"sample_id": 5}, {"sample_id": "x", "class_label": 0, "class_name": None}]
    write_model(tmp_path, samples=bare, embedding=False)
    table = read_samples(opened(tmp_path)).table
    assert table.sample_id == ("5", "x")
    assert table.class_label.tolist() == [-1, 0]
    assert table.class_name == ("-1", "tench")  # the adapter is that of ImageNet by default
    assert table.image_path == ("", "")
    assert table.sigma.tolist() == [1, 1]


def test_max_classes_filters_table_rows_map_and_projector(tmp_path: Path) -> None:
    folder = write_model(tmp_path)
    matrix = np.random.default_rng(0).standard_normal((12, 6)).astype(np.float32)
    (folder / "activations" / "set").mkdir(parents=True)
    np.save(folder / "activations" / "set" / "a.npy", matrix)
    model = opened(tmp_path)
    everything = read_samples(model)
    reduction, reduced = fit_reduction(matrix, 3)
    assert everything.xy is not None
    projector = Projector(reduction, reduced, everything.xy, np.arange(12))

    samples = read_samples(model, max_classes=2)
    wanted = [i for i in range(12) if (i * 7) % 4 in (0, 1)]
    assert ids(samples) == wanted
    assert set(samples.table.class_label.tolist()) == {0, 1}
    assert samples.matrix_rows.tolist() == wanted
    assert np.array_equal(samples.xy, everything.xy[wanted])
    activations = open_activation_files(model, samples)
    assert activations is not None
    assert np.array_equal(activations.take(range(len(wanted))), matrix[wanted])
    subset = projector.subset(samples.matrix_rows)
    xy, spread = subset.spread(len(samples.table))
    assert np.array_equal(xy, samples.xy)
    assert np.array_equal(spread, reduced[wanted])


def test_max_classes_counts_only_classes_that_have_a_place(tmp_path: Path) -> None:
    rows = csv_rows(samples_list())
    for row in rows:
        if row["class_label"] == 0:
            row["umap_x"] = "nan"
    write_model(tmp_path, rows=rows)
    samples = read_samples(opened(tmp_path), max_classes=1)
    assert set(samples.table.class_label.tolist()) == {1}


def labels_file(folder: Path, labels: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "class_labels.json").write_text(json.dumps(labels), encoding="utf-8")


def names_by_class(model: ModelFolder) -> dict[int, str]:
    table = read_samples(model).table
    return dict(zip(table.class_label.tolist(), table.class_name, strict=True))


@pytest.mark.parametrize(
    ("adapter", "unnamed"),
    [
        ("dmd2-imagenet-64", "tiger shark"),
        ("edm-imagenet-64", "tiger shark"),
        ("edm", "3"),
        ("edm-imagenet-512", "3"),
    ],
)
def test_a_class_is_named_by_the_folder_then_the_table_then_imagenet(
    tmp_path: Path, adapter: str, unnamed: str
) -> None:
    """Of the classes 0 … 3 the table names 1 and 2."""
    listed = samples_list()
    for sample in listed:
        sample["class_name"] = {1: "one", 2: "two"}.get(sample["class_label"], "")
    folder = write_model(tmp_path, config={"adapter": adapter}, samples=listed, embedding=False)
    first = "tench" if unnamed != "3" else "0"
    names = names_by_class(opened(tmp_path))
    assert names == {0: first, 1: "one", 2: "two", 3: unnamed}

    labels_file(tmp_path, {"0": "beside the models", "2": ["n1", "also beside"], "7": "nobody"})
    names = names_by_class(opened(tmp_path))
    assert names == {0: "beside the models", 1: "one", 2: "also beside", 3: unnamed}
    # one in the model's own folder is used instead, not with it
    labels_file(folder, {"1": "the model's own"})
    names = names_by_class(opened(tmp_path))
    assert names == {0: first, 1: "the model's own", 2: "two", 3: unnamed}


def test_labels_of_a_class_that_is_unknown_are_not_made_up(tmp_path: Path) -> None:
    listed = [{"sample_id": "a"}, {"sample_id": "b", "class_label": 1000}]
    write_model(tmp_path, samples=listed, embedding=False)
    assert names_by_class(opened(tmp_path)) == {-1: "-1", 1000: "1000"}
    labels_file(tmp_path, {"1000": "the thousand and first"})
    assert names_by_class(opened(tmp_path)) == {-1: "-1", 1000: "the thousand and first"}


def test_a_damaged_label_file_makes_its_model_unusable_and_no_other(tmp_path: Path) -> None:
    labels_file(write_model(tmp_path, "bad"), {"0": 3})
    write_model(tmp_path, "good")
    folder = open_data_folder(tmp_path)
    assert list(folder.models) == ["bad", "good"]
    with pytest.raises(DataError, match=r"bad.class_labels\.json gives class 0 the value 3"):
        read_samples(folder.model("bad"))
    assert len(read_samples(folder.model("good")).table) == 12


@pytest.mark.parametrize("count", [0, 1, 4, 99])
def test_any_number_of_classes_leaves_samples(tmp_path: Path, count: int) -> None:
    write_model(tmp_path)
    table = read_samples(opened(tmp_path), max_classes=count).table
    assert len(table.classes()) == min(max(1, count), 4)


def damaged(**change: Any) -> list[dict[str, Any]]:
    listed = samples_list()
    listed[3] = {**listed[3], **change}
    return listed


BAD_SAMPLES: dict[str, tuple[dict[str, Any], str]] = {
    "none": (dict(samples=[], rows=csv_rows(samples_list())), "has no samples"),
    "empty csv": (dict(metadata=False, rows=[]), "is empty"),
    "same id": (dict(samples=damaged(sample_id="sample_000000"), embedding=False), "same sample"),
    "no id": (dict(samples=[{"class_label": 1}], embedding=False), "sample_id"),
    "not objects": (dict(samples=["a", "b"], embedding=False), "no list of samples"),
    "class in words": (dict(samples=damaged(class_label="cat")), "usable"),
    "class too large": (dict(samples=damaged(class_label=2**40)), "usable"),
    "class infinite": (dict(samples=damaged(class_label=float("inf"))), "usable"),
    "class NaN": (dict(samples=damaged(class_label=float("nan"))), "usable"),
    "class a list": (dict(samples=damaged(class_label=[1])), "usable"),
    "sigma 0": (dict(samples=damaged(conditioning_sigma=0)), "positive number"),
    "sigma NaN": (dict(samples=damaged(conditioning_sigma=float("nan"))), "positive number"),
    "sigma huge": (dict(samples=damaged(conditioning_sigma=1e300)), "positive number"),
    "sigma in words": (dict(samples=damaged(conditioning_sigma="much")), "usable"),
    "no place at all": (
        dict(rows=[{**row, "umap_x": "nan"} for row in csv_rows(samples_list())]),
        "no usable coordinates",
    ),
    "a map of others": (
        dict(rows=[{**r, "sample_id": f"x{i}"} for i, r in enumerate(csv_rows(samples_list()))]),
        "no usable coordinates",
    ),
    "same id in the csv": (dict(rows=csv_rows(damaged(sample_id="sample_000000"))), "twice"),
}


@pytest.mark.parametrize("what", BAD_SAMPLES)
def test_bad_samples_are_refused_with_a_sentence(tmp_path: Path, what: str) -> None:
    changes, text = BAD_SAMPLES[what]
    write_model(tmp_path, **{"rows": csv_rows(samples_list()), **changes})
    with pytest.raises(DataError, match=text):
        read_samples(opened(tmp_path))


def test_damaged_tables_are_refused_with_a_sentence(tmp_path: Path) -> None:
    folder = write_model(tmp_path)
    table, info = folder / "embeddings" / "demo.csv", folder / "metadata" / "imagenet_real"
    good = table.read_text()
    for text in (b"\xff\xfe\x00\x01", good.replace("umap_y", "y").encode(), b"sample_id\n"):
        table.write_bytes(text)
        with pytest.raises(DataError, match=r"demo\.csv"):
            read_samples(opened(tmp_path))
    table.write_text(good)
    assert len(read_samples(opened(tmp_path)).table) == 12
    (folder / "embeddings" / "demo.json").write_text('{"layers": "midblock"}')
    with pytest.raises(DataError, match="list of layer names"):
        read_samples(opened(tmp_path))
    (info / "dataset_info.json").write_text('{"samples": ')
    with pytest.raises(DataError, match="as JSON"):
        read_samples(opened(tmp_path))


def test_pickles_beside_the_map_are_not_read(tmp_path: Path) -> None:
    folder = write_model(tmp_path)
    (folder / "embeddings" / "demo.pkl").write_bytes(b"cos\nabort\n(tR.")  # would end the program
    samples = read_samples(opened(tmp_path))
    assert len(samples.table) == 12
    assert samples.notes == (
        "demo.pkl is not opened, because such files can run code; what it held is made again from "
        "the activations.",
    )
    (folder / "embeddings" / "a.pkl").touch()
    (note,) = read_samples(opened(tmp_path)).notes
    assert note.startswith("a.pkl, demo.pkl are not opened")


def test_of_several_maps_the_first_by_name_is_shown_and_the_others_are_named(
    tmp_path: Path,
) -> None:
    folder = write_model(tmp_path)
    others = [{**row, "umap_x": 100 + i} for i, row in enumerate(csv_rows(samples_list()))]
    write_csv(folder / "embeddings" / "another.csv", others)
    samples = read_samples(opened(tmp_path))
    assert samples.embedding == "another"
    assert samples.layers == ()  # demo.json is of the other one
    assert samples.xy is not None
    assert samples.xy[:, 0].tolist() == [100 + i for i in range(12)]
    expected = f"{folder / 'embeddings'} holds 2 maps: another.csv is shown, demo.csv is not."
    assert samples.notes == (expected,)


def test_a_third_coordinate_is_read_where_all_samples_have_it(tmp_path: Path) -> None:
    rows = csv_rows(samples_list())[::-1]
    for row in rows:
        row["umap_z"] = -0.5 * int(row["sample_id"][-6:])
    folder = write_model(tmp_path, rows=rows)
    for classes in (None, 2):
        samples = read_samples(opened(tmp_path), max_classes=classes)
        assert samples.z is not None
        assert samples.z.dtype == np.float32
        assert samples.z.tolist() == [-0.5 * i for i in ids(samples)]
    rows[3]["umap_z"] = "nan"
    rows[3]["umap_x"] = "nan"  # which is left out, so that the others have it
    write_csv(folder / "embeddings" / "demo.csv", rows)
    z = read_samples(opened(tmp_path)).z
    assert z is not None
    assert len(z) == 11
    rows[5]["umap_z"] = ""
    write_csv(folder / "embeddings" / "demo.csv", rows)
    samples = read_samples(opened(tmp_path))
    assert samples.z is None
    assert len(samples.table) == 11


def test_what_the_folder_lists_is_known_after_samples_were_left_out(tmp_path: Path) -> None:
    listed = samples_list()
    for i, sample in enumerate(listed):
        sample |= {"activation_path": f"activations/x/{i}", "batch_index": i}
    folder = write_model(tmp_path, samples=listed, rows=csv_rows(listed)[::-1])
    samples = read_samples(opened(tmp_path), max_classes=2)
    assert samples.listed == 12
    assert samples.source == folder / "metadata" / "imagenet_real" / "dataset_info.json"
    assert samples.batch_index == tuple(ids(samples))
    assert samples.activation_path == tuple(f"activations/x/{i}" for i in ids(samples))
    everything = listed_samples(opened(tmp_path))
    assert ids(everything) == list(range(12))
    assert everything.xy is None
    assert everything.layers == ("encoder_bottleneck", "midblock")


def test_whole_numbers_may_be_written_as_tables_write_them(tmp_path: Path) -> None:
    listed = samples_list()
    for sample, text in zip(listed, ("3.0", "3", 3.0, 3), strict=False):
        sample["class_label"] = text
    write_model(tmp_path, samples=listed, embedding=False)
    assert read_samples(opened(tmp_path)).table.class_label[:4].tolist() == [3, 3, 3, 3]


def test_half_a_surrogate_pair_in_a_name_has_a_fingerprint(tmp_path: Path) -> None:
    write_model(tmp_path, samples=damaged(sample_id="\ud800"), embedding=False)
    assert len(read_samples(opened(tmp_path)).fingerprint) == 64


def test_the_fingerprint_changes_with_the_samples(tmp_path: Path) -> None:
    def fingerprint(name: str, samples: list[dict[str, Any]]) -> str:
        write_model(tmp_path, name, samples=samples, embedding=False)
        return read_samples(opened(tmp_path, name)).fingerprint

    listed = samples_list()
    prints = [
        fingerprint("order", listed[::-1]),
        fingerprint("fewer", listed[:-1]),
        fingerprint("class", damaged(class_label=0)),
        fingerprint("sigma", damaged(conditioning_sigma=9)),
        fingerprint("picture", damaged(image_path="other.png")),
        fingerprint("same", listed),
    ]
    assert len(set(prints)) == 6
    assert fingerprint("again", listed) == prints[-1]


# --- writing -------------------------------------------------------------------------------------


def test_a_written_map_reads_back_bit_for_bit(tmp_path: Path) -> None:
    listed = damaged(class_name='a "quoted", name\nof two lines', sample_id="bä,d")
    write_model(tmp_path / "from", samples=listed, embedding=False)
    table = read_samples(opened(tmp_path / "from")).table
    rng = np.random.default_rng(0)
    xy = (rng.standard_normal((12, 2)) * 10.0 ** rng.integers(-8, 8, (12, 2))).astype(np.float32)
    folder = write_model(tmp_path / "to", samples=listed, metadata=False, rows=[])
    write_embedding_csv(folder / "embeddings" / "demo.csv", table, xy)
    samples = read_samples(opened(tmp_path / "to"))
    assert np.array_equal(samples.xy, xy)
    assert samples.table.sample_id == table.sample_id
    assert samples.table.class_name == table.class_name
    assert samples.table.image_path == table.image_path
    assert np.array_equal(samples.table.class_label, table.class_label)
    assert np.array_equal(samples.table.sigma, table.sigma)
    header = (folder / "embeddings" / "demo.csv").read_text(encoding="utf-8").split("\n")[0]
    assert header.strip().endswith("umap_x,umap_y")


def test_data_folder_is_a_value(tmp_path: Path) -> None:
    write_model(tmp_path)
    assert open_data_folder(tmp_path) == open_data_folder(tmp_path)
    assert isinstance(open_data_folder(tmp_path), DataFolder)
