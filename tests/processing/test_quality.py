"""What is measured of a map: against brute force, closed forms, and maps without structure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from curves import activations
from sklearn.manifold import trustworthiness as reference
from sklearn.neighbors import NearestNeighbors

from diffviews_desktop.errors import DataError
from diffviews_desktop.processing import quality as module
from diffviews_desktop.processing.projector import Projector
from diffviews_desktop.processing.quality import ARRAYS, exchanged_within, share_near
from diffviews_desktop.processing.umap import fit_map, refit_map
from diffviews_desktop.values.map_quality import MapQuality
from diffviews_desktop.values.maps import MapParameters

K = 15
PARAMETERS = MapParameters(pca_components=4, seed=3)


def layer(n: int = 300, d: int = 40) -> np.ndarray:
    """Groups of which four components do not tell everything."""
    rng = np.random.default_rng(1)
    return (activations(n, d) + 0.8 * rng.standard_normal((n, d))).astype(np.float32)


def groups(n: int = 300) -> np.ndarray:
    return np.arange(n) % 3


@pytest.fixture(scope="module")
def made() -> Projector:
    return fit_map(layer(), PARAMETERS, groups=groups())


def near(points: np.ndarray) -> list[set[int]]:
    search = NearestNeighbors(n_neighbors=K, algorithm="brute").fit(points.astype(np.float64))
    return [set(row) for row in search.kneighbors(return_distance=False).tolist()]


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.mean([len(a & b) / K for a, b in zip(near(one), near(other), strict=True)]))


def test_neighbours_kept_are_those_of_brute_force(
    made: Projector, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = layer().astype(np.float64)
    whole = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    quality = made.quality
    assert quality.kept == pytest.approx(overlap(made.reduced, made.xy), abs=1e-6)
    assert quality.reduction is not None
    assert quality.reduction < 0.9  # or there would be nothing to see
    assert quality.loses_neighbors
    monkeypatch.setattr(module, "PROBES_RANGE", (1000, 1000))
    every = fit_map(layer(), PARAMETERS, xy=made.xy).quality
    assert every.reduction == pytest.approx(overlap(whole, made.reduced), abs=1e-4)
    assert every.kept_of_layer == pytest.approx(overlap(whole, made.xy), abs=1e-4)
    assert quality.reduction == pytest.approx(every.reduction, abs=0.05)  # of some of them
    assert quality.kept_of_layer == pytest.approx(every.kept_of_layer, abs=0.05)


def test_without_pca_the_map_is_made_of_the_whole_layer() -> None:
    made = fit_map(layer(), MapParameters(pca_components=None))
    quality = made.quality
    assert quality.reduction == 1
    assert quality.kept_of_layer == quality.kept
    assert quality.kept == pytest.approx(overlap(made.reduced, made.xy), abs=1e-6)
    assert not quality.loses_neighbors
    assert not MapQuality().loses_neighbors  # what was not measured


def test_samples_are_exchanged_within_their_groups_alone() -> None:
    kinds = np.random.default_rng(0).integers(0, 7, 500)
    found = exchanged_within(kinds)
    assert sorted(found.tolist()) == list(range(500))
    np.testing.assert_array_equal(kinds[found], kinds)
    assert (found != np.arange(500)).mean() > 0.9
    np.testing.assert_array_equal(found, exchanged_within(kinds))
    np.testing.assert_array_equal(exchanged_within(np.arange(9)), np.arange(9))


def test_blobs_are_the_same_map_without_what_is_inside_its_groups(
    made: Projector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_SHUFFLED", 1000)
    every = fit_map(layer(), PARAMETERS, xy=made.xy, groups=groups())
    places = made.xy[exchanged_within(groups())]
    expected = reference(made.reduced.astype(np.float64), places, n_neighbors=K)
    assert every.quality.blobs == pytest.approx(expected, abs=1e-6)
    assert made.trustworthiness is not None
    assert 0.5 < expected < made.trustworthiness
    # one group is chance, and as many groups as samples are no baseline
    alone = fit_map(layer(), PARAMETERS, xy=made.xy, groups=np.zeros(300))
    assert alone.quality.blobs == pytest.approx(0.5, abs=0.05)
    assert fit_map(layer(), PARAMETERS, xy=made.xy, groups=np.arange(300)).quality.blobs is None
    assert fit_map(layer(), PARAMETERS, xy=made.xy).quality.blobs is None


def test_structureless_blobs_have_nothing_beyond_their_baseline() -> None:
    """Where samples lie at random inside of their groups, a map can show nothing but the groups."""
    rng = np.random.default_rng(0)
    kinds = np.repeat(np.arange(10), 40)
    centres = 30 * rng.standard_normal((10, 30))
    rows = (centres[kinds] + rng.standard_normal((400, 30))).astype(np.float32)
    places = (rng.uniform(-50, 50, (10, 2))[kinds] + rng.standard_normal((400, 2))).astype("f4")
    blobs = fit_map(rows, MapParameters(), xy=places, groups=kinds)
    assert blobs.quality.blobs == pytest.approx(blobs.trustworthiness, abs=0.005)


def test_copies_are_as_near_as_each_other() -> None:
    rows = np.repeat(layer()[:30], 10, axis=0)
    made = fit_map(rows, MapParameters(pca_components=3, n_neighbors=10))
    assert made.quality.kept is not None
    assert made.quality.reduction is not None
    shares = share_near(made.reduced, np.arange(300), np.arange(300).reshape(-1, 1))
    assert (shares == 1).all()
    near_copies = (np.arange(300)[:, None] // 10 * 10 + np.arange(9)) % 300
    assert (share_near(rows, np.arange(300), near_copies) == 1).all()


def test_another_layout_is_compared_with_what_is_known_of_the_layer(made: Projector) -> None:
    again = refit_map(made, MapParameters(pca_components=4, seed=9), groups=groups())
    assert made.measured is not None
    assert made.measured.probes is not None
    assert again.measured is not None
    assert again.measured.probes is not None
    assert again.quality.reduction == made.quality.reduction
    fresh = fit_map(layer(), PARAMETERS, xy=again.xy, groups=groups())
    assert again.quality == fresh.quality
    other = refit_map(made, MapParameters(pca_components=4, metric="cosine"))
    assert other.quality.kept is not None
    assert other.quality.reduction is None  # by angles, others are near


# --- the file ------------------------------------------------------------------------------------


def test_it_comes_back_from_the_file(made: Projector, tmp_path: Path) -> None:
    made.save(tmp_path / "p.npz")
    again = Projector.load(tmp_path / "p.npz")
    assert again.quality == made.quality
    assert again.measured is not None
    np.testing.assert_array_equal(again.measured.kept, made.measured.kept)
    for one, other in zip(
        vars(again.measured.probes).values(), vars(made.measured.probes).values(), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_files_of_earlier_versions_have_no_figures(made: Projector, tmp_path: Path) -> None:
    made.save(tmp_path / "p.npz")
    with np.load(tmp_path / "p.npz") as file:
        np.savez(tmp_path / "old.npz", **{k: v for k, v in file.items() if k not in ARRAYS})
    old = Projector.load(tmp_path / "old.npz")
    assert old.measured is None
    assert old.quality == MapQuality()
    assert old.spread_kept(300) is None
    assert old.trustworthiness == made.trustworthiness


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kept", np.zeros(299, np.float32)),
        ("kept", np.full(300, np.nan, np.float32)),
        ("blobs", np.float32(1.5)),
        ("blobs", np.zeros(3, np.float32)),
        ("probe_rows", np.array([300])),
        ("probe_rows", np.zeros((2, 2), np.int64)),
        ("probe_near", np.full((64, 15), -1)),
        ("probe_near", np.zeros((64, 15))),
        ("probe_reduced", np.full(64, 2, np.float32)),
        ("probe_placed", np.zeros(3, np.float32)),
    ],
)
def test_what_cannot_be_is_refused(
    name: str, value: np.ndarray, made: Projector, tmp_path: Path
) -> None:
    made.save(tmp_path / "p.npz")
    with np.load(tmp_path / "p.npz") as file:
        arrays = dict(file) | {name: value}
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(DataError, match=r"bad\.npz holds"):
        Projector.load(tmp_path / "bad.npz")


def test_a_part_of_the_samples_keeps_what_was_measured_among_all(made: Projector) -> None:
    assert made.measured is not None
    turned = np.arange(300)[::-1].copy()
    back = made.subset(turned)
    assert back.quality == made.quality
    np.testing.assert_array_equal(back.measured.kept, made.measured.kept[::-1])
    assert back.measured.probes is not None
    np.testing.assert_array_equal(back.measured.probes.near, 299 - made.measured.probes.near)
    half = made.subset(np.arange(0, 300, 2))
    np.testing.assert_array_equal(half.measured.kept, made.measured.kept[::2])
    assert half.quality.reduction is None  # their nearest are not all among them
    spread = made.spread_kept(310)
    assert spread is not None
    assert np.isnan(spread[300:]).all()
    np.testing.assert_array_equal(spread[:300], made.measured.kept)
