"""What every test shares: a home of its own, the unpacked demo, and small data folders."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

# the models are tiny: more threads than one only wait for each other
os.environ["OMP_NUM_THREADS"] = os.environ["NUMBA_NUM_THREADS"] = "1"

import pytest
from hypothesis import settings
from own_display import serve_display
from patience import PatientBot, until
from pytestqt.qtbot import QtBot
from s3_server import S3Server, serve_s3
from tiny_folder import write_tiny_model

if TYPE_CHECKING:
    from shared_buckets import SharedBucket

    from diffviews_desktop.adapters.edm import EDMAdapter
    from diffviews_desktop.app import App
    from diffviews_desktop.engine.engine import Engine

settings.register_profile("any machine", deadline=None)  # others may keep it busy
settings.load_profile("any machine")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give one of several processes that run the tests a display of its own."""
    node.workerinput["display"] = serve_display()


def pytest_configure(config: pytest.Config) -> None:
    # a shell makes what runs in the background ignore Ctrl-C, which some tests send
    signal.signal(signal.SIGINT, signal.default_int_handler)
    display = getattr(config, "workerinput", {}).get("display")
    if display is not None:
        os.environ["DISPLAY"] = display
        for name in ("XAUTHORITY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
            os.environ.pop(name, None)
    elif not os.environ.get("DISPLAY"):  # a plain pytest may have none
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


def pytest_collection_finish() -> None:
    """Have the collector leave out what the tests have imported: a million objects, which it would
    go through whenever an engine lets a model go."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def isolated_home(
    tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Iterator[Path]:
    """No test reads or writes the real user's folders, nor is changed by the user's settings.

    The kernels that numba compiles stay from test to test and from run to run.
    """
    home = tmp_path_factory.mktemp("home")
    cache = getattr(pytestconfig, "cache", None)
    kernels = cache.mkdir("numba") if cache is not None else home / "numba"
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("DIFFVIEWS_")]:
            patch.delenv(name)
        for kind in ("DATA", "CACHE", "STATE", "CONFIG"):
            patch.setenv(f"XDG_{kind}_HOME", str(home / kind.lower()))
        for name in [name for name in os.environ if name.startswith(("AWS_", "R2_", "HF_"))]:
            patch.delenv(name)
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "HF_HOME"):
            patch.setenv(name, str(home / "nothing"))
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("NUMBA_CACHE_DIR", str(kernels))
        patch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
        patch.setenv("LANGUAGE", "en")
        be_welcomed(home / "data")
        yield home


def be_welcomed(data: Path) -> None:
    """Write settings as of a user who was greeted: no card lies over the map."""
    settings = data / "diffviews-desktop" / "settings.json"
    settings.parent.mkdir(parents=True)
    settings.write_text('{"welcomed": "true"}')


@pytest.fixture(autouse=True)
def own_sessions(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No window starts with the session of another test, nor offers to restore it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))


@pytest.fixture(autouse=True)
def own_variables() -> Iterator[None]:
    """What a test, or an engine in this process, sets for its children and for the program's
    folders goes with it: with a safe path, scripts would not find the modules beside them."""
    names = ("PYTHONSAFEPATH", *(f"XDG_{kind}_HOME" for kind in ("DATA", "CACHE", "CONFIG")))
    before = {name: os.environ.get(name) for name in names}
    yield
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@pytest.fixture
def qtbot(qapp: object, request: pytest.FixtureRequest) -> QtBot:
    """Overrides that of pytest-qt."""
    return PatientBot(request)


@pytest.fixture
def open_app(
    qtbot: QtBot,
    tiny_data: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[[int], App]]:
    """Opens the window on a number of samples, waits until their small model is loaded, and keeps
    its settings apart from those of other tests."""
    from diffviews_desktop.app import App, Options
    from diffviews_desktop.values.folders import FolderRef

    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "settings"))
    made: list[App] = []

    def open_it(samples: int) -> App:
        app = App(Options(folder=FolderRef(tiny_data(samples=samples))))
        made.append(app)
        app.start()
        until(qtbot, lambda: app.session.state.opened.loaded and not app.session.state.jobs.running)
        return app

    yield open_it
    for app in made:
        app.crew.stop()
        app.window.deleteLater()


@pytest.fixture
def adapter() -> EDMAdapter:
    """A fresh tiny conditional model, so that no test sees the hooks of another."""
    from tiny import tiny_adapter

    return tiny_adapter()


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """An engine on the CPU, which all tests of a module share."""
    from diffviews_desktop.engine.engine import Engine

    made = Engine("cpu")
    yield made
    made.close()


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Torch uses one thread, whatever the engines of other tests have set."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


@pytest.fixture(autouse=True)
def reset_logging() -> Iterator[None]:
    """Handlers and levels that a test gives to the root logger go with the test."""
    root = logging.getLogger()
    level = root.level
    yield
    root.setLevel(level)
    for handler in list(root.handlers):
        if not type(handler).__module__.startswith("_pytest."):
            root.removeHandler(handler)
            handler.close()


@pytest.fixture(scope="session")
def demo(isolated_home: Path) -> Path:
    """The data folder of the bundled demo. Shared by all tests: look, do not change."""
    from diffviews_desktop.data.folder.demo import unpack_demo

    return unpack_demo()


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 server. Shared by all tests: use a bucket of your own, and leave it running."""
    with serve_s3(tmp_path_factory.mktemp("s3") / "server") as server:
        yield server


@pytest.fixture
def tiny_data(tmp_path: Path) -> Callable[..., Path]:
    """Makes small data folders: see `write_tiny_model`; call it again for one more model."""

    def make(name: str = "tiny", **options: Any) -> Path:
        write_tiny_model(tmp_path / "data" / name, **options)
        return tmp_path / "data"

    return make


@pytest.fixture
def shared(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> SharedBucket:
    """An empty bucket, whose keys boto3 finds."""
    from shared_buckets import SharedBucket, use_keys

    use_keys(monkeypatch, s3_server.access)
    return SharedBucket(s3_server, s3_server.bucket())


@pytest.fixture
def ring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A keyring of the test's own; the file that it is in."""
    import keyring
    from file_keyring import FileKeyring

    before, file = keyring.get_keyring(), tmp_path / "ring.json"
    monkeypatch.setenv("TEST_KEYRING", str(file))
    keyring.set_keyring(FileKeyring())
    yield file
    keyring.set_keyring(before)


@pytest.fixture
def register() -> Iterator[Callable[[str, type], None]]:
    """Registers adapters for the time of a test, as another package would."""
    from diffviews_desktop.adapters import registry

    registry.discover_adapters()
    before = dict(registry._adapters)
    yield registry.register_adapter_class
    registry._adapters.clear()
    registry._adapters.update(before)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Any:
    """Reports travel between processes in UTF-8, which has no bytes for halves of surrogates."""
    report = yield
    report.sections = [(name, _encodable(text)) for name, text in report.sections]
    if not isinstance(report.longrepr, tuple | None):
        said = str(report.longrepr)
        if _encodable(said) != said:
            report.longrepr = _encodable(said)
    return report


def _encodable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
