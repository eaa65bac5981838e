"""Take the README's picture of the window, on the bundled demo.

    packaging/with-display python packaging/screenshot.py [FILE]

A three is the anchor, its seven neighbours by activation complete the mask, and the picture that is
drawn with it and the zero label is shown at one of its steps. Settings of the user are left alone.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from diffviews_desktop.actions import picks, runs
from diffviews_desktop.app import App, Options, create_application
from diffviews_desktop.values.conditions import Choice, from_choice
from diffviews_desktop.values.layers import LayerSet

SIZE = (1360, 860)
LAYER = "decoder_block_8"
ANCHOR, NEIGHBORS, SEED, STEP = 145, 7, 2089166162, 6
MOST_SECONDS = 300.0
SETTLE_SECONDS = 1.5


def main(file: Path) -> None:
    """Draw, and write the picture of the window."""
    app = create_application(sys.argv[:1])

    def until(is_reached: Callable[[], object]) -> None:
        end = time.monotonic() + MOST_SECONDS
        while not is_reached():
            if time.monotonic() > end:
                raise SystemExit("The window did not come to rest.")
            app.processEvents()
            time.sleep(0.01)

    def settle() -> None:
        end = time.monotonic() + SETTLE_SECONDS
        until(lambda: time.monotonic() > end)

    main_app = App(Options(device="cpu", layer=LayerSet((LAYER,)), reset=True))
    session, context = main_app.session, main_app.context
    main_app.start()
    main_app.window.resize(*SIZE)
    until(lambda: (layer_map := session.state.opened.layer_map) and layer_map.layers == (LAYER,))
    until(lambda: session.state.opened.loaded and not session.state.jobs.running)
    picks.click_point(context, ANCHOR)
    picks.suggest_neighbors(context, NEIGHBORS)
    until(lambda: len(session.state.picks.selection.neighbors) == NEIGHBORS)
    condition: Choice = "zero"
    settings = replace(session.state.runs.settings, seed=SEED)
    runs.change_settings(context, settings, from_choice(condition))
    settle()
    main_app.window.generate_panel.press()
    until(lambda: session.state.runs.all and session.state.runs.all[-1].done)
    runs.scrub_to(context, STEP)
    until(lambda: not session.state.jobs.running)
    settle()
    main_app.window.map_area.release()
    if not main_app.window.grab().save(str(file)):
        raise SystemExit(f"{file} could not be written.")
    main_app.window.close()
    main_app.worker.stop()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        for kind in ("DATA", "CONFIG", "STATE"):
            os.environ[f"XDG_{kind}_HOME"] = home
        main(Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "screenshot.png"))
