"""Downloads of published models from servers on loopback: which files, in which order, and what
becomes of them."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fetched import fetch, there
from persistence import call, global_, text
from published import hub_of
from tiny_folder import write_tiny_checkpoint, write_tiny_model
from web_server import Repository, Served, WebServer

from diffviews_desktop.data.checksums import own_checksums
from diffviews_desktop.data.sources import look_at, own_catalogue, read_catalogue
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.downloading import Download, ListModels, PlanDownload
from diffviews_desktop.engine.jobs.opening import OpenData
from diffviews_desktop.engine.protocol import Event, Progress
from diffviews_desktop.errors import (
    Cancelled,
    CheckpointError,
    NoRoomError,
    StoreDamagedError,
    StoreError,
    StoreUnreachableError,
    UsageError,
)
from diffviews_desktop.values.folders import FolderRef

CATALOGUE = """
[tiny]
title = "Tiny"
licence = "MIT"
[tiny.data]
hf = "hf://datasets/group/maps/tiny"
[tiny.checkpoint]
hf = "hf://group/weights/tiny.safetensors"
url = "{url}/weights/tiny.safetensors"
[alone]
title = "Alone"
licence = "MIT"
[alone.checkpoint]
url = "{url}/weights/alone.safetensors"
"""


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    """A hub with a model's folder and its checkpoint, and a catalogue that names them."""
    with hub_of(CATALOGUE, monkeypatch, tmp_path) as server:
        publish(server, tmp_path / "published")
        yield server


def publish(web: WebServer, folder: Path) -> None:
    write_tiny_model(folder / "tiny", samples=12)
    weights = folder / "tiny" / "checkpoints" / "tiny.safetensors"
    more = {
        "embeddings/map.pkl": b"never fetched",
        "embeddings/layer_cache/midblock.npy": b"nor this",
        "layer_cache/midblock.csv": b"nor this",
    }
    for key, content in more.items():
        (folder / "tiny" / key).parent.mkdir(exist_ok=True)
        (folder / "tiny" / key).write_bytes(content)
    files = {
        str(path.relative_to(folder)): path
        for path in folder.rglob("*")
        if path.is_file() and path != weights
    }
    web.repositories["datasets/group/maps"] = Repository({**files, "README.md": b"about"})
    large = frozenset({"tiny.safetensors"})
    web.repositories["group/weights"] = Repository({"tiny.safetensors": weights}, large=large)
    web.served["/weights/tiny.safetensors"] = Served(weights, "v1")
    web.served["/weights/alone.safetensors"] = Served(weights, "v1")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def fetched(web: WebServer) -> list[str]:
    """The files whose contents were asked for."""
    return [path for method, path, _ in web.requests if method == "GET" and "/resolve/" in path]


# ---- a model of the catalogue -------------------------------------------------------------------


def test_a_model_arrives_whole_and_opens(web: WebServer, out: Path) -> None:
    done = fetch("tiny", out)
    assert done.models == ("tiny",)
    assert done.checkpoints == (out / "tiny" / "checkpoints" / "tiny.safetensors",)
    assert done.failed == ()
    assert done.files == len(there(out)) == 12 + 5
    assert done.bytes == sum((out / name).stat().st_size for name in there(out))
    opened = Engine("cpu").run(OpenData(job_id=1, folder=FolderRef(out), model="tiny"))
    assert len(opened.samples) == 12
    assert opened.layer_map is not None


def test_pickles_and_caches_of_the_publisher_are_left_where_they_are(
    web: WebServer, out: Path
) -> None:
    fetch("tiny", out)
    assert not [name for name in there(out) if name.endswith(".pkl") or "layer_cache" in name]
    assert not [path for path in fetched(web) if path.endswith(".pkl") or "layer_cache" in path]


def test_the_settings_arrive_last_so_that_no_half_of_a_folder_opens(
    web: WebServer, out: Path
) -> None:
    fetch("tiny", out, checkpoint=False)
    assert fetched(web)[-1].endswith("/tiny/config.json")


