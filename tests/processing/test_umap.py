"""Maps, and places on them, against umap-learn and closed forms."""

import gc
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.manifold import trustworthiness

from diffviews_desktop.errors import DataError
from diffviews_desktop.processing.reduction import Reduction, fit_reduction
from diffviews_desktop.processing.umap import (
    MapParameters,
    Projector,
    Stage,
    fit_map,
    layout,
)
from diffviews_desktop.processing.umap_backend import get_umap_class

PARAMETERS = MapParameters(seed=7)
N, D = 240, 40


def activations(n: int = N, d: int = D, seed: int = 0) -> np.ndarray:
    """Three groups, each a curve in space."""
    rng = np.random.default_rng(seed)
    centres = 6 * rng.standard_normal((3, d))
    along = rng.uniform(0, 3, n)[:, None] * rng.standard_normal((1, d))
    rows = centres[np.arange(n) % 3] + along + 0.3 * rng.standard_normal((n, d))
    return rows.astype(np.float32)


@pytest.fixture(scope="module")
def stages() -> list[Stage]:
    """What the fit of `projector` said."""
    return []


@pytest.fixture(scope="module")
def projector(stages: list[Stage]) -> Projector:
    return fit_map(activations(), PARAMETERS, progress=stages.append)


def simple(n: int = 30, seed: int = 0, rows: np.ndarray | None = None) -> Projector:
    """A projector whose reduced space is the activations themselves."""
    rng = np.random.default_rng(seed)
    identity = Reduction(np.zeros(3, np.float32), np.ones(3, np.float32), np.eye(3, dtype="f4"))
    reduced, xy = (rng.standard_normal((n, k)).astype(np.float32) for k in (3, 2))
    return Projector(identity, reduced, xy, np.arange(n) if rows is None else rows)


# --- the map -------------------------------------------------------------------------------------


def test_the_map_is_as_trustworthy_as_that_of_umap_learn(projector: Projector) -> None:
    reference = get_umap_class()(n_neighbors=15, min_dist=0.1, random_state=7)
    xy = reference.fit_transform(projector.reduced)
    ours, theirs = (
        trustworthiness(projector.reduced, m, n_neighbors=10) for m in (projector.xy, xy)
    )
    assert ours > theirs - 0.02
    assert ours > 0.9
    group = np.arange(N) % 3  # and the three groups are three
    centres = np.stack([projector.xy[group == g].mean(axis=0) for g in range(3)])
    own = np.linalg.norm(projector.xy[:, None] - centres[None], axis=2)
    assert (own.argmin(axis=1) == group).all()


def test_the_same_seed_gives_the_same_map_bit_for_bit(projector: Projector) -> None:
    state = np.random.get_state()[1].copy()
    again = fit_map(activations(), PARAMETERS)
    assert np.array_equal(again.xy, projector.xy)
    assert np.array_equal(again.reduced, projector.reduced)
    assert np.array_equal(again.reduction.components, projector.reduction.components)
    assert np.array_equal(np.random.get_state()[1], state)  # no global seed is touched


def test_another_seed_gives_another_map(projector: Projector) -> None:
    other = layout(projector.reduced, MapParameters(seed=8), lambda stage: None)
    assert not np.array_equal(other, projector.xy)


def test_every_stage_reports_its_progress(projector: Projector, stages: list[Stage]) -> None:
    assert projector.xy.shape == (N, 2)
    names = list(dict.fromkeys(stage.name for stage in stages))
    assert names == ["reducing", "finding neighbours", "preparing UMAP", "UMAP"]
    for name in names:
        fractions = [stage.fraction for stage in stages if stage.name == name]
        assert fractions == sorted(fractions)
        assert all(0 <= fraction <= 1 for fraction in fractions)
        assert fractions[-1] == (0 if name == "preparing UMAP" else 1)
    assert sum(stage.name == "UMAP" for stage in stages) > 50


@pytest.mark.parametrize(
    ("name", "fraction"),
    [
        ("reducing", 0),
        ("reducing", 1),
        ("finding neighbours", 0),
        ("preparing UMAP", 0),
        ("UMAP", 0),
        ("UMAP", 0.4),
        ("UMAP", 1),
    ],
)
def test_a_callback_that_raises_stops_the_fit(
    projector: Projector, name: str, fraction: float, capsys: pytest.CaptureFixture
) -> None:
    seen: list[Stage] = []

    def stop(stage: Stage) -> None:
        seen.append(stage)
        if stage.name == name and stage.fraction >= fraction:
            raise KeyError(name)

    with pytest.raises(KeyError):
        fit_map(activations(90, 8), PARAMETERS, progress=stop)
    gc.collect()
    assert seen[-1].name == name
    # nothing went on behind, though the bar that is listened to may say its last words twice
    assert len({stage for stage in seen if stage.name == name and stage.fraction >= fraction}) == 1
    assert capsys.readouterr() == ("", "")


def test_a_fit_prints_nothing(capfd: pytest.CaptureFixture) -> None:
    fit_map(activations(60, 8), PARAMETERS)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 16])
