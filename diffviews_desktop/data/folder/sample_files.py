"""The samples of a model's folder: its list, and its map, matched by sample id."""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.data.activations.arrays import Float32
from diffviews_desktop.data.class_labels import load_class_labels
from diffviews_desktop.data.folder.captions import captions_of
from diffviews_desktop.data.folder.files import files_in, read_json, replacing
from diffviews_desktop.data.folder.further_columns import more_columns
from diffviews_desktop.data.folder.image_paths import with_images
from diffviews_desktop.data.folder.map_table import MOST_NAMES, read_csv
from diffviews_desktop.data.folder.model_folder import ModelFolder, embedding_files, metadata_file
from diffviews_desktop.data.folder.sample_columns import (
    Columns,
    as_float32,
    as_written,
    join,
    numbers,
    sample_ids,
    sample_table,
    texts,
)
from diffviews_desktop.data.folder.sample_noise import added_noise, unknown_sigma_note
from diffviews_desktop.data.folder.sample_records import Records, sample_records
from diffviews_desktop.errors import DataError, brief
from diffviews_desktop.files.reading import MOST_TABLE_MEMORY, meant_as_file, too_many_values
from diffviews_desktop.text.plain import UNENCODABLE, csv_cell, csv_writer, from_csv_cell
from diffviews_desktop.text.wording import format_count
from diffviews_desktop.values.columns import Column
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.samples import SampleTable
from diffviews_desktop.values.told import OWN_CONDITION, Told, read_told, told_text

IMAGENET_ADAPTERS = ("edm-imagenet-64", "dmd2-imagenet-64")
Check = Callable[[], None]
MOST_SAID = 4  # columns in a sentence
SAMPLE_COLUMNS = ("sample_id", "class_label", "class_name", "image_path", "conditioning_sigma")
LISTED_COLUMNS = (*SAMPLE_COLUMNS, "activation_path", "batch_index")


@dataclass(frozen=True, eq=False)
class ModelSamples:
    """The samples of a model and what its folder knows about them.

    Attributes:
        table: the samples.
        matrix_rows: position of each sample in the folder's own list, ``(N,)``: its row in an
            activation matrix that names no samples.
        layers: the layers of the folder's own map, sorted.
        told: what the samples of that map were told; their own class where it does not say, as in
            folders that the original system made.
        aligned: whether each noise level has a map of its own there, in one frame.
        xy: the folder's own map ``(N, 2) float32``, or None.
        embedding: name of that map's files, or None.
        notes: what was left out while reading.
        z: the third coordinate of that map ``(N,) float32``, or None.
        source: the file that lists the samples.
        listed: how many samples that file lists, before any was left out.
        activation_path: where each sample's activation is stored, as the file has it: relative to
            the model's folder, without suffix; empty where it does not say.
        batch_index: the row there, as the file has it, unchecked; None where it does not say.
        noise_key: what in that file says that noise was added to the pictures before their
            activations were taken; empty where nothing does.
    """

    table: SampleTable
    matrix_rows: NDArray[np.int64]
    layers: LayerSet
    xy: Float32 | None
    embedding: str | None
    notes: tuple[str, ...] = field(default=())
    z: Float32 | None = None
    source: Path = Path()
    listed: int = 0
    activation_path: tuple[str, ...] = ()
    batch_index: tuple[Any, ...] = ()
    noise_key: str = ""
    told: Told = OWN_CONDITION
    aligned: bool = False

    @cached_property
    def fingerprint(self) -> str:
        """Changes when a sample, its order, its class, its noise level, or how its picture is read
        changes."""
        # JSON may hold half of a pair of surrogates, which strict UTF-8 refuses
        digest = hashlib.sha256("\0".join(self.table.sample_id).encode("utf-8", "surrogatepass"))
        digest.update("\0".join(self.table.image_path).encode("utf-8", "surrogatepass"))
        digest.update(self.table.class_label.tobytes())
        digest.update(self.table.sigma.tobytes())
        for kind, (low, high) in self.table.brightness.ranges.items():
            digest.update(f"{kind.value} {low!r} {high!r}".encode())
        return digest.hexdigest()

    def take(self, rows: NDArray[np.int64]) -> ModelSamples:
        """Some of the samples, in the order of ``rows``."""
        table = self.table
        return replace(
            self,
            table=SampleTable(
                root=table.root,
                sample_id=tuple(table.sample_id[i] for i in rows),
                class_label=table.class_label[rows],
                class_name=tuple(table.class_name[i] for i in rows),
                image_path=tuple(table.image_path[i] for i in rows),
                sigma=table.sigma[rows],
                columns={name: column.take(rows) for name, column in table.columns.items()},
                left_out=table.left_out,
                brightness=table.brightness,
                captions=tuple(table.captions[i] for i in rows) if len(table.captions) else (),
            ),
            matrix_rows=self.matrix_rows[rows],
            xy=None if self.xy is None else self.xy[rows],
            z=None if self.z is None else self.z[rows],
            activation_path=tuple(self.activation_path[i] for i in rows),
            batch_index=tuple(self.batch_index[i] for i in rows),
        )


