"""SHA-256 of files that nobody published one of: kept at the first download, compared ever after.

They are kept by address in one small file of JSON, which several programs may use.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from diffviews_desktop import paths
from diffviews_desktop.data.folder.files import read_json, replacing, writing_to
from diffviews_desktop.errors import DataError

MOST_BYTES = 4_000_000
LOCK_SECONDS = 30.0
_DIGEST = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Checksums:
    """The file of checksums, and what is in it."""

    file: Path

    def recall(self, address: str) -> str:
        """The SHA-256 of what an address had when it was first downloaded; empty where that is not
        known.

        Raises:
            DataError: the file cannot be read: what it says must not pass for nothing.
        """
        digest = self._read().get(address)
        return digest if isinstance(digest, str) and _DIGEST.fullmatch(digest) else ""

    def remember(self, address: str, sha256: str) -> None:
        """Keep the SHA-256 of an address; the first one stays.

        Raises:
            DataError: the file cannot be read or written.
        """
        with writing_to(self.file):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{self.file}.lock", timeout=LOCK_SECONDS):
                digests = self._read()
                if address not in digests:
                    with replacing(self.file) as file:
                        file.write(json.dumps({**digests, address: sha256}, indent=1).encode())

    def _read(self) -> dict[str, Any]:
        if not self.file.exists():
            return {}
        try:
            return read_json(self.file, MOST_BYTES)
        except DataError as error:
            raise DataError(
                f"{error} It has the checksums of what was downloaded before; if you delete it, "
                "they are made again of the next downloads."
            ) from error


def own_checksums() -> Checksums:
    """Those of the user."""
    return Checksums(paths.data_dir() / "checksums.json")
