"""What can be chosen of each kind of export."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QGridLayout, QVBoxLayout, QWidget

from diffviews_desktop.actions.exports import FIGURE, FILM
from diffviews_desktop.state.state import State
from diffviews_desktop.text.translation import group_digits, tr
from diffviews_desktop.ui.common.forms import add_row, form
from diffviews_desktop.ui.common.labels import Label, muted_label, tip
from diffviews_desktop.ui.common.widgets import signals_blocked
from diffviews_desktop.ui.shell.exporting.parts import (
    RunChoice,
    check,
    choice,
    decimal,
    whole,
)
from diffviews_desktop.values.figures import (
    DOTS,
    LETTERS,
    MILLIMETRES,
    RATES,
    SIDES,
    FigureStyle,
    FilmStyle,
)

SIZES: tuple[tuple[str, tuple[float, float] | None], ...] = (
    (tr("Page width (120 × 100 mm)"), (120.0, 100.0)),
    (tr("One column (85 × 75 mm)"), (85.0, 75.0)),
    (tr("Two columns (178 × 120 mm)"), (178.0, 120.0)),
    (tr("Slide (254 × 143 mm)"), (254.0, 143.0)),
    (tr("Square (150 × 150 mm)"), (150.0, 150.0)),
    (tr("Custom"), None),
)
GROUNDS = ((tr("Light"), "light"), (tr("Dark"), "dark"))


class Page(QWidget):
    """Signal: ``edited()``, for another preview."""

    edited = Signal()

    def set_state(self, state: State) -> None:
        """Show what there is to choose."""


class FigurePage(Page):
    """Size, text and parts of a figure."""

    def __init__(self) -> None:
        super().__init__()
        self.size_choice = choice(SIZES)
        self.across = decimal(FIGURE.width, *MILLIMETRES)
        self.down = decimal(FIGURE.height, *MILLIMETRES)
        self.dpi = whole(FIGURE.dpi, *DOTS)
        self.letters = decimal(FIGURE.letters, *LETTERS)
        self.ground = choice(GROUNDS)
        self.pixels = muted_label()
        self.boxes: dict[str, QCheckBox] = {
            name: check(text, getattr(FIGURE, name), meaning)
            for name, text, meaning in (
                ("legend", tr("&Legend"), tr("Says what colours and marks mean")),
                (
                    "scale",
                    tr("Scale &bar"),
                    tr("A bar as long as a round number of the map's units"),
                ),
                ("caption", tr("&Caption"), tr("A line below that says model, layer and settings")),
                ("names", tr("Class &names"), tr("Written on the map where there is room")),
                ("marks", tr("&Picks"), tr("Rings around the anchor and its neighbours")),
                ("runs", tr("&Runs"), tr("The paths of the runs that are visible on the map")),
                ("whole", tr("Whole &map"), tr("All of it, not just the part on the screen")),
            )
        }
        rows = form()
        add_row(rows, tr("S&ize"), self.size_choice)
        add_row(rows, tr("Wi&dth (mm)"), self.across)
        add_row(rows, tr("&Height (mm)"), self.down)
        add_row(
            rows, tr("D&ots per inch"), self.dpi, tr("Of a PNG; PDF and SVG are sharp at any size")
        )
        rows.addRow(Label(), self.pixels)
        add_row(rows, tr("&Text (pt)"), self.letters)
        add_row(rows, tr("Back&ground"), self.ground)
        boxes = QGridLayout()
        boxes.setVerticalSpacing(6)
        for at, box in enumerate(self.boxes.values()):
            boxes.addWidget(box, at // 2, at % 2)
            box.toggled.connect(self.edited)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addLayout(rows)
        column.addLayout(boxes)
        column.addStretch()
        for field in (self.across, self.down):
            field.valueChanged.connect(self._on_sides)
        for number in (self.dpi, self.letters):
            number.valueChanged.connect(self._on_edited)
        self.ground.currentIndexChanged.connect(self.edited)
        self.size_choice.currentIndexChanged.connect(self._on_size)
        self._say_pixels()

    def style_wanted(self) -> FigureStyle:
        """How the figure is to look.

        Raises:
            UsageError: it would be too large.
        """
        parts = {name: box.isChecked() for name, box in self.boxes.items()}
        return FigureStyle(
            width=self.across.value(),
            height=self.down.value(),
            dpi=self.dpi.value(),
            letters=self.letters.value(),
            ground=self.ground.currentData(),
            **parts,
        )

    def _on_size(self) -> None:
        sides = self.size_choice.currentData()
        if sides is not None:
            with signals_blocked(self.across, self.down):
                self.across.setValue(sides[0])
                self.down.setValue(sides[1])
        self._on_edited()

    def _on_sides(self) -> None:
        sides = (self.across.value(), self.down.value())
        at = next((n for n, (_, size) in enumerate(SIZES) if size == sides), len(SIZES) - 1)
        with signals_blocked(self.size_choice):
            self.size_choice.setCurrentIndex(at)
        self._on_edited()

    def _on_edited(self) -> None:
        self._say_pixels()
        self.edited.emit()

    def _say_pixels(self) -> None:
        across, down = (
            round(side.value() / 25.4 * self.dpi.value()) for side in (self.across, self.down)
        )
        self.pixels.setText(
            tr("{across} × {down} pixels", across=group_digits(across), down=group_digits(down))
        )


class ScreenPage(Page):
    """The map as it is seen: nothing to choose."""

    def __init__(self) -> None:
        super().__init__()
        note = muted_label(
            tr("The map just as it is on the screen, with its pictures, contours and legend.")
        )
        note.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(note, alignment=Qt.AlignmentFlag.AlignTop)


class FilmPage(Page):
    """Which run, how fast, and whether the map is beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.run = RunChoice()
        self.rate = decimal(FILM.rate, *RATES)
        self.hold = decimal(FILM.hold, 0.0, 60.0)
        self.side = whole(FILM.side, *SIDES)
        self.ground = choice(GROUNDS)
        self.map = check(tr("&Map beside the picture"), FILM.map)
        self.loop = check(
            tr("Re&peat"), FILM.loop, tr("A GIF begins again; players decide for MP4")
        )
        rows = form()
        add_row(rows, tr("&Run"), self.run)
        add_row(rows, tr("S&teps a second"), self.rate)
        add_row(rows, tr("Last step sta&ys (s)"), self.hold)
        add_row(
            rows,
            tr("P&icture (pixels)"),
            self.side,
            tr("Its side, at least"),
        )
        add_row(rows, tr("Back&ground"), self.ground)
        rows.addRow(Label(), self.map)
        rows.addRow(Label(), self.loop)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(rows)
        column.addStretch()
        for field in (self.rate, self.hold, self.side):
            field.valueChanged.connect(self.edited)
        for box in (self.map, self.loop):
            box.toggled.connect(self.edited)
        for options in (self.run, self.ground):
            options.currentIndexChanged.connect(self.edited)

    def set_state(self, state: State) -> None:
        self.run.set_runs(state.runs.all, state.runs.shown)
        run = state.runs.run(self.run.currentData())
        on_map = run is not None and state.on_this_map(run)
        self.map.setEnabled(on_map)
        self.map.setToolTip(tip("" if on_map else tr("The run was drawn on another map")))

    def style_wanted(self) -> FilmStyle:
        """How the film is to look."""
        return FilmStyle(
            rate=self.rate.value(),
            hold=self.hold.value(),
            loop=self.loop.isChecked(),
            side=self.side.value(),
            map=self.map.isChecked(),
            ground=self.ground.currentData(),
        )