def test_nothing_is_fetched_twice(web: WebServer, out: Path) -> None:
    fetch("tiny", out)
    sent = web.sent
    again = fetch("tiny", out)
    assert (again.files, again.bytes) == (0, 0)
    assert again.models == ("tiny",)
    assert web.sent == sent


def test_a_plan_tells_what_would_be_fetched_and_writes_nothing(web: WebServer, out: Path) -> None:
    job = PlanDownload(job_id=1, folder=FolderRef(), what="tiny", out=out)
    planned = Engine("cpu").run(job)
    assert not out.exists()
    assert [part.part for part in planned.parts] == ["data", "checkpoint"]
    done = fetch("tiny", out)
    assert (planned.files, planned.bytes) == (done.files, done.bytes)
    again = Engine("cpu").run(job)
    assert (again.files, again.bytes) == (0, 0)
    assert sum(part.present for part in again.parts) == done.files


def test_progress_tells_files_bytes_and_the_time_left(web: WebServer, out: Path) -> None:
    told: list[Event] = []
    Engine("cpu", emit=told.append).run(
        Download(job_id=1, folder=FolderRef(), what="tiny", out=out)
    )
    steps = steps_of(told)
    fractions = [one.fraction or 0.0 for one in steps]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert "17 of 17 files" in steps[-1].detail
    assert any(isinstance(one, Progress) and one.stage.startswith("checking") for one in told)


def test_a_cancelled_download_goes_on_where_it_was(web: WebServer, out: Path) -> None:
    seen: list[Event] = []
    engine = Engine("cpu", emit=seen.append, cancelled=lambda _: sum_of(out) > 3)
    with pytest.raises(Cancelled):
        engine.run(Download(job_id=1, folder=FolderRef(), what="tiny", out=out, checkpoint=False))
    listed = look_at(out, read_catalogue().model("tiny"))
    assert listed.data == "some"
    before = there(out)
    assert "tiny/config.json" not in before
    asked = len(fetched(web))
    done = fetch("tiny", out, checkpoint=False)
    assert done.files == 16 - len(before)
    assert len(fetched(web)) - asked <= done.files + 1  # one may have been cut off


def sum_of(out: Path) -> int:
    return len(there(out)) if out.exists() else 0


def steps_of(told: list[Event]) -> list[Progress]:
    return [one for one in told if isinstance(one, Progress) and one.stage == "downloading"]


def test_a_download_that_goes_on_tells_how_far_all_of_it_is(web: WebServer, out: Path) -> None:
    """Not only what is left of a large file that is partly there."""
    web.served["/weights/alone.safetensors"] = Served(bytes(20_000_000), "v1")
    web.bytes_per_second = 5_000_000
    told: list[Event] = []
    job = Download(job_id=1, folder=FolderRef(), what="alone", out=out)

    def is_begun(_: int) -> bool:
        return any((one.fraction or 0.0) > 0.3 for one in steps_of(told))

    with pytest.raises(Cancelled):
        Engine("cpu", emit=told.append, cancelled=is_begun).run(job)
    web.bytes_per_second = 0
    told.clear()
    with pytest.raises(CheckpointError):  # it is none, which is seen once it is here
        Engine("cpu", emit=told.append).run(job)
    fractions = [one.fraction or 0.0 for one in steps_of(told)]
    assert fractions == sorted(fractions)
    assert fractions[0] > 0.1
    assert fractions[-1] == 1.0
    assert all("of 20 MB" in one.detail for one in steps_of(told))


def test_one_file_that_is_refused_does_not_keep_the_others(web: WebServer, out: Path) -> None:
    files = web.repositories["datasets/group/maps"].files
    files["tiny/images/imagenet_real/a:b.png"] = b"no name for every disk"
    done = fetch("tiny", out, checkpoint=False)
    ((key, reason),) = done.failed
    assert key.endswith("a:b.png")
    assert reason.endswith(".")
    assert done.models == ("tiny",)
    assert "tiny/config.json" in there(out)


