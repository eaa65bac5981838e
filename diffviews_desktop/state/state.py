"""Everything that the window shows, as one frozen value. Changes return a new one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from diffviews_desktop.engine.jobs.drawing import Generate, GenerateGrid, PicturePlaced
from diffviews_desktop.engine.jobs.samples import PictureMean
from diffviews_desktop.engine.protocol import Job
from diffviews_desktop.values.folders import ModelLoaded, ModelSummary, Source
from diffviews_desktop.values.maps import LayerMap, LinkedMap, MapParameters
from diffviews_desktop.values.row_set import RowSet
from diffviews_desktop.values.runs import GridCell, TrajectoryStep
from diffviews_desktop.values.samples import SampleTable
from diffviews_desktop.values.sampling import ClassChoice, GenerateSettings

MAX_NEIGHBORS = 20
"""How many neighbours feed a mask at most."""

EngineStatus = Literal["starting", "ready", "working", "stopped"]
PanelClass = ClassChoice | Literal["anchor"]
Offer = Literal["convert", "load"]
"""What a notice can offer to do."""
ColorBy = str
"""What the colour of a point tells: ``class``, ``sigma``, ``trust``, ``z``, ``distance`` (that to
the anchor in activation space), ``overlap`` (of the neighbours with those on a second map), or
`COLUMN` and the name of a column of the samples."""
COLUMN = "column:"
Choosing = Literal["replace", "add", "remove", "toggle"]
"""What newly chosen samples do to the selection set."""
MapKey = tuple[tuple[str, ...], MapParameters | None]
"""The layers and parameters that tell one map of a model from another."""


@dataclass(frozen=True)
class Selection:
    """What is picked on the map: one anchor, its neighbours, and a set of any size.

    Attributes:
        anchor: a sample, or None.
        manual: samples added by hand, in that order.
        suggested: samples suggested as nearest, with their distances, nearest first.
        suggested_by: the layers on whose map they were suggested.
        suggested_with: the parameters of that map.
        chosen: the selection set.
    """

    anchor: int | None = None
    manual: tuple[int, ...] = ()
    suggested: tuple[tuple[int, float], ...] = ()
    suggested_by: tuple[str, ...] = ()
    suggested_with: MapParameters | None = None
    chosen: RowSet = field(default_factory=RowSet)

    @property
    def neighbors(self) -> tuple[int, ...]:
        """All neighbours, by hand first; none twice."""
        suggested = (row for row, _ in self.suggested if row not in self.manual)
        return (*self.manual, *suggested)

    @property
    def rows(self) -> tuple[int, ...]:
        """The samples that a mask averages: the anchor and its neighbours."""
        return () if self.anchor is None else (self.anchor, *self.neighbors)

    def toggled(self, row: int) -> Selection:
        """With a neighbour added by hand, or, if it is one, removed."""
        if row in self.neighbors:
            return self.without(row)
        return replace(self, manual=(*self.manual, row))

    def without(self, row: int) -> Selection:
        """With a neighbour removed, however it came in."""
        return replace(
            self,
            manual=tuple(r for r in self.manual if r != row),
            suggested=tuple(pair for pair in self.suggested if pair[0] != row),
        )


@dataclass(frozen=True)
class Filter:
    """Which samples are shown: those with a value in a range and of no hidden category.

    Attributes:
        by: of what, as in `ColorBy`.
        low: least value; None for no limit.
        high: largest value; None for no limit.
        hidden: positions of the categories that are not shown.
    """

    by: ColorBy
    low: float | None = None
    high: float | None = None
    hidden: frozenset[int] = frozenset()


@dataclass(frozen=True)
class RunningJob:
    """A job that was submitted and has not ended.

    ``fraction`` is None while it waits in the queue or cannot tell; ``detail`` says more of the
    stage; ``since`` is when it left the queue (monotonic seconds), or None.
    """

    job: Job
    title: str
    stage: str = "waiting"
    fraction: float | None = None
    detail: str = ""
    since: float | None = None


@dataclass(frozen=True, eq=False)
class TrajectoryRecord:
    """A run, growing while it is computed.

    ``record`` is what replays it, once it is done; ``landed`` says where its picture lies.
    """

    job: Generate
    name: str
    steps: tuple[TrajectoryStep, ...] = ()
    seed: int | None = None
    class_label: int | None = None
    done: bool = False
    visible: bool = True
    record: Mapping[str, Any] | None = None
    landed: PicturePlaced | None = None

    @property
    def key(self) -> int:
        """The id of its job, by which it is known."""
        return self.job.job_id

    @property
    def unmasked(self) -> Generate | None:
        """The same run without its mask, its seed chosen; None while that is not known.

        Its id is 0: whoever submits it gives it one.
        """
        if self.seed is None:
            return None
        plain = GenerateSettings()
        settings = replace(
            self.job.settings,
            seed=self.seed,
            mask_from=plain.mask_from,
            mask_steps=self.job.settings.num_steps,
            strength=plain.strength,
            weighting=plain.weighting,
            mask_unconditional=plain.mask_unconditional,
            mask_layers=(),
        )
        return replace(self.job, job_id=0, rows=(), settings=settings)


@dataclass(frozen=True, eq=False)
class GridRecord:
    """A grid of pictures, filling while it is drawn; ``job`` has its seed and batch once it is
    ``done``, and ``record`` replays it."""

    job: GenerateGrid
    cells: tuple[GridCell, ...] = ()
    done: bool = False
    record: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Notice:
    """One sentence for the person; ``details`` can be copied. ``number`` makes each unique, and
    ``offer`` names what a button beside it would do."""

    text: str
    level: Literal["info", "error"] = "info"
    details: str = ""
    number: int = 0
    offer: Offer | None = None


@dataclass(frozen=True, eq=False)
class State:
    """The window's whole state.

    ``source.parameters`` are those of the map on screen. ``color_by`` is what was asked for;
    `colored_by` is what this map can show of it. ``cached`` names the single layers whose maps are
    there, by parameters, and ``rate`` is how many pictures a second the model last extracted.
    ``size_by`` is what the size of a point was asked to tell, None for nothing.
    ``unmasked`` are the runs without a mask that others were compared with, and ``comparing`` says
    whether the shown one is. ``mean`` is the last mean picture that was asked for,
    ``linked`` the second map beside the first.
    """

    source: Source = field(default_factory=Source)
    path: Path | None = None
    is_demo: bool = False
    models: tuple[ModelSummary, ...] = ()
    problems: tuple[str, ...] = ()
    model: str | None = None
    samples: SampleTable | None = None
    default_layers: tuple[str, ...] = ()
    layer_map: LayerMap | None = None
    loaded: ModelLoaded | None = None
    cached: Mapping[MapParameters | None, frozenset[str]] = field(default_factory=dict)
    rate: float | None = None
    model_problem: str | None = None
    selection: Selection = field(default_factory=Selection)
    highlighted_class: int | None = None
    color_by: ColorBy = "class"
    size_by: ColorBy | None = None
    filter: Filter | None = None
    settings: GenerateSettings = field(default_factory=GenerateSettings)
    class_choice: PanelClass = "anchor"
    suggest_count: int = 5
    suggest_on_map: bool = False
    trajectories: tuple[TrajectoryRecord, ...] = ()
    shown: int | None = None
    step: int = 0
    comparing: bool = False
    unmasked: tuple[TrajectoryRecord, ...] = ()
    grid: GridRecord | None = None
    mean: PictureMean | None = None
    linked: LinkedMap | None = None
    engine: EngineStatus = "starting"
    memory: int | None = None
    jobs: tuple[RunningJob, ...] = ()
    notice: Notice | None = None

    def summary(self) -> ModelSummary | None:
        """The open model's summary."""
        return next((model for model in self.models if model.name == self.model), None)

    def job(self, job_id: int) -> RunningJob | None:
        """A submitted job that has not ended."""
        return next((running for running in self.jobs if running.job.job_id == job_id), None)

    def trajectory(self, key: int | None = None) -> TrajectoryRecord | None:
        """A trajectory; the shown one by default."""
        wanted = self.shown if key is None else key
        return next((record for record in self.trajectories if record.key == wanted), None)

    def baseline(self, record: TrajectoryRecord | None = None) -> TrajectoryRecord | None:
        """The unmasked run of the same seed as a trajectory, the shown one by default."""
        record = record or self.trajectory()
        wanted = record.unmasked if record is not None else None
        if wanted is None:
            return None
        return next((r for r in self.unmasked if replace(r.job, job_id=0) == wanted), None)

    def map_key(self) -> MapKey | None:
        """Which map is on screen."""
        if self.layer_map is None:
            return None
        return self.layer_map.layers, self.source.parameters

    def cannot_color(self, by: ColorBy) -> str:
        """Why points cannot be coloured by something now; empty where they can."""
        shown = self.layer_map
        if by == "class":
            return ""
        if shown is None or self.samples is None:
            return "The map is not there yet."
        if by.startswith(COLUMN):
            name = by.removeprefix(COLUMN)
            there = name in self.samples.columns
            return "" if there else f"These samples have no column {name}."
        if by == "overlap" and (self.linked is None or self.linked.overlap is None):
            return "Show a second map beside this one first (View ▸ Second map)."
        if by == "trust" and shown.trustworthiness is None:
            return "This map was not judged: how far its neighbours can be trusted is not known."
        if by == "z" and shown.z is None:
            return "This map is flat. Map settings can make one with three dimensions."
        if by == "distance" and shown.reduced is None:
            return "The activations of this map are not there yet. Suggest neighbours to get them."
        if by == "distance" and self.selection.anchor is None:
            return "Click a point on the map first: it becomes the anchor."
        return ""

    @property
    def colored_by(self) -> ColorBy:
        """What the colours tell: what was asked for, or the class where that cannot be."""
        return "class" if self.cannot_color(self.color_by) else self.color_by

    def cannot_size(self, by: ColorBy) -> str:
        """Why the size of points cannot tell something now; empty where it can."""
        if by == "class" or (
            by.startswith(COLUMN)
            and self.samples is not None
            and by.removeprefix(COLUMN) in self.samples.columns
            and self.samples.columns[by.removeprefix(COLUMN)].names
        ):
            return "Sizes are for numbers, not for categories."
        return self.cannot_color(by)

    @property
    def sized_by(self) -> ColorBy | None:
        """What the sizes tell: what was asked for, or nothing where that cannot be."""
        by = self.size_by
        return None if by is None or self.cannot_size(by) else by

    def on_this_map(self, record: TrajectoryRecord) -> bool:
        """Whether a trajectory's coordinates belong to the map on screen."""
        return (
            self.layer_map is not None
            and record.job.model == self.layer_map.model
            and record.job.layers == self.layer_map.layers
            and record.job.source == self.source
        )

    def on_map(self) -> tuple[list[TrajectoryRecord], TrajectoryRecord | None]:
        """The visible trajectories that belong on the map on screen, and the unmasked run that the
        shown one is compared with."""
        records = [r for r in self.trajectories if r.visible and self.on_this_map(r)]
        unmasked = self.baseline() if self.comparing else None
        if unmasked is not None and not self.on_this_map(unmasked):
            unmasked = None
        return records, unmasked

    def class_of(self, number: int) -> str:
        """``"3 three"``, or the words for the uniform and the zero label."""
        if self.unconditional:
            return ""
        if number == -1:
            return "uniform label"
        if number == -2:
            return "zero label"
        name = dict(self.class_names()).get(number, str(number))
        return f"{number} {name}" if name != str(number) else name

    @property
    def unconditional(self) -> bool:
        """Whether the loaded model knows no classes."""
        return self.loaded is not None and self.loaded.num_classes == 0

    def class_names(self) -> tuple[tuple[int, str], ...]:
        """(number, name) of every class of the model, else of those among the samples."""
        if self.loaded is not None and self.loaded.class_names:
            return self.loaded.class_names
        classes = self.samples.classes() if self.samples is not None else []
        return tuple((number, name) for number, name, _ in classes if number >= 0)

    def with_selection(self, selection: Selection) -> State:
        """With another selection; what was suggested by another map is not near here."""
        by = (selection.suggested_by, selection.suggested_with)
        if selection.suggested and by != self.map_key():
            selection = replace(selection, suggested=(), suggested_by=(), suggested_with=None)
        return replace(self, selection=selection)

    def with_job(self, running: RunningJob) -> State:
        """With a job added, or replaced where it is known."""
        known = [r if r.job.job_id != running.job.job_id else running for r in self.jobs]
        if running not in known:
            known.append(running)
        return replace(self, jobs=tuple(known))

    def without_job(self, job_id: int) -> State:
        """With a job gone."""
        return replace(self, jobs=tuple(r for r in self.jobs if r.job.job_id != job_id))

    def run(self, key: int) -> TrajectoryRecord | None:
        """A trajectory or an unmasked run."""
        return next((r for r in (*self.trajectories, *self.unmasked) if r.key == key), None)

    def with_trajectory(self, record: TrajectoryRecord) -> State:
        """With a trajectory, or an unmasked run, replaced by its newer form."""

        def renewed(records: tuple[TrajectoryRecord, ...]) -> tuple[TrajectoryRecord, ...]:
            return tuple(record if r.key == record.key else r for r in records)

        if any(r.key == record.key for r in self.unmasked):
            return replace(self, unmasked=renewed(self.unmasked))
        return replace(self, trajectories=renewed(self.trajectories))

    def with_notice(
        self, text: str, *, error: bool = False, details: str = "", offer: Offer | None = None
    ) -> State:
        """With a sentence to show."""
        number = self.notice.number + 1 if self.notice else 1
        level: Literal["info", "error"] = "error" if error else "info"
        return replace(self, notice=Notice(text, level, details, number, offer))
