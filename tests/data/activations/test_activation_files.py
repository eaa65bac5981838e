"""Activations of a data folder in every form, beside a plain reading with numpy alone."""

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from activation_forms import (
    FORMS,
    ORDER,
    SET,
    SHAPES,
    WIDTH,
    Form,
    N,
    Samples,
    bare_npy,
    gathered,
    layer_values,
    npz_batches,
    numbers,
    one_npy,
    open_both,
    part,
    plain_rows,
    side_car,
    write_form,
    write_npy,
    write_npz,
)
from data_folders import opened
from hypothesis import example, given, settings
from hypothesis import strategies as st

from diffviews_desktop.data.activations import arrays, sources
from diffviews_desktop.data.activations import npz as npz_files
from diffviews_desktop.data.activations.files import ActivationFiles, open_activation_files
from diffviews_desktop.data.activations.matrix_file import MatrixFile
from diffviews_desktop.data.folder.dataset import read_samples
from diffviews_desktop.errors import DataError

# --- every form gives the same -------------------------------------------------------------------


@pytest.mark.parametrize("metadata", [True, False], ids=["listed", "csv alone"])
@pytest.mark.parametrize("max_classes", [None, 2])
@pytest.mark.parametrize("form", FORMS)
def test_take_batches_and_matrix_agree_with_plain_reading(
    tmp_path: Path, form: str, max_classes: int | None, metadata: bool
) -> None:
    # where the csv alone lists the samples, its order is that of the rows
    by_order = form in ("one_npy", "bare_npy", "by_columns", "several_in_order")
    shuffled = metadata or not by_order
    _, rows = write_form(tmp_path, FORMS[form], metadata=metadata, shuffled=shuffled)
    samples, files = open_both(opened(tmp_path), max_classes=max_classes)
    wanted = rows[numbers(samples)]
    assert len(files) == len(samples.table) == len(wanted)
    assert files.width == WIDTH
    taken = files.take(range(len(files)))
    assert taken.dtype == np.float32
    assert np.array_equal(taken, wanted)
    found = gathered(files)
    assert sorted(found) == list(range(len(files)))
    assert all(np.array_equal(found[i], wanted[i]) for i in found)
    matrix = files.matrix()
    if matrix is not None:
        assert np.array_equal(matrix, wanted)
    if form in ("one_npy", "bare_npy", "by_columns"):
        assert (matrix is not None) == (max_classes is None)
    if form.startswith(("npz", "several")):
        assert matrix is None


@pytest.mark.parametrize("form", ["one_npy", "npy_with_ids", "several_with_ids", "npz_pictures"])
def test_a_selection_of_layers_has_their_columns_only(tmp_path: Path, form: str) -> None:
    _, rows = write_form(tmp_path, FORMS[form])
    samples, files = open_both(opened(tmp_path))
    assert files.layers == ORDER
    assert dict(files.slices) == arrays.layer_slices(SHAPES)
    for wanted in (ORDER[:1], ORDER[1:2], ORDER[:2], ORDER[1:], (ORDER[0], ORDER[2]), ORDER):
        chosen = files.select(wanted[::-1])
        assert chosen is not None
        assert chosen.layers == wanted
        columns = np.concatenate([np.arange(WIDTH)[files.slices[name]] for name in wanted])
        expected = rows[numbers(samples)][:, columns]
        assert chosen.width == len(columns)
        assert np.array_equal(chosen.take(range(N)), expected)
        found = gathered(chosen, [3, 1])
        assert all(np.array_equal(found[i], expected[i]) for i in (3, 1))
        assert {name: s.stop - s.start for name, s in chosen.slices.items()} == {
            name: int(np.prod(SHAPES[name])) for name in wanted
        }
        matrix = chosen.matrix()
        if form == "one_npy":  # the first and the last layer do not adjoin
            assert (matrix is None) == (wanted == (ORDER[0], ORDER[2]))
        if matrix is not None:
            assert np.array_equal(matrix, expected)
        again = chosen.select(wanted[:1])
        assert again is not None
        assert np.array_equal(again.take([2]), files.take([2])[:, files.slices[wanted[0]]])
    assert files.select(["midblock", "no such layer"]) is None
    assert files.select([]) is None


