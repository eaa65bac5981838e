"""State dicts that torch.save wrote (``.pt``, ``.pth``, ``.bin``), as an archive or before that.

torch's own reader is not used: even with ``weights_only`` a file can make it end the process or
take all memory.
"""

from __future__ import annotations

import os
import struct
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

from diffviews_desktop.adapters.formats.pickle_machine import (
    Budget,
    Damaged,
    PickleMachine,
    Refused,
    explain_errors,
)
from diffviews_desktop.adapters.formats.pickled_values import (
    STORAGE_TYPES,
    AllowList,
    Located,
    StorageTable,
    common_allow_list,
    read_stream,
)
from diffviews_desktop.adapters.formats.stored import AlteredError, Part, StoredModel
from diffviews_desktop.adapters.formats.weights import choose_weights, state_dicts
from diffviews_desktop.files.archives import open_archive
from diffviews_desktop.files.reading import UnfitFileError, open_regular

ARCHIVE = b"PK\x03\x04"
MAX_RECORD = 2**26
"""Bytes of the record that lists the tensors."""
_ADVICE = "Save the network's state_dict() alone, with torch.save or as .safetensors."
_IGNORED = frozenset({"_metadata"})  # versions of modules, which state_dict() adds to its result
_ENCRYPTED, _UTF_8 = 0x1, 0x800  # flags of a record


def read_torch_file(path: Path, weights: str | None = None) -> StoredModel:
    """Read everything of such a file but the tensors' values.

    Args:
        path: the file.
        weights: which of several state dicts in it; None for the usual one.

    Raises:
        CheckpointError: it is damaged, compressed, or holds something that could run.
    """
    budget = Budget()
    with (
        open_regular(path) as file,
        open_regular(path) as second_file,
        explain_errors(path, "a state dict", _ADVICE),
    ):
        size = os.fstat(file.fileno()).st_size
        allowed = common_allow_list(second_file, budget)
        if file.read(len(ARCHIVE)) == ARCHIVE:
            value = _read_archive(_Archive(path, second_file, size), file, allowed, budget)
        else:
            file.seek(0)
            value = read_stream(file, size, allowed, budget, _IGNORED)
        choice = choose_weights(path, state_dicts(value), weights, _ADVICE)
        tensors = {name: tensor.locate() for name, tensor in choice.value.items()}
        return StoredModel(path, tensors, notes=choice.notes)


# ---- archives -----------------------------------------------------------------------------------


class _Archive:
    """The records of an archive, by name: places in the file.

    Raises:
        Refused: it is compressed, or has too many records.
        Damaged: its directory cannot be read.

    Attributes:
        has_checksums: whether its directory holds the records' CRC-32: torch.save can leave them
            out (``torch.serialization.set_crc32_options``), and then all are 0.
    """

    def __init__(self, path: Path, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size
        try:
            with open_archive(path) as archive:
                self._records = {record.filename: record for record in archive.infolist()}
        except UnfitFileError:
            raise Refused("more records than any network has tensors") from None
        except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError) as error:
            raise Damaged(f"its directory cannot be read ({type(error).__name__})") from error
        if any(r.compress_type or r.flag_bits & _ENCRYPTED for r in self._records.values()):
            raise Refused("compressed records")
        self.has_checksums = any(record.CRC for record in self._records.values())

    def __contains__(self, name: str) -> bool:
        return name in self._records

    def folder(self) -> str:
        """Where torch.save put its records."""
        end = "/data.pkl"
        names = [name for name in self._records if name.endswith(end) and name.count("/") == 1]
        if len(names) != 1:
            raise Damaged("it is an archive without the one record data.pkl of torch.save")
        return names[0].removesuffix(end)

    def part(self, name: str) -> Part:
        """A record: its place in the file, and its checksum."""
        record = self._records.get(name)
        if record is None or record.header_offset < 0:
            raise Damaged("a record of the archive is missing")
        self._file.seek(record.header_offset)
        magic, name_length, extra_length = struct.unpack("<4s22xHH", self._file.read(30))
        start = record.header_offset + 30 + name_length + extra_length
        own_name = record.orig_filename.encode("utf-8" if record.flag_bits & _UTF_8 else "cp437")
        same = magic == ARCHIVE and self._file.read(name_length) == own_name
        if not same or start + record.file_size > self._size:
            raise Damaged("a record of the archive is not where its directory says")
        return Part(start, record.file_size, record.CRC)

    def check(self, name: str) -> Part:
        """A small record, read once to compare its checksum."""
        part = self.part(name)
        if part.length > MAX_RECORD:
            raise Refused(f"a record {name.rpartition('/')[2]} of more than 64 MB")
        if self.has_checksums:
            try:
                part.check(self._file)
            except AlteredError:
                record = name.rpartition("/")[2]
                raise Damaged(f"its record {record} is not what was written") from None
        return part


def _read_archive(archive: _Archive, file: BinaryIO, allowed: AllowList, budget: Budget) -> Any:
    folder = archive.folder()

    def locate(key: str, nbytes: int) -> Located:
        part = archive.part(f"{folder}/data/{key}")
        if part.length != nbytes:
            raise Damaged("a tensor has more or fewer values than it says")
        return Located(part.offset, part if archive.has_checksums else None)

    if f"{folder}/byteorder" in archive:
        order = archive.check(f"{folder}/byteorder")
        file.seek(order.offset)
        if file.read(min(order.length, 16)) != b"little":
            raise Refused("values in a byte order that this program does not read")
    pickle = archive.check(f"{folder}/data.pkl")
    file.seek(pickle.offset)
    table = StorageTable(locate)
    allowed = allowed | STORAGE_TYPES
    end = pickle.offset + pickle.length
    return PickleMachine(file, end, allowed, budget, table, _IGNORED).run()
