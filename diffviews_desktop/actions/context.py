"""What an action works with: the session, the engine, and the window that it was called from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.engine.jobs.exporting import ContentPreview
from diffviews_desktop.engine.protocol import Job
from diffviews_desktop.exports.contents import Picture, Sheet
from diffviews_desktop.state.picks import Selection
from diffviews_desktop.state.places import Place
from diffviews_desktop.state.session_file.saved import SavedSession
from diffviews_desktop.state.state import Offer, State
from diffviews_desktop.values.arrangement import Arrangement

Value = TypeVar("Value")
Change = Callable[[State], State]
Page = Literal[
    "about",
    "crash reports",
    "experiment",
    "explained",
    "filters",
    "find",
    "grid",
    "history",
    "import",
    "jobs",
    "keys",
    "log",
    "map settings",
    "mean",
    "model",
    "models",
    "notices",
    "palette",
    "preferences",
]
"""A window, or a part of one, that an action can bring up."""
Contents = Callable[[], tuple[type, ...]]
"""The classes of `exports.contents` that can be written; asked before and after a dialog, as they
may change meanwhile."""
Move = Literal["fit", "fit selection", "back", "forward", "centre on the anchor"]
"""A way to move over the map."""
Answer = Literal["save", "discard", "stay"]
"""What is to become of runs that no session holds."""
NameAnswer = Literal["other", "replace", "cancel"]
"""What is to become of a saved direction whose name is wanted for another."""
ExportKind = Literal["figure", "screen", "film", "strip", "runs", "selection", "neighbors", "grid"]
"""Something that can be exported."""


class SessionLike(Protocol):
    """What actions need of the session."""

    @property
    def state(self) -> State: ...
    def update(self, state: State) -> None: ...
    def compute(
        self, count: int, work: Callable[[], Value], callback: Callable[[Value], None]
    ) -> None: ...
    def select(self, selection: Selection, text: str) -> None: ...
    def undo(self) -> None: ...
    def redo(self) -> None: ...
    def step(self, redo: Change, undo: Change, text: str) -> None: ...
    def note_move(self, old: Place, new: Place, text: str) -> None: ...
    def forget_steps(self) -> None: ...


class WorkerLike(Protocol):
    """What actions need of the engine."""

    def next_id(self) -> int: ...
    def submit(self, job: Job[object]) -> None: ...
    def cancel(self, job_id: int) -> None: ...
    def reorder(self, job_ids: Sequence[int]) -> None: ...


class SessionsLike(Protocol):
    """What actions ask of the window about sessions in files."""

    def ask_open(self) -> Path | None:
        """A session's file that the user chooses; None where they choose none."""

    def ask_save(self, name: str) -> Path | None:
        """A file to write a session into; ``name`` is offered, or where it is empty that of the
        session's file."""

    def ask_keep(self, text: str, callback: Callable[[Answer], None]) -> None:
        """Ask what is to become of runs that no session holds, and go on with the answer."""

    def recent(self) -> Sequence[Path]:
        """The files of the sessions that were saved or opened last, the newest first."""

    def write(self, file: Path, callback: Callable[[], None]) -> None:
        """Write what the window shows now; what follows is done once it is on the disk. Where it
        cannot be written, the user is told."""

    def read(self, file: Path, callback: Callable[[SavedSession], None]) -> None:
        """Read a session, and go on with it; where it cannot be read, the user is told."""

    def arrange(self, arrangement: Arrangement) -> None:
        """Put window and docks where they were."""


class WindowLike(Protocol):
    """What actions ask of the window."""

    @property
    def sessions(self) -> SessionsLike: ...

    def recent_folders(self) -> Sequence[Path]: ...
    def ask_picture(self, title: str) -> Path | None:
        """A picture's file that the user chooses; None where they choose none."""

    def ask_folder(self, title: str) -> Path | None:
        """A folder that the user chooses; None where they choose none."""

    def ask_file(self, title: str, name: str, contents: Contents, place: str) -> Path | None:
        """A file to write, of a kind that the contents can be written as. ``place`` names what is
        written: the folder that was last chosen for it is offered first."""

    def ask_direction(self, title: str) -> Path | None:
        """The file of a saved direction that the user chooses; None where they choose none."""

    def ask_direction_file(self, title: str, name: str) -> Path | None:
        """A file to write a saved direction into; ``name`` is offered."""

    def ask_taken(self, name: str, callback: Callable[[NameAnswer], None]) -> None:
        """Ask what is to become of the saved direction that has a name already, and go on with the
        answer."""

    def ask_text(self, title: str, question: str, text: str | None = None) -> str | None:
        """A short text that the user types; None where they type none. Where there is a text
        already, it is offered, and may be emptied."""

    def show_page(self, page: Page) -> None:
        """Bring up a window."""

    def import_checkpoint(self, file: Path) -> None:
        """Bring up the assistant that imports pictures, with a checkpoint filled in."""

    def go(self, move: Move) -> None:
        """Move over the map that is shown."""

    def hovered_row(self) -> int | None:
        """The sample under the mouse, or where the arrow keys went."""

    def show_sample(self, row: int) -> None:
        """Bring a sample to the middle of the map, and say what is known of it."""

    def press_generate(self) -> None:
        """Generate with what the panel says."""

    def toggle_play(self) -> None:
        """Play the steps of the shown run, or pause."""

    def show_export(self, kind: ExportKind | None) -> None:
        """Bring up the window that exports; None keeps what was chosen there."""

    def show_preview(self, preview: ContentPreview | str) -> None:
        """Show how an export will look."""

    def save(self, content: Picture | Sheet, file: Path) -> None:
        """Write a picture or a contact sheet, with its record beside it."""

    def save_map(self, file: Path) -> None:
        """Write the map as it is seen."""

    def copy_text(self, text: str) -> None: ...
    def copy_picture(self, path: Path) -> None: ...
    def copy_pixels(self, pixels: NDArray[np.uint8]) -> None:
        """Put a picture ``(H, W, 1 or 3)`` into the clipboard."""

    def show_text(self, title: str, text: str) -> None:
        """Bring up a window with a text to read and to copy."""

    def show_in_folder(self, path: Path) -> None: ...
    def reset_layout(self) -> None: ...
    def close(self) -> bool: ...


@dataclass
class Acting:
    """Who acts now.

    Attributes:
        line: the number of the line of the history that the user's verb has; None while none is
            being done.
        by_itself: whether the program goes on by itself.
    """

    line: int | None = None
    by_itself: bool = False


@dataclass(frozen=True)
class Context:
    """What an action works with."""

    session: SessionLike
    worker: WorkerLike
    window: WindowLike
    acting: Acting = field(default_factory=Acting, compare=False)

    @contextmanager
    def by_itself(self) -> Iterator[None]:
        """What is done meanwhile the program does, not the user."""
        old = self.acting.by_itself
        self.acting.by_itself = True
        try:
            yield
        finally:
            self.acting.by_itself = old

    @property
    def state(self) -> State:
        """The state now."""
        return self.session.state

    def update(self, state: State) -> None:
        """Replace the state."""
        self.session.update(state)

    def say(
        self, text: str, *, error: bool = False, details: str = "", offer: Offer | None = None
    ) -> None:
        """Show a sentence above the map."""
        self.update(self.state.with_notice(text, error=error, details=details, offer=offer))
