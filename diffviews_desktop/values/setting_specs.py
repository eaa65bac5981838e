"""The settings of sampling and of the mask, each declared once.

The Generate panel makes its fields of these, the command line its options, and what `generate`
writes has their keys. Defaults are those of `SamplingSettings` and `Intervention`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from diffviews_desktop.text.translation import marked
from diffviews_desktop.values.import_rules import MAX_SEED
from diffviews_desktop.values.sampling import SamplingSettings

if TYPE_CHECKING:  # it brings numpy, which the window's options do without
    from diffviews_desktop.values.interventions import Intervention


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A setting.

    Attributes:
        name: its field in `SamplingSettings` or, of the mask, in `Intervention` or its source.
        help: what it is, as a tooltip and for a screen reader.
        label: beside its field in the panel, with its mnemonic; empty where it has none.
        flags: of the command line; several settings may share one.
        metavar: what stands for its value there; empty for the flag's own name.
        flag_help: what the command line says of it, where that is not ``help``.
        key: in what ``generate`` writes; empty where it is not in there.
        published: whether presets have it.
    """

    name: str
    help: str
    label: str = ""
    flags: tuple[str, ...] = ()
    metavar: str = ""
    flag_help: str | None = None
    key: str = ""
    published: bool = False

    def of(self, settings: object) -> Any:
        """Its value in `SamplingSettings` or an `Intervention`."""
        return getattr(settings, self.name)

    @property
    def caption(self) -> str:
        """Its label without the mark of the mnemonic."""
        return self.label.replace("&", "")


@dataclass(frozen=True, kw_only=True)
class Whole(Setting):
    """A whole number; ``first`` is added where it is shown, as steps are counted from 1 there."""

    minimum: int
    maximum: int
    first: int = 0


@dataclass(frozen=True, kw_only=True)
class Real(Setting):
    """A real number; ``none`` is shown instead of the lowest, which then stands for None."""

    minimum: float
    maximum: float
    decimals: int
    step: float
    none: str = ""


@dataclass(frozen=True, kw_only=True)
class Choice(Setting):
    """One of some words, each with what it means."""

    choices: Mapping[str, str] = field(hash=False)


@dataclass(frozen=True, kw_only=True)
class Switch(Setting):
    """True or False; the flag of the command line sets ``flag_value``."""

    flag_value: bool


@dataclass(frozen=True, kw_only=True)
class Layers(Setting):
    """A set of layers."""


# ---- sampling -----------------------------------------------------------------------------------

NUM_STEPS = Whole(
    name="num_steps",
    help=marked("Denoising steps"),
    label=marked("S&teps"),
    minimum=1,
    maximum=1000,
    flags=("--num-steps", "--steps"),
    metavar="N",
    key="steps",
    published=True,
)
SAMPLER = Choice(
    name="sampler",
    help=marked("Sampler"),
    label=marked("S&ampler"),
    choices={
        "renoise": marked(
            "renoise: predict the picture, add noise of the next level, and so on; the way "
            "of DMD2 and other few-step models"
        ),
        "heun": marked("heun: EDM's second-order sampler; two evaluations a step but for the last"),
    },
    flags=("--sampler",),
    flag_help="(default: the model's)",
    key="sampler",
    published=True,
)
SIGMA_MAX = Real(
    name="sigma_max",
    help=marked("Noise level of the first step"),
    label=marked("σ ma&x"),
    minimum=0.001,
    maximum=1000.0,
    decimals=3,
    step=1.0,
    flags=("--sigma-max",),
    metavar="S",
    published=True,
)
SIGMA_MIN = Real(
    name="sigma_min",
    help=marked("Noise level of the last step"),
    label=marked("σ mi&n"),
    minimum=0.001,
    maximum=1000.0,
    decimals=3,
    step=0.05,
    flags=("--sigma-min",),
    metavar="S",
    published=True,
)
RHO = Setting(name="rho", help=marked("Exponent of the schedule"), published=True)
GUIDANCE_SCALE = Real(
    name="guidance_scale",
    help=marked("Classifier-free guidance; 1 is none"),
    label=marked("Gu&idance"),
    minimum=0.0,
    maximum=50.0,
    decimals=2,
    step=0.1,
    flags=("--guidance-scale", "--guidance"),
    metavar="G",
    key="guidance",
    published=True,
)
NOISE_MODE = Choice(
    name="noise_mode",
    help=marked("Noise mode"),
    label=marked("N&oise"),
    choices={
        marked("stochastic"): marked("stochastic: a new seed each time, unless one is locked"),
        marked("fixed"): marked("fixed: the same seed each time"),
        marked("zero"): marked("zero: no noise at all"),
    },
    flags=("--noise-mode",),
    flag_help="",
    key="noise_mode",
)
SEED = Whole(
    name="seed",
    help=marked("Seed of the noise"),
    label=marked("&Seed"),
    minimum=0,
    maximum=MAX_SEED,
    flags=("--seed",),
    key="seed",
)
S_CHURN = Real(
    name="s_churn",
    help=marked("Noise that the sampler adds over the run; 0 for none"),
    label=marked("Churn"),
    minimum=0.0,
    maximum=1000.0,
    decimals=2,
    step=5.0,
    flags=("--churn",),
    metavar="CHURN",
    flag_help="noise that Heun's sampler adds, such as 40,0.05,50,1.003",
    published=True,
)
S_MIN = Real(
    name="s_min",
    help=marked("Lowest noise level at which it is added"),
    label=marked("σ from"),
    minimum=0.0,
    maximum=1000.0,
    decimals=3,
    step=0.01,
    flags=("--churn",),
    metavar="MIN",
    published=True,
)
S_MAX = Real(
    name="s_max",
    help=marked("Highest noise level at which it is added; 0 for no limit"),
    label=marked("to"),
    minimum=0.0,
    maximum=1000.0,
    decimals=3,
    step=1.0,
    none=marked("no limit"),
    flags=("--churn",),
    metavar="MAX",
    published=True,
)
S_NOISE = Real(
    name="s_noise",
    help=marked("Standard deviation of the added noise"),
    label=marked("S noise"),
    minimum=0.0,
    maximum=10.0,
    decimals=4,
    step=0.001,
    flags=("--churn",),
    metavar="NOISE",
    published=True,
)

