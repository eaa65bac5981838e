"""The headless verbs, one a file: the same engine as the window's, run inline.

The module of a verb has ``add_parser(verbs)``, which adds the verb's parser to the program's and
sets its ``run`` to a function that takes the options and returns an `Answer`. Only the module of
the verb that the user calls is imported.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, NamedTuple


class Verb(NamedTuple):
    """The module of a verb, and an example for the program's help and its own."""

    module: str
    example: str


VERBS = {
    "info": Verb("info", "info --data ./data --json"),
    "extract": Verb("extract", "extract --layer midblock --layer midblock+encoder_bottleneck"),
    "map": Verb("map_layer", "map --model digits --layer midblock --json"),
    "generate": Verb(
        "generate", "generate --layer midblock --rows 3,14,15 --class zero --out pictures"
    ),
    "experiment": Verb(
        "experiment", "experiment run --layer decoder_block_5 --anchors 20 --sigma 2 --out held-5"
    ),
    "import": Verb(
        "import_data", "import --model-checkpoint edm.pkl --images ./photos --out ./data"
    ),
    "download": Verb("download", "download dmd2 --output-dir ./data"),
    "convert": Verb("convert", "convert --data ./data --model dmd2"),
    "convert-checkpoint": Verb("convert_checkpoint", "convert-checkpoint edm.pkl edm.safetensors"),
    "direction": Verb("direction", "direction save three --rows 3,14 --minus 7,9 --layer midblock"),
    "cache": Verb("cache", "cache list --data ./data"),
    "adapters": Verb("adapters", "adapters install pond-1.0-py3-none-any.whl"),
    "do": Verb("do_lines", "do --file history.json"),
}
"""Every verb by its name, in the order of the help."""


def add_verb_parser(name: str, verbs: Any) -> None:
    """Add the parser of a verb to what ``add_subparsers`` returned."""
    import_module(f"{__name__}.{VERBS[name].module}").add_parser(verbs)
