"""The rules of an import: what the window takes, the command line and the engine take, too."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from diffviews_desktop.cli import build_parser
from diffviews_desktop.errors import UsageError
from diffviews_desktop.import_rules import (
    MAX_SEED,
    check_noise_levels,
    label_columns,
    label_rows,
    layer_names,
    noise_levels,
    seed_of,
)
