"""Import: a data folder made of a checkpoint and pictures, or of pictures that the model draws.

What is made is a model's folder as `diffviews_desktop.data.dataset` reads it::

    <out>/<name>/config.json
                 images/<set>/sample_000000.png         each picture once, as the model sees it
                 metadata/<set>/dataset_info.json       each picture at each noise level
                 activations/<set>/<layers>.npy + .json
                 embeddings/<name>.csv .json .projector.npz
                 class_labels.json                      where the classes have names

It is built beside its place and renamed at the end, so that it is there whole or not at all. For
the engine, in whose process it runs.
"""

from __future__ import annotations

import csv
import inspect
import json
import math
import os
import posixpath
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from diffviews_desktop.data.arrays import map_array
from diffviews_desktop.data.class_labels import load_class_labels_map
from diffviews_desktop.data.dataset import ModelConfig, ModelFolder, ModelSamples, read_samples
from diffviews_desktop.data.disk import disk_full, free_bytes, is_full, remove, sync_folder
from diffviews_desktop.data.pictures import SUFFIXES, read_picture
from diffviews_desktop.errors import (
    AdapterError,
    CheckpointError,
    DataError,
    DiffViewsError,
    OutOfMemoryError,
    UsageError,
    brief,
)
from diffviews_desktop.processing.umap import fit_map, save_embeddings
from diffviews_desktop.samples import SampleTable
from diffviews_desktop.worker.extraction import row_width
from diffviews_desktop.worker.jobs import DataImported, ImportData
from diffviews_desktop.worker.maps import Host, MapMaker, OpenedModel, cache_of, some

if TYPE_CHECKING:  # torch is imported when a model is first loaded
    from diffviews_desktop.adapters.base import GeneratorAdapter

MAX_SIGMAS = 20
SIGMA_RANGE = (1e-6, 1e6)
DRAWN_AT_ONCE = 8  # always: the noise of a picture depends on how many are drawn with it
IMAGENET_CLASSES = 1000
UNKNOWN = "unknown"

FILE_COLUMNS = ("file", "filename", "image", "path")
CLASS_COLUMNS = ("class", "label", "class_label")
NAME_COLUMNS = ("name", "class_name")

_BEGUN = re.compile(r"(\.new-.+-[0-9a-f]{8})(\.lock)?")


@dataclass(frozen=True)
class _Pictures:
    """Pictures that lie in their place: the class of each, and what else is known.

    Attributes:
        classes: of each picture, -1 where unknown.
        names: of classes.
        said: what the list of samples says of where they are from.
        notes: for the person.
    """

    classes: Sequence[int]
    names: Mapping[int, str]
    said: Mapping[str, Any]
    notes: Sequence[str] = ()


class _Drawn(NamedTuple):
    """Pictures ``(B, R, R, C) uint8`` and their classes ``(B,)``."""

    images: NDArray[np.uint8]
    classes: Sequence[int]


def import_data(job: ImportData, host: Host, maps: MapMaker) -> DataImported:
    """Make a data folder.

    Raises:
        UsageError: a value cannot be used, or the folder is there already.
        DataError: no picture can be read, or the disk is full or may not be written.
        CheckpointError, AdapterError: the model cannot be loaded, or lacks a layer.
        Cancelled: nothing is left behind.
    """
    _check(job)
    files = _find_pictures(job.images, job.out) if job.images is not None else []
    kind = "imported" if files else "generated"
    with _appearing(job.out, job.name) as folder:
        opened = _without_samples(job, folder)
        adapter = host.adapter_of(opened)
        layers = tuple(sorted(set(job.layers))) or maps.default_layers(opened)
        width = row_width(adapter, layers)
        _check_channels(adapter)
        _check_room(job, adapter, (len(files) or job.generate) * len(job.sigmas), width)

        target = folder / "images" / kind
        target.mkdir(parents=True)
        if files:
            pictures = _copy_pictures(job, host, adapter, files, target)
        else:
            pictures = _draw_pictures(job, host, adapter, target)
        shapes = adapter.get_layer_shapes()
        samples = _list_samples(job, pictures, kind)
        _write_json(
            folder / "metadata" / kind / "dataset_info.json",
            {
                **pictures.said,
                "num_samples": len(samples),
                "layer_shapes": {name: list(shapes[name]) for name in layers},
                "samples": samples,
            },
        )
        if pictures.names:
            names = {str(number): name for number, name in sorted(pictures.names.items())}
            _write_json(folder / "class_labels.json", names)

        opened = replace(opened, samples=read_samples(opened.folder))
        activations = folder / "activations" / kind
        extracted = maps.extract(opened, (layers,), activations)
        _write_map(job, host, maps, opened, layers, extracted.files[0])
        _write_json(folder / "config.json", _settings(opened.folder.config, adapter))
    return DataImported(
        path=job.out,
        model=job.name,
        pictures=len(pictures.classes),
        samples=len(samples),
        notes=(*pictures.notes, *_sigma_notes(job, adapter), *extracted.notes),
    )


