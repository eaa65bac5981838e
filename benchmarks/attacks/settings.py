"""Start the window with settings that were damaged in every way, and look that it starts.

A start is lost if the process crashes or hangs, or if what is set in the window is not there
afterwards. Engines are not started.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
import tempfile
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

from common import isolate  # noqa: E402
from trials import Trial, parser, report  # noqa: E402

SECONDS = 120
A_TIME = 25
MUTATIONS = 300
QT_TYPES = (*range(1, 0x40), 0x7F, 0x400, 0x10000, 0x7FFFFFFF, 0xFFFFFFFF)

START = """
import os, sys
from diffviews_desktop.actions.preferences import choose_appearance
from diffviews_desktop.app import App, Options, create_application

app = create_application(["window"])
for home in sys.argv[2:]:
    os.environ["XDG_DATA_HOME"] = home
    main = App(Options(reset=sys.argv[1] == "reset"))
    main.window.first_painted.disconnect(main._begin)
    main.window.show()
    main.window.bring_map()
    app.processEvents()
    choose_appearance(main.window.context, "dark")
    main.window.layout_of_docks.docks[1].hide()
    main.window.close()
    main = None
    print(home, flush=True)
"""


class Ground:
    """Makes homes with a file of settings in each, and starts windows in them."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._count = 0

    def home(self, make: Callable[[Path], object]) -> Path:
        """A home whose settings ``make`` has made."""
        self._count += 1
        home = self._root / f"home-{self._count}"
        file = settings_in(home)
        file.parent.mkdir(parents=True)
        make(file)
        return home

    def survivors(self, homes: Sequence[Path], way: str = "start") -> int:
        """In how many homes a window starts, can be changed and closed, one after the other."""
        count, remainder = 0, list(homes)
        while remainder:
            ended = self._start(remainder[:A_TIME], way)
            count += sum(map(_is_kept, remainder[:ended]))
            if ended < len(remainder[:A_TIME]):  # the next one is lost
                print(f"lost: {settings_in(remainder[ended])}: {_beginning(remainder[ended])!r}")
                ended += 1
            remainder = remainder[ended:]
        return count

    def _start(self, homes: Sequence[Path], way: str) -> int:
        """How many windows were closed before the process crashed or hung."""
        command = [sys.executable, "-c", START, way, *map(str, homes)]
        with tempfile.TemporaryFile("w+") as output:
            with contextlib.suppress(subprocess.TimeoutExpired):
                subprocess.run(
                    command, stdout=output, stderr=subprocess.DEVNULL, timeout=SECONDS, check=False
                )
            output.seek(0)
            return len(output.readlines())


def settings_in(home: Path) -> Path:
    return home / "diffviews-desktop" / "settings.json"


def _is_kept(home: Path) -> bool:
    try:
        return json.loads(settings_in(home).read_bytes())["theme"] == "dark"
    except (OSError, ValueError, LookupError):
        print(f"lost: nothing is kept in {home}")
        return False


def _beginning(home: Path) -> bytes:
    file = settings_in(home)
    return file.read_bytes()[:200] if file.is_file() else b"no file"


def mutate(content: bytes, rng: random.Random) -> bytes:
    """A file with one damage: bits flipped, a part zeroed, dropped, doubled or made random."""
    data = bytearray(content)
    at = rng.randrange(len(data))
    to = min(len(data), at + rng.choice([1, 2, 16, 512]))
    kind = rng.randrange(6)
    if kind == 0:
        for _ in range(rng.choice([1, 1, 1, 8])):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif kind == 1:
        data[at:to] = bytes(to - at)
    elif kind == 2:
        del data[at:to]
    elif kind == 3:
        data[at:at] = data[at:to]
    elif kind == 4:
        data[at:to] = rng.randbytes(to - at)
    else:
        del data[at:]
    return bytes(data)


def of_other_types() -> Iterable[bytes]:
    """Settings whose values are of every type of JSON where a text, or a list of them, is meant."""
    names = ["theme", "ramp", "renderer", "color_by", "reduced_motion", "map/names"]
    names += ["recent", "pictures", "tables", "geometry", "layout"]
    odd: list[object] = [
        None,
        True,
        1,
        1e300,
        [],
        [[]],
        {},
        {"a": "b"},
        "",
        "x" * 100_000,
        "\ud800\u202e\n",
        "0:",
        ["x"] * 10_000,
        [1],
    ]
    for value in odd:
        yield json.dumps(dict.fromkeys(names, value)).encode()


def qt_values() -> Iterable[bytes]:
    """Files of QSettings with a value of each of Qt's types, its data made up."""
    for number in QT_TYPES:
        for tail in (b"\x7f" * 64, b"\xff" * 64):
            code = "".join(f"\\x{byte:x}" for byte in number.to_bytes(4, "big") + tail)
            yield f"[General]\ntheme=@Variant({code})\n".encode()


def flip_layout(fine: bytes) -> Iterable[bytes]:
    """Settings with the layout's bytes changed under an old checksum: Qt crashes over many."""
    settings = json.loads(fine)
    checksum, _, code = settings["layout"].partition(":")
    for at in range(0, len(b64decode(code)), 2):
        layout = bytearray(b64decode(code))
        layout[at] ^= 2
        changed = f"{checksum}:{b64encode(layout).decode('ascii')}"
        yield json.dumps({**settings, "layout": changed}).encode()


def beside(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda file: file.with_name(name).write_bytes(content)


def sparse(file: Path) -> None:
    with file.open("wb") as opened:
        opened.truncate(2_000_000_000)


def run(root: Path) -> list[Trial]:
    ground, rng = Ground(root), random.Random(18)

    def trial(name: str, makers: Sequence[Callable[[Path], object]], way: str = "start") -> Trial:
        count = ground.survivors([ground.home(make) for make in makers], way)
        print(f"{name}: {count} of {len(makers)}", flush=True)
        return Trial(name, len(makers), count)

    def writers(contents: Iterable[bytes]) -> list[Callable[[Path], object]]:
        return [partial(Path.write_bytes, data=content) for content in contents]

    first = ground.home(lambda file: None)
    if ground.survivors([first]) != 1:
        raise SystemExit("the window does not start at all")
    fine = settings_in(first).read_bytes()
    qt = [*qt_values()]
    places: list[Callable[[Path], object]] = [Path.mkdir, sparse]
    if sys.platform != "win32":
        places += [os.mkfifo, lambda file: file.symlink_to("/dev/zero")]
    return [
        trial("random damages", writers(mutate(fine, rng) for _ in range(MUTATIONS))),
        trial("flipped bits in the layout", writers(flip_layout(fine))),
        trial("values of other types", writers(of_other_types())),
        trial("values of each of Qt's types", writers(qt)),
        trial("… in the place of settings.ini", [beside("settings.ini", text) for text in qt]),
        trial("no file, or 2 GB", places),
        trial("no file, or 2 GB, with --reset", places, "reset"),
        trial("fine settings", writers([fine])),
    ]


def main() -> int:
    options = parser(__doc__).parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    with tempfile.TemporaryDirectory() as folder:
        isolate(Path(folder))
        return report(run(Path(folder)), options.json)


if __name__ == "__main__":
    sys.exit(main())
