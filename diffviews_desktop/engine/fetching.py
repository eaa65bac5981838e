"""Downloads of published models: planned, fetched part by part, and looked at before they count."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from diffviews_desktop.data.cache.disk import free_bytes
from diffviews_desktop.data.checkpoints.digests import file_digest
from diffviews_desktop.data.checksums import own_checksums
from diffviews_desktop.data.downloads import Found, Part, find_parts, is_weights
from diffviews_desktop.data.sources import checkpoint_place, read_catalogue
from diffviews_desktop.data.stores.access import access_of, has_keys
from diffviews_desktop.data.stores.bucket_access import USUAL_BUCKET
from diffviews_desktop.data.stores.keys import local_path
from diffviews_desktop.data.stores.opening import open_store
from diffviews_desktop.data.stores.store import Store
from diffviews_desktop.data.stores.transfers import check_room, download, plan_download
from diffviews_desktop.engine.jobs.downloading import (
    Downloaded,
    Fetching,
    PlannedDownload,
    PlannedPart,
)
from diffviews_desktop.engine.workspace import Workspace
from diffviews_desktop.errors import CheckpointError, DiffViewsError, StoreDamagedError
from diffviews_desktop.text.wording import format_count, size
from diffviews_desktop.values.locations import Location, shown_address
from diffviews_desktop.values.transfers import DownloadPlan, DownloadResult, TransferProgress

REFUSED = ".refused"
"""The end of the name under which a checkpoint that must not be used stays."""
_DIFFERENT = (
    "another file of this name is there, and stays as it is. Move it away to download this one."
)


@dataclass(frozen=True)
class Round:
    """What is missing of a part, or of the files of it that are fetched together."""

    part: Part
    plan: DownloadPlan


def plan(job: Fetching, workspace: Workspace) -> PlannedDownload:
    """What a download would do; raises as `find_parts` does."""
    findings = _look(job, workspace)
    parts = tuple(_plan(part, _rounds([part])) for part in findings.parts)
    return PlannedDownload(
        shown_address(job.what), parts, free_bytes(job.out), findings.passed_over
    )


def fetch(job: Fetching, workspace: Workspace) -> Downloaded:
    """Download; raises as `find_parts` and `download` do.

    Raises:
        NoRoomError: the disk has not enough room for all of it.
        CheckpointError, StoreDamagedError: the only checkpoint must not be used.
    """
    findings = _look(job, workspace)
    failed: list[tuple[str, str]] = []
    plans = [one.plan for one in _rounds(findings.parts)]
    check_room(job.out, sum(plan.bytes for plan in plans))
    tally = _Tally(workspace, plans)
    checkpoints: list[Path] = []
    for part in sorted(findings.parts, key=lambda one: one.part != "data"):
        if part.part == "checkpoint":  # its folder may only be known once the data is there
            part = _place(part, job)
        for one in _rounds([part]):
            result = download(part.store, one.plan, progress=tally.show)
            tally.end(one.plan, result)
            failed += [(item.key, item.reason) for item in (*one.plan.refused, *result.failed)]
            failed += [(key, _DIFFERENT) for key in one.plan.different]
            if part.part == "checkpoint":
                local_keys = {file.key for file in one.plan.present} | set(result.files)
                checkpoints += _good_checkpoints(
                    part, local_keys, set(result.files), workspace, failed
                )
    return Downloaded(
        what=shown_address(job.what),
        out=job.out,
        models=tuple(part.model for part in findings.parts if part.model),
        checkpoints=tuple(checkpoints),
        files=tally.fetched_files,
        bytes=tally.fetched_bytes,
        failed=tuple(failed),
        notes=findings.passed_over,
    )


def _rounds(parts: Iterable[Part]) -> list[Round]:
    """What is missing of parts, in the order in which it is fetched."""
    return [
        Round(part, plan_download(files, part.place)) for part in parts for files in part.rounds()
    ]


def _place(part: Part, job: Fetching) -> Part:
    """A checkpoint with the folder that the model's settings look for it in."""
    model = read_catalogue().models.get(job.what)
    if model is None or model.checkpoint is None:
        return part
    return replace(part, place=checkpoint_place(job.out, model).parent)


def _look(job: Fetching, workspace: Workspace) -> Found:
    """Ask what there is."""
    workspace.progress("looking at what there is")

    def open_at(location: Location) -> Store:
        workspace.check()
        return open_store(location, access_of(location, job.endpoint))

    return find_parts(
        job.what,
        job.out,
        read_catalogue(),
        open_at,
        source=job.source,
        data=job.data,
        checkpoint=job.checkpoint,
        has_keys=has_keys(USUAL_BUCKET, job.endpoint),
    )