class StripPage(Page):
    """Which run, and how many of its steps."""

    def __init__(self) -> None:
        super().__init__()
        self.run = RunChoice()
        self.most = whole(0, 0, 1000)
        self.most.setSpecialValueText(tr("all"))
        self.ground = choice(GROUNDS)
        rows = form()
        add_row(rows, tr("&Run"), self.run)
        add_row(rows, tr("S&teps"), self.most, tr("So many, evenly spread, the last among them"))
        add_row(rows, tr("Back&ground"), self.ground)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(rows)
        column.addStretch()
        self.most.valueChanged.connect(self.edited)
        for options in (self.run, self.ground):
            options.currentIndexChanged.connect(self.edited)

    def set_state(self, state: State) -> None:
        self.run.set_runs(state.runs.all, state.runs.shown)


class RunsPage(Page):
    """Which runs, and whether their activations are columns."""

    def __init__(self) -> None:
        super().__init__()
        self.run = RunChoice(every=True)
        self.activations = check(
            tr("&Activations as columns"),
            False,
            tr(
                "Each component of the reduced activations; an npz always has them, and the "
                "pictures"
            ),
        )
        rows = form()
        add_row(rows, tr("&Runs"), self.run)
        rows.addRow(Label(), self.activations)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(rows)
        column.addStretch()
        self.run.currentIndexChanged.connect(self.edited)
        self.activations.toggled.connect(self.edited)

    def set_state(self, state: State) -> None:
        self.run.set_runs(state.runs.all, state.runs.shown)
