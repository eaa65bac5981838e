"""Interventions as records write them: values that JSON knows, and back."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from diffviews_desktop.values.conditions import choice_of, from_choice
from diffviews_desktop.values.interventions import Intervention, OtherRun, check_count

if TYPE_CHECKING:  # it takes a while
    from pydantic import TypeAdapter


def plain(interventions: Sequence[Intervention]) -> list[dict[str, Any]]:
    """Interventions as values that JSON knows."""
    records = []
    for one in interventions:
        source = one.source
        other = isinstance(source, OtherRun)
        value = adapter().dump_python(
            one, mode="json", exclude={"source": {"condition"}} if other else None
        )
        if isinstance(source, OtherRun) and source.condition is not None:
            value["source"]["class_choice"] = choice_of(source.condition)
        records.append(value)
    return records


def interventions_of(values: Any) -> tuple[Intervention, ...]:
    """The interventions that `plain` has made values of.

    Raises:
        ValueError: they are damaged, or too many.
    """
    if not isinstance(values, list):
        raise ValueError("interventions: there must be a list")
    check_count(values)
    return tuple(_intervention_of(value) for value in values)


def _intervention_of(value: Any) -> Intervention:
    if not isinstance(value, dict) or not isinstance(value.get("source"), dict):
        raise ValueError("interventions: each has a source")
    source = dict(value["source"])
    if "class_choice" in source:
        source["condition"] = from_choice(source.pop("class_choice"))
    if "kind" not in source:
        raise ValueError("interventions: a source has a kind")
    return adapter().validate_python({**value, "source": source})


@cache
def adapter() -> TypeAdapter[Intervention]:
    """What reads and writes one."""
    from pydantic import TypeAdapter

    return TypeAdapter(Intervention)
