"""Maps against umap-learn and closed forms, and their files."""

import csv
import gc
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from curves import N, activations
from scipy.spatial.distance import cdist
from sklearn.manifold import trustworthiness
from sklearn.preprocessing import StandardScaler

from diffviews_desktop.errors import DataError, UsageError
from diffviews_desktop.processing.neighbors import neighbor_graph
from diffviews_desktop.processing.umap import (
    MapParameters,
    Projector,
    Stage,
    UmapResult,
    compute_umap,
    fit_map,
    layout,
    save_embeddings,
)
from diffviews_desktop.processing.umap_backend import get_umap_class

PARAMETERS = MapParameters(seed=7)


@pytest.fixture(scope="module")
def stages() -> list[Stage]:
    """What the fit of `projector` said."""
    return []


@pytest.fixture(scope="module")
def projector(stages: list[Stage]) -> Projector:
    return fit_map(activations(), PARAMETERS, progress=stages.append)


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
    assert names == ["reducing", "finding neighbours", "preparing UMAP", "UMAP", "judging the map"]
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
        ("judging the map", 0),
        ("judging the map", 1),
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


ROWS = np.random.default_rng(3).standard_normal((4000, 6)).astype(np.float32)
HARD = {
    "zeros": np.zeros((30, 5)),
    "all equal": np.full((70, 5), 3.3),
    "each many times": np.repeat(ROWS[:8], 20, axis=0),
    "one many times": np.vstack([ROWS[:60], np.repeat(ROWS[:1], 60, axis=0)]),
    "constant columns": np.hstack([ROWS[:80, :2], np.ones((80, 3))]),
    "one column": ROWS[:80, :1],
    "zero or one": (ROWS[:80, :1] > 0).astype(np.float32),
    "far groups": np.repeat(1e3 * ROWS[:12], 18, axis=0) + ROWS[: 12 * 18],
    "very many groups": np.repeat(1e3 * ROWS[:40], 16, axis=0) + ROWS[: 40 * 16],
    "pairs": np.repeat(1e3 * ROWS[:60], 2, axis=0) + 1e-3 * ROWS[:120],
    "an outlier": np.vstack([ROWS[:80], np.full((1, 6), 1e7)]),
    "a line": np.linspace(0, 1, 120)[:, None] * np.ones((1, 4)),
    "as many as neighbours": ROWS[:15],
    "one more": ROWS[:16],
}


@pytest.mark.parametrize("name", HARD)
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"n_components": 3, "metric": "cosine"},
        {"n_neighbors": 2, "n_components": 3},
        {"metric": "correlation", "pca_components": None, "min_dist": 0.0},
    ],
)
def test_whatever_the_samples_all_have_a_place(name: str, changes: dict[str, Any]) -> None:
    rows = HARD[name].astype(np.float32)
    made = fit_map(rows, MapParameters(**changes))
    assert made.places.shape == (len(rows), changes.get("n_components", 2))
    assert np.isfinite(made.places).all()
    assert np.isfinite(made.transform(rows).xy).all()
    if (made.reduced == made.reduced[0]).all():
        assert (made.places == 0).all()
        assert made.trustworthiness is None
    else:
        assert made.trustworthiness is not None
        assert 0 <= made.trustworthiness <= 1


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 16, 51, 52])
def test_a_few_samples_have_a_map_of_three_dimensions(n: int) -> None:
    made = fit_map(activations(n, 6), MapParameters(n_components=3))
    assert made.places.shape == (n, 3)
    assert np.isfinite(made.places).all()
    assert (made.trust is None) == (n < 3)


def test_a_spectral_start_that_fails_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    import umap.umap_ as theirs

    def fail(*args: Any, **kwargs: Any) -> None:
        raise ValueError("no eigenvectors")

    rows = activations(90, 8)
    with monkeypatch.context() as patch:
        patch.setattr(theirs, "spectral_layout", fail)
        made = fit_map(rows, PARAMETERS)
    assert np.isfinite(made.xy).all()
    assert made.trustworthiness > 0.8
    place = theirs.simplicial_set_embedding
    with monkeypatch.context() as patch:
        patch.setattr(theirs, "simplicial_set_embedding", fail)
        made = fit_map(rows, PARAMETERS)
    assert np.array_equal(made.xy, made.reduced[:, :2])

    def lost(*args: Any, **kwargs: Any) -> Any:
        places, more = place(*args, **kwargs)
        places[3] = np.nan
        return places, more

    seen: list[Stage] = []
    with monkeypatch.context() as patch:
        patch.setattr(theirs, "simplicial_set_embedding", lost)
        made = fit_map(rows, PARAMETERS, progress=seen.append)
    assert np.isfinite(made.xy).all()
    fractions = [stage.fraction for stage in seen if stage.name == "UMAP"]
    assert fractions == sorted(fractions)  # it was done twice, and never went back


