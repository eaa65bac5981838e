"""Activations of a small data folder, in every form in which files hold them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from data_folders import csv_rows, samples_list, write_model

from diffviews_desktop.data.activations.files import ActivationFiles, open_activation_files
from diffviews_desktop.data.folder.dataset import ModelFolder, ModelSamples, read_samples

# as strings, decoder_block_10 comes before decoder_block_2
SHAPES = {"midblock": (3, 2, 2), "decoder_block_2": (2, 1, 3), "decoder_block_10": (1, 5, 1)}
ORDER = ("decoder_block_10", "decoder_block_2", "midblock")
WIDTH = 5 + 6 + 12
N = 12
SET = Path("activations/imagenet_real")


def layer_values(n: int = N, seed: int = 0) -> dict[str, np.ndarray]:
    """Values of every layer ``(n, C, H, W)``."""
    rng = np.random.default_rng(seed)
    return {k: rng.standard_normal((n, *s)).astype(np.float32) for k, s in SHAPES.items()}


def plain_rows(values: Mapping[str, np.ndarray]) -> np.ndarray:
    """Rows as they must come out, by nothing but numpy."""
    n = len(next(iter(values.values())))
    return np.concatenate([values[name].reshape(n, -1) for name in sorted(values)], axis=1)


def side_car(rows: int, **more: Any) -> dict[str, Any]:
    return {
        "layers": list(SHAPES),
        "shapes": {name: list(shape) for name, shape in SHAPES.items()},
        "total_features": WIDTH,
        "num_samples": rows,
        **more,
    }


def write_npy(path: Path, rows: np.ndarray, said: object = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, rows)
    if said is not None:
        path.with_name(path.name + ".json").write_text(json.dumps(said))


def write_npz(path: Path, values: Mapping[str, np.ndarray], packed: bool = True) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    (np.savez_compressed if packed else np.savez)(path, **values)  # type: ignore[arg-type]


def part(values: Mapping[str, np.ndarray], rows: Any) -> dict[str, np.ndarray]:
    return {name: array[rows] for name, array in values.items()}


Samples = list[dict[str, Any]]
Form = Callable[[Path, Samples, dict[str, np.ndarray]], None]


def one_npy(folder: Path, samples: Samples, values: dict[str, np.ndarray]) -> None:
    write_npy(folder / SET / "a.npy", plain_rows(values), side_car(len(samples)))


def npy_of_the_original(folder: Path, samples: Samples, values: dict[str, np.ndarray]) -> None:
    """As the original system's ``convert`` leaves batches: shapes with the batch, no ``.npz``."""
    npz_batches(folder, samples, values, flat=False)
    for batch in sorted((folder / SET).glob("*.npz")):
        with np.load(batch) as arrays:
            stored = {name: arrays[name] for name in sorted(arrays)}
        batch.unlink()
        rows = len(stored["midblock"])
        shapes = {name: list(array.shape) for name, array in stored.items()}
        flat = [array.reshape(rows, -1) for array in stored.values()]
        said = side_car(rows, layers=list(stored), shapes=shapes)
        write_npy(batch.with_suffix(".npy"), np.concatenate(flat, axis=1), said)


def bare_npy(folder: Path, samples: Samples, values: dict[str, np.ndarray]) -> None:
    write_npy(folder / SET / "a.npy", plain_rows(values))


def by_columns(folder: Path, samples: Samples, values: dict[str, np.ndarray]) -> None:
    rows = np.asfortranarray(plain_rows(values).astype(">f8"))
    write_npy(folder / SET / "a.npy", rows, side_car(len(samples)))


def npy_with_ids(folder: Path, samples: Samples, values: dict[str, np.ndarray]) -> None:
    order = np.random.default_rng(3).permutation(len(samples))
    ids = [samples[i]["sample_id"] for i in order]
    said = side_car(len(samples), sample_ids=ids)
    write_npy(folder / SET / "a.npy", plain_rows(values)[order], said)


def several_with_ids(folder: Path, samples: Samples, values: dict[str, np.ndarray]) -> None:
    rows = plain_rows(values)
    for number in range(3):
        which = list(range(number, len(samples), 3))[::-1]
        ids = [samples[i]["sample_id"] for i in which]
        said = side_car(len(which), sample_ids=ids)
        write_npy(folder / SET / f"part{number}.npy", rows[which], said)


