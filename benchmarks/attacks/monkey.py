"""A monkey at the window: random actions out of the registry, while things break around it.

    packaging/with-display python benchmarks/attacks/monkey.py [--actions N] [--seed N]

A real window with a real engine on a small data folder. Every action, choice and thing to do with a
sample is taken at random, possible or not, with the verbs that panels and the map call in between.
Meanwhile the engine is killed, the disk is full for a while (no file may grow), the data folder is
away for a while, and pictures are spoilt. Then everything is mended. What counts as lost:

- an exception outside the error path, a message of Qt's that is a warning or worse, or a notice
  that something unexpected happened;
- a window that, afterwards, does not open the folder, pick and draw;
- a session that, saved and opened in another window, is not the same.
"""

from __future__ import annotations

import faulthandler
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from common import isolate
from faults import Faults, Surprises
from trials import Trial, parser, report

SECONDS = 240
"""After which what does not happen is taken never to happen."""
STEPS = 3
SAMPLES = 60
FAULT_EVERY = 15
"""Actions from one fault to the next."""
NEVER = ("window.quit",)
"""Actions that end the window."""


class Monkey:
    """Does one random thing after the other.

    Args:
        app: the program, an `App`.
        dice: decides.
    """

    def __init__(self, app: Any, dice: random.Random) -> None:
        from diffviews_desktop.actions.registry import ACTIONS, CHOICES, SAMPLE_ACTIONS

        self._app, self._dice = app, dice
        self._context = app.context
        self._actions = [one for name, one in ACTIONS.items() if name not in NEVER]
        self._choices = list(CHOICES.values())
        self._of_sample = SAMPLE_ACTIONS
        self.count: Counter[str] = Counter()

    def act(self) -> None:
        """One thing, whatever it is."""
        action = self._dice.choices(
            [self.action, self.choose, self.of_sample, self.verb, self.hover, self.close_windows],
            weights=[40, 6, 10, 34, 5, 3],
        )[0]  # fmt: skip
        self.count[action.__name__] += 1
        action()

    def action(self) -> None:
        from diffviews_desktop.actions.action import perform

        perform(self._context, self._dice.choice(self._actions))

    def choose(self) -> None:
        choice = self._dice.choice(self._choices)
        options = [one for one in choice.options(self._context) if not one.why_not]
        if options:
            choice.choose(self._context, self._dice.choice(options).value)

    def of_sample(self) -> None:
        row = self._row()
        if row is None:
            return
        actions = [one for one in self._of_sample if one.offered(self._context.state, row)]
        self._dice.choice(actions).run(self._context, row)

    def verb(self) -> None:
        """What panels and the map call, with arguments."""
        from diffviews_desktop.actions import maps, picks, runs, selection, showing
        from diffviews_desktop.values.row_set import RowSet

        context, dice, state = self._context, self._dice, self._context.state
        row, all_runs = self._row(), state.runs.all
        if row is None:
            return
        run = dice.choice(all_runs).id if all_runs else 0
        rows = sorted(dice.sample(range(len(state.opened.samples)), 5))
        layers = [info.name for info in state.opened.loaded.layers] if state.opened.loaded else []
        models = [model.name for model in state.opened.models]
        steps = replace(state.runs.settings, num_steps=STEPS)
        dice.choice(
            [
                lambda: picks.click_point(context, row),
                lambda: picks.new_anchor(context, row),
                lambda: picks.suggest_neighbors(context, dice.randint(1, 20), dice.random() < 0.5),
                lambda: selection.choose_rows(context, RowSet(rows), "add"),
                lambda: showing.filter_values(context, "sigma", 0.3, 1.5),
                lambda: showing.toggle_category(context, "class", dice.randrange(5)),
                lambda: showing.highlight_class(context, dice.choice([None, 0, 3])),
                lambda: showing.change_color(context, dice.choice(["class", "sigma", "trust"])),
                lambda: runs.change_settings(context, steps, None),
                lambda: runs.show_run(context, run),
                lambda: runs.scrub_to(context, dice.randrange(-1, 9)),
                lambda: runs.set_run_visible(context, run, dice.random() < 0.5),
                lambda: runs.delete_run(context, run),
                lambda: maps.change_layer(context, dice.sample(layers, 1) if layers else []),
                lambda: maps.link_map(context, dice.choice(models), layers[:1]),
                lambda: self._switch(dice.choice(models)),
            ]
        )()

    def _switch(self, model: str) -> None:
        from diffviews_desktop.actions import folders

        if self._dice.random() < 0.2:
            folders.switch_model(self._context, model)

    def hover(self) -> None:
        from PySide6.QtCore import QPoint
        from PySide6.QtTest import QTest

        view = self._app.window.map
        if view is not None and view.isVisible():
            size = view.viewport.size()
            place = QPoint(*(self._dice.randrange(max(1, n)) for n in size.toTuple()))
            QTest.mouseMove(view.viewport, place)

    def close_windows(self) -> None:
        """Close what lies over the window: dialogs, questions, menus."""
        from PySide6.QtWidgets import QApplication, QDialog, QMenu

        for one in QApplication.topLevelWidgets():
            if isinstance(one, QDialog | QMenu) and one.isVisible():
                one.close()

    def _row(self) -> int | None:
        samples = self._context.state.opened.samples
        return None if samples is None else self._dice.randrange(len(samples))


