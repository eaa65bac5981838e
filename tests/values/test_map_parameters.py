"""What a map may depend on."""

from typing import Any

import numpy as np
import pytest

from diffviews_desktop.errors import UsageError
from diffviews_desktop.values.maps import MapParameters, default_parameters


def test_the_usual_ones_are_told_as_ever() -> None:
    """Keys of maps in the cache are made of this."""
    assert MapParameters().to_dict() == {
        "n_neighbors": 15,
        "min_dist": 0.1,
        "pca_components": 50,
        "seed": 42,
    }


def test_others_are_told_where_they_are_chosen() -> None:
    assert MapParameters(metric="cosine").to_dict() == {
        **MapParameters().to_dict(),
        "metric": "cosine",
    }
    assert MapParameters(n_components=3, pca_components=None).to_dict() == {
        **MapParameters().to_dict(),
        "pca_components": None,
        "n_components": 3,
    }


def test_numbers_of_any_kind_are_taken_as_plain_ones() -> None:
    made = MapParameters(
        n_neighbors=np.int64(20),
        min_dist=np.float32(0.5),
        pca_components=np.int32(9),
        seed=np.uint32(2**32 - 1),
    )
    assert made == MapParameters(20, 0.5, 9, 2**32 - 1)
    assert {type(value) for value in made.to_dict().values()} == {int, float}
    assert MapParameters(min_dist=0) == MapParameters(min_dist=0.0)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("n_neighbors", 1, "from 2 to 200, not 1"),
        ("n_neighbors", 201, "from 2 to 200"),
        ("n_neighbors", 15.0, "from 2 to 200"),
        ("n_neighbors", True, "from 2 to 200"),
        ("n_neighbors", "15", "from 2 to 200"),
        ("min_dist", -0.01, "from 0 to less than 1"),
        ("min_dist", 1.0, "from 0 to less than 1"),
        ("min_dist", float("nan"), "from 0 to less than 1"),
        ("min_dist", None, "from 0 to less than 1"),
        ("min_dist", "0.1", "from 0 to less than 1"),
        ("pca_components", 0, "from 1 to 1000"),
        ("pca_components", 1001, "from 1 to 1000"),
        ("seed", -1, "from 0 to 4294967295"),
        ("seed", 2**32, "from 0 to 4294967295"),
        ("seed", None, "from 0 to 4294967295"),
        ("metric", "manhattan", "euclidean, cosine, correlation"),
        ("metric", None, "euclidean, cosine, correlation"),
        ("n_components", 1, "from 2 to 3"),
        ("n_components", 4, "from 2 to 3"),
        ("level", -0.1, "0 or more"),
        ("level", float("inf"), "0 or more"),
        ("level", "2", "0 or more"),
    ],
)
def test_what_is_not_allowed_is_refused_and_told(name: str, value: Any, allowed: str) -> None:
    with pytest.raises(UsageError, match=f"{name} must be .*{allowed}"):
        MapParameters(**{name: value})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, 50),
        ("", 50),
        (" 20 ", 20),
        ("1000", 1000),
        ("0", None),
        ("none", None),
        ("None", None),
        ("OFF", None),
    ],
)
def test_the_environment_says_how_many_components(
    text: str | None, expected: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if text is None:
        monkeypatch.delenv("DIFFVIEWS_PCA_COMPONENTS", raising=False)
    else:
        monkeypatch.setenv("DIFFVIEWS_PCA_COMPONENTS", text)
    assert default_parameters() == MapParameters(pca_components=expected)


@pytest.mark.parametrize("text", ["-1", "1001", "fifty", "12.5", "1e2", "5_0", "５０", "00x"])
def test_nonsense_in_the_environment_is_refused_by_name(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIFFVIEWS_PCA_COMPONENTS", text)
    with pytest.raises(UsageError, match=r"DIFFVIEWS_PCA_COMPONENTS must .* 1 to 1000, or"):
        default_parameters()


def test_aligned_maps_show_all_levels() -> None:
    assert "aligned" not in MapParameters().to_dict()
    assert MapParameters(aligned=True).to_dict() == {**MapParameters().to_dict(), "aligned": True}
    with pytest.raises(UsageError, match="Aligned maps show all noise levels"):
        MapParameters(aligned=True, level=2.0)


def test_a_level_is_a_part_of_the_key_only_where_there_is_one() -> None:
    assert "level" not in MapParameters().to_dict()
    assert MapParameters(level=2).to_dict()["level"] == 2.0
    assert MapParameters(level=0).to_dict()["level"] == 0.0
