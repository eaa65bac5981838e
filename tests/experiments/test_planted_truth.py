"""An experiment finds what causes a class, and nothing that only goes along with it."""

from __future__ import annotations

import numpy as np
from planted_network import CLASSES, SAMPLES, Planting, patterns, read
from planted_tally import PLANTINGS, Sweep, Tally

from diffviews_desktop.values.conditions import ClassLabel
from diffviews_desktop.values.interventions import Difference, Intervention, Zero

MASKS = SEEDS = 14  # the fewest whose permutation test can be significant at 16 places


def test_a_mask_draws_its_class_where_it_is_planted(sweep: Sweep, tally: Tally) -> None:
    groups = tuple((row,) for row in range(MASKS))
    for seed in range(PLANTINGS):
        sweep(Planting.drawn(seed), 1, groups=groups, seeds=1)
    tally.check()


def test_a_direction_makes_its_class_where_it_is_planted(sweep: Sweep, tally: Tally) -> None:
    for seed in range(PLANTINGS):
        to, away = seed % CLASSES, (seed + 3) % CLASSES
        rows = [tuple(range(number, SAMPLES, CLASSES)) for number in (to, away)]
        one = Intervention("add", Difference(*rows), strength=1000.0)
        sweep(Planting.drawn(seed), 1, interventions=(one,), seeds=SEEDS)
    tally.check()


def test_ablation_takes_the_class_away_where_it_is_planted(sweep: Sweep, tally: Tally) -> None:
    for seed in range(PLANTINGS):
        planting = Planting.drawn(seed, listens=True)
        # of zeros, the network draws the first of a code: another class is to be taken away
        firsts = {int(code[0]) for code in planting.codes()}
        told = next(number for number in range(CLASSES) if number not in firsts)
        one = Intervention("ablate", Zero())
        sweep(planting, -1, interventions=(one,), seeds=SEEDS, condition=ClassLabel(told))
    tally.check()


def test_every_piece_knows_the_class_and_the_judge_reads_it() -> None:
    pictures = ((patterns()[:, :, :, None] + 1) * 127.5).astype(np.uint8)
    assert read(pictures).argmax(axis=1).tolist() == list(range(CLASSES))
