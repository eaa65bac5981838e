"""Films: every step once, at the rate that was asked for, the path growing on the map."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from made_figures import film_of
from PIL import Image

from diffviews_desktop.errors import UsageError
from diffviews_desktop.exports import mp4, registry
from diffviews_desktop.exports.films import frames, side_of


def written(content: object, name: str) -> io.BytesIO:
    file = io.BytesIO()
    registry.write(content, name, file)
    file.seek(0)
    return file


def test_frames_hold_the_picture_as_it_is_and_the_path_so_far() -> None:
    film = film_of(4)
    made = list(frames(film))
    assert len(made) == 4
    assert {frame.shape for frame in made} == {made[0].shape}
    assert all(side % 2 == 0 for side in made[0].shape[:2])
    side = side_of(film)
    assert side == 64
    for frame, picture in zip(made, film.pictures, strict=True):
        assert (frame[16 : 16 + side, 16 : 16 + side] == picture[0, 0, 0]).all()
    grown = [(frame[:, 96 + 16 :] != made[0][:, 96 + 16 :]).any() for frame in made]
    assert grown == [False, True, True, True]


def test_without_a_map_there_is_the_picture_alone() -> None:
    alone, beside = (next(frames(film_of(2, with_map=one))) for one in (False, True))
    assert alone.shape[1] < beside.shape[1]


def test_a_gif_has_every_step_its_times_and_the_record() -> None:
    with Image.open(written(film_of(4, rate=8.0, hold=2.0), "a.gif")) as image:
        assert image.n_frames == 4  # type: ignore[attr-defined]
        assert image.info["loop"] == 0
        assert json.loads(image.info["comment"]) == {"kind": "film", "seed": 7}
        times = []
        for at in range(4):
            image.seek(at)
            times.append(image.info["duration"])
    assert times == [120, 120, 120, 2000]  # in hundredths of a second


def test_a_gif_that_does_not_repeat_says_so() -> None:
    with Image.open(written(film_of(2, loop=False), "a.gif")) as image:
        assert "loop" not in image.info


@pytest.mark.parametrize("rate", [0.5, 4.0, 30.0])
def test_an_mp4_has_every_step_its_length_and_the_record(rate: float) -> None:
    av = pytest.importorskip("av")
    film = film_of(5, rate=rate, hold=3.0)
    with av.open(written(film, "a.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert json.loads(container.metadata["comment"]) == {"kind": "film", "seed": 7}
        decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        seconds = float(container.duration / av.time_base)
    shown = list(frames(film))
    assert len(decoded) >= 5
    for at in range(5):
        assert np.abs(decoded[at].astype(int) - shown[at]).mean() < 4, at
    assert seconds == pytest.approx((4 + max(1, round(3.0 * rate))) / rate, abs=0.05)


def test_without_the_library_an_mp4_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mp4, "can_write", lambda: False)
    with pytest.raises(UsageError, match="pip install 'diffviews-desktop\\[video\\]'"):
        written(film_of(2), "a.mp4")


def test_writing_can_be_stopped() -> None:
    def stop(fraction: float) -> None:
        raise KeyboardInterrupt

    for name in ("a.gif", "a.mp4"):
        with pytest.raises(KeyboardInterrupt):
            registry.write(film_of(3), name, io.BytesIO(), stop)


@pytest.mark.parametrize("wrong", [{"rate": 0.0}, {"hold": -1.0}])
def test_rates_and_times_have_bounds(wrong: dict) -> None:
    with pytest.raises(UsageError, match="must be from"):
        replace(film_of(2).style, **wrong)
