"""Buckets of S3 services that are written to."""

from __future__ import annotations

from pathlib import Path
from typing import IO

from diffviews_desktop.data.stores.s3 import S3Store
from diffviews_desktop.files.reading import open_regular

_CONFLICTS = (409, 412)  # another program is writing it; it is there, or of another version


class WritableStore(S3Store):
    """A bucket, or a folder in it, that can be written to."""

    def put_new(self, key: str, file: IO[bytes], *, replaces: str = "") -> bool:
        """Put an object there, unless there is one of its key. Of several programs that do so at
        once, one succeeds.

        Args:
            key: of the object.
            file: what is in it, from where the file stands; it can be gone back in.
            replaces: a version, as in `RemoteFile`: an object of just this version is replaced.

        Returns:
            Whether it was put there.

        Raises:
            StoreError: the bucket cannot be written to.
        """
        from botocore.exceptions import ClientError

        condition = {"IfMatch": f'"{replaces}"'} if replaces else {"IfNoneMatch": "*"}
        with self.errors(key):
            try:
                self.client.put_object(
                    Bucket=self.bucket, Key=self.full_key(key), Body=file, **condition
                )
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] in _CONFLICTS:
                    return False
                raise
        return True

    def upload(self, key: str, path: Path) -> None:
        """Put a file there, in parts where it is large; what was there is replaced.

        Raises:
            StoreError: the bucket cannot be written to.
            OSError: the file cannot be read.
        """
        with open_regular(path) as file, self.errors(key):
            self.client.upload_fileobj(file, self.bucket, self.full_key(key))
