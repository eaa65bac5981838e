"""A bucket of its own for a test, on a real S3 server."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pytest
from s3_server import S3Server

from diffviews_desktop.data.stores.store import Access
from diffviews_desktop.values.stores import BucketSettings


@dataclass(frozen=True)
class SharedBucket:
    """A bucket, as its owner sees it.

    Attributes:
        server: where it is.
        name: its name.
    """

    server: S3Server
    name: str
    settings: BucketSettings = field(init=False)

    def __post_init__(self) -> None:
        settings = BucketSettings(bucket=self.name, endpoint=self.server.endpoint)
        object.__setattr__(self, "settings", settings)

    @property
    def access(self) -> Access:
        """Its owner's keys."""
        return self.server.access

    @cached_property
    def _client(self) -> Any:
        return self.server.client()

    def listed(self) -> list[str]:
        """The keys of all objects, sorted."""
        found = self._client.list_objects_v2(Bucket=self.name).get("Contents", ())
        return sorted(one["Key"] for one in found)

    def read(self, key: str) -> bytes:
        """The content of an object."""
        content: bytes = self._client.get_object(Bucket=self.name, Key=key)["Body"].read()
        return content

    def write(self, key: str, content: bytes) -> None:
        """Put an object there; what was there is replaced."""
        self._client.put_object(Bucket=self.name, Key=key, Body=content)

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """The server says nothing meanwhile."""
        self.server.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.server.signal(signal.SIGCONT)


def use_keys(patch: pytest.MonkeyPatch, access: Access) -> None:
    """Have boto3 find keys in the environment."""
    patch.setenv("AWS_ACCESS_KEY_ID", access.key_id)
    patch.setenv("AWS_SECRET_ACCESS_KEY", access.secret)
    patch.setenv("AWS_EC2_METADATA_DISABLED", "true")  # nor does it look further
