"""What the catalogue's table shows of a state, row by row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from diffviews_desktop.engine.jobs.downloading import Download
from diffviews_desktop.state.jobs import RunningJob
from diffviews_desktop.state.stage_texts import detail_text, stage_text
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import tr
from diffviews_desktop.text.wording import size, time_left
from diffviews_desktop.values.locations import shown_address
from diffviews_desktop.values.sources import ListedModel

Step = Literal["download", "continue", "pause", "open", "import", ""]
"""What can be done with a row; nothing while a download is being paused."""
STEPS: dict[Step, str] = {
    "download": tr("&Download"),
    "continue": tr("Continue the &download"),
    "pause": tr("&Pause"),
    "open": tr("&Open"),
    "import": tr("Import p&ictures…"),
    "": tr("&Pause"),
}
_PRESENCE = {"all": tr("here"), "some": tr("partly here"), "none": ""}


@dataclass(frozen=True)
class Row:
    """A published model, or an address that something is downloaded from.

    Attributes:
        what: the model's name, or the address.
        title: how it is called.
        size: about how large it is.
        licence: under which it is published.
        status: how much of it is here, or how far its download is.
        fraction: of the download, 0 … 1; None where none runs.
        step: what can be done next.
        detail: more of what is published, or of the download.
        problem: why the last download failed; empty where none did.
        listed: the model; None for an address.
    """

    what: str
    title: str
    size: str
    licence: str
    status: str
    fraction: float | None
    step: Step
    detail: str
    problem: str
    listed: ListedModel | None = None


def rows_of(state: State) -> list[Row]:
    """All models of the catalogue, then the addresses that the user named."""
    catalogue = state.downloads.listed
    models = () if catalogue is None else catalogue.models
    downloads = {one.job.what: one for one in state.jobs.aside if isinstance(one.job, Download)}
    names = {one.model.name for one in models}
    others = dict.fromkeys((*downloads, *state.downloads.problems, *state.downloads.paused))
    return [
        *(_of_model(one, downloads.get(one.model.name), state) for one in models),
        *(
            _of_address(address, downloads.get(address), state)
            for address in others
            if address not in names
        ),
    ]


def _of_model(entry: ListedModel, running: RunningJob | None, state: State) -> Row:
    model = entry.model
    about = "" if model.bytes is None else size(model.bytes)
    status, step, detail = _PRESENCE[entry.amount], _step(entry), " ".join(_facts(entry))
    if running is not None:
        status, step, detail = (
            _status(running),
            _running_step(running),
            detail_text(running.detail) or detail,
        )
    return Row(
        what=model.name,
        title=model.title,
        size=about,
        licence=model.licence,
        status=status,
        fraction=_fraction(running),
        step=step,
        detail=detail,
        problem=state.downloads.problems.get(model.name, ""),
        listed=entry,
    )


def _of_address(address: str, running: RunningJob | None, state: State) -> Row:
    paused = address in state.downloads.paused
    return Row(
        what=address,
        title=shown_address(address),
        size="",
        licence="",
        status=(tr("paused") if paused else "") if running is None else _status(running),
        fraction=_fraction(running),
        step=("continue" if paused else "download") if running is None else _running_step(running),
        detail="" if running is None else detail_text(running.detail),
        problem=state.downloads.problems.get(address, ""),
    )


def _facts(entry: ListedModel) -> Iterator[str]:
    model = entry.model
    if model.about:
        yield model.about
    if model.data is None:
        yield tr("Only a checkpoint: import pictures to get a map.")
    parts = [part for part in (model.data, model.checkpoint) if part is not None]
    names = {"r2": tr("a bucket"), "hf": "Hugging Face", "url": tr("its publisher's server")}
    origins = [origin.source for part in parts for origin in part.origins]
    places = tr(" or ").join(dict.fromkeys(names[source] for source in origins))
    yield tr("From {where}.", where=places)


def _step(entry: ListedModel) -> Step:
    if entry.amount == "all":
        return "open" if entry.model.data is not None else "import"
    return "continue" if entry.amount == "some" else "download"


def _running_step(running: RunningJob) -> Step:
    return "" if running.stage == "cancelling" else "pause"


def _status(running: RunningJob) -> str:
    if running.stage == "cancelling":
        return tr("pausing")
    if running.fraction is None:
        return stage_text(running.stage)
    time = "" if running.seconds_left is None else f", {time_left(running.seconds_left)}"
    return f"{100 * running.fraction:.0f} %{time}"


def _fraction(running: RunningJob | None) -> float | None:
    return None if running is None else running.fraction or 0.0