@pytest.mark.parametrize("d", [1, 6])
def test_a_few_samples_have_a_map_too(n: int, d: int) -> None:
    rows = activations(n, d)
    made = fit_map(rows, PARAMETERS)
    assert made.xy.shape == (n, 2)
    assert made.xy.dtype == np.float32
    assert np.isfinite(made.xy).all()
    assert made.reduced.shape == (n, min(n, d))
    assert np.isfinite(made.transform(rows).xy).all()
    again = fit_map(rows, PARAMETERS)
    assert np.array_equal(again.xy, made.xy)


def test_three_samples_lie_at_their_components() -> None:
    rows = np.array([[0, 0, 0], [1, 0, 0], [0, 3, 0]], np.float32)
    made = fit_map(rows, PARAMETERS)
    standard = (rows - rows.mean(axis=0)) / np.where(rows.std(axis=0), rows.std(axis=0), 1)
    expected = np.linalg.norm(standard[:, None] - standard[None], axis=2)
    got = np.linalg.norm(made.xy[:, None] - made.xy[None], axis=2)
    np.testing.assert_allclose(got, expected, atol=1e-5)


@pytest.mark.parametrize("rows", [np.zeros((30, 5)), np.repeat(activations(8, 5), 20, axis=0)])
def test_identical_samples_have_a_map(rows: np.ndarray) -> None:
    made = fit_map(rows.astype(np.float32), PARAMETERS)
    assert np.isfinite(made.xy).all()


def test_45_a_map_given_is_kept(projector: Projector) -> None:
    seen: list[Stage] = []
    made = fit_map(activations(), PARAMETERS, xy=projector.xy, progress=seen.append)
    assert np.array_equal(made.xy, projector.xy)
    assert {stage.name for stage in seen} == {"reducing"}  # and nothing laid out


def test_rows_that_are_not_finite_have_no_place(caplog: pytest.LogCaptureFixture) -> None:
    rows = activations(40, 6)
    good = fit_map(rows, PARAMETERS)
    bad = np.insert(rows, [0, 17], np.nan, axis=0)
    bad[18, 1:] = np.inf
    kept = np.delete(np.arange(42), [0, 18])
    with caplog.at_level(logging.WARNING):
        made = fit_map(bad, PARAMETERS)
    assert "2 activations hold NaN" in caplog.text
    assert made.rows.tolist() == kept.tolist()
    assert np.array_equal(made.xy, good.xy)
    xy, reduced = made.spread(42)
    assert np.flatnonzero(np.isnan(xy).any(axis=1)).tolist() == [0, 18]
    assert np.flatnonzero(np.isnan(reduced).any(axis=1)).tolist() == [0, 18]
    # with a map and numbers of its own
    given = fit_map(bad, PARAMETERS, xy=np.arange(84).reshape(42, 2), rows=np.arange(100, 142))
    assert given.rows.tolist() == (100 + kept).tolist()
    assert given.xy[:, 0].tolist() == (2 * kept).tolist()
    with pytest.raises(DataError, match="None of the activations"):
        fit_map(np.full((5, 3), np.nan, np.float32), PARAMETERS)


def test_parameters_as_plain_values() -> None:
    assert MapParameters().to_dict() == {
        "n_neighbors": 15,
        "min_dist": 0.1,
        "pca_components": 50,
        "seed": 42,
    }


# --- places on it --------------------------------------------------------------------------------


def test_27_samples_come_back_to_their_places(projector: Projector) -> None:
    placed = projector.transform(activations())
    np.testing.assert_allclose(placed.xy, projector.xy, atol=1e-2)
    assert placed.distance.max() < 1e-3


def test_27_the_same_activation_has_the_same_place_alone_or_in_a_batch(
    projector: Projector,
) -> None:
    rows = np.vstack([activations(20, seed=5), activations()[:20]])
    far = np.full((1, D), 1e7, np.float32)
    broken = np.full((1, D), np.nan, np.float32)
    together = projector.transform(np.vstack([rows, far, broken]))
    for i, row in enumerate(rows):
        alone = projector.transform(row)
        assert np.array_equal(alone.xy[0], together.xy[i])
        assert alone.distance[0] == together.distance[i]
    assert np.isfinite(together.xy[-2]).all()
    assert np.isnan(together.xy[-1]).all()  # and it alone has no place


def test_a_place_is_the_mean_weighted_by_inverse_distance() -> None:
    made = simple()
    query = np.array([0.2, -0.1, 0.4], np.float32)
    distance = np.linalg.norm(made.reduced.astype(np.float64) - query, axis=1)
    near = np.argsort(distance)[:15]
    expected = np.average(made.xy[near], axis=0, weights=1 / distance[near])
    placed = made.transform(query)
    np.testing.assert_allclose(placed.xy[0], expected, rtol=1e-5)
    assert placed.distance[0] == pytest.approx(distance[near[0]], rel=1e-6)


def test_an_exact_hit_is_at_its_sample_whatever_else_is_placed() -> None:
    made = simple()
    far = np.full((1, 3), 1e12, np.float32)
    placed = made.transform(np.vstack([made.reduced, far]))
    np.testing.assert_allclose(placed.xy[:-1], made.xy, atol=1e-6)
    assert (placed.distance[:-1] == 0).all()
    assert placed.distance[-1] == pytest.approx(np.sqrt(3) * 1e12, rel=1e-6)


