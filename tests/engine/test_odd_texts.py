"""Texts that UTF-8 has no bytes for: half a surrogate pair, which JSON can hold, and names of files
in another encoding, which Python keeps as such halves."""

from __future__ import annotations

import csv
import json
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_folder import write_tiny_checkpoint

from diffviews_desktop.cli.main import main
from diffviews_desktop.data.folder.dataset import open_data_folder, read_samples
from diffviews_desktop.data.folder.sample_files import write_embedding_csv
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.extraction import noise_seed
from diffviews_desktop.engine.jobs.opening import DataOpened, OpenData
from diffviews_desktop.engine.jobs.samples import ExportSamples
from diffviews_desktop.logs import configure_logging
from diffviews_desktop.values.folders import FolderRef

HALF = "\ud800 caf\udce9"
WRITTEN = r"\ud800 caf\udce9"
INFO = Path("metadata/imagenet_real/dataset_info.json")
needs_other_encodings = pytest.mark.skipif(
    sys.platform in ("win32", "darwin"), reason="names of files are Unicode"
)


def change_samples(model: Path, change: Callable[[int, dict[str, Any]], None]) -> None:
    said = json.loads((model / INFO).read_text())
    for number, sample in enumerate(said["samples"]):
        change(number, sample)
    (model / INFO).write_text(json.dumps(said))


def everywhere(number: int, sample: dict[str, Any]) -> None:
    sample["sample_id"] += HALF
    sample["class_name"] = HALF
    sample["kind"] = f"{HALF}{number % 2}"
    sample[HALF] = number
    if number % 5 == 4:  # no file has such a name
        sample["image_path"] = f"images/{HALF}/x.png"


@pytest.fixture
def data(tiny_data: Callable[..., Path]) -> Path:
    """A folder that has them wherever a text can stand."""
    folder = tiny_data(samples=15, embedding=False, config={"description": HALF, HALF: HALF})
    change_samples(folder / "tiny", everywhere)
    (folder / "tiny" / "class_labels.json").write_text(json.dumps({"1": HALF, "2": "two"}))
    return folder


def verb(capfd: pytest.CaptureFixture[str], *arguments: object) -> Any:
    """What a verb answers as JSON, with nothing on standard error."""
    assert main([*map(str, arguments), "--json"]) == 0
    said = capfd.readouterr()
    assert said.err == ""
    return json.loads(said.out)


def test_verbs_end_as_with_other_texts(data: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = data.parent / "out"
    source = ("--data", data, "--layer", "midblock")
    assert verb(capfd, "info", "--data", data)["models"][0]["samples"] == 15
    mapped = verb(capfd, "map", *source, "--out", out / "map.csv")
    assert mapped["points"] == 12
    assert mapped["notes"][0].startswith("3 pictures were left out: 3 are missing")
    made = verb(capfd, "generate", *source, "--rows", "0,1", "--out", out, "--land", "0.5")
    assert made["landed"]["nearest"][0]["sample_id"].endswith(HALF)
    picture = out / "0001.png"
    again = verb(capfd, "generate", "--replay", picture, "--data", data, "--out", out)
    assert (out / "0002.png").read_bytes() == picture.read_bytes()
    assert again["record"]["sample_ids"] == made["record"]["sample_ids"]
    # for the user, too
    assert main(["info", "--data", str(data)]) == 0
    assert capfd.readouterr().err == ""


def test_a_table_that_was_exported_can_be_read_by_every_program(data: Path) -> None:
    engine = Engine("cpu")
    opened = engine.run(OpenData(job_id=1, folder=FolderRef(data)))
    assert isinstance(opened, DataOpened)
    file = data.parent / "samples.csv"
    rows = np.array([1, 4])
    columns = {HALF: np.array([0.5, 1])}
    source = FolderRef(data)
    job = ExportSamples(
        job_id=2, folder=source, model="tiny", rows=rows, columns=columns, file=file
    )
    engine.run(job)
    with file.open(newline="", encoding="utf-8") as stream:
        first, second = csv.DictReader(stream)
    assert first["sample_id"] == f"sample_000001{WRITTEN}"
    assert first["class_name"] == WRITTEN
    assert second["image_path"] == f"images/{WRITTEN}/x.png"
    assert first[WRITTEN] == "0.5"


def test_a_map_that_was_written_finds_its_samples_again(data: Path) -> None:
    folder = data / "tiny"
    table = read_samples(open_data_folder(data).model()).table
    places = np.random.default_rng(0).normal(size=(15, 2)).astype(np.float32)
    (folder / "embeddings").mkdir()
    write_embedding_csv(folder / "embeddings" / "map.csv", table, places)
    samples = read_samples(open_data_folder(data).model())
    np.testing.assert_array_equal(samples.xy, places)
    assert samples.table.sample_id == table.sample_id
    (folder / INFO).unlink()  # then the map is the list
    alone = read_samples(open_data_folder(data).model())
    assert alone.table.sample_id[3] == f"sample_000003{WRITTEN}"


def test_the_noise_of_a_sample_is_what_it_was() -> None:
    assert noise_seed("sample_000003") == 821598406
    assert noise_seed("Käfer 7") == 241921907
    assert noise_seed("\ud800") != noise_seed("\ud801")


@needs_other_encodings
def test_files_whose_names_are_in_another_encoding(
    tiny_data: Callable[..., Path], capfd: pytest.CaptureFixture[str]
) -> None:
    data = tiny_data(name="mod\udce8le", samples=12)
    folder = data / "mod\udce8le"
    pictures = folder / "images" / "imagenet_real"
    os.rename(pictures, folder / "images" / "\udce9t\udce9")
    change_samples(
        folder,
        lambda _, sample: sample.update(
            image_path=sample["image_path"].replace("imagenet_real", "\udce9t\udce9")
        ),
    )
    mapped = verb(capfd, "map", "--data", data, "--layer", "encoder_bottleneck")
    assert (mapped["points"], mapped["notes"]) == (12, [])


@needs_other_encodings
def test_pictures_are_imported_from_folders_named_in_another_encoding(
    tmp_path: Path, tiny_data: Callable[..., Path], capfd: pytest.CaptureFixture[str]
) -> None:
    source = tiny_data(samples=10, checkpoint=False) / "tiny" / "images" / "imagenet_real"
    pictures = tmp_path / "pictures"
    (pictures / "caf\udce9").mkdir(parents=True)
    for number, picture in enumerate(sorted(source.iterdir())):
        place = pictures / "caf\udce9" if number % 2 else pictures / "plain"
        place.mkdir(exist_ok=True)
        picture.rename(place / f"\udcfc{picture.name}")
    write_tiny_checkpoint(tmp_path / "ch\udce8ck.safetensors")
    made = verb(
        capfd, "import", "--checkpoint", tmp_path / "ch\udce8ck.safetensors", "--images", pictures,
        "--out", tmp_path / "out", "--name", "net", "--sigmas", "0.5",
    )  # fmt: skip
    assert made["samples"] == 10
    folder = open_data_folder(tmp_path / "out").model("net")
    samples = read_samples(folder)
    assert sorted(set(samples.table.class_name)) == ["caf\udce9", "plain"]
    assert samples.xy is not None
    assert folder.checkpoint().name == "ch\udce8ck.safetensors"


def test_they_are_logged(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    configure_logging(tmp_path / "log.txt")
    logging.getLogger("test").warning("%s", HALF)
    assert WRITTEN in (tmp_path / "log.txt").read_text(encoding="utf-8")
    assert capfd.readouterr().err == ""