# ---- what is asked for --------------------------------------------------------------------------


def _check(job: ImportData) -> None:
    """Refuse at once what cannot be done."""
    name = job.name
    if not name or name != Path(name).name or name.startswith(".") or set(name) & set('\0\\/:*?"'):
        raise UsageError(f"{name!r} cannot be the name of a folder. Choose another --name.")
    target = job.out / name
    if os.path.lexists(target):
        raise UsageError(f"{target} is there already. Choose another --name or another --out.")
    if (job.images is None) == (job.generate < 1):
        raise UsageError("Give a folder of pictures, or how many to generate.")
    if job.labels is not None and job.images is None:
        raise UsageError("Labels belong to pictures: give --images, too, or leave --labels.")
    low, high = SIGMA_RANGE
    wrong = next((sigma for sigma in job.sigmas if not low <= sigma <= high), None)
    if wrong is not None:
        raise UsageError(f"Every noise level must be from {low:g} to {high:g}, not {wrong:g}.")
    if not job.sigmas:
        raise UsageError("Give at least one noise level.")
    if len(job.sigmas) > MAX_SIGMAS:
        raise UsageError(f"{len(job.sigmas)} noise levels are too many: give {MAX_SIGMAS} at most.")
    if len({_short(sigma) for sigma in job.sigmas}) < len(job.sigmas):
        raise UsageError("A noise level is given twice. Give each once.")
    if not 0 <= job.seed < 2**63:
        raise UsageError(f"The seed must be between 0 and 2**63 - 1, not {job.seed}.")
    if not os.path.exists(job.checkpoint):
        raise CheckpointError(f"There is no checkpoint at {job.checkpoint}. Choose another file.")


def _short(sigma: float) -> str:
    return f"{sigma:.6g}"


def _without_samples(job: ImportData, folder: Path) -> OpenedModel:
    """The model, before its samples are known."""
    checkpoint, out = Path(os.path.abspath(job.checkpoint)), Path(os.path.abspath(job.out))
    inside = checkpoint.is_relative_to(out)
    made_of = f"the pictures of {job.images}" if job.images else f"{job.generate} own samples"
    config = {
        "adapter": job.adapter or _general_adapter(checkpoint),
        "checkpoint": checkpoint.relative_to(out).as_posix() if inside else str(checkpoint),
        "description": f"{checkpoint.name} on {made_of}",
        "extraction_input": job.source.extraction_input or "noised",
    }
    if job.source.activation_dtype is not None:
        config["activation_dtype"] = job.source.activation_dtype
    model = ModelFolder(job.name, folder, job.out, ModelConfig.model_validate(config))
    table = SampleTable(folder, (), np.zeros(0, np.int32), (), (), np.zeros(0, np.float32))
    return OpenedModel(
        folder=model,
        samples=ModelSamples(table, np.zeros(0, np.int64), (), None, None),
        cache=cache_of(model),
        label_dropout=job.source.label_dropout,
        precision=job.source.precision,
        parameters=job.source.parameters,
    )


def _general_adapter(checkpoint: Path) -> str:
    """The adapter that reads a checkpoint of its kind, whatever the network."""
    folder = checkpoint
    if checkpoint.is_file():
        folder = checkpoint.parent
        if not checkpoint.name.startswith(("diffusion_pytorch_model", "model_index")):
            return "edm"
    if (folder / "model_index.json").is_file() or (folder / "unet" / "config.json").is_file():
        return "diffusers"
    try:
        said = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return "diffusers" if "_class_name" in said else "edm"
    except (OSError, ValueError, TypeError):
        return "edm"


