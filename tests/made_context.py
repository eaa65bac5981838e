"""What actions work with, without a window and without an engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.actions.context import (
    Answer,
    Contents,
    Context,
    ExportKind,
    Move,
    NameAnswer,
    Page,
    SessionLike,
    WorkerLike,
)
from diffviews_desktop.engine.jobs.exporting import ContentPreview
from diffviews_desktop.engine.protocol import Job
from diffviews_desktop.state.session_file.saved import SavedSession
from diffviews_desktop.values.arrangement import Arrangement


@dataclass
class NoWorker:
    """An engine that is asked for nothing, or does nothing."""

    last_id: int = 0

    def next_id(self) -> int:
        self.last_id += 1
        return self.last_id

    def submit(self, job: Job) -> None: ...
    def cancel(self, job_id: int) -> None: ...
    def reorder(self, job_ids: Sequence[int]) -> None: ...


@dataclass
class NoSessions:
    """Sessions in files that are noted, and neither written nor read.

    Attributes:
        asked: names of what was asked, with what it was asked with.
        file: which the user chooses; None for none.
        answer: what is to become of runs that no session holds.
        found: the session that is read.
        fails: whether nothing can be written.
    """

    asked: list[tuple[object, ...]] = field(default_factory=list)
    file: Path | None = None
    answer: Answer = "stay"
    found: SavedSession | None = None
    fails: bool = False

    def ask_open(self) -> Path | None:
        self.asked.append(("open",))
        return self.file

    def ask_save(self, name: str) -> Path | None:
        self.asked.append(("save", name))
        return self.file

    def ask_keep(self, text: str, callback: Callable[[Answer], None]) -> None:
        self.asked.append(("keep", text))
        callback(self.answer)

    def recent(self) -> Sequence[Path]:
        return []

    def write(self, file: Path, callback: Callable[[], None]) -> None:
        self.asked.append(("write", file))
        if not self.fails:
            callback()

    def read(self, file: Path, callback: Callable[[SavedSession], None]) -> None:
        self.asked.append(("read", file))
        if self.found is not None:
            callback(self.found)

    def arrange(self, arrangement: Arrangement) -> None:
        self.asked.append(("arrange", arrangement))


@dataclass
class NoWindow:
    """A window that notes what it is asked, and answers as it was told to.

    Attributes:
        asked: names of what was asked, with what it was asked with.
        folder: which the user chooses; None for none.
        file: likewise.
        row: the sample under the mouse.
        text: which the user types.
        sessions: those that are not written.
    """

    asked: list[tuple[object, ...]] = field(default_factory=list)
    folder: Path | None = None
    file: Path | None = None
    row: int | None = None
    text: str | None = None
    name_answers: list[NameAnswer] = field(default_factory=list)
    sessions: NoSessions = field(default_factory=NoSessions)

    def recent_folders(self) -> Sequence[Path]:
        return []

    def ask_picture(self, title: str) -> Path | None:
        self.asked.append(("picture", title))
        return self.file

    def ask_folder(self, title: str) -> Path | None:
        self.asked.append(("folder", title))
        return self.folder

    def ask_file(self, title: str, name: str, contents: Contents, place: str) -> Path | None:
        self.asked.append(("file", title, name, contents(), place))
        return self.file

    def ask_direction(self, title: str) -> Path | None:
        self.asked.append(("direction", title))
        return self.file

    def ask_direction_file(self, title: str, name: str) -> Path | None:
        self.asked.append(("direction file", title, name))
        return self.file

    def ask_taken(self, name: str, callback: Callable[[NameAnswer], None]) -> None:
        self.asked.append(("taken", name))
        callback(self.name_answers.pop(0))

    def ask_text(self, title: str, question: str, text: str | None = None) -> str | None:
        self.asked.append(("text", title, question))
        return self.text

    def show_page(self, page: Page) -> None:
        self.asked.append(("page", page))

    def import_checkpoint(self, file: Path) -> None:
        self.asked.append(("import", file))

    def go(self, move: Move) -> None:
        self.asked.append(("go", move))

    def hovered_row(self) -> int | None:
        return self.row

    def show_sample(self, row: int) -> None:
        self.asked.append(("sample", row))

    def press_generate(self) -> None:
        self.asked.append(("generate",))

    def toggle_play(self) -> None:
        self.asked.append(("play",))

    def show_export(self, kind: ExportKind | None) -> None:
        self.asked.append(("export", kind))

    def show_preview(self, preview: ContentPreview | str) -> None:
        self.asked.append(
            ("preview", preview if isinstance(preview, str) else preview.pixels.shape)
        )

    def save(self, content: object, file: Path) -> None:
        self.asked.append(("save", type(content).__name__, file))

    def save_map(self, file: Path) -> None:
        self.asked.append(("save map", file))

    def copy_text(self, text: str) -> None:
        self.asked.append(("copy", text))

    def copy_picture(self, path: Path) -> None:
        self.asked.append(("copy picture", path))

    def copy_pixels(self, pixels: NDArray[np.uint8]) -> None:
        self.asked.append(("copy pixels", pixels))

    def show_text(self, title: str, text: str) -> None:
        self.asked.append(("show text", title, text))

    def show_in_folder(self, path: Path) -> None:
        self.asked.append(("folder of", path))

    def reset_layout(self) -> None:
        self.asked.append(("reset layout",))

    def close(self) -> bool:
        self.asked.append(("close",))
        return True


def context_of(
    session: SessionLike, worker: WorkerLike | None = None, window: NoWindow | None = None
) -> Context:
    """A context with a session."""
    return Context(session, worker or NoWorker(), window or NoWindow())
