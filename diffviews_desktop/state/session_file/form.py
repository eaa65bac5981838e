"""How JSON has a session: read with types, written as values that JSON knows."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from diffviews_desktop.engine.jobs.drawing import Generate
from diffviews_desktop.state.picks import Within
from diffviews_desktop.state.view import NamedView, View
from diffviews_desktop.values.arrangement import Arrangement
from diffviews_desktop.values.conditions import Condition
from diffviews_desktop.values.folders import FolderRef
from diffviews_desktop.values.interventions import PICKED, Intervention
from diffviews_desktop.values.maps import MapSpec
from diffviews_desktop.values.sample_sets import SET_COLORS
from diffviews_desktop.values.sampling import SamplingSettings
from diffviews_desktop.values.typicality import Typicality

if TYPE_CHECKING:
    from pydantic import TypeAdapter

VERSION: Literal[2] = 2
"""Of what is written. Whoever changes the meaning or the name of a field raises it, and adds to
`migrations.MIGRATIONS`; a new field with a default needs neither."""
FINITE = {"allow_inf_nan": False, "extra": "ignore"}
ANY_NUMBER = {"ser_json_inf_nan": "constants", "extra": "ignore"}
MOST_NUMBER = 1_000_000_000
"""By which a run or a named selection is known: Qt's signals carry no more than twice as much."""


def are_numbers(numbers: Sequence[int]) -> bool:
    """Whether runs or named selections can have these numbers."""
    valid = all(1 <= number <= MOST_NUMBER for number in numbers)
    return valid and len(set(numbers)) == len(numbers)


def last_number(number: int, numbers: Sequence[int]) -> int:
    """The number that was given last, by what a session says and by those that it has."""
    return max((number if number <= MOST_NUMBER else 0, *numbers, 0))


@dataclass(frozen=True)
class PicksForm:
    """What was picked: ids and rows of the anchor, of neighbours by hand, of suggested ones."""

    ids: tuple[str, ...] = ()
    anchor: int | None = None
    manual: tuple[int, ...] = ()
    suggested: tuple[tuple[int, float], ...] = ()
    suggested_by: MapSpec | None = None
    in_layer: bool = False
    suggest_count: int = 5
    suggest_on_map: bool = False
    suggest_within: Within = field(default_factory=Within)


@dataclass(frozen=True)
class RunsForm:
    """Which runs there are, and how the next one is to be drawn."""

    settings: SamplingSettings = field(default_factory=SamplingSettings)
    interventions: tuple[Intervention, ...] = (PICKED,)
    set_a: tuple[int, ...] = ()
    set_b: tuple[int, ...] = ()
    set_ids: tuple[str, ...] = ()
    condition: Condition | None = None
    all: tuple[int, ...] = ()
    unmasked: tuple[int, ...] = ()
    shown: int | None = None
    step: int = 0
    comparing: bool = False
    beside: tuple[int, ...] = ()
    begun: int = 0


@dataclass(frozen=True)
class SetForm:
    """A named selection; which samples are in it is in ``set-<number>.npy``."""

    number: int
    name: str
    model: str
    color: str = SET_COLORS[0]
    fingerprint: str = ""


@dataclass(frozen=True)
class ClustersForm:
    """Clusters of a map; their samples are in ``clusters-<number>.npy``."""

    number: int
    spec: MapSpec
    names: tuple[str, ...]
    smallest: int
    fingerprint: str = ""


@dataclass(frozen=True)
class SessionForm:
    """``session.json``; `places` and `second_places` are the checksums of what lies beside it."""

    __pydantic_config__: ClassVar[Any] = FINITE

    version: Literal[2]
    folder: FolderRef
    program: str = ""
    saved: str = ""
    beside: str = ""
    fingerprint: str = ""
    model: str | None = None
    spec: MapSpec | None = None
    second: MapSpec | None = None
    places: int | None = None
    second_places: int | None = None
    view: View = field(default_factory=View)
    picks: PicksForm = field(default_factory=PicksForm)
    runs: RunsForm = field(default_factory=RunsForm)
    sets: tuple[SetForm, ...] = ()
    clusters: tuple[ClustersForm, ...] = ()
    views: tuple[NamedView, ...] = ()
    numbered: int = 0
    arrangement: Arrangement | None = None
    file: str = ""
    held: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class LandedForm:
    """Where a run's picture landed: `PicturePlaced`, without the picture."""

    spec: MapSpec
    condition: Condition
    sigma: float
    seed: int
    count: int
    xy: tuple[float, float]
    distance: float
    neighbors: tuple[tuple[int, float], ...] = ()
    told: Condition | None = None
    apart: str = ""
    typicality: Typicality | None = None


@dataclass(frozen=True)
class RunForm:
    """``run-<id>.json``; what numbers and pictures of its steps say is in arrays."""

    __pydantic_config__: ClassVar[Any] = ANY_NUMBER

    id: int
    name: str
    job: Generate
    seed: int | None = None
    condition: Condition | None = None
    evaluations: int | None = None
    visible: bool = True
    record: dict[str, Any] | None = None
    landed: LandedForm | None = None
    apart: str = ""
    sample_ids: tuple[str, ...] = ()
    typicality: tuple[tuple[Typicality | None, Typicality | None], ...] = ()
    pinned: bool = False
    tags: tuple[str, ...] = ()
    when: float = 0.0


@functools.cache
def session_adapter() -> TypeAdapter[SessionForm]:
    """Reads and writes ``session.json``; importing what does so takes a moment."""
    from pydantic import TypeAdapter

    return TypeAdapter(SessionForm)


@functools.cache
def run_adapter() -> TypeAdapter[RunForm]:
    """Reads and writes ``run-<id>.json``."""
    from pydantic import TypeAdapter

    return TypeAdapter(RunForm)
