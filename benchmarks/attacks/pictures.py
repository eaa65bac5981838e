"""Attack what reads pictures: hostile files, the largest that are read, mutations of valid ones.

Each file is decoded in a child process, for the engine and for the window. It is lost when the
child dies, takes more than 20 seconds of a processor, grows by more than 1 GB, or gives anything
but a picture or a `PictureError`. `--minutes` says how long mutations are tried, `--keep` where
those that were lost go.
"""

from __future__ import annotations

import io
import itertools
import json
import random
import resource
import selectors
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))
sys.path.insert(0, str(Path(__file__).parent))

import hostile_pictures as hostile  # noqa: E402
import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402
from trials import Trial, parser, report  # noqa: E402

MOST_SECONDS = 20.0
"""Of a processor, for one decoding: others may use the machine, too."""
MOST_WAITED = 600.0
"""Seconds by the clock after which a child hangs."""
MOST_GROWTH = 1e9
ROOM = 2_500_000_000
"""Bytes that a child may grow by before the system refuses."""


# ---- the child ----------------------------------------------------------------------------------


def serve() -> None:
    """Read each file whose name comes in; say what happened, how long it took, and the growth."""
    from diffviews_desktop.data.folder.pictures import read_picture
    from diffviews_desktop.errors import PictureError
    from diffviews_desktop.pictures.decoding import decode

    most = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    for line in sys.stdin:
        path = Path(line.strip())
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins again
        old_peak, times = _peak(), [time.process_time()]
        try:
            values = read_picture(path, 16, 3)
            good = values.shape == (3, 16, 16) and float(np.abs(values).max()) <= 1
            times.append(time.process_time())
            small = decode(path, "RGB", lambda picture: picture.image.size, 512)
            answer = "picture" if good and max(small) <= 512 else f"a wrong picture of {small}"
        except PictureError as error:
            answer = f"refused: {error.fault.name} {error}"
        except BaseException as error:
            answer = f"raised {type(error).__name__}: {error}"
        times.append(time.process_time())
        seconds = max(end - start for start, end in itertools.pairwise(times))
        print(json.dumps({"said": answer, "s": seconds, "growth": _peak() - old_peak}), flush=True)


def _peak() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


class Child:
    """A process that decodes; another one takes its place when it dies or hangs."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def read(self, path: Path) -> dict[str, Any]:
        """What became of a file."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, __file__, "--child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{path}\n")
        process.stdin.flush()
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            ready = selector.select(MOST_WAITED)
        line = process.stdout.readline() if ready else ""
        if not line:
            self.close()
            fate = f"died ({process.returncode})" if ready else "hung"
            return {"said": fate, "s": 0.0, "growth": 0}
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


# ---- files --------------------------------------------------------------------------------------


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def valid() -> dict[str, list[bytes]]:
    """Valid pictures of every format, in many ways."""
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (6, 10, 4), dtype=np.uint8), "RGBA")
    image = image.resize((40, 24), Image.Resampling.BICUBIC)
    rgb, grey, palette = image.convert("RGB"), image.convert("L"), image.convert("P")
    deep = Image.fromarray(rng.integers(0, 65536, (24, 40), dtype=np.uint16))
    floats = Image.fromarray(rng.random((24, 40), np.float32))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "A camera"
    more: dict[str, Any] = {"exif": exif, "icc_profile": bytes(300), "xmp": b"<x:xmpmeta/>"}
    frames = {"save_all": True, "append_images": [palette.rotate(90), palette]}
    schemes = ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "zstd", "lzma", None)
    bilevel = ("group3", "group4", "tiff_ccitt")
    return {
        "PNG": [
            *(encode(image.convert(m), "PNG") for m in ("1", "L", "LA", "P", "RGB", "RGBA")),
            encode(deep, "PNG"),
            encode(rgb, "PNG", exif=exif, icc_profile=bytes(300)),
            encode(palette, "PNG", transparency=3),
            encode(rgb, "PNG", save_all=True, append_images=[rgb.rotate(90)]),
        ],
        "JPEG": [
            encode(rgb, "JPEG", **more),
            encode(rgb, "JPEG", progressive=True, **more),
            encode(grey, "JPEG", restart_marker_blocks=1),
            encode(rgb.convert("CMYK"), "JPEG", progressive=True),
            encode(rgb, "JPEG", subsampling=2, optimize=True),
            encode(rgb, "MPO", save_all=True, append_images=[rgb]),
        ],
        "GIF": [encode(palette, "GIF", transparency=2), encode(palette, "GIF", comment=b"x" * 600),
                encode(grey, "GIF", interlace=0), encode(palette, "GIF", **frames)],
        "BMP": [*(encode(image.convert(m), "BMP") for m in ("1", "L", "P", "RGB", "RGBA")),
                hostile.bmp(8, 2, 8, 1, b"\0" * 1024 + b"\4\1\0\0\0\4abcd\0\2\1\1\0\1")],
        "WEBP": [encode(image, "WEBP", lossless=True), encode(rgb, "WEBP", **more),
                 encode(image, "WEBP", quality=50), encode(image, "WEBP", **frames)],
        "TIFF": [
            *(encode(rgb, "TIFF", compression=scheme) for scheme in schemes),
            *(encode(image.convert("1"), "TIFF", compression=scheme) for scheme in bilevel),
            *(encode(image.convert(m), "TIFF") for m in ("LA", "P", "RGBA", "CMYK", "LAB")),
            encode(deep, "TIFF"), encode(floats, "TIFF", compression="tiff_lzw"),
            encode(rgb, "TIFF", big_tiff=True, exif=exif, compression="tiff_lzw"),
            encode(rgb.convert("YCbCr"), "TIFF", compression="jpeg"),
            hostile.tiff_of(32, 32, (322, 4, 1, 16), (323, 4, 1, 16),
                            (324, 4, 4, struct.pack("<4L", 500, 500, 500, 500)),
                            (325, 4, 4, struct.pack("<4L", *[256] * 4)), after=bytes(600)),
        ],
    }  # fmt: skip


