"""Import: a data folder made of a checkpoint and pictures, or of pictures that the model draws.

What is made is a model's folder as `diffviews_desktop.data.folder.dataset` reads it::

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

import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from diffviews_desktop.data.activations.arrays import open_matrix
from diffviews_desktop.data.cache.disk import (
    disk_full,
    explain_full_disk,
    free_bytes,
    remove,
    sync_folder,
)
from diffviews_desktop.data.folder.dataset import (
    ModelConfig,
    ModelFolder,
    ModelSamples,
    read_samples,
)
from diffviews_desktop.engine.extraction import row_width
from diffviews_desktop.engine.imports.archive import pictures_of
from diffviews_desktop.engine.imports.labels import UNKNOWN
from diffviews_desktop.engine.imports.pictures import (
    Pictures,
    copy_pictures,
    draw_pictures,
    noise_levels,
    picture_name,
)
from diffviews_desktop.engine.jobs.importing import DataImported, ImportData
from diffviews_desktop.engine.jobs.mapping import LayersExtracted
from diffviews_desktop.engine.maps import MapMaker
from diffviews_desktop.engine.opened_model import Host, OpenedModel, cache_of
from diffviews_desktop.engine.told import check_told, usual
from diffviews_desktop.errors import (
    CheckpointError,
    DataError,
    UsageError,
    brief,
)
from diffviews_desktop.files.reading import read_json_value
from diffviews_desktop.pictures.listing import Listing
from diffviews_desktop.processing.kernel_store import user_store
from diffviews_desktop.processing.layout import used_parameters
from diffviews_desktop.processing.umap import fit_map, save_embeddings
from diffviews_desktop.values.import_rules import MAX_SEED, check_brightness, check_noise_levels
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.models import ModelFacts
from diffviews_desktop.values.sample_groups import LevelStack, at_level, groups_of
from diffviews_desktop.values.samples import SampleTable
from diffviews_desktop.values.told import told_text

_UNFINISHED = re.compile(r"(\.new-.+-[0-9a-f]{8})(\.lock)?")


def import_data(job: ImportData, host: Host, maps: MapMaker) -> DataImported:
    """Make a data folder.

    Raises:
        UsageError: a value cannot be used, or the folder is there already.
        DataError: no picture can be read, or the disk is full or may not be written.
        CheckpointError, AdapterError: the model cannot be loaded, or lacks a layer.
        Cancelled: nothing is left behind.
    """
    _check(job)
    with _appearing(job.out, job.name) as folder, ExitStack() as stack:
        images, listing = None, Listing()
        if job.images is not None:
            images, listing = stack.enter_context(
                pictures_of(
                    job.images,
                    job.out,
                    folder,
                    lambda fraction: host.progress("unpacking", fraction),
                    host.check,
                )
            )
        kind = "generated" if images is None else "imported"
        opened = _without_samples(job, folder)
        model = host.model_of(opened)
        facts = model.facts
        layers = job.layers or maps.default_layers(opened)
        told = usual(facts) if job.told is None else job.told
        check_told(told, facts)
        width = row_width(facts, layers)
        _check_channels(facts)
        count = job.generate if images is None else len(listing.pictures)
        _check_room(job, facts, count * len(job.sigmas), width)

        target = folder / "images" / kind
        target.mkdir(parents=True)
        if images is not None:
            pictures = copy_pictures(job, images, host, model, listing, target)
        else:
            pictures = draw_pictures(job, host, model, target)
        samples = _list_samples(job, pictures, kind)
        _write_json(
            folder / "metadata" / kind / "dataset_info.json",
            {
                **pictures.said,
                "num_samples": len(samples),
                "layer_shapes": {name: list(facts.layers[name]) for name in layers},
                "samples": samples,
            },
        )
        if pictures.names:
            names = {str(number): name for number, name in sorted(pictures.names.items())}
            _write_json(folder / "class_labels.json", names)

        opened = replace(opened, samples=read_samples(opened.folder))
        activations = folder / "activations" / kind
        extraction = maps.activations.extract(opened, (layers,), activations, told)
        _write_map(job, host, maps, opened, extraction)
        settings = _settings(opened.folder.config, facts) | {"told": told_text(told)}
        _write_json(folder / "config.json", settings)
    return DataImported(
        path=job.out,
        model=job.name,
        pictures=len(pictures.classes),
        samples=len(samples),
        notes=(
            *pictures.notes,
            *_sigma_notes(job, facts),
            *extraction.notes,
            *user_store().take_notes(),
        ),
    )


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
    if job.class_map != () and job.images is None:
        raise UsageError("A class map belongs to pictures: give --images, too, or leave it out.")
    check_noise_levels(job.sigmas)
    if job.parameters is not None and job.parameters.aligned and len(set(job.sigmas)) < 2:
        raise UsageError("Aligned maps need two noise levels at least: give --sigmas 0.5,2,10.")
    if job.brightness is not None:
        check_brightness(*job.brightness)
    if not 0 <= job.seed <= MAX_SEED:
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
    overrides = job.folder.overrides
    config: dict[str, Any] = {
        "adapter": job.adapter or _general_adapter(checkpoint),
        "checkpoint": checkpoint.relative_to(out).as_posix() if inside else str(checkpoint),
        "description": f"{checkpoint.name} on {made_of}",
        "extraction_input": overrides.extraction_input or "noised",
    }
    for name in ("weights", "activation_dtype", "label_dropout"):
        if getattr(overrides, name) is not None:
            config[name] = getattr(overrides, name)
    model = ModelFolder(job.name, folder, job.out, ModelConfig.model_validate(config))
    table = SampleTable(folder, (), np.zeros(0, np.int32), (), (), np.zeros(0, np.float32))
    return OpenedModel(
        folder=model,
        samples=ModelSamples(table, np.zeros(0, np.int64), LayerSet(), None, None),
        cache=cache_of(model),
        precision=overrides.precision,
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
        config = read_json_value(folder / "config.json")
        return "diffusers" if "_class_name" in config else "edm"
    except (OSError, ValueError, TypeError):
        return "edm"


def _check_channels(facts: ModelFacts) -> None:
    if facts.channels not in (1, 3):
        raise UsageError(
            f"This model works on {facts.channels} channels, which are no pictures. Choose a model "
            "of grey or coloured pictures."
        )


def _check_room(job: ImportData, facts: ModelFacts, samples: int, width: int) -> None:
    """Say that it will not fit the disk before anything is computed."""
    kind = np.dtype(job.folder.overrides.activation_dtype or "float32")
    picture = facts.channels * facts.resolution**2
    size = samples * width * kind.itemsize + samples // len(job.sigmas) * picture
    if size * 1.1 > free_bytes(job.out):
        raise disk_full(job.out, size, "The import")


def _sigma_notes(job: ImportData, facts: ModelFacts) -> list[str]:
    low, high = facts.sigma_min, facts.sigma_max
    outside = [_short(sigma) for sigma in job.sigmas if not low <= sigma <= high]
    if not outside:
        return []
    return [
        f"The model knows noise levels from {low:g} to {high:g}: what is extracted at "
        f"{', '.join(outside)} may mean little."
    ]


def _list_samples(job: ImportData, pictures: Pictures, kind: str) -> list[dict[str, Any]]:
    """Each picture at each noise level."""
    samples = []
    for number, label in enumerate(pictures.classes):
        usual = UNKNOWN if label < 0 else str(label)
        name = pictures.class_names[number] if pictures.class_names else None
        for sigma in job.sigmas:
            samples.append(
                {
                    "sample_id": f"sample_{number:06d}_s{_short(sigma)}",
                    "class_label": label,
                    "class_name": name or pictures.names.get(label, usual),
                    "image_path": f"images/{kind}/{picture_name(number)}",
                    "conditioning_sigma": sigma,
                    **{column: values[number] for column, values in pictures.columns.items()},
                }
            )
    return samples


def _write_map(
    job: ImportData,
    host: Host,
    maps: MapMaker,
    opened: OpenedModel,
    extraction: LayersExtracted,
) -> None:
    """Make the folder's own map of its activations."""
    parameters, table = job.parameters or maps.defaults, opened.samples.table
    stack = LevelStack.of(table) if parameters.aligned else None
    projector = fit_map(
        open_matrix(extraction.files[0]),
        parameters,
        groups=groups_of(table),
        stack=stack,
        mask=None if parameters.level is None else at_level(table, parameters.level),
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
    record = {
        "layers": list(extraction.layer_sets[0]),
        "told": told_text(extraction.told),
        **used_parameters(
            parameters, projector.reduced, None if stack is None else stack.take(projector.rows)
        ),
        "trustworthiness": projector.trustworthiness,
        **projector.quality.to_dict(),
        "extraction_input": opened.folder.config.extraction_input,
    }
    save_embeddings(places, columns, path, record)
    projector.save(path.with_name(f"{job.name}.projector.npz"))


def _settings(config: ModelConfig, facts: ModelFacts) -> dict[str, Any]:
    return {**config.model_dump(exclude_unset=True), **noise_levels(facts)}


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(value, indent=1, ensure_ascii=False)
    # what UTF-8 has no letters for, such as names of files in another encoding: JSON's own escapes
    path.write_bytes(text.encode("utf-8", "backslashreplace"))


@contextmanager
def _appearing(out: Path, name: str) -> Iterator[Path]:
    """A folder to build in, which becomes ``out / name`` when the block ends well, and else goes.

    Others in ``out`` stay as they are; what killed programs left there goes.

    Raises:
        DataError: it cannot be written, or the disk is full.
    """
    from filelock import FileLock

    target, folder = out / name, out / f".new-{name}-{secrets.token_hex(4)}"
    new_folders = [path for path in (out, *out.parents) if not path.exists()]
    lock = FileLock(f"{folder}.lock")
    try:
        with explain_full_disk(out):
            out.mkdir(parents=True, exist_ok=True)
            _sweep(out)
        with explain_full_disk(out), lock:
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
        raise DataError(
            f"{target} cannot be written ({brief(error)}). Check the folder's rights."
        ) from error
    finally:
        for path in new_folders:
            with suppress(OSError):  # it is not empty: it is ours no more
                path.rmdir()


def _sweep(out: Path) -> None:
    """Remove what killed imports left: nobody holds its lock."""
    from filelock import FileLock, Timeout

    folders = {match[1] for name in os.listdir(out) if (match := _UNFINISHED.fullmatch(name))}
    for name in folders:
        lock = FileLock(out / f"{name}.lock", timeout=0)
        try:
            with lock:
                remove(out / name)
                with suppress(OSError):
                    os.unlink(lock.lock_file)
        except (Timeout, OSError):  # another program works on it
            continue