def test_a_disk_without_room_is_told_before_the_first_byte(
    web: WebServer, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(out.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(NoRoomError, match="has only 1 kB left"):
        fetch("tiny", out)
    assert not fetched(web)
    assert not out.exists()


# ---- places -------------------------------------------------------------------------------------


def test_the_next_place_is_taken_where_the_first_cannot_be_used(web: WebServer, out: Path) -> None:
    del web.repositories["group/weights"]
    done = fetch("tiny", out)
    assert done.checkpoints
    (note,) = done.notes
    assert "group/weights" in note


def test_a_place_can_be_asked_for(web: WebServer, out: Path) -> None:
    fetch("tiny", out, data=False, source="url")
    assert not [path for path in fetched(web) if "group/weights" in path]
    with pytest.raises(UsageError, match="its places are hf"):
        fetch("tiny", out, source="r2")


def test_offline_is_one_sentence(
    web: WebServer, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(StoreUnreachableError) as raised:
        fetch("tiny", out, checkpoint=False)
    assert "\n" not in str(raised.value)
    listed = Engine("cpu").run(ListModels(job_id=1, folder=FolderRef(), out=out))
    assert len(listed.models) > 19
    assert not out.exists()


def test_a_folder_without_settings_is_no_model(web: WebServer, out: Path) -> None:
    del web.repositories["datasets/group/maps"].files["tiny/config.json"]
    with pytest.raises(StoreError, match=r"has no config\.json"):
        fetch("tiny", out)
    assert not out.exists()


# ---- checkpoints --------------------------------------------------------------------------------


def hostile() -> bytes:
    return b"\x80\x04" + call(global_("os", "system"), text("touch /tmp/never")) + b"."


def test_a_checkpoint_that_cannot_be_read_safely_is_set_aside(web: WebServer, out: Path) -> None:
    web.served["/weights/alone.safetensors"] = Served(hostile(), "v1")
    with pytest.raises(CheckpointError, match=r"stays as .*alone\.safetensors\.refused until you"):
        fetch("alone", out)
    assert there(out) == {"checkpoints/alone.safetensors.refused"}
    assert look_at(out, read_catalogue().model("alone")).checkpoint == "none"
    address = f"{web.url}/weights/alone.safetensors"
    assert own_checksums().recall(address) == ""


def test_a_checkpoint_is_compared_with_the_first_download(
    web: WebServer, out: Path, tmp_path: Path
) -> None:
    file, address = tmp_path / "first.safetensors", f"{web.url}/weights/alone.safetensors"
    write_tiny_checkpoint(file)
    web.served["/weights/alone.safetensors"] = Served(file, "v1")
    done = fetch("alone", out)
    assert done.checkpoints == (out / "checkpoints" / "alone.safetensors",)
    assert own_checksums().recall(address) == hashlib.sha256(file.read_bytes()).hexdigest()
    other = tmp_path / "other.safetensors"
    write_tiny_checkpoint(other, seed=7)
    web.served["/weights/alone.safetensors"] = Served(other, "v2")
    with pytest.raises(StoreDamagedError, match="has changed since it was first downloaded"):
        fetch("alone", tmp_path / "elsewhere")
    assert there(tmp_path / "elsewhere") == {"checkpoints/alone.safetensors.refused"}


def test_a_published_checksum_counts(web: WebServer, out: Path, tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    write_tiny_checkpoint(file)
    web.served["/weights/alone.safetensors"] = Served(file, "v1")
    with own_catalogue().open("a") as table:
        table.write(f'sha256 = "{"0" * 64}"\n')
    done = fetch("alone", out)
    ((key, reason),) = done.failed
    assert key == "alone.safetensors"
    assert reason.endswith(".")
    assert done.checkpoints == ()
    assert "checkpoints/alone.safetensors" not in there(out)


def test_a_file_of_the_users_is_not_replaced(web: WebServer, out: Path, tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    write_tiny_checkpoint(file)
    web.served["/weights/alone.safetensors"] = Served(file, "v1")
    own = out / "checkpoints" / "alone.safetensors"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"mine")
    done = fetch("alone", out)
    assert own.read_bytes() == b"mine"
    ((key, reason),) = done.failed
    assert (key, done.checkpoints) == ("alone.safetensors", ())
    assert "Move it away" in reason


def test_the_checkpoint_goes_where_the_settings_look_for_it(web: WebServer, out: Path) -> None:
    files = web.repositories["datasets/group/maps"].files
    config = json.loads(Path(str(files["tiny/config.json"])).read_text())
    named = {**config, "checkpoint": "weights/tiny.safetensors"}
    files["tiny/config.json"] = json.dumps(named).encode()
    done = fetch("tiny", out)
    assert done.checkpoints == (out / "tiny" / "weights" / "tiny.safetensors",)
    assert fetch("tiny", out).files == 0


# ---- addresses ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "models", "checkpoints"),
    [
        ("hf://datasets/group/maps", ("tiny",), ()),
        ("hf://datasets/group/maps/tiny", ("tiny",), ()),
        ("hf://group/weights", (), ("checkpoints/tiny.safetensors",)),
        ("hf://group/weights@main/tiny.safetensors", (), ("checkpoints/tiny.safetensors",)),
        ("{url}/weights/tiny.safetensors", (), ("checkpoints/tiny.safetensors",)),
    ],
)
def test_an_address_stands_for_what_lies_there(
    web: WebServer, out: Path, what: str, models: tuple[str, ...], checkpoints: tuple[str, ...]
) -> None:
    done = fetch(what.format(url=web.url), out)
    assert done.models == models
    assert done.checkpoints == tuple(out / path for path in checkpoints)
    assert not [name for name in there(out) if "layer_cache" in name or name.endswith(".pkl")]
    for name in models:
        assert Engine("cpu").run(OpenData(job_id=1, folder=FolderRef(out), model=name)).samples


def test_pickles_of_maps_beside_checkpoints_are_left_where_they_are(
    web: WebServer, out: Path, tmp_path: Path
) -> None:
    weights = tmp_path / "published" / "tiny" / "checkpoints" / "tiny.safetensors"
    maps = dict.fromkeys(("embeddings/map.pkl", "a/Layer_Cache/midblock.PKL"), b"never fetched")
    web.repositories["group/several"] = Repository({**maps, "a/one.safetensors": weights})
    done = fetch("hf://group/several", out)
    assert (done.files, done.failed) == (1, ())
    assert there(out) == {"checkpoints/a/one.safetensors"}


def test_a_signature_in_an_address_is_written_nowhere(
    web: WebServer, out: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither where all goes well nor where the server refuses."""
    secret = "X-Amz-Signature=Planted"
    told: list[Event] = []
    written: list[object] = []
    with caplog.at_level(logging.DEBUG):
        for name, status in (("tiny", 200), ("tiny", 403), ("alone", 404)):
            web.served[f"/weights/{name}.safetensors"].status = status
            what = f"{web.url}/weights/{name}.safetensors?{secret}"
            for kind in (PlanDownload, Download):
                job = kind(job_id=1, folder=FolderRef(), what=what, out=out)
                written.append(job)
                try:
                    written.append(Engine("cpu", emit=told.append).run(job))
                except StoreError as error:
                    written += [error, str(error)]
    assert (out / "checkpoints" / "tiny.safetensors").is_file()
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert "Planted" not in repr([written, told, files]) + caplog.text


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("hf://nobody/nothing", "nobody/nothing"),
        ("ftp://host/file.pkl", "ftp"),
        ("s3://B", "bucket"),
        ("{url}/page.html", "page"),
        ("http://example.org/a.pkl", "https"),
        ("unknown", "--list"),
    ],
)
def test_what_is_no_use_is_said_in_a_sentence(
    web: WebServer, out: Path, what: str, said: str
) -> None:
    web.served["/page.html"] = Served(b"<html>", "v1")
    with pytest.raises((UsageError, StoreError), match=said):
        fetch(what.format(url=web.url), out)
    assert not out.exists()


def test_an_address_of_pictures_alone_is_refused(web: WebServer, out: Path) -> None:
    web.repositories["datasets/group/pictures"] = Repository({"a.png": b"png"})
    with pytest.raises(UsageError, match="neither a model's folder"):
        fetch("hf://datasets/group/pictures", out)
