"""What the installed program is made of: the one list that freezing, staging and testing go by.

Whatever the program loads by name (adapters, verbs, handlers, plug-ins of libraries), reads as a
file or finds by an entry point is named here, by package rather than by module, so that a new
module needs no entry. ``make package-test`` has the installed program import every module, open
every file and find every distribution that this list stands for.
"""

from __future__ import annotations

import pkgutil
import re
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "diffviews_desktop"

RESOURCES = ("resources",)
"""Folders of the checkout that go beside the package's modules, whole."""

EXTRAS = ("diffusers",)
"""Optional dependencies of pyproject.toml that an installed program has: it cannot add them."""

WHOLE = (
    # adapters of other packages import any part of these
    "numpy",
    "scipy",
    "torch",
    "PIL",
    "safetensors",
    # these import their own parts by name
    "boto3",
    "botocore",
    "cramjam",
    "diffusers",
    "fastparquet",
    "fontTools",
    "huggingface_hub",
    "keyring",
    "matplotlib",
    "mpl_toolkits",
    "pandas",
    "pydantic",
    "sklearn",
    "umap",
    "pynndescent",
)
"""Packages of which every module goes in, tests apart; those that are not installed are passed
over, as no dependency of the program asks for them then."""

NO_HOOKS = ("pyi_rth_mplconfig",)
"""What PyInstaller would run at every start: this has matplotlib look for all fonts each time, as
a program that unpacks itself must, which has its own in another place each time."""

NOT_STANDARD = frozenset(
    (
        "_tkinter",
        "antigravity",
        "ensurepip",
        "idlelib",
        "lib2to3",
        "nis",
        "this",
        "tkinter",
        "turtle",
        "turtledemo",
    )
)
"""Parts of Python's standard library that are left out; adapters may import all the others."""

LEFT_OUT = (
    "IPython",
    "PySide6.QtDBus",
    "PySide6.QtDesigner",
    "PySide6.QtHelp",
    "PySide6.QtNetwork",
    "PySide6.QtQml",
    "PySide6.QtQuick",
    "PySide6.QtSql",
    "PySide6.QtTest",
    "mypy",
    "mypyc",
    "hypothesis",
    "pytest",
    "_pytest",
    "pip",
    "setuptools",
    "tensorboard",
    "tkinter",
)
"""Modules that libraries would import if they were there, and that nothing here needs."""

_TESTS = re.compile(r"(^|\.)(tests?|conftest)(\.|$)|^_test")
"""Names of modules that only test; ``testing`` is what libraries themselves import."""

_NO_TESTS = frozenset(("jinja2.tests",))
"""Modules that have such a name and are part of what their library does."""

_UNUSED_FILES = re.compile(
    r"""
    (^|/)(tests?|include|__pycache__)/            # tests, headers for compilers, compiled twice
    | \.(a|la|lib|h|hpp|cuh|cpp|cu|cmake|pyi|pyx|pxd|pc|qmltypes|prl)$
    | ^torch/(bin/(?!torch_shm_manager$)|share/|test/|lib/lib(jitbackend|backend_with|torchbind))
    | ^PySide6/Qt/(qml|libexec|metatypes|resources)/
    | ^PySide6/(Qt/)?translations/(?!qtbase_de\.qm$)    # texts of Qt, in the window's languages
    | ^PySide6/Qt/plugins/(designer|egldeviceintegrations|generic|networkinformation|qml\w+
        |sqldrivers|tls|printsupport|vectorimageformats|wayland-graphics-integration-server)/
    | ^PySide6/Qt/plugins/platforms/libq(eglfs|linuxfb|minimal|minimalegl|vkkhrdisplay|vnc)\.
    | ^PySide6/Qt/plugins/platforminputcontexts/libqtvirtualkeyboard
    | ^PySide6/Qt/plugins/imageformats/libq(pdf|tga|wbmp)\.
    | ^PySide6/Qt/lib/libQt6(Quick|Qml|Pdf|VirtualKeyboard|Designer|Sql|Test|Labs|Lottie)\w*\.
    | ^PySide6/Qt/lib/libQt6EglF[Ss]\w+\.
    | ^matplotlib/mpl-data/sample_data/
    | ^botocore/data/(?!(s3|sts|sso|sso-oidc|signin|_retry|endpoints|partitions|sdk-default))
    """,
    re.VERBOSE,
)

_SYSTEM_LIBRARIES = re.compile(
    r"^(lib(ssl|crypto|ffi|bz2|lzma|sqlite3|expat|uuid|tinfow?|ncursesw?|panelw?|readline|gdbm|db|"
    r"mpdec|nsl|tirpc|crypt)[-.]|libpython3)"
)
"""Of the libraries of the system on which it is frozen, those that Python's own modules need. All
others are the user's own: newer drivers of a display need newer ones than any that are brought."""

COMMANDS = ("torch_shm_manager",)
"""Files within the program that are run."""

STRIPPED = ("libtorch_cpu.so", "libtorch_python.so", "libllvmlite.so", "libpython3.*.so.*")
"""Libraries whose symbols, which only a debugger reads, are worth their megabytes."""


def is_needed_module(name: str) -> bool:
    """Whether a module goes in."""
    is_excluded = any(name == other or name.startswith(f"{other}.") for other in LEFT_OUT)
    return not is_excluded and (name in _NO_TESTS or not _TESTS.search(name))


def is_needed_file(path: str) -> bool:
    """Whether a data file or library goes in; its path is that within the program's folder."""
    return not _UNUSED_FILES.search(path.replace("\\", "/"))


def is_needed_library(name: str, source: str) -> bool:
    """Whether a library goes in: one of the system only where Python needs it.

    Args:
        name: of its file.
        source: where it is taken from.
    """
    of_system = source.startswith(("/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/"))
    return not of_system or bool(_SYSTEM_LIBRARIES.match(name)) or "lib-dynload" in source


def own_modules() -> list[str]:
    """Every module of the program itself, as files in the checkout."""
    files = sorted((ROOT / PACKAGE).rglob("*.py"))
    names = (file.relative_to(ROOT).with_suffix("").parts for file in files)
    return sorted({".".join(parts[:-1] if parts[-1] == "__init__" else parts) for parts in names})


def modules_of(package: str) -> list[str]:
    """Every needed module of a package, itself included; nothing is imported."""
    spec = find_spec(package)
    modules = [package]
    if spec is not None and spec.submodule_search_locations is not None:
        modules += _modules_in(list(spec.submodule_search_locations), package)
    return modules


def _modules_in(folders: list[str], package: str) -> Iterator[str]:
    for module in pkgutil.iter_modules(folders, f"{package}."):
        if is_needed_module(module.name):
            yield module.name
            if module.ispkg:
                name = module.name.rpartition(".")[2]
                yield from _modules_in([f"{folder}/{name}" for folder in folders], module.name)


def standard_modules() -> list[str]:
    """The standard library's modules that go in."""
    names = sorted(sys.stdlib_module_names - NOT_STANDARD)
    return [name for name in names if not name.startswith("__") and _is_here(name)]


def _is_here(module: str) -> bool:
    """Whether this system's Python has a module; some are of other systems."""
    try:
        return is_needed_module(module) and find_spec(module) is not None
    except ValueError:
        return False


def resource_files() -> Iterator[tuple[Path, str]]:
    """Every file beside the modules, with its path below the package."""
    for folder in RESOURCES:
        for file in sorted((ROOT / folder).rglob("*")):
            if file.is_file():
                yield file, file.relative_to(ROOT).as_posix()