@pytest.mark.parametrize("metric", ["cosine", "correlation"])
def test_another_metric_is_that_of_umap_learn(metric: str) -> None:
    """Rows of different lengths, so that angles and distances disagree."""
    lengths = np.random.default_rng(1).uniform(0.2, 20, (N, 1))
    rows = activations() * lengths.astype(np.float32)
    made = fit_map(rows, MapParameters(metric=metric, pca_components=8))
    reduced = made.reduction.transform(rows)
    theirs = get_umap_class()(metric=metric, random_state=42).fit_transform(reduced)
    ours, reference, euclidean = (
        trustworthiness(reduced, xy, n_neighbors=10, metric=metric)
        for xy in (made.xy, theirs, fit_map(rows, MapParameters(pca_components=8)).xy)
    )
    assert ours > reference - 0.02
    assert ours > euclidean
    near = cdist(reduced, reduced, metric).argsort(axis=1)[:, 1:6]
    found = neighbor_graph(made.reduced, 5).index
    assert np.mean(near == found) > 0.99


def test_the_map_is_judged_as_scikit_learn_does(projector: Projector) -> None:
    expected = trustworthiness(projector.reduced, projector.xy, n_neighbors=15)
    assert projector.trustworthiness == pytest.approx(expected, abs=1e-6)
    deep = fit_map(activations(), MapParameters(n_components=3, metric="cosine"))
    expected = trustworthiness(deep.reduced, deep.places, n_neighbors=15)
    assert deep.trustworthiness == pytest.approx(expected, abs=1e-6)


def test_without_pca_the_map_is_of_the_standardised_values() -> None:
    rows = activations(100, 12) * np.logspace(-2, 2, 12, dtype=np.float32)
    made = fit_map(rows, MapParameters(pca_components=None))
    assert made.reduction.components is None
    np.testing.assert_allclose(
        made.reduced, StandardScaler().fit_transform(rows.astype(np.float64)), atol=1e-4
    )
    assert made.trustworthiness > 0.9
    np.testing.assert_allclose(made.transform(rows).xy, made.xy, atol=1e-2)
    with pytest.raises(UsageError, match="A row has 4097 values"):
        fit_map(np.zeros((5, 4097), np.float32), MapParameters(pca_components=None))


def test_a_map_given_is_kept(projector: Projector) -> None:
    seen: list[Stage] = []
    made = fit_map(activations(), PARAMETERS, xy=projector.xy, progress=seen.append)
    assert np.array_equal(made.xy, projector.xy)
    # and nothing laid out
    assert {stage.name for stage in seen} == {"reducing", "finding neighbours", "judging the map"}
    assert made.trustworthiness == projector.trustworthiness
    deep = fit_map(activations(), PARAMETERS, xy=projector.xy, z=np.arange(N))
    assert np.array_equal(deep.places, np.column_stack([projector.xy, np.arange(N)]))
    assert deep.trustworthiness != projector.trustworthiness


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


# --- the functions of the original ---------------------------------------------------------------


def chain(result: UmapResult) -> Callable[[np.ndarray], np.ndarray]:
    _, reducer, scaler, pca = result

    def place(rows: np.ndarray) -> np.ndarray:
        rows = rows if scaler is None else scaler.transform(rows)
        return reducer.transform(rows if pca is None else pca.transform(rows))

    return place


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("pca_components", [6, None])
@pytest.mark.parametrize("n_components", [2, 3])
def test_the_parts_together_place_as_the_projector(
    normalize: bool, pca_components: int | None, n_components: int
) -> None:
    rows = activations(120, 10) * np.logspace(-1, 1, 10, dtype=np.float32) + 2
    result = compute_umap(
        rows, normalize=normalize, pca_components=pca_components, n_components=n_components
    )
    embedding, reducer, scaler, pca = result
    assert embedding.shape == (120, n_components)
    assert embedding.dtype == np.float32
    assert (scaler is None) == (not normalize)
    assert (pca is None) == (pca_components is None)
    assert np.array_equal(reducer.embedding_, embedding)
    np.testing.assert_allclose(chain(result)(rows), embedding, atol=1e-2)
    queries = activations(20, 10, seed=4) * np.logspace(-1, 1, 10, dtype=np.float32) + 2
    placed = reducer.projector.transform(queries)
    whole = placed.xy if placed.z is None else np.column_stack([placed.xy, placed.z])
    span = np.ptp(embedding, axis=0).max()
    np.testing.assert_allclose(chain(result)(queries), whole, atol=1e-5 * span)
    np.testing.assert_allclose(chain(result)(queries[3]), whole[3:4], atol=1e-5 * span)
    if scaler is not None:
        expected = StandardScaler().fit(rows.astype(np.float64))
        np.testing.assert_allclose(scaler.scale_, expected.scale_, rtol=1e-5)
        np.testing.assert_allclose(scaler.mean_, expected.mean_, rtol=1e-4)
    if pca is not None:
        assert pca.components_.shape == (6, 10)


