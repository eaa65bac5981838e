"""Standardise and reduce activations to a few principal components, reading them in chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from diffviews_desktop.data.activations.arrays import Float32
from diffviews_desktop.data.activations.matrix_file import Matrix
from diffviews_desktop.errors import DataError, UsageError
from diffviews_desktop.processing.components import (
    BLOCK_COLUMNS,
    Reduced,
    Reduction,
    share_outside,
)

CHUNK_BYTES = 24 * 2**20
CHUNK_ROWS = 512  # at most: sums within a chunk are float32
EXACT_SIZE = 512
MAX_WIDTH_WITHOUT_PCA = 4096
CONVERGED = 0.03
MAX_PASSES = 12
SPARE = 10
_BLOCK = 16  # widths that are multiples of it are multiplied fastest
_EXHAUSTED = 1e-5
_NOTHING = 1e-30  # what is shorter cannot be brought to length 1 in float32
_GAIN = 1e-7
_CONSTANT = 1e-5
_SHIFT_ROWS = 256
_LARGE_EXPONENT, _LARGEST_EXPONENT = 32, 126  # of columns that are divided by a power of two

Report = Callable[[float], None]


class Fitted(NamedTuple):
    """A ``reduction`` and the rows that it was fitted on, ``reduced``."""

    reduction: Reduction
    reduced: Reduced


def fit_reduction(
    rows: Matrix,
    n_components: int | None = 50,
    *,
    seed: int = 0,
    keep: NDArray[np.int64] | None = None,
    standardize: bool = True,
    progress: Report | None = None,
) -> tuple[Reduction, Float32]:
    """Fit a `Reduction` on a matrix, in memory or in a file, and reduce it: see `fit`.

    Returns:
        The reduction, and the rows reduced ``(N, K) float32``.
    """
    result = fit(
        rows,
        n_components,
        seed=seed,
        keep=keep,
        standardize=standardize,
        progress=progress,
    )
    return result.reduction, result.reduced.rows


def fit(
    rows: Matrix,
    n_components: int | None = 50,
    *,
    seed: int = 0,
    keep: NDArray[np.int64] | None = None,
    standardize: bool = True,
    progress: Report | None = None,
) -> Fitted:
    """Fit a `Reduction` on a matrix, in memory or in a file, and reduce it.

    Block Krylov iteration (Musco and Musco 2015), with blocks of about K / 2: every pass over the
    matrix, in chunks of rows, multiplies by it and by its transpose at once. It goes on until the
    subspace of the components stands still: about six passes for activations, twelve at most.
    Exact where rows or columns are few.

    Nothing of the size of the matrix is ever held: 24 MB for a chunk, and about 4.5 K (N + D)
    float32 values, which is 50 MB for K = 50 and D = 49152.

    Args:
        rows: ``(N, D)``.
        n_components: K; at most min(N, D) are kept. None for standardisation alone.
        seed: of the random start.
        keep: which rows to take, ascending; all by default.
        standardize: whether to divide by the standard deviations. Without it, principal components
            are still taken about the mean.
        progress: called with the fraction done; may raise to stop.

    Raises:
        UsageError: ``n_components`` is None and a row has more than 4096 values.
        DataError: values are too large to be reduced without being standardised.
    """
    source = _Source(rows, keep, progress or (lambda fraction: None))
    n, d = source.n, source.d
    if n_components is None:
        return _without_pca(source, standardize)
    k = min(n_components, n, d)
    iterative = min(n, d) > max(EXACT_SIZE, min(4 * k, 4 * EXACT_SIZE))
    block = _BLOCK * -(-k // (2 * _BLOCK)) if iterative else 0
    moments = _moments(source, np.random.default_rng(seed), block, standardize)
    mean, scale = moments.mean, moments.scale
    if not standardize:
        scale = np.ones_like(scale)
    if iterative:
        components, reduced = _iterate(source, mean, scale, moments.start / scale, k, seed)
    elif d <= n:
        components, reduced = _by_columns(source, mean, scale, k)
    else:
        components, reduced = _by_rows(source, mean, scale, k)
    largest = np.abs(components).argmax(axis=1)
    signs = np.sign(components[np.arange(k), largest]).astype(np.float32)
    signs[signs == 0] = 1
    components *= signs[:, None]
    reduced *= signs
    source.finish()
    outside = share_outside(source.squares, reduced)
    return Fitted(Reduction(mean, source.unscale(scale), components), Reduced(reduced, outside))


class RowFacts(NamedTuple):
    """What one look at all rows tells: which hold nothing but ``finite`` numbers, and the ``sums``
    of their values in float32, which are the same of the same rows; both ``(N,)``."""

    finite: NDArray[np.bool_]
    sums: Float32


def look_at_rows(rows: Matrix) -> RowFacts:
    """Read all rows once, in chunks. Those of float64 must be within what float32 can hold."""
    finite, all_sums = np.ones(len(rows), dtype=bool), np.empty(len(rows), dtype=np.float32)
    for part, block in _pieces(rows, slice(0, len(rows))):
        with np.errstate(over="ignore", invalid="ignore"):
            if block.dtype.itemsize > 4:
                block = block.astype(np.float32)
            # a sum shows what is not finite, faster than looking at every value
            sums = block.sum(axis=1, dtype=np.result_type(block, np.float32))
            all_sums[part] = sums
            doubtful = np.flatnonzero(~np.isfinite(sums))
        if len(doubtful):
            finite[part.start + doubtful] = np.isfinite(block[doubtful]).all(axis=1)
    return RowFacts(finite, all_sums)


def _pieces(rows: Matrix, part: slice) -> Iterator[tuple[slice, NDArray]]:
    """Rows as they are stored, a few at a time where they are read from a file."""
    return iter([(part, rows[part])]) if isinstance(rows, np.ndarray) else rows.pieces(part)


def _parts(n: int, d: int) -> Iterator[slice]:
    size = int(np.clip(CHUNK_BYTES // (4 * max(1, d)), 1, CHUNK_ROWS))
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))


class _Source:
    """Rows of a matrix, read in chunks, with the progress of the passes over it.

    Attributes:
        n, d: how many there are, of how many values.
        factor: powers of two ``(D,)`` that columns are multiplied by so that products and sums of
            them stay within float32; None where there is no need.
        squares: squared lengths of the standardised rows ``(N,)``, NaN until a pass has met them.
    """

    def __init__(self, rows: Matrix, keep: NDArray[np.int64] | None, report: Report) -> None:
        self._rows = rows
        self._keep = keep
        self._report = report
        self._passes = 0
        self.n = len(rows) if keep is None else len(keep)
        self.d = rows.shape[1]
        self.factor: Float32 | None = None
        self.squares = np.full(self.n, np.nan)
        self._buffer: Float32 | None = None

    def less(self, mean: Float32) -> Iterator[tuple[slice, Float32]]:
        """Chunks of rows less ``mean``, times the factor; the next overwrites each."""
        if self._buffer is None:
            size = next(_parts(self.n, self.d)).stop
            self._buffer = np.empty((size, self.d), dtype=np.float32)
        for part in _parts(self.n, self.d):
            out = self._buffer[: part.stop - part.start]
            for at, rows in self._pieces(part):
                place = out[at.start - part.start : at.stop - part.start]
                if self.factor is None:
                    with np.errstate(over="ignore"):  # found by `_moments`
                        np.subtract(rows, mean, out=place, casting="same_kind")
                else:
                    np.multiply(rows, self.factor, out=place, casting="same_kind")
                    place -= mean * self.factor
            yield part, out
            self._tick(part.stop / self.n)
        self._passes += 1

    def columns(self, mean: Float32, scale: Float32) -> Iterator[tuple[slice, NDArray]]:
        """Chunks of standardised columns ``(N, C) float64``."""
        size = max(1, CHUNK_BYTES // (16 * self.n))
        for start in range(0, self.d, size):
            part = slice(start, min(start + size, self.d))
            block = self._rows[:, part] if self._keep is None else self._rows[self._keep, part]
            standard = np.array(block, dtype=np.float64)
            standard -= mean[part]
            if self.factor is not None:
                standard *= self.factor[part]
            standard /= scale[part]
            yield part, standard
            self._tick(part.stop / self.d)
        self._passes += 1

    def _pieces(self, part: slice) -> Iterator[tuple[slice, NDArray]]:
        return _pieces(self._rows, part) if self._keep is None else iter([(part, self.rows(part))])

    def rows(self, part: slice | NDArray[np.int64]) -> NDArray:
        """Some rows as they are stored."""
        return self._rows[part] if self._keep is None else self._rows[self._keep[part]]

    def find_factor(self) -> float:
        """Choose the factor by the largest value of each column; the largest of all."""
        largest = np.zeros(self.d, dtype=np.float32)
        for part in _parts(self.n, self.d):
            self._tick(0.0)  # which may stop
            for _, rows in self._pieces(part):
                for extreme in (rows.max(axis=0), rows.min(axis=0)):
                    np.maximum(largest, np.abs(extreme), out=largest, casting="same_kind")
        exponent = np.minimum(np.frexp(largest)[1], _LARGEST_EXPONENT)
        exponent[exponent < _LARGE_EXPONENT] = 0
        self.factor = np.ldexp(np.float32(1), -exponent)
        return float(largest.max())

    def measure(self, part: slice, standard: NDArray) -> None:
        """Take the squared lengths of standardised rows ``(M, D)``."""
        self.squares[part] = np.einsum("md,md->m", standard, standard)

    def unscale(self, scale: Float32) -> Float32:
        """The scale of the columns as they are stored."""
        return scale if self.factor is None else scale / self.factor

    def finish(self) -> None:
        """Whatever was expected, nothing more is read."""
        self._report(1.0)

    def _tick(self, fraction: float) -> None:
        """Nobody knows how many passes will be needed; six is usual, and it never goes back."""
        count = self._passes + fraction
        self._report(count / 8 if count <= 6 else 1 - 1 / (count - 2))


@dataclass
class _Moments:
    """Of the rows times the factor, but for the mean, which is of the rows as they are."""

    mean: Float32
    scale: Float32
    start: Float32


def _moments(
    source: _Source, random: np.random.Generator, block: int, standardize: bool
) -> _Moments:
    """Mean, standard deviation, and random combinations of the rows less the mean
    ``(block, D)``, in one pass; in three where the squares of the values are beyond float32.

    Raises:
        DataError: they are, and the rows are not to be standardised.
    """
    weights = random.standard_normal((source.n, block), dtype=np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        moments = _sums(source, weights)
    if moments is not None:
        return moments
    largest = source.find_factor()
    if not standardize:
        raise DataError(
            f"The activations reach {largest:.1e}, whose squares are too large for 32-bit floats. "
            "Have them standardised, or divide them by a number."
        )
    moments = _sums(source, weights)
    assert moments is not None
    return moments


def _sums(source: _Source, weights: Float32) -> _Moments | None:
    """`_moments` with the random numbers ``weights (N, block)``; None where they are not finite.

    Sums are taken about the mean of a few rows: that loses no digits, and a constant column gives
    exactly 0.
    """
    n, d = source.n, source.d
    few = min(n, int(np.clip(CHUNK_BYTES // (8 * d), 16, _SHIFT_ROWS)))
    some = np.unique(np.linspace(0, n - 1, few).astype(np.int64))
    shift: Float32 = np.asarray(source.rows(some).mean(axis=0, dtype=np.float64), np.float32)
    total, squares = np.zeros(d), np.zeros(d)
    start = np.zeros((weights.shape[1], d), dtype=np.float32)
    for part, rows in source.less(shift):
        ones = np.ones(len(rows), dtype=np.float32)
        total += ones @ rows
        if weights.shape[1]:
            start += weights[part].T @ rows
        np.multiply(rows, rows, out=rows)
        squares += ones @ rows
    if not np.isfinite(squares).all():
        return None
    offset, squares = total / n, squares / n
    variance = squares - offset**2
    scale = np.sqrt(np.maximum(variance, 0))
    scale[(scale < 1e-12) | (variance < _CONSTANT * squares)] = 1.0
    start -= weights.sum(axis=0)[:, None] * offset.astype(np.float32)
    mean = shift + (offset if source.factor is None else offset / source.factor)
    return _Moments(mean.astype(np.float32), scale.astype(np.float32), start)


def _without_pca(source: _Source, standardize: bool) -> Fitted:
    n, d = source.n, source.d
    if d > MAX_WIDTH_WITHOUT_PCA:
        raise UsageError(
            f"A row has {d} values. Without PCA at most {MAX_WIDTH_WITHOUT_PCA} can be mapped, for "
            "want of memory: set pca_components (DIFFVIEWS_PCA_COMPONENTS) to a number such as 50."
        )
    mean, scale = np.zeros(d, np.float32), np.ones(d, np.float32)
    if standardize:
        moments = _moments(source, np.random.default_rng(0), 0, standardize)
        mean, scale = moments.mean, moments.scale
    reduced = np.empty((n, d), dtype=np.float32)
    for part, rows in source.less(mean):
        np.divide(rows, scale, out=reduced[part])
    source.finish()
    nothing = np.zeros(n, np.float32)
    return Fitted(Reduction(mean, source.unscale(scale), None), Reduced(reduced, nothing))


def _by_columns(source: _Source, mean: Float32, scale: Float32, k: int) -> tuple[Float32, Float32]:
    """Principal components from the covariance ``(D, D)``, in float64; for few columns."""
    covariance = np.zeros((source.d, source.d))
    for _, rows in source.less(mean):
        standard = rows / scale.astype(np.float64)
        covariance += standard.T @ standard
    axes = np.linalg.eigh(covariance)[1][:, : -k - 1 : -1]
    reduced = np.empty((source.n, k), dtype=np.float32)
    for part, rows in source.less(mean):
        standard = rows / scale.astype(np.float64)
        reduced[part] = standard @ axes
        source.measure(part, standard)
    return np.ascontiguousarray(axes.T, dtype=np.float32), reduced


def _by_rows(source: _Source, mean: Float32, scale: Float32, k: int) -> tuple[Float32, Float32]:
    """Principal components from the products of rows ``(N, N)``, in float64; for few rows."""
    products = np.zeros((source.n, source.n))
    for _, columns in source.columns(mean, scale):
        products += columns @ columns.T
    source.squares[:] = np.diag(products)
    vectors = np.linalg.eigh(products)[1][:, : -k - 1 : -1]
    long_axes = np.empty((source.d, k))
    for part, columns in source.columns(mean, scale):
        long_axes[part] = columns.T @ vectors
    # directions without variance come out orthonormal, too
    axes, lengths = np.linalg.qr(long_axes)
    components = np.ascontiguousarray(axes.T, dtype=np.float32)
    return components, (vectors * np.diag(lengths)).astype(np.float32)


def _iterate(
    source: _Source, mean: Float32, scale: Float32, start: Float32, k: int, seed: int
) -> tuple[Float32, Float32]:
    """Principal components by block Krylov iteration from ``start (B, D)``, in float32.

    The basis grows by a block a pass; where it reaches 4 K vectors, only the K + 10 best directions
    found so far are kept (a thick restart).
    """
    n, d, block = source.n, source.d, len(start)
    most = min(max(4 * k, k + SPARE + 2 * block), n, d)
    random = np.random.default_rng([seed, 1])
    basis = np.empty((most, d), dtype=np.float32)  # orthonormal
    images = np.empty((n, most), dtype=np.float32)  # of the basis
    products = np.zeros((most, most))  # images.T @ images
    old_best: NDArray | None = None
    variance = 0.0  # variance in the components so far, times N
    basis[:block] = _orthonormal(start, basis[:0], random)
    width = 0
    for last in range(1, MAX_PASSES + 1):
        new = slice(width, width + block)
        width += block
        following = _multiply(source, mean, scale, basis[new], images, products, new)
        size, axes = np.linalg.eigh(products[:width, :width])
        size, axes = size[::-1], axes[:, ::-1]
        best = axes[:, :k]
        gain, variance = size[:k].sum() - variance, size[:k].sum()
        stable = old_best is not None and _angle_between(old_best, best) < CONVERGED
        if width >= k and (stable or gain <= _GAIN * variance or last == MAX_PASSES):
            break
        old_best = best if width >= k else None
        if width + block > most:
            count = k + SPARE
            turn = axes[:, :count].astype(np.float32)
            basis[:count] = turn.T @ basis[:width]
            for part in _parts(n, most):
                images[part, :count] = images[part, :width] @ turn
            products[:] = 0
            products[np.arange(count), np.arange(count)] = size[:count]
            width, old_best = count, np.eye(count, k)
        basis[width : width + block] = _orthonormal(following, basis[:width], random)
    components = best.T.astype(np.float32) @ basis[:width]
    reduced = images[:, :width] @ best.astype(np.float32)
    return components, reduced


def _multiply(
    source: _Source,
    mean: Float32,
    scale: Float32,
    vectors: Float32,
    images: Float32,
    products: NDArray,
    new: slice,
) -> Float32:
    """With Z the standardised matrix: writes the columns ``new`` of ``images``, Z v of every
    vector, and of ``products``, and returns Z.T Z v, ``(B, D)``."""
    quotients = vectors / scale
    out, part_of_it = np.zeros_like(vectors), np.empty_like(vectors)
    old = slice(0, new.stop)
    columns = np.zeros((new.stop, len(vectors)))
    for part, rows in source.less(mean):
        images[part, new] = rows @ quotients.T
        np.matmul(images[part, new].T, rows, out=part_of_it)
        out += part_of_it
        columns += images[part, old].T.astype(np.float64) @ images[part, new].astype(np.float64)
        if not new.start:  # in the first pass; the next chunk overwrites the rows
            rows /= scale
            source.measure(part, rows)
    products[old, new] = columns
    products[new, old] = columns.T
    out /= scale
    return out


def _orthonormal(vectors: Float32, basis: Float32, random: np.random.Generator) -> Float32:
    """Orthonormal rows that, with those of ``basis``, span what both span.

    Directions that are in ``basis`` already, but for rounding, are replaced by random ones.
    """
    rows = np.empty((0, vectors.shape[1]), dtype=np.float32)
    missing = len(vectors)
    length = _products(vectors).trace()
    while missing:
        for _ in range(2):  # rounding leaves something the first time
            vectors -= (vectors @ basis.T) @ basis
            vectors -= (vectors @ rows.T) @ rows
            size, axes = np.linalg.eigh(_products(vectors))
            new = size > max(_EXHAUSTED**2 * length, _NOTHING**2)
            vectors = (axes[:, new] / np.sqrt(size[new])).T.astype(np.float32) @ vectors
            length = 1.0
        rows = np.vstack([rows, vectors])
        missing -= len(vectors)
        vectors = random.standard_normal((missing, basis.shape[1])).astype(np.float32)
        length = float(basis.shape[1])
    return rows


def _products(vectors: Float32) -> NDArray[np.float64]:
    """``vectors @ vectors.T``, in float64."""
    total = np.zeros((len(vectors), len(vectors)))
    for start in range(0, vectors.shape[1], BLOCK_COLUMNS):
        part = vectors[:, start : start + BLOCK_COLUMNS].astype(np.float64)
        total += part @ part.T
    return total


def _angle_between(old: NDArray, new: NDArray) -> float:
    """How far a subspace turned: 1 less the mean squared cosine of the principal angles."""
    cosines = np.linalg.svd(old.T @ new[: len(old)], compute_uv=False)
    return 1 - float((cosines**2).mean())