def answer_dialogs(app: Any, folder: Path, dice: random.Random) -> None:
    """Nothing waits for an answer: what the window asks for is chosen at random."""
    from PySide6.QtGui import QDesktopServices
    from PySide6.QtWidgets import QFileDialog

    out = folder / "out"
    out.mkdir()
    folders = [None, folder / "data", folder / "data", folder / "nowhere"]
    files = [None, out / "a.diffviews", out / "b.diffviews"]
    window: Any = app.window

    def ask_file(title: str, name: str, *_: object) -> Path | None:
        return dice.choice([None, out / name])

    window.ask_folder = lambda title: dice.choice(folders)
    window.ask_file = ask_file
    window.ask_text = lambda *_: dice.choice([None, "A name", "=1+1 <b>&"])
    window.sessions.ask_open = lambda: dice.choice([*out.glob("*.diffviews")] or [None])
    window.sessions.ask_save = lambda name: dice.choice(files)
    window.sessions.ask_keep = lambda text, callback: callback(
        dice.choice(["save", "discard", "stay"])
    )
    dialogs: Any = QFileDialog
    dialogs.getOpenFileName = dialogs.getSaveFileName = staticmethod(lambda *_: ("", ""))
    dialogs.getExistingDirectory = staticmethod(lambda *_: "")
    services: Any = QDesktopServices
    services.openUrl = staticmethod(lambda url: True)


# ---- the whole of it ----------------------------------------------------------------------------


def pump(application: Any, ready: Callable[[], object]) -> bool:
    """Let the window live until something is so; whether it came to be."""
    end = time.monotonic() + SECONDS
    while not ready():
        if time.monotonic() > end:
            return False
        application.processEvents()
        time.sleep(0.005)
    return True


def go_wild(
    application: Any,
    app: Any,
    monkey: Monkey,
    faults: Faults,
    actions: int,
    surprises: Surprises,
) -> None:
    """All actions, each with what follows from it at once.

    They come as events, like those of the user: Qt deletes later only what an event has it delete.
    """
    from PySide6.QtCore import QTimer

    def heard(old: Any, new: Any) -> None:
        for notice in new.notices[-3:]:
            if notice not in old.notices and "Something unexpected" in notice.text:
                surprises.add(f"{notice.text}\n{notice.details}")

    app.session.changed.connect(heard)
    for number in range(actions):
        if number % FAULT_EVERY == FAULT_EVERY - 1:
            faults.break_something()
        QTimer.singleShot(0, monkey.act)
        application.processEvents()
        if number % 1000 == 999:
            faults.mend()  # what is printed may go to the disk
            print(f"{number + 1} actions, {len(surprises.found)} surprises", flush=True)


def works(application: Any, app: Any, data: Path) -> bool:
    """Whether the window opens the folder, picks and draws."""
    from diffviews_desktop.actions import asking, folders, picks, runs, tour
    from diffviews_desktop.values.folders import FolderRef

    session, context = app.session, app.context

    def is_open() -> bool:
        state = session.state
        return bool(state.opened.loaded and state.opened.layer_map and not state.jobs.running)

    tour.end(context)
    for running in session.state.jobs.running:
        asking.cancel_job(context, running.job.job_id)
    if not pump(application, lambda: not session.state.jobs.running):
        return False
    folders.open_data(context, FolderRef(data))
    if not pump(application, is_open):
        return False
    count = session.state.runs.begun
    picks.new_anchor(context, 7)
    settings = replace(session.state.runs.settings, num_steps=STEPS)
    runs.generate_from_neighbors(context, settings, None)

    def is_drawn() -> bool:
        records = session.state.runs
        return records.begun > count and bool(records.all) and records.all[-1].done

    return pump(application, is_drawn)


