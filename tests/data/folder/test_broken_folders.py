"""Broken data folders: each is refused with a sentence, and a good model beside it still opens."""

import io
import json
import os
import shutil
import struct
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from activation_forms import (
    SET,
    SHAPES,
    WIDTH,
    N,
    layer_values,
    npz_batches,
    one_npy,
    part,
    plain_rows,
    several_in_order,
    several_with_ids,
    write_form,
    write_npy,
    write_npz,
)
from data_folders import opened, samples_list, without_privileges, write_model

from diffviews_desktop.data.activations.files import open_activation_files
from diffviews_desktop.data.folder.dataset import open_data_folder, read_samples
from diffviews_desktop.errors import DataError
from diffviews_desktop.processing.umap import fit_map
from diffviews_desktop.values.maps import MapParameters

INFO = "metadata/imagenet_real/dataset_info.json"
MATRIX = SET / "a.npy"
SIDE_CAR = SET / "a.npy.json"
BATCH = SET / "batch_000001.npz"
WHAT_TO_DO = (
    "Restore",
    "restore",
    "Correct",
    "correct",
    "Keep",
    "remove",
    "Put",
    "Store",
    "Make",
    "Leave",
)


@pytest.fixture
def beside(tmp_path: Path) -> Iterator[None]:
    """A good model beside the broken one, which must still open when the test is over."""
    write_form(tmp_path, one_npy, name="good")
    yield
    good = opened(tmp_path, "good")
    samples = read_samples(good)
    files = open_activation_files(good, samples)
    assert files is not None
    rows = plain_rows(layer_values())[[int(name[-6:]) for name in samples.table.sample_id]]
    assert np.array_equal(files.take(range(N)), rows)


def use(root: Path) -> None:
    """All that is done with a model's files before it is run."""
    model = open_data_folder(root).model("bad")
    samples = read_samples(model)
    files = open_activation_files(model, samples)
    if files is not None:
        for _ in files.batches():
            pass


def refused(root: Path, *texts: str) -> str:
    """The sentence with which the model is refused."""
    with pytest.raises(DataError) as caught:
        use(root)
    said = str(caught.value)
    for text in texts:
        assert text in said
    assert said.endswith(".")
    assert "\n" not in said
    assert len(said) < 900
    assert any(word in said for word in WHAT_TO_DO), said
    return said


def change(path: Path, edit: Callable[[Any], Any]) -> None:
    """Change a JSON file."""
    value = json.loads(path.read_text())
    path.write_text(json.dumps(edit(value) or value))


def change_sample(folder: Path, number: int = 4, **values: Any) -> None:
    change(folder / INFO, lambda said: said["samples"][number].update(values))


def cut(path: Path, keep: float = 0.6) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])


class Bomb:
    def __reduce__(self) -> tuple:
        return Path.write_text, (Path("bomb-went-off"), "code ran")


def pickled() -> np.ndarray:
    return np.array([[Bomb()]] * N, dtype=object)


# --- tables and settings -------------------------------------------------------------------------

DEEP = "[" * 100_000

