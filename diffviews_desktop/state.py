"""Everything that the window shows, as one frozen value. Changes return a new one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from diffviews_desktop.samples import SampleTable
from diffviews_desktop.worker.jobs import (
    ClassChoice,
    Generate,
    GenerateSettings,
    Job,
    LayerMap,
    ModelLoaded,
    ModelSummary,
    Source,
    TrajectoryStep,
)

MAX_NEIGHBORS = 20
"""How many neighbours feed a mask at most."""

EngineStatus = Literal["starting", "ready", "working", "stopped"]
PanelClass = ClassChoice | Literal["anchor"]
Offer = Literal["convert"]
"""What a notice can offer to do."""


@dataclass(frozen=True)
class Selection:
    """What is picked on the map: one anchor and its neighbours.

    Attributes:
        anchor: a sample, or None.
        manual: samples added by hand, in that order.
        suggested: samples suggested as nearest, with their distances, nearest first.
        suggested_by: the layers on whose map they were suggested.
    """

    anchor: int | None = None
    manual: tuple[int, ...] = ()
    suggested: tuple[tuple[int, float], ...] = ()
    suggested_by: tuple[str, ...] = ()

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
class RunningJob:
    """A job that was submitted and has not ended.

    ``fraction`` is None while it waits in the queue or cannot tell; ``since`` is when it left the
    queue (monotonic seconds), or None.
    """

    job: Job
    title: str
    stage: str = "waiting"
    fraction: float | None = None
    since: float | None = None


@dataclass(frozen=True, eq=False)
class TrajectoryRecord:
    """A run, growing while it is computed."""

    job: Generate
    name: str
    steps: tuple[TrajectoryStep, ...] = ()
    seed: int | None = None
    class_label: int | None = None
    done: bool = False
    visible: bool = True

    @property
    def key(self) -> int:
        """The id of its job, by which it is known."""
        return self.job.job_id


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
    """The window's whole state."""

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
    model_problem: str | None = None
    selection: Selection = field(default_factory=Selection)
    highlighted_class: int | None = None
    settings: GenerateSettings = field(default_factory=GenerateSettings)
    class_choice: PanelClass = "anchor"
    suggest_count: int = 5
    suggest_on_map: bool = False
    trajectories: tuple[TrajectoryRecord, ...] = ()
    shown: int | None = None
    step: int = 0
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

    def on_this_map(self, record: TrajectoryRecord) -> bool:
        """Whether a trajectory's coordinates belong to the map on screen."""
        return (
            self.layer_map is not None
            and record.job.model == self.layer_map.model
            and record.job.layers == self.layer_map.layers
            and record.job.source == self.source
        )

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
        """With another selection; what was suggested on another layer's map is not near here."""
        layers = self.layer_map.layers if self.layer_map is not None else ()
        if selection.suggested and selection.suggested_by != layers:
            selection = replace(selection, suggested=(), suggested_by=())
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

    def with_trajectory(self, record: TrajectoryRecord) -> State:
        """With a trajectory replaced by its newer form."""
        records = tuple(record if r.key == record.key else r for r in self.trajectories)
        return replace(self, trajectories=records)

    def with_notice(
        self, text: str, *, error: bool = False, details: str = "", offer: Offer | None = None
    ) -> State:
        """With a sentence to show."""
        number = self.notice.number + 1 if self.notice else 1
        level: Literal["info", "error"] = "error" if error else "info"
        return replace(self, notice=Notice(text, level, details, number, offer))
