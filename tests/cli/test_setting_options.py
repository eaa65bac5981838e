"""Options made of the settings: their flags, their values, and what they change."""

from __future__ import annotations

import argparse
from typing import Any

import pytest

from diffviews_desktop.cli.setting_options import add_settings, changes_of
from diffviews_desktop.values.setting_specs import MASK, SAMPLING

WITH_FLAG = tuple(setting for setting in (*SAMPLING, *MASK) if setting.flags)


@pytest.fixture
def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="p")
    add_settings(made, *WITH_FLAG)
    return made


def test_every_flag_is_there(parser: argparse.ArgumentParser) -> None:
    assert " ".join(parser.format_usage().split()) == (
        "usage: p [-h] [--num-steps N] [--sampler {renoise,heun}] [--sigma-max S] [--sigma-min S] "
        "[--guidance-scale G] [--noise-mode {stochastic,fixed,zero}] [--seed SEED] "
        "[--churn CHURN,MIN,MAX,NOISE] [--mask-steps N] [--strength S] "
        "[--weighting {equal,distance}] [--mask-layer NAME] [--conditional-only]"
    )


@pytest.mark.parametrize(
    ("arguments", "changes"),
    [
        ("", {}),
        ("--steps 7 --guidance 2", {"num_steps": 7, "guidance_scale": 2.0}),
        ("--num-steps 7 --guidance-scale 0", {"num_steps": 7, "guidance_scale": 0.0}),
        ("--seed 0 --mask-steps 0", {"seed": 0, "step_to": 0}),
        ("--churn 40,.05,50,1", {"s_churn": 40, "s_min": 0.05, "s_max": 50, "s_noise": 1}),
        ("--mask-layer b+a", {"layers": ("a", "b")}),
        ("--conditional-only", {"unconditional": False}),
        ("--noise-mode zero --weighting equal", {"noise_mode": "zero", "weighting": "equal"}),
    ],
)
def test_only_what_is_given_changes(
    parser: argparse.ArgumentParser, arguments: str, changes: dict[str, Any]
) -> None:
    assert changes_of(parser.parse_args(arguments.split()), WITH_FLAG) == changes


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("--steps 0", "argument --num-steps/--steps: '0' is not a whole number of at least 1"),
        ("--sigma-max nan", "argument --sigma-max: 'nan' is not a number"),
        ("--guidance nan", "argument --guidance-scale/--guidance: 'nan' is not a number"),
        ("--seed x", "argument --seed: 'x' is not a whole number of at least 0"),
        ("--churn 1,.2", "argument --churn: '1,.2' is not 4 numbers separated by commas"),
        ("--mask-layer a+", "argument --mask-layer: 'a+' is not a layer, or several joined by +"),
        ("--sampler dpm", "argument --sampler: invalid choice"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_its_flag(
    parser: argparse.ArgumentParser,
    capsys: pytest.CaptureFixture[str],
    arguments: str,
    reason: str,
) -> None:
    with pytest.raises(SystemExit):
        parser.parse_args(arguments.split())
    assert reason in capsys.readouterr().err
