"""The headless verbs, one a file: the same engine as the window's, run inline.

The module of a verb has ``add_parser(verbs)``, which adds the verb's parser to the program's and
sets its ``run`` to a function that takes the options and returns an `Answer`. Only the module of
the verb that the user calls is imported.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_MODULES = {
    "info": "info",
    "extract": "extract",
    "map": "map_layer",
    "generate": "generate",
    "experiment": "experiment",
    "import": "import_data",
    "download": "download",
    "convert": "convert",
    "convert-checkpoint": "convert_checkpoint",
    "direction": "direction",
    "cache": "cache",
    "adapters": "adapters",
    "do": "do_lines",
}
VERBS = tuple(_MODULES)


def add_verb_parser(name: str, verbs: Any) -> None:
    """Add the parser of a verb of `VERBS` to what ``add_subparsers`` returned."""
    import_module(f"{__name__}.{_MODULES[name]}").add_parser(verbs)
