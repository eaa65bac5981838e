"""What maps are called in a bucket: the same on every computer with the same weights and samples.

The layer cache goes by names, sizes and times of files, which differ from one computer to the next.
Here their contents count instead.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from diffviews_desktop.data.cache.cached import EntryInfo
from diffviews_desktop.data.cache.shared_map import SharedName
from diffviews_desktop.data.checkpoints.digests import checkpoint_digest, file_digest
from diffviews_desktop.engine.activations import Activations
from diffviews_desktop.engine.opened_model import OpenedModel
from diffviews_desktop.engine.wanted_map import WantedMap
from diffviews_desktop.errors import DataError, UsageError
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.maps import MapParameters
from diffviews_desktop.values.models import FLOAT32_ON_CPU, Numerics
from diffviews_desktop.values.told import read_told

ALL_NUMERICS = (
    Numerics("cuda", "auto"),
    FLOAT32_ON_CPU,
    Numerics("mps", "auto"),
    Numerics("cuda", "float32"),
    Numerics("cuda", "float16"),
    Numerics("cuda", "bfloat16"),
    Numerics("mps", "float32"),
    Numerics("mps", "float16"),
    Numerics("mps", "bfloat16"),
)
"""How maps can have been computed."""
LIKELY = ALL_NUMERICS[:3]
"""How they are computed where nobody chose."""


def shared_parts(request: WantedMap, check: Callable[[], None]) -> dict[str, Any]:
    """All that a map depends on, as plain values that are the same on every computer.

    Args:
        request: the map.
        check: called while the checkpoint is read for its checksum; may raise to stop.

    Raises:
        OSError: a file cannot be read.
    """
    parts = dict(request.activations.key_parts)
    del parts["model"]
    parts["checkpoint"] = _weights(request.opened, check)
    if "stored" in parts:
        parts["stored"] = _list_digests(request.opened, check)
    parts["parameters"] = request.parameters.to_dict()
    if request.keeps_places:
        parts["places"] = _places(request)
    plain: dict[str, Any] = json.loads(json.dumps(parts))
    return plain


def shared_name(request: WantedMap, parts: Mapping[str, Any]) -> SharedName:
    """The name of a map in a bucket; ``parts`` are its `shared_parts`."""
    return SharedName.of(request.opened.folder.name, parts)


def _weights(opened: OpenedModel, check: Callable[[], None]) -> str:
    try:
        return checkpoint_digest(opened.folder.checkpoint(), check)
    except DataError:  # there is none, which is said when it is needed
        return ""


def _list_digests(opened: OpenedModel, check: Callable[[], None]) -> list[list[str]]:
    files = sorted((opened.folder.path / "activations").glob("*/*.np[yz]"))
    return [[file.name, file_digest(file, check).hex()] for file in files]


def _places(request: WantedMap) -> str:
    digest = hashlib.sha256()
    for values in request.own_places.values():
        if values is not None:
            digest.update(values.tobytes())
    return digest.hexdigest()


def otherwise_computed(request: WantedMap) -> Iterator[WantedMap]:
    """The same map, computed on other kinds of device.

    None of one whose activations the folder brings: no device changes those.
    """
    activations = request.activations
    if request.opened.brings(request.layers) == activations.told:
        return
    for numerics in LIKELY:
        if numerics != activations.numerics:
            yield _vary(request, replace(activations, numerics=numerics))


def _vary(request: WantedMap, activations: Activations) -> WantedMap:
    return WantedMap(activations, request.parameters, request.own_map, request.keeps_places)


def known_map(opened: OpenedModel, info: EntryInfo) -> WantedMap | None:
    """Which map an entry of the layer cache holds; None where it is of other samples or weights
    than the folder has now."""
    try:
        parameters = MapParameters(**info.parameters)
        told = read_told(info.details.get("told", "own"))
    except (TypeError, ValueError, UsageError):
        return None
    layers = LayerSet(info.layers)
    for numerics in ALL_NUMERICS:
        activations = Activations(opened, layers, numerics, told)
        for request in _with_places_or_not(activations, parameters):
            if request.key == info.key:
                return request
    return None


def map_of_parts(opened: OpenedModel, parts: Mapping[str, Any]) -> WantedMap | None:
    """The map that an archive of a bucket says it holds; None where it says nothing sensible."""
    try:
        parameters = MapParameters(**parts["parameters"])
        told = read_told(parts.get("told", "own"))
        layers = LayerSet(parts["layers"])
        numerics = FLOAT32_ON_CPU
        if "device" in parts:
            numerics = Numerics(str(parts["device"]), str(parts["precision"]))
    except (TypeError, ValueError, LookupError, UsageError):
        return None
    flat, with_places = _with_places_or_not(Activations(opened, layers, numerics, told), parameters)
    return with_places if "places" in parts else flat


def _with_places_or_not(
    activations: Activations, parameters: MapParameters
) -> tuple[WantedMap, WantedMap]:
    """A map that is laid out, and one that keeps the places of the folder's own map."""
    name = activations.opened.samples.embedding
    return (
        WantedMap(activations, parameters, None, False),
        WantedMap(activations, parameters, name, True),
    )