BROKEN_TABLES: dict[str, tuple[Callable[[Path], Any], tuple[str, ...]]] = {
    "list not JSON": (lambda f: (f / INFO).write_text('{"samples": ['), (INFO, "JSON")),
    "list not UTF-8": (lambda f: (f / INFO).write_bytes(b'{"samples": "\xff"}'), (INFO, "JSON")),
    "list too deep": (lambda f: (f / INFO).write_text('{"samples": ' + DEEP), (INFO, "JSON")),
    "list of nothing": (lambda f: (f / INFO).write_text('{"samples": []}'), (INFO, "no samples")),
    "no list": (lambda f: (f / INFO).write_text('{"samples": {"a": 1}}'), (INFO, "'samples'")),
    "list no object": (lambda f: (f / INFO).write_text("[]"), (INFO, "JSON object")),
    "same id": (
        lambda f: change_sample(f, sample_id="sample_000000"),
        (INFO, "same sample_id twice: sample_000000"),
    ),
    "id null": (lambda f: change_sample(f, sample_id=None), (INFO, "number 5 has None")),
    "id a list": (lambda f: change_sample(f, sample_id=[[1] * 9] * 9), (INFO, "sample_id")),
    "id empty": (lambda f: change_sample(f, sample_id=""), (INFO, "number 5 has ''")),
    "class a part": (
        lambda f: change_sample(f, class_label=3.5),
        (INFO, "class_label of sample_000004", "3.5 is not a whole number"),
    ),
    "class huge": (lambda f: change_sample(f, class_label=2**70), (INFO, "too large")),
    "sigma text": (lambda f: change_sample(f, conditioning_sigma="x"), (INFO, "'x' is not a num")),
    "sigma zero": (lambda f: change_sample(f, conditioning_sigma=0), (INFO, "sample_000004")),
    "csv empty": (lambda f: (f / "embeddings/demo.csv").write_text(""), ("demo.csv", "lacks")),
    "csv without columns": (
        lambda f: (f / "embeddings/demo.csv").write_text("a,b\n1,2\n"),
        ("demo.csv", "lacks the column sample_id"),
    ),
    "csv without a place": (
        lambda f: (f / "embeddings/demo.csv").write_text("sample_id,umap_x\na,2\n"),
        ("demo.csv", "lacks the column umap_y"),
    ),
    "csv header only": (
        lambda f: (f / "embeddings/demo.csv").write_text("sample_id,umap_x,umap_y\n"),
        ("demo.csv", "no usable coordinates"),
    ),
    "csv short rows": (
        lambda f: (f / "embeddings/demo.csv").write_text(
            "sample_id,umap_x,umap_y\nsample_000000\n"
        ),
        ("demo.csv", "no usable coordinates"),
    ),
    "csv not UTF-8": (
        lambda f: (f / "embeddings/demo.csv").write_bytes(b"sample_id,umap_x,umap_y\n\xe4,1,2\n"),
        ("demo.csv", "CSV"),
    ),
    "csv in UTF-16": (
        lambda f: (f / "embeddings/demo.csv").write_text("sample_id,umap_x", encoding="utf-16"),
        ("demo.csv", "lacks the column umap_y"),
    ),
    "csv of one huge cell": (
        lambda f: (f / "embeddings/demo.csv").write_text("sample_id,umap_x,umap_y\n" + "x" * 10**6),
        ("demo.csv", "CSV"),
    ),
    "map settings not JSON": (
        lambda f: (f / "embeddings/demo.json").write_text("{"),
        ("demo.json", "JSON"),
    ),
    "map settings too deep": (
        lambda f: (f / "embeddings/demo.json").write_text(DEEP),
        ("demo.json", "JSON"),
    ),
    "map settings no layers": (
        lambda f: (f / "embeddings/demo.json").write_text('{"layers": [1]}'),
        ("demo.json", "list of layer names"),
    ),
}


@pytest.mark.usefixtures("beside")
@pytest.mark.parametrize("what", BROKEN_TABLES)
def test_a_broken_table_is_refused_with_a_sentence(tmp_path: Path, what: str) -> None:
    breaking, texts = BROKEN_TABLES[what]
    folder, _ = write_form(tmp_path, one_npy, name="bad")
    use(tmp_path)
    breaking(folder)
    refused(tmp_path, *texts)


@pytest.mark.usefixtures("beside")
@pytest.mark.parametrize(
    "text", ["", "{", "[]", DEEP, '{"adapter": 3}', '{"sigma_min": -1}', '{"default_steps": "x"}']
)
def test_broken_settings_make_a_model_unusable(tmp_path: Path, text: str) -> None:
    folder, _ = write_form(tmp_path, one_npy, name="bad")
    (folder / "config.json").write_text(text)
    problems = open_data_folder(tmp_path).problems
    assert len(problems) == 1
    assert problems[0].startswith("bad cannot be opened: ")
    assert "config.json" in problems[0]


@pytest.mark.usefixtures("beside")
def test_settings_and_tables_with_a_mark_of_order_are_read(tmp_path: Path) -> None:
    folder, _ = write_form(tmp_path, one_npy, name="bad")
    for path in (folder / "config.json", folder / INFO, folder / "embeddings/demo.csv"):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    use(tmp_path)


@pytest.mark.usefixtures("beside")
def test_an_adapter_that_nobody_knows_stops_nothing_yet(tmp_path: Path) -> None:
    write_form(tmp_path, one_npy, name="bad", config={"adapter": "no-such-adapter"})
    use(tmp_path)


