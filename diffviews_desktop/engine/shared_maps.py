"""Maps that others have made: fetched from a bucket, verified, and kept as if they were our own."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain

from diffviews_desktop.data.cache.bucket import MapBucket, open_bucket
from diffviews_desktop.engine.map_archives import FROM, fetch_map
from diffviews_desktop.engine.opened_model import Host
from diffviews_desktop.engine.original_maps import fetch_original
from diffviews_desktop.engine.shared_names import (
    otherwise_computed,
    shared_name,
    shared_parts,
)
from diffviews_desktop.engine.wanted_map import WantedMap
from diffviews_desktop.errors import (
    CacheError,
    Cancelled,
    DiffViewsError,
    KeyringError,
    StoreAccessError,
    StoreError,
    StoreUnreachableError,
    UsageError,
    explain,
)
from diffviews_desktop.files.waiting import patiently
from diffviews_desktop.processing.projector import Projector
from diffviews_desktop.values.models import Numerics
from diffviews_desktop.values.stores import BucketSettings

log = logging.getLogger(__name__)

AGAIN_SECONDS = 60.0
"""So long a bucket that could not be reached is not asked again."""


@dataclass(frozen=True)
class Fetched:
    """A map that came from the bucket.

    Attributes:
        wanted: which one; perhaps computed otherwise than it would be here.
        projector: it.
        notes: what there is to say of it.
    """

    wanted: WantedMap
    projector: Projector
    notes: tuple[str, ...]


class SharedMaps:
    """Asks a bucket for maps that the layer cache lacks. What goes wrong is told once, and never
    keeps a map from being made.

    Args:
        host: the engine.

    Attributes:
        lacking: address of the bucket that lacks the map that was last asked for, or has a damaged
            one, and that is to get it; empty for none.
    """

    def __init__(self, host: Host) -> None:
        self.lacking = ""
        self._host = host
        self._settings: BucketSettings | None = None
        self._bucket: MapBucket | None = None
        self._resting_until = 0.0
        self._told: set[object] = set()
        self._notes: list[str] = []

    def use(self, settings: BucketSettings | None) -> None:
        """Ask this bucket from now on; None for none."""
        if settings == self._settings:
            return
        self._settings, self._bucket, self._resting_until = settings, None, 0.0
        self._told.clear()

    def _open(self) -> MapBucket | None:
        """The bucket; where there were no keys, or it refused them, they may have changed."""
        if self._bucket is None and self._settings is not None:
            try:
                self._bucket = open_bucket(self._settings)
            except (StoreError, KeyringError, UsageError) as error:
                self._tell(explain(error), error)
        return self._bucket

    def take_notes(self) -> tuple[str, ...]:
        """What went wrong since the last call and was not told before."""
        notes, self._notes = tuple(self._notes), []
        return notes

    def _tell(self, text: str, error: Exception) -> None:
        """Say what went wrong, once for each way in which the bucket, or one map in it, fails."""
        log.warning("%s", text)
        about = type(error) if isinstance(error, StoreError) else text
        if about not in self._told:
            self._told.add(about)
            self._notes.append(text)

    def fetch(self, request: WantedMap) -> Fetched | None:
        """A map from the bucket, which the layer cache has from now on; None where it is to be made
        here."""
        self.lacking = ""
        bucket = self._open() if time.monotonic() >= self._resting_until else None
        if bucket is None:
            return None
        try:
            shared_map = self._fetch(bucket, request)
        except StoreUnreachableError as error:
            self._resting_until = time.monotonic() + AGAIN_SECONDS
            self._tell(f"For now maps are made here: {explain(error)}", error)
        except Cancelled:
            raise
        except Exception as error:  # whatever it is: the map can be made here
            if not isinstance(error, DiffViewsError | OSError):
                log.exception("unexpected error")
            text = f"This map was made here, not taken from the bucket: {explain(error)}"
            self._tell(text, error)
            if isinstance(error, StoreAccessError):
                self._bucket = None
            if isinstance(error, CacheError):  # it is damaged, and may be replaced
                self.lacking = self._uploads_to(bucket)
        else:
            self.lacking = self._uploads_to(bucket) if shared_map is None else ""
            return shared_map
        return None

    def _uploads_to(self, bucket: MapBucket) -> str:
        assert self._settings is not None
        return bucket.describe() if self._settings.upload and bucket.writable else ""

    def _fetch(self, bucket: MapBucket, request: WantedMap) -> Fetched | None:
        self._host.progress("looking in the bucket")
        for candidate in chain([request], otherwise_computed(request)):
            name = shared_name(candidate, shared_parts(candidate, self._host.check))
            file = patiently(partial(bucket.find, name), self._host.check)
            if file is not None:
                projector = fetch_map(self._host, bucket, candidate, name, file)
                return Fetched(candidate, projector, (note_of(candidate, request, bucket),))
        original = fetch_original(self._host, bucket, request)
        if original is None:
            return None
        note = f"The places on this map come from the original system's map in {bucket.describe()}."
        return Fetched(request, original, (note,))


def note_of(candidate: WantedMap, request: WantedMap, bucket: MapBucket) -> str:
    """Where a map came from, and whether it was computed otherwise than it would be here."""
    text = f"This map comes from {bucket.describe()}."
    return f"{text} {computed_note(candidate)}" if candidate.key != request.key else text


def computed_note(candidate: WantedMap) -> str:
    """How a map was computed that is not as it would be here."""
    numerics: Numerics = candidate.activations.numerics
    precision = "" if numerics.precision == "auto" else f" in {numerics.precision}"
    return (
        f"It was computed on {numerics.device}{precision}: what is computed here differs from it "
        "in the last digits."
    )


def find_variant(request: WantedMap) -> Fetched | None:
    """A map that came from a bucket before, computed otherwise than it would be here."""
    for candidate in _variants(request):
        hit = candidate.opened.cache.read(
            candidate.key, lambda entry: Projector.load(entry.projector)
        )
        if hit is not None:
            return Fetched(candidate, hit, (computed_note(candidate),))
    return None


def has_variant(request: WantedMap) -> bool:
    """Whether there is such a map."""
    return any(True for _ in _variants(request))


def _variants(request: WantedMap) -> Iterator[WantedMap]:
    for candidate in otherwise_computed(request):
        info = candidate.opened.cache.info(candidate.key)
        if info is not None and FROM in info.details:
            yield candidate
