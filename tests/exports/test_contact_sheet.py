"""Contact sheets as files: every picture at its place, and names that do not decide their size."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from made_runs import told
from PIL import Image

from diffviews_desktop.engine.jobs.drawing import GenerateGrid
from diffviews_desktop.engine.jobs.grid_axes import sheet_of
from diffviews_desktop.exports import contact_sheet, registry
from diffviews_desktop.exports.contact_sheet import cell_size, render
from diffviews_desktop.exports.contents import Sheet
from diffviews_desktop.values.conditions import from_choice
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.interventions import mean_of_samples
from diffviews_desktop.values.maps import MapSpec
from diffviews_desktop.values.runs import GridCell
from diffviews_desktop.values.sampling import SamplingSettings

PAPER = (255, 255, 255)


def sheet(
    rows: tuple[str, ...] = ("a", "b"), columns: tuple[str, ...] = ("c", "d"), side: int = 64
) -> Sheet:
    pictures = {i: np.full((side, side, 1), 120, np.uint8) for i in range(4)}
    return Sheet(pictures, 4, rows, columns)


def grid(count: int = 6) -> tuple[GenerateGrid, list[GridCell]]:
    """Two seeds by three strengths, some of the pictures drawn, each of a colour of its own."""
    job = GenerateGrid(
        job_id=1,
        folder=FolderRef(),
        spec=MapSpec("m", ("midblock",)),
        interventions=mean_of_samples((3,)),
        condition=from_choice(0),
        settings=SamplingSettings(seed=50),
        samples=2,
        strengths=(0.0, 0.5, 1.0),
    )
    cells = [
        GridCell(index, cell.settings, told(0), np.full((8, 8, 3), colour(index), np.uint8))
        for index, cell in enumerate(job.cells()[:count])
    ]
    return job, cells


def colour(index: int) -> tuple[int, int, int]:
    return 30 * index, 200 - 30 * index, 10 + 20 * index


@pytest.mark.parametrize("name", ["layer" * 4000, "two\nlines", "\udc80\x1b[31m", "שלום"])
def test_any_names_can_be_drawn(name: str) -> None:
    drawn = render(sheet((name, "b"), (name, "d")))
    plain = render(sheet(("x" * 60, "b"), ("x" * 60, "d")))
    assert drawn.shape[0] == plain.shape[0]
    assert drawn.shape[1] < 1.5 * plain.shape[1]


def test_every_picture_is_at_its_place_and_those_to_come_are_paper() -> None:
    job, cells = grid(4)
    drawn = render(sheet_of(job, cells, None))
    side = cell_size(8, 8, 6)[0]
    assert side == contact_sheet.CELL
    left, top = (drawn.shape[i] - n * (side + 4) for i, n in ((1, 2), (0, 3)))
    for index in range(6):
        row, column = divmod(index, 2)
        y, x = top + row * (side + 4), left + column * (side + 4)
        seen = np.unique(drawn[y : y + side, x : x + side].reshape(-1, 3), axis=0)
        assert seen.tolist() == [list(colour(index) if index < 4 else PAPER)]
    for name in (drawn[: top - 4, left:], drawn[top:, : left - 4]):  # something is written there
        assert len(np.unique(name)) > 2


def test_the_colours_of_the_paper_and_of_the_names_can_be_chosen() -> None:
    pictures = sheet().pictures
    drawn = render(Sheet(pictures, 4, ("a", "b"), ("c", "d"), paper="#102030", ink="#ff0000"))
    assert drawn[0, 0].tolist() == [0x10, 0x20, 0x30]
    assert (drawn == (255, 0, 0)).all(axis=-1).any()


@pytest.mark.parametrize(
    ("width", "height", "count", "size"),
    [
        (8, 8, 6, (160, 160)),
        (64, 32, 6, (192, 96)),
        (512, 512, 20, (512, 512)),
        (8, 8, 2000, (136, 136)),  # as large as there is room for
        (64, 64, 2000, (128, 128)),
        (512, 512, 2000, (128, 128)),  # reduced by a whole divisor
    ],
)
def test_small_pictures_are_enlarged_as_far_as_there_is_room(
    width: int, height: int, count: int, size: tuple[int, int]
) -> None:
    assert cell_size(width, height, count) == size


def test_a_picture_that_is_reduced_is_averaged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contact_sheet, "MOST_PIXELS", 4 * 32 * 32)
    stripes = np.zeros((64, 64, 1), np.uint8)
    stripes[:, ::2] = 200
    drawn = render(Sheet(dict.fromkeys(range(4), stripes), 4, (), ("", "")))
    assert drawn[6, 6].tolist() == [100, 100, 100]


def test_a_sheet_is_a_png_with_the_record_of_its_grid() -> None:
    job, cells = grid()
    file = io.BytesIO()
    registry.write(sheet_of(job, cells, {"kind": "grid"}), "0001.png", file)
    with Image.open(file) as image:
        assert json.loads(image.text["diffviews"]) == {"kind": "grid"}
        assert image.size == render(sheet_of(job, cells, None)).shape[1::-1]
