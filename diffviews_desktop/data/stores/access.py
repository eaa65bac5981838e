"""What lets the user into a location: variables, the system's keyring, or what libraries find."""

from __future__ import annotations

import os

from diffviews_desktop.credentials import stored_keys
from diffviews_desktop.data.stores.bucket_access import (
    BUCKET_VARIABLE,
    ENDPOINT_VARIABLE,
    USUAL_BUCKET,
    r2_access,
)
from diffviews_desktop.data.stores.store import NO_KEYS, Access
from diffviews_desktop.values.locations import Location


def access_of(location: Location, endpoint: str = "") -> Access:
    """The access to a location, for `open_store`.

    For the bucket of ``R2_BUCKET_NAME`` the variables of R2 count, where they are complete; for
    every bucket then the keyring, and then whatever boto3 finds by itself.

    Args:
        location: what is to be opened.
        endpoint: of the S3 service; empty for what the environment says.

    Raises:
        KeyringError: the keyring is there but cannot be asked.
    """
    if location.kind == "hf":
        return Access(endpoint=os.environ.get("HF_ENDPOINT", ""))
    if location.kind != "s3":
        return NO_KEYS
    of_r2 = r2_access(endpoint) if location.root == _bucket_of_r2() else None
    if of_r2 is not None:
        return of_r2
    keys = stored_keys(location.root, endpoint)
    if keys is None:
        return Access(endpoint=endpoint)
    return Access(endpoint=endpoint, key_id=keys.key_id, secret=keys.secret)


def has_keys(bucket: str, endpoint: str = "") -> bool:
    """Whether the user has said how to get into a bucket that lets in nobody without keys.

    Raises:
        KeyringError: the keyring is there but cannot be asked.
    """
    address = endpoint or os.environ.get(ENDPOINT_VARIABLE, "").strip()
    return bool(address) or r2_access() is not None or stored_keys(bucket) is not None


def _bucket_of_r2() -> str:
    return os.environ.get(BUCKET_VARIABLE, "").strip() or USUAL_BUCKET
