"""Opens stores by their location."""

from __future__ import annotations

from diffviews_desktop.data.stores.store import NO_KEYS, PATIENT, Access, Patience, Store
from diffviews_desktop.values.locations import Location


def open_store(location: Location, access: Access = NO_KEYS, patience: Patience = PATIENT) -> Store:
    """The store of a location; nothing is asked of it yet."""
    raise NotImplementedError
