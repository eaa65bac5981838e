"""The package as a whole: what importing it costs, and that all of it can be imported."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from importlib import metadata

import pytest

import diffviews_desktop

HEAVY = (
    "torch",
    "umap",
    "sklearn",
    "numba",
    "scipy",
    "pandas",
    "boto3",
    "huggingface_hub",
    "httpx2",
    "matplotlib",
    "fastparquet",
    "av",
)
WINDOW = (
    "diffviews_desktop.ui",
    "diffviews_desktop.app",
    "diffviews_desktop.state",
    "diffviews_desktop.actions",
    "diffviews_desktop.engine.jobs",
    "diffviews_desktop.engine.pump",
    "diffviews_desktop.engine.link_process",
    "diffviews_desktop.engine.link_inline",
    "diffviews_desktop.engine.protocol",
    "diffviews_desktop.engine.serving",
)


def modules() -> list[str]:
    found = pkgutil.walk_packages(diffviews_desktop.__path__, "diffviews_desktop.")
    return sorted(module.name for module in found if not module.name.endswith("__main__"))


def python(script: str, *arguments: str) -> str:
    """Run a script in a fresh interpreter, every warning an error; what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


LOADED = f"print(sorted({set(HEAVY)!r} & set(sys.modules)))"


def test_the_package_itself_is_light() -> None:
    names = "import sys, diffviews_desktop as d; d.__version__; dir(d); "
    assert python(names + LOADED) == "[]"
    assert python("import sys, diffviews_desktop.cli.main; " + LOADED) == "[]"
    told = "print('numpy' in sys.modules, any('.verbs.' in name for name in sys.modules))"
    assert python("import sys, diffviews_desktop.cli.main; " + told) == "False False"


def test_the_window_side_loads_no_torch_and_no_umap() -> None:
    names = [name for name in modules() if name.startswith(WINDOW)]
    assert "diffviews_desktop.ui.shell.window" in names
    assert any(name.startswith("diffviews_desktop.ui.views.flat.") for name in names)
    script = "import sys, importlib\nfor name in sys.argv[1:]: importlib.import_module(name)\n"
    assert python(script + LOADED, *names) == "[]"
    # nor Pillow, which is imported with the first picture, in a thread
    assert python(script + "print('PIL' in sys.modules)", *names) == "False"


def test_every_module_can_be_imported() -> None:
    names = modules()
    assert "diffviews_desktop.engine.engine" in names
    script = "import sys, importlib\nfor name in sys.argv[1:]: importlib.import_module(name)\n"
    assert python(script + "print('done')", *names) == "done"


def test_the_public_names_resolve() -> None:
    import abc

    assert sorted(diffviews_desktop.__all__) == [
        "GeneratorAdapter",
        "__version__",
        "get_adapter",
        "list_adapters",
        "register_adapter",
        "unusable_adapters",
    ]
    for name in diffviews_desktop.__all__:
        assert getattr(diffviews_desktop, name) is not None
    assert isinstance(diffviews_desktop.GeneratorAdapter, abc.ABCMeta)
    assert "edm" in diffviews_desktop.list_adapters()
    adapter = diffviews_desktop.get_adapter("edm")
    assert issubclass(adapter, diffviews_desktop.GeneratorAdapter)
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = diffviews_desktop.no_such_name
    assert set(diffviews_desktop.__all__) <= set(dir(diffviews_desktop))


def test_the_version_is_that_of_the_distribution() -> None:
    try:
        installed = metadata.version("diffviews-desktop")
    except metadata.PackageNotFoundError:
        pytest.skip("not installed")
    assert diffviews_desktop.__version__ == installed
