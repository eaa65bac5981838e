"""What stores say of the content of files, compared with what came."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass


@dataclass(frozen=True)
class Checksum:
    """What a file hashes to.

    Attributes:
        algorithm: of `hashlib`.
        value: in hexadecimal, small letters.
        part: where it is not 0, the value is that of the hashes of parts of so many bytes, followed
            by a hyphen and their number, as S3 has it.
        header: what is hashed before the content.
    """

    algorithm: str
    value: str
    part: int = 0
    header: bytes = b""


class Digest:
    """A checksum that is made while content comes in order."""

    def __init__(self, checksum: Checksum) -> None:
        self._expected = checksum
        self._hash = self._begin(checksum.header)
        self._in_part = 0
        self._parts: list[bytes] = []

    def update(self, data: bytes | bytearray | memoryview) -> None:
        """Hash what comes next."""
        part, view = self._expected.part, memoryview(data)
        while part and self._in_part + len(view) >= part:
            end = part - self._in_part
            self._hash.update(view[:end])
            self._parts.append(self._hash.digest())
            self._hash, self._in_part, view = self._begin(), 0, view[end:]
        self._hash.update(view)
        self._in_part += len(view)

    def matches(self) -> bool:
        """Whether all that came hashes to what was expected."""
        return hmac.compare_digest(self._value(), self._expected.value)

    def _value(self) -> str:
        if not self._expected.part:
            return self._hash.hexdigest()
        parts = [*self._parts, self._hash.digest()] if self._in_part else self._parts
        return f"{self._begin(b''.join(parts)).hexdigest()}-{len(parts)}"

    def _begin(self, data: bytes = b"") -> hashlib._Hash:
        return hashlib.new(self._expected.algorithm, data, usedforsecurity=False)
