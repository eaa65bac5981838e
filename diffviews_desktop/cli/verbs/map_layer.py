"""``map``: the map of a layer as CSV."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from diffviews_desktop import paths
from diffviews_desktop.actions.exports import FIGURE
from diffviews_desktop.actions.figures import figure_of
from diffviews_desktop.cli.bucket_options import add_bucket_options, bucket_of
from diffviews_desktop.cli.option_types import layer_set, positive
from diffviews_desktop.cli.options import add_folder_options, folder_of, map_parameters_of
from diffviews_desktop.cli.shared import Answer, add_verb, engine_of, open_data
from diffviews_desktop.data.folder.dataset import write_embedding_csv
from diffviews_desktop.data.folder.files import writing_to
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.mapping import AssessMap, LinkMaps, MapLayer
from diffviews_desktop.engine.jobs.opening import DataOpened
from diffviews_desktop.engine.jobs.sharing import PushMaps
from diffviews_desktop.errors import StoreError, UsageError
from diffviews_desktop.exports.contents import Figure
from diffviews_desktop.exports.registry import exporter_for
from diffviews_desktop.exports.with_record import write_with_record
from diffviews_desktop.state.opened import Opened
from diffviews_desktop.state.state import State
from diffviews_desktop.text.wording import size
from diffviews_desktop.values.assessment import MapAssessment
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.layers import NO_LAYERS
from diffviews_desktop.values.maps import LayerMap, LinkedMap, MapSpec
from diffviews_desktop.values.samples import SampleTable
from diffviews_desktop.values.stores import BucketSettings
from diffviews_desktop.values.told import BOTH, NOTHING, OWN_CONDITION, told_text

SEEDS = 3
"""Maps that ``--assess`` compares, where nobody says how many."""


def add_parser(verbs: Any) -> None:
    """Add the verb's parser."""
    text = "Make the map of a layer, or take it from the cache or a bucket."
    parser = add_verb(verbs, "map", run, text)
    add_folder_options(parser, layer=layer_set, two_maps=True)
    add_bucket_options(parser)
    parser.add_argument(
        "--no-upload", action="store_true", help="keep a map that is made now out of the bucket"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the CSV there")
    parser.add_argument(
        "--figure",
        type=_figure_file,
        metavar="FILE",
        help="also draw the map there, as .pdf, .svg or .png, with a legend and a caption",
    )
    parser.add_argument(
        "--assess",
        type=positive,
        nargs="?",
        const=SEEDS,
        metavar="SEEDS",
        help="also say how well classes are read from the map, how much of that is the label, and "
        f"whether other seeds put the islands elsewhere ({SEEDS} seeds unless said, this one "
        "included; 1 for none)",
    )


def _figure_file(text: str) -> Path:
    """A file that a figure can be written to."""
    if exporter_for(text, Figure) is None:
        raise argparse.ArgumentTypeError("use a name that ends in .pdf, .svg or .png")
    return Path(text)


def run(options: argparse.Namespace) -> Answer:
    """The map of a layer: where its table is, and how far it can be trusted."""
    folder, parameters = folder_of(options), map_parameters_of(options)
    both = options.told == BOTH
    with engine_of(options) as engine:
        opened = open_data(engine, folder, options.model, parameters)
        told = NOTHING if both else options.told
        spec = MapSpec(opened.model, options.layer or NO_LAYERS, parameters, told)
        bucket = bucket_of(options, upload=not options.no_upload)
        layer_map = engine.run(MapLayer(job_id=0, folder=folder, spec=spec, bucket=bucket))
        layer_map = _upload(engine, folder, layer_map, bucket)
        linked, assessment = None, MapAssessment()
        if both:
            first = replace(spec, layers=layer_map.layers)
            other = replace(first, told=OWN_CONDITION)
            link = LinkMaps(job_id=0, folder=folder, spec=first, other=other, bucket=bucket)
            linked = engine.run(link)
            linked = replace(linked, map=_upload(engine, folder, linked.map, bucket))
        if options.assess is not None:
            job = AssessMap(job_id=0, folder=folder, spec=spec, seeds=options.assess)
            assessment = engine.run(job)
    if options.figure is not None:
        _draw(opened, layer_map, options.figure)
    table = _write(layer_map, opened.samples, options.out)
    result = _describe(layer_map, table)
    if options.figure is not None:
        result["figure"] = str(options.figure.resolve())
    if options.assess is not None:
        result["assessment"] = assessment.to_dict()
        result["notes"] += assessment.notes
    origin = "from the cache" if layer_map.from_cache else "made now"
    lines = [f"figure: {result['figure']}"] if options.figure is not None else []
    lines.append(f"{result['points']} points of {layer_map.title} ({origin}): {table}")
    lines += [*_figures(layer_map), *assessment.sentences(), *filter(None, [layer_map.told_note])]
    lines += layer_map.notes
    if linked is not None:
        second_table = table.with_name(f"{table.stem}.own{table.suffix}")
        _write(linked.map, opened.samples, second_table)
        overlap = linked.mean_overlap
        result["beside"] = _describe(linked.map, second_table) | {
            "overlap": overlap,
            "overlap_reference": linked.reference,
        }
        lines.append(f"{linked.map.title}, laid on it: {second_table}")
        lines += [*_shared_nearest(linked), *filter(None, [linked.map.told_note])]
        lines += linked.map.notes
    return Answer(result, lines)


def _shared_nearest(linked: LinkedMap) -> list[str]:
    """How many of the nearest samples both maps share, beside what chance would share."""
    overlap, reference = linked.mean_overlap, linked.reference
    if overlap is None:
        return []
    chance = "" if reference is None else f"; {reference:.0%} would be by class and level alone"
    return [f"{overlap:.0%} of the nearest samples are the same on both{chance}"]


def _draw(opened: DataOpened, layer_map: LayerMap, file: Path) -> None:
    """Draw a map as the window's export does where nobody chose how."""
    state = State(
        opened=Opened(
            folder=opened.folder,
            path=opened.path,
            is_demo=opened.is_demo,
            model=opened.model,
            samples=opened.samples,
            fingerprint=opened.fingerprint,
            layer_map=layer_map,
        )
    )
    with writing_to(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_with_record(figure_of(state, FIGURE), file)


def _upload(
    engine: Engine, folder: FolderRef, layer_map: LayerMap, bucket: BucketSettings
) -> LayerMap:
    """A map with what there is to say of its way into the bucket, where it was made now."""
    if not layer_map.upload_to:
        return layer_map
    job = PushMaps(
        job_id=0,
        folder=folder,
        model=layer_map.model,
        bucket=bucket,
        keys=(layer_map.path.name,),
        verify=True,
    )
    try:
        result = engine.run(job)
    except StoreError as error:
        return replace(layer_map, notes=(*layer_map.notes, str(error)))
    target = layer_map.upload_to
    notes = [f"The map was not put into {target}: {reason}" for _, reason in result.left_out]
    if result.pushed:
        notes = [f"The map was put into {target} ({size(result.bytes)})."]
    return replace(layer_map, notes=(*layer_map.notes, *notes))


def _write(layer_map: LayerMap, samples: SampleTable, out: Path | None) -> Path:
    """Where a map's table was written: where it was asked for, else beside the map, or in the
    user's cache."""
    if out is not None:
        table = out
    elif layer_map.path.is_dir() and not layer_map.path.is_symlink():
        table = layer_map.path / "map.csv"
    else:
        table = paths.cache_dir() / "maps" / f"{layer_map.path.name}.csv"
    try:
        table.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"The table cannot be written to {table} ({error}).") from error
    write_embedding_csv(
        table,
        samples,
        layer_map.xy,
        layer_map.z,
        layer_map.trust,
        kept=layer_map.kept,
        told=layer_map.told,
    )
    return table


def _describe(layer_map: LayerMap, table: Path) -> dict[str, Any]:
    return {
        "model": layer_map.model,
        "layers": list(layer_map.layers),
        "told": None if layer_map.told is None else told_text(layer_map.told),
        "told_note": layer_map.told_note,
        "points": int(np.isfinite(layer_map.xy).all(axis=1).sum()),
        "dimensions": 2 if layer_map.z is None else 3,
        "trustworthiness": layer_map.trustworthiness,
        **layer_map.quality.to_dict(),
        "csv": str(table.resolve()),
        "from_cache": layer_map.from_cache,
        "parameters": layer_map.parameters,
        "notes": list(layer_map.notes),
    }


def _figures(layer_map: LayerMap) -> list[str]:
    """How well the map shows its layer, as far as it was measured."""
    lines, quality = [], layer_map.quality
    if layer_map.trustworthiness is not None:
        lines.append(f"trustworthiness {layer_map.trustworthiness:.3f}")
    if quality.blobs is not None:
        lines[-1:] = [
            f"{line}; {quality.blobs:.3f} with the samples of each class and noise level exchanged "
            "at random"
            for line in lines[-1:]
        ]
    if quality.kept is not None:
        line = f"neighbours kept: {quality.kept:.0%} of the 15 nearest in the reduced space"
        if quality.kept_of_layer is not None:
            line += f", {quality.kept_of_layer:.0%} of those in the whole layer"
        lines.append(line)
    if quality.reduction is not None:
        lines.append(f"the reduced space keeps {quality.reduction:.0%} of the layer's 15 nearest")
    return lines
