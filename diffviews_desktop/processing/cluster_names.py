"""Names of groups of samples: the class or noise level of most of them, or what their captions have
in common."""

from __future__ import annotations

import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MOST_READ = 2000
"""Captions that are read of each group."""
MOSTLY, PARTLY = 0.5, 0.25
"""Share of a group that a class must have to name it alone, or with another."""
_WORDS, _FEW = 3, 10  # words of a name; per cent of a group
_WORD = re.compile(r"[^\W\d_]{3,}")
_COMMON = frozenset(("and", "are", "for", "from", "its", "that", "the", "this", "was", "with"))
_SEED = 0

Shares = dict[str, float]


def names_of(
    labels: NDArray[np.int32],
    classes: NDArray[np.int32],
    class_names: dict[int, str],
    levels: NDArray[np.floating],
    captions: Sequence[str],
) -> list[str]:
    """A name for each group, no two the same.

    Args:
        labels: the group of each sample ``(N,)``, -1 for none.
        classes: its class ``(N,)``, -1 where it is not known.
        class_names: by their numbers.
        levels: its noise level ``(N,)``.
        captions: what each shows, in words; empty where nobody says.
    """
    count = int(labels.max(initial=-1)) + 1
    groups = [labels == group for group in range(count)]
    names = [_of_class(classes[mask], class_names) for mask in groups]
    if len(np.unique(levels)) > 1:
        pairs = zip(names, groups, strict=True)
        names = [name or _of_levels(levels[mask], levels) for name, mask in pairs]
    if len(captions) and "" in names:
        words = [_words(captions, mask) for mask in groups]
        common: Shares = defaultdict(float)
        for shares in words:
            for word, share in shares.items():
                common[word] += share
        names = [name or _of_words(part, common) for name, part in zip(names, words, strict=True)]
    names = [
        name or _of_classes(classes[mask], class_names)
        for name, mask in zip(names, groups, strict=True)
    ]
    return _tell_apart(names)


def _shares(classes: NDArray[np.int32], class_names: dict[int, str]) -> list[tuple[str, float]]:
    """Names of classes and their shares of a group, the largest first."""
    numbers, counts = np.unique(classes[classes >= 0], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return [
        (class_names.get(int(numbers[at]), str(numbers[at])), counts[at] / len(classes))
        for at in order
    ]


def _of_class(classes: NDArray[np.int32], class_names: dict[int, str]) -> str:
    """The class of most of a group."""
    shares = _shares(classes, class_names)
    return shares[0][0] if shares and shares[0][1] >= MOSTLY else ""


def _of_classes(classes: NDArray[np.int32], class_names: dict[int, str]) -> str:
    """The classes of parts of a group."""
    shares = _shares(classes, class_names)
    return " and ".join(name for name, share in shares if share >= PARTLY)


def _of_levels(levels: NDArray[np.floating], every: NDArray[np.floating]) -> str:
    """The noise levels of all but a few of a group; empty where these are all levels."""
    sigmas, whole = levels[np.isfinite(levels)], every[np.isfinite(every)]
    if not len(sigmas):
        return ""
    low, high = np.percentile(sigmas, (_FEW, 100 - _FEW), method="nearest")
    if low == high:
        return f"σ {low:g}"
    return "" if low <= whole.min() and high >= whole.max() else f"σ {low:g} – {high:g}"


def _words(captions: Sequence[str], mine: NDArray[np.bool_]) -> Shares:
    """In what share of a group's captions each word is."""
    rows = np.flatnonzero(mine)
    if len(rows) > MOST_READ:
        rows = np.random.default_rng(_SEED).choice(rows, MOST_READ, replace=False)
    counts: Counter[str] = Counter()
    for row in rows:
        counts.update(set(_WORD.findall(captions[int(row)].lower())) - _COMMON)
    return {word: count / len(rows) for word, count in counts.items()}


def _of_words(shares: Shares, common: Shares) -> str:
    """The words that are in many captions of a group and in few of others."""
    scores = {word: share * share / common[word] for word, share in shares.items()}
    best = sorted(scores, key=lambda word: (-scores[word], word))[:_WORDS]
    telling = [word for word in best if scores[word] > scores[best[0]] / 2]
    return ", ".join(word for word in telling if shares[word] >= PARTLY)


def _tell_apart(names: Sequence[str]) -> list[str]:
    """Names with a number where there are several of one, or none."""
    counts = Counter(names)
    names_in_use = {name for name in names if name and counts[name] == 1}
    numbers = {name: itertools.count(1) for name in counts}
    distinct = []
    for name in names:
        text = name
        if not name or counts[name] > 1:
            texts = (f"{name} ({i})" if name else f"cluster {i}" for i in numbers[name])
            text = next(text for text in texts if text not in names_in_use)
            names_in_use.add(text)
        distinct.append(text)
    return distinct
