"""Which known person a face belongs to: numpy in, numpy out.

weights      variance_weights   how much each number of an encoding counts, from the library itself
averages     fixed, mean        exact sums, so that faces can come and go in any order
distances    distances          weighted Euclidean, from blocked matrix products
decision     match              nearest average, threshold, margin over the runner-up, one photo one face

Figures behind the constants: docs/matching.md; benchmarks/quality.py measures them again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    Array = NDArray[np.float32]
    Integers = NDArray[np.int64]
    Flags = NDArray[np.bool_]
    Pairs = tuple[Integers, Integers]  # rows and columns

MATCH_THRESHOLD = 0.40  # a face joins an average nearer than this
MARGIN = 0.06  # … if the runner-up of another person is at least this much farther
MIN_ENCODINGS = 1000  # fewer say too little about variances: every number then counts alike

UNITS = 2.0**32  # a sum of encodings is kept in units of 1 / UNITS
LARGEST = 2.0**10  # no number of an encoding may reach this, so 2 million faces fit an int64 sum
ROUNDING = 1e-9  # a variance smaller than this part of the mean square is none
BLOCK = 2**23  # distances computed at once, 32 MB as float32

NEAREST, RUNNER_UP, RIVAL = range(3)  # rows of _Seen; the rival is whom the margin is measured against


# weights


def variance_weights(blocks: Iterable[Array], dimensions: int) -> Array:
    """Weights (D,) float32 of mean 1, proportional to the standard deviations seen in blocks (B, D).

    The order of blocks and rows matters only to rounding (below 1e-6). Fewer than MIN_ENCODINGS
    encodings, or none that differ, give ones.
    """
    count, total, squares = 0, np.zeros(dimensions), np.zeros(dimensions)
    for block in blocks:
        wide = block.astype(np.float64)
        count += len(wide)
        total += wide.sum(0)
        squares += (wide * wide).sum(0)
    if count < MIN_ENCODINGS:
        return np.ones(dimensions, np.float32)
    variance = squares / count - (total / count) ** 2
    deviation = np.sqrt(np.where(variance > ROUNDING * squares / count, variance, 0))
    if not deviation.any():
        return np.ones(dimensions, np.float32)
    weights: Array = (deviation / deviation.mean()).astype(np.float32)
    return weights


# averages


def fixed(encodings: Array) -> Integers:
    """Encodings (N, D) as int64 multiples of 2**-32: their sums are exact in any order.

    An int64 sum holds while the absolute values added stay below 2**31: two thousand million faces
    of a network whose numbers stay within ±1, and two million of any this function accepts.
    """
    if not (np.abs(encodings) < LARGEST).all():  # also refuses NaN
        raise ValueError(f"an encoding must be finite and its numbers below {LARGEST:g}")
    return np.rint(encodings.astype(np.float64) * UNITS).astype(np.int64)


def mean(total: Integers, count: int | Integers) -> Array:
    """Averages (D,) or (C, D) float32 from sums of `fixed` encodings and how many were added (1 or more)."""
    averages: Array = (total / UNITS / np.asarray(count)[..., None]).astype(np.float32)
    return averages


# distances


@dataclass(frozen=True, slots=True)
class _Gallery:
    """Averages ready for matrix products: scaled by the weights, moved so that rounding errors are small."""

    origin: Array  # (D,)
    scale: Array  # (D,)
    averages: Array  # (C, D)
    squares: Array  # (C,)

    @staticmethod
    def of(averages: Array, weights: Array) -> _Gallery:
        origin = averages.mean(0, dtype=np.float64).astype(np.float32) if len(averages) else averages.sum(0)
        scale = np.sqrt(weights).astype(np.float32)
        scaled = (averages - origin) * scale
        return _Gallery(origin, scale, scaled, (scaled * scaled).sum(1))

    def squared(self, faces: Array) -> Array:
        """Squared distances (N, C) by |x|² - 2xm + |m|²."""
        scaled = (faces - self.origin) * self.scale
        result: Array = scaled @ (-2 * self.averages.T)
        result += self.squares
        result += (scaled * scaled).sum(1)[:, None]
        return np.maximum(result, 0, out=result)


def distances(faces: Array, averages: Array, weights: Array) -> Array:
    """Weighted Euclidean distances (N, C) float32 of faces (N, D) to averages (C, D)."""
    gallery = _Gallery.of(averages, weights)
    result = np.empty((len(faces), len(averages)), np.float32)
    for block in _blocks(len(faces), len(averages)):
        np.sqrt(gallery.squared(faces[block]), out=result[block])
    return result


def _blocks(rows: int, columns: int) -> Iterator[slice]:
    step = max(1, BLOCK // max(1, columns))
    return (slice(start, start + step) for start in range(0, rows, step))


# decision


@dataclass(frozen=True, slots=True)
class Matches:
    """What became of N faces; clusters are columns of the averages, -1 is none, its distance infinite."""

    cluster: Integers  # the one joined
    nearest: Integers  # the nearest allowed one, joined or not
    distance: Array  # to the nearest
    runner_up: Integers  # the nearest allowed one of another person
    runner_up_distance: Array


@dataclass(frozen=True, slots=True)
class _People:
    """Who owns which columns: persons count from 0, and person p owns columns[starts[p]:starts[p + 1]]."""

    persons: Integers  # (C,)
    named: Flags  # (C,)
    columns: Integers  # (C,)
    starts: Integers  # (P + 1,)

    @staticmethod
    def of(persons: Integers, named: Flags) -> _People:
        _, numbers = np.unique(persons, return_inverse=True)
        numbers = numbers.astype(np.int64).reshape(-1)
        starts = np.concatenate([[0], np.bincount(numbers).cumsum()]).astype(np.int64)
        return _People(numbers, named, np.argsort(numbers, kind="stable"), starts)

    def owned(self, rows: Integers, people: Integers) -> Pairs:
        """Each row paired with every column of its person."""
        sizes = self.starts[people + 1] - self.starts[people]
        ends = sizes.cumsum()
        places = np.arange(sizes.sum()) + np.repeat(self.starts[people] - ends + sizes, sizes)
        return np.repeat(rows, sizes), self.columns[places]


@dataclass(frozen=True, slots=True)
class _Seen:
    """For each face the nearest column, the runner-up of another person, and the rival."""

    columns: Integers  # (3, N), -1 is none
    distances: Array  # (3, N)

    def joins(self, rows: Integers, threshold: float, margin: float) -> Flags:
        """Whether each of the rows is near enough to its nearest and clearly farther from its rival."""
        nearest, rival = self.distances[NEAREST, rows], self.distances[RIVAL, rows]
        joins: Flags = (nearest < np.float32(threshold)) & (rival >= nearest + np.float32(margin))
        return joins


def match(
    faces: Array,
    photos: Integers,
    averages: Array,
    persons: Integers,
    named: Flags,
    weights: Array,
    threshold: float = MATCH_THRESHOLD,
    margin: float = MARGIN,
    forbidden: Integers | None = None,
) -> Matches:
    """Let each face (N, D) of photos (N,) join the nearest average (C, D) it may join, or none.

    persons (C,) tells which averages are one person's; an unnamed cluster bears a number of its own.
    forbidden (K, 2) lists pairs (face row, column) never to be joined: what a human rejected, and what
    another face of the photo already occupies.

    A face joins its nearest column if that is nearer than threshold and its rival at least margin
    farther. The rival of a named cluster is the nearest other person, of an unnamed one the nearest
    named person. Of two faces of one photo that want one person the nearer wins; the other goes on
    with every cluster of that person forbidden. Equal distances: lower column, then lower row.
    The order of the rows makes no difference.
    """
    order = _canonical(faces, photos)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    pairs = np.zeros((0, 2), np.int64) if forbidden is None else forbidden
    never = place[pairs[:, 0]], pairs[:, 1]
    people = _People.of(persons, named)
    gallery = _Gallery.of(averages, weights)
    seen, cluster = _settle(gallery, people, faces[order], photos[order], never, threshold, margin)
    columns, reach = seen.columns[:, place], seen.distances[:, place]
    return Matches(cluster[place], columns[NEAREST], reach[NEAREST], columns[RUNNER_UP], reach[RUNNER_UP])


def _canonical(faces: Array, photos: Integers) -> Integers:
    """Row numbers sorted by content, so that neither ties nor rounding depend on the order given."""
    rows = np.ascontiguousarray(faces, np.float32)
    key = rows.view(np.dtype((np.void, rows.shape[1] * rows.itemsize))).reshape(len(rows))
    by_face = np.argsort(key, kind="stable")
    return by_face[np.argsort(photos[by_face], kind="stable")]


def _settle(
    gallery: _Gallery,
    people: _People,
    faces: Array,
    photos: Integers,
    never: Pairs,
    threshold: float,
    margin: float,
) -> tuple[_Seen, Integers]:
    """In each round the nearest joining face of every photo joins; the rest may not have that person."""
    seen = _look(gallery, people, faces, np.arange(len(faces)), never)
    cluster = np.full(len(faces), -1, np.int64)
    waiting = np.arange(len(faces))
    while True:
        winners = _first_of_each_photo(seen, waiting[seen.joins(waiting, threshold, margin)], photos)
        if not len(winners):
            return seen, cluster
        cluster[winners] = seen.columns[NEAREST, winners]
        waiting, taken = _left_behind(waiting, winners, photos, people.persons[cluster[winners]])
        rows, columns = people.owned(waiting, taken)
        never = np.concatenate([never[0], rows]), np.concatenate([never[1], columns])
        touched = waiting[_sees(seen, people, waiting, taken)]
        again = _look(gallery, people, faces, touched, never)
        seen.columns[:, touched], seen.distances[:, touched] = again.columns, again.distances


def _first_of_each_photo(seen: _Seen, rows: Integers, photos: Integers) -> Integers:
    """Of rows, the one nearest to its column in each photo, sorted by photo."""
    near, columns = seen.distances[NEAREST, rows], seen.columns[NEAREST, rows]
    ranked = rows[np.lexsort((rows, columns, near, photos[rows]))]
    _, first = np.unique(photos[ranked], return_index=True)
    return ranked[first]


def _left_behind(waiting: Integers, winners: Integers, photos: Integers, people: Integers) -> Pairs:
    """Who still waits in a photo with a winner, and which person the winner took."""
    rows = np.setdiff1d(waiting, winners)
    place = np.minimum(np.searchsorted(photos[winners], photos[rows]), len(winners) - 1)
    with_winner = photos[winners][place] == photos[rows]
    return rows[with_winner], people[place[with_winner]]


def _sees(seen: _Seen, people: _People, rows: Integers, taken: Integers) -> Flags:
    """Whether the taken person is among those that each row was decided by."""
    columns = seen.columns[:, rows]
    sees: Flags = ((people.persons[columns] == taken) & (columns >= 0)).any(0)
    return sees


def _look(gallery: _Gallery, people: _People, faces: Array, rows: Integers, never: Pairs) -> _Seen:
    """See who is near each of the rows, leaving out pairs that must never be."""
    columns, reach = np.full((3, len(rows)), -1, np.int64), np.full((3, len(rows)), np.inf, np.float32)
    if not len(gallery.averages):
        return _Seen(columns, reach)
    local = np.full(len(faces), -1, np.int64)
    local[rows] = np.arange(len(rows))
    mine = np.flatnonzero(local[never[0]] >= 0)
    mine = mine[np.argsort(local[never[0][mine]], kind="stable")]
    row, column = local[never[0][mine]], never[1][mine]
    for block in _blocks(len(rows), len(gallery.averages)):
        some = slice(*np.searchsorted(row, [block.start, block.stop]))
        squared = gallery.squared(faces[rows[block]])
        squared[row[some] - block.start, column[some]] = np.inf
        columns[:, block], reach[:, block] = _three(squared, people)
    return _Seen(columns, reach)


def _three(squared: Array, people: _People) -> tuple[Integers, Array]:
    """Columns and distances (3, B) of nearest, runner-up and rival; spoils squared."""
    rows = np.arange(len(squared))
    columns = np.empty((3, len(squared)), np.int64)
    reach = np.empty((3, len(squared)), np.float32)
    columns[NEAREST] = squared.argmin(1)
    reach[NEAREST] = squared[rows, columns[NEAREST]]
    squared[people.owned(rows, people.persons[columns[NEAREST]])] = np.inf
    columns[RUNNER_UP] = columns[RIVAL] = squared.argmin(1)
    reach[RUNNER_UP] = reach[RIVAL] = squared[rows, columns[RUNNER_UP]]
    unnamed = np.flatnonzero(~people.named[columns[NEAREST]])
    columns[RIVAL, unnamed], reach[RIVAL, unnamed] = _nearest_named(squared, unnamed, people.named)
    columns[np.isinf(reach)] = -1
    return columns, np.sqrt(reach)


def _nearest_named(squared: Array, rows: Integers, named: Flags) -> tuple[Integers, Array]:
    columns = np.flatnonzero(named)
    if not len(columns):
        return np.full(len(rows), -1), np.full(len(rows), np.inf, np.float32)
    few = squared[np.ix_(rows, columns)]
    best = few.argmin(1)
    return columns[best], few[np.arange(len(rows)), best]
