"""Pictures as arrays."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from diffviews_desktop.data.folder.pictures import read_picture
from diffviews_desktop.errors import DataError


def pixels(size: int = 8) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)


def test_bytes_become_minus_one_to_one_channels_first(tmp_path: Path) -> None:
    Image.fromarray(pixels()).save(tmp_path / "a.png")
    picture = read_picture(tmp_path / "a.png", 8, 3)
    assert picture.dtype == np.float32
    assert picture.flags.c_contiguous
    expected = np.moveaxis(pixels().astype(np.float64) / 127.5 - 1, -1, 0)
    np.testing.assert_allclose(picture, expected, atol=1e-6)
    # and back: the same bytes
    assert np.array_equal(np.round((picture + 1) * 127.5), np.moveaxis(pixels(), -1, 0))


def test_one_channel_is_luma(tmp_path: Path) -> None:
    Image.fromarray(pixels()).save(tmp_path / "a.png")
    picture = read_picture(tmp_path / "a.png", 8, 1)
    assert picture.shape == (1, 8, 8)
    luma = pixels() @ np.array([0.299, 0.587, 0.114])
    assert np.abs((picture[0] + 1) * 127.5 - luma).max() <= 1


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK"])
def test_every_mode_has_three_channels_if_asked(tmp_path: Path, mode: str) -> None:
    suffix = "tif" if mode == "CMYK" else "png"
    Image.new("RGB", (8, 8), (255, 255, 255)).convert(mode).save(tmp_path / f"a.{suffix}")
    picture = read_picture(tmp_path / f"a.{suffix}", 8, 3)
    assert picture.shape == (3, 8, 8)
    assert np.array_equal(picture, np.ones((3, 8, 8), np.float32))


def test_of_a_wide_picture_the_middle_is_taken(tmp_path: Path) -> None:
    wide = np.zeros((16, 64, 3), np.uint8)
    wide[:, 24:40] = pixels(16)
    Image.fromarray(wide).save(tmp_path / "wide.png")
    picture = read_picture(tmp_path / "wide.png", 16, 3)
    assert np.array_equal(np.round((picture + 1) * 127.5), np.moveaxis(pixels(16), -1, 0))


def test_other_sizes_are_brought_to_the_resolution(tmp_path: Path) -> None:
    ramp = np.linspace(0, 255, 64).astype(np.uint8)
    Image.fromarray(np.tile(ramp, (64, 1))).save(tmp_path / "large.png")
    picture = read_picture(tmp_path / "large.png", 16, 1)
    assert picture.shape == (1, 16, 16)
    middles = ramp.reshape(16, 4).mean(axis=1) / 127.5 - 1
    assert np.abs(picture[0] - middles).max() < 0.05  # the ramp stays one, in every line


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_keep_their_brightness(tmp_path: Path, suffix: str) -> None:
    values = (np.arange(64, dtype=np.uint16) * 1040).reshape(8, 8)
    Image.fromarray(values).save(tmp_path / f"deep.{suffix}")
    picture = read_picture(tmp_path / f"deep.{suffix}", 8, 1)
    assert np.abs(picture[0] - (values / 65535 * 2 - 1)).max() <= 1 / 127.5


def test_numbers_of_floats_are_zero_to_one(tmp_path: Path) -> None:
    values = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
    values[0, 0] = np.nan
    Image.fromarray(values).save(tmp_path / "float.tif")
    picture = read_picture(tmp_path / "float.tif", 8, 1)
    expected = np.nan_to_num(values) * 2 - 1
    assert np.abs(picture[0] - expected).max() <= 1 / 127.5


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "P"])
def test_what_is_transparent_is_white(tmp_path: Path, mode: str) -> None:
    clear = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    if mode == "P":
        image = Image.new("P", (8, 8), 0)
        image.putpalette([255, 0, 0] * 256)
        image.save(tmp_path / "a.png", transparency=0)
    else:
        clear.convert(mode if mode != "PA" else "RGBA").save(tmp_path / "a.png")
    assert np.array_equal(read_picture(tmp_path / "a.png", 8, 3), np.ones((3, 8, 8), np.float32))


def test_a_photograph_on_its_side_is_turned(tmp_path: Path) -> None:
    image = Image.fromarray(pixels())
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter, clockwise
    image.save(tmp_path / "a.png", exif=exif)
    picture = read_picture(tmp_path / "a.png", 8, 3)
    turned = np.moveaxis(np.rot90(pixels(), -1), -1, 0)
    assert np.array_equal(np.round((picture + 1) * 127.5), turned)


def test_of_an_animation_the_first_frame_is_taken(tmp_path: Path) -> None:
    frames = [Image.new("L", (8, 8), value) for value in (10, 200)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    picture = read_picture(tmp_path / "a.gif", 8, 1)
    assert np.allclose((picture + 1) * 127.5, 10, atol=1)


def test_what_is_no_picture_is_a_data_error(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    with pytest.raises(DataError, match=r"a\.png cannot be read"):
        read_picture(path, 8, 3)
    Image.fromarray(pixels(32)).save(path)
    whole = path.read_bytes()
    for size in (0, 4, 20, 50, len(whole) // 2):
        path.write_bytes(whole[:size])
        with pytest.raises(DataError, match=r"a\.png cannot be read"):
            read_picture(path, 8, 3)
    path.write_text("<svg/>")
    with pytest.raises(DataError):
        read_picture(path, 8, 3)


def test_damaged_bytes_give_a_picture_or_a_data_error(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(pixels()).save(path)
    whole = bytearray(path.read_bytes())
    refused = 0
    for position in range(8, len(whole)):
        damaged = whole.copy()
        damaged[position] ^= 0x55
        path.write_bytes(damaged)
        try:
            assert read_picture(path, 8, 3).shape == (3, 8, 8)
        except DataError:
            refused += 1
    assert refused > len(whole) // 2


def test_a_decompression_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(pixels(32)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 32 * 32 // 2 - 1)
    with pytest.raises(DataError, match="cannot be read"):
        read_picture(tmp_path / "a.png", 8, 3)
