"""Names of ImageNet's classes, and the two orders that its classes are numbered in.

*Standard* is the order of sorted WordNet ids. *ImageNet64* is the order of downsampled ImageNet.
A file of labels is a JSON object: the class number as text → ``[WordNet id, name]``, or the name
alone. ``resources/class_labels/README.md`` says where the bundled ones come from.
"""

from __future__ import annotations

import re
import reprlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from diffviews_desktop.errors import DataError, brief
from diffviews_desktop.files.reading import meant_as_file, read_json_value
from diffviews_desktop.paths import resources

STANDARD_FILE = "imagenet_standard_class_index.json"
IMAGENET64_FILE = "imagenet64_class_labels.json"
FOLDER_FILES = (STANDARD_FILE, "class_labels.json")


def get_data_dir() -> Path:
    """The folder of the bundled class labels."""
    return resources() / "class_labels"


def load_class_labels(labels_path: Path | None = None) -> dict[int, str]:
    """Names by class number; by default ImageNet's in the standard order.

    Raises:
        DataError: the file is missing or damaged.
    """
    return {number: name for number, (_, name) in _entries(labels_path, STANDARD_FILE).items()}


def get_class_name(class_id: int, labels_path: Path | None = None) -> str:
    """The name of one class; for a number that has none, the number as text.

    A file given as ``labels_path`` is read again at every call; the bundled one is not.

    Raises:
        DataError: the file is missing or damaged.
    """
    entry = _entries(labels_path, STANDARD_FILE).get(class_id)
    return str(class_id) if entry is None else entry[1]


def load_class_labels_map(labels_path: Path | None = None) -> dict[int, tuple[str, str]]:
    """``(WordNet id, name)`` by class number; by default ImageNet's in the standard order.

    Raises:
        DataError: the file is missing or damaged, or has a class without a WordNet id.
    """
    return _with_ids(labels_path, STANDARD_FILE)


def load_imagenet64_to_standard_mapping(
    imagenet64_path: Path | None = None, standard_path: Path | None = None
) -> dict[int, int]:
    """The standard number of each ImageNet64 number, both from 0: that of the same WordNet id.

    Args:
        imagenet64_path: labels in the order to map from; by default the bundled ones.
        standard_path: labels in the order to map to; by default the bundled ones.

    Raises:
        DataError: a file is missing or damaged, has a class without a WordNet id or two with the
            same, or the second lacks a class of the first.
    """
    source = _numbers_by_id(imagenet64_path, IMAGENET64_FILE)
    target = _numbers_by_id(standard_path, STANDARD_FILE)
    missing = source.keys() - target.keys()
    if missing:
        raise DataError(
            f"{_path(standard_path, STANDARD_FILE)} lacks the WordNet id {min(missing)} of "
            f"{_path(imagenet64_path, IMAGENET64_FILE)}: use two files of the same classes."
        )
    return {number: target[wordnet_id] for wordnet_id, number in source.items()}


def remap_imagenet64_labels_to_standard(
    labels: ArrayLike,
    imagenet64_path: Path | None = None,
    standard_path: Path | None = None,
    *,
    one_based: bool = False,
) -> NDArray[np.int64]:
    """Class numbers of ImageNet64 as standard ones.

    Args:
        labels: integers of any shape, from 0.
        imagenet64_path: see `load_imagenet64_to_standard_mapping`.
        standard_path: see there.
        one_based: the labels count from 1, as those in downsampled ImageNet's own batches do. The
            result counts from 0 all the same.

    Returns:
        A new array of the same shape, ``int64``.

    Raises:
        DataError: a label is not a whole number or not a class, or the mapping cannot be made.
    """
    mapping = load_imagenet64_to_standard_mapping(imagenet64_path, standard_path)
    try:
        array = np.asarray(labels)
    except ValueError as error:
        raise DataError(f"Class labels must be an array of whole numbers ({error}).") from error
    if array.size and array.dtype.kind not in "iu":
        raise DataError(f"Class labels must be whole numbers: convert them from {array.dtype}.")
    values, positions = np.unique(array, return_inverse=True)
    first = int(one_based)
    numbers = np.empty(len(values), dtype=np.int64)
    for i, value in enumerate(values):
        number = mapping.get(int(value) - first)
        if number is None:
            raise DataError(
                f"The class label {value} is not one of the {len(mapping)} classes of "
                f"{_path(imagenet64_path, IMAGENET64_FILE)}, counted from {first}: correct the "
                "labels or what they count from."
            )
        numbers[i] = number
    return numbers[positions.reshape(-1)].reshape(array.shape)