@pytest.mark.usefixtures("beside")
@pytest.mark.parametrize("name", ["../../nowhere.pt", "/nowhere/x.pt", "x" * 5000, "a\0b", "."])
def test_a_checkpoint_that_is_nowhere_is_said(tmp_path: Path, name: str) -> None:
    write_form(tmp_path, one_npy, name="bad", config={"checkpoint": name})
    model = opened(tmp_path, "bad")
    if name == ".":
        assert model.checkpoint() == model.path  # a folder may be one
        return
    with pytest.raises(DataError, match=r"of bad is not in .*Put the file there") as caught:
        model.checkpoint()
    assert len(str(caught.value)) < 900


@pytest.mark.usefixtures("beside")
def test_empty_folders_are_no_models(tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    assert open_data_folder(tmp_path).problems == ()
    (tmp_path / "bad" / "config.json").write_text("{}")
    (problem,) = open_data_folder(tmp_path).problems
    assert "neither metadata/*/dataset_info.json nor embeddings/*.csv" in problem
    (tmp_path / "bad" / "embeddings" / "directory.csv").mkdir(parents=True)
    assert len(open_data_folder(tmp_path).problems) == 1


@contextmanager
def open_to_nobody(path: Path) -> Iterator[None]:
    """Without the right to read a folder, whoever runs the tests."""
    mode = path.stat().st_mode
    path.chmod(0)
    try:
        with without_privileges():
            yield
    finally:
        path.chmod(mode)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="rights are another matter there")
@pytest.mark.parametrize("what", ["metadata", "embeddings", "activations"])
def test_a_folder_that_may_not_be_read_does_not_pass_for_missing(what: str) -> None:
    """Without its list, the rows would be paired with the csv's, in another order."""
    root = Path(tempfile.mkdtemp())  # tmp_path lies in a folder of this user alone
    try:
        folder, _ = write_form(root, one_npy, name="bad")
        good, _ = write_form(root, one_npy, name="good")
        for model in (folder, good):  # of no model whose class names lie in the program's folder
            (model / "config.json").write_text('{"adapter": "edm"}')
        for path in (root, *root.rglob("*")):
            path.chmod(0o755)
        with open_to_nobody(folder / what):
            found = open_data_folder(root)
            assert "good" in found.models
            if what == "metadata":
                assert f"{folder / what} cannot be read" in found.problems[0]
                return
            with pytest.raises(DataError, match=f"{what} cannot be read .*Change its rights"):
                open_activation_files(found.model("bad"), read_samples(found.model("bad")))
    finally:
        shutil.rmtree(root)


# --- paths that lead elsewhere -------------------------------------------------------------------


@pytest.mark.usefixtures("beside")
@pytest.mark.parametrize("how", ["dots", "absolute", "link"])
def test_a_picture_outside_is_no_picture(tmp_path: Path, how: str) -> None:
    folder, _ = write_form(tmp_path, one_npy, name="bad")
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"secret")
    (folder / "link.png").symlink_to(secret)
    named = {"dots": "../secret.png", "absolute": str(secret), "link": "link.png"}[how]
    change_sample(folder, image_path=named)
    table = read_samples(opened(tmp_path, "bad")).table
    assert table.picture(table.sample_id.index("sample_000004")) is None


@pytest.mark.usefixtures("beside")
@pytest.mark.parametrize("how", ["dots", "absolute", "link", "folder", "zero", "half", "long"])
def test_activations_outside_are_refused(tmp_path: Path, how: str) -> None:
    folder, _ = write_form(tmp_path, npz_batches, name="bad")
    outside = tmp_path / "outside"
    outside.mkdir()
    write_npz(outside / "x.npz", layer_values())
    (folder / SET / "link.npz").symlink_to(outside / "x.npz")
    (folder / "folder").symlink_to(outside)
    change_sample(
        folder,
        batch_index=0,
        activation_path={
            "dots": "../outside/x",
            "absolute": str(outside / "x"),
            "link": str(SET / "link"),
            "folder": "folder/x",
            "zero": "a\0b",
            "half": "a\ud800b",
            "long": "x/" * 5000,
        }[how],
    )
    said = refused(tmp_path, INFO)
    impossible = how in ("long", "zero", "half")
    assert ("are missing" if impossible else "leads out of") in said


