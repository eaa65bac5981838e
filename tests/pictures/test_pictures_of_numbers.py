"""Pictures of numbers: black and white of one picture, and by one rule for a folder."""

from __future__ import annotations

import os
import struct
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image, TiffImagePlugin

from diffviews_desktop.data.folder.pictures import read_image
from diffviews_desktop.errors import PictureError
from diffviews_desktop.pictures import decoding
from diffviews_desktop.pictures.survey import survey
from diffviews_desktop.text.faults import Fault
from diffviews_desktop.values.brightness import Brightness, Numbers, Range

RAMP = np.tile(np.linspace(0, 1, 16), (16, 1))
GREY = np.round(RAMP * 255)


def write(path: Path, values: np.ndarray, **tags: object) -> Path:
    info = TiffImagePlugin.ImageFileDirectory_v2()
    for number, value in tags.items():
        info[int(number[1:])] = value
    Image.fromarray(values).save(path, tiffinfo=info) if tags else Image.fromarray(values).save(
        path
    )
    return path


def brought(path: Path, brightness: Brightness | None = None) -> np.ndarray:
    given_ = () if brightness is None else (brightness,)
    return read_image(path, 16, 1, *given_)[:, :, 0].astype(np.float64)


@pytest.mark.parametrize(
    ("low", "high"),
    [(0, 1), (-1, 1), (0, 255), (0, 65535), (0, 4), (-2.5, 3), (1000, 1010), (-1e30, 1e30)],
)
def test_a_ramp_of_floats_is_a_ramp(tmp_path: Path, low: float, high: float) -> None:
    path = write(tmp_path / "a.tif", (RAMP * (high - low) + low).astype(np.float32))
    assert np.abs(brought(path) - GREY).max() <= 1


def test_a_value_a_little_above_one_does_not_make_it_black(tmp_path: Path) -> None:
    values = RAMP.astype(np.float32)
    for top in (1.0001, 1.03):
        values[0, 0] = top
        seen = brought(write(tmp_path / "a.tif", values))
        assert np.abs(seen[1:] - GREY[1:]).max() <= 1
        assert seen[0, 0] == 255


def test_what_is_no_number_is_black_and_what_has_no_end_is_cut_off(tmp_path: Path) -> None:
    values = (RAMP * 2 - 1).astype(np.float32)
    values[0, :3] = np.nan, np.inf, -np.inf
    seen = brought(write(tmp_path / "a.tif", values))
    assert seen[0, :3].tolist() == [0, 255, 0]
    assert np.abs(seen[1:] - GREY[1:]).max() <= 1
    assert not brought(write(tmp_path / "b.tif", np.full((16, 16), np.nan, np.float32))).any()


@pytest.mark.parametrize(
    ("kind", "top"),
    [(np.int32, 255), (np.int32, 65535), (np.int32, 1), (np.int32, 4095), (np.int16, 255),
     (np.int16, 32767), (np.uint32, 2**32 - 1), (np.uint16, 65535)],
)  # fmt: skip
def test_whole_numbers(tmp_path: Path, kind: type, top: int) -> None:
    path = tmp_path / "a.tif"
    values = np.round(RAMP * top).astype(kind)
    path.write_bytes(tiff(values))
    expected = np.round(values.astype(np.float64) / top * 255)
    assert np.abs(brought(path) - expected).max() <= 1


def tiff(values: np.ndarray, bits: int | None = None, photometric: int = 1) -> bytes:
    """A TIFF of one strip, as another program writes it."""
    height, width = values.shape
    form = {"u": 1, "i": 2, "f": 3}[values.dtype.kind]
    depth = bits or 8 * values.dtype.itemsize
    data = values.astype(values.dtype.newbyteorder("<")).tobytes()
    if depth == 12:
        pairs = values.reshape(-1, 2).astype(np.uint32)
        both = pairs[:, 0] << 12 | pairs[:, 1]
        data = b"".join(int(one).to_bytes(3, "big") for one in both)
    tags = [(256, width), (257, height), (258, depth), (259, 1), (262, photometric), (273, 8),
            (277, 1), (278, height), (279, len(data)), (339, form)]  # fmt: skip
    directory = struct.pack("<H", len(tags))
    directory += b"".join(struct.pack("<HHLL", number, 4, 1, value) for number, value in tags)
    return b"II*\0" + struct.pack("<L", 8 + len(data)) + data + directory + bytes(4)


