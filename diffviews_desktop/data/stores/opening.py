"""Opens stores by their location."""

from __future__ import annotations

from diffviews_desktop.data.stores.hub import HubStore
from diffviews_desktop.data.stores.s3 import S3Store
from diffviews_desktop.data.stores.store import NO_KEYS, PATIENT, Access, Patience, Store
from diffviews_desktop.data.stores.web import WebStore
from diffviews_desktop.values.locations import Location


def open_store(location: Location, access: Access = NO_KEYS, patience: Patience = PATIENT) -> Store:
    """The store of a location; nothing is asked of it yet."""
    if location.kind == "s3":
        return S3Store(location, access, patience)
    if location.kind == "hf":
        return HubStore(location, access, patience)
    return WebStore(location, patience)
