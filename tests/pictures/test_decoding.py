"""Decoding: the same bits as Pillow's own functions give, and one error whatever happens."""

from __future__ import annotations

import contextlib
import io
import re
import struct
import subprocess
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps, PngImagePlugin

import diffviews_desktop
from diffviews_desktop.data.folder.pictures import read_picture
from diffviews_desktop.errors import PictureError
from diffviews_desktop.pictures import decoding, files
from diffviews_desktop.pictures.decoding import decode
from diffviews_desktop.text.faults import Fault

MODES = {
    "png": ("1", "L", "LA", "P", "RGB", "RGBA"),
    "jpg": ("1", "L", "RGB", "CMYK", "YCbCr"),
    "webp": ("L", "LA", "P", "RGB", "RGBA"),
    "bmp": ("1", "L", "P", "RGB", "RGBA"),
    "gif": ("1", "L", "LA", "P", "RGB", "RGBA"),
    "tif": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr"),
}
XMP = '<x:xmpmeta><rdf:Description tiff:Orientation="{}"/></x:xmpmeta>'


def photograph(width: int = 40, height: int = 24, mode: str = "RGB") -> Image.Image:
    rng = np.random.default_rng(width)
    small = rng.integers(0, 256, (6, 10, 4), dtype=np.uint8)
    return (
        Image.fromarray(small, "RGBA")
        .resize((width, height), Image.Resampling.BICUBIC)
        .convert(mode)
    )


def as_pillow_does(path: Path, resolution: int, channels: int) -> np.ndarray:
    """What `read_picture` is to give, by Pillow's functions alone, on the whole picture."""
    with Image.open(path) as opened:
        picture = ImageOps.exif_transpose(opened)
    if picture.has_transparency_data:
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture.convert("RGBA"))
    picture = picture.convert("L" if channels == 1 else "RGB")
    picture = ImageOps.fit(picture, (resolution, resolution), Image.Resampling.LANCZOS)
    values = np.asarray(picture, np.float32).reshape(resolution, resolution, -1) / 127.5 - 1
    return values.transpose(2, 0, 1)


def assert_as_pillow_does(path: Path) -> None:
    for resolution, channels in ((16, 3), (9, 1)):
        ours = read_picture(path, resolution, channels)
        assert ours.dtype == np.float32
        np.testing.assert_array_equal(ours, as_pillow_does(path, resolution, channels))


