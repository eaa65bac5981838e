"""The wheel holds everything the program needs and works from any directory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_the_wheel_is_whole(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(installed)
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/", "packaging/"))]

    bundled = {path.relative_to(ROOT) for path in (ROOT / "resources").rglob("*") if path.is_file()}
    assert {f"diffviews_desktop/{path.as_posix()}" for path in bundled} <= set(names)
    assert sum((ROOT / path).stat().st_size for path in bundled) < 25e6

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(installed), "XDG_DATA_HOME": str(tmp_path / "d")}
    done = subprocess.run(
        [sys.executable, "-m", "diffviews_desktop", "info", "--json"],
        cwd=elsewhere,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    models = json.loads(done.stdout)["models"]
    assert [model["name"] for model in models] == ["digits", "digits-8x8", "digits-few"]
    assert all(model["layers"] and not model["problems"] for model in models)
    where = subprocess.run(
        [sys.executable, "-c", "from diffviews_desktop.paths import resources; print(resources())"],
        cwd=elsewhere,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(where.stdout.strip()) == installed / "diffviews_desktop" / "resources"