def test_layers_that_only_the_map_names_can_be_had_as_a_whole(tmp_path: Path) -> None:
    _, rows = write_form(tmp_path, bare_npy)
    samples, files = open_both(opened(tmp_path))
    assert files.layers == ()
    assert dict(files.slices) == {}
    chosen = files.select(samples.layers)
    assert chosen is not None
    assert np.array_equal(chosen.take([1]), rows[[numbers(samples)[1]]])
    assert files.select(samples.layers[:1]) is None


def test_a_side_car_without_shapes_knows_whole_rows_only(tmp_path: Path) -> None:
    folder, _ = write_form(tmp_path, one_npy)
    (folder / SET / "a.npy.json").write_text(json.dumps({"layers": list(SHAPES)}))
    _, files = open_both(opened(tmp_path))
    assert files.select(SHAPES) is files
    assert files.select(["midblock"]) is None
    (folder / SET / "a.npy.json").write_text(json.dumps({"layers": ["midblock"]}))
    _, files = open_both(opened(tmp_path))
    assert dict(files.slices) == {"midblock": slice(0, WIDTH)}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, N - 1), max_size=30), st.sampled_from(sorted(FORMS)))
@example([8, 8, 10], "bare_npy")
def test_any_rows_come_in_the_order_asked_for(
    tmp_path_factory: pytest.TempPathFactory, rows: list[int], form: str
) -> None:
    """Also none, and the same one more than once."""
    files, expected = _of_form(tmp_path_factory, form)
    assert np.array_equal(files.take(rows), expected[rows].reshape(-1, WIDTH))
    parts = list(files.batches(rows))
    which = np.concatenate([np.empty(0, np.int64), *(which for which, _ in parts)])
    assert sorted(which.tolist()) == sorted(rows)
    for numbers_, values in parts:
        assert np.array_equal(values, expected[numbers_])


_MADE: dict[str, tuple[ActivationFiles, np.ndarray]] = {}


def _of_form(factory: pytest.TempPathFactory, form: str) -> tuple[ActivationFiles, np.ndarray]:
    if form not in _MADE:
        root = factory.mktemp(form)
        _, rows = write_form(root, FORMS[form])
        samples, files = open_both(opened(root))
        _MADE[form] = files, rows[numbers(samples)]
    return _MADE[form]


def test_a_sample_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    write_form(tmp_path, one_npy)
    _, files = open_both(opened(tmp_path))
    for wrong in (-1, N):
        with pytest.raises(IndexError, match=f"no sample {wrong} of {N}"):
            files.take([0, wrong])


@pytest.mark.parametrize("dtype", ["<f2", ">f4", "<f8"])
@pytest.mark.parametrize("form", [one_npy, npz_batches])
def test_other_floats_are_given_as_float32(tmp_path: Path, form: Form, dtype: str) -> None:
    def stored(folder: Path, samples: Samples, values: dict[str, np.ndarray]) -> None:
        if form is one_npy:
            write_npy(folder / SET / "a.npy", plain_rows(values).astype(dtype), side_car(N))
        else:
            npz_batches(folder, samples, {k: v.astype(dtype) for k, v in values.items()})

    _, rows = write_form(tmp_path, stored)
    samples, files = open_both(opened(tmp_path))
    expected = rows.astype(dtype).astype(np.float32)[numbers(samples)]
    taken = files.take(range(N))
    assert taken.dtype == np.float32
    assert np.array_equal(taken, expected)