def _check_channels(adapter: GeneratorAdapter) -> None:
    channels = getattr(adapter, "img_channels", 3)
    if channels not in (1, 3):
        raise UsageError(
            f"This model works on {channels} channels, which are no pictures. Choose a model of "
            "grey or coloured pictures."
        )


def _check_room(job: ImportData, adapter: GeneratorAdapter, samples: int, width: int) -> None:
    """Say that it will not fit the disk before anything is computed."""
    kind = np.dtype(job.source.activation_dtype or "float32")
    picture = getattr(adapter, "img_channels", 3) * adapter.resolution**2
    needed = samples * width * kind.itemsize + samples // len(job.sigmas) * picture
    if needed * 1.1 > free_bytes(job.out):
        raise disk_full(job.out, needed, "The import")


def _noise_levels(adapter: GeneratorAdapter) -> dict[str, float]:
    """The adapter's default noise levels, as far as the model knows them; empty if of no use."""
    said = adapter.get_default_config()
    try:
        low = max(float(said["sigma_min"]), float(getattr(adapter, "sigma_min", 0) or 0))
        high = min(float(said["sigma_max"]), float(getattr(adapter, "sigma_max", 0) or math.inf))
    except (LookupError, TypeError, ValueError):
        return {}
    return {"sigma_max": high, "sigma_min": low} if 0 < low <= high < math.inf else {}


def _sigma_notes(job: ImportData, adapter: GeneratorAdapter) -> list[str]:
    low = float(getattr(adapter, "sigma_min", None) or 0)
    high = float(getattr(adapter, "sigma_max", None) or math.inf)
    outside = [_short(sigma) for sigma in job.sigmas if not low <= sigma <= high]
    if not outside:
        return []
    return [
        f"The model knows noise levels from {low:g} to {high:g}: what is extracted at "
        f"{', '.join(outside)} may mean little."
    ]


# ---- pictures -----------------------------------------------------------------------------------


def _find_pictures(images: Path, out: Path) -> list[str]:
    """Pictures of a folder and its subfolders, as relative paths with ``/``, sorted.

    Raises:
        DataError: there are none.
    """
    if not images.is_dir():
        raise DataError(f"There is no folder {images}. Choose another one with --images.")

    def refuse(error: OSError) -> None:
        raise DataError(
            f"The folder {error.filename} cannot be read ({brief(error)}). Change its rights."
        ) from error

    found, made = [], os.path.realpath(out)
    for folder, below, names in os.walk(images, onerror=refuse):
        # what was made before is no source
        below[:] = [
            name
            for name in below
            if not name.startswith(".") and os.path.realpath(os.path.join(folder, name)) != made
        ]
        at = Path(folder).relative_to(images)
        found += [
            (at / name).as_posix()
            for name in names
            if not name.startswith(".") and name.lower().endswith(SUFFIXES)
        ]
    if not found:
        raise DataError(
            f"{images} holds no pictures ({', '.join(SUFFIXES)}). Choose another folder."
        )
    return sorted(found)


def _copy_pictures(
    job: ImportData, host: Host, adapter: GeneratorAdapter, files: Sequence[str], target: Path
) -> _Pictures:
    """Write each picture as the model sees it.

    Raises:
        DataError: none can be read, or the labels cannot.
    """
    assert job.images is not None
    labels = _labels(job, files, adapter)
    channels = getattr(adapter, "img_channels", 3)
    kept: list[str] = []
    broken: list[str] = []
    for number, file in enumerate(files, start=1):
        try:
            values = read_picture(job.images / file, adapter.resolution, channels)
        except DataError:
            broken.append(file)
        else:
            picture = np.rint((values + 1) * 127.5).astype(np.uint8).transpose(1, 2, 0)
            _save(picture, target / _picture_name(len(kept)))
            kept.append(file)
        text = f"{number} of {len(files)}"
        host.progress("reading pictures", number / len(files), text)
    if not kept:
        raise DataError(
            f"None of the {len(files)} pictures in {job.images} can be read. The first is "
            f"{files[0]}: check these files."
        )
    notes = list(labels.notes)
    if broken:
        notes.append(f"{len(broken)} pictures cannot be read and were left out: {some(broken)}")
    classes = [labels.of_file.get(file, -1) for file in kept]
    unknown = sum(number >= adapter.num_classes for number in classes)
    if adapter.num_classes and unknown:
        notes.append(
            f"{unknown} pictures are of classes that the model does not have (it has "
            f"{adapter.num_classes}): they are extracted without a class."
        )
    return _Pictures(classes, labels.names, {"pictures": kept}, notes)