# ---- mask ---------------------------------------------------------------------------------------

MASK_FROM = Whole(
    name="step_from",
    help=marked("First step that the mask acts on"),
    label=marked("S&teps"),
    minimum=0,
    maximum=999,
    first=1,
    key="mask_from",
)
MASK_STEPS = Whole(
    name="step_to",
    help=marked("Last step that the mask acts on; 0 for no mask"),
    label=marked("to"),
    minimum=0,
    maximum=1000,
    flags=("--mask-steps",),
    metavar="N",
    flag_help="short for --mask-window 1-N; 0 for no mask",
    key="mask_steps",
)
STRENGTH = Real(
    name="strength",
    help=marked("How much of the mask is imposed: 1 replaces what the layer computes, 0 leaves it"),
    label=marked("Stre&ngth"),
    minimum=0.0,
    maximum=1.0,
    decimals=3,
    step=0.1,
    flags=("--strength",),
    metavar="S",
    flag_help="0 to 1 (default: 1)",
    key="strength",
)
WEIGHTING = Choice(
    name="weighting",
    help=marked("How the samples are weighted"),
    label=marked("We&ights"),
    choices={
        marked("equal"): marked("equal: the plain mean of the anchor and its neighbours"),
        marked("distance"): marked("distance: neighbours nearer to the anchor count more"),
    },
    flags=("--weighting",),
    flag_help="whether samples nearer to the first count more (default: equal)",
)
MASK_LAYERS = Layers(
    name="layers",
    help=marked("Layers to impose"),
    label=marked("Im&pose at"),
    flags=("--mask-layer",),
    metavar="NAME",
    flag_help="layers to impose (default: --layer)",
    key="mask_layers",
)
MASK_UNCONDITIONAL = Switch(
    name="unconditional",
    help=marked(
        "With guidance, the mask acts on the conditional and the unconditional half; otherwise on "
        "the conditional half alone"
    ),
    label=marked("on the unconditional half of guidance"),
    flag_value=False,
    flags=("--conditional-only",),
    flag_help="with guidance, leave the unconditional half alone",
)

SAMPLING: tuple[Setting, ...] = (
    NUM_STEPS, SAMPLER, SIGMA_MAX, SIGMA_MIN, RHO, GUIDANCE_SCALE, NOISE_MODE, SEED,
    S_CHURN, S_MIN, S_MAX, S_NOISE,
)  # fmt: skip
MASK: tuple[Setting, ...] = (
    MASK_FROM, MASK_STEPS, STRENGTH, WEIGHTING, MASK_LAYERS, MASK_UNCONDITIONAL,
)  # fmt: skip

PUBLISHED = tuple(setting for setting in SAMPLING if setting.published)
CHURN_LIMITS = (S_MIN, S_MAX, S_NOISE)
"""They change nothing where there is no churn."""


def describe(settings: object, of: Iterable[Setting] = SAMPLING) -> dict[str, Any]:
    """Settings under their keys, as ``generate`` writes them: values that JSON knows."""
    values = {setting.key: setting.of(settings) for setting in of if setting.key}
    return {
        key: list(value) if isinstance(value, tuple) else value for key, value in values.items()
    }


def describe_mask(mask: Intervention, num_steps: int) -> dict[str, Any]:
    """A mask under its keys, likewise; one that acts to the end acts on ``num_steps``."""
    whole = replace(mask, step_to=num_steps if mask.step_to is None else mask.step_to)
    return describe(whole, (setting for setting in MASK if setting.key))


def sample_alike(one: SamplingSettings, other: SamplingSettings) -> bool:
    """Whether two settings sample in the same way."""
    names = [s for s in PUBLISHED if one.s_churn or s not in CHURN_LIMITS]
    return all(setting.of(one) == setting.of(other) for setting in names)
