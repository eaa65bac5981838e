"""``map --figure`` draws the map that it makes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from diffviews_desktop.cli.main import main


def test_a_figure_is_drawn_beside_the_table(
    tiny_data: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, file = str(tiny_data()), tmp_path / "new folder" / "map.png"
    table = tmp_path / "map.csv"
    arguments = ["map", "--data", data, "--out", str(table), "--figure", str(file)]
    assert main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["figure"] == str(file)
    with Image.open(file) as image:
        record = json.loads(image.text["diffviews"])  # type: ignore[attr-defined]
    assert record["model"] == "tiny"
    assert record["layers"] == ["midblock"]
    assert record["folder"] == data
    assert main(arguments) == 0
    assert f"figure: {file}" in capsys.readouterr().out


def test_another_format_is_refused_before_anything_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["map", "--data", str(tmp_path / "none"), "--figure", "map.gif"]
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "use a name that ends in .pdf, .svg or .png" in capsys.readouterr().err
