"""Adapters of both interfaces as one kind of model, and the facts that are read of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from poet import Poet
from tiny import DuckAdapter, GaussianAdapter, normal, tiny_adapter

from diffviews_desktop.adapters.codec import PixelCodec
from diffviews_desktop.adapters.conditioning import LabelVectors
from diffviews_desktop.adapters.edm import EDMAdapter
from diffviews_desktop.adapters.model import LabelModel, Model, as_model
from diffviews_desktop.adapters.sampling import get_denoising_sigmas
from diffviews_desktop.core.denoising import denoise
from diffviews_desktop.core.extractor import ActivationExtractor
from diffviews_desktop.core.generator import generate_with_mask_multistep, infer_layer_shape
from diffviews_desktop.core.masking import ActivationMasker
from diffviews_desktop.engine.engine import Engine
from diffviews_desktop.engine.jobs.drawing import Generate, RunResult
from diffviews_desktop.engine.jobs.mapping import Extract, LayersExtracted
from diffviews_desktop.errors import AdapterError, UsageError
from diffviews_desktop.values.conditions import (
    ClassLabel,
    Prompt,
    ZeroLabel,
    from_choice,
)
from diffviews_desktop.values.folders import FolderRef, Overrides
from diffviews_desktop.values.interventions import mean_of_samples
from diffviews_desktop.values.maps import MapSpec
from diffviews_desktop.values.sampling import SamplingSettings

# ---- today's interface --------------------------------------------------------------------------


def test_adapters_with_label_vectors_are_wrapped() -> None:
    adapter = tiny_adapter()
    model = as_model(adapter)
    assert isinstance(model, LabelModel)
    assert as_model(model) is model
    assert model.sample_shape == (3, 8, 8)
    assert model.codec == PixelCodec((8, 8, 3))
    told = model.encode([ClassLabel(3), ZeroLabel()])
    x, sigma = normal(2, 3, 8, 8), torch.tensor([1.0, 2.0])
    assert isinstance(told, LabelVectors)
    with torch.no_grad():
        expected = adapter.forward(x, sigma, told.vectors)
        assert torch.equal(model.forward(x, sigma, told), expected)


def test_guidance_has_two_halves_where_there_are_classes() -> None:
    pair = as_model(tiny_adapter()).encode_pair([ClassLabel(2)])
    assert pair.unconditional is not None
    assert as_model(GaussianAdapter()).encode_pair([ZeroLabel()]).unconditional is None


def test_pixels_are_decoded_and_encoded() -> None:
    codec = PixelCodec((2, 128, 1))
    images = np.arange(256, dtype=np.uint8).reshape(1, 2, 128, 1)
    samples = codec.encode(images)
    assert samples.shape == (1, 1, 2, 128)
    assert samples.dtype == torch.float32
    assert (samples.min(), samples.max()) == (-1, 1)
    torch.testing.assert_close(
        samples.flatten().double(), torch.arange(256, dtype=torch.float64) / 127.5 - 1,
        rtol=0, atol=1e-7,
    )  # fmt: skip
    decoded = codec.decode(samples)
    assert (decoded.int() - torch.from_numpy(images).int()).abs().max() <= 1  # it truncates


# ---- an adapter with conditions and samples of its own ------------------------------------------


def test_an_adapter_with_its_own_conditions_is_used_directly() -> None:
    poet = Poet()
    model = as_model(poet)
    assert type(model) is Model
    pair = model.encode_pair([Prompt("four", "no")])
    steps = list(
        denoise(
            poet,
            conditions=pair,
            sigmas=get_denoising_sigmas(2, 5.0, 0.5),
            generator=torch.Generator().manual_seed(1),
            guidance_scale=2.0,
            capture=["verse"],
        )
    )
    assert poet.told == [[4.0, 2.0], [4.0, 2.0]]
    x = torch.randn(1, 2, 4, 4, generator=torch.Generator().manual_seed(1)) * 5
    torch.testing.assert_close(steps[0].noised, x)
    prediction = x.sum(1, keepdim=True).repeat(1, 2, 1, 1) * 0.25 / 6 + 0.02 + 2 * 0.02
    torch.testing.assert_close(steps[0].denoised, prediction)
    assert steps[0].computed["verse"].shape == (1, 2, 4, 4)


def test_pictures_come_from_its_codec() -> None:
    result = generate_with_mask_multistep(Poet(), num_steps=2, sigma_max=5.0, sigma_min=0.5)
    assert result.images.shape == (1, 8, 8, 1)
    assert result.labels.tolist() == [-2]
    assert infer_layer_shape(Poet(), "verse") == (2, 4, 4)


def test_its_masks_and_hooks_are_those_of_every_model() -> None:
    model = as_model(Poet())
    masker = ActivationMasker(model)
    masker.set_mask("verse", torch.ones(1, 2, 4, 4))
    with masker, ActivationExtractor(model, ["verse"]) as extractor:
        given = model.forward(torch.zeros(1, 2, 4, 4), torch.ones(1), model.encode([Prompt("")]))
        assert torch.equal(extractor.get_activations()["verse"], torch.ones(1, 2, 4, 4))
    assert torch.equal(given, torch.ones(1, 2, 4, 4))


def test_the_engine_extracts_and_draws_with_it(
    register: Callable[[str, type], None], tiny_data: Callable[..., Path]
) -> None:
    register("poet", Poet)
    source = FolderRef(
        tiny_data(channels=1, samples=12, embedding=False),
        overrides=Overrides(adapter="poet", extraction_input="scaled"),
    )
    engine = Engine("cpu", threads=1)
    out = source.path / "out"
    made = engine.run(
        Extract(job_id=1, folder=source, model="tiny", layer_sets=(("verse",),), out=out)
    )
    assert isinstance(made, LayersExtracted)
    rows = np.load(out / "verse.npy")
    table = engine.workspace.open(source, "tiny").samples.table
    from diffviews_desktop.data.folder.pictures import read_image

    image = read_image(table.picture(5), 8, 1)
    small = Poet.codec.encode(image[None])[0, 0].numpy() * table.sigma[5]
    expected = small * 0.5 / (1 + table.sigma[5])
    np.testing.assert_allclose(rows[5].reshape(2, 4, 4)[0], expected, atol=1e-6)
    drawn = engine.run(
        Generate(
            job_id=2,
            folder=source,
            spec=MapSpec("tiny", ("verse",)),
            interventions=mean_of_samples((1, 2)),
            condition=from_choice("random"),
            settings=SamplingSettings(num_steps=2, sigma_max=5.0, sigma_min=0.5),
        )
    )
    assert isinstance(drawn, RunResult)
    assert drawn.image.shape == (8, 8, 1)


# ---- facts --------------------------------------------------------------------------------------


def test_facts_of_a_built_in_adapter() -> None:
    facts = as_model(tiny_adapter()).facts
    assert (facts.resolution, facts.channels, facts.sample_shape) == (8, 3, (3, 8, 8))
    assert (facts.num_classes, facts.prompts) == (5, False)
    assert list(facts.layers) == tiny_adapter().hookable_layers
    assert facts.layers["encoder_bottleneck"] == (64, 4, 4)
    assert facts.default_layer == "encoder_bottleneck"
    assert (facts.device, facts.precision) == ("cpu", "float32")
    assert (facts.sigma_min, facts.sigma_max) == (tiny_adapter().sigma_min, math.inf)
    assert "EDM, 18 steps" in facts.presets
    assert facts.defaults["sampler"] == "heun"


def test_facts_of_an_adapter_that_says_as_little_as_it_may() -> None:
    facts = as_model(DuckAdapter()).facts
    assert (facts.resolution, facts.channels) == (6, 3)
    assert facts.default_layer == "stem"
    assert (facts.sigma_min, facts.sigma_max) == (0.0, math.inf)
    assert (facts.class_names, facts.notes, facts.presets) == ({}, (), {})
    assert (facts.device, facts.precision, facts.guidance_note) == ("cpu", "", "")


def test_facts_of_one_that_makes_latents() -> None:
    facts = as_model(Poet()).facts
    assert (facts.resolution, facts.channels, facts.sample_shape) == (8, 1, (2, 4, 4))
    assert facts.prompts


def test_facts_are_read_once() -> None:
    reads = []

    class Counting(DuckAdapter):
        def get_layer_shapes(self) -> dict[str, tuple[int, ...]]:
            reads.append(1)
            return super().get_layer_shapes()

    model = as_model(Counting())
    assert model.facts is model.facts
    assert len(reads) == 1


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"hookable_layers": ("stem", "beak")}, "lists layers that it gives no shape of"),
        ({"hookable_layers": ()}, "lists no layers"),
        ({"resolution": 0}, "makes pictures of the shape"),
        ({"num_classes": -1}, "has -1 classes"),
    ],
)
def test_facts_that_cannot_be_are_refused(members: dict[str, Any], says: str) -> None:
    adapter = type("Odd", (DuckAdapter,), members)()
    with pytest.raises(AdapterError, match=rf"The adapter duck {says}.*\. Ask its author\."):
        _ = as_model(adapter).facts


def test_pictures_that_are_not_square_are_refused() -> None:
    class Wide(Poet):
        codec = replace(PixelCodec((8, 8, 1)), image_shape=(4, 8, 1))  # type: ignore[assignment]

    with pytest.raises(AdapterError, match="makes pictures of 8x4, which are not square"):
        _ = as_model(Wide()).facts


def test_a_prompt_for_a_model_with_classes_says_so() -> None:
    adapter: EDMAdapter = tiny_adapter()
    with pytest.raises(UsageError, match="takes no prompts"):
        as_model(adapter).encode_pair([Prompt("a cat")])
