"""The real command line, as a process of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import diffviews_desktop
from diffviews_desktop.cli import main as cli

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and terminals")
PROGRAM = (sys.executable, "-m", "diffviews_desktop")


def environment(**changes: str) -> dict[str, str]:
    """The environment of the tests, without a display."""
    bare = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    return {name: text for name, text in os.environ.items() if name not in bare} | changes


def run(*arguments: object, **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment(**changes),
    )


def assert_one_sentence(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("diffviews-desktop: ")
    assert len(done.stderr.splitlines()) == 1


# ---- usage --------------------------------------------------------------------------------------


def test_version_and_help() -> None:
    version = run("--version")
    assert (version.returncode, version.stderr) == (0, "")
    assert version.stdout == f"diffviews-desktop {diffviews_desktop.__version__}\n"
    overview = run("--help")
    assert overview.returncode == 0
    for word in ("--data", "--screenshot", *cli.VERBS, "--num-steps", "--metric", "examples:"):
        assert word in overview.stdout


def test_each_verb_has_help_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    actions = [("cache", action) for action in ("list", "clear", "verify")]
    actions += [("direction", action) for action in ("save", "list", "export", "load")]
    actions += [("adapters", action) for action in ("install", "list", "remove")]
    for verb in (*((verb,) for verb in cli.VERBS), *actions):
        with pytest.raises(SystemExit) as ended:
            cli.main([*verb, "--help"])
        assert ended.value.code == 0
        text = " ".join(capsys.readouterr().out.split())
        assert f"example: diffviews-desktop {' '.join(verb)}" in text
        if len(verb) > 1 or verb[0] not in dict(actions):  # what an action answers is its own
            assert "--json" in text


def test_wrong_usage_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    done = run("generate", "--rows", "1,x")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "'1,x' is not a list of samples such as 3,14,15" in done.stderr
    assert "Traceback" not in done.stderr

    for wrong in (
        ["--nonsense"],
        ["nonsense"],
        ["--max-classes", "0"],
        ["--theme", "pink"],
        ["info", "more"],
        ["map", "--max-classes", "many"],
        ["generate", "--class", "-1"],
        ["generate", "--class", "dog"],
        ["generate", "--rows", "-1"],
        ["generate", "--rows", ","],
        ["generate", "--rows", ""],
        ["generate", "--steps", "0"],
        ["generate", "--mask-steps", "-1"],
        ["generate", "--seed", "1.5"],
        ["generate", "--sigma-max", "loud"],
        ["generate", "--noise-mode", "loud"],
        ["info", "--precision", "half"],
        ["info", "--label-dropout", "some"],
        ["--num-steps", "0"],
        ["--metric", "manhattan"],
        ["--layer", "midblock+"],
        ["map", "--pca-components", "0"],
        ["map", "--n-components", "4"],
        ["map", "--layer", "midblock+"],
        ["map", "--extraction-input", "odd"],
        ["extract"],
        ["extract", "--layer", ""],
        ["extract", "--layer", "midblock", "--activation-dtype", "int8"],
        ["convert", "--activation-dtype", "int8"],
        ["cache"],
        ["cache", "burn"],
        ["cache", "list", "--device", "cpu"],
        ["import", "--out", "data"],
        ["import", "--model-checkpoint", "a", "--out", "data"],
        ["import", "--model-checkpoint", "a", "--images", "b", "--generate", "3", "--out", "c"],
        ["import", "--model-checkpoint", "a", "--images", "b", "--out", "c", "--sigmas", "0,1"],
        ["import", "--model-checkpoint", "a", "--generate", "0", "--out", "c"],
        ["import", "--model-checkpoint", "a", "--generate", "2", "--out", "c", "--layers", "a,"],
        ["--guidance-scale", "much"],
        ["convert-checkpoint", "edm.pkl"],
        ["convert-checkpoint", "edm.pkl", "edm.safetensors", "--data", "."],
    ):
        with pytest.raises(SystemExit) as ended:
            cli.main(wrong)
        assert ended.value.code == 2, wrong
        captured = capsys.readouterr()
        assert captured.out == ""
        assert "usage: " in captured.err


# ---- the verbs ----------------------------------------------------------------------------------


def test_info_of_the_demo(demo: Path) -> None:
    done = run("info", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    names = [model["name"] for model in json.loads(done.stdout)["models"]]
    assert names == sorted(path.parent.name for path in demo.glob("*/config.json"))


def test_the_data_folder_can_be_named_by_the_environment(tiny_data: Callable[..., Path]) -> None:
    data = tiny_data("named", samples=5, checkpoint=False)
    done = run("info", "--json", DIFFVIEWS_DATA_DIR=str(data))
    assert [model["name"] for model in json.loads(done.stdout)["models"]] == ["named"]
    # the option wins
    done = run("info", "--json", "--data", data / "nowhere", DIFFVIEWS_DATA_DIR=str(data))
    assert_one_sentence(done)
    assert f"There is no folder {data / 'nowhere'}" in done.stderr


def test_map_then_generate(tiny_data: Callable[..., Path], tmp_path: Path) -> None:
    data = tiny_data()
    first = run("map", "--data", data, "--json")
    assert (first.returncode, first.stderr) == (0, "")
    assert json.loads(first.stdout)["from_cache"] is False
    assert json.loads(run("map", "--data", data, "--json").stdout)["from_cache"] is True
    arguments = ("--data", data, "--rows", "3,14,15", "--class", "zero", "--seed", "4")
    drawn = run("generate", *arguments, "--out", tmp_path / "out", "--json")
    assert (drawn.returncode, drawn.stderr) == (0, "")
    result = json.loads(drawn.stdout)
    assert (result["class"], result["seed"], len(result["sigmas"])) == (-2, 4, 5)
    assert all(Path(file).is_file() for file in result["files"])


def test_a_failure_is_one_sentence_and_its_causes_go_to_the_log(
    tiny_data: Callable[..., Path], tmp_path: Path
) -> None:
    data = tiny_data()
    (data / "tiny/images/imagenet_real/sample_000003.png").write_bytes(b"no picture")
    state = tmp_path / "state"
    done = run(
        *("generate", "--data", data, "--rows", "3", "--out", tmp_path / "out"),
        XDG_STATE_HOME=str(state),
    )
    assert_one_sentence(done)
    assert "sample_000003" in done.stderr
    (log,) = (path for path in state.rglob("*.log"))
    assert "sample_000003.png cannot be read" in log.read_text()
    assert "Traceback" in log.read_text()


def test_a_full_disk_is_a_sentence_too(tiny_data: Callable[..., Path]) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*PROGRAM, "info", "--data", str(tiny_data(samples=5, checkpoint=False))],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=240,
            env=environment(),
        )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "The disk is full" in done.stderr


# ---- Ctrl-C and closed pipes --------------------------------------------------------------------


def interrupt(until: str, *arguments: object) -> tuple[int, str]:
    """Run on a terminal, press Ctrl-C when ``until`` is shown; the exit code and what was shown."""
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [*PROGRAM, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=theirs,
        env=environment(),
        # a test run in the background of a shell ignores Ctrl-C, and its children inherit that
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    os.close(theirs)
    written, shown, pressed, deadline = b"", "", False, time.monotonic() + 240
    with process, os.fdopen(ours, "rb", 0) as terminal:
        while True:
            assert time.monotonic() < deadline, shown
            try:
                part = terminal.read(4096)
            except OSError:  # Linux: nobody has the other end open any more
                break
            if not part:
                break
            written += part
            shown = written.decode(errors="replace")  # a part may end inside a character
            if not pressed and until in shown:
                pressed = True
                process.send_signal(signal.SIGINT)
        assert pressed, shown
        assert process.stdout is not None
        assert process.stdout.read() == b""
    # where the press came while C ran code of Python's, it ends by the signal: 130 to a shell
    code = process.returncode
    return 130 if code == -signal.SIGINT else code, shown


@posix
@pytest.mark.parametrize("stage", ["loading the model", "extracting", "preparing UMAP"])
def test_ctrl_c_in_a_map_leaves_nothing_half_written(
    tiny_data: Callable[..., Path], stage: str
) -> None:
    data = tiny_data()
    code, shown = interrupt(stage, "map", "--data", data, "--layer", "encoder_block_1")
    assert code == 130
    assert "interrupted" in shown
    assert "Traceback" not in shown
    cache = data / "tiny/embeddings/layer_cache"
    # rows that are finished stay, to be continued
    left = [path.name for path in cache.iterdir()] if cache.exists() else []
    assert all(re.fullmatch(r"\.partial-[0-9a-f]{32}", name) for name in left)
    assert len(left) <= 1


@posix
def test_an_extraction_that_was_interrupted_is_continued(tiny_data: Callable[..., Path]) -> None:
    data = tiny_data(samples=2000)
    asked = ("extract", "--data", data, "--layer", "midblock", "--layer", "encoder_block_1")
    code, shown = interrupt(" of 2000, ", *asked)
    assert code == 130
    assert "interrupted" in shown
    assert "Traceback" not in shown
    rest = run(*asked, "--json")
    assert (rest.returncode, rest.stderr) == (0, "")
    result = json.loads(rest.stdout)
    assert result["samples"] == 2000
    assert 0 < result["computed"] < 2000


@posix
@pytest.mark.parametrize("stage", ["reading pictures", "extracting", "preparing UMAP"])
def test_ctrl_c_in_an_import_leaves_nothing(
    tiny_data: Callable[..., Path], tmp_path: Path, stage: str
) -> None:
    data, out = tiny_data(samples=300, embedding=False), tmp_path / "new" / "data"
    checkpoint = data / "tiny/checkpoints/tiny.safetensors"
    images = data / "tiny/images"
    code, shown = interrupt(
        stage, "import", "--model-checkpoint", checkpoint, "--images", images, "--out", out
    )
    assert code == 130
    assert "interrupted" in shown
    assert "Traceback" not in shown
    assert not out.parent.exists()


def test_the_cache_is_looked_at_without_torch(tiny_data: Callable[..., Path]) -> None:
    data = tiny_data(samples=5)
    code = f"""
