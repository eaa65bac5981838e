"""Buckets that a group shares its maps through."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_LIMIT = 10_000_000_000
"""Bytes that the shared maps of a bucket may take, where nobody says."""


@dataclass(frozen=True)
class BucketSettings:
    """The bucket that maps come from and go to. The keys to it are never here: the engine takes
    them from the environment, or from the system's keyring.

    Attributes:
        bucket: its name, perhaps with a folder in it (``ours/maps``); empty for what
            ``R2_BUCKET_NAME`` says.
        endpoint: address of the S3 service; empty for what the environment says.
        upload: whether maps that are made here are put there.
        limit_bytes: how much all maps in the bucket may take; beyond that none is put there.
    """

    bucket: str = ""
    endpoint: str = ""
    upload: bool = True
    limit_bytes: int = DEFAULT_LIMIT
