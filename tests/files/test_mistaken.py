"""Pointers, pages and refusals that were saved under the name of a file of data."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from diffviews_desktop.adapters.checkpoint import load_checkpoint
from diffviews_desktop.data.activations.arrays import open_matrix
from diffviews_desktop.data.activations.npz import NpzFile
from diffviews_desktop.errors import CheckpointError, DataError, PictureError
from diffviews_desktop.files.csv_text import csv_rows
from diffviews_desktop.files.mistaken import LOOKED_AT, mistaken
from diffviews_desktop.files.reading import UnfitFileError
from diffviews_desktop.pictures.decoding import decode

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 1180000000\n"
PAGE = b"\n<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>"
KINDS = {
    "pointer": (
        POINTER,
        "Git LFS pointer that stands for the file. Get the file itself: run 'git lfs pull'",
    ),
    "page": (PAGE, "a web page"),
    "page after a mark": (b"\xef\xbb\xbf<HTML lang='en'>", "a web page"),
    "xml": (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "a text in XML"),
    "json": (b'{"error": "Repository not found"}', "a text in JSON"),
    "list": (b'[ {"message": "no"} ]', "a text in JSON"),
    "refusal": (b"Entry not found", "a refusal of a server"),
    "number": (b"404: Not Found", "a refusal of a server"),
}
BOTH = pytest.mark.parametrize("kind", KINDS)


@BOTH
@pytest.mark.parametrize("name", ["model.pkl", "model.pt", "model.bin", "model.safetensors"])
def test_saved_as_a_checkpoint(tmp_path: Path, kind: str, name: str) -> None:
    content, said = KINDS[kind]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=said) as caught:
        load_checkpoint(path)
    assert str(caught.value).startswith(f"{name} is no checkpoint: it is a ")
    assert "Get the file" in str(caught.value)


@BOTH
def test_saved_as_activations(tmp_path: Path, kind: str) -> None:
    content, said = KINDS[kind]
    for name, read in (("a.npz", NpzFile.open), ("a.npy", open_matrix)):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(DataError, match=said):
            read(path)


@BOTH
def test_saved_as_a_picture(tmp_path: Path, kind: str) -> None:
    content, said = KINDS[kind]
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(PictureError, match=said):
        decode(path, "RGB", lambda decoded: None)


@pytest.mark.parametrize("kind", ["pointer", "page", "xml"])
def test_saved_as_a_table(tmp_path: Path, kind: str) -> None:
    content, said = KINDS[kind]
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(UnfitFileError, match=said):
        list(csv_rows(path))


def test_data_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "a"
    torch.save({"a": torch.zeros(3)}, path)
    assert mistaken(path.read_bytes()[:LOOKED_AT]) == ""
    np.savez(tmp_path / "a.npz", a=np.zeros(3))
    assert mistaken((tmp_path / "a.npz").read_bytes()[:LOOKED_AT]) == ""
    # a length of 8827 bytes begins like JSON
    header = json.dumps({"x": "y" * 8817}).encode()
    start = (8827).to_bytes(8, "little") + header
    assert start.startswith(b'{"')
    assert mistaken(start[:LOOKED_AT]) == ""
    assert mistaken(b"sample_id,umap_x\na,1\n") == ""