import sys
from diffviews_desktop.cli import main as cli
for action in ("list", "verify"):
    assert cli.main(["cache", action, "--data", {str(data)!r}]) == 0
heavy = {{"torch", "umap", "sklearn", "numba", "scipy", "PySide6"}} & sys.modules.keys()
assert not heavy, heavy
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment()
    )
    assert done.returncode == 0, done.stderr


def test_the_window_looks_at_its_options_without_numbers() -> None:
    code = """
import sys
from diffviews_desktop.cli import main as cli
try:
    cli.main(["--help"])
except SystemExit:
    pass
assert "numpy" not in sys.modules
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment()
    )
    assert done.returncode == 0, done.stderr


@posix
def test_ctrl_c_in_a_run_writes_nothing(tiny_data: Callable[..., Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    steps = ("--steps", "100000", "--out", out)
    code, shown = interrupt("step 3", "generate", "--data", tiny_data(), *steps)
    assert code == 130
    assert "interrupted" in shown
    assert "Traceback" not in shown
    assert not out.exists()


@posix
@pytest.mark.parametrize(
    "arguments", [("info", "--json"), ("--help",), ("--version",), ("generate", "--help")]
)
def test_a_reader_that_leaves_early_is_no_error(
    tiny_data: Callable[..., Path], arguments: tuple[str, ...]
) -> None:
    data = tiny_data(samples=5, checkpoint=False)
    process = subprocess.Popen(
        [*PROGRAM, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(DIFFVIEWS_DATA_DIR=str(data)),
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()  # as "| head -0"
        assert process.stderr.read() == ""
    assert process.returncode in (0, 1)


# ---- the window ---------------------------------------------------------------------------------

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="X11")


@linux
def test_the_window_without_a_display() -> None:
    done = run("--screenshot", "never.png")
    assert_one_sentence(done)
    assert "There is no display to open a window on" in done.stderr


@linux
@pytest.mark.parametrize("platform", ["", "xcb"])
def test_the_window_on_a_display_that_nobody_serves(platform: str) -> None:
    done = run(DISPLAY=":97531", QT_QPA_PLATFORM=platform)
    assert_one_sentence(done)
    assert "':97531' cannot be reached" in done.stderr or "libraries" in done.stderr
