"""What the window remembers from one start to the next, in one file of plain texts.

QSettings is not used for it: it reads values of every type that Qt has, so that a damaged file can
make Qt end the program at every start, and it waits for ever where its file is a pipe.
"""

from __future__ import annotations

import binascii
import json
import logging
import secrets
import threading
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from diffviews_desktop import paths
from diffviews_desktop.files.reading import read_json_value
from diffviews_desktop.files.writing import replacing
from diffviews_desktop.text.translation import tr

if TYPE_CHECKING:
    from PySide6.QtCore import QByteArray

log = logging.getLogger(__name__)

MOST_BYTES = 1_000_000
"""A file of settings is not read beyond; eight folders and a layout take a few thousand."""

Value = str | list[str]


def settings_file() -> Path:
    """The file of the program's own settings."""
    return paths.data_dir() / "settings.json"


def stored_text(name: str) -> str:
    """A text of the program's settings, for what starts before the window: nothing of the file
    changes, and what cannot be read is nothing."""
    try:
        value = _read(settings_file()).get(name, "")
    except (OSError, ValueError):
        return ""
    return value if isinstance(value, str) else ""


class Settings:
    """Texts and lists of texts by name, kept in a file of JSON.

    A file that holds anything else is set aside, and ``problem`` says so in a sentence. Several
    windows may have the same file: each changes in it only what was changed in that window. Where
    it cannot be written, settings last until the program ends.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._writing = threading.Lock()
        self.problem = ""
        try:
            self._values = _read(file)
        except (OSError, ValueError) as error:
            self._values = {}
            self.problem = _set_aside(file, error)

    def text(self, name: str, default: str = "") -> str:
        """The text of a name, or the default."""
        value = self._values.get(name, default)
        return value if isinstance(value, str) else default

    def texts(self, name: str) -> list[str]:
        """The texts of a name, if there are any."""
        value = self._values.get(name, [])
        return [value] if isinstance(value, str) else [*value]

    def change(self, changes: Mapping[str, Value]) -> None:
        """Remember values by their names."""
        self.change_in_memory(changes)()

    def change_in_memory(self, changes: Mapping[str, Value]) -> Callable[[], None]:
        """Change values in memory; returns what writes them, which any thread may call: behind a
        large file, the disk may take its time."""
        self._values.update(changes)
        return partial(self._write_changes, changes)

    def _write_changes(self, changes: Mapping[str, Value]) -> None:
        with self._writing:
            try:
                values = _read(self._file)
            except (OSError, ValueError) as error:  # damaged since it was read
                _set_aside(self._file, error)
                values, changes = {}, dict(self._values)
            if {**values, **changes} != values:
                self._write({**values, **changes})

    def clear(self) -> None:
        """Forget everything."""
        with self._writing:
            self._values = {}
            self._write({})

    def _write(self, values: Mapping[str, Value]) -> None:
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with replacing(self._file) as file:
                file.write(json.dumps(values, indent=1).encode())
        except OSError as error:
            log.warning("The settings cannot be written: %s", error)


def pack(array: QByteArray) -> str:
    """Bytes of Qt's as a text with a checksum: over some that were damaged, Qt crashes."""
    data = array.data()
    return f"{zlib.crc32(data):08x}:{b64encode(data).decode('ascii')}"


def unpack(text: str) -> bytes:
    """What `pack` made; nothing if the text was damaged."""
    checksum, _, code = text.partition(":")
    try:
        data = b64decode(code, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return data if checksum == f"{zlib.crc32(data):08x}" else b""


def _read(file: Path) -> dict[str, Value]:
    """What a file holds; nothing where there is none.

    Raises:
        OSError, ValueError: it cannot be read, or holds something else.
    """
    try:
        values = read_json_value(file, MOST_BYTES)
    except FileNotFoundError:
        return {}
    if not isinstance(values, dict) or not all(map(_is_value, values.values())):
        raise ValueError("it holds something else than settings")
    return values


def _is_value(value: object) -> bool:
    texts = value if isinstance(value, list) else [value]
    return all(isinstance(text, str) and "\0" not in text for text in texts)


def _set_aside(file: Path, error: Exception) -> str:
    """Have a file out of the way, under a name that none has yet; what to say of it."""
    reason = getattr(error, "strerror", None) or str(error)
    log.warning("The settings in %s cannot be used: %s", file, reason)
    new_file = file.with_name(f"{file.stem}-damaged-{secrets.token_hex(4)}{file.suffix}")
    try:
        file.rename(new_file)
    except OSError:
        return tr(
            "The settings could not be read, so the window starts with its defaults. "
            "Remove {file}.",
            file=file,
        )
    return tr(
        "The settings could not be read, so the window starts with its defaults. "
        "The old file is now {file}.",
        file=new_file,
    )
