"""Modules in a folder that must never be imported from there: each leaves a file when it is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

GROUPS = ("diffviews_desktop.adapters", "diffviews.adapters", "adapt_diff.adapters")
OPTIONAL = (
    *("sitecustomize", "usercustomize", "diffviews_desktop"),
    *("cuml", "cupy", "yaml", "transformers", "accelerate", "xformers", "triton", "tensorflow"),
    *("matplotlib", "IPython", "OpenGL", "colorcet", "h5py", "dill", "numexpr", "bottleneck"),
)
"""Names that Python, the program or its dependencies ask for, whether or not they are there."""

_CANARY = "open({mark!r}, 'a').close()\n"
_COMMAND = """\
import sys
from diffviews_desktop.cli.main import main
if __name__ == "__main__":
    sys.exit(main())
"""
_LIST_MODULES = "import sys; print(*{name.partition('.')[0] for name in sys.modules})\n"


def every_name() -> set[str]:
    """Names of the standard library, of all that is installed, and of what is optional."""
    return {*sys.stdlib_module_names, *metadata.packages_distributions(), *OPTIONAL}


def plant(folder: Path, names: Iterable[str], marks: Path) -> None:
    """Put a module of each name into a folder; one that is imported leaves its name in ``marks``.

    None of them has what the module of that name has.
    """
    marks.mkdir(parents=True, exist_ok=True)
    for name in names:
        text = _CANARY.format(mark=str(marks / name))
        (folder / f"{name}.py").write_text(text, encoding="utf-8")


def plant_adapters(folder: Path, marks: Path, groups: Iterable[str] = GROUPS) -> None:
    """Have a folder look like one that packages with adapters are installed in."""
    marks.mkdir(parents=True, exist_ok=True)
    info = folder / "evil-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    points = "".join(f"[{group}]\nevil-{i} = evil_{i}:E\n" for i, group in enumerate(groups))
    (info / "entry_points.txt").write_text(points)
    plant(folder, [f"evil_{i}" for i, _ in enumerate(groups)], marks)


def planted(marks: Path) -> list[str]:
    """Names of the modules that were imported."""
    return sorted(mark.name for mark in marks.iterdir())


def environment(**changes: str) -> dict[str, str]:
    """That of this process, without what says where modules are looked for."""
    bare = ("PYTHONPATH", "PYTHONSAFEPATH")
    return {name: text for name, text in os.environ.items() if name not in bare} | changes


def write_command(folder: Path) -> Path:
    """The command as installers write it, in a folder of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    command = folder / "diffviews-desktop"
    command.write_text(_COMMAND)
    return command


def imported_before_m(folder: Path) -> set[str]:
    """What Python imports for ``-m`` before a package's first line; nobody else can help that."""
    package = folder / "first_line"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(_LIST_MODULES)
    (package / "__main__.py").touch()
    return _listed("-m", "first_line", cwd=folder) - {"first_line"} | {"diffviews_desktop"}


def asked_for_before_command(folder: Path) -> set[str]:
    """What the installed command has asked for when it begins, whether or not it is there."""
    folder.mkdir()
    listed = _listed("-P", "-c", "import diffviews_desktop.cli.main\n" + _LIST_MODULES, cwd=folder)
    marks = folder / "marks"
    plant(folder, every_name() - listed, marks)
    program = (sys.executable, "-P", "-c", "import diffviews_desktop.cli.main")
    subprocess.run(program, cwd=folder, env=environment(PYTHONPATH=os.pathsep + "."), check=True)
    return listed.union(planted(marks))


def _listed(*arguments: str, cwd: Path) -> set[str]:
    command = [sys.executable, *arguments]
    done = subprocess.run(
        command, cwd=cwd, env=environment(), capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())
