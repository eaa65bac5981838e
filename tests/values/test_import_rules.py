"""The rules of an import, and that the command line and the engine keep to them."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from diffviews_desktop.cli.verbs import import_data
from diffviews_desktop.engine.imports import importing
from diffviews_desktop.engine.imports.pictures import find_pictures
from diffviews_desktop.engine.jobs.importing import ImportData
from diffviews_desktop.errors import CheckpointError, UsageError
from diffviews_desktop.text.wording import format_count
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.import_rules import (
    MAX_SEED,
    MAX_SIGMAS,
    brightness_range,
    check_noise_levels,
    is_picture,
    layer_names,
    noise_levels,
    seed_of,
)


def on_the_command_line(*options: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(exit_on_error=False)
    import_data.add_parser(parser.add_subparsers())
    needed = ["--model-checkpoint", "net.pkl", "--out", "data", "--images", "pictures"]
    return parser.parse_args(["import", *needed, *options])


def refusal_of_the_engine(out: Path, **options: object) -> str:
    """What the engine says of a job that fails in the end, as its checkpoint is not there."""
    job = ImportData(
        job_id=1,
        folder=FolderRef(),
        checkpoint=out / "none.pkl",
        out=out,
        name="mine",
        **{"images": out, **options},  # type: ignore[arg-type]
    )
    with pytest.raises((UsageError, CheckpointError)) as refused:
        importing._check(job)
    return str(refused.value)


@pytest.mark.parametrize("text", ["a", "b,a", "a+b", "b.1+a,b.1", "mid/block:0"])
def test_layers(text: str) -> None:
    assert layer_names(text) == on_the_command_line("--layers", text).layers


def test_a_class_map(capsys: pytest.CaptureFixture[str]) -> None:
    assert on_the_command_line("--class-map", "cat=3,dog=5").class_map == (("cat", 3), ("dog", 5))
    assert on_the_command_line("--class-map", "map.csv").class_map == Path("map.csv").absolute()
    assert on_the_command_line().class_map == ()
    with pytest.raises(SystemExit):
        on_the_command_line("--class-map", "cat=x")
    assert "'x', which it gives 'cat', is no class" in capsys.readouterr().err


def test_layers_with_spaces_and_without_names() -> None:
    assert layer_names(" b , a+b ") == ("a", "b")
    for text in ("", "a,", "a,,b", "+"):
        with pytest.raises(UsageError, match="such as encoder_bottleneck, midblock"):
            layer_names(text)


@pytest.mark.parametrize("text", ["0.5", "0.5,2,10", "1e-6,1e+6"])
def test_noise_levels(text: str) -> None:
    assert noise_levels(text) == on_the_command_line("--sigmas", text).sigmas


def test_noise_levels_with_other_separators() -> None:
    assert noise_levels(" 0,5; 2; 10; ") == (0.5, 2.0, 10.0)
    with pytest.raises(UsageError, match="Enter numbers"):
        noise_levels("two")


@pytest.mark.parametrize("text", ["-1,1", "-1;1", " -1 , 1 ", "-1e0 1.0", "-.1e1,1,"])
def test_black_and_white(text: str) -> None:
    assert brightness_range(text) == (-1.0, 1.0)
    assert on_the_command_line(f"--range={text}").brightness == (-1.0, 1.0)
    assert on_the_command_line().brightness is None


@pytest.mark.parametrize("text", ["", "1", "1,2,3", "a,b", "1,1", "2,1", "0,inf", "nan,0"])
def test_what_is_no_black_and_white(text: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"(?i)black"):
        brightness_range(text)
    if text == "2,1":
        assert "Black must be" in refusal_of_the_engine(tmp_path, brightness=(2.0, 1.0))


@pytest.mark.parametrize(
    "sigmas",
    [
        (),
        (1.0, 0.0),
        (9e-7,),
        (1.1e6,),
        (float("nan"),),
        (float("inf"),),
        (2.0, 2.0000001),
        tuple(range(1, MAX_SIGMAS + 2)),
    ],
)
def test_noise_levels_are_refused_as_by_the_engine(
    sigmas: tuple[float, ...], tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as refused:
        check_noise_levels(sigmas)
    assert refusal_of_the_engine(tmp_path, sigmas=sigmas) == str(refused.value)


def test_the_largest_values_are_taken(tmp_path: Path) -> None:
    most = tuple(float(sigma) for sigma in range(1, MAX_SIGMAS + 1))
    check_noise_levels(most)
    assert seed_of(f" {MAX_SEED} ") == MAX_SEED
    for options in ({"sigmas": most}, {"seed": MAX_SEED}):
        assert "There is no checkpoint" in refusal_of_the_engine(tmp_path, **options)
    assert "seed" in refusal_of_the_engine(tmp_path, seed=MAX_SEED + 1)


@pytest.mark.parametrize(
    "text", ["", "-1", "1.5", "1.000", "1,000", "²", str(MAX_SEED + 1), "9" * 5000]
)
def test_what_is_no_seed(text: str) -> None:
    with pytest.raises(UsageError, match=f"from 0 to {MAX_SEED}"):
        seed_of(text)


def test_pictures_are_those_that_the_engine_finds(tmp_path: Path) -> None:
    names = ("a.png", "b.JPEG", "c.tiff", "._a.png", "png", ".png", "d.svg", "e.png.txt")
    for name in names:
        (tmp_path / name).write_bytes(b"")
    found = find_pictures(tmp_path, tmp_path / "out")
    assert found.pictures == sorted(filter(is_picture, names))
    assert sum(map(is_picture, names)) == 3


def test_one_is_not_many() -> None:
    assert [format_count(n, "sample") for n in (0, 1, 2000)] == [
        "0 samples",
        "1 sample",
        "2,000 samples",
    ]
