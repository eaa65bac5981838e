"""What an import takes: the same rules for the window, the command line and the engine."""

from __future__ import annotations

import re
from collections.abc import Sequence

from diffviews_desktop.errors import UsageError
from diffviews_desktop.text.numbers import NotANumber, TwoReadings, read_reals, read_whole
from diffviews_desktop.text.translation import tr
from diffviews_desktop.values.brightness import is_range
from diffviews_desktop.values.layers import LayerSet

PICTURE_SUFFIXES = (
    ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".webp", ".bmp", ".gif", ".tif",
    ".tiff",
)  # fmt: skip
"""Of the formats that are read; the content of a file decides which of them it is."""
OTHER_PICTURE_SUFFIXES = (
    ".arw", ".avif", ".avifs", ".bw", ".cr2", ".cr3", ".cur", ".dcm", ".dcx", ".dds", ".dib",
    ".dng", ".exr", ".fit", ".fits", ".hdr", ".heic", ".heif", ".icns", ".ico", ".j2c", ".j2k",
    ".jp2", ".jpc", ".jpf", ".jpx", ".jxl", ".nef", ".orf", ".pbm", ".pcx", ".pfm", ".pgm", ".pnm",
    ".ppm", ".psd", ".qoi", ".raf", ".ras", ".rgb", ".rgba", ".rw2", ".sgi", ".svg", ".tga",
    ".xbm", ".xpm",
)  # fmt: skip
"""Of formats that are not read: such files are counted."""
CHECKPOINT_SUFFIXES = (".safetensors", ".pt", ".pth", ".pkl", ".ckpt", ".bin")
_OF_PROGRAMS = frozenset(("@eadir", "#recycle", "@recycle", "$recycle.bin", "__macosx"))
"""Folders of Synology, QNAP, Windows and macOS."""
SIGMA_RANGE = (1e-6, 1e6)
MAX_SIGMAS = 20
MAX_SEED = 2**63 - 1  # what torch's generators take
ARCHIVE_SUFFIX = ".zip"
OTHER_ARCHIVE_SUFFIXES = (".7z", ".rar", ".tar", ".tar.bz2", ".tar.gz", ".tar.xz", ".tgz")
"""Of archives that pictures are not read from; those in a folder are counted, zip archives, too."""


def is_picture(name: str) -> bool:
    """Whether a file of this name is imported: no hidden one, and of a known kind."""
    return not is_hidden(name) and name.lower().endswith(PICTURE_SUFFIXES)


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name is left out: programs keep things of their own there,
    such as small copies of pictures, or pictures that were thrown away."""
    return name.startswith(".") or name.casefold() in _OF_PROGRAMS


def is_archive(name: str) -> bool:
    """Whether a file of this name is an archive that pictures are read from."""
    return name.lower().endswith(ARCHIVE_SUFFIX)


# ---- values that are typed ----------------------------------------------------------------------


def layer_names(text: str) -> LayerSet:
    """``a,b`` or ``b+a`` as names of layers, sorted, each once; spaces around them do not count.

    Raises:
        UsageError: a name is missing.
    """
    names = [part.strip() for part in re.split("[,+]", text)]
    if not all(names):
        raise UsageError(
            tr("Separate names of layers with commas, such as encoder_bottleneck, midblock.")
        )
    return LayerSet(names)


def noise_levels(text: str) -> tuple[float, ...]:
    """``0.5, 2, 10`` as noise levels σ, in the ways that `read_reals` knows.

    Raises:
        UsageError: a part is no number or can be read in two ways, or see `check_noise_levels`.
    """
    try:
        sigmas = read_reals(text)
    except TwoReadings as error:
        raise UsageError(str(error)) from None
    except NotANumber:
        raise UsageError(tr("Enter numbers separated by commas, such as 0.5, 2, 10.")) from None
    check_noise_levels(sigmas)
    return sigmas


def check_noise_levels(sigmas: Sequence[float]) -> None:
    """Refuse noise levels σ that cannot be imported at.

    Raises:
        UsageError: there is none, there are too many, one is outside the range, or two have the
            same six digits, with which samples are named.
    """
    low, high = SIGMA_RANGE
    wrong = next((sigma for sigma in sigmas if not low <= sigma <= high), None)
    if wrong is not None:
        raise UsageError(
            tr(
                "Every noise level must be from {low} to {high}, not {wrong}.",
                low=f"{low:g}",
                high=f"{high:g}",
                wrong=f"{wrong:g}",
            )
        )
    if not sigmas:
        raise UsageError(tr("Give at least one noise level."))
    if len(sigmas) > MAX_SIGMAS:
        raise UsageError(
            tr(
                "{count} noise levels are too many: give {most} at most.",
                count=len(sigmas),
                most=MAX_SIGMAS,
            )
        )
    if len({f"{sigma:.6g}" for sigma in sigmas}) < len(sigmas):
        raise UsageError(tr("A noise level is given twice. Give each once."))


def brightness_range(text: str) -> tuple[float, float]:
    """``-1, 1`` as the values of black and white in pictures of numbers.

    Raises:
        UsageError: they are not two numbers, the smaller one first.
    """
    try:
        low, high = read_reals(text, 2)
    except ValueError:
        problem = tr("Enter the numbers of black and of white, such as -1; 1.")
        raise UsageError(problem) from None
    check_brightness(low, high)
    return low, high


def check_brightness(low: float, high: float) -> None:
    """Refuse numbers that cannot be black and white.

    Raises:
        UsageError: the first is not the smaller one, or one of them is not finite.
    """
    if not is_range(low, high):
        raise UsageError(
            tr(
                "Black must be a smaller number than white, and both finite, not {low} and {high}.",
                low=f"{low:g}",
                high=f"{high:g}",
            )
        )


def seed_of(text: str) -> int:
    """A seed that was typed.

    Raises:
        UsageError: it is no whole number from 0 to `MAX_SEED`.
    """
    problem = tr("The seed must be a whole number from 0 to {most}.", most=MAX_SEED)
    try:
        seed = read_whole(text)
    except NotANumber as error:
        raise UsageError(f"{problem} {error}" if text.strip() else problem) from None
    if not 0 <= seed <= MAX_SEED:
        raise UsageError(problem)
    return seed