def test_twelve_bits_are_white_at_their_end(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(tiff(np.round(RAMP * 4095).astype(np.uint16), bits=12))
    assert np.abs(brought(path) - GREY).max() <= 1
    assert survey([path]).record() == {"unsigned": [0, 4095]}


@pytest.mark.parametrize("kind", [np.float32, np.uint16])
def test_where_zero_is_white_it_is_white(tmp_path: Path, kind: type) -> None:
    top = 1 if kind is np.float32 else 65535
    path = tmp_path / "a.tif"
    path.write_bytes(tiff((RAMP * top).astype(kind), photometric=0))
    assert np.abs(brought(path) - (255 - GREY)).max() <= 1


def test_colours_in_floating_point_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    samples = [struct.pack("<HHLL", 277, 4, 1, count) for count in (1, 3)]
    path.write_bytes(tiff(np.zeros((16, 48), np.float32)).replace(*samples))
    with pytest.raises(PictureError, match="kind of TIFF that is not read") as caught:
        brought(path)
    assert caught.value.fault is Fault.NO_PICTURE


# ---- one rule for a folder ----------------------------------------------------------------------


def test_all_pictures_of_a_folder_are_read_alike(tmp_path: Path) -> None:
    dark = write(tmp_path / "dark.tif", (RAMP * 0.5).astype(np.float32))
    signed = write(tmp_path / "signed.tif", (RAMP * 2 - 1).astype(np.float32))
    broken = tmp_path / "broken.tif"
    broken.write_bytes(signed.read_bytes()[:60])
    os.mkfifo(tmp_path / "pipe.tif")
    paths = [dark, signed, broken, tmp_path / "pipe.tif", tmp_path / "gone.tif"]
    seen = survey(paths)
    assert seen.brightness.ranges == {Numbers.FLOATS: Range(-1, 1)}
    assert seen.record() == {"float": [-1, 1]}
    assert seen.sentences() == [
        "2 pictures hold floating-point numbers: -1 is black and 1 is white."
    ]
    assert np.abs(brought(dark, seen.brightness) - (127.5 + GREY / 4)).max() <= 1
    assert np.abs(brought(signed, seen.brightness) - GREY).max() <= 1


def test_kinds_of_numbers_do_not_disturb_each_other(tmp_path: Path) -> None:
    floats = write(tmp_path / "a.tif", RAMP.astype(np.float32))
    whole = write(tmp_path / "b.tif", np.round(RAMP * 65535).astype(np.int32))
    deep = write(tmp_path / "c.png", np.round(RAMP * 65535).astype(np.uint16))
    plain = write(tmp_path / "d.png", GREY.astype(np.uint8))
    seen = survey([floats, whole, deep, plain])
    assert seen.record() == {"float": [0, 1], "integer": [0, 65535], "unsigned": [0, 65535]}
    for path in (floats, whole, deep, plain):
        assert np.abs(brought(path, seen.brightness) - GREY).max() <= 1


def test_pictures_that_become_one_shade_are_counted(tmp_path: Path) -> None:
    small = [write(tmp_path / f"{i}.tif", RAMP.astype(np.float32)) for i in range(2)]
    large = write(tmp_path / "large.tif", (RAMP * 65535).astype(np.float32))
    same = write(tmp_path / "same.tif", np.full((16, 16), 7, np.float32))  # and was it before
    said = survey([*small, large, same]).sentences()
    assert said[0].endswith("0 is black and 65535 is white.")
    assert said[1].startswith("2 of these are a single shade of grey by this: put pictures with")
    assert survey([*small, large], (2.0, 4.0)).sentences()[1].startswith("2 of these are")
    assert len(survey([*small, same]).sentences()) == 1


def test_a_range_that_is_given_counts_for_all_numbers(tmp_path: Path) -> None:
    deep = write(tmp_path / "a.png", np.round(RAMP * 4095).astype(np.uint16))
    floats = write(tmp_path / "b.tif", (RAMP * 4095).astype(np.float32))
    plain = write(tmp_path / "c.png", GREY.astype(np.uint8))
    seen = survey([deep, floats, plain], (0, 4095))
    assert seen.record() == {"float": [0, 4095], "unsigned": [0, 4095]}
    for path in (deep, floats, plain):
        assert np.abs(brought(path, seen.brightness) - GREY).max() <= 1


def test_a_folder_without_numbers_is_hardly_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diffviews_desktop.pictures.survey.measure", None)
    for name in ("a.png", "b.jpg", "c.gif", "d.webp", "e.bmp"):
        write(tmp_path / name, GREY.astype(np.uint8))
    seen = survey(sorted(tmp_path.iterdir()))
    assert (dict(seen.counts), seen.brightness, seen.sentences()) == ({}, Brightness(), [])


VALUES = arrays.arrays(
    st.sampled_from([np.float32, np.int32, np.uint16]), (16, 16), elements={"allow_nan": False}
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(pictures=st.lists(VALUES, min_size=1, max_size=3), narrow=st.sampled_from([1, 255, 1e4]))
def test_brighter_numbers_are_never_darker(
    tmp_path: Path, pictures: list[np.ndarray], narrow: float
) -> None:
    """Within a folder, and of one kind, the order of brightness is that of numbers."""
    paths = []
    for number, values in enumerate(pictures):
        if values.dtype == np.float32:
            values = np.clip(values, -narrow, narrow)
        pictures[number] = values
        paths.append(write(tmp_path / f"{number}.tif", values))
    rule = survey(paths).brightness
    for kind in {values.dtype for values in pictures}:
        numbers = np.concatenate([v.ravel() for v in pictures if v.dtype == kind]).astype(float)
        seen = np.concatenate(
            [
                brought(path, rule).ravel()
                for path, values in zip(paths, pictures, strict=True)
                if values.dtype == kind
            ]
        )
        order = np.argsort(numbers, kind="stable")
        assert (np.diff(seen[order]) >= 0).all()
        if seen.min() == seen.max():  # only what is alike looks alike
            range_ = rule.ranges.get(next(iter(survey(paths[:1]).counts)), Range(0, 65535))
            assert np.ptp(numbers) <= 0.1 * (range_.high - range_.low)


# ---- what libraries say -------------------------------------------------------------------------


def test_no_warning_of_pillow_comes_out_whoever_asks_for_all(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    odd = tmp_path / "odd.tif"
    counts = [struct.pack("<HHHL", count, 256, 4, 1) for count in (10, 11)]
    beyond = struct.pack("<HHLL", 306, 2, 400, 2**20)  # a date behind the end of the file
    odd.write_bytes(tiff(RAMP.astype(np.float32))[:-4].replace(*counts) + beyond + bytes(4))
    Image.fromarray(GREY.astype(np.uint8)).save(tmp_path / "large.png")
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        patch.setattr(Image, "MAX_IMAGE_PIXELS", 16 * 16 - 1)  # warns up to twice as many
        for path in (odd, tmp_path / "large.png"):
            assert np.abs(brought(path) - GREY).max() <= 1
        assert decoding.measure(odd) == (Numbers.FLOATS, Range(0, 1))
    assert not caught
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_deflate", "packbits", "jpeg"])
def test_no_library_prints_what_is_wrong(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], compression: str
) -> None:
    path = tmp_path / "a.tif"
    noise = np.random.default_rng(0).integers(0, 256, (32, 32), dtype=np.uint8)
    Image.fromarray(noise).save(path, compression=compression)
    whole, refused = path.read_bytes(), 0
    for at in range(8, len(whole), 16):
        path.write_bytes(whole[:at] + b"\xf3\x5a" + whole[at + 2 :])
        try:
            brought(path)
        except PictureError:
            refused += 1
    assert refused
    assert capfd.readouterr() == ("", "")


def test_a_nan_that_signals_is_black(tmp_path: Path) -> None:
    values = RAMP.astype(np.float32)
    values.view(np.uint32)[0, 0] = 0x7F800001
    path = tmp_path / "a.tif"
    path.write_bytes(tiff(values))
    assert brought(path)[0, 0] == 0
