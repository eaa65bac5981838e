"""Python's own way to import modules, in place of PySide's.

Where Qt is imported PySide puts a function of its own in the place of ``__import__``, for modules
with ``from __feature__ import …``, of which there are none here. It reads the source of each module
that is imported from then on, and fails where two threads import at the same time: what keeps it
from asking a module about itself while that is half imported is one switch for all threads.
"""

import builtins

_usual = builtins.__import__

import PySide6  # noqa: E402, F401

builtins.__import__ = _usual
