"""A keyring that tests can look into: a file of JSON that ``TEST_KEYRING`` names.

``PYTHON_KEYRING_BACKEND=file_keyring.FileKeyring`` has `keyring` use it, in this process and in
those it starts.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError


class FileKeyring(KeyringBackend):
    """Refuses everything while its file holds ``locked``."""

    priority = 1.0

    @property
    def _file(self) -> Path:
        return Path(os.environ["TEST_KEYRING"])

    def _read(self) -> dict[str, str]:
        text = self._file.read_text() if self._file.exists() else "{}"
        if text == "locked":
            raise RuntimeError("it is locked, and this quotes a secret")
        kept: dict[str, str] = json.loads(text)
        return kept

    def get_password(self, service: str, username: str) -> str | None:
        return self._read().get(f"{service} {username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self._file.write_text(json.dumps({**self._read(), f"{service} {username}": password}))

    def delete_password(self, service: str, username: str) -> None:
        kept = self._read()
        if kept.pop(f"{service} {username}", None) is None:
            raise PasswordDeleteError("none is kept")
        self._file.write_text(json.dumps(kept))