@pytest.mark.usefixtures("beside")
def test_a_matrix_outside_is_refused(tmp_path: Path) -> None:
    folder, rows = write_form(tmp_path, one_npy, name="bad")
    write_npy(tmp_path / "outside.npy", rows)
    (folder / MATRIX).unlink()
    (folder / MATRIX).symlink_to(tmp_path / "outside.npy")
    refused(tmp_path, "a.npy", "leads out of")
    (folder / MATRIX).unlink()
    (folder / "elsewhere.npy").write_bytes((tmp_path / "outside.npy").read_bytes())
    (folder / MATRIX).symlink_to(folder / "elsewhere.npy")  # within the folder it may
    use(tmp_path)


# --- matrices ------------------------------------------------------------------------------------


def set_side_car(**values: Any) -> Callable[[Path], None]:
    return lambda folder: change(folder / SIDE_CAR, lambda said: {**said, **values})


def replace_matrix(rows: np.ndarray, said: object = None) -> Callable[[Path], None]:
    def replace(folder: Path) -> None:
        (folder / SIDE_CAR).unlink()
        write_npy(folder / MATRIX, rows, said)

    return replace


ROWS = plain_rows(layer_values())
IDS = [f"sample_{i:06d}" for i in range(N)]

BROKEN_MATRICES: dict[str, tuple[Callable[[Path], Any], tuple[str, ...]]] = {
    "truncated": (lambda f: cut(f / MATRIX), ("a.npy", "not a readable array")),
    "empty": (lambda f: cut(f / MATRIX, 0), ("a.npy", "not a readable array")),
    "not an array": (lambda f: (f / MATRIX).write_text("hello"), ("a.npy", "not a readable")),
    "whole numbers": (replace_matrix(ROWS.astype(int)), ("a.npy", "matrix", "int64")),
    "complex": (replace_matrix(ROWS.astype(complex)), ("a.npy", "matrix", "complex128")),
    "long": (replace_matrix(ROWS.astype(np.longdouble)), ("a.npy", "matrix", "float128")),
    "a vector": (replace_matrix(ROWS[:, 0]), ("a.npy", "matrix", "(12,)")),
    "a cube": (replace_matrix(ROWS[:, :, None]), ("a.npy", "matrix", "(12, 23, 1)")),
    "no columns": (replace_matrix(ROWS[:, :0]), ("a.npy", "matrix", "(12, 0)")),
    "more rows": (
        replace_matrix(np.concatenate([ROWS, ROWS])),
        ("a.npy has 24 rows for the 12 samples", INFO),
    ),
    "fewer rows": (replace_matrix(ROWS[:-1]), ("a.npy has 11 rows for the 12 samples", INFO)),
    "side-car not JSON": (lambda f: (f / SIDE_CAR).write_text("{"), ("a.npy.json", "JSON")),
    "side-car too deep": (lambda f: (f / SIDE_CAR).write_text(DEEP), ("a.npy.json", "JSON")),
    "side-car not UTF-8": (lambda f: (f / SIDE_CAR).write_bytes(b"\xff"), ("a.npy.json", "JSON")),
    "side-car a list": (lambda f: (f / SIDE_CAR).write_text("[]"), ("a.npy.json", "JSON object")),
    "layers a text": (set_side_car(layers="midblock"), ("a.npy.json", "list of layer names")),
    "layers twice": (set_side_car(layers=["a", "a"]), ("a.npy.json", "twice")),
    "other rows": (set_side_car(num_samples=11), ("a.npy.json says num_samples 11", "has 12")),
    "rows in words": (set_side_car(num_samples="12"), ("a.npy.json says num_samples '12'",)),
    "other width": (set_side_car(total_features=9), ("a.npy.json says total_features 9", "23")),
    "shapes too small": (
        set_side_car(shapes={name: [1] for name in SHAPES}),
        ("a.npy.json", "make 3 values a row", "has 23"),
    ),
    "shape missing": (set_side_car(shapes={"midblock": [23]}), ("a.npy.json", "each of 'layers'")),
    "shapes a text": (set_side_car(shapes="big"), ("a.npy.json", "each of 'layers'")),
    "shape negative": (
        set_side_car(shapes={**{name: [1] for name in SHAPES}, "midblock": [-3, -7]}),
        ("a.npy.json", "shape of midblock"),
    ),
    "ids too few": (set_side_car(sample_ids=IDS[1:]), ("a.npy.json", "12 different samples")),
    "ids twice": (set_side_car(sample_ids=[IDS[0]] * N), ("a.npy.json", "12 different samples")),
    "ids a text": (set_side_car(sample_ids="abc"), ("a.npy.json", "list of sample ids")),
    "ids of others": (
        set_side_car(sample_ids=[*IDS[:-2], "x", "y"]),
        ("a.npy lacks 2 of 12 samples", "sample_00001"),
    ),
}


