"""Folders with pictures that nobody means well with: each is left out, with the reason."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import hostile_pictures as hostile
import numpy as np
import pytest
from PIL import Image
from tiny_folder import write_tiny_checkpoint

from diffviews_desktop.cli import main as cli
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.drawing import Generate
from diffviews_desktop.engine.jobs.importing import DataImported, ImportData
from diffviews_desktop.engine.jobs.mapping import Extract, LayersExtracted, MapLayer
from diffviews_desktop.engine.jobs.samples import AveragePictures, PictureMean
from diffviews_desktop.errors import DataError, MaskError
from diffviews_desktop.values.conditions import from_choice
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.interventions import mean_of_samples
from diffviews_desktop.values.maps import LayerMap, MapSpec
from diffviews_desktop.values.sampling import SamplingSettings

LAYER = "encoder_block_2"
REASONS = (
    "5 pictures were left out: 1 is missing (sample_000003), 2 are not known kinds of pictures "
    "(sample_000000, sample_000001), 1 is too large (sample_000002), 1 is damaged (sample_000004)"
)


@pytest.fixture
def ghostscript(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Appears when somebody starts ``gs``."""
    started = tmp_path / "ghostscript was started"
    program = tmp_path / "bin" / "gs"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch '{started}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    assert shutil.which("gs") == str(program)
    monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", None)  # it is looked for once
    return started


@pytest.fixture
def source(tiny_data: Callable[..., Path]) -> FolderRef:
    """The first five of its pictures cannot be used."""
    data = tiny_data()
    pictures = data / "tiny/images/imagenet_real"
    (pictures / "sample_000000.png").write_bytes(hostile.EPS)
    (pictures / "sample_000001.png").write_bytes(hostile.OTHERS["psd"])
    (pictures / "sample_000002.png").write_bytes(hostile.TOO_LARGE["tiff, tiles"])
    (pictures / "sample_000003.png").unlink()
    os.mkfifo(pictures / "sample_000003.png")
    (pictures / "sample_000004.png").write_bytes(hostile.DAMAGED["jpeg, tags"])
    return FolderRef(data)


def test_extraction_leaves_them_out(source: FolderRef, ghostscript: Path) -> None:
    job = Extract(job_id=1, folder=source, model="tiny", layer_sets=((LAYER,),))
    done = Engine("cpu").run(job)
    assert isinstance(done, LayersExtracted)
    assert (done.samples, done.notes) == (55, (REASONS,))
    assert not ghostscript.exists()


def test_a_map_leaves_them_out(source: FolderRef, ghostscript: Path) -> None:
    done = Engine("cpu").run(MapLayer(job_id=1, folder=source, spec=MapSpec("tiny", (LAYER,))))
    assert isinstance(done, LayerMap)
    assert np.flatnonzero(np.isnan(done.xy).any(axis=1)).tolist() == [0, 1, 2, 3, 4]
    assert done.notes == (REASONS,)
    assert not ghostscript.exists()


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (0, "is not a known kind of picture"),
        (2, "is too large"),
        (3, "is missing"),
        (4, "is damaged"),
    ],
)
def test_a_mask_of_one_is_refused_with_the_reason(
    source: FolderRef, ghostscript: Path, row: int, reason: str
) -> None:
    job = Generate(
        job_id=1,
        folder=source,
        spec=MapSpec("tiny", ("midblock",)),
        interventions=mean_of_samples((row, 20)),
        condition=from_choice("random"),
        settings=SamplingSettings(num_steps=1, seed=1),
    )
    with pytest.raises(MaskError, match=f"The picture of sample_00000{row} {reason}, so"):
        Engine("cpu").run(job)
    assert not ghostscript.exists()


def test_the_mean_leaves_them_out(source: FolderRef, ghostscript: Path) -> None:
    job = AveragePictures(job_id=1, folder=source, model="tiny", rows=np.arange(10))
    done = Engine("cpu").run(job)
    assert isinstance(done, PictureMean)
    assert done.sample_ids == tuple(f"sample_00000{i}" for i in range(5, 10))
    assert done.left_out == REASONS
    job = AveragePictures(job_id=2, folder=source, model="tiny", rows=np.arange(5))
    with pytest.raises(DataError, match=r"can be read: 1 is missing .* 1 is too large"):
        Engine("cpu").run(job)
    assert not ghostscript.exists()


def test_an_import_leaves_them_out(tmp_path: Path, ghostscript: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    Image.new("RGB", (20, 20), "white").save(images / "good.png")
    (images / "eps.png").write_bytes(hostile.EPS)
    (images / "large.jpg").write_bytes(hostile.TOO_LARGE["jpeg, scans"])
    (images / "folder.png").mkdir()
    os.mkfifo(images / "pipe.gif")
    (images / "zero.bmp").symlink_to("/dev/zero")
    write_tiny_checkpoint(tmp_path / "tiny.safetensors")
    job = ImportData(
        job_id=1,
        folder=FolderRef(tmp_path / "data"),
        checkpoint=tmp_path / "tiny.safetensors",
        out=tmp_path / "data",
        name="mine",
        images=images,
        sigmas=(1.0,),
    )
    done = Engine("cpu").run(job)
    assert isinstance(done, DataImported)
    assert done.pictures == 1
    assert done.notes == (
        "4 pictures were left out: 2 are not files (pipe.gif, zero.bmp), "
        "1 is not a known kind of picture (eps.png), 1 is too large (large.jpg).",
    )
    assert not ghostscript.exists()


def test_the_command_line_says_why(
    source: FolderRef, ghostscript: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["extract", "--data", str(source.path), "--layer", LAYER]) == 0
    assert REASONS in capfd.readouterr().out
    arguments = ["generate", "--data", str(source.path), "--rows", "0,9"]
    assert cli.main([*arguments, "--layer", "midblock"]) == 1
    said = capfd.readouterr().err
    assert said.startswith(
        "diffviews-desktop: The picture of sample_000000 is not a known kind of picture, so"
    )
    assert not ghostscript.exists()
