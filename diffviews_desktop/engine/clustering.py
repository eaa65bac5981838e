"""Finds clusters on a map and names them."""

from __future__ import annotations

import numpy as np

from diffviews_desktop.engine.jobs.clustering import SMALLEST, ClustersFound, FindClusters
from diffviews_desktop.engine.opened_model import Host, OpenedModel
from diffviews_desktop.errors import DataError, UsageError
from diffviews_desktop.processing.cluster_names import names_of
from diffviews_desktop.processing.clusters import find_clusters

STAGE = "finding clusters"


def clusters_on(job: FindClusters, host: Host, opened: OpenedModel) -> ClustersFound:
    """Find the dense groups of samples on a map.

    Raises:
        UsageError: a cluster could be too small.
        DataError: the places are not those of the samples.
    """
    if job.smallest < SMALLEST:
        raise UsageError(f"A cluster must have {SMALLEST} samples or more, not {job.smallest}.")
    table = opened.samples.table
    if len(job.places) != len(table):
        raise DataError("The samples have changed since the map was made. Make the map again.")
    labels = find_clusters(job.places, job.smallest, lambda part: host.progress(STAGE, part))
    host.check()
    classes = {number: name for number, name, _ in table.classes()}
    names = names_of(labels, table.class_label, classes, table.sigma, table.captions)
    rows = np.flatnonzero(labels >= 0)
    outliers = int(np.isfinite(job.places).all(axis=1).sum()) - len(rows)
    return ClustersFound(job.spec, job.smallest, rows, labels[rows], tuple(names), outliers)
