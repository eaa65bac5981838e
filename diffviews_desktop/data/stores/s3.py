"""Buckets of S3 services: Amazon's, Cloudflare R2, SeaweedFS, MinIO and others.

boto3 signs, finds keys where it always does, and asks again after errors of its kind.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Any

from diffviews_desktop.data.stores.hashing import Checksum
from diffviews_desktop.data.stores.quiet import quiet_libraries
from diffviews_desktop.data.stores.s3_errors import store_errors
from diffviews_desktop.data.stores.store import (
    MOST_FILES,
    NO_KEYS,
    PATIENT,
    Access,
    Files,
    Patience,
    too_many_files,
)
from diffviews_desktop.errors import StoreChangedError, StoreNotFoundError
from diffviews_desktop.text.plain import MOST_OF_NAME, visible
from diffviews_desktop.values.locations import Location
from diffviews_desktop.values.transfers import RemoteFile

READ = 1 << 17
"""Bytes that are taken from a connection at a time, and lost when it breaks. More are slower: the
C library then takes fresh memory from the system each time."""
POOL = 32
"""Connections that are kept open."""

_MD5 = re.compile(r"[0-9a-f]{32}(-[0-9]{1,5})?")
_ENCRYPTED = {"aws:kms", "aws:kms:dsse"}  # an ETag is no MD5 where keys are managed


class S3Store:
    """A bucket, or a folder or an object in it; a store of `diffviews_desktop.data.stores.store`.

    Attributes:
        bucket: its name.
    """

    def __init__(
        self, location: Location, access: Access = NO_KEYS, patience: Patience = PATIENT
    ) -> None:
        self.bucket = location.root
        self._location, self._access, self._patience = location, access, patience
        self._lock = threading.RLock()
        self._client: Any = None
        self._hashed: dict[str, bool] = {}

    @property
    def client(self) -> Any:
        """The boto3 client, for what else there is to do with the bucket.

        Raises:
            StoreError: there can be none with these keys and this endpoint.
        """
        with self._lock:
            if self._client is None:
                with self.errors():
                    self._client = make_client(self._access, self._patience)
            return self._client

    def errors(self, key: str = "") -> AbstractContextManager[None]:
        """A context in which errors of boto3 become a `StoreError`; ``key`` is of the object."""
        return store_errors(self.describe(), self.bucket, key, self._access)

    def full_key(self, key: str) -> str:
        """The key of an object in the bucket, of one that is relative to the location."""
        return self._folder[0] + key

    def list(self, prefix: str = "") -> Files:
        folder, key = self._folder
        if key:
            one = self.stat(key)
            return [one] if one is not None and key.startswith(prefix) else []
        return sorted(self._pages(folder, prefix), key=lambda file: file.key)

    def _pages(self, folder: str, prefix: str) -> Iterator[RemoteFile]:
        with self.errors():
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=folder + prefix
            )
            number = 0
            for page in pages:
                for entry in page.get("Contents", ()):
                    key, size = entry["Key"][len(folder) :], entry["Size"]
                    if (key.endswith("/") or not key) and not size:
                        continue  # it stands for a folder
                    number += 1
                    if number > MOST_FILES:
                        raise too_many_files(self.describe())
                    yield self._file(key, size, entry.get("ETag", ""))

    @cached_property
    def _folder(self) -> tuple[str, str]:
        """What keys are relative to, and the key of the only object where the location is one."""
        path = self._location.path
        if not path or path.endswith("/"):
            return path, ""
        with self.errors():
            contents = self.client.list_objects_v2(
                Bucket=self.bucket, Prefix=f"{path}/", MaxKeys=1
            ).get("Contents")
        if contents or self._head(path) is None:
            return f"{path}/", ""
        folder, separator, name = path.rpartition("/")
        return folder + separator, name

    def stat(self, key: str) -> RemoteFile | None:
        head = self._head(self.full_key(key))
        if head is None:
            return None
        with self.errors(key):
            return self._file(key, head["ContentLength"], head.get("ETag", ""))

    def _head(self, full_key: str, **options: Any) -> dict[str, Any] | None:
        try:
            with self.errors(full_key):
                head: dict[str, Any] = self.client.head_object(
                    Bucket=self.bucket, Key=full_key, **options
                )
        except StoreNotFoundError:
            return None
        return head

    def _file(self, key: str, size: int, etag: str) -> RemoteFile:
        return RemoteFile(key, size, etag.strip('"'), source=self._location.source)

    def read(self, file: RemoteFile, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        stop = file.size if stop is None else min(stop, file.size)
        if start >= stop:
            return
        options: dict[str, str] = {"IfMatch": f'"{file.version}"'} if file.version else {}
        if (start, stop) != (0, file.size):
            options["Range"] = f"bytes={start}-{stop - 1}"
        with self.errors(file.key):
            answer = self.client.get_object(
                Bucket=self.bucket, Key=self.full_key(file.key), **options
            )
            with answer["Body"] as body:
                self._hashed[file.key] = _is_hash(answer)
                if answer["ContentLength"] != stop - start:
                    raise StoreChangedError(
                        f"“{visible(file.key, MOST_OF_NAME)}” has another size than before. "
                        "Start the download again."
                    )
                while data := body.read(READ):
                    yield data

    def checksum(self, file: RemoteFile) -> Checksum | None:
        if file.sha256:
            return Checksum("sha256", file.sha256.lower())
        match = _MD5.fullmatch(file.version)
        if match is None:
            return None
        if match[1] is None and file.key in self._hashed:
            return Checksum("md5", file.version) if self._hashed[file.key] else None
        first = self._head(self.full_key(file.key), **({"PartNumber": 1} if match[1] else {}))
        etag = "" if first is None else first.get("ETag", "")
        if first is None or etag.strip('"') != file.version or not _is_hash(first):
            return None
        if match[1] is None:
            return Checksum("md5", file.version)
        part, parts = first.get("ContentLength", 0), int(match[1][1:])
        fits = part > 0 and -(-file.size // part) == parts  # else the service does not tell
        return Checksum("md5", file.version, part=part) if fits else None

    def describe(self) -> str:
        return self._location.display_text()


def make_client(access: Access, patience: Patience) -> Any:
    """A client of boto3; where keys and endpoint are not given, boto3 looks for them itself.

    Where it finds no keys, it asks without. Raises errors of boto3.
    """
    from boto3.session import Session
    from botocore import UNSIGNED
    from botocore.config import Config

    quiet_libraries()
    session = Session(
        aws_access_key_id=access.key_id or None,
        aws_secret_access_key=access.secret or None,
        aws_session_token=access.session_token or None,
        profile_name=access.profile or None,
    )
    endpoint = access.endpoint or _endpoint_of_environment()
    options: dict[str, Any] = {}
    if access.anonymous or session.get_credentials() is None:
        options["signature_version"] = UNSIGNED
    if endpoint:
        options["s3"] = {"addressing_style": "path"}
    config = Config(
        connect_timeout=patience.connect,
        read_timeout=patience.read,
        retries={"mode": "standard", "total_max_attempts": 2},
        max_pool_connections=POOL,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        **options,
    )
    region = session.region_name or ("auto" if endpoint else None)
    return session.client("s3", endpoint_url=endpoint or None, region_name=region, config=config)


def _endpoint_of_environment() -> str:
    names = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
    ignored = os.environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true"
    return "" if ignored else next(filter(None, map(os.environ.get, names)), "")


def _is_hash(answer: dict[str, Any]) -> bool:
    """Whether the ETag of an answer is made of the content."""
    return (
        answer.get("ServerSideEncryption") not in _ENCRYPTED
        and "SSECustomerAlgorithm" not in answer
    )