def read_samples(
    model: ModelFolder, max_classes: int | None = None, check: Check = lambda: None
) -> ModelSamples:
    """Read the samples of a model and match them with its map by sample id.

    Args:
        model: the model's folder.
        max_classes: keep only the samples of the first so many classes.
        check: called now and then; may raise to stop.

    Raises:
        DataError: the table or the map is damaged, empty, or has the same id twice.
    """
    metadata, maps = _list_and_maps(model)
    # what the list says of the samples need not be read again
    exclude = () if metadata is None else SAMPLE_COLUMNS[1:]
    rows = read_csv(maps[0], exclude, check) if maps else None
    if metadata is not None:
        others: set[str] = set()
        columns = sample_columns(sample_records(metadata, check, others), metadata)
        check()
        samples = _samples(model, columns, metadata, others)
    elif rows is not None:
        samples = _samples(model, rows, maps[0])
    else:
        raise _no_samples(model)
    check()
    table, image_notes = with_images(samples.table, model.config.brightness, check)
    samples = replace(samples, table=table)
    keep: NDArray[np.bool_] = np.ones(len(samples.table), dtype=bool)
    if rows is not None:
        samples = _with_map(samples, rows, maps)
        assert samples.xy is not None
        keep &= np.isfinite(samples.xy).all(axis=1)
        if not keep.any():
            raise DataError(
                f"{maps[0]} has no usable coordinates for the samples of {samples.source}: restore "
                "it, or remove it to have the map made again."
            )
    if max_classes is not None:
        first = np.unique(samples.table.class_label[keep])[: max(1, max_classes)]
        keep &= np.isin(samples.table.class_label, first)
    if not keep.all():
        samples = samples.take(np.flatnonzero(keep))
    if samples.z is not None and not np.isfinite(samples.z).all():
        samples = replace(samples, z=None)
    notes = (*samples.notes, *image_notes, *_about_columns(samples.table))
    return replace(samples, notes=notes)


def _about_columns(table: SampleTable) -> tuple[str, ...]:
    """What to know of the further columns: which of them colours cannot tell, and why. Those that
    have one value everywhere, or none, go without saying."""
    notes = {name: column.note for name, column in table.columns.items() if not column.unfit}
    names = {name for name, column in table.columns.items() if column.kind == "texts"}
    names |= table.left_out.keys()
    reasons = {name: reason for name, reason in table.not_colored.items() if name in names}
    sentences = (
        _list_reasons("Colour by cannot show", reasons),
        _list_reasons("Check these columns:", {name: note for name, note in notes.items() if note}),
    )
    return tuple(filter(None, sentences))


