"""Experiments: their masks' samples, what they will take, and drawing them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from diffviews_desktop.engine.protocol import Job
from diffviews_desktop.values.experiments import Cost, Examples, Experiment, Finding
from diffviews_desktop.values.layers import NO_LAYERS, LayerSet
from diffviews_desktop.values.standing import Standing
from diffviews_desktop.values.told import OWN_CONDITION, Told


@dataclass(frozen=True, kw_only=True)
class ChooseGroups(Job[tuple[tuple[int, ...], ...]]):
    """Samples for the masks of an experiment: anchors drawn evenly from the classes, each with the
    nearest samples of its class and noise level, the anchor first.

    Attributes:
        model: name of the model.
        anchors: how many.
        neighbors: how many samples besides each anchor.
        layers: in whose activations nearness is meant; empty for the layers of the default map.
        told: what the samples are told meanwhile.
        sigma: noise level of the samples; None for the middle one of those that they have.
        seed: of the choice.
    """

    model: str
    anchors: int
    neighbors: int = 6
    layers: LayerSet = NO_LAYERS
    told: Told = OWN_CONDITION
    sigma: float | None = None
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class PriceExperiment(Job[Cost]):
    """What an experiment will take, from a few forward passes.

    Attributes:
        experiment: what is to be drawn.
        out: its folder, where some of it may be drawn already.
        trust_judge: whether its judge may be a Python function.
    """

    experiment: Experiment
    out: Path | None = None
    trust_judge: bool = False


@dataclass(frozen=True, kw_only=True)
class JudgeExperiment(Job["ExperimentJudged"]):
    """Whether the masks of an experiment are beyond the samples, before it is drawn.

    Attributes:
        experiment: what would be drawn.
        choice: how its samples are chosen; None where the experiment names them.
    """

    supersedes: ClassVar[bool] = True
    unlisted: ClassVar[bool] = True

    experiment: Experiment
    choice: ChooseGroups | None = None


@dataclass(frozen=True)
class ExperimentJudged:
    """How the masks of an experiment lie among the samples."""

    job: JudgeExperiment
    standing: Standing


@dataclass(frozen=True, kw_only=True)
class RunExperiment(Job["ExperimentResult"]):
    """Draw an experiment, or go on with it, and measure what it did.

    Attributes:
        experiment: what to draw.
        out: a folder of its own for what is drawn; None for one in the cache that its content
            names.
        trust_judge: whether its judge may be a Python function.
        examples: pictures of each arm and place in the result.
        choice: how its samples are chosen; None where the experiment names them.
    """

    supersedes: ClassVar[bool] = True

    experiment: Experiment
    out: Path | None = None
    trust_judge: bool = False
    examples: int = 8
    choice: ChooseGroups | None = None


@dataclass(frozen=True, eq=False)
class ExperimentResult:
    """What an experiment found.

    Attributes:
        job: what was asked for, with all that was left open chosen.
        findings: what each arm did at each place.
        examples: some of its pictures, likewise.
        drawn: pictures drawn now; the others were there.
        pace: evaluations of the network a second while they were; None where none were.
        folder: where they are.
        device: where the model ran.
        class_names: of the model, by number.
        notes: what else the user should know.
        record: everything that is needed to run it again.
        files: written beside the pictures: the report, then tables, then what runs it again.
    """

    job: RunExperiment
    findings: tuple[Finding, ...]
    examples: tuple[Examples, ...]
    drawn: int
    folder: Path
    device: str
    pace: float | None = None
    class_names: tuple[tuple[int, str], ...] = ()
    notes: tuple[str, ...] = ()
    record: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
