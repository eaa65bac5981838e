"""What lets the user into a bucket: variables, the system's keyring, or what boto3 finds."""

from __future__ import annotations

import os

from diffviews_desktop.credentials import stored_keys
from diffviews_desktop.data.stores.store import NO_KEYS, Access
from diffviews_desktop.values.locations import Location

R2_BUCKET = "diffviews"
"""The original system's bucket, where ``R2_BUCKET_NAME`` names no other."""
_R2_ENDPOINT = "https://{account}.r2.cloudflarestorage.com"


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
    of_r2 = _r2_access(endpoint) if location.root == r2_bucket() else None
    if of_r2 is not None:
        return of_r2
    endpoint = endpoint or environment_endpoint()
    stored = stored_keys(location.root, endpoint)
    if stored is None:
        return Access(endpoint=endpoint)
    return Access(endpoint=endpoint, key_id=stored.key_id, secret=stored.secret)


def has_keys(bucket: str, endpoint: str = "") -> bool:
    """Whether the user has said how to get into a bucket that lets in nobody without keys.

    Raises:
        KeyringError: the keyring is there but cannot be asked.
    """
    return (
        _r2_access(endpoint) is not None
        or bool(endpoint or environment_endpoint())
        or stored_keys(bucket, endpoint) is not None
    )


def r2_bucket() -> str:
    """The bucket that the variables of R2 are for."""
    return os.environ.get("R2_BUCKET_NAME", "") or R2_BUCKET


def environment_endpoint() -> str:
    """The address of an S3 service that the environment names; empty where it names none."""
    names = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
    return next((value for name in names if (value := os.environ.get(name))), "")


def _r2_access(endpoint: str) -> Access | None:
    """What the variables of R2 say; None unless all of them are there."""
    names = ("R2_ACCOUNT_ID", "R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY")
    account, key_id, secret = (os.environ.get(name, "") for name in names)
    if not (key_id and secret and (account or endpoint)):
        return None
    return Access(endpoint or _R2_ENDPOINT.format(account=account), key_id=key_id, secret=secret)