def test_the_seed_and_the_other_parameters_reach_every_stage() -> None:
    rows = np.random.default_rng(0).standard_normal((700, 600)).astype(np.float32)
    first, again, other = (
        compute_umap(rows, random_state=seed, pca_components=5) for seed in (1, 1, 2)
    )
    assert np.array_equal(first.embedding, again.embedding)
    assert np.array_equal(first.pca.components_, again.pca.components_)
    assert not np.array_equal(first.embedding, other.embedding)
    assert not np.array_equal(first.pca.components_, other.pca.components_)
    parameters = MapParameters(7, 0.4, 3, 9, "correlation", 3)
    rows = rows[:90]
    made = compute_umap(rows, 7, 0.4, "correlation", 3, 9, True, 3)
    assert np.array_equal(made.embedding, fit_map(rows, parameters).places)


def test_what_is_not_finite_has_no_place_in_the_embedding() -> None:
    rows = activations(60, 6)
    rows[[0, 17], 2] = np.nan
    embedding, reducer, _, _ = compute_umap(rows)
    assert np.flatnonzero(np.isnan(embedding).any(axis=1)).tolist() == [0, 17]
    assert len(reducer.embedding_) == 58


@pytest.mark.parametrize(
    ("rows", "changes", "text"),
    [
        (np.zeros(5), {}, "must be a matrix of numbers"),
        (np.zeros((3, 0)), {}, "must be a matrix of numbers"),
        (np.zeros((3, 4), dtype=object), {}, "must be a matrix of numbers"),
        ([["a", "b"]], {}, "must be a matrix of numbers"),
        (np.zeros((9, 4)), {"n_components": 4}, "n_components must be"),
        (np.zeros((9, 4)), {"random_state": None}, "seed must be"),
        (np.zeros((9, 4)), {"metric": "manhattan"}, "metric must be"),
        (np.zeros((9, 5000)), {"pca_components": None}, "set pca_components"),
    ],
)
def test_what_cannot_be_mapped_is_refused(rows: Any, changes: dict[str, Any], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        compute_umap(rows, **changes)


def test_rows_of_another_width_do_not_fit() -> None:
    _, reducer, scaler, pca = compute_umap(activations(30, 6), pca_components=4)
    for part, width in ((scaler, 6), (pca, 6), (reducer, 4)):
        with pytest.raises(DataError, match=f"{width}"):
            part.transform(np.zeros((2, 5)))
        assert len(part.transform(np.zeros((2, width)))) == 2


class Frame:
    """Has columns, and knows no more."""

    def __init__(self, columns: dict[str, Any]) -> None:
        self._values = columns
        self.columns = list(columns)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]


COLUMNS: dict[str, Any] = {
    "sample_id": ["a,b", 'c"d', "é\nf", "g"],
    "umap_x": [9, 9, 9, 9],
    "class_label": np.array([3, 1, 4, 1]),
    "sigma": np.array([0.1, 0.25, np.nan, 1e-8], np.float32),
    "note": [None, True, "", 2.5],
}


def as_pandas(columns: dict[str, Any]) -> Any:
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame(columns, index=[7, 5, 3, 1])