def describe(state: Any) -> dict[str, object]:
    """What a session brings back, by what it is."""
    from made_sessions import in_full

    runs = state.runs
    run_facts = [
        (run.id, run.name, run.visible, in_full(run.steps), run.seed, in_full(run.record))
        for run in runs.all
    ]
    return {
        "folder": state.opened.path,
        "map": state.opened.spec,
        "picks": in_full(state.picks.selection),
        "runs": run_facts,
        "settings": (in_full(runs.settings), runs.interventions, runs.condition),
        "shown step": (runs.shown, runs.step),
        "view": (state.view.filters, state.view.color_by, state.view.size_by, state.view.tool),
    }


def reopens_equal(application: Any, app: Any, file: Path) -> bool:
    """Whether the session, saved and opened in another window, is the same; what differs is
    printed."""
    from diffviews_desktop.actions import keeping
    from diffviews_desktop.app import App, Options

    app.window.sessions.ask_save = lambda name: file
    keeping.save_as(app.context)
    if not pump(application, lambda: app.session.state.kept.file == file):
        return False
    old = describe(app.session.state)
    end(application, app)
    second = App(Options(session=file, device="cpu"))
    second.start()

    def is_open() -> bool:
        state = second.session.state
        is_loaded = state.opened.loaded is not None and state.kept.opening is None
        return is_loaded and state.opened.layer_map is not None and not state.jobs.running

    came = pump(application, is_open)
    new = describe(second.session.state)
    different = [name for name, value in old.items() if new[name] != value]
    for name in different:
        print(f"another {name}: {str(old[name])[:600]}\nnow {str(new[name])[:600]}", flush=True)
    end(application, second)
    return came and not different


def end(application: Any, app: Any) -> None:
    """Close a window, whatever it holds."""
    app.window.closing = True
    app.window.close()
    app.crew.stop()
    application.processEvents()


def main() -> int:
    """See the module's text."""
    arguments = parser(__doc__)
    arguments.add_argument("--actions", type=int, default=10_000)
    arguments.add_argument("--seed", type=int, default=1)
    options = arguments.parse_args()
    faulthandler.enable()
    dice, surprises = random.Random(options.seed), Surprises()
    with tempfile.TemporaryDirectory() as name, surprises.caught():
        folder = Path(name)
        isolate(folder / "home")
        trials = attack(folder, options.actions, dice, surprises)
    for text, count in Counter(surprises.found).most_common():
        print(f"{count} times: {text}", file=sys.stderr, flush=True)
    return report(trials, options.json)


def attack(folder: Path, actions: int, dice: random.Random, surprises: Surprises) -> list[Trial]:
    """The monkey in a window of its own, and what it left."""
    from tiny_folder import write_tiny_model

    from diffviews_desktop.app import App, Options, create_application
    from diffviews_desktop.values.folders import FolderRef

    data = folder / "data"
    for number, model in enumerate(("tiny", "other")):
        write_tiny_model(data / model, samples=SAMPLES, seed=number)
    application = create_application(["monkey"])
    app = App(Options(folder=FolderRef(data), device="cpu"))
    answer_dialogs(app, folder, dice)
    app.start()
    pump(application, lambda: app.session.state.opened.loaded)

    def engines() -> list[int]:
        pids = (worker.engine_pid for worker in (app.worker, app.aside))
        return [os.getpid(), *(pid for pid in pids if pid is not None)]

    faults = Faults(data, engines, lambda: app.worker.engine_pid, dice)
    monkey = Monkey(app, dice)
    go_wild(application, app, monkey, faults, actions, surprises)
    faults.mend()
    print(f"{dict(monkey.count)}, {dict(faults.count)}", flush=True)
    monkey.close_windows()
    fine = works(application, app, data)
    same = fine and reopens_equal(application, app, folder / "end.diffviews")
    losses = len(surprises.found)
    return [
        Trial("actions without a surprise", max(actions, losses), max(actions, losses) - losses),
        Trial("the window works afterwards", 1, int(fine)),
        Trial("its session reopens equal", 1, int(same)),
    ]


if __name__ == "__main__":
    sys.exit(main())
