"""What jobs say of their stages, in the language of the window: the engine says it in English."""

from __future__ import annotations

import re

from diffviews_desktop.text.translation import marked, tr

STAGES = (
    marked("averaging pictures"),
    marked("cancelling"),
    marked("clearing"),
    marked("comparing neighbourhoods"),
    marked("comparing seeds"),
    marked("converting the checkpoint"),
    marked("downloading"),
    marked("drawing"),
    marked("drawing a preview"),
    marked("drawing the other run"),
    marked("extracting"),
    marked("fetching the map"),
    marked("finding neighbours"),
    marked("generating"),
    marked("judging the map"),
    marked("listing the bucket"),
    marked("loading the model"),
    marked("looking at brightness"),
    marked("looking at the maps here"),
    marked("looking at what there is"),
    marked("looking in the bucket"),
    marked("measuring"),
    marked("placing the picture"),
    marked("preparing UMAP"),
    marked("reading activations"),
    marked("reading classes"),
    marked("reading pictures"),
    marked("reading samples"),
    marked("reading the samples' activations"),
    marked("reducing"),
    marked("saving"),
    marked("starting"),
    marked("telling wrong classes"),
    marked("trying the model"),
    marked("UMAP"),
    marked("unpacking"),
    marked("unpacking the demo"),
    marked("waiting"),
    marked("writing"),
    marked("writing samples"),
)
OUTCOMES = (marked("finished"), marked("failed"), marked("cancelled"))
_MAP = re.compile(r"map (\d+) of (\d+): (.*)", re.DOTALL)
_CHECKING = re.compile(r"checking (.*)", re.DOTALL)
_OF = re.compile(r"\b([\d,]+) of ([\d,]+)")


def stage_text(stage: str) -> str:
    """A stage as the window shows it: ``map 2 of 3: UMAP``."""
    if found := _MAP.fullmatch(stage):
        number, count, name = found.groups()
        return tr("map {number} of {count}: {stage}", number=number, count=count, stage=tr(name))
    if found := _CHECKING.fullmatch(stage):
        return tr("checking {file}", file=found[1])
    return tr(stage)


def detail_text(detail: str) -> str:
    """What a stage says besides, likewise: ``3 of 10, 5/s``."""
    return _OF.sub(lambda found: tr("{done} of {all}", done=found[1], all=found[2]), detail)
