"""The program, started in a folder full of modules and adapters that must not be imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from planted import (
    asked_for_before_command,
    environment,
    every_name,
    imported_before_m,
    plant,
    plant_adapters,
    planted,
    write_command,
)

import diffviews_desktop
from diffviews_desktop.cli.verbs import VERBS

sys.path.append(str(Path(__file__).parents[1] / "benchmarks" / "attacks"))

import current_directory

PACKAGE = Path(diffviews_desktop.__file__).parent
SAMPLES = 20


@pytest.fixture
def hostile(tiny_data: Callable[..., Path]) -> Path:
    """A data folder that is the current directory, too."""
    return tiny_data(samples=SAMPLES)


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    """Where planted modules leave their names."""
    return tmp_path / "marks"


@pytest.fixture
def command(tmp_path: Path) -> tuple[str, ...]:
    return (sys.executable, str(write_command(tmp_path / "bin")))


M = (sys.executable, "-m", "diffviews_desktop")


def run(
    command: tuple[str, ...], *arguments: object, cwd: Path, **changes: str
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*command, *map(str, arguments)],
        cwd=cwd,
        env=environment(QT_QPA_PLATFORM="offscreen", **changes),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done


# ---- the program --------------------------------------------------------------------------------


def test_the_window_its_engine_and_the_resource_tracker_import_nothing_from_there(
    hostile: Path, marks: Path, command: tuple[str, ...], tmp_path: Path
) -> None:
    plant(hostile, every_name(), marks)
    plant_adapters(hostile, marks)
    picture = tmp_path / "window.png"
    run(command, "--data", ".", "--screenshot", picture, cwd=hostile)
    assert picture.is_file()  # it is taken once the engine has opened the folder
    assert planted(marks) == []


def test_an_empty_element_of_pythonpath_is_not_heeded(
    hostile: Path, marks: Path, command: tuple[str, ...], tmp_path: Path
) -> None:
    plant(hostile, every_name() - asked_for_before_command(tmp_path / "before"), marks)
    picture = tmp_path / "window.png"
    path = os.pathsep + str(tmp_path)
    run(command, "--data", ".", "--screenshot", picture, cwd=hostile, PYTHONPATH=path)
    assert picture.is_file()
    assert planted(marks) == []


def test_started_by_m_it_takes_neither_modules_nor_adapters_from_there(
    hostile: Path, marks: Path, tmp_path: Path
) -> None:
    plant(hostile, every_name() - imported_before_m(tmp_path / "m"), marks)
    plant_adapters(hostile, marks)
    said = json.loads(run(M, "info", "--data", ".", "--json", cwd=hostile).stdout)
    assert [model["problems"] for model in said["models"]] == [[]]
    assert not [name for name in [*said["adapters"], *said["unusable_adapters"]] if "evil" in name]
    run(M, "cache", "list", "--data", ".", cwd=hostile)  # a verb that imports no model
    assert planted(marks) == []


def test_the_attack_tries_every_verb() -> None:
    assert set(current_directory.VERBS) == set(VERBS)


WORKERS = """
from diffviews_desktop.engine.link_process import prepare_environment

if __name__ == "__main__":
    prepare_environment()
    from joblib import Parallel, delayed

    assert Parallel(2)(delayed(abs)(number) for number in (-1, -2)) == [1, 2]
"""


def test_neither_do_processes_that_a_library_starts(tmp_path: Path, marks: Path) -> None:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "program.py"
    program.write_text(WORKERS)
    here = tmp_path / "here"
    here.mkdir()
    plant(here, every_name(), marks)
    run((sys.executable, str(program)), cwd=here)
    assert planted(marks) == []


# ---- the path -----------------------------------------------------------------------------------


def path_of(
    checkout: Path, *options: str, cwd: Path, pythonpath: str | None = None
) -> tuple[list[str], str]:
    """Where ``-m`` looks for modules, and what its children find in PYTHONPATH.

    ``checkout`` gets a package of the program's name, with its first lines.
    """
    package = checkout / "diffviews_desktop"
    if not package.exists():
        package.mkdir(parents=True)
        for name in ("__init__.py", "__main__.py", "safe_path.py"):
            (package / name).write_bytes((PACKAGE / name).read_bytes())
        (package / "cli").mkdir()
        (package / "cli" / "__init__.py").touch()
        (package / "cli" / "main.py").write_text(
            "import os, sys\nfrom diffviews_desktop import safe_path\n"
            "def main():\n    safe_path.forget_empty_elements()\n"
            "    print([sys.path, os.environ.get('PYTHONPATH')].__repr__())\n"
        )
    changes = {} if pythonpath is None else {"PYTHONPATH": pythonpath}
    done = run((sys.executable, *options, "-m", "diffviews_desktop"), cwd=cwd, **changes)
    path, variable = eval(done.stdout)
    return path, variable


def test_a_program_that_is_found_elsewhere_needs_no_current_directory(tmp_path: Path) -> None:
    checkout, cwd = tmp_path / "checkout", tmp_path / "data"
    cwd.mkdir()
    path, _ = path_of(checkout, cwd=cwd, pythonpath=str(checkout))
    assert path[0] == str(checkout)
    assert str(cwd) not in path
    # what is named stays, and so does all when Python has put nothing there
    path, _ = path_of(checkout, cwd=cwd, pythonpath=f"{checkout}{os.pathsep}.")
    assert path[:2] == [str(checkout), str(cwd)]
    path, _ = path_of(checkout, "-P", cwd=cwd, pythonpath=str(checkout))
    assert path[0] == str(checkout)


@pytest.mark.parametrize("elsewhere", [True, False], ids=["another one is installed", "none is"])
def test_a_checkout_that_is_not_installed_is_found_by_its_children_too(
    tmp_path: Path, elsewhere: bool
) -> None:
    checkout = tmp_path / "checkout"
    options = () if elsewhere else ("-S",)
    path, _ = path_of(checkout, *options, cwd=checkout)
    assert path[0] == str(checkout)
    path, variable = path_of(checkout, *options, cwd=checkout, pythonpath=f"{os.pathsep}/nowhere")
    assert path[0] == str(checkout)
    assert variable == "/nowhere"


@pytest.mark.parametrize("form", ["{0}{1}", "{1}{0}", "{0}{1}{1}{0}{1}", "{1}{1}{0}"])
def test_empty_elements_are_dropped(tmp_path: Path, form: str) -> None:
    checkout, cwd = tmp_path / "checkout", tmp_path / "data"
    cwd.mkdir()
    path, variable = path_of(checkout, cwd=cwd, pythonpath=form.format(checkout, os.pathsep))
    assert str(cwd) not in path
    assert set(variable.split(os.pathsep)) == {str(checkout)}
    # but for those that are named, too
    named = form.format(checkout, os.pathsep) + f"{os.pathsep}."
    path, variable = path_of(checkout, cwd=cwd, pythonpath=named)
    assert str(cwd) in path
    assert set(variable.split(os.pathsep)) == {str(checkout), "."}


@pytest.mark.skipif(sys.platform == "win32", reason="a current directory cannot be deleted there")
def test_a_current_directory_that_was_deleted(tmp_path: Path) -> None:
    checkout, cwd = tmp_path / "checkout", tmp_path / "data"
    cwd.mkdir()
    path_of(checkout, cwd=cwd, pythonpath=str(checkout))
    program = f"cd {cwd}; rmdir {cwd}; exec {sys.executable} -m diffviews_desktop"
    variables = environment(PYTHONPATH=str(checkout))
    done = subprocess.run(["sh", "-c", program], env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert eval(done.stdout)[0][0] == str(checkout)