def _list_reasons(lead: str, reasons: Mapping[str, str]) -> str:
    if not reasons:
        return ""
    first = "; ".join(f"{name} ({reason})" for name, reason in list(reasons.items())[:MOST_SAID])
    more = f"; and {len(reasons) - MOST_SAID} more" if len(reasons) > MOST_SAID else ""
    return f"{lead} {first}{more}."


def listed_samples(model: ModelFolder) -> ModelSamples:
    """All samples of the folder's own list, in its order, without the map's places.

    Raises:
        DataError: the list is damaged or empty, or has the same id twice.
    """
    metadata, maps = _list_and_maps(model)
    if metadata is not None:
        columns = sample_columns(sample_records(metadata), metadata)
        samples = _samples(model, columns, metadata)
    elif maps:
        samples = _samples(model, read_csv(maps[0]), maps[0])
    else:
        raise _no_samples(model)
    return replace(samples, layers=_map_layers(maps[0])) if maps else samples


def _list_and_maps(model: ModelFolder) -> tuple[Path | None, list[Path]]:
    metadata = metadata_file(model.path, model.config.dataset_type)
    return metadata, embedding_files(model.path)


def metadata_records(path: Path) -> list[dict[str, Any]]:
    """The samples of a ``dataset_info.json``, as it has them.

    Raises:
        DataError: it cannot be read, or has no list of samples.
    """
    records: list[dict[str, Any]] = []
    for some in sample_records(path):
        records += some
        _check_memory(path, 250 * len(records))  # each is a dictionary
    return records


def sample_columns(pieces: Iterable[Records], path: Path) -> Columns:
    """Samples as columns: those that the program knows, and what else all of the first say.

    Args:
        pieces: the samples, some at a time.
        path: the file that they are from.

    Raises:
        DataError: there are so many that they would take too much memory.
    """
    columns: dict[str, list[tuple[Any, ...]]] = {name: [] for name in LISTED_COLUMNS}
    beyond: set[str] = set()
    count = 0
    for records in pieces:
        for name in dict.fromkeys(chain.from_iterable(records)):
            if name in columns or name in beyond:
                continue
            if len(columns) == len(LISTED_COLUMNS) + MOST_NAMES:
                beyond.add(name)
            else:
                columns[name] = [(None,) * count]
        for name, values in columns.items():
            try:
                values.append(tuple(map(itemgetter(name), records)))
            except KeyError:
                values.append(tuple(record.get(name) for record in records))
        count += len(records)
        _check_memory(path, 8 * len(columns) * count + 100 * len(beyond))
    left_out = {}
    if beyond:
        left_out[more_columns(len(beyond))] = f"only the first {MOST_NAMES} columns are read"
    return Columns({name: join(values) for name, values in columns.items()}, left_out)


def _check_memory(path: Path, size: int) -> None:
    if size > MOST_TABLE_MEMORY:
        reason = too_many_values(path, MOST_TABLE_MEMORY)
        raise DataError(f"{path} cannot be read ({brief(reason)}). Split it.")


def samples_of(
    root: Path,
    columns: Columns,
    source: Path,
    own_names: Mapping[int, str] | None = None,
    known_names: Mapping[int, str] | None = None,
) -> ModelSamples:
    """All samples of a list, checked, none left out, without a map.

    Args:
        root: the model's folder.
        columns: ``sample_id`` and what else is given.
        source: the file they are from.
        own_names: names of classes that go before those of the columns.
        known_names: names of classes where the columns have none.

    Raises:
        DataError: there are none, a value cannot be used, or an id is there twice.
    """
    n = len(columns["sample_id"])
    if not n:
        raise DataError(f"{source} has no samples: restore it.")
    paths = columns.get("activation_path") or [None] * n
    rows = columns.get("batch_index") or [None] * n
    return ModelSamples(
        table=sample_table(root, columns, source, own_names or {}, known_names or {}),
        matrix_rows=np.arange(n),
        layers=LayerSet(),
        xy=None,
        embedding=None,
        source=source,
        listed=n,
        activation_path=texts(paths),
        batch_index=tuple(None if row == "" else row for row in rows),
        notes=unknown_sigma_note(columns),
    )


