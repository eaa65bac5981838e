"""``map``: the map of a layer as CSV."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from diffviews_desktop import paths
from diffviews_desktop.cli.option_types import layer_set, positive
from diffviews_desktop.cli.options import add_folder_options, folder_of, map_parameters_of
from diffviews_desktop.cli.shared import Answer, add_verb, engine_of, open_data
from diffviews_desktop.data.folder.dataset import write_embedding_csv
from diffviews_desktop.engine.jobs.mapping import AssessMap, MapLayer
from diffviews_desktop.errors import UsageError
from diffviews_desktop.values.assessment import MapAssessment
from diffviews_desktop.values.layers import NO_LAYERS
from diffviews_desktop.values.maps import LayerMap, MapSpec

SEEDS = 3
"""Maps that ``--assess`` compares, where nobody says how many."""


def add_parser(verbs: Any) -> None:
    """Add the verb's parser."""
    text = "Make the map of a layer, or take it from the cache."
    parser = add_verb(verbs, "map", run, text, "map --model digits --layer midblock --json")
    add_folder_options(parser, layer=layer_set)
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the CSV there")
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


def run(options: argparse.Namespace) -> Answer:
    """The map of a layer: where its table is, and how far it can be trusted."""
    folder, parameters = folder_of(options), map_parameters_of(options)
    with engine_of(options) as engine:
        opened = open_data(engine, folder, options.model, parameters)
        spec = MapSpec(opened.model, options.layer or NO_LAYERS, parameters)
        mapped = engine.run(MapLayer(job_id=0, folder=folder, spec=spec))
        assessed = MapAssessment()
        if options.assess is not None:
            job = AssessMap(job_id=0, folder=folder, spec=spec, seeds=options.assess)
            assessed = engine.run(job)
    if options.out is not None:
        table = options.out
    elif mapped.path.is_dir() and not mapped.path.is_symlink():
        table = mapped.path / "map.csv"
    else:
        table = paths.cache_dir() / "maps" / f"{mapped.path.name}.csv"
    try:
        table.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"The table cannot be written to {table} ({error}).") from error
    write_embedding_csv(table, opened.samples, mapped.xy, mapped.z, mapped.trust, kept=mapped.kept)
    result = {
        "model": opened.model,
        "layers": list(mapped.layers),
        "points": int(np.isfinite(mapped.xy).all(axis=1).sum()),
        "dimensions": 2 if mapped.z is None else 3,
        "trustworthiness": mapped.trustworthiness,
        **mapped.quality.to_dict(),
        "csv": str(table.resolve()),
        "from_cache": mapped.from_cache,
        "parameters": mapped.parameters,
        "notes": [*mapped.notes, *assessed.notes],
    }
    if options.assess is not None:
        result["assessment"] = assessed.to_dict()
    how = "from the cache" if mapped.from_cache else "made now"
    lines = [f"{result['points']} points of {mapped.label} ({how}): {table}"]
    return Answer(result, [*lines, *_figures(mapped), *assessed.sentences(), *mapped.notes])


def _figures(mapped: LayerMap) -> list[str]:
    """How well the map shows its layer, as far as it was measured."""
    lines, quality = [], mapped.quality
    if mapped.trustworthiness is not None:
        lines.append(f"trustworthiness {mapped.trustworthiness:.3f}")
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