def largest() -> Iterator[tuple[str, bytes]]:
    """The largest pictures that are read, in few bytes: what takes most memory and time."""
    side = 8000
    for bits, color, each in ((8, 0, 1), (8, 2, 3), (8, 6, 4), (8, 4, 2), (8, 3, 1), (16, 0, 2)):
        chunks = hostile.png_chunk(b"PLTE", bytes(range(256)) * 3) if color == 3 else b""
        chunks += hostile.png_chunk(b"tRNS", bytes(256)) if color == 3 else b""
        lines = bytes((1 + side * each) * side)
        yield f"png {bits} {color}", hostile.png(side, side, bits, color, chunks, lines)
    small = side // 2**0.5
    lines = bytes((1 + int(small) * 8) * int(small))
    yield "png 16 6", hostile.png(int(small), int(small), 16, 6, b"", lines)
    rgb, exif = Image.new("RGB", (side, side), (9, 8, 7)), Image.Exif()
    exif[0x0112] = 6
    yield "jpeg", encode(rgb, "JPEG", subsampling=0, exif=exif)
    yield "jpeg progressive", encode(rgb, "JPEG", subsampling=0, progressive=True, exif=exif)
    yield "jpeg of 168 megapixels", encode(rgb.resize((2 * side, 10_500)), "JPEG", subsampling=0)
    flat = Image.new("CMYK", (7000, 7000), (9, 8, 7, 6))
    yield "jpeg cmyk progressive", encode(flat, "JPEG", subsampling=0, progressive=True)
    yield "jpeg scans", hostile.jpeg_scans(6, side, side)
    grey = Image.new("L", (side, side), 9)
    yield "gif", encode(grey, "GIF")
    yield "gif transparent", encode(grey.convert("P"), "GIF", transparency=9)
    yield "bmp", encode(Image.new("RGB", (side, side)), "BMP")
    runs = b"\0\0" * 7_900_000
    yield "bmp runs that go nowhere", hostile.bmp(4000, 4000, 8, 1, bytes(1024) + runs)
    yield "bmp runs of one pixel", hostile.bmp(4000, 4000, 8, 1, bytes(1024) + b"\1\2" * 7_900_000)
    yield "bmp ends of lines", hostile.bmp(4000, 4000, 4, 2, bytes(64) + b"\1\1\0\0" * 4000)
    wide = Image.new("RGBA", (side, side // 2), (1, 2, 3, 4))
    yield "webp", encode(wide.convert("RGB"), "WEBP", method=0)
    yield "webp lossless", encode(wide, "WEBP", lossless=True, method=0, quality=0, exif=exif)
    for mode in ("RGB", "RGBA", "CMYK", "LA", "L", "F", "I;16"):
        image = Image.new(mode, (side, side))
        for scheme in ("tiff_adobe_deflate", "lzma"):
            yield f"tiff {mode} {scheme}", encode(image, "TIFF", compression=scheme, exif=exif)
    yield "tiff jpeg", encode(rgb, "TIFF", compression="jpeg")
    yield "tiff strips", _strips(65_000, 1000)


def _strips(count: int, width: int) -> bytes:
    """A TIFF that has a strip a line, all of which are the same bytes."""
    strip = zlib.compress(bytes(width))
    tags: list[hostile.Tag] = [
        (256, 4, 1, width), (257, 4, 1, count), (258, 3, 1, 8), (259, 3, 1, 8), (262, 3, 1, 1),
        (273, 4, count, b""), (277, 3, 1, 1), (278, 4, 1, 1), (279, 4, count, b""),
    ]  # fmt: skip
    start = 8 + 2 + 12 * len(tags) + 4
    tags[5] = (273, 4, count, struct.pack("<L", start + 8 * count) * count)
    tags[8] = (279, 4, count, struct.pack("<L", len(strip)) * count)
    return hostile.tiff(tags, strip)


def mutate(whole: bytes, others: list[bytes], rng: random.Random) -> bytes:
    """A file with a few bytes, numbers or parts changed."""
    data = bytearray(whole)

    def place() -> int:
        return rng.randrange(min(len(data), rng.choice([40, 200, len(data), len(data)])))

    def number() -> None:
        at, size = place(), rng.choice([2, 4, 8])
        value = rng.choice([0, 1, 255, 256, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63])
        order: Any = rng.choice(["little", "big"])
        data[at : at + size] = (value % 256**size).to_bytes(size, order)

    def byte() -> None:
        data[place()] = rng.choice([rng.randrange(256), 0, 255, 128, 127])

    def cut() -> None:
        at = place()
        del data[at : at + rng.choice([1, 2, 4, 12, len(data)])]

    def copy() -> None:
        start, at = place(), place()
        data[at:at] = data[start : start + rng.randrange(1, 64)] * rng.choice([1, 1, 2, 500])

    def splice() -> None:
        other = rng.choice(others)
        start = rng.randrange(len(other))
        data[place() :] = other[start:]

    for _ in range(rng.choice([1, 1, 2, 3, 8])):
        if data:
            rng.choice([number, number, byte, byte, byte, cut, copy, splice])()
    if data.startswith(b"\x89PNG") and rng.random() < 0.8:
        return _with_right_sums(bytes(data))
    return bytes(data)


def _with_right_sums(png: bytes) -> bytes:
    """A PNG whose chunks have the right check sums, so that they are looked at."""
    data, at = bytearray(png), 8
    while at + 12 <= len(data):
        (size,) = struct.unpack_from(">I", data, at)
        end = at + 8 + size
        if end + 4 > len(data):
            break
        struct.pack_into(">I", data, end, zlib.crc32(data[at + 4 : end]))
        at = end + 4
    return bytes(data)


# ---- trials -------------------------------------------------------------------------------------


class Attack:
    """Tries files, and keeps those that are lost."""

    def __init__(self, folder: Path, keep: Path | None) -> None:
        self._path = folder / "picture.png"
        self._keep = keep
        self._child = Child()
        self.trials: dict[str, Trial] = {}
        self.said: dict[str, int] = {}
        self.worst = {"s": (0.0, ""), "growth": (0.0, "")}

    def try_file(self, trial: str, name: str, data: bytes, test: Callable[[str], bool]) -> None:
        self._path.write_bytes(data)
        answer = self._child.read(self._path)
        seconds, growth, text = answer["s"], answer["growth"], answer["said"]
        good = test(text) and seconds <= MOST_SECONDS and growth <= MOST_GROWTH
        kind = " ".join(text.split()[:2])
        self.said[kind] = self.said.get(kind, 0) + 1
        for key, value in (("s", seconds), ("growth", growth)):
            self.worst[key] = max(self.worst[key], (value, name))
        old = self.trials.get(trial, Trial(trial, 0, 0))
        self.trials[trial] = Trial(trial, old.tries + 1, old.survived + good)
        if not good:
            print(f"lost: {name}: {text}, {seconds:.1f} s, {growth / 1e6:.0f} MB", flush=True)
            if self._keep is not None:
                self._keep.mkdir(parents=True, exist_ok=True)
                (self._keep / f"{zlib.crc32(data):08x}").write_bytes(data)

    def close(self) -> None:
        self._child.close()


def main() -> int:
    arguments = parser(__doc__)
    arguments.add_argument("--minutes", type=float, default=2.0, help="of mutations (default: 2)")
    arguments.add_argument("--seed", type=int, default=0, help="of mutations (default: 0)")
    arguments.add_argument("--keep", type=Path, metavar="DIR", help="where lost files go")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        attack = Attack(Path(folder), options.keep)
        groups = {
            "NO_PICTURE": hostile.OTHERS,
            "LARGE": hostile.TOO_LARGE,
            "BROKEN": {**hostile.DAMAGED, **hostile.LONG_TEXTS},
        }
        for fault, group in groups.items():
            for name, data in group.items():
                attack.try_file("hostile files", name, data, _contains(f"refused: {fault}"))
        for name, data in largest():
            attack.try_file("largest pictures", name, data, _is_an_answer)
        _mutate(attack, options.minutes, random.Random(options.seed))
        attack.close()
    for kind, count in sorted(attack.said.items(), key=lambda pair: -pair[1]):
        print(f"{count:7} {kind}")
    print("slowest: {:.1f} s ({})".format(*attack.worst["s"]))
    print(
        "most memory: {:.0f} MB ({})".format(
            attack.worst["growth"][0] / 1e6, attack.worst["growth"][1]
        )
    )
    return report(list(attack.trials.values()), options.json)


def _contains(part: str) -> Callable[[str], bool]:
    return lambda text: part in text


def _is_an_answer(text: str) -> bool:
    return text == "picture" or text.startswith("refused")


def _mutate(attack: Attack, minutes: float, rng: random.Random) -> None:
    seeds = valid()
    others = [data for group in seeds.values() for data in group]
    end = time.monotonic() + 60 * minutes
    while time.monotonic() < end:
        kind = rng.choice(sorted(seeds))
        data = mutate(rng.choice(seeds[kind]), others, rng)
        attack.try_file(f"{kind}, mutated", f"mutated {kind}", data, _is_an_answer)


if __name__ == "__main__":
    if "--child" in sys.argv:
        serve()
    else:
        sys.exit(main())