@pytest.mark.parametrize(
    ("kind", "mode"), [(kind, mode) for kind, modes in MODES.items() for mode in modes]
)
@pytest.mark.parametrize("band", [decoding.BAND, 100])
def test_every_bit_is_as_pillow_has_it(
    tmp_path: Path, kind: str, mode: str, band: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"a.{kind}"
    photograph(mode=mode).save(path)
    expected = [read_picture(path, side, channels) for side, channels in ((16, 3), (9, 1))]
    monkeypatch.setattr(decoding, "BAND", band)  # or line by line
    assert_as_pillow_does(path)
    assert np.array_equal(read_picture(path, 16, 3), expected[0])
    assert np.array_equal(read_picture(path, 9, 1), expected[1])


@pytest.mark.parametrize("values", [np.uint16, np.int32, np.float32])
@pytest.mark.parametrize("top", [1, 255, 65535])
def test_numbers_are_the_same_part_by_part(
    tmp_path: Path, values: type, top: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.tif"
    ramp = (np.linspace(0, 1, 40 * 24).reshape(24, 40) * top).astype(values)
    Image.fromarray(ramp).save(path)
    whole = read_picture(path, 24, 1)
    monkeypatch.setattr(decoding, "BAND", 50)
    np.testing.assert_array_equal(read_picture(path, 24, 1), whole)


@pytest.mark.parametrize("orientation", [*range(1, 9), 0, 9, 65535])
@pytest.mark.parametrize(
    "kind", ["jpg", "png", "webp", "tif", "jpg by xmp", "png by xmp", "png, hex"]
)
def test_pictures_are_turned_as_pillow_turns_them(
    tmp_path: Path, orientation: int, kind: str
) -> None:
    suffix, _, how = kind.replace(",", "").partition(" ")
    path = tmp_path / f"a.{suffix}"
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "A camera", orientation
    options: dict[str, Any] = {"exif": exif}
    if how == "by xmp":
        options = {"xmp": XMP.format(orientation % 10).encode()}
        if suffix == "png":
            options = {"pnginfo": PngImagePlugin.PngInfo()}
            options["pnginfo"].add_itxt("XML:com.adobe.xmp", XMP.format(orientation % 10))
    if how == "hex":
        data = exif.tobytes()
        options = {"pnginfo": PngImagePlugin.PngInfo()}
        text = f"\nexif\n{len(data):8}\n{data.hex()}\n"
        options["pnginfo"].add_text("Raw profile type exif", text, zip=True)
    photograph().save(path, **options)
    assert_as_pillow_does(path)
    upright = ImageOps.exif_transpose(Image.open(path)).size
    assert decode(path, "RGB", lambda decoded: decoded.size) == upright
    assert decode(path, "RGB", lambda decoded: decoded.size, side=8) == upright
    small = decode(path, "RGB", lambda decoded: decoded.image.size, side=8)
    assert small == ((8, 5) if upright == (40, 24) else (5, 8))


@pytest.mark.parametrize("kind", ["big-endian", "little-endian"])
def test_orders_of_bytes_of_exif_are_told_apart(tmp_path: Path, kind: str) -> None:
    order = b"MM\0*" if kind == "big-endian" else b"II*\0"
    letters = ">" if kind == "big-endian" else "<"
    tag = struct.pack(letters + "HHLHH", 0x0112, 3, 1, 8, 0)
    exif = order + struct.pack(letters + "LH", 8, 1) + tag + bytes(4)
    photograph().save(tmp_path / "a.jpg", exif=b"Exif\0\0" + exif)
    assert_as_pillow_does(tmp_path / "a.jpg")


@pytest.mark.parametrize(
    "exif", [b"", b"nothing", b"II*\0", b"MM\0*\0\0\0\x08\xff\xff", b"II*\0\xff\xff\xff\xff"]
)
def test_damaged_exif_does_not_cost_the_picture(tmp_path: Path, exif: bytes) -> None:
    photograph().save(tmp_path / "a.png", exif=b"Exif\0\0" + exif)
    photograph().save(tmp_path / "plain.png")
    plain = read_picture(tmp_path / "plain.png", 16, 3)
    assert np.array_equal(read_picture(tmp_path / "a.png", 16, 3), plain)


def test_a_jpeg_of_more_pixels_than_others_is_decoded_at_half_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jpg"
    photograph(400, 240).save(path, quality=95)
    whole = read_picture(path, 16, 3)
    monkeypatch.setattr(files, "MOST_PIXELS", 400 * 240 // 4)
    monkeypatch.setattr(files, "MOST_HALVED", 400 * 240)
    monkeypatch.setattr(decoding, "MOST_PIXELS", 400 * 240 // 4)
    assert decode(path, "RGB", lambda decoded: (decoded.size, decoded.image.size)) == (
        (400, 240),
        (200, 120),
    )
    assert np.abs(read_picture(path, 16, 3) - whole).max() < 0.05
    photograph(400, 240).save(path, progressive=True)  # all of it would lie in memory
    with pytest.raises(PictureError, match="0 megapixels") as caught:
        read_picture(path, 16, 3)
    assert caught.value.fault is Fault.LARGE


def test_small_pictures_are_not_enlarged(tmp_path: Path) -> None:
    photograph().save(tmp_path / "a.png")
    assert decode(tmp_path / "a.png", "RGB", lambda decoded: decoded.image.size, 512) == (40, 24)


# ---- whatever happens ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        struct.error("x"), KeyError(3), IndexError(), TypeError(), zlib.error(), MemoryError(),
        RecursionError(), OverflowError(), AssertionError(), NotImplementedError(), SyntaxError(),
        subprocess.CalledProcessError(1, ["gs"]), EOFError(), ZeroDivisionError(), UserWarning(),
        Image.DecompressionBombError(), UnicodeDecodeError("utf-8", b"x", 0, 1, "bad"),
    ],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_whatever_a_decoder_raises_is_a_damaged_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    photograph().save(tmp_path / "a.png")

    def fail(self: object) -> None:
        raise error

    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", fail)
    with pytest.raises(PictureError, match=r"a\.png cannot be read") as caught:
        read_picture(tmp_path / "a.png", 8, 3)
    assert caught.value.fault is Fault.BROKEN
    for stop in (KeyboardInterrupt, SystemExit):
        error = stop()  # type: ignore[assignment]
        with pytest.raises(stop):
            read_picture(tmp_path / "a.png", 8, 3)


def _valid() -> dict[str, bytes]:
    made = {}
    saved: list[tuple[str, str, dict[str, Any]]] = [
        ("PNG", "RGB", {}), ("PNG", "P", {}), ("PNG", "LA", {}), ("JPEG", "RGB", {}),
        ("JPEG", "CMYK", {"progressive": True}), ("GIF", "P", {}), ("BMP", "RGB", {}),
        ("BMP", "P", {}), ("WEBP", "RGBA", {"lossless": True}), ("WEBP", "RGB", {}),
        ("TIFF", "RGB", {"compression": "tiff_lzw"}), ("TIFF", "RGB", {"compression": "jpeg"}),
        ("TIFF", "L", {}), ("TIFF", "RGB", {"compression": "tiff_deflate", "big_tiff": True}),
    ]  # fmt: skip
    for kind, mode, options in saved:
        file = io.BytesIO()
        exif = Image.Exif()
        exif[0x0112] = 6
        photograph(20, 12, mode).save(file, kind, exif=exif, **options)
        made[f"{kind} {mode} {options}"] = file.getvalue()
    return made


VALID = _valid()


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_mutated_pictures_are_pictures_or_errors(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(VALID[data.draw(st.sampled_from(sorted(VALID)))])
    places = st.integers(0, len(content) - 1) | st.integers(0, min(100, len(content)) - 1)
    for at, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=6)):
        content[at] = value
    if data.draw(st.booleans()):
        at, end = sorted((data.draw(places), data.draw(places)))
        content[at:end] = data.draw(st.binary(max_size=8) | st.just(bytes(content[at:end]) * 2))
    path = tmp_path / "a.png"
    path.write_bytes(content)
    channels = data.draw(st.sampled_from([1, 3]))
    try:
        picture = read_picture(path, 8, channels)
    except PictureError as error:
        assert "\n" not in str(error)  # noqa: PT017
        return
    assert picture.shape == (channels, 8, 8)
    assert picture.dtype == np.float32
    assert np.abs(picture).max() <= 1


def test_each_is_given_to_the_decoder_of_its_format_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[object] = []
    original = Image.open

    def opened(*arguments: Any, formats: object = None) -> Image.Image:
        seen.append(formats)
        return original(*arguments, formats=formats)  # type: ignore[arg-type]

    monkeypatch.setattr(Image, "open", opened)
    for content in VALID.values():
        (tmp_path / "a.png").write_bytes(content)
        read_picture(tmp_path / "a.png", 8, 3)
    assert seen == [(name.split()[0],) for name in VALID]


STARTS = [
    b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"BM", b"II*\0\x08\0\0\0",
    b"II+\0\x08\0\0\0\x10" + bytes(7), b"MM\0*\0\0\0\x08", b"RIFF0000WEBPVP8X", b"",
]  # fmt: skip


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(start=st.sampled_from(STARTS), content=st.binary(max_size=300))
def test_any_bytes_are_a_picture_or_an_error(tmp_path: Path, start: bytes, content: bytes) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(start + content)
    with contextlib.suppress(PictureError):
        read_picture(path, 8, 3)


# ---- one place ----------------------------------------------------------------------------------


def test_nothing_else_decodes_files_of_pictures() -> None:
    decodes = re.compile(
        r"\bImage\.open\(|QImageReader|QMovie|\b[a-z]*[fF]romData\(|Q(Image|Pixmap)\([^)]*(str|path|file)\b"
    )
    root = Path(diffviews_desktop.__file__).parent
    packaging = root.parent / "packaging"
    found = {
        path.relative_to(root.parent).as_posix()
        for path in (*root.rglob("*.py"), *packaging.rglob("*.py"))
        if decodes.search(path.read_text(encoding="utf-8"))
    }
    own = {f"packaging/{name}.py" for name in ("program/icons", "trial/screen", "trial/sheet")}
    assert found - own == {"diffviews_desktop/pictures/decoding.py"}  # those of the project alone