def find_class_labels(folder: Path, data_root: Path) -> dict[int, str] | None:
    """A data folder's own names by class number, or None where it has none.

    The first of these: ``imagenet_standard_class_index.json`` and ``class_labels.json`` in the
    model's folder, then the same two in the data folder.

    Args:
        folder: the model's folder.
        data_root: the data folder.

    Raises:
        DataError: that file is damaged; the next is not tried.
    """
    for base in (folder, data_root):
        for name in FOLDER_FILES:
            # os.path: a folder that may not be entered has no labels and is no error
            if meant_as_file(base / name):
                return load_class_labels(base / name)
    return None


def _path(file: Path | None, bundled: str) -> Path:
    return get_data_dir() / bundled if file is None else Path(file)


def _entries(file: Path | None, bundled: str) -> Mapping[int, tuple[str, str]]:
    """``(WordNet id, name)`` by number, read-only; the id is empty where the file has none."""
    path = _path(file, bundled)
    return _read_once(path) if file is None else _read(path)


def _with_ids(file: Path | None, bundled: str) -> dict[int, tuple[str, str]]:
    entries = dict(_entries(file, bundled))
    for number, (wordnet_id, _) in entries.items():
        if not wordnet_id:
            raise DataError(
                f"{_path(file, bundled)} gives class {number} no WordNet id: write each class as "
                "[WordNet id, name]."
            )
    return entries


def _numbers_by_id(file: Path | None, bundled: str) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for number, (wordnet_id, _) in _with_ids(file, bundled).items():
        if wordnet_id in numbers:
            raise DataError(
                f"{_path(file, bundled)} gives the classes {numbers[wordnet_id]} and {number} the "
                f"same WordNet id {wordnet_id}: correct one."
            )
        numbers[wordnet_id] = number
    return numbers


@cache
def _read_once(path: Path) -> Mapping[int, tuple[str, str]]:
    return MappingProxyType(_read(path))


def _read(path: Path) -> dict[int, tuple[str, str]]:
    try:
        pairs = read_json_value(path, pairs_hook=_Pairs)
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} cannot be read as class labels ({brief(error)}): correct or restore it."
        ) from error
    if not isinstance(pairs, _Pairs):
        raise DataError(f'{path} must hold a JSON object, such as {{"0": "tench"}}: correct it.')
    entries: dict[int, tuple[str, str]] = {}
    for key, value in pairs:
        if not re.fullmatch("[0-9]{1,9}", key):
            raise DataError(
                f"{path} has the key {reprlib.repr(key)}, which is no class number: write a whole "
                'number from 0 up, such as "207".'
            )
        if int(key) in entries:
            raise DataError(f"{path} names class {int(key)} twice: keep one.")
        entries[int(key)] = _entry(path, key, value)
    return entries


def _entry(path: Path, key: str, value: Any) -> tuple[str, str]:
    pair = ["", value] if isinstance(value, str) else value
    if (
        not isinstance(pair, list)
        or len(pair) != 2
        or not all(isinstance(part, str) for part in pair)
        or not pair[1].strip()
    ):
        raise DataError(
            f"{path} gives class {int(key)} the value {reprlib.repr(value)}: write a name or "
            "[WordNet id, name]."
        )
    return pair[0], pair[1]


class _Pairs(list[tuple[str, Any]]):
    """A JSON object as its keys and values in order, so that a key given twice is seen."""
