"""Places on a map against closed forms, and the file that holds them."""

import itertools
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from curves import D, N, activations
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from diffviews_desktop.errors import DataError
from diffviews_desktop.processing.components import Reduction
from diffviews_desktop.processing.projector import Projector, replacing
from diffviews_desktop.processing.reduction import fit_reduction
from diffviews_desktop.processing.umap import MapParameters, fit_map


@pytest.fixture(scope="module")
def projector() -> Projector:
    return fit_map(activations(), MapParameters(seed=7))


@pytest.fixture(scope="module")
def deep() -> Projector:
    """A map of three dimensions, by angles, without PCA."""
    parameters = MapParameters(n_components=3, metric="cosine", pca_components=None)
    return fit_map(activations(), parameters)


def simple(n: int = 30, seed: int = 0, rows: np.ndarray | None = None, **more: Any) -> Projector:
    """A projector whose reduced space is the activations themselves."""
    rng = np.random.default_rng(seed)
    identity = Reduction(np.zeros(3, np.float32), np.ones(3, np.float32), np.eye(3, dtype="f4"))
    reduced, xy = (rng.standard_normal((n, k)).astype(np.float32) for k in (3, 2))
    return Projector(identity, reduced, xy, np.arange(n) if rows is None else rows, **more)


def full(n: int = 30, rows: np.ndarray | None = None) -> Projector:
    """One with everything that a projector may have."""
    rng = np.random.default_rng(1)
    z, trust, near, outside = rng.random((4, n)).astype(np.float32)
    figures = {"z": z, "trust": trust, "near": near, "outside": outside}
    return simple(n, rows=rows, metric="cosine", **figures)


# --- places on it --------------------------------------------------------------------------------


def test_samples_come_back_to_their_places(projector: Projector) -> None:
    placed = projector.transform(activations())
    np.testing.assert_allclose(placed.xy, projector.xy, atol=1e-2)
    assert placed.distance.max() < 1e-3