def _draw_pictures(
    job: ImportData, host: Host, adapter: GeneratorAdapter, target: Path
) -> _Pictures:
    """Write pictures that the model draws, of random classes.

    Raises:
        OutOfMemoryError: the device cannot hold the few that are drawn at a time.
        AdapterError: the adapter's own sampler fails.
    """
    import torch

    from diffviews_desktop.adapters.device import is_out_of_memory

    host.prepare(adapter)
    draw = _sampler(job, adapter)
    classes: list[int] = []
    host.progress("generating", 0.0)
    while len(classes) < job.generate:
        count = min(DRAWN_AT_ONCE, job.generate - len(classes))
        seed = np.random.SeedSequence([job.seed, len(classes)]).generate_state(1, np.uint64)[0]
        try:
            with host.interruptible(adapter), torch.no_grad():
                drawn = draw(count, int(seed >> np.uint64(1)))
        except DiffViewsError:
            raise
        except Exception as error:  # another package's code: anything can happen in it
            if is_out_of_memory(error):
                raise OutOfMemoryError(
                    f"The device has not enough memory to draw {count} pictures. Close other "
                    "programs that use it, or choose --device cpu."
                ) from error
            raise AdapterError(
                f"The sampler of {job.checkpoint.name} failed ({brief(error)}). Import pictures "
                "instead, or ask the author of the adapter."
            ) from error
        for picture, number in zip(drawn.images, drawn.classes, strict=True):
            _save(picture, target / _picture_name(len(classes)))
            classes.append(max(-1, int(number)))
        text = f"{len(classes)} of {job.generate}"
        host.progress("generating", len(classes) / job.generate, text)
    names = dict(getattr(adapter, "class_names", None) or {})
    known = {number: names[number] for number in set(classes) if number in names}
    said = {"seed": job.seed, "drawn_at_once": DRAWN_AT_ONCE, "steps": job.source.num_steps}
    return _Pictures(classes, known, {"generated": said})


def _sampler(job: ImportData, adapter: GeneratorAdapter) -> Callable[[int, int], _Drawn]:
    """What draws some pictures with a seed: the adapter's own sampler, where it has one that takes
    a number and a seed; else EDM's (Karras et al. 2022, algorithm 2) without added noise."""
    import torch

    from diffviews_desktop.adapters.sampling import make_labels, tensor_to_uint8_image
    from diffviews_desktop.core.generator import sample_heun

    steps, own = job.source.num_steps, getattr(adapter, "sample", None)
    names = inspect.signature(own).parameters if callable(own) else {}
    if callable(own) and {"num_samples", "seed"} <= names.keys():
        given = {} if steps is None or "num_steps" not in names else {"num_steps": steps}

        def draw_own(count: int, seed: int) -> _Drawn:
            images, classes, *_ = own(num_samples=count, seed=seed, **given)
            return _Drawn(_checked(adapter, images, count), _numbers_of(classes, count))

        return draw_own

    defaults = adapter.get_default_config()
    schedule: dict[str, Any] = {**_noise_levels(adapter)}
    schedule["num_steps"] = steps or defaults.get("default_steps", 18)

    def draw(count: int, seed: int) -> _Drawn:
        generator = torch.Generator().manual_seed(seed)
        labels = make_labels(adapter.num_classes, count, "random", generator)
        pictures = sample_heun(adapter, labels=labels, generator=generator, **schedule)
        images = tensor_to_uint8_image(pictures)
        return _Drawn(_checked(adapter, images, count), labels.numbers.tolist())

    return draw