@pytest.mark.parametrize("kind", [dict, Frame, as_pandas])
@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("given", ["map.csv", "map", "v1.2"])
def test_a_map_is_written_as_a_table(
    kind: Callable[..., Any], dimensions: int, given: str, tmp_path: Path
) -> None:
    places = np.random.default_rng(0).standard_normal((4, dimensions)).astype(np.float32)
    save_embeddings(places, kind(COLUMNS), tmp_path / "new" / given)
    name = "v1.2" if given == "v1.2" else "map"
    assert [file.name for file in (tmp_path / "new").iterdir()] == [f"{name}.csv"]
    with (tmp_path / "new" / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    axes = ["umap_x", "umap_y", "umap_z"][:dimensions]
    assert list(rows[0]) == ["sample_id", "class_label", "sigma", "note", *axes]
    assert [row["sample_id"] for row in rows] == COLUMNS["sample_id"]
    assert [row["class_label"] for row in rows] == ["3", "1", "4", "1"]
    read = [row["sigma"] for row in rows]
    assert read[2] == ""
    assert np.array_equal(np.array(read[:2] + read[3:], np.float32), COLUMNS["sigma"][[0, 1, 3]])
    assert [row["note"] for row in rows] == ["", "True", "", "2.5"]
    assert np.array_equal(
        np.array([[row[axis] for axis in axes] for row in rows], np.float32), places
    )


def test_a_saved_map_holds_no_formulas(tmp_path: Path) -> None:
    columns = {"sample_id": ["=1+1", "'=2"], "@sigma": [-1, np.float32(-0.5)]}
    save_embeddings(np.full((2, 2), -1.0), columns, tmp_path / "map.csv")
    text = (tmp_path / "map.csv").read_text(encoding="utf-8")
    assert text.splitlines() == [
        "sample_id,'@sigma,umap_x,umap_y",
        "'=1+1,-1,-1.0,-1.0",
        "''=2,-0.5,-1.0,-1.0",
    ]


def test_a_saved_map_opens_again_and_places_the_same(tmp_path: Path) -> None:
    rows = activations(80, 9)
    rows[5] = np.inf
    embedding, reducer, scaler, pca = compute_umap(rows, n_components=3, pca_components=4)
    parameters = {"n_neighbors": np.int64(15), "layers": ("a", "b"), "path": tmp_path}
    columns = {"sample_id": np.arange(80)}
    target = str(tmp_path / "map.csv")
    save_embeddings(embedding, columns, target, parameters, reducer, scaler, pca)
    names = sorted(file.name for file in tmp_path.iterdir())
    assert names == ["map.csv", "map.json", "map.projector.npz"]
    written = json.loads((tmp_path / "map.json").read_text(encoding="utf-8"))
    assert written == {"n_neighbors": 15, "layers": ["a", "b"], "path": str(tmp_path)}
    loaded = Projector.load(tmp_path / "map.projector.npz")
    assert loaded.rows.tolist() == [row for row in range(80) if row != 5]
    placed = loaded.transform(rows[:5])
    expected = reducer.transform(pca.transform(scaler.transform(rows[:5])))
    np.testing.assert_allclose(np.column_stack([placed.xy, placed.z]), expected, atol=1e-5)
    lines = (tmp_path / "map.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "sample_id,umap_x,umap_y,umap_z"
    assert lines[6] == "5,,,"


def test_parts_that_do_not_belong_together_are_not_written(tmp_path: Path) -> None:
    rows = activations(40, 9)
    embedding, reducer, scaler, pca = compute_umap(rows, pca_components=4)
    other = compute_umap(2 * rows + 1, pca_components=4)
    target = tmp_path / "map.csv"
    columns = {"i": range(40)}
    for parts in ((None, pca), (scaler, None), (other.scaler, pca), (other.scaler, other.pca)):
        with pytest.raises(UsageError, match="those that compute_umap returned"):
            save_embeddings(embedding, columns, target, None, reducer, *parts)
    with pytest.raises(UsageError, match="what compute_umap returned"):
        save_embeddings(embedding, columns, target, None, object(), scaler, pca)
    with pytest.raises(UsageError, match="The column i has 39 values for 40"):
        save_embeddings(embedding, {"i": range(39)}, target)
    with pytest.raises(UsageError, match=r"must be \(N, 2\) or \(N, 3\)"):
        save_embeddings(embedding[:, :1], columns, target)
    assert list(tmp_path.iterdir()) == []


def test_a_broken_write_leaves_the_old_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = compute_umap(activations(40, 9), pca_components=4)
    target, columns = tmp_path / "map.csv", {"i": range(40)}
    parts = (result.reducer, result.scaler, result.pca)
    save_embeddings(result.embedding, columns, target, {"a": 1}, *parts)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(DataError, match="No space left"):
        save_embeddings(result.embedding + 1, columns, target, {"a": 2}, *parts)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