def test_the_same_activation_has_the_same_place_alone_or_in_a_batch(
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


@pytest.mark.parametrize("name", ["projector", "deep"])
@given(
    numbers=st.lists(st.integers(0, N - 1), min_size=1, max_size=40),
    moved=st.floats(0, 50),
    extreme=st.sampled_from([0.0, 1e-30, 1e12, np.nan, np.inf]),
    strided=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_whatever_the_batch_a_place_is_the_same(
    name: str,
    numbers: list[int],
    moved: float,
    extreme: float,
    strided: bool,
    request: pytest.FixtureRequest,
) -> None:
    made: Projector = request.getfixturevalue(name)
    noise = np.random.default_rng(len(numbers)).standard_normal((len(numbers), D))
    rows = (activations()[numbers] + moved * noise).astype(np.float32)
    batch = np.vstack([rows, np.full((1, D), extreme, np.float32)])
    if strided:
        batch = np.asfortranarray(batch)
    span = np.ptp(made.places, axis=0).max()
    together = made.transform(batch)
    for i, row in enumerate(rows):
        alone = made.transform(row)
        assert np.abs(alone.xy[0] - together.xy[i]).max() <= 1e-5 * span
        assert alone.distance[0] == pytest.approx(together.distance[i], rel=1e-5, abs=1e-6)
        if made.z is not None:
            assert alone.z is not None
            assert together.z is not None
            assert abs(alone.z[0] - together.z[i]) <= 1e-5 * span


@pytest.mark.parametrize("n", [200, 22, 21, 20, 7, 2])
def test_a_place_is_the_mean_weighted_by_nearness(n: int) -> None:
    made = simple(n)
    query = np.array([0.2, -0.1, 0.4], np.float32)
    distance = np.linalg.norm(made.reduced.astype(np.float64) - query, axis=1)
    near = np.argsort(distance)
    reach = distance[near[20]] if n > 20 else 2 * distance.max()
    near = near[:20]
    weights = ((reach - distance[near]) / (reach * distance[near])) ** 3
    expected = np.average(made.xy[near], axis=0, weights=weights)
    placed = made.transform(query)
    np.testing.assert_allclose(placed.xy[0], expected, rtol=1e-5)
    assert placed.distance[0] == pytest.approx(distance[near[0]], rel=1e-6)


def test_a_place_follows_the_activation_without_jumping() -> None:
    """Though on the way the neighbours change."""
    made = simple(300)
    way = np.linspace(-1, 1, 4001, dtype=np.float32)[:, None] * np.array([1, 0.5, -0.3], "f4")
    near = [set(np.argsort(np.linalg.norm(made.reduced - row, axis=1))[:20]) for row in way[::40]]
    assert sum(a != b for a, b in itertools.pairwise(near)) > 25
    placed = made.transform(way).xy
    steps = np.linalg.norm(np.diff(placed, axis=0), axis=1)
    assert steps.max() < 0.01 * np.ptp(made.xy)


def test_far_from_all_samples_none_is_nearer() -> None:
    made = simple(20)
    placed = made.transform(np.array([1e9, -1e9, 1e9], np.float32))
    np.testing.assert_allclose(placed.xy[0], made.xy.mean(axis=0), atol=1e-5)


def test_samples_at_one_place_weigh_the_same() -> None:
    made = simple(60)
    made.reduced[:] = made.reduced[0]
    assert np.isfinite(made.transform(made.reduced[0]).xy).all()
    placed = made.transform(made.reduced[0] + 1)
    np.testing.assert_allclose(placed.xy[0], made.xy[:20].mean(axis=0), atol=1e-5)


def test_an_exact_hit_is_at_its_sample_whatever_else_is_placed() -> None:
    made = simple()
    far = np.full((1, 3), 1e12, np.float32)
    placed = made.transform(np.vstack([made.reduced, far]))
    np.testing.assert_allclose(placed.xy[:-1], made.xy, atol=1e-6)
    assert (placed.distance[:-1] == 0).all()
    assert placed.distance[-1] == pytest.approx(np.sqrt(3) * 1e12, rel=1e-6)


@pytest.mark.parametrize("metric", ["cosine", "correlation"])
def test_places_go_by_the_neighbours_of_the_metric(metric: str) -> None:
    rows = activations()
    made = fit_map(rows, MapParameters(metric=metric), xy=np.zeros((N, 2)))
    queries = activations(30, seed=4)
    reduced, asked = made.reduction.transform(rows), made.reduction.transform(queries)
    near = NearestNeighbors(n_neighbors=21, metric=metric, algorithm="brute").fit(reduced)
    distance, index = near.kneighbors(asked)
    # one sample on the map at 1, the others at 0: the place is its weight
    for query in range(30):
        xy = np.zeros((N, 2), np.float32)
        xy[index[query, 0]] = 1
        marked = Projector(made.reduction, made.reduced, xy, made.rows, metric=metric)
        placed = marked.transform(queries[query])
        chord = np.sqrt(2 * distance[query])
        weights = ((chord[-1] - chord) / (chord[-1] * chord)) ** 3
        assert placed.xy[0, 0] == pytest.approx(weights[0] / weights.sum(), rel=1e-2)
        assert placed.distance[0] == pytest.approx(np.sqrt(2 * distance[query, 0]), abs=1e-4)


def test_a_map_of_three_dimensions_has_a_third_coordinate(deep: Projector) -> None:
    assert deep.places.shape == (N, 3)
    assert deep.z is not None
    assert np.array_equal(deep.places[:, 2], deep.z)
    placed = deep.transform(activations())
    assert placed.z is not None
    np.testing.assert_allclose(np.column_stack([placed.xy, placed.z]), deep.places, atol=1e-2)


def test_rows_may_come_reduced_already(projector: Projector) -> None:
    queries = activations(20, seed=5)
    there, here = (
        projector.transform(queries),
        projector.place(projector.reduction.transform(queries)),
    )
    assert np.array_equal(there.xy, here.xy)
    with pytest.raises(DataError, match="Reduced activations of 3 values do not fit a map of 40"):
        projector.place(np.zeros((1, 3)))


def test_the_figure_is_the_mean_of_its_samples() -> None:
    assert simple().trustworthiness is None
    made = full()
    assert made.trust is not None
    assert made.trustworthiness == pytest.approx(made.trust.astype(np.float64).mean())


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


def test_spread_of_what_only_some_maps_have() -> None:
    assert simple().spread_extra(30) == (None, None)
    made = full(3, rows=np.array([4, 0, 2]))
    z, trust = made.spread_extra(6)
    for values, expected in ((z, made.z), (trust, made.trust)):
        assert values is not None
        assert values.dtype == np.float32
        assert np.array_equal(values[[4, 0, 2]], expected)
        assert np.isnan(values[[1, 3, 5]]).all()
    with pytest.raises(DataError, match="another set of samples"):
        made.spread_extra(4)


def test_a_subset_is_renumbered_in_the_order_asked_for() -> None:
    made = simple(4, rows=np.array([1, 3, 5, 7]))
    part = made.subset(np.array([7, 2, 3, 0]))  # 2 and 0 have no place
    assert part.rows.tolist() == [0, 2]
    assert np.array_equal(part.xy, made.xy[[3, 1]])
    assert np.array_equal(part.reduced, made.reduced[[3, 1]])
    assert part.reduction is made.reduction
    assert part.spread_extra(2) == (None, None)
    whole = full(4, rows=np.array([1, 3, 5, 7]))
    part = whole.subset(np.array([7, 2, 3, 0]))
    assert np.array_equal(part.z, whole.z[[3, 1]])
    assert np.array_equal(part.trust, whole.trust[[3, 1]])
    assert np.array_equal(part.near, whole.near[[3, 1]])
    assert np.array_equal(part.outside, whole.outside[[3, 1]])
    assert part.metric == "cosine"


# --- files ---------------------------------------------------------------------------------------


def arrays(made: Projector) -> Iterator[tuple[str, np.ndarray]]:
    yield "mean", made.reduction.mean
    yield "scale", made.reduction.scale
    if made.reduction.components is not None:
        yield "components", made.reduction.components
    yield "reduced", made.reduced
    yield "xy", made.xy
    yield "rows", made.rows
    if made.z is not None:
        yield "z", made.z
    if made.trust is not None:
        yield "trust", made.trust
    if made.near is not None:
        yield "near", made.near
    if made.outside is not None:
        yield "outside", made.outside


@pytest.mark.parametrize("name", ["projector", "deep"])
def test_a_projector_reads_back_bit_for_bit(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    made: Projector = request.getfixturevalue(name)
    path = tmp_path / "a.projector.npz"
    made.save(path)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    loaded = Projector.load(path)
    for (array, before), (_, after) in zip(arrays(made), arrays(loaded), strict=True):
        assert np.array_equal(before, after), array
        assert before.dtype == after.dtype, array
    assert loaded.metric == made.metric
    assert loaded.trustworthiness == made.trustworthiness
    rows = activations(10, seed=3)
    assert np.array_equal(loaded.transform(rows).xy, made.transform(rows).xy)


def test_a_file_of_the_first_format_reads_as_it_was(tmp_path: Path) -> None:
    made = simple()
    np.savez(tmp_path / "a.npz", format=np.int64(1), **dict(arrays(made)))
    loaded = Projector.load(tmp_path / "a.npz")
    for (array, before), (_, after) in zip(arrays(made), arrays(loaded), strict=True):
        assert np.array_equal(before, after), array
    assert (loaded.z, loaded.trust, loaded.metric) == (None, None, "euclidean")


def test_the_demos_projectors_read(demo: Path) -> None:
    files = sorted(demo.glob("*/embeddings/*.projector.npz"))
    assert files
    for file in files:
        loaded = Projector.load(file)
        placed = loaded.place(loaded.reduced[:5])
        np.testing.assert_allclose(placed.xy, loaded.xy[:5], atol=1e-3)


def test_reading_and_placing_imports_nothing_heavy(deep: Projector, tmp_path: Path) -> None:
    deep.save(tmp_path / "a.npz")
    np.save(tmp_path / "rows.npy", activations(3, seed=3))
    program = (
        "import sys; from pathlib import Path; import numpy as np\n"
        "from diffviews_desktop.processing.projector import Projector\n"
        "made = Projector.load(Path(sys.argv[1], 'a.npz'))\n"
        "rows = np.load(Path(sys.argv[1], 'rows.npy'))\n"
        "np.save(Path(sys.argv[1], 'xy.npy'), made.transform(rows).xy)\n"
        "heavy = {'umap', 'numba', 'sklearn', 'scipy', 'pandas', 'torch'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    placed = deep.transform(activations(3, seed=3)).xy
    np.testing.assert_allclose(np.load(tmp_path / "xy.npy"), placed, atol=1e-5)


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(b"before")

    def write(parts: list[bytes]) -> None:
        with replacing(path) as file:
            file.write(parts[0])
            file.write(parts[1])

    with pytest.raises(IndexError):
        write([b"half"])
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_damaged_file_is_a_data_error(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with pytest.raises(DataError, match=r"a\.npz is not a readable archive"):
        Projector.load(path)
    full(5).save(path)
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
    made = full()
    plain = {"format": np.int64(2), "metric": np.array(made.metric)}
    return {**plain, **dict(arrays(made)), name: value}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("format", np.int64(3)),
        ("format", np.int64(0)),
        ("metric", np.array("manhattan")),
        ("metric", np.array(["cosine", "cosine"])),
        ("z", np.zeros(29)),
        ("z", np.full(30, np.nan)),
        ("trust", np.zeros((30, 1))),
        ("trust", np.full(30, 1.5)),
        ("trust", np.full(30, -0.1)),
        ("near", np.zeros(29)),
        ("near", np.full(30, -0.1)),
        ("outside", np.full(30, np.nan)),
        ("outside", np.full(30, 1.5)),
        ("mean", np.float32(0)),
        ("mean", np.zeros(4, np.float32)),
        ("mean", np.array([0, np.nan, 0])),
        ("scale", np.zeros(3, np.float32)),
        ("scale", -np.ones(3, np.float32)),
        ("components", np.eye(3)[:2]),
        ("components", np.float32(1)),
        ("components", np.zeros((0, 4))),
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
    np.savez(path, **replaced("format", np.int64(2)))
    assert len(Projector.load(path).rows) == 30
    np.savez(path, **replaced(name, value))
    with pytest.raises(DataError, match=r"a\.npz"):
        Projector.load(path)


@pytest.mark.parametrize("name", ["reduced", "components", "metric", "kept", "probe_near"])
def test_arrays_of_another_size_are_not_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.npz"
    shape = {"components": (1, 20_000_000), "reduced": (20_000_000, 1)}.get(name, (20_000_000,))
    probes = {"probe_rows": np.arange(3)} if name == "probe_near" else {}
    np.savez(path, **replaced(name, np.zeros(shape, np.float32)), **probes)
    assert peak_of_refusal(path, "do not belong together") < 2_000_000


def test_what_is_packed_too_tightly_is_not_read(tmp_path: Path) -> None:
    path, n = tmp_path / "a.npz", 5_000_000
    arrays = {"reduced": np.zeros((n, 3), np.float32), "xy": np.zeros((n, 2), np.float32)}
    np.savez_compressed(path, **{**replaced("rows", np.zeros(n, np.int64)), **arrays})
    assert peak_of_refusal(path, "more tightly than a map can be") < 2_000_000
    small = {"format": np.zeros(10_000_000, np.int8)}
    np.savez_compressed(path, **{**replaced("format", np.int64(2)), **small})
    assert peak_of_refusal(path, "its format is no number") < 2_000_000


def peak_of_refusal(path: Path, words: str) -> int:
    """Bytes of memory that it takes to refuse a file."""
    tracemalloc.start()
    with pytest.raises(DataError, match=words):
        Projector.load(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def test_a_missing_array_is_a_data_error(tmp_path: Path) -> None:
    for name in ("format", "scale", "components", "metric"):
        values = replaced("format", np.int64(2))
        del values[name]
        np.savez(tmp_path / "a.npz", **values)
        with pytest.raises(DataError, match=rf"a\.npz lacks the array '{name}'"):
            Projector.load(tmp_path / "a.npz")


def test_a_reduction_fitted_alone_fits_the_projector() -> None:
    reduction, reduced = fit_reduction(activations(50, 6), 4)
    xy = reduced[:, :2]
    made = Projector(reduction, reduced, xy, np.arange(50))
    np.testing.assert_allclose(made.transform(activations(50, 6)).xy, xy, atol=1e-2)
