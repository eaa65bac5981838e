"""Where the program keeps its files on this machine."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import platformdirs

APP = "diffviews-desktop"
CACHE_VARIABLE = "DIFFVIEWS_CACHE_DIR"
SESSION_SUFFIX = ".diffviews"
MOST_BYTES = 10_000
"""Of the file that names a folder."""


def data_dir() -> Path:
    """The bundled demo is unpacked here."""
    return Path(platformdirs.user_data_dir(APP, appauthor=False))


def adapters_dir() -> Path:
    """Packages with adapters that the user has installed; may not exist."""
    return data_dir() / "adapters"


def config_dir() -> Path:
    """What users write themselves: their own catalogue of models."""
    return Path(platformdirs.user_config_dir(APP, appauthor=False))


def downloads_dir() -> Path:
    """The data folder that published models are downloaded to: the one named by
    ``DIFFVIEWS_DATA_DIR``, or one of the program's own."""
    return default_data_folder() or data_dir() / "data"


def cache_dir() -> Path:
    """Whatever can be made again, compiled kernels and layer caches of read-only folders: in the
    folder that ``DIFFVIEWS_CACHE_DIR`` names, else where the user chose, else where it usually is.
    """
    folder = os.environ.get(CACHE_VARIABLE) or _chosen_cache()
    return Path(folder) if folder else usual_cache_dir()


def usual_cache_dir() -> Path:
    """Where the system has caches."""
    return Path(platformdirs.user_cache_dir(APP, appauthor=False))


def cache_choice() -> Path:
    """The file that names the folder the user chose for what can be made again; may not exist."""
    return config_dir() / "cache-folder.txt"


def _chosen_cache() -> str:
    """The folder that the user chose; empty where there is none, or the file does not name one."""
    file = cache_choice()
    try:
        if not file.is_file() or file.stat().st_size > MOST_BYTES:
            return ""
        folder = file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return ""
    return folder if os.path.isabs(folder) and "\0" not in folder else ""


def state_dir() -> Path:
    """What lasts from one start to the next and is nobody's document: the last session."""
    return Path(platformdirs.user_state_dir(APP, appauthor=False))


def crash_dir() -> Path:
    """Reports of what went wrong unexpectedly."""
    return state_dir() / "crashes"


def log_file() -> Path:
    """The log that the Help menu opens."""
    return Path(platformdirs.user_log_dir(APP, appauthor=False)) / "diffviews-desktop.log"


def default_data_folder() -> Path | None:
    """The data folder named by ``DIFFVIEWS_DATA_DIR``, or None for the demo."""
    folder = os.environ.get("DIFFVIEWS_DATA_DIR")
    return Path(folder) if folder else None


@cache
def resources() -> Path:
    """The folder of bundled resources: inside the installed package, else in the checkout."""
    package = Path(__file__).resolve().parent
    folder = package / "resources"
    return folder if folder.is_dir() else package.parent / "resources"


def translations() -> Path:
    """The catalogues of the window's texts in other languages than English."""
    return resources() / "translations"


def licences() -> Path:
    """The licences of all that an installed program consists of; a checkout has no such file."""
    return Path(__file__).resolve().parent / "THIRD-PARTY-LICENCES.txt"
