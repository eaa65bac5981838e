"""Samples of the same class and noise level, of one noise level, and of one picture at several."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.errors import DataError
from diffviews_desktop.text.translation import marked, tr
from diffviews_desktop.values.packed_strings import Texts
from diffviews_desktop.values.samples import SampleTable

MOST_SAID = 12
FEWEST_ALIGNED = 4
"""Samples that a noise level needs to be aligned with others, and pictures that it has to share
with the next one."""
_SEVERAL = marked("Import the pictures at several noise levels (import --sigmas 0.5,2,10)")


def groups_of(table: SampleTable) -> NDArray[np.int64]:
    """The group of each sample ``(N,)``: a number that those of the same class and noise level
    share. Samples without a class are of one class."""
    _, classes = np.unique(table.class_label, return_inverse=True)
    levels, level = np.unique(table.sigma, return_inverse=True)
    return np.asarray(classes * len(levels) + level, np.int64)


def same_picture(table: SampleTable, row: int) -> NDArray[np.int64]:
    """The samples of the same picture as one ``(K,)``, itself among them, by their noise levels;
    none where it has no picture."""
    path = table.image_path[row]
    if not path:
        return np.empty(0, np.int64)
    rows = Texts.of(table.image_path).same_as(path)
    return rows[np.argsort(table.sigma[rows], kind="stable")]


def at_level(table: SampleTable, level: float) -> NDArray[np.bool_]:
    """Which samples have a noise level ``(N,)``.

    Raises:
        DataError: none has; the text says which there are.
    """
    mask = np.isclose(table.sigma, level, rtol=1e-6, atol=0)
    if not mask.any():
        sigmas = table.levels
        few = ", ".join(f"{one:g}" for one in sigmas[:MOST_SAID])
        more = (
            tr(" and {number} more", number=len(sigmas) - MOST_SAID)
            if len(sigmas) > MOST_SAID
            else ""
        )
        raise DataError(
            tr(
                "No sample has the noise level {level:g}. Choose one of those there are: "
                "{few}{more}.",
                level=level,
                few=few,
                more=more,
            )
        )
    return np.asarray(mask)


@dataclass(frozen=True, eq=False)
class LevelStack:
    """The noise level of each of N samples, and which of them show the same picture.

    Attributes:
        level: position of the noise level among ``sigmas``, -1 where it is not known ``(N,)``.
        picture: a number that samples of the same picture share, -1 for those without one
            ``(N,)``.
        sigmas: the noise levels, ascending.
    """

    level: NDArray[np.int64]
    picture: NDArray[np.int64]
    sigmas: tuple[float, ...]

    @classmethod
    def of(cls, table: SampleTable) -> LevelStack:
        """That of all samples."""
        sigmas = table.levels
        mask = np.isfinite(table.sigma)
        level = np.full(len(table), -1, np.int64)
        level[mask] = np.unique(table.sigma[mask], return_inverse=True)[1]
        numbers: dict[str, int] = {"": -1}
        picture = [numbers.setdefault(path, len(numbers) - 1) for path in table.image_path]
        return cls(level, np.asarray(picture, np.int64), sigmas)

    def __len__(self) -> int:
        return len(self.level)

    def take(self, rows: NDArray) -> LevelStack:
        """That of some samples, by their positions or as a mask."""
        return LevelStack(self.level[rows], self.picture[rows], self.sigmas)

    def parts(self) -> list[NDArray[np.int64]]:
        """The samples of each noise level that has any, ascending."""
        groups = (np.flatnonzero(self.level == at) for at in range(len(self.sigmas)))
        return [rows for rows in groups if len(rows)]

    def spread(self, places: NDArray) -> NDArray[np.float64]:
        """Places on aligned maps ``(N, C)`` with one coordinate more, which takes the levels so far
        apart that the nearest of each sample are those of its own level."""
        places = np.asarray(places, np.float64)
        reach = 1 + 4 * float(np.abs(places).max(initial=0)) * places.shape[1]
        return np.column_stack([places, self.level * reach])

    def check(self) -> None:
        """Whether the noise levels can be aligned.

        Raises:
            DataError: there is one level alone, a level has too few samples, or two levels next to
                each other share too few pictures.
        """
        parts = self.parts()
        if len(parts) < 2:
            few = (
                tr("{sigmas:g}, and no other", sigmas=self.sigmas[0])
                if self.sigmas
                else tr("not known")
            )
            raise DataError(
                tr(
                    "The noise level of all samples is {few}: there is nothing to align. "
                    "{several}.",
                    few=few,
                    several=tr(_SEVERAL),
                )
            )
        for rows in parts:
            if len(rows) < FEWEST_ALIGNED:
                raise DataError(
                    tr(
                        "At the noise level {sigma:g} there are {number} samples; aligned maps "
                        "need {fewest_aligned} at each. Map one level alone instead.",
                        sigma=self._sigma(rows),
                        number=len(rows),
                        fewest_aligned=FEWEST_ALIGNED,
                    )
                )
        for rows, others in pairwise(parts):
            one, other = self.picture[rows], self.picture[others]
            shared = np.intersect1d(one[one >= 0], other[other >= 0])
            if len(shared) < FEWEST_ALIGNED:
                raise DataError(
                    tr(
                        "The noise levels {sigma:g} and {sigma_2:g} share {number} pictures; "
                        "aligned maps need the same pictures at every level. {several}, or map one "
                        "level alone.",
                        sigma=self._sigma(rows),
                        sigma_2=self._sigma(others),
                        number=len(shared),
                        several=tr(_SEVERAL),
                    )
                )

    def _sigma(self, rows: NDArray[np.int64]) -> float:
        return self.sigmas[int(self.level[rows[0]])]
