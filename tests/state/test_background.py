"""Work in the background gives way to the window."""

from __future__ import annotations

import os
import sys
import threading

import pytest

from diffviews_desktop.state.background import NICENESS, background_thread


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a thread be nice")
def test_its_thread_is_nicer_than_the_window() -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    before = niceness()
    thread = background_thread("work")
    assert thread.submit(niceness).result() == min(19, max(before, NICENESS))
    assert thread.submit(lambda: threading.current_thread().name).result().startswith("work")
    assert niceness() == before  # that of the window
    thread.shutdown()
