"""Downloads of many files at once: continued where they ended, verified before they count."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from diffviews_desktop.data.stores.store import PATIENT, Patience, Store
from diffviews_desktop.values.transfers import (
    DownloadPlan,
    DownloadResult,
    RemoteFile,
    TransferProgress,
)

WORKERS = 8


def plan_download(files: Sequence[RemoteFile], folder: Path) -> DownloadPlan:
    """What is missing in a folder; nothing is asked of the store, nothing written.

    Args:
        files: what should be there; keys are paths in the folder.
        folder: where; need not be there yet.
    """
    raise NotImplementedError


def download(
    store: Store,
    plan: DownloadPlan,
    *,
    progress: Callable[[TransferProgress], None] = lambda done: None,
    cancelled: Callable[[], bool] = lambda: False,
    workers: int = WORKERS,
    patience: Patience = PATIENT,
) -> DownloadResult:
    """Fetch what a plan says is missing.

    Args:
        store: where the files are.
        plan: of `plan_download`; what is there by now is not fetched.
        progress: called in this thread several times a second; what it raises ends the download.
        cancelled: asked as often; True ends the download.
        workers: connections at a time.
        patience: how often a connection that breaks is made again.

    Raises:
        Cancelled: ``cancelled`` said so. As after every other error, what was fetched stays, and
            the next download goes on with it.
        StoreAccessError, StoreUnreachableError: the store as a whole cannot be used.
        NoRoomError: the disk has not enough room: before the first byte, or when it got full.
        StoreError: another program is downloading into the folder.
    """
    raise NotImplementedError
