"""From an empty home to a map that others made, as its user goes: the real window, real engine
processes, a real S3 server and a web server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from patience import until
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot
from shared_buckets import SharedBucket
from tiny_folder import write_tiny_model
from web_server import Served, WebServer, serve_web

from diffviews_desktop.app import App, Options
from diffviews_desktop.values.maps import LayerMap

LAYER = "encoder_block_1"
CATALOGUE = """
[tiny]
title = "Tiny"
licence = "MIT"
[tiny.data]
r2 = "s3://{bucket}/data/tiny"
[tiny.checkpoint]
url = "{url}/weights/tiny.safetensors"
"""

Home = Callable[[str], App]


@pytest.fixture
def web() -> Iterator[WebServer]:
    with serve_web() as server:
        yield server


@pytest.fixture
def published(web: WebServer, shared: SharedBucket, tmp_path: Path) -> str:
    """A catalogue of one model: its folder in a bucket, in the layout of the original system, and
    its checkpoint on a web server."""
    folder = tmp_path / "published" / "tiny"
    write_tiny_model(folder)
    weights = folder / "checkpoints" / "tiny.safetensors"
    for path in folder.rglob("*"):
        if path.is_file() and path != weights:
            shared.write(f"data/tiny/{path.relative_to(folder).as_posix()}", path.read_bytes())
    shared.write("data/tiny/embeddings/map.pkl", b"never fetched")
    web.served["/weights/tiny.safetensors"] = Served(weights, "v1")
    return CATALOGUE.format(bucket=shared.name, url=web.url)


@pytest.fixture
def home(
    qtbot: QtBot,
    published: str,
    shared: SharedBucket,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Home]:
    """Starts the program in a home that holds nothing but the user's catalogue."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", shared.server.endpoint)
    made: list[App] = []

    def start(name: str) -> App:
        for kind in ("DATA", "CONFIG", "CACHE", "STATE"):
            monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / name / kind.lower()))
        own = tmp_path / name / "config" / "diffviews-desktop"
        own.mkdir(parents=True)
        (own / "sources.toml").write_text(published)
        app = App(Options(device="cpu"))
        made.append(app)
        app.start()
        until(qtbot, lambda: app.session.state.opened.loaded)
        assert app.session.state.opened.is_demo
        return app

    yield start
    for app in made:
        app.crew.stop()
        app.window.deleteLater()


def enter(qtbot: QtBot, field: QLineEdit, text: str) -> None:
    field.activateWindow()
    qtbot.waitUntil(field.isActiveWindow)
    field.setFocus()
    field.clear()
    qtbot.keyClicks(field, text)
    qtbot.keyClick(field, Qt.Key.Key_Tab)


def share_through(qtbot: QtBot, app: App, bucket: SharedBucket) -> None:
    """Name a bucket in the preferences."""
    app.window.menu_actions["window.preferences"].trigger()
    preferences = app.window.pages.preferences
    assert preferences is not None
    qtbot.waitUntil(preferences.isVisible)
    preferences.pages.setCurrentWidget(preferences.sharing)
    enter(qtbot, preferences.sharing.bucket, bucket.name)
    enter(qtbot, preferences.sharing.endpoint, bucket.server.endpoint)
    assert app.session.state.preferences.bucket == bucket.settings
    preferences.close()


def download(qtbot: QtBot, app: App) -> None:
    """*File > Download models…*, the model, *Download*; it opens by itself."""
    session = app.session
    app.window.menu_actions["models.download"].trigger()
    until(qtbot, lambda: session.state.downloads.listed)
    models = app.window.pages.models
    assert models is not None
    names = [models.table.item(row, 0).text() for row in range(models.table.rowCount())]
    models.table.selectRow(names.index("Tiny"))
    qtbot.mouseClick(models.step, Qt.MouseButton.LeftButton)
    until(qtbot, lambda: session.state.opened.model == "tiny" and session.state.opened.loaded)
    until(qtbot, lambda: not session.state.jobs.running)
    models.close()


def map_of(qtbot: QtBot, app: App, layer: str) -> LayerMap:
    """Choose a layer, and wait for its map."""
    box, session = app.window.layer_panel.layers, app.session
    index = next(i for i in range(box.count()) if box.itemData(i) == (layer,))
    box.setCurrentIndex(index)
    box.activated.emit(index)
    until(qtbot, lambda: session.state.opened.layer_map.layers == (layer,), 180)
    mapped = session.state.opened.layer_map
    assert mapped is not None
    return mapped


def test_a_map_that_one_home_made_is_shown_in_another(
    qtbot: QtBot, home: Home, shared: SharedBucket, tmp_path: Path
) -> None:
    app = home("one")
    share_through(qtbot, app, shared)
    download(qtbot, app)
    folder = tmp_path / "one/data/diffviews-desktop/data/tiny"
    assert (folder / "checkpoints/tiny.safetensors").is_file()
    assert not (folder / "embeddings/map.pkl").exists()
    assert len(app.session.state.opened.samples) == 60
    assert app.session.state.opened.layer_map.layers == ("midblock",)

    made = map_of(qtbot, app, LAYER)
    assert not made.from_cache
    until(qtbot, lambda: [key for key in shared.listed() if key.startswith("maps/")])
    until(qtbot, lambda: not app.session.state.jobs.aside)
    ended = {one.title: one.outcome for one in app.session.state.jobs.ended}
    assert ended[f"Uploading the map of {LAYER}"] == "finished"
    app.window.close()

    other = home("two")
    share_through(qtbot, other, shared)
    download(qtbot, other)
    got = map_of(qtbot, other, LAYER)
    assert got.from_cache
    assert got.notes[0].startswith(f"This map comes from s3://{shared.name}")
    assert got.path.is_relative_to(tmp_path / "two")
    for name in ("xy", "reduced", "trust"):
        assert getattr(got, name).tobytes() == getattr(made, name).tobytes(), name
    projector = "projector.npz"
    assert (got.path / projector).read_bytes() == (made.path / projector).read_bytes()
    other.window.close()

    secret = shared.access.secret.encode()
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name == "settings.json" for path in written)
    assert not [path for path in written if secret in path.read_bytes()]
