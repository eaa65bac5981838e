"""One matrix out of batches, and the functions of the original on activation files."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
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
    N,
    layer_values,
    npz_batches,
    numbers,
    one_npy,
    open_both,
    part,
    plain_rows,
    several_in_order,
    write_form,
    write_npy,
    write_npz,
)
from data_folders import csv_rows, opened, samples_list, write_csv, write_model

from diffviews_desktop.core import extractor
from diffviews_desktop.core.extractor import (
    convert_to_fast_format,
    flatten_activations,
    load_activations,
    load_fast_activations,
)
from diffviews_desktop.data.activations.conversion import convert_folder
from diffviews_desktop.errors import Cancelled, DataError, UsageError
from diffviews_desktop.processing.umap import load_dataset_activations

CONVERTIBLE = sorted(name for name in FORMS if name.startswith(("npz", "several")))


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file below a folder, with size and time."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): (p.stat().st_size, p.stat().st_mtime_ns) for p in files}


# --- a model's folder ----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("form", CONVERTIBLE)
def test_a_converted_folder_gives_the_same_rows(tmp_path: Path, form: str, dtype: str) -> None:
    folder, rows = write_form(tmp_path, FORMS[form])
    before = tree(folder)
    seen: list[float] = []
    checks: list[None] = []
    path = convert_folder(
        opened(tmp_path), dtype=dtype, progress=seen.append, check=lambda: checks.append(None)
    )
    assert path == folder / SET / "activations.npy"
    assert seen[0] == 0
    assert seen[-1] == 1
    assert seen == sorted(seen)
    assert checks
    values = np.load(path, allow_pickle=False)
    assert values.dtype == np.dtype(dtype)
    assert np.array_equal(values, rows.astype(dtype))
    said = json.loads(path.with_name("activations.npy.json").read_text())
    assert said["total_features"] == WIDTH
    assert said["num_samples"] == N
    assert said["dtype"] == dtype
    assert said["sample_ids"] == [f"sample_{i:06d}" for i in range(N)]
    if form != "several_by_row":  # whose files name no layers
        assert said["layers"] == list(ORDER)
    new = {str(SET / "activations.npy"), str(SET / "activations.npy.json")}
    assert {name: tree(folder)[name] for name in before} == before
    assert set(tree(folder)) - set(before) == new

    samples, files = open_both(opened(tmp_path), max_classes=2)
    assert files.paths == (path,)
    assert np.array_equal(files.take(range(len(files))), rows.astype(dtype)[numbers(samples)])
    with pytest.raises(DataError, match=r"activations\.npy is one matrix already"):
        convert_folder(opened(tmp_path))


def test_the_rows_follow_the_list_without_the_map(tmp_path: Path) -> None:
    folder, rows = write_form(tmp_path, npz_batches)
    kept = csv_rows(samples_list(N))[3:]
    write_csv(folder / "embeddings" / "demo.csv", kept)
    path = convert_folder(opened(tmp_path))
    assert np.array_equal(np.load(path), rows)
    assert len(open_both(opened(tmp_path))[0].table) == N - 3


def test_a_csv_alone_is_converted_where_its_files_are(tmp_path: Path) -> None:
    folder, rows = write_form(tmp_path, npz_batches, metadata=False, shuffled=False)
    assert convert_folder(opened(tmp_path)) == folder / SET / "activations.npy"
    assert np.array_equal(open_both(opened(tmp_path))[1].take(range(N)), rows)


def test_shapes_are_kept_where_they_are_known(tmp_path: Path) -> None:
    write_form(tmp_path, FORMS["npz_pictures"])
    path = convert_folder(opened(tmp_path))
    said = json.loads(path.with_name("activations.npy.json").read_text())
    assert said["shapes"] == {name: list(SHAPES[name]) for name in ORDER}


def failing_progress(fraction: float) -> None:
    if fraction > 0.5:
        raise Cancelled("Cancelled.")


def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))


@pytest.mark.parametrize("form", [npz_batches, several_in_order])
def test_a_conversion_that_is_cancelled_leaves_nothing(tmp_path: Path, form: Any) -> None:
    folder, _ = write_form(tmp_path, form)
    before = tree(folder)
    with pytest.raises(Cancelled):
        convert_folder(opened(tmp_path), progress=failing_progress)

    def check() -> None:
        raise Cancelled("Cancelled.")

    with pytest.raises(Cancelled):
        convert_folder(opened(tmp_path), check=check)
    assert tree(folder) == before


def test_a_conversion_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = write_form(tmp_path, npz_batches)
    last = folder / SET / "batch_000002.npz"
    good = last.read_bytes()
    data = bytearray(good)
    data[len(data) // 2] ^= 255
    last.write_bytes(bytes(data))
    before = tree(folder)
    with pytest.raises(DataError, match=r"batch_000002\.npz.*Put back"):
        convert_folder(opened(tmp_path))
    assert tree(folder) == before
    last.write_bytes(good)
    before = tree(folder)
    with monkeypatch.context() as patch:
        full_disk(patch)
        with pytest.raises(DataError, match=r"needs 0\.0 GB, but only 0\.0 GB are free"):
            convert_folder(opened(tmp_path))
    assert tree(folder) == before


def test_a_value_too_large_for_half_precision_is_said(tmp_path: Path) -> None:
    def large(folder: Path, samples: Any, values: dict[str, np.ndarray]) -> None:
        values["midblock"][7, 0, 0, 0] = 1e6
        npz_batches(folder, samples, values)

    folder, _ = write_form(tmp_path, large)
    before = tree(folder)
    with pytest.raises(DataError, match=r"as float16: a value is too large.*float32"):
        convert_folder(opened(tmp_path), dtype="float16")
    assert tree(folder) == before
    with pytest.raises(UsageError, match="float32, float16, not int8"):
        convert_folder(opened(tmp_path), dtype="int8")


def test_nothing_to_convert_is_said(tmp_path: Path) -> None:
    write_form(tmp_path, one_npy, name="one")
    write_model(tmp_path, "none")
    with pytest.raises(DataError, match=r"a\.npy is one matrix already: nothing to convert"):
        convert_folder(opened(tmp_path, "one"))
    with pytest.raises(DataError, match="no activations to convert"):
        convert_folder(opened(tmp_path, "none"))


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="an administrator may write")
def test_a_folder_that_may_not_be_written_is_said(tmp_path: Path) -> None:
    folder, _ = write_form(tmp_path, npz_batches)
    (folder / SET).chmod(0o500)
    try:
        with pytest.raises(DataError, match="cannot be written"):
            convert_folder(opened(tmp_path))
    finally:
        (folder / SET).chmod(0o700)


def test_a_file_that_cannot_be_made_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = write_form(tmp_path, npz_batches)
    before = tree(folder)
    real = os.open

    def read_only(path: Any, flags: int, *args: Any, **more: Any) -> int:
        if flags & os.O_CREAT:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, flags, *args, **more)

    monkeypatch.setattr(os, "open", read_only)
    with pytest.raises(DataError, match=r"cannot be written .*Check the disk"):
        convert_folder(opened(tmp_path))
    assert tree(folder) == before


# --- files by themselves -------------------------------------------------------------------------


def test_flattening_takes_batches_and_single_samples() -> None:
    values = layer_values()
    rows = flatten_activations(values)
    assert rows.dtype == np.float32
    assert np.array_equal(rows, plain_rows(values))
    single = {name: array[3].astype(np.float64) for name, array in values.items()}
    assert np.array_equal(flatten_activations(single), rows[[3]])
    flat = {name: array[3].ravel() for name, array in values.items()}
    assert np.array_equal(flatten_activations(flat), rows[[3]])
    with pytest.raises(DataError, match="no activations"):
        flatten_activations({})


@pytest.mark.parametrize("name", ["b.0/x", "plain"])
@pytest.mark.parametrize("suffix", ["", ".npz"])
def test_what_an_extractor_saved_is_loaded(tmp_path: Path, name: str, suffix: str) -> None:
    values = {name: np.arange(6, dtype=np.float32).reshape(2, 3)}
    write_npz(tmp_path / "batch.0.npz", values)
    arrays, said = load_activations(tmp_path / f"batch.0{suffix}")
    assert list(arrays) == [name]
    assert np.array_equal(arrays[name], values[name])
    assert said == {}
    (tmp_path / "batch.0.json").write_text('{"sigma": 0.5}')
    assert load_activations(str(tmp_path / f"batch.0{suffix}"))[1] == {"sigma": 0.5}
    with pytest.raises(DataError, match=r"absent\.npz"):
        load_activations(tmp_path / "absent")


@pytest.mark.parametrize("suffix", ["", ".npz"])
def test_one_archive_becomes_a_matrix(tmp_path: Path, suffix: str) -> None:
    values = layer_values()
    write_npz(tmp_path / "all.npz", values)
    path = convert_to_fast_format(tmp_path / f"all{suffix}")
    assert path == tmp_path / "all.npy"
    mapped = load_fast_activations(path)
    assert isinstance(mapped, np.memmap)
    assert not mapped.flags.writeable
    assert np.array_equal(mapped, plain_rows(values))
    assert not isinstance(load_fast_activations(tmp_path / "all", mmap_mode=None), np.memmap)
    changed = load_fast_activations(path, "c")
    changed[0] = 0
    assert np.array_equal(load_fast_activations(path), plain_rows(values))
    with pytest.raises(UsageError, match="mmap_mode"):
        load_fast_activations(path, "r+")
    said = json.loads((tmp_path / "all.npy.json").read_text())
    assert said == {
        "layers": list(ORDER),
        "shapes": {name: list(SHAPES[name]) for name in ORDER},
        "total_features": WIDTH,
        "num_samples": N,
        "dtype": "float32",
    }


def test_a_folder_of_archives_becomes_a_matrix_in_the_order_of_its_numbers(tmp_path: Path) -> None:
    values = layer_values(22)
    for number in range(11):
        write_npz(
            tmp_path / "from" / f"b_{number}.npz",
            part(values, slice(2 * number, None))
            if number == 10
            else part(values, slice(2 * number, 2 * number + 2)),
        )
    path = convert_to_fast_format(tmp_path / "from", tmp_path / "to" / "x", ["midblock"])
    assert path == tmp_path / "to" / "x.npy"
    assert np.array_equal(np.load(path), values["midblock"].reshape(22, -1))
    assert convert_to_fast_format(tmp_path / "from") == tmp_path / "from" / "activations.npy"
    assert np.array_equal(np.load(tmp_path / "from" / "activations.npy"), plain_rows(values))


def test_a_matrix_that_is_there_stays_if_its_conversion_fails(tmp_path: Path) -> None:
    write_npz(tmp_path / "a.npz", layer_values())
    path = convert_to_fast_format(tmp_path / "a")
    before = tree(tmp_path)
    data = bytearray((tmp_path / "a.npz").read_bytes())
    data[len(data) // 2] ^= 255
    (tmp_path / "a.npz").write_bytes(bytes(data))
    with pytest.raises(DataError, match=r"a\.npz"):
        convert_to_fast_format(tmp_path / "a")
    after = tree(tmp_path)
    assert {name: after[name] for name in ("a.npy", "a.npy.json")} == {
        name: before[name] for name in ("a.npy", "a.npy.json")
    }
    assert set(after) == set(before)
    assert path.exists()


def test_what_cannot_be_converted_is_said(tmp_path: Path) -> None:
    write_npz(tmp_path / "a.npz", layer_values())
    with pytest.raises(DataError, match=r"no layer 'encoder'. Its layers: decoder_block_10, "):
        convert_to_fast_format(tmp_path / "a.npz", layers=["encoder"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"no \.npz files"):
        convert_to_fast_format(tmp_path / "empty")
    other = {"midblock": np.zeros((2, 3, 2, 2), np.float32)}
    write_npz(tmp_path / "b.npz", other)
    with pytest.raises(DataError, match=r"b\.npz lacks the layer decoder_block_10"):
        convert_to_fast_format(tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} <= {".npz", ""}


# --- a data set with its table -------------------------------------------------------------------


@pytest.mark.parametrize("how", [{}, {"low_memory": True}, {"use_mmap": False}])
@pytest.mark.parametrize("form", sorted(FORMS))
def test_a_data_set_comes_with_its_table(tmp_path: Path, form: str, how: dict[str, bool]) -> None:
    folder, rows = write_form(tmp_path, FORMS[form])
    metadata = folder / "metadata" / "imagenet_real" / "dataset_info.json"
    for most in (None, 7):
        values, table = load_dataset_activations(
            folder / SET, str(metadata), max_samples=most, **how
        )
        assert np.array_equal(values, rows[:most])
        assert list(table["sample_id"]) == [f"sample_{i:06d}" for i in range(len(values))]
        assert list(table["class_label"]) == [(i * 7) % 4 for i in range(len(values))]
    mapped = isinstance(load_dataset_activations(folder / SET, metadata)[0], np.memmap)
    assert mapped == (form in ("one_npy", "bare_npy", "by_columns"))


def test_a_data_set_without_activations_is_said(tmp_path: Path) -> None:
    folder = write_model(tmp_path)
    metadata = folder / "metadata" / "imagenet_real" / "dataset_info.json"
    with pytest.raises(DataError, match="no activations"):
        load_dataset_activations(folder / SET, metadata)
    write_npy(folder / SET / "a.npy", np.zeros((N + 1, 4), np.float32))
    with pytest.raises(DataError, match="13 rows for the 12 samples"):
        load_dataset_activations(folder / SET, metadata)
    for wrong in ({"max_samples": 0}, {"batch_size": 0}):
        with pytest.raises(UsageError, match="positive"):
            load_dataset_activations(folder / SET, metadata, **wrong)


def test_the_functions_have_the_names_of_the_original() -> None:
    names: list[Callable[..., Any]] = [
        extractor.flatten_activations,
        extractor.load_activations,
        extractor.convert_to_fast_format,
        extractor.load_fast_activations,
    ]
    assert [function.__name__ for function in names] == [
        "flatten_activations",
        "load_activations",
        "convert_to_fast_format",
        "load_fast_activations",
    ]


def test_pandas_waits_until_a_table_is_asked_for() -> None:
    check = "import sys, diffviews_desktop.compat.activations; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_nothing_is_written_through_a_link_that_leads_out(tmp_path: Path) -> None:
    folder, _ = write_form(tmp_path, npz_batches)
    (tmp_path / "outside").mkdir()
    (folder / SET).rename(folder / "kept")
    (folder / SET).symlink_to(tmp_path / "outside")
    info = folder / "metadata" / "imagenet_real" / "dataset_info.json"
    info.write_text(info.read_text().replace(str(SET), "kept"))
    with pytest.raises(DataError, match="leads out of"):
        convert_folder(opened(tmp_path))
    assert not any((tmp_path / "outside").iterdir())