def _plan(part: Part, rounds: Sequence[Round]) -> PlannedPart:
    plans = [one.plan for one in rounds]
    left_out = [(item.key, item.reason) for plan in plans for item in plan.refused]
    return PlannedPart(
        part=part.part,
        origin=part.origin.display_text(),
        place=part.place,
        files=sum(len(plan.missing) for plan in plans),
        bytes=sum(plan.bytes for plan in plans),
        present=sum(len(plan.present) for plan in plans),
        left_out=tuple(left_out),
    )


class _Tally:
    """Tells how far all rounds together are, with what earlier downloads have fetched.

    Attributes:
        fetched_files, fetched_bytes: what has come now, in the rounds that have ended.
    """

    def __init__(self, workspace: Workspace, plans: Iterable[DownloadPlan]) -> None:
        self.fetched_files, self.fetched_bytes = 0, 0
        self._workspace = workspace
        missing = [file for plan in plans for file in plan.missing]
        self._files, self._bytes = len(missing), sum(file.size for file in missing)
        self._ended_files, self._ended_bytes = 0, 0

    def show(self, state: TransferProgress) -> None:
        """Tell how far it is; raises `Cancelled` where it is to end."""
        files, byte_count = self._ended_files + state.files, self._ended_bytes + state.bytes
        speed, seconds = state.bytes_per_second, state.seconds_left
        parts = [f"{files:,} of {format_count(self._files, 'file')}"]
        parts.append(f"{size(byte_count)} of {size(self._bytes)}")
        if speed:
            parts.append(f"{size(speed)}/s")
            seconds = max(0.0, self._bytes - byte_count) / speed
        fraction = min(1.0, byte_count / self._bytes) if self._bytes else None
        self._workspace.progress("downloading", fraction, ", ".join(parts), seconds)

    def end(self, plan: DownloadPlan, result: DownloadResult) -> None:
        """A round has ended."""
        self.fetched_files += len(result.files)
        self.fetched_bytes += result.bytes
        self._ended_files += len(plan.missing)
        self._ended_bytes += sum(file.size for file in plan.missing)


# ---- checkpoints --------------------------------------------------------------------------------


def _good_checkpoints(
    part: Part,
    local_keys: Collection[str],
    new_keys: Collection[str],
    workspace: Workspace,
    failed: list[tuple[str, str]],
) -> Iterator[Path]:
    """Those checkpoints of a part that the safe reader can read and that are as they were before.

    The others are renamed, so that nothing takes them for checkpoints, and told in ``failed``.

    Args:
        part: where they come from.
        local_keys: keys of its files that are here.
        new_keys: keys of those that have just been fetched.
        workspace: told how far it is.
        failed: gets what is not good.

    Raises:
        CheckpointError, StoreDamagedError: there are some, and none is good.
    """
    keys = [file.key for file in part.files if is_weights(file.key) and file.key in local_keys]
    problems: list[tuple[str, DiffViewsError]] = []
    for key in keys:
        path = local_path(part.place, key)
        try:
            _check(path, _address(part, key), key in new_keys, workspace)
        except (CheckpointError, StoreDamagedError) as error:
            problems.append((key, _set_aside(path, error)))
        else:
            yield path
    if problems and len(problems) == len(keys):
        raise problems[0][1]
    failed += [(key, str(problem)) for key, problem in problems]


def _check(path: Path, address: str, is_new: bool, workspace: Workspace) -> None:
    """See that a checkpoint is what it was when it was first downloaded, and can be read safely.

    Raises:
        StoreDamagedError: it has changed since.
        CheckpointError: the safe reader refuses it.
    """
    workspace.progress(f"checking {path.name}")
    from diffviews_desktop.adapters.checkpoint import read_stored

    digest, checksums = file_digest(path, workspace.check).hex(), own_checksums()
    old_digest = checksums.recall(address)
    if old_digest and old_digest != digest:
        raise StoreDamagedError(
            f"{address} has changed since it was first downloaded: its SHA-256 is "
            f"{digest[:12]}…, and was {old_digest[:12]}…. If its publisher says that it was "
            f"replaced, take its line out of {checksums.file} and download it again."
        )
    read_stored(path, lambda fraction: workspace.check())
    if is_new:
        checksums.remember(address, digest)


def _address(part: Part, key: str) -> str:
    """What a file's checksum is kept under."""
    whole, name = part.origin.display_text(), PurePosixPath(key).name
    return whole if whole.endswith(f"/{name}") else f"{whole.rstrip('/')}/{key}"


def _set_aside(path: Path, error: DiffViewsError) -> DiffViewsError:
    """Have a checkpoint out of the way; the error then says where it is."""
    target = path.with_name(path.name + REFUSED)
    os.replace(path, target)
    return type(error)(f"{error} It is not used, and stays as {target} until you delete it.")
