"""Options of the command line made of `values.setting_specs`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Any

from diffviews_desktop.cli.option_types import layer_set, not_negative, numbers_of, positive, real
from diffviews_desktop.values.setting_specs import Choice, Layers, Real, Setting, Switch, Whole

Group = argparse.ArgumentParser | argparse._ArgumentGroup


def add_settings(parser: Group, *settings: Setting) -> None:
    """Add the options of some settings; those that follow each other and share a flag have one."""
    for flags, group in groupby(settings, lambda setting: setting.flags):
        members = list(group)
        first = members[0]
        help_ = first.help[:1].lower() + first.help[1:]
        if first.flag_help is not None:
            help_ = first.flag_help
        parser.add_argument(*flags, help=help_ or None, **_value(members))


def changes_of(options: argparse.Namespace, settings: Iterable[Setting]) -> dict[str, Any]:
    """What the options say of some settings, by name; without those of which they say nothing."""
    changes: dict[str, Any] = {}
    for flags, group in groupby(settings, lambda setting: setting.flags):
        members = list(group)
        value = getattr(options, flags[0].lstrip("-").replace("-", "_"))
        if value is not None:
            values = value if len(members) > 1 else (value,)
            changes |= zip((setting.name for setting in members), values, strict=True)
    return changes


def _value(members: list[Setting]) -> dict[str, Any]:
    """What argparse is told of the value of an option."""
    metavar = ",".join(setting.metavar for setting in members) or None
    if len(members) > 1:
        return {"type": numbers_of(len(members)), "metavar": metavar}
    match members[0]:
        case Switch(flag_value=value):
            return {"action": "store_const", "const": value}
        case Choice(choices=choices):
            return {"choices": tuple(choices)}
        case setting:
            return {"type": _type(setting), "metavar": metavar}


def _type(setting: Setting) -> Callable[[str], Any]:
    match setting:
        case Whole(minimum=1):
            return positive
        case Whole(minimum=0):
            return not_negative
        case Layers():
            return layer_set
        case Real():
            return real
    raise TypeError(f"{setting.name} has no type of option")