def several_in_order(folder: Path, samples: Samples, values: dict[str, np.ndarray]) -> None:
    rows, third = plain_rows(values), len(samples) // 3
    for number, which in enumerate((slice(0, third), slice(third, 2 * third), slice(2 * third, N))):
        write_npy(folder / SET / f"p{number}.npy", rows[which], side_car(len(rows[which])))


def several_by_row(folder: Path, samples: Samples, values: dict[str, np.ndarray]) -> None:
    rows = plain_rows(values)
    for number in range(2):
        which = list(range(number, len(samples), 2))
        for row, i in enumerate(which):
            samples[i] |= {"activation_path": str(SET / f"half{number}"), "batch_index": row}
        write_npy(folder / SET / f"half{number}.npy", rows[which])


def npz_batches(
    folder: Path, samples: Samples, values: dict[str, np.ndarray], flat: bool = True, size: int = 5
) -> None:
    rng = np.random.default_rng(7)
    for start in range(0, len(samples), size):
        which = np.arange(start, min(start + size, len(samples)))
        rng.shuffle(which)
        for row, i in enumerate(which.tolist()):
            name = str(SET / f"batch_{start // size:06d}")
            samples[i] |= {"activation_path": name, "batch_index": row}
        batch = part(values, which)
        if flat:
            batch = {name: array.reshape(len(which), -1) for name, array in batch.items()}
        write_npz(folder / SET / f"batch_{start // size:06d}.npz", batch, packed=flat)


def npz_pictures(folder: Path, samples: Samples, values: dict[str, np.ndarray]) -> None:
    npz_batches(folder, samples, values, flat=False)


def npz_by_columns(folder: Path, samples: Samples, values: dict[str, np.ndarray]) -> None:
    turned = {name: np.asfortranarray(array) for name, array in values.items()}
    npz_batches(folder, samples, turned, flat=False, size=N)


def npz_singles(folder: Path, samples: Samples, values: dict[str, np.ndarray]) -> None:
    npz_batches(folder, samples, values, size=1)
    for sample in samples:
        del sample["batch_index"]  # of a batch of one, the row is known


FORMS: dict[str, Form] = {
    form.__name__: form
    for form in (
        one_npy,
        npy_of_the_original,
        bare_npy,
        by_columns,
        npy_with_ids,
        several_with_ids,
        several_in_order,
        several_by_row,
        npz_batches,
        npz_pictures,
        npz_by_columns,
        npz_singles,
    )
}


def write_form(
    root: Path, form: Form, *, name: str = "edm", shuffled: bool = True, **more: Any
) -> tuple[Path, np.ndarray]:
    """A model with a map in another order than its list, and its activations; and the rows."""
    samples, values = samples_list(N), layer_values()
    folder = root / name
    form(folder, samples, values)
    order = np.random.default_rng(1).permutation(N) if shuffled else np.arange(N)
    rows = csv_rows([samples[i] for i in order])
    (root / "spare").mkdir(exist_ok=True)
    built = write_model(root / "spare", name, samples=samples, rows=rows, **more)
    for path in built.iterdir():
        path.rename(folder / path.name)
    for path in sorted((root / "spare").rglob("*"), reverse=True):
        path.rmdir()
    (root / "spare").rmdir()
    return folder, plain_rows(values)


def open_both(model: ModelFolder, **more: Any) -> tuple[ModelSamples, ActivationFiles]:
    samples = read_samples(model, **more)
    files = open_activation_files(model, samples)
    assert files is not None
    return samples, files


def numbers(samples: ModelSamples) -> list[int]:
    return [int(name[-6:]) for name in samples.table.sample_id]


def gathered(files: ActivationFiles, rows: Any = None) -> dict[int, np.ndarray]:
    found: dict[int, np.ndarray] = {}
    for which, values in files.batches(rows):
        assert values.dtype == np.float32
        assert which.dtype == np.int64
        assert len(which) == len(values)
        found |= dict(zip(which.tolist(), values, strict=True))
    return found
