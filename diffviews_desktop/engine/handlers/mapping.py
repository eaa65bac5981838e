"""Extracts layers and maps them."""

from __future__ import annotations

from diffviews_desktop.engine.assessing import assess_map
from diffviews_desktop.engine.handlers.registry import handles
from diffviews_desktop.engine.jobs.mapping import (
    AssessMap,
    Extract,
    FindNeighbors,
    LayersExtracted,
    LinkMaps,
    MapLayer,
    NeighborsFound,
)
from diffviews_desktop.engine.linking import link_maps
from diffviews_desktop.engine.nearest import find_neighbors
from diffviews_desktop.engine.told import told_of
from diffviews_desktop.engine.workspace import Workspace
from diffviews_desktop.values.assessment import MapAssessment
from diffviews_desktop.values.maps import LayerMap, LinkedMap
from diffviews_desktop.values.told import OWN_CONDITION


@handles(MapLayer)
def map_layer(job: MapLayer, workspace: Workspace) -> LayerMap:
    """The map of a set of layers."""
    opened = workspace.open(job.folder, job.spec.model)
    workspace.maps.shared.use(job.bucket)
    return workspace.maps.map_layer(opened, job.spec, job.places)


@handles(Extract)
def extract(job: Extract, workspace: Workspace) -> LayersExtracted:
    """Activations of sets of layers, in one pass."""
    opened = workspace.open(job.folder, job.model)
    told = job.told
    if told is None:  # the first set decides for all
        told = OWN_CONDITION
        if job.layer_sets:
            told = told_of(workspace, opened, job.layer_sets[0], None)
    return workspace.maps.activations.extract(opened, job.layer_sets, job.out, told)


@handles(LinkMaps)
def link(job: LinkMaps, workspace: Workspace) -> LinkedMap:
    """A second map, of the same model or a different one."""
    first = workspace.open(job.folder, job.spec.model)
    second = workspace.open(job.folder, job.other.model)
    workspace.maps.shared.use(job.bucket)
    return link_maps(job, workspace.maps, first, second)


@handles(AssessMap)
def assess(job: AssessMap, workspace: Workspace) -> MapAssessment:
    """How well classes are read from a map, and what its seed decides."""
    return assess_map(job, workspace.maps, workspace.open(job.folder, job.spec.model))


@handles(FindNeighbors)
def nearest(job: FindNeighbors, workspace: Workspace) -> NeighborsFound:
    """The samples nearest to one in the whole layer."""
    return find_neighbors(job, workspace.maps, workspace.open(job.folder, job.spec.model))