def test_the_distance_says_how_unlike_the_data_it_is(projector: Projector) -> None:
    mean = activations().mean(axis=0)
    direction = activations()[0] - mean
    distances = [projector.transform(mean + s * direction).distance[0] for s in (1, 3, 10, 100)]
    assert distances == sorted(distances)
    assert distances[0] < 1e-3
    assert distances[-1] > 50


def test_a_row_of_another_width_is_refused() -> None:
    with pytest.raises(DataError, match="Activations of 4 values do not fit a map of 3"):
        simple().transform(np.zeros((1, 4), np.float32))


def test_spread_over_the_table() -> None:
    made = simple(3, rows=np.array([4, 0, 2]))
    xy, reduced = made.spread(6)
    assert np.array_equal(xy[[4, 0, 2]], made.xy)
    assert np.array_equal(reduced[[4, 0, 2]], made.reduced)
    assert np.isnan(xy[[1, 3, 5]]).all()
    assert np.isnan(reduced[[1, 3, 5]]).all()
    with pytest.raises(DataError, match="another set of samples"):
        made.spread(4)


def test_a_subset_is_renumbered_in_the_order_asked_for() -> None:
    made = simple(4, rows=np.array([1, 3, 5, 7]))
    part = made.subset(np.array([7, 2, 3, 0]))  # 2 and 0 have no place
    assert part.rows.tolist() == [0, 2]
    assert np.array_equal(part.xy, made.xy[[3, 1]])
    assert np.array_equal(part.reduced, made.reduced[[3, 1]])
    assert part.reduction is made.reduction


# --- files ---------------------------------------------------------------------------------------


def arrays(made: Projector) -> Iterator[tuple[str, np.ndarray]]:
    yield "mean", made.reduction.mean
    yield "scale", made.reduction.scale
    yield "components", made.reduction.components
    yield "reduced", made.reduced
    yield "xy", made.xy
    yield "rows", made.rows


def test_45_a_projector_reads_back_bit_for_bit(projector: Projector, tmp_path: Path) -> None:
    path = tmp_path / "a.projector.npz"
    projector.save(path)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    loaded = Projector.load(path)
    for (name, before), (_, after) in zip(arrays(projector), arrays(loaded), strict=True):
        assert np.array_equal(before, after), name
        assert before.dtype == after.dtype, name
    rows = activations(10, seed=3)
    assert np.array_equal(loaded.transform(rows).xy, projector.transform(rows).xy)


def test_a_damaged_file_is_a_data_error(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with pytest.raises(DataError, match=r"a\.npz cannot be read"):
        Projector.load(path)
    simple().save(path)
    whole = path.read_bytes()
    for size in [*range(0, len(whole), 97), len(whole) - 1]:
        path.write_bytes(whole[:size])
        with pytest.raises(DataError, match=r"a\.npz"):
            Projector.load(path)
    np.save(tmp_path / "a.npy", np.zeros(3))
    path.write_bytes((tmp_path / "a.npy").read_bytes())
    with pytest.raises(DataError):
        Projector.load(path)


def replaced(name: str, value: Any) -> dict[str, Any]:
    return {"format": np.int64(1), **dict(arrays(simple())), name: value}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("format", np.int64(2)),
        ("mean", np.float32(0)),
        ("mean", np.zeros(4, np.float32)),
        ("mean", np.array([0, np.nan, 0])),
        ("scale", np.zeros(3, np.float32)),
        ("scale", -np.ones(3, np.float32)),
        ("components", np.eye(3)[:2]),
        ("components", np.float32(1)),
        ("reduced", np.float32(1)),
        ("reduced", np.full((30, 3), np.inf)),
        ("xy", np.zeros((30, 3))),
        ("xy", np.full((30, 2), np.nan)),
        ("rows", np.arange(29)),
        ("rows", np.arange(30) - 1),
        ("rows", np.int64(1)),
        ("rows", np.array(["a"] * 30)),
        ("xy", np.array([[{}, {}]] * 30, dtype=object)),
    ],
)
def test_arrays_that_cannot_be_are_refused(tmp_path: Path, name: str, value: Any) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, **replaced("format", np.int64(1)))
    assert len(Projector.load(path).rows) == 30
    np.savez(path, **replaced(name, value))
    with pytest.raises(DataError, match=r"a\.npz"):
        Projector.load(path)


def test_a_missing_array_is_a_data_error(tmp_path: Path) -> None:
    values = replaced("format", np.int64(1))
    del values["scale"]
    np.savez(tmp_path / "a.npz", **values)
    with pytest.raises(DataError, match=r"a\.npz cannot be read"):
        Projector.load(tmp_path / "a.npz")


def test_a_reduction_fitted_alone_fits_the_projector() -> None:
    reduction, reduced = fit_reduction(activations(50, 6), 4)
    xy = reduced[:, :2]
    made = Projector(reduction, reduced, xy, np.arange(50))
    np.testing.assert_allclose(made.transform(activations(50, 6)).xy, xy, atol=1e-2)