# --- how files are read --------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["one_npy", "several_in_order", "npz_pictures", "npz_by_columns"])
def test_batches_are_bounded_and_each_file_is_opened_once(
    tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_form(tmp_path, FORMS[form])
    _, files = open_both(opened(tmp_path))
    names: list[str] = []
    archive, matrix = npz_files.open_archive, MatrixFile.open

    def opening(path: Path) -> Any:
        names.append(path.name)
        return archive(path)

    def opening_matrix(path: Path) -> MatrixFile:
        names.append(path.name)
        return matrix(path)

    monkeypatch.setattr(npz_files, "open_archive", opening)
    monkeypatch.setattr(MatrixFile, "open", opening_matrix)
    for module in (sources, npz_files):
        monkeypatch.setattr(module, "BLOCK_BYTES", 3 * 4 * WIDTH)
    assert max(len(values) for _, values in files.batches()) == 3
    assert names == [path.name for path in files.paths]
    names.clear()
    files.take(range(N))
    assert names == [path.name for path in files.paths]


def test_only_the_layers_wanted_are_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_form(tmp_path, npz_batches)
    _, files = open_both(opened(tmp_path))
    names: list[str] = []
    open_member = zipfile.ZipFile.open

    def opening(self: zipfile.ZipFile, name: Any, *args: Any, **more: Any) -> Any:
        names.append(name)
        return open_member(self, name, *args, **more)

    monkeypatch.setattr(zipfile.ZipFile, "open", opening)
    chosen = files.select(["midblock"])
    assert chosen is not None
    chosen.take([0])
    assert names == ["midblock.npy"]


def test_a_matrix_is_preferred_and_the_set_of_the_samples_first(tmp_path: Path) -> None:
    folder, rows = write_form(tmp_path, npz_batches)
    write_npy(folder / "activations" / "another" / "a.npy", np.zeros((N, 3), np.float32))
    samples, files = open_both(opened(tmp_path))
    assert [path.suffix for path in files.paths] == [".npz"] * 3
    write_npy(folder / SET / "a.npy", rows + 1)
    samples, files = open_both(opened(tmp_path))
    assert [path.name for path in files.paths] == ["a.npy"]
    assert np.array_equal(files.take([4]), rows[[numbers(samples)[4]]] + 1)


def test_a_list_that_names_files_left_behind_has_no_activations(tmp_path: Path) -> None:
    folder, _ = write_form(tmp_path, npz_batches)
    for path in (folder / SET).iterdir():
        path.unlink()
    model = opened(tmp_path)
    assert open_activation_files(model, read_samples(model)) is None
    os.rmdir(folder / SET)
    assert open_activation_files(model, read_samples(model)) is None


def test_only_the_files_of_the_samples_kept_are_needed(tmp_path: Path) -> None:
    def by_class(folder: Path, samples: Samples, values: dict[str, np.ndarray]) -> None:
        for label in range(4):
            which = [i for i in range(N) if samples[i]["class_label"] == label]
            for row, i in enumerate(which):
                samples[i] |= {"activation_path": str(SET / f"c{label}"), "batch_index": row}
            write_npz(folder / SET / f"c{label}.npz", part(values, which))

    folder, rows = write_form(tmp_path, by_class)
    (folder / SET / "c3.npz").unlink()
    samples, files = open_both(opened(tmp_path), max_classes=3)
    assert np.array_equal(files.take(range(len(files))), rows[numbers(samples)])
    model = opened(tmp_path)
    with pytest.raises(DataError, match=r"activations of 3 of 12 samples are missing"):
        open_activation_files(model, read_samples(model))


def test_a_matrix_of_some_consecutive_samples_is_read_where_it_is(tmp_path: Path) -> None:
    _, rows = write_form(tmp_path, one_npy, shuffled=False)
    model = opened(tmp_path)
    samples = read_samples(model).take(np.arange(3, 9))
    files = open_activation_files(model, samples)
    assert files is not None
    matrix = files.matrix()
    assert isinstance(matrix, MatrixFile)
    assert np.array_equal(matrix, rows[3:9])


def test_a_file_that_changed_meanwhile_is_said(tmp_path: Path) -> None:
    folder, rows = write_form(tmp_path, one_npy)
    _, files = open_both(opened(tmp_path))
    write_npy(folder / SET / "a.npy", rows[:5])
    with pytest.raises(DataError, match=r"a\.npy has changed .* Open the folder again"):
        files.take([0])


# --- archives of arrays --------------------------------------------------------------------------


def test_an_archive_reads_as_numpy_reads_it(tmp_path: Path) -> None:
    values = {**layer_values(), "turned": np.asfortranarray(np.ones((4, 3))), "count": np.arange(5)}
    write_npz(tmp_path / "a.npz", values)
    file = npz_files.NpzFile.open(tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as peer:
        assert list(file.arrays) == sorted(peer.files)
        for name in peer.files:
            assert np.array_equal(file.read(name), peer[name])
            assert file.read(name).dtype == peer[name].dtype
