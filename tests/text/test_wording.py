"""Words that several places use."""

from __future__ import annotations

import pytest

from diffviews_desktop.text.wording import no_layer


@pytest.mark.parametrize("name", ["attic", "", "a" * 100_000, "\x1b[2J\n‮", "\ud800"])
def test_a_layer_that_is_not_there_is_named_in_a_few_words(name: str) -> None:
    said = no_layer("The model", name, ["stem", *(f"block_{i}" for i in range(10_000))])
    assert said.startswith("The model has no layer '")
    assert "Its layers: stem, block_0" in said
    assert len(said) < 1500
    assert said.isprintable()
    assert no_layer("digits", "attic", []) == "digits has no layer 'attic'. Its layers: none."