def write_embedding_csv(
    path: Path,
    table: SampleTable,
    xy: NDArray,
    z: NDArray | None = None,
    trust: NDArray | None = None,
    *,
    kept: NDArray | None = None,
    told: Told | None = None,
) -> None:
    """Write the sample columns, ``umap_x, umap_y``, where they are given ``umap_z``, ``trust``,
    ``neighbors_kept``, ``told`` (what the samples of the map were told) and the captions, and what
    else the folder says of the samples, as CSV, whole or not at all.

    Raises:
        DataError: it cannot be written.
    """
    places = {"umap_x": xy[:, 0], "umap_y": xy[:, 1], "umap_z": z}
    quality = {"trust": trust, "neighbors_kept": kept}
    columns = {name: values for name, values in (places | quality).items() if values is not None}
    further = [column.cells() for column in table.columns.values()]
    with replacing(path) as binary:
        file = io.TextIOWrapper(binary, "utf-8", UNENCODABLE, newline="")
        writer = csv_writer(file)
        captions = [] if "caption" in table.columns else table.captions
        caption = ["caption"] if len(captions) else []
        words = [] if told is None or "told" in table.columns else [told_text(told)]
        header = [*SAMPLE_COLUMNS, *columns, *(["told"] if words else []), *caption]
        writer.writerow([*header, *map(csv_cell, table.columns)])
        for i in range(len(table)):
            numbers = [_short(values[i]) for values in (table.sigma, *columns.values())]
            writer.writerow(
                [
                    csv_cell(table.sample_id[i]),
                    int(table.class_label[i]),
                    csv_cell(table.class_name[i]),
                    csv_cell(table.image_path[i]),
                    *numbers,
                    *map(csv_cell, words),
                    *([csv_cell(captions[i])] if len(captions) else []),
                    *(cells[i] for cells in further),
                ]
            )
        file.detach()  # which writes the rest, and leaves the file to its owner


def _short(value: np.floating) -> str:
    """The shortest text that reads back as the same float32."""
    return np.format_float_positional(np.float32(value), unique=True, trim="-")


def _no_samples(model: ModelFolder) -> DataError:
    return DataError(f"{model.path} has no samples: restore its metadata/*/dataset_info.json.")


def _samples(
    model: ModelFolder, columns: Columns, source: Path, others: Set[str] = frozenset()
) -> ModelSamples:
    """All samples of a model's list, with the names of its classes; ``others`` are the keys that
    the list has besides its samples."""
    labels = load_class_labels() if model.config.adapter in IMAGENET_ADAPTERS else {}
    samples = samples_of(model.path, columns, source, model.class_names or {}, labels)
    return replace(samples, noise_key=added_noise(others, columns))


