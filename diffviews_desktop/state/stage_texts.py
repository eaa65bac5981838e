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
_QUANTITY = r"([\d.,]+(?: (?:bytes|[kMG]B))?)"
_OF = re.compile(rf"\b{_QUANTITY} of {_QUANTITY}( files?)?")


def stage_text(stage: str) -> str:
    """A stage as the window shows it: ``map 2 of 3: UMAP``."""
    if match := _MAP.fullmatch(stage):
        number, count, name = match.groups()
        return tr("map {number} of {count}: {stage}", number=number, count=count, stage=tr(name))
    if match := _CHECKING.fullmatch(stage):
        return tr("checking {file}", file=match[1])
    return tr(stage)


def detail_text(detail: str) -> str:
    """What a stage says besides, likewise: ``3 of 10, 5/s``, ``1 of 2 files, 3 MB of 5 MB``."""
    return _OF.sub(_of, detail)


def _of(match: re.Match[str]) -> str:
    count, all_, files = match.groups()
    if files == " file":
        return tr("{done} of {all} file", done=count, all=all_)
    if files == " files":
        return tr("{done} of {all} files", done=count, all=all_)
    return tr("{done} of {all}", done=count, all=all_)