def _checked(adapter: GeneratorAdapter, images: Any, count: int) -> NDArray[np.uint8]:
    """Pictures of an adapter's sampler as an array.

    Raises:
        AdapterError: they are something else.
    """
    array = np.asarray(images.cpu() if hasattr(images, "cpu") else images)
    wanted = (count, adapter.resolution, adapter.resolution, getattr(adapter, "img_channels", 3))
    if array.shape != wanted or array.dtype != np.uint8:
        raise AdapterError(
            f"The sampler of the adapter {adapter.model_type} gives {array.dtype} {array.shape} "
            f"instead of pictures uint8 {wanted}. Ask its author, or import pictures."
        )
    return array


def _numbers_of(classes: Any, count: int) -> list[int]:
    return [-1] * count if classes is None else [int(number) for number in classes]


def _picture_name(number: int) -> str:
    return f"sample_{number:06d}.png"


def _save(picture: NDArray[np.uint8], path: Path) -> None:
    """Write ``(R, R, C)`` as PNG."""
    one = picture.shape[2] == 1
    Image.fromarray(picture[:, :, 0] if one else np.ascontiguousarray(picture)).save(path)


# ---- classes ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Labels:
    """Class numbers by file, and names by number."""

    of_file: Mapping[str, int]
    names: Mapping[int, str]
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class _Said:
    """What a file of labels says: class by file, and name by class, as text."""

    classes: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)


def _labels(job: ImportData, files: Sequence[str], adapter: GeneratorAdapter) -> _Labels:
    """The class of every file that has one: by the labels, else by its subfolder."""
    notes = []
    if job.labels is not None:
        said = _read_labels(job.labels)
        missing = sorted(said.classes.keys() - set(files))
        if missing:
            notes.append(
                f"{job.labels.name} names {len(missing)} files that are not in {job.images}: "
                f"{some(missing)}"
            )
        without = [file for file in files if file not in said.classes]
        if without:
            notes.append(f"{len(without)} pictures have no class: {some(without)}")
    else:
        said = _Said({file: file.split("/")[0] for file in files if "/" in file})
    there = {file: said.classes[file] for file in files if file in said.classes}
    numbers, names = _class_numbers(set(there.values()), adapter)
    own = {numbers[text]: name for text, name in said.names.items() if text in numbers}
    return _Labels({file: numbers[text] for file, text in there.items()}, {**names, **own}, notes)


def _class_numbers(
    texts: Iterable[str], adapter: GeneratorAdapter
) -> tuple[dict[str, int], dict[int, str]]:
    """Classes as numbers, and the names that are known by that.

    Whole numbers are themselves. WordNet ids are ImageNet's classes in the standard order, where
    the model has so many. Names that the model's adapter knows are its classes; other names are
    numbered in their order.
    """
    texts = sorted(texts)
    if all(re.fullmatch(r"-1|[0-9]+", text) for text in texts):
        return {text: int(text) for text in texts}, {}
    if adapter.num_classes == IMAGENET_CLASSES:
        imagenet = load_class_labels_map()
        ids = {wordnet_id: number for number, (wordnet_id, _) in imagenet.items()}
        if all(text in ids for text in texts):
            names = {number: name for number, (_, name) in imagenet.items()}
            return {text: ids[text] for text in texts}, names
    known = dict(getattr(adapter, "class_names", None) or {})
    numbers = {name: number for number, name in known.items()}
    if all(text in numbers for text in texts):
        return {text: numbers[text] for text in texts}, known
    return (
        {text: number for number, text in enumerate(texts)},
        dict(enumerate(texts)),
    )


