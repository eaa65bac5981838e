"""Which network it is can be told from the names and shapes of its tensors alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from persistence import SMALL, small_config

from diffviews_desktop.adapters.edm_imagenet import IMAGENET_64
from diffviews_desktop.adapters.networks.infer import (
    NotThisFamily,
    infer_network,
    strip_wrappers,
)
from diffviews_desktop.adapters.networks.precond import PRECONDITIONERS

Shapes = dict[str, tuple[int, ...]]

SONG = {
    "embedding_type": "positional",
    "channel_mult_noise": 1,
    "encoder_type": "standard",
    "decoder_type": "standard",
    "resample_filter": [1, 1],
}
SETTINGS = ("dropout", "label_dropout", "sigma_data", "use_fp16")
"""What shapes cannot tell."""


def shapes_of(class_name: str, config: dict[str, Any]) -> Shapes:
    with torch.device("meta"):
        model = PRECONDITIONERS[class_name](**config)
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}


def expected(config: dict[str, Any]) -> dict[str, Any]:
    """The arguments with those that are left out, without those that shapes cannot tell."""
    whole = {"label_dim": 0, "augment_dim": 0, "channel_mult_emb": 4, **config}
    if config["model_type"] == "SongUNet":
        whole = SONG | whole
    return {key: value for key, value in whole.items() if key not in SETTINGS}


# --- every kind of network -----------------------------------------------------------------------

NCSN = {
    "embedding_type": "fourier",
    "channel_mult_noise": 2,
    "encoder_type": "residual",
    "resample_filter": [1, 3, 3, 1],
}
CIFAR = {
    "model_type": "SongUNet",
    "img_resolution": 32,
    "img_channels": 3,
    "augment_dim": 9,
    "model_channels": 128,
    "channel_mult": [2, 2, 2],
    "num_blocks": 4,
    "attn_resolutions": [16],
    "dropout": 0.13,
}
FFHQ = {**CIFAR, "img_resolution": 64, "channel_mult": [1, 2, 2, 2], "dropout": 0.05}
PUBLISHED = {
    "ImageNet 64": {"model_type": "DhariwalUNet", **IMAGENET_64},
    "CIFAR-10, DDPM++": CIFAR,
    "CIFAR-10, NCSN++, conditional": {**CIFAR, **NCSN, "label_dim": 10},
    "FFHQ, DDPM++": FFHQ,
    "AFHQv2, NCSN++": {**FFHQ, **NCSN},
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_networks(name: str) -> None:
    """Table 7 of Karras et al. 2022."""
    config = PUBLISHED[name]
    inferred = infer_network(shapes_of("EDMPrecond", config))
    assert inferred.config == expected(config)
    assert inferred.class_name is None


@pytest.mark.parametrize("kind", SMALL)
@pytest.mark.parametrize("class_name", PRECONDITIONERS)
def test_every_preconditioner(class_name: str, kind: str) -> None:
    config = small_config(kind)
    improved = class_name == "iDDPMPrecond"
    if improved:
        config["M"] = 30
    inferred = infer_network(shapes_of(class_name, config))
    assert inferred.config == expected(config)
    assert inferred.class_name == ("iDDPMPrecond" if improved else None)


def test_a_learned_variance_without_noise_levels_is_an_improved_ddpm() -> None:
    shapes = shapes_of("iDDPMPrecond", small_config("ADM"))
    del shapes["u"]
    assert infer_network(shapes).class_name == "iDDPMPrecond"


@st.composite
def configs(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    class_name = draw(st.sampled_from(list(PRECONDITIONERS)))
    adm = draw(st.booleans())
    mult = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    lowest = draw(st.integers(1, 12))
    resolutions = [lowest << level for level in reversed(range(len(mult)))]
    attended = draw(st.lists(st.sampled_from(resolutions), unique=True))
    config: dict[str, Any] = {
        "model_type": "DhariwalUNet" if adm else "SongUNet",
        "img_resolution": resolutions[0],
        "img_channels": draw(st.integers(1, 4)),
        "label_dim": draw(st.integers(0, 3)),
        "augment_dim": draw(st.integers(0, 3)),
        "model_channels": 64 if adm else draw(st.sampled_from([4, 6, 8, 12])),
        "channel_mult": mult,
        "channel_mult_emb": draw(st.integers(1, 4)),
        "num_blocks": draw(st.integers(1, 11 if len(mult) == 1 else 3)),
        "attn_resolutions": sorted(attended, reverse=True),
    }
    if class_name == "iDDPMPrecond":
        config["M"] = draw(st.integers(2, 20))
    if not adm:
        several = len(mult) > 1
        kinds = st.sampled_from(["standard", "skip", "residual"] if several else ["standard"])
        config |= {
            "embedding_type": draw(st.sampled_from(["positional", "fourier"])),
            "channel_mult_noise": draw(st.integers(1, 2)),
            "encoder_type": draw(kinds),
            "decoder_type": draw(kinds.filter(lambda kind: kind != "residual")),
            "resample_filter": draw(
                st.sampled_from([[1, 1], [1, 3, 3, 1], [1] * 6] if several else [[1, 1]])
            ),
        }
    return class_name, config


@settings(max_examples=60, deadline=None)
@given(configs())
def test_any_network_is_inferred_exactly(network: tuple[str, dict[str, Any]]) -> None:
    class_name, config = network
    shapes = shapes_of(class_name, config)
    inferred = infer_network(shapes)
    assert inferred.config == config
    assert inferred.class_name == (class_name if class_name == "iDDPMPrecond" else None)
    assert shapes_of(class_name, inferred.config) == shapes


# --- tensors of something else -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shapes", "said"),
    [
        ({}, "no tensor such as"),
        ({"unet.conv_in.weight": (4, 3, 3, 3)}, "no tensor such as"),
        ({"model.enc.8x8_block0.conv0.weight": (4, 4, 3, 3)}, "lack most of their tensors"),
    ],
)
def test_other_tensors(shapes: Shapes, said: str) -> None:
    with pytest.raises(NotThisFamily, match=said):
        infer_network(shapes)


GOOD = shapes_of("EDMPrecond", small_config("NCSN++"))
IMPROVED = shapes_of("iDDPMPrecond", small_config("ADM", M=30))


@pytest.mark.parametrize(
    ("name", "shape", "said"),
    [
        ("model.enc.8x8_conv.weight", None, "no tensor model.enc.8x8_conv.weight"),
        ("model.enc.8x8_conv.weight", (8, 3), "2 dimensions, not 4"),
        ("model.enc.8x8_conv.weight", (), "0 dimensions, not 4"),
        ("model.enc.8x8_conv.weight", (0, 3, 3, 3), "no multiple of its 0 base channels"),
        ("model.enc.8x8_conv.weight", (7, 3, 3, 3), "no multiple of its 7 base channels"),
        ("model.map_layer0.weight", None, "no tensor model.map_layer0.weight"),
        ("model.map_layer0.weight", (3, 16), "embedding .* no multiple"),
        ("model.map_label.weight", (1, 2, 3), "3 dimensions, not 2"),
        ("model.enc.4x4_block0.conv1.weight", None, "no tensor model.enc.4x4_block0.conv1"),
        ("model.enc.4x4_block1.norm0.weight", (8,), "different numbers of blocks"),
        ("model.enc.4x4_block7.norm0.weight", (8,), "different numbers of blocks"),
        ("model.enc.64x64_block0.norm0.weight", (8,), "do not halve"),
        ("model.enc.16x16_block0.norm0.weight", (8,), "no tensor model.enc.16x16_conv"),
        ("model.dec.8x8_aux_conv.weight", None, "no tensor model.dec.8x8_aux_conv.weight"),
        ("u", (), "0 dimensions, not 1"),
        ("u", (2,), "2 noise levels"),
        ("u", (10**9,), "1000000000 noise levels"),
    ],
)
def test_a_damaged_network_says_what_is_wrong(
    name: str, shape: tuple[int, ...] | None, said: str
) -> None:
    shapes = dict(GOOD)
    shapes.pop(name, None)
    if shape is not None:
        shapes[name] = shape
    with pytest.raises(NotThisFamily, match=said):
        infer_network(shapes)


@pytest.mark.parametrize("shape", [(), (1, 1, 0, 0), (1, 1, 17, 17)])
def test_an_impossible_filter(shape: tuple[int, ...]) -> None:
    filters = {name: shape for name in GOOD if name.endswith("resample_filter")}
    with pytest.raises(NotThisFamily, match="filter has"):
        infer_network({**GOOD, **filters})


@pytest.mark.parametrize("resolution", [0, 3, 5000, 10**9])
def test_impossible_resolutions(resolution: int) -> None:
    renamed = {key.replace("8x8", f"{resolution}x{resolution}"): GOOD[key] for key in GOOD}
    with pytest.raises(NotThisFamily):
        infer_network(renamed)


shape_lists = st.lists(st.one_of(st.integers(0, 40), st.integers(0, 2**62)), max_size=9).map(tuple)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_damaged_shapes_give_no_other_error(data: st.DataObject) -> None:
    base = data.draw(st.sampled_from([GOOD, IMPROVED]))
    names = st.sampled_from(list(base))
    shapes = dict(base)
    for name in data.draw(st.lists(names, max_size=3, unique=True)):
        del shapes[name]
    shapes |= data.draw(st.dictionaries(names, shape_lists, max_size=3))
    for before, after in data.draw(st.lists(st.tuples(names, names), max_size=2)):
        if before in shapes:
            shapes[after] = shapes.pop(before)
    said = ""
    try:
        inferred = infer_network(shapes)
    except NotThisFamily as error:
        said = str(error)
    else:
        assert inferred.config.keys() - {"M"} == expected(inferred.config).keys() - {"M"}
    assert len(said) < 300


# --- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "prefix", ["", "module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.module."]
)
@pytest.mark.parametrize("bare", [False, True])
def test_names_without_wrappers(prefix: str, bare: bool) -> None:
    names = [name.removeprefix("model.") if bare else name for name in GOOD]
    stripped = strip_wrappers({prefix + name: None for name in names})
    assert list(stripped.values()) == list(GOOD)
    assert list(stripped) == [prefix + name for name in names]


def test_a_prefix_must_be_of_all_names() -> None:
    names = ["module.map_layer0.weight", "map_layer1.weight"]
    assert strip_wrappers(names) == {name: name for name in names}
    assert strip_wrappers([]) == {}
    assert strip_wrappers(["module."]) == {"module.": ""}
