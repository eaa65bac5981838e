"""Published models: the catalogue, downloading, and what is kept on the disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from diffviews_desktop.actions.action import Action
from diffviews_desktop.actions.asking import cancel_job, submit
from diffviews_desktop.actions.context import Context
from diffviews_desktop.actions.folders import open_other
from diffviews_desktop.actions.verbs import verb
from diffviews_desktop.engine.jobs.downloading import (
    Download,
    Downloaded,
    ListModels,
    ModelList,
    SourceChoice,
)
from diffviews_desktop.engine.jobs.storage import (
    ChooseCachePlace,
    ChooseLimit,
    ClearKept,
    MeasureDisk,
)
from diffviews_desktop.state.jobs import RunningJob
from diffviews_desktop.state.state import Offer, State
from diffviews_desktop.text.translation import tr, trn
from diffviews_desktop.text.wording import size
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.locations import shown_address
from diffviews_desktop.values.sources import ListedModel
from diffviews_desktop.values.storage import DiskUse, Kept


def show_models(context: Context) -> None:
    """Bring up the catalogue, as it is now."""
    context.window.show_page("models")
    list_models(context)


def list_models(context: Context) -> None:
    """Have the catalogue listed again, and what of it is in the folder of downloads."""
    state = context.state
    out = state.downloads.out
    job = ListModels(job_id=context.worker.next_id(), folder=state.opened.folder, out=out)
    submit(context, job, tr("Looking at the catalogue"))


def change_folder(context: Context, out: Path) -> None:
    """Download into another data folder from now on."""
    state = context.state
    context.update(replace(state, downloads=replace(state.downloads, out=out)))
    list_models(context)


@verb
def download(context: Context, what: str, source: SourceChoice = "auto") -> None:
    """Download a published model, or what lies at an address; what is there is not fetched."""
    state = context.state
    if running(state, what) is not None:
        return
    downloads = state.downloads.with_problem(what, "").with_pause(what, False)
    context.update(replace(state, downloads=downloads))
    job = Download(
        job_id=context.worker.next_id(),
        folder=state.opened.folder,
        what=what,
        out=downloads.out,
        source=source,
        endpoint=state.preferences.bucket.endpoint,
    )
    submit(context, job, tr("Downloading {what}", what=shown_address(what)))


def pause(context: Context, target: str) -> None:
    """Stop a download; what was fetched stays, and `download` goes on with it."""
    entry = running(context.state, target)
    if entry is not None:
        cancel_job(context, entry.job.job_id)


def running(state: State, target: str) -> RunningJob | None:
    """The download of something that runs or waits; None where there is none."""
    for one in state.jobs.aside:
        if isinstance(one.job, Download) and one.job.what == target:
            return one
    return None


def open_model(context: Context, entry: ListedModel) -> None:
    """Open a model that was downloaded; of a checkpoint alone, the assistant that imports
    pictures."""
    if entry.model.data is not None:
        open_other(context, FolderRef(context.state.downloads.out), entry.model.name)
    elif entry.checkpoint_file is not None:
        context.window.import_checkpoint(entry.checkpoint_file)


# ---- what comes back ----------------------------------------------------------------------------


def take_list(context: Context, running: RunningJob, catalogue: ModelList) -> None:
    """Show the catalogue, unless it was listed for a folder that is no longer chosen."""
    state = context.state
    if catalogue.out == state.downloads.out:
        context.update(replace(state, downloads=replace(state.downloads, listed=catalogue)))


def take_downloaded(context: Context, running: RunningJob, result: Downloaded) -> None:
    """Say what was downloaded, and open it where nothing would be lost by that."""
    state = context.state
    context.update(replace(state, downloads=replace(state.downloads, done=result)))
    list_models(context)
    amount = tr(
        "{files}, {bytes}",
        files=trn("{number} file", "{number} files", result.files),
        bytes=size(result.bytes),
    )
    sentences = [
        tr("Downloaded {what}: {fetched}.", what=result.what, fetched=amount)
        if result.files
        else tr("All of {what} is here.", what=result.what)
    ]
    if result.failed:
        sentences.append(
            trn("{number} file is missing.", "{number} files are missing.", len(result.failed))
        )
    details = [f"{key}: {reason}" for key, reason in result.failed] + list(result.notes)
    at_once = bool(result.models) and not context.state.runs.all
    offer: Offer | None = None
    if not at_once and (result.models or result.checkpoints):
        offer = "open" if result.models else "import"
    context.say(" ".join(sentences), details="\n".join(details), offer=offer)
    if at_once:
        open_done(context)


def open_done(context: Context) -> None:
    """Open what was downloaded last: the model, or the assistant that imports pictures for it."""
    result = context.state.downloads.done
    if result is not None and result.models:
        open_other(context, FolderRef(result.out), result.models[0])
    elif result is not None and result.checkpoints:
        context.window.import_checkpoint(result.checkpoints[0])


def take_pause(context: Context, job: Download) -> None:
    """Say that a download was stopped, and see what of it is here."""
    state = context.state
    context.update(replace(state, downloads=state.downloads.with_pause(job.what, True)))
    address = shown_address(job.what)
    context.say(tr("Paused: downloading {what}. What has arrived stays.", what=address))
    list_models(context)


def take_problem(context: Context, job: Download, message: str, details: str) -> None:
    """Say quietly that a download failed: nothing else is concerned."""
    state = context.state
    downloads = state.downloads.with_problem(job.what, message)
    context.update(replace(state, downloads=downloads).with_notice(message, details=details))


# ---- what is kept on the disk -------------------------------------------------------------------


def measure_disk(context: Context) -> None:
    """Have what is kept on the disk added up."""
    state = context.state
    job = MeasureDisk(
        job_id=context.worker.next_id(),
        folder=state.opened.folder,
        downloads=state.downloads.out,
    )
    submit(context, job, tr("Looking at the disk"))


def clear_kept(context: Context, kind: Kept, path: Path) -> None:
    """Delete what is kept at a place and can be made again."""
    state = context.state
    job = ClearKept(
        job_id=context.worker.next_id(),
        folder=state.opened.folder,
        kind=kind,
        path=path,
        downloads=state.downloads.out,
    )
    submit(context, job, tr("Making room"))


def choose_limit(context: Context, kind: Kept, count: int) -> None:
    """Keep so many bytes of maps or experiments from now on, in each of their places."""
    state = context.state
    job = ChooseLimit(
        job_id=context.worker.next_id(),
        folder=state.opened.folder,
        kind=kind,
        bytes=count,
        downloads=state.downloads.out,
    )
    submit(context, job, tr("Keeping the limit"))


def choose_cache_place(context: Context, path: Path | None) -> None:
    """Keep maps and experiments in another folder from now on; None is for the usual one."""
    state = context.state
    job = ChooseCachePlace(
        job_id=context.worker.next_id(),
        folder=state.opened.folder,
        path=path,
        downloads=state.downloads.out,
    )
    submit(context, job, tr("Choosing the folder of the caches"))


def take_disk(context: Context, running: RunningJob, disk: DiskUse) -> None:
    """Show what is kept."""
    state = context.state
    context.update(replace(state, downloads=replace(state.downloads, disk=disk)))


ACTIONS = (
    Action(
        "models.download",
        tr("Download &models…"),
        show_models,
        menu="file",
        meaning=tr("See the published models, and download them with their pictures and maps."),
    ),
)