def _with_map(samples: ModelSamples, rows: Columns, maps: Sequence[Path]) -> ModelSamples:
    """The samples with the places that the first map's table gives them; NaN where none."""
    path = maps[0]
    if samples.source == path:
        ids = samples.table.sample_id
        indices = np.arange(len(ids))
    else:
        ids = sample_ids(rows["sample_id"], path)
        position = {name: i for i, name in enumerate(ids)}
        names = samples.table.sample_id
        indices = np.array([position.get(name, len(ids)) for name in names])
        for row in np.flatnonzero(indices == len(ids)).tolist():
            spelling = as_written(names[row])
            # an apostrophe that another program wrote was taken for `csv_cell`'s, and is gone
            indices[row] = position.get(spelling, position.get(from_csv_cell(spelling), len(ids)))

    def of_samples(column: str) -> Float32:
        values = as_float32([*numbers(rows[column]), math.nan])
        values[~np.isfinite(values)] = math.nan
        return values[indices]

    xy = np.column_stack([of_samples("umap_x"), of_samples("umap_y")])
    missing = int((~np.isfinite(xy).all(axis=1)).sum())
    notes = []
    if missing:
        without = f"{format_count(missing, 'sample', 'has', 'have')} no place on the map"
        notes.append(f"{without} and {'is' if missing == 1 else 'are'} left out.")
    if len(maps) > 1:
        others = _some([other.name for other in maps[1:]])
        notes.append(
            f"{path.parent} holds {len(maps)} maps: {path.name} is shown, {others} "
            f"{'is' if len(maps) == 2 else 'are'} not."
        )
    pickles = [file.name for file in files_in(path.parent, ".pkl")]
    if pickles:
        one = len(pickles) == 1
        notes.append(
            f"{_some(pickles)} {'is' if one else 'are'} not opened, because such files can run "
            f"code; what {'it' if one else 'they'} held is made again from the activations."
        )
    return replace(
        samples,
        layers=_map_layers(path),
        told=_map_told(path),
        aligned=_map_settings(path).get("aligned") is True,
        xy=xy,
        z=of_samples("umap_z") if "umap_z" in rows else None,
        embedding=path.stem,
        notes=(*samples.notes, *notes),
        table=_with_columns(samples, rows, indices, path),
    )


def _with_columns(
    samples: ModelSamples, rows: Columns, indices: NDArray[np.int64], path: Path
) -> SampleTable:
    """The samples with the further columns and captions of the map's table, which has them in rows
    ``indices``."""
    table = samples.table
    if samples.source == path:
        return table  # they were read with the samples
    further = rows.further()
    matches = np.where(indices < len(rows["sample_id"]), indices, -1)
    columns, left_out = dict(table.columns), {**table.left_out, **further.left_out}
    for name, column in further.columns.items():
        if name in columns and not _agree(columns[name], column.take(matches), matches):
            left_out[f"{name} of {samples.source.name}"] = (
                f"{path.name} has other values, which are shown: rename one of the two columns"
            )
        columns[name] = column.take(matches)
    captions = table.captions or _captions(rows, indices)
    return replace(table, columns=columns, left_out=left_out, captions=captions)


def _captions(rows: Columns, indices: NDArray[np.int64]) -> tuple[str, ...]:
    """The captions that a map's table gives, for the samples that are in its rows ``indices``."""
    captions = captions_of(rows)
    choices = (*captions, "")
    return tuple(choices[row] for row in indices.tolist()) if captions else ()


def _agree(list_column: Column, map_column: Column, matches: NDArray[np.int64]) -> bool:
    """Whether a list and a map's table say the same of the samples that both have."""
    both = np.flatnonzero(matches >= 0)
    return list_column.take(both).texts() == map_column.take(both).texts()


def _map_settings(embedding: Path) -> Mapping[str, Any]:
    """What stands beside a map's table; empty where nothing does."""
    settings = embedding.with_suffix(".json")
    return read_json(settings) if meant_as_file(settings) else {}


def _map_layers(embedding: Path) -> LayerSet:
    layers = _map_settings(embedding).get("layers", [])
    if not isinstance(layers, list) or not all(isinstance(name, str) for name in layers):
        settings = embedding.with_suffix(".json")
        raise DataError(f"{settings}: 'layers' must be a list of layer names: correct it.")
    return LayerSet(layers)


def _map_told(embedding: Path) -> Told:
    value = _map_settings(embedding).get("told")
    try:
        return OWN_CONDITION if value is None else read_told(value)
    except ValueError as error:
        settings = embedding.with_suffix(".json")
        raise DataError(f"{settings}: 'told' {error}: correct it.") from None


def _some(names: Sequence[str]) -> str:
    """The first few of some names."""
    return ", ".join(names[:3]) + ("…" if len(names) > 3 else "")