def _read_labels(path: Path) -> _Said:
    """A file of labels: the columns ``file``, ``class`` and, if wanted, ``name``.

    Raises:
        DataError: it cannot be read, lacks a column, or gives a file two classes.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if row]
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as CSV ({brief(error)}). Correct it.") from error
    header = [name.strip().lower() for name in rows[0]] if rows else []
    files, classes = _column(header, FILE_COLUMNS), _column(header, CLASS_COLUMNS)
    if files is None or classes is None:
        raise DataError(
            f"{path} must have the columns file and class. Add the one that is missing."
        )
    names, said = _column(header, NAME_COLUMNS), _Said()
    for row in rows[1:]:
        cells = [*map(str.strip, row), *[""] * (len(header) - len(row))]
        if not cells[files] or not cells[classes]:
            continue
        name = posixpath.normpath(cells[files].replace("\\", "/"))
        if said.classes.setdefault(name, cells[classes]) != cells[classes]:
            raise DataError(f"{path} gives {name} two classes. Keep one.")
        if names is not None and cells[names]:
            said.names.setdefault(cells[classes], cells[names])
    return said


def _column(header: Sequence[str], variants: Sequence[str]) -> int | None:
    return next((header.index(name) for name in variants if name in header), None)


# ---- what is written ----------------------------------------------------------------------------


def _list_samples(job: ImportData, pictures: _Pictures, kind: str) -> list[dict[str, Any]]:
    """Each picture at each noise level."""
    samples = []
    for number, label in enumerate(pictures.classes):
        usual = UNKNOWN if label < 0 else str(label)
        for sigma in job.sigmas:
            samples.append(
                {
                    "sample_id": f"sample_{number:06d}_s{_short(sigma)}",
                    "class_label": label,
                    "class_name": pictures.names.get(label, usual),
                    "image_path": f"images/{kind}/{_picture_name(number)}",
                    "conditioning_sigma": sigma,
                }
            )
    return samples


def _write_map(
    job: ImportData,
    host: Host,
    maps: MapMaker,
    opened: OpenedModel,
    layers: tuple[str, ...],
    matrix: Path,
) -> None:
    """Make the folder's own map of its activations."""
    parameters, table = opened.parameters or maps.defaults, opened.samples.table
    projector = fit_map(
        map_array(matrix),
        parameters,
        progress=lambda stage: host.progress(stage.name, stage.fraction),
    )
    places = np.full((len(table), parameters.n_components), np.nan, np.float32)
    places[projector.rows] = projector.places
    columns = {
        "sample_id": table.sample_id,
        "class_label": table.class_label,
        "class_name": table.class_name,
        "image_path": table.image_path,
        "conditioning_sigma": table.sigma,
    }
    path = opened.folder.path / "embeddings" / f"{job.name}.csv"
    said = {
        "layers": list(layers),
        **parameters.to_dict(),
        "trustworthiness": projector.trustworthiness,
        "extraction_input": opened.folder.config.extraction_input,
    }
    save_embeddings(places, columns, path, said)
    projector.save(path.with_name(f"{job.name}.projector.npz"))


def _settings(config: ModelConfig, adapter: GeneratorAdapter) -> dict[str, Any]:
    return {**config.model_dump(exclude_unset=True), **_noise_levels(adapter)}


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False), encoding="utf-8")


@contextmanager
def _appearing(out: Path, name: str) -> Iterator[Path]:
    """A folder to build in, which becomes ``out / name`` when the block ends well, and else goes.

    Others in ``out`` stay as they are; what killed programs left there goes.

    Raises:
        DataError: it cannot be written, or the disk is full.
    """
    from filelock import FileLock

    target, folder = out / name, out / f".new-{name}-{secrets.token_hex(4)}"
    made = [path for path in (out, *out.parents) if not path.exists()]
    lock = FileLock(f"{folder}.lock")
    try:
        out.mkdir(parents=True, exist_ok=True)
        _sweep(out)
        with lock:
            try:
                folder.mkdir()
                yield folder
                if os.path.lexists(target):  # made meanwhile; an empty folder would be replaced
                    raise UsageError(f"{target} is there already. Choose another --name.")
                os.rename(folder, target)
                sync_folder(out)
            finally:
                remove(folder)
                with suppress(OSError):
                    os.unlink(lock.lock_file)
    except OSError as error:
        if is_full(error):
            raise disk_full(out, None) from error
        raise DataError(
            f"{target} cannot be written ({brief(error)}). Check the folder's rights."
        ) from error
    finally:
        for path in made:
            with suppress(OSError):  # it is not empty: it is ours no more
                path.rmdir()


def _sweep(out: Path) -> None:
    """Remove what killed imports left: nobody holds its lock."""
    from filelock import FileLock, Timeout

    begun = {match[1] for name in os.listdir(out) if (match := _BEGUN.fullmatch(name))}
    for name in begun:
        lock = FileLock(out / f"{name}.lock", timeout=0)
        try:
            with lock:
                remove(out / name)
                with suppress(OSError):
                    os.unlink(lock.lock_file)
        except (Timeout, OSError):  # somebody works on it
            continue
