"""Modules and adapters never come from the current directory.

It is often a data folder that other people made, or it holds a file of the user's own that happens
to be named like a module: ``queue.py``. Python looks there first when it runs ``-m`` or ``-c``, as
`multiprocessing` does to start a child, and wherever PYTHONPATH has an empty element.

What Python itself imports before the program's first line is out of reach; the installed command
has nothing imported from there. This module, the package's ``__init__`` and ``__main__`` run while
the path is not safe yet: they import only what every Python has imported by then.
"""

import os
import sys


def forget_directory_of_m() -> None:
    """Take the current directory off the path where ``python -m`` has just put it: first."""
    if not sys.flags.safe_path and sys.path[0] == _current_directory():
        _use(sys.path[1:])


def forget_empty_elements() -> None:
    """Take the current directory off the path where an empty element of PYTHONPATH put it.

    ``PYTHONPATH=$PYTHONPATH:/opt/lib`` leaves one if there was no PYTHONPATH before: it is hardly
    ever meant. A directory that is named, be it ``.``, is the user's own choice and stays. Children
    get the variable without empty elements.
    """
    elements = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    folders = [element for element in elements if element]
    if len(elements) == 1 or folders == elements:
        return
    os.environ["PYTHONPATH"] = os.pathsep.join(folders)
    directory = _current_directory()
    if directory is not None and directory not in map(os.path.abspath, folders):
        _use([entry for entry in sys.path if entry != directory])


def _current_directory() -> str | None:
    try:
        return os.getcwd()
    except OSError:  # it was deleted: nothing comes from there
        return None


def _use(path: list[str]) -> None:
    """Look for modules there, unless the program itself would not be found.

    Then it is a checkout that is not installed, and whoever can put a module there can change the
    program as well.
    """
    old_path = sys.path[:]
    sys.path[:] = path
    if not _finds_this_program():
        sys.path[:] = old_path


def _finds_this_program() -> bool:
    """Whether importing the package, as children do, leads to the files of the running one."""
    folder = os.path.dirname(os.path.abspath(__file__))
    for finder in sys.meta_path:
        find = getattr(finder, "find_spec", None)
        spec = find and find(os.path.basename(folder), None)
        if spec:
            origin = os.path.dirname(spec.origin or "")
            return os.path.isdir(origin) and os.path.samefile(origin, folder)
    return False
