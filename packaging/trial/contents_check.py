"""Looks that everything of the one list is in an installed program.

The program is asked from outside, as a user can: an adapter is installed into it whose module, when
the program loads it, tries everything that it brings a list of.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any

import contents
import dependencies

_NAME = "diffviews_contents_check"

_ADAPTER = '''
import hashlib, importlib, json, os, pathlib
from importlib import metadata

def faults(wanted):
    for name in wanted["modules"]:
        try:
            importlib.import_module(name)
        except BaseException as error:
            yield f"module {name}: {type(error).__name__}: {error}"
    for name, version in wanted["distributions"].items():
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            found = None
        if found != version:
            yield f"distribution {name} {version}: {found}"
    for group, name, value in wanted["entry_points"]:
        if not any(one.value == value for one in metadata.entry_points(group=group, name=name)):
            yield f"entry point {name} of {group}"
    package = pathlib.Path(importlib.import_module(wanted["package"]).__file__).parent
    for path, digest in wanted["files"].items():
        file = package / path
        if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != digest:
            yield f"file {path}"

wanted = json.loads(pathlib.Path(__file__).with_name("wanted.json").read_text(encoding="utf-8"))
found = list(faults(wanted))
pathlib.Path(os.environ["DIFFVIEWS_CONTENTS_CHECK"]).write_text(json.dumps(found))

class Check:
    """Never used."""
'''


def list_contents() -> dict[str, Any]:
    """Everything of the list, by kind."""
    bundled = dependencies.distribution_names()
    names = sorted({name for one in bundled for name in dependencies.top_modules(one)})
    modules = [*contents.standard_modules(), *names, *contents.own_modules()]
    files = {
        place: hashlib.sha256(file.read_bytes()).hexdigest()
        for file, place in contents.resource_files()
    }
    points = [
        (point.group, point.name, point.value)
        for one in bundled
        for point in metadata.distribution(one).entry_points
        if not point.group.endswith("_scripts")
    ]
    return {
        "package": contents.PACKAGE,
        "modules": [name for name in modules if contents.is_needed_module(name)],
        "distributions": {one: metadata.version(one) for one in bundled},
        "entry_points": points,
        "files": files,
    }


def write_wheel(folder: Path) -> Path:
    """Write the wheel of that adapter."""
    info = f"{_NAME}-1.0.dist-info"
    package = _NAME
    files = {
        f"{package}/__init__.py": _ADAPTER,
        f"{package}/wanted.json": json.dumps(list_contents()),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {_NAME}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[diffviews_desktop.adapters]\ncheck = {package}:Check\n",
    }
    rows = []
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
        rows.append(f"{path},sha256={digest.decode().rstrip('=')},{len(text.encode())}")
    files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""])
    wheel = folder / f"{_NAME}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return wheel


if __name__ == "__main__":  # with the interpreter that the program was frozen with
    print(write_wheel(Path(sys.argv[1])))
