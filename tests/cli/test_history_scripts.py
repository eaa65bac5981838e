"""What was done in the window is done again by a script, a command and a list of lines, without a
window, and writes the same files."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from patience import until
from pytestqt.qtbot import QtBot

from diffviews_desktop.actions import (
    experiments,
    exports,
    interventions,
    picks,
    run_list,
    runs,
    selection,
)
from diffviews_desktop.actions.commands import as_command
from diffviews_desktop.actions.line_format import (
    as_python,
    json_script,
    json_text,
    python_script,
    with_opening,
)
from diffviews_desktop.actions.verbs import VERBS
from diffviews_desktop.app import App
from diffviews_desktop.cli.line_reader import read_line
from diffviews_desktop.cli.main import main
from diffviews_desktop.errors import UsageError
from diffviews_desktop.state.history import HistoryLine
from diffviews_desktop.values.conditions import RandomClass, ZeroLabel
from diffviews_desktop.values.figures import FigureStyle, FilmStyle
from diffviews_desktop.values.interventions import (
    PICKED,
    Difference,
    Intervention,
    OtherRun,
    Zero,
)
from diffviews_desktop.values.layers import LayerSet
from diffviews_desktop.values.maps import MapParameters
from diffviews_desktop.values.regions import Area
from diffviews_desktop.values.row_set import RowSet
from diffviews_desktop.values.sampling import SamplingSettings


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def do_all(app: App, wait: Callable[[], None], out: Path) -> None:
    """Thirteen verbs and more, eleven of which write files."""
    context, state = app.context, lambda: app.session.state
    out.mkdir()
    picks.click_point(context, 3)
    picks.click_point(context, 5)
    picks.suggest_neighbors(context, 2)
    wait()
    settings = replace(state().runs.settings, num_steps=3, seed=None)
    runs.generate_from_neighbors(context, settings, RandomClass())
    wait()
    runs.scrub_to(context, 0)
    runs.scrub_to(context, 1)
    run_list.save_step(context, 1, 1, out / "step.png")
    selection.choose_rows(context, RowSet([1, 2, 7]))
    interventions.take_as_set(context, "a")
    selection.choose_class(context, 1)
    selection.invert_chosen(context)
    interventions.take_as_set(context, "b")
    exports.export_chosen(context, out / "chosen.csv")
    selection.average_chosen(context)
    wait()
    exports.write_mean(context, out / "mean.png")
    interventions.add(context, Intervention("add", Difference((1, 2), (4,)), strength=0.5))
    grid = replace(settings, seed=4)
    experiments.generate_grid(context, grid, ZeroLabel(), strengths=(0.5, 1.0))
    wait()
    exports.write_sheet(context, out / "sheet.png")
    runs.generate_from_neighbors(context, replace(settings, seed=9), ZeroLabel())
    wait()
    runs.show_run(context, 2)
    run_list.save_step(context, 2, 2, out / "last.png")
    exports.write_figure(context, out / "map.svg", FigureStyle(width=80.0, whole=True))
    exports.write_film(context, out / "film.gif", FilmStyle(side=64, loop=False), run=1)
    exports.write_strip(context, out / "strip.png", most=2)
    exports.write_runs(context, out / "runs.npz", (1, 2))
    exports.export_neighbors(context, out / "near.csv")
    wait()


def test_a_script_of_the_history_runs_headless_and_writes_the_same_files(
    qtbot: QtBot,
    open_app: Callable[[int], App],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    app = open_app(30)
    out = tmp_path / "out"

    def wait() -> None:
        until(qtbot, lambda: not (jobs := app.session.state.jobs).running and not jobs.aside)
        app.window.saves.wait()
        qtbot.wait(1)

    do_all(app, wait, out)
    lines = app.session.state.history.lines
    assert len({line.verb for line in lines}) >= 12
    written = files_of(out)
    assert len(written) == 17  # pictures and tables in CSV have records beside them

    def again(run: Callable[[], object]) -> dict[str, bytes]:
        for file in out.iterdir():
            file.unlink()
        run()
        return files_of(out)

    script, listed = tmp_path / "script.py", tmp_path / "lines.json"
    script.write_text(python_script(lines))
    listed.write_text(json_script(lines))

    def run_script() -> None:
        done = subprocess.run(
            [sys.executable, str(script)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    assert again(run_script) == written
    assert again(lambda: main(["do", "--file", str(listed)])) == written
    capsys.readouterr()
    command = as_command(lines[1:], lines)  # the program itself opened the folder
    assert again(lambda: main(shlex.split(command.replace("\\\n", ""))[1:])) == written
    assert "lines done" in capsys.readouterr().out


# ---- one line -----------------------------------------------------------------------------------

VALUES = [
    ("picks.click_point", {"row": 3}),
    ("selection.choose_rows", {"rows": RowSet([1, 5]), "how": "add"}),
    ("maps.change_layer", {"layers": LayerSet(("b", "a"))}),
    ("maps.change_map_parameters", {"parameters": MapParameters(seed=3), "told": ZeroLabel()}),
    ("maps.change_map_parameters", {"parameters": None, "told": "both"}),
    ("showing.filter_values", {"by": "noise level", "low": 0.5, "high": None}),
    (
        "runs.generate_from_neighbors",
        {
            "settings": SamplingSettings(num_steps=7, s_max=2.0),
            "condition": RandomClass(),
            "interventions": (
                PICKED,
                Intervention("patch", OtherRun(4, ZeroLabel()), LayerSet(["a"]), step_from=2),
                Intervention("ablate", Zero(), region=Area(2, 2, "f0")),
            ),
        },
    ),
    ("experiments.generate_grid", {
        "settings": SamplingSettings(), "condition": ZeroLabel(), "strengths": (0.5, 1.0),
        "windows": ((0, 2), (2, 4)), "mask_layers": (LayerSet(["a"]), LayerSet(["b", "c"])),
    }),
    ("run_list.save_step", {"run_id": 2, "step": 1, "file": Path("/a b/c.png")}),
    ("exports.write_figure", {"file": Path("a.pdf"), "style": FigureStyle(legend=False)}),
    ("exports.write_film", {"file": Path("a.gif"), "style": FilmStyle(rate=9.0), "run": 3}),
    ("exports.write_runs", {"file": Path("a.csv"), "runs": (1, 4)}),
    ("directions.load_direction", {"file": Path("/a/b.safetensors"), "name": "c"}),
]  # fmt: skip


@pytest.mark.parametrize(("verb", "arguments"), VALUES)
def test_a_line_is_read_as_it_was_written(verb: str, arguments: dict[str, object]) -> None:
    line = HistoryLine(1, verb, arguments)
    call = read_line(json_text(line))
    assert call.verb is VERBS[verb]
    given = {n: LayerSet(v) if n == "layers" else v for n, v in call.arguments.items()}
    assert given == arguments
    assert json_text(HistoryLine(1, verb, call.arguments | given)) == json_text(line)
    seen: dict[str, object] = {}
    script = python_script([line]).partition("with headless()")[0]
    topic, name = verb.split(".")
    exec(script, seen)  # its imports are all that its values need
    exec(f"class {topic}:\n @staticmethod\n def {name}(context, **given): seen.update(given)", seen)
    seen |= {"context": None, "seen": {}}
    exec(as_python(line), seen)
    assert seen["seen"] == arguments


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("[", "is not JSON"),
        ("3", "is not a verb"),
        ('{"verb": "os.system", "command": "ls"}', "'os.system' is not a verb"),
        ('{"verb": "picks.click_point"}', "needs 'row'"),
        ('{"verb": "picks.click_point", "row": 1, "x": 2}', "takes no 'x'"),
        (
            '{"verb": "picks.click_point", "row": "many"}',
            "row of click_point makes no sense: its value: Input should be",
        ),
        ('{"verb": "picks.click_point", "row": 1%s}' % ("0" * 400), "too large"),
        ('{"verb": "picks.click_point", "row": "1%s"}' % ("0" * 400), "too large"),
        ('{"verb": "selection.choose_rows", "rows": [-5]}', "from 0 to"),
        ('{"verb": "selection.choose_rows", "rows": [9223372036854775808]}', "from 0 to"),
        ('{"verb": "selection.choose_rows", "rows": [4611686018427387904]}', "from 0 to"),
        ('{"verb": "interventions.add", "intervention": {"is": "Popen"}}', "there is no Popen"),
        ('{"verb": "interventions.add", "intervention": {"is": "Intervention"}}', "no sense"),
        (
            json.dumps(
                {
                    "verb": "runs.change_settings",
                    "settings": {"is": "SamplingSettings"},
                    "condition": None,
                    "interventions": [
                        {"is": "Intervention", "verb": "ablate", "source": {"is": "Zero"}}
                    ]
                    * 101,
                }
            ),
            "100 interventions at most, not 101",
        ),
    ],
)
def test_what_is_no_line_says_so(line: str, words: str) -> None:
    with pytest.raises(UsageError, match=words.replace("(", "\\(")):
        read_line(line)


def test_a_line_that_needs_a_window_is_left_out_of_scripts(tmp_path: Path) -> None:
    lines = [
        HistoryLine(1, "folders.open_data", {}),
        HistoryLine(2, "exports.write_map", {"file": tmp_path / "map.svg"}),
    ]
    assert "    # This takes a window:\n    # exports.write_map(" in python_script(lines)
    compile(python_script(lines), "script", "exec")
    assert json.loads(json_script(lines)) == [{"verb": "folders.open_data"}]
    assert python_script([])


def test_lines_alone_begin_with_the_folder_that_was_open() -> None:
    verbs = ["folders.open_data", "picks.undo", "folders.open_data", "picks.undo", "picks.redo"]
    lines = [HistoryLine(number, verb) for number, verb in enumerate(verbs, 1)]
    assert [line.number for line in with_opening(lines[3:], lines)] == [3, 4, 5]
    assert [line.number for line in with_opening(lines[:2], lines)] == [1, 2]
    assert [line.number for line in with_opening(lines[1:2], lines)] == [1, 2]


def test_every_verb_can_be_read() -> None:
    """A verb whose types are not known to the reader would only fail when it is used."""
    from diffviews_desktop.cli import line_reader

    assert len(VERBS) > 50
    for verb in VERBS.values():
        for name in list(line_reader.signature(verb).parameters)[1:]:
            kind = line_reader._hints(verb)[name]
            if kind is not RowSet:
                line_reader._adapter(kind)