@pytest.mark.usefixtures("beside")
@pytest.mark.parametrize("what", BROKEN_MATRICES)
def test_a_broken_matrix_is_refused_with_a_sentence(tmp_path: Path, what: str) -> None:
    breaking, texts = BROKEN_MATRICES[what]
    folder, _ = write_form(tmp_path, one_npy, name="bad")
    use(tmp_path)
    breaking(folder)
    refused(tmp_path, *texts)


@pytest.mark.usefixtures("beside")
@pytest.mark.parametrize("form", [one_npy, npz_batches])
def test_pickles_are_refused_and_not_run(
    tmp_path: Path, form: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder, _ = write_form(tmp_path, form, name="bad")
    if form is one_npy:
        np.save(folder / MATRIX, pickled(), allow_pickle=True)
        refused(tmp_path, "a.npy")
    else:
        np.savez(folder / BATCH, midblock=pickled())
        refused(tmp_path, BATCH.name, "run code")
    assert not (tmp_path / "bomb-went-off").exists()


@pytest.mark.usefixtures("beside")
def test_rows_that_are_not_numbers_are_left_out_of_the_map(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def holes(folder: Path, samples: Any, values: dict[str, np.ndarray]) -> None:
        values["midblock"][3] = np.nan
        values["midblock"][5, 0] = np.inf
        one_npy(folder, samples, values)

    write_form(tmp_path, holes, name="bad", shuffled=False)
    model = opened(tmp_path, "bad")
    samples = read_samples(model)
    files = open_activation_files(model, samples)
    assert files is not None
    matrix = files.matrix()
    assert matrix is not None
    assert np.isnan(files.take([3])).any()
    projector = fit_map(matrix, MapParameters(pca_components=2), xy=samples.xy)
    assert projector.rows.tolist() == [i for i in range(N) if i not in (3, 5)]
    assert "2 activations hold NaN or infinity: left out" in caplog.text


# --- several matrices ----------------------------------------------------------------------------


BROKEN_SEVERAL: dict[str, tuple[Any, Callable[[Path], Any], tuple[str, ...]]] = {
    "no side-car": (
        several_in_order,
        lambda f: (f / SET / "p1.npy.json").unlink(),
        ("p0.npy, p1.npy, p2.npy", "nothing says how they belong together", "p1.npy has no side"),
    ),
    "no count": (
        several_in_order,
        lambda f: change(f / SET / "p2.npy.json", lambda said: {"layers": said["layers"]}),
        ("nothing says how they belong together", "p2.npy has no side-car"),
    ),
    "other layers": (
        several_in_order,
        lambda f: change(
            f / SET / "p2.npy.json",
            lambda said: {"layers": ["a"], "num_samples": said["num_samples"]},
        ),
        ("nothing says how they belong together", "same layers"),
    ),
    "a file missing": (
        several_in_order,
        lambda f: ((f / SET / "p2.npy").unlink(), (f / SET / "p2.npy.json").unlink()),
        ("p0.npy, p1.npy has 8 rows for the 12 samples",),
    ),
    "other width": (
        several_in_order,
        lambda f: write_npy(
            f / SET / "p1.npy",
            ROWS[:4, :-1],
            {"layers": list(SHAPES), "num_samples": 4},
        ),
        ("p1.npy has 22 values a sample, and p0.npy 23",),
    ),
    "an id twice": (
        several_with_ids,
        lambda f: change(
            f / SET / "part1.npy.json",
            lambda said: {**said, "sample_ids": [IDS[0], *said["sample_ids"][1:]]},
        ),
        ("both hold the sample sample_000000",),
    ),
    "a file of ids missing": (
        several_with_ids,
        lambda f: (f / SET / "part1.npy").unlink(),
        ("lacks 4 of 12 samples",),
    ),
}


@pytest.mark.usefixtures("beside")
@pytest.mark.parametrize("what", BROKEN_SEVERAL)
def test_several_matrices_without_an_order_are_refused(tmp_path: Path, what: str) -> None:
    form, breaking, texts = BROKEN_SEVERAL[what]
    folder, _ = write_form(tmp_path, form, name="bad")
    use(tmp_path)
    breaking(folder)
    refused(tmp_path, *texts)


# --- batches -------------------------------------------------------------------------------------


def replace_batch(**values: np.ndarray) -> Callable[[Path], None]:
    return lambda folder: write_npz(folder / BATCH, {**part(layer_values(), slice(5)), **values})


def without_a_layer(folder: Path) -> None:
    values = part(layer_values(), slice(5))
    del values["midblock"]
    write_npz(folder / BATCH, values)


def header(shape: tuple[int, ...], descr: str = "<f4") -> bytes:
    """The beginning of an ``.npy`` file that claims a shape."""
    file = io.BytesIO()
    said = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, said)
    return file.getvalue()


def claiming(shape: tuple[int, ...], values: bytes = b"\0" * 100) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        with zipfile.ZipFile(folder / BATCH, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("midblock.npy", header(shape) + values)

    return write


def lying_about_its_size(folder: Path) -> None:
    """The archive's directory claims 4 GB."""
    claiming((1, 2**30))(folder)
    data = bytearray((folder / BATCH).read_bytes())
    at = data.rindex(b"PK\x01\x02") + 24
    data[at : at + 4] = struct.pack("<I", 2**32 - 2)
    (folder / BATCH).write_bytes(bytes(data))


def crc_wrong(folder: Path) -> None:
    """A stored array with a value changed: only its check sum tells."""
    values = {name: np.ones((5, int(np.prod(SHAPES[name]))), np.float32) for name in SHAPES}
    write_npz(folder / BATCH, values, packed=False)
    data = bytearray((folder / BATCH).read_bytes())
    at = data.rindex(np.ones(3, np.float32).tobytes())
    data[at] ^= 1
    (folder / BATCH).write_bytes(bytes(data))


BROKEN_BATCHES: dict[str, tuple[Callable[[Path], Any], tuple[str, ...]]] = {
    "missing": (
        lambda f: (f / BATCH).unlink(),
        ("activations of 5 of 12 samples are missing", "batch_000001", INFO),
    ),
    "all missing but one": (
        lambda f: [path.unlink() for path in (f / SET).glob("*0[01].npz")],
        ("activations of 10 of 12 samples are missing",),
    ),
    "truncated": (lambda f: cut(f / BATCH), (BATCH.name, "not a readable archive")),
    "empty": (lambda f: cut(f / BATCH, 0), (BATCH.name, "not a readable archive")),
    "no archive": (lambda f: (f / BATCH).write_text("hello"), (BATCH.name, "not a readable")),
    "no arrays": (lambda f: zipfile.ZipFile(f / BATCH, "w").close(), (BATCH.name, "no arrays")),
    "other files": (
        lambda f: zipfile.ZipFile(f / BATCH, "a").__enter__().writestr("x.txt", "hello"),
        (BATCH.name,),
    ),
    "check sum": (crc_wrong, (BATCH.name, "not a readable archive", "CRC")),
    "a layer missing": (without_a_layer, (f"{BATCH.name} lacks the layer midblock",)),
    "a layer more": (replace_batch(zzz=np.zeros((5, 3), np.float32)), ("lacks the layer zzz",)),
    "other rows": (
        replace_batch(midblock=np.zeros((4, 12), np.float32)),
        (BATCH.name, "4 samples of midblock but 5 of"),
    ),
    "other width": (
        replace_batch(midblock=np.zeros((5, 11), np.float32)),
        (f"{BATCH.name} has 22 values a sample",),
    ),
    "widths exchanged": (
        replace_batch(
            midblock=np.zeros((5, 11), np.float32), decoder_block_2=np.zeros((5, 7), np.float32)
        ),
        (BATCH.name, "differ in size"),
    ),
    "whole numbers": (replace_batch(midblock=np.zeros((5, 12), int)), (BATCH.name, "int64")),
    "a number": (replace_batch(midblock=np.float32(3)), (BATCH.name, "is no layer")),
    "claims many rows": (claiming((2**40, 12)), (BATCH.name, "is damaged", "bytes")),
    "claims wide rows": (claiming((5, 2**50)), (BATCH.name, "is damaged", "bytes")),
    "claims a size": (lying_about_its_size, (BATCH.name,)),
    "claims nothing": (claiming((5, 0), b""), (BATCH.name, "is no layer")),
    "claims less than nothing": (claiming((-5, 12)), (BATCH.name,)),
    "row missing": (lambda f: change_sample(f, batch_index=None), (INFO, "batch_index", "missing")),
    **{
        f"row {value!r}"[:30]: (
            lambda f, value=value: change_sample(f, batch_index=value),
            (INFO, "batch_index of sample_000004", "has the rows 0 to 4"),
        )
        for value in (5, -1, 1.5, 2**70, float("nan"), float("inf"), "x", "9" * 5000, [0], True)
    },
    "row of another": (
        lambda f: change(
            f / INFO,
            lambda said: said["samples"][4].update(batch_index=said["samples"][3]["batch_index"]),
        ),
        ("sample_000003", "sample_000004", "the same row"),
    ),
    "path missing": (
        lambda f: change_sample(f, activation_path=None),
        ("activations of 1 of 12 samples are missing", "sample_000004 has no activation_path"),
    ),
    "path a list": (lambda f: change_sample(f, activation_path=[1]), ("are missing",)),
}


@pytest.mark.usefixtures("beside")
@pytest.mark.parametrize("what", BROKEN_BATCHES)
def test_a_broken_batch_is_refused_with_a_sentence(tmp_path: Path, what: str) -> None:
    breaking, texts = BROKEN_BATCHES[what]
    folder, _ = write_form(tmp_path, npz_batches, name="bad")
    use(tmp_path)
    breaking(folder)
    refused(tmp_path, *texts)


@pytest.mark.usefixtures("beside")
@pytest.mark.parametrize("value", [4.0, "4", "4.0"])
def test_a_row_may_be_written_as_tables_write_it(tmp_path: Path, value: object) -> None:
    folder, _ = write_form(tmp_path, npz_batches, name="bad")
    listed = json.loads((folder / INFO).read_text())["samples"]
    number = next(i for i, sample in enumerate(listed) if sample["batch_index"] == 4)
    change_sample(folder, number, batch_index=value)
    use(tmp_path)


def test_an_archive_that_grows_a_thousandfold_takes_no_memory(tmp_path: Path) -> None:
    """Half a gigabyte of zeros in half a megabyte: rows are unpacked a part at a time."""
    import tracemalloc

    samples = samples_list(N)
    for i, sample in enumerate(samples):
        sample |= {"activation_path": str(SET / "b"), "batch_index": i}
    folder = write_model(tmp_path, samples=samples)
    (folder / SET).mkdir(parents=True)
    width = 1_000_000
    path = folder / SET / "b.npz"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("midblock.npy", "w", force_zip64=True) as member,
    ):
        member.write(header((120, width)))
        for _ in range(120):
            member.write(bytes(4 * width))
    assert path.stat().st_size < 3_000_000
    model = opened(tmp_path)
    files = open_activation_files(model, read_samples(model))
    assert files is not None
    tracemalloc.start()
    try:
        taken = files.take([3])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert taken.shape == (1, width)
    assert peak < 300e6


@pytest.mark.usefixtures("beside")
def test_any_byte_of_a_batch_may_be_wrong(tmp_path: Path) -> None:
    """Whatever is changed, nothing but a `DataError` comes out."""
    folder, _ = write_form(tmp_path, npz_batches, name="bad")
    model = opened(tmp_path, "bad")
    samples = read_samples(model)
    path = folder / BATCH
    whole = path.read_bytes()
    caught: list[str] = []
    for position in range(0, len(whole), 7):
        data = bytearray(whole)
        data[position] ^= 0x55
        path.write_bytes(bytes(data))
        try:
            files = open_activation_files(model, samples)
            assert files is not None
            assert files.take(range(N)).shape == (N, WIDTH)
        except DataError as error:
            caught.append(str(error))
    path.write_bytes(whole)
    assert len(caught) > 50
    assert all(BATCH.name in text for text in caught)
