"""Everything that the window shows, as one frozen value in parts. Changes return a new one."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from diffviews_desktop.engine.jobs.drawing import FilePlaced
from diffviews_desktop.state.downloads import Downloads
from diffviews_desktop.state.find import Find
from diffviews_desktop.state.groups import Groups
from diffviews_desktop.state.history import History
from diffviews_desktop.state.jobs import Jobs
from diffviews_desktop.state.kept import Kept
from diffviews_desktop.state.opened import Opened
from diffviews_desktop.state.picks import Picks, Selection
from diffviews_desktop.state.runs import Run, Runs
from diffviews_desktop.state.view import View
from diffviews_desktop.text.translation import tr
from diffviews_desktop.values.conditions import Condition
from diffviews_desktop.values.preferences import Preferences
from diffviews_desktop.values.quantities import ColorBy, Scene, quantity
from diffviews_desktop.values.told import like_samples

EngineStatus = Literal["starting", "ready", "working", "stopped"]
Offer = Literal["convert", "load", "open", "import", "reload", "report"]
"""What a notice can offer to do."""
MOST_SAID = 3
"""Sentences of a notice; the others can be copied."""
MOST_NOTICES = 100
"""How many notices are kept."""


@dataclass(frozen=True)
class EngineState:
    """What the engine does, and how many bytes it held after its last job."""

    status: EngineStatus = "starting"
    memory: int | None = None


@dataclass(frozen=True)
class Notice:
    """What is said to the user.

    Attributes:
        text: a sentence, or a few.
        level: what it is.
        details: what can be copied; a notice with details stays until it is closed.
        number: makes each unique.
        offer: names what a button beside it would do.
        about: the folder and the model that it is about, if it is what opening them has found.
        when: it was said, in seconds since 1970.
        over: whether what it said holds no longer: it is listed, and shown no more.
    """

    text: str
    level: Literal["info", "error"] = "info"
    details: str = ""
    number: int = 0
    offer: Offer | None = None
    about: tuple[Path, str] | None = None
    when: float = 0.0
    over: bool = False


@dataclass(frozen=True, eq=False)
class State:
    """The window's whole state; its methods are what several parts give together.

    ``notice`` is what was said last, and ``notices`` all that was said, the newest last; ``tour``
    is the card of the tour that is shown, 0 for the greeting, None while there is none.
    """

    opened: Opened = field(default_factory=Opened)
    view: View = field(default_factory=View)
    groups: Groups = field(default_factory=Groups)
    find: Find = field(default_factory=Find)
    picks: Picks = field(default_factory=Picks)
    runs: Runs = field(default_factory=Runs)
    jobs: Jobs = field(default_factory=Jobs)
    downloads: Downloads = field(default_factory=Downloads)
    engine: EngineState = field(default_factory=EngineState)
    preferences: Preferences = field(default_factory=Preferences)
    kept: Kept = field(default_factory=Kept)
    notice: Notice | None = None
    notices: tuple[Notice, ...] = ()
    history: History = field(default_factory=History)
    tour: int | None = None

    # ---- quantities -----------------------------------------------------------------------------

    @property
    def scene(self) -> Scene:
        """What quantities are computed from."""
        opened = self.opened
        anchor = self.picks.selection.anchor
        clusters = self.groups.clusters_of(opened.model, opened.spec)
        sets = self.groups.sets_of(opened.model)
        return Scene(opened.samples, opened.layer_map, opened.linked, anchor, clusters, sets)

    def cannot_color(self, by: ColorBy) -> str:
        """Why points cannot be coloured by a quantity now; empty where they can."""
        return "" if by == "class" else quantity(by).why_not(self.scene)

    @property
    def colored_by(self) -> ColorBy:
        """What the colours tell: what was asked for, or the class where that cannot be."""
        by = self.view.color_by
        return "class" if self.cannot_color(by) else by

    def cannot_size(self, by: ColorBy) -> str:
        """Why the size of points cannot tell a quantity now; empty where it can."""
        if quantity(by).is_category(self.scene):
            return tr("Sizes are for numbers, not for categories.")
        return self.cannot_color(by)

    @property
    def sized_by(self) -> ColorBy | None:
        """What the sizes tell: what was asked for, or nothing where that cannot be."""
        by = self.view.size_by
        return None if by is None or self.cannot_size(by) else by

    # ---- runs -----------------------------------------------------------------------------------

    @property
    def condition(self) -> Condition:
        """What the next run is told: what the user chose, else what the samples of the map were
        told, so that the run can be compared with them."""
        choice = self.runs.condition
        return like_samples(self.opened.map_told) if choice is None else choice

    def on_this_map(self, run: Run) -> bool:
        """Whether a run's coordinates belong to the map on screen."""
        return run.job.folder == self.opened.folder and run.job.spec == self.opened.spec

    def on_map(self) -> tuple[list[Run], Run | None]:
        """The visible runs that belong on the map on screen, and the run without a mask that the
        shown one is compared with."""
        runs = [run for run in self.runs.all if run.visible and self.on_this_map(run)]
        unmasked = self.runs.baseline() if self.runs.comparing else None
        if unmasked is not None and not self.on_this_map(unmasked):
            unmasked = None
        return runs, unmasked

    def placed_on_map(self) -> tuple[FilePlaced, ...]:
        """The pictures of files that were placed on the map on screen."""
        opened = self.opened
        return tuple(
            one
            for one in self.picks.placed
            if (one.job.folder, one.job.spec) == (opened.folder, opened.spec)
        )

    # ---- changes --------------------------------------------------------------------------------

    def with_selection(self, selection: Selection) -> State:
        """With another selection."""
        return replace(self, picks=replace(self.picks, selection=selection))

    def with_notice(
        self, text: str, *, error: bool = False, details: str = "", offer: Offer | None = None
    ) -> State:
        """With a sentence to show."""
        number = self.notice.number + 1 if self.notice else 1
        level: Literal["info", "error"] = "error" if error else "info"
        notice = Notice(text, level, details, number, offer, when=time.time())
        return replace(self, notice=notice, notices=(*self.notices, notice)[-MOST_NOTICES:])

    def with_error_over(self) -> State:
        """With the last notice no longer shown, if it is an error: what failed has worked now."""
        if self.notice is None or self.notice.level != "error":
            return self
        notice = replace(self.notice, over=True)
        return replace(self, notice=notice, notices=(*self.notices[:-1], notice))

    def with_notice_about(
        self, about: tuple[Path, str], sentences: Iterable[str], offer: Offer | None = None
    ) -> State:
        """With what importing a folder, opening it and loading its model say, one after the other;
        none of it replaces what was said just before. Without a sentence nothing changes."""
        about, last = (about[0].absolute(), about[1]), self.notice
        old = last.details.split("\n") if last is not None and last.about == about else []
        whole = (text if text.endswith(".") else f"{text}." for text in sentences)
        every = list(dict.fromkeys((*old, *whole)))
        if every == old:
            return self
        more = (
            tr(" ({number} more)", number=len(every) - MOST_SAID) if len(every) > MOST_SAID else ""
        )
        new = self.with_notice(
            " ".join(every[:MOST_SAID]) + more, details="\n".join(every), offer=offer
        )
        assert new.notice is not None
        notice = replace(new.notice, about=about)
        others = self.notices[:-1] if old else self.notices  # the fuller one takes its place
        return replace(new, notice=notice, notices=(*others, notice)[-MOST_NOTICES:])
